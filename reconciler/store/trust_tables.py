"""The tables of what makes a change accountable: history, drift, conditions, pins, leases, the audit log."""

from typing import Final

from sqlalchemy import Index, Table

from reconciler.store.columns import COUNTED, METADATA, blob, key, string, where, whole

object_history: Final = Table(
    "object_history",
    METADATA,
    key("seq", COUNTED),
    string("uid"),
    string("kind"),
    string("name"),
    string("change"),
    string("actor"),
    whole("changed_at"),
    whole("generation"),
    string("revision"),
    blob("before", null=True),
    blob("after", null=True),
    Index("object_history_uid", "uid", "seq"),
)

drifts: Final = Table(
    "drifts",
    METADATA,
    key("id"),
    string("uid"),
    string("kind"),
    string("policy"),
    blob("fields"),
    string("actor"),
    whole("first_seen_at"),
    whole("last_seen_at"),
    whole("sightings"),
    whole("resolved_at", null=True),
    string("resolution", null=True),
    Index("drifts_open", "uid", "kind", **where("resolved_at IS NULL")),
    Index("drifts_resolved", "resolved_at", "id"),
)
"""The drift ledger: config, schema, credential, data; open until ``resolved_at``."""

conditions: Final = Table(
    "conditions",
    METADATA,
    key("subject"),
    key("condition"),
    string("truth"),
    string("reason"),
    string("message"),
    whole("since_at"),
    whole("generation"),
)
"""Conditions of objects (by uid) and of the source of specs (``Source``), where something is to be said."""

pins: Final = Table(
    "pins",
    METADATA,
    key("environment"),
    string("revision"),
    string("reason"),
    string("pinned_by"),
    whole("pinned_at"),
    whole("until_at", null=True),
)
"""The revision at which the source of specs stays, by environment; "" where none is chosen."""

leases: Final = Table(
    "leases",
    METADATA,
    key("name"),
    string("holder", null=True),
    whole("epoch"),
    whole("expires_at"),
    whole("acquired_at", null=True),
)

audit: Final = Table(
    "audit",
    METADATA,
    key("seq", COUNTED),
    whole("done_at"),
    string("actor"),
    string("deed"),
    string("subject"),
    string("request_id", null=True),
    blob("data"),
    blob("chain", null=True),
    Index("audit_subject", "subject", "seq"),
)
"""Who did what through API and dashboard; ``chain`` is the digest over the row and the one before."""

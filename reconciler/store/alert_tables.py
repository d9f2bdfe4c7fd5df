"""The tables of alerts: what is open, who was told what of it, and how receivers are."""

from typing import Final

from sqlalchemy import Column, Index, Integer, Table

from reconciler.store.columns import METADATA, blob, key, string, where, whole

alerts: Final = Table(
    "alerts",
    METADATA,
    key("id"),
    string("type"),
    string("subject"),
    string("part"),
    string("reason"),
    string("event_id"),
    whole("opened_at"),
    whole("changed_at"),
    whole("lasting"),
    whole("count"),
    whole("closed_at", null=True),
    string("closed_by", null=True),
    blob("facts"),
    blob("labels"),
    whole("acked_at", null=True),
    string("acked_by", null=True),
    string("note", null=True),
    whole("settled"),
    Index("alerts_unsettled", "subject", **where("settled = 0")),
    Index("alerts_newest", "opened_at", "id"),
    Index("alerts_settled", "changed_at", "id", **where("settled = 1")),
)
"""What is wrong, and notices. Of a settled one nobody is to be told anything any more."""

tellings: Final = Table(
    "tellings",
    METADATA,
    key("route"),
    key("alert"),
    string("told_group"),
    whole("told_at"),
    string("said"),
    whole("resolved_at", null=True),
    whole("escalated_at", null=True),
    string("escalated_to", null=True),
    Index("tellings_alert", "alert"),
)
"""What each route (its uid) was told of each alert."""

alert_groups: Final = Table(
    "alert_groups",
    METADATA,
    key("route"),
    key("key"),
    blob("labels"),
    whole("number"),
    whole("flushed_at", null=True),
    string("delivery"),
)
"""Groups that were told of; ``number`` counts what was told, ``delivery`` is the last of it."""

alert_mark: Final = Table(
    "alert_mark",
    METADATA,
    Column("one", Integer(), primary_key=True, autoincrement=False),
    whole("mark"),
)
"""One row: how often alerts, tellings, groups or silences have changed."""

endpoints: Final = Table(
    "endpoints",
    METADATA,
    key("route"),
    whole("failures"),
    whole("failing_since_at", null=True),
    whole("failed_at", null=True),
    whole("disabled_at", null=True),
    string("reason"),
    string("basis"),
)
"""Receivers that do not answer, or are disabled; one that is well has no row."""

"""The public shapes of the API, apart from the model: what is read from requests, and what is answered."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from reconciler.web.v1.moments import parse_moment


class Asked(BaseModel):
    """What a client sends: unknown names are errors."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )


class Told(BaseModel):
    """What the API answers."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


Moment = Annotated[
    datetime,
    BeforeValidator(lambda value: parse_moment(value) if isinstance(value, str) else value),
]
Names = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
CursorText = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
Limit = Annotated[int, Field(ge=1, le=500)]
Place = Annotated[str, StringConstraints(min_length=1, max_length=63)]


class PageQuery(Asked):
    """How a list is read, page by page."""

    limit: Limit = 100
    """How many to answer with at most."""
    cursor: CursorText | None = None
    """`next_cursor` of the page before; the other parameters must be as they were."""


class OneQuery(Asked):
    """How one record is answered."""

    include: Literal["raw"] | None = None
    """`raw` adds the record as the source gave it."""
    fields: Names | None = None
    """The fields to answer with, separated by commas; `id` always is. Default: all."""


class ExplainedQuery(OneQuery):
    """How one record is answered, and whether it is explained."""

    explain: bool = False
    """`true` adds `_explain`: for each field the value in the source, each step with the value after it, whose
    rule it is, and since when."""


class RecordsQuery(PageQuery, OneQuery):
    """Which records of an entity are read, and how."""

    modified_after: Moment | None = None
    """Only records whose `updated_at` is later than this. RFC 3339, or a date (its start in UTC)."""
    created_after: Moment | None = None
    """Only records whose `created_at` is later than this. RFC 3339, or a date (its start in UTC)."""
    connection: Place | None = None
    """Only records of the connection of this name."""
    deleted: Literal["include"] | None = None
    """`include` answers with deleted records too; their `deleted_at` is set."""
    failed: Literal["only"] | None = None
    """`only` answers with records that could not be mapped: `_meta.error` says why. After a change of mapping
    one that fails newly is among them once the stored records are mapped anew."""


class RawQuery(PageQuery):
    """Which raw records are read."""

    modified_after: Moment | None = None
    """Only records whose `updated_at` is later than this. RFC 3339, or a date (its start in UTC)."""
    deleted: Literal["include"] | None = None
    """`include` answers with deleted records too; their `deleted_at` is set."""
    failed: Literal["only"] | None = None
    """`only` answers with records that could not be mapped when they were mapped last."""


class RawRecord(Told):
    """One record as the source gave it."""

    id: str
    """What the unified record has as `id`."""
    source_id: str
    """Its key in the source; the parts of a composite key are joined with `|`."""
    created_at: datetime
    updated_at: datetime
    """When it last changed here, mapped or raw."""
    deleted_at: datetime | None
    sync_run_id: str
    """The run that wrote it last."""
    error: str | None
    """Why it could not be mapped when it was mapped last."""
    raw: dict[str, Any]


class RawRecords(Told):
    """A page of raw records."""

    data: list[RawRecord]
    next_cursor: str | None
    """Send it as `cursor` for the next page; null on the last."""
    warnings: list[dict[str, str]]
    """Why these records may be stale: the connection is not well."""


EntityName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z-]*$", max_length=63)]


class SyncAsked(Asked):
    """A sync to start now."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [{"entities": ["purchase-orders"], "mode": "incremental"}, {}]
        },
    )

    entities: Annotated[list[EntityName], Field(max_length=100)] = []
    """Which entities; none: all of the connection's."""
    mode: Literal["incremental", "full"] = "incremental"
    """`incremental` reads what changed since the last success, `full` all of the history window."""


StatusWord = Literal["pending", "online", "degraded", "offline", "needs_reauth", "paused"]


class ConnectionTold(Told):
    """One connection, and how it is."""

    name: str
    """What records carry as `connection_id`."""
    connector: str
    """The type of system."""
    labels: dict[str, str]
    entities: list[str]
    """What is synced."""
    status: StatusWord
    since: datetime | None
    """Since when it is in this status."""
    reason: str | None
    """Why, as a stable word: one of docs/conditions.md."""
    message: str | None
    """Why, as a sentence."""
    last_good_at: datetime | None
    """When its system answered and took the credentials last, to within an hour while it is well."""
    credentials_expire_at: datetime | None
    """When what it logs in with stops to be good, where that is known."""
    records: dict[str, int]
    """How many records there are that are not deleted, by entity."""
    failed: dict[str, int]
    """How many of them could not be mapped, by entity, where there are any."""


class Connections(Told):
    """A page of connections."""

    data: list[ConnectionTold]
    next_cursor: str | None


class StatusChanged(Told):
    """One change of a connection's status."""

    at: datetime
    before: StatusWord
    after: StatusWord
    reason: str
    message: str | None


class ChecksTold(Told):
    """How often a connection's system was asked in an hour, and how often in vain."""

    hour: datetime
    """When the hour began."""
    asked: int
    failed: int


class ConnectionHealth(Told):
    """How a connection is and was."""

    connection: str
    status: StatusWord
    since: datetime | None
    reason: str | None
    message: str | None
    last_good_at: datetime | None
    last_checked_at: datetime | None
    """When it was asked last, to within a minute."""
    error_rate: float | None
    """The share of looks and syncs of the last 24 hours that its system did not answer well, 0 to 1."""
    credentials_expire_at: datetime | None
    checks: list[ChecksTold]
    """The last 24 hours, hour by hour, those without a look left out."""
    history: list[StatusChanged]
    """The last changes of status, the newest first, 100 at most."""


RunState = Literal["queued", "running", "succeeded", "failed", "cancelled"]
Mode = Literal["incremental", "full", "remap"]


class RunTold(Told):
    """One run: the sync of one entity. The counts are records; `invalid` could not be mapped."""

    id: str
    connection: str
    entity: str
    mode: Mode
    trigger: Literal["schedule", "spec", "person", "remote"]
    status: RunState
    started_at: datetime
    finished_at: datetime | None
    pages: int
    read: int
    created: int
    updated: int
    unchanged: int
    deleted: int
    invalid: int
    error: str | None


class EntityStatus(Told):
    """How the sync of one entity of a connection stands."""

    entity: str
    state: Literal["never", "in_progress", "completed", "failed"]
    """How the newest run stands; `never` before the first."""
    error: str | None
    """Why the newest run failed."""
    last_run_id: str | None
    last_success_at: datetime | None
    """When it was last read to the end; what has changed here since is had by `modified_after`."""
    cursor_age_seconds: int | None
    """How long ago that was: how stale the records may be."""
    next_run_at: datetime | None
    """When the next run is due, where a schedule says so."""
    records: int
    """How many records there are that are not deleted."""
    last_run: RunTold | None


class SyncStatus(Told):
    """How the syncs of a connection stand."""

    connection: str
    status: StatusWord
    reason: str | None
    message: str | None
    entities: list[EntityStatus]


class SyncTold(Told):
    """A sync that was asked for, and the ids of the runs it has made so far, one an entity."""

    id: str
    connection: str
    mode: Mode
    status: RunState
    runs: list[str]
    error: str | None


class TokenTold(Told):
    """What the presented token may do."""

    token: str
    """Its id; the text of a token is never shown again."""
    name: str
    scopes: list[str]
    role: str | None
    """The named set of scopes that it has."""
    connection: str | None
    """The one connection it is over."""
    selector: dict[str, str] | None
    """The labels of the connections it is over. Null, as `connection`: all."""
    networks: list[str]
    """The networks it is heard from; none: any."""
    description: str
    api_version: str
    created_at: datetime
    expires_at: datetime | None


class VersionTold(Told):
    """One dated version of the API."""

    version: str
    current: bool
    deprecated_on: str | None
    sunset_on: str | None
    guide: str | None


class Versions(Told):
    """The versions that are served, the newest first."""

    data: list[VersionTold]


class Readiness(Told):
    """Whether all parts are ready to serve; `checks` by name: `ok`, or what is wrong."""

    ready: bool
    checks: dict[str, str]


class Finding(Told):
    """Where a request is wrong."""

    where: str
    message: str


class Problem(Told):
    """An error, as RFC 9457 has it. Decide by `code`; the texts are for people."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True, extra="allow")

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    hint: str
    errors: list[Finding] | None = None


def told(shape: Told) -> dict[str, Any]:
    """Return *shape* as JSON values, times in UTC with ``Z``."""
    return shape.model_dump(mode="json")

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


class ConnectionTold(Told):
    """One connection, and how it is."""

    id: str
    """Its name: what records carry as `connection_id`."""
    connector: str
    """The type of system."""
    labels: dict[str, str]
    entities: list[str]
    """What is synced."""
    status: Literal["pending", "online", "degraded", "offline", "needs_reauth", "paused"]
    status_since: datetime | None
    status_reason: str | None
    records: dict[str, int]
    """How many records there are that are not deleted, by entity."""


class Connections(Told):
    """A page of connections."""

    data: list[ConnectionTold]
    next_cursor: str | None


class Counts(Told):
    """What a run did, in records; `invalid` are kept raw and could not be mapped."""

    read: int
    created: int
    updated: int
    unchanged: int
    deleted: int
    invalid: int


RunState = Literal["queued", "running", "succeeded", "failed", "cancelled"]


class RunTold(Told):
    """One run: the sync of one entity."""

    id: str
    entity: str
    mode: Literal["incremental", "full", "remap"]
    trigger: Literal["schedule", "spec", "person", "remote"]
    status: RunState
    started_at: datetime
    finished_at: datetime | None
    pages: int
    counts: Counts
    error: str | None


class EntityStatus(Told):
    """How the sync of one entity of a connection stands."""

    entity: str
    state: Literal["never", "queued", "running", "succeeded", "failed", "cancelled"]
    """How the newest run stands; `never` before the first."""
    last_success_at: datetime | None
    """When the last run that succeeded ended."""
    last_success_started_at: datetime | None
    """When the last run that succeeded started: safe as the next `modified_after`."""
    next_run_at: datetime | None
    """When the next run is due, where a schedule says so and the server knows."""
    cursor_advanced_at: datetime | None
    cursor_age_seconds: int | None
    """How long ago the cursor moved: how stale the records may be."""
    records: int
    """How many records there are that are not deleted."""
    last_run: RunTold | None


class SyncStatus(Told):
    """How the syncs of a connection stand."""

    connection_id: str
    status: str
    status_reason: str | None
    entities: list[EntityStatus]


class SyncTold(Told):
    """A sync that was asked for, and the runs it has made so far, one an entity."""

    id: str
    connection_id: str
    mode: Literal["incremental", "full", "remap"]
    status: RunState
    requested_at: datetime
    error: str | None
    runs: list[RunTold]


class TokenTold(Told):
    """What the presented token may do."""

    token_id: str
    name: str
    scopes: list[str]
    connection_id: str | None
    """The one connection it sees; null: all."""
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


class Health(Told):
    """Whether the process runs, or is ready; `checks` by name: `ok`, or what is wrong."""

    status: Literal["ok", "failing"]
    checks: dict[str, str] = {}


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

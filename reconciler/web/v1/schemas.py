"""Public shapes of the control plane, apart from the model: what clients may build on."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Shape(BaseModel):
    """What an answer holds; unknown keys in a request are refused."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class EntityStatus(Shape):
    """How the sync of one entity stands."""

    entity: str
    state: Literal["never", "in_progress", "completed", "failed"]
    last_success_at: datetime | None = None
    """When it was last read to the end; good as the next ``modified_after``."""
    last_run_id: str | None = None
    error: str | None = None
    records: int = 0
    next_run_at: datetime | None = None


class ConnectionShape(Shape):
    """One connection."""

    name: str
    connector: str
    labels: dict[str, str]
    status: str
    """``pending``, ``online``, ``degraded``, ``offline``, ``needs_reauth`` or ``paused``."""
    since: datetime | None = None
    reason: str | None = None
    entities: list[str]


class ConnectionList(Shape):
    """Connections by name."""

    data: list[ConnectionShape]


class SyncStatus(Shape):
    """How the syncs of a connection stand, entity by entity."""

    connection: str
    status: str
    entities: list[EntityStatus]


class SyncAsk(Shape):
    """A wish to sync now."""

    model_config = ConfigDict(extra="forbid", strict=True)

    entities: Annotated[list[str], Field(max_length=100)] = []
    """Default: all of the connection's."""
    mode: Literal["incremental", "full"] = "incremental"


class SyncShape(Shape):
    """A sync that was asked for."""

    id: str
    connection: str
    mode: str
    status: str
    runs: list[str] = []
    error: str | None = None


class RunShape(Shape):
    """One run of one entity; the counts are records."""

    id: str
    connection: str
    entity: str
    mode: str
    trigger: str
    status: str
    started_at: datetime
    finished_at: datetime | None
    read: int
    created: int
    updated: int
    unchanged: int
    deleted: int
    invalid: int
    error: str | None


class Me(Shape):
    """What the presented token may do."""

    token: str
    name: str
    scopes: list[str]
    connection: str | None
    api_version: str
    expires_at: datetime | None


class VersionShape(Shape):
    """One dated version of the API."""

    version: str
    current: bool
    deprecated_on: str | None
    sunset_on: str | None
    guide: str | None


class VersionList(Shape):
    """The versions that are served, the newest first."""

    data: list[VersionShape]

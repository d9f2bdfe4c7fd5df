"""The public shapes of specs in force, their history and their drift."""

from datetime import datetime
from typing import Any, Literal

from reconciler.model.resource import Kind
from reconciler.web.v1.schemas import PageQuery, Told

KindWord = Literal[
    "Connector",
    "Connection",
    "Mapping",
    "SyncSchedule",
    "AlertRoute",
    "ConnectionSet",
    "Environment",
    "Expectation",
    "Override",
]
assert set(Kind) == set(KindWord.__args__)  # type: ignore[attr-defined]  # noqa: S101  the words are those of the model


class SpecQuery(PageQuery):
    """Which specs are listed."""

    kind: KindWord | None = None
    """Only those of this kind."""


class SpecSummary(Told):
    """One spec in force, without its text."""

    address: str
    """Kind and name: `Mapping/acme-orders`."""
    kind: str
    name: str
    owner: Literal["git", "api"]
    """Who may change and remove it: the specs in git, or whoever writes through the API."""
    labels: dict[str, str]
    digest: str
    """Of the whole document; the same as its ETag."""
    drifted: bool
    """Whether something else is in force than git has applied."""
    source: str | None
    """Where git declares it: file, line and column."""


class SpecList(Told):
    """A page of specs in force."""

    data: list[SpecSummary]
    next_cursor: str | None


class ConditionTold(Told):
    """One condition, as Kubernetes users know them."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str
    last_transition_time: datetime
    observed_generation: int


class SpecTold(SpecSummary):
    """One spec in force."""

    document: dict[str, Any]
    """As a spec document, defaults filled in; secrets are references."""
    conditions: list[ConditionTold]
    """What is to be said of it; empty while all is well."""


class PastTold(Told):
    """One change that was made."""

    change: str
    """`create`, `update`, `edit`, `heal`, `settle`, …"""
    actor: str
    at: datetime
    generation: int
    revision: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class SpecHistory(Told):
    """The changes of one spec, the newest first."""

    data: list[PastTold]


class FieldDriftTold(Told):
    """One field that was changed outside of git."""

    path: str
    """A JSON pointer into the document."""
    applied: Any
    """What git has applied; null where it says nothing."""
    observed: Any
    """What is in force; null where there is nothing."""
    actor: str
    at: datetime


class DriftTold(Told):
    """One spec that was changed outside of git."""

    id: str
    kind: str
    address: str
    policy: Literal["report", "heal", "ignore"]
    first_seen_at: datetime
    last_seen_at: datetime
    fields: list[FieldDriftTold]


class DriftList(Told):
    """What was changed outside of git and is not over."""

    data: list[DriftTold]


class LookTold(Told):
    """A look at the specs that was asked for."""

    token: str
    handled: bool
    """Whether a look that began after it was asked for has ended."""

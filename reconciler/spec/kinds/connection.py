"""``Connection``: one customer's system, with its settings, its login by reference, and its policies."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from reconciler.spec.kinds.asked import Setting
from reconciler.spec.kinds.drifting import DriftWord, IgnoreRule
from reconciler.spec.kinds.envelope import (
    Duration,
    Envelope,
    Name,
    NameSet,
    Percent,
    SettingValue,
    Strict,
    at_least,
    at_most,
)

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


class Auth(Strict):
    """How to log in: a method of the connector, and what it asks for."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, SettingValue]

    method: Setting
    """One of the connector's auth methods. Beside it stand the settings that it asks for; secret ones
    are references: ``{env: NAME}``, ``{file: PATH}`` or ``{connect: true}``."""


class Deletions(Strict):
    """How records that are gone at the source are found, and how many may go at once."""

    strategy: Literal["sweep", "flag", "none"] | None = None
    """``sweep``: list the ids that exist from time to time; ``flag``: the source marks deleted records;
    ``none``: they are not looked for. Default: what the connector can, entity by entity."""
    every: Annotated[Duration, at_least(_HOUR, "the time between sweeps")] = "1d"
    """How long from one sweep to the next."""
    brake: Percent = "10%"
    """A sweep that would delete more than this share of an entity stops and alerts instead."""


class Health(Strict):
    """How often the system is asked whether it answers, and what counts as broken."""

    every: Annotated[Duration, at_least(_MINUTE, "the time between health checks")] = "5m"
    """How long from one check to the next."""
    strikes: Annotated[int, Field(ge=1, le=10)] = 2
    """How often in a row a login must be refused before it counts as wrong."""


class Retention(Strict):
    """How long data is kept. What is left out is kept for ever."""

    raw: Annotated[Duration, at_least(_DAY, "the time that raw records are kept")] | None = None
    """How long the source's own records are kept; without them a new mapping needs a full sync."""
    deleted: (
        Annotated[Duration, at_least(_DAY, "the time that deleted records are kept")] | None
    ) = None
    """How long a record that is gone at the source is still shown to those who ask for deleted ones."""


class ConnectionSpec(Strict):
    """One customer's system."""

    connector: Name
    """The type of system. It cannot change: another one is another connection, and the plan says what
    that costs."""
    config: dict[Setting, SettingValue] = {}
    """The settings that the connector asks for."""
    auth: Auth | None = None
    """How to log in. Left out only where the connector needs no login."""
    entities: NameSet | None = None
    """Which entities are synced. Default: all that the connector has."""
    history: Annotated[
        Duration,
        at_least(_DAY, "the history"),
        at_most(timedelta(days=3653), "the history"),
    ] = "90d"
    """How far back the first sync and every full one reach, from 1 day to 10 years."""
    deletions: Deletions = Deletions()
    """How deleted records are found."""
    health: Health = Health()
    """How the system's health is watched."""
    drift: DriftWord = "report"
    """What is done when the connection was changed elsewhere: tell, put it back, or nothing."""
    ignore: tuple[IgnoreRule, ...] = ()
    """Fields that others may change."""
    deletion_policy: Annotated[Literal["retain", "delete"], Field(alias="deletionPolicy")] = (
        "retain"
    )
    """What becomes of its records when the connection is deleted. Kept with the connection, so that it
    holds after the file is gone."""
    protect: bool = False
    """Whether deleting and replacing it are refused, even after the file is gone."""
    retention: Retention = Retention()
    """How long records are kept."""
    suspend: bool = False
    """Whether nothing is read from the system for now."""


class ConnectionDocument(Envelope):
    """One customer's system: what it is, where it is, how to log in, and what is read from it."""

    kind: Literal["Connection"]
    spec: ConnectionSpec

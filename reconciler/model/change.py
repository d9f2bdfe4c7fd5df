"""The vocabulary of a plan: what would change, why, with which effect, and what stands in the way."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypeAlias

from reconciler.model.data_effect import DataEffect
from reconciler.model.redo import Redo
from reconciler.model.resource import Origin, Resource, ResourceKey
from reconciler.model.value import Path


class Absent:
    """The type of ``ABSENT``: a field that is not there, which is not the same as null."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = Absent()


class Action(StrEnum):
    """What is done to a resource; the value is the sign that people see in a plan."""

    CREATE = "+"
    UPDATE = "~"
    REPLACE = "-/+"
    RENAME = "→"
    ADOPT = "="
    HEAL = "↺"
    FORGET = "x"
    DELETE = "-"

    @property
    def word(self) -> str:
        """The action as a lower-case word, for JSON and counts: ``create``."""
        return self.name.lower()


class Effect(StrEnum):
    """What a change asks of the controllers afterwards. Explained by ``plan/effects.py``."""

    RECHECK = "recheck"
    RESCHEDULE = "reschedule"
    REMAP = "remap"
    RESYNC = "resync"
    REDO = "redo"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs. ``before`` or ``after`` is ``ABSENT`` where the field is not there."""

    path: Path
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Create:
    """A resource that is declared and not in force."""

    after: Resource
    action: Action = field(default=Action.CREATE, init=False)

    @property
    def key(self) -> ResourceKey:
        """The resource's key."""
        return self.after.key


@dataclass(frozen=True, slots=True)
class Update:
    """A resource whose declared body differs from the one applied last.

    ``observed`` is what is in force afterwards, where it differs from ``after``: drift that stays.
    """

    before: Resource
    after: Resource
    fields: tuple[FieldChange, ...]
    effects: frozenset[Effect] = frozenset()
    observed: Resource | None = None
    action: Action = field(default=Action.UPDATE, init=False)

    @property
    def key(self) -> ResourceKey:
        """The resource's key."""
        return self.after.key


@dataclass(frozen=True, slots=True)
class Replace:
    """An update of a field that cannot change in place; ``costs`` say what is lost, in words.

    With nothing in ``because`` a person has asked for it (``--replace``).
    """

    before: Resource
    after: Resource
    fields: tuple[FieldChange, ...]
    because: tuple[Path, ...]
    costs: tuple[str, ...] = ()
    effects: frozenset[Effect] = frozenset()
    action: Action = field(default=Action.REPLACE, init=False)

    @property
    def key(self) -> ResourceKey:
        """The resource's key."""
        return self.after.key

    @property
    def elsewhere(self) -> bool:
        """Whether a connection is to another type of system from now on."""
        return bool(self.before.spec.get("connector") != self.after.spec.get("connector"))


@dataclass(frozen=True, slots=True)
class Rename:
    """The same thing under a new name (``metadata.previousName``); nothing it owns is lost.

    ``observed`` is as in ``Update``.
    """

    before: Resource
    after: Resource
    fields: tuple[FieldChange, ...] = ()
    effects: frozenset[Effect] = frozenset()
    observed: Resource | None = None
    action: Action = field(default=Action.RENAME, init=False)

    @property
    def key(self) -> ResourceKey:
        """The new key."""
        return self.after.key


@dataclass(frozen=True, slots=True)
class Adopt:
    """A resource that exists, owned by the API, and is taken into git's care by wish of its spec."""

    before: Resource
    after: Resource
    fields: tuple[FieldChange, ...] = ()
    action: Action = field(default=Action.ADOPT, init=False)

    @property
    def key(self) -> ResourceKey:
        """The resource's key."""
        return self.after.key


@dataclass(frozen=True, slots=True)
class Heal:
    """What was changed outside of git, put back to what git says; ``fields`` go from it to git's.

    ``observed`` is what is in force afterwards, where some drift is to be left alone.
    """

    before: Resource
    after: Resource
    fields: tuple[FieldChange, ...] = ()
    effects: frozenset[Effect] = frozenset()
    observed: Resource | None = None
    action: Action = field(default=Action.HEAL, init=False)

    @property
    def key(self) -> ResourceKey:
        """The resource's key."""
        return self.after.key


@dataclass(frozen=True, slots=True)
class Forget:
    """A resource that is no longer declared and is let go of; its data is kept."""

    before: Resource
    action: Action = field(default=Action.FORGET, init=False)

    @property
    def key(self) -> ResourceKey:
        """The resource's key."""
        return self.before.key


@dataclass(frozen=True, slots=True)
class Delete:
    """A resource that is no longer declared and is removed with what it owns (``--prune``)."""

    before: Resource
    action: Action = field(default=Action.DELETE, init=False)

    @property
    def key(self) -> ResourceKey:
        """The resource's key."""
        return self.before.key


Change: TypeAlias = Create | Update | Replace | Rename | Adopt | Heal | Forget | Delete


@dataclass(frozen=True, slots=True)
class FieldDrift:
    """One field that was changed outside of git: what git applied, what is there, by whom and when."""

    path: Path
    applied: Any
    observed: Any
    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class State:
    """What is in force. ``generation`` counts how often it has changed; a plan holds for one.

    ``uids`` are the stored identities: a rename keeps the uid, and with it records and cursors.
    ``applied`` is what git applied last, for those resources of which something else is in force; by
    whom and when that was done is in ``edits``, field by field. ``redo`` is what is known of work that
    was asked for once more, of those objects of which anything is.
    """

    generation: int = 0
    resources: Mapping[ResourceKey, Resource] = field(default_factory=dict)
    revision: str = ""
    uids: Mapping[ResourceKey, str] = field(default_factory=dict)
    applied: Mapping[ResourceKey, Resource] = field(default_factory=dict)
    edits: Mapping[ResourceKey, tuple[FieldDrift, ...]] = field(default_factory=dict)
    redo: Mapping[ResourceKey, Redo] = field(default_factory=dict)


Digests: TypeAlias = Mapping[tuple[str, str], str]
"""(kind, name) to the digest of the body: enough to see that nothing has changed."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What is in force, by its digests alone: a tenth of the work of ``State``.

    ``plain``: git owns all of it, and nothing else is in force than git applied.
    """

    generation: int
    digests: Digests
    plain: bool


class DriftPolicy(StrEnum):
    """What is done about drift of an object; ``report`` is the default."""

    REPORT = "report"
    HEAL = "heal"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Drifted:
    """A resource of which something else is in force than git applied.

    ``fields`` are told, ``ignored`` are left alone by a rule of the resource, ``conflicts`` are those
    of ``fields`` that the specs change too, to something else. ``let_be``: a person knows of it, and
    leaves it as it is this once (``--ignore-drift``).
    """

    key: ResourceKey
    policy: DriftPolicy
    fields: tuple[FieldDrift, ...]
    ignored: tuple[FieldDrift, ...] = ()
    conflicts: tuple[Path, ...] = ()
    let_be: bool = False

    @property
    def told(self) -> bool:
        """Whether a person has to know."""
        return bool(self.fields) and self.policy is not DriftPolicy.IGNORE and not self.let_be


@dataclass(frozen=True, slots=True)
class Block:
    """Why a change may not be made as it stands, and what a person can do about it.

    ``also`` are further objects that the same reason keeps as they are.
    """

    key: ResourceKey
    code: str
    reason: str
    remedy: str
    also: tuple[ResourceKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Advisory:
    """What a person should know of an object; it holds nothing. The fields are those of ``Block``."""

    key: ResourceKey
    code: str
    reason: str
    remedy: str = ""
    also: tuple[ResourceKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Freeze:
    """A window of the policy, and the changes of a plan that wait while it is open.

    ``deny``: when it begins, as cron in ``zone``. ``lasts``: time that passes.
    """

    deny: str
    lasts: timedelta
    zone: str
    reason: str
    keys: tuple[ResourceKey, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done, as a value that explains itself.

    ``base`` is the generation it holds for. ``revision`` names the specs it came from. ``unmanaged``
    are resources in force that are no longer declared and are kept, because pruning is off.
    ``left_out`` counts the differences that a scope (``--only`` and its like) keeps out of it.
    ``drifts`` are changes made outside of git; ``settled`` are resources of which what is in force is
    what the specs say, so that drift of them is over. ``advisories`` are what the policy warns of;
    ``freezes`` are its windows that are about changes, open or not. ``data`` is what it does to stored
    records, as far as that was looked at. The same specs over the same state give the same ``id``.
    """

    id: str
    base: int
    revision: str
    changes: tuple[Change, ...]
    unchanged: int
    blocks: tuple[Block, ...] = ()
    unmanaged: tuple[Resource, ...] = ()
    places: Mapping[tuple[ResourceKey, Path], Origin] = field(default_factory=dict)
    left_out: int = 0
    drifts: tuple[Drifted, ...] = ()
    settled: tuple[Resource, ...] = ()
    advisories: tuple[Advisory, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    data: tuple[DataEffect, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.changes

    @property
    def held(self) -> frozenset[ResourceKey]:
        """The keys of what is kept as it is until a person decides."""
        return frozenset(key for block in self.blocks for key in (block.key, *block.also))

    @property
    def doable(self) -> tuple[Change, ...]:
        """The changes that nothing blocks, in their order."""
        held = self.held
        return tuple(change for change in self.changes if change.key not in held)

    @property
    def applyable(self) -> bool:
        """Whether there is something to apply that nothing blocks."""
        return bool(self.doable)

    @property
    def drifted(self) -> bool:
        """Whether there is drift that a person has to know of."""
        return any(drift.told for drift in self.drifts)

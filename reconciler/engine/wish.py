"""What a person asked for on the command line, of specs and the plan of them."""

from collections.abc import Container
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.model.resource import ResourceKey
from reconciler.plan.asked import Asked
from reconciler.plan.brake import Cap
from reconciler.plan.scope import Scope


@dataclass(frozen=True, slots=True)
class Wish:
    """How specs are read and planned: environment, scope, pruning. As a person said on the command line.

    ``heal`` are the objects whose drift is to be put back; ``now`` ends rules that have an end, and
    opens windows. ``ignore_windows`` is why a person goes on in spite of them. ``asked`` names what is
    replaced or left as it is this once. ``max_changed`` is how many records a mapping change may change
    (``None``: any number), ``sample`` how many of an entity are looked at.
    """

    environment: str | None = None
    scope: Scope = field(default_factory=Scope)
    prune: bool = False
    max_deletes: int = 10
    heal: Container[ResourceKey] = frozenset()
    now: datetime | None = None
    ignore_windows: str = ""
    asked: Asked = field(default_factory=Asked)
    max_changed: Cap | None = None
    sample: int = 100_000

"""What a team's policy says of specs, and of the plan that they lead to."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from reconciler.model.change import Advisory, Block, Plan
from reconciler.model.problem import Problem, Severity
from reconciler.model.resource import Resource, ResourceKey
from reconciler.plan.scope import Scope
from reconciler.policy.policy import EMPTY, Policy
from reconciler.spec.policy_file import policy_files

if TYPE_CHECKING:
    from reconciler.policy.objects import Breach

POLICY: Final = "POLICY"


@dataclass(frozen=True, slots=True)
class Ruling:
    """A policy, and how the objects that specs declare break its rules."""

    policy: Policy = EMPTY
    breaches: "tuple[Breach, ...]" = ()


NO_POLICY: Final = Ruling()


def ruling_on(
    files: Mapping[str, bytes], resources: Mapping[ResourceKey, Resource]
) -> tuple[Ruling, tuple[Problem, ...]]:
    """Return what the policy among *files* says of *resources*, and what is wrong with the policy itself."""
    if not policy_files(files):
        return NO_POLICY, ()
    from reconciler.policy.objects import broken_by  # noqa: PLC0415  most specs have no policy
    from reconciler.policy.reading import read_policy  # noqa: PLC0415  likewise

    read = read_policy(files)
    return Ruling(read.policy, broken_by(read.policy, resources)), read.problems


@dataclass(frozen=True, slots=True)
class Around:
    """What a plan is about: the objects on its two sides, and the scope that it was made for."""

    declared: Mapping[ResourceKey, Resource]
    in_force: Mapping[ResourceKey, Resource]
    scope: Scope
    now: datetime | None
    ignored: str = ""


def governed(plan: Plan, ruling: Ruling, around: Around) -> Plan:
    """Return *plan* as the policy has it: what breaks a rule is held, or warned of; windows hold, too."""
    if ruling == NO_POLICY:
        return plan
    from reconciler.policy.changes import broken_in, freezes_of, sides  # noqa: PLC0415  likewise
    from reconciler.policy.freeze import frozen_at  # noqa: PLC0415  likewise

    both = sides(around.declared, around.in_force)
    breaches = [*_covered(ruling, around), *broken_in(ruling.policy, plan, both)]
    plan = replace(
        plan,
        blocks=(*plan.blocks, *_blocks(breaches)),
        advisories=(*plan.advisories, *_advisories(breaches)),
        freezes=tuple(freezes_of(ruling.policy, plan, both)),
    )
    return frozen_at(plan, around.in_force, around.now, ignored=around.ignored)


def _covered(ruling: Ruling, around: Around) -> "Iterator[Breach]":
    for breach in ruling.breaches:
        if around.scope.covers(around.declared[breach.key]):
            yield breach


def _blocks(breaches: "Sequence[Breach]") -> Iterator[Block]:
    for one in breaches:
        if one.severity is Severity.ERROR:
            yield Block(one.key, POLICY, f"{one.rule.name}: {one.told}", one.remedy)


def _advisories(breaches: "Sequence[Breach]") -> Iterator[Advisory]:
    for one in breaches:
        if one.severity is Severity.WARNING:
            yield Advisory(one.key, POLICY, f"{one.rule.name}: {one.told}", one.remedy)

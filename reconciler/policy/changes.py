"""Rules and windows over the changes of a plan: which are broken, and which changes a window is about."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reconciler.model.change import Change, Freeze, Plan, Replace
from reconciler.model.resource import Origin, Resource, ResourceKey
from reconciler.plan.render.json import change_json
from reconciler.policy.objects import Breach, judged
from reconciler.policy.policy import SEEN, Over, Policy, Reach, Rule
from reconciler.policy.reach import World


@dataclass(frozen=True, slots=True)
class Sides:
    """What is declared and what is in force: a change is reached by what it was and by what it is to be."""

    declared: World
    in_force: World

    def reaches(self, reach: Reach, change: Change) -> bool:
        """Return whether *reach* holds *change*: taking a label away does not lead out of it."""
        after: Resource | None = getattr(change, "after", None)
        before: Resource | None = getattr(change, "before", None)
        return (after is not None and self.declared.reaches(reach, after)) or (
            before is not None and self.in_force.reaches(reach, before)
        )


def sides(
    declared: Mapping[ResourceKey, Resource], in_force: Mapping[ResourceKey, Resource]
) -> Sides:
    """Return the two sides of the changes that lead from what is *in_force* to what is *declared*."""
    return Sides(World(declared), World(in_force))


def broken_in(policy: Policy, plan: Plan, around: Sides) -> Iterator[Breach]:
    """Yield how changes of *plan* break the rules over changes."""
    rules = policy.over(Over.CHANGE)
    for change in plan.changes if rules else ():
        asked = [rule for rule in rules if _is_about(rule, change, around)]
        if asked:
            told = change_json(plan, change, {})
            value = {name: told[name] for name in SEEN[Over.CHANGE] if name in told}
            for rule in asked:
                yield from judged(rule, change.key, value, _origin(change))


def _is_about(rule: Rule, change: Change, around: Sides) -> bool:
    words = {change.action.word}
    if isinstance(change, Replace):
        words |= {"delete", "create"}
    return (not rule.actions or not rule.actions.isdisjoint(words)) and around.reaches(
        rule.reach, change
    )


def _origin(change: Change) -> Origin | None:
    after: Resource | None = getattr(change, "after", None)
    return after.origin if after is not None else None


def freezes_of(policy: Policy, plan: Plan, around: Sides) -> Iterator[Freeze]:
    """Yield the windows that are about changes of *plan*, open or not."""
    for one in policy.windows:
        keys = tuple(change.key for change in plan.changes if around.reaches(one.reach, change))
        if keys:
            yield Freeze(one.deny, one.lasts, one.zone, one.reason, keys)

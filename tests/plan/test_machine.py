"""Invariant 1, as a machine: whatever is declared and however, after applying there is nothing to do."""

from dataclasses import replace
from typing import Any, Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from reconciler.model.change import Delete, Forget, Rename, State
from reconciler.model.resource import Kind, Owner, Resource, ResourceKey
from reconciler.plan.planner import make_plan
from tests.plan.builders import Around, applied, resource, shuffled

NAMES: Final = st.sampled_from(["a", "b", "c", "d"])
KINDS: Final = st.sampled_from([Kind.CONNECTION, Kind.MAPPING, Kind.SYNC_SCHEDULE])
SPECS: Final = st.fixed_dictionaries(
    {
        "connector": st.sampled_from(["tryton", "sap"]),
        "entities": st.sets(st.sampled_from(["assets", "vendors", "users"])).map(sorted),
        "history": st.sampled_from(["1d", "90d"]),
    },
    optional={
        "config": st.dictionaries(st.sampled_from(["x", "y"]), st.integers(0, 1) | st.booleans()),
        "tests": st.lists(st.sampled_from("pqr"), unique=True).map(
            lambda names: [{"name": name} for name in names]
        ),
        "deletionPolicy": st.sampled_from(["retain", "delete"]),
        "protect": st.booleans(),
    },
)


class Planning(RuleBasedStateMachine):
    """Specs that a person edits, and a state that only plans change."""

    def __init__(self) -> None:
        super().__init__()
        self.specs: dict[ResourceKey, Resource] = {}
        self.state = State()

    @rule(kind=KINDS, name=NAMES, spec=SPECS)
    def declare(self, kind: Kind, name: str, spec: dict[str, Any]) -> None:
        key = ResourceKey(kind, name)
        connection = ResourceKey(Kind.CONNECTION, name)
        needs = (connection,) if kind is not Kind.CONNECTION and connection in self.specs else ()
        self.specs[key] = resource(str(key), spec, Around(needs=needs))

    @rule(kind=KINDS, name=NAMES)
    def take_out(self, kind: Kind, name: str) -> None:
        key = ResourceKey(kind, name)
        if not any(key in one.needs for one in self.specs.values()):
            self.specs.pop(key, None)

    @rule(kind=KINDS, old=NAMES, new=NAMES)
    def rename(self, kind: Kind, old: str, new: str) -> None:
        was, key = ResourceKey(kind, old), ResourceKey(kind, new)
        needed = any(was in one.needs for one in self.specs.values())
        if was in self.specs and key not in self.specs and not needed:
            self.specs[key] = replace(self.specs.pop(was), key=key, previous_name=old)

    @rule(kind=KINDS, name=st.sampled_from("dxy"), spec=SPECS)
    def make_through_the_api(self, kind: Kind, name: str, spec: dict[str, Any]) -> None:
        key = ResourceKey(kind, name)
        if key not in self.specs and key not in self.state.resources:
            made = resource(str(key), spec, Around(owner=Owner.API))
            resources = {**self.state.resources, key: made}
            generation = self.state.generation + 1
            self.state = replace(self.state, resources=resources, generation=generation)

    @rule(prune=st.booleans())
    def apply(self, prune: bool) -> None:  # noqa: FBT001 — hypothesis gives rules their values by name
        before = self.state
        plan = make_plan(self.specs.values(), before, prune=prune)
        if plan.blocks:
            return
        self.state = applied(plan, before)
        again = make_plan(self.specs.values(), self.state, prune=prune)
        assert again.empty
        assert not again.blocks
        assert again.unchanged == len(self.specs)
        assert all(
            self.state.resources[key].digest == wanted.digest for key, wanted in self.specs.items()
        )
        for change in plan.changes:
            if isinstance(change, (Delete, Forget)):
                assert prune
                assert change.before.owner is Owner.GIT
                assert change.before.spec.get("protect") is not True
            if isinstance(change, Rename):
                assert change.before.key not in self.state.resources

    @invariant()
    def order_means_nothing(self) -> None:
        turned = [
            resource(
                str(key),
                shuffled(one.spec),
                Around(needs=tuple(one.needs), was=one.previous_name),
            )
            for key, one in reversed(self.specs.items())
        ]
        wanted = [replace(one, origin=None) for one in self.specs.values()]
        turned = [replace(one, origin=None) for one in turned]
        assert make_plan(turned, self.state) == make_plan(wanted, self.state)

    @invariant()
    def needed_stand_before_needing(self) -> None:
        plan = make_plan(self.specs.values(), self.state, prune=True)
        keys = [change.key for change in plan.changes]
        for place, change in enumerate(plan.changes):
            if isinstance(change, (Delete, Forget)):
                assert not set(keys[:place]) & {
                    one.key
                    for one in plan.changes
                    if isinstance(one, (Delete, Forget)) and one.key in change.before.needs
                }
            else:
                assert not change.after.needs & set(keys[place:])


TestPlanning = Planning.TestCase
TestPlanning.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)

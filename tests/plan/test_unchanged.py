"""What digests alone tell is what a whole plan tells, or nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.change import Marks, State
from reconciler.model.resource import Owner, Resource
from reconciler.plan.planner import make_plan
from reconciler.plan.unchanged import unchanged_plan
from tests.plan.builders import Around, connection, resource, state

ACME = connection("acme")
MAPPING = resource("Mapping/m", {"connection": "acme"}, Around(needs=(ACME.key,)))
LONGER = connection("acme", history="365d")


def digests(resources: Iterable[Resource]) -> dict[tuple[str, str], str]:
    return {(one.key.kind.value, one.key.name): one.digest for one in resources}


def marks(of: State) -> Marks:
    owned = all(one.owner is Owner.GIT for one in of.resources.values())
    plain = owned and not of.applied
    return Marks(of.generation, digests(of.resources.values()), plain=plain)


@st.composite
def several(draw: st.DrawFn, *, owners: st.SearchStrategy[Owner]) -> list[Resource]:
    """Draw resources of few names and bodies, so that many are the same on both sides."""
    few = draw(st.dictionaries(st.sampled_from("abc"), st.sampled_from(["1d", "2d"]), max_size=3))
    return [
        connection(
            name,
            Around(owner=draw(owners), was=draw(st.sampled_from([None, "a", "z"]))),
            history=history,
            protect=draw(st.booleans()),
        )
        for name, history in few.items()
    ]


@st.composite
def sides(draw: st.DrawFn) -> tuple[list[Resource], State]:
    """Draw what is declared and what is in force: the same, often, and sometimes drifted."""
    declared = draw(several(owners=st.just(Owner.GIT)))
    there = [replace(one, previous_name=None) for one in declared]
    if draw(st.booleans()):
        there = draw(several(owners=st.sampled_from(Owner)))
    in_force = state(*there)
    drifts = draw(st.booleans())
    if there and drifts:
        drifted = draw(st.sampled_from(there))
        applied = {drifted.key: connection(drifted.key.name, history="9d")}
        in_force = replace(in_force, applied=applied)
    return declared, in_force


@given(
    sides(),
    st.fixed_dictionaries(
        {"prune": st.booleans(), "heal": st.booleans(), "most": st.integers(0, 2)}
    ),
)
def test_a_plan_by_digests_is_the_whole_plan(
    between: tuple[list[Resource], State], wish: Mapping[str, int]
) -> None:
    declared, in_force = between
    quick = unchanged_plan(digests(declared), marks(in_force), revision="abc")
    whole = make_plan(
        declared,
        in_force,
        revision="abc",
        prune=bool(wish["prune"]),
        max_deletes=wish["most"],
        heal=frozenset(in_force.applied) if wish["heal"] else frozenset(),
    )
    if quick is not None:
        assert quick == whole
    else:
        # It gives up only where there is something to see.
        odd = bool(in_force.applied) or any(
            one.owner is Owner.API for one in in_force.resources.values()
        )
        assert odd or whole.changes or whole.unmanaged or whole.blocks


def test_what_is_as_declared_is_told_by_digests() -> None:
    in_force = state(ACME, MAPPING)
    quick = unchanged_plan(digests([ACME, MAPPING]), marks(in_force), revision="abc")
    assert quick == make_plan([MAPPING, ACME], in_force, revision="abc")
    assert quick is not None
    assert quick.unchanged == 2


def test_any_difference_takes_the_bodies() -> None:
    in_force = state(ACME, MAPPING)
    for declared in ([LONGER, MAPPING], [ACME], [ACME, MAPPING, connection("new")], []):
        assert unchanged_plan(digests(declared), marks(in_force)) is None


def test_drift_and_what_the_api_owns_take_the_bodies() -> None:
    drifted = replace(state(LONGER), applied={ACME.key: ACME})
    assert unchanged_plan(digests([LONGER]), marks(drifted)) is None
    foreign = state(replace(ACME, owner=Owner.API))
    assert unchanged_plan(digests([ACME]), marks(foreign)) is None

"""Invariant 3: needed before needing; deletions last, the other way round."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.change import Change, Create, Delete, Forget
from reconciler.model.resource import Kind, ResourceKey
from reconciler.plan.order import cycles, order
from tests.plan.builders import Around, key, resource

A, B, C, D = (ResourceKey(Kind.MAPPING, name) for name in "abcd")


def made(one: ResourceKey, *needs: ResourceKey) -> Create:
    return Create(resource(str(one), around=Around(needs=needs)))


def gone(one: ResourceKey, *needs: ResourceKey) -> Delete:
    return Delete(resource(str(one), around=Around(needs=needs)))


def keys(changes: tuple[Change, ...]) -> list[ResourceKey]:
    return [change.key for change in changes]


def test_what_others_need_is_made_first() -> None:
    assert keys(order([made(A, B), made(B, C), made(C)])) == [C, B, A]


def test_removals_come_last_and_the_other_way_round() -> None:
    changes: list[Change] = [gone(A), gone(B, A), made(D), Forget(gone(C, B).before)]
    assert keys(order(changes)) == [D, C, B, A]


def test_without_needs_it_is_by_kind_and_name() -> None:
    connection, connector = key("Connection/z"), key("Connector/z")
    changes = [made(B), made(A), made(connection), made(connector)]
    assert keys(order(changes)) == [connector, connection, A, B]


def test_a_need_that_no_change_is_about_does_not_matter() -> None:
    assert keys(order([made(A, D), made(B)])) == [A, B]


def test_changes_in_a_circle_are_kept_after_the_rest() -> None:
    assert keys(order([made(A, B), made(B, A), made(C, A), made(D)])) == [D, A, B, C]


@pytest.mark.parametrize(
    ("needs", "circles"),
    [
        ({A: {B}, B: {C}, C: set()}, ()),
        ({A: {A}}, ((A,),)),
        ({A: {B}, B: {A}}, ((A, B),)),
        ({B: {C}, C: {A}, A: {B}}, ((A, B, C),)),
        ({A: {C}, B: {A}, C: {B}}, ((A, C, B),)),
        ({A: {B}, B: {C}, C: {B}, D: {A}}, ((B, C),)),
        ({A: {B}, B: {A}, C: {D, A}, D: {C}}, ((A, B), (C, D))),
        ({A: {B, D}, B: set()}, ()),
    ],
)
def test_circles_are_told_and_those_who_lead_to_them_are_not(
    needs: dict[ResourceKey, set[ResourceKey]], circles: tuple[tuple[ResourceKey, ...], ...]
) -> None:
    assert cycles({one: frozenset(wanted) for one, wanted in needs.items()}) == circles


def test_a_long_chain_is_no_matter_of_depth() -> None:
    chain = [ResourceKey(Kind.MAPPING, f"{place:05}") for place in range(3_000)]
    needs = {one: frozenset({need}) for one, need in pairwise(chain)}
    assert cycles(needs) == ()
    assert cycles({**needs, chain[-1]: frozenset({chain[0]})}) == (tuple(chain),)


Graph = dict[ResourceKey, frozenset[ResourceKey]]

graphs = st.dictionaries(
    st.sampled_from("abcdef"), st.frozensets(st.sampled_from("abcdefg"), max_size=3), max_size=6
).map(
    lambda graph: {
        ResourceKey(Kind.MAPPING, one): frozenset(ResourceKey(Kind.MAPPING, need) for need in needs)
        for one, needs in graph.items()
    }
)


@given(graphs, st.randoms(use_true_random=False))
def test_needed_stand_before_needing_unless_a_circle_is_told(graph: Graph, random: Random) -> None:
    changes = [made(one, *needs) for one, needs in graph.items()]
    random.shuffle(changes)
    placed = keys(order(changes))
    assert sorted(placed) == sorted(graph)
    wrong = [
        (one, need)
        for one, needs in graph.items()
        for need in needs & graph.keys()
        if placed.index(need) >= placed.index(one)
    ]
    assert bool(cycles(graph)) >= bool(wrong)
    removed = keys(order([gone(one, *needs) for one, needs in graph.items()]))
    assert removed == placed[::-1]


@given(graphs)
def test_every_circle_that_is_told_is_one_and_without_its_members_there_is_none(
    graph: Graph,
) -> None:
    told = cycles(graph)
    for circle in told:
        assert all(
            need in graph[one] for one, need in zip(circle, (*circle[1:], circle[0]), strict=True)
        )
        assert len(set(circle)) == len(circle)
    members = {one for circle in told for one in circle}
    assert cycles({one: needs for one, needs in graph.items() if one not in members}) == ()

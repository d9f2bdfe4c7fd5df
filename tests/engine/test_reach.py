"""What a grant is over: by rule, whatever the labels and selectors are."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.engine.reach import Reach
from reconciler.model.access import Grant, Scope
from reconciler.model.change import State
from reconciler.model.resource import Kind, Resource, ResourceKey, make_resource
from reconciler.model.selector import Selector, chosen_by, selector_of

READ = frozenset({Scope.READ_STATUS})
NAMES = ("one", "two", "three")
labels = st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["x", "y"]))
selectors = st.dictionaries(
    st.sampled_from(["a", "b"]), st.sampled_from(["x", "y"]), min_size=1
).map(selector_of)
plants = st.fixed_dictionaries(dict.fromkeys(NAMES, labels))


def connection(name: str, of: dict[str, str]) -> Resource:
    body = {"metadata": {"labels": of}, "spec": {"connector": "tryton"}}
    return make_resource(ResourceKey(Kind.CONNECTION, name), body)


def mapping(**spec: Any) -> Resource:
    return make_resource(ResourceKey(Kind.MAPPING, "m"), {"spec": {"entity": "vendors", **spec}})


def state_of(plant: dict[str, dict[str, str]]) -> State:
    resources = {one.key: one for one in (connection(name, of) for name, of in plant.items())}
    return State(1, resources, uids={key: f"uid-{key.name}" for key in resources})


@given(plants, selectors)
def test_a_selector_is_over_what_has_all_its_labels(
    plant: dict[str, dict[str, str]], selector: Selector
) -> None:
    reach = Reach(Grant("t", READ, selector=selector), state_of(plant))
    for name in (*NAMES, "missing"):
        of = plant.get(name)
        wanted = of is not None and chosen_by(selector, of)
        assert reach.owns(ResourceKey(Kind.CONNECTION, name)) is wanted
        assert reach.covers(mapping(connection=name)) is wanted


@given(labels, selectors, selectors)
def test_what_a_covered_object_could_ever_choose_is_the_grants(
    some: dict[str, str], mine: Selector, theirs: Selector
) -> None:
    """Whatever labels a connection has or gets: if the object chooses it, the grant is over it."""
    reach = Reach(Grant("t", READ, selector=mine), State())
    chosen = {"matchLabels": dict(theirs)}
    if reach.covers(mapping(selector=chosen)) and chosen_by(theirs, some):
        assert chosen_by(mine, some)
    assert reach.includes(mine)
    assert not reach.includes(())


@given(plants, selectors)
def test_a_token_of_one_connection_is_over_that_whatever_its_labels(
    plant: dict[str, dict[str, str]], selector: Selector
) -> None:
    reach = Reach(Grant("t", READ, "uid-one"), state_of(plant))
    assert reach.owns(ResourceKey(Kind.CONNECTION, "one"))
    assert not reach.owns(ResourceKey(Kind.CONNECTION, "two"))
    assert not reach.covers(mapping(selector={"matchLabels": dict(selector)}))
    assert reach.covers(connection("one", {}))
    assert not reach.covers(connection("new", plant["one"]))


@given(plants)
def test_a_token_over_all_is_over_all(plant: dict[str, dict[str, str]]) -> None:
    reach = Reach(Grant("t", READ), state_of(plant))
    for kind in Kind:
        one = make_resource(ResourceKey(kind, "x"), {"spec": {}})
        assert reach.covers(one)
        assert reach.sees(one)


@given(selectors)
def test_kinds_about_no_connection_are_the_operators(selector: Selector) -> None:
    for grant in (Grant("t", READ, selector=selector), Grant("t", READ, "uid-one")):
        reach = Reach(grant, state_of({"one": dict(selector)}))
        for kind in (Kind.ALERT_ROUTE, Kind.CONNECTION_SET, Kind.ENVIRONMENT, Kind.CONNECTOR):
            one = make_resource(ResourceKey(kind, "x"), {"spec": {}})
            assert not reach.covers(one)
            assert not reach.sees(one)

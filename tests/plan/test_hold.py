"""What is blocked is held, with what depends on it; the rest of a plan goes on."""

from reconciler.model.resource import Resource
from reconciler.plan.planner import make_plan
from tests.plan.builders import Around, codes, connection, key, resource, state, words

GUARDED = connection("guarded", protect=True)


def mapping(name: str, connection_name: str) -> Resource:
    needs = (key(f"Connection/{connection_name}"),)
    return resource(f"Mapping/{name}", {"connection": connection_name}, Around(needs=needs))


def test_a_protected_object_is_held_and_the_rest_is_done() -> None:
    plan = make_plan([connection("new")], state(GUARDED, connection("old")), prune=True)
    assert codes(plan) == [("Connection/guarded", "PROTECTED")]
    assert words(plan) == ["+ Connection/new", "x Connection/old", "x Connection/guarded"]
    assert [str(change.key) for change in plan.doable] == ["Connection/new", "Connection/old"]
    assert plan.applyable


def test_too_many_deletes_hold_every_delete_and_nothing_else() -> None:
    old = [connection(f"old-{n}") for n in range(3)]
    plan = make_plan([connection("new")], state(*old), prune=True, max_deletes=2)
    assert [str(change.key) for change in plan.doable] == ["Connection/new"]


def test_what_needs_a_held_object_is_held_too_and_says_for_whom() -> None:
    circle_a = resource("Mapping/a", {}, Around(needs=(key("Mapping/b"),)))
    circle_b = resource("Mapping/b", {}, Around(needs=(key("Mapping/a"),)))
    user = resource("Mapping/c", {}, Around(needs=(key("Mapping/b"),)))
    plan = make_plan([circle_a, circle_b, user, connection("fine")], state())
    assert ("Mapping/c", "HELD_BACK") in codes(plan)
    assert [str(change.key) for change in plan.doable] == ["Connection/fine"]


def test_what_a_held_object_still_needs_is_not_removed() -> None:
    user = resource(
        "Connection/guarded",
        {"connector": "one", "protect": True},
        Around(needs=(key("Connector/one"),)),
    )
    changed = resource("Connection/guarded", {"connector": "two", "protect": True})
    one = resource("Connector/one", {"streams": {}})
    plan = make_plan([changed], state(user, one), prune=True)
    assert set(codes(plan)) == {("Connection/guarded", "PROTECTED"), ("Connector/one", "HELD_BACK")}
    assert not plan.applyable

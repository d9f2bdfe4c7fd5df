"""Invariant 2: no field change of the same value is ever reported, and none of a different one missed."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import given

from reconciler.model.change import ABSENT, FieldChange
from reconciler.model.value import canonical
from reconciler.plan.diff import diff, same
from tests.plan.builders import objects, shuffled, values


def changes(before: Any, after: Any) -> list[tuple[str, Any, Any]]:
    return [(".".join(one.path), one.before, one.after) for one in diff(before, after)]


def patched(before: Mapping[str, Any], fields: Iterable[FieldChange]) -> dict[str, Any]:
    """Return *before* with *fields* as they are after."""
    made = {
        name: patched(one, []) if isinstance(one, Mapping) else one for name, one in before.items()
    }
    for change in fields:
        node = made
        for part in change.path[:-1]:
            node = node[part]
        if change.after is ABSENT:
            del node[change.path[-1]]
        else:
            node[change.path[-1]] = change.after
    return made


def test_one_change_is_told_for_each_field_that_differs_by_name() -> None:
    before = {"history": "90d", "config": {"url": "a", "db": "x"}, "drift": "report"}
    after = {"config": {"url": "b", "db": "x"}, "drift": "report", "protect": True}
    assert changes(before, after) == [
        ("config.url", "a", "b"),
        ("history", "90d", ABSENT),
        ("protect", ABSENT, True),
    ]


def test_absent_is_not_null() -> None:
    assert changes({"a": None}, {}) == [("a", None, ABSENT)]
    assert changes({}, {"a": None}) == [("a", ABSENT, None)]


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, True), (0, False), (1, 1.0), (1, "1"), ("", None), ([], {}), ([], None), ([1], [True])],
)
def test_values_that_only_look_alike_differ(one: Any, other: Any) -> None:
    assert not same(one, other)
    assert len(list(diff({"a": one}, {"a": other}))) == 1


def test_a_field_that_comes_whole_is_one_change() -> None:
    assert changes({}, {"config": {"a": 1, "b": 2}}) == [("config", ABSENT, {"a": 1, "b": 2})]


def test_a_list_is_one_field() -> None:
    assert changes({"e": ["a", "b"]}, {"e": ["a", "c"]}) == [("e", ["a", "b"], ["a", "c"])]


def test_items_with_a_name_of_their_own_are_matched_by_it() -> None:
    before = [{"name": "a", "x": 1}, {"name": "b", "x": 2}]
    after = [{"name": "new"}, {"name": "a", "x": 1}, {"name": "b", "x": 3}]
    assert changes({"tests": before}, {"tests": after}) == [
        ("tests.[name=b].x", 2, 3),
        ("tests.[name=new]", ABSENT, {"name": "new"}),
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([{"name": "a"}, {"name": "b"}], [{"name": "b"}, {"name": "a"}]),
        ([{"name": "a"}], [{"name": "b"}]),
        ([{"name": "a"}], [{"name": "a"}, {"name": "a"}]),
        ([{"name": "a"}], [{"name": 1}]),
        ([{"name": "a"}], [{"other": "a"}]),
        ([{"name": "a"}], ["a"]),
        ([{"name": "a"}], []),
        ([{"name": "a"}], "a"),
    ],
)
def test_items_that_moved_or_cannot_be_told_apart_make_the_list_one_field(
    before: Any, after: Any
) -> None:
    assert changes({"l": before}, {"l": after}) == [("l", before, after)]


def test_a_secret_reference_is_one_field() -> None:
    before, after = {"password": {"env": "A"}}, {"password": {"file": "/run/a"}}
    assert changes(before, after) == [("password", {"env": "A"}, {"file": "/run/a"})]
    assert changes(before, before) == []


def test_a_difference_at_the_top_has_the_path_it_was_asked_at() -> None:
    assert list(diff(1, 2, ("spec",))) == [FieldChange(("spec",), 1, 2)]


@given(values)
def test_a_value_never_differs_from_itself_whatever_the_order_of_its_keys(value: Any) -> None:
    assert list(diff(value, shuffled(value))) == []


@given(values, values)
def test_there_is_a_change_exactly_where_the_canonical_forms_differ(one: Any, other: Any) -> None:
    assert bool(list(diff(one, other))) is (canonical(one) != canonical(other))


@given(values, values)
def test_no_change_is_reported_of_the_same_value_and_no_path_twice(one: Any, other: Any) -> None:
    found = list(diff(one, other))
    assert all(not same(change.before, change.after) for change in found)
    assert len({change.path for change in found}) == len(found)


@given(values, values)
def test_the_way_back_is_the_same_changes_turned_round(one: Any, other: Any) -> None:
    back = [FieldChange(change.path, change.after, change.before) for change in diff(other, one)]
    assert canonical_changes(back) == canonical_changes(diff(one, other))


@given(objects, objects)
def test_nothing_is_missed_the_changes_lead_from_one_to_the_other(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    fields = list(diff(one, other))
    if not any(part.startswith("[") for change in fields for part in change.path):
        assert canonical(patched(one, fields)) == canonical(other)


def canonical_changes(fields: Iterable[FieldChange]) -> list[tuple[Any, ...]]:
    return [
        (
            change.path,
            *(
                None if side is ABSENT else canonical(side)
                for side in (change.before, change.after)
            ),
        )
        for change in fields
    ]

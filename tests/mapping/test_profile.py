"""What source records hold that nobody maps: paths, fill rates, types, and bounds."""

import json
from typing import Any

import pytest

from reconciler.mapping.profile import MOST_KEYS, MOST_PATHS, Profile
from reconciler.mapping.reads import Place


def profiled(*records: dict[str, Any], read: str = "") -> Profile:
    """Return the profile of *records* of which the keys in *read* are used."""
    place = Place()
    for key in read.split():
        place.at(key).whole = True
    profile = Profile(place)
    profile.add(records)
    return profile


def told(profile: Profile) -> dict[str, tuple[int, int]]:
    return {node.path: (node.tally.filled, node.tally.of) for node in profile.unmapped()}


def test_what_is_read_is_left_out_and_the_rest_is_told_by_path() -> None:
    record = {"no": 1, "x_cost": "A", "addr": {"city": "Ulm", "geo": {"lat": 1.5}}, "odd key": 1}
    assert told(profiled(record, read="no")) == {
        "x_cost": (1, 1), "addr.city": (1, 1), "addr.geo.lat": (1, 1), '"odd key"': (1, 1),
    }  # fmt: skip


def test_of_a_list_each_item_counts_once() -> None:
    records: list[dict[str, Any]] = [
        {"lines": [{"x": 1}, {"x": None}, {}]},
        {"lines": [{"x": 2, "y": "a"}]},
        {"lines": []},
    ]
    assert told(profiled(*records)) == {"lines[].x": (2, 4), "lines[].y": (1, 4)}


def test_missing_null_and_empty_are_not_filled() -> None:
    records: list[dict[str, Any]] = [
        {"a": "", "b": [], "c": {}, "d": None},
        {"a": "x"},
        {"d": 0},
        {},
    ]
    assert told(profiled(*records)) == {"a": (1, 4), "b": (0, 4), "c": (0, 4), "d": (1, 4)}


def test_pages_add_up() -> None:
    profile = profiled({"a": 1}, {"a": 2})
    profile.add([{"a": 2}, {"b": 1}])
    assert told(profile) == {"a": (3, 4), "b": (1, 4)}
    (a, _) = profile.unmapped()
    assert (a.tally.distinct(), a.tally.sample, a.kinds.seen) == (
        [("2", 2), ("1", 1)],
        "1",
        {"integer": 3},
    )


def test_true_is_not_one_and_long_texts_are_cut() -> None:
    profile = profiled({"a": True, "t": "x" * 500}, {"a": 1})
    a, text = profile.unmapped()
    assert a.tally.distinct() == [("true", 1), ("1", 1)]
    assert len(text.tally.sample or "") == 80
    assert [len(value) for value, _ in text.tally.distinct()] == [80]


@pytest.mark.parametrize(
    "records",
    [
        [{f"k{n}_{m}": {str(i): i for i in range(20)} for n in range(300)} for m in range(20)],
        [{f"key{n}": n for n in range(5000)}],
        [{str(n): [{str(m): 1 for m in range(50)}] for n in range(100)}],
        [{"k" * 100_000: "v" * 100_000}],
        [{"a": [str(n) * 100 for n in range(100_000)]}],
        [json.loads('{"a":' * 300 + "1" + "}" * 300)],
    ],
    ids=["many", "wide", "lists", "long", "values", "deep"],
)
def test_whatever_records_hold_what_is_kept_is_bounded(records: list[dict[str, Any]]) -> None:
    profile = profiled(*records)
    nodes = profile.unmapped()
    assert len(nodes) <= MOST_PATHS
    assert len(profile.root.fields) <= MOST_KEYS
    for node in nodes:
        assert len(node.path) < 4_000
        assert len(node.tally.sample or "") <= 80
        assert len(node.tally.distinct()) <= 32
    assert profile.left_out is (records[0].keys() != {"a"} or isinstance(records[0]["a"], dict))


def test_a_list_of_which_only_some_is_read_is_told_for_the_rest() -> None:
    place = Place()
    place.at("lines").item().at("sku").whole = True
    profile = Profile(place)
    profile.add([{"lines": [{"sku": 1, "cost": 2}]}])
    assert told(profile) == {"lines[].cost": (1, 1)}

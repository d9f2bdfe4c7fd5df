"""The plant: what follows from a seed, and what changes when it works."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.sandbox.plant import LABELS, Plant, Version
from reconciler.sandbox.shelf import Entry, Label, Shelf
from reconciler.sandbox.stamps import Stamp, from_ms, grain, read_stamp, to_ms, write_stamp

NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)


def lines(plant: Plant) -> list[Version]:
    return plant.ledger


def test_the_same_seed_and_clock_make_the_same_plant_for_ever() -> None:
    one, other = Plant(now=NOW, seed=3), Plant(now=NOW, seed=3)
    for plant in (one, other):
        plant.advance(30, NOW + timedelta(minutes=5))
    assert lines(one) == lines(other)


def test_a_twin_is_the_same_plant_and_goes_its_own_way() -> None:
    plant = Plant(now=NOW)
    twin = plant.twin()
    assert lines(twin) == lines(plant)
    plant.advance(5, NOW)
    assert lines(twin) != lines(plant)
    twin.advance(5, NOW)
    assert lines(twin) == lines(plant)


def test_another_seed_makes_another_plant() -> None:
    assert lines(Plant(now=NOW, seed=3)) != lines(Plant(now=NOW, seed=4))


def test_all_records_are_of_the_last_ninety_days_and_none_is_of_the_future() -> None:
    plant = Plant(now=NOW)
    for shelf in plant.shelves.values():
        for entry in shelf:
            assert to_ms(NOW - timedelta(days=90)) < entry.changed <= to_ms(NOW), entry.key


def test_the_data_look_like_those_of_a_customised_plant() -> None:
    plant = Plant(now=NOW)
    orders = [entry.body for entry in plant.current("orders")]
    vendors = [entry.body for entry in plant.current("vendors")]
    positions = [position for order in orders for position in order["positions"]]
    assert len(orders) == 240
    assert len(vendors) == 20
    assert {order["state"] for order in orders} >= {"OPEN", "AWAIT_APPR", "ORDERED", "CLOSED"}
    assert any(order["currency"] == "eur" for order in orders)
    assert any(order["u_cost_centre"] is None for order in orders)
    assert any(position["kind"] == "T" and position["qty"] is None for position in positions)
    assert any(vendor["street"] is None for vendor in vendors)
    assert any(not vendor["name"].isascii() for vendor in vendors)
    assert any(entry.body["parentId"] for entry in plant.current("assets"))


REFERENCES = [
    ("orders", "supplier", "vendors"),
    ("orders", "plant", "sites"),
    ("orders", "buyer", "users"),
    ("receipts", "vendor", "vendors"),
    ("stock", "part", "parts"),
    ("stock", "storeroom", "storerooms"),
    ("assets", "parentId", "assets"),
    ("assets", "locationId", "locations"),
    ("assets", "vendorId", "vendors"),
    ("workorders", "asset", "assets"),
    ("workorders", "request", "requests"),
    ("workorders", "assignee", "users"),
    ("labor", "who", "users"),
    ("requests", "asset", "assets"),
    ("meters", "asset", "assets"),
    ("readings", "meter", "meters"),
    ("storerooms", "loc", "locations"),
]


@pytest.mark.parametrize(("collection", "field", "target"), REFERENCES)
def test_a_reference_leads_to_a_record(collection: str, field: str, target: str) -> None:
    plant = Plant(now=NOW)
    plant.advance(40, NOW)
    found = {entry.body[field] for entry in plant.current(collection)} - {None}
    assert found
    assert all(plant.get(target, key) is not None for key in found)


def test_the_totals_of_an_order_are_those_of_its_lines() -> None:
    for entry in Plant(now=NOW).current("orders"):
        order = entry.body
        net = sum(float(position["amount"]) for position in order["positions"])
        assert f"{net:.2f}" == order["net"]
        assert f"{float(order['net']) + float(order['vat']):.2f}" == order["gross"]


def test_scale_multiplies_the_records_of_the_trade() -> None:
    plain, large = Plant(now=NOW), Plant(now=NOW, scale=3)
    for name in ("orders", "vendors", "parts", "assets", "workorders", "readings"):
        assert len(large.shelves[name]) == 3 * len(plain.shelves[name])


def test_work_approves_receives_opens_moves_and_deletes() -> None:
    plant = Plant(now=NOW)
    before = {entry.key: entry.body["state"] for entry in plant.current("orders")}
    start = len(plant.ledger)
    plant.advance(60, NOW + timedelta(minutes=1))
    written = plant.ledger[start:]
    after = {entry.key: entry.body["state"] for entry in plant.current("orders")}
    assert {line.action for line in written} == {"created", "changed", "flagged", "removed"}
    assert any(after.get(key, state) != state for key, state in before.items())
    assert set(after) - set(before)
    assert {line.collection for line in written} >= {
        "orders",
        "workorders",
        "labor",
        "requests",
        "receipts",
        "invoices",
        "stock",
        "parts",
        "readings",
        "documents",
    }


def test_a_change_is_stamped_and_numbered() -> None:
    plant = Plant(now=NOW)
    at = to_ms(NOW + timedelta(hours=1))
    entry = plant.change("orders", "PO-100007", at, note="expedite")
    assert entry is not None
    assert entry.body["note"] == "expedite"
    assert entry.body["modified"] == "2026-03-05T13:00:00Z"
    assert plant.ledger[-1][1:6] == ("orders", "PO-100007", 2, "changed", at)


def test_a_mark_stays_and_a_removed_record_does_not() -> None:
    plant = Plant(now=NOW)
    assert plant.remove("parts", "P-2001", to_ms(NOW))
    assert plant.remove("orders", "PO-100001", to_ms(NOW))
    assert not plant.remove("orders", "PO-100001", to_ms(NOW))
    assert (plant.get("parts", "P-2001") or {})["del_flag"] == "X"
    assert plant.get("orders", "PO-100001") is None
    assert [line.action for line in plant.ledger[-2:]] == ["flagged", "removed"]


def test_a_late_change_is_stamped_before_it_is_seen() -> None:
    plant = Plant(now=NOW)
    plant.late = 20_000
    plant.change("orders", "PO-100007", to_ms(NOW), note="slow commit")
    line = plant.ledger[-1]
    assert from_ms(line.at) - from_ms(line.stamp) == timedelta(seconds=20)


def test_the_ledger_told_from_the_start_is_the_plant_as_it_is() -> None:
    plant = Plant(now=NOW)
    plant.advance(50, NOW + timedelta(minutes=1))
    told: dict[tuple[str, object], bytes] = {}
    for line in plant.ledger:
        told[line.collection, line.key] = line.encoded
    now = {
        (name, entry.key): entry.encoded for name, shelf in plant.shelves.items() for entry in shelf
    }
    assert {key: text for key, text in told.items() if text} == now


def test_versions_of_a_record_are_numbered_without_a_gap() -> None:
    plant = Plant(now=NOW)
    plant.advance(50, NOW)
    seen: dict[tuple[str, object], list[int]] = {}
    for line in plant.ledger:
        seen.setdefault((line.collection, line.key), []).append(line.version)
    assert all(after == before + 1 for some in seen.values() for before, after in pairwise(some))


@pytest.mark.parametrize("label", LABELS, ids=lambda label: label.name)
def test_the_stamp_in_a_record_is_the_one_it_is_filtered_by(label: Label) -> None:
    if label.stamp is None:
        return
    for entry in Plant(now=NOW).current(label.name):
        assert read_stamp(label.style, str(entry.body[label.stamp])) == entry.changed


@given(
    style=st.sampled_from(list(Stamp)),
    at=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis wants naive bounds
)
def test_a_stamp_comes_back_as_coarse_as_it_was_written(style: Stamp, at: datetime) -> None:
    ms = grain(style, to_ms(at))
    back = read_stamp(style, str(write_stamp(style, ms)))
    twice_an_hour = style is Stamp.LOCAL and at.month == 10 and back != ms
    assert back == ms or (twice_an_hour and abs(back - ms) == 3_600_000)


ENTRIES = st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.integers(0, 5)), max_size=40)


@settings(max_examples=60)
@given(steps=ENTRIES, since=st.integers(0, 5), looks=st.sampled_from([0, 1, 3]))
def test_a_shelf_lists_what_is_on_it_in_both_orders(
    steps: list[tuple[bool, int, int]], since: int, looks: int
) -> None:
    shelf = Shelf(Label("things", ("id",), numeric=True))
    held: dict[int, int] = {}
    for turn, (puts, key, changed) in enumerate(steps):
        if puts:
            shelf.put(Entry(key, changed, 1, msgspec.json.encode({"id": key})))
            held[key] = changed
        elif key in held:
            shelf.remove(key)
            del held[key]
        if looks and turn % looks == 0:
            assert shelf.keys() == sorted(held)
    wanted = sorted(key for key, changed in held.items() if changed >= since)
    assert shelf.keys(since) == wanted
    assert [entry.key for entry in shelf.changed(since, None, 99)] == [
        key for changed, key in sorted((c, k) for k, c in held.items()) if changed >= since
    ]

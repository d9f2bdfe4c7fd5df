"""What happens in one turn of the plant's life."""

from typing import TYPE_CHECKING, Final

from reconciler.sandbox.data import money
from reconciler.sandbox.trade import move_order, new_order
from reconciler.sandbox.upkeep import move_work_order, new_request, new_work_order, read_meter

if TYPE_CHECKING:
    from reconciler.sandbox.plant import Plant

_TRIES: Final = 8
"""How many records are drawn to find one that can still move."""


def turn(plant: "Plant", at: int) -> None:
    """Let one turn pass: work goes on everywhere, and now and then something is deleted."""
    number = plant.number("turn", 1)
    for _ in range(3):
        _move_an_order(plant, at)
        _move_a_work_order(plant, at)
    _read_meters(plant, at)
    _issue_a_part(plant, at)
    if number % 2 == 1:
        plant.put("orders", new_order(plant, at), at)
        request = new_request(plant, at)
        work = new_work_order(plant, at, request)
        plant.put("workorders", work, at)
        plant.change("requests", request["req"], at, state="WORK", wo=work["wo"])
    if number % 3 == 0:
        _change_a_price(plant, at)
    if number % 5 == 0:
        _delete_something(plant, at, number)


def _move_an_order(plant: "Plant", at: int) -> None:
    for _ in range(_TRIES):
        order = plant.pick("orders")
        if order["state"] not in {"CLOSED", "CANCELLED"}:
            move_order(plant, order, at)
            plant.put("orders", order, at)
            return


def _move_a_work_order(plant: "Plant", at: int) -> None:
    for _ in range(_TRIES):
        work = plant.pick("workorders")
        if work["sysStatus"] not in {"CLSD", "DLFL"}:
            move_work_order(plant, work, at)
            plant.put("workorders", work, at)
            return


def _read_meters(plant: "Plant", at: int) -> None:
    for _ in range(2):
        meter = plant.pick("meters")
        read_meter(plant, meter, at)
        plant.put("meters", meter, at)


def _issue_a_part(plant: "Plant", at: int) -> None:
    for _ in range(_TRIES):
        held = plant.pick("stock")
        on_hand = float(held["on_hand"])
        if on_hand >= 1:
            key = f"{held['part']}|{held['storeroom']}"
            plant.change("stock", key, at, on_hand=f"{on_hand - 1:.3f}")
            return


def _change_a_price(plant: "Plant", at: int) -> None:
    part = plant.pick("parts")
    cents = round(float(part["cost"]) * plant.random.uniform(101, 108))
    sources = [{**source, "price": money(cents)} for source in part["sources"]]
    plant.change("parts", part["part_no"], at, cost=money(cents), sources=sources)


def _delete_something(plant: "Plant", at: int, number: int) -> None:
    """Delete an order that nobody approved, or a work order that nobody began, or mark a document."""
    if number % 3 == 0:
        plant.remove("documents", plant.pick("documents")["doc_id"], at)
        return
    collection, field, states, key = (
        ("orders", "state", {"OPEN", "CANCELLED"}, "order_no")
        if number % 2
        else ("workorders", "sysStatus", {"CRTD", "DLFL"}, "wo")
    )
    for _ in range(4 * _TRIES):
        record = plant.pick(collection)
        if record[field] in states:
            plant.remove(collection, record[key], at)
            return

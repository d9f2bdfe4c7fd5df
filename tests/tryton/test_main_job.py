"""The main job against a real ERP: plan, apply, sync, and every record as Tryton's own client tells it."""

import json
from decimal import Decimal
from typing import Any, Final

import pytest

from tests.journeys.conftest import Person, everything
from tests.tryton.server import PASSWORDS, Erp, Line, Order

pytestmark = pytest.mark.slow

CONNECTION: Final = "acme-erp"
ORDERS: Final = "purchase-orders"
STATUS: Final = {
    "draft": {"draft"},
    "quotation": {"pending_approval"},
    "processing": {"sent", "received"},
    "done": {"closed"},
    "cancelled": {"cancelled"},
}


async def _apply_and_sync(person: Person) -> None:
    await person.gets("plan", "specs")
    await person.gets("apply", "specs", "--auto-approve")
    await person.gets("sync", CONNECTION, "--wait")


async def _read(person: Person, entity: str = ORDERS, **query: Any) -> dict[str, dict[str, Any]]:
    """Return what the API of a running reconciler serves, by the source's own key."""
    token = (await person.gets("token", "create", "--connection", CONNECTION)).strip()
    async with person.runs("specs") as url:
        records = await everything(f"{url}/{entity}", token, limit=70, **query)
    found = {record["source_id"]: record for record in records}
    assert len(found) == len(records), "a record was served twice"
    return found


async def _synced(person: Person, *words: str) -> dict[str, int]:
    """Sync orders once more, and return what that run did."""
    await person.gets("sync", CONNECTION, ORDERS, *words, "--wait")
    runs = json.loads(await person.gets("get", "runs", CONNECTION, "-o", "json"))
    newest: dict[str, int] = next(run for run in runs if run["entity"] == ORDERS)
    return {name: newest[name] for name in ("created", "updated", "deleted", "invalid")}


def _amount(text: Any) -> Decimal:
    """Read an amount that must be exact, and so a string."""
    assert isinstance(text, str), f"{text!r} is not a decimal string"
    return Decimal(text)


def _as_order(record: dict[str, Any]) -> Order:
    """Say a unified record in Tryton's words."""
    return Order(
        id=int(record["source_id"]),
        number=None if record["number"] == record["code"] else record["number"],
        reference=record["code"],
        description=record["title"],
        comment=record["notes"],
        state=record["custom_fields"]["erp_state"],
        date=record["order_date"],
        party=record["vendor_name"],
        currency=record["currency"],
        net=_amount(record["total_net"]),
        tax=_amount(record["total_tax"]),
        gross=_amount(record["total_gross"]),
        lines=tuple(_as_line(line) for line in record["lines"]),
    )


def _as_line(line: dict[str, Any]) -> Line:
    return Line(
        product=line["code"],
        name=line["name"] or line["description"],
        quantity=_amount(line["quantity"]),
        unit=line["uom"],
        unit_price=_amount(line["unit_price"]),
        amount=_amount(line["line_total"]),
    )


async def test_every_order_is_served_as_tryton_itself_tells_it(person: Person, erp: Erp) -> None:
    await _apply_and_sync(person)

    served = await _read(person)

    truth = {str(order.id): order for order in erp.truth()}
    assert served.keys() == truth.keys()
    for key, order in truth.items():
        assert _as_order(served[key]) == order
        assert served[key]["status"] in STATUS[order.state]
        assert served[key]["custom_fields"]["is_rush"] is ("RUSH" in (order.comment or ""))
    assert {record["status"] for record in served.values()} == set().union(*STATUS.values())


async def test_orders_lead_to_the_vendors_and_materials_that_they_name(person: Person) -> None:
    await _apply_and_sync(person)

    orders = await _read(person)
    vendors = {record["id"]: record for record in (await _read(person, "vendors")).values()}
    materials = {record["id"]: record for record in (await _read(person, "materials")).values()}

    for order in orders.values():
        assert vendors[order["vendor_id"]]["name"] == order["vendor_name"]
        for line in (line for line in order["lines"] if line["code"]):
            assert materials[line["material_id"]]["code"] == line["code"]


@pytest.mark.parametrize("what", ["header", "line", "confirm"])
async def test_the_next_sync_writes_exactly_the_three_orders_that_changed(
    person: Person, erp: Erp, what: str
) -> None:
    await _apply_and_sync(person)

    changed = erp.change(3, what=what, mark="AFTER")
    did = await _synced(person)

    assert did == {"created": 0, "updated": 3, "deleted": 0, "invalid": 0}
    served = await _read(person)
    truth = {order.id: order for order in erp.truth()}
    assert [_as_order(served[str(key)]) for key in changed] == [truth[key] for key in changed]


async def test_a_sync_of_an_unchanged_erp_writes_nothing(person: Person) -> None:
    await _apply_and_sync(person)

    assert set((await _synced(person)).values()) == {0}
    assert set((await _synced(person, "--full")).values()) == {0}


async def test_a_deleted_order_becomes_a_tombstone(person: Person, erp: Erp) -> None:
    await _apply_and_sync(person)

    gone = {str(key) for key in erp.delete(2)}
    did = await _synced(person, "--full")

    assert did["deleted"] == 2
    assert (await _read(person)).keys() == {str(order.id) for order in erp.truth()}
    everyone = await _read(person, deleted="include")
    assert {key for key, record in everyone.items() if record["deleted_at"]} == gone


async def test_a_wrong_password_is_told_in_a_sentence_that_does_not_hold_it(
    person: Person,
) -> None:
    await person.gets("apply", "specs", "--auto-approve")
    person.environ["ACME_ERP_PASSWORD"] = "wrong-Canary-77"

    told = await person.types("sync", CONNECTION, "--wait")

    assert told.code == 1
    assert "AUTHENTICATION_FAILED" in told.err
    assert CONNECTION in told.err or "127.0.0.1" in told.err
    assert "Canary" not in told.out + told.err


async def test_a_stopped_erp_is_told_in_a_sentence_and_its_records_are_still_served(
    person: Person, erp: Erp
) -> None:
    await _apply_and_sync(person)
    known = {str(order.id) for order in erp.truth()}
    erp.stop()

    told = await person.types("sync", CONNECTION, "--wait")

    assert told.code == 1
    assert "CONNECTION_UNREACHABLE" in told.err
    assert (await _read(person)).keys() == known


async def test_no_password_is_left_in_the_folder(person: Person) -> None:
    await _apply_and_sync(person)

    canary = PASSWORDS["ACME_ERP_PASSWORD"].encode()
    files = [path for path in person.folder.rglob("*") if path.is_file()]
    assert not [path.name for path in files if canary in path.read_bytes()]

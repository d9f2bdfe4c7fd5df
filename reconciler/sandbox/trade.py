"""Buying: purchase orders, goods receipts and invoices, and the stock that moves with them."""

from typing import TYPE_CHECKING, Final

from reconciler.sandbox.data import DAY, HISTORY, money
from reconciler.sandbox.shelf import Body
from reconciler.sandbox.stamps import Stamp, day, write_stamp
from reconciler.sandbox.words import NOTES

if TYPE_CHECKING:
    from reconciler.sandbox.plant import Plant

ORDERS: Final = 240
NEXT: Final = {
    "OPEN": "AWAIT_APPR",
    "AWAIT_APPR": "APPROVED",
    "HOLD": "APPROVED",
    "APPROVED": "ORDERED",
    "ORDERED": "PART_RECV",
    "PART_RECV": "RECEIVED",
    "RECEIVED": "CLOSED",
}
"""Where an order goes next; ``CLOSED`` and ``CANCELLED`` are ends."""

_GERMAN_DAY: Final = "%d.%m.%Y"


def fill(plant: "Plant", now: int) -> None:
    """Put orders on the shelf, each walked some way along its life."""
    for _ in range(ORDERS * plant.scale):
        at = now - plant.random.randrange(DAY // 4, HISTORY * DAY)
        order = new_order(plant, at)
        for _ in range(plant.random.randrange(8)):
            later = at + plant.random.randrange(DAY // 24, 5 * DAY)
            if later >= now:
                break
            at = later
            move_order(plant, order, at)
        plant.put("orders", order, at)


def new_order(plant: "Plant", at: int) -> Body:
    """Return an order as a buyer just opened it; it is on no shelf yet."""
    vendor = plant.pick("vendors")
    number = plant.number("order", 100_001)
    positions = [_position(plant, turn) for turn in range(plant.random.randrange(1, 7))]
    if number % 11 == 0:
        positions.append(_text_line(len(positions)))
    order = {
        "order_no": f"PO-{number}",
        "revision": 0,
        "descr": plant.random.choice((None, "Spare parts", "stock replenishment", "Shutdown Q3")),
        "state": "OPEN",
        "supplier": vendor["vendor_no"],
        "supplier_name": vendor["name"],
        "plant": plant.random.choice(("S1", "S1", "S2")),
        "buyer": plant.random.choice(("u-02", "u-11")),
        "approver": None,
        "ordered_on": day(at, _GERMAN_DAY),
        "wanted_on": None if number % 8 == 0 else day(at + 14 * DAY, _GERMAN_DAY),
        "approved_at": None,
        "closed_at": None,
        "currency": vendor["curr"].lower() if number % 13 == 0 else vendor["curr"],
        "terms": vendor["terms"],
        "ship_via": plant.random.choice(("ROAD", "road", "PARCEL", None)),
        "ship_to": _ship_to(plant, number),
        "note": plant.random.choice(NOTES) if number % 3 == 0 else None,
        "u_cost_centre": f"{plant.random.choice((4711, 4712, 5100))}-{number % 7:02d}",
        "u_rush": plant.random.choice(("Y", "N", "N", None)),
        "invoice": None,
        "positions": positions,
        "created": write_stamp(Stamp.ISO, at),
    }
    if number % 10 == 0:
        order["u_cost_centre"] = None
    return _priced(order, vendor["cc"])


def move_order(plant: "Plant", order: Body, at: int) -> None:
    """Take *order* one step further, with the receipt or the invoice that belongs to it."""
    state = order["state"]
    if state in {"OPEN", "AWAIT_APPR", "APPROVED"} and plant.random.random() < 0.04:
        order["state"] = plant.random.choice(("CANCELLED", "HOLD"))
        order["revision"] += 1
        return
    following = NEXT.get(state)
    if following is None:
        return
    order["state"] = following
    order["revision"] += 1
    if following == "APPROVED":
        order["approver"] = "u-03"
        order["approved_at"] = write_stamp(Stamp.ISO, at)
    elif following in {"PART_RECV", "RECEIVED"}:
        _receive(plant, order, at, whole=following == "RECEIVED")
    elif following == "CLOSED":
        order["closed_at"] = write_stamp(Stamp.ISO, at)
        plant.change("invoices", order["invoice"], at, state="PAID", open="0,00")


def _position(plant: "Plant", turn: int) -> Body:
    part = plant.pick("parts")
    quantity = plant.random.choice((1, 1, 2, 4, 6, 10, 25))
    return {
        "pos": 10 * (turn + 1),
        "kind": "M",
        "part": part["part_no"],
        "text": part["descr"],
        "qty": str(quantity),
        "got": "0",
        "uom": part["uom"],
        "price": part["cost"],
    }


def _text_line(turn: int) -> Body:
    text = "Bitte Lieferschein beilegen / please add delivery note"
    line = {"pos": 10 * (turn + 1), "kind": "T", "part": None, "text": text}
    return {**line, "qty": None, "got": None, "uom": None, "price": None}


def _ship_to(plant: "Plant", number: int) -> Body | None:
    if number % 5 == 0:
        return None
    site = plant.pick("sites")
    gate = "Gate 3" if number % 2 else None
    address = {"name": site["name"], "street": site["street"], "street2": gate}
    return {**address, "zip": site["zip"], "city": site["city"], "country": site["cc"]}


def _priced(order: Body, country: str) -> Body:
    rate = 21 if country.upper() == "NL" else 0
    net = 0
    for position in order["positions"]:
        cents = round(float(position["price"] or 0) * 100) * int(position["qty"] or 0)
        position["vat"] = money((cents * rate + 50) // 100)
        position["amount"] = money(cents)
        net += cents
    vat = (net * rate + 50) // 100
    order |= {"net": money(net), "vat": money(vat), "gross": money(net + vat)}
    return order


def _receive(plant: "Plant", order: Body, at: int, *, whole: bool) -> None:
    lines = []
    for position in order["positions"]:
        if position["qty"] is None:
            continue
        due = int(position["qty"]) - int(position["got"])
        taken = due if whole else due // 2
        if taken:
            position["got"] = str(int(position["got"]) + taken)
            lines.append({key: position[key] for key in ("pos", "part", "uom")} | {"qty": taken})
            _store(plant, position["part"], taken, at)
    number = plant.number("receipt", 50_001)
    receipt = {
        "doc": f"GR-{number}",
        "order": order["order_no"],
        "vendor": order["supplier"],
        "site": order["plant"],
        "storeroom": "ST-01" if order["plant"] == "S1" else "ST-03",
        "posted": day(at, "%Y%m%d"),
        "state": "COMPLETE" if whole else "PARTIAL",
        "by": "u-04",
        "slip": f"LS {number * 17}" if number % 4 else None,
        "lines": lines,
        "created": write_stamp(Stamp.ISO, at),
    }
    plant.put("receipts", receipt, at)
    if whole:
        _bill(plant, order, at)


def _store(plant: "Plant", part: str, quantity: int, at: int) -> None:
    held = plant.get("stock", f"{part}|ST-01")
    if held is not None:
        on_hand = float(held["on_hand"]) + quantity
        plant.change("stock", f"{part}|ST-01", at, on_hand=f"{on_hand:.3f}")


def _bill(plant: "Plant", order: Body, at: int) -> None:
    number = plant.number("invoice", 70_001)
    order["invoice"] = f"INV-{number}"
    invoice = {
        "inv": order["invoice"],
        "order": order["order_no"],
        "vendor": order["supplier"],
        "their_ref": f"{number * 13 % 100_000:05d}/{day(at, '%y')}",
        "dated": day(at),
        "due": day(at + 30 * DAY),
        "state": "POSTED" if number % 5 else "PARKED",
        "curr": order["currency"],
        "net": _comma(order["net"]),
        "vat": _comma(order["vat"]),
        "gross": _comma(order["gross"]),
        "open": _comma(order["gross"]),
        "u_project": f"CAPEX-{number % 4}" if number % 9 == 0 else None,
    }
    plant.put("invoices", invoice, at)


def _comma(amount: str) -> str:
    """Return *amount* as the accounting writes it: ``1.234,50``."""
    return f"{float(amount):,.2f}".translate(str.maketrans(",.", ".,"))

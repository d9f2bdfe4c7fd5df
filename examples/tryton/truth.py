"""What Tryton's own client says of the purchase orders, and how a buyer changes them."""

from collections import defaultdict
from typing import Any, Final

from examples.tryton.client import Client, Domain

ORDER: Final = [
    "number",
    "reference",
    "description",
    "comment",
    "state",
    "shipment_state",
    "purchase_date",
    "delivery_date",
    "party.name",
    "currency.code",
    "payment_term.name",
    "untaxed_amount",
    "tax_amount",
    "total_amount",
    "lines",
]
LINE: Final = [
    "purchase",
    "type",
    "description",
    "product.id",
    "product.code",
    "product.name",
    "quantity",
    "unit.symbol",
    "unit_price",
    "amount",
]


def truth(client: Client) -> list[dict[str, Any]]:
    """Return every purchase order with its lines, by id; amounts are ``Decimal``."""
    orders = client.read("purchase.purchase", client.search("purchase.purchase", []), ORDER)
    keys = [key for order in orders for key in order["lines"]]
    lines: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for line in client.read("purchase.line", keys, LINE):
        lines[line["purchase"]].append(_flat(line, LINE))
    return [_flat(order, ORDER) | {"lines": lines[order["id"]]} for order in orders]


CHANGES: Final = ("header", "line", "confirm")
"""``header``: another reference. ``line``: one more of a draft's first line, which leaves the time stamp
of its order as it was. ``confirm``: a quotation becomes an order."""


def change(client: Client, count: int, *, what: str, mark: str) -> list[int]:
    """Change the first *count* orders that can be changed so, and return their ids."""
    states = {"header": [], "line": ["draft"], "confirm": ["quotation"]}[what]
    orders = _first(client, count, states)
    if what == "confirm":
        client.click("purchase.purchase", "confirm", orders)
    for row in client.read("purchase.purchase", orders, ["lines"]):
        if what == "header":
            client.write("purchase.purchase", [row["id"]], {"reference": f"{mark}-{row['id']}"})
        elif what == "line":
            (line,) = client.read("purchase.line", row["lines"][:1], ["quantity"])
            client.write("purchase.line", [line["id"]], {"quantity": line["quantity"] + 1})
    return orders


def fill(client: Client, count: int, *, field: str, values: list[str]) -> list[tuple[int, str]]:
    """Give the first *count* orders one of *values* in *field* each, in turn; return ids and values."""
    told = [(key, values[at % len(values)]) for at, key in enumerate(_first(client, count, []))]
    for key, value in told:
        client.write("purchase.purchase", [key], {field: value})
    return told


def delete(client: Client, count: int) -> list[int]:
    """Cancel and delete the first *count* drafts, and return the ids that are gone."""
    orders = _first(client, count, ["draft"])
    client.click("purchase.purchase", "cancel", orders)
    client.delete("purchase.purchase", orders)
    return orders


def _first(client: Client, count: int, states: list[str]) -> list[int]:
    domain: Domain = [("state", "in", states)] if states else []
    orders = client.search("purchase.purchase", domain)
    if len(orders) < count:
        raise LookupError(f"{count} orders wanted, and there are {len(orders)} that will do")
    return orders[:count]


def _flat(row: dict[str, Any], fields: list[str]) -> dict[str, Any]:
    """Take *fields* out of a row; ``party.name`` is in ``{"party.": {"name": N}}`` there."""
    flat: dict[str, Any] = {"id": row["id"]}
    for name in fields:
        parent, dot, child = name.partition(".")
        flat[name.replace(".", "_")] = (row[f"{parent}."] or {}).get(child) if dot else row[name]
    return flat


def change_password(client: Client, user: str, password: str) -> list[int]:
    """Give *user* another password, as an administrator does; return the user's id."""
    found = client.search("res.user", [("login", "=", user)])
    if not found:
        raise LookupError(f"there is no user {user!r}")
    client.write("res.user", found, {"password": password})
    return found

"""Fills an empty Tryton with a plausible plant: vendors, products, and purchase orders in every state.

Talks to the server through proteus, Tryton's own client, in few large calls: a call a record would
cost a second an order. The same number seeds the same data, except for ids that Tryton gives.
"""

import datetime as dt
import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from examples.tryton.client import Client

WORDS: Final = ("Pump", "Bearing", "Valve", "Seal", "Filter", "Belt", "Motor", "Gasket")
CITIES: Final = ("Graz", "Linz", "Łódź", "Brno", "Győr", "Málaga", "Zürich", "Århus")
OPEN: Final = ("draft", "quotation", "ordered")
FATES: Final = (*OPEN, "received", "cancelled", *OPEN, "quotation", "empty")
"""What becomes of each tenth order; the empty one has nothing to deliver or bill and so is done."""
READABLE: Final = (
    "purchase.purchase",
    "purchase.line",
    "party.party",
    "party.address",
    "party.contact_mechanism",
    "product.product",
    "product.template",
)
"""What the integrator may read; the auditor may read parties only."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is."""

    vendors: int = 40
    products: int = 60
    orders: int = 200


@dataclass(frozen=True, slots=True)
class Login:
    """A user of the ERP; the password is the caller's, never ours."""

    name: str
    password: str


@dataclass(frozen=True, slots=True)
class Plant:
    """Ids of what orders are made of."""

    units: dict[str, int]
    currencies: tuple[int, ...]
    term: int
    taxes: tuple[int, ...]
    vendors: tuple[tuple[int, int], ...]
    """Party and its address."""
    products: tuple[dict[str, Any], ...]


def seed(client: Client, logins: tuple[Login, Login], *, day: dt.date, size: Size) -> None:
    """Fill an empty database; *logins* are the integrator and the auditor; *day* is today."""
    rng = random.Random(42)  # noqa: S311  # made-up data, no secret
    company = _company(client, day)
    _logins(client, company, logins)
    plant = _plant(client, company, size, rng)
    orders = client.create(
        "purchase.purchase", [_order(plant, number, day, rng) for number in range(size.orders)]
    )
    _advance(client, orders)


def _company(client: Client, day: dt.date) -> int:
    """Make currencies and the company, and let the administrator work for it."""
    me, *_ = client.search("res.user", [("login", "=", "admin")])
    groups = client.search("res.group", [])
    client.write("res.user", [me], {"groups": [("add", groups)]})
    year = day.replace(month=1, day=1)
    euro, _ = client.create(
        "currency.currency",
        [
            _currency("Euro", "EUR", year, Decimal(1)),
            _currency("US Dollar", "USD", year, Decimal("1.08")),
        ],
    )
    (party,) = client.create("party.party", [{"name": "Acme Works"}])
    (company,) = client.create("company.company", [{"party": party, "currency": euro}])
    client.write("res.user", [me], {"companies": [("add", [company])], "company": company})
    client.refresh()
    client.create_chart_of_accounts(company)
    return company


def _currency(name: str, code: str, day: dt.date, rate: Decimal) -> dict[str, Any]:
    return {
        "name": name,
        "code": code,
        "symbol": code,
        "digits": 2,
        "rounding": Decimal("0.01"),
        "rates": [("create", [{"date": day, "rate": rate}])],
    }


def _logins(client: Client, company: int, logins: tuple[Login, Login]) -> None:
    """Two users who read and never write, each through a group that holds just their rights."""
    for login, readable in zip(logins, (READABLE, ("party.party",)), strict=True):
        rights = [{"model": model, "perm_read": True} for model in readable]
        for right in rights:
            right.update(perm_write=False, perm_create=False, perm_delete=False)
        (group,) = client.create(
            "res.group", [{"name": f"Read: {login.name}", "model_access": [("create", rights)]}]
        )
        client.create(
            "res.user",
            [
                {
                    "name": login.name.title(),
                    "login": login.name,
                    "password": login.password,
                    "groups": [("add", [group])],
                    "companies": [("add", [company])],
                    "company": company,
                }
            ],
        )


def _plant(client: Client, company: int, size: Size, rng: random.Random) -> Plant:
    symbols = client.read("product.uom", client.search("product.uom", []), ["symbol"])
    units = {unit["symbol"]: unit["id"] for unit in symbols}
    (term,) = client.create(
        "account.invoice.payment_term",
        [{"name": "Net 30", "lines": [("create", [_remainder(30)])]}],
    )
    return Plant(
        units=units,
        currencies=tuple(client.search("currency.currency", [], order=[("code", "ASC")])),
        term=term,
        taxes=tuple(_taxes(client, company)),
        vendors=_vendors(client, size.vendors, term),
        products=_products(client, size.products, units, rng),
    )


def _remainder(days: int) -> dict[str, Any]:
    return {"type": "remainder", "relativedeltas": [("create", [{"days": days}])]}


def _taxes(client: Client, company: int) -> list[int]:
    account, *_ = client.search("account.account", [("code", "=", "2.2.3")])
    return client.create(
        "account.tax",
        [
            {
                "name": f"VAT {percent} %",
                "description": f"VAT {percent} %",
                "type": "percentage",
                "rate": Decimal(percent) / 100,
                "company": company,
                "invoice_account": account,
                "credit_note_account": account,
            }
            for percent in (20, 10)
        ],
    )


def _vendors(client: Client, count: int, term: int) -> tuple[tuple[int, int], ...]:
    parties = client.create("party.party", [_vendor(number, term) for number in range(count)])
    found = client.read("party.party", parties, ["addresses"])
    return tuple((party["id"], party["addresses"][0]) for party in found)


def _vendor(number: int, term: int) -> dict[str, Any]:
    city = CITIES[number % len(CITIES)]
    mail = {"type": "email", "value": f"orders@vendor{number + 1:02d}.example"}
    address = {
        "street_unstructured": f"{number + 1} Industrial Road",
        "city": city,
        "postal_code": f"{1000 + number:05d}",
    }
    return {
        "name": f"{city} Supply {number + 1:02d}",
        "code": f"V-{number + 1:03d}",
        "supplier_payment_term": term,
        "addresses": [("create", [address])],
        "contact_mechanisms": [("create", [mail])],
    }


def _products(
    client: Client, count: int, units: dict[str, int], rng: random.Random
) -> tuple[dict[str, Any], ...]:
    templates = [_template(number, units, rng) for number in range(count)]
    made = client.read(
        "product.template", client.create("product.template", templates), ["products"]
    )
    return tuple(
        {"id": found["products"][0], "unit": template["default_uom"], "name": template["name"]}
        for found, template in zip(made, templates, strict=True)
    )


def _template(number: int, units: dict[str, int], rng: random.Random) -> dict[str, Any]:
    unit = units[("u", "kg", "m")[number % 3]]
    return {
        "name": f"{WORDS[number % len(WORDS)]} {number + 1:03d}",
        "code": f"SP-{number + 1:04d}",
        "type": "goods",
        "default_uom": unit,
        "purchasable": True,
        "purchase_uom": unit,
        "list_price": Decimal(rng.randint(200, 90000)) / 100,
        "products": [("create", [{"active": True}])],
    }


def _order(plant: Plant, number: int, day: dt.date, rng: random.Random) -> dict[str, Any]:
    party, address = rng.choice(plant.vendors)
    ordered = day - dt.timedelta(days=rng.randint(0, 90))
    return {
        "party": party,
        "invoice_address": address,
        "currency": plant.currencies[number % 7 == 0],
        "payment_term": plant.term,
        "invoice_method": "manual",
        "reference": f"REQ-{number + 1:05d}",
        "description": f"Order {number + 1} for {CITIES[number % len(CITIES)]}",
        "comment": "RUSH, please" if number % 10 == 0 else None,
        "purchase_date": ordered,
        "delivery_date": ordered + dt.timedelta(days=rng.randint(7, 60)),
        "lines": [("create", list(_lines(plant, rng, _fate(number))))],
    }


def _fate(number: int) -> str:
    return FATES[number % len(FATES)]


def _lines(plant: Plant, rng: random.Random, fate: str) -> Iterator[dict[str, Any]]:
    """One to four lines of material, and at times freight, which is no product."""
    if fate == "empty":
        price = Decimal(rng.randint(1000, 9000)) / 100
        yield {"description": "Call-off, nothing drawn", "quantity": 0.0, "unit_price": price}
        return
    for product in rng.sample(plant.products, rng.randint(1, 4)):
        whole = product["unit"] == plant.units["u"]
        yield {
            "product": product["id"],
            "description": product["name"],
            "unit": product["unit"],
            "quantity": float(rng.randint(1, 20)) if whole else rng.randint(1, 200) / 4,
            "unit_price": Decimal(rng.randint(10000, 5000000)) / 10000,
            "taxes": [("add", [rng.choice(plant.taxes)])],
        }
    if rng.random() < 0.2:
        price = Decimal(rng.randint(1000, 9000)) / 100
        yield {"description": "Freight", "quantity": 1.0, "unit_price": price}


def _advance(client: Client, orders: list[int]) -> None:
    """Bring the orders to their fates, a button for many orders at a time."""

    def those(*fates: str) -> list[int]:
        return [order for number, order in enumerate(orders) if _fate(number) in fates]

    client.click("purchase.purchase", "quote", those("quotation", "ordered", "received", "empty"))
    client.click("purchase.purchase", "confirm", those("ordered", "received", "empty"))
    client.click("purchase.purchase", "cancel", those("cancelled"))
    _receive(client, those("received"))


def _receive(client: Client, orders: list[int]) -> None:
    """Let the goods of *orders* arrive, which closes an order that is billed by hand."""
    found = client.read("purchase.purchase", orders, ["party", "moves"])
    (warehouse,) = client.search("stock.location", [("code", "=", "WH")])
    (rooms,) = client.read("stock.location", [warehouse], ["input_location", "storage_location"])
    shipments = client.create(
        "stock.shipment.in",
        [
            {
                "supplier": order["party"],
                "warehouse": warehouse,
                "warehouse_input": rooms["input_location"],
                "warehouse_storage": rooms["storage_location"],
                "incoming_moves": [("add", order["moves"])],
            }
            for order in found
        ],
    )
    client.click("stock.shipment.in", "receive", shipments)
    client.click("stock.shipment.in", "do", shipments)

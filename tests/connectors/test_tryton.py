"""The Tryton manifest against a handler that answers as Tryton does on the wire."""

import base64
import gzip
import json
from datetime import timedelta
from typing import Any

import httpx
import jmespath
import pytest
import yaml

from reconciler.connectors.catalogue import catalogue_files
from reconciler.connectors.connector import HttpConnector
from reconciler.connectors.registry import HttpConnectors
from reconciler.errors import Forbidden
from reconciler.model.resource import Kind
from tests.connectors.conftest import NOW, TurnedClock, resource

MANIFEST: dict[str, Any] = yaml.safe_load(catalogue_files()["tryton.yaml"])["spec"]
DECIMAL = {"__class__": "Decimal", "decimal": "12.50"}
STAMP = {
    "__class__": "datetime",
    "year": 2026,
    "month": 3,
    "day": 1,
    "hour": 9,
    "minute": 0,
    "second": 0,
    "microsecond": 5,
}


class Tryton:
    """A server with two orders; it remembers the calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[Any]]] = []
        self.refuses = False
        self.hides = ""
        self.added: list[dict[str, str]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/erp/rpc/"
        call = json.loads(request.content)
        assert set(call) == {"id", "method", "params"}
        method, params = call["method"], call["params"]
        self.calls.append((method, params))
        if method == "common.db.login":
            return self._reply([4, "tok" * 16, None])
        token = base64.b64encode(b"anna:4:" + b"tok" * 16).decode()
        if request.headers.get("authorization") != f"Session {token}":
            return httpx.Response(401, text="<title>401 Unauthorized</title>")
        if self.refuses or method == self.hides:
            return httpx.Response(
                200, json={"id": 1, "error": ["UserError", ["No right.", "", None]]}
            )
        if method == "model.ir.model.field.search_read":
            return self._reply(self.added)
        return self._reply(self._answer(method, params))

    def _answer(self, method: str, params: list[Any]) -> Any:
        match method:
            case "model.res.user.get_preferences":
                return {"company": 1, "companies": [1], "language": "nl"}
            case "model.purchase.purchase.search_read":
                rows = [
                    {"id": n, "total_amount": DECIMAL, "last_modified_at": STAMP} for n in (1, 2)
                ]
                return [row for row in rows if row["id"] > params[0][0][2]]
            case "model.purchase.line.search_read":
                return [{"id": 9, "purchase": 2, "unit_price": DECIMAL}]
            case "model.stock.location.search":
                return [3, 8]
            case "model.product.product.search_read":
                return [{"id": 5, "quantity": 2.0}] if params[5]["locations"] == [3] else []
            case _:
                return [1, 2]

    def _reply(self, result: Any) -> httpx.Response:
        body = json.dumps({"id": 1, "result": result}).encode()
        headers = {"content-type": "application/json"}
        if len(body) > 200:
            return httpx.Response(
                200, headers={**headers, "content-encoding": "gzip"}, content=gzip.compress(body)
            )
        return httpx.Response(200, headers=headers, content=body)


@pytest.fixture
def tryton() -> Tryton:
    return Tryton()


@pytest.fixture
def connector(clock: TurnedClock, tryton: Tryton) -> HttpConnector:
    connection = {
        "connector": "tryton",
        "config": {"base_url": "http://erp.example:8000/", "database": "erp"},
        "auth": {"method": "password", "username": {"env": "U"}, "password": {"env": "P"}},
    }
    made = HttpConnectors(
        clock, {"U": "anna", "P": "s3cret-pw"}, transport=lambda: httpx.MockTransport(tryton)
    ).open(
        resource(Kind.CONNECTION, "acme", connection), resource(Kind.CONNECTOR, "tryton", MANIFEST)
    )
    assert isinstance(made, HttpConnector)
    return made


async def test_orders_come_with_their_lines_and_plain_values(connector: HttpConnector) -> None:
    page = await connector.read("purchase-orders", since=None, page=None)
    assert page.ids == ("1", "2")
    assert page.next is None
    assert page.reached == "2026-03-01T09:00:00.000005Z"
    assert [json.loads(raw)["lines"] for raw in page.records] == [
        [],
        [{"id": 9, "purchase": 2, "unit_price": "12.50"}],
    ]
    assert json.loads(page.records[0])["total_amount"] == "12.50"


def asked_fields(tryton: Tryton, method: str) -> list[str]:
    """Return the fields that the last call of *method* asked for."""
    fields: list[str] = next(p[4] for called, p in reversed(tryton.calls) if called == method)
    return fields


async def test_what_modules_add_to_a_model_is_read_with_its_own_fields(
    connector: HttpConnector, tryton: Tryton
) -> None:
    tryton.added = [
        {"model": "purchase.line", "name": "dock"},
        {"model": "purchase.purchase", "name": "cost_center"},
    ]
    await connector.read("purchase-orders", since=None, page=None)
    orders = asked_fields(tryton, "model.purchase.purchase.search_read")
    lines = asked_fields(tryton, "model.purchase.line.search_read")
    assert (orders[0], orders[-2:]) == ("number", ["last_modified_at", "cost_center"])
    assert (lines[0], lines[-2:]) == ("purchase", ["last_modified_at", "dock"])


async def test_a_user_who_may_not_see_which_fields_there_are_reads_the_standard_ones(
    connector: HttpConnector, tryton: Tryton
) -> None:
    tryton.hides = "model.ir.model.field.search_read"
    page = await connector.read("purchase-orders", since=None, page=None)
    assert page.ids == ("1", "2")
    assert asked_fields(tryton, "model.purchase.purchase.search_read")[-1] == "last_modified_at"


async def test_a_changed_line_is_asked_for_as_a_change_of_its_order(
    connector: HttpConnector, tryton: Tryton
) -> None:
    since = connector.start("purchase-orders", NOW - timedelta(days=90))
    await connector.read("purchase-orders", since=since, page=None)
    domain = next(params[0] for method, params in tryton.calls if "purchase.purchase" in method)
    stamp = "2025-12-04T12:00:00.000000"
    assert domain == [
        ["id", ">", 0],
        ["OR", ["last_modified_at", ">=", stamp], ["lines.last_modified_at", ">=", stamp]],
    ]


async def test_a_full_read_has_no_lower_bound(connector: HttpConnector, tryton: Tryton) -> None:
    await connector.read("purchase-orders", since=None, page=None)
    domain = next(params[0] for method, params in tryton.calls if "purchase.purchase" in method)
    assert domain == [["id", ">", 0], []]


async def test_every_call_carries_the_users_company_and_asks_for_archived_rows(
    connector: HttpConnector, tryton: Tryton
) -> None:
    await connector.read("vendors", since=None, page=None)
    context = tryton.calls[-1][1][-1]
    assert context == {"company": 1, "companies": [1], "language": "nl", "active_test": False}


async def test_ids_are_swept_by_their_own_call(connector: HttpConnector, tryton: Tryton) -> None:
    page = await connector.ids("purchase-orders", page=None)
    assert page.ids == ("1", "2")
    assert tryton.calls[-1][0] == "model.purchase.purchase.search"


async def test_stock_is_read_location_by_location(connector: HttpConnector) -> None:
    first = await connector.read("stock-levels", since=None, page=None)
    assert first.ids == ("3|5",)
    second = await connector.read("stock-levels", since=None, page=first.next)
    assert (second.ids, second.next) == ((), None)


async def test_no_right_on_a_model_is_forbidden(connector: HttpConnector, tryton: Tryton) -> None:
    await connector.probe()
    tryton.refuses = True
    with pytest.raises(Forbidden, match=r"model\.purchase\.purchase\.search_read.*No right"):
        await connector.read("purchase-orders", since=None, page=None)


@pytest.mark.parametrize(
    ("state", "shipment", "expected"),
    [
        ("draft", "none", "draft"),
        ("quotation", "none", "pending_approval"),
        ("confirmed", "none", "approved"),
        ("processing", "waiting", "sent"),
        ("processing", "partially shipped", "partially_received"),
        ("processing", "received", "received"),
        ("done", "received", "closed"),
        ("cancelled", "none", "cancelled"),
    ],
)
def test_the_state_of_an_order_and_its_shipment_make_the_status(
    state: str, shipment: str, expected: str
) -> None:
    rule = MANIFEST["streams"]["purchase-orders"]["fields"]["status"]
    found = jmespath.search(rule["from"], {"state": state, "shipment_state": shipment})
    assert rule["values"][found] == expected


@pytest.mark.parametrize(
    ("active", "expected"), [(True, "active"), (1, "active"), (False, "inactive"), (0, "inactive")]
)
def test_an_archived_party_is_an_inactive_vendor(active: object, expected: str) -> None:
    rule = MANIFEST["streams"]["vendors"]["fields"]["status"]
    assert jmespath.search(rule["from"], {"active": active}) == expected

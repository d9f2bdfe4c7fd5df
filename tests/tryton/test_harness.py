"""The ERP that the main job is proved against is real, filled, and does what a buyer does."""

import base64
from collections import Counter
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.tryton.server import DATABASE, PASSWORDS, Erp, Order

pytestmark = pytest.mark.slow


def _call(erp: Erp, method: str, params: list[Any], session: str = "") -> Any:
    answer = httpx.post(
        f"{erp.url}/{DATABASE}/rpc/",
        json={"id": 1, "method": method, "params": params},
        headers={"Authorization": f"Session {session}"} if session else {},
        timeout=30,
    )
    return answer.raise_for_status().json()


def _session(erp: Erp, user: str, password: str) -> str:
    login = _call(erp, "common.db.login", [user, {"password": password}, "en"])
    key, token, *_ = login["result"]
    return base64.b64encode(f"{user}:{key}:{token}".encode()).decode()


def _integrator(erp: Erp) -> str:
    return _session(erp, PASSWORDS["ACME_ERP_USER"], PASSWORDS["ACME_ERP_PASSWORD"])


def _counted(erp: Erp, model: str, session: str) -> Any:
    return _call(erp, f"model.{model}.search_count", [[], 0, None, {}], session)


def test_two_hundred_orders_stand_in_every_state_and_two_currencies(
    first_truth: tuple[Order, ...],
) -> None:
    states = Counter(order.state for order in first_truth)

    assert states == {"draft": 40, "quotation": 60, "processing": 60, "cancelled": 20, "done": 20}
    assert {order.currency for order in first_truth} == {"EUR", "USD"}
    assert sum(len(order.lines) for order in first_truth) > 400


def test_the_totals_are_exact_sums_of_their_parts(first_truth: tuple[Order, ...]) -> None:
    for order in first_truth:
        assert order.net == sum(line.amount for line in order.lines)
        assert order.gross == order.net + order.tax


def test_the_integrator_reads_orders_and_cannot_write_them(erp: Erp) -> None:
    session = _integrator(erp)

    refused = _call(erp, "model.purchase.purchase.write", [[1], {"reference": "mine"}, {}], session)

    assert _counted(erp, "purchase.purchase", session)["result"] == len(erp.truth())
    assert refused["error"][0] == "UserError"


def test_the_auditor_is_refused_orders_and_sees_vendors(erp: Erp) -> None:
    session = _session(erp, "auditor", PASSWORDS["ACME_ERP_AUDITOR_PASSWORD"])

    assert _counted(erp, "purchase.purchase", session)["error"][0] == "UserError"
    assert _counted(erp, "party.party", session)["result"] > 40


@pytest.mark.parametrize("what", ["header", "line", "confirm"])
def test_a_change_changes_as_many_orders_as_were_asked_for(erp: Erp, what: str) -> None:
    before = {order.id: order for order in erp.truth()}

    changed = erp.change(3, what=what)

    after = {order.id: order for order in erp.truth()}
    assert [key for key in after if after[key] != before[key]] == changed


def test_a_changed_line_raises_the_total_of_its_order(erp: Erp) -> None:
    before = {order.id: order for order in erp.truth()}

    (key,) = erp.change(1, what="line")

    (after,) = (order for order in erp.truth() if order.id == key)
    assert after.lines[0].quantity == before[key].lines[0].quantity + Decimal(1)
    assert after.net > before[key].net


def test_a_deleted_order_is_gone_for_good(erp: Erp) -> None:
    before = {order.id for order in erp.truth()}

    gone = erp.delete(2)

    assert len(gone) == 2
    assert {order.id for order in erp.truth()} == before.difference(gone)


def test_a_stopped_erp_starts_again_on_its_port_with_its_data(erp: Erp) -> None:
    where = erp.url
    changed = erp.change(1, mark="KEPT")

    erp.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(erp.url, timeout=5)
    erp.start()

    assert erp.url == where
    assert [order.id for order in erp.truth() if order.reference.startswith("KEPT")] == changed

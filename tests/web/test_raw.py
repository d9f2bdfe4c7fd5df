"""Raw records through the API, and records that could not be mapped."""

import json
from datetime import timedelta

import pytest

from reconciler.model.record import Batch, Row
from reconciler.store.memory import MemoryStore
from tests.web.conftest import Site, client_of
from tests.web.making import (
    NOON,
    ORDERS,
    READ,
    bury,
    issue,
    keep_orders,
    keep_unmapped,
    order_id,
    uid,
)

RAW = "/api/v1/raw/acme/purchase-orders"
LIST = "/api/v1/purchase-orders"


async def keep_raw(store: MemoryStore, source: str, raw: bytes) -> None:
    row = Row(source, order_id(source), raw, b"r" * 16, b"{}")
    async with store.begin() as unit:
        await unit.records.save(Batch(uid("acme"), ORDERS, "b1", "run_1", [row], NOON))
        await unit.commit()


async def test_a_raw_record_is_given_byte_by_byte_as_the_source_gave_it(site: Site) -> None:
    raw = '{"a":1.50, "b": "ü",  "big": 123456789012345678901}'.encode()
    await keep_raw(site.store, "7", raw)
    answer = await site.get(f"{RAW}/7")
    assert b'"raw":' + raw + b"}" in answer.content
    assert answer.json() == {
        "id": order_id("7"),
        "source_id": "7",
        "created_at": "2026-03-02T12:00:00Z",
        "updated_at": "2026-03-02T12:00:00Z",
        "deleted_at": None,
        "sync_run_id": "run_1",
        "error": None,
        "raw": json.loads(raw),
    }


async def test_raw_records_come_in_pages(site: Site) -> None:
    for number in range(5):
        await keep_orders(site.store, str(number), at=NOON + timedelta(seconds=number))
    seen: list[str] = []
    path: str | None = f"{RAW}?limit=2"
    while path is not None:
        answer = (await site.get(path)).json()
        assert len(answer["data"]) <= 2
        seen += [record["source_id"] for record in answer["data"]]
        cursor = answer["next_cursor"]
        path = None if cursor is None else f"{RAW}?limit=2&cursor={cursor}"
    assert seen == ["0", "1", "2", "3", "4"]


async def test_a_cursor_of_raw_records_is_good_for_them_alone(site: Site) -> None:
    await keep_orders(site.store, "1", "2")
    await keep_orders(site.store, "1", "2", of="beta")
    cursor = (await site.get(f"{RAW}?limit=1")).json()["next_cursor"]
    for path in (LIST, "/api/v1/raw/beta/purchase-orders", f"{RAW}?failed=only"):
        mark = "&" if "?" in path else "?"
        answer = await site.get(f"{path}{mark}limit=1&cursor={cursor}")
        assert answer.status_code == 400, path


async def test_a_raw_record_has_an_etag(site: Site) -> None:
    await keep_orders(site.store, "1")
    tag = (await site.get(f"{RAW}/1")).headers["etag"]
    assert (await site.get(f"{RAW}/1", If_None_Match=tag)).status_code == 304


@pytest.mark.parametrize("key", ["a/b|c", "ä ö", "100%", "../vendors", "a?b#c"])
async def test_a_key_may_hold_any_character(site: Site, key: str) -> None:
    await keep_orders(site.store, key)
    quoted = "".join(f"%{byte:02X}" for byte in key.encode())
    answer = await site.get(f"{RAW}/{quoted}")
    assert answer.status_code == 200, answer.text
    assert answer.json()["source_id"] == key


async def test_deleted_raw_records_are_shown_on_wish_and_by_key(site: Site) -> None:
    await keep_orders(site.store, "1", "2")
    await bury(site.store, "1")
    assert [one["source_id"] for one in (await site.get(RAW)).json()["data"]] == ["2"]
    everything = (await site.get(f"{RAW}?deleted=include")).json()["data"]
    assert {one["source_id"] for one in everything} == {"1", "2"}
    assert (await site.get(f"{RAW}/1")).json()["deleted_at"] is not None


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/api/v1/raw/acme/purchase-order", "did you mean 'purchase-orders'?"),
        ("/api/v1/raw/nobody/purchase-orders", "did you mean 'acme'?"),
        (f"{RAW}/none", ""),
    ],
    ids=["stream", "connection", "record"],
)
async def test_what_is_not_there_is_told(site: Site, path: str, hint: str) -> None:
    answer = await site.get(path)
    assert answer.status_code == 404
    if hint:
        assert answer.json()["hint"] == hint


async def test_a_token_sees_raw_records_of_its_connections_alone(site: Site) -> None:
    await keep_orders(site.store, "1", of="acme")
    await keep_orders(site.store, "1", of="beta")
    text = await issue(site.store, 50, READ, "beta")
    async with client_of(site.app, text) as client:
        assert (await client.get("/api/v1/raw/beta/purchase-orders")).json()["data"]
        assert (await client.get("/api/v1/raw/beta/purchase-orders/1")).status_code == 200
        for path in (RAW, f"{RAW}/1"):
            assert (await client.get(path)).status_code == 404


# ── what failed ──────────────────────────────────────────────────────────────────────────────────


async def test_only_what_failed_is_answered_with_and_says_why(site: Site) -> None:
    await keep_orders(site.store, "1")
    await keep_unmapped(site.store, "2", "total_gross: 'x' is no decimal")
    (record,) = (await site.get(f"{LIST}?failed=only&include=raw")).json()["data"]
    assert record["source_id"] == "2"
    assert record["_meta"]["error"] == "total_gross: 'x' is no decimal"
    assert record["raw"] == {"id": 1}
    (raw,) = (await site.get(f"{RAW}?failed=only")).json()["data"]
    assert (raw["source_id"], raw["error"]) == ("2", "total_gross: 'x' is no decimal")


async def test_what_failed_is_counted_beside_the_connection(site: Site) -> None:
    await keep_orders(site.store, "1")
    await keep_unmapped(site.store, "2", "why")
    told = (await site.get("/api/v1/connections/acme")).json()
    assert (told["records"][ORDERS], told["failed"]) == (2, {ORDERS: 1})
    assert (await site.get("/api/v1/connections/beta")).json()["failed"] == {}


async def test_a_cursor_of_what_failed_is_not_of_all(site: Site) -> None:
    for source in ("1", "2"):
        await keep_unmapped(site.store, source, "why")
    cursor = (await site.get(f"{LIST}?failed=only&limit=1")).json()["next_cursor"]
    assert (await site.get(f"{LIST}?limit=1&cursor={cursor}")).status_code == 400
    rest = (await site.get(f"{LIST}?failed=only&cursor={cursor}")).json()
    assert len(rest["data"]) == 1
    assert rest["next_cursor"] is None

"""Records through the API: pages, cursors, one record, and what is said of wrong questions."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.web.conftest import Site
from tests.web.making import NOON, bury, keep_orders, keep_unmapped, order_id

LIST = "/api/v1/purchase-orders"


async def test_a_record_has_the_standard_fields_and_all_of_its_entity(site: Site) -> None:
    await keep_orders(site.store, "17", status="approved")
    answer = await site.get(LIST)
    assert answer.status_code == 200
    assert answer.json()["next_cursor"] is None
    (record,) = answer.json()["data"]
    assert record["id"] == order_id("17")
    assert record["connection_id"] == "acme"
    assert record["source_id"] == "17"
    assert record["number"] == "17"
    assert record["status"] == "approved"
    assert record["total_gross"] is None
    assert record["custom_fields"] == {}
    assert record["created_at"] == record["updated_at"] == "2026-03-02T12:00:00Z"
    assert record["deleted_at"] is None
    assert record["_meta"] == {
        "mapping_rev": "b1",
        "synced_at": "2026-03-02T12:00:00Z",
        "sync_run_id": "run_1",
    }
    assert "raw" not in record


async def test_a_record_that_could_not_be_mapped_is_there_with_nulls_and_its_error(
    site: Site,
) -> None:
    await keep_unmapped(site.store, "9", "total_gross: 'x' is no decimal")
    (record,) = (await site.get(LIST)).json()["data"]
    assert record["_meta"]["error"] == "total_gross: 'x' is no decimal"
    assert record["number"] is None
    assert record["lines"] is None
    assert record["custom_fields"] == {}
    (short,) = (await site.get(f"{LIST}?fields=number")).json()["data"]
    assert short["_meta"]["error"]


async def test_raw_is_there_when_asked_for(site: Site) -> None:
    await keep_orders(site.store, "17")
    (record,) = (await site.get(f"{LIST}?include=raw")).json()["data"]
    assert record["raw"] == {"number": "17", "also": {}}
    one = (await site.get(f"{LIST}/{order_id('17')}?include=raw&fields=number")).json()
    assert one == {"id": order_id("17"), "number": "17", "raw": {"number": "17", "also": {}}}


async def test_fields_choose_what_is_answered_and_the_id_always_is(site: Site) -> None:
    await keep_orders(site.store, "17", status="approved")
    (record,) = (await site.get(f"{LIST}?fields=status,updated_at")).json()["data"]
    assert record == {
        "id": order_id("17"),
        "status": "approved",
        "updated_at": "2026-03-02T12:00:00Z",
    }


async def test_pages_follow_each_other_to_the_end(site: Site) -> None:
    for number in range(7):
        await keep_orders(site.store, str(number), at=NOON + timedelta(seconds=number))
    seen: list[str] = []
    cursor = ""
    sizes = []
    while True:
        answer = (await site.get(f"{LIST}?limit=3{cursor}")).json()
        seen += [record["source_id"] for record in answer["data"]]
        sizes.append(len(answer["data"]))
        if answer["next_cursor"] is None:
            break
        cursor = f"&cursor={answer['next_cursor']}"
    assert seen == ["0", "1", "2", "3", "4", "5", "6"]
    assert sizes == [3, 3, 1]


async def test_a_record_that_changes_between_pages_comes_again_and_no_other_is_lost_or_twice(
    site: Site,
) -> None:
    for number in range(6):
        await keep_orders(site.store, str(number), at=NOON + timedelta(seconds=number))
    first = (await site.get(f"{LIST}?limit=2")).json()
    seen = [record["source_id"] for record in first["data"]]
    await keep_orders(site.store, "0", at=NOON + timedelta(minutes=1), status="closed")
    await keep_orders(site.store, "4", at=NOON + timedelta(minutes=2), status="closed")
    await keep_orders(site.store, "new", at=NOON + timedelta(minutes=3))
    await bury(site.store, "5")
    cursor = first["next_cursor"]
    while cursor is not None:
        answer = (await site.get(f"{LIST}?limit=2&cursor={cursor}")).json()
        seen += [record["source_id"] for record in answer["data"]]
        cursor = answer["next_cursor"]
    assert seen == ["0", "1", "2", "3", "0", "4", "new"]


async def test_records_with_one_time_are_told_apart_by_id(site: Site) -> None:
    await keep_orders(site.store, *map(str, range(25)))
    seen: list[str] = []
    path: str | None = f"{LIST}?limit=4"
    while path is not None:
        answer = (await site.get(path)).json()
        seen += [record["source_id"] for record in answer["data"]]
        cursor = answer["next_cursor"]
        path = None if cursor is None else f"{LIST}?limit=4&cursor={cursor}"
    assert sorted(seen, key=int) == [str(number) for number in range(25)]


async def test_a_cursor_of_another_query_is_refused(site: Site) -> None:
    await keep_orders(site.store, "1", "2", "3")
    cursor = (await site.get(f"{LIST}?limit=1")).json()["next_cursor"]
    for other in (
        f"{LIST}?deleted=include&cursor={cursor}",
        f"{LIST}?connection=acme&cursor={cursor}",
        f"{LIST}?modified_after=2026-01-01&cursor={cursor}",
        f"/api/v1/vendors?cursor={cursor}",
    ):
        answer = await site.get(other)
        assert answer.status_code == 400
        assert answer.json()["code"] == "INVALID_REQUEST"
        assert (
            "another query" in answer.json()["detail"] or "of this query" in answer.json()["detail"]
        )
    more = await site.get(f"{LIST}?limit=2&include=raw&fields=number&cursor={cursor}")
    assert more.status_code == 200, "how much is shown of a record may change from page to page"


@pytest.mark.parametrize(
    "change", [lambda c: c[:-2], lambda c: c[:12] + "AAAA" + c[16:], lambda _: "%C3%A9"]
)
async def test_a_damaged_cursor_is_refused(site: Site, change: Callable[[str], str]) -> None:
    await keep_orders(site.store, "1", "2")
    cursor = (await site.get(f"{LIST}?limit=1")).json()["next_cursor"]
    answer = await site.get(f"{LIST}?cursor={change(cursor)}")
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("query.cursor")


async def test_modified_after_takes_times_with_zones_and_dates(site: Site) -> None:
    await keep_orders(site.store, "old", at=NOON)
    await keep_orders(site.store, "new", at=NOON + timedelta(microseconds=5))
    for moment, expected in {
        "2026-03-02T12:00:00Z": ["new"],
        "2026-03-02T12:00:00.000004Z": ["new"],
        "2026-03-02T13:00:00%2B01:00": ["new"],
        "2026-03-02T13:00:00+01:00": ["new"],
        "2026-03-02T12:00:00.000005Z": [],
        "2026-03-02": ["old", "new"],
        "2026-03-03": [],
        "0001-01-01T00:00:00%2B14:00": ["old", "new"],
        "9999-12-31T23:59:59-14:00": [],
    }.items():
        answer = await site.get(f"{LIST}?modified_after={moment}")
        found = [record["source_id"] for record in answer.json()["data"]]
        assert found == expected, moment
    updated = (await site.get(LIST)).json()["data"][1]["updated_at"]
    assert (await site.get(f"{LIST}?modified_after={updated}")).json()["data"] == []


async def test_created_after_looks_at_when_a_record_was_first_kept(site: Site) -> None:
    await keep_orders(site.store, "a", at=NOON)
    await keep_orders(site.store, "b", at=NOON + timedelta(hours=1))
    await keep_orders(site.store, "a", at=NOON + timedelta(hours=2), status="closed")
    answer = (await site.get(f"{LIST}?created_after=2026-03-02T12:30:00Z")).json()
    assert [record["source_id"] for record in answer["data"]] == ["b"]


async def test_deleted_records_are_left_out_unless_asked_for(site: Site) -> None:
    await keep_orders(site.store, "1", "2")
    await bury(site.store, "1")
    assert [r["source_id"] for r in (await site.get(LIST)).json()["data"]] == ["2"]
    everything = (await site.get(f"{LIST}?deleted=include")).json()["data"]
    assert {r["source_id"]: r["deleted_at"] is not None for r in everything} == {
        "1": True,
        "2": False,
    }
    one = await site.get(f"{LIST}/{order_id('1')}")
    assert one.status_code == 200
    assert one.json()["deleted_at"] == "2026-03-02T13:00:00Z"


async def test_connection_narrows_to_one(site: Site) -> None:
    await keep_orders(site.store, "1", of="acme")
    await keep_orders(site.store, "2", of="beta")
    assert len((await site.get(LIST)).json()["data"]) == 2
    (record,) = (await site.get(f"{LIST}?connection=beta")).json()["data"]
    assert record["connection_id"] == "beta"
    missing = await site.get(f"{LIST}?connection=acne")
    assert missing.status_code == 404
    assert missing.json()["hint"] == "did you mean 'acme'?"


async def test_one_record_is_answered_under_its_entity_only(site: Site) -> None:
    await keep_orders(site.store, "17")
    assert (await site.get(f"{LIST}/{order_id('17')}")).json()["number"] == "17"
    assert (await site.get(f"/api/v1/vendors/{order_id('17')}")).status_code == 404
    missing = await site.get(f"{LIST}/{order_id('18')}")
    assert missing.status_code == 404
    assert missing.json()["code"] == "NOT_FOUND"


async def test_a_record_that_a_client_has_is_not_sent_again(site: Site) -> None:
    await keep_orders(site.store, "17")
    path = f"{LIST}/{order_id('17')}"
    first = await site.get(path)
    tag = first.headers["etag"]
    for have in (tag, tag.removeprefix("W/"), f'"x", {tag}', "*"):
        again = await site.get(path, If_None_Match=have)
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["etag"] == tag
        assert again.headers["reconciler-version"]
    assert (await site.get(f"{path}?include=raw", If_None_Match=tag)).status_code == 200
    await keep_orders(site.store, "17", at=NOON + timedelta(hours=1), status="closed")
    assert (await site.get(path, If_None_Match=tag)).status_code == 200


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("limt=5", "query.limt is not known here"),
        ("filter[status:eq]=x", "query.filter[status:eq] is not known here"),
        ("sort=number", "query.sort is not known here"),
        ("limit=1&limit=2", "query.limit is given twice"),
        ("limit=0", "query.limit: Input should be greater than or equal to 1"),
        ("limit=501", "query.limit: Input should be less than or equal to 500"),
        ("limit=x", "query.limit: Input should be a valid integer"),
        ("include=everything", "query.include: Input should be 'raw'"),
        ("modified_after=yesterday", "query.modified_after: write a time with its zone"),
        ("modified_after=2026-13-01", "query.modified_after: month must be in 1..12"),
        ("modified_after=2026-03-02T12:00:00", "query.modified_after: write a time with its zone"),
        ("fields=statsu", "purchase-orders have no field 'statsu'"),
        ("fields=", "query.fields"),
        ("cursor=", "query.cursor"),
    ],
)
async def test_a_wrong_question_is_answered_with_where_it_is_wrong(
    site: Site, query: str, said: str
) -> None:
    answer = await site.get(f"{LIST}?{query}")
    assert answer.status_code == 400
    problem = answer.json()
    assert problem["code"] == "INVALID_REQUEST"
    assert said in problem["detail"]
    assert problem["errors"] or "cursor" in query

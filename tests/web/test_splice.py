"""A record that is joined from bytes equals one that is decoded, merged and encoded."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from reconciler.datamodel.reader import entities, entity
from reconciler.model.record import UnifiedRecord
from reconciler.web.v1.splice import Splicer, page

ORDERS = entity("purchase-orders")
SPLICER = Splicer(ORDERS)

texts = st.text(max_size=20)
moments = st.datetimes(timezones=st.just(UTC))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
unified = st.builds(
    lambda some, custom: {**dict.fromkeys(ORDERS.fields), **some, "custom_fields": custom},
    st.dictionaries(st.sampled_from(sorted(ORDERS.fields)), values, max_size=3),
    st.dictionaries(texts, values, max_size=2),
)


@st.composite
def records(draw: st.DrawFn) -> UnifiedRecord:
    error = draw(st.none() | texts)
    return UnifiedRecord(
        id=draw(texts),
        connection=draw(texts),
        source_id=draw(texts),
        created_at=draw(moments),
        updated_at=draw(moments),
        deleted_at=draw(st.none() | moments),
        mapped=None if error is not None else msgspec.json.encode(draw(unified)),
        error=error,
        raw=msgspec.json.encode(draw(st.dictionaries(texts, values, max_size=2))),
        basis=draw(texts),
        run=draw(texts),
        synced_at=draw(st.none() | moments),
    )


def merged(record: UnifiedRecord, *, raw: bool) -> dict[str, Any]:
    """Return what the answer has to say, the long way."""
    nothing: dict[str, Any] = {**dict.fromkeys(ORDERS.fields), "custom_fields": {}}
    whole = {
        "id": record.id,
        "connection_id": record.connection,
        "source_id": record.source_id,
        **(nothing if record.mapped is None else msgspec.json.decode(record.mapped)),
        "created_at": msgspec.to_builtins(record.created_at),
        "updated_at": msgspec.to_builtins(record.updated_at),
        "deleted_at": msgspec.to_builtins(record.deleted_at),
        "_meta": {
            "mapping_rev": record.basis,
            "synced_at": msgspec.to_builtins(record.synced_at),
            "sync_run_id": record.run,
        },
    }
    if record.error is not None:
        whole["_meta"]["error"] = record.error
    if raw:
        whole["raw"] = msgspec.json.decode(record.raw)
    return whole


@given(record=records(), raw=st.booleans())
def test_joining_bytes_equals_decoding_merging_and_encoding(
    record: UnifiedRecord, *, raw: bool
) -> None:
    assert SPLICER.whole(record, raw=raw) == msgspec.json.encode(merged(record, raw=raw))


@given(
    record=records(),
    raw=st.booleans(),
    names=st.frozensets(st.sampled_from(sorted(SPLICER.fields))),
)
def test_choosing_fields_equals_choosing_them_of_the_whole(
    record: UnifiedRecord, names: frozenset[str], *, raw: bool
) -> None:
    kept = (
        names
        | {"id"}
        | ({"raw"} if raw else set())
        | ({"_meta"} if record.error is not None else set())
    )
    expected = {name: value for name, value in merged(record, raw=raw).items() if name in kept}
    assert msgspec.json.decode(SPLICER.some(record, names, raw=raw)) == expected


@given(st.lists(records(), max_size=3), st.none() | texts)
def test_a_page_is_json(found: list[UnifiedRecord], cursor: str | None) -> None:
    body = msgspec.json.decode(page(map(SPLICER.whole, found), cursor))
    assert body == {
        "data": [merged(one, raw=False) for one in found],
        "next_cursor": cursor,
        "warnings": [],
    }


def test_every_entity_can_be_answered_unmapped() -> None:
    moment = datetime(2026, 3, 2, tzinfo=UTC)
    for one in entities().values():
        record = UnifiedRecord(
            "x_1", "acme", "1", moment, moment, None, None, "why", b"{}", "b", "r", None
        )
        body = msgspec.json.decode(Splicer(one).whole(record))
        assert set(body) == {
            *one.fields,
            *("id", "connection_id", "source_id", "custom_fields", "_meta"),
            *("created_at", "updated_at", "deleted_at"),
        }

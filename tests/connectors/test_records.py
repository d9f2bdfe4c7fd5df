"""Pages split into raw records with their keys."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.connectors.positions import Positions
from reconciler.connectors.records import Picker, Sheet, Sheets, key_text, with_part
from reconciler.errors import SourceInvalid
from reconciler.spec.kinds.connector import Stream


def split(payload: Any, **changes: Any) -> Sheet:
    stream = Stream.model_validate(
        {"request": {"path": "/x"}, "records": "data", **changes}, strict=False
    )
    positions = None if stream.cursor is None else Positions(stream.cursor)
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Sheets(stream, positions).split(body, "page at offset 200")


def test_a_record_is_the_exact_slice_of_the_answer() -> None:
    body = (
        b'{"data": [ {"id":1,  "price": 1.10, "n":1e2} ,{"id":"b","\\u00e9":"\xc3\xa9"}], "x": 1}'
    )
    sheet = split(body)
    assert sheet.records == [
        b'{"id":1,  "price": 1.10, "n":1e2}',
        b'{"id":"b","\\u00e9":"\xc3\xa9"}',
    ]
    assert sheet.ids == ["1", "b"]


@pytest.mark.parametrize(
    ("records", "body"),
    [
        ("@", b'[{"id":1}]'),
        ("result.items", b'{"result":{"a":1,"items":[{"id":1}]}}'),
        ("a.b.c", b'{"a":{"b":{"c":[{"id":1}]}}}'),
    ],
)
def test_plain_paths_to_the_records(records: str, body: bytes) -> None:
    assert split(body, records=records).records == [b'{"id":1}']


def test_other_expressions_keep_every_digit() -> None:
    body = b'{"data":[{"v":{"id":1,"x":0.10000000000000000001}},{"v":null}]}'
    sheet = split(body, records="data[].v")
    assert sheet.records == [b'{"id":1,"x":0.10000000000000000001}']


@pytest.mark.parametrize("body", [b'{"rows":[]}', b'{"data":{}}', b'{"data":null}', b"[]", b"null"])
def test_no_list_of_records_is_an_error_with_its_place(body: bytes) -> None:
    with pytest.raises(SourceInvalid, match="page at offset 200 has no list of records at 'data'"):
        split(body)


def test_a_record_without_its_key_is_told_with_its_place_and_the_rest_is_kept() -> None:
    records = [
        {"id": 1},
        {"name": "x"},
        {"id": None},
        {"id": ""},
        {"id": [1]},
        {"id": True},
        7,
        {"id": 2},
    ]
    sheet = split({"data": records})
    assert sheet.ids == ["1", "2"]
    assert sheet.count == 8
    assert sheet.bad == [
        "record 2 of page at offset 200 has no 'id'",
        "record 3 of page at offset 200 has no 'id'",
        "record 4 of page at offset 200 has a 'id' that is no text and no number",
        "record 5 of page at offset 200 has a 'id' that is no text and no number",
        "record 6 of page at offset 200 has a 'id' that is no text and no number",
        "record 7 of page at offset 200 is no object",
    ]


def test_two_records_of_one_key_are_told_and_the_later_is_kept() -> None:
    sheet = split({"data": [{"id": 1, "v": 1}, {"id": 2}, {"id": "1", "v": 2}]})
    assert sheet.ids == ["1", "2"]
    assert json.loads(sheet.records[0])["v"] == 2
    assert sheet.bad == [
        "records 1 and 3 of page at offset 200 have the same 'id' '1'; the later one is kept"
    ]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("order.no", ["A-1"]),
        ("[company, order.no]", ["7|A-1"]),
        ("[company, pipe]", ["7|x\\|y"]),
        ("order.missing || order.no", ["A-1"]),
        ("join('/', [to_string(company), order.no])", ["7/A-1"]),
    ],
)
def test_a_key_may_be_nested_composed_or_computed(key: str, expected: list[str]) -> None:
    record = {"company": 7, "order": {"no": "A-1"}, "pipe": "x|y"}
    assert split({"data": [record]}, primary_key=key).ids == expected


def test_a_nested_key_whose_parent_is_null_or_no_object_is_missing() -> None:
    sheet = split({"data": [{"a": None}, {"a": 1}, {"a": {"id": 3}}]}, primary_key="a.id")
    assert sheet.ids == ["3"]
    assert len(sheet.bad) == 2


def test_records_marked_as_deleted_are_told_apart() -> None:
    records = [
        {"id": 1, "gone": True},
        {"id": 2, "gone": False},
        {"id": 3},
        {"id": 4, "gone": "yes"},
    ]
    sheet = split({"data": records}, deletions={"type": "flag", "flag": "gone"})
    assert sheet.ids == ["2", "3"]
    assert sheet.deleted == ["1", "4"]
    assert sheet.count == 4


def test_the_highest_cursor_counts_deleted_records_too() -> None:
    records = [
        {"id": 1, "at": "2026-03-04T10:00:00Z"},
        {"id": 2, "at": None},
        {"id": 3, "at": "2026-03-04T12:00:00+01:00", "gone": True},
    ]
    sheet = split(
        {"data": records}, cursor={"value": "at"}, deletions={"type": "flag", "flag": "gone"}
    )
    assert sheet.reached == "2026-03-04T11:00:00.000000Z"


def test_the_last_key_is_that_of_the_last_raw_record() -> None:
    records = [{"id": 1, "no": 10}, {"no": 20}]
    assert split({"data": records}, paging={"type": "keyset", "key": "no"}).last_key == 20


def test_a_list_of_bare_ids_has_them_as_keys() -> None:
    assert split([5, 6, "x"], records="@", primary_key="@").ids == ["5", "6", "x"]


def test_very_large_whole_numbers_stay_exact() -> None:
    assert split(b'{"data":[{"id":123456789012345678901234567890}]}').ids == [
        "123456789012345678901234567890"
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", "a"),
        (7, "7"),
        (7.0, "7"),
        (1.5, "1.5"),
        ([1], None),
        (None, None),
        (False, None),
        ({}, None),
    ],
)
def test_keys_as_texts(value: object, expected: str | None) -> None:
    assert key_text(value) == expected


@given(
    st.dictionaries(
        st.text(max_size=5), st.one_of(st.none(), st.integers(), st.text(max_size=5)), max_size=4
    )
)
def test_a_part_is_put_in_last_and_the_rest_stays_as_it_is(record: dict[str, Any]) -> None:
    raw = json.dumps(record).encode()
    found = json.loads(bytes(with_part(raw, b'"each":9')))
    assert found == {**record, "each": 9}


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["a", "b", "id"]), inner, max_size=3),
    ),
    max_leaves=8,
)


@given(
    st.lists(json_values, max_size=6),
    st.sampled_from([["id"], ["a.b", "id"], ["a", "a.b"], ["id", "a.b.id"]]),
)
def test_the_typed_look_finds_what_jmespath_finds(records: list[Any], paths: list[str]) -> None:
    fast = Picker(paths)
    slow = Picker([f"({path})" for path in paths])
    raws = [msgspec.Raw(json.dumps(record).encode()) for record in records]
    assert [r and list(r) for r in fast.pick_all(raws)] == [
        r and list(r) for r in slow.pick_all(raws)
    ]

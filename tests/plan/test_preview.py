"""What a new mapping does to stored records, counted by the page."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.change import ABSENT
from reconciler.plan.preview import Preview, Sample, Tally, differences, preview
from tests.plan.builders import values

RECORD = {"status": "approved", "total_gross": "12.50", "custom_fields": {"cost_center": "1"}}


def effect(
    *pairs: tuple[dict[str, Any] | None, dict[str, Any] | None], samples: int = 5
) -> Preview:
    before = [(str(place), old) for place, (old, _) in enumerate(pairs)]
    after = [(new, None if new is not None else "not a number") for _, new in pairs]
    return preview("purchase-orders", before, after, samples=samples)


def test_records_that_stay_are_only_counted() -> None:
    found = effect((RECORD, dict(RECORD)), (RECORD, RECORD))
    assert found == Preview("purchase-orders", total=2)
    assert found.nothing
    assert found.sentence() == "0 of 2 purchase-orders change, 0 become null, 0 fail"


def test_the_sentence_counts_records_fields_nulls_and_failures() -> None:
    changed, nulled = {**RECORD, "status": "sent"}, {**RECORD, "status": None}
    found = effect(*[(RECORD, changed)] * 1204, *[(RECORD, nulled)] * 3, *[(RECORD, RECORD)] * 9)
    assert found.sentence() == (
        "1,207 of 1,216 purchase-orders change (status 1,207), 3 become null, 0 fail"
    )
    assert found.nulled_fields == {"status": 3}
    assert not found.nothing


def test_a_field_that_is_no_longer_made_becomes_null_too_and_null_from_null_does_not() -> None:
    lacking = {"total_gross": "12.50", "custom_fields": {"cost_center": "1"}}
    assert effect((RECORD, lacking)).nulled_fields == {"status": 1}
    assert effect(({"status": None}, {})).nulled == 0
    assert effect(({}, {"status": "sent"})).nulled == 0


def test_a_record_counts_once_however_many_of_its_fields_become_null() -> None:
    found = effect(({"a": 1, "b": 2}, {"a": None, "b": None}))
    assert (found.changed, found.nulled, found.nulled_fields) == (1, 1, {"a": 1, "b": 1})


def test_custom_fields_are_told_one_by_one() -> None:
    found = effect((RECORD, {**RECORD, "custom_fields": {"cost_center": "2", "is_rush": True}}))
    assert found.fields == {"custom_fields.cost_center": 1, "custom_fields.is_rush": 1}
    assert effect((RECORD, {**RECORD, "custom_fields": None})).fields == {"custom_fields": 1}


def test_failures_and_recoveries_are_no_changes() -> None:
    found = effect((RECORD, None), (None, RECORD), (None, None))
    assert (found.changed, found.failed, found.recovered) == (0, 2, 1)
    assert found.sentence() == (
        "0 of 3 purchase-orders change, 0 become null, 2 fail, 1 that failed do not any more"
    )
    assert not found.nothing


def test_a_sample_says_which_record_which_field_and_both_values() -> None:
    found = effect((RECORD, {**RECORD, "status": "sent"}), (RECORD, None), ({}, {"x": 1}))
    assert found.samples == (
        Sample("0", "status", "approved", "sent"),
        Sample("1", "", ABSENT, ABSENT, "not a number"),
        Sample("2", "x", ABSENT, 1),
    )


def test_a_failure_without_words_has_some() -> None:
    assert preview("x", [("1", {})], [(None, None)]).samples[0].error == "it cannot be mapped"


def test_samples_are_few_for_each_field_so_that_one_does_not_crowd_out_another() -> None:
    pairs = [({"a": place}, {"a": -1 - place}) for place in range(9)]
    found = effect(*pairs, ({"b": 1}, {"b": 2}), (RECORD, None), samples=2)
    assert [sample.field for sample in found.samples] == ["a", "a", "b", ""]


def test_more_than_three_fields_are_summed_up_the_most_frequent_first() -> None:
    old, new = dict.fromkeys("abcde", 1), dict.fromkeys("abcde", 2)
    assert "(b 2, a 1, c 1, 2 more fields)" in effect((old, new), ({"b": 1}, {"b": 2})).sentence()


def test_pages_add_up_to_what_one_page_would_tell() -> None:
    before = [(str(place), {"a": place}) for place in range(10)]
    after = [({"a": place % 3}, None) for place in range(10)]
    tally = Tally("x")
    tally.add(before[:4], after[:4])
    tally.add(before[4:], after[4:])
    assert tally.result() == preview("x", before, after)


def test_pages_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        Tally("x").add([("1", {})], [])


@given(
    st.dictionaries(st.sampled_from("ab"), values), st.dictionaries(st.sampled_from("ab"), values)
)
def test_a_record_changes_exactly_where_a_field_does(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    found = effect((old, new))
    assert found.changed == bool(list(differences(old, new)))
    assert sum(found.fields.values()) == len(list(differences(old, new)))


def test_true_is_not_one_in_a_record_either() -> None:
    assert effect(({"a": [1]}, {"a": [True]})).changed == 1

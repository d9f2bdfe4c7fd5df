"""A masked record holds no person, keeps its form, and is masked alike wherever the same stands."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.editing.masking import masked, without_secrets


@pytest.mark.parametrize(
    ("key", "value", "made"),
    [
        ("email", "jane@acme.example", "person1@example.com"),
        ("billingEmail", "jane@acme.example", "person1@example.com"),
        ("note", "ask jane.doe@acme.example today", "ask person1@example.com today"),
        ("phone", "+49 731 1234-5", "+00 000 0000-1"),
        ("remark", "call +49 731 12345 first", "call +00 000 00001 first"),
        ("contact_name", "Jane Doe", "Person 1"),
        ("requestedBy", "Jane Doe", "Person 1"),
        ("login", "jdoe", "Person1"),
        ("street", "Am Markt 3", "1 Example Street"),
        ("zip", "89073", "00001"),
        ("city", "Ulm", "Town 1"),
        ("iban", "DE89 3704 0044", "XX00 0000 0001"),
        ("tax_no", "DK25313763", "XX00000001"),
        # what is no person stays
        ("buyer", "u-01", "u-01"),
        ("order_no", "PO-1", "PO-1"),
        ("state", "OPEN", "OPEN"),
        ("created", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        ("phone", "", ""),
        ("price", "12.50", "12.50"),
    ],
)
def test_a_value_is_replaced_by_the_name_of_its_field_and_its_shape(
    key: str, value: str, made: str
) -> None:
    assert masked({key: value}) == {key: made}


def test_the_same_value_is_replaced_by_the_same_and_another_by_another() -> None:
    record = {"contact": "Jane Doe", "lines": [{"owner": "Jane Doe"}, {"owner": "John Roe"}]}
    made = masked(record)
    assert made["contact"] == made["lines"][0]["owner"]
    assert made["contact"] != made["lines"][1]["owner"]


def test_a_name_is_found_in_other_texts_whole_and_in_parts() -> None:
    made = masked(
        {"title": "for Jane Doe", "text": "Jane called; janet did not", "user": "Jane Doe"}
    )
    assert made == {
        "title": "for Person 1",
        "text": "Person 1 called; janet did not",
        "user": "Person 1",
    }


def test_what_a_value_map_knows_is_spared() -> None:
    assert masked({"owner": "SHOP"}, frozenset({"SHOP"})) == {"owner": "SHOP"}


def test_a_secret_is_hidden_masked_or_not() -> None:
    record = {"api_key": "k3yWithDigits99", "note": "AKIAABCDEFGHIJKLMNOP", "token": "plain"}
    hidden = {"api_key": "hidden", "note": "hidden", "token": "plain"}
    assert without_secrets(record) == masked(record) == hidden


PEOPLE = ("Jane Doe", "jane@acme.example", "+49 731 12345")
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.sampled_from(
    [*PEOPLE, "ask Jane Doe", "mail jane@acme.example, or +49 731 12345"]
)  # fmt: skip
KEYS = st.sampled_from(["contact", "email", "phone", "note", "lines", "x"])
RECORDS = st.dictionaries(
    KEYS,
    st.recursive(
        LEAVES,
        lambda below: st.lists(below, max_size=3) | st.dictionaries(KEYS, below, max_size=3),
        max_leaves=8,
    ),
    max_size=5,
)


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shape(below) for key, below in value.items()}
    return [shape(below) for below in value] if isinstance(value, list) else type(value)


@settings(deadline=None)
@given(RECORDS)
def test_nobody_is_left_and_the_form_stays(record: dict[str, Any]) -> None:
    made = masked({**record, "user": "Jane Doe"})
    text = json.dumps(made)
    assert not [one for one in PEOPLE if one in text]
    assert shape(made) == shape({**record, "user": "Jane Doe"})
    assert masked({**record, "user": "Jane Doe"}) == made

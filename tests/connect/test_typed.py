"""What a connection asks of its customer, and what is said of what was typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.engine.typed import AskedField, asked_of, read_typed
from tests.connect.making import CONNECTOR, GIVEN, connection

URL = AskedField("config.base_url", "url")
NAME = AskedField("auth.username")
PASSWORD = AskedField("auth.password", secret=True)
COMPANY = AskedField("config.company", "integer", minimum=1, maximum=99)


def said(field: AskedField, text: str) -> str:
    return read_typed((field,), {field.place: text}).wrong.get(field.place, "")


def taken(field: AskedField, text: str) -> str | None:
    typed = read_typed((field,), {field.place: text})
    assert not typed.wrong
    return typed.values.get(field.place)


def test_only_what_the_spec_leaves_to_the_customer_is_asked_the_secret_last() -> None:
    asked = asked_of(connection(config={"base_url": GIVEN}), CONNECTOR)
    assert [one.place for one in asked] == ["config.base_url", "auth.username", "auth.password"]
    assert [one.secret for one in asked] == [False, False, True]
    assert [one.place for one in asked_of(connection(), CONNECTOR)] == [
        "auth.username",
        "auth.password",
    ]


def test_a_setting_of_every_login_is_asked_for_and_taken_for_secret() -> None:
    auth = {"method": "password", "username": "u", "password": {"env": "P"}, "pin": GIVEN}
    assert asked_of(connection(auth=auth), CONNECTOR) == (AskedField("auth.pin", secret=True),)


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        (PASSWORD, "", "fill this in"),
        (PASSWORD, "   ", "fill this in"),
        (PASSWORD, " secret", "space before or after"),
        (PASSWORD, "secret\t", "space before or after"),
        (PASSWORD, "sec\x00ret", "cannot be seen"),
        (PASSWORD, "sec\nret", "cannot be seen"),
        (PASSWORD, "sec\u200bret", "cannot be seen"),
        (PASSWORD, "sec\u202eret", "cannot be seen"),
        (PASSWORD, "sec\ud800ret", "cannot be seen"),
        (PASSWORD, "a" * 8193, "too long"),
        (NAME, "a" * 1025, "too long"),
        (NAME, "a\x1bb", "cannot be seen"),
        (URL, "ftp://erp.example.com", "no web address"),
        (URL, "https://", "no web address"),
        (URL, "https://me:pw@erp.example.com", "no web address"),
        (URL, "https://erp.example.com:99999", "no web address"),
        (URL, "erp example com", "no web address"),
        (COMPANY, "two", "whole number"),
        (COMPANY, "²", "whole number"),
        (COMPANY, "0", "1 or more"),
        (COMPANY, "100", "99 or less"),
    ],
)
def test_what_cannot_be_tried_is_answered_in_plain_words(
    field: AskedField, text: str, words: str
) -> None:
    assert words in said(field, text)


def test_a_phone_s_blank_after_a_name_and_a_scheme_that_nobody_types_are_forgiven() -> None:
    assert taken(NAME, " ada ") == "ada"
    assert taken(URL, "erp.example.com ") == "https://erp.example.com"
    assert taken(PASSWORD, "correct horse") == "correct horse"
    assert taken(COMPANY, " 7 ") == "7"


def test_what_need_not_be_given_may_be_left_out() -> None:
    assert taken(AskedField("config.note", required=False), "") == ""
    assert taken(AskedField("config.company", "integer", required=False, default="1"), "") == "1"
    assert taken(AskedField("config.tls", "boolean"), "") == "false"
    assert taken(AskedField("config.tls", "boolean"), "true") == "true"


def test_a_certificate_has_lines() -> None:
    assert taken(AskedField("auth.ca", "text"), "-----BEGIN\r\nabc\r\n") == "-----BEGIN\nabc"


def test_one_of_a_list_is_one_of_the_list() -> None:
    plant = AskedField("config.plant", choices=("north", "south"))
    assert taken(plant, "north") == "north"
    assert "choose" in said(plant, "east")


@given(st.text(max_size=200))
def test_what_is_taken_has_no_character_that_is_not_seen(text: str) -> None:
    typed = read_typed((PASSWORD,), {"auth.password": text})
    for value in typed.values.values():
        assert value == text.strip()
        assert value.isprintable() or any(one.isspace() for one in value)


def test_neither_what_was_typed_nor_what_is_wrong_with_it_is_shown_by_accident() -> None:
    typed = read_typed((PASSWORD,), {"auth.password": "s3cret-words"})
    assert "s3cret-words" not in repr(typed)

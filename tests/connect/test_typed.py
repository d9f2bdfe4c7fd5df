"""What a connection asks of its customer, and what is said of what was typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.engine.asking import Field
from reconciler.engine.typed import by_consent, read_typed
from reconciler.model.resource import Kind, ResourceKey, make_resource
from tests.connect.making import CONNECTOR, OAUTH, connection

URL = Field("config.base_url", "Address", type="url")
NAME = Field("auth.username", "User")
PASSWORD = Field("auth.password", "Password", secret=True)
COMPANY = Field("config.company", "Company", type="integer", minimum=1, maximum=99)


def said(field: Field, text: str) -> str:
    return read_typed((field,), {field.place: text}).wrong.get(field.place, "")


def taken(field: Field, text: str) -> str | None:
    typed = read_typed((field,), {field.place: text})
    assert not typed.wrong
    return typed.values.get(field.place)


def test_a_consent_is_told_by_the_type_of_the_login_also_below_another_one() -> None:
    assert by_consent(connection(auth=OAUTH), CONNECTOR)
    assert not by_consent(connection(), CONNECTOR)
    assert not by_consent(connection(auth={"method": "nothing"}), CONNECTOR)
    below = {"type": "odata_csrf", "base": {"type": "oauth2_authorization_code"}}
    manifest = make_resource(ResourceKey(Kind.CONNECTOR, "sap"), {"spec": {"auth": {"sap": below}}})
    assert by_consent(connection(auth={"method": "sap"}), manifest)


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
    field: Field, text: str, words: str
) -> None:
    assert words in said(field, text)


def test_a_phone_s_blank_after_a_name_and_a_scheme_that_nobody_types_are_forgiven() -> None:
    assert taken(NAME, " ada ") == "ada"
    assert taken(URL, "erp.example.com ") == "https://erp.example.com"
    assert taken(PASSWORD, "correct horse") == "correct horse"
    assert taken(COMPANY, " 7 ") == "7"


def test_what_need_not_be_given_may_be_left_out() -> None:
    assert taken(Field("config.note", "Note", required=False), "") == ""
    assert (
        taken(Field("config.company", "Company", type="integer", required=False, default="1"), "")
        == "1"
    )
    assert taken(Field("config.tls", "TLS", type="boolean", required=False), "") == "false"
    assert taken(Field("config.tls", "TLS", type="boolean", required=False), "true") == "true"


def test_a_certificate_has_lines() -> None:
    assert taken(Field("auth.ca", "CA", type="text"), "-----BEGIN\r\nabc\r\n") == "-----BEGIN\nabc"


def test_one_of_a_list_is_one_of_the_list() -> None:
    plant = Field("config.plant", "Plant", choices=("north", "south"))
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

"""Whatever an event holds, an e-mail has the headers that we gave it, and its HTML is ours."""

from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import Invalid
from reconciler.model.event import EventType
from reconciler.webhooks.channel import Letter
from reconciler.webhooks.letters import composed
from reconciler.webhooks.message import Message
from tests.town import route
from tests.webhooks.told import AT, event, message

HEADERS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "List-Id",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
]
OPS = ["ops@example.com"]


def arrived(told: Message, sender: str = "reconciler@example.com", **spec: str) -> EmailMessage:
    """Return the mail of *told* as its reader has it."""
    letter = Letter("dlv_1", told, route(to={"email": {"to": OPS}}, **spec))
    read = message_from_bytes(composed(letter, sender, OPS, AT).as_bytes(), policy=SMTP)
    assert isinstance(read, EmailMessage)
    return read


def html(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part is not None
    text: str = part.get_content()
    return text


@given(st.text(st.characters(codec="utf-8"), max_size=300), st.text(max_size=30))
def test_no_text_adds_a_header(text: str, name: str) -> None:
    told = message(EventType.SYNC_FAILED, **{"entity": text, "x" + name: text})
    for one in (told, replace(told, title=text, text=text, key=text)):
        mail = arrived(one)
        assert list(mail) == HEADERS
        assert mail["To"] == "ops@example.com"
        assert mail["Subject"].startswith("[error] ") or mail["Subject"] == "[error]"


def test_what_a_system_said_is_no_markup() -> None:
    nasty = "</td><img src=x onerror=alert(1)>"
    told = message(EventType.SYNC_FAILED, message=nasty)
    for mail in (arrived(told), arrived(replace(told, text=nasty, title=nasty), body="own")):
        assert "<img" not in html(mail)
        assert "&lt;img src=x onerror=alert(1)&gt;" in html(mail)


def test_words_of_a_route_stand_above_the_events() -> None:
    told = replace(message(EventType.SYNC_FAILED), text="Call the plant.")
    assert "Call the plant." in html(arrived(told, body="Call the plant."))
    plain = arrived(told).get_body(("plain",))
    assert plain is not None
    assert "Call the plant." in plain.get_content()


def test_many_events_are_listed_and_the_rest_is_counted() -> None:
    events = tuple(event(EventType.SYNC_FAILED, after=number) for number in range(25))
    page = html(arrived(replace(message(EventType.SYNC_FAILED), events=events)))
    assert page.count("<strong>") == 20
    assert "and 5 before that" in page


def test_a_domain_of_other_letters_is_written_as_mail_has_it() -> None:
    assert arrived(message(), "ops@bücher.example")["Message-ID"] == "<dlv_1@xn--bcher-kva.example>"


@pytest.mark.parametrize("address", ["a@b@c", "a>@b.c", "a b@c", "@", "a@b\r\nBcc: x@y.z"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(Invalid, match="is no address"):
        arrived(message(), address)

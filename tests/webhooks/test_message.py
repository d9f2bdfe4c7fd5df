"""A message says in words what has happened; a route may say it in its own, and one that fails is told."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.mapping.template import TemplateInvalid
from reconciler.model.event import EventSeverity, EventType
from reconciler.spec.template import ALERT_NAMES
from reconciler.webhooks.message import Message, Status, context_of, filled, message_of, worded
from reconciler.webhooks.wording import SHOWN, WORDS, facts_of, line, text_of, title_of
from tests.webhooks.told import event, message


def group(count: int) -> Message:
    events = tuple(event(EventType.SYNC_FAILED, after=n, entity="vendors") for n in range(count))
    return replace(
        message(EventType.SYNC_FAILED),
        events=events,
        title=title_of(events),
        text=text_of(events),
    )


def test_every_event_has_its_words() -> None:
    assert set(WORDS) == set(EventType)


def test_what_is_said_of_one_event() -> None:
    told = message(EventType.SYNC_FAILED, entity="vendors", message="HTTP 503", counts={"read": 2})
    assert told.status is Status.FIRING
    assert told.title == "Connection/acme-erp: a sync has failed (vendors)"
    assert told.text == (
        "2026-11-24T12:00:00Z Connection/acme-erp: a sync has failed (vendors)\n"
        '  entity: vendors\n  message: HTTP 503\n  counts: {"read":2}'
    )
    assert told.key == "uid/ReconcilerSyncFailed/Connection/acme-erp/vendors"


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (EventType.CONNECTION_OFFLINE, Status.FIRING),
        (EventType.CONNECTION_ONLINE, Status.RESOLVED),
        (EventType.RESOURCE_UPDATED, Status.NOTICE),
    ],
)
def test_trouble_fires_its_end_resolves_it_and_news_is_neither(
    kind: EventType, status: Status
) -> None:
    assert message(kind).status is status


def test_the_key_is_the_same_from_beginning_to_end_and_another_for_another_sender() -> None:
    begun, over = event(EventType.CONNECTION_OFFLINE), event(EventType.CONNECTION_ONLINE, after=9)
    keys = [message_of(begun, "one").key, message_of(over, "one").key, message_of(over, "two").key]
    assert keys[0] == keys[1] != keys[2]
    assert message(EventType.RESOURCE_UPDATED).key == "uid/evt_0"


def test_a_group_is_told_by_its_newest_and_the_rest_is_counted() -> None:
    told = group(SHOWN + 3)
    assert told.title.endswith("a sync has failed (vendors) (and 22 more)")
    assert told.text.endswith("… and 3 before that")
    assert told.text.count("\n\n") == SHOWN
    assert told.severity is EventSeverity.ERROR


def test_templates_may_name_what_specs_are_checked_for() -> None:
    assert set(context_of(message())) == ALERT_NAMES


def test_a_route_has_words_of_its_own() -> None:
    spec = {
        "title": "{{ event.details.connection }} {{ status }}\n({{ count }})",
        "body": "{{ title }} is {{ severity }}: {{ events[0].subject }}",
    }
    told, trouble = worded(message(connection="acme"), spec)
    assert (told.title, trouble) == ("acme firing (1)", "")
    assert told.text.endswith("is critical: Connection/acme-erp")


def test_words_that_fail_leave_ours_and_are_told() -> None:
    before = message()
    told, trouble = worded(before, {"title": "{{ event.details.nothing }}", "body": "{{ key }}"})
    assert told.title == before.title
    assert told.text == before.key
    assert trouble.startswith("title: ")
    assert "nothing" in trouble


def test_a_template_has_no_loop() -> None:
    with pytest.raises(TemplateInvalid, match="loop"):
        filled("{% for one in events %}{% endfor %}", message())


@given(st.text(), st.integers(1, 50))
def test_a_line_is_one_and_not_too_long(text: str, longest: int) -> None:
    said = line(text, longest)
    assert len(said) <= longest
    assert len(said.splitlines()) <= 1
    assert said.isprintable() or not any(letter in said for letter in "\r\n\x00\u202e")


def test_facts_are_lines_and_bounded() -> None:
    many: dict[str, Any] = {f"f{number}": "a\nb" * 1000 for number in range(50)}
    facts = facts_of(event(EventType.SYNC_FAILED, none=None, empty="", **many))
    assert len(facts) <= 20
    assert "none" not in facts
    assert all("\n" not in text and len(text) <= 500 for text in facts.values())

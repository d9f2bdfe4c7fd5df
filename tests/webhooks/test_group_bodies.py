"""The bodies of groups, and of any message as a CloudEvent: bounded, and as their schemas say."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from reconciler.datamodel.events import alerts_schema, event_entries, event_schema
from reconciler.model.event import Event, EventSeverity, EventType
from reconciler.model.notification import AlertStatus, AlertTold, Notification, Told
from reconciler.webhooks.bodies import CLOUD_EVENT, body_of_group, cloud_event
from reconciler.webhooks.grouped import message_of_group
from reconciler.webhooks.payload import LARGEST, body_of
from tests.fakes import NOON

SCHEMA = Draft202012Validator(alerts_schema(), format_checker=FormatChecker())
HOUR = timedelta(hours=1)


def failed(number: int = 1, **data: Any) -> Event:
    told = {"entity": "vendors", **data}
    return Event(f"evt_{number}", EventType.SYNC_FAILED, "Connection/acme", NOON, told)


def told_of(number: int = 1, *, over: bool = False, **data: Any) -> AlertTold:
    end = Event(f"end_{number}", EventType.SYNC_COMPLETED, "Connection/acme", NOON + HOUR)
    return AlertTold(
        id=f"alt_{number}",
        name="sync.failed",
        status=AlertStatus.RESOLVED if over else AlertStatus.FIRING,
        severity=EventSeverity.ERROR,
        subject="Connection/acme",
        reason="SOURCE_FAULT",
        labels={"connection": "acme", "entity": "vendors"},
        starts_at=NOON,
        ends_at=NOON + HOUR if over else None,
        count=3,
        acknowledged_by="",
        event=failed(number, **data),
        end=end if over else None,
    )


def group(*alerts: AlertTold, kind: Told = Told.NEWS, left_out: int = 0) -> Notification:
    firing = sum(one.status is AlertStatus.FIRING for one in alerts)
    status = AlertStatus.FIRING if firing else AlertStatus.RESOLVED
    return Notification(
        "ntf_1",
        kind,
        status,
        EventSeverity.ERROR,
        {"connection": "acme"},
        NOON,
        alerts,
        firing=firing + left_out,
        resolved=len(alerts) - firing,
        left_out=left_out,
    )


def read(notification: Notification) -> dict[str, Any]:
    body = body_of_group(notification)
    assert len(body) <= LARGEST
    told: dict[str, Any] = json.loads(body)
    SCHEMA.validate(told)
    return told


def test_a_group_says_what_fires_and_what_is_over_with_the_events_that_said_so() -> None:
    told = read(group(told_of(1), told_of(2, over=True)))
    assert (told["type"], told["timestamp"]) == ("alerts.firing", "2026-11-24T12:00:00.000000Z")
    data = told["data"]
    assert data["counts"] == {"firing": 1, "resolved": 1, "notices": 0}
    assert data["group"] == {"connection": "acme"}
    first, second = data["alerts"]
    assert (first["status"], first["ends_at"], first["event"]["id"]) == ("firing", None, "evt_1")
    assert first["event"]["details"] == {"entity": "vendors"}
    assert (second["status"], second["event"]["type"]) == ("resolved", "sync.completed")
    assert second["ends_at"] == "2026-11-24T13:00:00.000000Z"
    assert not data["truncated"]


@pytest.mark.parametrize(
    ("notification", "topic"),
    [
        (group(told_of()), "alerts.firing"),
        (group(told_of(over=True)), "alerts.resolved"),
        (group(told_of(), kind=Told.DIGEST), "alerts.digest"),
        (group(told_of(), kind=Told.ESCALATION), "alerts.firing"),
        (replace(group(told_of()), status=AlertStatus.NOTICE), "alerts.notice"),
    ],
)
def test_the_type_of_a_body_tells_what_it_is(notification: Notification, topic: str) -> None:
    assert read(notification)["type"] == topic == notification.topic


def test_what_would_be_too_large_loses_details_first_and_then_alerts_and_says_so() -> None:
    large = [told_of(number, text="x" * 300) for number in range(40)]
    without = read(group(*large))
    assert without["data"]["truncated"]
    assert len(without["data"]["alerts"]) == 40
    assert without["data"]["alerts"][0]["event"]["details"] is None
    many = read(group(*(told_of(number) for number in range(100)), left_out=4900))
    assert many["data"]["truncated"]
    assert 20 <= len(many["data"]["alerts"]) < 100
    assert many["data"]["left_out"] + len(many["data"]["alerts"]) == 5000
    assert many["data"]["counts"]["firing"] == 5000


@given(st.lists(st.integers(0, 30_000), max_size=100), st.integers(0, 9999))
def test_no_group_is_larger_than_receivers_take(sizes: list[int], left_out: int) -> None:
    alerts = [
        told_of(number, over=bool(size % 2), text="ä" * size) for number, size in enumerate(sizes)
    ]
    told = read(group(*alerts, left_out=left_out))
    assert len(told["data"]["alerts"]) + told["data"]["left_out"] == len(sizes) + left_out


def test_a_group_is_the_same_bytes_each_time() -> None:
    assert body_of_group(group(told_of(1))) == body_of_group(group(told_of(1)))


@pytest.mark.parametrize("kind", EventType)
def test_each_sample_is_as_the_schema_of_its_event_says(kind: EventType) -> None:
    entry = event_entries()[kind]
    schema = event_schema(entry)
    Draft202012Validator.check_schema(schema)
    body = json.loads(body_of(entry.event("evt_1")))
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(body)
    assert body["data"]["severity"] == entry.severity.value
    assert entry.sample.keys() <= entry.data.keys()


@pytest.mark.parametrize("kind", EventType)
def test_each_event_is_a_cloud_event_to_the_published_library(kind: EventType) -> None:
    event = event_entries()[kind].event("evt_1", NOON)
    body = cloud_event("dlv_1", body_of(event))
    told = from_structured_event(HTTPMessage({"content-type": CLOUD_EVENT}, body))
    assert (told.get_id(), told.get_type(), told.get_specversion()) == ("dlv_1", kind.value, "1.0")
    assert (told.get_subject(), told.get_time()) == (event.subject, NOON)
    assert told.get_source() == "urn:reconciler"
    assert told.get_data() == json.loads(body_of(event))["data"]


def test_a_group_is_a_cloud_event_too() -> None:
    notification = group(told_of())
    body = cloud_event("dlv_1", body_of_group(notification))
    told = from_structured_event(HTTPMessage({"content-type": CLOUD_EVENT}, body))
    assert (told.get_type(), told.get_subject()) == ("alerts.firing", "connection=acme")
    assert told.get_data() == json.loads(body_of_group(notification))["data"]


def test_a_group_in_words_says_how_many_and_what_and_why() -> None:
    alone = message_of_group(group(told_of(1)), "key")
    assert (alone.title, alone.status.value) == (
        "Connection/acme: a sync has failed (vendors)",
        "firing",
    )
    assert alone.text.startswith("1 firing\n\n")
    many = message_of_group(
        group(told_of(1), told_of(2, over=True), left_out=3, kind=Told.REPEAT), "key"
    )
    assert many.title == (
        "still: 4 firing, 1 resolved (connection acme): Connection/acme: a sync has ended well"
    )
    assert [event.id for event in many.events] == ["evt_1", "end_2"]
    assert (many.key, json.loads(many.body)["data"]["left_out"]) == ("key", 3)
    test = message_of_group(group(told_of(1), kind=Told.TEST), "key")
    assert test.title.startswith("only a test: ")


@pytest.mark.parametrize("kind", Told)
def test_every_kind_has_words(kind: Told) -> None:
    assert message_of_group(group(told_of(1), kind=kind), "key").title

"""A webhook may have a body of the route's own, or a ready one: what is signed is what is sent."""

import json

import pytest
from standardwebhooks.webhooks import Webhook

from reconciler.model.event import Delivery, EventType
from reconciler.model.resource import Resource
from reconciler.webhooks.message import Status
from reconciler.webhooks.payload import body_of
from reconciler.webhooks.sending import Sending
from tests.webhooks.conftest import DELIVERY, EVENT, SECRET, Make, Receiver, hook
from tests.webhooks.told import event, message

JSON = '{"text": {{ (severity + ": " + event.details.entity) | tojson }}, "firing": {{ status == "firing" }}}'


async def test_a_template_is_sent_and_signed_as_it_is(sender: Sending, receiver: Receiver) -> None:
    assert (await sender.send(DELIVERY, EVENT, hook(receiver.url, template=JSON))).well
    (got,) = receiver.got
    assert json.loads(got.body) == {"text": "error: vendors", "firing": True}
    assert got.headers["content-type"] == "application/json"
    assert Webhook(SECRET).verify(got.body, dict(got.headers))


async def test_a_template_may_give_what_is_no_json(sender: Sending, receiver: Receiver) -> None:
    to = hook(receiver.url, template="{{ title }}: ü", contentType="text/plain; charset=utf-8")
    assert (await sender.send(DELIVERY, EVENT, to)).well
    (got,) = receiver.got
    assert got.body.decode() == "Connection/acme: a sync has failed (vendors): ü"
    assert got.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{{ event.details.nothing }}", "nothing"),
        ("{{ event.details.entity }}", "it gives no JSON"),
        ("{% for one in events %}{% endfor %}", "loop"),
        ('"{{ ("x" * 3) }}"', "not allowed"),
    ],
)
async def test_a_template_that_fails_sends_our_own_body_and_is_told(
    make: Make, receiver: Receiver, template: str, why: str
) -> None:
    heard: list[tuple[str, str, str]] = []

    def troubled(delivery: Delivery, route: Resource, trouble: str) -> None:
        heard.append((delivery.route, route.key.name, trouble))

    sender = make(troubled=troubled)
    assert (await sender.send(DELIVERY, EVENT, hook(receiver.url, template=template))).well
    assert receiver.got[0].body == body_of(EVENT)
    assert Webhook(SECRET).verify(receiver.got[0].body, dict(receiver.got[0].headers))
    ((route, name, trouble),) = heard
    assert (route, name) == ("uid", "ops")
    assert why in trouble
    assert (await sender.send(DELIVERY, EVENT, hook(receiver.url))).well
    assert heard[-1] == ("uid", "ops", "")  # so that what was said of the route can be taken back


async def test_headers_may_be_secret(make: Make, receiver: Receiver) -> None:
    sender = make({"HOOK": SECRET, "AUTH": "Bearer canary-token\n"})
    to = hook(receiver.url, headers={"Authorization": {"env": "AUTH"}, "X-Team": "ops"})
    receiver.answer = b"HTTP/1.1 500 No\r\ncontent-length: 19\r\n\r\nBearer canary-token"
    attempt = await sender.send(DELIVERY, EVENT, to)
    assert receiver.got[0].headers["authorization"] == "Bearer canary-token"
    assert "canary" not in attempt.answer


async def test_a_header_whose_secret_is_missing_sends_nothing(
    make: Make, receiver: Receiver
) -> None:
    to = hook(receiver.url, headers={"Authorization": {"env": "NONE"}})
    attempt = await make().send(DELIVERY, EVENT, to)
    assert (attempt.status, receiver.got) == (0, [])
    assert "NONE is not set" in attempt.answer


async def test_a_ready_body_has_the_key_and_address_of_its_service(
    make: Make, receiver: Receiver
) -> None:
    sender = make({"HOOK": SECRET, "KEY": "canary-key"})
    to = hook(f"{receiver.url}?region=eu", template="opsgenie", key={"env": "KEY"})
    begun, over = event(EventType.CONNECTION_OFFLINE), event(EventType.CONNECTION_ONLINE)
    for one in (begun, over):
        assert (await sender.send(DELIVERY, one, to)).well
    first, second = receiver.got
    alias = json.loads(first.body)["alias"]
    assert first.line == "POST /in?region=eu HTTP/1.1"
    path = f"/in/{alias.replace('/', '%2F')}/close?region=eu&identifierType=alias"
    assert second.line == f"POST {path} HTTP/1.1"
    assert first.headers["authorization"] == "GenieKey canary-key"


async def test_a_pager_hears_only_of_what_begins_or_ends(make: Make, receiver: Receiver) -> None:
    sender = make({"HOOK": SECRET, "KEY": "k" * 32})
    to = hook(receiver.url, template="pagerduty", key={"env": "KEY"})
    attempt = await sender.send(DELIVERY, event(EventType.RESOURCE_CREATED), to)
    assert (attempt.status, receiver.got) == (204, [])
    assert "begins and ends no alert" in attempt.answer


async def test_a_group_goes_out_with_the_body_that_it_came_with(
    sender: Sending, receiver: Receiver
) -> None:
    told = message(EventType.SYNC_FAILED)
    assert told.status is Status.FIRING
    assert (await sender.tell(DELIVERY, told, hook(receiver.url))).well
    assert receiver.got[0].body == told.body

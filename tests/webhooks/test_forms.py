"""What arrives over the wire: groups, CloudEvents, and signatures before, during and after a rotation."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from standardwebhooks import Webhook, WebhookVerificationError

from tests.webhooks.conftest import DELIVERY, EVENT, Make, Receiver, hook
from tests.webhooks.test_group_bodies import group, told_of


def secret(text: str) -> str:
    return "whsec_" + base64.b64encode(text.encode() * 8).decode()


OLD, NEW = secret("old!"), secret("new!")


def takes(secret: str, receiver: Receiver) -> bool:
    """Return whether the published verifier, which knows *secret*, takes what came last."""
    got = receiver.got[-1]
    try:
        Webhook(secret).verify(got.body, dict(got.headers))
    except WebhookVerificationError:
        return False
    return True


@pytest.mark.parametrize(
    ("held", "old", "new"),
    [
        (OLD, True, False),
        (f"{NEW} {OLD}", True, True),
        (f"{NEW}\n{OLD}\n", True, True),
        (NEW, False, True),
    ],
)
async def test_receivers_verify_before_during_and_after_a_rotation(
    make: Make, receiver: Receiver, held: str, *, old: bool, new: bool
) -> None:
    attempt = await make({"HOOK": held}).send(DELIVERY, EVENT, hook(receiver.url))
    assert attempt.status == 204
    assert (takes(OLD, receiver), takes(NEW, receiver)) == (old, new)


@pytest.mark.parametrize("form", ["standard", "cloudevents"])
async def test_a_group_arrives_signed_in_the_form_of_its_route(
    make: Make, receiver: Receiver, form: str
) -> None:
    delivery = replace(DELIVERY, notification=group(told_of(1)))
    attempt = await make({"HOOK": NEW}).send(delivery, EVENT, hook(receiver.url, format=form))
    assert attempt.status == 204
    assert takes(NEW, receiver)
    got = receiver.got[-1]
    told: dict[str, Any] = json.loads(got.body)
    assert (told["type"], told["data"]["counts"]["firing"]) == ("alerts.firing", 1)
    if form == "standard":
        assert got.headers["content-type"] == "application/json"
    else:
        event = from_structured_event(HTTPMessage(dict(got.headers), got.body))
        assert event.get_id() == got.headers["webhook-id"] == DELIVERY.id

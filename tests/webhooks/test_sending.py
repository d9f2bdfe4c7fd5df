"""An event goes over the wire as Standard Webhooks, and whatever the receiver does is an attempt."""

import asyncio
import json
import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook

from reconciler.webhooks.payload import LARGEST, body_of
from reconciler.webhooks.posting import retry_after
from reconciler.webhooks.sending import ANSWER, Sending
from reconciler.webhooks.targets import Targets, networks
from reconciler.webhooks.wire import Wire
from tests.webhooks.conftest import (
    DELIVERY,
    EVENT,
    LOOPBACK,
    NOW,
    SECRET,
    Got,
    Make,
    Receiver,
    answer,
    hook,
)

ROOT = Path(__file__).parents[2]


async def test_a_signed_webhook_arrives(sender: Sending, receiver: Receiver) -> None:
    attempt = await sender.send(DELIVERY, EVENT, hook(receiver.url))
    assert attempt.status == 204, attempt.answer
    (got,) = receiver.got
    assert got.line == "POST /in HTTP/1.1"
    assert Webhook(SECRET).verify(got.body, dict(got.headers)) == {
        "type": "sync.failed",
        "timestamp": "2026-11-24T12:00:00.250000Z",
        "data": {
            "id": "evt_1",
            "subject": "Connection/acme",
            "severity": "error",
            "details": {"entity": "vendors"},
            "truncated": False,
        },
    }
    told = {name: got.headers[name] for name in ("webhook-id", "reconciler-version", "host")}
    assert told == {
        "webhook-id": "dlv_1",
        "reconciler-version": "2026-11-01",
        "host": f"127.0.0.1:{receiver.port}",
    }
    assert got.headers["content-type"] == "application/json"


async def test_each_attempt_is_the_same_message_at_another_time(
    sender: Sending, receiver: Receiver
) -> None:
    for _ in range(2):
        assert (await sender.send(DELIVERY, EVENT, hook(receiver.url))).well
    first, second = receiver.got
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    assert receiver.connections == 1  # which was kept


async def test_the_headers_of_a_route_are_sent_but_ours_are_ours(
    sender: Sending, receiver: Receiver
) -> None:
    given = {"X-Team": "ops", "Webhook-Id": "mine", "Host": "else", "Reconciler-Version": "1"}
    await sender.send(DELIVERY, EVENT, hook(receiver.url, headers=given))
    (got,) = receiver.got
    assert got.headers["x-team"] == "ops"
    assert got.headers["webhook-id"] == "dlv_1"
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert got.headers["reconciler-version"] == "2026-11-01"


async def test_without_a_secret_it_is_sent_unsigned(sender: Sending, receiver: Receiver) -> None:
    assert (await sender.send(DELIVERY, EVENT, hook(receiver.url, secret=None))).well
    assert "webhook-signature" not in receiver.got[0].headers


async def test_the_address_may_be_a_reference(make: Make, receiver: Receiver) -> None:
    sender = make({"HOOK": SECRET, "WHERE": f"{receiver.url}?key=k\n"})
    assert (await sender.send(DELIVERY, EVENT, hook({"env": "WHERE"}))).well
    assert receiver.got[0].line == "POST /in?key=k HTTP/1.1"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_no_redirect_is_followed(sender: Sending, receiver: Receiver, status: int) -> None:
    receiver.answer = answer(status, location=receiver.url)
    attempt = await sender.send(DELIVERY, EVENT, hook(receiver.url))
    assert (attempt.status, attempt.well, len(receiver.got)) == (status, False, 1)


async def test_the_beginning_of_the_answer_is_kept_as_text(
    sender: Sending, receiver: Receiver
) -> None:
    receiver.answer = answer(500, b"\x00bad \xff " + b"x" * 100_000)
    attempt = await sender.send(DELIVERY, EVENT, hook(receiver.url))
    assert attempt.status == 500
    assert attempt.answer.startswith("bad � xxx")
    assert len(attempt.answer) == ANSWER


async def test_an_answer_without_end_does_not_hold_us(sender: Sending, receiver: Receiver) -> None:
    async def forever(_got: Got, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"400\r\n" + b"y" * 1024 + b"\r\n")
            await writer.drain()

    receiver.answer = forever
    attempt = await sender.send(DELIVERY, EVENT, hook(receiver.url))
    assert (attempt.status, attempt.answer) == (200, "y" * ANSWER)


async def test_a_receiver_that_says_nothing_is_given_up(make: Make, receiver: Receiver) -> None:
    async def silent(_got: Got, _writer: asyncio.StreamWriter) -> None:
        await asyncio.get_running_loop().create_future()

    targets = Targets(networks(LOOPBACK))
    assert Wire(targets).timeout == timedelta(seconds=10)
    receiver.answer = silent
    sender = make(wire=Wire(targets, timeout=timedelta(milliseconds=50)))
    attempt = await sender.send(DELIVERY, EVENT, hook(receiver.url))
    assert (attempt.status, attempt.answer) == (0, "no answer within 0.05 s")
    assert attempt.took >= timedelta(milliseconds=50)


@pytest.mark.parametrize("said", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-l"])
async def test_what_is_no_answer_is_an_attempt_that_failed(
    sender: Sending, receiver: Receiver, said: bytes
) -> None:
    async def breaks_off(_got: Got, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        writer.close()

    receiver.answer = breaks_off
    attempt = await sender.send(DELIVERY, EVENT, hook(receiver.url))
    assert attempt.status == 0
    assert attempt.answer.startswith("no answer: ")


async def test_where_nobody_listens_it_is_an_attempt_that_failed(
    sender: Sending,
) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    attempt = await sender.send(DELIVERY, EVENT, hook(f"http://127.0.0.1:{port}/"))
    assert attempt.status == 0
    assert attempt.answer.startswith("no answer: ")


@pytest.mark.parametrize(
    ("webhook", "why"),
    [
        ({"secret": {"env": "NONE"}}, "the environment variable NONE is not set"),
        ({"url": {"env": "NONE"}}, "AlertRoute/ops: url"),
        ({"url": {"env": "BAD"}}, "no address"),
        ({"url": "ftp://127.0.0.1/"}, "no address"),
        ({"url": "http://me:pass@127.0.0.1/"}, "no name and password"),
        ({"url": "http://[::1"}, "no address"),
        ({"url": "http://no-such-name.invalid/"}, "no address"),
        ({"headers": {"X-A": "a\r\nX-B: b"}}, "cannot be sent"),
        ({"headers": {"X-A": "ä"}}, "cannot be sent"),
        ({"headers": {"X A": "a"}}, "no answer"),
    ],
)
async def test_what_cannot_be_sent_is_an_attempt_that_failed(
    make: Make, receiver: Receiver, webhook: dict[str, object], why: str
) -> None:
    sender = make({"HOOK": SECRET, "BAD": "http://exa mple/"})
    attempt = await sender.send(DELIVERY, EVENT, hook(receiver.url, **webhook))
    assert attempt.status == 0
    assert why in attempt.answer
    assert receiver.got == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("99999999999999999999", 86_400),
        ("Tue, 24 Nov 2026 12:05:00 GMT", 299.75),
        ("Tue, 24 Nov 2026 11:05:00 GMT", 0),
        ("Tue, 24 Nov 2099 11:05:00 -0000", 86_400),
    ],
)
def test_how_long_a_receiver_asks_us_to_wait(text: str, seconds: float) -> None:
    assert retry_after({"retry-after": text}, NOW) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "soon", "-1", "1.5", "١٢", "Tue, 99 Nov 2026 12:05:00 GMT"])
def test_what_is_no_time_to_wait_is_no_wish(text: str) -> None:
    assert retry_after({"retry-after": text}, NOW) is None


async def test_the_wish_to_wait_comes_with_the_attempt(sender: Sending, receiver: Receiver) -> None:
    receiver.answer = answer(429, retry_after="77")
    assert (await sender.send(DELIVERY, EVENT, hook(receiver.url))).wait == timedelta(seconds=77)
    receiver.answer = answer(200, retry_after="77")
    assert (await sender.send(DELIVERY, EVENT, hook(receiver.url))).wait is None


def test_a_body_is_never_larger_than_receivers_take() -> None:
    wide = replace(EVENT, data={"fields": ["spec.entities"] * 5_000})
    body = body_of(wide)
    assert len(body) <= LARGEST
    data = json.loads(body)["data"]
    assert (data["details"], data["truncated"], data["id"]) == (None, True, "evt_1")


async def test_the_example_of_the_documentation_verifies_what_we_send(
    sender: Sending, receiver: Receiver
) -> None:
    page = (ROOT / "docs" / "events.md").read_text()
    (example,) = re.findall(r"```python\n(.+?)```", page, re.DOTALL)
    assert len(example.strip().splitlines()) <= 12
    names: dict[str, object] = {}
    exec(compile(example, "docs/events.md", "exec"), names)  # noqa: S102  it is the page itself
    verified = names["verified"]
    assert callable(verified)
    await sender.send(DELIVERY, EVENT, hook(receiver.url))
    (got,) = receiver.got
    now = datetime.now(NOW.tzinfo).timestamp()  # noqa: TID251  as a receiver would
    assert verified(SECRET, got.headers, got.body, now) is True
    assert verified(SECRET, got.headers, got.body + b" ", now) is False
    assert verified(SECRET[:-4] + "AAA=", got.headers, got.body, now) is False
    assert verified(SECRET, got.headers, got.body, now + 301) is False

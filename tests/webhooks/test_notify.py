"""Apprise tells chat, pager and push services, from a thread that connects only to where it may."""

import asyncio
import contextlib
import json
import logging
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from reconciler.model.event import EventType
from reconciler.model.resource import Resource
from reconciler.secrets.redactor import Redactor
from reconciler.secrets.references import resolve
from reconciler.webhooks.channel import Secrets
from reconciler.webhooks.channels.notify import Notifications
from reconciler.webhooks.guard import guarded
from reconciler.webhooks.sending import Sending
from reconciler.webhooks.targets import Targets, networks
from tests.town import route
from tests.webhooks.conftest import DELIVERY, EVENT, MachineClock, Receiver, answer
from tests.webhooks.told import event

CHAT: Resource = route(to={"notify": {"url": {"env": "CHAT"}}})
Make = Callable[..., Sending]


@pytest.fixture
async def notifying() -> AsyncIterator[Make]:
    """Return a function that makes senders to one Apprise URL."""
    made: list[Notifications] = []

    def make(
        url: str,
        *,
        allowed: Sequence[str] = ("127.0.0.1",),
        timeout: timedelta = timedelta(seconds=10),
    ) -> Sending:
        redactor = Redactor()

        def reveal(reference: Mapping[str, Any], what: str) -> str:
            return resolve(reference, {"CHAT": url}, what=what).reveal()

        targets = Targets(networks(allowed))
        made.append(Notifications(targets, Secrets(reveal, redactor), timeout=timeout))
        return Sending(MachineClock(), {"notify": made[-1]}, redactor)

    yield make
    for one in made:
        one.close()


def chat(receiver: Receiver, more: str = "") -> str:
    return f"json://canary-user:canary-pass@127.0.0.1:{receiver.port}/canary-path{more}"


async def test_a_service_is_told(notifying: Make, receiver: Receiver) -> None:
    attempt = await notifying(chat(receiver)).send(DELIVERY, EVENT, CHAT)
    assert (attempt.status, attempt.answer) == (200, "the service took it")
    (got,) = receiver.got
    assert got.line == "POST /canary-path HTTP/1.1"
    told = json.loads(got.body)
    assert told["title"] == "[error] Connection/acme: a sync has failed (vendors)"
    assert told["message"].startswith("2026-11-24T12:00:00Z Connection/acme: a sync has failed")
    assert told["type"] == "failure"


@pytest.mark.parametrize(
    ("kind", "word", "look"),
    [
        (EventType.CONNECTION_ONLINE, "resolved", "success"),
        (EventType.DRIFT_DETECTED, "warning", "warning"),
        (EventType.RESOURCE_CREATED, "info", "info"),
    ],
)
async def test_it_looks_as_bad_as_it_is(
    notifying: Make, receiver: Receiver, kind: EventType, word: str, look: str
) -> None:
    assert (await notifying(chat(receiver)).send(DELIVERY, event(kind), CHAT)).well
    told = json.loads(receiver.got[0].body)
    assert told["title"].startswith(f"[{word}] ")
    assert told["type"] == look


async def test_what_a_service_refuses_is_told_without_its_secrets(
    notifying: Make, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.answer = answer(403, b"canary-pass")
    attempt = await notifying(chat(receiver, "?+X-Key=canary-key")).send(DELIVERY, EVENT, CHAT)
    assert attempt.status == 0
    assert "403" in attempt.answer
    assert "canary" not in attempt.answer + caplog.text


async def test_a_service_inside_is_refused_before_anything_is_sent(
    notifying: Make, receiver: Receiver
) -> None:
    attempt = await notifying(chat(receiver), allowed=()).send(DELIVERY, EVENT, CHAT)
    assert (attempt.status, receiver.connections) == (0, 0)
    assert "is not a public address" in attempt.answer
    assert "RECONCILER_ALLOWED_TARGETS" in attempt.answer


@pytest.mark.parametrize("more", ["", "?redirect=yes"])
async def test_no_redirect_is_followed(notifying: Make, receiver: Receiver, more: str) -> None:
    receiver.answer = answer(307, location=f"http://127.0.0.1:{receiver.port}/else")
    attempt = await notifying(chat(receiver, more)).send(DELIVERY, EVENT, CHAT)
    assert (attempt.status, len(receiver.got)) == (0, 1)


@pytest.mark.parametrize(
    "url",
    [
        "gotify://127.0.0.1/canary-token",
        "mailto://canary-user:canary-pass@example.com?smtp=127.0.0.1&to=a@example.com",
        "json://localhost/canary",
        "json://0x7f000001/canary",
        "jsons://[::ffff:127.0.0.1]/canary",
        "json://169.254.169.254/canary",
    ],
)
async def test_other_protocols_and_spellings_are_held_to_the_same_addresses(
    notifying: Make, url: str
) -> None:
    attempt = await notifying(url, allowed=()).send(DELIVERY, EVENT, CHAT)
    assert attempt.status == 0
    assert "is not a public address" in attempt.answer
    assert "canary" not in attempt.answer


@pytest.mark.parametrize("url", ["xmpp://u:p@127.0.0.1", "mqtt://127.0.0.1/topic"])
async def test_services_with_threads_of_their_own_are_refused(notifying: Make, url: str) -> None:
    attempt = await notifying(url).send(DELIVERY, EVENT, CHAT)
    assert attempt.status == 0
    assert "cannot be guarded" in attempt.answer


def blocked(target: Callable[[], object]) -> list[str]:
    """Return what is refused when *target* runs in a guarded thread."""
    kept: list[str] = []

    def run() -> None:
        with guarded(Targets(networks(["127.0.0.1"]))) as refused:
            with contextlib.suppress(PermissionError):
                target()
            kept.extend(refused)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return kept


def by_thread() -> None:
    threading.Thread(target=print).start()


def by_program() -> None:
    subprocess.run([sys.executable, "--version"], check=False)


THREADS = [(by_thread, "threads")] if sys.version_info >= (3, 12) else []


def by_name() -> None:
    with socket.socket() as one:
        one.connect(("localhost", 9))


def by_datagram() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as one:
        one.sendto(b"x", ("169.254.169.254", 9))


def in_the_file_system() -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.connect("/nowhere")


@pytest.mark.parametrize(
    ("target", "why"),
    [
        *THREADS,
        (by_program, "programs"),
        (by_name, "'localhost' is no address"),
        (by_datagram, "169.254.169.254, which is not a public address"),
        (in_the_file_system, "a socket of this machine"),
    ],
    ids=lambda it: getattr(it, "__name__", None),
)
def test_what_could_not_be_looked_at_is_not_done(target: Callable[[], object], why: str) -> None:
    (refused,) = blocked(target)
    assert why in refused


async def test_other_threads_are_let_be(notifying: Make, receiver: Receiver) -> None:
    sending = notifying(chat(receiver), allowed=())
    assert not (await sending.send(DELIVERY, EVENT, CHAT)).well
    _, writer = await asyncio.open_connection("127.0.0.1", receiver.port)
    writer.close()
    await writer.wait_closed()


async def test_a_service_that_says_nothing_is_left(notifying: Make, receiver: Receiver) -> None:
    async def silent(*_: object) -> None:
        await asyncio.Event().wait()

    receiver.answer = silent
    sending = notifying(chat(receiver), timeout=timedelta(seconds=0.5))
    attempt = await sending.send(DELIVERY, EVENT, CHAT)
    assert (attempt.status, attempt.answer) == (0, "no answer within 0.5 s")


@pytest.mark.parametrize("url", ["canary-word", "canary://canary-host", "https://"])
async def test_an_address_that_apprise_does_not_know_is_not_repeated(
    notifying: Make, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    attempt = await notifying(url).send(DELIVERY, EVENT, CHAT)
    assert attempt.status == 0
    assert "none that Apprise knows" in attempt.answer
    assert "canary" not in attempt.answer + caplog.text


async def test_without_the_library_the_extra_is_named(
    notifying: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    attempt = await notifying("json://127.0.0.1").send(DELIVERY, EVENT, CHAT)
    assert attempt.status == 0
    assert "pip install 'reconciler[notify]'" in attempt.answer

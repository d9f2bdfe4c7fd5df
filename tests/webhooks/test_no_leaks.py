"""The secret of a webhook, and an address that is one, are in no answer, row, log or error."""

import asyncio
import json
import logging
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from reconciler.engine.dispatch import Post
from reconciler.engine.outgoing import Outgoing
from reconciler.store.open import open_store
from tests.fakes import until
from tests.town import Town
from tests.webhooks.conftest import Got, Make, Receiver, hook

CANARIES = ("canary-c2VjcmV0", "canaryPlainText/+=", "canary-path", "Y2FuYXJ5")
SECRETS = {
    "whsec": "whsec_Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5",
    "two": "whsec_Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5 whsec_Y2FuYXJ5Y2FuYXJ5",
    "raw": "canaryPlainText/+=",
    "broken": "whsec_Y2FuYXJ5*canaryPlainText/+=",
}


def all_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("form", SECRETS)
@pytest.mark.parametrize("status", [200, 400, 503, 0])
async def test_a_canary_is_nowhere(
    make: Make,
    receiver: Receiver,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    form: str,
    status: int,
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = SECRETS[form]

    async def echo(got: Got, writer: asyncio.StreamWriter) -> None:
        if not status:
            writer.close()
            return
        said = json.dumps([secret, got.line, dict(got.headers)]) + secret
        head = f"HTTP/1.1 {status} Said\r\ncontent-length: {len(said)}\r\n\r\n"
        writer.write((head + said).encode())

    receiver.answer = echo
    url = f"http://127.0.0.1:{receiver.port}/canary-path/x?key=canary-c2VjcmV0"
    sender = make({"HOOK": secret, "WHERE": url})
    store = open_store(tmp_path)
    town = Town(store)
    await town.declare(hook({"env": "WHERE"}))
    post = Post(store, town.in_force, sender, town.clock)
    with capture_logs() as logs:
        running = asyncio.create_task(Outgoing(post).run())
        await town.happen()
        await until(lambda: any(log["event"].startswith("delivery_") for log in logs))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    await store.close()
    kept = all_bytes(tmp_path)
    assert b"AlertRoute" in kept  # it is not packed: what is there would be found
    everything = kept.decode("latin-1") + repr(logs) + caplog.text + repr(vars(sender))
    assert not [canary for canary in CANARIES if canary in everything]

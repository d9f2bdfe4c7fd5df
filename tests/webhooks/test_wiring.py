"""The house sends webhooks: what happens in its store arrives at the receiver, signed."""

import asyncio
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook

from reconciler.app import house
from reconciler.errors import Invalid
from reconciler.settings import Settings
from tests.fakes import TurnedClock, until
from tests.town import Town
from tests.webhooks.conftest import SECRET, MachineClock, Receiver, hook


async def test_what_happens_arrives_and_verifies(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", SECRET)
    settings = Settings(state_dir=tmp_path, allowed_targets="10.0.0.0/8, 127.0.0.1")
    async with house(settings) as built:
        town = Town(built.store, TurnedClock(MachineClock().now()))
        await town.declare(hook(receiver.url))
        running = asyncio.create_task(built.webhooks())
        for number in range(3):
            name = await town.happen(f"Connection/{number}")
            await until(lambda: len(receiver.got) > number)  # noqa: B023  called at once
            got = receiver.got[-1]
            told = Webhook(SECRET).verify(got.body, dict(got.headers))
            assert told["data"]["id"] == name
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_setting_that_is_no_network_is_told_at_the_start(tmp_path: Path) -> None:
    async with house(Settings(state_dir=tmp_path, allowed_targets="here")) as built:
        with pytest.raises(Invalid, match="RECONCILER_ALLOWED_TARGETS"):
            await built.webhooks()

"""Somebody without a shell on the server has work done once more, and waits for it."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.journeys.conftest import Person

pytestmark = pytest.mark.slow

NAME = "name: plant-a"


async def full_runs(person: Person) -> list[dict[str, Any]]:
    """Return the runs that read all of the vendors and have ended well, the newest first."""
    runs = json.loads(await person.gets("get", "runs", "plant-a", "--limit", "100", "-o", "json"))
    return [
        one
        for one in runs
        if (one["entity"], one["mode"], one["status"]) == ("vendors", "full", "succeeded")
    ]


async def test_git_asks_for_a_full_read_once_and_a_restart_does_not_repeat_it(
    person: Person,
) -> None:
    token = (await person.gets("token", "create", "--admin")).split()[0]
    file = person.folder / "specs" / "connections" / "plant-a.yaml"
    async with person.runs("specs") as api:
        asks = replace(
            person,
            environ={**person.environ, "RECONCILER_SERVER": api, "RECONCILER_TOKEN": token},
        )
        await asks.gets("reconcile", "Connection/plant-a")
        before = len(await full_runs(person))
        assert before > 0
        file.write_text(
            file.read_text().replace(NAME, f"{NAME}\n  annotations: {{reconciler/redo: monday}}", 1)
        )
        assert "has looked at its specs" in await asks.gets("reconcile")
        told = await asks.gets("reconcile", "Connection/plant-a")  # waits behind the full read
        assert "plant-a vendors: " in told
        assert len(await full_runs(person)) == before + 1
        full = await asks.gets("reconcile", "Connection/plant-a", "--full")
        assert "plant-a vendors: full, " in full
        assert "is in force as" in await asks.gets(
            "reconcile", "SyncSchedule/plant-a-daily-business"
        )
        missing = await asks.types("reconcile", "Mapping/nobody")
        assert (missing.code, "404 NOT_FOUND" in missing.err) == (1, True)
    ended = len(await full_runs(person))
    async with person.runs("specs") as api:
        asks.environ["RECONCILER_SERVER"] = api
        await asks.gets("reconcile", "Connection/plant-a")
        assert len(await full_runs(person)) == ended

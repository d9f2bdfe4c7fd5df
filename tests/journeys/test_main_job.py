"""The main job as a person does it: specs, plan, apply, sync, read, remap, and what goes wrong."""

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox import Sandbox
from tests.journeys.conftest import Person, everything

pytestmark = pytest.mark.slow

ORDERS = "purchase-orders"


async def applied(person: Person) -> None:
    await person.gets("apply", "--auto-approve")


async def test_a_plan_is_applied_and_the_next_one_is_empty(person: Person) -> None:
    shown = await person.gets("plan")
    assert "+ Connection/plant-a" in shown
    assert "specs/connections/plant-a.yaml:" in shown
    assert (await person.types("plan", "--detailed-exitcode")).code == 2
    await applied(person)
    again = await person.types("plan", "--detailed-exitcode")
    assert (again.code, "No changes" in again.out) == (0, True)


async def test_a_sync_takes_everything_once_and_then_only_what_changed(
    person: Person, sandbox: Sandbox
) -> None:
    await applied(person)
    await person.gets("sync", "plant-a", ORDERS, "--wait")
    first = json.loads(await person.gets("get", "runs", "plant-a", "-o", "json"))[0]
    assert first["created"] == first["read"] > 100
    await person.gets("sync", "plant-a", ORDERS)
    second = json.loads(await person.gets("get", "runs", "plant-a", "-o", "json"))[0]
    assert (second["created"], second["updated"]) == (0, 0)
    sandbox.advance(5)
    await person.gets("sync", "plant-a", ORDERS)
    third = json.loads(await person.gets("get", "runs", "plant-a", "-o", "json"))[0]
    assert 0 < third["created"] + third["updated"] < 60


async def test_the_running_reconciler_serves_syncs_and_follows_the_files(
    person: Person, sandbox: Sandbox
) -> None:
    async with person.runs("specs") as url:
        token = (await person.gets("token", "create", "--connection", "plant-a")).strip()
        async with asyncio.timeout(60):
            while len(orders := await everything(f"{url}/{ORDERS}", token, limit=100)) < 200:
                await asyncio.wait({asyncio.ensure_future(asyncio.sleep(0.2))})
        assert len({order["id"] for order in orders}) == len(orders)
        await everything_is_synced(person)
        calls = sandbox.stats["calls"]
        mapping = person.folder / "specs" / "mappings" / "plant-a-purchase-orders.yaml"
        mapping.write_text(NEW_MAPPING)
        async with asyncio.timeout(60):
            while not all(
                "plant_word" in order["custom_fields"]
                for order in await everything(f"{url}/{ORDERS}", token, limit=500)
            ):
                await asyncio.wait({asyncio.ensure_future(asyncio.sleep(0.2))})
        assert sandbox.stats["calls"] == calls
        mapping.write_text("kind: [broken")
        await asyncio.wait({asyncio.ensure_future(asyncio.sleep(2))})
        still = await everything(f"{url}/{ORDERS}", token, limit=500)
        assert all("plant_word" in order["custom_fields"] for order in still)


async def everything_is_synced(person: Person) -> None:
    """Return when each entity of the plant has been read to its end: nothing is under way any more."""
    async with asyncio.timeout(90):
        while True:
            told = await person.gets("get", "runs", "plant-a", "-o", "json", "--limit", "100")
            runs = json.loads(told)
            ended = {run["entity"] for run in runs if run["status"] == "succeeded"}
            if len(ended) == ENTITIES and not any(run["status"] == "running" for run in runs):
                return


ENTITIES = 17

NEW_MAPPING = """\
apiVersion: reconciler/v1
kind: Mapping
metadata: {name: plant-a-purchase-orders}
spec:
  connection: plant-a
  entity: purchase-orders
  customFields:
    plant_word: {from: status, type: string}
"""


async def test_a_saved_plan_is_applied_exactly_or_refused_as_stale(person: Person) -> None:
    await person.gets("plan", "--out", "plan.bin")
    await person.gets("apply", "plan.bin", "--auto-approve")
    stale = await person.types("apply", "plan.bin", "--auto-approve")
    assert stale.code == 1
    assert "stale" in stale.err
    assert "plan again" in stale.err


async def test_a_tampered_plan_is_told_from_a_stale_one(person: Person) -> None:
    await person.gets("plan", "--out", "plan.bin")
    file = person.folder / "plan.bin"
    file.write_bytes(file.read_bytes().replace(b"plant-a", b"plant-x"))
    told = await person.types("apply", "plan.bin", "--auto-approve")
    assert told.code == 1
    assert "stale" not in told.err


async def test_without_a_terminal_nothing_is_applied_unasked(person: Person) -> None:
    told = await person.types("apply")
    assert told.code == 1
    assert "--auto-approve" in told.err


async def test_broken_specs_are_told_with_their_place_and_change_nothing(person: Person) -> None:
    await applied(person)
    file = person.folder / "specs" / "connections" / "plant-a.yaml"
    file.write_text(file.read_text().replace("connector: sandbox", "connector: sandbux"))
    told = await person.types("apply", "--auto-approve")
    assert told.code == 1
    assert "plant-a.yaml:" in told.err
    assert "did you mean 'sandbox'" in told.err
    listed = json.loads(await person.gets("get", "connections", "-o", "json"))
    assert [row["connector"] for row in listed if row["name"] == "plant-a"] == ["sandbox"]


@pytest.mark.parametrize(
    ("switch", "code"),
    [
        ({"refuse": True}, "AUTHENTICATION_FAILED"),
        ({"faults": [{"kind": "status", "status": 500, "times": None}]}, "SOURCE_FAULT"),
    ],
)
async def test_a_source_that_does_not_do_is_told_in_words_and_the_records_stay(
    person: Person, sandbox: Sandbox, switch: dict[str, Any], code: str
) -> None:
    await applied(person)
    await person.gets("sync", "plant-a", "vendors")
    sandbox.switch(**switch)
    told = await person.types("sync", "plant-a", "vendors")
    assert told.code == 1
    assert code in told.err
    assert "plant-a" in told.err or "127.0.0.1" in told.err
    sandbox.reset()
    kept = json.loads(await person.gets("records", "plant-a", "vendors", "-o", "json"))
    assert len(kept) >= 20


async def test_a_source_that_is_not_there_is_told_in_words(person: Person) -> None:
    file = person.folder / "specs" / "environments" / "dev.yaml"
    text = file.read_text()
    await applied(person)
    port = text.split("sandbox_port:")[1].split()[0].strip("\"'")
    file.write_text(text.replace(port, "9"))
    await applied(person)
    told = await person.types("sync", "plant-a")
    assert told.code == 1
    assert "CONNECTION_UNREACHABLE" in told.err


async def test_a_missing_secret_names_the_variable(person: Person) -> None:
    await applied(person)
    del person.environ["SANDBOX_API_KEY"]
    told = await person.types("sync", "plant-a")
    assert told.code == 1
    assert "SANDBOX_API_KEY" in told.err


async def test_a_secret_is_nowhere_but_in_its_place(person: Person, sandbox: Sandbox) -> None:
    """The canary: the key is in no output, log, plan or database file."""
    canary = sandbox.credentials.api_key
    said = [await person.types(*words) for words in (
        ("plan", "--diff"), ("plan", "--format", "json", "--out", "plan.bin"),
        ("apply", "--auto-approve"), ("sync", "plant-a"), ("describe", "Connection/plant-a"),
        ("get", "events", "-o", "json"),
    )]  # fmt: skip
    sandbox.switch(refuse=True)
    said.append(await person.types("sync", "plant-a"))
    assert not [one for one in said if canary in one.out + one.err]
    files = [path for path in person.folder.rglob("*") if path.is_file()]
    assert not [path for path in files if canary.encode() in path.read_bytes()]
    assert any(path.suffix in {".db", ".sqlite"} for path in files)


async def test_the_state_folder_is_private(person: Person) -> None:
    await applied(person)
    folder = person.folder / ".reconciler"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert not [p for p in folder.rglob("*") if p.is_file() and p.stat().st_mode & 0o077]


async def test_doctor_says_that_all_is_well_and_what_is_not(
    person: Person, sandbox: Sandbox
) -> None:
    await applied(person)
    assert "answers, and takes our credentials" in await person.gets("doctor")
    sandbox.switch(refuse=True)
    told = await person.types("doctor")
    assert told.code == 1
    assert "FAIL connection plant-a" in told.out


async def test_two_runs_on_one_folder_refuse(person: Person) -> None:
    async with person.runs("specs"):
        told = await person.types("run", "specs", "--bind", "127.0.0.1:0")
        assert told.code == 1
        assert "LOCKED" in told.err


async def test_the_database_is_sound_after_all_of_it(person: Person) -> None:
    await applied(person)
    await person.gets("sync", "plant-a")
    (file,) = [
        p for p in (person.folder / ".reconciler").iterdir() if p.suffix in {".db", ".sqlite"}
    ]
    with sqlite3.connect(file) as base:
        assert base.execute("pragma integrity_check").fetchone() == ("ok",)


async def test_init_writes_the_starter_and_never_over_what_is_there(
    person: Person, tmp_path: Path
) -> None:
    shown = await person.gets("init", "fresh")
    assert "fresh/specs/connections/plant-a.yaml" in shown
    assert (tmp_path / "fresh" / ".gitignore").exists()
    told = await person.types("init", "fresh")
    assert told.code == 1
    assert "written over" in told.err

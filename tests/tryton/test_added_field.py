"""A field that a customer's own module adds to Tryton: found, proposed, applied without a call, and taken back."""

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.journeys.conftest import Person, everything
from tests.tryton.added import NAME, installed
from tests.tryton.server import Erp, served

pytestmark = pytest.mark.slow

CONNECTION: Final = "acme-erp"
ORDERS: Final = "purchase-orders"
PROPOSED: Final = "specs/added.yaml"
CENTERS: Final = ("CC-100", "CC-200", "CC-300")
GIVEN: Final = 12


@pytest.fixture
def erp(tmp_path: Path) -> Iterator[Erp]:
    """A Tryton of this test's own, whose database will get another module."""
    running = served(tmp_path / "erp")
    yield running
    running.stop()


def add_module(erp: Erp, folder: Path) -> None:
    erp.stop()
    erp.server.modules = installed(folder)
    erp.server.add((NAME,))
    erp.start()


async def git(person: Person, *words: str) -> None:
    command = ["git", "-c", "user.name=Ann", "-c", "user.email=ann@acme.example", *words]
    done = await asyncio.to_thread(
        subprocess.run,
        command,
        cwd=person.folder,
        env=dict(os.environ),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


async def committed(person: Person, message: str) -> None:
    await git(person, "add", "specs")
    await git(person, "commit", "--quiet", "--message", message)


async def read(person: Person) -> dict[str, dict[str, Any]]:
    """Return what the API serves, by the source's own key."""
    token = (await person.gets("token", "create", "--connection", CONNECTION)).strip()
    async with person.runs("specs") as url:
        records = await everything(f"{url}/{ORDERS}", token, limit=200)
    return {record["source_id"]: record for record in records}


def centers(records: dict[str, dict[str, Any]]) -> dict[str, str]:
    found = {key: one["custom_fields"].get("cost_center") for key, one in records.items()}
    return {key: center for key, center in found.items() if center is not None}


async def test_a_field_of_a_customers_own_module_is_found_filled_and_taken_back_without_a_call(
    person: Person, erp: Erp, tmp_path: Path
) -> None:
    await git(person, "init", "--quiet")
    await committed(person, "Connect the ERP")
    await person.gets("apply", "specs", "--auto-approve")
    await person.gets("sync", CONNECTION, "--wait")

    await asyncio.to_thread(add_module, erp, tmp_path / "modules")
    given = await asyncio.to_thread(erp.fill, GIVEN, "cost_center", CENTERS)
    await person.gets("sync", CONNECTION, ORDERS, "--wait")
    erp_orders = erp.truth()
    erp.stop()  # from here on nobody can ask it anything

    shown = json.loads(
        await person.gets("mapping", "show", CONNECTION, ORDERS, "--unmapped", "-o", "json")
    )
    added = {one["path"]: one for one in shown["unmapped"]}
    assert added["cost_center"]["filled"] == GIVEN
    assert {"lines[].dock", "released_on"} <= added.keys()

    await person.gets("mapping", "suggest", CONNECTION, ORDERS, "--write", PROPOSED)
    await person.gets("validate", "specs")
    await committed(person, "Map the cost center of orders")

    told = await person.gets("plan", "specs")
    first, *_ = given
    assert (
        f"custom_fields.cost_center: (absent) -> {given[first]} ({first}); "
        f"{GIVEN} of {len(erp_orders)} filled; new in answers"
    ) in told

    await person.gets("apply", "specs", "--auto-approve")
    records = await read(person)
    assert centers(records) == given
    assert len(records) == len(erp_orders)

    await git(person, "revert", "--no-edit", "HEAD")
    await person.gets("apply", "specs", "--auto-approve", "--prune")
    assert centers(await read(person)) == {}

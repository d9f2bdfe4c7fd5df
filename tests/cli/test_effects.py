"""What a mapping change does to records, at the command line: told, braked, saved."""

import asyncio
import json
from pathlib import Path

import pytest

from reconciler.app import house
from reconciler.model.identity import record_id
from reconciler.model.record import Batch, Row
from reconciler.model.value import canonical, digest_of
from reconciler.settings import Settings
from tests.cli.test_trust import MAPPING, folder, must, typed

__all__ = ["folder"]  # the fixture, under its name

ENTITY = "purchase-orders"


def keep(*states: str) -> None:
    """Keep an order of each of these states, as it would have been synced."""

    async def work() -> None:
        async with house(Settings()) as built:
            situation = await built.in_force.look()
            plant = situation.connection("plant-a")
            uid, mapper = situation.uid(plant), situation.mapper(plant, ENTITY)
            raws = [
                canonical({"number": f"PO-{at}", "state": state}) for at, state in enumerate(states)
            ]
            rows = [
                Row(str(at), record_id("po", uid, str(at)), raw, _digest(raw), text, error)
                for at, (raw, (text, error)) in enumerate(zip(raws, mapper(uid, raws), strict=True))
            ]
            async with built.store.begin() as unit:
                at = built.clock.now()
                await unit.records.save(Batch(uid, ENTITY, mapper.basis, "run", rows, at))
                await unit.commit()

    asyncio.run(work())


def _digest(raw: bytes) -> bytes:
    return bytes.fromhex(digest_of(raw.decode())[:32])


def remap(folder: Path, before: str, after: str) -> None:
    """Change the starter's mapping."""
    file = folder / "specs" / "mappings" / "plant-a-purchase-orders.yaml"
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))


@pytest.fixture
def changed(folder: Path) -> Path:
    """A store of ten orders, and a change in the specs that touches four of them."""
    keep(*["ORDERED"] * 4, *["CLOSED"] * 6)
    remap(folder, "ORDERED: sent", "ORDERED: approved")
    return folder


def test_a_plan_tells_how_many_records_change_and_how(changed: Path) -> None:
    told = must("plan")
    assert "plant-a: 4 of 10 purchase-orders change (status 4), 0 become null, 0 fail" in told
    assert "status: sent -> approved 4" in told
    (effect,) = json.loads(must("plan", "--format", "json"))["data_effects"]
    assert (effect["differing"], effect["stored"]) == (4, 10)
    assert effect["causes"] == [MAPPING]


def test_a_sample_is_asked_for_and_told(changed: Path) -> None:
    assert "(a sample: 5 of 10 were looked at)" in must("plan", "--sample", "5")


def test_what_changes_too_much_is_held_and_goes_when_a_person_allows_it(changed: Path) -> None:
    told = typed("apply", "--auto-approve", "--max-changed", "10%")
    assert told.exit_code == 1
    assert f"blocked {MAPPING}: TOO_MANY_CHANGED: 4 of 10 purchase-orders" in told.output
    assert "--max-changed 40%" in told.output
    assert "Applied" not in told.stdout
    done = must("apply", "--auto-approve", "--max-changed", "40%")
    assert "Mapped 10 stored purchase-orders again: 4 changed" in done


def test_the_brake_is_set_for_all_by_a_variable(
    changed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECONCILER_MAX_CHANGED", "3")
    assert "TOO_MANY_CHANGED" in must("plan")
    assert "TOO_MANY_CHANGED" not in must("plan", "--max-changed", "4")


def test_an_annotation_allows_it_in_the_specs(changed: Path) -> None:
    more = 'annotations: {reconciler/max-changed: "50%"}}'
    remap(changed, "plant-a-purchase-orders}", f"plant-a-purchase-orders, {more}")
    assert "TOO_MANY_CHANGED" not in must("plan", "--max-changed", "1%")


def test_a_saved_plan_is_held_as_it_was_and_by_a_brake_that_is_given(changed: Path) -> None:
    must("plan", "--out", "free.bin")
    must("plan", "--out", "held.bin", "--max-changed", "1%")
    assert typed("apply", "held.bin", "--auto-approve").exit_code == 1
    assert typed("apply", "free.bin", "--auto-approve", "--max-changed", "1").exit_code == 1
    told = must("apply", "free.bin", "--auto-approve")
    assert "4 of 10 purchase-orders change" in told
    assert "Applied." in told


@pytest.mark.parametrize("text", ["ten", "101%"])
def test_a_brake_that_is_none_is_refused_in_words(folder: Path, text: str) -> None:
    told = typed("plan", "--max-changed", text)
    assert told.exit_code == 1
    assert "neither a share, such as 10%, nor a number" in told.output

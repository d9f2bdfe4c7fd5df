"""``mapping show`` and ``suggest``: the same data in each form, and a proposal that can be applied."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from reconciler.app import house
from reconciler.cli.main import app
from reconciler.cli.starting import write_starter
from reconciler.datamodel.reader import entities
from reconciler.model.identity import record_id
from reconciler.model.record import Batch, Row
from reconciler.model.value import digest_of
from reconciler.settings import Settings

ORDERS = "purchase-orders"
RAWS: list[dict[str, Any]] = [
    {"order_no": f"PO-{n}", "state": "OPEN", "u_cost_centre": "4711", "u_gate": n, "u_note": None,
     "positions": [{"pos": 10, "u_batch": "B1"}], "buyer_mail": "jane.doe@acme.example"}
    for n in range(12)
]  # fmt: skip


def typed(*words: str) -> Result:
    return CliRunner().invoke(app, words)


async def store_orders() -> None:
    """Keep orders of plant-a as if they had been synced."""
    async with house(Settings()) as built:
        situation = await built.in_force.look()
        connection = situation.connection("plant-a")
        uid, mapper = situation.uid(connection), situation.mapper(connection, ORDERS)
        raws = [json.dumps(raw).encode() for raw in RAWS]
        prefix = entities()[ORDERS].prefix
        rows = [
            Row(raw["order_no"], record_id(prefix, uid, raw["order_no"]), text,
                bytes.fromhex(digest_of(text.hex())[:32]), mapped, error)
            for raw, text, (mapped, error) in zip(RAWS, raws, mapper(uid, raws), strict=True)
        ]  # fmt: skip
        async with built.store.begin() as unit:
            batch = Batch(uid, ORDERS, mapper.basis, "run", rows, built.clock.now())
            await unit.records.save(batch)
            await unit.commit()


def id_of(source: str) -> str:
    async def found() -> str:
        async with house(Settings()) as built:
            situation = await built.in_force.look()
            uid = situation.uid(situation.connection("plant-a"))
            return record_id(entities()[ORDERS].prefix, uid, source)

    return asyncio.run(found())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the starter in force, and a dozen orders stored."""
    write_starter(tmp_path)
    monkeypatch.delenv("RECONCILER_ENV", raising=False)
    with chdir(tmp_path):
        assert typed("apply", "--auto-approve").exit_code == 0
        asyncio.run(store_orders())
        yield tmp_path


def test_every_field_is_shown_with_its_source_layer_and_fill_rate(folder: Path) -> None:
    told = typed("mapping", "show", "plant-a", ORDERS)
    assert told.exit_code == 0
    rows = {line.split()[0]: line.split() for line in told.stdout.splitlines() if line.strip()}
    assert rows["number"][1:5] == ["string", "order_no", "default", "100.0%"]
    assert "connection" in rows["custom_fields.cost_center"]
    assert rows["exchange_rate"][1:] == ["decimal", "-", "-", "-", "-"]
    assert rows["u_gate"][:3] == ["u_gate", "integer", "100.0%"]
    assert "12 purchase-orders stored" in told.stderr
    wide = typed("mapping", "show", "plant-a", ORDERS, "-o", "wide").stdout
    assert "specs/mappings/plant-a-purchase-orders.yaml:" in wide


def test_only_what_nobody_maps_is_shown_when_asked(folder: Path) -> None:
    told = typed("mapping", "show", "plant-a", ORDERS, "--unmapped").stdout
    assert "order_no" not in told
    assert "positions[].u_batch" in told
    listed = json.loads(
        typed("mapping", "show", "plant-a", ORDERS, "--unmapped", "-o", "json").stdout
    )
    assert [one["path"] for one in listed["unmapped"]] == [
        "u_gate", "u_note", "positions[].u_batch", "buyer_mail",
    ]  # fmt: skip
    assert "fields" not in listed
    as_yaml = yaml.safe_load(typed("mapping", "show", "plant-a", ORDERS, "-o", "yaml").stdout)
    assert as_yaml["unmapped"] == listed["unmapped"]
    assert as_yaml["fields"][0]["field"] == "number"


def test_a_proposal_is_printed_written_and_applied_as_it_stands(folder: Path) -> None:
    printed = typed("mapping", "suggest", "plant-a", ORDERS)
    assert printed.exit_code == 0
    assert "u_gate: {from: u_gate, type: integer}" in printed.stdout
    written = typed(
        "mapping", "suggest", "plant-a", ORDERS, "--name", "more", "--write", "specs/more.yaml"
    )
    assert "Mapping/more with 3 fields written to specs/more.yaml." in written.stdout
    applied = typed("apply", "--auto-approve")
    assert "12 of 12 purchase-orders change" in applied.stdout
    left = json.loads(
        typed("mapping", "show", "plant-a", ORDERS, "--unmapped", "-o", "json").stdout
    )
    assert [one["path"] for one in left["unmapped"]] == ["u_note"]
    again = typed("mapping", "suggest", "plant-a", ORDERS)
    assert (again.stdout, "nothing to propose" in again.stderr) == ("", True)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("show plant-x purchase-orders", "did you mean 'plant-a'?"),
        ("show plant-a orders", "plant-a has no 'orders'"),
        ("suggest plant-a purchase-orders --name No_Name", "'No_Name' is no name"),
        (
            "suggest plant-a purchase-orders --write specs/connections/plant-a.yaml",
            "is there already",
        ),
    ],
)
def test_what_cannot_be_shown_is_said_in_words(folder: Path, line: str, said: str) -> None:
    told = typed("mapping", *line.split())
    assert told.exit_code == 1
    assert said in told.stderr

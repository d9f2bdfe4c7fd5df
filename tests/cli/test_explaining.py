"""``explain`` and ``records``: readable at 3 a.m., and the same as JSON."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reconciler.app import house
from reconciler.cli.explanation_text import render
from reconciler.cli.starting import write_starter
from reconciler.engine.explaining import Explaining
from reconciler.model.identity import record_id
from reconciler.model.record import Batch, Row
from reconciler.model.value import digest_of
from reconciler.settings import Settings
from tests.cli.test_commands import typed
from tests.sources.git_servers import run

pytestmark = pytest.mark.slow

ORDERS = "purchase-orders"
GOOD: dict[str, Any] = {
    "order_no": "PO-1",
    "state": "ORDERED",
    "net": "12.50",
    "supplier": "V-1",
    "positions": [{"pos": n, "kind": "M", "qty": "2", "text": "Bolt"} for n in range(1, 8)],
    "note": None,
}
BAD: dict[str, Any] = {"order_no": "PO-2", "state": "OPEN", "net": "a lot", "positions": []}


@pytest.fixture
def folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: Callable[[str], str]
) -> Iterator[Path]:
    """A folder whose specs are committed and in force, with one record that is mapped and one that is not."""
    program("git")
    write_starter(tmp_path)
    monkeypatch.delenv("RECONCILER_ENV", raising=False)
    with chdir(tmp_path):
        run("git", "init", "-q", "-b", "main")
        run("git", "add", "specs")
        commit("Ada Byte")
        assert typed("apply --auto-approve").exit_code == 0
        asyncio.run(keep(GOOD, BAD))
        yield tmp_path


def commit(author: str) -> None:
    run("git", "commit", "-qam", "Say how", "--author", f"{author} <x@example.com>")


async def keep(*sources: dict[str, Any]) -> None:
    """Keep raw records of plant-a as a sync does."""
    async with house(Settings()) as built:
        situation = await built.in_force.look()
        connection = situation.connection("plant-a")
        uid, mapper = situation.uid(connection), situation.mapper(connection, ORDERS)
        raws = [msgspec.json.encode(source) for source in sources]
        rows = [
            Row(
                source["order_no"],
                record_id("po", uid, source["order_no"]),
                raw,
                bytes.fromhex(digest_of(source)[:32]),
                mapped,
                error,
            )
            for source, raw, (mapped, error) in zip(sources, raws, mapper(uid, raws), strict=True)
        ]
        async with built.store.begin() as unit:
            batch = Batch(uid, ORDERS, mapper.basis, "run_1", rows, built.clock.now())
            await unit.records.save(batch)
            await unit.commit()


def the_id(key: str = "PO-1") -> str:
    rows = json.loads(typed(f"records plant-a {ORDERS} -o json").stdout)
    (found,) = (str(row["id"]) for row in rows if row["source_id"] == key)
    return found


def place_of(folder: Path, text: str, after: int = 0) -> str:
    file = "specs/mappings/plant-a-purchase-orders.yaml"
    lines = (folder / file).read_text().splitlines()
    return f"{file}:{next(n for n, line in enumerate(lines, 1) if text in line) + after}"


def test_a_field_is_told_from_its_source_to_who_wrote_its_rule(folder: Path) -> None:
    told = typed(f"explain {the_id()} status")
    assert told.exit_code == 0, told.stderr
    lines = [re.sub(r" {2,}", "  ", line) for line in told.stdout.splitlines()]
    assert lines[0].startswith(f"{the_id()}  purchase-orders of plant-a, 'PO-1'")
    assert 'status = "sent"' in lines
    assert '  from  state  → "ORDERED"' in lines
    assert '  values  ORDERED → "sent"  → "sent"' in lines
    assert "  rule  Mapping/plant-a-purchase-orders, layer connection" in lines
    assert f"  at  spec.fields.status, {place_of(folder, 'status:', after=1)}" in lines
    assert any(re.match(r"  since  20.*Z, by cli:.* \(local:", line) for line in lines)
    assert any(re.match(r"  line by  Ada Byte, [0-9a-f]{12} of 20.*: Say how", l) for l in lines)  # noqa: E741
    assert "  over  Connector/sandbox, layer default (built in)" in lines


def test_the_whole_record_names_fields_without_a_rule_in_one_line(folder: Path) -> None:
    text = typed(f"explain {the_id()}").stdout
    assert re.search(r"^no rule: .*exchange_rate", text, re.MULTILINE)
    assert re.search(r"^custom_fields\.cost_center = null$", text, re.MULTILINE)
    assert 'lines[0].type = "item"' in text
    assert "… and 2 more" in text
    assert "lines[6]" not in text


def test_one_of_many_items_is_told_when_asked_for(folder: Path) -> None:
    text = typed(f"explain {the_id()} lines[6].line_no").stdout
    assert "lines[6].line_no = 7" in text


def test_a_field_that_fails_says_so_where_it_stands(folder: Path) -> None:
    text = typed(f"explain {the_id('PO-2')} total_net").stdout
    assert 'FAILS      total_net: "a lot" is not a decimal' in text
    assert 'total_net = FAILS: "a lot" is not a decimal' in text
    assert re.search(r'from +net +→ "a lot"', text)


def test_lines_and_authors_are_left_out_where_the_files_are_not_what_is_in_force(
    folder: Path,
) -> None:
    file = folder / "specs" / "mappings" / "plant-a-purchase-orders.yaml"
    file.write_text("# a line more\n" + file.read_text())
    text = typed(f"explain {the_id()} status").stdout
    assert "line by" not in text
    assert "specs/mappings/plant-a-purchase-orders.yaml:" in text
    assert "status = " in text
    assert typed(f"explain {the_id()} status --specs nowhere").exit_code == 0


def test_a_line_that_another_has_changed_is_told_with_them(folder: Path) -> None:
    file = folder / "specs" / "mappings" / "plant-a-purchase-orders.yaml"
    file.write_text(file.read_text().replace("ORDERED: sent", "ORDERED: received"))
    commit("Bob Line")
    assert typed("apply --auto-approve").exit_code == 0
    told = json.loads(typed(f"explain {the_id()} title -o json").stdout)
    assert told["fields"]["title"]["rule"]["author"] == "Ada Byte"
    assert told["as_stored"] is True
    text = typed(f"explain {the_id()} status").stdout
    assert 'status = "received"' in text


def test_as_json_it_is_what_the_api_says_and_the_line_and_its_author(folder: Path) -> None:
    told = json.loads(typed(f"explain {the_id()} status -o json").stdout)
    rule = told["fields"]["status"]["rule"]
    assert (rule["author"], len(rule["commit"])) == ("Ada Byte", 40)
    assert f"{rule['file']}:{rule['line']}" == place_of(folder, "status:", after=1)
    assert told["fields"]["status"]["steps"][0] == {
        "step": "from",
        "by": "state",
        "value": "ORDERED",
    }
    assert (told["connection"], told["source_id"], told["run"]) == ("plant-a", "PO-1", None)


@pytest.mark.parametrize(
    ("line", "said", "hint"),
    [
        ("explain po_none", "there is no record 'po_none'", "reconciler records"),
        ("explain {id} statsu", "no field 'statsu'", "did you mean 'status'?"),
    ],
)
def test_what_is_not_there_is_said_in_words(folder: Path, line: str, said: str, hint: str) -> None:
    told = typed(line.format(id=the_id()))
    assert told.exit_code == 1
    assert said in told.stderr
    assert hint in told.stderr


async def test_the_text_is_the_same_for_the_same_record(folder: Path) -> None:
    key = await asyncio.to_thread(the_id)
    async with house(Settings()) as built:
        explaining = Explaining(built.store.views, built.in_force)
        first, second = [render(await explaining.record(key), {}, whole=True) for _ in range(2)]
    assert first == second


# ── records ──────────────────────────────────────────────────────────────────────────────────────


def test_records_that_failed_are_listed_with_why_and_counted(folder: Path) -> None:
    told = typed(f"records plant-a {ORDERS} --failed")
    assert "PO-2" in told.stdout
    assert 'total_net: "a lot" is not a decimal' in told.stdout
    assert "PO-1" not in told.stdout
    assert f"1 {ORDERS} of plant-a could not be mapped" in told.stderr
    everything = typed(f"records plant-a {ORDERS}")
    assert "--failed shows them" in everything.stderr
    assert re.search(rf"^plant-a +{ORDERS} +2 +1$", typed("get records").stdout, re.MULTILINE)


def test_a_failed_record_is_kept_raw(folder: Path) -> None:
    (row,) = json.loads(typed(f"records plant-a {ORDERS} --failed --raw -o json").stdout)
    assert row["raw"] == BAD
    assert row["error"].startswith("total_net: ")
    assert json.dumps(BAD["order_no"]) in typed(f"records plant-a {ORDERS} --failed --raw").stdout


def test_where_nothing_failed_that_is_said(folder: Path) -> None:
    told = typed("records plant-a vendors --failed")
    assert told.exit_code == 0
    assert "no vendors of plant-a failed to be mapped" in told.stderr

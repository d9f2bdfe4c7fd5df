"""What people suffer from with other reconcilers, and what this one does about each of it."""

import asyncio
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import chdir
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from reconciler.app import edits, house
from reconciler.cli.main import app
from reconciler.cli.starting import write_starter
from reconciler.model.resource import Kind, ResourceKey
from reconciler.model.value import merge_patch
from reconciler.plan.render.markdown import LONGEST_COMMENT
from reconciler.ports import EditWish
from reconciler.settings import Settings
from reconciler.spec.written import document_of

CANARY = "sk-canary-9b41e7c2d0"
MAPPING = "Mapping/plant-a-purchase-orders"
CONNECTION_FILE = "specs/connections/plant-a.yaml"
MAPPING_FILE = "specs/mappings/plant-a-purchase-orders.yaml"
SENT = {"status": {"values": {"ORDERED": "approved"}}}
SET = """\
apiVersion: reconciler/v1
kind: ConnectionSet
metadata: {name: customers}
spec:
  file: customers.csv
  template:
    metadata: {name: "{{ item.id }}"}
    spec:
      connector: sandbox
      config: {base_url: "http://127.0.0.1:8055"}
      auth: {method: api_key, key: {env: SANDBOX_API_KEY}}
      deletionPolicy: delete
"""


def typed(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def must(*words: str) -> str:
    told = typed(*words)
    assert told.exit_code == 0, told.output
    return told.stdout


def code(*words: str) -> int:
    return typed(*words).exit_code


def plan(*words: str) -> dict[str, Any]:
    """Return the plan as programs read it."""
    told: dict[str, Any] = json.loads(must("plan", "--format", "json", *words))
    return told


def change(folder: Path, file: str, old: str, new: str) -> None:
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))


def names() -> set[str]:
    """Return what is in force, as ``Kind/name``."""

    async def work() -> set[str]:
        async with house(Settings()) as built:
            return {str(key) for key in (await built.store.views.state()).resources}

    return asyncio.run(work())


def edit(name: str, **spec: object) -> None:
    """Edit an object as somebody at the dashboard."""

    async def work() -> None:
        async with house(Settings()) as built:
            kind, _, short = name.partition("/")
            state = (await built.in_force.look()).state
            document = document_of(state.resources[ResourceKey(Kind(kind), short)])
            changed = merge_patch(document, {"spec": spec})
            await edits(built).put(EditWish(changed, "ui:jo"))

    asyncio.run(work())


def customers(folder: Path, count: int) -> None:
    """Say that there are so many customers."""
    rows = "".join(f"c{number:03d}\n" for number in range(count))
    (folder / "specs" / "customers.csv").write_text(f"id\n{rows}")


def rows(folder: Path) -> dict[str, list[Any]]:
    """Return all that the state's database holds, table by table."""
    (file,) = (folder / ".reconciler").glob("*.db")
    with sqlite3.connect(file) as link:
        query = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        tables = [name for (name,) in link.execute(query)]
        return {name: link.execute(f'SELECT * FROM "{name}"').fetchall() for name in tables}  # noqa: S608  names of its own tables


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the starter, applied."""
    write_starter(tmp_path)
    for name in ("RECONCILER_ENV", "RECONCILER_STATE_DIR", "RECONCILER_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with chdir(tmp_path):
        must("apply", "--auto-approve")
        yield tmp_path


# 1. Drift and "merged but not applied" look the same to a build machine.
def test_drift_and_a_waiting_change_have_exit_codes_and_lists_of_their_own(folder: Path) -> None:
    assert code("plan", "--detailed-exitcode") == 0
    edit(MAPPING, fields=SENT)
    assert code("plan", "--detailed-exitcode") == 3
    told = plan()
    assert (told["changes"], [one["address"] for one in told["drift"]]) == ([], [MAPPING])
    change(folder, CONNECTION_FILE, "history: 90d", "history: 30d")
    assert code("plan", "--detailed-exitcode") == 4
    told = plan()
    assert [one["address"] for one in told["changes"]] == ["Connection/plant-a"]
    assert [one["address"] for one in told["drift"]] == [MAPPING]
    must("apply", "--only", MAPPING, "--heal", "--auto-approve")
    assert code("plan", "--detailed-exitcode") == 2
    assert code("drift") == 0


# 1. The check for drift is one flag away from an apply.
def test_looking_for_drift_writes_nothing_at_all(folder: Path) -> None:
    edit(MAPPING, fields=SENT)
    change(folder, CONNECTION_FILE, "history: 90d", "history: 30d")
    before = rows(folder)
    assert code("drift") == 3
    assert code("plan", "--diff") == 0
    assert rows(folder) == before
    refused = typed("drift", "--auto-approve")
    assert refused.exit_code == 2
    assert "No such option" in refused.output


# 2. Defaults, an empty list against none, the order of keys and other spellings make endless diffs.
def test_the_same_said_in_other_words_is_no_change(folder: Path) -> None:
    file = folder / CONNECTION_FILE
    before = file.read_text()
    change(folder, CONNECTION_FILE, "history: 90d", "history: 2160h")
    change(folder, CONNECTION_FILE, "{every: 24h, brake: 10%}", '{"brake": "10%", every: 1d}')
    change(folder, CONNECTION_FILE, "    - purchase-orders\n    - receivings\n", "")
    change(
        folder,
        CONNECTION_FILE,
        "    - statuses\n",
        "    - statuses\n    - receivings\n    - purchase-orders\n",
    )
    change(folder, CONNECTION_FILE, "  drift: report\n", "  ignore: []\n")
    assert file.read_text() != before
    told = plan()
    assert (told["changes"], told["drift"]) == ([], [])
    assert code("plan", "--detailed-exitcode") == 0
    assert "No changes" in must("apply", "--auto-approve")


# 2. "Out of sync", and no diff that would say of what.
def test_what_is_called_changed_names_a_field_and_its_line(folder: Path) -> None:
    change(folder, CONNECTION_FILE, "history: 90d", "history: 30d")
    (only,) = plan()["changes"]
    (field,) = only["diff"]
    assert (field["path"], field["before"], field["after"]) == ("/spec/history", "90d", "30d")
    shown = must("plan", "--diff")
    assert "90d" in shown
    assert "30d" in shown


class Echo(BaseHTTPRequestHandler):
    """A system that repeats all that it was sent in its refusal, as some do."""

    seen: list[str]

    def do_GET(self) -> None:
        told = str(self.headers)
        self.seen.append(told)
        self.send_response(401)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps({"error": told}).encode())

    do_POST = do_GET  # noqa: N815  as it is called

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  as it is called
        """Say nothing."""


@pytest.fixture
def echo() -> Iterator[tuple[int, list[str]]]:
    """A system on a free port that refuses everybody, and what it was sent."""
    seen: list[str] = []
    handler = type("EchoHere", (Echo,), {"seen": seen})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port, seen
        server.shutdown()
        thread.join()


# 3. Secrets stand in plans, saved plans, comments and states, or are masked by text alone.
def test_a_secret_is_in_no_output_and_in_no_file(
    folder: Path, echo: tuple[int, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, seen = echo
    for name in ("SANDBOX_API_KEY", "ALERTS_SECRET", "NEXT_KEY"):
        monkeypatch.setenv(name, CANARY)
    change(folder, "specs/environments/dev.yaml", "8055", str(port))
    change(folder, CONNECTION_FILE, "{env: SANDBOX_API_KEY}", "{env: NEXT_KEY}")
    forms = [("plan", "--format", form) for form in ("text", "json", "markdown", "github")]
    commands = [
        *forms,
        ("plan", "--diff", "--out", "saved.plan"),
        ("validate",),
        ("apply", "saved.plan", "--auto-approve"),
        ("sync", "plant-a", "vendors"),
        ("suspend", "plant-a", "--reason", "the key is refused"),
        ("describe", "Connection/plant-a", "-o", "json"),
        ("describe", "Connection/plant-a"),
        ("get", "connections", "-o", "json"),
        ("drift", "-o", "json"),
        ("history", "-o", "json"),
        ("events",),
        ("locks",),
        ("doctor",),
        ("export", "exported"),
    ]
    said = {words: typed(*words).output for words in commands}
    assert any(CANARY in one for one in seen)  # it is what the system was sent
    assert "NEXT_KEY" in said["plan", "--format", "json"]  # the plan is about it
    assert (
        "401" in said["sync", "plant-a", "vendors"] or "refus" in said["sync", "plant-a", "vendors"]
    )
    assert not [words for words, text in said.items() if CANARY in text]
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" for path in files)
    assert not [path for path in files if CANARY.encode() in path.read_bytes()]


# 3. A value that changes its place only shows the old one in the diff.
def test_a_secret_that_is_written_into_a_spec_is_refused_and_not_repeated(folder: Path) -> None:
    change(folder, CONNECTION_FILE, "{env: SANDBOX_API_KEY}", CANARY)
    for words in (("validate",), ("plan",), ("apply", "--auto-approve")):
        told = typed(*words)
        assert told.exit_code == 1
        assert "plant-a.yaml:" in told.output
        assert CANARY not in told.output
    for path in (folder / ".reconciler").rglob("*"):
        assert path.is_dir() or CANARY.encode() not in path.read_bytes(), path


# 4. A folder that is empty, or was moved, deletes everything.
@pytest.mark.parametrize("where", ["specs", "nowhere"])
def test_an_empty_or_moved_folder_removes_nothing(folder: Path, where: str) -> None:
    before = names()
    for file in (folder / "specs").rglob("*.yaml"):
        file.unlink()
    told = typed("apply", where, "--prune", "--max-deletes", "1000", "--auto-approve")
    assert told.exit_code == 1
    assert names() == before


# 4. A folder that holds nothing but comments is as empty.
def test_specs_without_a_document_remove_nothing(folder: Path) -> None:
    before = names()
    for file in (folder / "specs").rglob("*.yaml"):
        file.write_text("# rendered: nothing\n")
    told = typed("apply", "--prune", "--max-deletes", "1000", "--auto-approve")
    assert told.exit_code == 1
    assert "EMPTY_SPECS" in told.stdout
    assert names() == before


# 4. One object that cannot be rendered is deleted, and all that came from the same template.
def test_an_error_anywhere_prunes_nothing_anywhere(folder: Path) -> None:
    (folder / "specs" / "set.yaml").write_text(SET)
    customers(folder, 3)
    must("apply", "--auto-approve")
    before = names()
    change(folder, "specs/set.yaml", "item.id", "item.name")
    (folder / MAPPING_FILE).unlink()
    told = typed("apply", "--prune", "--auto-approve")
    assert told.exit_code == 1
    assert "set.yaml:" in told.stderr
    assert names() == before


# 4. A list that was cut short takes most customers with it.
def test_a_list_cut_short_is_told_and_more_than_ten_go_only_when_a_person_says_so(
    folder: Path,
) -> None:
    (folder / "specs" / "set.yaml").write_text(SET)
    customers(folder, 14)
    must("apply", "--auto-approve")
    customers(folder, 2)
    assert "12 unmanaged" in must("plan").lower()
    must("apply", "--auto-approve")
    assert len([name for name in names() if name.startswith("Connection/c")]) == 14
    told = typed("apply", "--prune", "--auto-approve")
    assert told.exit_code == 1
    assert "TOO_MANY_DELETES" in told.stdout
    assert "--max-deletes 12" in told.stdout
    assert len([name for name in names() if name.startswith("Connection/c")]) == 14
    must("apply", "--prune", "--max-deletes", "12", "--auto-approve")
    assert len([name for name in names() if name.startswith("Connection/c")]) == 2


# 4. What others still need is deleted first.
def test_removals_come_last_and_what_needs_goes_before_what_is_needed(folder: Path) -> None:
    (folder / CONNECTION_FILE).rename(folder / "plant-a.yaml")
    for name in ("mappings/plant-a-purchase-orders.yaml", "schedules/plant-a.yaml"):
        (folder / "specs" / name).unlink()
    change(folder, "specs/environments/dev.yaml", "  patches:", "  # patches:")
    text = (folder / "specs/environments/dev.yaml").read_text()
    (folder / "specs/environments/dev.yaml").write_text(text.partition("  # patches:")[0])
    text = (folder / "plant-a.yaml").read_text().replace("name: plant-a", "name: plant-b")
    (folder / "specs" / "plant-b.yaml").write_text(text)
    told = [(one["actions"][0], one["address"]) for one in plan("--prune")["changes"]]
    assert told[0] == ("create", "Connection/plant-b")
    assert told[-1] == ("forget", "Connection/plant-a")
    assert {action for action, _ in told[1:-1]} == {"delete"}


# 5. Protection goes with the file that said it, or fails the whole plan.
def test_protection_outlives_its_file_and_holds_up_nothing_else(folder: Path) -> None:
    text = SET.replace("deletionPolicy: delete", "protect: true")
    (folder / "specs" / "set.yaml").write_text(text)
    customers(folder, 2)
    must("apply", "--auto-approve")
    customers(folder, 1)
    change(folder, MAPPING_FILE, "CLOSED: closed", "CLOSED: received")
    shown = typed("plan", "--prune", "--diff")
    assert shown.exit_code == 0
    assert "PROTECTED" in shown.stdout
    told = typed("apply", "--prune", "--auto-approve")
    assert told.exit_code == 1
    assert "Connection/c001" in names()
    assert (
        json.loads(must("describe", MAPPING, "-o", "json"))["spec"]["fields"]["status"]["values"][
            "CLOSED"
        ]
        == "received"
    )


# 5. It cannot be lifted without removing the thing at once.
def test_lifting_protection_is_a_change_of_its_own(folder: Path) -> None:
    (folder / "specs" / "set.yaml").write_text(
        SET.replace("deletionPolicy: delete", "protect: \"{{ item.safe == 'yes' }}\"")
    )
    table = folder / "specs" / "customers.csv"
    table.write_text("id,safe\nc0,yes\nc1,yes\n")
    must("apply", "--auto-approve")
    table.write_text("id,safe\nc0,yes\nc1,no\n")
    (only,) = plan("--prune")["changes"]
    assert [field["path"] for field in only["diff"]] == ["/spec/protect"]
    must("apply", "--auto-approve")
    table.write_text("id,safe\nc0,yes\n")
    must("apply", "--prune", "--auto-approve")
    assert {"Connection/c0"} == {name for name in names() if name.startswith("Connection/c")}


# 10. A plan is too long to read.
def test_a_plan_is_a_line_an_object_unless_more_is_asked_for(folder: Path) -> None:
    (folder / "specs" / "set.yaml").write_text(SET)
    customers(folder, 40)
    short = must("plan").splitlines()
    assert len([line for line in short if "Connection/c" in line]) == 40
    assert len(short) < 40 + 12
    change(folder, CONNECTION_FILE, "history: 90d", "history: 30d")
    assert "30d" not in "\n".join(must("plan", "--only", "Connection/plant-a").splitlines()[:-2])
    assert "30d" in must("plan", "--only", "Connection/plant-a", "--diff")


# 10. There is no "all but this one"; and what is left out is not told.
@pytest.mark.parametrize(
    ("words", "left"),
    [
        (("--exclude", "Connection/c0*"), 3),
        (("--only", "Connection/plant-a"), 3),
        (("--selector", "customer=acme"), 3),
    ],
)
def test_a_part_of_a_plan_says_loudly_that_it_is_one(
    folder: Path, words: tuple[str, ...], left: int
) -> None:
    (folder / "specs" / "set.yaml").write_text(SET)
    customers(folder, left)
    change(folder, CONNECTION_FILE, "history: 90d", "history: 30d")
    told = plan(*words)
    assert [one["address"] for one in told["changes"]] == ["Connection/plant-a"]
    assert "partial" in must("plan", *words).lower()
    assert "**Partial**: 3 more" in must("plan", "--format", "markdown", *words)
    must("apply", "--auto-approve", *words)
    assert "Connection/c000" not in names()


# 11. What a pull request would do is too long for a comment.
def test_a_plan_of_a_pull_request_fits_into_a_comment_and_counts_all(folder: Path) -> None:
    (folder / "specs" / "set.yaml").write_text(SET)
    customers(folder, 2000)
    told = must("plan", "--format", "markdown")
    assert len(told) <= LONGEST_COMMENT
    assert "2,000 to create" in told
    assert " more " in told


# 11. What a pull request would do cannot be seen without the running system.
# ``plan --base REVISION``, two trees of git and nothing else: tests/cli/test_trust.py


# 15. An empty substitution is found out at night; an error has no file and no line.
def test_a_variable_that_is_not_set_is_an_error_at_its_line_and_nothing_is_contacted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECONCILER_STATE_DIR", str(folder / "untouched"))
    monkeypatch.setenv("RECONCILER_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nothing")
    change(folder, CONNECTION_FILE, "vars.sandbox_port", "vars.sandbox_prt")
    change(folder, MAPPING_FILE, "from: ship_via", "from: 'ship_via['")
    told = typed("validate")
    assert told.exit_code == 1
    line = next(
        number
        for number, text in enumerate((folder / CONNECTION_FILE).read_text().splitlines(), 1)
        if "sandbox_prt" in text
    )
    assert f"connections/plant-a.yaml:{line}:" in told.stdout
    assert "did you mean 'sandbox_port'" in told.stdout
    assert "mappings/plant-a-purchase-orders.yaml:" in told.stdout
    assert not list((folder / "untouched").rglob("*.db"))


# 15. A substitution that is empty is as good as none.
def test_a_value_that_comes_out_empty_where_one_is_needed_is_an_error(folder: Path) -> None:
    (folder / "specs" / "set.yaml").write_text(SET)
    (folder / "specs" / "customers.csv").write_text("id,x\nc0,1\n,2\n")
    told = typed("apply", "--prune", "--auto-approve")
    assert told.exit_code == 1
    assert "set.yaml:" in told.stderr
    assert "line 3" in told.stderr

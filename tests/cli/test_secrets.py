"""``secrets``, and what other commands say when a secret or a key is not there."""

import asyncio
import base64
import json
import stat
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner, Result

from reconciler.app import house
from reconciler.cli.main import app
from reconciler.cli.starting import write_starter
from reconciler.settings import Settings

OLD = f"2025:{base64.b64encode(b'o' * 32).decode()}"
NEW = f"2026:{base64.b64encode(b'n' * 32).decode()}"


def typed(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def must(*words: str) -> str:
    told = typed(*words)
    assert told.exit_code == 0, told.output
    return told.stdout


def keep(value: str = "hunter2") -> None:
    """Let a customer give a password, in a process of its own that logs anew."""
    structlog.reset_defaults()

    async def work() -> None:
        async with house(Settings()) as built:
            async with built.store.begin() as unit:
                values = {"auth.password": value}
                await built.safe.keep(unit, "c1", values, by="customer", at=built.clock.now())
                await unit.commit()
            assert await built.safe.open("c1") == {"auth.password": value}

    asyncio.run(work())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the starter."""
    write_starter(tmp_path)
    for name in ("RECONCILER_ENV", "RECONCILER_KEYS", "RECONCILER_KEYS_FILE"):
        monkeypatch.delenv(name, raising=False)
    structlog.reset_defaults()
    with chdir(tmp_path):
        yield tmp_path
    structlog.reset_defaults()  # a command has told it to write to a stream that is closed now


def test_without_anything_sealed_no_key_is_made(folder: Path) -> None:
    assert "nothing is sealed here yet" in typed("secrets", "status").stderr
    assert "Nothing is sealed here yet" in must("secrets", "rotate")
    assert not (folder / ".reconciler" / "keys").exists()


def test_the_embedded_default_keeps_its_own_key(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep()
    said = capsys.readouterr()
    assert (said.out, said.err.count("key_file_made")) == ("", 1)
    file = folder / ".reconciler" / "keys"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    keep("other")
    (row,) = json.loads(must("secrets", "status", "-o", "json"))
    assert (row["state"], row["rows"]) == ("seals", 2)
    assert row["id"] in file.read_text()


def test_a_key_is_rotated_and_taken_away(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILER_KEYS", OLD)
    keep()
    monkeypatch.setenv("RECONCILER_KEYS", f"{NEW},{OLD}")
    rows = json.loads(must("secrets", "status", "-o", "json"))
    assert [(row["id"], row["state"], row["rows"]) for row in rows] == [
        ("2026", "seals", 0),
        ("2025", "opens", 2),
    ]
    told = must("secrets", "rotate")
    assert "2 rows are sealed anew under the key 2026" in told
    assert "No row needs these any more: 2025" in told
    assert "unused: may be taken away" in must("secrets", "status")
    assert "0 rows" in must("secrets", "rotate")
    monkeypatch.setenv("RECONCILER_KEYS", NEW)
    keep("after")
    assert "hunter2" not in told + must("secrets", "status")
    assert OLD[5:25] not in told + must("secrets", "status")


def test_a_missing_key_is_named_and_nothing_starts(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECONCILER_KEYS", OLD)
    keep()
    monkeypatch.setenv("RECONCILER_KEYS", NEW)
    for words in (("secrets", "rotate"), ("run", "--bind", "127.0.0.1:0")):
        told = typed(*words)
        assert told.exit_code == 1, words
        assert "sealed under keys that are not given: '2025' (2 rows)" in told.stderr
        assert "RECONCILER_KEYS" in told.stderr
    rows = json.loads(must("secrets", "status", "-o", "json"))
    assert [(row["id"], row["state"]) for row in rows] == [("2026", "seals"), ("2025", "missing")]
    assert "FAIL keys: stored credentials are sealed under keys" in typed("doctor").stdout


def test_a_key_file_that_is_gone_is_not_made_anew(folder: Path) -> None:
    keep()
    file = folder / ".reconciler" / "keys"
    kept = file.read_text()
    file.unlink()
    told = typed("run", "--bind", "127.0.0.1:0")
    assert told.exit_code == 1
    assert "is gone" in told.stderr
    assert not file.exists()
    file.write_text(kept)
    assert "may be read by others" in typed("secrets", "rotate").stderr
    file.chmod(0o600)
    assert "ok   keys: every key is given" in typed("doctor").stdout


def test_a_check_tells_where_a_secret_is_asked_for_that_is_not_there(folder: Path) -> None:
    (folder / "specs" / "mine.yaml").write_text(
        "apiVersion: reconciler/v1\nkind: Connection\nmetadata: {name: acme}\nspec:\n"
        "  connector: sandbox\n  config: {base_url: 'http://127.0.0.1:9'}\n"
        "  auth: {method: api_key, key: {exec: none}}\n"
    )
    told = typed("plan", "--check", "--only", "Connection/acme")
    assert told.exit_code == 1, told.output
    assert (
        "SECRET_NOT_FOUND specs/mine.yaml:1: Connection/acme: auth.key: no command is called"
        in told.stderr
    )

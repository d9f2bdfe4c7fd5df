"""Real processes, a real token server: an expired token is renewed once, and a death loses nothing unseen."""

import asyncio
import base64
import json
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from reconciler.app import SystemClock
from reconciler.ports import Store
from reconciler.secrets.keyring import KeyRing
from reconciler.secrets.keys import KeySource
from reconciler.secrets.renewal import INTENT
from reconciler.secrets.safe import StoredSafe
from reconciler.store.open import open_store
from tests.secrets.issuing import issuing
from tests.secrets.making import GRANT, STALE, TOKEN, keep

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PATIENCE = 90


@pytest.fixture(params=["sqlite", "postgres"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return where a new store is to be."""
    if request.param == "sqlite":
        return str(tmp_path / "state")
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Return a file with a key."""
    file = tmp_path / "keys.txt"
    file.write_text(f"k1:{base64.b64encode(b'k' * 32).decode()}")
    file.chmod(0o600)
    return file


def opened(store: Store, keys: Path) -> StoredSafe:
    source = KeySource(file=keys)
    return StoredSafe(store, KeyRing(lambda: source.load({})), SystemClock(), "the test")


def fill(where: str, keys: Path) -> None:
    """Put an expired token into the store."""

    async def work() -> None:
        store = open_store(where)
        await keep(store, opened(store, keys), STALE, SystemClock().now())
        await store.close()

    asyncio.run(work())


def left(where: str, keys: Path) -> tuple[dict[str, str], bool]:
    """Return what the store has, and whether a renewal is intended."""

    async def work() -> tuple[dict[str, str], bool]:
        store = open_store(where)
        values = dict(await opened(store, keys).open("c1"))
        intended = INTENT in await store.views.credentials("c1")
        await store.close()
        return values, intended

    return asyncio.run(work())


def start(where: str, keys: Path, port: int, tasks: int, name: str) -> "subprocess.Popen[str]":
    """Start a process, and return it when it is ready to begin."""
    module = "tests.secrets.renewing"
    process = subprocess.Popen(
        [sys.executable, "-m", module, where, str(keys), str(port), str(tasks), name],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def run(where: str, keys: Path, port: int, *tasks: int) -> list[str]:
    """Let processes of so many tasks go at once; return what all of them got."""
    processes = [
        start(where, keys, port, many, f"{n} {uuid.uuid4()}") for n, many in enumerate(tasks)
    ]
    got: list[str] = []
    try:
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            said, _ = process.communicate(timeout=PATIENCE)
            got += json.loads(said) if said else [f"ended with {process.returncode}"]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    return got


def test_fifty_workers_in_four_processes_renew_an_expired_token_once(
    where: str, keys: Path
) -> None:
    fill(where, keys)
    with issuing() as server:
        got = run(where, keys, server.server_port, 13, 13, 12, 12)
    assert got == ["token-1"] * 50
    assert server.asked == ["grant-0"]
    assert left(where, keys) == ({TOKEN: "token-1", GRANT: "grant-1"}, False)


def test_a_death_between_answer_and_commit_loses_nothing_where_there_is_a_grace(
    where: str, keys: Path
) -> None:
    fill(where, keys)
    with issuing(grace=True, kills=1) as server:
        assert run(where, keys, server.server_port, 1) == ["ended with -9"]
        assert left(where, keys) == (STALE, True)
        assert run(where, keys, server.server_port, 2) == ["token-1"] * 2
    assert server.asked == ["grant-0", "grant-0"]
    assert left(where, keys) == ({TOKEN: "token-1", GRANT: "grant-1"}, False)


def test_a_death_between_answer_and_commit_is_told_where_there_is_no_grace(
    where: str, keys: Path
) -> None:
    fill(where, keys)
    with issuing(kills=1) as server:
        assert run(where, keys, server.server_port, 1) == ["ended with -9"]
        got = run(where, keys, server.server_port, 3)
    assert len(set(got)) == 1
    assert got[0].startswith("Revoked: invalid_grant; a renewal that began at ")
    assert "was interrupted, and may be the cause" in got[0]
    assert server.asked == ["grant-0", "grant-0"]

"""The folder of the embedded default."""

import asyncio
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.errors import Invalid, Locked
from reconciler.store.folder import LOCK, hold, prepare, secure
from reconciler.store.open import open_store
from tests.store.making import batch, row, save


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_folder_is_for_its_owner_alone_and_kept_out_of_git(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "deep" / ".reconciler")
    assert mode(folder) == 0o700
    assert (folder / ".gitignore").read_text() == "*\n"


def test_a_folder_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    assert prepare(tmp_path) == tmp_path
    assert mode(tmp_path) == 0o750
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_the_folder_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    with pytest.raises(Invalid, match="state is a file"):
        prepare(tmp_path / "state")


def test_a_folder_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    with pytest.raises(Invalid, match="state/below cannot be made"):
        prepare(tmp_path / "state" / "below")
    with pytest.raises(Invalid, match="none/file cannot be made"):
        secure(tmp_path / "none" / "file")


async def test_all_files_of_the_database_are_for_the_owner_alone(tmp_path: Path) -> None:
    store = open_store(tmp_path / "state")
    await save(store, batch(row("1")))
    files = {path.name: mode(path) for path in (tmp_path / "state").glob("*.db*")}
    assert files == dict.fromkeys(
        ("reconciler.db", "reconciler.db-wal", "reconciler.db-shm"), 0o600
    )
    await store.close()


def test_a_second_run_on_a_folder_is_refused_and_told_which_process_holds_it(
    tmp_path: Path,
) -> None:
    with (
        hold(tmp_path),
        pytest.raises(Locked, match=f"in use by process {os.getpid()}$"),
        hold(tmp_path),
    ):
        pass
    with hold(tmp_path):
        assert mode(tmp_path / LOCK) == 0o600


HOLDER = """
import sys
from pathlib import Path
from reconciler.store.folder import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_folder_is_free_again_when_its_holder_was_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(Locked, match=f"process {process.pid}"), hold(tmp_path):
            pass
        asyncio.run(save_one(tmp_path))  # commands beside it work
        process.kill()
        process.wait()
        with hold(tmp_path):
            pass


async def save_one(folder: Path) -> None:
    store = open_store(folder)
    await save(store, batch(row("1")))
    await store.close()

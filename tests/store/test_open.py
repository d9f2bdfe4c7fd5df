"""Opening a store: what is taken, what is refused, and in which words."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.errors import Invalid, StoreUnavailable
from reconciler.store.folder import DATABASE
from reconciler.store.open import open_store
from tests.store.making import batch, row, save


async def test_what_was_kept_is_there_when_the_store_is_opened_again(tmp_path: Path) -> None:
    for expected in (1, 0):
        store = open_store(tmp_path / "state")
        assert (await save(store, batch(row("1")))).created == expected
        await store.close()


async def test_a_sqlite_url_names_the_file(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/other.db")
    await save(store, batch(row("1")))
    await store.close()
    assert (tmp_path / "other.db").exists()


async def test_the_database_waits_keeps_a_log_and_is_durable(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    wanted = {
        "busy_timeout": 30000,
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "page_size": 8192,
    }
    for engine in store._engines:
        with engine.connect() as connection:
            found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in wanted}
        assert found == wanted
    await store.close()


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("mysql://root@host/db", "'mysql'"),
        ("sqlite://", "'sqlite'"),
        ("sqlite:///:memory:", "'sqlite'"),
        ("postgres://user:hush@host:port/db", "cannot be read"),
    ],
)
def test_a_place_that_is_no_store_is_refused_without_telling_a_password(
    where: str, said: str
) -> None:
    with pytest.raises(Invalid, match=said) as caught:
        open_store(where)
    assert "postgresql://" in caught.value.hint
    assert "hush" not in str(caught.value)


def test_a_database_that_does_not_answer_is_told_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="connection") as caught:
        open_store(f"postgresql://user:hush@/db?host={tmp_path}")
    assert "hush" not in repr(caught.value)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"hello, this is a text file " * 999)
    with pytest.raises(StoreUnavailable, match="is no database"):
        open_store(tmp_path)


async def test_a_database_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    await open_store(tmp_path).close()
    with sqlite3.connect(tmp_path / DATABASE) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    with pytest.raises(Invalid, match="at revision 9999, which this program does not know") as got:
        open_store(tmp_path)
    assert "newer" in got.value.hint


def test_a_database_is_not_made_where_migrating_was_not_asked_for(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="not asked for"):
        open_store(tmp_path, migrate=False)


async def test_work_that_cannot_be_written_is_told_in_our_words(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with pytest.raises(Invalid, match="no valid Unicode"):
        await save(store, batch(row("1")._replace(id="\udcff")))
    await store.close()


OPENED = """
import asyncio, sys
from reconciler.store.open import open_store
asyncio.run(open_store(sys.argv[1]).close())
slow = {"alembic", "psycopg", "sqlalchemy.orm"}
print(sorted(slow & set(sys.modules)))
"""
IN_MEMORY = """
import sys
import reconciler.store.memory
print(sorted({"alembic", "psycopg", "sqlalchemy"} & set(sys.modules)))
"""


@pytest.mark.parametrize("program", [OPENED, IN_MEMORY])
def test_what_is_slow_to_import_is_not_imported_without_need(tmp_path: Path, program: str) -> None:
    for _ in range(2):  # a new store, and one that is there
        command = [sys.executable, "-c", program, str(tmp_path)]
        assert subprocess.run(command, check=True, capture_output=True).stdout == b"[]\n"

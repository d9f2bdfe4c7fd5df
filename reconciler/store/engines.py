"""How each database is spoken to: its settings, and how a transaction begins."""

import sqlite3
import time
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event

from reconciler.errors import Invalid

READERS: Final = 4
"""Threads, and connections, for reading."""
WRITERS: Final = 4
"""Transactions under way at once on PostgreSQL; SQLite has one writer."""

_PRAGMAS: Final = (
    "busy_timeout = 30000",  # first: the others may have to wait for another process
    "page_size = 8192",  # new files only; measured: rows of 2 kB cost a third less than on 4096
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "cache_size = -16000",
    "wal_autocheckpoint = 2000",
)
_POSTGRES_SETTINGS: Final = " ".join(
    f"-c {setting}"
    for setting in (
        "statement_timeout=60s",
        "lock_timeout=30s",
        "idle_in_transaction_session_timeout=60s",
        "plan_cache_mode=force_custom_plan",  # a plan made for an empty table is no plan for a full one
        "random_page_cost=1.1",  # disks of today: along the indexes
    )
)


def sqlite_writer(file: Path) -> Engine:
    """Return the engine of the one connection that writes; a transaction begins as a writer."""
    return _sqlite(file, "BEGIN IMMEDIATE", size=1)


def sqlite_readers(file: Path) -> Engine:
    """Return the engine of connections that cannot write."""
    return _sqlite(file, "BEGIN", "query_only = ON", size=READERS)


def postgres(url: URL, *, size: int, read_only: bool = False) -> Engine:
    """Return the engine of *size* connections to a PostgreSQL server."""
    options: dict[str, Any] = {"isolation_level": "REPEATABLE READ"} if read_only else {}
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=size,
        max_overflow=0,
        pool_pre_ping=True,
        connect_args={
            "options": _POSTGRES_SETTINGS,
            "connect_timeout": 10,
            "application_name": "reconciler",
        },
        hide_parameters=True,
        **options,
    )
    return engine.execution_options(postgresql_readonly=True) if read_only else engine


def checked(url: URL) -> URL:
    """Return *url* if its driver is installed.

    Raises:
        Invalid: if it is not; the message names the extra.
    """
    try:
        import psycopg  # noqa: F401, PLC0415 - an extra: asked for only when a URL needs it
    except ImportError as error:
        raise Invalid(
            "PostgreSQL needs a driver that is not installed",
            hint="pip install 'reconciler[postgres]'",
        ) from error
    return url


def _patiently(connection: Any, statement: str) -> None:
    """Execute *statement*; where a lock is in the way, again for ten seconds.

    SQLite does not wait by itself when the journal mode is changed while another process opens the
    same new file: to wait could be a deadlock, says its manual of ``sqlite3_busy_handler``.
    """
    for left in reversed(range(100)):
        try:
            connection.execute(statement)
        except sqlite3.OperationalError:
            if not left:
                raise
            time.sleep(0.1)
        else:
            return


def _sqlite(file: Path, begin: str, *pragmas: str, size: int) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(file)),
        pool_size=size,
        max_overflow=0,
        connect_args={"isolation_level": None, "check_same_thread": False},
        hide_parameters=True,
    )

    def connected(connection: Any, _record: object) -> None:
        for pragma in (*_PRAGMAS, *pragmas):
            _patiently(connection, f"PRAGMA {pragma}")

    def began(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", began)
    return engine

"""Pages of records in each database's own words: the few statements on the way of every record.

Written as text and run with plain tuples: per record, composing statements would cost more than running
them.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, Protocol, TypeAlias, cast

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from reconciler.model.record import Batch, Row
from reconciler.store import dialects

COLUMNS: Final = (
    "id",
    "connection",
    "entity",
    "source_id",
    "digest",
    "basis",
    "run",
    "created_at",
    "updated_at",
    "error",
    "raw",
    "mapped",
)


_Named: TypeAlias = tuple[object, ...]


class Written(NamedTuple):
    """One row as it is to be written; the fields are ``COLUMNS``."""

    id: str
    connection: str
    entity: str
    source_id: str
    digest: bytes
    basis: str
    run: str
    created_at: int
    updated_at: int
    error: str | None
    raw: bytes
    mapped: bytes | None


Remapped: TypeAlias = tuple[str, str, int, str | None, bytes | None, str]
"""What a new mapping changes of a row, as ``_REMAPPED`` names it, and the ``id`` of the row."""
_REMAPPED: Final = ("basis", "run", "updated_at", "error", "mapped")


class Glimpse(NamedTuple):
    """Enough of a stored row to see that there is nothing to do."""

    source_id: str
    digest: bytes
    basis: str
    deleted_at: int | None


class Held(NamedTuple):
    """All of a stored row that decides what becomes of it."""

    source_id: str
    id: str
    digest: bytes
    basis: str
    created_at: int
    updated_at: int
    deleted_at: int | None
    error: str | None
    mapped: bytes | None


class Pages(Protocol):
    """The statements, by database."""

    def glance(self, database: Connection, batch: Batch, rows: Iterable[Row]) -> Iterable[Glimpse]:
        """Return a glimpse of each of *rows* that is stored."""
        ...

    def look(self, database: Connection, batch: Batch, rows: Iterable[Row]) -> Iterable[Held]:
        """Return each of *rows* as it is stored, if it is."""
        ...

    def add(self, database: Connection, rows: Sequence[Written]) -> None:
        """Write rows that are not there."""
        ...

    def put(self, database: Connection, rows: Sequence[Written]) -> None:
        """Write rows that are there: alive again, with the id and the birthday that they have."""
        ...

    def remap(self, database: Connection, rows: Sequence[Remapped]) -> None:
        """Write what a new mapping changes."""
        ...

    def follow(self, database: Connection, batch: Batch, at: int) -> bool:
        """Write what a new mapping makes of rows, unless one of them is not as it was seen any more."""
        ...


def pages_of(database: Connection) -> Pages:
    """Return the statements for the database."""
    return _POSTGRES if dialects.is_postgres(database) else _SQLITE


_HELD: Final = ", ".join(Held._fields)
_GLIMPSE: Final = ", ".join(Glimpse._fields)
_CHANGED: Final = tuple(
    name
    for name in COLUMNS
    if name not in {"id", "connection", "entity", "source_id", "created_at"}
)
_OF_SQLITE: Final = """
SELECT {columns} FROM records
WHERE connection = ? AND entity = ? AND source_id IN (SELECT value FROM json_each(?))
"""
_OF_POSTGRES: Final = "SELECT {columns} FROM records WHERE id = ANY(%s)"
"""By id, for which there is one way to go. Asked by connection, entity and source ids, PostgreSQL reads
all of the connection's records for each page, until it has statistics of that very connection.
"""


class _Texts:
    """Statements of a parameter style; ``of_page`` reads columns of the rows of a page."""

    def __init__(self, mark: str, of_page: str) -> None:
        values = ", ".join([mark] * len(COLUMNS))
        update = ", ".join(f"{name} = excluded.{name}" for name in _CHANGED)
        self.glance = of_page.format(columns=_GLIMPSE)
        self.look = of_page.format(columns=_HELD)
        self.add = f"INSERT INTO records ({', '.join(COLUMNS)}) VALUES ({values})"  # noqa: S608 - our own names
        self.put = (
            f"{self.add} ON CONFLICT (connection, entity, source_id)"
            f" DO UPDATE SET {update}, deleted_at = NULL"
        )
        remapped = ", ".join(f"{name} = {mark}" for name in _REMAPPED)
        seen = f"WHERE id = {mark} AND digest = {mark} AND basis = {mark} AND deleted_at IS"
        kept = f"UPDATE records SET basis = {mark}, run = {mark}"  # noqa: S608 - our own names
        told = f"UPDATE records SET {remapped}"  # noqa: S608 - likewise
        self.follow = {
            (same, dead): f"{kept if same else told} {seen}{' NOT' if dead else ''} NULL"
            for same in (True, False)
            for dead in (True, False)
        }
        self.remap = f"UPDATE records SET {remapped} WHERE id = {mark}"  # noqa: S608 - likewise


class _Pages:
    """What both databases do alike; ``named`` makes the parameters that name the rows of a page."""

    def __init__(self, texts: _Texts, named: Callable[[Batch, Iterable[Row]], _Named]) -> None:
        self._texts = texts
        self._named = named

    def glance(self, database: Connection, batch: Batch, rows: Iterable[Row]) -> Iterable[Glimpse]:
        found = database.exec_driver_sql(self._texts.glance, self._named(batch, rows)).all()
        return cast("Iterable[Glimpse]", found)

    def look(self, database: Connection, batch: Batch, rows: Iterable[Row]) -> Iterable[Held]:
        found = database.exec_driver_sql(self._texts.look, self._named(batch, rows)).all()
        return cast("Iterable[Held]", found)

    def add(self, database: Connection, rows: Sequence[Written]) -> None:
        if rows:
            database.exec_driver_sql(self._texts.add, list(rows))

    def put(self, database: Connection, rows: Sequence[Written]) -> None:
        if rows:
            database.exec_driver_sql(self._texts.put, list(rows))

    def remap(self, database: Connection, rows: Sequence[Remapped]) -> None:
        if rows:
            database.exec_driver_sql(self._texts.remap, list(rows))

    def follow(self, database: Connection, batch: Batch, at: int) -> bool:
        basis, run = batch.basis, batch.run
        due: dict[tuple[bool, bool], list[tuple[object, ...]]] = {}
        for _, key, _, digest, mapped, error, was, dead, same in batch.rows:
            new = (basis, run) if same else (basis, run, at, error, mapped)
            due.setdefault((same, bool(dead)), []).append((*new, key, digest, was))
        with database.begin_nested() as attempt:
            for form, rows in due.items():
                text = self._texts.follow[form]
                if database.exec_driver_sql(text, rows).rowcount != len(rows):
                    attempt.rollback()
                    return False
        return True


class _PostgresPages(_Pages):
    """New rows by ``COPY``, which costs a third of inserting them."""

    _COPY: Final = f"COPY records ({', '.join(COLUMNS)}) FROM STDIN (FORMAT BINARY)"
    _TYPES: Final = (*["text"] * 4, "bytea", *["text"] * 2, *["int8"] * 2, "text", *["bytea"] * 2)

    def add(self, database: Connection, rows: Sequence[Written]) -> None:
        if not rows:
            return
        import psycopg  # noqa: PLC0415 - an extra, there if a PostgreSQL database is open

        driver = cast("psycopg.Connection", database.connection.driver_connection)
        try:
            with driver.cursor() as cursor, cursor.copy(self._COPY) as copy:
                copy.set_types(self._TYPES)
                for row in rows:
                    copy.write_row(row)
        except psycopg.Error as error:
            raise DBAPIError.instance(self._COPY, None, error, psycopg.Error) from error


def _by_source_id(batch: Batch, rows: Iterable[Row]) -> _Named:
    ids = msgspec.json.encode([row.source_id for row in rows]).decode()
    return batch.connection, batch.entity, ids


def _by_id(_batch: Batch, rows: Iterable[Row]) -> _Named:
    return ([row.id for row in rows],)


_SQLITE: Final = _Pages(_Texts("?", _OF_SQLITE), _by_source_id)
_POSTGRES: Final = _PostgresPages(_Texts("%s", _OF_POSTGRES), _by_id)

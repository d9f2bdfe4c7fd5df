"""Brings a database to the tables of this program, once, whoever starts first.

Alembic takes a third of a second to import, so it is asked only when a migration is due. A new database
gets its tables at once; a test holds that they equal the migrated ones.
"""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.schema import CreateIndex, CreateTable

from reconciler.errors import Invalid
from reconciler.store import alert_tables, handovers, tables, trust_tables
from reconciler.store.columns import METADATA

__all__ = [
    "HEAD",
    "METADATA",
    "alert_tables",
    "bring_up",
    "create",
    "handovers",
    "tables",
    "trust_tables",
    "upgrade",
]

HEAD: Final = "0010"
"""The newest migration."""
KNOWN: Final = frozenset({f"{number:04}" for number in range(1, 11)})
"""All migrations that this program has."""
SCRIPTS: Final = Path(__file__).parent / "migrations"

_LOCK: Final = 0x7265636F6E63696C  # "reconcil": the advisory lock of migrations
_VERSION_TABLE: Final = """
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)
"""


def bring_up(readers: Engine, writer: Engine, *, migrate: bool) -> None:
    """Make or migrate the tables where that is due.

    Raises:
        Invalid: if the database is newer than this program, or work is due and *migrate* is false.
    """
    with readers.connect() as connection:
        if not _due(connection):
            return
    if not migrate:
        raise Invalid(
            "the database is older than this program, and migrating it was not asked for",
            hint="run `reconciler run` once as a user who may change tables",
        )
    with writer.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        if not _due(connection):  # another process was first
            return
        if stored_revision(connection) is None:
            create(connection)
        else:
            upgrade(connection)


def stored_revision(connection: Connection) -> str | None:
    """Return the migration that the database stands at, "" before the first; ``None``: it is new."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.scalar(text("SELECT version_num FROM alembic_version")) or ""


def create(connection: Connection) -> None:
    """Make all tables in an empty database, and say that no migration is due."""
    for table in METADATA.sorted_tables:
        connection.execute(CreateTable(table))
        # SQLAlchemy keeps indexes in a set, and SQLite chooses between like ones by their age.
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            connection.execute(CreateIndex(index))
    connection.execute(tables.meta.insert().values(one=1, generation=0, revision=""))
    connection.execute(text(_VERSION_TABLE))
    connection.execute(
        text("INSERT INTO alembic_version (version_num) VALUES (:head)"), {"head": HEAD}
    )


def upgrade(connection: Connection, *, to: str = "head") -> None:
    """Run the migrations that are due, in the transaction of *connection*."""
    from alembic import command  # noqa: PLC0415 - slow to import, seldom needed
    from alembic.config import Config  # noqa: PLC0415 - likewise

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def _due(connection: Connection) -> bool:
    stored = stored_revision(connection)
    if stored and stored not in KNOWN:
        raise Invalid(
            f"the database is at revision {stored}, which this program does not know "
            f"(it knows up to {HEAD})",
            hint="a newer reconciler has migrated it: install that version, or restore a backup",
        )
    return stored != HEAD

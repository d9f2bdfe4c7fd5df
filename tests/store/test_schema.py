"""The tables that are made at once are those that the migrations make, on both databases."""

import multiprocessing
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, inspect, select, text

from reconciler.model.sought import DeliveryQuery
from reconciler.store import schema
from reconciler.store.columns import METADATA
from reconciler.store.folder import DATABASE
from reconciler.store.open import open_store
from reconciler.store.rows import event_fields
from reconciler.store.tables import events, meta, records
from tests.store.making import NOON, event

WAYS = {"created": schema.create, "migrated": schema.upgrade}


def scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(schema.SCRIPTS))
    return ScriptDirectory.from_config(config)


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/empty.db"
    else:
        url = request.getfixturevalue("postgres_url").replace("postgresql:", "postgresql+psycopg:")
    engine = create_engine(url)
    yield engine
    engine.dispose()


@pytest.mark.parametrize("way", WAYS)
def test_each_way_leads_to_the_tables_of_the_program(empty: Engine, way: str) -> None:
    with empty.begin() as connection:
        WAYS[way](connection)
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
        assert schema.stored_revision(connection) == schema.HEAD
        assert connection.execute(select(meta)).all() == [(1, 0, "", None)]


def test_both_ways_lead_to_the_same_text_of_sqlite(tmp_path: Path) -> None:
    found = []
    for name, way in WAYS.items():
        engine = create_engine(f"sqlite:///{tmp_path}/{name}.db")
        with engine.begin() as connection:
            way(connection)
            rows = connection.execute(text("SELECT name, sql FROM sqlite_master"))
            found.append({row.name: normalised(row.sql) for row in rows if row.sql})
        engine.dispose()
    assert found[0] == found[1]


def normalised(sql: str) -> list[str]:
    words = sql.replace("(", " ( ").replace(")", " ) ").replace(",", " , ").split()
    return sorted(words)


def test_both_ways_lead_to_the_same_columns_and_collations_of_postgresql(
    postgres_url: str,
) -> None:
    engine = create_engine(postgres_url.replace("postgresql:", "postgresql+psycopg:"))
    found = []
    for name, way in WAYS.items():
        with engine.begin() as connection:
            connection.execute(text(f"CREATE SCHEMA {name}"))
            connection.execute(text(f"SET LOCAL search_path = {name}"))
            way(connection)
            columns = connection.execute(
                text(
                    "SELECT table_name, column_name, data_type, is_nullable, collation_name,"
                    " identity_generation FROM information_schema.columns"
                    " WHERE table_schema = :name ORDER BY 1, 2"
                ),
                {"name": name},
            ).all()
            indexes = connection.execute(
                text("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = :name"),
                {"name": name},
            )
            found.append((columns, sorted((i, d.replace(f"{name}.", "")) for i, d in indexes)))
    engine.dispose()
    assert found[0] == found[1]


def test_the_newest_migration_and_all_that_are_known_are_those_in_the_folder() -> None:
    assert scripts().get_current_head() == schema.HEAD
    assert {script.revision for script in scripts().walk_revisions()} == schema.KNOWN


def test_each_migration_says_when_it_may_run() -> None:
    for script in scripts().walk_revisions():
        said = script.doc.splitlines()
        assert {"pre-deploy", "post-deploy"} & set(said) or "pre-deploy" in script.longdoc


def test_a_migration_can_not_be_taken_back(empty: Engine) -> None:
    with empty.begin() as connection:
        schema.upgrade(connection)
    module = scripts().get_revision(schema.HEAD).module
    with pytest.raises(RuntimeError, match="forward only"):
        module.downgrade()


async def test_a_database_at_an_older_revision_is_migrated_when_it_is_opened(
    tmp_path: Path,
) -> None:
    """An older revision of this program is the empty one: alembic's table is there, and no row."""
    with sqlite3.connect(tmp_path / DATABASE) as database:
        database.execute(schema._VERSION_TABLE)
    database.close()
    store = open_store(tmp_path)
    with store._engines[1].connect() as connection:
        assert inspect(connection).has_table(records.name)
    await store.close()


async def test_events_from_before_they_were_routed_are_told_to_nobody(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / DATABASE}")
    with engine.begin() as connection:
        schema.upgrade(connection, to="0002")
        connection.execute(events.insert(), event_fields(event(1)))
    engine.dispose()
    store = open_store(tmp_path)
    async with store.begin() as unit:
        assert await unit.outbox.take(limit=9) == ()
        await unit.outbox.emit([event(2)])
        assert [one.id for one in await unit.outbox.take(limit=9)] == ["evt-2"]
    assert await store.views.events() == (event(1),)
    await store.close()


async def test_deliveries_from_before_can_be_listed_and_made_once_more(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / DATABASE}")
    with engine.begin() as connection:
        schema.upgrade(connection, to="0007")
        for name, status in (("old-1", "dead"), ("old-2", "pending")):
            values = f"('{name}', 'evt-1', 'ops', 's', 0, 3, '{status}', 1000000, 'r')"
            columns = "id, event_id, route, subject, place, tries, status, due_at, reason"
            connection.execute(text(f"INSERT INTO deliveries ({columns}) VALUES {values}"))  # noqa: S608  no user's
    engine.dispose()
    store = open_store(tmp_path)
    found = await store.views.deliveries(DeliveryQuery())
    assert [(one.id, one.made_at == one.due_at) for one in found] == [
        ("old-2", True),
        ("old-1", True),
    ]
    assert [one.ended_at is None for one in found] == [True, False]
    async with store.begin() as unit:
        assert await unit.outbox.retry_all(DeliveryQuery(), now=NOON) == 1
        await unit.commit()
    await store.close()


def opening(folder: str, start: "multiprocessing.synchronize.Barrier") -> None:
    start.wait(60)
    open_store(folder)


def test_many_processes_may_open_a_new_folder_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(3)
    processes = [
        context.Process(target=opening, args=(str(tmp_path / "state"), start)) for _ in range(3)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]

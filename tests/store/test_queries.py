"""Every question about records goes along an index: SQLite's plan says so."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Select, create_engine, text
from sqlalchemy.dialects import sqlite

from reconciler.model.record import RecordQuery
from reconciler.store import queries, schema
from reconciler.store.pages import _SQLITE

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
STALE = queries.Stale("c1", "po", "b1", "", 10)


@pytest.fixture(params=["as made", "the other way round", "migrated"])
def database(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Connection]:
    """Indexes of any age: of two that serve a question alike, SQLite takes one by its age."""
    engine = create_engine(f"sqlite:///{tmp_path}/plans.db")
    with engine.begin() as connection:
        if request.param == "migrated":
            schema.upgrade(connection)
        else:
            schema.create(connection)
        if request.param == "the other way round":
            for name, made in reversed(indexes(connection)):
                connection.execute(text(f"DROP INDEX {name}"))
                connection.execute(text(made))
        yield connection
    engine.dispose()


def indexes(database: Connection) -> list[tuple[str, str]]:
    """Return the names of all indexes that have a statement of their own, and these, the oldest first."""
    rows = database.execute(
        text("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    )
    return [(str(row.name), str(row.sql)) for row in rows]


def plan(database: Connection, wanted: Select[Any]) -> list[str]:
    options = {"literal_binds": True, "render_postcompile": True}
    statement = wanted.compile(dialect=sqlite.dialect(), compile_kwargs=options)
    rows = database.execute(text(f"EXPLAIN QUERY PLAN {statement}".replace(":", r"\:")))
    return [str(row.detail) for row in rows]


PAGES = {
    "one": ("records_page", RecordQuery("po", ("c1",))),
    "one, on": ("records_page", RecordQuery("po", ("c1",), after=(NOON, "po_1"))),
    "one, later": ("records_page", RecordQuery("po", ("c1",), modified_after=NOON)),
    "one, born later": ("records_page", RecordQuery("po", ("c1",), created_after=NOON)),
    "one, dead too": ("records_page", RecordQuery("po", ("c1",), deleted=True)),
    "one, failed": ("records_failed", RecordQuery("po", ("c1",), failed=True)),
    "several, failed": ("records_failed", RecordQuery("po", ("c1", "c2"), failed=True)),
    "all, failed": ("records_failed", RecordQuery("po", failed=True, after=(NOON, "po_1"))),
    "all": ("records_entity_page", RecordQuery("po")),
    "all, on": ("records_entity_page", RecordQuery("po", after=(NOON, "po_1"))),
    "all, later": ("records_entity_page", RecordQuery("po", modified_after=NOON)),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_read_along_the_index_of_its_order(database: Connection, name: str) -> None:
    index, query = PAGES[name]
    (step,) = plan(database, queries.select_records(query))
    assert step.startswith(f"SEARCH records USING INDEX {index} (")
    assert ("updated_at>" in step or "(updated_at,id)>" in step) is (
        query.after is not None
        or query.modified_after is not None
        or query.created_after is not None
    )


def test_many_connections_are_read_without_a_walk_over_the_table(database: Connection) -> None:
    many = tuple(f"c{number}" for number in range(40))
    steps = plan(database, queries.select_records(RecordQuery("po", many, after=(NOON, "po_1"))))
    assert steps[0].startswith("SEARCH records USING INDEX records_")


def test_records_are_found_by_id(database: Connection) -> None:
    steps = plan(database, queries.select_records(RecordQuery("po", ids=("po_1", "po_2"))))
    assert steps[0] == "SEARCH records USING INDEX sqlite_autoindex_records_1 (id=?)"


def test_what_failed_is_counted_along_its_index_alone(database: Connection) -> None:
    steps = plan(database, queries.FAILED)
    assert steps[0] == "SCAN records USING INDEX records_failed"


def test_stale_rows_are_read_in_the_order_of_their_source_ids(database: Connection) -> None:
    for reached in (None, "7"):
        (step,) = plan(database, queries.select_stale(STALE, reached))
        assert step.startswith("SEARCH records USING INDEX records_source (")


def test_source_ids_are_read_from_indexes_alone(database: Connection) -> None:
    everything, dead = queries.select_source_ids("c1", "po")
    assert plan(database, everything) == [
        "SEARCH records USING COVERING INDEX records_source (connection=? AND entity=?)"
    ]
    assert plan(database, dead) == [
        "SEARCH records USING COVERING INDEX records_dead (connection=? AND entity=?)"
    ]


@pytest.mark.parametrize("question", ["glance", "look"])
def test_a_page_to_be_saved_is_compared_along_the_key_of_its_source(
    database: Connection, question: str
) -> None:
    statement = getattr(_SQLITE._texts, question)
    rows = database.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", ("c1", "po", '["1"]'))
    steps = [str(row.detail) for row in rows]
    assert steps[0] == (
        "SEARCH records USING INDEX records_source (connection=? AND entity=? AND source_id=?)"
    )
    assert not any(step.startswith("SCAN records") for step in steps)


def test_records_to_be_mapped_otherwise_are_read_in_the_order_of_their_source_ids(
    database: Connection,
) -> None:
    walk = queries.Walk("c1", "po", "7", 500)
    (step,) = plan(database, queries.select_mapped(walk))
    assert step.startswith("SEARCH records USING INDEX records_source (")
    chosen = plan(database, queries.select_mapped(queries.Walk("c1", "po", "", 1, ("po_1",))))
    assert chosen[0] == "SEARCH records USING INDEX sqlite_autoindex_records_1 (id=?)"


def test_a_sample_is_chosen_along_one_index_of_the_connection(database: Connection) -> None:
    (step,) = plan(database, queries.select_ids_below("c1", "po", "po_4"))
    assert step == "SEARCH records USING INDEX records_page (connection=? AND entity=?)"

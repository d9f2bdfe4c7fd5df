"""A mapping change over 100,000 stored records: its preview, and the remap; ours beside a floor by hand.

usage: python benchmarks/remap.py [--records 100000] [--rounds 5] [--changed 25]

Work orders of about 1.3 kB are kept in SQLite as a sync would have; then the rule of one field changes, so
that --changed percent of them (0, 25 or 100) are mapped otherwise. Each contestant runs in a process of its
own on a copy of that file; the table shows CPU seconds of the quietest of several rounds.

``preview`` is what a plan says of the change. Its floor reads each raw record and maps it once by hand, and
compares and counts nothing. ``remap`` brings the stored records to the new mapping. Its floor reads, maps by
hand, compares, and writes the basis of all and the mapped form of those that differ, a page a transaction,
with the settings of the store.
"""

import argparse
import asyncio
import json
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import msgspec
from sync import FIELDS, PRIORITIES, STATES, order

PAGE = 500
NOW = datetime(2026, 10, 1, tzinfo=UTC)
ENTITY = "work-orders"
CHANGES: dict[int, dict[str, Any]] = {
    0: {"display": {"from": "title", "type": "string"}},
    25: {"status": {"from": "state", "values": {**STATES, "HOLD": "cancelled"}}},
    100: {"display": {"from": "code"}},
}


# ── what is there ────────────────────────────────────────────────────────────────────────────────


def specs(changed: int | None) -> list[Any]:
    from reconciler.model.resource import Kind, ResourceKey, make_resource

    streams = {ENTITY: {"fields": FIELDS}}
    rules = {} if changed is None else CHANGES[changed]
    mapping = {"connection": "bench", "entity": ENTITY, "inherit": True, "fields": rules}
    return [
        make_resource(ResourceKey(Kind.CONNECTOR, "bench"), {"spec": {"streams": streams}}),
        make_resource(ResourceKey(Kind.CONNECTION, "bench"), {"spec": {"connector": "bench"}}),
        make_resource(ResourceKey(Kind.MAPPING, "bench"), {"spec": mapping}),
    ]


class StandingClock:
    """A clock that stands still."""

    def now(self) -> datetime:
        """Return the same time each time."""
        return NOW

    async def sleep(self, _delay: object) -> None:
        """Return at once."""


async def declared(store: Any, changed: int | None) -> None:
    from reconciler.engine.apply import apply
    from reconciler.plan.planner import make_plan

    plan = make_plan(specs(changed), await store.views.state(), revision=f"r{changed}")
    await apply(plan, store, StandingClock(), actor="bench")


async def build(folder: Path, records: int) -> None:
    """Keep the records as a sync does."""
    import hashlib

    from reconciler.engine.inforce import InForce
    from reconciler.model.identity import record_id
    from reconciler.model.record import Batch, Row
    from reconciler.store.open import open_store

    store = open_store(folder)
    await declared(store, None)
    situation = await InForce(store.views, {}).look()
    connection = situation.connection("bench")
    uid, mapper = situation.uid(connection), situation.mapper(connection, ENTITY)
    for start in range(0, records, PAGE):
        raws = [json.dumps(order(n)).encode() for n in range(start, min(start + PAGE, records))]
        rows = [
            Row(
                str(start + at),
                record_id("wo", uid, str(start + at)),
                raw,
                hashlib.blake2b(raw, digest_size=16).digest(),
                text,
                error,
            )
            for at, (raw, (text, error)) in enumerate(zip(raws, mapper(uid, raws), strict=True))
        ]
        async with store.begin() as unit:
            await unit.records.save(Batch(uid, ENTITY, mapper.basis, "run", rows, NOW))
            await unit.commit()
    await store.close()


# ── ours ─────────────────────────────────────────────────────────────────────────────────────────


async def our_preview(folder: Path, changed: int) -> int:
    from reconciler.engine.effect import data_effects
    from reconciler.engine.inforce import InForce
    from reconciler.plan.planner import make_plan
    from reconciler.store.open import open_store

    store = open_store(folder)
    situation = await InForce(store.views, {}).look()
    plan = make_plan(specs(changed), situation.state, revision="r")
    with Watch() as watch:
        (effect,) = await data_effects(plan, situation, store.views, limit=10_000_000)
    await store.close()
    watch.tell()
    return effect.preview.differing


async def our_remap(folder: Path, changed: int) -> int:
    from reconciler.engine.inforce import InForce
    from reconciler.engine.remap import Remap
    from reconciler.store.open import open_store

    store = open_store(folder)
    await declared(store, changed)
    with Watch() as watch:
        (run,) = await Remap(store, InForce(store.views, {}), StandingClock()).all()
    await store.close()
    watch.tell()
    return run.updated


# ── by hand ──────────────────────────────────────────────────────────────────────────────────────


def by_hand(changed: int, uid: str) -> Callable[[bytes], bytes]:
    """Return what maps one record, written for this one source."""
    from reconciler.datamodel.reader import entities
    from reconciler.model.identity import record_id

    decode, encode = msgspec.json.decode, msgspec.json.encode
    states = {**STATES, "HOLD": "cancelled"} if changed == 25 else STATES
    display = "code" if changed == 100 else "title"
    names: dict[str, Any] = {}
    for name, field in entities()[ENTITY].fields.items():
        names[name] = None
        if field.enum:
            names[f"{name}_raw"] = None

    def ref(prefix: str, key: object) -> str | None:
        return None if key is None else record_id(prefix, uid, str(key))

    def mapped(raw: bytes) -> bytes:
        r = decode(raw)
        asset, due = r["asset"], r["due"]
        return encode({
            **names,
            "number": r["code"], "title": r["title"], "status": states[r["state"]],
            "priority": PRIORITIES[r["prio"]], "asset_id": ref("as", asset["id"]),
            "location_id": ref("lo", asset["location"]["id"]),
            "site_id": ref("st", asset["location"]["site"]),
            "assigned_to_id": ref("us", r["assignee"]["id"]) if r["assignee"] else None,
            "estimated_minutes": r["estimate_minutes"], "cost_estimated": r["cost"],
            "due_at": f"{due}T00:00:00Z", "notes": r["notes"], "source_created_at": r["created"],
            "source_updated_at": r["changed"], "display": r[display], "custom_fields": {},
        })  # fmt: skip

    return mapped


def opened(folder: Path) -> tuple[sqlite3.Connection, str]:
    base = sqlite3.connect(folder / "reconciler.db", isolation_level=None)
    for pragma in ("journal_mode=wal", "synchronous=full", "cache_size=-16000"):
        base.execute(f"pragma {pragma}")
    (uid,) = base.execute("select connection from records limit 1").fetchone()
    return base, uid


def floor_preview(folder: Path, changed: int) -> int:
    base, uid = opened(folder)
    mapped, count, reached = by_hand(changed, uid), 0, ""
    with Watch() as watch:
        while True:
            page = base.execute(
                "select source_id, raw from records where connection = ? and entity = ? "
                "and source_id > ? order by source_id limit ?",
                (uid, ENTITY, reached, PAGE),
            ).fetchall()
            if not page:
                break
            for _, raw in page:
                mapped(raw)
            count, reached = count + len(page), page[-1][0]
    watch.tell()
    return count


def floor_remap(folder: Path, changed: int) -> int:
    base, uid = opened(folder)
    mapped, differ, reached, now = by_hand(changed, uid), 0, "", 2 * 10**15
    with Watch() as watch:
        while True:
            page = base.execute(
                "select source_id, id, raw, mapped, updated_at from records where connection = ? "
                "and entity = ? and source_id > ? order by source_id limit ?",
                (uid, ENTITY, reached, PAGE),
            ).fetchall()
            if not page:
                break
            rows = []
            for _, key, raw, old, updated_at in page:
                new = mapped(raw)
                same = new == old
                differ += not same
                rows.append(("new", "run", updated_at if same else now, new, key))
            base.execute("begin immediate")
            base.executemany(
                "update records set basis = ?, run = ?, updated_at = ?, mapped = ? where id = ?",
                rows,
            )
            base.execute("commit")
            reached, now = page[-1][0], now + 1
    watch.tell()
    base.close()
    return differ


# ── the table ────────────────────────────────────────────────────────────────────────────────────


class Watch:
    """CPU and wall seconds of this process."""

    def __enter__(self) -> Self:
        self.began = time.process_time(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.cpu = time.process_time() - self.began[0]
        self.wall = time.perf_counter() - self.began[1]

    def tell(self) -> None:
        """Print them, and the memory that was used at most."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps([self.cpu, self.wall, peak]))


ONE = {
    ("ours", "preview"): lambda folder, changed: asyncio.run(our_preview(folder, changed)),
    ("ours", "remap"): lambda folder, changed: asyncio.run(our_remap(folder, changed)),
    ("floor", "preview"): floor_preview,
    ("floor", "remap"): floor_remap,
}


def measured(built: Path, who: str, job: str, changed: int) -> list[float]:
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as folder:
        copy = Path(folder) / "state"
        shutil.copytree(built, copy)
        command = [
            sys.executable,
            __file__,
            "--one",
            who,
            job,
            str(copy),
            "--changed",
            str(changed),
        ]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: list[float] = json.loads(told.splitlines()[0])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--changed", type=int, choices=sorted(CHANGES), default=25)
    parser.add_argument("--one", nargs=3, metavar=("WHO", "JOB", "FOLDER"))
    options = parser.parse_args()
    if options.one:
        who, job, folder = options.one
        print(ONE[who, job](Path(folder), options.changed))
        return
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as folder:
        built = Path(folder) / "state"
        asyncio.run(build(built, options.records))
        print(f"{options.records:,} records, {options.changed} % mapped otherwise")
        print(
            f"{'':10}{'ours: cpu s':>12}{'wall':>8}{'MB':>6}{'floor: cpu s':>14}{'MB':>6}{'ratio':>8}"
        )
        for job in ("preview", "remap"):
            rounds = [
                {who: measured(built, who, job, options.changed) for who in ("floor", "ours")}
                for _ in range(options.rounds)
            ]
            ours = min(one["ours"] for one in rounds)
            floor = min(one["floor"] for one in rounds)
            print(f"{job:10}{ours[0]:12.2f}{ours[1]:8.2f}{ours[2]:6.0f}", end="")
            print(f"{floor[0]:14.2f}{floor[2]:6.0f}{ours[0] / floor[0]:8.2f}", flush=True)


if __name__ == "__main__":
    main()

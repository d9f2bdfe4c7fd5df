"""A full sync of 100,000 records through paged HTTP into SQLite: ours beside a hand-written floor.

usage: python benchmarks/sync.py [--records 100000] [--rounds 3]

The source is a small HTTP server in its own process, which serves pages of 500 work orders of about
1.3 kB that were serialised before. ``ours`` is the product's own path: manifest, connector, mapper of 15
fields, store. ``floor`` is a straight loop by hand: http.client, msgspec, a mapping function, sqlite3 with
an upsert of raw and mapped JSON, one transaction a page. Each runs in a process of its own; CPU and
wall seconds and peak memory are that process's; the table shows medians and the ratio to the floor.
"""

import argparse
import asyncio
import http.client
import json
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

PAGE = 500
STATES = {"OPEN": "approved", "WIP": "in_progress", "HOLD": "on_hold", "DONE": "completed"}
PRIORITIES = {"1": "critical", "2": "high", "3": "medium", "4": "low"}


def order(n: int) -> dict[str, object]:
    """Return the n-th work order: nested, 1.3 kB, as systems give them."""
    return {
        "id": n,
        "code": f"WO-{n:07d}",
        "title": f"Replace bearing {n % 97} on conveyor {n % 31}",
        "state": list(STATES)[n % 4],
        "prio": str(1 + n % 4),
        "asset": {
            "id": n % 5000,
            "code": f"A-{n % 5000:05d}",
            "location": {"id": n % 40, "site": n % 4},
        },
        "requester": {
            "id": n % 300,
            "first": "Ana",
            "last": "Kovács",
            "email": f"u{n % 300}@plant.example",
        },
        "assignee": {"id": n % 50} if n % 3 else None,
        "estimate_minutes": 30 + n % 240,
        "cost": f"{n % 9000}.{n % 100:02d}",
        "due": f"2026-{1 + n % 12:02d}-{1 + n % 28:02d}",
        "created": "2026-05-04T08:00:00Z",
        "changed": f"2026-10-{1 + n % 28:02d}T{n % 24:02d}:{n % 60:02d}:00Z",
        "notes": "noise and vibration observed during routine round; check alignment before restart "
        * 4,
        "u_line": f"L{n % 7}",
        "parts": [{"sku": f"P-{(n + k) % 999}", "qty": k + 1, "price": "12.50"} for k in range(3)],
    }


FIELDS = {
    "number": {"from": "code"},
    "title": {"from": "title"},
    "status": {"from": "state", "values": STATES},
    "priority": {"from": "prio", "values": PRIORITIES},
    "asset_id": {"from": "asset.id"},
    "location_id": {"from": "asset.location.id"},
    "site_id": {"from": "asset.location.site"},
    "assigned_to_id": {"from": "assignee.id"},
    "estimated_minutes": {"from": "estimate_minutes"},
    "cost_estimated": {"from": "cost"},
    "due_at": {"from": "due"},
    "notes": {"from": "notes"},
    "source_created_at": {"from": "created"},
    "source_updated_at": {"from": "changed"},
    "display": {"from": "title"},
}

MANIFEST = {
    "title": "Bench",
    "family": "cmms",
    "protocol": "http-json",
    "config": {"base_url": {"type": "url", "required": True}},
    "auth": {"none": {"type": "none"}},
    "probe": {"path": "/orders?offset=0"},
    "streams": {
        "work-orders": {
            "request": {"path": "/orders", "query": {"offset": "{{ page.offset }}"}},
            "records": "data",
            "paging": {"type": "offset", "size": PAGE, "more": "more"},
            "cursor": {"value": "changed"},
            "fields": FIELDS,
        }
    },
}


def serve(records: int) -> None:
    """Serve pages until the parent goes away; prints the port first."""
    rows = [json.dumps(order(n)).encode() for n in range(records)]
    pages = []
    for start in range(0, records, PAGE):
        more = b"true" if start + PAGE < records else b"false"
        body = b'{"data":[' + b",".join(rows[start : start + PAGE]) + b'],"more":' + more + b"}"
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        pages.append(head % len(body) + body)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readline():
            while (await reader.readline()).strip():
                pass
            offset = int(head.split(b"offset=")[1].split(b" ")[0].split(b"&")[0])
            writer.write(pages[offset // PAGE])
            await writer.drain()

    async def main() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)

    asyncio.run(main())


def floor(port: int, folder: Path) -> int:
    """Do the job by hand."""
    from reconciler.model.identity import record_id

    base = sqlite3.connect(folder / "floor.db", isolation_level=None)
    base.execute("pragma journal_mode=wal")
    base.execute("pragma synchronous=full")
    base.execute(
        "create table r (source_id text primary key, id text, raw blob, digest blob, mapped blob)"
    )
    import hashlib

    decode, encode = msgspec.json.decode, msgspec.json.encode
    page_type = msgspec.defstruct("P", [("data", list[msgspec.Raw]), ("more", bool)])
    connection, offset, count, more = http.client.HTTPConnection("127.0.0.1", port), 0, 0, True

    def ref(prefix: str, key: object) -> str | None:
        return None if key is None else record_id(prefix, "uid", str(key))

    def mapped(r: dict[str, object]) -> bytes:
        asset, due = r["asset"], r["due"]
        return encode({
            "number": r["code"], "title": r["title"], "status": STATES[r["state"]],
            "priority": PRIORITIES[r["prio"]], "asset_id": ref("as", asset["id"]),
            "location_id": ref("loc", asset["location"]["id"]), "site_id": ref("st", asset["location"]["site"]),
            "assigned_to_id": ref("us", r["assignee"]["id"]) if r["assignee"] else None,
            "estimated_minutes": r["estimate_minutes"], "cost_estimated": r["cost"],
            "due_at": f"{due}T00:00:00Z", "notes": r["notes"], "source_created_at": r["created"],
            "source_updated_at": r["changed"], "display": r["title"], "custom_fields": {},
        })  # fmt: skip

    while more:
        connection.request("GET", f"/orders?offset={offset}")
        page = decode(connection.getresponse().read(), type=page_type)
        rows = []
        for raw in page.data:
            text = bytes(raw)
            record = decode(text)
            key = str(record["id"])
            digest = hashlib.blake2b(text, digest_size=16).digest()
            rows.append((key, record_id("wo", "uid", key), text, digest, mapped(record)))
        base.execute("begin immediate")
        base.executemany(
            "insert into r values (?,?,?,?,?) on conflict do update set raw=excluded.raw, "
            "digest=excluded.digest, mapped=excluded.mapped where digest <> excluded.digest",
            rows,
        )
        base.execute("commit")
        count, offset, more = count + len(rows), offset + PAGE, page.more
    base.close()
    return count


def ours(port: int, folder: Path) -> int:
    """Do the job with the product: open, apply, sync."""

    async def main() -> int:
        from reconciler.app import house
        from reconciler.engine.apply import apply
        from reconciler.model.resource import Kind, ResourceKey, make_resource
        from reconciler.plan.planner import make_plan
        from reconciler.ports import SyncRequest
        from reconciler.settings import Settings
        from reconciler.spec.kinds.connector import ConnectorSpec

        manifest = ConnectorSpec.model_validate_json(json.dumps(MANIFEST))
        told = manifest.model_dump(mode="json", by_alias=True, exclude_none=True)
        spec = {
            "connector": "bench",
            "config": {"base_url": f"http://127.0.0.1:{port}"},
            "auth": {"method": "none"},
            "history": "3650d",
            "deletions": {"strategy": "none"},
        }
        resources = [
            make_resource(ResourceKey(Kind.CONNECTOR, "bench"), {"spec": told}),
            make_resource(ResourceKey(Kind.CONNECTION, "bench"), {"spec": spec}),
        ]
        async with house(Settings(state_dir=folder / "state")) as built:
            plan = make_plan(resources, await built.store.views.state(), revision="bench")
            await apply(plan, built.store, built.clock, actor="bench")
            report = await built.syncs.run(SyncRequest("bench"))
        if report.error is not None:
            raise report.error
        return report.runs[0].created or report.runs[0].read

    return asyncio.run(main())


def child(what: str, port: int, folder: Path) -> None:
    """Run one contestant and print its figures."""
    started, cpu = time.perf_counter(), time.process_time()
    count = {"floor": floor, "ours": ours}[what](port, folder)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({
        "records": count,
        "wall": time.perf_counter() - started,
        "cpu": time.process_time() - cpu,
        "mib": used.ru_maxrss / 1024,
    }))  # fmt: skip


def main() -> None:
    """Run the contestants in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", nargs=3)
    parser.add_argument("--serve", type=int)
    asked = parser.parse_args()
    if asked.serve:
        serve(asked.serve)
        return
    if asked.child:
        child(asked.child[0], int(asked.child[1]), Path(asked.child[2]))
        return
    me = [sys.executable, __file__]
    server = subprocess.Popen(
        [*me, "--serve", str(asked.records)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: dict[str, list[dict[str, float]]] = {"floor": [], "ours": []}
    try:
        port = server.stdout.readline().strip()
        for _ in range(asked.rounds):
            for what, runs in found.items():
                with tempfile.TemporaryDirectory() as folder:
                    told = subprocess.run(
                        [*me, "--child", what, port, folder],
                        capture_output=True,
                        text=True,
                        check=True,
                    )
                runs.append(json.loads(told.stdout))
    finally:
        server.stdin.close()
        server.wait(10)
    print(
        f"{asked.records:,} records, pages of {PAGE}, {datetime.now(UTC):%Y-%m-%d}, medians of {asked.rounds}"
    )
    print(f"{'':8}{'wall s':>9}{'cpu s':>9}{'MiB':>8}{'us/record':>11}{'x floor':>9}")
    base = statistics.median(run["wall"] for run in found["floor"])
    for what, runs in found.items():
        wall, cpu, mib = (statistics.median(run[k] for run in runs) for k in ("wall", "cpu", "mib"))
        assert all(run["records"] == asked.records for run in runs), runs
        print(
            f"{what:8}{wall:9.2f}{cpu:9.2f}{mib:8.0f}{wall / asked.records * 1e6:11.1f}{wall / base:9.2f}"
        )


if __name__ == "__main__":
    main()

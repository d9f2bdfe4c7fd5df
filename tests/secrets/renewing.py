"""A process that renews one connection's login from many tasks, told how by its arguments; killed at times.

STORE KEYS PORT TASKS HOLDER: where the store is, a file of keys, the token server's port, how many tasks, a
name. It waits for a line on its input, and prints what each task got, as JSON. It is this process that the
server kills, when it is told to: it sends its id along.
"""

import asyncio
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from reconciler.app import SystemClock
from reconciler.errors import ReconcilerError, Revoked
from reconciler.ports import Obtained
from reconciler.secrets.keyring import KeyRing
from reconciler.secrets.keys import KeySource
from reconciler.secrets.safe import StoredSafe
from reconciler.store.open import open_store
from tests.secrets.making import GRANT, TOKEN, fresh


def ask(port: int, grant: str) -> Obtained:
    """Return what the token server gives for *grant*."""
    body = json.dumps({"grant": grant, "pid": os.getpid()}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/token", body)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  likewise
            told = json.load(answer)
    except urllib.error.HTTPError as error:
        error.close()
        raise Revoked("invalid_grant") from None
    return Obtained({TOKEN: told["token"], GRANT: told["grant"]})


async def work(where: str, keys: Path, port: int, tasks: int, holder: str) -> list[str]:
    """Return what each task got."""
    store = open_store(where)
    source = KeySource(file=keys)
    one = StoredSafe(store, KeyRing(lambda: source.load({})), SystemClock(), holder)

    async def obtain(values: Mapping[str, str]) -> Obtained:
        return await asyncio.to_thread(ask, port, values[GRANT])

    async def task() -> str:
        try:
            return (await one.renew("c1", fresh, obtain))[TOKEN]
        except ReconcilerError as error:
            return f"{type(error).__name__}: {error.message}"

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
    try:
        return list(await asyncio.gather(*(task() for _ in range(tasks))))
    finally:
        await store.close()


if __name__ == "__main__":
    _, place, file, number, count, name = sys.argv
    sys.stdout.write(
        json.dumps(asyncio.run(work(place, Path(file), int(number), int(count), name)))
    )

"""Keys rotated: all that is sealed under another key is sealed anew under the first, some at a time."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from reconciler.ports import Store, UnitOfWork
from reconciler.secrets.fingerprints import INSTANCE
from reconciler.secrets.keyring import KeyRing

BATCH: Final = 100
"""Rows in one transaction."""


@dataclass(frozen=True, slots=True)
class KeyUse:
    """A key, by its id: whether it is ``given``, whether it seals, and how many rows are sealed under it."""

    id: str
    given: bool
    seals: bool
    rows: int


async def key_use(store: Store, ring: KeyRing) -> tuple[KeyUse, ...]:
    """Return each key that is given or used; where nothing is sealed, no key is made for the answer.

    Raises:
        Invalid: if the keys cannot be read.
    """
    used = await store.views.sealed_under()
    if not used:
        return ()
    given = ring.ids
    return tuple(
        KeyUse(kid, kid in given, kid == given[0], used.get(kid, 0))
        for kid in [*given, *sorted(used.keys() - set(given))]
    )


async def rotate(store: Store, ring: KeyRing, told: Callable[[int], None]) -> int:
    """Seal anew under the first key what is sealed under others; return how many rows.

    Each batch is a transaction of its own, so that it may be stopped and begun again at any time. *told*
    gets how many there are so far. Values, fingerprints and times stay as they are.

    Raises:
        Invalid: if a key is missing, or a row does not open.
    """
    done = 0
    for batch in (_credentials, _secrets):
        while True:
            async with store.begin() as unit:
                count = await batch(unit, ring)
                await unit.commit()
            if not count:
                break
            done += count
            told(done)
    return done


async def _credentials(unit: UnitOfWork, ring: KeyRing) -> int:
    found = await unit.credentials.others(ring.first, limit=BATCH)
    for connection, one in found:
        value = ring.open(one.key_id, one.sealed, connection, one.field)
        kid, sealed = ring.seal(value, connection, one.field)
        await unit.credentials.put(connection, [replace(one, key_id=kid, sealed=sealed)])
    return len(found)


async def _secrets(unit: UnitOfWork, ring: KeyRing) -> int:
    found = await unit.secrets.others(ring.first, limit=BATCH)
    for one in found:
        kid, sealed = ring.seal(
            ring.open(one.key_id, one.sealed, INSTANCE, one.name), INSTANCE, one.name
        )
        await unit.secrets.put(replace(one, key_id=kid, sealed=sealed))
    return len(found)

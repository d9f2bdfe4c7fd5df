"""Keys are rotated some rows at a time, and the old one is good until no row needs it."""

from dataclasses import replace

import pytest

from reconciler.errors import Invalid
from reconciler.ports import Store
from reconciler.secrets.rotation import BATCH, KeyUse, key_use, rotate
from reconciler.secrets.safe import StoredSafe
from tests.fakes import TurnedClock
from tests.secrets.making import BOTH, OLD, keep, ring, safe

NEW = {"2026": BOTH["2026"]}


async def filled(store: Store, clock: TurnedClock, count: int) -> None:
    one = safe(store, clock)
    for number in range(count):
        await keep(store, one, {"a": f"secret {number}"}, clock.now(), of=f"c{number:04}")


async def test_everything_is_sealed_under_the_first_key_and_says_what_it_said(
    store: Store, clock: TurnedClock
) -> None:
    await filled(store, clock, 3)
    before = await safe(store, clock).fingerprints("c0001")
    told: list[int] = []
    assert await rotate(store, ring(BOTH), told.append) == 4
    assert told == [3, 4]
    assert dict(await store.views.sealed_under()) == {"2026": 4}
    later = StoredSafe(store, ring(NEW), clock, "later")
    assert await later.open("c0001") == {"a": "secret 1"}
    await keep(store, later, {"b": "secret 1"}, clock.now(), of="c0001")
    after = await later.fingerprints("c0001")
    assert after["a"] == after["b"] == before["a"]
    assert await rotate(store, ring(BOTH), told.append) == 0


async def test_it_may_be_stopped_and_goes_on_where_it_was(store: Store, clock: TurnedClock) -> None:
    await filled(store, clock, BATCH + 2)

    def stop(_count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await rotate(store, ring(BOTH), stop)
    assert dict(await store.views.sealed_under()) == {"2026": BATCH, "2025": 3}
    both = StoredSafe(store, ring(BOTH), clock, "both")
    assert await both.open("c0000") == {"a": "secret 0"}
    assert await both.open(f"c{BATCH:04}") == {"a": f"secret {BATCH}"}
    assert await rotate(store, ring(BOTH), lambda _count: None) == 3


async def test_a_row_that_does_not_open_stops_it_and_is_named(
    store: Store, clock: TurnedClock
) -> None:
    await filled(store, clock, 2)
    rows = await store.views.credentials("c0000")
    async with store.begin() as unit:
        await unit.credentials.put("c0001", [replace(rows["a"])])
        await unit.commit()
    with pytest.raises(Invalid, match="c0001 a does not open"):
        await rotate(store, ring(BOTH), lambda _count: None)
    assert dict(await store.views.sealed_under()) == {"2025": 3}


async def test_keys_are_told_with_their_rows_and_no_value(store: Store, clock: TurnedClock) -> None:
    assert await key_use(store, ring(BOTH)) == ()
    await filled(store, clock, 2)
    assert await key_use(store, ring(BOTH)) == (
        KeyUse("2026", given=True, seals=True, rows=0),
        KeyUse("2025", given=True, seals=False, rows=3),
    )
    assert await key_use(store, ring(NEW)) == (
        KeyUse("2026", given=True, seals=True, rows=0),
        KeyUse("2025", given=False, seals=False, rows=3),
    )
    assert OLD["2025"].decode() not in str(await key_use(store, ring(BOTH)))

"""Specs read again and again: what has not changed is not read, parsed or checked another time."""

import asyncio
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass

from reconciler.engine.reconcile import SpecsRead, read_specs
from reconciler.engine.wish import Wish
from reconciler.ports import Snapshot


@dataclass(frozen=True, slots=True)
class Reading:
    """How specs are read: the wish, the built-in connectors, and what is kept from one time to the next.

    ``saved`` is called when specs were read well.
    """

    wish: Wish
    catalogue: Mapping[str, bytes]
    cache: MutableMapping[bytes, bytes] | None = None
    saved: Callable[[], None] = lambda: None


class SpecReader:
    """Reads snapshots one after another, beside the event loop."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._last: tuple[Snapshot, SpecsRead] | None = None
        self._one = asyncio.Lock()

    @property
    def snapshot(self) -> Snapshot | None:
        """What was read last."""
        return None if self._last is None else self._last[0]

    async def read(self, snapshot: Snapshot) -> SpecsRead:
        """Return what the specs of *snapshot* and its policy say; the same snapshot costs nothing.

        Raises:
            SpecInvalid: with all problems, if any of them is an error.
        """
        if self._last is not None and self._last[0] == snapshot:
            return self._last[1]
        async with self._one:
            # One that was told to stop goes on in its thread to its end, and is waited for.
            work = asyncio.ensure_future(asyncio.to_thread(self._read, snapshot))
            try:
                read = await asyncio.shield(work)
            except asyncio.CancelledError:
                await asyncio.gather(work, return_exceptions=True)
                raise
        self._last = (snapshot, read)
        return read

    def _read(self, snapshot: Snapshot) -> SpecsRead:
        reading = self._reading
        read = read_specs(
            snapshot,
            reading.wish,
            catalogue=reading.catalogue,
            cache=reading.cache,
        )
        reading.saved()
        return read

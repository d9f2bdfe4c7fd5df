"""A store whose process dies: from that moment on nothing reaches it any more."""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from reconciler.ports import Store, Views


class Dead(BaseException):
    """The process is gone. No part of the engine may catch it."""


@dataclass
class Fate:
    """Dies at the act of this number, before or after it; ``None``: never."""

    at: int | None = None
    before: bool = False
    acts: int = 0
    dead: bool = False

    def pass_by(self, *, before: bool) -> None:
        """Go past one side of an act; raise ``Dead`` where it ends here, and ever after."""
        if self.dead:
            raise Dead
        self.acts += before
        if self.at == self.acts and self.before is before:
            self.dead = True
            raise Dead


def fate(chance: random.Random, acts: int = 12) -> Fate:
    """Return a fate that ends within the first *acts* acts."""
    return Fate(chance.randrange(1, acts + 1), before=chance.random() < 0.5)


@dataclass
class MortalStore:
    """A store as seen by a process with a fate; each commit is an act."""

    _store: Store
    _ends: Fate

    @property
    def views(self) -> Views:
        """The read side."""
        return self._store.views

    def listen(self, heard: Callable[[], None]) -> None:
        """Call *heard* after each transaction that left something in the outbox."""
        self._store.listen(heard)

    async def close(self) -> None:
        """Let go of nothing: the store outlives the process."""

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Any]:
        """Open a transaction whose commit may be the last thing that happens, or what never does."""
        if self._ends.dead:
            raise Dead
        async with self._store.begin() as unit:
            yield _MortalUnit(unit, self._ends)


class _MortalUnit:
    def __init__(self, unit: Any, ends: Fate) -> None:
        self._unit = unit
        self._ends = ends

    async def commit(self) -> None:
        self._ends.pass_by(before=True)
        await self._unit.commit()
        self._ends.pass_by(before=False)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._unit, name)

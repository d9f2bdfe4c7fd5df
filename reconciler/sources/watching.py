"""Notices that something in a folder has changed, when it has come to rest.

The watched path may be a link that is swapped, or a folder that is removed and made again: the system
tells nothing of either, so which folder it is, is looked at once a second.
"""

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import structlog

STEP: Final = 50
"""Milliseconds without a change after which the watcher tells what it has seen."""
QUIET: Final = 0.1
"""Seconds without another change after which a save is over: editors write, rename and touch in one go."""
MANY: Final = 20
LONG_QUIET: Final = 0.5
"""The same after more than ``MANY`` files have changed: that is a checkout or a copy, which may pause."""
LONGEST: Final = 3.0
"""Seconds after which a change is told though there is no rest."""
LOOK: Final = 1.0
WITHOUT_WATCHER: Final = 30.0
"""Seconds until the next try where the system does not let us watch (its limit is reached, say)."""

_PASSING: Final = ("~", ".swp", ".swx", ".swpx", ".tmp", ".pyc")

if TYPE_CHECKING:
    from watchfiles import Change

log = structlog.get_logger()

Changes: TypeAlias = "set[tuple[Change, str]]"


class Which(NamedTuple):
    """What is watched, whatever led to it: its path without links, and the folder that it is, or is in.

    A file is watched by its folder: what replaces it is another file, of which its watcher knows nothing.
    """

    real: str
    folder: str
    device: int
    inode: int


async def notices(path: Path) -> AsyncIterator[None]:
    """Yield when it is worth to read *path* again: at first, after changes, and when it is another folder."""
    while True:
        which = _which(path)
        if which is None:
            await asyncio.sleep(LOOK)
            continue
        watch = _Watch(path, which)
        try:
            while await watch.wait():
                yield
        finally:
            await watch.close()
        yield


class _Watch:
    """One watcher on one folder, as long as the path leads there."""

    def __init__(self, path: Path, which: Which) -> None:
        from watchfiles import awatch  # noqa: PLC0415  only a process that watches pays for it

        self._path = path
        self._which = which
        self._gone = False
        self._seen = awatch(
            which.folder,
            watch_filter=self._matters,
            step=STEP,
            debounce=200,
            rust_timeout=60_000,
            recursive=which.folder == which.real,
        )
        self._next: asyncio.Task[Changes] | None = None

    async def wait(self) -> bool:
        """Return ``True`` after a change and a rest, ``False`` when the path leads elsewhere."""
        if self._next is None:
            # What has changed before the watcher was there was told to nobody.
            self._ask()
            await asyncio.sleep(0)
            return True
        if not await self._changed(for_ever=True):
            return False
        loop = asyncio.get_running_loop()
        began, names = loop.time(), self._told()
        while loop.time() - began < LONGEST:
            if not await self._changed(LONG_QUIET if len(names) > MANY else QUIET):
                break
            names |= self._told()
        return True

    async def close(self) -> None:
        """Let go of the watcher."""
        if self._next is not None:
            self._next.cancel()
            await asyncio.gather(self._next, return_exceptions=True)

    async def _changed(self, within: float = LOOK, *, for_ever: bool = False) -> bool:
        """Return whether there is a change; waiting *for_ever* ends when the path leads elsewhere."""
        while self._next is not None and not self._gone:
            done, _ = await asyncio.wait({self._next}, timeout=within)
            if done:
                return await self._is_well(self._next)
            if not for_ever:
                return False
            if _which(self._path) != self._which:
                return False
        return False

    async def _is_well(self, seen: "asyncio.Task[Changes]") -> bool:
        error = seen.exception()
        if error is None:
            return True
        if _which(self._path) == self._which:
            log.warning("folder_not_watched", path=str(self._path), why=str(error))
            await asyncio.sleep(WITHOUT_WATCHER)
        return False

    def _told(self) -> set[str]:
        assert self._next is not None  # noqa: S101  it has just ended
        names = {name for _, name in self._next.result()}
        # A folder that is made again at once may have the number of the one before.
        self._gone = self._gone or self._which.folder in names
        self._ask()
        return names

    def _ask(self) -> None:
        self._next = asyncio.ensure_future(anext(self._seen))

    def _matters(self, _change: object, name: str) -> bool:
        """Return whether a path may be about specs: not hidden (but ``..data`` of a ConfigMap), nor passing."""
        if self._which.folder != self._which.real:
            return name in {self._which.real, self._which.folder}
        parts = Path(name.removeprefix(self._which.folder)).parts
        hidden = any(part.startswith(".") and not part.startswith("..") for part in parts)
        return not hidden and not name.endswith(_PASSING)


def _which(path: Path) -> Which | None:
    real = os.path.realpath(path)
    try:
        about = os.stat(real)  # noqa: PTH116  it is a text already
        folder = real
        if not stat.S_ISDIR(about.st_mode):
            folder = os.path.dirname(real)  # noqa: PTH120  likewise
            about = os.stat(folder)  # noqa: PTH116  likewise
    except OSError:
        return None
    return Which(real, folder, about.st_dev, about.st_ino)

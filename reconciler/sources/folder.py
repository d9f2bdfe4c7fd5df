"""Specs in a folder: read whole, and watched. A notice says only that it is worth to look."""

import asyncio
import hashlib
import os
import stat
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from reconciler.errors import Invalid
from reconciler.ports import Snapshot
from reconciler.spec.policy_file import POLICY_FILE, is_policy

KINDS: Final = frozenset({".yaml", ".yml", ".csv", ".json"})
LARGEST: Final = 8 * 1024 * 1024
MOST: Final = 100_000
RACY: Final = 2_000_000_000
"""Nanoseconds in which a file can change again without showing it: the coarsest clock of a file system."""
TRUSTED: Final = 600.0
"""Seconds until all is read again, whatever the file system says of itself: some network mounts lie."""
TRIES: Final = 5


class Stamp(NamedTuple):
    """What a file system says of a file; any write, swap or restore changes one of these."""

    device: int
    inode: int
    size: int
    modified: int
    changed: int


class Kept(NamedTuple):
    """A file as it was read last; ``sure``: what has the same stamp is the same."""

    stamp: Stamp
    sure: bool
    content: bytes
    digest: bytes


class Moved(Exception):
    """A file went, or changed, while it was read."""


class Folder:
    """A folder of specs, or one file of them with the policy beside it.

    Hidden files and folders are left out; so is what a link leads to outside of the folder. Asked again,
    it reads only files that have another size, time or inode than before, and gives the same snapshot
    where nothing has changed. ``seconds`` is a clock that never goes back, ``now`` the time of files in
    nanoseconds.
    """

    def __init__(
        self,
        path: Path,
        *,
        seconds: Callable[[], float] = time.monotonic,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        self._path = path
        self._seconds = seconds
        self._now = now
        self._kept: dict[str, Kept] = {}
        self._last: Snapshot | None = None
        self._trusted_until = 0.0

    async def read(self) -> Snapshot:
        """Return all spec files; paths are as a person in the working folder would write them.

        Raises:
            Invalid: if there is no such folder, or it holds no spec.
        """
        return await asyncio.to_thread(self.read_now)

    def read_now(self) -> Snapshot:
        """Return what ``read`` returns, without an event loop."""
        if self._seconds() >= self._trusted_until:
            self._kept = {name: kept._replace(sure=False) for name, kept in self._kept.items()}
            self._trusted_until = self._seconds() + TRUSTED
        for _ in range(TRIES):
            try:
                found = self._files()
            except Moved:
                time.sleep(0.05)
            else:
                return self._snapshot(found)
        msg = f"{self._path}: files change faster than they can be read"
        raise Invalid(msg, hint="it is read again when they have come to rest")

    async def changes(self) -> AsyncIterator[None]:
        """Yield whenever files have changed and been quiet for a moment; see ``watching``.

        Notices are a hint: on some network mounts there are none, so look from time to time in any case.
        """
        from reconciler.sources.watching import notices  # noqa: PLC0415  a plan never watches

        async for _ in notices(self._path):
            yield

    def _snapshot(self, found: dict[str, Kept]) -> Snapshot:
        if all(map(is_policy, found)):
            msg = f"{self._path}: no *.yaml or *.yml file in it"
            raise Invalid(
                msg, hint="an empty folder is never taken as the wish to remove everything"
            )
        last = self._last
        same = last is not None and found.keys() == self._kept.keys()
        if same and all(kept.content is self._kept[name].content for name, kept in found.items()):
            self._kept = found
            return last  # type: ignore[return-value]  # that it is there is part of ``same``
        whole = hashlib.sha256()
        for path in sorted(found):
            whole.update(path.encode() + b"\0" + found[path].digest)
        self._kept = found
        files = {path: kept.content for path, kept in found.items()}
        self._last = Snapshot(f"local:{whole.hexdigest()[:12]}", files)
        return self._last

    def _files(self) -> dict[str, Kept]:
        """Return all files, of one folder: a link that is swapped meanwhile still leads to the old one."""
        root = os.path.realpath(self._path)
        name = self._path.as_posix()
        try:
            about = os.stat(root)  # noqa: PTH116  the names of files are made from this text
        except OSError:
            msg = f"{self._path}: no such file or folder"
            raise Invalid(
                msg, hint="name the folder that holds your specs, or make one: reconciler init"
            ) from None
        if not stat.S_ISDIR(about.st_mode):
            return {name: self._read(root, name, about), **self._beside(root)}
        found: dict[str, Kept] = {}
        for path, details in _walk(root, root + os.sep):
            if len(found) >= MOST:
                msg = f"{self._path}: more than {MOST:,} files"
                raise Invalid(msg, hint="name the folder that holds the specs and nothing else")
            shown = f"{name}/{path[len(root) + 1 :]}"
            found[shown] = self._read(path, shown, details)
        return found

    def _beside(self, root: str) -> dict[str, Kept]:
        """Return the policy beside a single file of specs: it holds for that file, too."""
        path = os.path.join(os.path.dirname(root), POLICY_FILE)  # noqa: PTH118, PTH120  as above
        shown = (self._path.parent / POLICY_FILE).as_posix()
        try:
            return {shown: self._read(path, shown, os.stat(path))}  # noqa: PTH116  as above
        except FileNotFoundError:
            return {}

    def _read(self, path: str, shown: str, about: os.stat_result) -> Kept:
        stamp = _stamp(about)
        known = self._kept.get(shown)
        if known is not None and known.sure and known.stamp == stamp:
            return known
        if stamp.size > LARGEST:
            msg = f"{shown}: larger than {LARGEST // 1024 // 1024} MiB"
            raise Invalid(msg, hint="split it, or move it out of the specs")
        sure = max(stamp.modified, stamp.changed) < self._now() - RACY
        content, after = _content(path, shown)
        if after != stamp:
            raise Moved
        if known is not None and known.content == content:
            return known._replace(stamp=stamp, sure=sure)
        return Kept(stamp, sure, content, hashlib.sha256(content).digest())


def _stamp(about: os.stat_result) -> Stamp:
    return Stamp(about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)


def _content(path: str, shown: str) -> tuple[bytes, Stamp]:
    """Return what is in a file, and its stamp after it was read."""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123  10,000 times a plan
            content = file.readall()
            return content, _stamp(os.fstat(file.fileno()))
    except FileNotFoundError:
        raise Moved from None
    except OSError as error:
        msg = f"{shown}: cannot be read: {error.strerror}"
        raise Invalid(msg, hint="see who may read it, or move it out of the specs") from error


def _walk(folder: str, root: str) -> Iterator[tuple[str, os.stat_result]]:
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except FileNotFoundError:
        raise Moved from None
    for entry in found:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path, root)
        elif os.path.splitext(entry.name)[1] in KINDS:  # noqa: PTH122  10,000 times a plan
            about = _about(entry, root)
            if about is not None:
                yield entry.path, about


def _about(entry: "os.DirEntry[str]", root: str) -> os.stat_result | None:
    """Return what is said of a file; ``None`` of a link that leads out of the folder."""
    linked = entry.is_symlink()
    if linked and not os.path.realpath(entry.path).startswith(root):
        return None
    try:
        return entry.stat()
    except FileNotFoundError:
        if not linked:
            raise Moved from None
        msg = f"{entry.path}: a link that leads nowhere"
        raise Invalid(msg, hint="remove it, or put back what it leads to") from None

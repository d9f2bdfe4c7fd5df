"""Specs in a folder: read whole, and watched. A notice says only that it is worth to look."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

from reconciler.errors import Invalid
from reconciler.ports import Snapshot

KINDS: Final = frozenset({".yaml", ".yml", ".csv", ".json"})
LARGEST: Final = 8 * 1024 * 1024
MOST: Final = 100_000


class Folder:
    """A folder of specs, or one file of them.

    Hidden files and folders are left out; so is what a link leads to outside of the folder.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    async def read(self) -> Snapshot:
        """Return all spec files; paths are as a person in the working folder would write them.

        Raises:
            Invalid: if there is no such folder, or it holds no spec.
        """
        return await asyncio.to_thread(self.read_now)

    def read_now(self) -> Snapshot:
        """Return what ``read`` returns, without an event loop."""
        if not self._path.exists():
            msg = f"{self._path}: no such file or folder"
            raise Invalid(
                msg, hint="name the folder that holds your specs, or make one: reconciler init"
            )
        files = dict(self._files())
        if not files:
            msg = f"{self._path}: no *.yaml or *.yml file in it"
            raise Invalid(
                msg, hint="an empty folder is never taken as the wish to remove everything"
            )
        whole = hashlib.sha256()
        for path, content in sorted(files.items()):
            whole.update(path.encode() + b"\0" + hashlib.sha256(content).digest())
        return Snapshot(f"local:{whole.hexdigest()[:12]}", files)

    async def changes(self) -> AsyncIterator[None]:
        """Yield after files have changed and been quiet for a moment, and each minute in any case.

        The timed look is what makes notices a hint: they are lost on network mounts, when the folder
        itself is swapped, or when it is removed and made again.
        """
        from watchfiles import awatch  # noqa: PLC0415  only a process that watches pays for it

        while True:
            if not self._path.exists():
                await asyncio.sleep(1)
                continue
            watch = awatch(
                self._path, debounce=1500, step=100, rust_timeout=60_000, yield_on_timeout=True
            )
            async for _ in watch:
                yield
                if not self._path.exists():
                    break

    def _files(self) -> Iterator[tuple[str, bytes]]:
        if self._path.is_file():
            yield self._path.as_posix(), self._content(self._path)
            return
        root = self._path.resolve()
        for count, path in enumerate(_walk(str(self._path))):
            if count >= MOST:
                msg = f"{self._path}: more than {MOST:,} files"
                raise Invalid(msg, hint="name the folder that holds the specs and nothing else")
            found = Path(path)
            if found.is_symlink() and not found.resolve().is_relative_to(root):
                continue
            yield found.as_posix(), self._content(found)

    def _content(self, path: Path) -> bytes:
        try:
            content = path.read_bytes()
        except OSError as error:
            msg = f"{path}: cannot be read: {error.strerror}"
            raise Invalid(msg, hint="see who may read it, or move it out of the specs") from error
        if len(content) > LARGEST:
            msg = f"{path}: larger than {LARGEST // 1024 // 1024} MiB"
            raise Invalid(msg, hint="split it, or move it out of the specs")
        return content


def _walk(folder: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path)
        elif os.path.splitext(entry.name)[1] in KINDS:  # noqa: PTH122  10,000 times a plan
            yield entry.path

"""The folder of the embedded default: who may look into it, what is in it, and who runs on it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from reconciler.errors import Invalid, Locked

DATABASE: Final = "reconciler.db"
LOCK: Final = "run.lock"


def prepare(folder: Path) -> Path:
    """Make *folder* for its owner alone if it is not there; return it.

    A ``.gitignore`` in it keeps customers' data out of a repository that it lies in.

    Raises:
        Invalid: if it cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        if not folder.is_dir():
            raise Invalid(
                f"{folder} is a file, and state is kept in a folder",
                hint="name another folder for the state",
            ) from None
        return folder
    except OSError as error:
        raise _refused(folder, error) from error
    secure(folder / ".gitignore").write_text("*\n")
    return folder


def secure(file: Path) -> Path:
    """Make *file*, empty, for its owner alone if it is not there; return it.

    Raises:
        Invalid: if it cannot be made.
    """
    try:
        os.close(os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise _refused(file, error) from error
    return file


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Hold *folder* for the one process that runs on it, until the block ends or the process dies.

    Commands beside it read and write as they like; only a second ``run`` is refused.

    Raises:
        Locked: if another process holds it; the message names its id.
    """
    path = secure(prepare(folder) / LOCK)
    with path.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = file.read().strip() or "unknown"
            raise Locked(
                f"{folder} is in use by process {holder}",
                hint="stop that process first, or run on another folder; other commands work beside it",
            ) from None
        _sign(file.fileno(), str(os.getpid()))
        yield
        _sign(file.fileno(), "")


def _sign(descriptor: int, text: str) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode(), 0)


def _refused(path: Path, error: OSError) -> Invalid:
    return Invalid(
        f"{path} cannot be made: {error.strerror}",
        hint="check the rights of the folder above it and the space on the disk",
    )

"""Opens the store that a folder or a URL names, and brings its tables up."""

import asyncio
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from reconciler.errors import Invalid
from reconciler.store import engines, folder
from reconciler.store.failures import in_our_words
from reconciler.store.schema import bring_up
from reconciler.store.sql import Engines, SqlStore


async def open_store(where: str | Path, *, migrate: bool = True) -> SqlStore:
    """Return the store in the folder *where* (SQLite), or at the URL ``postgresql://…``.

    Raises:
        Invalid: if there is no such database, or it is newer than this program.
    """
    return SqlStore(await asyncio.to_thread(_opened, where, migrate=migrate))


def _opened(where: str | Path, *, migrate: bool) -> Engines:
    made = _folder(Path(where)) if _is_path(where) else _postgres(str(where))
    with in_our_words():
        bring_up(made.reader, made.writer, migrate=migrate)
    return made


def _is_path(where: str | Path) -> bool:
    return isinstance(where, Path) or "://" not in where


def _folder(where: Path) -> Engines:
    file = folder.secure(folder.prepare(where) / folder.DATABASE)
    return Engines(engines.sqlite_writer(file), engines.sqlite_readers(file), 1, engines.READERS)


def _postgres(text: str) -> Engines:
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise Invalid(
            "the database URL cannot be read", hint="postgresql://USER@HOST/NAME"
        ) from error
    if url.get_backend_name() != "postgresql":
        msg = f"a database of the kind {url.get_backend_name()!r} is not supported"
        raise Invalid(msg, hint="postgresql://…, or no URL for the embedded default")
    checked = engines.checked(url)
    writer = engines.postgres(checked, size=engines.WRITERS)
    reader = engines.postgres(checked, size=engines.READERS, read_only=True)
    return Engines(writer, reader, engines.WRITERS, engines.READERS)

"""Opens the store that a folder or a URL names, with its tables up to date."""

from pathlib import Path
from typing import Final

from sqlalchemy import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError

from reconciler.errors import Invalid
from reconciler.store import engines, schema
from reconciler.store.failures import in_our_words
from reconciler.store.folder import DATABASE, prepare, secure
from reconciler.store.sql import SqlStore

_HINT: Final = "name a folder, or a URL such as postgresql://user@host/database"


def open_store(where: str | Path, *, migrate: bool = True) -> SqlStore:
    """Return the store in the folder or at the URL *where*; made there if it is not there yet.

    It blocks while it opens: call it before the event loop has other work, or on a thread.

    Raises:
        Invalid: if *where* names no store, or one that is newer than this program.
        StoreUnavailable: if the database does not answer.
    """
    if isinstance(where, Path) or "://" not in where:
        return _open_file(Path(where) / DATABASE, migrate=migrate)
    url = _url(where)
    match url.get_backend_name():
        case "postgresql":
            return _open_postgres(url, migrate=migrate)
        case "sqlite" if url.database and url.database != ":memory:":
            return _open_file(Path(url.database), migrate=migrate)
        case other:
            raise Invalid(f"state cannot be kept in {other!r}", hint=_HINT)


def _url(text: str) -> URL:
    scheme, _, rest = text.partition("://")
    name = {"postgres": "postgresql"}.get(scheme, scheme)
    try:
        return make_url(f"{name}://{rest}")
    except (ArgumentError, ValueError) as error:
        raise Invalid("the URL of the database cannot be read", hint=_HINT) from error


def _open_file(file: Path, *, migrate: bool) -> SqlStore:
    prepare(file.parent)
    secure(file)
    store = engines.sqlite_writer(file), engines.sqlite_readers(file)
    return _opened(*store, writers=1, migrate=migrate)


def _open_postgres(url: URL, *, migrate: bool) -> SqlStore:
    engines.checked(url)
    writer = engines.postgres(url, size=engines.WRITERS)
    readers = engines.postgres(url, size=engines.READERS, read_only=True)
    return _opened(writer, readers, writers=engines.WRITERS, migrate=migrate)


def _opened(writer: Engine, readers: Engine, *, writers: int, migrate: bool) -> SqlStore:
    try:
        with in_our_words():
            schema.bring_up(readers, writer, migrate=migrate)
    except BaseException:
        writer.dispose()
        readers.dispose()
        raise
    return SqlStore(writer, readers, writers=writers)

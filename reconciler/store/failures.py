"""What a database driver raises, in our words. Statements and their values stay out of messages."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DatabaseError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from reconciler.errors import Conflict, Invalid, Locked, ReconcilerError, StoreUnavailable

_TRY_AGAIN: Final = {
    "40001": "two transactions wanted the same rows",
    "40P01": "two transactions waited for each other",
    "55P03": "another transaction holds what this one needs",
    "57014": "it took longer than a statement may",
}
_FULL: Final = {"53100", "SQLITE_FULL"}
_NOT_OURS: Final = {"SQLITE_CORRUPT", "SQLITE_NOTADB"}


@contextmanager
def in_our_words() -> Iterator[None]:
    """Turn errors of SQLAlchemy and its drivers into ours."""
    try:
        yield
    except PoolTimeout as error:
        raise StoreUnavailable(
            "every connection to the database is in use",
            hint="look for long transactions in the database, or start fewer workers",
        ) from error
    except UnicodeError as error:
        raise Invalid("the database cannot hold this: it is no valid Unicode text") from error
    except DBAPIError as error:
        raise _named(error) from error


def _named(error: DBAPIError) -> ReconcilerError:
    code = _code(error)
    if code in _TRY_AGAIN:
        return Locked(f"the database gave up on a transaction: {_TRY_AGAIN[code]}")
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return Locked(
            "another process has been writing to the database for 30 s",
            hint="wait for the other command to end, or end it; then try again",
        )
    if code in _FULL:
        return StoreUnavailable("no space left for the database", hint="free some disk space")
    if code in _NOT_OURS:
        return StoreUnavailable(
            f"the database file is damaged or is no database: {_said(error)}",
            hint="put a backup of the file in its place",
        )
    return _by_type(error)


def _by_type(error: DBAPIError) -> ReconcilerError:
    if isinstance(error, IntegrityError):
        return Conflict("what was to be written contradicts what another has written")
    if isinstance(error, OperationalError) or error.connection_invalidated:
        return StoreUnavailable(f"the database does not do its work: {_said(error)}")
    if isinstance(error, DatabaseError):
        return Invalid(f"the database cannot hold this: {_kind(error)}")
    return StoreUnavailable(f"the database driver failed: {_kind(error)}")


def _code(error: DBAPIError) -> str:
    """Return PostgreSQL's SQLSTATE or SQLite's name of the error."""
    for attribute in ("sqlstate", "sqlite_errorname"):
        code = getattr(error.orig, attribute, None)
        if isinstance(code, str):
            return code
    return ""


def _said(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else _kind(error)


def _kind(error: DBAPIError) -> str:
    return type(error.orig).__name__

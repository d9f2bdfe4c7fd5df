"""What a connection gave under ``auth``, by the names that a way to log in knows."""

from collections.abc import Mapping
from typing import Any

from reconciler.connectors.tls import NAMES
from reconciler.errors import Invalid


def one_of(given: Mapping[str, Any], *names: str) -> str:
    """Return the first of *names* that was given.

    Raises:
        Invalid: if none was.
    """
    for name in names:
        if given.get(name):
            return str(given[name])
    raise Invalid(f"auth.{names[0]} is missing", hint="give it in the connection's 'auth'")


def one_or_only(given: Mapping[str, Any], *names: str) -> str:
    """Return the first of *names* that was given; with one field alone, its name is of no matter."""
    fields = {key: value for key, value in given.items() if key not in NAMES}
    only = tuple(fields) if len(fields) == 1 else ()
    return one_of(fields, *names, *only)

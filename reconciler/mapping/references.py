"""Keys of other records as their ids, without a look-up."""

from typing import Any

from reconciler.mapping.convert import to_text
from reconciler.mapping.misfit import Misfit
from reconciler.model.identity import record_id


class References(dict[str, str | None]):
    """The ids of one entity's records of one connection by their source key; computed once a page.

    An empty key refers to nothing. The parts of a composite key are joined with ``|``, as the keys of
    records are.
    """

    __slots__ = ("_connection", "_prefix")

    def __init__(self, prefix: str, connection: str) -> None:
        super().__init__()
        self._prefix = prefix
        self._connection = connection

    def __missing__(self, key: str) -> str | None:
        found = record_id(self._prefix, self._connection, key) if key else None
        self[key] = found
        return found

    def of(self, key: Any) -> str | None:
        """Return the id for a key of any type."""
        if type(key) is int:
            return self[str(key)]
        if isinstance(key, list) and key:
            return self["|".join(_part(part) for part in key)]
        return self[_part(key)]

    def all(self, keys: Any) -> list[str | None]:
        """Return the ids for a list of keys; null items stay."""
        if not isinstance(keys, list):
            raise Misfit(keys, "a list of keys")
        return [None if key is None else self.of(key) for key in keys]


def _part(key: Any) -> str:
    if isinstance(key, bool) or not isinstance(key, str | int | float):
        raise Misfit(key, "a key: a text or a number")
    return to_text(key)

"""A secret value that does not show itself."""

from typing import Final, NoReturn

MASK: Final = "***"


class Unwritten:
    """What holds secret values in hand: it is never pickled, and so is no copy of it."""

    __slots__ = ()

    def __reduce__(self) -> NoReturn:
        msg = "a secret is not written down"
        raise TypeError(msg)


class Secret(Unwritten):
    """A secret value. It writes itself as ``***``; only ``reveal`` gives it away."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value itself, for the one request that needs it."""
        return self._value

    def __repr__(self) -> str:
        return MASK

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return MASK

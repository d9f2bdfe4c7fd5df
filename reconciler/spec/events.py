"""The event parser of PyYAML: its C form, or the pure one where that is missing. Same events."""

from typing import Any, Final, Protocol

import yaml

DEEPEST: Final = 64
MOST_NODES: Final = 50_000
LARGEST_FILE: Final = 1_048_576


class Parser(Protocol):
    """Gives events until there are no more."""

    def get_event(self) -> Any:
        """Return the next event, or ``None`` after the last."""
        ...


PURE: Final[Any] = yaml.SafeLoader
_C: Final[Any] = getattr(yaml, "CSafeLoader", None)
_FASTEST: Final[Any] = PURE if _C is None else _C.__bases__[0]


def parser_of(text: str, loader: Any = _FASTEST) -> Parser:
    """Return the event parser of *text*."""
    parser: Parser = loader(text)
    return parser

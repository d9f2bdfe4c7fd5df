"""What is said of a value that does not become what it should; never more than a glimpse of it."""

from typing import Any, Final

import msgspec

LONGEST: Final = 80
"""How many characters of a value a message shows: enough to find it, too few to leak it."""


class Misfit(ValueError):
    """A value that cannot become what the unified field is."""

    def __init__(self, value: Any, expected: str) -> None:
        super().__init__(f"{cut(value)} is not {expected}")


def cut(value: Any) -> str:
    """Return *value* as JSON, cut at 80 characters."""
    if isinstance(value, str | list | dict) and len(value) > LONGEST:
        value = (
            value[:LONGEST] if isinstance(value, str | list) else f"an object of {len(value)} keys"
        )
    try:
        text = msgspec.json.encode(value).decode()
    except (TypeError, ValueError, RecursionError):
        text = f"a {type(value).__name__}"
    return shorten(text)


def shorten(text: str) -> str:
    """Return *text*, cut at 80 characters."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"

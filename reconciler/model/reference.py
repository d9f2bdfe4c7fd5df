"""Where a secret is: the forms of references, listed once for the whole product.

``{env: NAME}``, ``{file: PATH}``, ``{connect: true}`` (the customer gives it), ``{exec: NAME}`` (a command
that the operator has declared), ``{vault: "PATH#KEY"}`` and ``{sops: {file: PATH, key: a.b}}``; further words
come with plug-ins.
"""

from collections.abc import Mapping
from typing import Any, Final

WORDS: Final = ("env", "file", "connect", "exec", "vault", "sops")
"""The words of the built-in forms."""
GROUP: Final = "reconciler.secrets"
"""The group of entry points in which plug-ins offer more words."""
WORD: Final = r"^[a-z][a-z0-9_-]{0,62}$"
"""What a plug-in's word looks like."""


def is_reference(value: Any) -> bool:
    """Return whether *value* says where a secret is, in a built-in form, and nothing else."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return False
    ((word, place),) = value.items()
    match word:
        case "connect":
            return place is True
        case "sops":
            return isinstance(place, Mapping) and set(place) == {"file", "key"}
        case _:
            return word in WORDS and isinstance(place, str)


def word_of(value: Any) -> str | None:
    """Return the word of *value* where only a setting or a reference can stand; ``None``: a setting."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return None
    return str(next(iter(value)))

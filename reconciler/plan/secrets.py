"""What a secret reference looks like in a body: ``{env: NAME}``, ``{file: PATH}``, ``{connect: true}``.

The planner never resolves one; it compares and shows the reference.
"""

from collections.abc import Mapping
from typing import Any, Final

_WORDS: Final = ("env", "file", "connect")


def is_reference(value: Any) -> bool:
    """Return whether *value* says where a secret is, and nothing else."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return False
    ((word, where),) = value.items()
    return word in _WORDS and (where is True if word == "connect" else isinstance(where, str))

"""Paths of source records as JMESPath, and as names of fields."""

import json
import re
from typing import Final, TypeAlias

Keys: TypeAlias = tuple[str | None, ...]
"""The keys of a path; ``None`` stands for the items of a list."""

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def path_text(keys: Keys) -> str:
    """Return *keys* as JMESPath: ``lines[].x``; other names than plain ones in quotes."""
    text = ""
    for key in keys:
        if key is None:
            text += "[]"
        else:
            text += ("." if text else "") + (key if _PLAIN.match(key) else json.dumps(key))
    return text

"""How the way to a field is written: ``spec.fields.status`` for people, ``/spec/fields/status`` in JSON."""

import re
from typing import Final

from reconciler.model.value import Path
from reconciler.plan.printable import printable

_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]+")


def dotted(path: Path) -> str:
    """Return *path* as people write it; parts that are no plain word are quoted."""
    text = ""
    for part in path:
        if part.startswith("[") and part.endswith("]"):
            text += printable(part)
        else:
            dot = "." if text else ""
            text += dot + (part if _PLAIN.fullmatch(part) else f'"{printable(part)}"')
    return text


def pointer(path: Path) -> str:
    """Return *path* as a JSON pointer (RFC 6901); an item of a named list is ``name=x``."""
    return "".join(f"/{_escaped(part)}" for part in path)


def _escaped(part: str) -> str:
    if part.startswith("[") and part.endswith("]"):
        part = part[1:-1]
    return part.replace("~", "~0").replace("/", "~1")

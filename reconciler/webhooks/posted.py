"""What is posted to an address: bytes, and where and how they differ from a plain webhook."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.model.value import canonical

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Posted:
    """A body; ``below`` is added to the address of the route, ``headers`` to those of the request."""

    body: bytes
    content_type: str = JSON
    below: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def as_json(
    value: Mapping[str, Any], *, below: str = "", headers: Mapping[str, str] | None = None
) -> Posted:
    """Return *value* as it is posted."""
    return Posted(canonical(value), below=below, headers=headers or {})

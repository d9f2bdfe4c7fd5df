"""Pauses beside git: an ``Override`` that suspends a connection or a schedule, and how it is found again."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from reconciler.model.resource import Kind, Resource, ResourceKey

DISCONNECTED: Final = "reconciler/disconnected"
"""The annotation of a pause that ends when the connection is connected again."""


def pause_key(target: ResourceKey) -> ResourceKey:
    """Return what the pause of *target* is called."""
    name = f"suspend-{target.kind.lower()}-{target.name}"[:63].rstrip("-")
    return ResourceKey(Kind.OVERRIDE, name)


def pause_document(
    target: ResourceKey, until: datetime, reason: str, *, by: str, disconnected: bool = False
) -> Mapping[str, Any]:
    """Return the document of an override that suspends *target* until then."""
    metadata: dict[str, Any] = {"name": pause_key(target).name}
    if disconnected:
        metadata["annotations"] = {DISCONNECTED: "true"}
    ends = until.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {
        "apiVersion": "reconciler/v1",
        "kind": "Override",
        "metadata": metadata,
        "spec": {
            "target": {"kind": target.kind.value, "name": target.name},
            "until": ends,
            "reason": reason,
            "by": by,
            "patch": {"suspend": True},
        },
    }


def is_disconnection(pause: Resource) -> bool:
    """Return whether *pause* came of a disconnection."""
    annotations = pause.body["metadata"].get("annotations") or {}
    return annotations.get(DISCONNECTED) == "true"

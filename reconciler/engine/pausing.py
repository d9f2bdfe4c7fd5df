"""Exceptions beside git: an ``Override`` that suspends something or maps it otherwise, and how it is found again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from reconciler.model.moment import rfc3339
from reconciler.model.resource import Kind, Owner, Resource, ResourceKey
from reconciler.model.value import digest_of

DISCONNECTED: Final = "reconciler/disconnected"
"""The annotation of a pause that ends when the connection is connected again."""
EDIT_OF: Final = "reconciler/edit-of"
"""The annotation of an edit of a mapping: ``connection/entity``."""
LONGEST_NAME: Final = 63


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
    return {
        "apiVersion": "reconciler/v1",
        "kind": "Override",
        "metadata": metadata,
        "spec": {
            "target": {"kind": target.kind.value, "name": target.name},
            "until": rfc3339(until),
            "reason": reason,
            "by": by,
            "patch": {"suspend": True},
        },
    }


def is_disconnection(pause: Resource) -> bool:
    """Return whether *pause* came of a disconnection."""
    annotations = pause.body["metadata"].get("annotations") or {}
    return annotations.get(DISCONNECTED) == "true"


def mapping_key(connection: str, entity: str) -> ResourceKey:
    """Return what the edit of a mapping is called."""
    name = f"mapping-{connection}-{entity}"
    if len(name) > LONGEST_NAME:
        name = f"{name[: LONGEST_NAME - 9].rstrip('-')}-{digest_of([connection, entity])[:8]}"
    return ResourceKey(Kind.OVERRIDE, name)


def mapping_document(
    place: tuple[str, str, ResourceKey],
    patch: Mapping[str, Any],
    until: datetime,
    reason: str,
    *,
    by: str,
) -> Mapping[str, Any]:
    """Return the document of an override that maps an entity of a connection otherwise until then.

    *place* are the connection's name, the entity, and the target: a mapping, or the connection itself.
    """
    connection, entity, target = place
    whole = patch if target.kind is Kind.MAPPING else {"mappings": {entity: patch}}
    return {
        "apiVersion": "reconciler/v1",
        "kind": "Override",
        "metadata": {
            "name": mapping_key(connection, entity).name,
            "annotations": {EDIT_OF: f"{connection}/{entity}"},
        },
        "spec": {
            "target": {"kind": target.kind.value, "name": target.name},
            "until": rfc3339(until),
            "reason": reason,
            "by": by,
            "patch": whole,
        },
    }


def is_mapping_edit(override: Resource) -> bool:
    """Return whether *override* holds an edit of a mapping made through the API."""
    annotations = override.body["metadata"].get("annotations") or {}
    return override.owner is Owner.API and EDIT_OF in annotations

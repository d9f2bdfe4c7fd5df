"""Where one field of a resource is written: for the few lines of a plan, by reading its file again."""

from collections.abc import Mapping
from typing import Any

from reconciler.model.resource import Origin, Resource
from reconciler.model.value import Path
from reconciler.spec.compose import Node
from reconciler.spec.document import read_values
from reconciler.spec.finding import Spot, Way, value_at
from reconciler.spec.places import Places


def locate(files: Mapping[str, bytes], resource: Resource, path: Path) -> Origin:
    """Return the line and column of the field at *path* of *resource*.

    A field that is not written (a default) is at the nearest place above it. One that an environment
    sets is where the environment sets it; one that a set makes, in the template of the set.
    """
    origin = resource.origin or Origin("")
    places = Places(files)
    spot = Spot(origin.file, origin.line, origin.column)
    base = base_in_set(places, spot, str(resource.key.kind), resource.spec)
    spot = spot._replace(path=(*base, *_steps(resource.body, path)))
    patched = _patched(files, resource, path)
    if patched is not None:
        spot = patched
    place = places.place(spot)
    return Origin(spot.file, place.line, place.column)


def _steps(body: Any, path: Path) -> Way:
    """Return *path* with places in lists as numbers."""
    steps: list[str | int] = []
    for step in path:
        in_list = isinstance(value_at(body, tuple(steps)), list)
        steps.append(int(step) if in_list and step.isdigit() else step)
    return tuple(steps)


def base_in_set(places: Places, spot: Spot, kind: str, spec: Mapping[str, Any]) -> Way:
    """Return where in a document the resource is written: at its root, or in the template of a set."""
    node = next((n for n in places.nodes(spot.file) if n.place[:2] == spot[1:3]), None)
    root = node.below if node is not None else None
    if not isinstance(root, dict) or "kind" not in root or root["kind"].value != "ConnectionSet":
        return ()
    base: Way = ("spec", "template")
    if kind == "Connection":
        return base
    key = "mappings" if kind == "Mapping" else "schedules"
    return (*base, key, _part(root, key, spec))


def _part(root: dict[str, Node], key: str, spec: Mapping[str, Any]) -> int:
    """Return which of the template's parts made *spec*: the one that shares most texts with it."""
    parts = value_at({name: node.plain() for name, node in root.items()}, ("spec", "template", key))
    if not isinstance(parts, list):
        return 0
    wanted = _texts(spec)
    likeness = [
        len(wanted & _texts(part.get("spec") if isinstance(part, dict) else None)) for part in parts
    ]
    return likeness.index(max(likeness)) if likeness else 0


def _texts(value: Any, path: Way = ()) -> set[tuple[Way, str]]:
    if isinstance(value, dict):
        return {text for key, below in value.items() for text in _texts(below, (*path, key))}
    return {(path, str(value))}


def _patched(files: Mapping[str, bytes], resource: Resource, path: Path) -> Spot | None:
    """Return where an environment sets the field, if one sets it to what the resource has."""
    wanted = value_at(resource.body, _steps(resource.body, path))
    for file in sorted(files):
        if b"Environment" not in files[file] or not file.endswith((".yaml", ".yml")):
            continue
        for document in read_values(files[file]) or ():
            for at, patch in enumerate(_patches(document.value, resource)):
                if patch is not None and wanted is not None and value_at(patch, path[1:]) == wanted:
                    way: Way = ("spec", "patches", at, "spec", *path[1:])
                    return Spot(file, document.line, document.column, way)
    return None


def _patches(document: Any, resource: Resource) -> list[Any]:
    """Return the changes of an environment's patches; ``None`` for those of other documents."""
    if document.get("kind") != "Environment":
        return []
    patches = value_at(document, ("spec", "patches"))
    found: list[Any] = []
    for patch in patches if isinstance(patches, list) else ():
        target = value_at(patch, ("target",)) or {}
        labels = value_at(target, ("selector", "matchLabels")) or {}
        fits = target.get("kind") == resource.key.kind and target.get("name") in {
            None,
            resource.key.name,
        }
        fits = fits and labels.items() <= resource.labels.items()
        found.append(patch.get("spec") if fits else None)
    return found

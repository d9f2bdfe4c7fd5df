"""A connector, a small model's worth of files, and edits of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from reconciler.editing.edit import edit
from reconciler.editing.specs import Edited, Specs
from reconciler.model.change import ABSENT, FieldChange
from reconciler.model.resource import Kind, Resource, ResourceKey

ROOT: Final = Path(__file__).parents[2]
CATALOGUE: Final = {
    path.name: path.read_bytes()
    for path in sorted((ROOT / "reconciler" / "connectors" / "catalogue").glob("*.yaml"))
}
KINDS: Final = {kind.value: kind for kind in Kind}


def specs_of(files: Mapping[str, str | bytes], environment: str | None = None) -> Specs:
    contents = {name: t.encode() if isinstance(t, str) else t for name, t in files.items()}
    return Specs(contents, environment, CATALOGUE)


def key_of(name: str) -> ResourceKey:
    kind, _, rest = name.partition("/")
    return ResourceKey(KINDS[kind], rest)


def field_at(resource: Resource, path: tuple[str, ...]) -> Any:
    value: Any = resource.body
    for step in path:
        value = value.get(step, ABSENT) if isinstance(value, dict) else ABSENT
    return value


def change(specs: Specs, name: str, wanted: Mapping[str, Any], **options: Any) -> Edited:
    """Edit the resource *name* so that each dotted path of *wanted* has its value."""
    resource = specs.sound().resources[key_of(name)]
    changes = []
    for dotted, after in wanted.items():
        path = tuple(dotted.split("."))
        changes.append(FieldChange(path, field_at(resource, path), after))
    return edit(specs, resource, changes, **options)

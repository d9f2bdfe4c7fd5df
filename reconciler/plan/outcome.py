"""What is in force once changes are made."""

from collections.abc import Iterable, Mapping

from reconciler.model.change import Change, Delete, Forget, Rename
from reconciler.model.resource import Resource, ResourceKey


def resources_after(
    resources: Mapping[ResourceKey, Resource], changes: Iterable[Change]
) -> Mapping[ResourceKey, Resource]:
    """Return *resources* as they are once *changes* are made."""
    after = dict(resources)
    for change in changes:
        if isinstance(change, (Delete, Forget)):
            del after[change.key]
            continue
        if isinstance(change, Rename):
            del after[change.before.key]
        after[change.key] = change.after
    return after

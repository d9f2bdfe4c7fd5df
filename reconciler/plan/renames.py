"""Which declared resource is one in force under its old name (``metadata.previousName``)."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.model.change import Block
from reconciler.model.resource import Resource, ResourceKey

Resources = Mapping[ResourceKey, Resource]


@dataclass(frozen=True, slots=True)
class Renames:
    """New key to the resource in force under the old one; ``taken`` are the old keys."""

    before: Resources
    blocks: tuple[Block, ...]

    @property
    def taken(self) -> frozenset[ResourceKey]:
        """The keys that are in force and go on under a new name."""
        return frozenset(resource.key for resource in self.before.values())


def find_renames(wanted: Resources, in_force: Resources) -> Renames:
    """Return the renames that *wanted* asks for and *in_force* allows.

    A previous name that is no longer in force, or whose new name already is, asks for nothing: the
    rename was made before.
    """
    asked: dict[ResourceKey, list[Resource]] = defaultdict(list)
    for key in sorted(wanted):
        old = _previous(wanted[key])
        if old is not None and old in in_force and key not in in_force:
            asked[old].append(wanted[key])
    blocks = tuple(
        block for old, new in asked.items() if (block := _refused(old, new, wanted)) is not None
    )
    refused = {block.key for block in blocks}
    before = {new[0].key: in_force[old] for old, new in asked.items() if new[0].key not in refused}
    return Renames(before, blocks)


def _previous(resource: Resource) -> ResourceKey | None:
    if resource.previous_name is None:
        return None
    return ResourceKey(resource.key.kind, resource.previous_name)


def _refused(old: ResourceKey, new: list[Resource], wanted: Resources) -> Block | None:
    if old in wanted:
        return Block(
            new[0].key,
            "RENAME_SOURCE_DECLARED",
            f"its previousName {old.name} is still declared",
            f"take {old} out of the specs, or previousName out of {new[0].key}",
        )
    if len(new) > 1:
        names = " and ".join(resource.key.name for resource in new)
        return Block(
            new[0].key,
            "RENAME_AMBIGUOUS",
            f"{names} both say that they were {old.name}",
            "keep previousName in the one that is to have its records and cursors",
        )
    return None

"""Who says what a resource's field is: its own document, an environment's patch, or an item of a set."""

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.editing.merging import step_into
from reconciler.editing.specs import Specs
from reconciler.editing.tree import Node, origin
from reconciler.errors import EditRefused
from reconciler.mapping.template import Template
from reconciler.model.change import ABSENT
from reconciler.model.resource import Origin, Resource
from reconciler.model.value import Path
from reconciler.spec.environment import patches_of
from reconciler.spec.finding import Draft, Spot, Way, value_at
from reconciler.spec.locate import base_in_set
from reconciler.spec.places import Places
from reconciler.spec.reading import ENDINGS
from reconciler.spec.sets import items_of
from reconciler.spec.template import compiled

_ITEM: Final = re.compile(r"\{\{-?\s*item\.([A-Za-z_][A-Za-z0-9_]*)\s*-?\}\}")
_COMMENT: Final = re.compile(r"\n *#")


@dataclass(slots=True)
class Sheet:
    """A document that may be edited: as it was read, and as it is to be (``data``)."""

    file: str
    at: int
    root: Node
    data: Any = field(init=False)

    def __post_init__(self) -> None:
        self.data = copy.deepcopy(self.root.plain())

    @property
    def kind(self) -> str:
        """The kind that it says."""
        return str(self.data.get("kind", ""))


@dataclass(frozen=True, slots=True)
class Holder:
    """A part of a document that says what fields are; ``base`` is the way to it."""

    sheet: Sheet
    base: Way = ()

    @property
    def written(self) -> Any:
        """What stands there."""
        return value_at(self.sheet.root.plain(), self.base)


class Holders:
    """Where the fields of one resource are written."""

    def __init__(self, specs: Specs, resource: Resource) -> None:
        self._specs = specs
        self._resource = resource
        self._sheets: dict[str, list[Sheet]] = {}
        at = resource.origin or Origin("")
        self.document = Holder(self._sheet_at(at), self._base(at))
        self._environment = self._chosen()
        self.patches = list(self._fitting())

    @property
    def sheets(self) -> Iterator[Sheet]:
        """All documents that were looked at."""
        return (sheet for sheets in self._sheets.values() for sheet in sheets)

    @property
    def in_set(self) -> bool:
        """Whether a ``ConnectionSet`` makes the resource."""
        return bool(self.document.base)

    def place(self, holder: Holder, way: Way) -> Origin:
        """Return where *way* stands in *holder*, or the nearest place above it."""
        sheet = holder.sheet
        node = sheet.root.nearest((*holder.base, *way))
        return origin(self._specs.text(sheet.file), node.start, sheet.file)

    def commented(self, holder: Holder, way: Way) -> bool:
        """Whether a comment line stands in the mapping at *way* of *holder*."""
        way = (*holder.base, *way)
        part = holder.sheet.root.nearest(way[:-1]).part(way[-1]) if way else None
        text = self._specs.text(holder.sheet.file)
        return part is not None and _COMMENT.search(text, part.after, part.end) is not None

    def patched(self, path: Path) -> list[Holder]:
        """Return the patches that say what the field at *path* is; the last of them holds."""
        if path[:1] != ("spec",):
            return []
        return [one for one in self.patches if _says(one.written, path[1:])]

    def item_of(self, path: Path) -> tuple[int, str]:
        """Return which item of the set, and which of its keys, makes the field at *path*.

        Raises:
            EditRefused: if the template itself makes it, or the list is in a file of its own.
        """
        sheet, base = self.document.sheet, self.document.base
        written = value_at(sheet.data, base)
        for step in path:
            written = step_into(written, step)
        found = _ITEM.fullmatch(written.strip()) if isinstance(written, str) else None
        spec = sheet.data["spec"]
        at, label = self._item(spec)
        where = self.place(self.document, path)
        said = f"{where}: {'.'.join(path)} of {self._resource.key} is made by the template of a ConnectionSet"
        if found is None:
            raise EditRefused(
                f"{said}, for all of its items",
                hint="write {{ item.NAME }} there and give each item a NAME, or take this item out of "
                "the list and declare it in a document of its own",
            )
        if "items" not in spec:
            raise EditRefused(
                f"{said} from a table", hint=f"change '{found[1]}' in {label} of {spec['file']}"
            )
        return at, found[1]

    def _item(self, spec: Mapping[str, Any]) -> tuple[int, str]:
        """Return which item of the list makes the resource, and what people call it."""
        part = value_at(self.document.sheet.data, self.document.base)
        template = compiled(str(part["metadata"]["name"]))
        items, _ = items_of(spec, self.document.sheet.file, self._specs.files)
        chosen = self._environment
        variables = value_at(chosen.data, ("spec", "vars")) if chosen is not None else None
        for at, (item, label) in enumerate(items):
            context = {"vars": variables or {}, "item": item}
            if (
                isinstance(template, Template)
                and template.value(context) == self._resource.key.name
            ):
                return at, label
        raise EditRefused(
            f"{self._resource.origin}: no item of the set makes {self._resource.key}",
            hint="edit the set by hand",
        )

    def _sheet_at(self, at: Origin) -> Sheet:
        text = self._specs.text(at.file)
        for sheet in self._of_file(at.file):
            place = origin(text, sheet.root.start, at.file)
            if (place.line, place.column) == (at.line, at.column):
                return sheet
        raise EditRefused(f"{at}: no document begins here", hint="read the files again")

    def _of_file(self, file: str) -> list[Sheet]:
        if file not in self._sheets:
            roots = self._specs.nodes(file)
            self._sheets[file] = [Sheet(file, at, root) for at, root in enumerate(roots)]
        return self._sheets[file]

    def _base(self, at: Origin) -> Way:
        spot = Spot(at.file, at.line, at.column)
        key = self._resource.key
        return base_in_set(Places(self._specs.files), spot, str(key.kind), self._resource.spec)

    def _chosen(self) -> Sheet | None:
        """Return the document of the environment that the files are read with."""
        wanted = self._specs.environment
        for file in sorted(self._specs.files):
            if not file.endswith(ENDINGS) or b"Environment" not in self._specs.files[file]:
                continue
            for sheet in self._of_file(file):
                if sheet.kind != "Environment":
                    continue
                default = value_at(sheet.data, ("spec", "default")) is True
                if sheet.data["metadata"]["name"] == wanted if wanted else default:
                    return sheet
        return None

    def _fitting(self) -> Iterator[Holder]:
        """Yield the patches of the environment that change the resource, in their order."""
        sheet = self._environment
        if sheet is None:
            return
        draft = self._draft()
        for one in patches_of(sheet.data["spec"], Spot(sheet.file, 0, 0)):
            if one.fits(draft):
                yield Holder(sheet, one.spot.path)

    def _draft(self) -> Draft:
        """Return the resource as patches see it: with the labels that are written."""
        part = self.document.written
        metadata = {**part["metadata"], "name": self._resource.key.name}
        return Draft({"kind": str(self._resource.key.kind), "metadata": metadata}, Spot("", 0, 0))


def _says(change: Any, path: Path) -> bool:
    """Whether a patch says what is at *path*: it, or something above it that is no mapping."""
    for step in path:
        if not isinstance(change, Mapping):
            return True
        change = change.get(step, ABSENT)
        if change is ABSENT:
            return False
    return True

"""Spec files and what they are read with; an edit of them; and the proof that it says what was meant."""

import difflib
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from typing import Final

from reconciler.editing.tree import Node, documents
from reconciler.errors import EditRefused, SpecInvalid
from reconciler.model.resource import Origin, Resource, ResourceKey
from reconciler.plan.diff import diff
from reconciler.plan.paths import dotted
from reconciler.spec.load import Loaded, load
from reconciler.spec.unified import Entities

_MARK: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Specs:
    """Files (path to content) and what ``spec.load.load`` needs beside them.

    The chosen environment, the manifests of built-in connectors, and the entities of the unified model.
    """

    files: Mapping[str, bytes]
    environment: str | None = None
    catalogue: Mapping[str, bytes] | None = None
    entities: Entities | None = None
    cache: MutableMapping[bytes, bytes] = field(default_factory=dict, compare=False, repr=False)

    def loaded(self) -> Loaded:
        """Return what they say, problems and all."""
        return load(
            self.files,
            environment=self.environment,
            catalogue=self.catalogue,
            cache=self.cache,
            entities=self.entities,
        )

    def sound(self) -> Loaded:
        """Return what they say.

        Raises:
            SpecInvalid: if they have errors; files that cannot be read are not edited.
        """
        loaded = self.loaded()
        if loaded.errors:
            raise SpecInvalid(loaded.errors)
        return loaded

    def text(self, file: str) -> str:
        """Return the text of a file, without the mark that some editors put first."""
        return self.files[file].removeprefix(_MARK).decode()

    def nodes(self, file: str) -> list[Node]:
        """Return the documents of a file."""
        return documents(self.text(file), file)

    def content(self, file: str, text: str) -> bytes:
        """Return *text* as the content of *file*, with the mark that it had."""
        mark = _MARK if self.files[file].startswith(_MARK) else b""
        return mark + text.encode()

    def after(self, edited: "Edited") -> "Specs":
        """Return the specs as *edited* makes them."""
        kept = {name: c for name, c in self.files.items() if name not in edited.deleted}
        return replace(self, files={**kept, **edited.files})


@dataclass(frozen=True, slots=True)
class Edited:
    """What an edit comes to: the new content of the files that change, and those that are to go.

    ``places`` are where the fields stand afterwards; of those that are gone, the nearest place above.
    """

    files: Mapping[str, bytes]
    places: tuple[Origin, ...] = ()
    deleted: frozenset[str] = frozenset()


def difference(specs: Specs, edited: Edited) -> str:
    """Return the lines that *edited* changes, as a unified diff for people and for ``git apply``."""
    made: list[str] = []
    for file in sorted({*edited.files, *edited.deleted}):
        before = _lines(specs.files.get(file, b""))
        after = _lines(edited.files.get(file, b""))
        old = f"a/{file}" if file in specs.files else "/dev/null"
        new = "/dev/null" if file in edited.deleted else f"b/{file}"
        made += difflib.unified_diff(before, after, old, new)
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in made
    )


def _lines(content: bytes) -> list[str]:
    parts = content.decode(errors="replace").split("\n")
    return [*(part + "\n" for part in parts[:-1]), *([parts[-1]] if parts[-1] else [])]


def prove(
    specs: Specs, edited: Edited, expected: Mapping[ResourceKey, Resource], *, of: str
) -> None:
    """Read the edited files, and see that they say what is *expected* and nothing else.

    Raises:
        EditRefused: if they do not; *of* names what was edited.
    """
    loaded = specs.after(edited).loaded()
    if loaded.errors:
        first = loaded.errors[0]
        said = f"{of}: the files would no longer be valid: {first.code} {first.message}"
        raise EditRefused(f"{said} ({first.origin})", hint=first.hint or "edit it by hand")
    for key in sorted({*expected, *loaded.resources}):
        meant, found = expected.get(key), loaded.resources.get(key)
        if meant is None or found is None or meant.canonical != found.canonical:
            raise EditRefused(
                f"{of}: {_departure(key, meant, found)}",
                hint="nothing was changed; edit it by hand, and see what it does: reconciler plan --diff",
            )


def _departure(key: ResourceKey, meant: Resource | None, found: Resource | None) -> str:
    if meant is None:
        return f"the edit would declare {key}, too"
    if found is None:
        return f"{key} would be gone"
    fields = ", ".join(dotted(one.path) for one in diff(meant.body, found.body))
    return f"{key} would not be what was meant: {fields}"

"""Documents taken out of their files, with the comments that stand in them."""

import re
from typing import Final

from reconciler.editing.holders import Holders
from reconciler.editing.specs import Edited, Specs, prove
from reconciler.editing.tree import documents
from reconciler.errors import EditRefused, NotFound
from reconciler.model.resource import Origin, Resource

_START: Final = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_BARE: Final = re.compile(r"---[ ]*(?:\r?\n|\Z)")


def removal(specs: Specs, *resources: Resource) -> Edited:
    """Return the files without the documents of *resources*; a file that holds no other is to go.

    Raises:
        SpecInvalid: if the files have errors already.
        NotFound: if they do not declare one of the resources.
        EditRefused: if a set makes one, or if something that stays refers to it.
    """
    loaded = specs.sound()
    places: dict[str, list[int]] = {}
    for resource in resources:
        declared = loaded.resources.get(resource.key)
        if declared is None:
            raise NotFound(f"{resource.key} is not declared in these files")
        holders = Holders(specs, declared)
        if holders.in_set:
            raise EditRefused(
                f"{declared.origin}: {resource.key} is made by a ConnectionSet",
                hint="take its item out of the list of the set by hand",
            )
        sheet = holders.document.sheet
        places.setdefault(sheet.file, []).append(sheet.at)
    edited = _edited(specs, places)
    gone = {resource.key for resource in resources}
    left = {key: one for key, one in loaded.resources.items() if key not in gone}
    prove(specs, edited, left, of=", ".join(str(key) for key in sorted(gone)))
    return edited


def _edited(specs: Specs, places: dict[str, list[int]]) -> Edited:
    files: dict[str, bytes] = {}
    deleted = set()
    for file, many in places.items():
        text = specs.text(file)
        for at in sorted(set(many), reverse=True):
            text = without(text, at)
        if documents(text, file):
            files[file] = specs.content(file, text)
        else:
            deleted.add(file)
    return Edited(files, tuple(Origin(file) for file in files), frozenset(deleted))


def without(text: str, at: int) -> str:
    """Return *text* without its document number *at*, its comments, and one line between documents."""
    root = documents(text)[at]
    starts = [0, *(found.start() for found in _START.finditer(text) if found.start())]
    start = max(place for place in starts if place <= root.start)
    end = min((place for place in starts if place > root.start), default=len(text))
    if not start and not _START.match(text):
        bare = _BARE.match(text, end)
        end = end if bare is None else bare.end()
    return text[:start] + text[end:]

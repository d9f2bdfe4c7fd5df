"""What was done elsewhere taken into the files: a change, a new resource, or one that is gone."""

from collections.abc import Iterable

from reconciler.editing.edit import edit
from reconciler.editing.removing import removal
from reconciler.editing.specs import Edited, Specs, prove
from reconciler.editing.writing import normal, path_of, write_document, write_documents
from reconciler.errors import EditRefused, NotFound
from reconciler.model.resource import Origin, Resource
from reconciler.plan.diff import diff


def adopted(
    specs: Specs,
    applied: Resource | None,
    observed: Resource | None,
    *,
    folder: str = "specs",
    allow_templates: bool = False,
) -> Edited:
    """Return the files as they have to be so that they declare what is *observed*.

    *applied* is what was last written. Without *observed* the document goes. What no file declares
    becomes a file of its own below *folder*.

    Raises:
        SpecInvalid: if the files have errors already.
        NotFound: if there is nothing to take in.
        EditRefused: if it cannot be written so, or would change something else.
    """
    if observed is None:
        if applied is None:
            raise NotFound("there is nothing to take into the files")
        return removal(specs, applied)
    if applied is None or observed.key not in specs.sound().resources:
        return _written(specs, observed, folder)
    changes = tuple(diff(normal(applied).body, normal(observed).body))
    return edit(specs, observed, changes, allow_templates=allow_templates)


def _written(specs: Specs, resource: Resource, folder: str) -> Edited:
    before = specs.sound().resources
    path = _below(folder, path_of(resource.key))
    if resource.key in before:
        raise EditRefused(
            f"{resource.key} is declared in {before[resource.key].origin}",
            hint="plan and apply it, or take it out of the file",
        )
    if path in specs.files:
        raise EditRefused(
            f"{path} is there already", hint="rename that file, or name another folder"
        )
    edited = Edited({path: write_document(resource).encode()}, (Origin(path),))
    prove(specs, edited, {**before, resource.key: normal(resource)}, of=str(resource.key))
    return edited


def exported(resources: Iterable[Resource], folder: str = "specs") -> Edited:
    """Return a file below *folder* for each of *resources*, as a new folder of specs.

    Raises:
        EditRefused: if one of them cannot be written so that it is read as what it is.
    """
    written = {_below(folder, path): text for path, text in write_documents(resources).items()}
    files = {path: text.encode() for path, text in written.items()}
    return Edited(files, tuple(Origin(path) for path in files))


def _below(folder: str, path: str) -> str:
    return path if folder in {"", "."} else f"{folder.rstrip('/')}/{path}"

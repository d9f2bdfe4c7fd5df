"""``adopt``, ``export``, ``import``: what is in force, taken into files, and files taken into force."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.cli.editing import write_files
from reconciler.cli.failure import fail, go
from reconciler.cli.inspect import parse_key
from reconciler.cli.specs import Env, SpecsPath
from reconciler.errors import Invalid, NotFound
from reconciler.model.resource import Owner, Resource, ResourceKey, with_body

if TYPE_CHECKING:
    from reconciler.app import House
    from reconciler.editing.specs import Specs
    from reconciler.model.change import State


def adopt(
    names: Annotated[
        list[str] | None, typer.Argument(help="Kind/name of what has drifted; may be several.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Everything that has drifted.")] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Change the files; else it is only shown.")
    ] = False,
    folder: Annotated[Path, typer.Option("--specs", help="Where the specs are.")] = Path("specs"),
    env: Env = None,
    allow_templates: Annotated[
        bool, typer.Option("--allow-templates", help="Replace {{ templates }} by their values.")
    ] = False,
) -> None:
    """Take what was changed outside of git into the YAML, comments kept. Shows a diff, or writes.

    Example: reconciler adopt Mapping/acme-orders --write
    """
    if bool(names) == every:
        fail(Invalid("say which objects, or --all", hint="reconciler drift lists them"))
    keys = [parse_key(name) for name in names or ()]
    go(_adopt(keys, folder, env, write=write, allow_templates=allow_templates))


async def _adopt(
    keys: Sequence[ResourceKey],
    folder: Path,
    env: str | None,
    *,
    write: bool,
    allow_templates: bool,
) -> None:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        state = (await built.in_force.look()).state
    specs = _specs(folder, env)
    for key in keys or sorted(state.applied):
        specs = _adopted(specs, state, key, folder, allow_templates=allow_templates)
    _finish(specs, folder, env, write=write)


def _adopted(
    specs: "Specs", state: "State", key: ResourceKey, folder: Path, *, allow_templates: bool
) -> "Specs":
    """Return *specs* as they say what is in force of *key*."""
    from reconciler.editing.adoption import adopted  # noqa: PLC0415

    observed = state.resources.get(key)
    if observed is None:
        fail(NotFound(f"{key} is not in force", hint="reconciler drift lists what has drifted"))
    applied = state.applied.get(key)
    if observed.owner is Owner.API:
        observed = _wanted(observed)
    elif applied is None:
        fail(NotFound(f"{key} has not drifted", hint="reconciler drift lists what has"))
    edited = adopted(
        specs, applied, observed, folder=folder.as_posix(), allow_templates=allow_templates
    )
    return specs.after(edited)


def _wanted(resource: Resource) -> Resource:
    """Return a resource of the API as git has to say it to take it over."""
    from reconciler.plan.compare import ADOPT  # noqa: PLC0415

    body = dict(resource.body)
    metadata = dict(body["metadata"])
    metadata["annotations"] = {**metadata["annotations"], ADOPT: "true"}
    return replace(with_body(resource, {**body, "metadata": metadata}), owner=Owner.GIT)


def _specs(folder: Path, env: str | None) -> "Specs":
    from reconciler.connectors.catalogue import catalogue_files  # noqa: PLC0415
    from reconciler.editing.specs import Specs  # noqa: PLC0415
    from reconciler.sources.folder import Folder  # noqa: PLC0415

    return Specs(Folder(folder).read_now().files, env, catalogue_files())


def _finish(specs: "Specs", folder: Path, env: str | None, *, write: bool) -> None:
    """Show how *specs* differ from the files there, or write them."""
    from reconciler.editing.specs import Edited, difference  # noqa: PLC0415

    before = _specs(folder, env)
    changed = {
        file: content for file, content in specs.files.items() if before.files.get(file) != content
    }
    edited = Edited(changed, deleted=frozenset(before.files.keys() - specs.files.keys()))
    sys.stdout.write(difference(before, edited))
    if not write:
        sys.stderr.write("Nothing was written; --write does.\n")
        return
    write_files(edited.files)
    for file in edited.deleted:
        Path(file).unlink()
    count = "1 file" if len(edited.files) == 1 else f"{len(edited.files):,} files"
    sys.stderr.write(f"{count} written. Commit that: the drift ends with it.\n")


def export(
    folder: Annotated[Path, typer.Argument(help="A new folder for the files.")],
    names: Annotated[
        list[str] | None, typer.Option("--only", help="Kind/name; may be repeated.")
    ] = None,
) -> None:
    """Write all that is in force as spec files, one an object.

    Example: reconciler export exported/
    """
    go(_export(folder, [parse_key(name) for name in names or ()]))


async def _export(folder: Path, keys: Sequence[ResourceKey]) -> None:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.editing.adoption import exported  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        resources = (await built.in_force.look()).state.resources
    missing = [str(key) for key in keys if key not in resources]
    if missing:
        raise NotFound(f"{', '.join(missing)}: not in force", hint="reconciler get lists what is")
    if _holds_files(folder):
        raise Invalid(f"{folder} is not empty", hint="name a new folder")
    files = exported([resources[key] for key in keys or sorted(resources)], folder.as_posix()).files
    write_files(files)
    sys.stdout.write(f"{len(files):,} files written to {folder}.\n")


def _holds_files(folder: Path) -> bool:
    return folder.exists() and any(folder.iterdir())


def import_(path: SpecsPath = Path("specs"), env: Env = None) -> None:
    """Put the objects of spec files in force beside git, owned by the API: for a move or a restore.

    What git owns already is edited, which is drift. To bring specs under git's care: reconciler apply.

    Example: reconciler import exported/
    """
    go(_import(path, env))


async def _import(path: Path, env: str | None) -> None:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.plan.order import order  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    loaded = _specs(path, env).sound()
    from reconciler.model.change import Create  # noqa: PLC0415

    ordered = [change.key for change in order(Create(one) for one in loaded.resources.values())]
    async with house(Settings()) as built:
        made = [await _put(built, loaded.resources[key]) for key in ordered]
    sys.stdout.write(f"{len(made):,} objects: {sum(made):,} changed, the others as they were.\n")


async def _put(built: "House", resource: Resource) -> bool:
    from reconciler.app import edits, person  # noqa: PLC0415
    from reconciler.ports import EditWish  # noqa: PLC0415
    from reconciler.spec.written import document_of  # noqa: PLC0415

    done = await edits(built).put(EditWish(document_of(resource), person()))
    return done.changed

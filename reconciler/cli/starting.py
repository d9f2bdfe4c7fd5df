"""``init``, ``doctor``, ``version``: a first folder of specs, and whether all is well."""

import platform
import sys
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.cli.failure import fail, go
from reconciler.cli.specs import Env, SpecsPath
from reconciler.errors import Invalid, ReconcilerError

if TYPE_CHECKING:
    from reconciler.app import House


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to put it.")] = Path(),
    force: Annotated[
        bool, typer.Option("--force", help="Write over files that are there.")
    ] = False,
) -> None:
    """Write a working starter: specs against the built-in sandbox, .gitignore, a CI workflow.

    Example: reconciler init my-integrations
    """
    there = [path for path, _ in _starter_files() if (folder / path).exists()]
    if there and not force:
        msg = f"{folder}: {', '.join(str(path) for path in there)} would be written over"
        fail(Invalid(msg, hint="choose an empty folder, or say --force"))
    for target in write_starter(folder):
        sys.stdout.write(f"  + {target}\n")
    where = "" if folder == Path() else f"  cd {folder}\n"
    sys.stdout.write(
        "\nNext: start the sandbox system, look at the plan, apply it, sync:\n"
        f"{where}"
        "  export SANDBOX_API_KEY=anything\n"
        "  python -m reconciler.sandbox --port 8055 &\n"
        "  reconciler plan\n"
        "  reconciler apply --auto-approve\n"
        "  reconciler sync plant-a\n"
        "  reconciler records plant-a purchase-orders\n"
    )


def write_starter(folder: Path) -> list[Path]:
    """Write the starter into *folder* and return its files."""
    written = []
    for path, content in _starter_files():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        written.append(target)
    return written


def _starter_files() -> "list[tuple[Path, bytes]]":
    return _starter(files("reconciler.cli") / "starter", Path())


def _starter(folder: Traversable, under: Path) -> "list[tuple[Path, bytes]]":
    found: list[tuple[Path, bytes]] = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        # A file that starts with a dot is kept in the package as dot-NAME.
        name = entry.name.replace("dot-", ".", 1) if entry.name.startswith("dot-") else entry.name
        if entry.name in {"__pycache__", "__init__.py"}:
            continue
        if entry.is_dir():
            found += _starter(entry, under / name)
        else:
            found.append((under / name, entry.read_bytes()))
    return found


def version() -> None:
    """Print the version.

    Example: reconciler version
    """
    from reconciler import __version__  # noqa: PLC0415

    sys.stdout.write(f"reconciler {__version__} (Python {platform.python_version()})\n")


def doctor(path: SpecsPath = Path("specs"), env: Env = None) -> None:
    """Check what this installation stands on: state folder, database, specs, each connection.

    Example: reconciler doctor specs/
    """
    if not go(_doctor(path, env)):
        raise typer.Exit(1)


async def _doctor(path: Path, env: str | None) -> bool:
    from reconciler.app import house, read_folder  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    settings = Settings()
    well = _told("python", f"{platform.python_version()}, {platform.system()}")
    try:
        _, loaded = read_folder(path, env, None)
    except ReconcilerError as error:
        well &= _told(f"specs {path}", error.message, error.hint)
    else:
        broken = f"{len(loaded.errors)} errors" if loaded.errors else ""
        counted = f"{len(loaded.resources):,} resources are valid"
        well &= _told(f"specs {path}", broken or counted, "reconciler validate" if broken else None)
    async with house(settings) as built:
        state = await built.store.views.state()
        where = (settings.database_url and "PostgreSQL") or str(settings.state_dir)
        well &= _told("store", f"{where}, generation {state.generation}")
        well &= _told_private(settings.state_dir)
        well &= await _audited(built)
        well &= await _keyed(built)
        for connection in (await built.in_force.look()).connections():
            well &= await _probed(built, connection.key.name)
    return well


async def _audited(built: "House") -> bool:
    """Walk the audit log, and tell the first entry that is not as it was written."""
    from reconciler.model.audit import broken_link  # noqa: PLC0415

    seq, chain, count = 0, "", 0
    while entries := await built.store.views.audit(after=seq, limit=1000):
        broken = broken_link(entries, chain)
        if broken is not None:
            said = f"entry {broken.seq} ({broken.deed} by {broken.actor}) is not as it was written"
            return _told("audit log", said, "somebody has changed the database; see a backup")
        seq, chain, count = entries[-1].seq, entries[-1].chain, count + len(entries)
    return _told("audit log", f"{count:,} entries, the chain is whole")


async def _keyed(built: "House") -> bool:
    """Tell whether every key is given under which something is stored."""
    try:
        await built.check_keys()
    except ReconcilerError as error:
        return _told("keys", error.message, error.hint or "reconciler secrets status")
    rows = sum((await built.store.views.sealed_under()).values())
    return _told("keys", f"every key is given under which something is stored ({rows:,} rows)")


def _told_private(folder: Path) -> bool:
    if not folder.exists():
        return True
    mode = folder.stat().st_mode & 0o077
    hint = f"chmod 700 {folder}" if mode else None
    return _told("state folder", "others may read it" if mode else "private (0700)", hint)


async def _probed(built: "House", name: str) -> bool:
    try:
        await built.looks.check(name)
    except ReconcilerError as error:
        return _told(
            f"connection {name}", f"{error.code} {error.message}", error.hint or "see above"
        )
    return _told(f"connection {name}", "answers, and takes our credentials")


def _told(what: str, found: str, hint: str | None = None) -> bool:
    """Print one finding; a *hint* makes it a bad one. Return whether it is well."""
    sys.stdout.write(f"{'ok  ' if hint is None else 'FAIL'} {what}: {found}\n")
    if hint:
        sys.stdout.write(f"     {hint}\n")
    return hint is None

"""``fmt``, ``migrate``: the text of specs, without a change of what they say."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from reconciler.cli.failure import fail
from reconciler.cli.specs import SpecsPath
from reconciler.errors import Invalid, ReconcilerError

_ENDINGS = (".yaml", ".yml")


def fmt(
    path: SpecsPath = Path("specs"),
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 if a file is not in this form.")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Write nothing; show what would change.")
    ] = False,
) -> None:
    """Bring spec files into one form: order of keys, indentation, empty lines. Comments stay.

    Example: reconciler fmt specs/ --check
    """
    from reconciler.editing.form import formatted  # noqa: PLC0415
    from reconciler.editing.specs import Edited, Specs, difference  # noqa: PLC0415

    files = _files(path)
    made: dict[str, bytes] = {}
    failed = False
    for file, content in files.items():
        try:
            new = formatted(content, file)
        except ReconcilerError as error:
            failed = True
            _told(error)
            continue
        if new != content:
            made[file] = new
    if diff:
        sys.stdout.write(difference(Specs(files), Edited(made)))
    else:
        _say(made, check=check)
    if not check and not diff:
        write_files(made)
    if failed or (check and made):
        raise typer.Exit(1)


def migrate(path: SpecsPath = Path("specs")) -> None:
    """Rewrite documents of old versions of the spec language. There is one version so far.

    Example: reconciler migrate specs/
    """
    from reconciler.editing.migration import odd_versions  # noqa: PLC0415

    files = _files(path)
    failed = False
    documents = 0
    for file, content in files.items():
        try:
            count, odd = odd_versions(content, file)
        except ReconcilerError as error:
            failed = True
            _told(error)
            continue
        documents += count
        for said in odd:
            failed = True
            sys.stderr.write(said + "\n")
    if failed:
        raise typer.Exit(1)
    sys.stdout.write(
        f"{documents:,} documents in {len(files):,} files are of reconciler/v1, the only version: "
        "nothing is to be rewritten.\n"
    )


def write_files(files: Mapping[str, bytes]) -> None:
    """Write *files*, each whole: what is read beside it is the old content or the new one."""
    for file, content in files.items():
        target = Path(file)
        beside = target.with_name(f".{target.name}.new")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(content)
            if target.exists():
                beside.chmod(target.stat().st_mode & 0o777)
            beside.replace(target)
        except OSError as error:
            beside.unlink(missing_ok=True)
            fail(Invalid(f"{file}: cannot be written: {error.strerror}"))


def _files(path: Path) -> dict[str, bytes]:
    from reconciler.sources.folder import Folder  # noqa: PLC0415
    from reconciler.spec.policy_file import without_policy  # noqa: PLC0415

    try:
        read = Folder(path).read_now().files
    except ReconcilerError as error:
        fail(error)
    documents = without_policy(read).items()
    return {file: content for file, content in documents if file.endswith(_ENDINGS)}


def _told(error: ReconcilerError) -> None:
    """Print why a file is left as it is; the others are looked at, too."""
    try:
        fail(error)
    except typer.Exit:
        return


def _say(made: "dict[str, bytes]", *, check: bool) -> None:
    for file in made:
        sys.stdout.write(f"{'would be changed' if check else 'changed'}: {file}\n")
    if not made:
        sys.stdout.write("All files are in this form.\n")

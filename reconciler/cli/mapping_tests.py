"""``mapping test``: the tests of mappings run, and stored records made into tests."""

import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, assert_never

import typer

from reconciler.cli.failure import colored, fail, go
from reconciler.cli.specs import Env, SpecsPath
from reconciler.errors import Invalid, NotFound, ReconcilerError, SpecInvalid
from reconciler.model.change import FieldChange
from reconciler.model.resource import Kind, Resource, ResourceKey

if TYPE_CHECKING:
    from reconciler.editing.specs import Specs
    from reconciler.model.record import StoredRecord
    from reconciler.ports import Snapshot
    from reconciler.spec.load import Loaded
    from reconciler.spec.trial_report import Placed

FAILING = frozenset({"R130"})
"""Problems that are told as failing tests, not as broken specs."""


class TrialForm(StrEnum):
    """The forms of tests that were run."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    JUNIT = "junit"


@dataclass(frozen=True, slots=True)
class _Recording:
    """A record to make a test of, whether people in it are masked, and the file that is to hold it."""

    record: str
    mask: bool
    write: Path | None


def run_or_record(
    path: SpecsPath = Path("specs"),
    env: Env = None,
    connection: Annotated[
        str | None, typer.Option(help="Only tests of mappings of this connection.")
    ] = None,
    form: Annotated[TrialForm, typer.Option("--format", help="How to print.")] = TrialForm.TEXT,
    record: Annotated[
        str | None,
        typer.Option(metavar="RECORD_ID", help="Run nothing; make a test of this stored record."),
    ] = None,
    mask: Annotated[
        bool, typer.Option("--mask", help="With --record: replace names, emails, addresses.")
    ] = False,
    write: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With --record: add it to the Mapping in that file."),
    ] = None,
) -> None:
    """Run the tests in mappings, offline; exit 1 if one fails. Or make a stored record into a test.

    Example: reconciler mapping test specs/ --format junit
    """
    if record is None:
        if mask or write is not None:
            fail(Invalid("--mask and --write are about one record", hint="name it: --record ID"))
        _run(path, env, connection, form)
    elif connection is not None or form is not TrialForm.TEXT:
        fail(Invalid("--record runs no tests", hint="leave out --connection and --format"))
    else:
        go(_record(path, env, _Recording(record, mask, write)))


# ── run ──────────────────────────────────────────────────────────────────────────────────────────────


def _run(path: Path, env: str | None, connection: str | None, form: TrialForm) -> None:
    from reconciler.app import parse_cache, read_folder  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    cache = parse_cache(Settings())
    try:
        snapshot, loaded = read_folder(path, env, cache)
        placed = _placed(snapshot, loaded, connection)
    except ReconcilerError as error:
        fail(error)
    sys.stdout.write(_rendered(placed, loaded, form))
    broken = [one for one in loaded.errors if one.code not in FAILING]
    if broken:
        sys.stderr.write("The specs have errors; what they concern is not tested.\n")
        fail(SpecInvalid(broken))
    if any(not one.trial.passed for one in placed):
        raise typer.Exit(1)
    if not loaded.errors:
        cache.save()


def _rendered(placed: "list[Placed]", loaded: "Loaded", form: TrialForm) -> str:
    from reconciler.spec import report, trial_report  # noqa: PLC0415

    match form:
        case TrialForm.TEXT:
            return trial_report.render_text(placed, color=colored(sys.stdout))
        case TrialForm.JSON:
            return trial_report.render_json(placed)
        case TrialForm.JUNIT:
            return trial_report.render_junit(placed)
        case TrialForm.GITHUB:
            failing = {one.origin for one in placed if not one.trial.passed}
            told = [one for one in loaded.problems if one.code in FAILING]
            return report.render_github([one for one in told if one.origin in failing])
        case _:
            assert_never(form)


def _placed(snapshot: "Snapshot", loaded: "Loaded", connection: str | None) -> "list[Placed]":
    """Return the tests that were asked for, with their places."""
    from reconciler.model.resource import Origin  # noqa: PLC0415
    from reconciler.spec.load import locate  # noqa: PLC0415
    from reconciler.spec.trial_report import Placed  # noqa: PLC0415

    wanted = None if connection is None else _of_connection(loaded, connection)
    placed = []
    for trial in loaded.tests:
        if wanted is not None and trial.mapping not in wanted:
            continue
        resource = loaded.resources[trial.mapping]
        origin = resource.origin or Origin("")
        if not trial.passed:
            origin = locate(snapshot.files, resource, ("spec", "tests", str(trial.number)))
        placed.append(Placed(trial, origin))
    return placed


def _of_connection(loaded: "Loaded", name: str) -> frozenset[ResourceKey]:
    from reconciler.engine.inforce import chooses  # noqa: PLC0415

    connection = loaded.resources.get(ResourceKey(Kind.CONNECTION, name))
    if connection is None:
        raise NotFound(f"these specs declare no connection {name!r}")
    return frozenset(
        key
        for key, one in loaded.resources.items()
        if key.kind is Kind.MAPPING and chooses(one.spec, connection)
    )


# ── record ───────────────────────────────────────────────────────────────────────────────────────────


async def _record(path: Path, env: str | None, asked: _Recording) -> None:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.engine.recording import declared, mappings_of, recorded  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        record = await built.store.views.record(asked.record)
        in_force = await built.in_force.look()
        if record is None or not in_force.holds(record.connection):
            raise NotFound(f"no record {asked.record!r} is stored", hint=_LIST)
        name = in_force.name_of(record.connection)
        if asked.write is None:
            situation = declared(in_force.state.resources, built.catalogue)
            connection = situation.connection(name)
            several = mappings_of(situation, connection, record.entity)
            mapping = several[0] if several else None
            test = recorded(situation, record, connection, mapping, mask=asked.mask)
            _print(test, mapping)
            return
    _write(path, env, asked, (record, name))


_LIST = "reconciler records CONNECTION ENTITY lists them"


def _print(test: dict[str, Any], mapping: Resource | None) -> None:
    from reconciler.editing.quoting import indented, item_lines  # noqa: PLC0415

    sys.stdout.write("\n".join(["  tests:", *indented(item_lines(test), 4)]) + "\n")
    if mapping is None:
        sys.stderr.write("No mapping is about it but the connector's; it is a test of a new one.\n")
    else:
        sys.stderr.write(f"A test of {mapping.key} ({mapping.origin}); --write FILE adds it.\n")


def _write(
    path: Path, env: str | None, asked: _Recording, found: "tuple[StoredRecord, str]"
) -> None:
    """Add the test to the mapping that the file declares; the files are read again before that is so."""
    from reconciler.cli.editing import write_files  # noqa: PLC0415
    from reconciler.editing.edit import edit  # noqa: PLC0415
    from reconciler.engine.recording import declared, recorded  # noqa: PLC0415

    record, name = found
    specs = _specs(path, env)
    loaded = specs.sound()
    situation = declared(loaded.resources, loaded.catalogue)
    connection = situation.connection(name)
    mapping = _in_file(loaded, connection, record.entity, asked.write or Path())
    test = recorded(situation, record, connection, mapping, mask=asked.mask)
    before = mapping.spec["tests"]
    change = FieldChange(("spec", "tests"), before, [*before, _named(test, before)])
    edited = edit(specs, mapping, [change])
    write_files(edited.files)
    places = ", ".join(str(place) for place in edited.places) or str(asked.write)
    sys.stdout.write(f"A test of {mapping.key} written: {places}\n")
    sys.stderr.write("It holds what the source gave: read it before you commit it.\n")


def _named(test: dict[str, Any], before: list[Any]) -> dict[str, Any]:
    """Return *test* under a name that none before has."""
    names, name, number = {one["name"] for one in before}, test["name"], 1
    while test["name"] in names:
        number += 1
        test = {**test, "name": f"{name} ({number})"}
    return test


def _in_file(loaded: "Loaded", connection: Resource, entity: str, file: Path) -> Resource:
    from reconciler.engine.inforce import chooses  # noqa: PLC0415

    found = [
        one
        for key, one in sorted(loaded.resources.items())
        if key.kind is Kind.MAPPING
        and one.origin is not None
        and Path(one.origin.file) == file
        and one.spec["entity"] == entity
        and chooses(one.spec, connection)
    ]
    if len(found) == 1:
        return found[0]
    said = f"{file} declares {'no mapping' if not found else f'{len(found)} mappings'}"
    hint = "name the file as plans show it: specs/mappings/acme.yaml"
    raise Invalid(f"{said} of {entity} of {connection.key.name}", hint=hint)


def _specs(folder: Path, env: str | None) -> "Specs":
    from reconciler.connectors.catalogue import catalogue_files  # noqa: PLC0415
    from reconciler.editing.specs import Specs  # noqa: PLC0415
    from reconciler.sources.folder import Folder  # noqa: PLC0415

    return Specs(Folder(folder).read_now().files, env, catalogue_files())

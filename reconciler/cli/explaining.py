"""``explain``: where the fields of one record come from, for who looks at them at 3 a.m."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from reconciler.cli.failure import go
from reconciler.cli.output import Form, moment, show_value
from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    from reconciler.app import House
    from reconciler.engine.explanation import Source, Told
    from reconciler.model.resource import Origin
    from reconciler.ports import Snapshot
    from reconciler.sources.git_blame import Blame


Spot: TypeAlias = tuple[str, tuple[str, ...]]
"""Whose rule, and the way to it there."""


class ExplainForm(StrEnum):
    """The forms of an explanation."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Written:
    """Where a rule stands in a file here, and who wrote that line, as far as git knows."""

    place: "Origin"
    blame: "Blame | None" = None


Places: TypeAlias = Mapping[Spot, Written]


def explain(
    record: Annotated[str, typer.Argument(help="The record's id, as records and the API show it.")],
    field: Annotated[
        str | None,
        typer.Argument(help="Only this one: status, custom_fields.cost_center, lines[0].quantity."),
    ] = None,
    output: Annotated[
        ExplainForm, typer.Option("-o", "--output", help="How to print.")
    ] = ExplainForm.TEXT,
    specs: Annotated[
        Path, typer.Option("--specs", help="Folder of the specs, for the line and its author.")
    ] = Path("specs"),
) -> None:
    """Show where the values of a record come from: source, steps, whose rule, file and line, run.

    Example: reconciler explain po_5c1fcb42f43f5a4f3d1bd7c0f6 status
    """
    go(_explain(record, (field,) if field else (), output, specs))


async def _explain(record: str, wanted: tuple[str, ...], form: ExplainForm, specs: Path) -> None:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.engine.explaining import Explaining  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        told = await Explaining(built.store.views, built.in_force).record(record, wanted)
        written = await _written(built, told, specs)
    if form is ExplainForm.JSON:
        show_value(_as_json(told, written), Form.JSON)
        return
    from reconciler.cli.explanation_text import render  # noqa: PLC0415

    sys.stdout.write(render(told, written, whole=not wanted))


def _as_json(told: "Told", written: "Places") -> dict[str, Any]:
    from reconciler.engine.explanation import as_json  # noqa: PLC0415

    shown = as_json(told)
    for field in told.fields:
        one = shown["fields"][field.explained.place]
        sources = [] if field.source is None else [(field.source, one["rule"])]
        sources += zip((source for source, _ in field.passed), one["overrides"], strict=True)
        for source, rule in sources:
            rule.update(_place_of(source, written))
    record = told.record
    return {
        "id": record.id,
        "entity": record.entity,
        "connection": told.connection,
        "source_id": record.source_id,
        **shown,
    }


def _place_of(source: "Source", written: "Places") -> dict[str, Any]:
    found = written.get(source.spot)
    if found is None:
        return {}
    blame = found.blame
    return {
        "file": found.place.file,
        "line": found.place.line,
        "commit": blame.commit if blame else None,
        "author": blame.author if blame else None,
        "authored_at": moment(blame.at) if blame else None,
    }


# ── files and git ────────────────────────────────────────────────────────────────────────────────────


async def _written(built: "House", told: "Told", specs: Path) -> "Places":
    """Return where each rule stands in the files here, if those are what is in force."""
    from reconciler.spec.locate import locate  # noqa: PLC0415  YAML is heavy

    state = (await built.in_force.look()).state
    snapshot = await _snapshot(specs, state.revision)
    found: dict[Spot, Written] = {}
    for source in _sources(told).values():
        key = source.key
        resource = state.applied.get(key) or state.resources.get(key)
        if snapshot is None or resource is None or source.place is None:
            continue
        if source.place.file in snapshot.files:
            place = locate(snapshot.files, resource, source.path)
            found[source.spot] = Written(place, await _blame(place, snapshot.files[place.file]))
    return found


def _sources(told: "Told") -> "dict[Spot, Source]":
    sources = [field.source for field in told.fields if field.source is not None]
    sources += [source for field in told.fields for source, _ in field.passed]
    return {source.spot: source for source in sources}


async def _snapshot(specs: Path, revision: str) -> "Snapshot | None":
    """Return the files at *specs* if they are of this revision; ``None`` else."""
    from reconciler.sources.folder import Folder  # noqa: PLC0415
    from reconciler.sources.git_blame import head  # noqa: PLC0415

    try:
        snapshot = Folder(specs).read_now()
    except ReconcilerError:
        return None
    if snapshot.revision == revision:
        return snapshot
    commit = revision.rpartition("@")[2].rpartition(":")[2]
    of_git = "@" in revision and (await head(specs)).startswith(commit)
    return snapshot if of_git else None


async def _blame(place: "Origin", content: bytes) -> "Blame | None":
    from reconciler.sources.git_blame import blamed  # noqa: PLC0415

    return await blamed(Path(place.file), place.line, content)

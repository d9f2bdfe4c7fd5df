"""``records``: what is stored, in the unified shape and raw, and what could not be mapped."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from reconciler.cli.failure import go
from reconciler.cli.inspect import Output
from reconciler.cli.output import Form, moment, show
from reconciler.errors import NotFound

if TYPE_CHECKING:
    from reconciler.model.record import UnifiedRecord


class _Choice(msgspec.Struct, frozen=True):
    limit: int
    raw: bool
    deleted: bool
    failed: bool


def records(
    connection: Annotated[str, typer.Argument(help="The connection's name.")],
    entity: Annotated[str, typer.Argument(help="The entity: purchase-orders.")],
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=10_000)] = 20,
    raw: Annotated[bool, typer.Option("--raw", help="With the source's own record.")] = False,
    deleted: Annotated[bool, typer.Option("--deleted", help="Tombstones too.")] = False,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only those that could not be mapped, and why.")
    ] = False,
    output: Output = Form.TABLE,
) -> None:
    """Show stored records in the unified shape, under the mapping in force.

    Example: reconciler records acme-erp purchase-orders --limit 5 -o json
    """
    choice = _Choice(limit, raw=raw, deleted=deleted, failed=failed)
    go(_records(connection, entity, choice, output))


async def _records(name: str, entity: str, choice: _Choice, form: Form) -> None:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.model.record import RecordQuery  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        situation = await built.in_force.look()
        connection = situation.connection(name)
        offered = situation.manifest(connection).spec["streams"]
        if entity not in offered:
            raise NotFound(f"{name} has no {entity!r}", hint=f"it has {', '.join(offered)}")
        uid = situation.uid(connection)
        query = RecordQuery(
            entity, (uid,), deleted=choice.deleted, failed=choice.failed, limit=choice.limit
        )
        page, _ = await built.reader.page(query)
        failures = (await built.store.views.failures()).get((uid, entity), 0)
    rows = [_row(record, raw=choice.raw) for record in page]
    if choice.failed:
        _show_failed(rows, form, f"no {entity} of {name} failed to be mapped")
    else:
        _show(rows, form, f"no {entity} stored for {name}")
    if failures:
        more = "" if choice.failed else "; --failed shows them"
        sys.stderr.write(f"{failures:,} {entity} of {name} could not be mapped{more}\n")


def _show(rows: list[dict[str, Any]], form: Form, nothing: str) -> None:
    shown = ("id", "number", "display", "name", "status", "error", "updated_at", "raw")
    filled = [name for name in shown if any(row.get(name) is not None for row in rows)]
    show(_in_table(rows, form), form, columns=filled, wide=("source_id",), nothing=nothing)


def _show_failed(rows: list[dict[str, Any]], form: Form, nothing: str) -> None:
    columns = ["id", "source_id", "error", *(["raw"] if any("raw" in row for row in rows) else [])]
    show(_in_table(rows, form), form, columns=columns, wide=("updated_at",), nothing=nothing)


def _in_table(rows: list[dict[str, Any]], form: Form) -> list[dict[str, Any]]:
    """Return *rows* with the raw record as text where they become a table."""
    if form in {Form.JSON, Form.YAML}:
        return rows
    return [
        {**row, "raw": msgspec.json.encode(row["raw"]).decode()} if "raw" in row else row
        for row in rows
    ]


def _row(record: "UnifiedRecord", *, raw: bool) -> dict[str, Any]:
    fields = msgspec.json.decode(record.mapped) if record.mapped is not None else {}
    row = {
        "id": record.id,
        "source_id": record.source_id,
        **fields,
        "created_at": moment(record.created_at),
        "updated_at": moment(record.updated_at),
        "deleted_at": moment(record.deleted_at),
        "error": record.error,
    }
    if raw:
        row["raw"] = msgspec.json.decode(record.raw)
    return row

"""``mapping``: how fields are mapped, what nobody maps, and what could be done about it."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from reconciler.cli.failure import fail, go
from reconciler.cli.inspect import Output
from reconciler.cli.output import Form, show, show_value
from reconciler.errors import Invalid

if TYPE_CHECKING:
    from reconciler.editing.suggesting import Suggestion
    from reconciler.engine.mapped import MappingSeen

mapping = typer.Typer(
    no_args_is_help=True, help="See how fields are mapped, change it, and test it."
)

NARROW: Final = 44
"""How many characters of a rule a narrow table shows."""

ConnectionName = Annotated[str, typer.Argument(metavar="CONNECTION", help="The connection's name.")]
EntityName = Annotated[str, typer.Argument(metavar="ENTITY", help="The entity: purchase-orders.")]


@mapping.command("show")
def show_mapping(
    connection: ConnectionName,
    entity: EntityName,
    unmapped: Annotated[
        bool, typer.Option("--unmapped", help="Only what the source has and nobody maps.")
    ] = False,
    output: Output = Form.TABLE,
) -> None:
    """Show every field with its source, the layer that won, how often it is filled, and a sample.

    Example: reconciler mapping show acme-erp purchase-orders --unmapped
    """
    from reconciler.engine.telling import mapping_told  # noqa: PLC0415  not every command maps

    told = mapping_told(go(_look(connection, entity)))
    if output in {Form.JSON, Form.YAML}:
        if unmapped:
            told = {name: value for name, value in told.items() if name != "fields"}
        show_value(told, output)
        return
    sys.stderr.write(_looked_at(told) + "\n")
    if not unmapped:
        _show_fields(told, output)
        sys.stdout.write("\nWhat the source has and nobody maps:\n")
    _show_unmapped(told, output)


async def _look(connection: str, entity: str) -> "MappingSeen":
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.engine.mapped import MappingReader  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        return await MappingReader(built.store.views, built.in_force).look(connection, entity)


def _looked_at(told: Mapping[str, Any]) -> str:
    said = f"{told['connection']}: {told['records']:,} {told['entity']} stored"
    if told["sampled"]:
        said += f", {told['looked_at']:,} of them looked at, spread evenly over the source's keys"
    if told["failed"]:
        said += f"; {told['failed']:,} cannot be mapped ({told['errors'][0]})"
    return said


def _show_fields(told: Mapping[str, Any], form: Form) -> None:
    rows = [
        {
            "field": one["field"],
            "type": one["type"],
            "source": _short(_source(one), form),
            "layer": one["layer"],
            "filled": _percent(one) if one["layer"] else None,
            "sample": one["after"],
            "object": one["object"],
            "origin": f"{one['file']}:{one['line']}" if one["file"] else None,
            "revision": (one["revision"] or "")[:12],
            "in_the_source": one["before"],
            "values": _values(one),
        }
        for one in told["fields"]
    ]
    show(
        rows,
        form,
        columns=("field", "type", "source", "layer", "filled", "sample"),
        wide=("in_the_source", "values", "object", "origin", "revision"),
    )


def _show_unmapped(told: Mapping[str, Any], form: Form) -> None:
    rows = [
        {
            "path": one["path"],
            "types": "|".join(one["types"]) or None,
            "filled": _percent(one),
            "sample": one["sample"],
            "values": _values(one),
        }
        for one in told["unmapped"]
    ]
    nothing = "every field of the source is mapped" if told["looked_at"] else "nothing is stored"
    show(
        rows, form, columns=("path", "types", "filled", "sample"), wide=("values",), nothing=nothing
    )
    if told["unmapped_left_out"]:
        sys.stderr.write("The records hold more paths than are told apart.\n")
    if rows:
        sys.stderr.write(
            f"To map them: reconciler mapping suggest {told['connection']} {told['entity']}\n"
        )


def _source(one: Mapping[str, Any]) -> str | None:
    rule = one["rule"]
    if rule is None:
        return "what its enum does not know" if one["layer"] else None
    for key in ("from", "template"):
        if key in rule:
            return " ".join(str(rule[key]).split()) + (" (value map)" if "values" in rule else "")
    return f"constant {rule.get('value')!r}"


def _short(text: str | None, form: Form) -> str | None:
    """Return *text*, cut where a narrow table is printed."""
    if text is None or form is Form.WIDE or len(text) <= NARROW:
        return text
    return f"{text[: NARROW - 1]}…"


def _percent(one: Mapping[str, Any]) -> str:
    return f"{one['fill_rate'] * 100:.1f}%" if one["of"] else "-"


def _values(one: Mapping[str, Any]) -> str:
    listed = [f"{value['value']} {value['count']:,}" for value in one["values"][:5]]
    more = len(one["values"]) > len(listed) or one["more_values"]
    return ", ".join([*listed, *(["…"] if more else [])])


@mapping.command("suggest")
def suggest(
    connection: ConnectionName,
    entity: EntityName,
    name: Annotated[str | None, typer.Option(help="The name of the new Mapping.")] = None,
    write: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it there; the file must be new.")
    ] = None,
) -> None:
    """Propose a Mapping of custom fields for what nobody maps, with fill rates and samples as comments.

    Example: reconciler mapping suggest acme-erp purchase-orders --write specs/mappings/acme-more.yaml
    """
    made = go(_suggested(connection, entity, name))
    if not made.text:
        sys.stderr.write("There is nothing to propose: what is not mapped is empty.\n")
        return
    if write is None:
        sys.stdout.write(made.text)
        return
    if write.exists():
        fail(
            Invalid(
                f"{write} is there already", hint="name a new file; both may be of one connection"
            )
        )
    from reconciler.cli.editing import write_files  # noqa: PLC0415

    write_files({str(write): made.text.encode()})
    count = f"{len(made.fields):,} field{'' if len(made.fields) == 1 else 's'}"
    sys.stdout.write(f"Mapping/{made.name} with {count} written to {write}.\n")
    sys.stderr.write("Look at it, then: reconciler plan\n")


async def _suggested(connection: str, entity: str, name: str | None) -> "Suggestion":
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.engine.mapped import MappingReader  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        reader = MappingReader(built.store.views, built.in_force)
        _, made = await reader.suggest(connection, entity, called=_checked(name))
    return made


def _checked(name: str | None) -> str | None:
    """Return *name* if a Mapping may be called so, or end the program."""
    import re  # noqa: PLC0415

    if name is not None and not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name):
        fail(Invalid(f"{name!r} is no name", hint="write letters a-z, digits and '-', 63 at most"))
    return name

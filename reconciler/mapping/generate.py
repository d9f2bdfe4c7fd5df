"""The function that maps a page, as Python source: one straight run over the fields of each record."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import msgspec

from reconciler.mapping.convert import to_key, to_list, to_object
from reconciler.mapping.failure import NAMES as FAILURES
from reconciler.mapping.jmespath import NAMES as SEARCHES
from reconciler.mapping.jmespath import Expression
from reconciler.mapping.references import References
from reconciler.mapping.shape import Operand, Shape, decoder
from reconciler.mapping.steps import Step, Steps, Table
from reconciler.mapping.target import NAMES as TESTS
from reconciler.mapping.template import Template
from reconciler.mapping.writer import Writer, attribute

Map = Callable[[str, Sequence[bytes]], list[tuple[bytes | None, str | None]]]

_BUILTINS: Final[Mapping[str, Any]] = {
    one.__name__: one for one in (Exception, dict, float, int, len, list, str, type)
}
NAMES: Final[Mapping[str, Any]] = {
    **SEARCHES,
    **FAILURES,
    **TESTS,
    "References": References,
    "MISSING": object(),
    "encode": msgspec.json.Encoder().encode,
    "to_key": to_key,
    "to_list": to_list,
    "to_object": to_object,
}


def generate(steps: Steps, title: str) -> tuple[Map, str]:
    """Return the function that maps a page by *steps*, and its source.

    It is written twice: first to learn what of a record is read, then with the structs that decode
    just that.
    """
    root = Shape()
    write_page(steps, root)
    decode = decoder(root)
    writer = write_page(steps, root)
    mapped: Map = page_function(writer, title, decode=decode)
    return mapped, writer.source


def page_function(writer: Writer, title: str, **names: Any) -> Any:
    """Return the function of the source in *writer*; *names* are added to what it finds."""
    found = {**NAMES, **writer.names, **names, "__builtins__": dict(_BUILTINS)}
    exec(compile(writer.source, f"<mapping of {title}>", "exec"), found)  # noqa: S102 - source that this room wrote, of literals and its own names
    return found["map_page"]


def write_page(steps: Steps, root: Shape) -> Writer:
    """Write the function that maps a page, for records of which *root* says how they are decoded."""
    writer = Writer()
    record = Operand("source", root, root=True)
    pen = _Pen(writer, record, record)
    with writer.block("def map_page(connection, raws):"):
        writer.line("page = []")
        head = len(writer.lines)
        with writer.block("for raw in raws:"):
            writer.line("at = ''")
            with writer.block("try:"):
                writer.line("source = decode(raw)")
                fields = pen.fields(steps.fields)
                custom = replace(pen, prefix="custom_fields.").fields(steps.custom_fields)
                made = pen.struct("custom_fields", custom) if custom else "{}"
                writer.line("at = ''")
                whole = pen.struct("record", {**fields, "custom_fields": made})
                writer.line(f"page.append((encode({whole}), None))")
            with writer.block("except Exception as error:"):
                writer.line("page.append((None, failure(at, error)))")
        writer.line("return page")
    writer.lines[head:head] = [
        f"    {name} = References({prefix!r}, connection)"
        for prefix, name in pen.references.items()
    ]
    return writer


@dataclass(frozen=True, slots=True)
class _Pen:
    """Writes fields made of ``over``: the record, or the object at hand.

    ``prefix`` is the way from the record, or from the item of the list at hand, to that object.
    """

    writer: Writer
    source: Operand
    over: Operand
    prefix: str = ""
    item: Operand | None = None
    references: dict[str, str] = field(default_factory=dict)

    def fields(self, steps: Sequence[Step]) -> dict[str, str]:
        """Write the steps; return, in order, what holds each field."""
        made: dict[str, str] = {}
        for step in steps:
            value, raw = self.field(step)
            made.setdefault(step.name, value)
            if step.raw is not None:
                made[step.raw] = raw
        return made

    def field(self, step: Step) -> tuple[str, str]:
        """Write one step; return what holds the value, and the source's text where that is kept."""
        self.writer.place = f"{self.prefix}{step.name}"
        if step.fixed is not None:
            return self.writer.constant(step.fixed.value, step.name), "None"
        found = self._origin(step)
        if step.steps is not None:
            value, raw = self._nested(step, found), "None"
        else:
            value, raw = self._plain(step, found.whole())
        if step.default is not None and step.target.reference is None:
            with self.writer.block(f"if {value} is None:"):
                self.writer.line(f"{value} = {self.writer.constant(step.default, step.name)}")
        return value, raw

    def struct(self, name: str, made: Mapping[str, str]) -> str:
        """Return, as source, an object of these fields in this order."""
        attributes = {attribute(key, number): key for number, key in enumerate(made)}
        struct = msgspec.defstruct(
            name, [(written, Any) for written in attributes], rename=attributes, gc=False
        )
        return f"{self.writer.bound(struct, name)}({', '.join(made.values())})"

    # ── from the origin to the value ────────────────────────────────────────────────────────────────

    def _origin(self, step: Step) -> Operand:
        writer, origin = self.writer, step.origin
        if isinstance(origin, Expression):
            if origin.fallible:
                writer.mark()
            return origin.write(writer, self.over)
        if isinstance(origin, Template):
            writer.mark()
            known = f"'source': {self.source.whole()}"
            if self.item is not None:
                known = f"{known}, 'item': {self.item.whole()}"
            render = writer.bound(origin.value, "template")
            return Operand(writer.assign(f"{render}({{{known}}})"))
        return Operand(writer.assign(writer.constant(origin.value, step.name)))

    def _plain(self, step: Step, found: str) -> tuple[str, str]:
        writer, target = self.writer, step.target
        raw = "None"
        if step.table is not None:
            found, raw = self._looked_up(step, step.table, found)
        value = found if step.table is not None else writer.assign(found, step.name)
        if target.convert is not None and not target.enum:
            convert = writer.bound(target.convert, getattr(target.convert, "__name__", "convert"))
            with writer.block(f"if {target.test(value)}:"):
                writer.mark()
                writer.line(f"{value} = {convert}({value})")
        if target.reference is not None:
            self._refer(step, target.reference, value)
        return value, raw

    def _looked_up(self, step: Step, table: Table, found: str) -> tuple[str, str]:
        writer = self.writer
        values = writer.bound(table.values, f"{step.name}_values")
        key = writer.assign(found, "key")
        with writer.block(f"if type({key}) is not str and {key} is not None:"):
            writer.mark()
            writer.line(f"{key} = to_key({key})")
        if table.unknown == "keep":
            return writer.assign(f"{values}.get({key}, {found})", step.name), "None"
        value = writer.assign(f"{values}.get({key}, MISSING)", step.name)
        raw = writer.assign("None", "raw") if table.raw else "None"
        with writer.block(f"if {value} is MISSING:"):
            if table.unknown == "error":
                writer.mark()
                writer.line(f"unlisted({found})")
            else:
                writer.line(f"{value} = {'None' if table.unknown == 'null' else repr('other')}")
                if table.raw:
                    writer.line(f"{raw} = {key}")
        return value, raw

    def _refer(self, step: Step, prefix: str, value: str) -> None:
        writer = self.writer
        ids = self.references.setdefault(prefix, f"ids_of_{len(self.references) + 1}")
        if step.default is not None:
            with writer.block(f"if {value} is None:"):
                writer.line(f"{value} = {writer.constant(step.default, step.name)}")
        with writer.block(f"if {value} is not None:"):
            writer.mark()
            if step.target.many:
                writer.line(f"{value} = {ids}.all({value})")
            else:
                one = f"{ids}[{value}] if type({value}) is str else {ids}.of({value})"
                writer.line(f"{value} = {one}")

    # ── objects and lists of objects ────────────────────────────────────────────────────────────────

    def _nested(self, step: Step, found: Operand) -> str:
        if step.target.many:
            return self._list(step, found)
        return self._object(step, found)

    def _object(self, step: Step, found: Operand) -> str:
        writer = self.writer
        place = writer.place
        value = writer.assign("None", step.name)
        with writer.block(f"if {found.is_object(writer)}:"):
            below = replace(self, over=found, prefix=f"{place}.")
            made = below.fields(step.steps or ())
            writer.line(f"{value} = {self.struct(step.name, made)}")
        self._refuse(place, f"elif {found.name} is not None:", f"to_object({found.name})")
        return value

    def _list(self, step: Step, found: Operand) -> str:
        writer = self.writer
        place = writer.place
        value = writer.assign("None", step.name)
        with writer.block(f"if type({found.name}) is list:"):
            writer.line(f"{value} = []")
            item = Operand(writer.fresh("item"), found.item_shape())
            with writer.block("try:"), writer.block(f"for {item.name} in {found.name}:"):
                below = replace(self, over=item, item=item, prefix="")
                made = below.fields(step.steps or ())
                writer.line(f"{value}.append({self.struct(step.name, made)})")
            with writer.block("except Exception:"):
                writer.line(f"at = f'{place}[{{len({value})}}].{{at}}'")
                writer.line("raise")
        self._refuse(place, f"elif {found.name} is not None:", f"to_list({found.name})")
        return value

    def _refuse(self, place: str, test: str, call: str) -> None:
        with self.writer.block(test):
            self.writer.place = place
            self.writer.mark()
            self.writer.line(call)

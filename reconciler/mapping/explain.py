"""Where a value comes from: one record, taken through the steps of its rules one by one.

It says at length what the compiled mapper does in one straight run, and must give the same (an error
may show more of an object: the mapper decodes only what rules read). It is for people who ask about one
record, never on the data path.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final, TypeAlias

import msgspec

from reconciler.datamodel.entity import Entity
from reconciler.mapping.convert import to_key, to_list, to_object
from reconciler.mapping.explained import Does, Explained, Taken, first_error
from reconciler.mapping.failure import failure, unlisted
from reconciler.mapping.generate import generate
from reconciler.mapping.jmespath import Expression, compile_expression
from reconciler.mapping.layers import Rules
from reconciler.mapping.problems import MappingInvalid
from reconciler.mapping.references import References
from reconciler.mapping.steps import Constant, Step, Steps, Table, plan_steps
from reconciler.mapping.template import Template
from reconciler.model.value import Json

Body: TypeAlias = Mapping[str, Json]


def explain(
    rules: Rules, entity: Entity, entities: Mapping[str, Entity], connection: str, raw: bytes
) -> tuple[Explained, ...]:
    """Return how each field of one record of *connection* (its uid) is made, in the order of the answer.

    Custom fields come last. What is no JSON object gives one entry without a name, with the error.

    Raises:
        MappingInvalid: if the rules cannot be taken.
    """
    steps, problems = plan_steps(rules, entity, entities)
    if problems:
        raise MappingInvalid(entity.name, problems)
    source = _decoded(raw, steps, connection)
    if isinstance(source, str):
        return (Explained("", "", None, error=source),)
    reader = _Reader(source, source, {}, connection)
    bodies = {name: rule.body for name, rule in rules.fields.items()}
    own = {name: rule.body for name, rule in rules.custom_fields.items()}
    custom = replace(reader, prefix="custom_fields.")
    return (*reader.fields(steps.fields, bodies), *custom.fields(steps.custom_fields, own))


# ── the record ───────────────────────────────────────────────────────────────────────────────────────


def _decoded(raw: bytes, steps: Steps, connection: str) -> dict[str, Any] | str:
    """Return the record, without parts that cannot be decoded if no rule reads them; or the mapper's error.

    The mapper does not decode what no rule reads: what it takes is taken here too.
    """
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        mapper, _ = generate(steps, "one record")
        ((_, error),) = mapper(connection, [raw])
        return error or {name: value for name, value in _parts(raw) if value is not _UNREADABLE}


_UNREADABLE: Final = object()


def _parts(raw: bytes | msgspec.Raw) -> Iterator[tuple[str, Any]]:
    for name, part in msgspec.json.decode(raw, type=dict[str, msgspec.Raw]).items():
        yield name, _part(part)


def _part(raw: msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return {name: value for name, value in _parts(raw) if value is not _UNREADABLE}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _UNREADABLE


# ── fields ───────────────────────────────────────────────────────────────────────────────────────────


class _Failed(Exception):
    """A field of an object has failed; the text says which and why."""


@dataclass(frozen=True, slots=True)
class _Reader:
    """Takes the steps of fields made of ``over``: the record, or the object at hand.

    ``prefix`` is the way from the record, or from the item of the list at hand, to that object, as errors name it;
    ``outer`` the way to that item.
    """

    source: Any
    over: Any
    ids: dict[str, References]
    connection: str
    prefix: str = ""
    outer: str = ""
    item: tuple[Any, ...] = ()

    def fields(self, steps: Sequence[Step], bodies: Mapping[str, Body]) -> list[Explained]:
        """Return how each field is made, and the ``_raw`` fields beside them."""
        made: dict[str, Explained] = {}
        for step in steps:
            one, raw = self.field(step, bodies.get(step.name))
            known = made.setdefault(step.name, one)
            if one.error and not known.error:
                made[step.name] = replace(known, error=one.error, value=None)
            if step.raw is not None:
                made[step.raw] = self._kept(step, step.raw, raw)
        return list(made.values())

    def field(self, step: Step, body: Body | None) -> tuple[Explained, str | None]:
        """Return how one field is made, and the source's text where it is kept beside it."""
        run = _Run(self, step, {} if body is None else body)
        at = f"{self.prefix}{step.name}"
        error = ""
        try:
            run.take(ruled=body is not None)
        except _Failed as failed:
            error = str(failed)
        except Exception as problem:  # noqa: BLE001 - as the mapper does: one record that fails is told, whatever it is
            error = failure(at, problem)
        value = None if error else run.value
        explained = Explained(
            step.name, f"{self.outer}{at}", value, tuple(run.taken), error, tuple(run.items)
        )
        return explained, run.raw if not error else None

    def _kept(self, step: Step, name: str, raw: str | None) -> Explained:
        return Explained(
            name, f"{self.outer}{self.prefix}{name}", raw, (Taken(Does.RAW, step.name, raw),)
        )

    def references(self, prefix: str) -> References:
        """Return the ids that start with *prefix*."""
        return self.ids.setdefault(prefix, References(prefix, self.connection))


@dataclass(slots=True)
class _Run:
    """One field on its way."""

    reader: _Reader
    step: Step
    body: Body
    taken: list[Taken] = field(default_factory=list)
    items: list[tuple[Explained, ...]] = field(default_factory=list)
    value: Any = None
    raw: str | None = None

    def take(self, *, ruled: bool) -> None:
        """Take all steps in their order."""
        step = self.step
        if step.fixed is not None:
            self._fixed(step.fixed.value, ruled=ruled)
            return
        self._origin()
        if step.steps is not None:
            self._nested(step.steps)
        else:
            if step.table is not None:
                self._looked_up(step.table)
            self._converted()
        if step.target.reference is not None:
            self._referred(step.target.reference)
        else:
            self._default()

    def _told(self, does: Does, by: Json, value: Any) -> None:
        self.value = value
        self.taken.append(Taken(does, by, value))

    def _fixed(self, value: Any, *, ruled: bool) -> None:
        given = self.body.get("value")
        if ruled:
            self._told(Does.VALUE, given, None if given is None else value)
        if ruled and given is None and value is not None:
            self._told(Does.DEFAULT, self.body.get("default"), value)
        self.value = value

    def _origin(self) -> None:
        reader, origin = self.reader, self.step.origin
        match origin:
            case Expression():
                self._told(Does.FROM, origin.text, _search(origin.text)(reader.over))
            case Template():
                context = {"source": reader.source}
                if reader.item:
                    context["item"] = reader.item[0]
                self._told(Does.TEMPLATE, origin.text, origin.value(context))
            case Constant():
                self._told(Does.VALUE, origin.value, origin.value)

    def _looked_up(self, table: Table) -> None:
        found = self.value
        key = found if isinstance(found, str) or found is None else to_key(found)
        if key in table.values:
            if key is not None:
                self._told(Does.VALUES, {key: table.values[key]}, table.values[key])
            else:
                self.value = None
            return
        if table.unknown == "error":
            unlisted(found)
        value = found if table.unknown == "keep" else _BECOMES[table.unknown]
        self._told(Does.UNKNOWN, table.unknown, value)
        if table.raw and table.unknown != "keep":
            self.raw = key

    def _converted(self) -> None:
        target = self.step.target
        if target.convert is None or target.enum or self.value is None:
            return
        before, asked = self.value, {name: self.body[name] for name in _HOW if name in self.body}
        value = target.convert(before)
        if asked or type(value) is not type(before) or value != before:
            self._told(Does.TYPE, asked or None, value)
        self.value = value

    def _referred(self, prefix: str) -> None:
        self._default()
        if self.value is None:
            return
        ids = self.reader.references(prefix)
        found = ids.all(self.value) if self.step.target.many else ids.of(self.value)
        self._told(Does.REFERENCE, prefix, found)

    def _default(self) -> None:
        if self.value is None and self.step.default is not None:
            self._told(Does.DEFAULT, self.body.get("default"), self.step.default)

    # ── objects and lists of objects ────────────────────────────────────────────────────────────────

    def _nested(self, steps: Sequence[Step]) -> None:
        if self.value is None:
            return
        each = self.body.get("each")
        bodies = (
            each if isinstance(each, Mapping) else {one.name: {"from": one.name} for one in steps}
        )
        if self.step.target.many:
            self._list(steps, bodies)
        else:
            self._object(steps, bodies)

    def _object(self, steps: Sequence[Step], bodies: Mapping[str, Any]) -> None:
        reader = self.reader
        over = to_object(self.value)
        below = replace(reader, over=over, prefix=f"{reader.prefix}{self.step.name}.")
        made = below.fields(steps, bodies)
        self.items.append(tuple(made))
        if error := first_error(made):
            raise _Failed(error)
        self.value = {one.name: one.value for one in made}

    def _list(self, steps: Sequence[Step], bodies: Mapping[str, Any]) -> None:
        reader, place = self.reader, f"{self.reader.prefix}{self.step.name}"
        errors = []
        for number, item in enumerate(to_list(self.value)):
            at = f"{place}[{number}]."
            outer = f"{reader.outer}{at}"
            below = replace(reader, over=item, item=(item,), prefix="", outer=outer)
            made = below.fields(steps, bodies)
            self.items.append(tuple(made))
            errors += [f"{at}{error}"] if (error := first_error(made)) else []
        if errors:
            raise _Failed(errors[0])
        values = [{one.name: one.value for one in made} for made in self.items]
        self._told(Does.EACH, sorted(bodies), values)


_BECOMES: Final[Mapping[str, str | None]] = {"null": None, "other": "other"}
_HOW: Final = ("type", "format", "timeZone", "unit")


@lru_cache(maxsize=2048)
def _search(text: str) -> Callable[[Any], Any]:
    return compile_expression(text)

"""Rules, checked against the unified model, as the steps that make each field; or all problems."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from reconciler.datamodel.entity import Entity, Field, FieldType
from reconciler.datamodel.value_maps import value_maps
from reconciler.mapping.jmespath import Expression, ExpressionInvalid, read_expression
from reconciler.mapping.layers import Rule, Rules
from reconciler.mapping.misfit import Misfit, cut
from reconciler.mapping.problems import MappingProblem
from reconciler.mapping.target import Body, Target, custom_target, near, target_of
from reconciler.mapping.template import Template, TemplateInvalid, compile_template
from reconciler.model.value import Path

DEEPEST: Final = 3
"""How deep ``each`` may be nested."""

_UNMAPPED: Final[Body] = {"value": None}


@dataclass(frozen=True, slots=True)
class Constant:
    """The same value for every record."""

    value: Any


@dataclass(frozen=True, slots=True)
class Table:
    """A value map. ``unknown`` says what becomes of the rest; ``raw``: there is a field for its text."""

    values: Mapping[str | None, Any]
    unknown: str
    raw: bool


@dataclass(frozen=True, slots=True)
class Step:
    """How one field is made. ``steps`` make the fields of an object, or of each object of a list.

    ``raw`` names the field that keeps the source's text where the value map does not know it.
    """

    name: str
    origin: Expression | Template | Constant
    target: Target
    table: Table | None = None
    default: Any = None
    steps: tuple["Step", ...] | None = None
    raw: str | None = None
    mapped: bool = False
    """Whether the rule itself has a value map."""

    @property
    def fixed(self) -> Constant | None:
        """What the field is in every record of every connection, if it is the same in all."""
        if not isinstance(self.origin, Constant):
            return None
        if self.origin.value is not None:
            plain = self.steps is None and self.target.reference is None
            return self.origin if plain and not self.mapped else None
        return (
            Constant(self.default)
            if self.target.reference is None or self.default is None
            else None
        )


@dataclass(frozen=True, slots=True)
class Steps:
    """All steps of an entity, in the order of the output."""

    fields: tuple[Step, ...]
    custom_fields: tuple[Step, ...]


def plan_steps(
    rules: Rules, entity: Entity, entities: Mapping[str, Entity]
) -> tuple[Steps, list[MappingProblem]]:
    """Return the steps of *rules*, and what is wrong with them."""
    prefixes = {name: one.prefix for name, one in entities.items()}
    planner = _Planner(prefixes, [])
    fields = planner.unified(entity.fields, rules.fields, entity.name)
    custom_fields = planner.custom(rules.custom_fields)
    return Steps(tuple(fields), tuple(custom_fields)), planner.problems


@dataclass(frozen=True, slots=True)
class _Planner:
    prefixes: Mapping[str, str]
    problems: list[MappingProblem]

    def unified(
        self, fields: Mapping[str, Field], rules: Mapping[str, Rule], entity: str
    ) -> list[Step]:
        for name in sorted(rules.keys() - fields.keys()):
            at = _Place(self, ("fields", name), rules[name].source)
            hint = near(name, fields) or "write it under 'customFields' to add a field"
            at.tell("", f"{entity} has no field {name!r}", hint)
        bodies = {name: rules[name].body for name in fields if name in rules}
        places = {
            name: _Place(self, ("fields", name), rules[name].source if name in rules else "")
            for name in fields
        }
        return list(_unified(fields, bodies, places))

    def custom(self, rules: Mapping[str, Rule]) -> list[Step]:
        return [
            _custom(name, rule.body, _Place(self, ("customFields", name), rule.source))
            for name, rule in sorted(rules.items())
        ]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the spec a rule stands, and how deep in ``each``."""

    planner: _Planner
    path: Path
    source: str
    depth: int = 0

    def tell(self, key: str, message: str, hint: str = "") -> None:
        path = (*self.path, key) if key else self.path
        self.planner.problems.append(MappingProblem(path, message, self.source, hint))

    def below(self, *names: str) -> "_Place":
        return _Place(self.planner, (*self.path, *names), self.source, self.depth + 1)


def _unified(
    fields: Mapping[str, Field], bodies: Mapping[str, Body], places: Mapping[str, _Place]
) -> Iterator[Step]:
    for name, field in fields.items():
        step = _of_field(field, bodies.get(name, _UNMAPPED), places[name])
        raw = f"{name}_raw" if step.table is not None and step.table.raw else None
        yield replace(step, raw=raw if raw not in bodies else None)


def _of_field(field: Field, body: Body, at: _Place) -> Step:
    target = target_of(field, body, at.planner.prefixes, at.tell)
    table = _table(body, target, at)
    origin = _origin(body, target, at)
    steps = _steps(target, body, at)
    if steps is not None and isinstance(origin, Expression) and "each" not in body:
        for key in sorted(origin.keys - set(target.items or ())):
            at.tell(
                "from",
                f"it makes a {key!r}, which is no field of it",
                near(key, target.items or ()),
            )
    default, mapped = _default(body, target, at), "values" in body
    return Step(field.name, origin, target, table, default, steps, mapped=mapped)


def _custom(name: str, body: Body, at: _Place) -> Step:
    target = custom_target(body, at.tell)
    steps = None
    if "each" in body:
        if body.get("type") not in {None, FieldType.LIST}:
            at.tell("each", "'each' makes a list; write type: list, or no type")
        target = Target(many=True, items={})
        steps = _custom_steps(body, at)
    table = _table(body, target, at)
    origin, default = _origin(body, target, at), _default(body, target, at)
    raw = f"{name}_raw" if table is not None and table.raw else None
    return Step(name, origin, target, table, default, steps, raw, mapped="values" in body)


def _steps(target: Target, body: Body, at: _Place) -> tuple[Step, ...] | None:
    """Return the steps of a field that has fields itself; without ``each`` they are taken by name."""
    if target.items is None:
        if "each" in body:
            at.tell("each", "'each' is for lists of objects, and this field is none")
        return None
    if "each" in body and not target.many:
        at.tell(
            "each", "'each' is for lists; make the object in 'from': {city: town, country: land}"
        )
        return None
    named: Mapping[str, Body] = body["each"] if "each" in body else _by_name(target.items)
    for name in sorted(named.keys() - target.items.keys()):
        at.below("each", name).tell("", f"has no field {name!r}", near(name, target.items))
    places = {name: at.below("each", name) for name in target.items}
    return tuple(_unified(target.items, named, places))


def _by_name(fields: Mapping[str, Field]) -> Mapping[str, Body]:
    """Return the rules of objects that are unified already; ``_raw`` follows from its enum."""
    raw = {f"{name}_raw" for name, field in fields.items() if field.enum}
    return {name: {"from": name} for name in fields if name not in raw}


def _custom_steps(body: Body, at: _Place) -> tuple[Step, ...]:
    if at.depth >= DEEPEST:
        at.tell("each", f"'each' is nested more than {DEEPEST} deep")
        return ()
    each: Mapping[str, Body] = body["each"]
    return tuple(_custom(name, each[name], at.below("each", name)) for name in sorted(each))


# ── origins ──────────────────────────────────────────────────────────────────────────────────────────


def _origin(body: Body, target: Target, at: _Place) -> Expression | Template | Constant:
    if "from" in body:
        try:
            return read_expression(body["from"])
        except ExpressionInvalid as error:
            at.tell("from", str(error))
    elif "template" in body:
        try:
            return _template(body["template"], at)
        except TemplateInvalid as error:
            at.tell("template", str(error))
    elif "value" not in body:
        at.tell("", "write one of 'from', 'template' and 'value'")
    elif body["value"] is not None:
        return _constant(body, target, at)
    return Constant(None)


def _constant(body: Body, target: Target, at: _Place) -> Constant:
    """Return a constant as the unified value, where that is the same for every connection."""
    value = body["value"]
    if target.reference is not None or target.items is not None or "values" in body:
        return Constant(value)
    return Constant(_fitting(value, target, at, "value"))


def _template(text: str, at: _Place) -> Template:
    template = compile_template(text)
    known = {"source", "item"} if at.depth else {"source"}
    for name in sorted({path[0] for path in template.needs | template.asks} - known):
        hint = f"write source.{name}" if name != "item" else "'item' is known inside 'each'"
        at.tell("template", f"there is no {name!r}; the source record is 'source'", hint)
    return template


# ── value maps, constants and defaults ───────────────────────────────────────────────────────────────


def _table(body: Body, target: Target, at: _Place) -> Table | None:
    values: Mapping[str, Any] | None = body.get("values")
    if "valuesFrom" in body and body["valuesFrom"] not in value_maps():
        name = body["valuesFrom"]
        at.tell("valuesFrom", f"there is no value map {name!r}", near(str(name), value_maps()))
    if values is None and not target.enum:
        return None
    unknown = body.get("unknown") or ("other" if target.enum else "keep")
    for key, value in (values or {}).items():
        if value is not None and target.reference is None:
            _fitting(value, target, at.below("values"), key)
    if target.enum:
        return _enum_table(values, unknown, target.enum)
    if unknown == "other" and target.reference is None:
        _fitting("other", target, at, "unknown")
    table: dict[str | None, Any] = {} if unknown == "keep" else {"": None}
    table.update(values or {})
    table[None] = None
    return Table(table, unknown, raw=unknown == "other")


def _enum_table(values: Mapping[str, Any] | None, unknown: str, enum: tuple[str, ...]) -> Table:
    if values is None or unknown == "keep":
        values = {**{value: value for value in enum}, **(values or {})}
    if unknown in {"keep", "other"}:
        unknown = "other" if "other" in enum else "null"
    table: dict[str | None, Any] = {"": None}
    table.update(values)
    table[None] = None
    return Table(table, unknown, raw=True)


def _default(body: Body, target: Target, at: _Place) -> Any:
    default = body.get("default")
    if default is None or target.reference is not None:
        return default
    if target.items is not None:
        if default != []:
            at.tell("default", "the default of objects can only be an empty list")
        return default
    return _fitting(default, replace(target, convert=target.own), at, "default")


def _fitting(value: Any, target: Target, at: _Place, key: str) -> Any:
    try:
        found = value if target.convert is None else target.convert(value)
    except Misfit as error:
        at.tell(key, str(error))
        return None
    if target.enum and found not in target.enum:
        at.tell(key, f"{cut(found)} is not a value of the field", near(str(found), target.enum))
    return found

"""How stored records are mapped: each field with its rule, how often it is filled, and a value before and after.

And what nobody maps: ``profile``. Counted by the page; what is kept does not grow with the records.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from reconciler.datamodel.entity import Entity, Field
from reconciler.mapping.compile import Mapper
from reconciler.mapping.jmespath import Expression, compile_expression
from reconciler.mapping.layers import Rule, Rules
from reconciler.mapping.misfit import cut
from reconciler.mapping.profile import Node, Profile
from reconciler.mapping.reads import reads_of
from reconciler.mapping.steps import Step, plan_steps
from reconciler.mapping.tally import Tally
from reconciler.mapping.template import Template

MOST_ERRORS: Final = 3

Find = Callable[[int], Any]
"""Returns the source of object number *n* of a page: the record, or the item of a list in it."""


@dataclass(slots=True)
class FieldSeen:
    """One field: the rule that makes it, and what it came to.

    ``name`` is the way to it (``lines[].quantity``, ``custom_fields.rush``), ``type`` that of the unified
    model, or what a custom field's rule says; ``top`` the field of the entity that it is in. ``body`` is the
    rule as it is in force, ``rule`` the one of the entity's field, with its layer; without one nobody maps
    the field. ``before`` and ``after`` are one value in the source's words and in ours, as JSON cut at 80
    characters.
    """

    name: str
    type: str
    top: str
    custom: bool
    body: Mapping[str, Any] | None
    rule: Rule | None
    tally: Tally = field(default_factory=Tally)
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was found in *looked_at* records; ``failed`` of them could not be mapped, ``errors`` say why.

    ``unmapped`` are the source's paths that no rule reads; ``left_out``: there are more than are kept.
    """

    looked_at: int
    failed: int
    errors: tuple[str, ...]
    fields: tuple[FieldSeen, ...]
    unmapped: tuple[Node, ...]
    left_out: bool
    profile: Profile


class Coverer:
    """Counts pages of raw records under *rules*; *also* are expressions that the connector reads itself."""

    def __init__(
        self,
        rules: Rules,
        entity: Entity,
        entities: Mapping[str, Entity],
        mapper: Mapper,
        also: Sequence[str] = (),
    ) -> None:
        steps, _ = plan_steps(rules, entity, entities)
        self._mapper = mapper
        self._fields = [*_of_fields(steps.fields, entity, rules)]
        self._custom = [*_of_custom(steps.custom_fields, rules)]
        self._profile = Profile(reads_of(steps, also))
        self._looked_at = self._failed = 0
        self._errors: list[str] = []

    def add(self, connection: str, raws: Sequence[bytes]) -> None:
        """Count a page of records of *connection* (its uid)."""
        self._looked_at += len(raws)
        sources = _decoded(raws)
        self._profile.add(sources)
        texts: list[bytes] = []
        kept: list[Any] = []
        for source, (text, error) in zip(sources, self._mapper(connection, raws), strict=True):
            if text is not None:
                texts.append(text)
                kept.append(source)
            else:
                self._failed += 1
                if len(self._errors) < MOST_ERRORS and (error or "") not in self._errors:
                    self._errors.append(error or "")
        records = msgspec.json.decode(b"[" + b",".join(texts) + b"]")
        customs = [record["custom_fields"] for record in records]
        for one in self._fields:
            one.add(records, kept.__getitem__)
        for one in self._custom:
            one.add(customs, kept.__getitem__)

    def result(self) -> Coverage:
        """Return what was counted."""
        return Coverage(
            self._looked_at,
            self._failed,
            tuple(self._errors),
            tuple(seen for one in (*self._fields, *self._custom) for seen in one.seen()),
            tuple(self._profile.unmapped()),
            self._profile.left_out,
            self._profile,
        )


def _decoded(raws: Sequence[bytes]) -> list[Any]:
    """Return raw records as values; null for what is no JSON."""
    try:
        found: list[Any] = msgspec.json.decode(b"[" + b",".join(raws) + b"]")
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = []
    return found if len(found) == len(raws) else [_decoded_one(raw) for raw in raws]


def _decoded_one(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


@dataclass(slots=True)
class _Column:
    """One field being counted, and the fields of it."""

    name: str
    told: FieldSeen
    origin: Expression | Template | None
    below: "list[_Column]"
    many: bool = False

    def add(self, objects: Sequence[Mapping[str, Any]], find: Find) -> None:
        """Count the field in *objects*, each made of what *find* returns for its number."""
        values = [one.get(self.name) for one in objects]
        told = self.told
        told.tally.of += len(values)
        told.tally.add(values)
        if told.after is None and told.tally.sample is not None:
            at = next(n for n, value in enumerate(values) if value not in (None, "", [], {}))
            told.after, told.before = told.tally.sample, self._before(find(at))
        if self.below:
            self._add_below(values, find)

    def seen(self) -> Iterator[FieldSeen]:
        """Yield what was counted, and of the fields of it."""
        yield self.told
        for one in self.below:
            yield from one.seen()

    def _add_below(self, values: Sequence[Any], find: Find) -> None:
        where: list[tuple[int, int]] = []
        objects: list[Mapping[str, Any]] = []
        for at, value in enumerate(values):
            for place, item in enumerate(value if self.many else [value]) if value else ():
                where.append((at, place))
                objects.append(item)

        def below(number: int) -> Any:
            at, place = where[number]
            found = self._found(find(at))
            if not self.many:
                return found
            return found[place] if isinstance(found, list) and place < len(found) else None

        for one in self.below:
            one.add(objects, below)

    def _before(self, source: Any) -> str | None:
        found = self._found(source)
        return None if found is None else cut(found)

    def _found(self, source: Any) -> Any:
        """Return what the rule finds in *source*, before value map and type; of a template, what it reads."""
        if isinstance(self.origin, Expression):
            return compile_expression(self.origin.text)(source)
        if self.origin is None:
            return None
        paths = sorted(self.origin.needs | self.origin.asks)
        found = {".".join(path): _look_up(source, path[1:]) for path in paths}
        return next(iter(found.values())) if len(found) == 1 else found or None


def _look_up(value: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        if isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value


# ── which fields there are ───────────────────────────────────────────────────────────────────────────


def _of_fields(steps: Sequence[Step], entity: Entity, rules: Rules) -> Iterator[_Column]:
    makers = {step.raw: step.name for step in steps if step.raw is not None}
    for step in steps:
        maker = step.name if step.name in rules.fields else makers.get(step.name, step.name)
        rule = rules.fields.get(maker)
        body = rule.body if rule is not None and maker == step.name else None
        kind = _type(entity.fields[step.name])
        told = FieldSeen(step.name, kind, maker, False, body, rule)
        yield _column(step, told, entity.fields[step.name].items)


def _of_custom(steps: Sequence[Step], rules: Rules) -> Iterator[_Column]:
    for step in steps:
        rule = rules.custom_fields[step.name]
        name = f"custom_fields.{step.name}"
        kind = str(rule.body.get("type") or ("list" if "each" in rule.body else "any"))
        yield _column(step, FieldSeen(name, kind, step.name, True, rule.body, rule), {})


def _column(step: Step, told: FieldSeen, fields: Mapping[str, Field]) -> _Column:
    origin = step.origin if isinstance(step.origin, Expression | Template) else None
    many = step.target.many
    below = [_below(one, told, many, fields) for one in step.steps or ()] if told.body else []
    return _Column(step.name, told, origin, below, many)


def _below(step: Step, above: FieldSeen, many: bool, fields: Mapping[str, Field]) -> _Column:  # noqa: FBT001  of a list
    each = (above.body or {}).get("each")
    body = each.get(step.name) if each is not None else {"from": step.name}
    known = fields.get(step.name)
    kind = _type(known) if known is not None else (body or {}).get("type") or "any"
    name = f"{above.name}{'[]' if many else ''}.{step.name}"
    told = FieldSeen(name, kind, above.top, above.custom, body, above.rule if body else None)
    return _column(step, told, known.items if known is not None else {})


def _type(one: Field) -> str:
    if one.reference is not None:
        return f"{one.type} of {one.reference}" if one.of else f"reference to {one.reference}"
    return f"{one.type} of {one.of}" if one.of else str(one.type)

"""Rules, compiled: one function that maps a page of raw records into unified ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from reconciler.datamodel.entity import Entity, Field
from reconciler.errors import Invalid
from reconciler.mapping.generate import Map, generate
from reconciler.mapping.layers import Rules
from reconciler.mapping.problems import MappingInvalid, MappingProblem
from reconciler.mapping.steps import plan_steps
from reconciler.model.value import digest_of

__all__ = ["Mapper", "MappingInvalid", "MappingProblem", "compile_rules"]


@dataclass(frozen=True, slots=True)
class Mapper:
    """Maps raw records of one entity.

    ``basis`` names the rules and the definition of the entity: what was mapped under another basis may
    be mapped differently now. ``source`` is the Python that runs.
    """

    basis: str
    entity: str
    source: str = field(repr=False)
    _map: Map = field(repr=False, compare=False)

    def __call__(
        self, connection: str, raws: Sequence[bytes]
    ) -> list[tuple[bytes | None, str | None]]:
        """Return for each raw record of a connection (its uid) the unified one as JSON, or why not.

        The JSON object has every field of the entity in the entity's order, null where there is
        nothing, ``<field>_raw`` beside each enum, and ``custom_fields``.
        """
        return self._map(connection, raws)

    def one(self, connection: str, raw: bytes) -> dict[str, Any]:
        """Return one record mapped.

        Raises:
            Invalid: if it cannot be mapped; the message names the field.
        """
        ((mapped, error),) = self._map(connection, [raw])
        if mapped is None:
            raise Invalid(error or "the record cannot be mapped")
        return self.decoded(mapped)

    @staticmethod
    def decoded(mapped: bytes) -> dict[str, Any]:
        """Return a mapped record as a dict."""
        record: dict[str, Any] = msgspec.json.decode(mapped)
        return record


def compile_rules(rules: Rules, entity: Entity, entities: Mapping[str, Entity]) -> Mapper:
    """Return the mapper of *rules* onto *entity*; references are to records of *entities*.

    Raises:
        MappingInvalid: if rules cannot be taken, with all problems.
    """
    steps, problems = plan_steps(rules, entity, entities)
    if problems:
        raise MappingInvalid(entity.name, problems)
    mapped, source = generate(steps, entity.name)
    return Mapper(basis_of(rules, entity, entities), entity.name, source, mapped)


def basis_of(rules: Rules, entity: Entity, entities: Mapping[str, Entity]) -> str:
    """Return the ``basis`` that a mapper of *rules* has."""
    prefixes = {
        name: entities[name].prefix for name in sorted(_referred(entity.fields)) if name in entities
    }
    return digest_of([rules.basis, _definition(entity.fields), prefixes])[:32]


def _definition(fields: Mapping[str, Field]) -> list[Any]:
    """Return what of a definition decides over mapped records: not its words."""
    return [
        [name, one.type, one.enum, one.reference, one.of, one.unit, _definition(one.items)]
        for name, one in fields.items()
    ]


def _referred(fields: Mapping[str, Field]) -> set[str]:
    own = {one.reference for one in fields.values() if one.reference is not None}
    return own.union(*(_referred(one.items) for one in fields.values()))

"""``Mapping``: what is mapped otherwise for one connection, or for all with some labels."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from reconciler.spec.kinds.drifting import Drifting
from reconciler.spec.kinds.envelope import Envelope, Name, Strict
from reconciler.spec.kinds.rules import FieldRules
from reconciler.spec.kinds.target import Targeted


class MappingTest(Strict):
    """A source record and what must become of it."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    """What it shows, as a sentence."""
    source: dict[str, Any]
    """A record as the source gives it."""
    expect: Annotated[dict[str, Any], Field(min_length=1)]
    """Fields of the unified record; those not named here may be anything."""


class MappingSpec(Targeted, Drifting):
    """Overrides for one entity: what is not named keeps the connector's default."""

    entity: Name
    """The unified entity (``purchase-orders``)."""
    inherit: bool = True
    """Whether the connector's default mapping stays in force for fields that are not named here."""
    fields: FieldRules = {}
    """Rules for fields of the unified entity."""
    custom_fields: Annotated[FieldRules, Field(alias="customFields")] = {}
    """Rules for new fields, which API answers give under ``custom_fields``."""
    tests: tuple[MappingTest, ...] = ()
    """Examples that must hold: they are run when specs are read, and one that fails is an error."""


class MappingDocument(Envelope):
    """Overrides for one connection (or a label selector) and one entity, and tests of them."""

    kind: Literal["Mapping"]
    spec: MappingSpec

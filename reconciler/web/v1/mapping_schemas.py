"""The public shapes of mappings: how fields are made, what nobody maps, and what is proposed for it."""

from typing import Any, Literal

from reconciler.web.v1.schemas import Told


class ValueTold(Told):
    """One value, and how often it was met."""

    value: str
    """As JSON, cut at 80 characters."""
    count: int


class CountsTold(Told):
    """How often something is there."""

    fill_rate: float
    """The share of `of` that is `filled`."""
    filled: int
    """In how many there is something: neither null nor empty."""
    of: int
    """How many records, or items of a list, might have it."""
    values: list[ValueTold]
    """The most frequent values."""
    more_values: bool
    """Whether there are more different values than are told."""


class FieldTold(CountsTold):
    """One field, the rule that makes it, and what it came to."""

    field: str
    """`lines[].quantity` is the field of each line; custom fields are `custom_fields.NAME`."""
    type: str
    custom: bool
    rule: dict[str, Any] | None
    """As in a spec: `from`, `template` or `value`, then `values`, `type`, `default`; null: nobody maps it."""
    layer: Literal["default", "selector", "connection", "override"] | None
    """Which layer has the last word."""
    object: str | None
    """The object that says it: `Mapping/acme-orders`. Null if the token may not see it."""
    file: str | None
    line: int | None
    """Where that object is written."""
    revision: str | None
    """With which revision that object last changed."""
    before: str | None
    """What the rule found in one record, before value map and type: JSON, cut at 80 characters."""
    after: str | None
    """What it became."""


class PathTold(CountsTold):
    """One path of the source's records that no rule reads."""

    path: str
    """JMESPath: `lines[].x`."""
    types: dict[str, int]
    """The types that were met, with how often; null is none."""
    sample: str | None
    """One value, as JSON cut at 80 characters."""


class MappingTold(Told):
    """How the records of one entity of one connection are mapped, and what of them nobody maps."""

    connection: str
    entity: str
    records: int
    """How many records there are that are not deleted."""
    looked_at: int
    """How many of them were looked at: all, or a sample spread evenly over the source's keys."""
    sampled: bool
    failed: int
    """How many of those cannot be mapped."""
    errors: list[str]
    """Why, for the first few."""
    fields: list[FieldTold]
    unmapped: list[PathTold]
    unmapped_left_out: bool
    """Whether the records hold more paths than are told apart."""


class ProposalTold(Told):
    """One custom field that is proposed."""

    field: str
    path: str
    rule: dict[str, Any]
    fill_rate: float
    sample: str | None
    note: str | None


class LeftOutTold(Told):
    """A path for which nothing is proposed."""

    path: str
    reason: str


class SuggestionTold(Told):
    """A mapping of custom fields, proposed for what nobody maps."""

    connection: str
    entity: str
    records: int
    looked_at: int
    name: str
    yaml: str | None
    """The document, valid as it stands; null if there is nothing to propose."""
    fields: list[ProposalTold]
    left_out: list[LeftOutTold]

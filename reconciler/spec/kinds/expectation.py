"""``Expectation``: a rule over unified records, checked after syncs.

For each record that is *given*, something is *expected*: another record in the same or another
connection (found by equal keys, meeting conditions, agreeing in fields), or conditions on the given
record itself. "Every approved order of the CMMS is in the ERP within 30 minutes" is one of the first form.
"""

from datetime import timedelta
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import BeforeValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from reconciler.spec.kinds.envelope import Duration, Envelope, Name, Percent, Strict, at_most
from reconciler.spec.kinds.target import Targeted

FieldPath = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$", max_length=255)
]
"""A unified field, a field within one (``address.city``), or ``custom_fields.NAME``."""

Scalar: TypeAlias = str | int | float | bool | None


class Condition(Strict):
    """What a field's value must be; all that is given must hold."""

    equals: Scalar = None
    """This value."""
    one_of: Annotated[tuple[Scalar, ...] | None, Field(alias="in", min_length=1)] = None
    """One of these values."""
    none_of: Annotated[tuple[Scalar, ...] | None, Field(alias="notIn", min_length=1)] = None
    """None of these values."""
    above: Annotated[str | int | float | None, Field(alias="gt")] = None
    """More than this."""
    at_least: Annotated[str | int | float | None, Field(alias="gte")] = None
    """This or more."""
    below: Annotated[str | int | float | None, Field(alias="lt")] = None
    """Less than this."""
    at_most: Annotated[str | int | float | None, Field(alias="lte")] = None
    """This or less."""
    missing: bool | None = None
    """Whether it is null."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_dump(exclude_none=True):
            raise PydanticCustomError(
                "keys_together",
                "write at least one of 'equals', 'in', 'notIn', 'gt', 'gte', 'lt', 'lte' and 'missing'",
            )
        return self


def _condition(given: object) -> object:
    if isinstance(given, dict):
        return {key: tuple(v) if isinstance(v, list) else v for key, v in given.items()}
    if given is None:
        return {"missing": True}
    return {"in": tuple(given)} if isinstance(given, list) else {"equals": given}


Conditions = dict[
    FieldPath,
    Annotated[
        Condition,
        BeforeValidator(_condition, json_schema_input_type=Condition | list[Scalar] | Scalar),
    ],
]
"""By field: a value, a list of values, or an object of comparisons."""


class Given(Targeted):
    """The records that the rule is about."""

    entity: Name
    """The unified entity."""
    where: Conditions = {}
    """Only records that meet these."""


class Comparison(Strict):
    """A field of the found record that must agree with one of the given record."""

    to: FieldPath
    """The field of the given record."""
    tolerance: Percent | None = None
    """How far numbers may differ."""


def _comparison(given: object) -> object:
    return {"to": given} if isinstance(given, str) else given


class Expected(Strict):
    """What must hold for each given record."""

    connection: Name | None = None
    """Where the other record is. Default: the given record's own connection."""
    entity: Name | None = None
    """Its entity. Default: that of the given record."""
    match: Annotated[dict[FieldPath, FieldPath], Field(min_length=1)] | None = None
    """How it is found: field of the other record, to the field of the given record that it equals.
    Without ``match``, ``where`` and ``compare`` are about the given record itself."""
    exists: bool = True
    """Whether there must be such a record, or must be none."""
    where: Conditions = {}
    """What the record must meet."""
    compare: dict[
        FieldPath,
        Annotated[
            Comparison, BeforeValidator(_comparison, json_schema_input_type=Comparison | FieldPath)
        ],
    ] = {}
    """Fields that must agree: field of the found record, to the field of the given record."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.match is None:
            if self.connection or self.entity or not self.exists:
                raise PydanticCustomError(
                    "keys_together",
                    "write 'match' too: how the other record is found",
                )
            if not (self.where or self.compare):
                raise PydanticCustomError(
                    "keys_together", "write 'match', 'where' or 'compare': what must hold"
                )
        if not self.exists and self.compare:
            raise PydanticCustomError(
                "keys_together", "a record that must not exist has nothing to 'compare'"
            )
        return self


class ExpectationSpec(Strict):
    """A rule over records."""

    given: Given
    """Which records must meet it."""
    expect: Expected
    """What must hold for each of them."""
    within: Annotated[Duration, at_most(timedelta(days=366), "the time to become true")] = "0s"
    """How long after the given record's last change it may take to become true."""
    severity: Literal["info", "warning", "error", "critical"] = "warning"
    """How bad it is if it does not."""
    suspend: bool = False
    """Whether it is not checked for now."""


class ExpectationDocument(Envelope):
    """A rule over unified records of one or several connections, checked after syncs."""

    kind: Literal["Expectation"]
    spec: ExpectationSpec

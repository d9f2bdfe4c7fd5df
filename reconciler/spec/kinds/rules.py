"""How one unified field is made of a source record: the rule that mappings and connectors write."""

from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
    with_config,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError
from typing_extensions import TypedDict

from reconciler.datamodel.value_maps import value_maps
from reconciler.spec.kinds.envelope import ZoneName

Expression = Annotated[str, StringConstraints(min_length=1, max_length=4096)]


class _ShippedMaps:
    """Tells an editor which value maps there are; ``unified`` says what is wrong with a name."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "enum": list(value_maps())}


MapName = Annotated[str, StringConstraints(min_length=1, max_length=63), _ShippedMaps()]
FieldName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=63)]
FieldType = Literal["string", "integer", "decimal", "boolean", "date", "datetime", "list", "object"]


@with_config(
    ConfigDict(
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )
)
class FieldRule(TypedDict, total=False):
    """One field: one of ``from``, ``template``, ``value``; then ``each``, ``values``, ``type``, ``default``.

    A typed dictionary and no model: there are thousands of rules, and most of a rule is left out.
    """

    from_: Annotated[Expression | None, Field(alias="from")]
    """JMESPath over the source record."""
    template: Expression | None
    """Jinja2 text; ``source`` is the source record."""
    value: Any
    """A constant."""
    each: "FieldRules | None"
    """Rules for each object of the list that ``from`` finds; ``from`` inside looks at the item."""
    values: dict[str, str | int | float | bool | None] | None
    """A value map: what the source says, to what the unified model says."""
    values_from: Annotated[MapName | None, Field(alias="valuesFrom")]
    """A value map that ships with the product (``maximo-work-order-status``; docs/model/value-maps.md lists them);
    ``values`` beside it count before it."""
    unknown: Literal["other", "keep", "null", "error"] | None
    """What becomes of a value that ``values`` does not name. Default: ``other`` for an enum of the
    unified model, else ``keep``. With ``other`` the source's text stays in ``<field>_raw``."""
    type: FieldType | None
    """Default: the type of the unified field; for custom fields, what the source gives."""
    format: str | None
    """How the source writes a date or datetime (strptime), or ``decimal-comma`` for numbers."""
    time_zone: Annotated[ZoneName | None, Field(alias="timeZone")]
    """The zone of source times that name none (``Europe/Amsterdam``); default UTC."""
    unit: str | None
    """The unit that the source counts in, where the unified field has one (``seconds``)."""
    default: Any
    """What stands in for null, after all else."""


_MAPS: Final = frozenset({"values", "values_from"})
_ORIGINS: Final = frozenset({"from_", "template", "value"})


def _unfit(rule: FieldRule) -> str | None:
    """Return why the keys of *rule* do not go together."""
    if len(rule.keys() & _ORIGINS) != 1:
        return "write exactly one of 'from', 'template' and 'value'"
    if "each" in rule and "from_" not in rule:
        return "'each' maps the list that 'from' finds; write 'from' too"
    if "unknown" in rule and not rule.keys() & _MAPS:
        return (
            "'unknown' says what becomes of a value that 'values' does not name; write 'values' too"
        )
    return None


def _fit(rules: dict[str, FieldRule]) -> dict[str, FieldRule]:
    """Return *rules* if the keys of each go together. One look at all: a call a rule costs too much."""
    unfit = {name: why for name, rule in rules.items() if (why := _unfit(rule)) is not None}
    if unfit:
        raise PydanticCustomError(
            "rules", "{first}", {"first": next(iter(unfit.values())), "at": unfit}
        )
    return rules


FieldRules = Annotated[dict[FieldName, FieldRule], AfterValidator(_fit)]
"""Rules by the field that they make."""

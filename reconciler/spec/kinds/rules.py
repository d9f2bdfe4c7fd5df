"""How one unified field is made of a source record: the rule that mappings and connectors write."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from reconciler.spec.kinds.envelope import Strict

Expression = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
FieldName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=63)]
FieldType = Literal["string", "integer", "decimal", "boolean", "date", "datetime", "list", "object"]


class FieldRule(Strict):
    """One field: one of ``from``, ``template``, ``value``; then ``each``, ``values``, ``type``, ``default``."""

    from_: Annotated[Expression | None, Field(alias="from")] = None
    """JMESPath over the source record."""
    template: Expression | None = None
    """Jinja2 text; ``source`` is the source record."""
    value: Any = None
    """A constant."""
    each: "dict[FieldName, FieldRule] | None" = None
    """Rules for each object of the list that ``from`` finds; ``from`` inside looks at the item."""
    values: dict[str, str | int | float | bool | None] | None = None
    """A value map: what the source says, to what the unified model says."""
    unknown: Literal["other", "keep", "null", "error"] | None = None
    """What becomes of a value that ``values`` does not name. Default: ``other`` for an enum of the
    unified model, else ``keep``. With ``other`` the source's text stays in ``<field>_raw``."""
    type: FieldType | None = None
    """Default: the type of the unified field; for custom fields, what the source gives."""
    format: str | None = None
    """How the source writes a date or datetime (strptime), or ``decimal-comma`` for numbers."""
    time_zone: Annotated[str | None, Field(alias="timeZone")] = None
    """The zone of source times that name none (``Europe/Amsterdam``); default UTC."""
    unit: str | None = None
    """The unit that the source counts in, where the unified field has one (``seconds``)."""
    default: Any = None
    """What stands in for null, after all else."""

    @model_validator(mode="after")
    def _one_origin(self) -> "FieldRule":
        given = self.model_fields_set & {"from_", "template", "value"}
        if len(given) != 1:
            msg = "write exactly one of 'from', 'template' and 'value'"
            raise ValueError(msg)
        if self.each is not None and self.from_ is None:
            msg = "'each' maps the list that 'from' finds; write 'from' too"
            raise ValueError(msg)
        if self.unknown is not None and self.values is None:
            msg = "'unknown' says what becomes of a value that 'values' does not name; write 'values' too"
            raise ValueError(msg)
        return self


FieldRules = dict[FieldName, FieldRule]

"""Entities and their fields, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any


class FieldType(StrEnum):
    """The closed set of types of a unified field.

    In API answers: decimals are strings (``"12.50"``), dates ``YYYY-MM-DD``, datetimes RFC 3339 in UTC
    (``...Z``), references the id of a record of ``reference``.
    """

    STRING = "string"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    ENUM = "enum"
    REFERENCE = "reference"
    LIST = "list"
    OBJECT = "object"


@dataclass(frozen=True, slots=True)
class Field:
    """One field.

    ``items`` are the fields of an object, or of each object of a list; a list of scalars has ``of``
    instead (``string``, or ``reference`` with ``reference``).
    """

    name: str
    type: FieldType
    doc: str
    enum: tuple[str, ...] = ()
    reference: str | None = None
    of: FieldType | None = None
    unit: str | None = None
    items: Mapping[str, "Field"] = field(default_factory=lambda: MappingProxyType({}))
    example: Any = None


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity of the unified model. ``name`` is plural and hyphened as in URLs; ``prefix`` starts ids."""

    name: str
    singular: str
    prefix: str
    title: str
    doc: str
    fields: Mapping[str, Field]

"""Which parts of a source record are read, and the structs that decode those parts only.

Decoding a page is the dearest part of mapping it. What no rule reads is skipped by the decoder. A part
that turns out to be of another type than the rules expect (a text where an object was read) is decoded
as it is: the structs stand in unions with all that JSON has.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Union

import msgspec

from reconciler.mapping.writer import Writer, attribute

_SCALARS: Final = (None, bool, int, float, str)
_UNFIT: Final = re.compile(r'[\\"\x00-\x1f]').search
"""Finds what msgspec takes in no name of a struct's field."""


@dataclass(slots=True)
class Shape:
    """What is read of one place of the source.

    ``whole``: the value itself is used, so that it must be decoded as plain JSON. ``struct`` is set by
    ``settle`` where only fields are read; until then, and elsewhere, an object is a dict.
    """

    whole: bool = False
    fields: dict[str, "Shape"] = field(default_factory=dict)
    items: "Shape | None" = None
    struct: type[msgspec.Struct] | None = None
    attributes: dict[str, str] = field(default_factory=dict)

    def at(self, name: str) -> "Shape":
        """Return the shape of the field *name*; beside one that no struct can have, all is decoded."""
        if _UNFIT(name):
            self.whole = True
        return self.fields.setdefault(name, Shape())

    def item(self) -> "Shape":
        """Return the shape of the items of the list."""
        if self.items is None:
            self.items = Shape()
        return self.items


@dataclass(frozen=True, slots=True)
class Operand:
    """A value in the source that is written: its name, and where it stands in the record, if there."""

    name: str
    shape: Shape | None = None
    root: bool = False

    def whole(self) -> str:
        """Return the name; the value itself is used."""
        if self.shape is not None:
            self.shape.whole = True
        return self.name

    def field(self, writer: Writer, name: str) -> "Operand":
        """Return the field *name*: null where this is no object or has none."""
        shape = self.shape.at(name) if self.shape is not None else None
        if self.shape is not None and self.shape.struct is not None:
            text = f"{self.name}.{self.shape.attributes[name]}"
        else:
            text = f"{self.name}.get({name!r})"
        if not self.root:
            text = f"{text} if {self.is_object(writer)} else None"
        return Operand(writer.known(self.name, ("field", name), text, name), shape)

    def is_object(self, writer: Writer) -> str:
        """Return the test, as source, whether this is an object."""
        struct = self.shape.struct if self.shape is not None else None
        kind = "dict" if struct is None else writer.bound(struct, "struct")
        return f"type({self.name}) is {kind}"

    def index(self, writer: Writer, number: int) -> "Operand":
        """Return the item at *number*: null where this is no list or has none."""
        size = number + 1 if number >= 0 else -number
        enough = f"type({self.name}) is list and len({self.name}) >= {size}"
        text = f"{self.name}[{number}] if {enough} else None"
        name = writer.known(self.name, ("index", number), text, "item")
        return Operand(name, self.item_shape())

    def item_shape(self) -> Shape | None:
        """Return the shape of the items, if this stands in the record."""
        return self.shape.item() if self.shape is not None else None


def decoder(root: Shape) -> Callable[[bytes], Any]:
    """Settle the shapes below *root*, and return what decodes a record into them.

    It takes the bytes of a JSON object; of anything else it says that it is none.
    """
    if root.whole:
        return msgspec.json.Decoder(dict[str, Any]).decode
    struct = _struct(root, "Record")
    return msgspec.json.Decoder(struct).decode


def _struct(shape: Shape, name: str) -> type[msgspec.Struct]:
    shape.attributes = {key: attribute(key, n) for n, key in enumerate(shape.fields)}
    fields = [
        (shape.attributes[key], _type_of(below, f"{name}_{shape.attributes[key]}"), None)
        for key, below in shape.fields.items()
    ]
    rename = {written: key for key, written in shape.attributes.items()}
    shape.struct = msgspec.defstruct(name, fields, rename=rename, gc=False)
    return shape.struct


def _type_of(shape: Shape, name: str) -> Any:
    if shape.whole or not (shape.fields or shape.items):
        return Any
    listed = list[Any] if shape.items is None else _list_of(_type_of(shape.items, f"{name}_item"))
    keyed = _struct(shape, name) if shape.fields else dict[str, Any]
    return Union[(*_SCALARS, listed, keyed)]


def _list_of(kind: Any) -> Any:
    return list.__class_getitem__(kind)

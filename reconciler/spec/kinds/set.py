"""``ConnectionSet``: a template and a list; many connections from one document and one table."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from reconciler.spec.kinds.envelope import Envelope, Strict

FilePath = Annotated[
    str, StringConstraints(pattern=r"^[^/\\\s][^\\]*\.(csv|json)$", max_length=255)
]


class Part(Strict):
    """A document of the template: its text values may hold ``{{ item.NAME }}``."""

    metadata: dict[str, Any]
    """As in the document that it becomes; ``name`` must differ from item to item."""
    spec: dict[str, Any]
    """As in the document that it becomes."""


class SetTemplate(Part):
    """The connection that each item becomes, and what goes with it."""

    mappings: tuple[Part, ...] = ()
    """Mappings of the connection; ``connection`` is filled in."""
    schedules: tuple[Part, ...] = ()
    """Schedules of the connection; ``connection`` is filled in."""


class ConnectionSetSpec(Strict):
    """A template, and the list to fill it in with."""

    items: Annotated[tuple[dict[str, Any], ...], Field(max_length=10_000)] | None = None
    """The list: each item gives ``item`` of the template."""
    file: FilePath | None = None
    """The list as a file beside this one, instead of ``items``: CSV with a header line (all values are
    texts), or a JSON array of objects."""
    template: SetTemplate
    """What each item becomes."""

    @model_validator(mode="after")
    def _items_or_file(self) -> Self:
        if (self.items is None) == (self.file is None):
            raise PydanticCustomError("keys_together", "write exactly one of 'items' and 'file'")
        return self


class ConnectionSetDocument(Envelope):
    """A template and a list (inline, or a CSV or JSON file beside it): one connection for each item."""

    kind: Literal["ConnectionSet"]
    spec: ConnectionSetSpec

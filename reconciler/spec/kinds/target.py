"""Which connections a document is about: one by name, or all with some labels."""

from typing import Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from reconciler.spec.kinds.envelope import Name, Selector, Strict


class Targeted(Strict):
    """Something that holds for one connection, or for all that a selector chooses."""

    connection: Name | None = None
    """The connection, by name."""
    selector: Selector | None = None
    """All connections with these labels, instead of one by name."""

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if (self.connection is None) == (self.selector is None):
            raise PydanticCustomError(
                "keys_together", "write exactly one of 'connection' and 'selector'"
            )
        return self

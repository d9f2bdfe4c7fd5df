"""``Environment``: variables and patches of ``--env NAME``."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from reconciler.spec.kinds.envelope import Envelope, Name, Selector, Strict

Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=63)]


class PatchTarget(Strict):
    """Which documents are patched."""

    kind: Literal["Connection", "Mapping", "SyncSchedule", "AlertRoute", "Expectation"]
    """Their kind."""
    name: Name | None = None
    """One of them, by name."""
    selector: Selector | None = None
    """All of them with these labels, instead of one by name."""

    @model_validator(mode="after")
    def _name_or_selector(self) -> Self:
        if self.name is not None and self.selector is not None:
            raise PydanticCustomError("keys_together", "write 'name' or 'selector', not both")
        return self


class Patch(Strict):
    """A change of some documents in this environment."""

    target: PatchTarget
    """Which documents. With neither name nor selector: all of the kind."""
    spec: Annotated[dict[str, Any], Field(min_length=1)]
    """Merged into their ``spec``, key by key; null removes a key, a list is replaced as a whole."""


class EnvironmentSpec(Strict):
    """What differs from one environment to another."""

    default: bool = False
    """Whether this one is meant where none is chosen."""
    vars: dict[Variable, str | int | float | bool] = {}
    """Variables, ``{{ vars.NAME }}`` in text values. Nothing secret."""
    patches: tuple[Patch, ...] = ()
    """Changes of documents, in this order."""


class EnvironmentDocument(Envelope):
    """Variables and patches of one environment (dev, staging, prod)."""

    kind: Literal["Environment"]
    spec: EnvironmentSpec

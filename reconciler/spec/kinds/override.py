"""``Override``: an exception for a time, with a reason. The dashboard writes these."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from reconciler.spec.kinds.envelope import Envelope, Moment, Name, Strict

PATCHABLE: Final = {
    "Connection": frozenset({"suspend", "health", "drift", "deletions", "mappings"}),
    "SyncSchedule": frozenset(
        {"suspend", "every", "cron", "timeZone", "jitter", "mode", "full", "windows"}
    ),
    "Mapping": frozenset({"fields", "customFields"}),
}
"""What an override may change, by kind."""


class OverrideTarget(Strict):
    """What is excepted."""

    kind: Literal["Connection", "SyncSchedule", "Mapping"]
    """Its kind."""
    name: Name
    """Its name."""


class OverrideSpec(Strict):
    """What holds instead, until when, and why."""

    target: OverrideTarget
    """What it is an exception of."""
    until: Moment
    """When it ends by itself: a date (its end, in UTC), or a time with its zone."""
    reason: Annotated[str, StringConstraints(min_length=3, max_length=1024)]
    """Why, for those who read it later."""
    by: Annotated[str | None, StringConstraints(max_length=255)] = None
    """Who asked for it."""
    patch: Annotated[dict[str, Any], Field(min_length=1)]
    """Merged into the target's ``spec``, key by key; null removes a key. Of a connection: ``suspend``,
    ``health``, ``drift``, ``deletions``, and ``mappings``: by entity, ``fields`` and ``customFields`` over
    all that is mapped otherwise; of a schedule: ``suspend`` and when it runs; of a mapping:
    ``fields`` and ``customFields``."""

    @model_validator(mode="after")
    def _patchable(self) -> Self:
        allowed = PATCHABLE[self.target.kind]
        odd = sorted(self.patch.keys() - allowed)
        if odd:
            msg = f"an override of a {self.target.kind} cannot change '{odd[0]}', only {', '.join(sorted(allowed))}"
            raise PydanticCustomError("keys_together", msg)
        return self


class OverrideDocument(Envelope):
    """A time-boxed exception with a reason: pins a suspend, a schedule or a mapping field."""

    kind: Literal["Override"]
    spec: OverrideSpec

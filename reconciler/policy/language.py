"""What ``reconciler-policy.yaml`` may say, and its JSON Schema."""

from datetime import timedelta
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from reconciler.spec.kinds.envelope import (
    CronText,
    Duration,
    Name,
    Selector,
    Strict,
    ZoneName,
    at_least,
    at_most,
)

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

KindName = Literal[
    "Connector",
    "Connection",
    "Mapping",
    "SyncSchedule",
    "AlertRoute",
    "Expectation",
    "Override",
]
"""A kind of object; what a ``ConnectionSet`` makes are connections, mappings and schedules."""

ActionName = Literal["create", "update", "replace", "rename", "adopt", "heal", "forget", "delete"]
"""What a plan does to an object, as its JSON says it."""

Sentence = Annotated[str, StringConstraints(min_length=3, max_length=500)]
"""A text for people."""

ExpressionText = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
"""A JMESPath expression. What it finds is false if it is null, false, or empty."""


def _some(values: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse a list of nothing, which can be read as all and as none."""
    if not values:
        raise PydanticCustomError("out_of_range", "has 1 entry at least; leave the key out for all")
    return values


SOME: Final = AfterValidator(_some)


class Reaching(Strict):
    """Something that is about some objects."""

    kinds: Annotated[tuple[KindName, ...], SOME] | None = None
    """The kinds of objects it is about. Default: all."""
    selector: Selector | None = None
    """Only objects with these labels, or about a connection with them."""


class PolicyRule(Reaching):
    """What each object, or each change of a plan, has to be like."""

    name: Name
    """Its name, which stays: problems and plans say ``POLICY`` and this."""
    over: Literal["object", "change"] = "object"
    """What the expression is over: each object that is declared, or each change of a plan."""
    actions: Annotated[tuple[ActionName, ...], SOME] | None = None
    """Only these changes. A replace is a delete and a create as well. Default: all."""
    require: ExpressionText | None = None
    """What has to be true."""
    deny: ExpressionText | None = None
    """What must not be true, instead of ``require``."""
    message: Sentence
    """What is told where the rule is broken."""
    severity: Literal["error", "warning"] = "error"
    """``error``: the object is held as it is. ``warning``: it is told, and that is all."""

    @model_validator(mode="after")
    def _one_expression(self) -> Self:
        if (self.require is None) == (self.deny is None):
            raise PydanticCustomError("keys_together", "write exactly one of 'require' and 'deny'")
        if self.actions is not None and self.over != "change":
            raise PydanticCustomError(
                "keys_together", "'actions' are of changes; write 'over: change' too"
            )
        return self


class PolicyWindow(Reaching):
    """A time in which nothing of some objects is changed."""

    deny: CronText
    """When it begins."""
    for_: Annotated[
        Duration,
        Field(alias="for"),
        at_least(timedelta(minutes=1), "a window"),
        at_most(timedelta(days=31), "a window"),
    ]
    """How long it lasts, in time that passes: where clocks change meanwhile, its end is an hour off."""
    time_zone: Annotated[ZoneName, Field(alias="timeZone")] = "UTC"
    """Whose clocks ``deny`` means."""
    reason: Sentence
    """Why, for those who wait."""


class PolicyDocument(Strict):
    """The team's own rules: what objects and changes have to be like, and when nothing is applied."""

    rules: Annotated[tuple[PolicyRule, ...], Field(max_length=500)] = ()
    """What objects and changes have to be like."""
    windows: Annotated[tuple[PolicyWindow, ...], Field(max_length=100)] = ()
    """When changes wait. Where several are open, all of them have to end."""


def policy_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of ``reconciler-policy.yaml``."""
    schema = PolicyDocument.model_json_schema(by_alias=True)
    return {"$schema": DIALECT, **schema, "title": "The policy of a team (reconciler-policy.yaml)"}

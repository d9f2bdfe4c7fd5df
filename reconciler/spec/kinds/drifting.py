"""What is done when an object is changed outside of git: words that several kinds share."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from reconciler.spec.kinds.envelope import Moment, Strict

DriftWord = Literal["report", "heal", "ignore"]

Pointer = Annotated[str, StringConstraints(pattern=r"^/(spec|metadata)(/[^/]+)+$", max_length=512)]
"""A JSON pointer (RFC 6901) into the document: ``/spec/suspend``."""


def _set(paths: tuple[Pointer, ...]) -> tuple[Pointer, ...]:
    return tuple(sorted(set(paths)))


class IgnoreRule(Strict):
    """Fields that others may change: they are left alone when specs are applied, and drift of them is not told."""

    paths: Annotated[tuple[Pointer, ...], Field(min_length=1), AfterValidator(_set)]
    """Which fields, and all below them."""
    reason: Annotated[str, StringConstraints(min_length=3, max_length=1024)]
    """Why, for those who read it later."""
    until: Moment | None = None
    """When the rule ends: a date (its end, in UTC), or a time with its zone. Default: never."""


class Drifting(Strict):
    """A thing that may be changed through the API and the dashboard as well."""

    drift: DriftWord = "report"
    """What is done when it was changed elsewhere: tell, put it back, or nothing."""
    ignore: tuple[IgnoreRule, ...] = ()
    """Fields that others may change."""

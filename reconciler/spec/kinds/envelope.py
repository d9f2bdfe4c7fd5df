"""What every document has: version, kind, metadata; and the words that many kinds share."""

import re
from datetime import timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from reconciler.model.duration import format_duration, parse_duration

API_VERSION: Final = "reconciler/v1"


class Strict(BaseModel):
    """Unknown keys are errors; nothing is coerced; YAML keys are camelCase."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        populate_by_name=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )


Name = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63, min_length=1),
]
"""A DNS label: lower-case letters, digits and hyphens; 63 characters at most."""

LABEL: Final = re.compile(r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")


def _duration(text: str) -> str:
    return format_duration(parse_duration(text))


Duration = Annotated[str, AfterValidator(_duration)]
"""A number and a unit: ``30s``, ``15m``, ``24h``, ``90d``. Kept in its largest exact unit."""


def _percent(text: str) -> str:
    match = re.fullmatch(r"(\d{1,3}(?:\.\d{1,2})?)%", text)
    if match is None or float(match[1]) > 100:
        msg = f"{text!r} is not a percentage; write 10%"
        raise ValueError(msg)
    return text


Percent = Annotated[str, AfterValidator(_percent)]
"""A share such as ``10%``."""


def at_least(shortest: timedelta, what: str) -> Any:
    """Return a validator that refuses durations below *shortest*."""

    def check(text: str) -> str:
        if parse_duration(text) < shortest:
            msg = f"{text} is too short; {what} is at least {format_duration(shortest)}"
            raise ValueError(msg)
        return text

    return AfterValidator(check)


def unordered(values: Any) -> Any:
    """Sort a list that is a set, so that its order in a file is no change; doubles fall away."""
    if isinstance(values, list) and all(isinstance(value, str) for value in values):
        return sorted(set(values))
    return values


NameSet = Annotated[
    tuple[Name, ...], BeforeValidator(lambda v: tuple(unordered(v)) if isinstance(v, list) else v)
]
"""A list of names whose order means nothing."""


class EnvRef(Strict):
    """A secret in an environment variable of the running reconciler."""

    env: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=255)]


class FileRef(Strict):
    """A secret in a file, as Kubernetes and Docker mount them; read anew when it changes."""

    file: Annotated[str, StringConstraints(min_length=1, max_length=4096)]


class ConnectRef(Strict):
    """A secret that the customer gives through the connect page."""

    connect: Literal[True]


SecretRef = EnvRef | FileRef | ConnectRef
"""Where a secret is: ``{env: NAME}``, ``{file: PATH}`` or ``{connect: true}``; never the secret."""


class Selector(Strict):
    """Chooses connections by their labels; all must match."""

    match_labels: Annotated[dict[str, str], Field(alias="matchLabels", min_length=1)]


class Metadata(Strict):
    """Name and labels of a thing."""

    name: Name
    """Unique by kind."""
    labels: dict[str, str] = {}
    """Free key-value pairs that selectors and routes match."""
    annotations: dict[str, str] = {}
    """Free text for people and tools; nothing matches it."""
    previous_name: Annotated[Name | None, Field(alias="previousName")] = None
    """What it was called before: a rename, with nothing lost."""


class Envelope(Strict):
    """A document: ``apiVersion``, ``kind``, ``metadata``, ``spec``."""

    api_version: Annotated[Literal["reconciler/v1"], Field(alias="apiVersion")]
    kind: str
    metadata: Metadata

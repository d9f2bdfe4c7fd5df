"""What every document has: version, kind, metadata; and the words that many kinds share."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
)
from pydantic_core import PydanticCustomError

from reconciler.model.duration import format_duration, parse_duration
from reconciler.model.moment import rfc3339
from reconciler.model.reference import WORD, WORDS
from reconciler.spec.cron import check_zone, parse_cron

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
        defer_build=True,  # a plan whose files are all in the cache validates nothing
    )


Name = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63, min_length=1),
]
"""A DNS label: lower-case letters, digits and hyphens; 63 characters at most."""


def _duration(text: str) -> str:
    return format_duration(parse_duration(text))


Duration = Annotated[str, AfterValidator(_duration)]
"""A number and a unit: ``30s``, ``15m``, ``24h``, ``90d``. Kept in its largest exact unit."""


def _percent(text: str) -> str:
    match = re.fullmatch(r"(\d{1,3}(?:\.\d{1,2})?)%", text)
    if match is None or float(match[1]) > 100:
        msg = f"{text!r} is not a percentage; write 10%"
        raise ValueError(msg)
    return f"{float(match[1]):g}%"


Percent = Annotated[str, AfterValidator(_percent)]
"""A share such as ``10%``."""


def at_least(shortest: timedelta, what: str) -> Any:
    """Return a validator that refuses durations below *shortest*."""

    def check(text: str) -> str:
        if parse_duration(text) < shortest:
            msg = f"{text} is too short; {what} is at least {format_duration(shortest)}"
            raise PydanticCustomError("out_of_range", msg)
        return text

    return AfterValidator(check)


def at_most(longest: timedelta, what: str) -> Any:
    """Return a validator that refuses durations above *longest*."""

    def check(text: str) -> str:
        if parse_duration(text) > longest:
            msg = f"{text} is too long; {what} is at most {format_duration(longest)}"
            raise PydanticCustomError("out_of_range", msg)
        return text

    return AfterValidator(check)


def _known_as(error_type: str, check: Callable[[str], object]) -> AfterValidator:
    """Return a validator whose refusal carries *error_type*, so that it gets a code of its own."""

    def apply(text: str) -> str:
        try:
            check(text)
        except ValueError as error:
            raise PydanticCustomError(error_type, str(error)) from None
        return text

    return AfterValidator(apply)


CronText = Annotated[str, StringConstraints(max_length=255), _known_as("cron", parse_cron)]
"""Five cron fields: minute, hour, day of month, month, weekday (``0 22 * * 5``)."""

ZoneName = Annotated[str, StringConstraints(max_length=63), _known_as("time_zone", check_zone)]
"""A time zone by its name (``Europe/Amsterdam``)."""


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
    """The name of the variable."""


class FileRef(Strict):
    """A secret in a file, as Kubernetes and Docker mount them; read anew when it changes."""

    file: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    """The path of the file; a line break at its end is left out."""


class ConnectRef(Strict):
    """A secret that the customer gives through the connect page."""

    connect: Literal[True]
    """Always true."""


class ExecRef(Strict):
    """A secret that a command prints. The operator declares commands; a spec can only name one."""

    exec: Name
    """The name of the command in `RECONCILER_SECRET_COMMANDS`."""


class VaultRef(Strict):
    """A secret in a key-value engine, version 2, of HashiCorp Vault or OpenBao."""

    vault: Annotated[str, StringConstraints(pattern=r"^[^\s#/]+/[^\s#]+#[^\s#]+$", max_length=1024)]
    """Mount, path and key: `kv/acme/erp#password`."""


class SopsPlace(Strict):
    """A value in a file that was encrypted with sops."""

    file: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    """The path of the file, for the running reconciler."""
    key: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$", max_length=255)
    ]
    """The keys that lead to it, with dots between them: `erp.password`."""


class SopsRef(Strict):
    """A secret in a file that was encrypted with sops, read with the program of that name."""

    sops: SopsPlace
    """Where it is."""


PluginRef: TypeAlias = Annotated[
    dict[
        Annotated[str, StringConstraints(pattern=WORD)],
        Annotated[str, StringConstraints(min_length=1, max_length=4096)],
    ],
    Field(min_length=1, max_length=1),
]
"""A secret that a plug-in finds, under its word: ``{akv: "vault/name"}``."""


def _reference_kind(value: Any) -> str | None:
    if isinstance(value, dict):
        plugin = "<plug-in>" if len(value) == 1 and re.match(WORD, str(next(iter(value)))) else None
        return next((f"<{word}>" for word in WORDS if word in value), plugin)
    return (
        f"<{type(value).__name__.removesuffix('Ref').lower()}>"
        if isinstance(value, Strict)
        else None
    )


_FORMS: Final = "{env: NAME}, {file: PATH} or {connect: true}"

_Reference: TypeAlias = (
    Annotated[EnvRef, Tag("<env>")]
    | Annotated[FileRef, Tag("<file>")]
    | Annotated[ConnectRef, Tag("<connect>")]
    | Annotated[ExecRef, Tag("<exec>")]
    | Annotated[VaultRef, Tag("<vault>")]
    | Annotated[SopsRef, Tag("<sops>")]
    | Annotated[PluginRef, Tag("<plug-in>")]
)

SecretRef: TypeAlias = Annotated[
    _Reference,
    Discriminator(
        _reference_kind,
        custom_error_type="secret_reference",
        custom_error_message=f"a secret is given by reference; write {_FORMS}",
    ),
]
"""Where a secret is: ``{env: NAME}``, ``{file: PATH}``, ``{connect: true}``, or a provider's word and a
place; never the secret."""


def _value_kind(value: Any) -> str | None:
    return "<literal>" if isinstance(value, str | int) else _reference_kind(value)


SettingValue: TypeAlias = Annotated[
    Annotated[str | int | bool, Tag("<literal>")] | _Reference,
    Discriminator(
        _value_kind,
        custom_error_type="setting_value",
        custom_error_message=(
            f"a setting is a text, a whole number, true, false, or a reference: {_FORMS}"
        ),
    ),
]
"""What a connection gives for one setting of its connector."""


def _text_kind(value: Any) -> str | None:
    return "<literal>" if isinstance(value, str) else _reference_kind(value)


TextOrRef: TypeAlias = Annotated[
    Annotated[str, Tag("<literal>")] | _Reference,
    Discriminator(
        _text_kind,
        custom_error_type="setting_value",
        custom_error_message=f"write a text, or a reference: {_FORMS}",
    ),
]
"""A text, or a reference to one that is secret."""


LabelValue = Annotated[
    str, StringConstraints(pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$", max_length=63)
]
"""Letters, digits, ``-``, ``_`` and ``.``; 63 characters at most."""

LabelName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?$", max_length=127)
]
"""Letters, digits, ``-``, ``_``, ``.`` and ``/``; 127 characters at most."""


def _moment(text: str) -> str:
    """Return the moment in UTC; a date means its end."""
    try:
        if len(text) == 10:
            moment = datetime.combine(date.fromisoformat(text), time(23, 59, 59), UTC)
        else:
            moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        msg = f"'{text}' is no time; write a date (2026-05-31), or a time with its zone (2026-05-31T18:00:00Z)"
        raise ValueError(msg)
    return rfc3339(moment)


Moment = Annotated[str, StringConstraints(max_length=40), AfterValidator(_moment)]
"""A date (its end, in UTC), or a time with its zone; kept in UTC."""


class Selector(Strict):
    """Chooses connections by their labels; all must match."""

    match_labels: Annotated[dict[LabelName, LabelValue], Field(alias="matchLabels", min_length=1)]
    """All of these labels, with these values."""


class Metadata(Strict):
    """Name and labels of a thing."""

    name: Name
    """Unique by kind."""
    labels: dict[LabelName, LabelValue] = {}
    """Free key-value pairs that selectors and routes match."""
    annotations: dict[str, str] = {}
    """Free text for people and tools; nothing matches it. Another text of `reconciler/redo` has the work of a
    Connection, Mapping or SyncSchedule done once more; `reconciler/adopt` takes over what the API owns."""
    previous_name: Annotated[Name | None, Field(alias="previousName")] = None
    """What it was called before: a rename, with nothing lost."""


class Envelope(Strict):
    """A document: ``apiVersion``, ``kind``, ``metadata``, ``spec``."""

    api_version: Annotated[Literal["reconciler/v1"], Field(alias="apiVersion")]
    """The version of the spec language."""
    kind: str
    """What is declared."""
    metadata: Metadata
    """What it is called."""

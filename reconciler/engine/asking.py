"""What a connection leaves to its customer: the fields of its connect page, as values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.model.resource import Resource
from reconciler.spec.settings import auth_fields

_FORM: Final[Mapping[str, Any]] = {"type": "string", "secret": True}
"""What is asked for a place that the manifest does not know: as if it were a password."""


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that a customer is asked for.

    ``place`` is the key under which the answer is kept: ``auth.password``. ``type`` is ``string``, ``text``
    (several lines), ``url``, ``integer`` or ``boolean``; ``choices`` are all that may be answered; ``default``
    is the manifest's, as text.
    """

    place: str
    label: str
    description: str = ""
    type: str = "string"
    secret: bool = False
    required: bool = True
    default: str = ""
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None


def asks(connection: Resource, manifest: Resource) -> tuple[Field, ...]:
    """Return the fields of *connection* that say ``{connect: true}``, as its *manifest* describes them.

    First where the system is, then the login: what is required before what is not, a user before a password.
    A field is required unless it is a boolean, or the manifest has a default for it.
    """
    config = connection.spec.get("config") or {}
    auth = connection.spec.get("auth") or {}
    methods = manifest.spec.get("auth") or {}
    method = methods.get(auth.get("method")) or {}
    return (
        *_asked("config", config, manifest.spec.get("config") or {}),
        *_asked("auth", auth, auth_fields(method)),
    )


def _asked(
    block: str, given: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]
) -> Iterator[Field]:
    fields = [
        _field(f"{block}.{name}", name, known.get(name, _FORM))
        for name, value in given.items()
        if isinstance(value, Mapping) and value.get("connect") is True
    ]
    yield from sorted(fields, key=_order)


def _order(field: Field) -> tuple[bool, bool, bool, bool, str]:
    return (
        not field.required,
        field.type != "url",
        field.type == "text",
        field.secret,
        field.place,
    )


def _field(place: str, name: str, known: Mapping[str, Any]) -> Field:
    default = known.get("default")
    kind = str(known.get("type", "string"))
    return Field(
        place,
        label=known.get("label") or name.replace("_", " ").capitalize(),
        description=known.get("description", ""),
        type=kind,
        secret=bool(known.get("secret")),
        required=kind != "boolean" and default is None,
        default="" if default is None else _text(default),
        choices=tuple(known.get("choices") or ()),
        minimum=known.get("minimum"),
        maximum=known.get("maximum"),
    )


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

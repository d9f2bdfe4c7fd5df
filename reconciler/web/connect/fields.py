"""The fields of the form: what each is called, and how a phone helps to fill it in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.engine.asking import Field

_LABELS: Final = {
    "base_url": "Address",
    "url": "Address",
    "username": "User name",
    "user": "User name",
    "password": "Password",
    "key": "API key",
    "api_key": "API key",
    "token": "Access token",
    "client_id": "Client ID",
    "client_secret": "Client secret",
    "client_key": "Key of the client certificate (PEM)",
    "client_certificate": "Client certificate (PEM)",
    "ca": "Certificate authority (PEM)",
}


USERS: Final = frozenset({"username", "user", "login", "email"})
"""What manifests call the name that somebody logs in with."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One field as the page shows it. ``kind`` is ``input``, ``select``, ``checkbox`` or ``textarea``."""

    place: str
    id: str
    kind: str
    label: str
    description: str
    type: str
    inputmode: str
    autocomplete: str
    required: bool
    secret: bool
    choices: tuple[str, ...]
    value: str
    error: str
    focused: bool

    @property
    def described_by(self) -> str:
        """The ids of what says more about it, for those who hear the page."""
        ids = [f"{self.id}-error"] if self.error else []
        if self.description:
            ids.append(f"{self.id}-hint")
        return " ".join(ids)


def shown(
    fields: tuple[Field, ...], typed: Mapping[str, str], wrong: Mapping[str, str]
) -> list[Shown]:
    """Return *fields* as the page shows them; a secret that was typed is never written back."""
    first = next((field.place for field in fields if field.place in wrong), "")
    return [_shown(field, typed, wrong, focused=field.place == first) for field in fields]


def _shown(
    field: Field, typed: Mapping[str, str], wrong: Mapping[str, str], *, focused: bool
) -> Shown:
    return Shown(
        place=field.place,
        id="f-" + field.place.replace(".", "-").replace("_", "-"),
        kind=_kind(field),
        label=_label(field),
        description=field.description.rstrip("."),
        type="password" if field.secret else "text",
        inputmode={"url": "url", "integer": "numeric"}.get(field.type, ""),
        autocomplete=_autocomplete(field),
        required=field.required and field.type != "boolean",
        secret=field.secret,
        choices=field.choices,
        value="" if field.secret else typed.get(field.place, "")[:4096],
        error=wrong.get(field.place, ""),
        focused=focused,
    )


def _kind(field: Field) -> str:
    if field.choices:
        return "select"
    return {"boolean": "checkbox", "text": "textarea"}.get(field.type, "input")


def _autocomplete(field: Field) -> str:
    if name_of(field) in USERS:
        return "username"
    if name_of(field) == "password":
        return "current-password"
    return "url" if field.type == "url" else "off"


def _label(field: Field) -> str:
    """Return what the manifest calls it; where that is only its name in words, what people call it."""
    name = name_of(field)
    in_words = name.replace("_", " ").capitalize()
    return _LABELS.get(name, in_words) if field.label == in_words else field.label


def name_of(field: Field) -> str:
    """Return the name of *field* in the spec."""
    return field.place.partition(".")[2]

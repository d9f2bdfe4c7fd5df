"""The fields of the form: what each is called, and how a phone helps to fill it in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.engine.typed import USERS, AskedField

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
    fields: tuple[AskedField, ...], typed: Mapping[str, str], wrong: Mapping[str, str]
) -> list[Shown]:
    """Return *fields* as the page shows them; a secret that was typed is never written back."""
    first = next((field.place for field in fields if field.place in wrong), "")
    return [_shown(field, typed, wrong, focused=field.place == first) for field in fields]


def _shown(
    field: AskedField, typed: Mapping[str, str], wrong: Mapping[str, str], *, focused: bool
) -> Shown:
    return Shown(
        place=field.place,
        id="f-" + field.place.replace(".", "-").replace("_", "-"),
        kind=_kind(field),
        label=field.label or _LABELS.get(field.name) or _in_words(field.name),
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


def _kind(field: AskedField) -> str:
    if field.choices:
        return "select"
    return {"boolean": "checkbox", "text": "textarea"}.get(field.type, "input")


def _autocomplete(field: AskedField) -> str:
    if field.name in USERS:
        return "username"
    if field.name == "password":
        return "current-password"
    return "url" if field.type == "url" else "off"


def _in_words(name: str) -> str:
    return name.replace("_", " ").capitalize()

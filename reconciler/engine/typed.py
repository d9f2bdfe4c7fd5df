"""What a connection asks of its customer, and what the customer typed: taken, or answered in plain words."""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from reconciler.model.resource import Resource

LONGEST: Final = {"string": 1024, "url": 2048, "text": 32_768, "integer": 20, "boolean": 5}
LONGEST_SECRET: Final = 8192

CONSENT: Final = "oauth2_authorization_code"
"""The type of login that takes a customer's consent at the system's own page."""
USERS: Final = frozenset({"username", "user", "login", "email"})
"""What manifests call the name that somebody logs in with."""

_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories of Unicode whose characters nobody sees, and nobody types on purpose."""


@dataclass(frozen=True, slots=True)
class AskedField:
    """One thing that a customer gives. ``place`` is where it belongs: ``auth.password``."""

    place: str
    type: str = "string"
    label: str = ""
    description: str = ""
    required: bool = True
    secret: bool = False
    default: str = ""
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None

    @property
    def name(self) -> str:
        """Its name in the spec."""
        return self.place.partition(".")[2]


@dataclass(frozen=True, slots=True, repr=False)
class Typed:
    """What was typed: ``values`` by place, ready to be tried, and what is wrong, by place, in words."""

    values: Mapping[str, str]
    wrong: Mapping[str, str]


def asked_of(connection: Resource, manifest: Resource) -> tuple[AskedField, ...]:
    """Return what *connection* leaves to its customer, ``{connect: true}``.

    In the order in which people think of it: where, who, and the secret last.
    """
    auth: Mapping[str, Any] = connection.spec.get("auth") or {}
    fields = _method(connection, manifest).get("fields") or {}
    blocks = (
        ("config", connection.spec.get("config") or {}, manifest.spec.get("config") or {}),
        ("auth", auth, fields),
    )
    found = [
        _field(f"{block}.{name}", facts.get(name), block)
        for block, given, facts in blocks
        for name, value in given.items()
        if isinstance(value, Mapping) and value.get("connect") is True
    ]
    return tuple(sorted(found, key=_order))


def by_consent(connection: Resource, manifest: Resource) -> bool:
    """Whether the customer of *connection* logs in at the system itself, and consents there (OAuth 2)."""
    method = _method(connection, manifest)
    while method and method.get("type") != CONSENT:
        method = method.get("base") or {}  # a method may be another one with something around it
    return bool(method)


def _method(connection: Resource, manifest: Resource) -> Mapping[str, Any]:
    """Return the way to log in that *connection* chooses, as its manifest describes it."""
    methods: Mapping[str, Mapping[str, Any]] = manifest.spec.get("auth") or {}
    chosen = (connection.spec.get("auth") or {}).get("method")
    if chosen is None:
        return next(iter(methods.values()), {})
    return methods.get(str(chosen)) or {}


def _order(field: AskedField) -> tuple[bool, bool, bool, bool, str]:
    """Return where *field* stands: settings first and their address ahead, names before secrets."""
    user = field.name in USERS
    is_login = field.place.startswith("auth.")
    return is_login, field.type != "url", field.secret, not user, field.place


def _field(place: str, facts: Mapping[str, Any] | None, block: str) -> AskedField:
    if facts is None:  # one that every login may have beside those of its method: it may be secret
        return AskedField(place, secret=block == "auth")
    return AskedField(
        place=place,
        type=facts.get("type", "string"),
        label=facts.get("label", ""),
        description=facts.get("description", ""),
        required=bool(facts.get("required", False)),
        secret=bool(facts.get("secret", False)),
        default=_as_text(facts.get("default")),
        choices=tuple(facts.get("choices") or ()),
        minimum=facts.get("minimum"),
        maximum=facts.get("maximum"),
    )


def read_typed(fields: tuple[AskedField, ...], form: Mapping[str, str]) -> Typed:
    """Return what *form* says for *fields*; what else is in it is left alone."""
    values: dict[str, str] = {}
    wrong: dict[str, str] = {}
    for field in fields:
        text = _tidied(field, form.get(field.place, ""))
        problem = next(_problems(field, text), "")
        if problem:
            wrong[field.place] = problem
        else:  # what may be left out is kept as left out: the spec says that it comes from here
            values[field.place] = text or field.default
    return Typed(values, wrong)


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _tidied(field: AskedField, text: str) -> str:
    """Return *text* without what no one means: blanks around a name, the scheme left out of an address."""
    if field.type == "boolean":
        return "true" if text else "false"
    if field.type == "text":
        return text.replace("\r\n", "\n").strip()
    if field.secret:
        return text  # a blank may be part of it; it is asked about, not taken away
    text = text.strip()
    if field.type == "url" and text and "://" not in text:
        return f"https://{text}"
    return text


def _problems(field: AskedField, text: str) -> Iterator[str]:
    if not text.strip():
        if field.required or text:
            yield "Please fill this in."
        return
    longest = LONGEST_SECRET if field.secret and field.type == "string" else LONGEST[field.type]
    if len(text) > longest:
        yield f"This is too long. At most {longest:,} characters fit here."
    if text != text.strip():
        yield "There is a space before or after it. Please take it away, or type it by hand."
    allowed = "\n\t" if field.type == "text" else ""
    if any(unicodedata.category(one) in _UNSEEN and one not in allowed for one in text):
        yield "There is a character in it that cannot be seen. Please type it by hand."
    yield from _misfits(field, text)


def _misfits(field: AskedField, text: str) -> Iterator[str]:
    if field.choices and text not in field.choices:
        yield "Please choose one of the list."
    if field.type == "url" and not _is_address(text):
        yield "This is no web address. It looks like https://erp.example.com"
    if field.type == "integer":
        yield from _out_of_bounds(field, text)


def _out_of_bounds(field: AskedField, text: str) -> Iterator[str]:
    if not (text.isascii() and text.removeprefix("-").isdigit()):
        yield "Please write a whole number."
    elif field.minimum is not None and int(text) < field.minimum:
        yield f"Please write {field.minimum} or more."
    elif field.maximum is not None and int(text) > field.maximum:
        yield f"Please write {field.maximum} or less."


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    fine = parts.scheme in {"http", "https"} and bool(parts.hostname) and port != 0
    return fine and "@" not in parts.netloc and " " not in text and "\\" not in text

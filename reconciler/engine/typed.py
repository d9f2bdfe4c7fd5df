"""What a customer typed: taken, or answered in plain words."""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from reconciler.engine.asking import Field
from reconciler.model.resource import Resource

LONGEST: Final = {"string": 1024, "url": 2048, "text": 32_768, "integer": 20, "boolean": 5}
LONGEST_SECRET: Final = 8192

CONSENT: Final = "oauth2_authorization_code"
"""The type of login that takes a customer's consent at the system's own page."""
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories of Unicode whose characters nobody sees, and nobody types on purpose."""


@dataclass(frozen=True, slots=True, repr=False)
class Typed:
    """What was typed: ``values`` by place, ready to be tried, and what is wrong, by place, in words."""

    values: Mapping[str, str]
    wrong: Mapping[str, str]


def by_consent(connection: Resource, manifest: Resource) -> bool:
    """Whether the customer of *connection* logs in at the system itself, and consents there (OAuth 2)."""
    methods: Mapping[str, Mapping[str, Any]] = manifest.spec.get("auth") or {}
    chosen = (connection.spec.get("auth") or {}).get("method")
    method: Mapping[str, Any] = methods.get(str(chosen)) or {}
    while method and method.get("type") != CONSENT:
        method = method.get("base") or {}  # a method may be another one with something around it
    return bool(method)


def read_typed(fields: tuple[Field, ...], form: Mapping[str, str]) -> Typed:
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


def _tidied(field: Field, text: str) -> str:
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


def _problems(field: Field, text: str) -> Iterator[str]:
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


def _misfits(field: Field, text: str) -> Iterator[str]:
    if field.choices and text not in field.choices:
        yield "Please choose one of the list."
    if field.type == "url" and not _is_address(text):
        yield "This is no web address. It looks like https://erp.example.com"
    if field.type == "integer":
        yield from _out_of_bounds(field, text)


def _out_of_bounds(field: Field, text: str) -> Iterator[str]:
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

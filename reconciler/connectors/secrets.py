"""Secrets: from a reference to a value that does not show itself, and the cleaning of texts of it.

A ``Secret`` writes itself as ``***`` wherever it is printed, formatted or logged. A ``Redactor`` knows
the values in use and takes them out of texts by value, in the forms in which they travel, because a
remote system may well repeat them in an error page.
"""

import base64
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NoReturn
from urllib.parse import quote, quote_plus

from reconciler.errors import Invalid, SecretMissing

MASK: Final = "***"
LARGEST_FILE: Final = 65_536
SHORTEST: Final = 4
"""Texts shorter than this are no secret that could be hidden: every word holds them."""


class Secret:
    """A secret value. Only ``reveal`` gives it away."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value itself, for the one request that needs it."""
        return self._value

    def __repr__(self) -> str:
        return MASK

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return MASK

    def __reduce__(self) -> NoReturn:
        msg = "a secret is not written down"
        raise TypeError(msg)


def is_reference(value: Any) -> bool:
    """Whether *value* says where a secret is, in one of the three forms."""
    return isinstance(value, Mapping) and len(value) == 1 and next(iter(value)) in _RESOLVERS


def reference_of(text: str, *, what: str) -> Mapping[str, str]:
    """Return the reference that an option or a setting says as ``env:NAME`` or ``file:PATH``.

    Raises:
        Invalid: if it is none. It is not repeated: it may be the secret itself.
    """
    form, _, place = text.partition(":")
    if form not in {"env", "file"} or not place:
        raise Invalid(f"{what} is no reference", hint="write env:NAME or file:PATH")
    return {form: place}


def resolve(reference: Mapping[str, Any], environ: Mapping[str, str], *, what: str) -> Secret:
    """Return the secret that *reference* leads to; *what* names it in words for the message.

    Raises:
        SecretMissing: if it leads nowhere.
    """
    form, place = next(iter(reference.items()))
    return _RESOLVERS[form](place, environ, what)


def _from_environment(name: Any, environ: Mapping[str, str], what: str) -> Secret:
    value = environ.get(str(name), "")
    if not value:
        state = "empty" if str(name) in environ else "not set"
        raise SecretMissing(
            f"{what}: the environment variable {name} is {state}",
            hint=f"set {name} in the environment of the reconciler, and start it again",
        )
    return Secret(value)


def _from_file(name: Any, _environ: Mapping[str, str], what: str) -> Secret:
    try:
        content = Path(str(name)).read_bytes()[: LARGEST_FILE + 1]
        value = content.decode().rstrip("\r\n")
    except OSError as error:
        raise SecretMissing(
            f"{what}: the file {name} cannot be read: {error.strerror}",
            hint="mount the secret there, readable by the user that runs the reconciler",
        ) from None
    except UnicodeDecodeError:
        raise SecretMissing(f"{what}: the file {name} is not text in UTF-8") from None
    if not value or len(content) > LARGEST_FILE:
        state = f"larger than {LARGEST_FILE} bytes" if value else "empty"
        raise SecretMissing(f"{what}: the file {name} is {state}")
    return Secret(value)


def _from_customer(_place: Any, _environ: Mapping[str, str], what: str) -> NoReturn:
    raise SecretMissing(
        f"{what}: it is to come from the customer, who has not connected yet",
        hint="make a link for the customer: reconciler connect NAME",
    )


_RESOLVERS: Final = {"env": _from_environment, "file": _from_file, "connect": _from_customer}


class Redactor:
    """Takes known secrets out of texts. It learns as it goes: a session's token is one, too."""

    def __init__(self) -> None:
        self._forms: dict[str, None] = {}

    def __repr__(self) -> str:
        return f"Redactor({len(self._forms)} forms)"

    def learn(self, values: Iterable[str]) -> None:
        """Know *values* from now on, each in the forms in which it travels."""
        for value in values:
            if len(value) >= SHORTEST:
                self._forms.update(dict.fromkeys(_forms_of(value)))
        self._forms = dict.fromkeys(sorted(self._forms, key=len, reverse=True))

    def clean(self, text: str) -> str:
        """Return *text* with ``***`` for every secret in it."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        return text


def _forms_of(value: str) -> Iterable[str]:
    """Yield *value* as it stands, as in URLs, JSON and HTML, and in base64."""
    encoded = base64.b64encode(value.encode()).decode()
    yield value
    yield quote(value, safe="")
    yield quote_plus(value)
    yield value.replace("\\", "\\\\").replace('"', '\\"')
    yield value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    yield encoded
    yield encoded.rstrip("=")
    yield base64.urlsafe_b64encode(value.encode()).decode()

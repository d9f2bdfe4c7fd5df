"""From a reference to its value, for the forms that need no program and no server."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from reconciler.errors import Invalid, SecretMissing
from reconciler.secrets.secret import Secret

LARGEST: Final = 65_536
"""Bytes that a secret may have."""


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
    """Return the secret that *reference* (``env``, ``file``) leads to, read at this moment.

    *what* names it in words for the message.

    Raises:
        SecretMissing: if it leads nowhere.
    """
    form, place = next(iter(reference.items()))
    match form:
        case "env":
            return _from_environment(str(place), environ, what)
        case "file":
            return _from_file(str(place), what)
        case "connect":
            raise SecretMissing(
                f"{what}: it is to come from the customer, who has not connected yet",
                hint="make a link for the customer: reconciler connect NAME",
            )
        case _:
            raise SecretMissing(
                f"{what}: secrets of the form {{{form}: …}} are not taken here",
                hint="write {env: NAME} or {file: PATH}",
            )


def _from_environment(name: str, environ: Mapping[str, str], what: str) -> Secret:
    value = environ.get(name, "")
    if not value:
        state = "empty" if name in environ else "not set"
        raise SecretMissing(
            f"{what}: the environment variable {name} is {state}",
            hint=f"set {name} in the environment of the reconciler, and start it again",
        )
    return Secret(value)


def _from_file(name: str, what: str) -> Secret:
    try:
        with Path(name).open("rb") as file:
            content = file.read(LARGEST + 1)
        value = content.decode().rstrip("\r\n")
    except OSError as error:
        raise SecretMissing(
            f"{what}: the file {name} cannot be read: {error.strerror}",
            hint="mount the secret there, readable by the user that runs the reconciler",
        ) from None
    except UnicodeDecodeError:
        raise SecretMissing(f"{what}: the file {name} is not text in UTF-8") from None
    if not value or len(content) > LARGEST:
        state = f"larger than {LARGEST} bytes" if value else "empty"
        raise SecretMissing(f"{what}: the file {name} is {state}")
    return Secret(value)

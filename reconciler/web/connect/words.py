"""What went wrong, said to a person who wants to get on: by class of error, with the place it belongs to."""

import re
from dataclasses import dataclass
from typing import Final

from reconciler.engine.typed import USERS, AskedField
from reconciler.errors import (
    Forbidden,
    Invalid,
    RateLimited,
    ReconcilerError,
    Revoked,
    SecretMissing,
    ServerFault,
    SourceInvalid,
    Unauthorized,
    Unreachable,
)

_LOCKED: Final = re.compile(
    r"(?i)\b(locked|lock(ed)? out|blocked|disabled|deactivated|suspended)\b"
)
"""How systems say in their answer that an account is locked; there is no other sign of it."""
_NO_NAME: Final = re.compile(
    r"(?i)name or service|nodename|no address|getaddrinfo|name resolution|not known"
)


@dataclass(frozen=True, slots=True)
class Said:
    """A heading, what to do, and what to say beside which field."""

    title: str
    text: str
    fields: dict[str, str]


def say(error: ReconcilerError, fields: tuple[AskedField, ...], system: str) -> Said:
    """Return *error* in plain words; *system* is what people call the system."""
    match error:
        case Unauthorized() if _LOCKED.search(error.message):
            return Said(
                "The account is locked",
                f"{system} says that this account is locked. Ask whoever looks after {system} to "
                "unlock it, then come back to this page.",
                {},
            )
        case Revoked():
            return Said(
                f"{system} has withdrawn its permission",
                f"Ask whoever looks after {system} whether this account may still be used.",
                {},
            )
        case Unauthorized():
            return _refused(fields, system)
        case Forbidden():
            return Said(
                "This account may not do what is needed",
                f"{system} knows the account, and gives it no permission to read the data. Use another "
                f"account, or ask whoever looks after {system} for the permission.",
                {},
            )
        case Unreachable():
            return _silent(error, fields, system)
        case _:
            return _other(error, fields, system)


def _refused(fields: tuple[AskedField, ...], system: str) -> Said:
    secret = [field for field in fields if field.secret]
    names = {field.name for field in fields}
    by_password = "password" in names
    what = "user name or password" if by_password and len(names) > 1 else "key"
    if by_password and not names & USERS:
        what = "password"
    place = {secret[-1].place: "Please type it again. Mind capital letters."} if secret else {}
    if not secret:
        text = "Please try once more, or use another account."
        return Said(f"{system} did not let us in", text, {})
    return Said(
        f"Wrong {what}",
        f"{system} did not accept it. Use what you sign in to {system} with.",
        place,
    )


def _silent(error: ReconcilerError, fields: tuple[AskedField, ...], system: str) -> Said:
    address = next((field for field in fields if field.type == "url"), None)
    if address is None:
        return Said(
            f"{system} does not answer",
            "It may be down for a moment. Nothing you entered was wrong: try again in a few minutes.",
            {},
        )
    if _NO_NAME.search(error.message):
        text = "There is no system at this address. Is it spelled right?"
        return Said(
            "The address is wrong",
            f"We found nothing there under that name. {text}",
            {address.place: text},
        )
    return Said(
        f"{system} does not answer",
        "Either the address is wrong, or the system is down or cannot be reached from the internet.",
        {address.place: "Nothing answers at this address."},
    )


def _other(error: ReconcilerError, fields: tuple[AskedField, ...], system: str) -> Said:
    address = next((field for field in fields if field.type == "url"), None)
    match error:
        case RateLimited():
            return Said(
                f"{system} is busy", "It asks us to slow down. Try again in a minute or two.", {}
            )
        case ServerFault() | SourceInvalid() | Invalid() if address is not None and not isinstance(
            error, SecretMissing
        ):
            return Said(
                "The address is wrong",
                f"Something answers there, but it is not {system}.",
                {address.place: f"Open {system} in your browser, and copy the address from there."},
            )
        case ServerFault() | SourceInvalid():
            return Said(
                f"{system} has a problem",
                "It answers, but not as it should. Try again later, or tell whoever looks after it.",
                {},
            )
        case _:
            return OURS


OURS: Final = Said(
    "Something is not set up on our side",
    "It is not your fault, and nothing was kept. Please tell the people who sent you this link.",
    {},
)

"""What went wrong, said to a person who wants to get on: what to do, and beside which field."""

from dataclasses import dataclass, replace
from typing import Final

from reconciler.engine.asking import Field
from reconciler.engine.troubles import WORDS, Trouble, trouble_of
from reconciler.errors import Invalid, ReconcilerError, SecretMissing
from reconciler.web.connect.fields import USERS, name_of


@dataclass(frozen=True, slots=True)
class Said:
    """A heading, what to do, and what to say beside which field (its place)."""

    title: str
    text: str
    fields: dict[str, str]


OURS: Final = Said(
    "Something is not set up on our side",
    "It is not your fault, and nothing was kept. Please tell the people who sent you this link.",
    {},
)

_TITLES: Final = {
    Trouble.ACCOUNT_LOCKED: "The account is locked",
    Trouble.SECOND_FACTOR: "This account needs a second step",
    Trouble.CONSENT_GONE: "{system} has withdrawn its permission",
    Trouble.NO_PERMISSION: "This account has no permission",
    Trouble.UNKNOWN_HOST: "The address is wrong",
    Trouble.REFUSED: "{system} does not answer",
    Trouble.NO_ANSWER: "{system} does not answer",
    Trouble.CERTIFICATE: "We cannot be sure that this is {system}",
    Trouble.CLIENT_CERTIFICATE: "{system} does not accept the certificate",
    Trouble.NO_TLS: "No secure connection",
    Trouble.NETWORK: "{system} cannot be reached",
    Trouble.WRONG_ADDRESS: "The address is wrong",
    Trouble.NOT_THE_PRODUCT: "The address is wrong, or {system} is being serviced",
    Trouble.BUSY: "{system} is busy",
    Trouble.OTHER: "{system} has a problem",
}
_AT_THE_ADDRESS: Final = {
    Trouble.UNKNOWN_HOST: "There is no system of this name. Is it spelled right?",
    Trouble.REFUSED: "Nothing answers at this address.",
    Trouble.NO_ANSWER: "Nothing answers at this address.",
    Trouble.CERTIFICATE: "Is this the address that you open it with?",
    Trouble.NO_TLS: "Does it begin with https, or with http?",
    Trouble.NETWORK: "Is the address right?",
    Trouble.WRONG_ADDRESS: "Open it in your browser, and copy the address from there.",
    Trouble.NOT_THE_PRODUCT: "Something else answers at this address.",
}
"""What is said beside the address, where the customer gave it."""


def say(error: ReconcilerError, fields: tuple[Field, ...], system: str) -> Said:
    """Return *error* in plain words; *system* is what people call the system."""
    trouble = trouble_of(error)
    address = next((field.place for field in fields if field.type == "url"), None)
    if isinstance(error, SecretMissing):  # all that was asked for was filled in
        return OURS
    if isinstance(error, Invalid):
        if address is None:
            return OURS
        trouble = Trouble.WRONG_ADDRESS
    if trouble is Trouble.WRONG_CREDENTIALS:
        return _refused(fields, system)
    said = Said(_TITLES[trouble].format(system=system), WORDS[trouble], {})
    if trouble not in _AT_THE_ADDRESS:
        return said
    if address is None:
        return replace(said, title=f"{system} does not answer", text=_LATER)
    return replace(said, fields={address: _AT_THE_ADDRESS[trouble]})


_LATER: Final = (
    "It may be down for a moment. Nothing you entered was wrong: try again in a few minutes."
)


def _refused(fields: tuple[Field, ...], system: str) -> Said:
    """Return how it is said that the system refused what was typed, or the consent."""
    secret = [field.place for field in fields if field.secret]
    names = {name_of(field) for field in fields}
    if not secret:
        text = "Please try once more, or use another account."
        return Said(f"{system} did not let us in", text, {})
    what = "key"
    if "password" in names:
        what = "user name or password" if names & USERS else "password"
    text = f"{system} did not accept it. Use what you sign in to {system} with."
    return Said(f"Wrong {what}", text, {secret[-1]: "Please type it again. Mind capital letters."})

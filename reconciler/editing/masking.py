"""A record without the people in it: names, addresses, numbers replaced, the same ones by the same.

By the names of fields and the shapes of values. It is a help, and no proof: whoever keeps the record reads it.
"""

import re
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final

from reconciler.spec.secrets import is_secret_name, secret_by_name, secret_by_shape

SHORTEST: Final = 4
"""How many characters a name must have to be found in other texts."""
HIDDEN: Final = "hidden"

_WORD_STARTS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")
_EMAIL: Final = re.compile(r"[^\s@<>,;:\"'()]+@[^\s@<>,;:\"'()]+\.[A-Za-z]{2,}")
_PHONE: Final = re.compile(r"(?<![\w+])\+[0-9][0-9 ()./-]{6,}[0-9]")
_NAMED: Final = frozenset({
    "addressee", "approver", "assignee", "attention", "attn", "author", "buyer", "contact", "driver", "employee",
    "firstname", "fullname", "lastname", "login", "name", "name1", "name2", "owner", "person", "planner",
    "requester", "requestor", "surname", "technician", "user", "username", "who",
})  # fmt: skip
_BY: Final = frozenset(
    {"created", "updated", "modified", "approved", "requested", "signed", "received", "done"}
)
_MAILS: Final = frozenset({"email", "mail", "emails"})
_PHONES: Final = frozenset({"phone", "mobile", "fax", "tel", "telephone", "cell", "phones"})
_STREETS: Final = frozenset(
    {"street", "street1", "street2", "address", "addr", "address1", "address2", "line1", "line2"}
)
_TOWNS: Final = frozenset({"city", "town"})
_CODES: Final = frozenset({"zip", "zipcode", "postal", "postcode", "plz", "iban", "ssn", "passport", "vatid", "taxid"})  # fmt: skip
_TAXES: Final = frozenset({"tax", "vat", "bank", "account"})
_NUMBERS: Final = frozenset({"no", "nr", "number", "id"})

Replace = Callable[[str, int], str]


def masked(record: Mapping[str, Any], spared: AbstractSet[str] = frozenset()) -> dict[str, Any]:
    """Return *record* with personal data replaced; texts in *spared* stay, whatever they look like."""
    mask = _Mask(spared)
    mask.collect(record, "")
    made = mask.applied(record, "")
    return dict(made)


def without_secrets(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return *record* with what looks like a secret replaced by ``hidden``: specs are refused with one."""
    made: dict[str, Any] = _Hider().applied(record, "")
    return made


class _Hider:
    def applied(self, value: Any, key: str) -> Any:
        if isinstance(value, Mapping):
            return {name: self.applied(below, name) for name, below in value.items()}
        if isinstance(value, list):
            return [self.applied(below, key) for below in value]
        return self.text(value, key) if isinstance(value, str) else value

    def text(self, value: str, key: str) -> str:
        secret = secret_by_shape(value) or (is_secret_name(key) and secret_by_name(key, value))
        return HIDDEN if secret else value


class _Mask(_Hider):
    """What is replaced by what: collected first, so that a name is found before it is met in a text."""

    def __init__(self, spared: AbstractSet[str]) -> None:
        self._spared = spared
        self._made: dict[str, str] = {}
        self._within: dict[str, str] = {}

    def collect(self, value: Any, key: str) -> None:
        """Take in all values that stand under a personal name, or look personal."""
        if isinstance(value, Mapping):
            for name, below in value.items():
                self.collect(below, name)
        elif isinstance(value, list):
            for below in value:
                self.collect(below, key)
        elif isinstance(value, str) and value not in self._spared:
            self._take(value, _kind_of(key, value))

    def _take(self, value: str, replace: Replace | None) -> None:
        if replace is not None:
            self._put(value, replace)
        for shape, how in ((_EMAIL, _email), (_PHONE, _digits)):
            for found in shape.findall(value):
                self._put(found, how)

    def _put(self, value: str, replace: Replace) -> None:
        if value in self._made:
            return
        made = self._made[value] = replace(value, len(self._made) + 1)
        if len(value) >= SHORTEST:
            self._within[value] = made
        if replace is _name:
            for word in value.split():
                if len(word) >= SHORTEST and word[0].isupper() and word.isalpha():
                    self._within.setdefault(word, made)

    def text(self, value: str, key: str) -> str:
        """Return a text with all that was collected replaced, the longest first."""
        if value in self._spared:
            return value
        if value in self._made:
            return self._made[value]
        if self._within:
            words = sorted(self._within, key=len, reverse=True)
            known = re.compile("|".join(rf"(?<!\w){re.escape(word)}(?!\w)" for word in words))
            value = known.sub(lambda found: self._within[found[0]], value)
        return super().text(value, key)


def _kind_of(key: str, value: str) -> Replace | None:
    """Return how a value under *key* is replaced; ``None``: it is not personal by its name."""
    words = [word.lower() for word in _WORD_STARTS.split(key) if word]
    if not words or not value.strip():
        return None
    for names, replace in _KINDS:
        if names & set(words):
            return replace if replace is not _digits or re.search(r"\d", value) else None
    if words[0] in _TAXES and words[-1] in _NUMBERS:
        return _digits
    named = words[-1] in _NAMED or (words[-1] == "by" and words[0] in _BY)
    return _name if named and not re.search(r"\d", value) else None


def _email(_value: str, number: int) -> str:
    return f"person{number}@example.com"


def _name(value: str, number: int) -> str:
    return f"Person {number}" if " " in value else f"Person{number}"


def _street(_value: str, number: int) -> str:
    return f"{number} Example Street"


def _town(_value: str, number: int) -> str:
    return f"Town {number}"


def _digits(value: str, number: int) -> str:
    """Return *value* with other digits and letters: its form stays."""
    places = sum(char.isdigit() for char in value)
    digits = iter(f"{number:0{places}d}"[-places:])
    return "".join(
        next(digits) if char.isdigit() else "X" if char.isalpha() else char for char in value
    )


_KINDS: Final[tuple[tuple[frozenset[str], Replace], ...]] = (
    (_MAILS, _email), (_PHONES, _digits), (_CODES, _digits), (_STREETS, _street), (_TOWNS, _town),
)  # fmt: skip

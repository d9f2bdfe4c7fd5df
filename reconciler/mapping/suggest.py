"""Custom fields for what nobody maps: names, rules and what a person should know of each."""

import re
import unicodedata
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final

from reconciler.mapping.jmespath import ExpressionInvalid, read_expression
from reconciler.mapping.pathtext import Keys
from reconciler.mapping.profile import Node, Profile
from reconciler.mapping.template import is_template

MOST: Final = 200
"""How many fields are proposed at a time."""
WIDEST: Final = 12
"""Objects with more keys are proposed as one field, others field by field."""
LONGEST: Final = 63
LONGEST_EXPRESSION: Final = 4_096

_FEW: Final = 12
_OFTEN: Final = 10
_WORD_STARTS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(frozen=True, slots=True)
class Proposal:
    """A custom field that could be: its name, its rule, and where it comes from."""

    name: str
    rule: dict[str, Any]
    node: Node
    note: str = ""


@dataclass(frozen=True, slots=True)
class Proposals:
    """What is proposed, and what is not, by path and with the reason."""

    fields: tuple[Proposal, ...]
    left: tuple[tuple[str, str], ...]


def propose(profile: Profile, taken: AbstractSet[str]) -> Proposals:
    """Return custom fields for what *profile* found; their names are none of *taken*, and each once.

    The rules map every record that the profile has seen.
    """
    profile.unmapped()
    names = set(taken)
    fields: list[Proposal] = []
    left: list[tuple[str, str]] = []
    for node, in_list in _candidates(profile.root, in_list=False):
        why = _why_not(node)
        if not why and len(fields) >= MOST:
            why = f"more than {MOST} fields"
        if why:
            left.append((node.path, why))
        else:
            fields.append(_proposal(node, names, in_list=in_list))
    return Proposals(tuple(fields), tuple(left))


def _candidates(node: Node, *, in_list: bool) -> Iterator[tuple[Node, bool]]:
    """Yield what could become a field, and whether it is within a list."""
    for below in node.fields.values():
        if below.read or _goes_by_field(below):
            yield from _candidates(below, in_list=in_list)
        else:
            yield below, in_list
    if node.items is not None and node.read:
        if node.items.read or _is_object(node.items):
            yield from _candidates(node.items, in_list=True)
        else:
            yield node.items, True


def _goes_by_field(node: Node) -> bool:
    """Whether an object is proposed field by field."""
    return _is_object(node) and not node.crowded and 0 < len(node.fields) <= WIDEST


def _is_object(node: Node) -> bool:
    return node.kinds.seen.keys() == {"object"}


def _why_not(node: Node) -> str:
    """Return why there can be no field of *node*; nothing if there can."""
    text = node.path
    if not node.tally.filled:
        return "it is always empty"
    if is_template(text):
        return "its path looks like a template"
    if len(text) > LONGEST_EXPRESSION:
        return "its path is too long"
    try:
        read_expression(text)
    except ExpressionInvalid:
        return "its path cannot be written as JMESPath"
    return ""


def _proposal(node: Node, names: set[str], *, in_list: bool) -> Proposal:
    name = _unique(_snake(node.keys), names)
    names |= {name, f"{name}_raw"}
    rule: dict[str, Any] = {"from": node.path}
    if in_list:
        rule["type"] = "list"
        return Proposal(name, rule, node, "a list: one value of each item that has one")
    guess = node.kinds.guess(name)
    if guess.type is not None:
        rule["type"] = guess.type
    if guess.format is not None:
        rule["format"] = guess.format
    return Proposal(name, rule, node, guess.note or _few(node))


def _few(node: Node) -> str:
    """Return that the values are few, and which: an enum, perhaps."""
    tally = node.tally
    values = tally.distinct()
    if node.kinds.seen.keys() != {"string"} or tally.more:
        return ""
    if not 1 < len(values) <= _FEW or tally.filled < max(_OFTEN, 3 * len(values)):
        return ""
    listed = ", ".join(f"{value} {count:,}" for value, count in values)
    return f"few values, so perhaps an enum: {listed}"


def _snake(keys: Keys) -> str:
    """Return a name of letters, digits and ``_`` that starts with a letter, 63 characters at most."""
    words = "_".join(key for key in keys if key)
    plain = unicodedata.normalize("NFKD", _WORD_STARTS.sub("_", words))
    text = "".join(char for char in plain if not unicodedata.combining(char)).lower()
    text = re.sub(r"[^a-z0-9]+", "_", text).strip("_")
    if not text:
        return "field"
    return (text if text[0].isalpha() else f"field_{text}")[:LONGEST].rstrip("_")


def _unique(name: str, names: AbstractSet[str]) -> str:
    if name not in names:
        return name
    candidates = [f"source_{name}"[:LONGEST]]
    number = 2
    while candidates[-1] in names:
        tail = f"_{number}"
        candidates.append(name[: LONGEST - len(tail)] + tail)
        number += 1
    return candidates[-1]

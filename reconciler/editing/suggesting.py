"""A ``Mapping`` proposed for what nobody maps: YAML that validates as it stands, with what a person should know."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final

from reconciler.editing.quoting import in_brackets, text_of
from reconciler.mapping.coverage import Coverage
from reconciler.mapping.suggest import Proposal, Proposals, propose
from reconciler.model.resource import ResourceKey
from reconciler.spec.expressions import expression_fault
from reconciler.spec.secrets import redact, secret_by_shape

MOST_LEFT: Final = 50
"""How many paths are named that are not proposed."""
LONGEST_NAME: Final = 63


@dataclass(frozen=True, slots=True)
class Subject:
    """What a mapping is proposed for: its name, the connection and the entity, and the names that are taken.

    ``stored`` is how many records there are.
    """

    name: str
    connection: str
    entity: str
    taken: frozenset[str]
    stored: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The proposed document, ``text``: empty if nothing is proposed. ``left`` is what is not, and why."""

    name: str
    text: str
    fields: tuple[Proposal, ...]
    left: tuple[tuple[str, str], ...]


def name_for(connection: str, entity: str, taken: AbstractSet[ResourceKey]) -> str:
    """Return a name for a mapping of *entity* of *connection* that no mapping of *taken* has."""
    names = {key.name for key in taken if key.kind == "Mapping"}
    number = 0
    while True:
        number += 1
        tail = f"-{entity}-custom" + (f"-{number}" if number > 1 else "")
        name = connection[: max(0, LONGEST_NAME - len(tail))].rstrip("-") + tail
        name = name.lstrip("-")[-LONGEST_NAME:].strip("-")
        if name not in names:
            return name


def suggestion(subject: Subject, coverage: Coverage) -> Suggestion:
    """Return a mapping of custom fields for what *coverage* found unmapped."""
    proposed = propose(coverage.profile, subject.taken)
    fields = tuple(one for one in proposed.fields if not _refused(one))
    left = proposed.left
    left += tuple((one.node.path, _refused(one)) for one in proposed.fields if _refused(one))
    text = "\n".join(_document(subject, coverage, Proposals(fields, left))) + "\n"
    return Suggestion(subject.name, text if fields else "", fields, left)


def _refused(one: Proposal) -> str:
    """Return why the reader of specs would not take a field; nothing if it does."""
    text = one.rule["from"]
    if secret_by_shape(text):
        return "its path looks like a secret"
    return "its path cannot be written as JMESPath" if expression_fault(text) else ""


def _document(subject: Subject, coverage: Coverage, proposed: Proposals) -> Iterator[str]:
    yield f"# What {subject.connection} has under {subject.entity} and nobody maps, as custom fields. Proposed by"
    yield f"# `reconciler mapping suggest {subject.connection} {subject.entity}`, from {_looked(subject, coverage)}."
    yield "# Strike what you do not want, rename what you like, and apply the rest: no call to the source is needed."
    yield "apiVersion: reconciler/v1"
    yield "kind: Mapping"
    yield f"metadata: {in_brackets({'name': subject.name})}"
    yield "spec:"
    yield f"  connection: {text_of(subject.connection, flow=False)}"
    yield f"  entity: {text_of(subject.entity, flow=False)}"
    yield "  customFields:"
    for one in proposed.fields:
        for line in _comments(one):
            yield f"    # {line}"
        yield f"    {text_of(one.name, flow=False)}: {in_brackets(one.rule)}"
    if proposed.left:
        yield "# Not proposed:"
        for path, why in proposed.left[:MOST_LEFT]:
            yield f"#   {_shown(path)}: {why}"
        if len(proposed.left) > MOST_LEFT:
            yield f"#   and {len(proposed.left) - MOST_LEFT:,} more"
    if coverage.left_out:
        yield "# The records hold more paths than are told apart; what came last is missing here."


def _looked(subject: Subject, coverage: Coverage) -> str:
    looked_at = f"{coverage.looked_at:,}"
    if coverage.looked_at < subject.stored:
        return f"{looked_at} of {subject.stored:,} records"
    return f"all {looked_at} records"


def _comments(one: Proposal) -> Iterator[str]:
    tally = one.node.tally
    told = f"filled in {_percent(tally.rate)} of {tally.of:,}"
    if tally.sample is not None:
        told += f"; such as {_shown(tally.sample)}"
    yield told
    if one.note:
        yield _shown(one.note)


def _percent(rate: float) -> str:
    return f"{rate * 100:.1f} %".replace(".0 %", " %")


def _shown(text: Any) -> str:
    """Return a text as it may stand in a comment: in one line, and without what looks like a secret."""
    plain = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in str(text))
    return redact(plain)[:400]

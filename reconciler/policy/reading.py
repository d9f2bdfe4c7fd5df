"""The text of a policy to its value, or to all that is wrong with it, each at its place."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic import ValidationError

from reconciler.mapping.jmespath import compile_expression
from reconciler.model.duration import parse_duration
from reconciler.model.problem import Problem, Severity
from reconciler.model.resource import Kind, Origin
from reconciler.model.value import canonical
from reconciler.policy.expression import rule_findings
from reconciler.policy.language import PolicyDocument, PolicyRule, PolicyWindow
from reconciler.policy.policy import EMPTY, SEEN, Over, Policy, Reach, Rule, Window
from reconciler.spec.finding import Draft, Finding, Spot, Way
from reconciler.spec.places import Places
from reconciler.spec.policy_file import policy_files
from reconciler.spec.reading import Reading
from reconciler.spec.shapes import shape_findings
from reconciler.spec.survey import survey

_TOO_TRUE: Final = (
    "write over: object, or over: change; 'on' is a word that some readers of YAML take for true"
)


@dataclass(frozen=True, slots=True)
class PolicyRead:
    """A policy as far as it could be read (an empty one: there is none, or it cannot), and its problems."""

    policy: Policy = EMPTY
    problems: tuple[Problem, ...] = ()


def read_policy(files: Mapping[str, bytes]) -> PolicyRead:
    """Return the policy among *files* (path to content), and what is wrong with it.

    It is the one nearest to the root; a second one is an error, so that none is passed over in silence.
    """
    found = policy_files(files)
    if not found:
        return PolicyRead()
    texts = {file: files[file] for file in found}
    reading = Reading(texts, {}, Places(texts))
    for other in found[1:]:
        said = f"a second policy: the one that is read is {found[0]}"
        finding = Finding("R601", (), said, "keep all rules and windows in that one")
        reading.found.append((Draft({}, Spot(other, 1, 1)), finding))
    policy = _policy(reading, found[0])
    problems = tuple(map(_explained, reading.problems()))
    sound = all(problem.severity is not Severity.ERROR for problem in problems)
    return PolicyRead(policy if sound else EMPTY, problems)


def _policy(reading: Reading, file: str) -> Policy:
    """Return the policy of a file; what is wrong with it is remembered in *reading*."""
    read = reading.drafts(file)
    if not read.drafts or not read.sound:
        return EMPTY
    for other in read.drafts[1:]:
        said = "a policy is one document"
        reading.found.append((other, Finding("R601", (), said, "put all of it into the first")))
    draft = read.drafts[0]
    document, findings = _document(draft)
    reading.found.extend((draft, finding) for finding in findings)
    if document is None or findings:
        return EMPTY
    return Policy(
        tuple(_rule(one, _origin(reading, draft, at)) for at, one in enumerate(document.rules)),
        tuple(map(_window, document.windows)),
    )


def _document(draft: Draft) -> tuple[PolicyDocument | None, list[Finding]]:
    if not draft.mapping:
        said = "a policy is a mapping of keys"
        return None, [Finding("R100", (), said, "write rules: and windows:, each with a list")]
    findings = list(survey(draft.data).secrets)
    try:
        document = PolicyDocument.model_validate_json(
            canonical(draft.data), by_alias=True, by_name=False
        )
    except ValidationError as error:
        return None, [*findings, *shape_findings(error, draft.data, PolicyDocument)]
    names: dict[str, int] = {}
    for at, rule in enumerate(document.rules):
        if names.setdefault(rule.name, at) != at:
            said = f"two rules have the name '{rule.name}'"
            findings.append(Finding("R602", ("rules", at, "name"), said, "rename one of them"))
        key, text = _expression(rule)
        findings += rule_findings(text, ("rules", at, key), SEEN[Over(rule.over)])
    return document, findings


def _expression(rule: PolicyRule) -> tuple[str, str]:
    """Return the key of the rule's expression, and the expression."""
    return ("require", rule.require) if rule.require is not None else ("deny", rule.deny or "")


def _origin(reading: Reading, draft: Draft, at: int) -> Origin:
    way: Way = ("rules", at, "name")
    spot = draft.spot_of(way)
    place = reading.places.place(spot)
    return Origin(spot.file, place.line, place.column)


def _rule(rule: PolicyRule, origin: Origin) -> Rule:
    key, text = _expression(rule)
    return Rule(
        name=rule.name,
        over=Over(rule.over),
        reach=_reach(rule),
        search=compile_expression(text),
        wanted=rule.require is not None,
        asked=f"{key}: {text}",
        message=rule.message,
        severity=Severity(rule.severity),
        origin=origin,
        actions=frozenset(rule.actions or ()),
    )


def _window(window: PolicyWindow) -> Window:
    lasts = parse_duration(window.for_)
    return Window(window.deny, lasts, window.time_zone, window.reason, _reach(window))


def _reach(told: PolicyRule | PolicyWindow) -> Reach:
    labels: Mapping[str, Any] = told.selector.match_labels if told.selector is not None else {}
    return Reach(frozenset(map(Kind, told.kinds or ())), labels)


def _explained(problem: Problem) -> Problem:
    """Return *problem*, with what to write instead of the key that nearly everybody writes first."""
    start = problem.origin.column - 1
    word = problem.excerpt[start : start + problem.width].strip("\"'")
    if problem.code in {"R014", "R101"} and word == "on":
        return replace(problem, hint=_TOO_TRUE)
    return problem

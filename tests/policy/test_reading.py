"""A policy is read whole, or each thing that is wrong with it is told at its place, with a way out."""

from datetime import timedelta

import pytest

from reconciler.model.problem import Severity
from reconciler.model.resource import Kind, Origin
from reconciler.policy.policy import EMPTY, Over, Reach
from reconciler.policy.reading import read_policy
from reconciler.spec.codes import CODES
from reconciler.spec.load import load
from tests.policy.making import FILE, policy, rule, text, window

HEAD = "rules:\n  - name: r\n    message: it is so\n"


def told(said: str) -> list[tuple[str, int, str, str]]:
    problems = read_policy({FILE: said.encode()}).problems
    return [(one.code, one.origin.line, one.message, one.hint) for one in problems]


def test_a_policy_is_read_with_all_that_it_says() -> None:
    read = policy(
        rule(
            "owners",
            over="change",
            actions=["create", "delete"],
            kinds=["Connection"],
            selector={"matchLabels": {"env": "prod"}},
            deny="length(diff) > `3`",
            severity="warning",
        ),
        rule("plain"),
        windows=(window(timeZone="Europe/Amsterdam", kinds=["Mapping"]),),
    )
    first, second = read.rules
    assert (first.name, first.over, first.wanted) == ("owners", Over.CHANGE, False)
    assert first.reach == Reach(frozenset({Kind.CONNECTION}), {"env": "prod"})
    assert first.actions == {"create", "delete"}
    assert (first.severity, second.severity) == (Severity.WARNING, Severity.ERROR)
    assert (second.over, second.wanted, second.reach) == (Over.OBJECT, True, Reach())
    assert second.origin.file == FILE
    (shut,) = read.windows
    assert (shut.deny, shut.lasts, shut.zone) == (
        "0 22 * * 5",
        timedelta(hours=60),
        "Europe/Amsterdam",
    )
    assert read.over(Over.CHANGE) == (first,)


@pytest.mark.parametrize("said", ["", "# nothing yet\n", "rules: []\n", "windows: []\n", "{}\n"])
def test_a_policy_may_be_empty(said: str) -> None:
    read = read_policy({FILE: said.encode()})
    assert (read.policy, read.problems) == (EMPTY, ())


@pytest.mark.parametrize(
    ("said", "code", "line", "message", "hint"),
    [
        ("- a list\n", "R100", 1, "mapping of keys", "rules:"),
        ("rulez: []\n", "R101", 1, "unknown key 'rulez'", "did you mean 'rules'?"),
        (HEAD + "    requires: spec\n", "R101", 4, "unknown key 'requires'", "'require'"),
        (HEAD + "    on: object\n", "R014", 4, "'on'", "write over: object"),
        (HEAD + '    "on": object\n    require: spec\n', "R101", 4, "'on'", "write over: object"),
        ("rules:\n  - name: r\n    require: spec\n", "R102", 2, "'message' is missing", ""),
        (HEAD, "R107", 2, "exactly one of 'require' and 'deny'", ""),
        (HEAD + "    require: spec\n    deny: spec\n", "R107", 2, "exactly one of", ""),
        (HEAD + "    require: spec\n    actions: [create]\n", "R107", 2, "over: change", ""),
        (HEAD + "    require: spec\n    kinds: [Conection]\n", "R105", 5, "", "'Connection'"),
        (HEAD + "    require: spec\n    kinds: [ConnectionSet]\n", "R105", 5, "", ""),
        (HEAD + "    require: spec\n    kinds: []\n", "R106", 5, "1 entry at least", ""),
        (HEAD + "    require: spec\n    severity: fatal\n", "R105", 5, "'error' or 'warning'", ""),
        (HEAD + "    require: 'spec.['\n", "R120", 4, "not a JMESPath expression", ""),
        (HEAD + "    require: 'lenght(spec)'\n", "R120", 4, "no function lenght()", ""),
        (HEAD + "    require: 'length(spec, spec)'\n", "R120", 4, "takes 1 arguments", ""),
        (HEAD + "    deny: '!spec.protect'\n", "R120", 4, "always null", "write !(a.b)"),
        (HEAD + "    deny: 'kind && !spec.a[?b]'\n", "R120", 4, "always null", "write !(a.b)"),
        (HEAD + "    require: protect\n", "R120", 4, "no 'protect'", "known: kind, metadata, spec"),
        (HEAD + "    require: 'metdata.name'\n", "R120", 4, "'metdata'", "mean 'metadata'?"),
        (HEAD + "    over: change\n    require: spec\n", "R120", 5, "no 'spec'", "diff"),
        (HEAD + "    over: change\n    require: costs\n", "R120", 5, "no 'costs'", ""),
        ("windows:\n  - {deny: '61 * * * *', for: 1h, reason: why}\n", "R123", 2, "'61'", ""),
        ("windows:\n  - {deny: '0 0 30 2 *', for: 1h, reason: why}\n", "R123", 2, "never", ""),
        ("windows:\n  - {deny: '0 0 * * *', for: 40d, reason: why}\n", "R106", 2, "31d", ""),
        ("windows:\n  - {deny: '0 0 * * *', for: 1h}\n", "R102", 2, "'reason' is missing", ""),
        ("rules: []\n---\nrules: []\n", "R601", 3, "one document", "into the first"),
        ("rules: [&a {name: x}]\n", "R010", 1, "anchors", "write the value out"),
    ],
)
def test_each_mistake_is_told_at_its_line_with_a_way_out(
    said: str, code: str, line: int, message: str, hint: str
) -> None:
    found = told(said)
    assert [(one[0], one[1]) for one in found] == [(code, line)], found
    assert message in found[0][2]
    assert hint in found[0][3]
    assert code in CODES
    assert read_policy({FILE: said.encode()}).policy == EMPTY


@pytest.mark.parametrize(
    "expression",
    [
        "!(spec.protect)",
        "!spec",
        "!kind || spec",
        "@.spec.protect",
        "length(spec.tests) > `0` && starts_with(metadata.name, 'acme-')",
        "spec.fields.*.from | [0]",
        "spec.tests[?name == 'x'].source",
        "[metadata.name, {a: spec.b}]",
        "sort_by(spec.tests, &name)",
    ],
)
def test_what_is_meant_well_is_taken(expression: str) -> None:
    assert read_policy({FILE: text(rule(require=expression))}).problems == ()


def test_all_mistakes_are_told_at_once() -> None:
    said = text(rule("x", require="a"), rule("x", deny="!spec.b"), rule("z", deny="spec.("))
    codes = [one.code for one in read_policy({FILE: said}).problems]
    assert codes == ["R120", "R602", "R120", "R120"]


def test_the_policy_at_the_root_holds_and_a_second_one_is_an_error() -> None:
    files = {FILE: text(rule()), "specs/a/reconciler-policy.yaml": text(rule("other"))}
    (problem,) = read_policy(files).problems
    assert (problem.code, problem.origin) == (
        "R601",
        Origin("specs/a/reconciler-policy.yaml", 1, 1),
    )
    assert FILE in problem.message


@pytest.mark.parametrize("name", ["reconciler-policy.yaml", "specs/reconciler-policy.yml"])
def test_a_policy_is_no_document_of_the_specs(name: str) -> None:
    assert load({name: text(rule())}).problems == ()


def test_a_file_that_only_ends_like_one_is_a_document() -> None:
    assert [one.code for one in load({"my-reconciler-policy.yaml": b"rules: []\n"}).problems]


def test_a_secret_in_a_policy_is_found() -> None:
    said = text(rule(message="the key is AKIA" + "IOSFODNN7EXAMPLE"))
    problems = read_policy({FILE: said}).problems
    assert [one.code for one in problems] == ["R402"]
    assert "IOSFODNN7" not in str(problems)

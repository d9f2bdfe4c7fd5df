"""Rules over objects: who breaks them, whom they are about, and what cannot be judged."""

from typing import Any

import pytest

from reconciler.model.problem import Severity
from reconciler.model.resource import Resource
from reconciler.policy.objects import broken_by, problems_in
from tests.policy.making import by_key, made, policy, rule

PROD = {"env": "prod"}
ACME = made("Connection/acme", PROD, protect=False, config={"a": 0}, entities=["vendors"])
OTHER = made("Connection/other", {"env": "dev"}, protect=True, config={}, entities=[])
ORDERS = made("Mapping/acme-orders", connection="acme", tests=[])
EVERY = made("Mapping/all-orders", selector={"matchLabels": {"env": "prod"}}, tests=[{"name": "x"}])
OFTEN = made("SyncSchedule/often", connection="other")
PAUSE = made("Override/pause", target={"kind": "Mapping", "name": "acme-orders"})
SAME = made("Expectation/same", given={"connection": "acme"}, expect={})
ALL = (ACME, OTHER, ORDERS, EVERY, OFTEN, PAUSE, SAME)


def broken(*rules: dict[str, Any], among: tuple[Resource, ...] = ALL) -> list[str]:
    found = broken_by(policy(*rules), by_key(*among))
    return [f"{one.rule.name} {one.key}" for one in found]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"require": "spec.protect"}, ["Connection/acme"]),
        ({"require": "spec.protect == `true`"}, ["Connection/acme"]),
        ({"deny": "spec.protect"}, ["Connection/other"]),
        ({"deny": "!(spec.protect)"}, ["Connection/acme"]),
        ({"require": "spec.entities"}, ["Connection/other"]),
        ({"require": "spec.config"}, ["Connection/other"]),
        ({"deny": "spec.config.a"}, ["Connection/acme"]),
        ({"require": "spec.nothing"}, ["Connection/acme", "Connection/other"]),
        ({"deny": "spec.nothing"}, []),
        ({"require": "metadata.labels.env == 'prod'"}, ["Connection/other"]),
        ({"require": "starts_with(metadata.name, 'a')"}, ["Connection/other"]),
        (
            {"deny": "kind == 'Connection' && contains(spec.entities, 'vendors')"},
            ["Connection/acme"],
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_truth_is_that_of_jmespath(said: dict[str, Any], expected: list[str]) -> None:
    found = broken(rule("r", kinds=["Connection"], **said))
    assert found == [f"r {one}" for one in expected]


@pytest.mark.parametrize(
    ("reach", "expected"),
    [
        ({}, {str(one.key) for one in ALL}),
        ({"kinds": ["SyncSchedule"]}, {"SyncSchedule/often"}),
        (
            {"selector": {"matchLabels": {"env": "prod"}}},
            {
                "Connection/acme",
                "Mapping/acme-orders",
                "Mapping/all-orders",
                "Override/pause",
                "Expectation/same",
            },
        ),
        (
            {"selector": {"matchLabels": {"env": "dev"}}},
            {"Connection/other", "SyncSchedule/often"},
        ),
        (
            {"kinds": ["Mapping"], "selector": {"matchLabels": {"env": "prod"}}},
            {"Mapping/acme-orders", "Mapping/all-orders"},
        ),
        ({"selector": {"matchLabels": {"env": "prod", "more": "x"}}}, set()),
    ],
    ids=["all", "kind", "prod", "dev", "both", "too much"],
)
def test_a_rule_is_about_objects_and_about_what_belongs_to_their_connections(
    reach: dict[str, Any], expected: set[str]
) -> None:
    found = broken(rule("r", deny="metadata.name", **reach))
    assert {one.removeprefix("r ") for one in found} == expected


def test_a_mapping_for_many_is_about_each_connection_that_it_chooses() -> None:
    plant = made("Connection/plant", {"plant": "a", "env": "prod"})
    many = made("Mapping/many", selector={"matchLabels": {"plant": "a"}})
    asked = rule(
        "r", kinds=["Mapping"], selector={"matchLabels": {"env": "prod"}}, require="kind == 'x'"
    )
    assert broken(asked, among=(plant, many)) == ["r Mapping/many"]
    assert broken(asked, among=(many,)) == []


def test_references_that_lead_in_a_circle_end() -> None:
    first = made("Override/first", target={"kind": "Override", "name": "second"})
    second = made("Override/second", target={"kind": "Override", "name": "first"})
    asked = rule("r", selector={"matchLabels": {"env": "prod"}}, deny="kind")
    assert broken(asked, among=(first, second)) == []


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("length(spec.nothing)", "length() takes"),
        ("metadata.name < `3`", "values of different types"),
        ("starts_with(spec.entities, 'a')", "starts_with() takes"),
    ],
)
@pytest.mark.parametrize("severity", ["error", "warning"])
@pytest.mark.parametrize("sense", ["require", "deny"])
def test_what_cannot_be_judged_is_an_error_that_names_rule_and_object(
    expression: str, why: str, severity: str, sense: str
) -> None:
    (breach,) = broken_by(
        policy(rule("odd", severity=severity, **{sense: expression})), by_key(ACME)
    )
    assert (breach.severity, str(breach.key)) == (Severity.ERROR, "Connection/acme")
    assert why in breach.told
    (problem,) = problems_in([breach], {})
    assert (problem.code, problem.severity) == ("POLICY odd", Severity.ERROR)
    assert "Connection/acme" in problem.message


def test_a_broken_rule_is_a_problem_at_the_line_of_its_object() -> None:
    files = {"specs/acme.yaml": b"# one\n\nkind: Connection\n"}
    breaches = broken_by(
        policy(rule("safe", require="spec.protect", severity="warning")), by_key(ACME)
    )
    (problem,) = problems_in(breaches, files)
    assert str(problem.origin) == "specs/acme.yaml:3:1"
    assert problem.excerpt == "kind: Connection"
    assert problem.severity is Severity.WARNING
    assert problem.message == "That is our rule. (Connection/acme)"
    assert "require: spec.protect" in problem.hint

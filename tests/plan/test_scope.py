"""Which objects a scope covers."""

import pytest

from reconciler.plan.scope import Scope, matches, unmatched
from tests.plan.builders import Around, connection, key


@pytest.mark.parametrize(
    "pattern",
    [
        "Connection/acme",
        "connection/acme",
        "Connection",
        "acme",
        "ac*",
        "*/acme",
        "Conn*/a?me",
        "*",
    ],
)
def test_a_pattern_is_about_kind_and_name(pattern: str) -> None:
    assert matches(pattern, key("Connection/acme"))


@pytest.mark.parametrize(
    "pattern",
    ["Mapping/acme", "Mapping", "acm", "Connection/acm", "Connection/ACME", "connection/"],
)
def test_a_pattern_is_not_about_others(pattern: str) -> None:
    assert not matches(pattern, key("Connection/acme"))


def test_the_empty_scope_is_everything() -> None:
    assert Scope().covers(connection("acme"))
    assert not Scope().partial


def test_only_exclude_and_selector_all_have_to_agree() -> None:
    one = connection("acme", Around(labels={"plant": "a", "customer": "x"}))
    assert Scope(only=("Mapping", "Connection/ac*")).covers(one)
    assert not Scope(only=("Mapping",)).covers(one)
    assert not Scope(only=("Connection",), exclude=("*/acme",)).covers(one)
    assert Scope(selector={"plant": "a"}).covers(one)
    assert not Scope(selector={"plant": "a", "customer": "y"}).covers(one)
    assert all(
        scope.partial
        for scope in (Scope(only=("a",)), Scope(exclude=("a",)), Scope(selector={"a": "b"}))
    )


def test_patterns_that_are_about_nothing_are_told() -> None:
    scope = Scope(only=("connection", "acmee"), exclude=("Mapping/*", "Connection/acme"))
    assert unmatched(scope, [key("Connection/acme")]) == ("acmee", "Mapping/*")

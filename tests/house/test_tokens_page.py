"""The page on tokens says what the program does."""

import re
from pathlib import Path

from reconciler.engine.tokens import Refusal
from reconciler.model.access import ROLES, Role
from reconciler.web.app import Policy
from reconciler.web.refusals import GONE

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tokens.md").read_text()


def test_the_table_of_roles_is_that_of_the_program() -> None:
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|$", PAGE, re.MULTILINE)
    told = {role: re.findall(r"`([\w:]+)`", scopes) for role, scopes in rows}
    assert told == {role.value: sorted(scope.value for scope in ROLES[role]) for role in Role}


def test_every_deed_and_every_reason_is_on_the_page() -> None:
    sources = (ROOT / "reconciler").rglob("*.py")
    deeds = {
        deed for path in sources for deed in re.findall(r'"(token\.[a-z]+)"', path.read_text())
    }
    assert deeds == set(re.findall(r"^\| `(token\.[a-z]+)` \|", PAGE, re.MULTILINE))
    reasons = {reason.value for reason in Refusal} - {Refusal.UNKNOWN} | {GONE}
    assert all(f"`{reason}`" in PAGE for reason in reasons)


def test_the_number_of_wrong_tokens_is_that_of_the_program() -> None:
    assert f"after {Policy().failures} within a minute" in PAGE

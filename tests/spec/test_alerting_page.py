"""The example of the page on alerts is a route that can be declared."""

import re
from pathlib import Path

from reconciler.engine.manners import WORDS, manners_of
from reconciler.model.resource import Kind, ResourceKey
from reconciler.spec.load import load

PAGE = Path(__file__).parents[2] / "docs" / "alerting.md"
CALL = """
---
apiVersion: reconciler/v1
kind: AlertRoute
metadata: {name: on-call}
spec: {to: {notify: {url: {env: PAGER}}}}
"""


def test_the_example_is_valid_and_each_word_is_explained() -> None:
    page = PAGE.read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    loaded = load({"a.yaml": (example + CALL).encode()})
    assert loaded.problems == ()
    manners = manners_of(loaded.resources[ResourceKey(Kind.ALERT_ROUTE, "ops")].spec)
    assert manners is not None
    assert manners.escalate_to == "on-call"
    assert all(f"| `{word}" in page for word in WORDS)

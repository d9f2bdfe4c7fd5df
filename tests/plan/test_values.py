"""Values as people read them."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from reconciler.model.change import ABSENT
from reconciler.model.value import canonical
from reconciler.plan.render.values import block, flow, short
from tests.plan.builders import values


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("90d", "90d"),
        ("purchase-orders", "purchase-orders"),
        ("http://erp:8000", "http://erp:8000"),
        ("12", '"12"'),
        ("12:30", '"12:30"'),
        ("true", '"true"'),
        ("No", '"No"'),
        ("", '""'),
        ("a ", '"a "'),
        ("a: b", '"a: b"'),
        ("a #b", '"a #b"'),
        ("Zürich", "Zürich"),
        (12, "12"),
        (1.0, "1.0"),
        (True, "true"),
        (None, "null"),
        (ABSENT, "(absent)"),
        ([], "[]"),
        ({}, "{}"),
        (["a", 1], "[a, 1]"),
        ({"env": "ACME_PASSWORD"}, "{env: ACME_PASSWORD}"),
        ("two\nlines", '"two\\nlines"'),
    ],
)
def test_a_value_on_one_line(value: Any, text: str) -> None:
    assert flow(value) == text


@pytest.mark.parametrize("bad", ["\x1b[31mred", "a\x07", "\u202eabc", "a\x9bb", "x\r"])
def test_nothing_that_a_terminal_obeys_gets_through(bad: str) -> None:
    for text in (flow(bad), *block({"a": bad}), *block(f"{bad}\n{bad}"), flow({bad: 1})):
        assert text.isprintable()


def test_a_block_reads_as_a_spec() -> None:
    value = {
        "from": "state",
        "values": {"quotation": "pending_approval", "processing": "sent", "done": "closed"},
        "template": "{% if a %}\nx\n{% endif %}",
        "tests": [{"name": "a" * 40, "source": {"state": "quotation"}}, 1],
        "none": [],
    }
    assert list(block(value)) == [
        "from: state",
        "values:",
        "  quotation: pending_approval",
        "  processing: sent",
        "  done: closed",
        "template: |",
        "  {% if a %}",
        "  x",
        "  {% endif %}",
        "tests:",
        f"  - name: {'a' * 40}",
        "    source: {state: quotation}",
        "  - 1",
        "none: []",
    ]
    assert list(block("one")) == ["one"]
    assert list(block([])) == ["[]"]


def test_short_is_one_line_that_fits() -> None:
    assert short("a", 1)
    assert not short("ab", 1)
    assert not short("a\nb", 60)
    assert short("a\n", 60)


@given(values)
def test_a_value_on_one_line_is_yaml_that_means_the_same(value: Any) -> None:
    assume(
        "e+" not in flow(value)
    )  # a number in YAML 1.2, which specs follow; text in PyYAML's 1.1
    assert canonical(yaml.safe_load(flow(value))) == canonical(value)


@given(st.text())
def test_any_text_on_one_line_is_printable_and_means_the_same(text: str) -> None:
    shown = flow(text)
    assert shown.isprintable()
    if shown.startswith('"'):
        assert json.loads(shown) == text
    else:
        assert shown == text

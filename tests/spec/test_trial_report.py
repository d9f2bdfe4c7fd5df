"""Tests that were run, in each form."""

import json
from xml.etree import ElementTree as ET

from reconciler.model.resource import Kind, Origin, ResourceKey
from reconciler.spec.trial_report import Placed, render_json, render_junit, render_text
from reconciler.spec.trials import Trial

KEY = ResourceKey(Kind.MAPPING, "m")
PLACED = [
    Placed(Trial(KEY, 0, "it holds", "erp", ()), Origin("m.yaml", 1, 1)),
    Placed(Trial(KEY, 1, "it <fails> \x01", "erp", ("a: expected 1, got 2", "b: \x00")), Origin("m.yaml", 9, 7)),
]  # fmt: skip


def test_text_tells_each_test_and_what_differs() -> None:
    assert render_text(PLACED).splitlines() == [
        "pass  m on erp: it holds",
        "FAIL  m on erp: it <fails> \x01",
        "      m.yaml:9:7",
        "      a: expected 1, got 2",
        "      b: \x00",
        "2 tests, 1 failed.",
    ]
    assert render_text([]) == "There are no tests.\n"
    assert "\x1b[31mFAIL" in render_text(PLACED, color=True)


def test_json_tells_the_same() -> None:
    told = json.loads(render_json(PLACED))
    assert (told["tests"], told["failed"]) == (2, 1)
    assert [one["passed"] for one in told["results"]] == [True, False]
    assert (told["results"][1]["file"], told["results"][1]["line"]) == ("m.yaml", 9)


def test_junit_can_be_read_whatever_a_test_is_called() -> None:
    root = ET.fromstring(render_junit(PLACED).encode())  # noqa: S314  written by us
    assert root.attrib == {"tests": "2", "failures": "1"}
    (suite,) = root
    good, bad = suite
    assert (good.attrib["name"], len(good)) == ("it holds", 0)
    assert bad.attrib["name"] == "it <fails> \ufffd"
    assert bad[0].attrib["message"] == "a: expected 1, got 2"

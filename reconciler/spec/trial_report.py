"""What came of the tests of mappings, for people and tools: text, JSON, JUnit."""

import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from xml.etree import ElementTree as ET

import msgspec

from reconciler.model.resource import Origin
from reconciler.spec.trials import Trial

_RED: Final = "\x1b[31m"
_GREEN: Final = "\x1b[32m"
_PLAIN: Final = "\x1b[0m"
_NOT_IN_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Placed(NamedTuple):
    """A test, and where it is written: the mapping, of one that passes."""

    trial: Trial
    origin: Origin


def render_text(placed: Sequence[Placed], *, color: bool = False) -> str:
    """Return a line a test, what differs under those that fail, and the count."""
    lines: list[str] = []
    for trial, origin in placed:
        word = "pass" if trial.passed else "FAIL"
        tone = _GREEN if trial.passed else _RED
        shown = f"{tone}{word}{_PLAIN}" if color else word
        lines.append(f"{shown}  {trial.mapping.name} on {trial.connector}: {trial.name}")
        if not trial.passed:
            lines.append(f"      {origin}")
            lines += [f"      {difference}" for difference in trial.differences]
    return "\n".join([*lines, count_line(placed)]) + "\n"


def count_line(placed: Sequence[Placed]) -> str:
    """Return how many tests there are, and how many of them fail."""
    failed = sum(not one.trial.passed for one in placed)
    tests = f"{len(placed):,} test{'' if len(placed) == 1 else 's'}"
    return f"{tests}, {failed:,} failed." if placed else "There are no tests."


def render_json(placed: Sequence[Placed]) -> str:
    """Return the counts and a list of tests."""
    failed = sum(not one.trial.passed for one in placed)
    whole = {
        "tests": len(placed),
        "failed": failed,
        "results": [_as_value(one) for one in placed],
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n"


def _as_value(one: Placed) -> dict[str, Any]:
    trial, origin = one
    return {
        "mapping": trial.mapping.name,
        "test": trial.name,
        "connector": trial.connector,
        "passed": trial.passed,
        "differences": list(trial.differences),
        "file": origin.file,
        "line": origin.line,
    }


def render_junit(placed: Sequence[Placed]) -> str:
    """Return JUnit's XML: a suite a mapping, a case a test."""
    failed = sum(not one.trial.passed for one in placed)
    root = ET.Element("testsuites", tests=str(len(placed)), failures=str(failed))
    suites: dict[str, list[Placed]] = {}
    for one in placed:
        suites.setdefault(str(one.trial.mapping), []).append(one)
    for name, cases in suites.items():
        failures = str(sum(not one.trial.passed for one in cases))
        suite = ET.SubElement(
            root, "testsuite", name=name, tests=str(len(cases)), failures=failures
        )
        for one in cases:
            _case(suite, one)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, "unicode") + "\n"


def _case(suite: ET.Element, one: Placed) -> None:
    trial, origin = one
    case = ET.SubElement(
        suite,
        "testcase",
        name=_fit(trial.name),
        classname=f"{trial.mapping}.{trial.connector}",
        file=_fit(origin.file),
        line=str(origin.line),
    )
    if not trial.passed:
        failure = ET.SubElement(case, "failure", message=_fit(trial.differences[0]))
        failure.text = _fit("\n".join(trial.differences))


def _fit(text: str) -> str:
    """Return *text* without what XML cannot hold."""
    return _NOT_IN_XML.sub("\ufffd", text)

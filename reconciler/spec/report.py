"""Problems for people and tools: text, JSON, GitHub annotations, SARIF."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from reconciler.model.problem import Problem, Severity
from reconciler.spec.codes import CODES

_RED: Final = "\x1b[31m"
_YELLOW: Final = "\x1b[33m"
_BOLD: Final = "\x1b[1m"
_DIM: Final = "\x1b[2m"
_PLAIN: Final = "\x1b[0m"

WIDEST: Final = 120
"""How many columns of a source line are shown."""


def render_text(problems: Sequence[Problem], *, color: bool = False) -> str:
    """Return *problems* for a terminal: place, code, message; the line with carets; the hint; the count."""
    parts = [_one(problem, _Paint(color)) for problem in problems]
    return "\n\n".join([*parts, count_line(problems)]) + "\n"


def count_line(problems: Sequence[Problem]) -> str:
    """Return how many errors and warnings there are, in how many files."""
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    warnings = len(problems) - errors
    if not problems:
        return "No problems."
    files = len({problem.origin.file for problem in problems})
    counts = [_count(errors, "error")] if errors else []
    counts += [_count(warnings, "warning")] if warnings else []
    return f"{', '.join(counts)} in {_count(files, 'file')}."


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


class _Paint:
    """Colours, or none."""

    def __init__(self, color: bool) -> None:  # noqa: FBT001  the one thing that it is made of
        self._color = color

    def __call__(self, text: str, *codes: str) -> str:
        return f"{''.join(codes)}{text}{_PLAIN}" if self._color and text else text


def _one(problem: Problem, paint: _Paint) -> str:
    tone = _RED if problem.severity is Severity.ERROR else _YELLOW
    head = (
        f"{paint(str(problem.origin), _BOLD)}: "
        f"{paint(f'{problem.severity} {problem.code}', tone, _BOLD)} {problem.message}"
    )
    lines = [head]
    number = str(problem.origin.line)
    gutter = " " * (len(number) + 3)
    if problem.excerpt.strip():
        shown, before, width = _window(problem)
        lines.append(f"{paint(f'  {number} | ', _DIM)}{shown}")
        carets = paint("^" * width, tone)
        hint = f" {problem.hint}" if problem.hint else ""
        lines.append(f"{gutter}{paint('| ', _DIM)}{' ' * before}{carets}{hint}")
    elif problem.hint:
        lines.append(f"{gutter}  {problem.hint}")
    return "\n".join(lines)


def _window(problem: Problem) -> tuple[str, int, int]:
    """Return the part of the line that is shown, and where in it the carets start and how many."""
    line, start = problem.excerpt.rstrip(), problem.origin.column - 1
    cut = max(0, start - WIDEST // 2) if len(line) > WIDEST else 0
    shown = line[cut : cut + WIDEST]
    before = min(max(0, start - cut), len(shown))
    return shown, before, max(1, min(problem.width, len(shown) - before))


def render_json(problems: Sequence[Problem]) -> str:
    """Return *problems* as a JSON object: ``valid``, the counts, and a list."""
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    listed = [
        {
            "severity": str(problem.severity),
            "code": problem.code,
            "message": problem.message,
            "hint": problem.hint,
            "file": problem.origin.file,
            "line": problem.origin.line,
            "column": problem.origin.column,
            "width": problem.width,
            "excerpt": problem.excerpt,
        }
        for problem in problems
    ]
    whole = {
        "valid": not errors,
        "errors": errors,
        "warnings": len(problems) - errors,
        "problems": listed,
    }
    return _json(whole)


def _json(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"


def render_github(problems: Sequence[Problem]) -> str:
    """Return *problems* as workflow commands, which GitHub shows beside the lines of a pull request."""
    lines = []
    for one in problems:
        place = (
            f"file={_property(one.origin.file)},line={one.origin.line},col={one.origin.column},"
            f"endColumn={one.origin.column + one.width},title={one.code}"
        )
        text = f"{one.message}; {one.hint}" if one.hint else one.message
        lines.append(f"::{one.severity} {place}::{_data(text)}\n")
    return "".join(lines)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def render_sarif(problems: Sequence[Problem], *, version: str = "") -> str:
    """Return *problems* as SARIF 2.1.0, for code scanning."""
    used = sorted({problem.code for problem in problems})
    driver: dict[str, Any] = {
        "name": "reconciler",
        "rules": [_rule(code) for code in used],
    }
    if version:
        driver["version"] = version
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(problem, used.index(problem.code)) for problem in problems],
    }
    return _json(
        {
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [run],
        }
    )


def _rule(code: str) -> dict[str, Any]:
    family, _, name = code.partition(" ")
    meaning, remedy = CODES[family]
    return {
        "id": _rule_id(code),
        "shortDescription": {"text": f"{name}: {meaning}" if name else meaning},
        "help": {"text": remedy},
    }


def _rule_id(code: str) -> str:
    """Return *code* as SARIF writes a rule of a family: ``POLICY/has-an-owner``."""
    return code.replace(" ", "/")


def _result(problem: Problem, rule: int) -> dict[str, Any]:
    text = f"{problem.message}; {problem.hint}" if problem.hint else problem.message
    region = {
        "startLine": problem.origin.line,
        "startColumn": problem.origin.column,
        "endColumn": problem.origin.column + problem.width,
    }
    place = {"artifactLocation": {"uri": problem.origin.file}, "region": region}
    return {
        "ruleId": _rule_id(problem.code),
        "ruleIndex": rule,
        "level": str(problem.severity),
        "message": {"text": text},
        "locations": [{"physicalLocation": place}],
    }

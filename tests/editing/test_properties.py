"""For any document and any change: what is meant is read, and every comment line that was outside stays."""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.editing.edit import edit
from reconciler.editing.form import formatted, values_of
from reconciler.editing.merging import applied
from reconciler.editing.tree import documents
from reconciler.errors import EditRefused
from reconciler.model.change import ABSENT, FieldChange
from reconciler.model.value import canonical
from reconciler.spec.document import read_values
from reconciler.spec.finding import Way
from tests.editing.making import key_of, specs_of
from tests.editing.test_edit import CONNECTION, TEXTS

SETTINGS = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
WORDS = st.sampled_from([text for text in TEXTS if text.isprintable()]) | st.text(
    st.characters(min_codepoint=32, max_codepoint=0x17F, exclude_categories=["Cc", "Cs"]),
    max_size=8,
).filter(lambda text: "\x7f" not in text and not any("\x80" <= c <= "\xa0" for c in text))
PLAIN = WORDS.filter(lambda text: "{{" not in text and "{%" not in text and "{#" not in text)
SCALARS = (
    st.none() | st.booleans() | st.integers(-99, 99) | PLAIN | st.just("two\nlines") | st.just(1.5)
)
KEYS = st.sampled_from(["a", "b", "c", "on", "x y", "1", "é", "it's"])
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)
ROOTS = st.dictionaries(KEYS, VALUES, min_size=1, max_size=4)


class Writer:
    """Writes values as YAML in one of many ways, with comments that count themselves."""

    def __init__(self, pick: Callable[[int], int]) -> None:
        self._pick = pick
        self._count = 0

    def chance(self) -> bool:
        return self._pick(2) == 1

    def comment(self, column: int) -> list[str]:
        if self._pick(3):
            return []
        self._count += 1
        return [" " * column + f"# comment {self._count}", *([""] if self.chance() else [])]

    def behind(self) -> str:
        return " # behind" if not self._pick(4) else ""

    def scalar(self, value: Any, *, flow: bool) -> str:
        if isinstance(value, str):
            if value.isalpha() and value.isascii() and len(value) > 5 and self.chance():
                return value
            if value.isprintable() and self.chance():
                return "'" + value.replace("'", "''") + "'"
        return json.dumps(value, ensure_ascii=False)

    def flow(self, value: Any) -> str:
        space = " " if self.chance() else ""
        if isinstance(value, dict) and value:
            entries = (
                f"{json.dumps(k, ensure_ascii=False)}: {self.flow(v)}" for k, v in value.items()
            )
            return "{" + space + ", ".join(entries) + space + "}"
        if isinstance(value, list) and value:
            return "[" + space + f",{space}".join(self.flow(one) for one in value) + space + "]"
        return self.scalar(value, flow=True)

    def block(self, value: Any, column: int) -> list[str]:
        by = 2 + 2 * self._pick(2)
        lines = []
        rows = value.items() if isinstance(value, dict) else enumerate(value)
        for key, below in rows:
            lines += self.comment(column)
            head = f"{json.dumps(key, ensure_ascii=False)}:" if isinstance(value, dict) else "-"
            lines += self.row(" " * column + head, below, column + by)
        return lines

    def row(self, head: str, value: Any, column: int) -> list[str]:
        if isinstance(value, str) and value == "two\nlines" and self.chance():
            return [f"{head} |-", *(" " * column + line for line in value.split("\n"))]
        if isinstance(value, (dict, list)) and value and self.chance():
            inner = self.block(value, column)
            first = inner[0]
            if head.endswith("-") and not first.lstrip().startswith("#") and self.chance():
                return [head + first[len(head) :], *inner[1:]]
            return [head + self.behind(), *inner]
        return [f"{head} {self.flow(value)}{self.behind()}"]


@st.composite
def written(draw: Callable[[Any], Any], roots: Any) -> tuple[Any, str]:
    """A mapping whose one test has any source, and its text."""
    source = draw(roots)
    writer = Writer(lambda most: draw(st.integers(0, most - 1)))
    lines = [
        "# comment of the file",
        "apiVersion: reconciler/v1",
        "kind: Mapping",
        "metadata: {name: m}",
        "spec:",
        "  connection: acme",
        "  entity: vendors",
        "  inherit: false",
        "  tests:",
        "    - name: t",
        "      source:",
        *writer.block(source, 8),
        "      expect: {name: null}",
    ]
    breaks = draw(st.sampled_from(["\n", "\r\n"]))
    return source, breaks.join(lines) + draw(st.sampled_from([breaks, ""]))


@st.composite
def changes_of(draw: Callable[[Any], Any], value: Any, path: tuple[str, ...] = ()) -> FieldChange:
    """Some change somewhere in *value*: a field set, added or removed."""
    if isinstance(value, dict) and (not path or (value and draw(st.booleans()))):
        key = draw(st.sampled_from(sorted(value)) if draw(st.booleans()) else KEYS)
        if key in value and draw(st.booleans()):
            inner: FieldChange = draw(changes_of(value[key], (*path, key)))
            return inner
        after = draw(st.just(ABSENT) | VALUES if key in value else VALUES)
        return FieldChange((*path, key), value.get(key, ABSENT), after)
    return FieldChange(path, value, draw(VALUES))


BASE = ("spec", "tests", "[name=t]", "source")


@SETTINGS
@given(st.data())
def test_an_edit_is_what_was_meant_and_keeps_every_comment_outside(data: st.DataObject) -> None:
    source, text = data.draw(written(ROOTS))
    small = data.draw(changes_of(source))
    specs = specs_of({"a.yaml": CONNECTION, "b.yaml": text})
    resource = specs.sound().resources[key_of("Mapping/m")]
    change = FieldChange((*BASE, *small.path), small.before, small.after)
    edited = edit(specs, resource, [change])
    body = specs.after(edited).sound().resources[resource.key].body
    assert canonical(body) == canonical(applied(resource.body, change))
    after = edited.files.get("b.yaml", text.encode()).decode()
    gone = _span(text, small.path)
    lost = [line for at, line in _comment_lines(text) if line not in after.split("\n")]
    assert not [line for line in lost if line not in text[gone].split("\n")]
    assert after.count("\r\n") in {0, after.count("\n")}


def _span(text: str, path: tuple[str, ...]) -> slice:
    """Where the changed node stands: what is inside of it may go."""
    root = documents(text)[0]
    way: Way = ("spec", "tests", 0, "source", *path)
    part = root.nearest(way[:-1]).part(way[-1])
    return slice(0, 0) if part is None else slice(part.start, part.end)


def _comment_lines(text: str) -> list[tuple[int, str]]:
    return [(at, line) for at, line in enumerate(text.split("\n")) if line.lstrip().startswith("#")]


@SETTINGS
@given(written(ROOTS))
def test_the_canonical_form_says_the_same_keeps_comments_and_is_reached_at_once(
    pair: tuple[Any, str],
) -> None:
    _, text = pair
    made = formatted(text.encode())
    assert canonical(values_of(made, "")) == canonical(values_of(text.encode(), ""))
    assert formatted(made) == made
    assert sorted(line.strip() for _, line in _comment_lines(text)) == sorted(
        line.strip() for _, line in _comment_lines(made.decode())
    )
    assert made.endswith(b"\n")
    before, after = (specs_of({"a.yaml": CONNECTION, "b.yaml": t}).sound() for t in (text, made))
    assert {k: r.digest for k, r in before.resources.items()} == {
        k: r.digest for k, r in after.resources.items()
    }


YAMLISH = st.text(st.sampled_from("ab:- \n#{}[],'\"|>?&1.\\"), max_size=60)


@settings(max_examples=600, deadline=None)
@given(YAMLISH)
def test_no_text_at_all_comes_to_say_something_else(text: str) -> None:
    if read_values(text.encode()) is None:
        return
    told = ""
    try:
        made = formatted(text.encode())
    except EditRefused as refused:
        told = refused.message
        made = b""
    assert "say something else" not in told
    assert formatted(made) == made

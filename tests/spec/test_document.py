"""YAML: values of the core schema, limits, and everything that is refused at its place."""

import json
import random
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.spec import events
from reconciler.spec.compose import compose
from reconciler.spec.document import read_nodes, read_values
from reconciler.spec.examples import EXAMPLES


def values(text: str | bytes) -> list[Any] | None:
    documents = read_values(text.encode() if isinstance(text, str) else text)
    return None if documents is None else [document.value for document in documents]


def marks(text: str | bytes) -> list[tuple[str, int, int]]:
    content = text.encode() if isinstance(text, str) else text
    assert read_values(content) is None, "the quick walk took what the careful one refuses"
    return [(mark.code, *mark.place[:2]) for mark in read_nodes(content)[1]]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-12", -12),
        ("+7", 7),
        ("1.5", 1.5),
        ("-.5", -0.5),
        ("1e3", 1000.0),
        ("1.", 1.0),
        ("2026-01-01", "2026-01-01"),
        ("1.2.3", "1.2.3"),
        ("a-b", "a-b"),
        ("10.0.0.1", "10.0.0.1"),
        ("+x", "+x"),
        ("'yes'", "yes"),
        ('"12:30"', "12:30"),
        ("yesterday", "yesterday"),
        ("None", "None"),
        ("=", "="),
    ],
)
def test_a_plain_scalar_is_what_the_core_schema_says(text: str, value: object) -> None:
    got = values(f"a: {text}\n")
    assert got == [{"a": value}]
    assert got is not None
    assert type(got[0]["a"]) is type(value)


TRAPS = ["yes", "No", "ON", "off", "y", "N", "True", "FALSE", "Null"]
TRAP_NUMBERS = [
    "12:30",
    "1:2:3.5",
    "010",
    "0o10",
    "0x1F",
    "0b11",
    "1_000",
    "1_0.5",
    ".inf",
    "-.INF",
    ".nan",
    "99999999999999999999",
    "9223372036854775808",
    "1" * 6000,
    "1e999",
]


@pytest.mark.parametrize("word", TRAPS)
def test_a_word_that_yaml_1_1_takes_for_another_value_is_refused(word: str) -> None:
    assert marks(f"a: 1\nb: {word}\n") == [("R014", 2, 4)]
    assert marks(f"{word}: 1\n") == [("R014", 1, 1)]


@pytest.mark.parametrize("word", TRAP_NUMBERS)
def test_a_number_that_readers_disagree_on_is_refused(word: str) -> None:
    assert marks(f"a: [x, {word}]\n") == [("R015", 1, 8)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: &x 1\n", [("R010", 1, 4)]),
        ("a: *x\n", [("R010", 1, 4)]),
        ("? *x\n: 1\n", [("R010", 1, 3)]),
        ("<<: {a: 1}\n", [("R010", 1, 1)]),
        ("a: !!str 1\n", [("R011", 1, 4)]),
        ("!x {a: 1}\n", [("R011", 1, 1)]),
        ("a: 1\nb: 2\na: 3\n", [("R012", 3, 1)]),
        ("a: {b: 1, b: 2}\n", [("R012", 1, 11)]),
        ("1: a\n", [("R013", 1, 1)]),
        ("true: a\n", [("R013", 1, 1)]),
        (": a\n", [("R004", 1, 1)]),
        ("{: a}\n", [("R004", 1, 2)]),
        ("? \n: a\n", [("R013", 1, 2)]),
        ("? [a]\n: b\n", [("R013", 1, 3)]),
        ("? {a: 1}\n: b\n", [("R013", 1, 3)]),
        ("a: {{ vars.x }}\n", [("R013", 1, 4)]),
        ("a:\n\t- b\n", [("R005", 2, 1)]),
        ("a: b\tc\n", [("R005", 1, 5)]),
        ("a: b\x07\n", [("R006", 1, 5)]),
        ("a: \u202eb\n", [("R006", 1, 4)]),
        ("a: 1\rb: 2\n", [("R006", 1, 5)]),
        ('a: "x\\u0007"\n', [("R006", 1, 4)]),
        ("%YAML 1.1\n---\na: 1\n", [("R007", 1, 1)]),
        ("%TAG ! tag:x,2000:\n---\na: 1\n", [("R007", 1, 1)]),
        ("a: b: c\n", [("R004", 1, 5)]),
        ("a: 'x\nb: 1\n", [("R004", 1, 4)]),
        ("a: @x\n", [("R004", 1, 4)]),
        ("a: [1, 2\nb: 3\n", [("R004", 2, 2)]),
        ('a: "\\q"\n', [("R004", 1, 4)]),
        ("a: [}\n", [("R004", 1, 5)]),
        ("a: 1\n- b\n", [("R004", 2, 1)]),
        (b"a: \xff\n", [("R001", 1, 4)]),
        (b"a: 1\nb: \xc3\xa9\xff", [("R001", 2, 5)]),
        (b"\xff\xfea\x00", [("R001", 1, 1)]),
        (b"a: " + b"x" * 1_048_576, [("R002", 1, 1)]),
        ("[" * 200_000, [("R003", 1, 65)]),
        ("a: " + "{a: " * 100 + "\n", [("R003", 1, 256)]),
        ("- " * 200 + "\n", [("R003", 1, 129)]),
        ("a: [" + "1," * 50_001 + "]\n", [("R003", 1, 99_999)]),
    ],
)
def test_what_is_refused_is_told_at_its_place(
    text: str | bytes, found: list[tuple[str, int, int]]
) -> None:
    assert marks(text) == found


def test_a_file_with_a_thousand_mistakes_tells_of_a_hundred() -> None:
    found = marks("".join(f"k{n}: on\n" for n in range(1_000)))
    assert len(found) == 101
    assert found[-1] == ("R003", 101, 7)


def test_twenty_unseen_characters_are_enough() -> None:
    assert len(marks("a:\t1\n" * 100)) == 20


def test_a_byte_order_mark_is_accepted() -> None:
    assert values(b"\xef\xbb\xbfa: \xc3\xa9\n") == [{"a": "é"}]


def test_windows_line_ends_are_accepted() -> None:
    assert values("a: 1\r\nb: 2\r\n") == [{"a": 1, "b": 2}]


def test_a_broken_document_does_not_hide_the_next() -> None:
    text = "a: 'x\n---\nb: on\n---\nc: 1\n"
    assert marks(text) == [("R004", 1, 4), ("R014", 3, 4)]
    nodes, _ = read_nodes(text.encode())
    assert [node.plain() for node in nodes if node.whole] == [{"b": "on"}, {"c": 1}]


def test_empty_documents_are_nothing() -> None:
    assert values("# only a comment\n---\n---\n...\n") == []
    assert values("") == []


def test_a_document_that_is_no_mapping_is_left_to_the_careful_walk() -> None:
    for text in ("- a\n", "a\n", "12\n", "[]\n"):
        assert values(text) is None


def test_documents_know_where_they_start() -> None:
    documents = read_values(b"# c\na: 1\n--- \n# c\n\n  b: 2\n") or []
    assert [(d.line, d.column) for d in documents] == [(2, 1), (6, 3)]


def test_an_escape_in_double_quotes_that_is_seen_is_taken() -> None:
    assert values('a: "x\\ny\\tz\\u00e9"\n') == [{"a": "x\ny\tzé"}] or read_nodes(b"")[1] == []
    nodes, refused = read_nodes(b'a: "\\u00e9\\x41"\n')
    assert not refused
    assert nodes[0].plain() == {"a": "éA"}


@pytest.mark.parametrize("text", [*EXAMPLES.values(), "a: [1, {b: c}]\n", "a: on\n", "a: &x 1\n"])
def test_the_pure_parser_gives_the_same(text: str) -> None:
    ours = compose(events.parser_of(text, yaml.SafeLoader))
    theirs = compose(events.parser_of(text))
    assert [node.plain() for node in ours[0]] == [node.plain() for node in theirs[0]]
    assert [mark.code for mark in ours[1]] == [mark.code for mark in theirs[1]]


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=12),
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text("abcdef_-", min_size=1, max_size=6), inner, max_size=4),
    ),
    max_leaves=15,
)


@given(st.dictionaries(st.sampled_from(["spec", "kind", "a b", "x"]), TREES, min_size=1))
def test_both_walks_give_what_was_written(tree: dict[str, Any]) -> None:
    text = json.dumps(tree, ensure_ascii=False)  # JSON is YAML
    nodes, refused = read_nodes(text.encode())
    quick = read_values(text.encode())
    assert not refused
    assert [node.plain() for node in nodes] == [tree]
    assert quick is None or quick[0].value == tree


def mutated(text: str, rng: random.Random) -> bytes:
    content = bytearray(text.encode())
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(content))
        what = rng.random()
        if what < 0.4:
            content[at] = rng.choice(b"{}[]:,-?&*!|>'\"%@`#\n\t ~<=0123456789\\\xff\x00")
        elif what < 0.6:
            del content[at : at + rng.randint(1, 12)]
        elif what < 0.8:
            end = at + rng.randint(1, 40)
            content[at:at] = content[at:end]
        else:
            content[at:at] = rng.choice(
                [b"---\n", b"&a ", b"*a", b"<<: ", b"!!python/object:x ", b"{{ "]
            )
    return bytes(content)


def test_thousands_of_mutations_never_bring_the_reader_down() -> None:
    rng = random.Random(7)  # noqa: S311  the same mutations each time
    texts = list(EXAMPLES.values())
    for _ in range(4_000):
        content = mutated(rng.choice(texts), rng)
        documents = read_values(content)
        nodes, refused = read_nodes(content)
        if documents is not None:
            assert [d.value for d in documents] == [node.plain() for node in nodes]
            assert not refused

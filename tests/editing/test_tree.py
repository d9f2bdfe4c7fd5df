"""Nodes know which part of the text they are; both parsers of YAML say the same."""

from typing import Any

import pytest
import yaml

from reconciler.editing.tree import documents, origin
from reconciler.spec.document import read_nodes
from reconciler.spec.events import PURE, parser_of
from tests.editing.test_edit import CONNECTION, MAPPING, SET
from tests.editing.test_form import CANONICAL, FILES, WILD

TEXTS = [CONNECTION, MAPPING, SET, WILD, CANONICAL, *(path.read_text() for path in FILES)]


@pytest.mark.parametrize("at", range(len(TEXTS)))
def test_documents_hold_what_the_reader_reads_where_it_reads_it(at: int) -> None:
    text = TEXTS[at]
    nodes, marks = read_nodes(text.encode())
    roots = documents(text)
    assert not marks
    assert [root.plain() for root in roots] == [node.plain() for node in nodes]
    places = [origin(text, root.start, "f") for root in roots]
    assert [(p.line, p.column) for p in places] == [node.place[:2] for node in nodes]


@pytest.mark.parametrize("at", range(len(TEXTS)))
def test_both_parsers_give_the_same_spans(at: int) -> None:
    fast, pure = (list(iter(parser.get_event, None)) for parser in _parsers(TEXTS[at]))
    assert [_span(event) for event in fast] == [_span(event) for event in pure]


def _parsers(text: str) -> tuple[yaml.SafeLoader, yaml.SafeLoader]:
    return parser_of(text), parser_of(text, PURE)  # type: ignore[return-value]  # both give events


def _span(event: Any) -> tuple[str, int, int]:
    marked = isinstance(event, (yaml.NodeEvent, yaml.CollectionEndEvent))
    if not marked:
        return type(event).__name__, 0, 0
    return type(event).__name__, event.start_mark.index, event.end_mark.index


def test_the_spans_of_entries_items_and_values_are_their_text() -> None:
    text = "a: |-\n  x\n\n\nb:\n- 1  # one\n-\n  - c: é\n# end\nd: {e: [f, 'g']}\n"
    root = documents(text)[0]
    spans = {part.key: text[part.start : part.end] for part in root.parts or ()}
    assert spans == {
        "a": "a: |-\n  x",
        "b": "b:\n- 1  # one\n-\n  - c: é",
        "d": "d: {e: [f, 'g']}",
    }
    items = root.nearest(("b",)).parts or []
    assert [text[item.start : item.end] for item in items] == ["- 1", "-\n  - c: é"]
    assert root.nearest(("d", "e", 1)).value == "g"
    assert root.nearest(("b", 1, 0, "c", "none")).value == "é"

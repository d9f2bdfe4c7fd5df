"""What a memo remembers is what would be read anew: the same resources and problems, with less work."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.connectors.catalogue import catalogue_files
from reconciler.model.resource import Kind, ResourceKey
from reconciler.spec.load import Loaded, load
from reconciler.spec.memo import Memo

CONNECTION = """\
apiVersion: reconciler/v1
kind: Connection
metadata: {name: NAME}
spec: {connector: sandbox, config: {base_url: "http://HOST:8055"}, auth: {method: api_key, key: {env: KEY}}}
"""
MAPPING = """\
apiVersion: reconciler/v1
kind: Mapping
metadata: {name: NAME-orders}
spec: {connection: NAME, entity: purchase-orders, fields: {number: {from: number}}}
"""
ENVIRONMENT = """\
apiVersion: reconciler/v1
kind: Environment
metadata: {name: dev}
spec: {default: true, vars: {host: HOST}}
"""
SET = """\
apiVersion: reconciler/v1
kind: ConnectionSet
metadata: {name: many}
spec:
  file: table.csv
  template:
    metadata: {name: "{{ item.name }}"}
    spec: {connector: sandbox, config: {base_url: "http://h:8055"}, auth: {method: api_key, key: {env: KEY}}}
"""
FILES = {
    "a.yaml": [
        CONNECTION.replace("NAME", "a"),
        CONNECTION.replace("NAME", "a").replace("HOST", "{{ vars.host }}"),
        CONNECTION.replace("NAME", "b"),
        "kind: [broken",
        None,
    ],
    "b.yaml": [
        MAPPING.replace("NAME", "a"),
        MAPPING.replace("NAME", "b"),
        CONNECTION.replace("NAME", "a"),
        None,
    ],
    "environment.yaml": [
        ENVIRONMENT,
        ENVIRONMENT.replace("HOST", "elsewhere"),
        "# nothing\n",
        None,
    ],
    "set.yaml": [SET, None],
    "table.csv": ["name\nc\n", "name\nc\nd\n", None],
}
STATES = st.fixed_dictionaries({name: st.sampled_from(texts) for name, texts in FILES.items()})


def read(texts: Mapping[str, str | None], memo: Memo | None = None) -> Loaded:
    files = {name: text.encode() for name, text in texts.items() if text is not None}
    return load(files, catalogue=catalogue_files(), cache=memo)


@settings(deadline=None, max_examples=60)
@given(st.lists(STATES, max_size=8))
def test_after_any_edits_it_is_as_if_all_was_read_anew(
    states: list[dict[str, str | None]],
) -> None:
    memo = Memo()
    for state in states:
        again, anew = read(state, memo), read(state)
        assert again.resources == anew.resources
        assert again.problems == anew.problems


@pytest.fixture
def memo() -> Memo:
    memo = Memo()
    read({"a.yaml": FILES["a.yaml"][0], "b.yaml": FILES["b.yaml"][0]}, memo)
    return memo


def test_a_resource_whose_file_has_not_changed_is_the_same_one(memo: Memo) -> None:
    texts = {"a.yaml": FILES["a.yaml"][0], "b.yaml": FILES["b.yaml"][0]}
    first = read(texts, memo)
    second = read({**texts, "a.yaml": f"{texts['a.yaml']}# more\n"}, memo)
    connection = ResourceKey(Kind.CONNECTION, "a")
    mapping = ResourceKey(Kind.MAPPING, "a-orders")
    assert second.resources[mapping] is first.resources[mapping]
    assert second.resources[connection] is not first.resources[connection]
    assert second.resources[connection].digest == first.resources[connection].digest


def test_a_file_that_is_gone_is_forgotten(memo: Memo) -> None:
    assert len(memo.used()) == 2
    read({"a.yaml": FILES["a.yaml"][0]}, memo)
    assert len(memo.used()) == 1

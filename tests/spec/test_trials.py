"""Tests of mappings are run when specs are read: what fails is an error, at the line of the test."""

from collections.abc import Mapping
from typing import Any

import pytest

from reconciler.connectors.catalogue import catalogue_files
from reconciler.model.resource import Kind, ResourceKey
from reconciler.spec.load import Loaded, Trial, load
from reconciler.spec.memo import Memo

CONNECTION = """\
apiVersion: reconciler/v1
kind: Connection
metadata: {name: NAME, labels: {plant: PLANT}}
spec: {connector: CONNECTOR, config: {base_url: "http://h:8055"}, auth: {method: api_key, key: {env: KEY}}}
"""
CONNECTOR = """\
apiVersion: reconciler/v1
kind: Connector
metadata: {name: NAME}
spec:
  title: A system
  family: erp
  protocol: http-json
  config: {base_url: {type: url, required: true}}
  auth: {api_key: {type: api_key, header: X-Key, fields: {key: {required: true, secret: true}}}}
  probe: {path: /}
  streams:
    vendors: {request: {path: /v}, fields: {name: {from: NAMED}, code: {from: key}}}
"""
MAPPING = """\
apiVersion: reconciler/v1
kind: Mapping
metadata: {name: NAME}
spec:
  OF
  entity: vendors
  fields: FIELDS
"""
TESTS = """\
  tests:
    - name: it has a name
      source: SOURCE
      expect: EXPECT
"""


def connector(name: str, named: str) -> str:
    return CONNECTOR.replace("NAMED", named).replace("NAME", name)


def connection(name: str, of: str = "one", plant: str = "a") -> str:
    text = CONNECTION.replace("NAME", name).replace("CONNECTOR", of)
    return text.replace("PLANT", plant)


def mapping(
    of: str, fields: str = "{}", source: str = "", expect: str = "{}", name: str = "m"
) -> str:
    text = MAPPING.replace("NAME", name).replace("OF", of).replace("FIELDS", fields)
    return text + (TESTS.replace("SOURCE", source).replace("EXPECT", expect) if source else "")


def read(cache: Any = None, **texts: str) -> Loaded:
    files = {
        "connectors.yaml": "---\n".join([connector("one", "label"), connector("two", "title")])
    }
    files |= {f"{name}.yaml": text for name, text in texts.items()}
    encoded = {name: text.encode() for name, text in files.items()}
    return load(encoded, catalogue=catalogue_files(), cache=cache)


def told(loaded: Loaded) -> list[str]:
    return [f"{one.origin}: {one.code} {one.message}" for one in loaded.problems]


ACME = "connection: acme"
SELECT = "selector: {matchLabels: {plant: a}}"


def test_a_test_that_holds_says_nothing() -> None:
    loaded = read(
        a=connection("acme"), m=mapping(ACME, source="{label: Ada}", expect="{name: Ada}")
    )
    assert told(loaded) == []
    key = ResourceKey(Kind.MAPPING, "m")
    assert loaded.tests == (Trial(key, 0, "it has a name", "one", ()),)


def test_a_test_that_fails_is_an_error_at_its_own_line() -> None:
    made = mapping(ACME, source="{label: Ada}", expect="{name: Bob, code: x}")
    loaded = read(a=connection("acme"), m=made)
    assert told(loaded) == [
        "m.yaml:9:7: R130 the test 'it has a name' fails: code: expected \"x\", got null, and 1 more"
    ]
    assert loaded.errors
    (tested,) = loaded.tests
    assert tested.differences == ('code: expected "x", got null', 'name: expected "Bob", got "Ada"')


def test_a_source_that_cannot_be_mapped_fails_its_test() -> None:
    made = mapping(
        ACME, "{name: {from: a, values: {x: w}, unknown: error}}", "{a: maybe}", "{name: z}"
    )
    (problem,) = read(a=connection("acme"), m=made).errors
    assert problem.code == "R130"
    assert 'name: "maybe" is not a value that' in problem.message


def test_the_mappings_that_select_the_connection_are_below_its_own() -> None:
    everywhere = mapping(SELECT, "{code: {from: label}}", name="everywhere")
    made = mapping(ACME, "{name: {from: x}}", "{label: L, x: X}", "{name: X, code: L}")
    assert told(read(a=connection("acme"), e=everywhere, m=made)) == []
    elsewhere = connection("acme", plant="b") + "---\n" + connection("other")
    assert "code: expected" in told(read(a=elsewhere, e=everywhere, m=made))[0]


def test_a_mapping_that_selects_is_tested_on_each_connector_that_is_chosen() -> None:
    made = mapping(SELECT, source="{label: L}", expect="{name: L}")
    both = connection("acme") + "---\n" + connection("beta", "two")
    loaded = read(a=both, m=made)
    assert [(one.connector, one.passed) for one in loaded.tests] == [("one", True), ("two", False)]
    assert "(with the connector 'two')" in told(loaded)[0]
    assert told(read(a=connection("acme"), m=made)) == []


def test_one_that_selects_nothing_has_to_hold_on_the_default_of_some_connector() -> None:
    made = mapping(SELECT, source="{title: L}", expect="{name: L}")
    loaded = read(m=made)
    assert [one.code for one in loaded.problems] == ["R207"]
    assert [one.connector for one in loaded.tests] == ["two"]
    loaded = read(m=made.replace("{name: L}", "{name: M}"))
    assert [one.code for one in loaded.errors] == ["R130"]


def test_rules_that_cannot_be_compiled_are_told_at_their_place() -> None:
    made = mapping(ACME, "{name: {from: a, type: integer}}", "{a: 1}", "{name: 1}")
    (problem,) = read(a=connection("acme"), m=made).errors
    assert (problem.code, problem.origin.line) == ("R131", 7)
    assert "integer does not fit the field" in problem.message


def test_what_is_wrong_otherwise_is_not_tested() -> None:
    made = mapping("connection: nobody", source="{label: L}", expect="{name: M}")
    loaded = read(a=connection("acme"), m=made)
    assert ([one.code for one in loaded.errors], loaded.tests) == (["R201"], ())
    broken = mapping(ACME, "{nonsense: {from: a}}", "{label: L}", "{name: M}")
    loaded = read(a=connection("acme"), m=broken)
    assert ([one.code for one in loaded.errors], loaded.tests) == (["R104"], ())


def test_mappings_of_a_set_are_tested_each_and_told_once_in_the_template() -> None:
    text = """\
apiVersion: reconciler/v1
kind: ConnectionSet
metadata: {name: many}
spec:
  items: [{name: a}, {name: b}]
  template:
    metadata: {name: "{{ item.name }}"}
    spec: {connector: one, config: {base_url: "http://h:8055"}, auth: {method: api_key, key: {env: KEY}}}
    mappings:
      - metadata: {name: "{{ item.name }}-vendors"}
        spec:
          entity: vendors
          tests:
            - {name: wrong, source: {label: L}, expect: {name: M}}
"""
    loaded = read(s=text)
    assert len(loaded.tests) == 2
    (problem,) = loaded.problems
    assert (problem.code, problem.origin.line) == ("R130", 14)


class Written(dict[bytes, bytes]):
    """A cache that counts what is written into it."""

    count = 0

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self.count += 1
        super().__setitem__(key, value)


@pytest.mark.parametrize("remembers", [True, False])
def test_what_came_of_tests_is_kept_until_something_changes_that_they_depend_on(
    remembers: bool,  # noqa: FBT001  of the test
) -> None:
    written = Written()
    texts = {
        "a": connection("acme"),
        "e": mapping(SELECT, name="everywhere"),
        "m": mapping(ACME, source="{label: L}", expect="{name: M}"),
    }
    cache: Any = Memo(written) if remembers else written
    first = read(cache, **texts)
    known, count = set(written), written.count
    again = read(cache, **texts)
    assert (written.count, told(again), again.tests) == (count, told(first), first.tests)
    assert len(again.errors) == 1
    changes: list[Mapping[str, str]] = [
        {"e": mapping(SELECT, "{code: {from: x}}", name="everywhere")},
        {"m": mapping(ACME, source="{label: M}", expect="{name: M}")},
        {"a": connection("acme", plant="b")},
        {"a": connection("acme", "two")},
    ]
    for change in changes:
        count = written.count
        read(cache, **{**texts, **change})
        assert written.count == count + 2, (
            change
        )  # the file that changed, and what came of the test
    count = written.count
    assert told(read(cache, **texts)) == told(first)
    assert written.count == count
    assert known <= set(written)


def test_a_damaged_cache_is_no_result() -> None:
    cache: dict[bytes, bytes] = {}
    texts = {"a": connection("acme"), "m": mapping(ACME, source="{label: L}", expect="{name: L}")}
    read(cache, **texts)
    for key in cache:
        cache[key] = b"\xc1"
    assert len(read(cache, **texts).tests) == 1


def test_the_memo_names_the_results_of_tests_among_what_it_uses() -> None:
    memo = Memo()
    texts = {"a": connection("acme"), "m": mapping(ACME, source="{label: L}", expect="{name: L}")}
    read(memo, **texts)
    assert set(memo.used()) <= set(memo)
    assert len(memo.used()) == len(texts) + 1 + 1

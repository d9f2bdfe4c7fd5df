"""Loading: every mistake at its line and column, all at once, and nothing else."""

from collections.abc import Callable
from typing import Any

import pytest

from reconciler.model.problem import Problem, Severity
from reconciler.model.resource import Kind, Resource, ResourceKey
from reconciler.spec.load import Loaded

CONNECTION = """\
apiVersion: reconciler/v1
kind: Connection
metadata: {name: acme-erp, labels: {customer: acme, plant: a}}
spec:
  connector: tryton
  config: {base_url: "http://erp.example.com", database: acme}
  auth: {method: password, username: {env: ACME_USER}, password: {env: ACME_PASSWORD}}
"""
HEAD = "apiVersion: reconciler/v1\nkind: {}\nmetadata: {{name: {}}}\nspec:\n"

Load = Callable[..., Loaded]


def document(kind: str, body: str, name: str = "x") -> str:
    return HEAD.format(kind, name) + body


def connection(old: str, new: str) -> str:
    assert old in CONNECTION
    return CONNECTION.replace(old, new)


def brief(problem: Problem) -> tuple[str, int, int]:
    return problem.code, problem.origin.line, problem.origin.column


MAPPING = "  connection: acme-erp\n  entity: purchase-orders\n"

MISTAKES: dict[str, tuple[str, list[tuple[str, int, int]]]] = {
    "no kind": ("apiVersion: reconciler/v1\nmetadata: {name: x}\n", [("R102", 1, 1)]),
    "unknown kind": (document("Conection", "  a: 1\n"), [("R108", 2, 7)]),
    "kind is a list": ("apiVersion: reconciler/v1\nkind: [a]\n", [("R108", 2, 7)]),
    "no apiVersion": ("kind: Connection\n", [("R102", 1, 1)]),
    "other apiVersion": ("apiVersion: v2\nkind: Connection\n", [("R109", 1, 13)]),
    "a list": ("- a\n- b\n", [("R100", 1, 1)]),
    "a text": ("hello\n", [("R100", 1, 1)]),
    "no spec": (
        "apiVersion: reconciler/v1\nkind: Connection\nmetadata: {name: x}\n",
        [("R102", 1, 1)],
    ),
    "bad name": (connection("name: acme-erp", "name: Acme_ERP"), [("R105", 3, 18)]),
    "long name": (connection("acme-erp", "a" * 64), [("R106", 3, 18)]),
    "name is a number": (connection("name: acme-erp", "name: 12"), [("R103", 3, 18)]),
    "bad label": (connection("plant: a", "plant: a/b"), [("R105", 3, 60)]),
    "bad label name": (connection("plant: a", "-plant: a"), [("R105", 3, 53)]),
    "label is a number": (connection("plant: a", "plant: 1"), [("R103", 3, 60)]),
    "unknown key": (connection("  connector:", "  historie: 9d\n  connector:"), [("R101", 5, 3)]),
    "snake case key": (CONNECTION + "  deletion_policy: retain\n", [("R101", 8, 3)]),
    "missing connector": (connection("  connector: tryton\n", ""), [("R102", 5, 3)]),
    "unknown choice": (CONNECTION + "  drift: fix\n", [("R105", 8, 10)]),
    "not a boolean": (CONNECTION + '  protect: "true"\n', [("R103", 8, 12)]),
    "not a duration": (CONNECTION + "  history: 3 months\n", [("R105", 8, 12)]),
    "duration is a number": (CONNECTION + "  history: 90\n", [("R103", 8, 12)]),
    "history too short": (CONNECTION + "  history: 12h\n", [("R106", 8, 12)]),
    "history too long": (CONNECTION + "  history: 4000d\n", [("R106", 8, 12)]),
    "too many strikes": (CONNECTION + "  health: {strikes: 11}\n", [("R106", 8, 21)]),
    "bad share": (CONNECTION + "  deletions: {brake: 110%}\n", [("R105", 8, 22)]),
    "unknown connector": (connection("tryton", "trytn"), [("R201", 5, 14)]),
    "unknown setting": (
        connection("database: acme", "databse: acme"),
        [("R302", 6, 11), ("R301", 6, 48)],
    ),
    "missing setting": (connection(", database: acme", ""), [("R302", 6, 11)]),
    "no config": (
        connection('  config: {base_url: "http://erp.example.com", database: acme}\n', ""),
        [("R302", 5, 3), ("R302", 5, 3)],
    ),
    "setting of a wrong type": (connection("acme}\n  auth", "12}\n  auth"), [("R303", 6, 58)]),
    "setting out of bounds": (
        connection("database: acme", "database: a, page_size: 0"),
        [("R303", 6, 72)],
    ),
    "setting over bounds": (
        connection("database: acme", "database: a, page_size: 9999"),
        [("R303", 6, 72)],
    ),
    "setting not a boolean": (
        connection("database: acme", "database: a, verify: 1"),
        [("R303", 6, 69)],
    ),
    "setting not chosen": (
        connection("database: acme", "database: a, language: fr"),
        [("R303", 6, 71)],
    ),
    "setting no address": (connection("http://erp", "erp"), [("R303", 6, 22)]),
    "setting a list": (connection("database: acme", "database: [a]"), [("R103", 6, 58)]),
    "setting null": (connection("database: acme", "database: null"), [("R103", 6, 58)]),
    "setting name": (connection("database: acme", "database: a, Page: 1"), [("R105", 6, 61)]),
    "secret in config": (
        connection("database: acme", "database: a, licence: abc"),
        [("R401", 6, 70)],
    ),
    "secret in auth": (connection("{env: ACME_PASSWORD}", "hunter2"), [("R401", 7, 66)]),
    "unknown auth method": (connection("method: password", "method: pasword"), [("R304", 7, 18)]),
    "missing login": (connection("username: {env: ACME_USER}, ", ""), [("R302", 7, 9)]),
    "unknown login": (connection("username:", "user:"), [("R302", 7, 9), ("R301", 7, 28)]),
    "no auth": (
        connection(
            "  auth: {method: password, username: {env: ACME_USER}, password: {env: ACME_PASSWORD}}\n",
            "",
        ),
        [("R302", 5, 3)],
    ),
    "no method": (connection("method: password, ", ""), [("R102", 7, 9)]),
    "reference with an unknown key": (
        connection("{env: ACME_PASSWORD}", "{env: A, key: b}"),
        [("R101", 7, 75)],
    ),
    "reference of no kind": (connection("{env: ACME_PASSWORD}", "{A: b, C: d}"), [("R103", 7, 66)]),
    "reference to an unknown provider": (
        connection("{env: ACME_PASSWORD}", "{evn: ACME}"),
        [("R403", 7, 67)],
    ),
    "no place in a vault": (connection("{env: ACME_PASSWORD}", "{vault: a}"), [("R105", 7, 74)]),
    "no name of a command": (
        connection("{env: ACME_PASSWORD}", "{exec: 'a b'}"),
        [("R105", 7, 73)],
    ),
    "sops without a key": (
        connection("{env: ACME_PASSWORD}", "{sops: {file: a.yaml}}"),
        [("R102", 7, 73)],
    ),
    "reference with a bad name": (
        connection("{env: ACME_PASSWORD}", "{env: 1A}"),
        [("R105", 7, 72)],
    ),
    "connect is false": (connection("{env: ACME_PASSWORD}", "{connect: false}"), [("R105", 7, 76)]),
    "unknown entity of the connector": (
        CONNECTION + "  entities: [vendors, assets]\n",
        [("R305", 8, 23)],
    ),
    "entity is a number": (CONNECTION + "  entities: [vendors, 1]\n", [("R103", 8, 23)]),
    "entities is a text": (CONNECTION + "  entities: vendors\n", [("R103", 8, 13)]),
    "both targets": (
        document("SyncSchedule", "  connection: a\n  selector: {matchLabels: {a: b}}\n"),
        [("R107", 5, 3)],
    ),
    "no target": (document("SyncSchedule", "  every: 15m\n"), [("R107", 5, 3)]),
    "no such connection": (document("SyncSchedule", "  connection: acme\n"), [("R201", 5, 15)]),
    "too often": (
        document("SyncSchedule", "  connection: acme-erp\n  every: 30s\n"),
        [("R106", 6, 10)],
    ),
    "every and cron": (
        document("SyncSchedule", '  connection: acme-erp\n  every: 1h\n  cron: "0 * * * *"\n'),
        [("R107", 5, 3)],
    ),
    "zone without cron": (
        document("SyncSchedule", "  connection: acme-erp\n  timeZone: UTC\n"),
        [("R107", 5, 3)],
    ),
    "bad cron": (
        document("SyncSchedule", '  connection: acme-erp\n  cron: "61 * * * *"\n'),
        [("R123", 6, 9)],
    ),
    "cron that never comes": (
        document("SyncSchedule", '  connection: acme-erp\n  cron: "0 0 30 2 *"\n'),
        [("R123", 6, 9)],
    ),
    "bad zone": (
        document(
            "SyncSchedule",
            '  connection: acme-erp\n  cron: "0 0 * * *"\n  timeZone: Mars/Olympus\n',
        ),
        [("R124", 7, 13)],
    ),
    "bad window": (
        document(
            "SyncSchedule", '  connection: acme-erp\n  windows: [{deny: "0 22 * * 5", for: 90d}]\n'
        ),
        [("R106", 6, 39)],
    ),
    "schedule of an entity that is not synced": (
        document("SyncSchedule", "  connection: acme-erp\n  entities: [assets]\n"),
        [("R305", 6, 14)],
    ),
    "schedule of an unknown entity": (
        document("SyncSchedule", "  connection: acme-erp\n  entities: [vendor]\n"),
        [("R104", 6, 14)],
    ),
    "mapping of an unknown entity": (
        document("Mapping", "  connection: acme-erp\n  entity: purchase-order\n"),
        [("R104", 6, 11)],
    ),
    "mapping of an entity that the connector lacks": (
        document("Mapping", "  connection: acme-erp\n  entity: assets\n"),
        [("R305", 6, 11)],
    ),
    "unknown field": (
        document("Mapping", MAPPING + "  fields:\n    notse: {from: x}\n"),
        [("R104", 8, 5)],
    ),
    "unknown field of lines": (
        document("Mapping", MAPPING + "  fields:\n    lines: {from: l, each: {skew: {from: x}}}\n"),
        [("R104", 8, 29)],
    ),
    "unknown value of an enum": (
        document("Mapping", MAPPING + "  fields:\n    status: {from: s, values: {a: sennt}}\n"),
        [("R105", 8, 35)],
    ),
    "no origin": (
        document("Mapping", MAPPING + "  fields: {notes: {type: string}}\n"),
        [("R107", 7, 19)],
    ),
    "two origins": (
        document("Mapping", MAPPING + "  fields: {notes: {from: a, value: 1}}\n"),
        [("R107", 7, 19)],
    ),
    "each without from": (
        document("Mapping", MAPPING + "  fields: {lines: {value: [], each: {sku: {from: a}}}}\n"),
        [("R107", 7, 19)],
    ),
    "unknown without values": (
        document("Mapping", MAPPING + "  fields: {notes: {from: a, unknown: keep}}\n"),
        [("R107", 7, 19)],
    ),
    "bad expression": (
        document("Mapping", MAPPING + '  fields:\n    notes: {from: "a.b[0"}\n'),
        [("R120", 8, 25)],
    ),
    "bad expression in each": (
        document(
            "Mapping", MAPPING + "  fields:\n    lines: {from: l, each: {sku: {from: a-b}}}\n"
        ),
        [("R120", 8, 42)],
    ),
    "bad expression in custom fields": (
        document("Mapping", MAPPING + "  customFields: {a: {from: '!!'}}\n"),
        [("R120", 7, 31)],
    ),
    "loop in a template": (
        document(
            "Mapping", MAPPING + '  fields: {notes: {template: "{% for x in y %}{% endfor %}"}}\n'
        ),
        [("R121", 7, 30)],
    ),
    "template over what is not there": (
        document("Mapping", MAPPING + '  fields: {notes: {template: "a {{ record.x }}"}}\n'),
        [("R122", 7, 36)],
    ),
    "value map that there is not": (
        document(
            "Mapping", MAPPING + "  fields: {status: {from: x, valuesFrom: merge-purchase-order}}\n"
        ),
        [("R201", 7, 42)],
    ),
    "value map of another field": (
        document(
            "Mapping", MAPPING + "  fields: {status: {from: x, valuesFrom: maximo-item-status}}\n"
        ),
        [("R105", 7, 42)],
    ),
    "unknown without a value map": (
        document("Mapping", MAPPING + "  fields: {status: {from: x, unknown: keep}}\n"),
        [("R107", 7, 20)],
    ),
    "unknown field in a test": (
        document("Mapping", MAPPING + "  tests: [{name: a, source: {}, expect: {notse: x}}]\n"),
        [("R104", 7, 42)],
    ),
    "empty test": (
        document("Mapping", MAPPING + "  tests: [{name: a, source: {}, expect: {}}]\n"),
        [("R106", 7, 41)],
    ),
    "route to two": (
        document("AlertRoute", "  to: {email: {to: [a@b.c]}, notify: {url: {env: A}}}\n"),
        [("R107", 5, 7)],
    ),
    "route to none": (document("AlertRoute", "  to: {}\n"), [("R107", 5, 7)]),
    "route with a literal secret": (
        document("AlertRoute", "  to: {webhook: {url: 'http://a', secret: abc}}\n"),
        [("R103", 5, 43)],
    ),
    "route to no address": (
        document("AlertRoute", "  to: {webhook: {url: 'ftp://a'}}\n"),
        [("R105", 5, 23)],
    ),
    "route to a bad mailbox": (
        document("AlertRoute", "  to: {email: {to: [ops]}}\n"),
        [("R105", 5, 21)],
    ),
    "bad event pattern": (
        document("AlertRoute", "  match: {events: [Sync]}\n  to: {notify: {url: {env: A}}}\n"),
        [("R105", 5, 20)],
    ),
    "event that there is not": (
        document(
            "AlertRoute",
            "  match: {events: [sync.failed, sync.faild]}\n  to: {notify: {url: {env: A}}}\n",
        ),
        [("R208", 5, 33)],
    ),
    "group by what there is not": (
        document(
            "AlertRoute", "  to: {notify: {url: {env: A}}}\n  group: {by: [connection, plant]}\n"
        ),
        [("R105", 6, 28)],
    ),
    "bad body": (
        document("AlertRoute", '  to: {notify: {url: {env: A}}}\n  body: "{{ x() }}"\n'),
        [("R121", 6, 9)],
    ),
    "override until never": (
        document(
            "Override",
            "  target: {kind: Connection, name: acme-erp}\n  until: soon\n  reason: why\n  patch: {suspend: true}\n",
        ),
        [("R105", 6, 10)],
    ),
    "override of what may not be": (
        document(
            "Override",
            "  target: {kind: Connection, name: acme-erp}\n  until: 2026-05-01\n  reason: why\n  patch: {protect: false}\n",
        ),
        [("R107", 5, 3)],
    ),
    "override of nothing": (
        document(
            "Override",
            "  target: {kind: Connection, name: acme}\n  until: 2026-05-01\n  reason: why\n  patch: {suspend: true}\n",
        ),
        [("R201", 5, 36)],
    ),
    "override that breaks its target": (
        document(
            "Override",
            "  target: {kind: Connection, name: acme-erp}\n  until: 2026-05-01\n  reason: why\n  patch: {suspend: 1, health: {strikes: 99}}\n",
        ),
        [("R103", 8, 20), ("R106", 8, 41)],
    ),
    "expectation of nothing": (
        document("Expectation", "  given: {connection: acme-erp, entity: vendors}\n  expect: {}\n"),
        [("R107", 6, 11)],
    ),
    "expectation over an unknown field": (
        document(
            "Expectation",
            "  given: {connection: acme-erp, entity: vendors, where: {nam: x}}\n  expect: {where: {name: {missing: false}}}\n",
        ),
        [("R104", 5, 58)],
    ),
    "expectation that compares unknown fields": (
        document(
            "Expectation",
            "  given: {connection: acme-erp, entity: vendors}\n"
            "  expect: {entity: materials, match: {code: naem}, compare: {kode: {to: name}}}\n",
        ),
        [("R104", 6, 45), ("R104", 6, 62)],
    ),
    "expectation in a connection that there is not": (
        document(
            "Expectation",
            "  given: {connection: acme-erp, entity: vendors}\n  expect: {connection: b, match: {name: name}}\n",
        ),
        [("R201", 6, 24)],
    ),
    "expectation that must not exist and compares": (
        document(
            "Expectation",
            "  given: {connection: acme-erp, entity: vendors}\n"
            "  expect: {match: {name: name}, exists: false, compare: {name: name}}\n",
        ),
        [("R107", 6, 11)],
    ),
    "expectation of another record without a way to it": (
        document(
            "Expectation",
            "  given: {connection: acme-erp, entity: lines}\n  expect: {entity: vendrs, where: {a.b: 1}}\n",
        ),
        [("R107", 6, 11)],
    ),
    "empty condition": (
        document(
            "Expectation",
            "  given: {connection: acme-erp, entity: vendors}\n  expect: {where: {name: {}}}\n",
        ),
        [("R107", 6, 26)],
    ),
    "selector that chooses nothing": (
        document("SyncSchedule", "  selector: {matchLabels: {plant: z}}\n"),
        [("R207", 5, 13)],
    ),
    "its own previous name": (
        CONNECTION.replace("acme-erp,", "other, previousName: other,"),
        [("R203", 3, 39)],
    ),
    "previous name still there": (
        CONNECTION.replace("acme-erp,", "other, previousName: acme-erp,"),
        [("R203", 3, 39)],
    ),
    "yaml trap": (CONNECTION + "  protect: yes\n", [("R014", 8, 12)]),
    "template without quotes": (
        connection('base_url: "http://erp.example.com"', "base_url: {{ vars.x }}"),
        [("R013", 6, 22)],
    ),
    "unknown variable": (
        connection("http://erp.example.com", "http://{{ vars.hots }}"),
        [("R122", 6, 33)],
    ),
    "item outside a set": (
        connection("database: acme", 'database: "{{ item.x }}"'),
        [("R122", 6, 62)],
    ),
    "environment variable in a template": (
        connection("database: acme", 'database: "{{ env.X }}"'),
        [("R122", 6, 62)],
    ),
    "value that does not fit a template": (
        connection("database: acme", "database: \"{{ 'a' - 1 }}\""),
        [("R122", 6, 58)],
    ),
    "key that is a template": (
        CONNECTION + '  "{{ vars.x }}": 1\n',
        [("R101", 8, 3), ("R121", 8, 3)],
    ),
    "secret by its shape": (
        CONNECTION.replace("plant: a}", "plant: a}, annotations: {note: AKIAABCDEFGHIJKLMNOP}"),
        [("R402", 3, 84)],
    ),
    "secret by its name": (
        CONNECTION.replace("plant: a}", "plant: a}, annotations: {apiKey: 'kjHh77&6x'}"),
        [("R402", 3, 86)],
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_at_its_line_and_column_and_nothing_else_is(
    load_files: Load, name: str
) -> None:
    text, wanted = MISTAKES[name]
    files = {"specs/mistake.yaml": text}
    if "metadata: {name: acme-erp" not in text:
        files["specs/connection.yaml"] = CONNECTION
    loaded = load_files(files)
    assert [brief(problem) for problem in loaded.problems] == wanted
    assert {problem.origin.file for problem in loaded.problems} == {"specs/mistake.yaml"}
    assert all(problem.message and problem.excerpt for problem in loaded.problems)


def test_ten_different_mistakes_in_one_folder_are_all_reported_at_their_line_and_column(
    load_files: Load,
) -> None:
    files = {
        "a/connection.yaml": CONNECTION + "  protect: yes\n  historie: 90d\n",
        "a/more.yaml": (
            connection("acme-erp", "two")
            .replace("hunter", "x")
            .replace("{env: ACME_PASSWORD}", "hunter2")
            + "---\n"
            + connection("acme-erp", "three").replace("tryton", "tryto")
            + "---\na: 'x\n---\n"
            + document("SyncSchedule", "  connection: two-erp\n  every: 10s\n")
        ),
        "b/mapping.yaml": document(
            "Mapping",
            "  connection: four\n  entity: purchase-orders\n  fields:\n"
            "    notse: {from: x}\n    notes: {from: 'a['}\n    notes: {from: b}\n",
        ),
        "b/mapping.yml": document(
            "Mapping",
            "  connection: two\n  entity: vendors\n  fields: {name: {template: '{{ x( }}'}}\n",
        ),
        "c/ignored.txt": "not: [yaml",
    }
    loaded = load_files(files)
    assert [(p.origin.file, *brief(p)) for p in loaded.problems] == [
        ("a/connection.yaml", "R014", 8, 12),
        ("a/connection.yaml", "R101", 9, 3),
        ("a/more.yaml", "R401", 7, 66),
        ("a/more.yaml", "R201", 13, 14),
        ("a/more.yaml", "R004", 17, 4),
        ("a/more.yaml", "R106", 24, 10),
        ("b/mapping.yaml", "R201", 5, 15),
        ("b/mapping.yaml", "R104", 8, 5),
        ("b/mapping.yaml", "R120", 9, 22),
        ("b/mapping.yaml", "R012", 10, 5),
        ("b/mapping.yml", "R202", 3, 18),
        ("b/mapping.yml", "R121", 7, 29),
    ]
    assert not loaded.resources.keys() & {ResourceKey(Kind.CONNECTION, "two")}


def test_a_sound_folder_has_no_problems(load_files: Load) -> None:
    loaded = load_files({"a.yaml": CONNECTION})
    assert loaded.problems == ()
    assert loaded.errors == ()
    assert list(loaded.catalogue) == ["tryton"]


def test_a_resource_is_normalised_and_knows_where_it_was_written(load_files: Load) -> None:
    text = "# a comment\n\n" + CONNECTION + "  entities: [vendors, materials, vendors]\n"
    loaded = load_files({"specs/a.yaml": text})
    resource = loaded.resources[ResourceKey(Kind.CONNECTION, "acme-erp")]
    assert str(resource.origin) == "specs/a.yaml:3:1"
    assert resource.spec == {
        "connector": "tryton",
        "config": {"base_url": "http://erp.example.com", "database": "acme"},
        "auth": {
            "method": "password",
            "username": {"env": "ACME_USER"},
            "password": {"env": "ACME_PASSWORD"},
        },
        "entities": ["materials", "vendors"],
        "history": "90d",
        "deletions": {"every": "1d", "brake": "10%"},
        "health": {"every": "5m", "strikes": 2},
        "drift": "report",
        "deletionPolicy": "retain",
        "protect": False,
        "ignore": [],
        "retention": {},
        "suspend": False,
    }
    assert resource.labels == {"customer": "acme", "plant": "a"}


@pytest.mark.parametrize(
    ("kind", "body", "more"),
    [
        ("SyncSchedule", "  connection: acme-erp\n", "  every: 15m\n"),
        (
            "SyncSchedule",
            "  connection: acme-erp\n",
            "  every: 900s\n  jitter: 0m\n  windows: []\n",
        ),
        ("Mapping", MAPPING, "  inherit: true\n  fields: {}\n  tests: []\n"),
        (
            "AlertRoute",
            "  to: {notify: {url: {env: A}}}\n",
            '  match: {events: ["*", "*"]}\n  sendResolved: true\n  quiet: []\n',
        ),
        (
            "Connection",
            CONNECTION.split("spec:\n")[1],
            "  deletions: {every: 24h, brake: 10.0%}\n  history: 2160h\n",
        ),
    ],
)
def test_a_default_that_is_written_out_is_no_difference(
    load_files: Load, kind: str, body: str, more: str
) -> None:
    def digest(text: str) -> str:
        loaded = load_files({"a.yaml": document(kind, text), "b.yaml": CONNECTION})
        assert not loaded.problems
        return loaded.resources[ResourceKey(Kind(kind), "x")].digest

    assert digest(body) == digest(body + more)


def test_a_route_that_groups_is_another_than_one_that_does_not(load_files: Load) -> None:
    def digest(more: str) -> str:
        text = f"  to: {{notify: {{url: {{env: A}}}}}}\n{more}"
        loaded = load_files({"a.yaml": document("AlertRoute", text)})
        assert not loaded.problems
        return loaded.resources[ResourceKey(Kind.ALERT_ROUTE, "x")].digest

    grouped = digest("  group: {}\n")
    assert grouped == digest("  group: {by: [connection], repeat: 240m, wait: 30s}\n")
    assert len({grouped, digest(""), digest("  for: 0s\n")}) == 3


MANNERS = [
    ("  digest: {at: '07:30'}\n  for: 1m\n", ["R107"]),
    ("  digest: {at: '07:30'}\n  quiet: [{deny: '0 22 * * *', for: 8h}]\n", ["R107"]),
    ("  digest: {at: '7:30'}\n", ["R105"]),
    ("  digest: {at: '24:00'}\n", ["R105"]),
    ("  digest: {at: '07:30', timeZone: Mars/Base}\n", ["R124"]),
    ("  escalate: {after: 15m, to: nobody}\n", ["R201"]),
    ("  quiet: [{deny: 'now', for: 8h}]\n", ["R123"]),
    ("  group: {interval: 0s}\n", ["R106"]),
    ("  digest: {at: '07:30', timeZone: Europe/Amsterdam}\n", []),
    ("  quiet: [{deny: '0 22 * * *', for: 8h, timeZone: Europe/Amsterdam}]\n", []),
]


@pytest.mark.parametrize(("more", "codes"), MANNERS)
def test_manners_of_a_route_are_checked(load_files: Load, more: str, codes: list[str]) -> None:
    text = f"  to: {{notify: {{url: {{env: A}}}}}}\n{more}"
    loaded = load_files({"a.yaml": document("AlertRoute", text)})
    assert [one.code for one in loaded.problems] == codes


def test_what_a_document_needs_is_known(load_files: Load) -> None:
    files = {
        "a.yaml": CONNECTION,
        "m.yaml": document("Mapping", MAPPING),
        "o.yaml": document(
            "Override",
            "  target: {kind: Mapping, name: x}\n  until: 2026-05-01T10:00:00+02:00\n  reason: why\n"
            "  patch: {fields: {notes: {value: none}}}\n",
        ),
    }
    loaded = load_files(files)
    assert not loaded.problems
    needs = {str(key): {str(n) for n in r.needs} for key, r in loaded.resources.items()}
    assert needs == {
        "Connection/acme-erp": set(),
        "Mapping/x": {"Connection/acme-erp"},
        "Override/x": {"Mapping/x"},
    }
    override = loaded.resources[ResourceKey(Kind.OVERRIDE, "x")].spec
    assert override["until"] == "2026-05-01T08:00:00Z"


def test_a_null_constant_is_kept(load_files: Load) -> None:
    text = document(
        "Mapping",
        MAPPING
        + "  fields:\n    notes: {value: null}\n    lines: {from: l, each: {sku: {value: null}}}\n",
    )
    loaded = load_files({"a.yaml": CONNECTION, "m.yaml": text})
    fields = loaded.resources[ResourceKey(Kind.MAPPING, "x")].spec["fields"]
    assert fields["notes"] == {"value": None}
    assert fields["lines"]["each"]["sku"] == {"value": None}


def test_two_documents_of_one_name_are_told_with_both_places(load_files: Load) -> None:
    loaded = load_files({"a.yaml": CONNECTION, "b.yaml": "# c\n" + CONNECTION})
    (problem,) = loaded.problems
    assert brief(problem) == ("R202", 4, 18)
    assert problem.message == "Connection/acme-erp is declared twice: here and in a.yaml:1"


def test_a_missing_reference_offers_the_nearest_name_and_its_place(load_files: Load) -> None:
    text = document("SyncSchedule", "  connection: acme-erb\n")
    (problem,) = load_files({"a.yaml": CONNECTION, "s.yaml": text}).problems
    assert problem.message == "SyncSchedule/x refers to Connection/acme-erb, which does not exist"
    assert problem.hint == "did you mean 'acme-erp' (a.yaml:1)?"
    assert problem.width == len("acme-erb")


def test_nothing_is_said_of_references_to_a_document_that_is_broken(load_files: Load) -> None:
    text = document("SyncSchedule", "  connection: acme-erp\n")
    for broken in (CONNECTION + "  drift: x\n", CONNECTION + "  a: 'x\n"):
        loaded = load_files({"a.yaml": broken, "s.yaml": text})
        assert len(loaded.problems) == 1


def test_a_circle_of_renames_is_told(load_files: Load) -> None:
    files = {
        "a.yaml": CONNECTION.replace("acme-erp,", "one, previousName: two,"),
        "b.yaml": CONNECTION.replace("acme-erp,", "two, previousName: one,"),
    }
    problems = load_files(files).problems
    assert [problem.code for problem in problems] == ["R203", "R203"]
    assert "says that it was called this" in problems[0].message


def test_a_previous_name_is_claimed_once(load_files: Load) -> None:
    files = {
        "a.yaml": CONNECTION.replace("acme-erp,", "one, previousName: old,"),
        "b.yaml": CONNECTION.replace("acme-erp,", "two, previousName: old,"),
    }
    loaded = load_files(files)
    assert [(p.origin.file, *brief(p)) for p in loaded.problems] == [("b.yaml", "R203", 3, 37)]
    assert {r.previous_name for r in loaded.resources.values()} == {"old"}


def test_a_field_that_two_mappings_make_is_told(load_files: Load) -> None:
    files = {
        "a.yaml": CONNECTION,
        "m.yaml": document(
            "Mapping", MAPPING + "  fields: {notes: {from: a}, number: {from: a}}\n", "one"
        ),
        "n.yaml": document("Mapping", MAPPING + "  fields: {notes: {from: b}}\n", "two"),
    }
    (problem,) = load_files(files).problems
    assert (problem.origin.file, *brief(problem)) == ("n.yaml", "R206", 7, 12)


def test_a_schedule_names_entities_that_the_connection_syncs(load_files: Load) -> None:
    files = {
        "a.yaml": CONNECTION + "  entities: [vendors]\n",
        "s.yaml": document("SyncSchedule", "  connection: acme-erp\n  entities: [materials]\n"),
    }
    (problem,) = load_files(files).problems
    assert brief(problem) == ("R305", 6, 14)
    assert problem.hint == "known: vendors"


CONNECTOR = """\
apiVersion: reconciler/v1
kind: Connector
metadata: {name: own}
spec:
  title: Own
  family: other
  protocol: http-json
  config: {base_url: {type: url, required: true}}
  auth: {open: {type: none}}
  probe: {path: /}
  streams:
    vendors: {request: {path: "/v?since={{ since }}"}, fields: {name: {from: title, default: null}}}
"""


def test_a_connector_of_the_specs_is_a_resource_that_its_connections_need(load_files: Load) -> None:
    text = document("Connection", "  connector: own\n  config: {base_url: 'http://a'}\n")
    loaded = load_files({"a.yaml": text, "c.yaml": CONNECTOR})
    assert not loaded.problems
    needs = loaded.resources[ResourceKey(Kind.CONNECTION, "x")].needs
    assert needs == {ResourceKey(Kind.CONNECTOR, "own")}


def test_a_connector_of_the_specs_wins_over_a_built_in_one(load_files: Load) -> None:
    text = document("Connection", "  connector: tryton\n  config: {base_url: 'http://a'}\n")
    loaded = load_files({"a.yaml": text, "c.yaml": CONNECTOR.replace("name: own", "name: tryton")})
    assert not loaded.problems
    assert loaded.catalogue["tryton"].spec["title"] == "Tryton"


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("vendors:", "vendor:", ("R104", 12, 5)),
        ("{{ since }}", "{{ sinc }}", ("R122", 12, 35)),
        ("{{ since }}", "{{ since() }}", ("R121", 12, 31)),
        ("from: title", "from: 'title['", ("R120", 12, 85)),
        ("fields:", "records: 'a[', fields:", ("R120", 12, 68)),
        ("name: {from", "nmae: {from", ("R104", 12, 65)),
        ("  probe", "  signals: [{when: '!', means: fault}]\n  probe", ("R120", 10, 22)),
        ("{type: none}", "{type: oauth3}", ("R105", 9, 23)),
        ("{type: none}", "{fields: {}}", ("R102", 9, 16)),
        ("{type: none}", "{type: none, header: X}", ("R101", 9, 29)),
        ("{type: none}", "{type: session}", ("R102", 9, 16)),
        ("{type: none}", "{type: odata_csrf, base: {type: odata_csrf}}", ("R105", 9, 48)),
        ("{type: none}", "[]", ("R103", 9, 16)),
        (
            "{type: none}",
            "{type: oauth2_jwt_bearer, tokenUrl: '{{ confg.x }}'}",
            ("R122", 9, 56),
        ),
    ],
)
def test_mistakes_in_a_connector_are_told(
    load_files: Load, old: str, new: str, wanted: tuple[str, int, int]
) -> None:
    assert old in CONNECTOR
    problems = load_files({"c.yaml": CONNECTOR.replace(old, new)}).problems
    assert [brief(problem) for problem in problems] == [wanted]


WAYS = """\
    basic: {type: basic, fields: {username: {}, password: {secret: true}}}
    web: {type: session, cookies: true, login: {method: POST, path: /login, form: {u: "{{ auth.username }}"}}}
    oauth:
      type: oauth2_authorization_code
      authorizeUrl: "{{ config.base_url }}/authorize"
      tokenUrl: "{{ config.base_url }}/token"
      scopes: [a]
      life: 20m
    program: {type: oauth2_client_credentials, tokenUrl: "https://login.example/token", audience: x}
    key: {type: oauth2_jwt_bearer, tokenUrl: "https://login.example/token", claims: {scope: a}}
    netsuite: {type: oauth1, realm: "{{ auth.account }}"}
    sap: {type: odata_csrf, base: {type: basic, fields: {username: {}}}, fetch: {path: /$metadata}}
"""


def test_every_way_to_log_in_can_be_declared_and_any_connection_gives_certificates(
    load_files: Load,
) -> None:
    own = CONNECTOR.replace("  auth: {open: {type: none}}\n", f"  auth:\n{WAYS}")
    auth = "{method: sap, username: anna, ca: {file: /ca.pem}, client_certificate: {env: CERT}"
    text = document(
        "Connection",
        f"  connector: own\n  config: {{base_url: 'http://a'}}\n  auth: {auth}, client_key: {{env: K}}}}\n",
    )
    assert not load_files({"a.yaml": text, "c.yaml": own}).problems
    literal = load_files(
        {"a.yaml": text.replace("client_key: {env: K}", "client_key: x"), "c.yaml": own}
    )
    assert [problem.code for problem in literal.problems] == ["R401"]


def test_a_way_to_log_in_that_there_is_not_offers_the_nearest(load_files: Load) -> None:
    (problem,) = load_files({"c.yaml": CONNECTOR.replace("type: none", "type: oauth")}).problems
    assert problem.hint.startswith("did you mean 'oauth1'")


def test_a_mistake_in_a_built_in_connector_is_told() -> None:
    from reconciler.spec.load import load  # noqa: PLC0415

    loaded = load({}, catalogue={"x.yaml": b"kind: Connector\n"}, entities={})
    assert [str(p.origin) for p in loaded.problems] == ["(built-in)/x.yaml:1:1"]


def test_warnings_do_not_keep_a_document_out(load_files: Load) -> None:
    text = document("SyncSchedule", "  selector: {matchLabels: {plant: z}}\n")
    loaded = load_files({"s.yaml": text})
    assert [p.severity for p in loaded.problems] == [Severity.WARNING]
    assert not loaded.errors
    assert len(loaded.resources) == 1


def test_the_order_of_keys_and_sets_is_no_difference(load_files: Load) -> None:
    def loaded(text: str) -> Resource:
        return load_files({"a.yaml": text}).resources[ResourceKey(Kind.CONNECTION, "acme-erp")]

    lines = CONNECTION.splitlines()
    turned = "\n".join([*lines[:4], lines[6], lines[5].replace("config: {", "config: {"), lines[4]])
    one = loaded(CONNECTION + "  entities: [vendors, materials]\n")
    two = loaded(turned + "\n  entities: [materials, vendors, materials]\n")
    assert one.canonical == two.canonical
    assert one.digest == two.digest


@pytest.mark.parametrize(
    "content", [b"\x00", b"kind: Connection\n\xff", b"[" * 100_000, b"a: &a [*a]\n"]
)
def test_bytes_that_are_no_spec_are_problems_and_nothing_more(
    load_files: Load, content: bytes
) -> None:
    loaded = load_files({"a.yaml": content})
    assert loaded.problems
    assert not loaded.resources


def test_problems_come_in_the_order_of_files_and_lines(load_files: Load) -> None:
    files: dict[str, Any] = {"b.yaml": "a: 1\nb: on\n", "a.yaml": "x: *y\nc: 010\n"}
    places = [p.origin for p in load_files(files).problems]
    assert places == sorted(places, key=lambda o: (o.file, o.line, o.column))

"""Environments, sets and the cache: what a document's result depends on beside itself."""

from collections.abc import Callable
from typing import Any

import pytest

from reconciler.model.problem import Problem
from reconciler.model.resource import Kind, ResourceKey
from reconciler.spec.load import Loaded, locate

Load = Callable[..., Loaded]
DEV = """\
apiVersion: reconciler/v1
kind: Environment
metadata: {name: dev}
spec:
  vars: {erp_host: localhost, port: 8000, shared: 1}
  patches:
    - target: {kind: Connection, name: acme-erp}
      spec: {history: 30d, protect: null, deletions: {brake: 5%}}
    - target: {kind: Connection, selector: {matchLabels: {plant: a}}}
      spec: {suspend: true}
"""
PROD = """\
apiVersion: reconciler/v1
kind: Environment
metadata: {name: prod}
spec: {default: true, vars: {erp_host: erp.example.com, only_prod: 2}}
"""
CONNECTION = """\
apiVersion: reconciler/v1
kind: Connection
metadata: {name: acme-erp, labels: {plant: a}}
spec:
  connector: tryton
  config: {base_url: "http://{{ vars.erp_host }}", database: acme}
  auth: {method: token, token: {env: ACME_TOKEN}}
  protect: true
"""
SET = """\
apiVersion: reconciler/v1
kind: ConnectionSet
metadata: {name: customers}
spec:
  file: tables/customers.csv
  template:
    metadata: {name: "{{ item.id }}-erp", labels: {customer: "{{ item.id }}"}}
    spec:
      connector: tryton
      config: {base_url: "http://erp", database: "{{ item.db }}", page_size: "{{ item.size | int }}"}
      auth: {method: token, token: {env: "{{ item.id | upper }}_TOKEN"}}
    mappings:
      - metadata: {name: "{{ item.id }}-po"}
        spec: {entity: purchase-orders, fields: {notes: {template: "{{ source.x }}"}}}
      - metadata: {name: "{{ item.id }}-vendors"}
        spec: {entity: vendors, fields: {name: {from: title}}}
    schedules:
      - metadata: {name: "{{ item.id }}-hourly"}
        spec: {every: 1h}
"""
TABLE = "id, db,size\r\nbeta, b1,100\n\ngamma,g1,200\n"
KEY = ResourceKey(Kind.CONNECTION, "acme-erp")


def brief(problem: Problem) -> tuple[str, str, int, int]:
    return problem.code, problem.origin.file, problem.origin.line, problem.origin.column


# ── environments ─────────────────────────────────────────────────────────────────────────────────


def test_the_chosen_environment_gives_variables_and_patches(load_files: Load) -> None:
    files = {"dev.yaml": DEV, "prod.yaml": PROD, "a.yaml": CONNECTION}
    loaded = load_files(files, environment="dev")
    assert not loaded.problems
    spec = loaded.resources[KEY].spec
    assert spec["config"]["base_url"] == "http://localhost"
    assert (spec["history"], spec["protect"], spec["suspend"]) == ("30d", False, True)
    assert spec["deletions"] == {"every": "1d", "brake": "5%"}
    assert list(loaded.resources) == [KEY]


def test_the_default_environment_is_taken_where_none_is_chosen(load_files: Load) -> None:
    loaded = load_files({"dev.yaml": DEV, "prod.yaml": PROD, "a.yaml": CONNECTION})
    assert loaded.resources[KEY].spec["config"]["base_url"] == "http://erp.example.com"


def test_two_default_environments_are_told(load_files: Load) -> None:
    files = {"a.yaml": PROD, "b.yaml": PROD.replace("name: prod", "name: stage")}
    loaded = load_files(files)
    assert [brief(p) for p in loaded.problems] == [("R204", "b.yaml", 4, 17)]


def test_an_environment_that_there_is_not_is_told_once_and_variables_are_not(
    load_files: Load,
) -> None:
    files = {"dev.yaml": DEV, "a.yaml": CONNECTION}
    (problem,) = load_files(files, environment="dve").problems
    assert brief(problem) == ("R204", "dev.yaml", 1, 1)
    assert problem.hint == "did you mean 'dev'?"
    (problem,) = load_files({"a.yaml": CONNECTION}, environment="dev").problems
    assert brief(problem) == ("R204", "--env", 1, 1)


def test_an_environment_with_a_mistake_is_told_once(load_files: Load) -> None:
    files = {"dev.yaml": DEV.replace("port: 8000", "port: [1]"), "a.yaml": CONNECTION}
    (problem,) = load_files(files, environment="dev").problems
    assert brief(problem) == ("R103", "dev.yaml", 5, 37)


@pytest.mark.parametrize(
    ("environment", "name", "message", "hint"),
    [
        (
            "dev",
            "erp_hots",
            "'vars.erp_hots' is not defined in environment 'dev'",
            "did you mean 'erp_host'?",
        ),
        (
            "dev",
            "only_prod",
            "'vars.only_prod' is not defined in environment 'dev'",
            "it is in prod; define it here too",
        ),
        (
            None,
            "shared",
            "'vars.shared' is not defined: no environment is chosen",
            "choose one with --env: dev",
        ),
        (
            None,
            "nope",
            "'vars.nope' is not defined: no environment is chosen",
            "choose one with --env: dev, prod",
        ),
    ],
)
def test_an_unknown_variable_is_told_with_what_is_known(
    load_files: Load, environment: str | None, name: str, message: str, hint: str
) -> None:
    files = {
        "dev.yaml": DEV,
        "prod.yaml": PROD.replace("default: true, ", ""),
        "a.yaml": CONNECTION.replace("vars.erp_host", f"vars.{name}"),
    }
    (problem,) = load_files(files, environment=environment).problems
    assert (problem.code, problem.message, problem.hint) == ("R122", message, hint)
    assert (problem.origin.line, problem.origin.column, problem.width) == (
        6,
        33,
        len(f"vars.{name}"),
    )


def test_without_any_environment_a_variable_asks_for_one(load_files: Load) -> None:
    (problem,) = load_files({"a.yaml": CONNECTION}).problems
    assert problem.hint == "declare an Environment"


def test_a_mistake_in_a_patch_is_told_where_the_patch_is_written(load_files: Load) -> None:
    files = {"dev.yaml": DEV.replace("brake: 5%", "brake: 5"), "a.yaml": CONNECTION}
    loaded = load_files(files, environment="dev")
    assert [brief(p) for p in loaded.problems] == [("R103", "dev.yaml", 8, 62)]


def test_a_patch_of_nothing_is_told(load_files: Load) -> None:
    files = {"dev.yaml": DEV.replace("name: acme-erp", "name: acme-crp"), "a.yaml": CONNECTION}
    (problem,) = load_files(files, environment="dev").problems
    assert brief(problem) == ("R201", "dev.yaml", 7, 40)
    assert problem.hint == "did you mean 'acme-erp'?"


def test_a_patch_of_one_by_name_and_of_many_is_refused(load_files: Load) -> None:
    text = DEV.replace("name: acme-erp}", "name: a, selector: {matchLabels: {a: b}}}")
    assert [brief(p)[0] for p in load_files({"dev.yaml": text}).problems] == ["R107"]


def test_a_secret_in_a_variable_is_told(load_files: Load) -> None:
    text = DEV.replace("port: 8000", "db_password: kjHG7/6x")
    (problem,) = load_files({"dev.yaml": text}).problems
    assert brief(problem) == ("R402", "dev.yaml", 5, 44)


# ── sets ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_set_makes_a_connection_with_its_parts_for_each_row(load_files: Load) -> None:
    loaded = load_files({"specs/set.yaml": SET, "specs/tables/customers.csv": TABLE})
    assert not loaded.problems
    names = [str(key) for key in loaded.resources]
    assert names == [
        f"{kind}/{customer}-{part}"
        for customer in ("beta", "gamma")
        for kind, part in (
            ("Connection", "erp"),
            ("Mapping", "po"),
            ("Mapping", "vendors"),
            ("SyncSchedule", "hourly"),
        )
    ]
    beta = loaded.resources[ResourceKey(Kind.CONNECTION, "beta-erp")]
    assert beta.spec["config"] == {"base_url": "http://erp", "database": "b1", "page_size": 100}
    assert beta.spec["auth"]["token"] == {"env": "BETA_TOKEN"}
    assert beta.labels == {"customer": "beta"}
    mapping = loaded.resources[ResourceKey(Kind.MAPPING, "gamma-po")]
    assert mapping.spec["connection"] == "gamma-erp"
    assert mapping.spec["fields"]["notes"] == {"template": "{{ source.x }}"}


def test_a_set_reads_json_and_lists_of_its_own(load_files: Load) -> None:
    inline = SET.replace("file: tables/customers.csv", "items: [{id: beta, db: b1, size: 100}]")
    table = b'[{"id": "beta", "db": "b1", "size": 100}]'
    json = SET.replace("tables/customers.csv", "./customers.json")
    one = load_files({"set.yaml": inline})
    two = load_files({"set.yaml": json, "customers.json": table})
    assert not one.problems
    assert {k: r.digest for k, r in one.resources.items()} == {
        k: r.digest for k, r in two.resources.items()
    }


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("other.csv", "", "there is no file 'tables/customers.csv'"),
        ("tables/customers.csv", "", "the first line must name each column"),
        ("tables/customers.csv", "a,a\n1,2\n", "the first line must name each column"),
        ("tables/customers.csv", "id,db\n1\n", "line 2 has 1 values, the header names 2"),
        ("tables/customers.csv", 'id,db\n"1\n', "line 2: unexpected end of data"),
        ("tables/customers.csv", b"\xff", "not UTF-8"),
        ("tables/customers.csv", "id\n" + "x\n" * 10_001, "more than 10,000 items"),
        ("tables/customers.csv", "id\n" + "x" * 9_000_000, "larger than 8,388,608 bytes"),
    ],
)
def test_a_table_that_cannot_be_read_is_told(
    load_files: Load, file: str, content: str | bytes, words: str
) -> None:
    (problem,) = load_files({"set.yaml": SET, file: content}).problems
    assert brief(problem) == ("R205", "set.yaml", 5, 9)
    assert words in problem.message


def test_a_table_of_json_that_is_no_list_is_told(load_files: Load) -> None:
    text = SET.replace("customers.csv", "customers.json")
    (problem,) = load_files({"set.yaml": text, "tables/customers.json": '{"a": 1}'}).problems
    assert "not a JSON array of objects" in problem.message


def test_the_same_mistake_in_many_items_is_told_once(load_files: Load) -> None:
    text = SET.replace("item.db }}", "item.dbs }}")
    (problem,) = load_files({"set.yaml": text, "tables/customers.csv": TABLE}).problems
    assert brief(problem) == ("R122", "set.yaml", 10, 54)
    assert problem.message == "'item.dbs' is not defined (line 2 and 1 other)"
    assert problem.hint == "did you mean 'db'?"


def test_a_mistake_in_one_item_names_it(load_files: Load) -> None:
    table = TABLE.replace("gamma,", "Gamma!,")
    problems = load_files({"set.yaml": SET, "tables/customers.csv": table}).problems
    assert {brief(p)[:3] for p in problems} >= {("R105", "set.yaml", 7), ("R105", "set.yaml", 13)}
    assert all(problem.message.endswith("(line 4)") for problem in problems)


def test_two_items_of_one_name_are_told(load_files: Load) -> None:
    table = TABLE.replace("gamma,", "beta,")
    problems = load_files({"set.yaml": SET, "tables/customers.csv": table}).problems
    assert [brief(p) for p in problems] == [
        ("R202", "set.yaml", 7, 22),
        ("R202", "set.yaml", 13, 26),
        ("R202", "set.yaml", 15, 26),
        ("R202", "set.yaml", 18, 26),
    ]


def test_an_environment_patches_what_a_set_makes_by_its_name(load_files: Load) -> None:
    files = {
        "set.yaml": SET,
        "tables/customers.csv": TABLE,
        "dev.yaml": DEV.replace("acme-erp", "beta-erp").replace("{plant: a}", "{customer: gamma}"),
    }
    loaded = load_files(files, environment="dev")
    assert not loaded.problems
    beta = loaded.resources[ResourceKey(Kind.CONNECTION, "beta-erp")].spec
    gamma = loaded.resources[ResourceKey(Kind.CONNECTION, "gamma-erp")].spec
    assert (beta["history"], gamma["history"]) == ("30d", "90d")
    assert (beta["suspend"], gamma["suspend"]) == (False, True)


def test_nothing_is_said_of_connections_of_a_set_that_cannot_be_read(load_files: Load) -> None:
    schedule = "apiVersion: reconciler/v1\nkind: SyncSchedule\nmetadata: {name: x}\nspec: {connection: beta-erp}\n"
    problems = load_files({"set.yaml": SET, "s.yaml": schedule}).problems
    assert [p.code for p in problems] == ["R205"]


@pytest.mark.parametrize(
    "change",
    [
        ("file: tables/customers.csv", "items: []\n  file: a.csv"),
        ("file: tables/customers.csv\n", "\n"),
    ],
)
def test_a_set_has_one_list(load_files: Load, change: tuple[str, str]) -> None:
    (problem,) = load_files({"set.yaml": SET.replace(*change)}).problems
    assert problem.code == "R107"


# ── the cache ────────────────────────────────────────────────────────────────────────────────────


class Counted(dict[bytes, bytes]):
    """A cache that counts what is new."""

    added = 0

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self.added += 1
        super().__setitem__(key, value)


def same(one: Loaded, two: Loaded) -> bool:
    return dict(one.resources) == dict(two.resources) and one.problems == two.problems


FILES: dict[str, Any] = {
    "a.yaml": CONNECTION,
    "prod.yaml": PROD,
    "dev.yaml": DEV,
    "set.yaml": SET,
    "tables/customers.csv": TABLE,
}


def test_a_second_look_at_the_same_files_reads_nothing_anew(load_files: Load) -> None:
    cache = Counted()
    cold = load_files(FILES, cache=cache)
    cache.added = 0
    warm = load_files(FILES, cache=cache)
    assert cache.added == 0
    assert same(cold, warm)
    assert not cold.problems


def test_a_file_that_moved_is_not_read_anew_and_knows_its_new_place(load_files: Load) -> None:
    cache = Counted()
    load_files(FILES, cache=cache)
    cache.added = 0
    moved = load_files({**FILES, "a.yaml": "", "b/c.yaml": CONNECTION}, cache=cache)
    assert str(moved.resources[KEY].origin) == "b/c.yaml:1:1"
    assert cache.added == 1  # the empty file


@pytest.mark.parametrize(
    "change",
    [
        {"a.yaml": CONNECTION + "  history: 9d\n"},
        {"prod.yaml": PROD.replace("erp.example.com", "other")},
        {"tables/customers.csv": TABLE + "delta,d1,300\n"},
        {"c.yaml": None},
    ],
)
def test_what_a_file_depends_on_is_part_of_its_key(
    load_files: Load, change: dict[str, Any]
) -> None:
    connector = (
        "apiVersion: reconciler/v1\nkind: Connector\nmetadata: {name: tryton}\nspec: {title: T, family: erp, "
        "protocol: jsonrpc, config: {a: {required: true}}, auth: {}, probe: {}, streams: {vendors: {request: {}}}}\n"
    )
    files = {**FILES, **{name: text or connector for name, text in change.items()}}
    cache = Counted()
    load_files(FILES, cache=cache)
    assert same(load_files(files, cache=cache), load_files(files))


@pytest.mark.parametrize("environment", ["dev", "prod", None, "nope"])
def test_another_environment_is_another_key(load_files: Load, environment: str | None) -> None:
    cache = Counted()
    load_files(FILES, cache=cache, environment="dev")
    warm = load_files(FILES, cache=cache, environment=environment)
    assert same(warm, load_files(FILES, environment=environment))


def test_problems_are_told_each_time(load_files: Load) -> None:
    cache = Counted()
    files = {**FILES, "a.yaml": CONNECTION + "  drift: x\n"}
    assert load_files(files, cache=cache).problems == load_files(files, cache=cache).problems != ()


def test_a_cache_that_holds_nonsense_is_no_cache(load_files: Load) -> None:
    cache = Counted()
    cold = load_files(FILES, cache=cache)
    for key in cache:
        dict.__setitem__(cache, key, b"nonsense")
    assert same(load_files(FILES, cache=cache), cold)


# ── where a field is written ─────────────────────────────────────────────────────────────────────


def place(loaded: Loaded, key: ResourceKey, path: tuple[str, ...]) -> str:
    contents = {name: text.encode() for name, text in FILES.items()}
    return str(locate(contents, loaded.resources[key], path))


def test_a_field_is_located_in_its_file(load_files: Load) -> None:
    loaded = load_files(FILES)
    assert place(loaded, KEY, ("spec", "config", "database")) == "a.yaml:6:62"
    assert place(loaded, KEY, ("metadata", "labels", "plant")) == "a.yaml:3:44"
    assert place(loaded, KEY, ("spec", "history")) == "a.yaml:5:3"
    assert place(loaded, KEY, ("spec", "auth", "token", "env")) == "a.yaml:7:38"


def test_a_field_of_an_environment_is_located_in_the_environment(load_files: Load) -> None:
    loaded = load_files(FILES, environment="dev")
    assert place(loaded, KEY, ("spec", "history")) == "dev.yaml:8:23"
    assert place(loaded, KEY, ("spec", "suspend")) == "dev.yaml:10:23"
    assert place(loaded, KEY, ("spec", "connector")) == "a.yaml:5:14"


def test_a_field_of_a_set_is_located_in_its_template(load_files: Load) -> None:
    loaded = load_files(FILES)
    beta = ResourceKey(Kind.CONNECTION, "beta-erp")
    assert place(loaded, beta, ("spec", "config", "database")) == "set.yaml:10:50"
    vendors = ResourceKey(Kind.MAPPING, "beta-vendors")
    assert place(loaded, vendors, ("spec", "fields", "name", "from")) == "set.yaml:16:55"
    hourly = ResourceKey(Kind.SYNC_SCHEDULE, "beta-hourly")
    assert place(loaded, hourly, ("spec", "every")) == "set.yaml:19:23"


def test_a_place_in_a_list_is_located(load_files: Load) -> None:
    text = (
        "apiVersion: reconciler/v1\nkind: Mapping\nmetadata: {name: x}\nspec:\n"
        "  connection: acme-erp\n  entity: vendors\n  tests:\n"
        "    - {name: a, source: {}, expect: {name: b}}\n"
    )
    loaded = load_files({**FILES, "m.yaml": text})
    key = ResourceKey(Kind.MAPPING, "x")
    origin = locate(
        {"m.yaml": text.encode()}, loaded.resources[key], ("spec", "tests", "0", "expect")
    )
    assert str(origin) == "m.yaml:8:37"


def test_a_resource_whose_file_is_gone_is_located_where_it_was(load_files: Load) -> None:
    loaded = load_files(FILES)
    assert str(locate({}, loaded.resources[KEY], ("spec", "history"))) == "a.yaml:1:1"

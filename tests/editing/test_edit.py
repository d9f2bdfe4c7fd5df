"""Drift goes into the YAML: the fields that changed, where they are written, and not a byte more."""

from typing import Any

import pytest

from reconciler.editing.edit import edit
from reconciler.editing.specs import Edited, Specs, difference
from reconciler.errors import EditRefused, NotFound, SpecInvalid
from reconciler.model.change import ABSENT, FieldChange
from reconciler.model.resource import Kind, ResourceKey, make_resource
from reconciler.plan.diff import diff
from tests.editing.making import change, key_of, specs_of

CONNECTION = """\
# One customer.
apiVersion: reconciler/v1
kind: Connection
metadata:
  name: acme   # never change it
  labels: {customer: acme, 'plant': "a"}
spec:
  connector: sandbox
  config:
    base_url: "http://127.0.0.1:8055"

  auth: {method: api_key, key: {env: ACME_KEY}}
  # What is read.
  entities: [purchase-orders, vendors,
             assets]   # three of them
  history:   24h    # short
  health: { every: 5m, strikes: 2 }
"""

MAPPING = """\
apiVersion: reconciler/v1
kind: Mapping
metadata: {name: acme-orders}
spec:
  connection: acme
  entity: purchase-orders
  fields:
    title: {from: descr}
    # Who ordered.
    notes:
      from: note
      default: none   # sic
"""


def one(text: str = CONNECTION) -> Specs:
    return specs_of({"a.yaml": text})


def lines_of(specs: Specs, edited: Edited) -> list[str]:
    """The lines of the diff that are less or more, without its head."""
    told = difference(specs, edited).splitlines()
    return [line for line in told if line[:1] in "+-" and line[:3] not in {"+++", "---"}]


def changed(text: str, name: str, wanted: dict[str, Any], **options: Any) -> list[str]:
    specs = one(text)
    return lines_of(specs, change(specs, name, wanted, **options))


@pytest.mark.parametrize(
    ("wanted", "lines"),
    [
        ({"spec.history": "90d"}, ["-  history:   24h    # short", "+  history:   90d    # short"]),
        (
            {"spec.health.strikes": 3},
            ["-  health: { every: 5m, strikes: 2 }", "+  health: { every: 5m, strikes: 3 }"],
        ),
        (
            {"metadata.labels.plant": "b-1"},
            [
                """-  labels: {customer: acme, 'plant': "a"}""",
                """+  labels: {customer: acme, 'plant': "b-1"}""",
            ],
        ),
        (
            {"metadata.labels.site": "on"},
            [
                """-  labels: {customer: acme, 'plant': "a"}""",
                """+  labels: {customer: acme, 'plant': "a", site: "on"}""",
            ],
        ),
        ({"spec.suspend": True}, ["+  suspend: true"]),
        ({"spec.retention.raw": "30d"}, ["+  retention: {raw: 30d}"]),
        (
            {"spec.entities": ["assets", "purchase-orders"]},
            [
                "-  entities: [purchase-orders, vendors,",
                "+  entities: [purchase-orders,",
            ],
        ),
        (
            {"spec.entities": ["assets", "purchase-orders", "sites", "vendors"]},
            [
                "-             assets]   # three of them",
                "+             assets, sites]   # three of them",
            ],
        ),
        (
            {"spec.entities": ABSENT},
            [
                "-  entities: [purchase-orders, vendors,",
                "-             assets]   # three of them",
            ],
        ),
        (
            {"spec.auth.key": {"file": "/run/secrets/on"}},
            [
                "-  auth: {method: api_key, key: {env: ACME_KEY}}",
                "+  auth: {method: api_key, key: {file: /run/secrets/on}}",
            ],
        ),
    ],
)
def test_a_change_is_the_lines_that_it_has_to_be(wanted: dict[str, Any], lines: list[str]) -> None:
    assert changed(CONNECTION, "Connection/acme", wanted) == lines


TEXTS = [
    "on", "no", "Off", "12:30", "1.0", "1.50", "0x10", "010", "1_000", "null", "~", "true", "", " a",
    "a ", "a: b", "a #b", "#a", "- a", "? a", "a:", "{a}", "[a]", "*a", "&a", "!a", "%a", "@a", "`a",
    "it's", '"quoted"', "back\\slash", "a\tb", "größer", "日本", "a\nb", "a\n\n b\n", "\na", "a\n\n",
    "  a\nb", "a \nb", "<<", "=", "---", "...", "2026-05-31", "a,b", "a\n# b", "it's \"so\"",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
@pytest.mark.parametrize(
    "written", ["old", "'old'", '"old"', "|\n        old\n        er", "{a: b}"]
)
def test_any_text_reads_back_as_what_it_is(text: str, written: str) -> None:
    files = MAPPING + f"    status_raw:\n      from: x\n      default: {written}\n"
    specs = specs_of({"a.yaml": CONNECTION, "b.yaml": files})
    edited = change(specs, "Mapping/acme-orders", {"spec.fields.status_raw.default": text})
    body = specs.after(edited).sound().resources[key_of("Mapping/acme-orders")].body
    assert body["spec"]["fields"]["status_raw"]["default"] == text


def test_a_text_of_several_lines_stands_in_lines() -> None:
    lines = changed(CONNECTION, "Connection/acme", {"metadata.annotations.note": "one\n\ntwo\n"})
    assert lines == ["+  annotations:", "+    note: |", "+      one", "+", "+      two"]


def test_new_keys_stand_where_the_kind_has_them() -> None:
    edited = change(one(), "Connection/acme", {"spec.drift": "heal", "spec.deletions.brake": "5%"})
    text = edited.files["a.yaml"].decode()
    assert text.index("history:") < text.index("deletions:") < text.index("health:")
    assert text.endswith("strikes: 2 }\n  drift: heal\n")


def test_the_last_key_goes_with_its_mapping_where_that_says_the_same() -> None:
    labels = {"metadata.labels.customer": ABSENT, "metadata.labels.plant": ABSENT}
    assert changed(CONNECTION, "Connection/acme", labels) == [
        """-  labels: {customer: acme, 'plant': "a"}"""
    ]


def test_a_comment_keeps_the_mapping_that_it_stands_in() -> None:
    text = CONNECTION.replace(
        """labels: {customer: acme, 'plant': "a"}""", "labels:\n    # whose\n    customer: acme"
    )
    assert changed(text, "Connection/acme", {"metadata.labels.customer": ABSENT}) == [
        "-  labels:",
        "+  labels: {}",
        "-    customer: acme",
    ]


def test_a_field_of_a_mapping_goes_and_its_comment_stays() -> None:
    specs = specs_of({"a.yaml": CONNECTION, "b.yaml": MAPPING})
    edited = change(specs, "Mapping/acme-orders", {"spec.fields.notes": ABSENT})
    assert lines_of(specs, edited) == [
        "-    notes:",
        "-      from: note",
        "-      default: none   # sic",
    ]


def test_windows_line_ends_a_mark_and_a_missing_last_line_break_stay() -> None:
    text = b"\xef\xbb\xbf" + CONNECTION.rstrip("\n").replace("\n", "\r\n").encode()
    specs = specs_of({"a.yaml": text})
    wanted = {"spec.history": "90d", "spec.suspend": True, "metadata.annotations.note": "a\nb"}
    made = change(specs, "Connection/acme", wanted).files["a.yaml"]
    assert made.startswith(b"\xef\xbb\xbf#")
    assert made.count(b"\n") == made.count(b"\r\n") == text.count(b"\r\n") + 3
    assert made.endswith(b"suspend: true")


def test_the_last_line_can_go_from_a_file_without_a_last_line_break() -> None:
    text = CONNECTION + "  suspend: true"
    edited = change(one(text), "Connection/acme", {"spec.retention.raw": "30d"})
    assert edited.files["a.yaml"].endswith(b"\n  retention: {raw: 30d}\n  suspend: true")
    labels = (
        CONNECTION.replace("  history:   24h    # short\n", "").rstrip("\n")
        + "\n  retention: {raw: 30d}"
    )
    gone = change(one(labels), "Connection/acme", {"spec.retention.raw": ABSENT})
    assert gone.files["a.yaml"].endswith(b"strikes: 2 }")


def test_other_documents_of_the_file_stay_as_they_are() -> None:
    other = (
        "---\n\n#  odd   spacing\napiVersion:  reconciler/v1\nkind: Mapping\n"
        + MAPPING.split("\n", 2)[2]
    )
    specs = one(CONNECTION + other)
    edited = change(specs, "Mapping/acme-orders", {"spec.fields.title.from": "subject"})
    assert lines_of(specs, edited) == ["-    title: {from: descr}", "+    title: {from: subject}"]
    assert str(edited.places[0]) == "a.yaml:28:19"


def test_a_tab_in_a_comment_keeps_the_file_from_being_edited() -> None:
    resource = one().sound().resources[key_of("Connection/acme")]
    specs = one(CONNECTION.replace("# short", "#\tshort"))
    with pytest.raises(SpecInvalid):
        edit(specs, resource, [FieldChange(("spec", "suspend"), False, True)])


ENVIRONMENTS = """\
apiVersion: reconciler/v1
kind: Environment
metadata: {name: dev}
spec:
  default: true
  vars: {host: 127.0.0.1}
  patches:
    - target: {kind: Connection, name: acme}
      # sooner
      spec: {history: 2d}
---
apiVersion: reconciler/v1
kind: Environment
metadata: {name: prod}
spec:
  vars: {host: erp.example.com}
  patches:
    - target: {kind: Connection}
      spec:
        history: 2d
        deletions: {every: 1h}
"""


def with_environment(environment: str | None, text: str = CONNECTION) -> Specs:
    return specs_of({"a.yaml": text, "env.yaml": ENVIRONMENTS}, environment)


def test_what_an_environment_sets_is_edited_there() -> None:
    specs = with_environment(None)
    edited = change(specs, "Connection/acme", {"spec.history": "3d", "spec.suspend": True})
    assert set(edited.files) == {"a.yaml", "env.yaml"}
    assert lines_of(specs, edited) == [
        "+  suspend: true",
        "-      spec: {history: 2d}",
        "+      spec: {history: 3d}",
    ]
    assert {place.file for place in edited.places} == {"a.yaml", "env.yaml"}


def test_the_patch_of_the_chosen_environment_is_meant() -> None:
    specs = with_environment("prod")
    edited = change(
        specs, "Connection/acme", {"spec.deletions.every": "2h", "spec.deletions.brake": "9%"}
    )
    assert lines_of(specs, edited) == [
        "+  deletions: {brake: 9%}",
        "-        deletions: {every: 1h}",
        "+        deletions: {every: 2h}",
    ]


def test_a_patch_of_several_resources_is_not_changed_for_one() -> None:
    other = CONNECTION.replace("name: acme ", "name: beta ")
    specs = specs_of({"a.yaml": CONNECTION, "b.yaml": other, "env.yaml": ENVIRONMENTS}, "prod")
    with pytest.raises(EditRefused, match=r"Connection/beta would not be .*: spec\.history"):
        change(specs, "Connection/acme", {"spec.history": "3d"})


TEMPLATED = CONNECTION.replace('"http://127.0.0.1:8055"', '"http://{{ vars.host }}:1"  # here')


def test_a_template_is_not_replaced_unless_that_is_said() -> None:
    specs = with_environment(None, TEMPLATED)
    wanted = {"spec.config.base_url": "http://10.0.0.1"}
    with pytest.raises(EditRefused, match=r"a\.yaml:10:15: spec\.config\.base_url .* template"):
        change(specs, "Connection/acme", wanted)
    edited = change(specs, "Connection/acme", wanted, allow_templates=True)
    assert lines_of(specs, edited)[1] == '+    base_url: "http://10.0.0.1"  # here'


def test_a_text_that_would_be_filled_in_is_not_written() -> None:
    with pytest.raises(EditRefused, match="no longer be valid"):
        change(one(), "Connection/acme", {"spec.config.base_url": "http://{{ vars.gone }}"})


def test_a_literal_secret_is_not_written_and_not_told() -> None:
    with pytest.raises(EditRefused, match="R401") as refused:
        change(one(), "Connection/acme", {"spec.auth.key": "hunter2hunter2"})
    assert "hunter2" not in refused.value.message + refused.value.hint


SET = """\
apiVersion: reconciler/v1
kind: ConnectionSet
metadata: {name: customers}
spec:
  items:
    - {name: north, port: 8061, region: nl, every: 15m}
    - {name: south, port: 8062, region: de, every: 30m}   # large
  template:
    metadata: {name: "{{ item.name }}-{{ vars.host }}", labels: {region: "{{ item.region }}"}}
    spec:
      connector: sandbox
      config: {base_url: "http://127.0.0.1:{{ item.port }}"}
      auth: {method: api_key, key: {env: KEY}}
      history: 180d
    schedules:
      - metadata: {name: "{{ item.name }}"}
        spec: {every: "{{ item.every }}"}
"""
VARS = "apiVersion: reconciler/v1\nkind: Environment\nmetadata: {name: dev}\nspec: {default: true, vars: {host: x}}\n"


def test_the_item_of_a_set_is_edited_where_it_makes_the_value() -> None:
    specs = specs_of({"a.yaml": SET, "env.yaml": VARS})
    edited = change(specs, "Connection/south-x", {"metadata.labels.region": "fr"})
    assert lines_of(specs, edited)[1] == (
        "+    - {name: south, port: 8062, region: fr, every: 30m}   # large"
    )
    scheduled = change(specs, "SyncSchedule/north", {"spec.every": "1h"})
    assert (
        lines_of(specs, scheduled)[1] == "+    - {name: north, port: 8061, region: nl, every: 1h}"
    )


@pytest.mark.parametrize(
    ("path", "place"), [("spec.history", "a.yaml:14:16"), ("spec.config.base_url", "a.yaml:12:26")]
)
def test_the_template_of_a_set_is_not_edited(path: str, place: str) -> None:
    specs = specs_of({"a.yaml": SET, "env.yaml": VARS})
    with pytest.raises(EditRefused, match=place) as refused:
        change(specs, "Connection/south-x", {path: "10d"})
    assert "item.NAME" in refused.value.hint


def test_a_table_is_named_with_its_line() -> None:
    text = SET.replace(SET[SET.index("  items:") : SET.index("  template:")], "  file: t.csv\n")
    table = "name,port,region,every\nnorth,8061,nl,15m\nsouth,8062,de,30m\n"
    specs = specs_of({"a.yaml": text, "env.yaml": VARS, "t.csv": table})
    with pytest.raises(EditRefused) as refused:
        change(specs, "Connection/south-x", {"metadata.labels.region": "fr"})
    assert refused.value.hint == "change 'region' in line 3 of t.csv"


def test_what_changed_in_the_files_too_is_for_a_person_to_decide() -> None:
    specs = one()
    resource = specs.sound().resources[key_of("Connection/acme")]
    with pytest.raises(EditRefused, match=r"spec\.history .* was changed in the files, too"):
        edit(specs, resource, [FieldChange(("spec", "history"), "7d", "90d")])
    nothing = edit(specs, resource, [FieldChange(("spec", "history"), "7d", "1d")])
    assert nothing == Edited({})


def test_what_is_not_declared_cannot_be_edited() -> None:
    stranger = make_resource(ResourceKey(Kind.MAPPING, "x"), {"spec": {}})
    with pytest.raises(NotFound, match="Mapping/x is not declared"):
        edit(one(), stranger, [FieldChange(("spec", "suspend"), False, True)])


def test_named_items_of_a_list_are_found_by_their_names() -> None:
    tests = """\
  tests:
    - name: one
      source: {descr: a}   # a
      expect: {title: a}
    # second
    - {name: two, source: {descr: b}, expect: {title: b}}
"""
    specs = specs_of({"a.yaml": CONNECTION, "b.yaml": MAPPING + tests})
    resource = specs.sound().resources[key_of("Mapping/acme-orders")]
    body = resource.body
    spec = {**body["spec"], "tests": [dict(one) for one in body["spec"]["tests"]]}
    spec["tests"][0]["expect"] = {"title": "a", "notes": "none"}
    spec["tests"][1]["source"] = {"descr": "b", "on": ["12:30", None, 1.5]}
    spec["tests"].append({"name": "three", "source": {}, "expect": {"title": None}})
    wanted = make_resource(resource.key, {**body, "spec": spec})
    edited = edit(specs, resource, list(diff(body, wanted.body)))
    assert lines_of(specs, edited) == [
        "-      expect: {title: a}",
        "+      expect: {title: a, notes: none}",
        "-    - {name: two, source: {descr: b}, expect: {title: b}}",
        '+    - {name: two, source: {descr: b, "on": ["12:30", null, 1.5]}, expect: {title: b}}',
        "+    - {name: three, source: {}, expect: {title: null}}",
    ]


def test_a_key_with_a_question_mark_is_refused_with_its_place() -> None:
    text = CONNECTION + "  ? suspend\n  : false\n"
    with pytest.raises(EditRefused, match=r"a\.yaml:18:5: a key that is written with '\?'"):
        change(one(text), "Connection/acme", {"spec.history": "90d"})

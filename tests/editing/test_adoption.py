"""What was done elsewhere comes into the files: a change, something new, something that is gone."""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler.editing.adoption import adopted, exported
from reconciler.editing.specs import Edited, difference
from reconciler.errors import EditRefused, NotFound
from reconciler.model.resource import Resource, make_resource
from tests.editing.making import key_of, specs_of
from tests.editing.test_edit import CONNECTION, MAPPING

SPECS = specs_of({"specs/a.yaml": CONNECTION, "specs/b.yaml": MAPPING})
ACME = SPECS.sound().resources[key_of("Connection/acme")]
ORDERS = SPECS.sound().resources[key_of("Mapping/acme-orders")]


def with_spec(resource: Resource, **spec: Any) -> Resource:
    body: Mapping[str, Any] = resource.body
    return make_resource(resource.key, {**body, "spec": {**body["spec"], **spec}})


def test_a_change_goes_into_the_document() -> None:
    edited = adopted(SPECS, ACME, with_spec(ACME, suspend=True))
    assert list(edited.files) == ["specs/a.yaml"]
    assert SPECS.after(edited).sound().resources[ACME.key].spec["suspend"] is True


def test_what_is_new_becomes_a_file_that_is_read_as_it() -> None:
    new = make_resource(
        key_of("Mapping/acme-vendors"),
        {**ORDERS.body, "spec": {**ORDERS.spec, "entity": "vendors", "fields": {}}},
    )
    edited = adopted(SPECS, None, new)
    assert list(edited.files) == ["specs/mappings/acme-vendors.yaml"]
    read = SPECS.after(edited).sound().resources
    assert read[new.key].digest == new.digest
    again = SPECS.after(edited)
    with pytest.raises(EditRefused, match=r"declared in specs/mappings/acme-vendors\.yaml"):
        adopted(again, None, new)


def test_a_new_file_is_not_written_over_another() -> None:
    taken = specs_of({"mappings/acme-orders.yaml": CONNECTION})
    with pytest.raises(EditRefused, match=r"mappings/acme-orders\.yaml is there already"):
        adopted(taken, None, ORDERS, folder=".")


def test_what_is_gone_goes_from_its_file() -> None:
    assert adopted(SPECS, ORDERS, None).deleted == {"specs/b.yaml"}
    with pytest.raises(NotFound):
        adopted(SPECS, None, None)


def test_an_export_is_a_folder_of_specs() -> None:
    edited = exported([ACME, ORDERS], "out/")
    assert sorted(edited.files) == ["out/connections/acme.yaml", "out/mappings/acme-orders.yaml"]
    read = specs_of(edited.files).sound().resources
    assert {one.digest for one in read.values()} == {ACME.digest, ORDERS.digest}


@pytest.mark.parametrize(
    ("content", "edited"),
    [
        (b"a: 1\r\nb: 2", Edited({"f.yaml": b"a: 1\r\nb: 3"})),
        (b"a: 1\n", Edited({"f.yaml": b"a: 1\nb: 2"})),
        (b"a: 1\n", Edited({"new/g.yaml": b"b: 2\n"})),
        (b"a: 1\n", Edited({}, (), frozenset({"f.yaml"}))),
    ],
)
def test_git_can_apply_the_difference(
    content: bytes, edited: Edited, tmp_path: Path, program: Callable[[str], str]
) -> None:
    (tmp_path / "f.yaml").write_bytes(content)
    specs = specs_of({"f.yaml": content})
    patch = difference(specs, edited).encode()
    subprocess.run([program("git"), "apply", "-p1", "-"], input=patch, cwd=tmp_path, check=True)
    found = {p.relative_to(tmp_path).as_posix(): p.read_bytes() for p in tmp_path.rglob("*.yaml")}
    assert found == specs.after(edited).files


def test_what_was_applied_before_a_default_was_there_can_be_changed() -> None:
    body: Mapping[str, Any] = ACME.body
    old = {key: value for key, value in body["spec"].items() if key != "protect"}
    applied = make_resource(ACME.key, {**body, "spec": old})
    edited = adopted(SPECS, applied, with_spec(ACME, protect=True))
    assert SPECS.after(edited).sound().resources[ACME.key].spec["protect"] is True

"""A resource without a file becomes a document that is read as what it is."""

import pytest

from reconciler.editing.form import formatted
from reconciler.editing.specs import Specs
from reconciler.editing.writing import normal, path_of, write_document, write_documents
from reconciler.errors import EditRefused
from reconciler.model.resource import Resource, make_resource
from tests.editing.making import ROOT, key_of, specs_of
from tests.editing.test_edit import CONNECTION

FOLDERS = ("specs", "examples/tryton/specs", "examples/sandbox-two-plants")


def resources_of(folder: str) -> list[Resource]:
    paths = [path for path in (ROOT / folder).rglob("*") if path.suffix in {".yaml", ".csv"}]
    return list(specs_of({str(p): p.read_bytes() for p in paths}).sound().resources.values())


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_is_exported_is_read_as_what_it_was(folder: str) -> None:
    resources = resources_of(folder)
    written = write_documents(resources)
    read = specs_of(written).sound().resources
    assert {key: one.digest for key, one in read.items()} == {r.key: r.digest for r in resources}
    assert {key: one.origin and one.origin.file for key, one in read.items()} == {
        r.key: path_of(r.key) for r in resources
    }


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_is_exported_is_in_canonical_form(folder: str) -> None:
    for text in write_documents(resources_of(folder)).values():
        assert formatted(text.encode()) == text.encode()


def test_connectors_can_be_exported_too() -> None:
    catalogue = specs_of({}).loaded().catalogue
    written = write_documents(catalogue.values())
    read = Specs({name: text.encode() for name, text in written.items()}).sound().resources
    assert {one.digest for one in read.values()} == {one.digest for one in catalogue.values()}


SCHEDULE = {
    "metadata": {"labels": {}, "annotations": {"why": "on"}},
    "spec": {
        "connection": "acme",
        "every": "15m",
        "jitter": "0s",
        "mode": "incremental",
        "windows": [{"deny": "0 22 * * 6", "for": "4h", "timeZone": "UTC"}],
        "suspend": False,
    },
}


def test_defaults_are_left_out_and_keys_are_in_their_order() -> None:
    text = write_document(make_resource(key_of("SyncSchedule/nightly"), SCHEDULE))
    assert text == (
        "apiVersion: reconciler/v1\n"
        "kind: SyncSchedule\n"
        'metadata: {name: nightly, annotations: {why: "on"}}\n'
        "spec:\n"
        "  connection: acme\n"
        "  windows: [{deny: 0 22 * * 6, for: 4h}]\n"
    )


def test_what_was_applied_before_a_default_was_there_is_read_with_it() -> None:
    old = make_resource(key_of("SyncSchedule/nightly"), SCHEDULE)
    files = {"a.yaml": CONNECTION, "b.yaml": write_document(old)}
    read = specs_of(files).sound().resources[old.key]
    assert read.digest == normal(old).digest != old.digest
    assert write_document(read) == write_document(old)


def test_null_as_a_constant_is_written() -> None:
    spec = {
        "connection": "acme", "entity": "vendors", "inherit": True,
        "fields": {"name": {"value": None}}, "customFields": {}, "tests": [],
    }  # fmt: skip
    text = write_document(make_resource(key_of("Mapping/m"), {"spec": spec}))
    assert "name: {value: null}" in text


@pytest.mark.parametrize(
    ("annotation", "why"),
    [("{{ vars.x }}", "would be filled in"), ("-----BEGIN RSA PRIVATE KEY-----\nMII", "key")],
)
def test_what_would_not_be_read_as_it_is_is_refused(annotation: str, why: str) -> None:
    body = {**SCHEDULE, "metadata": {"annotations": {"note": annotation}}}
    with pytest.raises(EditRefused, match=why):
        write_document(make_resource(key_of("SyncSchedule/nightly"), body))


def test_a_body_that_no_kind_has_is_refused() -> None:
    with pytest.raises(EditRefused, match=r"SyncSchedule/nightly: spec"):
        write_document(make_resource(key_of("SyncSchedule/nightly"), {"spec": {"evry": "1h"}}))

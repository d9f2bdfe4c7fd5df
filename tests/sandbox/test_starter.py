"""The starter specs and the example: sound documents whose own tests hold."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.connectors import catalogue
from reconciler.datamodel.reader import entities
from reconciler.mapping.check import run_tests
from reconciler.mapping.compile import compile_rules
from reconciler.mapping.layers import Layer, effective
from reconciler.mapping.template import compile_template
from reconciler.sandbox.switches import Switches
from reconciler.spec.kinds.connection import ConnectionDocument
from reconciler.spec.kinds.envelope import Envelope
from reconciler.spec.kinds.environment import EnvironmentDocument
from reconciler.spec.kinds.mapping import MappingDocument
from reconciler.spec.kinds.route import AlertRouteDocument
from reconciler.spec.kinds.schedule import SyncScheduleDocument
from reconciler.spec.kinds.set import ConnectionSetDocument

ROOT = Path(__file__).parents[2]
FOLDERS = ("specs", "examples/sandbox-two-plants")
KINDS: dict[str, type[Envelope]] = {
    "AlertRoute": AlertRouteDocument,
    "Connection": ConnectionDocument,
    "ConnectionSet": ConnectionSetDocument,
    "Environment": EnvironmentDocument,
    "Mapping": MappingDocument,
    "SyncSchedule": SyncScheduleDocument,
}
MANIFEST = yaml.safe_load((Path(catalogue.__path__[0]) / "sandbox.yaml").read_text("utf-8"))


def documents(folder: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    for file in sorted((ROOT / folder).rglob("*.yaml")):
        for tree in yaml.safe_load_all(file.read_text("utf-8")):
            yield file, tree


def variables(folder: str) -> dict[str, Any]:
    given = [tree["spec"]["vars"] for _, tree in documents(folder) if tree["kind"] == "Environment"]
    return {"vars": given[0]}


def filled(value: Any, context: dict[str, Any]) -> Any:
    """Return *value* with its templates filled in."""
    if isinstance(value, str):
        return compile_template(value).value(context)
    if isinstance(value, dict):
        return {key: filled(item, context) for key, item in value.items()}
    return [filled(item, context) for item in value] if isinstance(value, list) else value


ALL = [(folder, file, tree) for folder in FOLDERS for file, tree in documents(folder)]
NAMES = [f"{tree['kind']}/{tree['metadata']['name']}" for _, _, tree in ALL]
MAPPINGS = [tree for _, _, tree in ALL if tree["kind"] == "Mapping"]


@pytest.mark.parametrize(("folder", "file", "tree"), ALL, ids=NAMES)
def test_every_document_is_one_of_its_kind(folder: str, file: Path, tree: dict[str, Any]) -> None:
    if tree["kind"] not in {"ConnectionSet", "Mapping", "Environment"}:
        tree = filled(tree, variables(folder))
    KINDS[tree["kind"]].model_validate(tree, strict=False)


@pytest.mark.parametrize("tree", MAPPINGS, ids=lambda tree: str(tree["metadata"]["name"]))
def test_the_tests_of_every_mapping_hold(tree: dict[str, Any]) -> None:
    spec = tree["spec"]
    stream = MANIFEST["spec"]["streams"][spec["entity"]]
    layers = [
        Layer("default", "Connector/sandbox", stream["fields"], stream.get("customFields", {})),
        Layer("connection", "Mapping", spec.get("fields", {}), spec.get("customFields", {})),
    ]
    mapper = compile_rules(
        effective(spec["entity"], layers), entities()[spec["entity"]], entities()
    )
    results = run_tests(mapper, spec["tests"])
    assert results
    assert [one for one in results if not one.passed] == []


def test_every_line_of_the_table_makes_a_connection_of_the_connector() -> None:
    folder = FOLDERS[1]
    tree = next(tree for _, tree in documents(folder) if tree["kind"] == "ConnectionSet")
    header, *lines = (ROOT / folder / tree["spec"]["file"]).read_text("utf-8").splitlines()
    names = []
    for line in lines:
        item = dict(zip(header.split(","), line.split(","), strict=True))
        part = filled(tree["spec"]["template"], {**variables(folder), "item": item})
        schedules = part.pop("schedules")
        made = {"apiVersion": "reconciler/v1", "kind": "Connection", **part}
        connection = ConnectionDocument.model_validate(made, strict=False)
        names.append(connection.metadata.name)
        assert connection.spec.auth is not None
        assert connection.spec.auth.method in MANIFEST["spec"]["auth"]
        assert set(connection.spec.entities or ()) <= set(MANIFEST["spec"]["streams"])
        assert [schedule["spec"]["every"] for schedule in schedules] == [item["every"]]
    assert names == ["north-plant", "south-plant"]


def test_the_starter_syncs_every_entity_by_one_of_its_schedules() -> None:
    trees = [tree for _, tree in documents("specs")]
    connection = next(tree["spec"] for tree in trees if tree["kind"] == "Connection")
    scheduled = [
        entity
        for tree in trees
        if tree["kind"] == "SyncSchedule"
        for entity in tree["spec"]["entities"]
    ]
    assert sorted(scheduled) == sorted(connection["entities"])
    assert set(scheduled) == set(MANIFEST["spec"]["streams"])


def test_the_second_plant_of_the_example_has_the_columns_that_its_mapping_names() -> None:
    text = (ROOT / FOLDERS[1] / "south-plant.json").read_text("utf-8")
    shape = Switches().merged(yaml.safe_load(text)).schema["orders"]
    order = shape.of({"u_cost_centre": "4711", "u_rush": "Y"})
    assert set(order) == {"z_kostenstelle", "z_eilig", "z_freigabegruppe"}

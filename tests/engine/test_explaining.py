"""Where a stored record's fields come from: rules, layers, changes, runs."""

from datetime import timedelta

import msgspec
import pytest

from reconciler.engine.explaining import Explaining
from reconciler.engine.explanation import Field, Told, as_json, hidden
from reconciler.engine.inforce import InForce
from reconciler.engine.reader import RecordReader
from reconciler.errors import NotFound
from reconciler.mapping.layers import effective
from reconciler.model.identity import record_id
from reconciler.model.record import RecordQuery
from reconciler.model.resource import Kind, Origin, Resource, ResourceKey, make_resource
from reconciler.model.sync import SyncMode, Trigger
from reconciler.ports import SyncRequest
from tests.fakes import iso
from tests.plant import CONNECTOR, Plant, connection, mapping

ORDERS = "purchase-orders"


def explaining(plant: Plant) -> Explaining:
    return Explaining(plant.store.views, plant.in_force)


async def the_id(plant: Plant, key: str = "1") -> str:
    situation = await plant.in_force.look()
    return record_id("po", situation.uid(situation.connection("acme")), key)


async def told(plant: Plant, *wanted: str) -> Told:
    return await explaining(plant).record(await the_id(plant), wanted)


async def one(plant: Plant, name: str) -> Field:
    (field,) = (await told(plant, name)).fields
    return field


@pytest.fixture
async def synced(plant: Plant) -> Plant:
    plant.order("1", state="open", total="12.50", lines=[{"n": 1}])
    await plant.syncs.run(SyncRequest("acme", mode=SyncMode.FULL))
    return plant


def selecting(name: str, **spec: object) -> Resource:
    body = {"selector": {"matchLabels": {}}, "entity": ORDERS, "inherit": True, **spec}
    return make_resource(ResourceKey(Kind.MAPPING, name), {"spec": body})


def override(plant: Plant, name: str, target: str, **patch: object) -> Resource:
    spec = {
        "target": {"kind": "Mapping", "name": target},
        "until": iso(plant.clock.now() + timedelta(hours=1)),
        "reason": "why",
        "patch": patch,
    }
    return make_resource(ResourceKey(Kind.OVERRIDE, name), {"spec": spec})


async def test_a_record_is_told_with_its_run_and_the_mapping_that_made_it(synced: Plant) -> None:
    found = await told(synced)
    assert found.connection == "acme"
    assert found.as_stored
    assert found.run is not None
    assert (found.run.mode, found.run.trigger) == (SyncMode.FULL, Trigger.PERSON)
    (page, _) = await explained_by_reader(synced)
    values = {field.explained.name: field.explained.value for field in found.fields}
    assert values | {"custom_fields": {}} == page


async def explained_by_reader(plant: Plant) -> tuple[dict[str, object], str]:
    ((record,), _) = await RecordReader(plant.store.views, plant.in_force).page(RecordQuery(ORDERS))
    assert record.mapped is not None
    return msgspec.json.decode(record.mapped), record.basis


async def test_a_rule_of_a_built_in_connector_has_no_file_and_no_change(synced: Plant) -> None:
    source = (await one(synced, "status")).source
    assert source is not None
    assert (source.rule.layer, source.rule.source) == ("default", "Connector/plant")
    assert source.built_in
    assert (source.place, source.change) == (None, None)
    assert source.path == ("spec", "streams", ORDERS, "fields", "status")


async def test_a_rule_is_told_with_file_line_and_the_change_that_made_it(synced: Plant) -> None:
    rule = {"from": "no"}
    placed = make_resource(
        ResourceKey(Kind.MAPPING, "acme-orders"),
        mapping(fields={"title": rule}).body,
        origin=Origin("specs/acme.yaml", 12),
    )
    await synced.declare(connection(), placed)
    first = (await one(synced, "title")).source
    await synced.clock.turn(timedelta(hours=1))
    other = mapping(fields={"title": rule, "number": {"from": "id"}})
    await synced.declare(connection(), other)
    later = (await one(synced, "title")).source
    number = (await one(synced, "number")).source
    assert first is not None
    assert later is not None
    assert number is not None
    assert first.place == Origin("specs/acme.yaml", 12)
    assert first.change is not None
    assert (first.change.actor, first.change.revision) == ("test", "test")
    assert later.change == first.change  # what came after did not touch this rule
    assert number.change is not None
    assert number.change.at == first.change.at + timedelta(hours=1)


async def test_layers_that_are_overridden_are_told_the_nearest_first(synced: Plant) -> None:
    everybody = selecting("all", fields={"number": {"from": "id"}})
    mine = mapping("mine", fields={"number": {"template": "X-{{ source.no }}"}})
    await synced.declare(connection(), everybody, mine)
    field = await one(synced, "number")
    assert field.explained.value == "X-PO-1"
    assert field.source is not None
    assert field.source.rule.layer == "connection"
    assert [(source.rule.source, cut) for source, cut in field.passed] == [
        ("Mapping/all", False),
        ("Connector/plant", False),
    ]


async def test_a_layer_that_does_not_inherit_is_told_as_why_a_field_is_null(synced: Plant) -> None:
    alone = mapping("mine", inherit=False, fields={"number": {"from": "no"}})
    await synced.declare(connection(), alone)
    field = await one(synced, "status")
    assert (field.explained.value, field.source) == (None, None)
    assert [(source.rule.source, cut) for source, cut in field.passed] == [
        ("Connector/plant", True)
    ]


async def test_an_override_is_a_layer_over_the_mapping_that_it_excepts(synced: Plant) -> None:
    in_force = InForce(synced.store.views, {"plant": CONNECTOR}, synced.clock)
    mine = mapping("mine", fields={"number": {"from": "no"}, "title": {"from": "no"}})
    now = override(
        synced,
        "now",
        "mine",
        fields={"number": {"from": "id"}, "title": None},
        customFields={"own": {"value": "x"}},
    )
    await synced.declare(connection(), mine, now)
    found = await Explaining(synced.store.views, in_force).record(await the_id(synced))
    fields = {field.explained.place: field for field in found.fields}
    number, own = fields["number"], fields["custom_fields.own"]
    assert number.explained.value == "1"
    assert number.source is not None
    assert (number.source.rule.layer, number.source.rule.source) == ("override", "Override/now")
    assert number.source.path == ("spec", "patch", "fields", "number")
    assert [source.rule.source for source, _ in number.passed] == [
        "Mapping/mine",
        "Connector/plant",
    ]
    assert own.source is not None
    assert own.source.rule.source == "Override/now"
    assert fields["title"].source is None
    situation = await in_force.look()
    assert found.basis == situation.mapping_basis(situation.connection("acme"), ORDERS)
    rules = effective(ORDERS, situation.layers(situation.connection("acme"), ORDERS))
    assert {
        field.explained.name: dict(field.source.rule.body)
        for field in found.fields
        if field.source is not None and field.explained.name in rules.fields
    } == {name: dict(rule.body) for name, rule in rules.fields.items()}


async def test_the_text_beside_an_enum_is_told_with_the_rule_of_the_enum(synced: Plant) -> None:
    field = await one(synced, "status_raw")
    assert field.source is not None
    assert field.source.path[-1] == "status"


async def test_what_is_stored_under_another_mapping_is_told_as_mapped_anew(synced: Plant) -> None:
    await synced.declare(connection(), mapping(fields={"number": {"from": "id"}}))
    found = await told(synced)
    assert not found.as_stored
    assert {f.explained.name: f.explained.value for f in found.fields}["number"] == "1"


async def test_a_record_that_cannot_be_mapped_is_told_with_the_field_that_fails(
    synced: Plant,
) -> None:
    await synced.declare(connection(), mapping(fields={"total_gross": {"from": "state"}}))
    found = await told(synced)
    assert found.error.startswith('total_gross: "open" is not a decimal')
    values = {f.explained.name: f.explained.value for f in found.fields}
    assert (values["total_gross"], values["number"]) == (None, "PO-1")


async def test_a_place_within_a_list_is_explained_by_itself(synced: Plant) -> None:
    lines = {"from": "lines", "each": {"line_no": {"from": "n"}}}
    await synced.declare(connection(), mapping(fields={"lines": lines}))
    field = await one(synced, "lines[0].line_no")
    assert field.explained.value == 1
    assert field.source is not None
    assert field.source.path == ("spec", "fields", "lines")


async def test_an_unknown_field_or_record_is_told_with_the_nearest(synced: Plant) -> None:
    with pytest.raises(NotFound, match="no field 'statsu'") as caught:
        await told(synced, "statsu")
    assert caught.value.hint == "did you mean 'status'?"
    with pytest.raises(NotFound, match="there is no record 'po_none'"):
        await explaining(synced).record("po_none")


async def test_a_record_whose_connection_is_gone_has_no_rules_to_tell(synced: Plant) -> None:
    known = await the_id(synced)
    other = make_resource(ResourceKey(Kind.CONNECTION, "other"), connection().body)
    await synced.declare(other)
    with pytest.raises(NotFound, match="is not in force"):
        await explaining(synced).record(known)


async def test_as_json_holds_steps_rule_layers_and_run(synced: Plant) -> None:
    found = as_json(await told(synced, "status"))
    assert found["run"]["mode"] == "full"
    assert found["as_stored"] is True
    (field,) = found["fields"].values()
    assert field["value"] == "approved"
    assert field["steps"] == [
        {"step": "from", "by": "state", "value": "open"},
        {"step": "values", "by": {"open": "approved"}, "value": "approved"},
    ]
    assert field["rule"]["source"] == "Connector/plant"
    assert field["rule"]["path"] == f"spec.streams.{ORDERS}.fields.status"
    assert field["overrides"] == []
    assert msgspec.json.decode(msgspec.json.encode(found)) == found


def test_what_has_the_shape_of_a_secret_is_hidden_in_a_rule_and_a_long_name_is_not() -> None:
    key = "AKIA" + "ABCDEFGHIJKLMNOP"
    assert hidden({"value": f"x {key}", "each": [key]}) == {"value": "x ***", "each": ["***"]}
    assert hidden("to_PurchaseOrderItem2Detail4You") == "to_PurchaseOrderItem2Detail4You"


async def test_of_what_failed_only_that_is_read_which_fails_under_the_mapping_in_force(
    plant: Plant,
) -> None:
    await plant.declare(connection(), mapping(fields={"total_gross": {"from": "state"}}))
    plant.order("1")
    await plant.syncs.run(SyncRequest("acme"))
    reader = RecordReader(plant.store.views, plant.in_force)
    failed = RecordQuery(ORDERS, failed=True)
    (records, _) = await reader.page(failed)
    assert [one.source_id for one in records] == ["1"]
    await plant.declare(connection(), mapping(fields={"total_gross": {"from": "total"}}))
    assert await reader.page(failed) == ([], None)

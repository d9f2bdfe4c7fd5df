"""One table, two readings: what a plan explains is what a controller sees."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.change import ABSENT, Effect, FieldChange
from reconciler.model.resource import Kind, ResourceKey, make_resource
from reconciler.plan.diff import diff
from reconciler.plan.effects import TABLE, basis, effects_of
from reconciler.spec.kinds.asked import ConfigField
from reconciler.spec.kinds.connector import ConnectorSpec, Stream
from tests.plan.builders import bodies_of, connection, resource

RECHECK, RESCHEDULE = Effect.RECHECK, Effect.RESCHEDULE
REMAP, RESYNC = Effect.REMAP, Effect.RESYNC


def asked(kind: Kind, path: str, before: Any = 1, after: Any = 2) -> set[Effect]:
    return set(effects_of(kind, [FieldChange(tuple(path.split(".")), before, after)]))


@pytest.mark.parametrize(
    ("kind", "path", "effects"),
    [
        (Kind.CONNECTION, "spec.config.database", {RECHECK, RESYNC}),
        (Kind.CONNECTION, "spec.auth.password", {RECHECK}),
        (Kind.CONNECTION, "spec.history", {RESYNC}),
        (Kind.CONNECTION, "spec.entities", {RESYNC}),
        (Kind.CONNECTION, "spec.deletions.every", set()),
        (Kind.CONNECTION, "spec.health.every", {RESCHEDULE}),
        (Kind.CONNECTION, "spec.protect", set()),
        (Kind.CONNECTION, "spec.drift", set()),
        (Kind.CONNECTION, "spec.notInTheTable", set()),
        (Kind.CONNECTION, "metadata.labels.plant", {REMAP, RESCHEDULE}),
        (Kind.CONNECTION, "metadata.annotations.note", set()),
        (Kind.CONNECTOR, "spec.streams.vendors.fields.name.from", {REMAP}),
        (Kind.CONNECTOR, "spec.streams.vendors.customFields.x.from", {REMAP}),
        (Kind.CONNECTOR, "spec.streams.vendors.request.path", {RESYNC}),
        (Kind.CONNECTOR, "spec.streams.vendors.title", set()),
        (Kind.CONNECTOR, "spec.config.base_url.description", set()),
        (Kind.CONNECTOR, "spec.config.base_url.default", {RECHECK, RESYNC}),
        (Kind.CONNECTOR, "spec.rateLimit.requests", set()),
        (Kind.MAPPING, "spec.fields.status.values.done", {REMAP}),
        (Kind.MAPPING, "spec.tests.[name=a].expect", set()),
        (Kind.MAPPING, "metadata.labels.plant", set()),
        (Kind.SYNC_SCHEDULE, "spec.every", {RESCHEDULE}),
        (Kind.OVERRIDE, "spec.until", {REMAP, RESCHEDULE}),
        (Kind.OVERRIDE, "spec.reason", set()),
        (Kind.ALERT_ROUTE, "spec.match.events", set()),
    ],
)
def test_a_field_asks_for_what_the_table_says(kind: Kind, path: str, effects: set[Effect]) -> None:
    assert asked(kind, path) == effects


def test_a_part_that_comes_whole_asks_for_what_its_fields_ask_for() -> None:
    stream = {"title": "x", "fields": {"a": {"from": "a"}}}
    assert asked(Kind.CONNECTOR, "spec.streams.vendors", ABSENT, stream) == {REMAP}
    assert asked(
        Kind.CONNECTOR, "spec.streams.vendors", ABSENT, {**stream, "primaryKey": "id"}
    ) == {
        REMAP,
        RESYNC,
    }
    assert asked(Kind.CONNECTOR, "spec.streams.vendors", ABSENT, {"title": "x"}) == set()
    assert asked(Kind.CONNECTOR, "spec.streams", {"a": {"title": "x"}}, None) == set()


def test_every_kind_is_in_the_table() -> None:
    assert set(TABLE) == set(Kind)


def test_every_part_of_a_connector_is_named_so_that_a_new_one_needs_a_decision() -> None:
    named = {row.split(".")[1] for row in TABLE[Kind.CONNECTOR] if row.startswith("spec.")}
    fields = {field.alias or name for name, field in ConnectorSpec.model_fields.items()}
    assert fields == named
    assert {"title", "fields", "customFields"} <= {
        field.alias or name for name, field in Stream.model_fields.items()
    }
    assert "default" in ConfigField.model_fields


def test_a_basis_moves_with_its_fields_and_with_no_others() -> None:
    one = connection("acme")
    longer = connection("acme", history="365d")
    assert basis(one, RESYNC) != basis(longer, RESYNC)
    assert basis(one, RECHECK) == basis(longer, RECHECK)
    assert basis(one, REMAP) == basis(longer, REMAP)
    assert basis(one, RESYNC) == basis(connection("other-name"), RESYNC)


def test_the_basis_of_one_entity_stays_when_another_is_added() -> None:
    two = connection("acme", entities=["purchase-orders", "vendors"])
    three = connection("acme", entities=["assets", "purchase-orders", "vendors"])
    assert basis(two, RESYNC) != basis(three, RESYNC)
    assert basis(two, RESYNC, entity="vendors") == basis(three, RESYNC, entity="vendors")
    assert basis(two, RESYNC, entity="assets") != basis(three, RESYNC, entity="assets")


@pytest.mark.parametrize("everything", [{}, {"entities": None}, {"entities": []}])
def test_a_connection_that_names_no_entities_has_all_of_them(everything: dict[str, Any]) -> None:
    named = resource("Connection/a", {"connector": "x", "entities": ["vendors"]})
    unnamed = resource("Connection/a", {"connector": "x", **everything})
    assert basis(named, RESYNC, entity="vendors") == basis(unnamed, RESYNC, entity="vendors")


def test_the_basis_of_one_entity_of_a_connector_is_its_stream() -> None:
    def connector(path: str) -> dict[str, Any]:
        return {
            "protocol": "http-json",
            "streams": {"vendors": {"path": "v"}, "assets": {"path": path}},
        }

    one = resource("Connector/x", connector("a"))
    other = resource("Connector/x", connector("b"))
    assert basis(one, RESYNC) != basis(other, RESYNC)
    assert basis(one, RESYNC, entity="vendors") == basis(other, RESYNC, entity="vendors")
    assert basis(one, RESYNC, entity="assets") != basis(other, RESYNC, entity="assets")


def test_kinds_that_say_nothing_of_entities_have_one_basis() -> None:
    mapping = resource("Mapping/m", {"entity": "vendors", "fields": {}})
    assert basis(mapping, REMAP, entity="vendors") == basis(mapping, REMAP)


def parts(kind: Kind) -> set[str]:
    return {part for row in TABLE[kind] for part in row.split(".") if part != "*"}


@pytest.mark.parametrize("kind", list(Kind))
@given(data=st.data())
def test_both_readings_agree_for_each_kind_field_and_effect(
    kind: Kind, data: st.DataObject
) -> None:
    bodies = bodies_of(parts(kind))
    key = ResourceKey(kind, "x")
    before, after = (make_resource(key, data.draw(bodies)) for _ in range(2))
    told = effects_of(kind, diff(before.body, after.body))
    seen = {effect for effect in Effect if basis(before, effect) != basis(after, effect)}
    assert told == seen


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("effect", list(Effect))
def test_both_readings_agree_on_each_row_of_the_table(kind: Kind, effect: Effect) -> None:
    for row in TABLE[kind]:
        path = tuple("vendors" if part == "*" else part for part in row.split("."))
        before, after = (make_resource(ResourceKey(kind, "x"), body(path, value)) for value in "ab")
        told = effects_of(kind, diff(before.body, after.body))
        assert (effect in told) is (basis(before, effect) != basis(after, effect)), row


def body(path: tuple[str, ...], value: str) -> dict[str, Any]:
    """Return a body with *value* at *path*, or one field below where an object is due."""
    whole: dict[str, Any] = {"metadata": {"labels": {}, "annotations": {}}, "spec": {}}
    inner: Any = {"x": value} if path[0] == "metadata" or len(path) == 1 else value
    for part in reversed(path[1:]):
        inner = {part: inner}
    whole[path[0]] = {**whole[path[0]], **inner}
    return whole


@pytest.mark.parametrize("kind", [Kind.CONNECTION, Kind.CONNECTOR, Kind.SYNC_SCHEDULE])
@given(data=st.data())
def test_what_an_entity_sees_is_a_part_of_what_the_whole_sees(
    kind: Kind, data: st.DataObject
) -> None:
    bodies = bodies_of(parts(kind))
    one, other = (make_resource(ResourceKey(kind, "x"), data.draw(bodies)) for _ in range(2))
    for effect in Effect:
        if basis(one, effect) == basis(other, effect):
            assert basis(one, effect, entity="vendors") == basis(other, effect, entity="vendors")

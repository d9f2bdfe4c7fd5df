"""What every store keeps of work that was asked for once more."""

import pytest

from reconciler.model.change import (
    Adopt,
    Change,
    Create,
    Effect,
    Forget,
    Rename,
    Replace,
    State,
    Update,
)
from reconciler.model.redo import REDO, Redo
from reconciler.model.resource import Kind, Resource, ResourceKey, make_resource, with_body
from reconciler.ports import Store
from tests.store.making import LATER, connection, renamed, schedule

AGAIN = frozenset({Effect.REDO})
ROUTE = make_resource(ResourceKey(Kind.ALERT_ROUTE, "ops"), {"spec": {}})


def asking(resource: Resource, value: str | None) -> Resource:
    annotations = {} if value is None else {REDO: value}
    metadata = {**resource.body["metadata"], "annotations": annotations}
    return with_body(resource, {**resource.body, "metadata": metadata})


PLAIN = asking(connection(policy="retain"), None)
ONE, TWO = asking(PLAIN, "one"), asking(PLAIN, "two")


async def put(store: Store, *changes: Change) -> State:
    async with store.begin() as unit:
        base = (await unit.objects.state()).generation
        await unit.objects.advance_generation(base, revision="r", at=LATER)
        for change in changes:
            await unit.objects.put(change, actor="ada", at=LATER)
        await unit.commit()
    return await store.views.state()


async def test_the_text_that_an_object_begins_with_is_known_and_asks_for_nothing(
    store: Store,
) -> None:
    assert (await put(store, Create(PLAIN), Create(ROUTE))).redo == {}
    route = asking(ROUTE, "one")
    assert (await put(store, Update(ROUTE, route, ()))).redo == {}
    made = await put(store, Create(asking(schedule(), "one")))
    assert made.redo == {schedule().key: Redo("one")}


async def test_what_a_plan_asks_for_is_kept_with_its_time_and_its_text_outlives_the_annotation(
    store: Store,
) -> None:
    await put(store, Create(PLAIN))
    asked = await put(store, Update(PLAIN, ONE, (), AGAIN))
    assert asked.redo == {PLAIN.key: Redo("one", LATER)}
    assert (await put(store, Update(ONE, PLAIN, ()))).redo == asked.redo
    assert (await put(store, Update(PLAIN, ONE, ()))).redo == asked.redo
    assert (await put(store, Adopt(ONE, TWO))).redo == {PLAIN.key: Redo("two", LATER)}


async def test_it_goes_with_the_object_under_a_new_name_and_comes_back_with_it(
    store: Store,
) -> None:
    await put(store, Create(PLAIN))
    await put(store, Update(PLAIN, ONE, (), AGAIN))
    other = renamed(ONE, "other")
    known = Redo("one", LATER)
    assert (await put(store, Rename(ONE, other))).redo == {other.key: known}
    assert (await put(store, Forget(other))).redo == {}
    assert (await put(store, Create(other))).redo == {other.key: known}


async def test_an_edit_beside_git_and_its_end_ask_for_nothing(store: Store) -> None:
    await put(store, Create(ONE))
    async with store.begin() as unit:
        await unit.objects.edit(ONE, TWO, actor="ui:jo", at=LATER)
        await unit.commit()
    assert (await store.views.state()).redo == {ONE.key: Redo("one")}
    async with store.begin() as unit:
        await unit.objects.settle(TWO, actor="git", at=LATER)
        await unit.commit()
    assert (await store.views.state()).redo == {ONE.key: Redo("one")}


@pytest.mark.parametrize("effects", [frozenset[Effect](), frozenset({Effect.RESYNC})])
async def test_a_replaced_connection_is_read_in_any_case_and_asks_for_nothing_more(
    store: Store, effects: frozenset[Effect]
) -> None:
    await put(store, Create(PLAIN))
    await put(store, Update(PLAIN, ONE, (), AGAIN))
    state = await put(store, Replace(ONE, TWO, (), (), (), effects))
    assert state.redo == {PLAIN.key: Redo("two")}


async def test_a_replaced_schedule_asks_without_any_text(store: Store) -> None:
    await put(store, Create(schedule()))
    state = await put(store, Replace(schedule(), schedule(), (), (), (), AGAIN))
    assert state.redo == {schedule().key: Redo("", LATER)}

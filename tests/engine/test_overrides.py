"""An override holds instead of what git says, for its time and no longer; nothing of it is drift."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.engine.inforce import InForce, Situation
from reconciler.engine.schedules import ticks
from reconciler.errors import Suspended
from reconciler.model.resource import Kind, Resource, ResourceKey, make_resource
from reconciler.plan.overrides import exceptions
from reconciler.plan.planner import make_plan
from reconciler.ports import SyncRequest
from tests.fakes import NOON
from tests.plant import CONNECTOR, Plant, connection, mapping

HOUR = timedelta(hours=1)
UNTIL = (NOON + HOUR).isoformat().replace("+00:00", "Z")
FIELDS = {"status": {"from": "state", "values": {"open": "sent"}}}


def override(target: ResourceKey, patch: dict[str, Any], name: str = "exception") -> Resource:
    spec = {
        "target": {"kind": target.kind.value, "name": target.name},
        "until": UNTIL,
        "reason": "the ERP is upgraded",
        "patch": patch,
    }
    key = ResourceKey(Kind.OVERRIDE, name)
    return make_resource(key, {"spec": spec}, needs=frozenset({target}))


def schedule(**spec: Any) -> Resource:
    body = {"connection": "acme", "every": "15m", "jitter": "0s", "mode": "incremental", **spec}
    return make_resource(ResourceKey(Kind.SYNC_SCHEDULE, "often"), {"spec": body})


async def look(plant: Plant) -> Situation:
    return await InForce(plant.store.views, {"plant": CONNECTOR}, plant.clock).look()


async def test_a_field_is_mapped_otherwise_until_the_exception_ends(plant: Plant) -> None:
    orders = mapping(fields={"number": {"from": "no"}})
    await plant.declare(connection(), orders, override(orders.key, {"fields": FIELDS}))
    in_force = InForce(plant.store.views, {"plant": CONNECTOR}, plant.clock)
    during = await in_force.look()
    acme = during.connection("acme")
    assert during.exceptions.by[orders.key] == (ResourceKey(Kind.OVERRIDE, "exception"),)
    basis = during.mapper(acme, "purchase-orders").basis
    assert await in_force.look() is during
    await plant.clock.turn(HOUR)
    after = await in_force.look()
    assert after is not during
    assert after.mapper(acme, "purchase-orders").basis != basis
    assert after.exceptions.by == {}


async def test_a_suspended_connection_is_not_read_and_is_again_by_itself(plant: Plant) -> None:
    plant.in_force._clock = plant.clock
    pause = override(connection().key, {"suspend": True})
    await plant.declare(connection(), schedule(), pause)
    with pytest.raises(Suspended, match="suspended by Override/exception"):
        await plant.syncs.run(SyncRequest("acme"))
    assert ticks(await look(plant)) == []
    await plant.clock.turn(HOUR)
    assert len(ticks(await look(plant))) == 1
    await plant.syncs.run(SyncRequest("acme"))
    assert plant.system.reads


async def test_an_exception_is_no_drift_and_no_change(plant: Plant) -> None:
    pause = override(connection().key, {"suspend": True})
    await plant.declare(connection(), pause)
    plan = make_plan([connection(), pause], await plant.store.views.state())
    assert (plan.empty, plan.drifts) == (True, ())


def test_a_schedule_that_is_told_when_to_run_is_told_all_of_it() -> None:
    often = schedule()
    nightly = override(often.key, {"cron": "0 3 * * *", "timeZone": "Europe/Amsterdam"})
    found = exceptions({often.key: often, nightly.key: nightly}, NOON)
    spec = found.resources[often.key].spec
    assert "every" not in spec
    assert (spec["cron"], spec["timeZone"]) == ("0 3 * * *", "Europe/Amsterdam")


def test_of_two_exceptions_both_hold_and_the_first_to_end_is_told() -> None:
    acme = connection()
    one = override(acme.key, {"suspend": True}, "a-pause")
    later = (NOON + 2 * HOUR).isoformat()
    two = override(acme.key, {"health": {"every": "1m"}}, "b-watch")
    two = replace(two, canonical=two.canonical.replace(UNTIL.encode(), later.encode()))
    found = exceptions({one.key: acme, acme.key: acme} | {one.key: one, two.key: two}, NOON)
    spec = found.resources[acme.key].spec
    assert (spec["suspend"], spec["health"]["every"]) == (True, "1m")
    assert found.next_end == NOON + HOUR

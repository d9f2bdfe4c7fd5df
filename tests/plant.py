"""A connection to a scripted plant, in force in a store that is memory."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from reconciler.engine.apply import apply
from reconciler.engine.health import Health
from reconciler.engine.inforce import InForce
from reconciler.engine.looks import Looks
from reconciler.engine.syncs import Syncs
from reconciler.engine.systems import Systems
from reconciler.model.change import Plan
from reconciler.model.resource import Kind, Resource, ResourceKey, make_resource
from reconciler.plan.planner import make_plan
from reconciler.ports import SILENT, Meter, Store
from tests.fakes import ScriptedConnector, ScriptedConnectors, TurnedClock, iso

CONNECTOR = make_resource(
    ResourceKey(Kind.CONNECTOR, "plant"),
    {
        "spec": {
            "streams": {
                "purchase-orders": {
                    "fields": {
                        "number": {"from": "no"},
                        "status": {
                            "from": "state",
                            "values": {"open": "approved", "done": "closed"},
                        },
                        "total_gross": {"from": "total", "type": "decimal"},
                    }
                },
                "vendors": {"fields": {"name": {"from": "name"}}},
            }
        }
    },
)


def connection(**spec: Any) -> Resource:
    """Return the connection ``acme``."""
    body = {
        "connector": "plant",
        "config": {},
        "history": "90d",
        "entities": ["purchase-orders"],
        "deletions": {"strategy": "sweep", "every": "1d", "brake": "10%"},
        "health": {"every": "5m", "strikes": 2},
    }
    return make_resource(ResourceKey(Kind.CONNECTION, "acme"), {"spec": {**body, **spec}})


def mapping(name: str = "acme-orders", **spec: Any) -> Resource:
    """Return a mapping of acme's purchase orders."""
    body = {"connection": "acme", "entity": "purchase-orders", "inherit": True}
    return make_resource(ResourceKey(Kind.MAPPING, name), {"spec": {**body, **spec}})


@dataclass
class Plant:
    """All that a test of the engine turns and looks at."""

    clock: TurnedClock
    system: ScriptedConnector
    store: Store
    in_force: InForce
    syncs: Syncs
    health: Health
    looks: Looks

    async def declare(self, *resources: Resource) -> Plan:
        """Bring *resources*, and nothing else, into force."""
        state = await self.store.views.state()
        plan = make_plan(resources, state, revision="test", prune=True)
        await apply(plan, self.store, self.clock, actor="test")
        return plan

    def order(self, key: str, *, age: timedelta = timedelta(days=1), **fields: Any) -> None:
        """Put a purchase order into the source, changed *age* ago."""
        known = self.system.records["purchase-orders"].get(key, {})
        record = {"id": key, "no": f"PO-{key}", "state": "open", "total": "10.00", **known}
        record |= {"changed_at": iso(self.clock.now() - age), **fields}
        self.system.records["purchase-orders"][key] = record


def syncs_of(
    store: Store,
    in_force: InForce,
    system: ScriptedConnector,
    clock: TurnedClock,
    meter: Meter = SILENT,
) -> Syncs:
    """Return what syncs connections to a scripted system."""
    systems = Systems(ScriptedConnectors(system))
    return Syncs(store, in_force, systems, Health(store, in_force, clock), clock, meter)


async def make_plant(store: Store) -> Plant:
    """Return a plant whose connection is in force in *store*."""
    clock = TurnedClock()
    system = ScriptedConnector(clock, {"purchase-orders": {}, "vendors": {}})
    in_force = InForce(store.views, {"plant": CONNECTOR})
    systems = Systems(ScriptedConnectors(system))
    health = Health(store, in_force, clock)
    syncs = Syncs(store, in_force, systems, health, clock)
    looks = Looks(health, systems, in_force, clock)
    made = Plant(clock, system, store, in_force, syncs, health, looks)
    await made.declare(connection())
    return made

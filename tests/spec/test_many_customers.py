"""Five hundred customers from one document and one table, and what happens when the table changes."""

from collections import Counter
from collections.abc import Mapping

import pytest

from reconciler.connectors.catalogue import catalogue_files
from reconciler.engine.apply import apply
from reconciler.engine.reconcile import consider
from reconciler.engine.wish import Wish
from reconciler.errors import PlanBlocked
from reconciler.model.change import Action, Plan
from reconciler.model.resource import Kind, ResourceKey
from reconciler.ports import Snapshot
from reconciler.spec.load import load
from reconciler.store.memory import MemoryStore
from tests.fakes import NOON, TurnedClock

CUSTOMERS = 500
SET = """\
apiVersion: reconciler/v1
kind: ConnectionSet
metadata: {name: customers}
spec:
  file: tables/customers.csv
  template:
    metadata: {name: "{{ item.id }}", labels: {customer: "{{ item.id }}", tier: "{{ item.tier }}"}}
    spec:
      connector: sandbox
      config: {base_url: "http://{{ vars.host }}:{{ item.port }}"}
      auth: {method: api_key, key: {env: "{{ item.id | upper }}_KEY"}}
      deletionPolicy: "{{ item.policy }}"
      protect: "{{ item.tier == 'gold' }}"
    mappings:
      - metadata: {name: "{{ item.id }}-orders"}
        spec: {entity: purchase-orders, fields: {title: {from: descr}}}
    schedules:
      - metadata: {name: "{{ item.id }}-often"}
        spec: {every: 15m}
"""
ENVIRONMENTS = """\
apiVersion: reconciler/v1
kind: Environment
metadata: {name: dev}
spec:
  default: true
  vars: {host: localhost}
---
apiVersion: reconciler/v1
kind: Environment
metadata: {name: prod}
spec:
  vars: {host: gateway.example.com}
  patches:
    - target: {kind: Connection, selector: {matchLabels: {tier: gold}}}
      spec: {history: 365d}
    - target: {kind: SyncSchedule, name: c007-often}
      spec: {every: 1h}
"""
HEADER = "id,port,tier,policy\n"


def row(number: int) -> str:
    """Return a customer: each hundredth is protected, each second leaves no records behind."""
    tier = "silver" if number % 100 else "gold"
    policy = "delete" if number % 2 else "retain"
    return f"c{number:03d},{8000 + number},{tier},{policy}\n"


def table(count: int = CUSTOMERS, *, without: tuple[int, ...] = ()) -> str:
    return HEADER + "".join(row(number) for number in range(count) if number not in without)


class Estate:
    """What is in force of all customers."""

    def __init__(self) -> None:
        self.store = MemoryStore()

    async def plan(self, text: str | None, wish: Wish | None = None) -> Plan:
        """Return the plan of a table; ``None``: there is no such file."""
        files = {"set.yaml": SET.encode(), "environments.yaml": ENVIRONMENTS.encode()}
        if text is not None:
            files["tables/customers.csv"] = text.encode()
        wish = wish or Wish()
        loaded = load(files, environment=wish.environment, catalogue=catalogue_files())
        assert not loaded.errors, loaded.errors[0].message
        return consider(loaded, Snapshot("r", files), await self.store.views.state(), wish)

    async def apply(self, plan: Plan) -> None:
        await apply(plan, self.store, TurnedClock(NOON), actor="cli:ada")

    async def kinds(self) -> Mapping[Kind, int]:
        return Counter(key.kind for key in (await self.store.views.state()).resources)


@pytest.fixture
async def estate() -> Estate:
    """All customers, in force."""
    made = Estate()
    await made.apply(await made.plan(table()))
    return made


def key(kind: Kind, name: str) -> ResourceKey:
    return ResourceKey(kind, name)


def told(plan: Plan) -> list[tuple[Action, str]]:
    return [(one.action, str(one.key)) for one in plan.changes]


async def test_each_customer_has_a_connection_a_mapping_and_a_schedule_and_then_nothing_is_to_do(
    estate: Estate,
) -> None:
    kinds = await estate.kinds()
    parts = (Kind.CONNECTION, Kind.MAPPING, Kind.SYNC_SCHEDULE)
    assert {kinds[kind] for kind in parts} == {CUSTOMERS}
    plan = await estate.plan(table())
    assert (plan.changes, plan.unmanaged) == ((), ())
    turned = HEADER + "".join(reversed(table().splitlines(keepends=True)[1:]))
    assert (await estate.plan(turned)).empty


async def test_a_customer_more_is_three_objects_more_and_touches_nobody_else(
    estate: Estate,
) -> None:
    assert told(await estate.plan(table(CUSTOMERS + 1))) == [
        (Action.CREATE, "Connection/c500"),
        (Action.CREATE, "Mapping/c500-orders"),
        (Action.CREATE, "SyncSchedule/c500-often"),
    ]


async def test_a_cell_that_changes_is_one_field_of_one_customer(estate: Estate) -> None:
    (change,) = (await estate.plan(table().replace(",8041,", ",9041,"))).changes
    assert change.key == key(Kind.CONNECTION, "c041")
    assert [one.path for one in getattr(change, "fields", ())] == [("spec", "config", "base_url")]


async def test_a_row_that_is_gone_is_told_and_everything_of_it_kept(estate: Estate) -> None:
    plan = await estate.plan(table(without=(7,)))
    assert plan.empty
    assert {str(one.key) for one in plan.unmanaged} == {
        "Connection/c007",
        "Mapping/c007-orders",
        "SyncSchedule/c007-often",
    }


@pytest.mark.parametrize(("number", "how"), [(7, Action.DELETE), (8, Action.FORGET)])
async def test_pruning_a_row_goes_by_the_policy_of_that_customer(
    estate: Estate, number: int, how: Action
) -> None:
    plan = await estate.plan(table(without=(number,)), Wish(prune=True))
    name = f"c{number:03d}"
    assert told(plan)[-1] == (how, f"Connection/{name}")
    assert {str(one.key) for one in plan.changes} == {
        f"Connection/{name}",
        f"Mapping/{name}-orders",
        f"SyncSchedule/{name}-often",
    }
    await estate.apply(plan)
    assert (await estate.kinds())[Kind.CONNECTION] == CUSTOMERS - 1


async def test_a_protected_customer_stays_and_holds_up_no_other(estate: Estate) -> None:
    plan = await estate.plan(table(without=(7, 100)), Wish(prune=True))
    assert [(one.code, str(one.key)) for one in plan.blocks if one.code == "PROTECTED"] == [
        ("PROTECTED", "Connection/c100")
    ]
    await estate.apply(plan)
    state = await estate.store.views.state()
    assert key(Kind.CONNECTION, "c100") in state.resources
    assert key(Kind.CONNECTION, "c007") not in state.resources


async def test_more_than_ten_objects_go_only_when_a_person_says_how_many(estate: Estate) -> None:
    four = table(without=(1, 2, 3, 4))
    plan = await estate.plan(four, Wish(prune=True))
    assert "TOO_MANY_DELETES" in {block.code for block in plan.blocks}
    with pytest.raises(PlanBlocked, match="12 objects would be removed"):
        await estate.apply(plan)
    assert (await estate.kinds())[Kind.CONNECTION] == CUSTOMERS
    await estate.apply(await estate.plan(four, Wish(prune=True, max_deletes=12)))
    assert (await estate.kinds())[Kind.CONNECTION] == CUSTOMERS - 4


@pytest.mark.parametrize("text", [None, "", HEADER, "id,port\nc001,8001\n"])
async def test_a_table_that_was_moved_emptied_or_cut_short_is_an_error_and_no_plan(
    estate: Estate, text: str | None
) -> None:
    with pytest.raises(AssertionError, match=r"customers\.csv|item\.tier"):
        await estate.plan(text, Wish(prune=True, max_deletes=10_000))


async def test_each_environment_has_its_own_values_and_patches_for_all_or_one_of_them(
    estate: Estate,
) -> None:
    plan = await estate.plan(table(), Wish(environment="prod"))
    fields = {
        str(one.key): {path.path[1:] for path in getattr(one, "fields", ())} for one in plan.changes
    }
    assert len(fields) == CUSTOMERS + 1
    assert fields["SyncSchedule/c007-often"] == {("every",)}
    assert fields["Connection/c007"] == {("config", "base_url")}
    gold = {name for name, paths in fields.items() if ("history",) in paths}
    assert gold == {f"Connection/c{number:03d}" for number in range(0, CUSTOMERS, 100)}
    await estate.apply(plan)
    spec = (await estate.store.views.state()).resources[key(Kind.CONNECTION, "c100")].spec
    assert spec["config"]["base_url"] == "http://gateway.example.com:8100"
    assert spec["auth"]["key"] == {"env": "C100_KEY"}

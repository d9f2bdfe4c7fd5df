"""The team's own rules in the loop: what they hold, what is told of it, and when it goes on by itself."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from reconciler.connectors.catalogue import catalogue_files
from reconciler.engine.inforce import InForce
from reconciler.engine.reading import Reading
from reconciler.engine.turns import SpecsTurn
from reconciler.engine.wish import Wish
from reconciler.model.condition import Condition, Reason
from reconciler.model.event import EventType
from reconciler.model.verdict import Done
from reconciler.ports import Commit, Snapshot
from reconciler.spec.load import load
from reconciler.store.memory import MemoryStore
from tests.engine.test_runtime import House as Running
from tests.fakes import TurnedClock

FRIDAY = datetime(2026, 5, 29, 18, 0, tzinfo=UTC)
OPENS = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
POLICY = "specs/reconciler-policy.yaml"
PROTECTED = b"""\
rules:
  - name: protected
    kinds: [Connection]
    selector: {matchLabels: {env: prod}}
    require: "spec.protect == `true`"
    message: Connections in prod are protected.
"""
WEEKEND = b"""\
windows:
  - deny: "0 22 * * 5"
    for: 60h
    timeZone: Europe/Amsterdam
    reason: plant shutdown
"""


def connection(name: str, env: str = "prod", **spec: str) -> bytes:
    more = "".join(f"  {key}: {value}\n" for key, value in spec.items())
    return (
        "apiVersion: reconciler/v1\n"
        "kind: Connection\n"
        f"metadata: {{name: {name}, labels: {{env: {env}}}}}\n"
        "spec:\n"
        "  connector: sandbox\n"
        '  config: {base_url: "http://127.0.0.1:8055"}\n'
        "  auth: {method: api_key, key: {env: SANDBOX_API_KEY}}\n"
        f"{more}"
    ).encode()


@dataclass
class Specs:
    """A branch whose files a test writes; each look is at a commit."""

    files: dict[str, bytes] = field(default_factory=dict)

    async def read(self) -> Snapshot:
        commit = Commit("c" * 40, "ada", "one", FRIDAY)
        return Snapshot(f"r{hash(tuple(self.files.values()))}", dict(self.files), commit)

    def changes(self) -> None:
        raise AssertionError


class House:
    """A turn over specs with a policy, on a Friday evening."""

    def __init__(self) -> None:
        self.specs, self.store, self.clock = Specs(), MemoryStore(), TurnedClock(FRIDAY)
        catalogue = load({}, catalogue=catalogue_files()).catalogue
        in_force = InForce(self.store.views, catalogue, self.clock)
        reading = Reading(Wish(), catalogue_files())
        self.turn = SpecsTurn(self.specs, reading, self.store, in_force, self.clock)  # type: ignore[arg-type]  # it is never asked for changes

    async def look(self, **files: bytes) -> timedelta | None:
        """Look at the specs, with some more files; return when the turn wants to look again."""
        self.specs.files |= {f"specs/{name}.yaml": said for name, said in files.items()}
        verdict = await self.turn()
        assert isinstance(verdict, Done)
        return verdict.again

    async def in_force(self) -> list[str]:
        return sorted(str(key) for key in (await self.store.views.state()).resources)

    async def reasons(self) -> set[tuple[Condition, str]]:
        found = await self.store.views.conditions()
        return {(one.condition, one.reason) for many in found.values() for one in many}

    async def events(self, kind: EventType) -> int:
        return sum(event.type is kind for event in await self.store.views.events(limit=500))


@pytest.fixture
def house() -> House:
    return House()


async def test_what_breaks_a_rule_is_held_and_the_others_go_on(house: House) -> None:
    house.specs.files[POLICY] = PROTECTED
    await house.look(a=connection("a"), b=connection("b", protect="true"))
    assert await house.in_force() == ["Connection/b"]
    assert await house.reasons() == {
        (Condition.SYNCED, Reason.BLOCKED),
        (Condition.STALLED, Reason.BLOCKED),
    }
    assert await house.events(EventType.PLAN_FAILED) == 1
    assert house.turn.outcome is not None
    assert (house.turn.outcome.well, house.turn.outcome.waits) == (False, False)
    await house.look(a=connection("a", protect="true"))
    assert await house.in_force() == ["Connection/a", "Connection/b"]
    assert await house.reasons() == set()


async def test_what_is_in_force_stays_when_a_new_rule_is_broken_by_it(house: House) -> None:
    await house.look(a=connection("a"))
    house.specs.files[POLICY] = PROTECTED
    await house.look(a=connection("a", history="30d"), b=connection("b", env="dev"))
    assert await house.in_force() == ["Connection/a", "Connection/b"]
    state = await house.store.views.state()
    assert [one.spec["history"] for one in state.resources.values()] == ["90d", "90d"]


async def test_a_broken_policy_leaves_the_old_state_in_force_and_is_told_once(
    house: House,
) -> None:
    await house.look(a=connection("a"))
    house.specs.files[POLICY] = b"rules: {}\n"
    for _ in range(3):
        await house.look(b=connection("b"))
    assert await house.in_force() == ["Connection/a"]
    assert await house.events(EventType.SOURCE_INVALID) == 1
    house.specs.files[POLICY] = b"rules: []\n"
    await house.look()
    assert await house.in_force() == ["Connection/a", "Connection/b"]


async def test_a_rule_that_cannot_be_judged_holds_its_object(house: House) -> None:
    house.specs.files[POLICY] = PROTECTED.replace(b"spec.protect == `true`", b"length(spec.x)")
    await house.look(a=connection("a"), b=connection("b", env="dev"))
    assert await house.in_force() == ["Connection/b"]


async def test_a_window_holds_changes_until_it_ends_and_they_go_on_by_themselves(
    house: House,
) -> None:
    house.specs.files[POLICY] = WEEKEND
    assert await house.look(a=connection("a")) is None
    await house.clock.turn(3 * HOUR)
    again = await house.look(a=connection("a", history="30d"), b=connection("b"))
    assert again == OPENS - house.clock.now()
    assert await house.in_force() == ["Connection/a"]
    assert await house.reasons() == {(Condition.SYNCED, Reason.DENY_WINDOW)}
    assert house.turn.outcome is not None
    assert (house.turn.outcome.well, house.turn.outcome.waits) == (False, True)
    await house.clock.turn(again - timedelta(seconds=1))
    assert await house.look() == timedelta(seconds=1)
    assert await house.in_force() == ["Connection/a"]
    await house.clock.turn(timedelta(seconds=1))
    assert await house.look() is None
    assert await house.in_force() == ["Connection/a", "Connection/b"]
    assert await house.reasons() == set()
    assert await house.events(EventType.PLAN_FAILED) == 0


async def test_a_window_is_told_once_though_it_is_looked_at_often(house: House) -> None:
    house.specs.files[POLICY] = WEEKEND
    await house.clock.turn(5 * HOUR)
    with capture_logs() as logs:
        for _ in range(3):
            await house.look(a=connection("a"))
            await house.clock.turn(HOUR)
    assert [log["log_level"] for log in logs if log["event"] == "plan_waits"] == ["info"]


async def test_a_window_over_nothing_that_changes_is_not_even_noticed(house: House) -> None:
    house.specs.files[POLICY] = WEEKEND
    await house.look(a=connection("a"))
    await house.clock.turn(5 * HOUR)
    assert await house.look() is None
    assert await house.reasons() == set()


async def test_a_rule_is_alerted_within_a_window_too(house: House) -> None:
    house.specs.files[POLICY] = PROTECTED + WEEKEND
    await house.clock.turn(5 * HOUR)
    await house.look(a=connection("a"), b=connection("b", env="dev"))
    assert await house.in_force() == []
    assert await house.events(EventType.PLAN_FAILED) == 1


async def test_a_warning_is_logged_when_it_is_news_and_holds_nothing(house: House) -> None:
    house.specs.files[POLICY] = PROTECTED + b"    severity: warning\n"
    with capture_logs() as logs:
        for _ in range(3):
            await house.look(a=connection("a"))
    assert [log["key"] for log in logs if log["event"] == "policy_warns"] == ["Connection/a"]
    assert await house.in_force() == ["Connection/a"]


async def test_the_loop_wakes_when_the_window_ends() -> None:
    running = Running()
    shut = b"windows:\n  - {deny: '59 11 * * *', for: 70s, reason: plant shutdown}\n"
    running.specs.files = {"specs/a.yaml": connection("a"), POLICY: shut}
    views = running.store.views
    async with asyncio.timeout(20), running.running():
        await running.seen("specs")
        assert (await views.state()).resources == {}
        await running.clock.turn(timedelta(seconds=10))
        while not (await views.state()).resources:  # noqa: ASYNC110  a store tells nobody
            await asyncio.sleep(0)

"""Whatever happens, in whatever order: who is told of a beginning is told of one end, and of no end alone."""

import asyncio
from collections import defaultdict
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.engine.granting import By
from reconciler.engine.hushing import acknowledge, silence
from reconciler.model.event import EventType
from reconciler.store.memory import MemoryStore
from tests.bell import Bell
from tests.engine.test_alerting import GROUP, connection, settle
from tests.town import Town, route

NAMES = [f"plant-{number}" for number in range(7)]
PAIRS = [
    (EventType.CONNECTION_OFFLINE, EventType.CONNECTION_ONLINE),
    (EventType.CONNECTION_AUTH_REQUIRED, EventType.CONNECTION_REAUTHORIZED),
    (EventType.SYNC_FAILED, EventType.SYNC_COMPLETED),
]
ROUTES: dict[str, dict[str, Any]] = {
    "plain": {"group": GROUP},
    "patient": {"group": {**GROUP, "by": []}, "for": "3m"},
    "nightly": {"group": GROUP, "quiet": [{"deny": "0 * * * *", "for": "20m"}]},
    "urgent": {"group": {**GROUP, "by": ["event"]}, "escalate": {"after": "7m", "to": "boss"}},
}

names, pairs = st.sampled_from(NAMES), st.sampled_from(PAIRS)
steps = st.one_of(
    st.tuples(st.just("begin"), names, pairs),
    st.tuples(st.just("end"), names, pairs),
    st.tuples(st.just("wait"), st.integers(1, 40)),
    st.tuples(st.just("settle")),
    st.tuples(st.just("silence"), names),
    st.tuples(st.just("ack")),
    st.tuples(st.just("crash")),
)


async def happen(bell: Bell, step: tuple[object, ...]) -> None:
    """Have one thing happen."""
    town = bell.town
    now = town.clock.now()
    match step:
        case ("begin", str(name), (EventType() as kind, _)):
            await town.happen(f"Connection/{name}", kind, reason="r", code="c", entity="e")
        case ("end", str(name), (_, EventType() as kind)):
            await town.happen(f"Connection/{name}", kind, entity="e")
        case ("wait", int(minutes)):
            await bell.wait(timedelta(minutes=minutes))
        case ("settle",):
            await settle(town)
        case ("silence", str(name)):
            async with town.store.begin() as unit:
                lasts = (now, now + timedelta(minutes=30))
                await silence(unit, {"connection": name}, By("a", now), lasts=lasts, comment="c")
                await unit.commit()
        case ("ack",):
            for alert in await town.store.views.alerts(limit=1):
                async with town.store.begin() as unit:
                    await acknowledge(unit, alert.id, By("a", now))
                    await unit.commit()
        case _:
            bell.start()


async def told(bell: Bell, name: str) -> dict[str, list[str]]:
    """Return what a route was told of each alert, in its order."""
    found: dict[str, list[str]] = defaultdict(list)
    for notification in await bell.told(name):
        assert notification.alerts
        assert notification.firing == sum(one.ends_at is None for one in notification.alerts)
        for one in notification.alerts:
            found[one.id].append(one.status.value)
    return found


@settings(max_examples=200, deadline=None)
@given(st.lists(steps, max_size=30))
def test_who_is_told_of_a_beginning_is_told_of_one_end(plan: list[tuple[object, ...]]) -> None:
    async def live() -> None:
        town = Town(MemoryStore())
        await town.declare(
            *(connection(name) for name in NAMES),
            *(route(name, **spec) for name, spec in ROUTES.items()),
            route("boss", match={"events": ["plan.failed"]}, group=GROUP),
        )
        bell = Bell(town)
        for step in plan:
            await happen(bell, step)
            again = await bell.look()
            assert again is None or again > town.clock.now()  # it comes to rest
        for name in NAMES:
            for pair in PAIRS:
                await happen(bell, ("end", name, pair))
        await bell.wait(timedelta(days=1))
        for name in (*ROUTES, "boss"):
            for history in (await told(bell, name)).values():
                assert history == ["firing"] * (len(history) - 1) + ["resolved"], (name, history)
                assert len(history) > 1
        assert await bell.look() is None
        board = await town.store.views.board(town.clock.now())
        assert board.alerts == {}  # nothing is left to be told

    asyncio.run(live())

"""Every event becomes one delivery for each route that wants it, whenever it is looked at."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.engine.inforce import InForce, Situation
from reconciler.engine.routing import OLDEST, Routing, delivery_of, fits
from reconciler.model.event import SEVERITIES, Delivery, EventSeverity, EventType
from reconciler.model.resource import Kind, Resource
from tests.town import Town, route, thing

FAR = timedelta(days=30)


async def routed(town: Town) -> list[Delivery]:
    """Route what there is, and return all deliveries that wait."""
    while await Routing(town.store, town.in_force, town.clock).turn():
        pass
    async with town.store.begin() as unit:  # not committed: nothing is claimed by looking
        claimed = await unit.outbox.claim("test", now=town.clock.now() + FAR, lease=FAR, limit=1000)
    return sorted(claimed, key=lambda one: one.id)


async def told(town: Town) -> list[tuple[str, str]]:
    """Return which route is to be told of which event."""
    state = await town.store.views.state()
    names = {uid: key.name for key, uid in state.uids.items()}
    return sorted((names[one.route], one.event_id) for one in await routed(town))


def test_every_event_has_a_severity_and_they_are_in_order() -> None:
    assert set(SEVERITIES) == set(EventType)
    for number, worse in enumerate(EventSeverity):
        for other, least in enumerate(EventSeverity):
            assert worse.reaches(least) == (number >= other)


@pytest.mark.parametrize(
    ("pattern", "name", "wanted"),
    [
        ("*", "sync.failed", True),
        ("sync.*", "sync.failed", True),
        ("sync.failed", "sync.failed", True),
        ("sync.fail", "sync.failed", False),
        ("sync", "sync.failed", False),
        ("syn.*", "sync.failed", False),
        ("records.*", "sync.failed", False),
    ],
)
def test_an_event_fits_a_name_a_family_or_the_star(pattern: str, name: str, wanted: bool) -> None:  # noqa: FBT001  a table's column
    assert fits(pattern, name) is wanted


async def test_each_route_that_wants_an_event_gets_one_delivery_that_is_due_at_once(
    town: Town,
) -> None:
    await town.declare(route("ops"), route("audit", match={"events": ["sync.*"]}))
    failed = await town.happen()
    applied = await town.happen("Plan", EventType.PLAN_APPLIED)
    assert await told(town) == [("audit", failed), ("ops", failed), ("ops", applied)]
    (first, *_) = await routed(town)
    assert first.due_at == town.clock.now()


async def test_routing_again_makes_none_twice(town: Town) -> None:
    await town.declare(route())
    name = await town.happen()
    (made,) = await routed(town)
    assert await routed(town) == [made]
    event = await town.store.views.event(name)
    assert event is not None
    again = delivery_of(event, await town.uid(), now=town.clock.now() + FAR)
    assert again.id == made.id
    async with town.store.begin() as unit:
        await unit.outbox.enqueue([again])
        await unit.commit()
    assert await routed(town) == [made]


class Dying(InForce):
    """The process ends between taking events and keeping their deliveries."""

    async def look(self) -> Situation:
        raise MemoryError


async def test_who_dies_before_the_commit_has_routed_nothing_and_lost_nothing(town: Town) -> None:
    await town.declare(route())
    name = await town.happen()
    with pytest.raises(MemoryError):
        await Routing(town.store, Dying(town.store.views, {}), town.clock).turn()
    assert await town.store.views.waiting() == {}
    assert await told(town) == [("ops", name)]


async def test_a_route_hears_of_nothing_that_is_milder_than_it_asks(town: Town) -> None:
    await town.declare(route("bad", match={"severity": "error"}), route("all"))
    mild = await town.happen("Connection/a", EventType.SYNC_COMPLETED)
    bad = await town.happen("Connection/b", EventType.SYNC_FAILED)
    assert await told(town) == [("all", mild), ("all", bad), ("bad", bad)]


ACME = thing(Kind.CONNECTION, "acme", labels={"customer": "acme", "plant": "a"})
OTHER = thing(Kind.CONNECTION, "other", labels={"customer": "other"})


@pytest.mark.parametrize(
    ("about", "resource"),
    [
        ("Connection/acme", None),
        (
            "Mapping/m",
            thing(Kind.MAPPING, "m", connection="acme", entity="vendors"),
        ),
        (
            "SyncSchedule/s",
            thing(Kind.SYNC_SCHEDULE, "s", selector={"matchLabels": {"plant": "a"}}),
        ),
        (
            "AlertRoute/mine",
            thing(Kind.ALERT_ROUTE, "mine", labels={"customer": "acme"}, to={}, suspend=True),
        ),
        (
            "Mapping/own",
            thing(Kind.MAPPING, "own", labels={"customer": "acme"}, connection="other"),
        ),
    ],
)
async def test_labels_are_those_of_the_thing_and_of_the_connection_that_it_is_about(
    town: Town, about: str, resource: Resource | None
) -> None:
    known = [] if resource is None else [resource]
    await town.declare(
        ACME,
        OTHER,
        route("acme", match={"labels": {"customer": "acme"}}),
        *known,
    )
    name = await town.happen(about, EventType.RESOURCE_UPDATED)
    for subject in ("Connection/other", "Connection/none", "Plan", "Source", "What/else"):
        await town.happen(subject, EventType.RESOURCE_UPDATED)
    assert await told(town) == [("acme", name)]


async def test_all_labels_have_to_be_there(town: Town) -> None:
    await town.declare(ACME, route(match={"labels": {"customer": "acme", "plant": "b"}}))
    await town.happen()
    assert await told(town) == []


async def test_what_is_deleted_has_the_labels_that_it_had_last(town: Town) -> None:
    mine = route("acme", match={"labels": {"customer": "acme"}})
    await town.declare(ACME, mine)
    await town.declare(mine)
    name = await town.happen("Connection/acme", EventType.RESOURCE_DELETED)
    assert await told(town) == [("acme", name)]


async def test_a_suspended_route_is_told_of_nothing_that_happens_meanwhile(town: Town) -> None:
    await town.declare(route(suspend=True))
    await town.happen()
    assert await told(town) == []
    await town.declare(route(suspend=False))
    assert await told(town) == []
    name = await town.happen()
    assert await told(town) == [("ops", name)]


@pytest.mark.parametrize(
    "to",
    [
        {"email": {"to": ["ops@example.com"]}},
        {"notify": {"url": {"env": "CHAT"}}},
        {"alertmanager": {"url": "https://alertmanager.example.com"}},
    ],
    ids=lambda to: next(iter(to)),
)
async def test_every_way_of_telling_gets_deliveries(town: Town, to: dict[str, object]) -> None:
    await town.declare(route("other", to=to))
    name = await town.happen()
    assert await told(town) == [("other", name)]


async def test_a_renamed_route_keeps_what_is_on_its_way(town: Town) -> None:
    await town.declare(route("old"))
    name = await town.happen()
    (made,) = await routed(town)
    renamed = route("new")
    state = await town.store.views.state()
    assert state.uids[route("old").key] == made.route
    await town.declare(replace(renamed, previous_name="old"))
    assert await told(town) == [("new", name)]


async def test_what_is_long_past_is_not_told(town: Town) -> None:
    await town.declare(route())
    await town.happen(age=OLDEST + timedelta(seconds=1))
    name = await town.happen(age=OLDEST)
    assert await told(town) == [("ops", name)]
    assert await town.store.views.waiting() != {}


async def test_more_events_than_a_transaction_takes_are_all_routed(town: Town) -> None:
    await town.declare(route())
    names = [await town.happen(f"Connection/{number}") for number in range(8)]
    small = Routing(town.store, town.in_force, town.clock, batch=3)
    assert [await small.turn() for _ in range(4)] == [True, True, False, False]
    assert sorted(event for _, event in await told(town)) == sorted(names)

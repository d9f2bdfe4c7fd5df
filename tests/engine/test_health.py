"""Looks at connections: what is kept, what is told and how often, and when the next look is."""

from datetime import timedelta
from typing import Any

import pytest

from reconciler.engine.health import found
from reconciler.errors import (
    Conflict,
    Forbidden,
    RateLimited,
    ReconcilerError,
    Revoked,
    SecretMissing,
    ServerFault,
    Unauthorized,
    Unreachable,
)
from reconciler.model.condition import Condition, Truth
from reconciler.model.connection import ConnectionState, ConnectionStatus, Probe
from reconciler.model.event import Event
from reconciler.ports import SyncRequest
from tests.plant import Plant, connection


async def look(plant: Plant, error: ReconcilerError | None = None) -> timedelta | None:
    """Take one look at acme, which meets *error*; return when the next one is."""
    if error is not None:
        plant.system.fail[len(plant.system.reads)] = error
    return await plant.looks.look("acme")


async def now(plant: Plant) -> ConnectionState:
    (state,) = (await plant.store.views.connection_states()).values()
    return state


async def told(plant: Plant) -> list[str]:
    """Return what was told of connections, the oldest first."""
    events = await plant.store.views.events()
    return [one.type.value for one in reversed(events) if one.type.startswith("connection.")]


async def last(plant: Plant) -> Event:
    events = await plant.store.views.events()
    return next(one for one in events if one.type.startswith("connection."))


REFUSED = Unauthorized("plant refused our credentials")
SILENT = Unreachable("plant: connection refused")


async def test_two_refused_looks_ask_for_credentials_once_and_a_good_one_ends_it(
    plant: Plant,
) -> None:
    await look(plant)
    for _ in range(4):
        await look(plant, REFUSED)
        await plant.clock.turn(timedelta(days=2))
    assert (await now(plant)).status is ConnectionStatus.NEEDS_REAUTH
    assert await told(plant) == ["connection.online", "connection.auth_required"]
    await look(plant)
    assert (await now(plant)).status is ConnectionStatus.ONLINE
    assert (await told(plant))[2:] == ["connection.reauthorized"]


async def test_the_event_says_what_its_reader_needs(plant: Plant) -> None:
    plant.order("a")
    await plant.looks.look("acme")
    synced = await plant.syncs.run(SyncRequest("acme"))
    assert synced.error is None
    await plant.clock.turn(timedelta(hours=2))
    await look(plant, REFUSED)
    await look(plant, REFUSED)
    event = await last(plant)
    data: dict[str, Any] = dict(event.data)
    at = plant.clock.now().isoformat(timespec="seconds").replace("+00:00", "Z")
    before = (plant.clock.now() - timedelta(hours=2)).isoformat(timespec="seconds")
    assert event.subject == "Connection/acme"
    assert data == {
        "connection": "acme",
        "labels": {},
        "connector": "plant",
        "status": "needs_reauth",
        "since": at,
        "reason": "ReauthorizationRequired",
        "message": "plant refused our credentials",
        "last_good_at": before.replace("+00:00", "Z"),
        "last_sync_at": before.replace("+00:00", "Z"),
        "affected": {"entities": ["purchase-orders"], "schedules": []},
        "reconnect": None,
    }


async def test_network_trouble_is_offline_and_told_once_at_each_end(plant: Plant) -> None:
    await look(plant)
    for _ in range(3):
        await look(plant, SILENT)
    assert (await now(plant)).status is ConnectionStatus.OFFLINE
    await look(plant)
    assert await told(plant) == ["connection.online", "connection.offline", "connection.online"]


async def test_a_system_that_is_back_and_refuses_us_is_both_told_and_ended(plant: Plant) -> None:
    await look(plant, SILENT)
    await look(plant, REFUSED)
    await look(plant, REFUSED)
    plant.system.mark = "second"
    await look(plant)
    assert await told(plant) == [
        "connection.offline",
        "connection.auth_required",
        "connection.reauthorized",
        "connection.online",
    ]


async def test_an_offline_system_is_asked_soon_and_then_less_often(plant: Plant) -> None:
    waits = [await look(plant, SILENT) for _ in range(6)]
    seconds = [wait.total_seconds() for wait in waits if wait]
    assert seconds == [30, 60, 120, 240, 300, 300]


async def test_what_is_well_is_asked_each_interval_give_or_take_a_tenth(plant: Plant) -> None:
    wait = await look(plant)
    assert wait is not None
    assert timedelta(minutes=4.5) <= wait <= timedelta(minutes=5.5)


async def test_refused_credentials_are_not_shown_again_and_again(plant: Plant) -> None:
    for _ in range(2):
        await look(plant, REFUSED)
    shown = plant.system.probes
    for _ in range(5):
        await plant.clock.turn(timedelta(minutes=5))
        await look(plant)
    assert plant.system.probes == shown
    await plant.clock.turn(timedelta(minutes=5))
    await look(plant, REFUSED)
    assert plant.system.probes == shown + 1
    await plant.clock.turn(timedelta(minutes=59))
    await look(plant)
    assert plant.system.probes == shown + 1


async def test_other_credentials_are_tried_at_the_next_look(plant: Plant) -> None:
    for _ in range(2):
        await look(plant, REFUSED)
    await plant.clock.turn(timedelta(minutes=5))
    plant.system.mark = "second"
    await look(plant)
    assert (await now(plant)).status is ConnectionStatus.ONLINE


async def test_a_revoked_grant_is_tried_once_a_day(plant: Plant) -> None:
    await look(plant, Revoked("the consent was taken back"))
    shown = plant.system.probes
    for _ in range(23):
        await plant.clock.turn(timedelta(hours=1))
        await look(plant)
    assert plant.system.probes == shown
    await plant.clock.turn(timedelta(hours=1))
    await look(plant)
    assert plant.system.probes == shown + 1


async def test_another_login_in_the_spec_opens_all_again(plant: Plant) -> None:
    for _ in range(2):
        await look(plant, REFUSED)
    await plant.declare(connection(auth={"method": "password", "password": {"env": "OTHER"}}))
    await look(plant, REFUSED)
    assert (await now(plant)).status is ConnectionStatus.DEGRADED
    await look(plant)
    assert await told(plant) == ["connection.auth_required", "connection.reauthorized"]


async def test_a_suspended_connection_is_paused_and_not_asked(plant: Plant) -> None:
    await look(plant)
    await plant.declare(connection(suspend=True))
    probes = plant.system.probes
    assert await look(plant) is None
    assert plant.system.probes == probes
    assert (await now(plant)).status is ConnectionStatus.PAUSED
    await plant.declare(connection())
    await look(plant)
    assert (await now(plant)).status is ConnectionStatus.ONLINE
    assert await told(plant) == ["connection.online"]


async def test_a_connection_that_is_gone_has_no_next_look(plant: Plant) -> None:
    assert await plant.looks.look("nobody") is None


async def test_conditions_follow_the_state(plant: Plant) -> None:
    async def said() -> dict[str, tuple[str, str]]:
        (uid,) = (await plant.store.views.state()).uids.values()
        found = (await plant.store.views.conditions(uid)).get(uid, ())
        return {one.condition.value: (one.truth.value, one.reason) for one in found}

    ready, login = Condition.READY.value, Condition.AUTHENTICATED.value
    await look(plant)
    assert await said() == {
        ready: (Truth.TRUE, "Answers"),
        login: (Truth.TRUE, "TokenValid"),
    }
    await look(plant, SILENT)
    assert await said() == {
        ready: (Truth.FALSE, "Unreachable"),
        login: (Truth.TRUE, "TokenValid"),
    }
    await look(plant, REFUSED)
    await look(plant, REFUSED)
    assert await said() == {
        ready: (Truth.FALSE, "ReauthorizationRequired"),
        login: (Truth.FALSE, "ReauthorizationRequired"),
    }


async def test_history_and_counts_tell_what_was(plant: Plant) -> None:
    await look(plant)
    await look(plant, SILENT)
    await look(plant)
    await plant.health.flush()
    changes = await plant.store.views.status_changes()
    assert [(one.before.value, one.after.value) for one in changes] == [
        ("offline", "online"),
        ("online", "offline"),
        ("pending", "online"),
    ]
    hours = await plant.store.views.checks(plant.clock.now() - timedelta(days=1))
    assert [(one.asked, one.failed, one.last_at) for one in hours] == [(3, 1, plant.clock.now())]
    await plant.clock.turn(timedelta(days=9))
    await look(plant)
    await plant.health.flush()
    hours = await plant.store.views.checks(plant.clock.now() - timedelta(days=30))
    assert [one.asked for one in hours] == [1]


async def test_a_look_that_finds_all_as_it_was_writes_nothing(plant: Plant) -> None:
    await look(plant)
    before = await now(plant)
    await plant.clock.turn(timedelta(minutes=5))
    await look(plant)
    assert await now(plant) == before
    await plant.clock.turn(timedelta(hours=1))
    await look(plant)
    assert (await now(plant)).good_at == plant.clock.now()


async def test_credentials_that_end_are_told_at_thirty_seven_and_one_day_each_once(
    plant: Plant,
) -> None:
    await look(plant)
    plant.system.expires = plant.clock.now() + timedelta(days=40)
    days = []
    for day in range(40):
        before = len(await told(plant))
        await look(plant)
        if len(await told(plant)) > before:
            days.append(40 - day)
        await plant.clock.turn(timedelta(days=1))
    assert days == [30, 7, 1]
    assert (await last(plant)).type == "connection.expiring"


async def test_credentials_found_to_end_tomorrow_are_told_once_not_thrice(plant: Plant) -> None:
    plant.system.expires = plant.clock.now() + timedelta(hours=20)
    for _ in range(3):
        await look(plant)
    assert (await told(plant)).count("connection.expiring") == 1


async def test_credentials_that_were_renewed_are_told_of_again_when_they_end(plant: Plant) -> None:
    for days in (3, 300, 3):
        plant.system.expires = plant.clock.now() + timedelta(days=days)
        await look(plant)
    assert (await told(plant)).count("connection.expiring") == 2
    plant.system.expires = None
    await look(plant)
    assert (await now(plant)).expires_at is None


@pytest.mark.parametrize(
    ("error", "probe"),
    [
        (None, Probe.ANSWERED),
        (Revoked("x"), Probe.REVOKED),
        (Unauthorized("x"), Probe.REFUSED),
        (Unreachable("x"), Probe.SILENT),
        (RateLimited("x"), Probe.THROTTLED),
        (Forbidden("x"), Probe.DENIED),
        (ServerFault("x"), Probe.FAULTY),
        (SecretMissing("x"), Probe.UNSET),
        (Conflict("x"), None),
    ],
)
def test_each_error_says_one_thing_of_a_system(
    error: ReconcilerError | None, probe: Probe | None
) -> None:
    assert found(error) is probe


async def test_new_credentials_that_are_taken_end_the_trouble_with_the_transaction_that_keeps_them(
    plant: Plant,
) -> None:
    for _ in range(2):
        await look(plant, REFUSED)
    heard: list[str] = []

    async def hear(name: str, anew: bool) -> None:  # noqa: FBT001  as it is told
        heard.append(name)

    plant.health.when_recovered(hear)
    situation = await plant.in_force.look()
    acme = situation.connection("acme")
    uid = situation.uid(acme)
    async with plant.store.begin() as unit:
        await plant.health.keep(unit, acme, uid, by="link:1", at=plant.clock.now())
        await unit.commit()
    assert (await now(plant)).status is ConnectionStatus.ONLINE
    assert (await told(plant))[-1] == "connection.reauthorized"
    assert heard == []
    await plant.health.follow(acme, uid)
    assert heard == ["acme"]

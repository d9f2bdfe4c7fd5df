"""Silences, quiet hours, acknowledgements, escalations and digests, with the clock turned."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.engine.granting import By
from reconciler.engine.hushing import LONGEST, acknowledge, end_silence, matchers_of, silence
from reconciler.engine.manners import Daily, Manners, Window, manners_of
from reconciler.errors import Invalid, NotFound
from reconciler.model.alert import Silence
from reconciler.model.event import EventType
from tests.bell import Bell
from tests.engine.test_alerting import (
    AGAIN,
    AUTH,
    DONE,
    FAILED,
    FIRST,
    GROUP,
    HOUR,
    MINUTE,
    OFFLINE,
    ONLINE,
    ORDERS,
    OVER,
    SECOND,
    VENDORS,
    connection,
    grouped,
    settle,
)
from tests.fakes import NOON
from tests.town import Town, route

ADA = "cli:ada"
ZONE = "Europe/Amsterdam"
DAY = timedelta(days=1)


async def hush(town: Town, *matchers: str, lasts: timedelta = HOUR) -> Silence:
    now = town.clock.now()
    async with town.store.begin() as unit:
        made = await silence(
            unit, matchers_of(list(matchers)), By(ADA, now), lasts=(now, now + lasts), comment="why"
        )
        await unit.commit()
    return made


async def ack(town: Town, alert_id: str) -> None:
    async with town.store.begin() as unit:
        await acknowledge(unit, alert_id, By(ADA, town.clock.now()), note="on it")
        await unit.commit()


# ── silences ─────────────────────────────────────────────────────────────────────────────────────


async def test_what_is_silenced_is_told_once_the_silence_has_ended_if_it_still_is_so(
    town: Town,
) -> None:
    bell = await grouped(town)
    await hush(town, "connection=ac*", "event=sync.*")
    await town.happen(kind=FAILED, entity=ORDERS)
    await town.happen(kind=FAILED, entity=VENDORS)
    await bell.wait(30 * MINUTE)
    await town.happen(kind=DONE, entity=VENDORS)
    await bell.wait(30 * MINUTE - SECOND)
    assert await bell.said() == []
    await bell.wait(MINUTE)
    assert await bell.said() == [FIRST]
    await bell.wait(3 * HOUR)
    assert await bell.said() == [FIRST]


async def test_what_was_told_before_a_silence_is_not_repeated_in_it_and_its_end_is_told(
    town: Town,
) -> None:
    bell = await grouped(town)
    await town.happen(kind=FAILED, entity=ORDERS)
    await bell.wait(MINUTE)
    await settle(town)
    await hush(town, "entity=*orders", lasts=DAY)
    await bell.wait(12 * HOUR)
    assert await bell.said() == [FIRST]
    await town.happen(kind=DONE, entity=ORDERS)
    await bell.wait(HOUR)
    assert await bell.said() == [FIRST, OVER]


async def test_a_silence_that_is_ended_early_ends_at_once(town: Town) -> None:
    bell = await grouped(town)
    made = await hush(town, "customer=acme", "connection=acme", lasts=DAY)
    await town.declare(connection("acme", customer="acme"), route(group=GROUP))
    await town.happen(kind=FAILED, entity=ORDERS)
    await bell.wait(HOUR)
    assert await bell.said() == []
    async with town.store.begin() as unit:
        ended = await end_silence(unit, made, made.id, By(ADA, town.clock.now()))
        await unit.commit()
    assert ended.ends_at == town.clock.now()
    await bell.wait()
    assert await bell.said() == [FIRST]


async def test_a_silence_is_about_nothing_else(town: Town) -> None:
    bell = await grouped(town)
    await hush(town, "connection=beta")
    await hush(town, "connection=acme", "customer=other")
    await hush(town, "nonsense=*x")
    await town.happen(kind=FAILED, entity=ORDERS)
    await bell.wait(MINUTE)
    assert await bell.said() == [FIRST]


@pytest.mark.parametrize("texts", [["acme"], ["=x"], ["a="], ["a=1", "a=2"]])
def test_a_matcher_that_says_nothing_is_refused(texts: list[str]) -> None:
    with pytest.raises(ValueError, match=r"matcher|twice"):
        matchers_of(texts)


async def test_a_silence_of_everything_or_of_no_time_is_refused(town: Town) -> None:
    now = town.clock.now()
    wrong: list[tuple[dict[str, str], timedelta]] = [
        ({}, HOUR),
        ({"connection": "*", "event": "**"}, HOUR),
        ({"connection": "a"}, -HOUR),
        ({"connection": "a"}, LONGEST + HOUR),
        ({str(number): "x" for number in range(21)}, HOUR),
    ]
    for matchers, lasts in wrong:
        async with town.store.begin() as unit:
            with pytest.raises(Invalid):
                await silence(unit, matchers, By(ADA, now), lasts=(now, now + lasts), comment="")
    async with town.store.begin() as unit:
        with pytest.raises(NotFound):
            await end_silence(unit, None, "sil_none", By(ADA, now))


# ── what something worse explains ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("cause", "end"), [(OFFLINE, ONLINE), (AUTH, AGAIN)])
async def test_a_connection_that_is_away_silences_its_own_syncs_and_no_others(
    town: Town, cause: EventType, end: EventType
) -> None:
    await town.declare(connection("acme"), connection("beta"), route(group=GROUP))
    bell = Bell(town)
    await town.happen("Connection/acme", cause, reason="NoAnswer")
    for name in ("acme", "beta"):
        await town.happen(f"Connection/{name}", FAILED, entity=ORDERS)
    await bell.wait(HOUR)
    told = sorted((one.alerts[0].subject, one.alerts[0].name) for one in await bell.told())
    assert told == [
        ("Connection/acme", cause.value),
        ("Connection/beta", "sync.failed"),
    ]
    await town.happen("Connection/acme", end)
    await town.happen("Connection/acme", DONE, entity=ORDERS)
    await bell.wait(HOUR)
    names = [one.name for told in await bell.told() for one in told.alerts]
    assert names.count("sync.failed") == 1


# ── quiet hours ──────────────────────────────────────────────────────────────────────────────────

NIGHT = [{"deny": "0 13 * * *", "for": "8h", "timeZone": ZONE}]  # 12:00 to 20:00 UTC in November


async def test_in_quiet_hours_only_what_is_critical_is_told(town: Town) -> None:
    bell = await grouped(town, quiet=NIGHT)
    await town.clock.turn(HOUR)
    await town.happen(kind=FAILED, entity=ORDERS)
    await town.happen(kind=FAILED, entity=VENDORS)
    await town.happen("Connection/beta", AUTH, reason="GrantRevoked")
    await bell.wait(HOUR)
    (told,) = await bell.told()
    assert [one.name for one in told.alerts] == ["connection.auth_required"]
    await town.happen(kind=DONE, entity=VENDORS)
    await bell.wait(6 * HOUR - SECOND)
    assert len(await bell.told()) == 1
    await bell.wait(MINUTE)
    (_, told) = await bell.told()
    assert [one.labels["entity"] for one in told.alerts] == [ORDERS]
    assert told.at == NOON.replace(hour=20, second=30)


async def test_ends_wait_for_the_end_of_quiet_hours_too_and_repeats(town: Town) -> None:
    bell = await grouped(town, quiet=[{"deny": "0 14 * * *", "for": "6h", "timeZone": "UTC"}])
    await town.happen(kind=FAILED, entity=ORDERS)
    await town.happen("Connection/beta", FAILED, entity=ORDERS)
    await bell.wait(2 * HOUR + SECOND)
    await settle(town)
    await town.happen(kind=DONE, entity=ORDERS)
    await bell.wait(6 * HOUR - MINUTE)
    assert await bell.said() == [FIRST, FIRST]
    await bell.wait(MINUTE)
    assert sorted(await bell.said()) == sorted([FIRST, FIRST, OVER, ("repeat", "firing", 1, 0)])


def test_windows_that_follow_on_another_are_one_quiet_time() -> None:
    manners = Manners(
        quiet=(Window("0 22 * * *", "UTC", 2 * HOUR), Window("0 0 * * *", "UTC", HOUR))
    )
    assert manners.quiet_until(datetime(2026, 1, 5, 23, tzinfo=UTC)) == datetime(
        2026, 1, 6, 1, tzinfo=UTC
    )
    assert manners.quiet_until(datetime(2026, 1, 6, 1, tzinfo=UTC)) is None


# ── who is on it ─────────────────────────────────────────────────────────────────────────────────


async def test_what_is_acknowledged_is_not_repeated_and_its_end_is_told(town: Town) -> None:
    bell = await grouped(town)
    await town.happen(kind=FAILED, entity=ORDERS)
    await bell.wait(MINUTE)
    await settle(town)
    await ack(town, (await bell.alert()).id)
    await ack(town, (await bell.alert()).id)  # again is no harm
    await bell.wait(timedelta(days=2))
    assert await bell.said() == [FIRST]
    await town.happen(kind=FAILED, entity=VENDORS)
    await bell.wait(MINUTE)
    told = (await bell.told())[-1]
    assert sorted(one.acknowledged_by for one in told.alerts) == ["", ADA]
    await town.happen(kind=DONE, entity=ORDERS)
    await bell.wait(HOUR)
    assert (await bell.said())[-1] == ("news", "firing", 1, 1)
    deeds = [one.deed for one in await town.store.views.audit()]
    assert deeds.count("alert.acknowledged") == 1


async def test_nothing_can_be_acknowledged_that_is_not_there_or_is_over(town: Town) -> None:
    bell = await grouped(town)
    await town.happen(kind=FAILED, entity=ORDERS)
    await bell.look()
    await town.happen(kind=DONE, entity=ORDERS)
    await bell.look()
    with pytest.raises(Invalid, match="over"):
        await ack(town, (await bell.alert()).id)
    with pytest.raises(NotFound):
        await ack(town, "alt_none")


ESCALATED: dict[str, Any] = {"escalate": {"after": "15m", "to": "boss"}}


async def escalating(town: Town) -> Bell:
    boss = route("boss", match={"events": ["plan.failed"]})
    await town.declare(connection("acme"), route(group=GROUP, **ESCALATED), boss)
    return Bell(town)


async def test_what_nobody_acknowledges_is_told_to_another_once_with_its_end(town: Town) -> None:
    bell = await escalating(town)
    await town.happen(kind=FAILED, entity=ORDERS)
    await bell.wait(30 * SECOND + 15 * MINUTE - SECOND)
    assert await bell.said("boss") == []
    await bell.wait(SECOND)
    escalated = ("escalation", "firing", 1, 0)
    assert await bell.said("boss") == [escalated]
    await bell.wait(timedelta(days=2))
    assert await bell.said("boss") == [escalated]
    assert await bell.said() == [FIRST]
    await town.happen(kind=DONE, entity=ORDERS)
    await bell.wait(HOUR)
    assert await bell.said("boss") == [escalated, OVER]
    assert await bell.said() == [FIRST, OVER]


async def test_what_is_acknowledged_in_time_is_not_escalated(town: Town) -> None:
    bell = await escalating(town)
    await town.happen(kind=FAILED, entity=ORDERS)
    await bell.wait(10 * MINUTE)
    await ack(town, (await bell.alert()).id)
    await town.happen(kind=FAILED, entity=VENDORS)
    await bell.wait(HOUR)
    (told,) = await bell.told("boss")
    assert [one.labels["entity"] for one in told.alerts] == [VENDORS]


async def test_nobody_is_told_by_a_suspended_route_until_it_is_resumed(town: Town) -> None:
    bell = await escalating(town)
    rest = (connection("acme"), route(group=GROUP, **ESCALATED))
    await town.declare(*rest, route("boss", suspend=True))
    await town.happen(kind=FAILED, entity=ORDERS)
    await bell.wait(HOUR)
    await town.declare(*rest, route("boss", match={"events": ["plan.failed"]}))
    assert await bell.said("boss") == []
    await bell.wait()
    assert await bell.said("boss") == [("escalation", "firing", 1, 0)]


# ── once a day ───────────────────────────────────────────────────────────────────────────────────


async def test_a_digest_tells_once_a_day_what_is_so_and_what_was(town: Town) -> None:
    daily = {"at": "07:30", "timeZone": ZONE}  # 06:30 UTC in November
    bell = await grouped(town, digest=daily, group=None, match={"severity": "warning"})
    await town.happen(kind=FAILED, entity=ORDERS)
    await town.happen(kind=FAILED, entity=VENDORS)
    await town.happen("Connection/beta", AUTH, reason="GrantRevoked")
    await town.happen(kind=FAILED, entity=VENDORS)
    await bell.wait(HOUR)
    await town.happen(kind=DONE, entity=VENDORS)
    await bell.wait(17 * HOUR + 30 * MINUTE - SECOND)
    assert await bell.said() == []
    await bell.wait(SECOND)
    (told,) = await bell.told()
    assert (told.kind.value, told.firing, told.resolved, dict(told.group)) == ("digest", 2, 1, {})
    assert told.at == datetime(2026, 11, 25, 6, 30, tzinfo=UTC)
    await bell.wait(DAY)
    await town.happen(kind=DONE, entity=ORDERS)
    await town.happen("Connection/beta", AGAIN)
    await bell.wait(DAY)
    await bell.wait(9 * DAY)
    assert [one[2:] for one in await bell.said()] == [(2, 1), (2, 0), (0, 2)]
    assert [(one.at - told.at) // DAY for one in await bell.told()] == [0, 1, 2]


async def test_a_day_on_which_nothing_is_to_be_said_has_no_digest(town: Town) -> None:
    bell = await grouped(town, digest={"at": "07:30"}, group=None)
    await bell.wait(9 * DAY)
    assert await bell.said() == []
    await town.happen(kind=FAILED, entity=ORDERS)
    await bell.wait(DAY)
    (told,) = await bell.told()
    assert told.at == NOON.replace(hour=7, minute=30) + 10 * DAY


@given(
    moment=st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  bounds are naive
    at=st.times(),
    zone=st.sampled_from(["UTC", ZONE, "America/St_Johns", "Australia/Lord_Howe"]),
)
def test_the_next_time_of_a_day_is_after_now_and_within_a_day_and_a_shift(
    moment: datetime, at: time, zone: str
) -> None:
    found = Daily(at.replace(second=0, microsecond=0), zone).after(moment)
    assert moment < found <= moment + DAY + 2 * HOUR


def test_a_route_without_any_of_the_words_has_no_manners() -> None:
    assert manners_of({"to": {}, "match": {}, "sendResolved": False, "quiet": []}) is None
    assert manners_of({"for": "0s"}) == Manners()
    assert manners_of({"group": {"by": []}}) == Manners(by=())

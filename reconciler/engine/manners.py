"""The manners of a route: how long it waits, what it groups, when it is quiet, who is told next."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from reconciler.model.duration import parse_duration
from reconciler.spec.cron import parse_cron

WORDS: Final = ("for", "group", "escalate", "quiet", "digest")
"""A route that says one of these tells alerts; any other tells each event, at once."""


@dataclass(frozen=True, slots=True)
class Window:
    """A time that comes by cron, and lasts."""

    cron: str
    zone: str
    lasts: timedelta

    def ends(self, now: datetime) -> datetime | None:
        """Return when it ends, if *now* lies in it."""
        opened = parse_cron(self.cron, self.zone).last_at_or_before(now, within=self.lasts)
        ends = None if opened is None else opened + self.lasts
        return ends if ends is not None and ends > now else None


@dataclass(frozen=True, slots=True)
class Daily:
    """A time of day, as the clocks of a zone show it."""

    at: time
    zone: str

    def after(self, moment: datetime) -> datetime:
        """Return the first time after *moment*. One that the clocks leave out comes an hour later."""
        zone = ZoneInfo(self.zone)
        day = moment.astimezone(zone).date() - timedelta(days=1)
        while True:
            found = datetime.combine(day, self.at, zone).astimezone(UTC)
            if found > moment:
                return found
            day += timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Manners:
    """How a route tells of alerts. ``hold`` is what the spec calls ``for``; ``escalate_to`` a route's name."""

    hold: timedelta = timedelta(0)
    by: tuple[str, ...] = ("connection",)
    wait: timedelta = timedelta(seconds=30)
    interval: timedelta = timedelta(minutes=5)
    repeat: timedelta = timedelta(hours=4)
    send_resolved: bool = True
    escalate_after: timedelta | None = None
    escalate_to: str = ""
    quiet: tuple[Window, ...] = ()
    digest: Daily | None = None

    def quiet_until(self, now: datetime) -> datetime | None:
        """Return when it is no longer quiet, if it is at *now*; windows that follow on another count."""
        until = now
        while ends := [end for one in self.quiet if (end := one.ends(until)) is not None]:
            until = max(ends)
            if until - now > timedelta(days=366):
                break
        return until if until > now else None


def manners_of(spec: Mapping[str, Any]) -> Manners | None:
    """Return the manners that the spec of a route asks for; ``None``: each event is told at once."""
    if not any(spec.get(word) for word in WORDS):
        return None
    group, escalate = spec.get("group") or {}, spec.get("escalate") or {}
    known = Manners()
    return Manners(
        hold=parse_duration(spec.get("for") or "0s"),
        by=tuple(group.get("by", known.by)),
        wait=_span(group, "wait", known.wait),
        interval=_span(group, "interval", known.interval),
        repeat=_span(group, "repeat", known.repeat),
        send_resolved=spec.get("sendResolved", True),
        escalate_after=parse_duration(escalate["after"]) if escalate else None,
        escalate_to=escalate.get("to", ""),
        quiet=tuple(_window(one) for one in spec.get("quiet") or ()),
        digest=_daily(spec.get("digest")),
    )


def _span(group: Mapping[str, Any], name: str, otherwise: timedelta) -> timedelta:
    return parse_duration(group[name]) if name in group else otherwise


def _window(spec: Mapping[str, Any]) -> Window:
    return Window(spec["deny"], spec.get("timeZone") or "UTC", parse_duration(spec["for"]))


def _daily(spec: Mapping[str, Any] | None) -> Daily | None:
    if not spec:
        return None
    hour, _, minute = spec["at"].partition(":")
    return Daily(time(int(hour), int(minute)), spec.get("timeZone") or "UTC")

"""What one route is to be told now, and when to look again: a pure function of what is kept and the time.

Nothing is remembered between two looks but what is kept: which alerts there are, who was told what of
them, and when a group was told last. Whatever was missed, by a crash or a stop, is found at the next look.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from reconciler.engine.grouping import MANY, hosts_offline, is_one, labels_of_group
from reconciler.engine.manners import Daily, Manners
from reconciler.engine.muting import NEVER, Muting
from reconciler.model.alert import Alert, Board, Group, Telling
from reconciler.model.notification import Told


class Listener(Protocol):
    """A route that tells alerts, as far as it matters here."""

    @property
    def uid(self) -> str:
        """Its identity."""
        ...

    def listens(self, alert: Alert) -> bool:
        """Whether it asks for alerts of this type, severity and labels."""
        ...


@dataclass(frozen=True, slots=True)
class Flush:
    """A notification to be made for the route ``to``: of a group as it is from then on, and of what."""

    to: str
    kind: Told
    group: Group
    alerts: tuple[Alert, ...]


@dataclass(slots=True)
class Decided:
    """What is to be told, what is to be kept of it, and when something is due next.

    ``outstanding`` are the alerts of which the route is still to be told something.
    """

    flushes: list[Flush] = field(default_factory=list)
    tellings: list[Telling] = field(default_factory=list)
    outstanding: set[str] = field(default_factory=set)
    again: datetime = NEVER

    def look(self, at: datetime) -> None:
        """Look again at *at*."""
        self.again = min(self.again, at)


class _Member(NamedTuple):
    """An alert of a group, what the route knows of it, and from when on it may be told."""

    alert: Alert
    telling: Telling | None
    ready: datetime

    @property
    def live(self) -> bool:
        """Whether the route knows that it is so, and it still is."""
        return self.telling is not None and self.alert.open

    @property
    def over(self) -> bool:
        """Whether the route knows that it was so, and it no longer is."""
        return self.telling is not None and self.alert.lasting and not self.alert.open

    @property
    def news_at(self) -> datetime:
        """When there was something of it that the route does not know; ``NEVER`` if it knows all."""
        if self.telling is None:
            return self.ready
        if self.over:
            return max(self.alert.closed_at or self.ready, self.ready)
        return (
            NEVER
            if self.telling.said == self.alert.said
            else max(self.alert.changed_at, self.ready)
        )


def decide(
    route: Listener, manners: Manners, board: Board, targets: Mapping[str, str], now: datetime
) -> Decided:
    """Return what *route* is to be told at *now*; *targets* are the uids of routes by name."""
    found = Decided()
    groups: dict[str, tuple[Mapping[str, str], list[_Member]]] = {}
    for key, labels, member in _members(route, manners, board, now):
        if member.over and not manners.send_resolved and member.telling is not None:
            found.tellings.append(replace(member.telling, resolved_at=now))
            continue
        found.outstanding.add(member.alert.id)
        groups.setdefault(key, (labels, []))[1].append(member)
    for key, (labels, members) in groups.items():
        group = board.groups.get((route.uid, key)) or Group(route.uid, key, labels)
        turn = _Turn(manners, group, members, now, found)
        if manners.digest is not None:
            turn.digest(manners.digest)
        elif not turn.news() and not turn.escalation(targets.get(manners.escalate_to)):
            turn.repeat(busy=group.delivery in board.busy)
    return found


def _members(
    route: Listener, manners: Manners, board: Board, now: datetime
) -> Iterator[tuple[str, Mapping[str, str], _Member]]:
    wanted = {alert.id for alert in board.alerts.values() if route.listens(alert)}
    hosts = hosts_offline(board.alerts[name] for name in wanted)
    muting = Muting(board, manners, now)
    for alert in board.alerts.values():
        telling = board.tellings.get((route.uid, alert.id))
        if not _concerns(alert, telling, digest=manners.digest is not None):
            continue
        if telling is None and alert.id not in wanted:
            continue
        key, labels = labels_of_group(alert, manners, hosts)
        if (
            telling is not None and telling.group != key and manners.digest is None
        ):  # it stays where it was told first
            known = board.groups.get((route.uid, telling.group))
            key, labels = telling.group, known.labels if known else labels
        yield key, labels, _Member(alert, telling, _ready(alert, telling, manners.hold, muting))


def _concerns(alert: Alert, telling: Telling | None, *, digest: bool) -> bool:
    """Return whether there may be something to tell of *alert*. What was over in time is not told."""
    if telling is None:
        return alert.open or not alert.lasting or digest
    return telling.resolved_at is None and (alert.lasting or telling.said != alert.said)


def _ready(alert: Alert, telling: Telling | None, hold: timedelta, muting: Muting) -> datetime:
    if (
        telling is not None and alert.lasting and not alert.open
    ):  # who was told of it is told of its end
        return muting.quiet(alert)
    since = alert.opened_at + hold if alert.lasting else alert.changed_at
    return max(since, muting.until(alert))


class _Turn:
    """A look at one group."""

    def __init__(
        self,
        manners: Manners,
        group: Group,
        members: Sequence[_Member],
        now: datetime,
        found: Decided,
    ) -> None:
        self._manners = manners
        self._group = group
        self._members = members
        self._now = now
        self._found = found

    def news(self) -> bool:
        """Tell what is news, if it is time; return whether it was."""
        one = is_one(self._group.key) and any(member.live for member in self._members)
        if one:
            self._join()
        due = self._due_of_host() if one else self._due()
        if due <= self._now:
            self._tell(Told.NEWS)
            return True
        self._found.look(due)
        return False

    def repeat(self, *, busy: bool) -> None:
        """Tell again what still holds and nobody has taken on, if it is time and the last was taken."""
        holds = [one for one in self._members if one.live and not one.alert.acked_at]
        ready = min((one.ready for one in holds), default=NEVER)
        if ready == NEVER or self._group.flushed_at is None:
            return
        at = max(self._group.flushed_at + self._manners.repeat, ready)
        if at <= self._now and busy:
            at = self._now + self._manners.interval
        if at <= self._now:
            self._tell(Told.REPEAT)
        else:
            self._found.look(at)

    def escalation(self, target: str | None) -> bool:
        """Tell *target* of what nobody has taken on in time; return whether it was."""
        after = self._manners.escalate_after
        if target is None or after is None:
            return False
        due = {
            one.alert.id: max(one.telling.told_at + after, one.ready)
            for one in self._members
            if one.telling is not None
            and one.alert.open
            and not one.alert.acked_at
            and one.telling.escalated_at is None
            and one.ready != NEVER
        }
        late = [one for one in self._members if due.get(one.alert.id, NEVER) <= self._now]
        if not late:
            self._found.look(min(due.values(), default=NEVER))
            return False
        group = replace(self._group, number=self._group.number + 1)
        alerts = tuple(one.alert for one in late)
        self._found.flushes.append(Flush(target, Told.ESCALATION, group, alerts))
        self._found.tellings += [
            replace(one.telling, escalated_at=self._now, escalated_to=target)
            for one in late
            if one.telling is not None
        ]
        return True

    def digest(self, daily: Daily) -> None:
        """Tell all there is, once a day."""
        last = self._group.flushed_at
        times = [
            max(one.alert.changed_at if one.telling is None else last or self._now, one.ready)
            for one in self._members
        ]
        first = min(times, default=NEVER)
        if first == NEVER:
            return
        due = daily.after(max(first, last or first))
        if due <= self._now:
            self._tell(Told.DIGEST)
        else:
            self._found.look(due)

    def _due(self) -> datetime:
        live = any(one.live for one in self._members)
        return min((self._due_of(one, live=live) for one in self._members), default=NEVER)

    def _due_of(self, one: _Member, *, live: bool) -> datetime:
        """Return when the news of one alert is told: after the group's wait, or its interval."""
        at, last = one.news_at, self._group.flushed_at
        if at == NEVER:
            return NEVER
        if one.telling is None and not live:
            at += self._manners.wait
            if one.alert.lasting:
                return at
        return at if last is None else max(at, last + self._manners.interval)

    def _join(self) -> None:
        """Know of what goes offline with its host, without telling it."""
        for one in self._members:
            if one.telling is None and one.ready <= self._now:
                self._found.tellings.append(self._telling(one))
            elif one.telling is None:
                self._found.look(one.ready)

    def _due_of_host(self) -> datetime:
        """Return when it is told that few connections of a host are left, once that has stayed so."""
        over = [one.news_at for one in self._members if one.over]
        if not over or sum(one.alert.open for one in self._members) >= MANY:
            return NEVER
        return max(*over, self._group.flushed_at or self._now) + self._manners.interval

    def _content(self) -> list[_Member]:
        return [one for one in self._members if one.ready <= self._now]

    def _tell(self, kind: Told) -> None:
        content = self._content()
        group = replace(self._group, number=self._group.number + 1, flushed_at=self._now)
        alerts = tuple(one.alert for one in content)
        self._found.flushes.append(Flush(group.route, kind, group, alerts))
        self._found.tellings += [self._telling(one) for one in content]
        over: dict[str, list[Alert]] = {}
        for one in content:
            if one.over and one.telling is not None and one.telling.escalated_to:
                over.setdefault(one.telling.escalated_to, []).append(one.alert)
        for target, ended in over.items():
            self._found.flushes.append(Flush(target, Told.NEWS, group, tuple(ended)))

    def _telling(self, one: _Member) -> Telling:
        """Return what the route knows of an alert once it was told how it is now."""
        known = one.telling or Telling(self._group.route, one.alert.id, self._group.key, self._now)
        over = one.alert.lasting and not one.alert.open
        return replace(known, said=one.alert.said, resolved_at=self._now if over else None)

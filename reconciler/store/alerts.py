"""Alerts and who was told of them, in SQL; every change moves the mark of the board."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import (
    Connection,
    Insert,
    Table,
    and_,
    delete,
    exists,
    or_,
    select,
    tuple_,
    update,
)

from reconciler.errors import Conflict
from reconciler.model.alert import Alert, Board, Group, Silence, Telling
from reconciler.model.endpoint import Endpoint
from reconciler.store import dialects
from reconciler.store.alert_rows import (
    alert_fields,
    endpoint_fields,
    group_fields,
    silence_fields,
    telling_fields,
    to_alert,
    to_endpoint,
    to_group,
    to_silence,
    to_telling,
)
from reconciler.store.alert_tables import (
    alert_groups,
    alert_mark,
    alerts,
    endpoints,
    tellings,
)
from reconciler.store.lines import pending
from reconciler.store.tables import deliveries, silences
from reconciler.store.times import micros
from reconciler.store.transaction import Transaction

_MANY = 500
"""How many values one statement names at most."""

_UNSETTLED = alerts.c.settled == 0


class SqlAlerts:
    """``ports.Alerts`` in one transaction. ``stirred``: it left something to do."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self.stirred = False

    async def about(self, subjects: Sequence[str]) -> Sequence[Alert]:
        """Return the alerts about *subjects* that are not settled."""
        return await self._transaction.do(_about, subjects)

    async def put(self, alerts: Sequence[Alert], *, news: bool = True) -> None:
        """Keep *alerts*, new or known."""
        if alerts:
            await self._transaction.do(_put, alerts, news=news)
            self.stirred |= news

    async def find(self, alert_id: str) -> Alert | None:
        """Return one alert; nobody else changes it before this transaction has ended."""
        return await self._transaction.do(_find, alert_id)

    async def settle(self, ids: Sequence[str]) -> None:
        """Say that nobody is to be told anything more of these."""
        if ids:
            await self._transaction.do(_settle, ids)

    async def tell(self, tellings: Sequence[Telling]) -> None:
        """Keep what routes know."""
        if tellings:
            await self._transaction.do(_tell, tellings)

    async def flush(self, group: Group, *, before: int) -> None:
        """Keep *group* as it is after a notification."""
        await self._transaction.do(_flush, group, before)

    async def silence(self, silence: Silence) -> None:
        """Keep a silence, new or known."""
        await self._transaction.do(_silence, silence)
        self.stirred = True

    async def prune(self, before: datetime, *, limit: int) -> int:
        """Remove what nobody needs any more; return how many alerts."""
        return await self._transaction.do(_prune, before, limit)


class SqlEndpoints:
    """``ports.Endpoints`` in one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def put(self, endpoint: Endpoint) -> None:
        """Keep how a receiver is, or that it is well."""
        await self._transaction.do(_put_endpoint, endpoint)


def _about(database: Connection, subjects: Sequence[str]) -> Sequence[Alert]:
    found: list[Alert] = []
    for some in _parts(sorted(set(subjects))):
        wanted = select(alerts).where(_UNSETTLED, alerts.c.subject.in_(some))
        found += [to_alert(row) for row in database.execute(wanted.with_for_update())]
    return found


def _put(database: Connection, wanted: Sequence[Alert], *, news: bool) -> None:
    database.execute(_keeping(database, alerts), [alert_fields(alert) for alert in wanted])
    if news:
        _move_mark(database)


def _find(database: Connection, alert_id: str) -> Alert | None:
    wanted = select(alerts).where(alerts.c.id == alert_id).with_for_update()
    row = database.execute(wanted).one_or_none()
    return None if row is None else to_alert(row)


def _settle(database: Connection, ids: Sequence[str]) -> None:
    for some in _parts(ids):
        database.execute(update(alerts).where(alerts.c.id.in_(some)).values(settled=1))
    _move_mark(database)


def _tell(database: Connection, wanted: Sequence[Telling]) -> None:
    database.execute(_keeping(database, tellings), [telling_fields(one) for one in wanted])
    _move_mark(database)


def _flush(database: Connection, group: Group, before: int) -> None:
    here = and_(alert_groups.c.route == group.route, alert_groups.c.key == group.key)
    number = database.scalar(select(alert_groups.c.number).where(here).with_for_update())
    if (number or 0) != before:
        msg = f"the group {group.key!r} was told of by another"
        raise Conflict(msg, hint="look again")
    database.execute(dialects.upsert(database, alert_groups, group_fields(group)))
    _move_mark(database)


def _silence(database: Connection, silence: Silence) -> None:
    database.execute(dialects.upsert(database, silences, silence_fields(silence)))
    _move_mark(database)


def _prune(database: Connection, before: datetime, limit: int) -> int:
    at = micros(before)
    old = (
        select(alerts.c.id)
        .where(alerts.c.settled == 1, alerts.c.changed_at < at)
        .where(or_(alerts.c.closed_at.is_(None), alerts.c.closed_at < at))
        .order_by(alerts.c.changed_at, alerts.c.id)
        .limit(limit)
    )
    ids = list(database.scalars(old))
    for some in _parts(ids):
        database.execute(delete(tellings).where(tellings.c.alert.in_(some)))
        database.execute(delete(alerts).where(alerts.c.id.in_(some)))
    database.execute(delete(silences).where(silences.c.ends_at < at))
    used = exists().where(
        tellings.c.route == alert_groups.c.route, tellings.c.told_group == alert_groups.c.key
    )
    database.execute(delete(alert_groups).where(alert_groups.c.flushed_at < at, ~used))
    return len(ids)


def _keeping(database: Connection, table: Table) -> Insert:
    """Return the statement that writes rows of *table*, new or known, many at a time."""
    insert = dialects.insert(database, table)
    keys = [column.name for column in table.primary_key]
    others = {one.name: insert.excluded[one.name] for one in table.c if one.name not in keys}
    return insert.on_conflict_do_update(index_elements=keys, set_=others)


def _move_mark(database: Connection) -> None:
    insert = dialects.insert(database, alert_mark).values(one=1, mark=1)
    database.execute(
        insert.on_conflict_do_update(index_elements=["one"], set_={"mark": alert_mark.c.mark + 1})
    )


def _put_endpoint(database: Connection, endpoint: Endpoint) -> None:
    if endpoint == Endpoint(endpoint.route):
        database.execute(delete(endpoints).where(endpoints.c.route == endpoint.route))
    else:
        database.execute(dialects.upsert(database, endpoints, endpoint_fields(endpoint)))


def _parts(values: Sequence[str]) -> Iterable[Sequence[str]]:
    return (values[start : start + _MANY] for start in range(0, len(values), _MANY))


# ── the read side ────────────────────────────────────────────────────────────────────────────────


def read_mark(database: Connection) -> int:
    """Return the mark of the board."""
    return database.scalar(select(alert_mark.c.mark)) or 0


def read_board(database: Connection, now: datetime) -> Board:
    """Return all that is still to be told of something."""
    mark = read_mark(database)  # first: what comes after it gives another one
    kept = [to_alert(row) for row in database.execute(select(alerts).where(_UNSETTLED))]
    known = select(tellings).join(alerts, alerts.c.id == tellings.c.alert).where(_UNSETTLED)
    told = [to_telling(row) for row in database.execute(known)]
    groups = [to_group(row) for row in database.execute(select(alert_groups))]
    busy = select(alert_groups.c.delivery).join(
        deliveries, and_(deliveries.c.id == alert_groups.c.delivery, pending)
    )
    lasting = select(silences).where(silences.c.ends_at > micros(now))
    return Board(
        alerts={one.id: one for one in kept},
        tellings={(one.route, one.alert): one for one in told},
        groups={(one.route, one.key): one for one in groups},
        silences=tuple(to_silence(row) for row in database.execute(lasting)),
        busy=frozenset(database.scalars(busy)),
        mark=mark,
    )


def read_alerts(
    database: Connection, after: tuple[datetime, str] | None, limit: int, *, ended: bool
) -> Sequence[Alert]:
    """Return alerts, the newest first."""
    wanted = select(alerts).order_by(alerts.c.opened_at.desc(), alerts.c.id.desc()).limit(limit)
    if not ended:
        wanted = wanted.where(_UNSETTLED, alerts.c.closed_at.is_(None))
    if after is not None:
        place = tuple_(alerts.c.opened_at, alerts.c.id)
        wanted = wanted.where(place < tuple_(micros(after[0]), after[1]))
    return tuple(to_alert(row) for row in database.execute(wanted))


def read_alert(database: Connection, alert_id: str) -> Alert | None:
    """Return one alert."""
    row = database.execute(select(alerts).where(alerts.c.id == alert_id)).one_or_none()
    return None if row is None else to_alert(row)


def read_silences(database: Connection) -> Sequence[Silence]:
    """Return all silences, the one that ends last first."""
    wanted = select(silences).order_by(silences.c.ends_at.desc(), silences.c.id)
    return tuple(to_silence(row) for row in database.execute(wanted))


def read_endpoints(database: Connection) -> Mapping[str, Endpoint]:
    """Return how receivers are that are not well."""
    return {row.route: to_endpoint(row) for row in database.execute(select(endpoints))}

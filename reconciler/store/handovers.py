"""How tokens that come of connect links are handed over: by which code, until when, and that they were."""

from datetime import timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, Index, Table, select

from reconciler.model.link import Handover
from reconciler.store import dialects
from reconciler.store.columns import METADATA, blob, key, string, whole
from reconciler.store.times import maybe_micros, maybe_moment
from reconciler.store.transaction import Transaction

connect_handovers: Final = Table(
    "connect_handovers",
    METADATA,
    key("link"),
    string("connection"),
    whole("shown"),
    whole("grace"),
    blob("code", null=True),
    whole("ready_at", null=True),
    whole("taken_at", null=True),
    Index("connect_handovers_code", "code", unique=True),
    Index("connect_handovers_connection", "connection"),
)
"""One a link; ``code`` is the digest of a one-time code, ``grace`` is in microseconds."""

_MICROSECOND: Final = timedelta(microseconds=1)


class SqlHandovers:
    """``ports.Handovers`` in one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def put(self, handover: Handover) -> None:
        """Keep a handover, new or known by its link."""
        await self._transaction.do(_put, handover)

    async def of(self, link: str) -> Handover | None:
        """Return the handover of a link (its id)."""
        return await self._transaction.do(_get, connect_handovers.c.link == link)

    async def by_code(self, digest: bytes) -> Handover | None:
        """Return the handover whose one-time code has this SHA-256."""
        return await self._transaction.do(_get, connect_handovers.c.code == digest)


def _put(database: Connection, handover: Handover) -> None:
    fields = {
        "link": handover.link,
        "connection": handover.connection,
        "shown": int(handover.shown),
        "grace": handover.grace // _MICROSECOND,
        "code": handover.code,
        "ready_at": maybe_micros(handover.ready_at),
        "taken_at": maybe_micros(handover.taken_at),
    }
    database.execute(dialects.upsert(database, connect_handovers, fields))


def _get(database: Connection, wanted: ColumnElement[bool]) -> Handover | None:
    query = select(connect_handovers).where(wanted)
    if dialects.is_postgres(database):
        query = query.with_for_update()
    row = database.execute(query).one_or_none()
    if row is None:
        return None
    return Handover(
        link=row.link,
        connection=row.connection,
        shown=bool(row.shown),
        grace=timedelta(microseconds=row.grace),
        code=None if row.code is None else bytes(row.code),
        ready_at=maybe_moment(row.ready_at),
        taken_at=maybe_moment(row.taken_at),
    )

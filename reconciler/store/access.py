"""API tokens, of which the text is never kept, and named leases."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, case, or_, select

from reconciler.model.access import Token
from reconciler.store import dialects
from reconciler.store.rows import to_token, token_fields
from reconciler.store.settling import lease_lost
from reconciler.store.tables import tokens
from reconciler.store.times import micros
from reconciler.store.transaction import Transaction
from reconciler.store.trust_tables import leases


class SqlTokens:
    """``ports.Tokens`` in one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def put(self, token: Token) -> None:
        """Keep a token, new or known."""
        await self._transaction.do(_put, token)

    async def touch(self, token_id: str, *, at: datetime) -> None:
        """Keep when a token was used last; an earlier time than the one kept changes nothing."""
        await self._transaction.do(_touch, token_id, micros(at))

    async def find(self, token_id: str) -> Token | None:
        """Return a token by its id; nobody else changes it before this transaction has ended."""
        found = await self._transaction.do(_find, tokens.c.id == token_id)
        return found[0] if found else None

    async def of(self, connection: str) -> Sequence[Token]:
        """Return the tokens of one connection (its uid), likewise."""
        return await self._transaction.do(_find, tokens.c.connection == connection)


class SqlLeases:
    """``ports.Leases`` in one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def acquire(
        self, name: str, holder: str, *, now: datetime, lease: timedelta
    ) -> int | None:
        """Take or renew *name*; return its epoch, or ``None`` if another holds it.

        The epoch rises whenever the holder changes or has let go, so that what a former holder still
        does can be told from what the present one does.
        """
        return await self._transaction.do(_acquire, name, holder, micros(now), micros(now + lease))

    async def release(self, name: str, holder: str) -> None:
        """Let go of *name* if *holder* has it."""
        await self._transaction.do(_release, name, holder)

    async def check(self, name: str, holder: str, *, epoch: int, now: datetime) -> None:
        """Return if *holder* still has *name* in that epoch, or raise ``LeaseLost``."""
        await self._transaction.do(_check, name, holder, epoch, micros(now))


def _put(database: Connection, token: Token) -> None:
    database.execute(dialects.upsert(database, tokens, token_fields(token)))


def _touch(database: Connection, token_id: str, at: int) -> None:
    database.execute(
        tokens.update()
        .where(
            tokens.c.id == token_id,
            or_(tokens.c.last_used_at.is_(None), tokens.c.last_used_at < at),
        )
        .values(last_used_at=at)
    )


def _find(database: Connection, whose: ColumnElement[bool]) -> Sequence[Token]:
    wanted = select(tokens).where(whose).order_by(tokens.c.created_at, tokens.c.id)
    if dialects.is_postgres(database):
        wanted = wanted.with_for_update()
    return tuple(to_token(row) for row in database.execute(wanted))


def _acquire(database: Connection, name: str, holder: str, now: int, until: int) -> int | None:
    statement = dialects.insert(database, leases).values(
        name=name, holder=holder, epoch=1, expires_at=until, acquired_at=now
    )
    mine = leases.c.holder.is_not_distinct_from(statement.excluded.holder)
    epoch: int | None = database.scalar(
        statement.on_conflict_do_update(
            index_elements=["name"],
            set_={
                "holder": statement.excluded.holder,
                "epoch": case((mine, leases.c.epoch), else_=leases.c.epoch + 1),
                "expires_at": statement.excluded.expires_at,
                "acquired_at": case(
                    (mine, leases.c.acquired_at), else_=statement.excluded.acquired_at
                ),
            },
            where=or_(mine, leases.c.holder.is_(None), leases.c.expires_at <= now),
        ).returning(leases.c.epoch)
    )
    return epoch


def _release(database: Connection, name: str, holder: str) -> None:
    database.execute(
        leases.update().where(leases.c.name == name, leases.c.holder == holder).values(holder=None)
    )


def _check(database: Connection, name: str, holder: str, epoch: int, now: int) -> None:
    wanted = select(leases).where(leases.c.name == name)
    if dialects.is_postgres(database):
        wanted = wanted.with_for_update(read=True)
    row = database.execute(wanted).one_or_none()
    if row is None or (row.holder, row.epoch) != (holder, epoch):
        raise lease_lost(name, None if row is None else row.holder)
    if row.expires_at <= now:
        raise lease_lost(name, None)

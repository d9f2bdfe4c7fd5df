"""Tokens and leases: who may, and who may alone."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, case, or_

from reconciler.model.access import Token
from reconciler.store import dialects
from reconciler.store.rows import token_fields
from reconciler.store.tables import leases, tokens
from reconciler.store.times import micros
from reconciler.store.transaction import Transaction


class SqlTokens:
    """``ports.Tokens`` in one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def put(self, token: Token) -> None:
        """Keep a token, new or known."""
        await self._transaction.do(_put, token)

    async def touch(self, token_id: str, *, at: datetime) -> None:
        """Keep when a token was used last."""
        await self._transaction.do(_touch, token_id, micros(at))


class SqlLeases:
    """``ports.Leases`` in one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def acquire(
        self, name: str, holder: str, *, now: datetime, lease: timedelta
    ) -> int | None:
        """Take or renew *name*; return its epoch, or ``None`` if another holds it."""
        return await self._transaction.do(
            _acquire, name, holder, (micros(now), micros(now + lease))
        )

    async def release(self, name: str, holder: str) -> None:
        """Let go of *name* if *holder* has it."""
        await self._transaction.do(_release, name, holder)


def _put(connection: Connection, token: Token) -> None:
    connection.execute(dialects.upsert(connection, tokens, token_fields(token)))


def _touch(connection: Connection, token_id: str, at: int) -> None:
    connection.execute(tokens.update().where(tokens.c.id == token_id).values(last_used_at=at))


def _acquire(connection: Connection, name: str, holder: str, times: tuple[int, int]) -> int | None:
    """Take or renew a lease in one statement; the epoch goes up when the holder changes."""
    now, until = times
    statement = dialects.insert(connection, leases).values(
        name=name, holder=holder, epoch=1, expires_at=until
    )
    same = leases.c.holder == statement.excluded.holder
    taken = statement.on_conflict_do_update(
        index_elements=["name"],
        set_={
            "holder": statement.excluded.holder,
            "expires_at": statement.excluded.expires_at,
            "epoch": case((same, leases.c.epoch), else_=leases.c.epoch + 1),
        },
        where=or_(same, leases.c.holder.is_(None), leases.c.expires_at <= now),
    ).returning(leases.c.epoch)
    epoch = connection.execute(taken).scalar_one_or_none()
    return None if epoch is None else int(epoch)


def _release(connection: Connection, name: str, holder: str) -> None:
    connection.execute(
        leases.update().where(leases.c.name == name, leases.c.holder == holder).values(holder=None)
    )

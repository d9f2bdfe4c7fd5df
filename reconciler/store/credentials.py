"""What is sealed - credentials of connections, secrets of the instance - and connect links, in SQL."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, func, select

from reconciler.model.credential import InstanceSecret, Sealed
from reconciler.model.link import Link
from reconciler.store import dialects
from reconciler.store.rows import AnyRow, Fields
from reconciler.store.tables import connect_links, credentials, secrets
from reconciler.store.times import maybe_micros, maybe_moment, micros, moment
from reconciler.store.transaction import Transaction


class SqlCredentials:
    """``ports.Credentials`` in one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def of(self, connection: str) -> Mapping[str, Sealed]:
        """Return what a connection has, by field."""
        return await self._transaction.do(read_credentials, connection)

    async def put(self, connection: str, credentials: Sequence[Sealed]) -> None:
        """Keep *credentials*, each in place of the one of its field."""
        await self._transaction.do(_put, connection, credentials)

    async def drop(self, connection: str, fields: Sequence[str] | None = None) -> int:
        """Remove some fields of a connection, or all of them; return how many there were."""
        return await self._transaction.do(_drop, connection, fields)

    async def others(self, key_id: str, *, limit: int) -> Sequence[tuple[str, Sealed]]:
        """Return what is sealed under another key, with its connection; nobody else changes it."""
        return await self._transaction.do(_others, key_id, limit)


class SqlSecrets:
    """``ports.Secrets`` in one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, secret: InstanceSecret) -> bool:
        """Keep *secret*, unless there is one of its name; return whether it was kept."""
        return await self._transaction.do(_add, secret)

    async def put(self, secret: InstanceSecret) -> None:
        """Keep *secret*, in place of the one of its name."""
        await self._transaction.do(_put_secret, secret)

    async def others(self, key_id: str, *, limit: int) -> Sequence[InstanceSecret]:
        """Return what is sealed under another key; nobody else changes it before this ends."""
        return await self._transaction.do(_other_secrets, key_id, limit)


class SqlLinks:
    """``ports.Links`` in one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def put(self, link: Link) -> None:
        """Keep a link, new or known."""
        await self._transaction.do(_put_link, link)

    async def by_digest(self, digest: bytes) -> Link | None:
        """Return the link whose text has this SHA-256; nobody else changes it before this ends."""
        return await self._transaction.do(_by_digest, digest)


def read_credentials(database: Connection, connection: str) -> Mapping[str, Sealed]:
    """Return what a connection has, by field."""
    wanted = select(credentials).where(credentials.c.connection == connection)
    rows = database.execute(wanted.order_by(credentials.c.field))
    return {row.field: _to_sealed(row) for row in rows}


def read_secret(database: Connection, name: str) -> InstanceSecret | None:
    """Return a secret of the instance."""
    row = database.execute(select(secrets).where(secrets.c.name == name)).one_or_none()
    return None if row is None else _to_secret(row)


def read_sealed_under(database: Connection) -> Mapping[str, int]:
    """Return how many rows are sealed under which key."""
    found: dict[str, int] = {}
    for table in (credentials, secrets):
        counted = select(table.c.key_id, func.count()).group_by(table.c.key_id)
        for key_id, rows in database.execute(counted):
            found[key_id] = found.get(key_id, 0) + rows
    return found


def read_link(database: Connection, digest: bytes) -> Link | None:
    """Return the link whose text has this SHA-256."""
    wanted = select(connect_links).where(connect_links.c.digest == digest)
    row = database.execute(wanted).one_or_none()
    return None if row is None else _to_link(row)


def read_links(database: Connection, connection: str) -> Sequence[Link]:
    """Return the links of a connection, the newest first."""
    wanted = (
        select(connect_links)
        .where(connect_links.c.connection == connection)
        .order_by(connect_links.c.created_at.desc(), connect_links.c.id.desc())
    )
    return tuple(_to_link(row) for row in database.execute(wanted))


def _put(database: Connection, connection: str, many: Sequence[Sealed]) -> None:
    for one in many:
        fields = {"connection": connection, **_sealed_fields(one)}
        database.execute(dialects.upsert(database, credentials, fields))


def _drop(database: Connection, connection: str, fields: Sequence[str] | None) -> int:
    statement = credentials.delete().where(credentials.c.connection == connection)
    if fields is not None:
        statement = statement.where(credentials.c.field.in_(fields))
    return database.execute(statement).rowcount


def _others(database: Connection, key_id: str, limit: int) -> Sequence[tuple[str, Sealed]]:
    wanted = (
        select(credentials)
        .where(credentials.c.key_id != key_id)
        .order_by(credentials.c.connection, credentials.c.field)
        .limit(limit)
    )
    rows = database.execute(_held(database, wanted))
    return tuple((row.connection, _to_sealed(row)) for row in rows)


def _add(database: Connection, secret: InstanceSecret) -> bool:
    statement = dialects.insert(database, secrets).values(_secret_fields(secret))
    kept = database.execute(
        statement.on_conflict_do_nothing(index_elements=["name"]).returning(secrets.c.name)
    )
    return kept.first() is not None


def _put_secret(database: Connection, secret: InstanceSecret) -> None:
    database.execute(dialects.upsert(database, secrets, _secret_fields(secret)))


def _other_secrets(database: Connection, key_id: str, limit: int) -> Sequence[InstanceSecret]:
    wanted = select(secrets).where(secrets.c.key_id != key_id).order_by(secrets.c.name).limit(limit)
    return tuple(_to_secret(row) for row in database.execute(_held(database, wanted)))


def _put_link(database: Connection, link: Link) -> None:
    database.execute(dialects.upsert(database, connect_links, _link_fields(link)))


def _by_digest(database: Connection, digest: bytes) -> Link | None:
    wanted = select(connect_links).where(connect_links.c.digest == digest)
    row = database.execute(_held(database, wanted)).one_or_none()
    return None if row is None else _to_link(row)


def _held(database: Connection, wanted: Select[Any]) -> Select[Any]:
    """Return *wanted* with its rows locked, where another may write at the same time."""
    return wanted.with_for_update() if dialects.is_postgres(database) else wanted


def _sealed_fields(one: Sealed) -> Fields:
    return {
        "field": one.field,
        "key_id": one.key_id,
        "sealed": one.sealed,
        "fingerprint": one.fingerprint,
        "expires_at": maybe_micros(one.expires_at),
        "updated_at": micros(one.updated_at),
        "updated_by": one.updated_by,
    }


def _to_sealed(row: AnyRow) -> Sealed:
    return Sealed(
        field=row.field,
        key_id=row.key_id,
        sealed=bytes(row.sealed),
        fingerprint=row.fingerprint,
        updated_at=moment(row.updated_at),
        updated_by=row.updated_by,
        expires_at=maybe_moment(row.expires_at),
    )


def _secret_fields(secret: InstanceSecret) -> Fields:
    return {
        "name": secret.name,
        "key_id": secret.key_id,
        "sealed": secret.sealed,
        "updated_at": micros(secret.updated_at),
    }


def _to_secret(row: AnyRow) -> InstanceSecret:
    return InstanceSecret(row.name, row.key_id, bytes(row.sealed), moment(row.updated_at))


def _link_fields(link: Link) -> Fields:
    return {
        "id": link.id,
        "connection": link.connection,
        "digest": link.digest,
        "created_by": link.created_by,
        "created_at": micros(link.created_at),
        "expires_at": micros(link.expires_at),
        "redirect": link.redirect or None,
        "state": link.state or None,
        "tries": link.tries,
        "used_at": maybe_micros(link.used_at),
        "revoked_at": maybe_micros(link.revoked_at),
    }


def _to_link(row: AnyRow) -> Link:
    return Link(
        id=row.id,
        connection=row.connection,
        digest=bytes(row.digest),
        created_by=row.created_by,
        created_at=moment(row.created_at),
        expires_at=moment(row.expires_at),
        redirect=row.redirect or "",
        state=row.state or "",
        tries=row.tries,
        used_at=maybe_moment(row.used_at),
        revoked_at=maybe_moment(row.revoked_at),
    )

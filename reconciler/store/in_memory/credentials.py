"""What is sealed, and connect links, without a database."""

from collections import Counter
from collections.abc import Mapping, Sequence

from reconciler.errors import Conflict
from reconciler.model.credential import InstanceSecret, Sealed
from reconciler.model.link import Link
from reconciler.store.in_memory.shelf import Draft, Shelf


class MemoryCredentials:
    """``ports.Credentials`` in one transaction."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    async def of(self, connection: str) -> Mapping[str, Sealed]:
        """Return what a connection has, by field."""
        return await self._draft.do(credentials_of, connection)

    async def put(self, connection: str, credentials: Sequence[Sealed]) -> None:
        """Keep *credentials*, each in place of the one of its field."""
        await self._draft.do(
            lambda shelf: shelf.credentials.update(
                {(connection, one.field): one for one in credentials}
            )
        )

    async def drop(self, connection: str, fields: Sequence[str] | None = None) -> int:
        """Remove some fields of a connection, or all of them; return how many there were."""
        return await self._draft.do(_drop, connection, fields)

    async def others(self, key_id: str, *, limit: int) -> Sequence[tuple[str, Sealed]]:
        """Return what is sealed under another key, with its connection."""
        return await self._draft.do(
            lambda shelf: tuple(
                (connection, one)
                for (connection, _), one in sorted(shelf.credentials.items())
                if one.key_id != key_id
            )[:limit]
        )


class MemorySecrets:
    """``ports.Secrets`` in one transaction."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    async def add(self, secret: InstanceSecret) -> bool:
        """Keep *secret*, unless there is one of its name; return whether it was kept."""
        return await self._draft.do(
            lambda shelf: shelf.secrets.setdefault(secret.name, secret) is secret
        )

    async def put(self, secret: InstanceSecret) -> None:
        """Keep *secret*, in place of the one of its name."""
        await self._draft.do(lambda shelf: shelf.secrets.update({secret.name: secret}))

    async def others(self, key_id: str, *, limit: int) -> Sequence[InstanceSecret]:
        """Return what is sealed under another key."""
        return await self._draft.do(
            lambda shelf: tuple(
                one for _, one in sorted(shelf.secrets.items()) if one.key_id != key_id
            )[:limit]
        )


class MemoryLinks:
    """``ports.Links`` in one transaction."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    async def put(self, link: Link) -> None:
        """Keep a link, new or known."""
        await self._draft.do(_put_link, link)

    async def by_digest(self, digest: bytes) -> Link | None:
        """Return the link whose text has this SHA-256."""
        return await self._draft.do(
            lambda shelf: next((one for one in shelf.links.values() if one.digest == digest), None)
        )


def credentials_of(shelf: Shelf, connection: str) -> Mapping[str, Sealed]:
    """Return what a connection has, by field."""
    return {
        field: one for (uid, field), one in sorted(shelf.credentials.items()) if uid == connection
    }


def links_of(shelf: Shelf, connection: str) -> Sequence[Link]:
    """Return the links of a connection, the newest first."""
    found = [one for one in shelf.links.values() if one.connection == connection]
    return tuple(sorted(found, key=lambda one: (one.created_at, one.id), reverse=True))


def sealed_under(shelf: Shelf) -> Mapping[str, int]:
    """Return how many rows are sealed under which key."""
    found = Counter(one.key_id for one in shelf.credentials.values())
    found.update(one.key_id for one in shelf.secrets.values())
    return found


def forget(shelf: Shelf, connection: str) -> None:
    """Remove the credentials and links of a connection, and what is to be handed over of them."""
    _drop(shelf, connection, None)
    shelf.handovers = {k: one for k, one in shelf.handovers.items() if one.connection != connection}
    shelf.links = {key: one for key, one in shelf.links.items() if one.connection != connection}


def _drop(shelf: Shelf, connection: str, fields: Sequence[str] | None) -> int:
    doomed = [
        place
        for place in shelf.credentials
        if place[0] == connection and (fields is None or place[1] in fields)
    ]
    for place in doomed:
        del shelf.credentials[place]
    return len(doomed)


def _put_link(shelf: Shelf, link: Link) -> None:
    if any(one.digest == link.digest and one.id != link.id for one in shelf.links.values()):
        raise Conflict("what was to be written contradicts what another has written")
    shelf.links[link.id] = link

"""Connect links made, listed and revoked: who may ask a customer for credentials, and for how long."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from reconciler.engine.asking import asks
from reconciler.engine.ids import new_id
from reconciler.engine.inforce import InForce, Situation
from reconciler.engine.links import CHANCE, LinkWish, check_wish, digest_of, text_of
from reconciler.engine.typed import by_consent
from reconciler.errors import Invalid, NotFound
from reconciler.model.audit import AuditEntry
from reconciler.model.link import Handover, Link, LinkState
from reconciler.model.resource import Resource
from reconciler.ports import Clock, Consents, Store, UnitOfWork


@dataclass(frozen=True, slots=True, repr=False)
class NewLink:
    """A link that was made, and its text, which nobody can read again."""

    text: str
    link: Link


@dataclass(frozen=True, slots=True)
class By:
    """Who does it (``api:key-7``, ``cli:ada``), and in which request."""

    actor: str
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Ground:
    """What all that has to do with links stands on.

    ``redirects`` are the places that customers may be sent to at the end; ``chance`` gives random bytes.
    """

    store: Store
    in_force: InForce
    clock: Clock
    redirects: tuple[str, ...] = ()
    consents: Consents | None = None
    chance: Callable[[int], bytes] = secrets.token_bytes


class LinkDesk:
    """Makes, lists and revokes links."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def mint(self, name: str, wish: LinkWish, by: By) -> NewLink:
        """Return a new link for the connection of this name; its older ones are good no more.

        Raises:
            NotFound: if no such connection is in force.
            Invalid: if the wish cannot be granted, or the connection asks its customer for nothing.
        """
        check_wish(wish, self._ground.redirects)
        situation = await self._ground.in_force.look()
        async with self._ground.store.begin() as unit:
            made = await self.put(unit, situation, situation.connection(name), wish, by)
            await unit.commit()
        return made

    async def put(
        self, unit: UnitOfWork, situation: Situation, connection: Resource, wish: LinkWish, by: By
    ) -> NewLink:
        """Return a new link that is kept with *unit*, which the caller commits; *wish* was checked.

        Raises:
            Invalid: if the connection asks its customer for nothing.
        """
        self._check_asks(situation, connection)
        now = self._ground.clock.now()
        text = text_of(self._ground.chance(CHANCE))
        uid = situation.uid(connection)
        link = Link(
            id=new_id("lnk", now),
            connection=uid,
            digest=digest_of(text) or b"",
            created_by=by.actor,
            created_at=now,
            expires_at=now + wish.lives,
            redirect=wish.redirect,
            state=wish.state,
        )
        # The entry first: who writes the audit log waits for the one before, so that of two links that
        # are made at once the second sees the first, and revokes it.
        told = {"link": link.id, "expires_at": link.expires_at.isoformat()}
        await unit.audit.record(entry("link.created", connection, by, now, told))
        links = unit.links
        for old in await self._ground.store.views.links(uid):
            if old.stands(now) is LinkState.OPEN:
                await links.put(replace(old, revoked_at=now))
        await links.put(link)
        await unit.handovers.put(Handover(link.id, uid, shown=wish.shown, grace=wish.grace))
        return NewLink(text, link)

    async def listed(self, name: str) -> Sequence[Link]:
        """Return the links of a connection, the newest first.

        Raises:
            NotFound: if no such connection is in force.
        """
        situation = await self._ground.in_force.look()
        return await self._ground.store.views.links(situation.uid(situation.connection(name)))

    async def revoke(self, name: str, link_id: str, by: By) -> None:
        """Make a link good no more; one that is over stays as it is.

        Raises:
            NotFound: if the connection has no such link.
        """
        situation = await self._ground.in_force.look()
        connection = situation.connection(name)
        known = await self._ground.store.views.links(situation.uid(connection))
        found = next((one for one in known if one.id == link_id), None)
        if found is None:
            raise NotFound(f"{name} has no connect link {link_id[:64]!r}")
        now = self._ground.clock.now()
        async with self._ground.store.begin() as unit:
            links = unit.links
            link = await links.by_digest(found.digest)
            if link is None or link.stands(now) is not LinkState.OPEN:
                return
            await links.put(replace(link, revoked_at=now))
            await unit.audit.record(entry("link.revoked", connection, by, now, {"link": link.id}))
            await unit.commit()

    def _check_asks(self, situation: Situation, connection: Resource) -> None:
        manifest = situation.manifest(connection)
        asked = asks(connection, manifest)
        consents = by_consent(connection, manifest)
        if consents and asked:
            raise Invalid(
                f"{connection.key} asks for a consent and for {asked[0].place}, which is one too many",
                hint="give that one by reference: {env: NAME} or {file: PATH}",
            )
        if not consents and not asked:
            raise Invalid(
                f"{connection.key} asks its customer for nothing",
                hint="write {connect: true} in the spec for what the customer is to give",
            )


def entry(
    deed: str, connection: Resource, by: By, at: datetime, data: Mapping[str, Any]
) -> AuditEntry:
    """Return what the audit log says of a deed with a link of *connection*."""
    return AuditEntry(at, by.actor, deed, str(connection.key), data, by.request_id)

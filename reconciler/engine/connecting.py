"""A customer connects a system: what is offered is tried live, and kept only if the system takes it.

Nothing of what was offered is kept, told or logged before the system has taken it; then it is sealed, in
the transaction that uses the link up.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

import structlog

from reconciler.engine.asking import Field, asks
from reconciler.engine.inforce import Situation
from reconciler.engine.linking import By, Ground, entry
from reconciler.engine.links import CHANCE, check_redirect, digest_of, sent_back, text_of
from reconciler.engine.pace import Pace
from reconciler.engine.typed import by_consent, read_typed
from reconciler.errors import (
    Forbidden,
    Invalid,
    Obstacle,
    ReconcilerError,
    Unauthorized,
    Unreachable,
)
from reconciler.model.link import Handover, Link, LinkState
from reconciler.model.resource import Resource
from reconciler.ports import Connectors, Obtained, UnitOfWork
from reconciler.ports.connecting import AddressGuard, Keeping, Reconnection, Reissue

log = structlog.get_logger()

MOST_TRIES: Final = 10
"""So many credentials a system may refuse before a link is locked."""
A_MINUTE: Final = 5
"""So many tries a minute a link has, whatever comes of them."""
WITHIN: Final = timedelta(seconds=25)
"""How long a try may take: less than a person waits, and than a request may last."""


async def _nothing(_spec: Any) -> None:
    """Prepare nothing."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What connecting is made of.

    ``guard`` says whether we may connect to what a customer typed; ``prepare`` is told the spec of each
    connection before it is opened, and may take its time.
    """

    ground: Ground
    connectors: Connectors
    safe: Keeping
    reissue: Reissue
    reconnection: Reconnection
    guard: AddressGuard
    api_version: str
    prepare: Callable[[Any], Awaitable[None]] = _nothing


@dataclass(frozen=True, slots=True)
class Opened:
    """An open link, and what it is about. ``consents``: the customer logs in at the system itself."""

    link: Link
    connection: Resource
    manifest: Resource
    fields: tuple[Field, ...]
    consents: bool


@dataclass(frozen=True, slots=True)
class Closed:
    """A link that is good no more; ``None``: there is none, or nothing is told of it."""

    state: LinkState | None


@dataclass(frozen=True, slots=True)
class Spent:
    """A link under which too many credentials were refused: it is locked."""


@dataclass(frozen=True, slots=True)
class Paced:
    """Too many tries in a short time."""

    wait: timedelta


@dataclass(frozen=True, slots=True)
class Misfit:
    """What was typed cannot be tried: why, by place."""

    wrong: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Refusal:
    """The system did not take it, or could not be asked. ``left`` is how many tries are left."""

    error: ReconcilerError
    left: int


@dataclass(frozen=True, slots=True, repr=False)
class Accepted:
    """All is kept.

    ``token`` is the new API token, where the customer is to see it; ``go_to`` is where the customer's
    browser goes, with a one-time code, where it goes anywhere.
    """

    connection: Resource
    token: str | None = None
    go_to: str | None = None


Outcome: TypeAlias = Accepted | Refusal | Misfit | Paced | Spent | Closed


class Connecting:
    """Serves customers who hold a link."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._ground = parts.ground
        self._pace = Pace(A_MINUTE, timedelta(minutes=1))

    async def look(self, text: str) -> Opened | Spent | Closed:
        """Return what the link of this text is about, if it is open."""
        digest = digest_of(text)
        link = await self._ground.store.views.link_by_digest(digest) if digest else None
        return Closed(None) if link is None else await self._opened(link)

    async def offer(self, text: str, form: Mapping[str, str]) -> Outcome:
        """Try what a customer typed (by place), and keep it if the system takes it."""
        opened = await self.look(text)
        if not isinstance(opened, Opened):
            return opened
        typed = read_typed(opened.fields, form)
        wrong = {**await self._guarded(opened.fields, typed.values), **typed.wrong}
        if wrong or opened.consents:
            return Misfit(wrong)

        async def obtain() -> Obtained:
            return Obtained(dict(typed.values))

        return await self._try(opened, obtain)

    async def consent(self, opened: Opened, *, redirect: str, state: str, verifier: str) -> str:
        """Return the address where the customer consents.

        Raises:
            Invalid: if the connection has no such login, or its address cannot be made.
        """
        consents = self._ground.consents
        await self._parts.prepare(opened.connection.spec)
        address = consents and consents.consent(
            opened.connection, opened.manifest, redirect=redirect, state=state, verifier=verifier
        )
        if not address:
            raise Invalid(f"{opened.connection.key} has no login with a consent")
        return address

    async def redeem(self, text: str, *, code: str, redirect: str, verifier: str) -> Outcome:
        """Have the *code* of a consent made good, try what comes of it, and keep it."""
        opened = await self.look(text)
        if not isinstance(opened, Opened):
            return opened
        consents = self._ground.consents
        if consents is None or not opened.consents:
            return Closed(None)

        async def obtain() -> Obtained:
            return await consents.redeem(
                opened.connection, opened.manifest, code=code, redirect=redirect, verifier=verifier
            )

        return await self._try(opened, obtain)

    async def _opened(self, link: Link) -> Opened | Spent | Closed:
        state = link.stands(self._ground.clock.now())
        if state is not LinkState.OPEN:
            return Closed(state)
        situation = await self._ground.in_force.look()
        connection = _connection_of(situation, link)
        if connection is None:
            return Closed(None)
        if link.tries >= MOST_TRIES:
            return Spent()
        manifest = situation.manifest(connection)
        consents = self._ground.consents is not None and by_consent(connection, manifest)
        return Opened(link, connection, manifest, asks(connection, manifest), consents)

    async def _guarded(
        self, fields: tuple[Field, ...], values: Mapping[str, str]
    ) -> dict[str, str]:
        """Return which addresses customers may not lead us to."""
        wrong = {}
        for field in fields:
            if field.type == "url" and field.place in values:
                try:
                    await self._parts.guard(values[field.place])
                except Unreachable:
                    wrong[field.place] = "There is no system at this address. Is it spelled right?"
                except Invalid:
                    wrong[field.place] = "We cannot connect to this address from here."
        return wrong

    async def _try(self, opened: Opened, obtain: "_Obtain") -> Outcome:
        now = self._ground.clock.now()
        wait = self._pace.wait(opened.link.id, now)
        if wait is not None:
            return Paced(wait)
        taken = await self._take_try(opened.link.digest)
        if not isinstance(taken, Link):
            return taken
        try:
            obtained = await self._probed(opened, obtain)
        except ReconcilerError as error:
            judged = _judges(error)
            if not judged:
                await self._give_back(opened.link.digest)
            log.info(
                "connect_refused",
                connection=opened.connection.key.name,
                link=opened.link.id,
                code=error.code,
                tries=taken.tries if judged else taken.tries - 1,
            )
            return Refusal(error, MOST_TRIES - taken.tries if judged else MOST_TRIES)
        except BaseException:
            await asyncio.shield(self._give_back(opened.link.digest))
            raise
        return await self._accept(opened, obtained)

    async def _probed(self, opened: Opened, obtain: "_Obtain") -> Obtained:
        """Return what *obtain* gives if the system takes it."""
        try:
            async with asyncio.timeout(WITHIN.total_seconds()):
                await self._parts.prepare(opened.connection.spec)
                obtained = await obtain()
                given = {
                    place: value for place, value in obtained.fields.items() if value is not None
                }
                connector = self._parts.connectors.open(
                    opened.connection, opened.manifest, given=given
                )
                try:
                    await connector.probe()
                finally:
                    await connector.close()
        except TimeoutError:
            seconds = WITHIN.total_seconds()
            raise Unreachable(f"{opened.connection.key}: no answer within {seconds:g} s") from None
        return obtained

    async def _take_try(self, digest: bytes) -> Link | Spent | Closed:
        """Count a try ahead, so that tries at once are not more than there may be."""
        async with self._ground.store.begin() as unit:
            links = unit.links
            link = await links.by_digest(digest)
            state = link.stands(self._ground.clock.now()) if link else None
            if link is None or state is not LinkState.OPEN:
                return Closed(state)
            if link.tries >= MOST_TRIES:
                return Spent()
            counted = replace(link, tries=link.tries + 1)
            await links.put(counted)
            await unit.commit()
        return counted

    async def _give_back(self, digest: bytes) -> None:
        """Take the count of a try back that judged no credentials."""
        async with self._ground.store.begin() as unit:
            links = unit.links
            link = await links.by_digest(digest)
            if link is not None and link.tries:
                await links.put(replace(link, tries=link.tries - 1))
                await unit.commit()

    async def _accept(self, opened: Opened, obtained: Obtained) -> Accepted | Closed:
        parts, now = self._parts, self._ground.clock.now()
        connection, uid = opened.connection, opened.link.connection
        by = By(f"link:{opened.link.id}")
        async with self._ground.store.begin() as unit:
            links = unit.links
            link = await links.by_digest(opened.link.digest)
            state = link.stands(now) if link else None
            if link is None or state is not LinkState.OPEN:
                return Closed(state)
            if await unit.objects.uid(connection.key) != uid:
                return Closed(None)
            await parts.safe.keep(
                unit, uid, obtained.fields, by=by.actor, at=now, expires_at=obtained.expires_at
            )
            await links.put(replace(link, used_at=now, tries=max(0, link.tries - 1)))
            accepted = await self._hand_over(unit, opened, by, now)
            told = {"link": link.id, "fields": sorted(obtained.fields)}
            await unit.audit.record(entry("connection.connected", connection, by, now, told))
            await parts.reconnection.keep(unit, connection, uid, by=by.actor, at=now)
            await unit.commit()
        log.info("connected", connection=connection.key.name, link=opened.link.id)
        await self._follow(connection, uid)
        return accepted

    async def _hand_over(self, unit: UnitOfWork, opened: Opened, by: By, now: datetime) -> Accepted:
        """Issue the token to the customer, or get ready to hand it to who fetches it."""
        link = opened.link
        handover = await unit.handovers.of(link.id) or Handover(link.id, link.connection)
        if handover.shown:
            text, _ = await self._parts.reissue(
                unit,
                link.connection,
                name=opened.connection.key.name,
                api_version=self._parts.api_version,
                grace=handover.grace,
                actor=by.actor,
                now=now,
            )
            await unit.handovers.put(handover.ready(now).taken(now))
            return Accepted(opened.connection, token=text)
        if not self._leads_on(link):
            await unit.handovers.put(handover.ready(now))
            return Accepted(opened.connection)
        code = text_of(self._ground.chance(CHANCE))
        await unit.handovers.put(handover.ready(now, hashlib.sha256(code.encode()).digest()))
        go_to = sent_back(link.redirect, [("code", code), ("state", link.state)])
        return Accepted(opened.connection, go_to=go_to)

    def _leads_on(self, link: Link) -> bool:
        """Whether the link's redirect address is still one that customers may be sent to."""
        if not link.redirect:
            return False
        try:
            check_redirect(link.redirect, self._ground.redirects)
        except Invalid:
            log.warning("connect_redirect_refused", link=link.id)
            return False
        return True

    async def _follow(self, connection: Resource, uid: str) -> None:
        """Ask for what comes after; the customer is done, whatever comes of that."""
        try:
            await self._parts.reconnection.follow(connection, uid)
        except ReconcilerError as error:
            log.warning("connect_not_followed", connection=connection.key.name, code=error.code)


def _judges(error: ReconcilerError) -> bool:
    """Whether *error* says something of the credentials, and not only of the way to the system."""
    if isinstance(error, Unreachable):
        return error.obstacle is Obstacle.CLIENT_CERTIFICATE
    return isinstance(error, (Unauthorized, Forbidden))


_Obtain: TypeAlias = Callable[[], Awaitable[Obtained]]


def _connection_of(situation: Situation, link: Link) -> Resource | None:
    """Return the connection of *link*, if it is in force."""
    name = situation.name_of(link.connection)
    if not situation.holds(link.connection):
        return None
    return situation.connection(name)

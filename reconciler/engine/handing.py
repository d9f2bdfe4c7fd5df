"""The API token that comes of a used link, handed to the back end that had the link made: once.

It is made at this moment, not before: its text lies nowhere, and the token before it dies when the new
one is in the hand of who uses it, not when a customer presses a button.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from reconciler.engine.linking import By, Ground, entry
from reconciler.engine.links import digest_of
from reconciler.model.access import Token
from reconciler.model.link import Handover
from reconciler.ports import UnitOfWork
from reconciler.ports.connecting import Reissue

log = structlog.get_logger()

CODE_LIFE: Final = timedelta(minutes=10)
"""How long a one-time code is good."""
LINK_LIFE: Final = timedelta(hours=24)
"""How long a token can be fetched by the id of the link, where there is no code."""


@dataclass(frozen=True, slots=True, repr=False)
class Handed:
    """A new token and its text, of which link it came and for which connection (its name)."""

    text: str
    token: Token
    link: str
    connection: str


class Handing:
    """Hands over tokens. ``api_version`` is the one they are bound to."""

    def __init__(self, ground: Ground, reissue: Reissue, *, api_version: str) -> None:
        self._ground = ground
        self._reissue = reissue
        self._api_version = api_version

    async def by_code(
        self, code: str, by: By, *, only: frozenset[str] | None = None
    ) -> Handed | None:
        """Return the token for a one-time code; ``None`` if it is unknown, used or too old.

        *only* are the connections (their uids) whose tokens the asker may have; ``None``: all.
        """
        digest = digest_of(code)
        if digest is None:
            return None
        async with self._ground.store.begin() as unit:
            return await self._hand(
                unit, await unit.handovers.by_code(digest), by, only=only, within=CODE_LIFE
            )

    async def by_link(
        self, link: str, by: By, *, only: frozenset[str] | None = None
    ) -> Handed | None:
        """Return the token for a used link (its id) that sends its customer nowhere and shows nothing."""
        async with self._ground.store.begin() as unit:
            found = await unit.handovers.of(link)
            if found is not None and found.code is not None:
                return None
            return await self._hand(unit, found, by, only=only, within=LINK_LIFE)

    async def _hand(
        self,
        unit: UnitOfWork,
        found: Handover | None,
        by: By,
        *,
        only: frozenset[str] | None,
        within: timedelta,
    ) -> Handed | None:
        now = self._ground.clock.now()
        situation = await self._ground.in_force.look()
        if found is None or not found.waits(now, within):
            return None
        if only is not None and found.connection not in only:
            return None
        if not situation.holds(found.connection):
            return None
        name = situation.name_of(found.connection)
        text, token = await self._reissue(
            unit,
            found.connection,
            name=name,
            api_version=self._api_version,
            grace=found.grace,
            actor=by.actor,
            now=now,
        )
        await unit.handovers.put(found.taken(now))
        told = {"link": found.link, "token": token.id}
        connection = situation.connection(name)
        await unit.audit.record(entry("link.exchanged", connection, by, now, told))
        await unit.commit()
        log.info("connect_link_exchanged", connection=name, link=found.link, token=token.id)
        return Handed(text, token, found.link, name)

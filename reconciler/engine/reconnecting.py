"""The link by which a customer logs in anew: made with the event that asks for it, its address when it is sent.

The text of a link follows from a word in the event and a key of this installation. So the event can be kept
and shown: who reads it without the key does not learn the link.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Protocol

from reconciler.engine.bulletin import told
from reconciler.engine.inforce import Situation
from reconciler.engine.linking import By, Ground, LinkDesk
from reconciler.engine.links import LONGEST, LinkWish, text_of
from reconciler.errors import Invalid
from reconciler.model.event import Event
from reconciler.model.link import LinkState
from reconciler.model.resource import Resource
from reconciler.ports import UnitOfWork

ACTOR: Final = "reconciler"
LABEL: Final = "connect-link"


class Derivation(Protocol):
    """Bytes that follow from a label and a key of this installation."""

    async def derived(self, label: str, unit: UnitOfWork, at: datetime) -> bytes:
        """Return 32 bytes for *label*; a key that is made now is there if *unit* is committed."""
        ...

    async def derived_again(self, label: str) -> bytes | None:
        """Return what ``derived`` returned for *label*; ``None`` if there is no key."""
        ...


@dataclass(frozen=True, slots=True)
class ReconnectLinks:
    """Makes links for events; *address* is where customers reach this server."""

    ground: Ground
    keys: Callable[[], Derivation]
    address: Callable[[], str]
    word: Callable[[], str] = lambda: secrets.token_hex(16)

    async def __call__(
        self, unit: UnitOfWork, situation: Situation, connection: Resource
    ) -> Mapping[str, Any] | None:
        """Return what an event says of the link; ``None`` if the customer has nothing to give.

        One that somebody else has made and that is open stays the one.
        """
        now = self.ground.clock.now()
        uid = situation.uid(connection)
        for link in await self.ground.store.views.links(uid):
            if link.stands(now) is LinkState.OPEN and link.created_by != ACTOR:
                return {"link": link.id, "expires_at": told(link.expires_at)}
        word = self.word()
        text = await self.keys().derived(f"{LABEL} {word}", unit, now)
        desk = LinkDesk(replace(self.ground, chance=lambda _: text))
        try:
            made = await desk.put(unit, situation, connection, LinkWish(lives=LONGEST), By(ACTOR))
        except Invalid:
            return None
        return {"link": made.link.id, "expires_at": told(made.link.expires_at), "word": word}

    async def complete(self, event: Event) -> Event:
        """Return *event* with the address of its link in place of the word that it follows from."""
        reconnect = event.data.get("reconnect")
        if not isinstance(reconnect, Mapping) or "word" not in reconnect:
            return event
        text = await self.keys().derived_again(f"{LABEL} {reconnect['word']}")
        shown = {key: value for key, value in reconnect.items() if key != "word"}
        if text is not None:
            shown["url"] = f"{self.address()}/connect/{text_of(text)}"
        return replace(event, data={**event.data, "reconnect": shown})

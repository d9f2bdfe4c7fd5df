"""``ports.Sender``: a message, by the way that its route names; whatever comes of it is an attempt."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from reconciler.errors import ReconcilerError
from reconciler.model.event import Attempt, Delivery, Event
from reconciler.model.resource import Resource
from reconciler.ports import Clock
from reconciler.webhooks.channel import Channel, Cleaner, Letter, Reply
from reconciler.webhooks.grouped import message_of_group
from reconciler.webhooks.message import Message, message_of, worded

ANSWER: Final = 1_000
"""Characters of an answer that are kept."""

Troubled = Callable[[Delivery, Resource, str], None]
"""Is told after each attempt what of a route's own words failed, though something was sent (empty: nothing)."""


def untroubled(_delivery: Delivery, _route: Resource, _why: str) -> None:
    """Tell nobody."""


class Sending:
    """Sends messages, each by the one of *channels* that its route names (``webhook``, ``email``, …)."""

    def __init__(
        self,
        clock: Clock,
        channels: Mapping[str, Channel],
        cleaner: Cleaner,
        *,
        troubled: Troubled = untroubled,
    ) -> None:
        self._clock = clock
        self._channels = channels
        self._cleaner = cleaner
        self._troubled = troubled

    async def send(self, delivery: Delivery, event: Event, route: Resource) -> Attempt:
        """Send one event, or a group of alerts, to where *route* says, and return what came of it."""
        told = delivery.notification
        key = delivery.subject or delivery.id
        message = message_of(event, delivery.route) if told is None else message_of_group(told, key)
        return await self.tell(delivery, message, route)

    async def tell(self, delivery: Delivery, message: Message, route: Resource) -> Attempt:
        """Send *message*, an event or a group of them, and return what came of it."""
        at = self._clock.now()
        message, trouble = worded(message, route.spec)
        reply = await self._reply(Letter(delivery.id, message, route))
        troubles = "; ".join(part for part in (trouble, reply.trouble) if part)
        self._troubled(delivery, route, self._cleaner.clean(troubles))
        return self._attempt(at, reply)

    async def _reply(self, letter: Letter) -> Reply:
        way = next(iter(letter.route.spec["to"]), "")
        channel = self._channels.get(way)
        if channel is None:
            return Reply(0, f"there is no way called '{way}'")
        try:
            return await channel.send(letter)
        except ReconcilerError as error:
            return Reply(0, f"{error.message} ({error.hint})" if error.hint else error.message)
        except (OSError, ValueError) as error:  # a TimeoutError is an OSError
            return Reply(0, f"no answer: {str(error) or type(error).__name__}")

    def _attempt(self, at: datetime, reply: Reply) -> Attempt:
        text = self._cleaner.clean(reply.answer.replace("\x00", ""))[:ANSWER]
        took = self._clock.now() - at
        return Attempt(at, reply.status, took, text, reply.wait, reply.final)

"""What tells the outside: a sender of messages, with what the operator has set."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from reconciler.app.prepared import Prepared
from reconciler.engine.dispatch import Post
from reconciler.engine.outgoing import Outgoing
from reconciler.engine.trials import Trials
from reconciler.secrets.redactor import Redactor
from reconciler.web.versions import CURRENT
from reconciler.webhooks.sender import WebhookSender
from reconciler.webhooks.targets import Targets, networks
from reconciler.webhooks.wire import Wire

if TYPE_CHECKING:
    from reconciler.app import House


async def tell(built: "House") -> None:
    """Tell the outside of events and alerts until cancelled.

    Raises:
        Invalid: if a setting is none that could be followed.
    """
    async with sending(built) as sender:
        prepared = Prepared(sender, built.providers.fetch)
        await Outgoing(Post(built.store, built.in_force, prepared, built.clock, built.meter)).run()


@asynccontextmanager
async def trials(built: "House") -> AsyncIterator[Trials]:
    """Yield what tries routes out; let go of connections at the end.

    Raises:
        Invalid: if a setting is none that could be followed.
    """
    async with sending(built) as sender:
        yield Trials(built.in_force, Prepared(sender, built.providers.fetch), built.clock)


@asynccontextmanager
async def sending(built: "House") -> AsyncIterator[WebhookSender]:
    """Yield what sends messages; let go of connections at the end.

    Raises:
        Invalid: if a setting is none that could be followed.
    """

    def reveal(reference: Mapping[str, Any], what: str) -> str:
        return built.providers.resolve(reference, what=what).reveal()

    wire = Wire(Targets(networks(built.settings.allowed_targets.replace(",", " ").split())))
    try:
        yield WebhookSender(built.clock, wire, reveal, Redactor(), version=CURRENT.name)
    finally:
        await wire.close()

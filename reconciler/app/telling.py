"""What tells the outside: every way that a route may name, with what the operator has set."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import structlog

from reconciler.app.prepared import Prepared
from reconciler.engine.dispatch import Post
from reconciler.engine.outgoing import Outgoing
from reconciler.engine.trials import Trials
from reconciler.model.event import Delivery
from reconciler.model.resource import Resource
from reconciler.secrets.redactor import Redactor
from reconciler.secrets.references import reference_of
from reconciler.settings import Settings
from reconciler.web.versions import CURRENT
from reconciler.webhooks.channel import Channel, Secrets
from reconciler.webhooks.channels.alertmanager import Alertmanager, Alerts
from reconciler.webhooks.channels.email import Mail, MailServer, Postbox
from reconciler.webhooks.channels.notify import Notifications
from reconciler.webhooks.channels.webhook import Webhooks
from reconciler.webhooks.sending import Sending
from reconciler.webhooks.targets import ANYWHERE, LOOPBACK, Network, Targets, networks
from reconciler.webhooks.wire import Wire

if TYPE_CHECKING:
    from reconciler.app import House

log = structlog.get_logger()


async def tell(built: "House") -> None:
    """Tell the outside of events and alerts until cancelled.

    Raises:
        Invalid: if a setting is none that could be followed.
    """
    async with sending(built) as sender:
        prepared = _prepared(built, sender)
        await Outgoing(Post(built.store, built.in_force, prepared, built.clock, built.meter)).run()


@asynccontextmanager
async def trials(built: "House") -> AsyncIterator[Trials]:
    """Yield what tries routes out; let go of connections at the end.

    Raises:
        Invalid: if a setting is none that could be followed.
    """
    async with sending(built) as sender:
        yield Trials(built.in_force, _prepared(built, sender), built.clock)


def _prepared(built: "House", sender: Sending) -> Prepared:
    return Prepared(sender, built.providers.fetch, built.reconnect_links.complete)


@asynccontextmanager
async def sending(built: "House") -> AsyncIterator[Sending]:
    """Yield what sends messages, by whatever way; let go of connections at the end.

    Raises:
        Invalid: if a setting is none that could be followed.
    """
    settings, clock, redactor = built.settings, built.clock, Redactor()
    allowed = networks(settings.allowed_targets.replace(",", " ").split())
    targets = Targets(allowed)

    def reveal(reference: Mapping[str, Any], what: str) -> str:
        return built.providers.resolve(reference, what=what).reveal()

    secrets = Secrets(reveal, redactor)
    wire, own = Wire(targets), Wire(Targets(ANYWHERE))
    notifications = Notifications(targets, secrets)
    channels: dict[str, Channel] = {
        "webhook": Webhooks(clock, wire, secrets, version=CURRENT.name),
        "email": Mail(clock, targets, secrets, _postbox(settings, allowed)),
        "notify": notifications,
        "alertmanager": Alerts(clock, wire, secrets, _alertmanager(settings, own)),
    }
    try:
        yield Sending(clock, channels, redactor, troubled=_log_trouble)
    finally:
        notifications.close()
        await wire.close()
        await own.close()


def _postbox(settings: Settings, allowed: tuple[Network, ...]) -> Postbox:
    """Return the operator's mail server; it may be anywhere, but not encrypted only where that is allowed."""
    if not settings.smtp_host:
        return Postbox(sender=settings.smtp_from)
    where = (*allowed, *LOOPBACK) if settings.smtp_tls == "none" else ANYWHERE
    password = settings.smtp_password
    server = MailServer(
        settings.smtp_host,
        Targets(where),
        settings.smtp_port,
        settings.smtp_tls,
        settings.smtp_username or None,
        reference_of(password, what="RECONCILER_SMTP_PASSWORD") if password else None,
    )
    return Postbox(server, settings.smtp_from)


def _alertmanager(settings: Settings, wire: Wire) -> Alertmanager:
    token = settings.alertmanager_token
    reference = reference_of(token, what="RECONCILER_ALERTMANAGER_TOKEN") if token else None
    return Alertmanager(settings.alertmanager_url, reference, wire)


def _log_trouble(delivery: Delivery, route: Resource, why: str) -> None:
    if why:
        log.warning("route_not_followed", route=route.key.name, delivery=delivery.id, why=why)

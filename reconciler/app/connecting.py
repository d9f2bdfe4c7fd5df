"""Connect links and the connect page put together."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from reconciler.app import House
from reconciler.model.resource import Resource
from reconciler.ports import UnitOfWork
from reconciler.settings import Settings

if TYPE_CHECKING:
    from reconciler.engine.disconnecting import Disconnecting
    from reconciler.engine.health import Health
    from reconciler.engine.linking import Ground
    from reconciler.engine.reconnecting import ReconnectLinks
    from reconciler.ports.connecting import AddressGuard
    from reconciler.web.needs import ConnectDesk


def ground(built: House) -> "Ground":
    """Return what all that has to do with links stands on.

    Raises:
        Invalid: if the list of redirects cannot be read.
    """
    from reconciler.engine.linking import Ground  # noqa: PLC0415
    from reconciler.engine.links import read_redirects  # noqa: PLC0415

    redirects = read_redirects(built.settings.connect_redirects)
    return Ground(built.store, built.in_force, built.clock, redirects, built.connectors)


def reconnect_links(built: House) -> "ReconnectLinks":
    """Return what makes the links for events that say that a customer has to log in anew."""
    from reconciler.engine.linking import Ground  # noqa: PLC0415
    from reconciler.engine.reconnecting import ReconnectLinks  # noqa: PLC0415

    base = Ground(built.store, built.in_force, built.clock)
    return ReconnectLinks(base, lambda: built.safe, lambda: public_url(built.settings))


@dataclass(frozen=True, slots=True)
class Reconnected:
    """What is to be known of a connection that its customer has connected: its health, and no pause more."""

    health: "Health"
    endings: "Disconnecting"

    async def keep(
        self, unit: UnitOfWork, connection: Resource, uid: str, *, by: str, at: datetime
    ) -> None:
        """Say with *unit* that its system takes the new credentials."""
        await self.health.keep(unit, connection, uid, by=by, at=at)

    async def follow(self, connection: Resource, uid: str) -> None:
        """Take off the pause of a disconnection, and ask for the syncs that were missed."""
        await self.endings.connected(connection.key.name, actor="connect")
        await self.health.follow(connection, uid)


def connect_desk(built: House, bind: str, endings: "Disconnecting") -> "ConnectDesk":
    """Return what serves customers who hold a link, and back ends that make them.

    *bind* is where the server listens, as HOST:PORT.

    Raises:
        Invalid: if a setting of the connect page cannot be read.
    """
    from reconciler.engine.connecting import Connecting, Parts  # noqa: PLC0415  structlog is heavy
    from reconciler.engine.granting import reissue  # noqa: PLC0415
    from reconciler.engine.handing import Handing  # noqa: PLC0415  structlog is heavy
    from reconciler.engine.linking import LinkDesk  # noqa: PLC0415
    from reconciler.engine.links import read_origins  # noqa: PLC0415
    from reconciler.web.needs import ConnectDesk  # noqa: PLC0415  FastAPI is heavy
    from reconciler.web.versions import CURRENT  # noqa: PLC0415  likewise

    settings, base = built.settings, ground(built)
    parts = Parts(
        ground=base,
        connectors=built.connectors,
        safe=built.safe,
        reissue=reissue,
        reconnection=Reconnected(built.health, endings),
        guard=address_guard(settings),
        api_version=CURRENT.name,
        prepare=built.providers.fetch,
    )
    return ConnectDesk(
        links=LinkDesk(base),
        connecting=Connecting(parts),
        handing=Handing(base, reissue, api_version=CURRENT.name),
        public_url=public_url(settings, bind=bind),
        brand=settings.brand,
        frames=read_origins(settings.connect_frames, "RECONCILER_CONNECT_FRAMES"),
    )


def public_url(settings: Settings, given: str | None = None, *, bind: str = "") -> str:
    """Return where customers reach the server: as *given*, or as it is set, or where it listens.

    Raises:
        Invalid: if it is no address, or not one for passwords.
    """
    from reconciler.engine.links import read_public  # noqa: PLC0415

    if given:
        return read_public(given, "--server-url")
    if settings.public_url:
        return read_public(settings.public_url, "RECONCILER_PUBLIC_URL")
    return f"http://{bind or settings.bind}"


def address_guard(settings: Settings) -> "AddressGuard":
    """Return what lets customers name public addresses, and those that the operator allows, alone."""
    from reconciler.webhooks.targets import Targets, networks  # noqa: PLC0415

    targets = Targets(networks(settings.connect_targets.replace(",", " ").split()))

    async def guard(address: str) -> None:
        parts = urlsplit(address)
        encrypted = parts.scheme == "https"
        port = parts.port or (443 if encrypted else 80)
        await targets.of(parts.hostname or "", port, encrypted=encrypted)

    return guard

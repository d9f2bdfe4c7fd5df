"""The front door: builds everything, and is the only room that knows every other.

Heavy rooms are imported where they are built: a ``plan`` never pays for the web server.
"""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.engine.wish import Wish
from reconciler.errors import Invalid
from reconciler.model.change import Plan
from reconciler.model.resource import Resource
from reconciler.plan.asked import check_asked
from reconciler.plan.brake import braked
from reconciler.plan.scope import unmatched
from reconciler.plan.unchanged import unchanged_plan
from reconciler.ports import SILENT, Edits, Meter, Snapshot, Store
from reconciler.settings import Settings
from reconciler.sources.cache import ParseCache
from reconciler.sources.folder import Folder
from reconciler.sources.known import KnownSpecs

if TYPE_CHECKING:
    from reconciler.connectors.registry import HttpConnectors
    from reconciler.engine.disconnecting import Disconnecting
    from reconciler.engine.edits import Edits as Editor
    from reconciler.engine.health import Health
    from reconciler.engine.inforce import InForce
    from reconciler.engine.looks import Looks
    from reconciler.engine.reader import RecordReader
    from reconciler.engine.reconnecting import ReconnectLinks
    from reconciler.engine.remap import Remap
    from reconciler.engine.syncs import Syncs
    from reconciler.engine.systems import Systems
    from reconciler.engine.writer import Writer
    from reconciler.jobs.inprocess import InProcessJobs
    from reconciler.secrets.keyring import KeyRing
    from reconciler.secrets.keys import KeySource
    from reconciler.secrets.providers import Providers
    from reconciler.secrets.safe import StoredSafe
    from reconciler.spec.load import Loaded


class SystemClock:
    """The machine's clock, in UTC."""

    def now(self) -> datetime:
        """Return the time now."""
        return datetime.now(UTC)  # noqa: TID251  this is the clock

    async def sleep(self, delay: timedelta) -> None:
        """Return when *delay* has passed."""
        await asyncio.sleep(delay.total_seconds())


@dataclass(frozen=True)
class House:
    """What commands work with; each part is made when it is asked for, and then kept."""

    settings: Settings
    store: Store
    clock: SystemClock
    writer: "Writer | None" = None
    meter: Meter = SILENT

    @cached_property
    def catalogue(self) -> Mapping[str, Resource]:
        """The built-in connectors, by name."""
        from reconciler.spec.load import load  # noqa: PLC0415  YAML is heavy

        # In a file of its own: most commands need the few built-in connectors, and no specs.
        cache = parse_cache(self.settings, "catalogue")
        found = load({}, catalogue=_manifests(), cache=cache).catalogue
        cache.save()
        return found

    @cached_property
    def in_force(self) -> "InForce":
        """What is in force, and what follows from it."""
        from reconciler.engine.inforce import InForce  # noqa: PLC0415

        return InForce(self.store.views, self.catalogue, self.clock)

    @cached_property
    def reader(self) -> "RecordReader":
        """Unified records under the mapping in force."""
        from reconciler.engine.reader import RecordReader  # noqa: PLC0415

        return RecordReader(self.store.views, self.in_force)

    @cached_property
    def connectors(self) -> "HttpConnectors":
        """Opens connections to remote systems."""
        from reconciler.connectors.registry import HttpConnectors  # noqa: PLC0415  httpx is heavy

        return HttpConnectors(
            self.clock, os.environ, safe=self.safe, resolve=self.providers.resolve
        )

    @cached_property
    def providers(self) -> "Providers":
        """Finds secrets by their references."""
        from reconciler.secrets.plugins import providers_of  # noqa: PLC0415
        from reconciler.secrets.providers import Providers  # noqa: PLC0415

        offered = providers_of(os.environ, self.settings.secret_commands)
        return Providers(os.environ, self.clock, offered)

    @cached_property
    def keyring(self) -> "KeyRing":
        """The keys that seal what is stored; asked for when the first is needed."""
        from reconciler.secrets.keyring import KeyRing  # noqa: PLC0415

        return KeyRing(self._keys)

    def _keys(self) -> Mapping[str, bytes]:
        from reconciler.telemetry.logs import set_up_logs, set_up_yet  # noqa: PLC0415

        if not set_up_yet():  # a short command tells on standard error that a key file was made
            set_up_logs(self.settings.log_level, self.settings.log_format)
        return key_source(self.settings).load(os.environ)

    @cached_property
    def safe(self) -> "StoredSafe":
        """Opens, keeps and renews the credentials of connections."""
        from reconciler.secrets.safe import StoredSafe  # noqa: PLC0415

        return StoredSafe(self.store, self.keyring, self.clock, _holder("safe"))

    async def check_keys(self) -> None:
        """Return if every key is given under which something is stored.

        Raises:
            Invalid: naming those that are not, and what to do.
        """
        from reconciler.secrets.keyring import KeyRing  # noqa: PLC0415

        used = await self.store.views.sealed_under()
        if used:
            source = key_source(self.settings)
            KeyRing(lambda: source.load(os.environ, make=False)).require(used)

    @cached_property
    def syncs(self) -> "Syncs":
        """Runs syncs."""
        from reconciler.engine.syncs import Syncs  # noqa: PLC0415

        return Syncs(self.store, self.in_force, self.systems, self.health, self.clock, self.meter)

    @cached_property
    def systems(self) -> "Systems":
        """Opens the systems of connections in force."""
        from reconciler.engine.systems import Systems  # noqa: PLC0415

        return Systems(self.connectors, self.safe, prepare=self.providers.fetch)

    @cached_property
    def health(self) -> "Health":
        """Keeps how connections are."""
        from reconciler.engine.health import Health  # noqa: PLC0415  structlog is heavy

        return Health(self.store, self.in_force, self.clock, self.reconnect_links)

    @cached_property
    def reconnect_links(self) -> "ReconnectLinks":
        """Makes the links by which customers log in anew, for events that say that they have to."""
        from reconciler.app.connecting import reconnect_links  # noqa: PLC0415  it knows this room

        return reconnect_links(self)

    @cached_property
    def looks(self) -> "Looks":
        """Looks at connections."""
        from reconciler.engine.looks import Looks  # noqa: PLC0415

        return Looks(self.health, self.systems, self.in_force, self.clock)

    async def check_store(self) -> None:
        """Return if the store answers."""
        await self.store.views.generation()

    @cached_property
    def remap(self) -> "Remap":
        """Maps stored records again."""
        from reconciler.engine.remap import Remap  # noqa: PLC0415

        return Remap(self.store, self.in_force, self.clock, self.meter)

    @cached_property
    def jobs(self) -> "InProcessJobs":
        """Syncs that were asked for, and run in this process."""
        from reconciler.jobs.inprocess import InProcessJobs  # noqa: PLC0415

        return InProcessJobs(self.clock, workers=self.settings.workers)

    async def keep_writing(self) -> None:
        """Keep the lease of the one writer, until cancelled or lost: a service beside the others."""
        if self.writer is not None:
            await self.writer.keep()

    async def webhooks(self) -> None:
        """Tell the outside of events and alerts, until cancelled: a service beside the others."""
        from reconciler.app.telling import tell  # noqa: PLC0415  httpx is heavy

        await tell(self)


def key_source(settings: Settings) -> "KeySource":
    """Return where the keys are; a file is made only beside the embedded database."""
    from reconciler.secrets.keys import KeySource  # noqa: PLC0415
    from reconciler.secrets.secret import Secret  # noqa: PLC0415

    text = settings.keys
    return KeySource(
        None if text is None else Secret(text.get_secret_value()),
        settings.keys_file,
        settings.keys_command,
        settings.state_dir if settings.database_url is None else None,
    )


def _manifests() -> Mapping[str, bytes]:
    from reconciler.connectors.catalogue import catalogue_files  # noqa: PLC0415

    return catalogue_files()


@asynccontextmanager
async def house(settings: Settings) -> AsyncIterator[House]:
    """Open the store and build what stands on it; close it at the end."""
    from reconciler.store.open import open_store  # noqa: PLC0415  SQLAlchemy is heavy

    clock = SystemClock()
    store = open_store(settings.database_url or settings.state_dir)
    try:
        yield House(settings, store, clock)
    finally:
        await store.close()


def parse_cache(settings: Settings, name: str = "specs") -> ParseCache:
    """Return the cache of parsed spec files, or of the built-in manifests."""
    return ParseCache(settings.state_dir / "cache" / f"{name}.bin")


def read_folder(
    path: Path, environment: str | None, cache: ParseCache | None
) -> "tuple[Snapshot, Loaded]":
    """Return the specs at *path* as read, problems and all; nothing is contacted or opened.

    Among the problems are those of the policy beside the specs, and the rules of it that are broken.
    """
    from reconciler.policy.lint import lint  # noqa: PLC0415  YAML is heavy
    from reconciler.spec.load import load  # noqa: PLC0415  likewise

    snapshot = Folder(path).read_now()
    loaded = load(snapshot.files, environment=environment, catalogue=_manifests(), cache=cache)
    return snapshot, replace(loaded, problems=lint(snapshot.files, loaded))


async def plan_folder(built: House, path: Path, wish: Wish, *, heal: bool = False) -> Plan:
    """Return the plan that the specs at *path* lead to, and what it does to stored records.

    With *heal*, what was changed outside of git is put back. Specs that were read before, and say just
    what is in force, are not read again.

    Raises:
        SpecInvalid: if the specs have errors.
        Invalid: if a pattern of the scope, or an object that was named, is about nothing: most likely a
            slip of the pen.
    """
    snapshot = Folder(path).read_now()
    known = KnownSpecs(built.settings.state_dir / "cache" / "known.bin", snapshot, wish.environment)
    named = wish.scope.partial or wish.asked
    nothing = None if named else await _nothing_to_do(built, snapshot, known)
    if nothing is not None:
        return nothing
    return await _compared(built, snapshot, known, wish, heal=heal)


async def _nothing_to_do(built: House, snapshot: Snapshot, known: KnownSpecs) -> Plan | None:
    """Return the plan if digests alone tell that it is empty."""
    declared = known.digests()
    if declared is None:
        return None
    return unchanged_plan(declared, await built.store.views.marks(), revision=snapshot.revision)


async def _compared(
    built: House, snapshot: Snapshot, known: KnownSpecs, wish: Wish, *, heal: bool
) -> Plan:
    from reconciler.engine.effect import with_costs, with_data  # noqa: PLC0415  not for an empty plan
    from reconciler.engine.reconcile import consider, read_specs  # noqa: PLC0415  likewise

    cache = parse_cache(built.settings)
    read = read_specs(snapshot, wish, catalogue=_manifests(), cache=cache)
    loaded = read.loaded
    cache.save()
    if not read.ruling.breaches:  # else there is something to say each time
        known.keep(
            {(key.kind.value, key.name): one.digest for key, one in loaded.resources.items()}
        )
    situation = await built.in_force.look()
    lost = unmatched(wish.scope, {*loaded.resources, *situation.state.resources})
    if lost:
        msg = f"{', '.join(lost)}: nothing declared or in force is called so"
        raise Invalid(msg, hint="write Kind/name or a pattern, as plans show them: Mapping/acme-*")
    check_asked(
        wish.asked,
        wish.scope,
        declared=loaded.resources.values(),
        in_force=situation.state.resources,
    )
    drifted = frozenset(situation.state.applied) if heal else frozenset()
    wish = replace(wish, heal=drifted, now=built.clock.now())
    made = consider(loaded, snapshot, situation.state, wish, read.ruling)
    made = await with_costs(made, situation, built.store.views)
    made = await with_data(made, situation, built.store.views, limit=wish.sample, now=wish.now)
    return braked(made, wish.max_changed, situation.state.resources)


def edits(built: House, changed: Callable[[], Awaitable[None]] | None = None) -> "Editor":
    """Return who writes single objects beside git; *changed* is called after each."""
    from reconciler.engine.edits import Edits as Editor  # noqa: PLC0415

    async def nobody() -> None:
        """Tell nobody: a process that runs looks by itself."""

    return Editor(
        built.store,
        built.in_force,
        built.clock,
        catalogue=_manifests(),
        changed=changed or nobody,
    )


def endings(built: House, editor: Edits) -> "Disconnecting":
    """Return who ends connections; *editor* writes their pauses."""
    from reconciler.engine.disconnecting import Disconnecting  # noqa: PLC0415

    return Disconnecting(built.store, built.in_force, editor, built.clock)


@asynccontextmanager
async def writing(opened: House, role: str, wait: timedelta | None = None) -> AsyncIterator[House]:
    """Take the lease of the one writer; yield a house whose store writes under it alone; let go of it.

    Raises:
        Locked: if another process holds it, and has not let go within *wait*.
    """
    from reconciler.engine.writer import Writer  # noqa: PLC0415  structlog is heavy

    writer = Writer(opened.store, opened.clock, _holder(role))
    await writer.take(wait)
    try:
        yield replace(opened, store=writer.store, writer=writer)
    finally:
        await writer.release()


def _holder(role: str) -> str:
    """Return a name that no other process has, and that tells a person which one it is."""
    return f"{role} on {socket.gethostname()}, pid {os.getpid()}, {secrets.token_hex(2)}"


def person() -> str:
    """Return who sits at the command line, as an actor."""
    import getpass  # noqa: PLC0415

    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli"

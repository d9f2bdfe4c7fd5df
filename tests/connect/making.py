"""A connection that waits for its customer, and fakes that keep the contracts of what stands behind it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
from fastapi import FastAPI

from reconciler.engine.apply import apply
from reconciler.engine.connecting import Connecting, Parts
from reconciler.engine.granting import reissue
from reconciler.engine.handing import Handing
from reconciler.engine.inforce import InForce
from reconciler.engine.linking import By, Ground, LinkDesk
from reconciler.engine.links import LinkWish
from reconciler.engine.reader import RecordReader
from reconciler.engine.tokens import CHANCE, TokenWish, mint
from reconciler.errors import Invalid, ReconcilerError, Unauthorized
from reconciler.model.access import Scope
from reconciler.model.connection import Probe, new_state
from reconciler.model.event import Event, EventType
from reconciler.model.link import Link
from reconciler.model.resource import Kind, Resource, ResourceKey, make_resource
from reconciler.plan.planner import make_plan
from reconciler.ports import Obtained, Store, StreamFacts, UnitOfWork
from reconciler.secrets.keyring import KeyRing
from reconciler.secrets.safe import StoredSafe
from reconciler.web.app import make_app
from reconciler.web.needs import ConnectDesk, Policy, Services
from reconciler.web.versions import CURRENT
from tests.fakes import TurnedClock
from tests.web.making import FakeSyncs

REDIRECTS = ("https://app.example.com/connected",)
GIVEN = {"connect": True}

CONNECTOR = make_resource(
    ResourceKey(Kind.CONNECTOR, "erp"),
    {
        "spec": {
            "title": "Tryton",
            "config": {
                "base_url": {
                    "type": "url",
                    "required": True,
                    "description": "What you type into the browser to open it",
                },
                "company": {"type": "integer", "minimum": 1, "maximum": 99, "default": 1},
            },
            "auth": {
                "password": {
                    "type": "basic",
                    "fields": {
                        "username": {"type": "string", "required": True},
                        "password": {"type": "string", "required": True, "secret": True},
                    },
                },
                "oauth": {"type": "oauth2_authorization_code", "fields": {"client_id": {}}},
            },
            "streams": {"purchase-orders": {"fields": {}}},
        }
    },
)


def connection(name: str = "acme", **spec: Any) -> Resource:
    """Return a connection whose customer gives user and password, unless *spec* says otherwise."""
    body = {
        "connector": "erp",
        "config": {"base_url": "https://erp.acme.example"},
        "auth": {"method": "password", "username": GIVEN, "password": GIVEN},
        "entities": ["purchase-orders"],
        "history": "90d",
        "health": {"every": "5m", "strikes": 2},
        **spec,
    }
    metadata = {"labels": {"customer": name}, "annotations": {"title": "Acme Pumps, plant 2"}}
    return make_resource(ResourceKey(Kind.CONNECTION, name), {"metadata": metadata, "spec": body})


OAUTH = {"method": "oauth", "client_id": {"env": "CLIENT_ID"}}


@dataclass
class FakeReconnection:
    """Keeps the state and an event; remembers what it was asked to follow.

    ``fails`` is raised when it is to follow, ``breaks`` when it is to keep, once.
    """

    followed: list[str] = field(default_factory=list)
    fails: ReconcilerError | None = None
    breaks: ReconcilerError | None = None

    async def keep(
        self, unit: UnitOfWork, connection: Resource, uid: str, *, by: str, at: datetime
    ) -> None:
        if self.breaks is not None:
            error, self.breaks = self.breaks, None
            raise error
        state = new_state(connection.key, "", at).after(Probe.ANSWERED, at)
        await unit.health.put(state)
        told = {"connection": connection.key.name, "by": by}
        event = Event(f"evt_{by}", EventType.RESOURCE_UPDATED, str(connection.key), at, told)
        await unit.outbox.emit([event])

    async def follow(self, connection: Resource, uid: str) -> None:
        self.followed.append(connection.key.name)
        if self.fails is not None:
            raise self.fails


@dataclass
class FakeSystem:
    """A customer's system: takes one password, and answers what ``fails`` says first, in order."""

    password: str = "right horse battery"
    token: str = "granted"
    fails: list[Exception] = field(default_factory=list)
    seen: list[Mapping[str, str]] = field(default_factory=list)
    closed: int = 0
    during: Any = None

    def open(
        self,
        connection: Resource,
        manifest: Resource,
        *,
        uid: str = "",
        given: Mapping[str, str] | None = None,
    ) -> "FakeConnector":
        assert uid == "", "a trial keeps nothing"
        return FakeConnector(self, given or {})


@dataclass
class FakeConnector:
    system: FakeSystem
    given: Mapping[str, str]

    @property
    def streams(self) -> Mapping[str, StreamFacts]:
        return {}

    @property
    def mark(self) -> str:
        return ""

    @property
    def expires(self) -> datetime | None:
        return None

    async def probe(self) -> None:
        self.system.seen.append(self.given)
        if self.system.during is not None:
            await self.system.during()
        if self.system.fails:
            raise self.system.fails.pop(0)
        password, token = self.given.get("auth.password"), self.given.get("oauth.access_token")
        if self.system.password != password and self.system.token != token:
            raise Unauthorized("erp.acme.example refused our credentials")

    async def close(self) -> None:
        self.system.closed += 1

    def start(self, entity: str, at: datetime) -> str | None:
        raise AssertionError

    def resume(self, entity: str, position: str) -> str:
        raise AssertionError

    async def read(self, entity: str, *, since: str | None, page: str | None) -> Any:
        raise AssertionError

    async def ids(self, entity: str, *, page: str | None) -> Any:
        raise AssertionError


@dataclass
class FakeConsents:
    """An authorization server at ``login.erp.example``: a code is good with its verifier alone."""

    at: str = "https://login.erp.example/authorize"
    code: str = "once"
    fails: ReconcilerError | None = None
    redeemed: list[tuple[str, str, str]] = field(default_factory=list)

    def consent(
        self,
        connection: Resource,
        manifest: Resource,
        *,
        redirect: str,
        state: str,
        verifier: str,
        given: Mapping[str, str] | None = None,
    ) -> str | None:
        if connection.spec["auth"]["method"] != "oauth":
            return None
        return str(httpx.URL(self.at, params={"redirect_uri": redirect, "state": state}))

    async def redeem(
        self,
        connection: Resource,
        manifest: Resource,
        *,
        code: str,
        redirect: str,
        verifier: str,
        given: Mapping[str, str] | None = None,
    ) -> Obtained:
        self.redeemed.append((code, redirect, verifier))
        if self.fails is not None:
            raise self.fails
        if code != self.code:
            raise Unauthorized("the code is not good")
        return Obtained({"oauth.access_token": "granted", "oauth.refresh_token": "anew"})


@dataclass
class Counter:
    """All that a test of connecting turns and looks at."""

    store: Store
    clock: TurnedClock
    safe: StoredSafe
    system: FakeSystem
    consents: FakeConsents
    reconnection: FakeReconnection
    guarded: list[str]
    in_force: InForce
    links: LinkDesk
    connecting: Connecting
    handing: Handing

    async def declare(self, *resources: Resource) -> None:
        """Bring *resources*, and nothing else, into force."""
        state = await self.store.views.state()
        plan = make_plan(resources, state, revision="test", prune=True)
        await apply(plan, self.store, self.clock, actor="test")

    async def link(self, name: str = "acme", **wish: Any) -> str:
        """Return the text of a new link."""
        return (await self.links.mint(name, LinkWish(**wish), By("cli:ada"))).text

    async def uid(self, name: str = "acme") -> str:
        situation = await self.in_force.look()
        return situation.uid(situation.connection(name))

    async def kept(self, name: str = "acme") -> dict[str, str]:
        """Return what is kept of a connection's customer."""
        return dict(await self.safe.open(await self.uid(name)))

    async def newest(self, name: str = "acme") -> Link:
        """Return the newest link of a connection."""
        return next(iter(await self.links.listed(name)))

    async def token(self, number: int = 1, *scopes: Scope, name: str | None = None) -> str:
        """Return the text of a new token of the API."""
        uid = await self.uid(name) if name else None
        wish = TokenWish("t", frozenset(scopes or {Scope.ADMIN}), CURRENT.name, uid)
        text, kept = mint(wish, chance=bytes([number]) * CHANCE, now=self.clock.now())
        async with self.store.begin() as unit:
            await unit.tokens.put(kept)
            await unit.commit()
        return text

    def app(self, **desk: Any) -> FastAPI:
        """Return the whole web application over all of this."""
        told: dict[str, Any] = {"public_url": "http://localhost", "brand": "Northwind Maintenance"}
        services = Services(
            reader=RecordReader(self.store.views, self.in_force),
            syncs=FakeSyncs(),
            store=self.store,
            clock=self.clock,
            in_force=self.in_force,
            policy=Policy(hosts=Policy().hosts | {"connect.example.com"}),
            connect=ConnectDesk(self.links, self.connecting, self.handing, **{**told, **desk}),
        )
        return make_app(services)


async def make_counter(store: Store) -> Counter:
    """Return a counter over *store* whose connection ``acme`` waits for its customer."""
    clock, reconnection = TurnedClock(), FakeReconnection()
    consents, guarded, system = FakeConsents(), list[str](), FakeSystem()
    safe = StoredSafe(store, KeyRing(lambda: {"2026": b"k" * 32}), clock, "one")

    async def guard(address: str) -> None:
        guarded.append(address)
        if "10.0.0.1" in address:
            raise Invalid("10.0.0.1 is not a public address")

    in_force = InForce(store.views, {"erp": CONNECTOR}, clock)
    ground = Ground(store, in_force, clock, REDIRECTS, consents)
    parts = Parts(ground, system, safe, reissue, reconnection, guard, CURRENT.name)
    made = Counter(
        store=store,
        clock=clock,
        safe=safe,
        system=system,
        consents=consents,
        reconnection=reconnection,
        guarded=guarded,
        in_force=in_force,
        links=LinkDesk(ground),
        connecting=Connecting(parts),
        handing=Handing(ground, reissue, api_version=CURRENT.name),
    )
    await made.declare(connection())
    return made

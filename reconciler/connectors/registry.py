"""The front door of this room: opens the connector of a connection, and knows the built-in manifests."""

import random
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
from pydantic import ValidationError

from reconciler.connectors.auth import Exchange, Keeper, Login, make_login
from reconciler.connectors.connector import Channel, HttpConnector, Speech
from reconciler.connectors.exchange import Ask, origin_of
from reconciler.connectors.http import Wire
from reconciler.connectors.limits import Limiters, Rate, Retries
from reconciler.connectors.protocols.http_json import HttpJson
from reconciler.connectors.protocols.jsonrpc import JsonRpc
from reconciler.connectors.questions import compile_request, compile_text
from reconciler.connectors.settings import Given, read_settings
from reconciler.connectors.signals import Signals
from reconciler.connectors.streams import CompiledStream, compile_streams
from reconciler.errors import Invalid, SourceInvalid
from reconciler.model.duration import parse_duration
from reconciler.model.resource import Resource
from reconciler.ports import Clock, Connector
from reconciler.secrets.providers import Providers, Resolve
from reconciler.secrets.redactor import Redactor
from reconciler.spec.kinds.connector import ConnectorSpec

TransportFactory = Callable[[], httpx.AsyncBaseTransport]


class HttpConnectors:
    """Opens connectors. All of one process share the limiters of their hosts."""

    def __init__(
        self,
        clock: Clock,
        environ: Mapping[str, str],
        *,
        transport: TransportFactory | None = None,
        chance: Callable[[], float] = random.random,
        resolve: Resolve | None = None,
    ) -> None:
        self._clock = clock
        self._resolve = resolve or Providers(environ, clock).resolve
        self._transport = transport
        self._chance = chance
        self._limiters = Limiters(clock)
        self._manifests: dict[str, tuple[ConnectorSpec, dict[str, CompiledStream]]] = {}

    def open(
        self,
        connection: Resource,
        manifest: Resource,
        *,
        uid: str = "",
        given: Mapping[str, str] | None = None,
    ) -> Connector:
        """Return a connector of *connection*; its secrets are resolved here, and held nowhere else.

        *given* is what its customer gave, by place: ``auth.password``.

        Raises:
            SecretMissing: if a reference leads nowhere.
            Invalid: if the connection does not give what the manifest needs.
        """
        del uid  # nothing is obtained that would be kept
        spec, streams = self._read(manifest)
        settings = read_settings(connection, spec, self._resolve, given or {})
        redactor = Redactor()
        redactor.learn(settings.secrets)
        endpoint = _endpoint(spec, settings)
        speech = _speech(spec, endpoint)
        wire = Wire(
            self._clock,
            redactor,
            timeout=parse_duration(spec.timeout),
            transport=self._transport() if self._transport is not None else None,
        )
        limiter = self._limiters.of(urlsplit(endpoint).netloc, _rate(spec))
        retries = Retries(self._clock, limiter, self._chance)
        login = make_login(settings.auth, settings.context, speech.ask, headers=spec.headers)
        redactor.learn(_signed(login))
        keeper = Keeper(login, _exchange(wire, speech, retries), redactor)
        channel = Channel(wire, speech, keeper, retries, settings.context, settings.auth.query)
        return HttpConnector(channel, compile_request(spec.probe, spec.headers), streams)

    def _read(self, manifest: Resource) -> tuple[ConnectorSpec, dict[str, CompiledStream]]:
        """Return the manifest read and compiled, once for each content."""
        known = self._manifests.get(manifest.digest)
        if known is None:
            spec = _spec_of(manifest)
            known = self._manifests[manifest.digest] = (spec, compile_streams(spec))
        return known


def _spec_of(manifest: Resource) -> ConnectorSpec:
    try:
        return ConnectorSpec.model_validate_json(msgspec.json.encode(manifest.spec))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise Invalid(f"{manifest.key} cannot be read: spec.{place}: {first['msg']}") from None


def _endpoint(spec: ConnectorSpec, given: Given) -> str:
    try:
        url = compile_text(spec.endpoint)(given.context)
        scheme, host, _ = origin_of(url)
    except (SourceInvalid, ValueError) as error:
        raise Invalid(f"{given.name}: the address of the system cannot be made: {error}") from None
    parts = urlsplit(url)
    if scheme not in {"http", "https"} or not host:
        raise Invalid(
            f"{given.name}: the address of the system is no http(s) URL",
            hint="write base_url as https://host or http://host:port",
        )
    if parts.username or parts.password:
        raise Invalid(
            f"{given.name}: the address of the system holds a user or password",
            hint="give them under 'auth', by reference",
        )
    return str(url)


def _speech(spec: ConnectorSpec, endpoint: str) -> Speech:
    signals = Signals(spec.signals)
    if spec.protocol == "jsonrpc":
        return JsonRpc(endpoint, signals, tryton=spec.dialect == "tryton")
    return HttpJson(endpoint, signals)


def _rate(spec: ConnectorSpec) -> Rate:
    limit = spec.rate_limit
    if limit is None:
        return Rate()
    return Rate(limit.requests, parse_duration(limit.per), limit.concurrency)


def _exchange(wire: Wire, speech: Speech, retries: Retries) -> Exchange:
    """Return what sends a login's requests, tried again where that helps."""

    async def exchange(ask: Ask) -> bytes:
        async def attempt() -> bytes:
            return speech.open(await wire.send(ask))

        return await retries.run(attempt)

    return exchange


def _signed(login: Login) -> list[str]:
    """Return the words of the headers that a fixed login sends, which hold its secrets."""
    headers: Any = getattr(login, "headers", {})
    return [word for value in headers.values() for word in value.split(" ", 1)[-1:]]

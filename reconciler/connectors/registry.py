"""The front door of this room: opens the connector of a connection, and knows the built-in manifests."""

import hashlib
import random
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import msgspec
from pydantic import ValidationError

from reconciler.connectors.auth.choose import Opening, make_keeper
from reconciler.connectors.auth.clients import consent_of, redemption_of
from reconciler.connectors.auth.flows import run_flow
from reconciler.connectors.auth.grants import Moment
from reconciler.connectors.auth.memory import MemorySafe
from reconciler.connectors.auth.tokens import Pauses, Surroundings, sender
from reconciler.connectors.connector import Channel, HttpConnector, Probe
from reconciler.connectors.courier import Courier
from reconciler.connectors.envelope import Finder
from reconciler.connectors.exchange import origin_of
from reconciler.connectors.expiry import known_ends
from reconciler.connectors.http import Wire
from reconciler.connectors.limits import Limiters, Rate, Retries
from reconciler.connectors.protocols.http_json import HttpJson
from reconciler.connectors.protocols.jsonrpc import JsonRpc
from reconciler.connectors.questions import compile_request, compile_text
from reconciler.connectors.settings import Given, read_settings
from reconciler.connectors.signals import Signals
from reconciler.connectors.speech import Speech
from reconciler.connectors.streams import CompiledStream, compile_streams
from reconciler.connectors.tls import trust_of
from reconciler.errors import Invalid, SourceInvalid
from reconciler.model.duration import parse_duration
from reconciler.model.resource import Resource
from reconciler.ports import Clock, Connector, Obtained, Safe
from reconciler.secrets.providers import Providers, Resolve
from reconciler.secrets.redactor import Redactor
from reconciler.spec.kinds.auth import ApiKey, Auth, AuthorizationCode, ODataCsrf
from reconciler.spec.kinds.connector import ConnectorSpec

TransportFactory = Callable[[], httpx.AsyncBaseTransport]


@dataclass(frozen=True, slots=True, repr=False)
class _Line:
    """A connection as it is opened: what it gives, where it is, and the wire to there."""

    given: Given
    endpoint: str
    redactor: Redactor
    wire: Wire


class HttpConnectors:
    """Opens connectors. All of one process share the limiters of their hosts, and what programs log in with.

    *safe* keeps what customers' consents gave, renewed as it goes; without one nothing is renewed.
    """

    def __init__(  # noqa: PLR0913  each is another part of the world
        self,
        clock: Clock,
        environ: Mapping[str, str],
        *,
        safe: Safe | None = None,
        transport: TransportFactory | None = None,
        chance: Callable[[], float] = random.random,
        resolve: Resolve | None = None,
    ) -> None:
        self._clock = clock
        self._resolve = resolve or Providers(environ, clock).resolve
        self._safe = safe
        self._transport = transport
        self._chance = chance
        self._limiters = Limiters(clock)
        self._memory = MemorySafe(clock)
        self._pauses = Pauses(clock)
        self._key = secrets.token_bytes(32)
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

        *given* is what its customer gave, by place: ``auth.password``, ``oauth.access_token``.

        Raises:
            SecretMissing: if a reference leads nowhere, or the customer has not consented yet.
            Invalid: if the connection does not give what the manifest needs.
        """
        spec, streams = self._read(manifest)
        line = self._line(connection, spec, given or {})
        settings = line.given
        speech = _speech(spec, line.endpoint)
        limiter = self._limiters.of(urlsplit(line.endpoint).netloc, _rate(spec))
        opening = Opening(
            context=settings.context,
            headers=spec.headers,
            speech=speech,
            courier=Courier(line.wire, Retries(self._clock, limiter, self._chance)),
            around=self._around(line.redactor),
            memory=self._memory,
            safe=self._safe,
            uid=uid,
            given=given or {},
        )
        keeper = make_keeper(settings.auth, opening)
        hidden, mark = _hidden(settings.auth), self._mark(settings.secrets)
        channel = Channel(line.wire, speech, keeper, settings.context, hidden, mark)
        end = None if spec.expires is None else Finder(spec.expires)
        probe = Probe(compile_request(spec.probe, spec.headers), end)
        ends = known_ends(settings.context["auth"], given or {})
        return HttpConnector(channel, probe, streams, ends)

    def consent(  # noqa: PLR0913  all that an address is made of
        self,
        connection: Resource,
        manifest: Resource,
        *,
        redirect: str,
        state: str,
        verifier: str,
        given: Mapping[str, str] | None = None,
    ) -> str | None:
        """Return the address to send the customer to; ``None`` if the method needs no consent.

        *verifier* is a PKCE verifier (RFC 7636: 43 to 128 letters), kept until the code comes back.

        Raises:
            SecretMissing: if a reference leads nowhere.
            Invalid: if the connection does not give what the manifest needs.
        """
        spec, _ = self._read(manifest)
        settings = read_settings(connection, spec, self._resolve, given or {})
        auth = _by_consent(settings.auth)
        if auth is None:
            return None
        return consent_of(auth, settings.context, redirect=redirect, state=state, verifier=verifier)

    async def redeem(  # noqa: PLR0913  all that a code is good with
        self,
        connection: Resource,
        manifest: Resource,
        *,
        code: str,
        redirect: str,
        verifier: str,
        given: Mapping[str, str] | None = None,
    ) -> Obtained:
        """Return the tokens that the *code* of a consent is exchanged for. One try: a code is good once.

        Raises:
            Unauthorized: if the server does not take the code, or not our client.
            SourceError: what else went wrong.
            Invalid: if the method needs no consent.
        """
        spec, _ = self._read(manifest)
        line = self._line(connection, spec, given or {})
        try:
            auth = _by_consent(line.given.auth)
            if auth is None:
                raise Invalid(f"{line.given.name}: its auth method needs no consent")
            form = {"code": code, "redirect_uri": redirect, "code_verifier": verifier}
            moment = Moment(self._clock.now(), _nonce())
            flow = redemption_of(auth, line.given.context, form, moment)
            limiter = self._limiters.of(urlsplit(line.endpoint).netloc, _rate(spec))
            courier = Courier(line.wire, Retries(self._clock, limiter, self._chance))
            return await run_flow(flow, sender(courier, line.redactor))
        finally:
            await line.wire.close()

    def _line(
        self, connection: Resource, spec: ConnectorSpec, customer: Mapping[str, str]
    ) -> _Line:
        """Return what *connection* gives, and the wire to its system."""
        given = read_settings(connection, spec, self._resolve, customer)
        redactor = Redactor()
        redactor.learn(given.secrets)
        endpoint = _endpoint(spec, given)
        wire = Wire(
            self._clock,
            redactor,
            timeout=parse_duration(spec.timeout),
            transport=self._transport() if self._transport is not None else None,
            trust=trust_of(given.name, endpoint, given.context["auth"]),
        )
        return _Line(given, endpoint, redactor, wire)

    def _around(self, redactor: Redactor) -> Surroundings:
        return Surroundings(self._clock, self._chance, _nonce, redactor, self._pauses)

    def _mark(self, values: Sequence[str]) -> str:
        """Return what stands for *values*, in this process alone."""
        told = "\0".join(values).encode()
        return hashlib.blake2b(told, key=self._key, digest_size=16).hexdigest()

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


def _by_consent(auth: Auth) -> AuthorizationCode | None:
    """Return the part of *auth* for which a customer consents."""
    inner = auth.base if isinstance(auth, ODataCsrf) else auth
    return inner if isinstance(inner, AuthorizationCode) else None


def _hidden(auth: Auth) -> str | None:
    """Return the query parameter that carries a key, which links must not keep."""
    inner = auth.base if isinstance(auth, ODataCsrf) else auth
    return inner.query if isinstance(inner, ApiKey) else None


def _nonce() -> str:
    return secrets.token_urlsafe(24)

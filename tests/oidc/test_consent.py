"""A customer's consent and a program's login at a certified provider, through the connectors that we ship."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import RSAKey

from reconciler.connectors.registry import HttpConnectors
from reconciler.errors import Forbidden, Revoked, ServerFault, Unauthorized
from reconciler.model.resource import Kind, Resource, ResourceKey, make_resource
from reconciler.ports import Connector, Obtained
from tests.fakes import FakeSafe
from tests.oidc.provider import SECRETS, Provider, consent_as

pytestmark = pytest.mark.slow

VERIFIER = "a-verifier-of-the-tests-that-has-enough-letters-0123456789"
BACK = "http://127.0.0.1:18443/callback"
ENVIRON = {name.upper().replace("-", "_"): secret for name, secret in SECRETS.items()}
UID = "uid-1"


class AheadClock:
    """The machine's time, and as much more as a test turns."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(tz=UTC) + self.ahead  # noqa: TID251  the provider goes by the machine's

    async def sleep(self, delay: timedelta) -> None:
        self.ahead += delay


@pytest.fixture
def clock() -> AheadClock:
    return AheadClock()


@pytest.fixture
def safe(clock: AheadClock) -> FakeSafe:
    return FakeSafe(clock)


@pytest.fixture
def connectors(clock: AheadClock, safe: FakeSafe) -> HttpConnectors:
    return HttpConnectors(clock, ENVIRON, safe=safe)


def manifest_of(provider: Provider, way: str = "basic", **changes: Any) -> Resource:
    """Return a manifest of the API behind *provider*; clients say who they are in the given *way*."""
    tokens = {
        "tokenUrl": "{{ config.base_url }}/token",
        "client": way,
        "fields": {"client_id": {"required": True}, "client_secret": {"secret": True}},
    }
    consent = {
        **tokens,
        "type": "oauth2_authorization_code",
        "authorizeUrl": "{{ config.base_url }}/auth",
        "authorizeParams": {"prompt": "consent"},
        "scopes": ["openid", "offline_access", "orders:read"],
    }
    program = {**tokens, "type": "oauth2_client_credentials", "scopes": ["orders:read"]}
    spec = {
        "title": "Orders",
        "family": "erp",
        "protocol": "http-json",
        "config": {"base_url": {"type": "url", "required": True}},
        "auth": {"consent": {**consent, **changes}, "program": {**program, **changes}},
        "probe": {"path": "/api/me"},
        "streams": {"purchase-orders": {"request": {"path": "/api/orders"}, "records": "data"}},
    }
    return make_resource(ResourceKey(Kind.CONNECTOR, "orders"), {"spec": spec})


def connection_of(provider: Provider, client: str, method: str = "consent") -> Resource:
    auth: dict[str, Any] = {"method": method, "client_id": client}
    if client in SECRETS:
        auth["client_secret"] = {"env": client.upper().replace("-", "_")}
    spec = {"connector": "orders", "config": {"base_url": provider.url}, "auth": auth}
    return make_resource(ResourceKey(Kind.CONNECTION, "acme"), {"spec": spec})


class Customer:
    """Somebody with a connection, at the provider."""

    def __init__(
        self, connectors: HttpConnectors, provider: Provider, safe: FakeSafe, way: str = "basic"
    ) -> None:
        client = {"basic": "app-basic", "post": "app-post", "none": "app-public"}[way]
        self.client = client
        self.provider, self.safe = provider, safe
        self.manifest = manifest_of(provider, way)
        self.connection = connection_of(provider, client)
        self.connectors = connectors

    async def come_back(self, *, deny: bool = False) -> Mapping[str, list[str]]:
        """Consent, and return what they bring back."""
        address = self.connectors.consent(
            self.connection, self.manifest, redirect=BACK, state="st/a+te", verifier=VERIFIER
        )
        back = urlsplit(await consent_as(str(address), "anna", deny=deny))
        assert f"{back.scheme}://{back.netloc}{back.path}" == BACK
        return parse_qs(back.query)

    async def redeem(self, code: str, verifier: str = VERIFIER) -> Obtained:
        return await self.connectors.redeem(
            self.connection, self.manifest, code=code, redirect=BACK, verifier=verifier
        )

    async def connect(self) -> Connector:
        """Consent, keep what it gives, and open the connection."""
        obtained = await self.redeem((await self.come_back())["code"][0])
        self.safe.values[UID] = {key: value for key, value in obtained.fields.items() if value}
        return self.open()

    def open(self) -> Connector:
        given = dict(self.safe.values[UID])
        return self.connectors.open(self.connection, self.manifest, uid=UID, given=given)


@pytest.mark.parametrize("way", ["basic", "post", "none"])
async def test_a_customer_consents_and_their_orders_are_read(
    connectors: HttpConnectors, provider: Provider, safe: FakeSafe, way: str
) -> None:
    customer = Customer(connectors, provider, safe, way)
    connector = await customer.connect()
    await connector.probe()
    page = await connector.read("purchase-orders", since=None, page=None)
    await connector.close()
    assert page.ids == ("1", "2")
    assert safe.values[UID].keys() >= {"oauth.refresh_token", "oauth.scope", "oauth.expires_at"}


async def test_what_comes_back_is_our_state_and_no_for_who_turns_away(
    connectors: HttpConnectors, provider: Provider, safe: FakeSafe
) -> None:
    customer = Customer(connectors, provider, safe)
    back = await customer.come_back()
    assert (back["state"], back["iss"]) == (["st/a+te"], [provider.url])
    assert (await customer.come_back(deny=True))["error"] == ["access_denied"]


async def test_a_code_is_good_once_and_with_its_verifier(
    connectors: HttpConnectors, provider: Provider, safe: FakeSafe
) -> None:
    customer = Customer(connectors, provider, safe)
    with pytest.raises(Unauthorized, match="invalid_grant"):
        await customer.redeem((await customer.come_back())["code"][0], verifier=VERIFIER[::-1])
    code = (await customer.come_back())["code"][0]
    await customer.redeem(code)
    with pytest.raises(Unauthorized, match="invalid_grant"):
        await customer.redeem(code)


async def test_three_refreshes_in_a_row_rotate_the_token_and_keep_the_grant(
    connectors: HttpConnectors, provider: Provider, safe: FakeSafe, clock: AheadClock
) -> None:
    connector = await Customer(connectors, provider, safe).connect()
    seen = [safe.values[UID]["oauth.refresh_token"]]
    for _ in range(3):
        clock.ahead += timedelta(minutes=5)
        await asyncio.gather(*[connector.probe() for _ in range(10)])
        seen.append(safe.values[UID]["oauth.refresh_token"])
    await connector.close()
    assert safe.obtained == {UID: 3}
    assert len(set(seen)) == 4


async def test_two_that_refresh_without_knowing_of_each_other_would_end_the_grant_and_ours_do_not(
    connectors: HttpConnectors, provider: Provider, safe: FakeSafe, clock: AheadClock
) -> None:
    customer = Customer(connectors, provider, safe)
    first = await customer.connect()
    second = customer.open()
    old = dict(safe.values[UID])
    clock.ahead += timedelta(minutes=5)
    await asyncio.gather(*[one.probe() for one in (first, second) for _ in range(10)])
    assert safe.obtained == {UID: 1}

    safe.values[UID] = old  # as if the new token had not been kept
    third = customer.open()
    with pytest.raises(Revoked, match="invalid_grant") as caught:
        await third.probe()
    assert old["oauth.refresh_token"] not in str(caught.value)
    for one in (first, second, third):
        await one.close()


async def test_a_grant_that_its_customer_ends_is_told_at_the_next_refresh_or_refusal(
    connectors: HttpConnectors, provider: Provider, safe: FakeSafe
) -> None:
    customer = Customer(connectors, provider, safe)
    connector = await customer.connect()
    await connector.probe()
    await provider.revoke(safe.values[UID]["oauth.refresh_token"])
    with pytest.raises(Revoked, match="invalid_grant"):
        await connector.probe()
    await connector.close()


async def test_a_client_that_the_provider_does_not_know_is_no_lost_grant(
    connectors: HttpConnectors, provider: Provider, safe: FakeSafe, clock: AheadClock
) -> None:
    customer = Customer(connectors, provider, safe)
    await (await customer.connect()).close()
    clock.ahead += timedelta(minutes=5)
    wrong = HttpConnectors(clock, {**ENVIRON, "APP_BASIC": "wrong"}, safe=safe)
    connector = wrong.open(
        customer.connection, customer.manifest, uid=UID, given=dict(safe.values[UID])
    )
    with pytest.raises(ServerFault, match="invalid_client"):
        await connector.probe()
    await connector.close()
    again = customer.open()
    await again.probe()
    await again.close()


@pytest.mark.parametrize(("client", "way"), [("machine-basic", "basic"), ("machine-post", "post")])
async def test_a_program_logs_in_by_itself(
    connectors: HttpConnectors, provider: Provider, client: str, way: str
) -> None:
    connection = connection_of(provider, client, "program")
    connector = connectors.open(connection, manifest_of(provider, way))
    page = await connector.read("purchase-orders", since=None, page=None)
    await connector.close()
    assert page.ids == ("1", "2")
    narrow = connectors.open(connection, manifest_of(provider, way, scopes=[]))
    with pytest.raises(Forbidden, match="insufficient_scope"):
        await narrow.read("purchase-orders", since=None, page=None)
    await narrow.close()


async def test_a_program_with_a_wrong_secret_is_refused(
    clock: AheadClock, provider: Provider
) -> None:
    wrong = HttpConnectors(clock, {**ENVIRON, "MACHINE_BASIC": "wrong"})
    connector = wrong.open(
        connection_of(provider, "machine-basic", "program"), manifest_of(provider)
    )
    with pytest.raises(Unauthorized, match="invalid_client"):
        await connector.probe()
    await connector.close()


KEY = rsa.generate_private_key(65537, 2048)


@pytest.fixture
def with_keys(program: Callable[[str], str]) -> Iterator[Provider]:
    """A provider that knows the public key of ``machine-key``."""
    public = RSAKey.import_key(
        KEY.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    ).as_dict()
    made = Provider(
        program("npm"), program("node"), jwks={"keys": [json.loads(json.dumps(public))]}
    )
    made.start()
    yield made
    made.stop()


@pytest.fixture
def keyed(clock: AheadClock) -> HttpConnectors:
    pem = KEY.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return HttpConnectors(clock, {"KEY": pem.decode()})


@pytest.mark.parametrize("algorithm", ["RS256", "PS256"])
async def test_a_program_logs_in_by_its_key(
    keyed: HttpConnectors, with_keys: Provider, algorithm: str
) -> None:
    spec = {
        "connector": "orders",
        "config": {"base_url": with_keys.url},
        "auth": {"method": "program", "client_id": "machine-key", "key": {"env": "KEY"}},
    }
    connection = make_resource(ResourceKey(Kind.CONNECTION, "acme"), {"spec": spec})
    manifest = manifest_of(
        with_keys,
        "private_key_jwt",
        algorithm=algorithm,
        fields={"client_id": {}, "key": {"secret": True}},
    )
    connector = keyed.open(connection, manifest)
    await connector.probe()
    await connector.close()

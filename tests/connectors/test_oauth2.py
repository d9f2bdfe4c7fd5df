"""OAuth 2 on the wire: addresses, codes, programs and assertions, each as values first."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given as given_by
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from reconciler.connectors.auth.memory import MOST, MemorySafe
from reconciler.connectors.auth.oauth2 import (
    Client,
    Endpoint,
    challenge_of,
    consent_address,
    secrets_of,
    token_ask,
)
from reconciler.connectors.auth.tokens import Pauses
from reconciler.errors import Invalid, ServerFault, SourceInvalid, Unauthorized
from reconciler.ports import Obtained
from tests.connectors.authserver import (
    CODE_AUTH,
    ENVIRON,
    GIVEN_AUTH,
    TOKEN_URL,
    AuthServer,
    Office,
    client_of,
    connection_of,
    manifest_of,
)
from tests.connectors.conftest import TurnedClock

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
"""The example of RFC 7636, appendix B."""

PROGRAM = {
    "type": "oauth2_client_credentials",
    "fields": {"client_id": {}, "client_secret": {"secret": True}, "key": {"secret": True}},
    "tokenUrl": TOKEN_URL,
    "scopes": ["orders.read", "orders.write"],
}
BACK = "https://us.example/connect/callback"


@pytest.fixture
def server(clock: TurnedClock) -> AuthServer:
    return AuthServer(clock)


@pytest.fixture
async def office(clock: TurnedClock, server: AuthServer) -> AsyncIterator[Office]:
    made = Office(clock, server)
    yield made
    await made.close()


def test_the_challenge_of_the_standards_own_example() -> None:
    assert challenge_of(VERIFIER) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@given_by(st.text("abcXYZ019-._~", min_size=43, max_size=128))
def test_challenges_are_those_of_an_independent_implementation(verifier: str) -> None:
    assert challenge_of(verifier) == create_s256_code_challenge(verifier)


@pytest.mark.parametrize("verifier", ["", "a" * 42, "a" * 129, "ä" * 50, "a b" * 20])
def test_a_verifier_that_can_be_guessed_or_not_be_sent_is_refused(verifier: str) -> None:
    with pytest.raises(Invalid):
        challenge_of(verifier)


def test_a_consent_address_says_all_that_the_server_needs(office: Office) -> None:
    auth = {
        **CODE_AUTH,
        "audience": "https://erp.example",
        "authorizeParams": {"prompt": "consent"},
        "authorizeUrl": "https://login.example/{{ auth.client_id }}/authorize?tenant=a%20b&state=x",
    }
    address = office.connectors.consent(
        connection_of(), manifest_of(auth), redirect=BACK, state="st&te", verifier=VERIFIER
    )
    parts = urlsplit(address or "")
    assert (
        f"{parts.scheme}://{parts.netloc}{parts.path}" == "https://login.example/our-app/authorize"
    )
    assert parse_qs(parts.query) == {
        "tenant": ["a b"],
        "response_type": ["code"],
        "client_id": ["our-app"],
        "redirect_uri": [BACK],
        "scope": ["orders.read offline_access"],
        "state": ["st&te"],
        "code_challenge": ["E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"],
        "code_challenge_method": ["S256"],
        "prompt": ["consent"],
        "audience": ["https://erp.example"],
    }
    assert "canary" not in parts.query


def test_a_manifest_does_not_set_what_protects_the_consent() -> None:
    with pytest.raises(Invalid, match="redirect_uri, state"):
        consent_address(
            "https://login.example/a", "id", {}, {"state": "x", "redirect_uri": "https://evil"}
        )


def test_other_methods_need_no_consent(office: Office) -> None:
    none = manifest_of({"type": "none"})
    assert (
        office.connectors.consent(
            connection_of({"method": "oauth"}), none, redirect=BACK, state="s", verifier=VERIFIER
        )
        is None
    )


def test_a_consent_below_another_method_is_found(office: Office) -> None:
    around = manifest_of({"type": "odata_csrf", "base": CODE_AUTH})
    address = office.connectors.consent(
        connection_of(), around, redirect=BACK, state="s", verifier=VERIFIER
    )
    assert str(address).startswith("https://login.example/authorize?")


async def redeem(office: Office, auth: dict[str, Any] | None = None) -> Any:
    return await office.connectors.redeem(
        connection_of(),
        manifest_of(auth or CODE_AUTH),
        code="canary-code",
        redirect=BACK,
        verifier=VERIFIER,
    )


async def test_a_code_is_exchanged_for_tokens(office: Office, server: AuthServer) -> None:
    obtained = await redeem(office)
    assert server.asked == [
        {
            "grant_type": "authorization_code",
            "code": "canary-code",
            "redirect_uri": BACK,
            "code_verifier": VERIFIER,
        }
    ]
    assert client_of(server.headers[0]) == ("our-app", ENVIRON["CLIENT_SECRET"])
    assert obtained.fields["oauth.access_token"] == "canary-access-token-1"
    assert obtained.fields["oauth.expires_at"] == "2026-03-04T13:00:00+00:00"
    assert obtained.expires_at == server.clock.now() + timedelta(hours=1)
    assert "canary" not in repr(obtained)


async def test_what_a_code_gave_opens_the_connection(office: Office, server: AuthServer) -> None:
    obtained = await redeem(office)
    connector = office.open(given={k: v for k, v in obtained.fields.items() if v}, uid="")
    await connector.probe()


async def test_a_code_that_is_not_taken_is_no_success_and_is_asked_for_once(
    office: Office, server: AuthServer
) -> None:
    server.failing = [httpx.Response(400, json={"error": "invalid_grant", "x": "canary-code"})]
    with pytest.raises(Unauthorized, match="invalid_grant") as caught:
        await redeem(office)
    assert "canary" not in str(caught.value)
    server.failing = [httpx.Response(503)]
    with pytest.raises(ServerFault):
        await redeem(office)
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"access_token": "tok-1", "expires_in": "1800"}, "2026-03-04T12:30:00+00:00"),
        ({"access_token": "tok-1", "expires_in": 1800.5}, "2026-03-04T12:30:00+00:00"),
        ({"access_token": "tok-1", "expires_in": 0}, "2026-03-04T13:00:00+00:00"),
        ({"access_token": "tok-1", "expires_in": None}, "2026-03-04T13:00:00+00:00"),
        ({"access_token": "tok-1", "expires_in": "soon"}, "2026-03-04T13:00:00+00:00"),
        ({"access_token": "tok-1", "expires_in": 1e300}, "2036-03-01T12:00:00+00:00"),
    ],
)
async def test_a_life_is_read_however_it_is_written(
    office: Office, server: AuthServer, body: dict[str, Any], expected: str
) -> None:
    server.failing = [httpx.Response(200, json=body)]
    assert (await redeem(office)).fields["oauth.expires_at"] == expected


async def test_an_answer_in_the_form_of_a_query_is_read(office: Office, server: AuthServer) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    server.failing = [
        httpx.Response(200, text="access_token=tok-1&scope=a+b", headers=form),
        httpx.Response(200, text="error=invalid_grant", headers=form),
    ]
    assert (await redeem(office)).fields["oauth.scope"] == "a b"
    with pytest.raises(Unauthorized, match="invalid_grant"):
        await redeem(office)


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b"null", b"<html>", b"", b'{"access_token": 7}', b"\xff"]
)
async def test_an_answer_without_a_token_is_a_fault(
    office: Office, server: AuthServer, body: bytes
) -> None:
    server.failing = [httpx.Response(200, content=body)]
    with pytest.raises(ServerFault, match="without a token"):
        await redeem(office)


async def test_a_program_logs_in_by_its_secret_and_all_openings_share_the_token(
    office: Office, server: AuthServer
) -> None:
    auth = {**PROGRAM, "audience": "erp", "tokenParams": {"resource": "{{ config.base_url }}"}}
    for _ in range(3):
        connector = office.open(auth)
        await asyncio.gather(*[connector.probe() for _ in range(5)])
    assert server.asked == [
        {
            "grant_type": "client_credentials",
            "scope": "orders.read orders.write",
            "audience": "erp",
            "resource": "https://erp.example/api",
        }
    ]
    assert client_of(server.headers[0]) == ("our-app", ENVIRON["CLIENT_SECRET"])
    server.clock.time += timedelta(minutes=55)
    await office.open(auth).probe()
    assert len(server.asked) == 2


async def test_programs_with_other_credentials_do_not_share_a_token(
    office: Office, server: AuthServer
) -> None:
    await office.open(PROGRAM).probe()
    await office.open(PROGRAM, with_auth={**GIVEN_AUTH, "client_id": "other-app"}).probe()
    assert len(server.asked) == 2


async def test_a_program_may_send_its_secret_in_the_form(
    office: Office, server: AuthServer
) -> None:
    await office.open({**PROGRAM, "client": "post", "scopes": []}).probe()
    assert server.asked == [
        {
            "grant_type": "client_credentials",
            "client_id": "our-app",
            "client_secret": ENVIRON["CLIENT_SECRET"],
        }
    ]
    assert server.headers == [""]


async def test_a_refused_token_of_a_program_is_asked_for_once_more(
    office: Office, server: AuthServer
) -> None:
    connector = office.open(PROGRAM)
    await connector.probe()
    server.revoke()
    await connector.probe()
    assert len(server.asked) == 2


async def test_a_wrong_secret_of_a_program_is_a_wrong_login(
    office: Office, server: AuthServer
) -> None:
    server.failing = [httpx.Response(401, json={"error": "invalid_client"})]
    connector = office.open(PROGRAM)
    for _ in range(2):
        with pytest.raises(Unauthorized, match="invalid_client"):
            await connector.probe()
    assert len(server.asked) == 1


async def test_a_scope_that_is_not_given_is_the_manifests_fault(
    office: Office, server: AuthServer
) -> None:
    server.failing = [httpx.Response(400, json={"error": "invalid_scope"})]
    with pytest.raises(SourceInvalid, match="invalid_scope"):
        await office.open(PROGRAM).probe()


def test_what_a_program_does_not_give_is_told(office: Office) -> None:
    for missing in ("client_id", "client_secret"):
        given = {key: value for key, value in GIVEN_AUTH.items() if key != missing}
        with pytest.raises(Invalid, match=rf"auth\.{missing} is missing"):
            office.open({**PROGRAM, "client": "basic"}, with_auth=given)


RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def verified(token: str, algorithm: str) -> Any:
    """Return the token as an independent implementation reads and verifies it."""
    key = ECKey.import_key(pem(EC)) if algorithm == "ES256" else RSAKey.import_key(pem(RSA))
    return jwt.decode(token, key, algorithms=[algorithm])


def with_key(office: Office, algorithm: str) -> Office:
    environ = {**ENVIRON, "KEY": pem(EC if algorithm == "ES256" else RSA)}
    return Office(office.clock, office.server, environ=environ)


KEYED = {"method": "oauth", "client_id": "our-app", "key": {"env": "KEY"}}


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256"])
async def test_an_assertion_is_one_to_an_independent_implementation(
    office: Office, server: AuthServer, algorithm: str
) -> None:
    auth = {
        **PROGRAM,
        "type": "oauth2_jwt_bearer",
        "algorithm": algorithm,
        "keyId": "key-7",
        "subject": "anna",
        "claims": {"tenant": "t1"},
    }
    keyed = with_key(office, algorithm)
    await keyed.open(auth, with_auth=KEYED).probe()
    form = server.asked[0]
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    token = verified(form["assertion"], algorithm)
    assert token.header == {"alg": algorithm, "typ": "JWT", "kid": "key-7"}
    at = int(server.clock.now().timestamp())
    told = {key: value for key, value in token.claims.items() if key != "jti"}
    assert told == {
        "iss": "our-app",
        "sub": "anna",
        "aud": TOKEN_URL,
        "tenant": "t1",
        "iat": at,
        "exp": at + 300,
    }
    assert len(token.claims["jti"]) >= 32
    await keyed.close()


async def test_a_client_with_a_key_signs_who_it_is(office: Office, server: AuthServer) -> None:
    auth = {**PROGRAM, "client": "private_key_jwt", "algorithm": "PS256"}
    keyed = with_key(office, "PS256")
    await keyed.open(auth, with_auth=KEYED).probe()
    form = server.asked[0]
    assert secrets_of(token_ask(Endpoint(TOKEN_URL, Client("x")), form)) == (
        form["client_assertion"],
    )
    assert form["client_id"] == "our-app"
    assert form["client_assertion_type"].endswith(":jwt-bearer")
    claims = verified(form["client_assertion"], "PS256").claims
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("our-app", "our-app", TOKEN_URL)
    assert server.headers == [""]
    await keyed.close()


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [("ES256", pem(RSA)), ("RS256", pem(EC)), ("RS256", "no key")],
    ids=["rsa for es", "ec for rs", "none"],
)
async def test_a_key_that_does_not_fit_is_told_and_not_shown(
    office: Office, server: AuthServer, algorithm: str, key: str
) -> None:
    auth = {**PROGRAM, "type": "oauth2_jwt_bearer", "algorithm": algorithm}
    keyed = Office(office.clock, server, environ={"KEY": key})
    with pytest.raises(Invalid, match=r"auth\.key is no") as caught:
        await keyed.open(auth, with_auth=KEYED).probe()
    assert key[40:60] not in json.dumps([str(caught.value), caught.value.hint]) or not key[40:60]
    assert server.asked == []
    await keyed.close()


def test_a_form_has_each_parameter_once(office: Office) -> None:
    address = consent_address(
        "https://login.example/a?scope=x&client_id=other", "ours", {"scope": "a b"}, {}
    )
    assert parse_qsl(urlsplit(address).query) == [
        ("response_type", "code"),
        ("client_id", "ours"),
        ("scope", "a b"),
    ]


@pytest.mark.parametrize("url", ["https://[broken/token", "https://me:pw@login.example/token"])
def test_an_address_that_is_none_or_holds_a_password_is_refused(office: Office, url: str) -> None:
    with pytest.raises(Invalid, match="no https address"):
        office.open({**PROGRAM, "tokenUrl": url})


async def test_a_connection_without_consent_has_no_code_to_redeem(office: Office) -> None:
    with pytest.raises(Invalid, match="needs no consent"):
        await office.connectors.redeem(
            connection_of(), manifest_of(PROGRAM), code="x", redirect=BACK, verifier=VERIFIER
        )


async def test_what_is_kept_in_memory_is_bounded(clock: TurnedClock) -> None:
    memory, pauses = MemorySafe(clock), Pauses(clock)

    async def obtain(_values: Any) -> Obtained:
        return Obtained({"oauth.access_token": "x", "oauth.scope": None})

    for number in range(MOST + 5):
        await memory.renew(f"place-{number}", lambda values, _now: bool(values), obtain)
        pauses.note(f"place-{number}", ServerFault("x"))
    assert len(memory._drawers) == MOST
    assert await memory.open("place-0") == {}
    assert await memory.open(f"place-{MOST + 4}") == {"oauth.access_token": "x"}
    pauses.check("place-0")
    with pytest.raises(ServerFault):
        pauses.check(f"place-{MOST + 4}")


async def test_times_that_cannot_be_read_are_unknown_and_the_token_is_tried(
    office: Office, server: AuthServer
) -> None:
    for when in ("", "soon", "2026-03-04T13:00:00"):
        values = {**server.tokens(), "oauth.expires_at": when}
        await office.open(CODE_AUTH, values).probe()
    assert server.asked == []

"""A manifest's OAuth 2, filled in for one connection: the endpoint, who we are there, and the grant."""

from collections.abc import Mapping
from typing import Any, TypeAlias, assert_never

from reconciler.connectors.auth.flows import Flow
from reconciler.connectors.auth.given import one_of
from reconciler.connectors.auth.grants import (
    JWT_BEARER,
    AsProgram,
    Grant,
    Moment,
    Proof,
    Refresh,
    client_proof,
    no_proof,
    redeem,
)
from reconciler.connectors.auth.jwt import claims_of, signed
from reconciler.connectors.auth.oauth2 import (
    Client,
    Endpoint,
    challenge_of,
    consent_address,
    scope_text,
    secure,
)
from reconciler.connectors.questions import compile_text
from reconciler.model.duration import parse_duration
from reconciler.ports import Obtained
from reconciler.spec.kinds.auth import AuthorizationCode, ClientCredentials, JwtBearer

TokenAuth: TypeAlias = ClientCredentials | AuthorizationCode | JwtBearer
Context: TypeAlias = Mapping[str, Any]


def grant_of(auth: TokenAuth, context: Context) -> Grant:
    """Return how *auth* gets tokens without a person.

    Raises:
        Invalid: if a credential is missing, or an address is not safe.
    """
    endpoint, proof = endpoint_of(auth, context), proof_of(auth, context)
    life = parse_duration(auth.life)
    match auth:
        case AuthorizationCode():
            return Refresh(endpoint, life, proof)
        case ClientCredentials():
            form = {"grant_type": "client_credentials", "scope": scope_text(auth.scopes)}
            return AsProgram(endpoint, life, form, proof)
        case JwtBearer():
            form = {"grant_type": JWT_BEARER, "scope": scope_text(auth.scopes)}
            return AsProgram(endpoint, life, form, proof, _bearer_assertion(auth, context))
        case _:
            assert_never(auth)


def endpoint_of(auth: TokenAuth, context: Context) -> Endpoint:
    """Return the token endpoint of *auth*, and who we are there."""
    given = context["auth"]
    secret = str(given.get("client_secret") or "")
    way = auth.client or ("basic" if secret else "none")
    needed = way in {"basic", "post"}
    client = Client(
        str(given.get("client_id") or "")
        if isinstance(auth, JwtBearer) and not needed
        else one_of(given, "client_id"),
        one_of(given, "client_secret") if needed else "",
        way,
    )
    params = {key: _filled(text, context) for key, text in auth.token_params.items()}
    if auth.audience is not None:
        params["audience"] = _filled(auth.audience, context)
    return Endpoint(secure(_filled(auth.token_url, context), "token endpoint"), client, params)


def proof_of(auth: TokenAuth, context: Context) -> Proof:
    """Return how a client with a key says who it is."""
    if auth.client != "private_key_jwt":
        return no_proof
    name = one_of(context["auth"], "client_id")
    return client_proof(
        lambda moment: _assertion(auth, context, {"iss": name, "sub": name}, moment)
    )


def consent_of(
    auth: AuthorizationCode, context: Context, *, redirect: str, state: str, verifier: str
) -> str:
    """Return the address where the customer consents."""
    params = {
        "redirect_uri": redirect,
        "scope": scope_text(auth.scopes),
        "state": state,
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
    }
    more = {key: _filled(text, context) for key, text in auth.authorize_params.items()}
    if auth.audience is not None:
        more.setdefault("audience", _filled(auth.audience, context))
    where = _filled(auth.authorize_url, context)
    return consent_address(where, one_of(context["auth"], "client_id"), params, more)


def redemption_of(
    auth: AuthorizationCode, context: Context, form: Mapping[str, str], moment: Moment
) -> Flow[Obtained]:
    """Return the flow that exchanges a code."""
    whole = {**form, **proof_of(auth, context)(moment)}
    return redeem(endpoint_of(auth, context), whole, parse_duration(auth.life), moment)


def _bearer_assertion(auth: JwtBearer, context: Context) -> Any:
    issuer = _filled(auth.issuer, context)
    subject = issuer if auth.subject is None else _filled(auth.subject, context)
    more = {key: _filled(text, context) for key, text in auth.claims.items()}
    claims = {**more, "iss": issuer, "sub": subject}
    return lambda moment: _assertion(auth, context, claims, moment)


def _assertion(auth: TokenAuth, context: Context, claims: Mapping[str, str], moment: Moment) -> str:
    audience = auth.assertion_audience or auth.token_url
    whole = claims_of({"aud": _filled(audience, context), **claims}, moment.now, moment.nonce)
    key_id = "" if auth.key_id is None else _filled(auth.key_id, context)
    return signed(whole, one_of(context["auth"], "key"), auth.algorithm, key_id)


def _filled(text: str, context: Context) -> str:
    return str(compile_text(text)(context))

"""The way to log in that a manifest names, made ready for one connection."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from reconciler.connectors.auth.clients import TokenAuth, grant_of
from reconciler.connectors.auth.csrf import CsrfKeeper
from reconciler.connectors.auth.fixed import Fixed, basic
from reconciler.connectors.auth.flows import Enclosing, Session
from reconciler.connectors.auth.given import one_of, one_or_only
from reconciler.connectors.auth.keeper import Keeper, Keeping, LoggingIn
from reconciler.connectors.auth.memory import NoSafe
from reconciler.connectors.auth.oauth1 import Keys, OAuth1Login
from reconciler.connectors.auth.oauth2 import ACCESS, REFRESH
from reconciler.connectors.auth.session import SessionLogin
from reconciler.connectors.auth.tokens import Kept, Surroundings, Tokens
from reconciler.connectors.courier import Courier
from reconciler.connectors.exchange import Ask
from reconciler.connectors.questions import compile_request, compile_text
from reconciler.connectors.speech import Speech
from reconciler.errors import SecretMissing
from reconciler.model.value import digest_of
from reconciler.ports import Safe
from reconciler.spec.kinds.auth import (
    ApiKey,
    Auth,
    AuthorizationCode,
    Basic,
    Bearer,
    ClientCredentials,
    JwtBearer,
    NoAuth,
    OAuth1,
    ODataCsrf,
    SessionAuth,
)


@dataclass(frozen=True, slots=True, repr=False)
class Opening:
    """What a login is made ready with.

    ``context`` is what templates see, ``headers`` go along with each request. ``safe`` keeps under ``uid``
    what a customer's consent gave, of which ``given`` is what there is; ``memory`` what a program gets.
    """

    context: Mapping[str, Any]
    headers: Mapping[str, str]
    speech: Speech
    courier: Courier
    around: Surroundings
    memory: Safe
    safe: Safe | None
    uid: str
    given: Mapping[str, str]


def make_keeper(auth: Auth, opening: Opening) -> Keeping:
    """Return what sends requests with the credentials of *auth*.

    Raises:
        Invalid: if the connection leaves out what the way needs.
        SecretMissing: if the customer has not consented yet.
    """
    around, courier = opening.around, opening.courier
    match auth:
        case ODataCsrf():
            return CsrfKeeper(
                make_keeper(auth.base, opening), _fetch(auth, opening), around.redactor
            )
        case ClientCredentials() | AuthorizationCode() | JwtBearer():
            tokens = Tokens(
                grant_of(auth, opening.context), _kept(auth, opening), courier, around, auth.scheme
            )
            return Keeper(tokens, Enclosing(), courier, around.clock, around.redactor)
        case _:
            login = make_login(auth, opening)
            source = LoggingIn(login, courier)
            return Keeper(source, login, courier, around.clock, around.redactor)


def make_login(
    auth: NoAuth | ApiKey | Basic | Bearer | SessionAuth | OAuth1, opening: Opening
) -> Fixed | SessionLogin | OAuth1Login:
    """Return the login of *auth*.

    Raises:
        Invalid: if the connection leaves out what it needs.
    """
    match auth:
        case SessionAuth():
            return SessionLogin(auth, opening.context, opening.speech, opening.headers)
        case OAuth1():
            return _oauth1(auth, opening)
        case _:
            return fixed_of(auth, opening.context["auth"])


def fixed_of(auth: NoAuth | ApiKey | Basic | Bearer, given: Mapping[str, Any]) -> Fixed:
    """Return the credentials of *auth*, which go along with each request.

    Raises:
        Invalid: if they are missing.
    """
    match auth:
        case NoAuth():
            return Fixed()
        case Bearer():
            return Fixed({"authorization": f"Bearer {one_or_only(given, 'token')}"})
        case Basic():
            username = one_or_only(given, "username")
            return Fixed({"authorization": basic(username, str(given.get("password") or ""))})
        case ApiKey():
            key = one_or_only(given, "key", "api_key", "token")
            if auth.query is not None:
                return Fixed(query=((auth.query, key),))
            return Fixed({auth.header or "x-api-key": key})
        case _:
            assert_never(auth)


def _oauth1(auth: OAuth1, opening: Opening) -> OAuth1Login:
    given = opening.context["auth"]
    names = ("consumer_key", "consumer_secret", "token", "token_secret")
    keys = Keys(*[one_of(given, name) for name in names])
    realm = None if auth.realm is None else str(compile_text(auth.realm)(opening.context))
    around = opening.around
    return OAuth1Login(keys, auth.signature, realm, around.clock.now, around.nonce)


def _kept(auth: TokenAuth, opening: Opening) -> Kept:
    """Return where the tokens of *auth* are kept."""
    if not isinstance(auth, AuthorizationCode):
        # Whoever has the same credentials for the same thing shares the token; the place tells nothing.
        place = digest_of([auth.model_dump(mode="json"), dict(opening.context)])
        return Kept(opening.memory, place, {})
    given = {key: value for key, value in opening.given.items() if key.startswith("oauth.")}
    if not (given.get(ACCESS) or given.get(REFRESH)):
        raise SecretMissing(
            "the customer has not consented yet",
            hint="make a link for the customer: reconciler connect NAME",
        )
    if opening.safe is None or not opening.uid:
        return Kept(NoSafe(given), opening.uid, given)
    return Kept(opening.safe, opening.uid, given)


def _fetch(auth: ODataCsrf, opening: Opening) -> Any:
    question = compile_request(auth.fetch, opening.headers)

    def fetch(session: Session) -> Ask:
        known = {"login": session.login, "session": session.answers}
        ask = opening.speech.ask(question.fill({**opening.context, **known}))
        return ask if ask.method == "GET" else Ask("GET", ask.url, ask.query, opening.headers)

    return fetch

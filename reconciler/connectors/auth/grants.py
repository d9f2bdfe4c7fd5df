"""How tokens are obtained without a person, as pure flows: by refresh, as a program, by an assertion."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from reconciler.connectors.auth.flows import Flow, Step
from reconciler.connectors.auth.oauth2 import (
    ACCESS,
    REFRESH,
    SCOPE,
    Endpoint,
    Refused,
    as_refresh,
    read_tokens,
    token_ask,
)
from reconciler.connectors.exchange import Answer
from reconciler.errors import Revoked, SecretMissing, SourceInvalid, Unauthorized
from reconciler.ports import Obtained

JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
JWT_CLIENT: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_WRONG_CLIENT: Final = frozenset({"invalid_client", "unauthorized_client", "invalid_grant"})


@dataclass(frozen=True, slots=True)
class Moment:
    """When an assertion is made, and a text that no other has."""

    now: datetime
    nonce: str


Proof = Callable[[Moment], Mapping[str, str]]
"""Makes the parameters by which a client with a key says who it is."""


def no_proof(_moment: Moment) -> Mapping[str, str]:
    """Return nothing: the client has a secret, or none."""
    return {}


def client_proof(assertion: Callable[[Moment], str]) -> Proof:
    """Return what puts an *assertion* in place of a client's secret (RFC 7523, 2.2)."""
    return lambda moment: {
        "client_assertion_type": JWT_CLIENT,
        "client_assertion": assertion(moment),
    }


class Grant(Protocol):
    """One way to get tokens."""

    @property
    def refreshes(self) -> bool:
        """Whether it needs a refresh token."""
        ...

    def obtain(self, values: Mapping[str, str], moment: Moment) -> Flow[Obtained]:
        """Yield the token request made from the *values* there are; return what it gave."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Refresh:
    """By a refresh token, which the server may replace (RFC 6749, 6)."""

    endpoint: Endpoint
    life: timedelta
    proof: Proof = no_proof
    refreshes: bool = True

    def obtain(self, values: Mapping[str, str], moment: Moment) -> Flow[Obtained]:
        """Yield the refresh. A server that sends no new refresh token means the old one to stay.

        Raises:
            SecretMissing: if the customer has not consented yet.
            Revoked: if there is nothing to refresh with, or the grant is gone.
        """
        refresh = values.get(REFRESH)
        if not refresh and not values.get(ACCESS):
            raise SecretMissing(
                "the customer has not consented yet",
                hint="make a link for the customer: reconciler connect NAME",
            )
        if not refresh:
            raise Revoked(
                "the access token is no longer good, and the server gave no refresh token",
                hint="ask for the scope that gives one (often offline_access), and connect again",
            )

        def read(answer: Answer) -> Obtained:
            try:
                new = read_tokens(answer, self.life, moment.now)
            except Refused as refused:
                raise as_refresh(refused) from None
            kept = {REFRESH: refresh} | ({SCOPE: values[SCOPE]} if values.get(SCOPE) else {})
            return Obtained({**kept, **new.fields}, new.expires_at)

        form = {"grant_type": "refresh_token", "refresh_token": refresh, **self.proof(moment)}
        obtained: Obtained = yield Step(token_ask(self.endpoint, form), read)
        return obtained


@dataclass(frozen=True, slots=True, repr=False)
class AsProgram:
    """As the program itself, or as whom an assertion names (RFC 6749, 4.4; RFC 7523, 2.1)."""

    endpoint: Endpoint
    life: timedelta
    form: Mapping[str, str]
    proof: Proof = no_proof
    assertion: Callable[[Moment], str] | None = None
    refreshes: bool = False

    def obtain(self, values: Mapping[str, str], moment: Moment) -> Flow[Obtained]:
        """Yield the token request.

        Raises:
            Unauthorized: if the server does not take the client or its assertion.
        """
        del values
        form = {**self.form, **self.proof(moment)}
        if self.assertion is not None:
            form["assertion"] = self.assertion(moment)
        read = _login_reader(self.life, moment)
        obtained: Obtained = yield Step(token_ask(self.endpoint, form), read)
        return obtained


def _login_reader(life: timedelta, moment: Moment) -> Callable[[Answer], Obtained]:
    def read(answer: Answer) -> Obtained:
        try:
            return read_tokens(answer, life, moment.now)
        except Refused as refused:
            raise as_login(refused) from None

    return read


def as_login(refused: Refused) -> Unauthorized | SourceInvalid:
    """Return what a refusal means for a login: wrong credentials, or a request that the manifest gets wrong."""
    if refused.error in _WRONG_CLIENT:
        return Unauthorized(
            refused.message,
            hint="mend what the connection's 'auth' refers to; from a customer: reconciler connect NAME",
        )
    return SourceInvalid(
        refused.message, hint="check scopes, audience and tokenParams in the connector's manifest"
    )


def redeem(
    endpoint: Endpoint, form: Mapping[str, str], life: timedelta, moment: Moment
) -> Flow[Obtained]:
    """Yield the exchange of a code (RFC 6749, 4.1.3); *form* has ``code``, ``redirect_uri``, ``code_verifier``.

    Raises:
        Unauthorized: if the code or the client is not taken.
    """
    ask = token_ask(endpoint, {"grant_type": "authorization_code", **form})
    obtained: Obtained = yield Step(ask, _login_reader(life, moment))
    return obtained

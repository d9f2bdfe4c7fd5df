"""Who asks, and whether they may: bearer tokens, checked before any route runs."""

from datetime import datetime, timedelta
from typing import Final, cast

import structlog
from fastapi import BackgroundTasks, Request

from reconciler.engine.tokens import Refusal, judge, parse
from reconciler.errors import ReconcilerError
from reconciler.model.access import Grant, Scope, Token
from reconciler.ports import Clock, Store
from reconciler.web.attempts import Attempts
from reconciler.web.needs import InForce
from reconciler.web.problems import Code, Refused, refuse
from reconciler.web.rates import Rates
from reconciler.web.refusals import GONE, Refusals, Turned
from reconciler.web.versions import VERSIONS, headers_of, pick

log = structlog.get_logger(__name__)

TOUCH_EVERY: Final = timedelta(minutes=1)
"""A token's last use is kept at most this often: a read is no write."""


_WORTHLESS: Final = "the token is unknown, revoked, expired or not for this address"


class Gatekeeper:
    """Knows tokens: finds the one presented, counts its requests, and notes its use and its misuse."""

    def __init__(
        self,
        store: Store,
        in_force: InForce,
        clock: Clock,
        rates: Rates,
        attempts: Attempts | None = None,
    ) -> None:
        self._store = store
        self._in_force = in_force
        self._clock = clock
        self._rates = rates
        self._attempts = attempts
        self._refusals = Refusals(store)
        self._touched: dict[str, datetime] = {}

    async def admit(self, request: Request, background: BackgroundTasks) -> tuple[Grant, Token]:
        """Return what the bearer may do.

        Raises:
            Refused: without a valid token (401), beyond its rate, or after too many wrong ones (429).
        """
        now = self._clock.now()
        presented = parse(_bearer(request))
        if presented is None:
            raise self._failed(request, now, "the token is malformed or was cut")
        kept = await self._store.views.token_by_digest(presented.digest)
        judged = judge(presented, kept, now=now, peer=peer_of(request))
        if kept is None or isinstance(judged, Refusal):
            await self._misused(request, now, kept, str(judged))
            raise self._failed(request, now, _WORTHLESS)
        if judged.connection and not (await self._in_force.look()).holds(judged.connection):
            await self._misused(request, now, kept, GONE)
            raise self._failed(request, now, "the token's connection is not in force any more")
        self._count(request, judged, now)
        if self._due(kept, now):
            background.add_task(self._touch, kept.id, now)
        return judged, kept

    def _failed(self, request: Request, now: datetime, detail: str) -> Refused:
        wait = 0 if self._attempts is None else self._attempts.failed(peer_of(request), now)
        if not wait:
            return _unknown(detail)
        return refuse(
            Code.RATE_LIMIT_EXCEEDED,
            f"too many requests without a valid token from this address; wait {wait} s",
            Retry_After=str(wait),
        )

    async def _misused(
        self, request: Request, now: datetime, kept: Token | None, reason: str
    ) -> None:
        """Have it known that somebody holds a token which is worthless: at most once a minute and token."""
        if kept is not None:
            turned = Turned(reason, peer_of(request), request.state.request_id)
            await self._refusals.note(kept, turned, now)

    def _count(self, request: Request, granted: Grant, now: datetime) -> None:
        allowance = self._rates.take(granted.token, now)
        policy = self._rates.policy
        if not allowance.passes:
            raise refuse(
                Code.RATE_LIMIT_EXCEEDED,
                f"the token is beyond its rate; wait {allowance.wait} s",
                Retry_After=str(allowance.wait),
                RateLimit=f'"token";r=0;t={allowance.wait}',
                RateLimit_Policy=policy,
            )
        request.state.rate_headers = {
            "RateLimit": f'"token";r={allowance.left};t=0',
            "RateLimit-Policy": policy,
        }

    def _due(self, kept: Token, now: datetime) -> bool:
        known = [at for at in (kept.last_used_at, self._touched.get(kept.id)) if at is not None]
        if known and now - max(known) < TOUCH_EVERY:
            return False
        self._touched[kept.id] = now
        return True

    async def _touch(self, token_id: str, now: datetime) -> None:
        try:
            async with self._store.begin() as unit:
                await unit.tokens.touch(token_id, at=now)
                await unit.commit()
        except ReconcilerError as error:
            log.warning("token_use_not_kept", token=token_id, reason=error.message)


class Guard:
    """A route's condition: a valid token, and the scope the route asks for (``None``: any token)."""

    def __init__(self, keeper: Gatekeeper, scope: Scope | None) -> None:
        self._keeper = keeper
        self.scope = scope

    async def __call__(self, request: Request, background: BackgroundTasks) -> None:
        """Let the request pass with its grant, or raise ``Refused``."""
        granted, kept = await self._keeper.admit(request, background)
        request.state.token = granted.token
        if "pinned" not in request.scope["state"]:
            request.state.version_headers = headers_of(pick(VERSIONS, kept.api_version))
        if self.scope is not None and not granted.allows(self.scope):
            raise refuse(
                Code.PERMISSION_DENIED, f"this needs a token with the scope {self.scope.value}"
            )
        request.state.grant = granted
        request.state.kept = kept


def granted_to(request: Request) -> Grant:
    """Return what the bearer of *request* may do; only for routes behind a ``Guard``."""
    return cast("Grant", request.state.grant)


def token_of(request: Request) -> Token:
    """Return the token of *request* as it is kept; only for routes behind a ``Guard``."""
    return cast("Token", request.state.kept)


def actor_of(request: Request) -> str:
    """Return who asks, as the audit log names them: ``api:`` and the token's name."""
    kept = token_of(request)
    return f"api:{kept.name or kept.id}"


def peer_of(request: Request) -> str | None:
    """Return the address at the other end of the connection; that of the proxy, where one is between."""
    return None if request.client is None else request.client.host


def _bearer(request: Request) -> str:
    given = request.headers.getlist("authorization")
    if not given:
        raise _unknown("there is no Authorization header")
    scheme, _, text = given[0].partition(" ")
    if len(given) != 1 or scheme.lower() != "bearer":
        raise _unknown("the Authorization header is no bearer token")
    return text.strip()


def _unknown(detail: str) -> Refused:
    return refuse(Code.AUTHENTICATION_FAILED, detail)

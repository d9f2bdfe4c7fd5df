"""Tokens made, replaced and ended, each in the caller's transaction, with its entry in the audit log."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from reconciler.engine.tokens import CHANCE, TokenWish, mint
from reconciler.errors import Conflict, Invalid, NotFound
from reconciler.model.access import ROLES, Role, Token, TokenState
from reconciler.model.audit import AuditEntry
from reconciler.model.resource import ResourceKey
from reconciler.model.selector import format_selector
from reconciler.ports import UnitOfWork

LONGEST_GRACE: Final = timedelta(days=30)
"""How long a token lives on at most beside the one that came in its place."""


@dataclass(frozen=True, slots=True)
class By:
    """Who does it (``cli:ada``, ``api:desk``), when, and in which request."""

    actor: str
    at: datetime
    request_id: str = ""


class Granting:
    """Deeds with tokens in *unit*, which the caller commits. No text of a token is kept or told."""

    def __init__(
        self, unit: UnitOfWork, by: By, *, chance: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._unit = unit
        self._by = by
        self._chance = chance

    async def mint(self, wish: TokenWish, *, key: ResourceKey | None = None) -> tuple[str, Token]:
        """Return the text of a new token, and the token. *key* is what ``wish.connection`` is called.

        Raises:
            Invalid: if the wish allows nothing, or contradicts itself.
            NotFound: if the connection is not in force any more.
        """
        if key is not None and await self._unit.objects.uid(key) != wish.connection:
            raise NotFound(f"{key} is not in force any more")
        text, token = self._made(wish)
        await self._unit.tokens.put(token)
        await self._tell("token.created", token, **_rights(token))
        return text, token

    async def rotate(self, token_id: str, *, grace: timedelta) -> tuple[str, Token]:
        """Return a new text for the rights of a token, which dies after *grace*; and the new token.

        One that has an end lives as long again, from now.

        Raises:
            NotFound: if there is no such token.
            Conflict: if it is over, or was replaced already.
            Invalid: if the grace is out of bounds.
        """
        _check_grace(grace)
        old = await self._found(token_id)
        _check_rotatable(old, self._by.at)
        text, token = self._made(_wish_of(old, self._by.at))
        await self._unit.tokens.put(token)
        await self._unit.tokens.put(_retired(old, token, self._by.at + grace))
        await self._tell("token.rotated", old, replaced_by=token.id, grace=_seconds(grace))
        await self._tell("token.created", token, replaces=old.id, **_rights(token))
        return text, token

    async def revoke(self, token_id: str) -> bool:
        """Make a token worthless at once; return whether it was worth something.

        Raises:
            NotFound: if there is no such token.
        """
        old = await self._found(token_id)
        if old.state(self._by.at) is TokenState.REVOKED:
            return False
        await self._end(old)
        return True

    async def revoke_all_of(self, connection_uid: str) -> Sequence[Token]:
        """Make all tokens of one connection worthless at once; return those that were not."""
        alive = [
            token
            for token in await self._unit.tokens.of(connection_uid)
            if token.state(self._by.at) is not TokenState.REVOKED
        ]
        for token in alive:
            await self._end(token)
        return alive

    async def replace_all_of(
        self, connection_uid: str, wish: TokenWish, *, grace: timedelta
    ) -> tuple[str, Token]:
        """Return a new token of a connection; all others of it die after *grace*, unless they do before.

        Raises:
            Invalid: if the grace is out of bounds.
        """
        _check_grace(grace)
        olds = await self._unit.tokens.of(connection_uid)
        text, token = self._made(wish)
        await self._unit.tokens.put(token)
        end = self._by.at + grace
        for old in olds:
            if old.revoked_at is None or old.revoked_at > end:
                await self._unit.tokens.put(_retired(old, token, end))
                await self._tell("token.rotated", old, replaced_by=token.id, grace=_seconds(grace))
        await self._tell("token.created", token, **_rights(token))
        return text, token

    def _made(self, wish: TokenWish) -> tuple[str, Token]:
        try:
            text, token = mint(wish, chance=self._chance(CHANCE), now=self._by.at)
        except ValueError as error:
            raise Invalid(str(error)) from None
        return text, replace(token, created_by=self._by.actor)

    async def _found(self, token_id: str) -> Token:
        found = await self._unit.tokens.find(token_id)
        if found is None:
            raise NotFound(f"no token {token_id[:64]!r}", hint="reconciler token list")
        return found

    async def _end(self, old: Token) -> None:
        await self._unit.tokens.put(replace(old, revoked_at=self._by.at))
        await self._tell("token.revoked", old)

    async def _tell(self, deed: str, token: Token, **data: Any) -> None:
        by = self._by
        entry = AuditEntry(
            by.at,
            by.actor,
            deed,
            subject_of(token),
            {"name": token.name, "connection": token.connection, **data},
            by.request_id,
        )
        await self._unit.audit.record(entry)


async def reissue(  # noqa: PLR0913  what a connect page knows when it is done
    unit: UnitOfWork,
    connection_uid: str,
    *,
    name: str,
    api_version: str,
    grace: timedelta,
    actor: str,
    now: datetime,
) -> tuple[str, Token]:
    """Return the text of a new token that reads one connection, and the token; its old ones die after *grace*.

    All is done in *unit*: it comes true with the caller's own work, or not at all.

    Raises:
        Invalid: if the grace is below nought or above ``LONGEST_GRACE``, or the name is none.
    """
    role = Role.READER
    wish = TokenWish(name, ROLES[role], api_version, connection_uid, role=role)
    granting = Granting(unit, By(actor, now))
    return await granting.replace_all_of(connection_uid, wish, grace=grace)


def subject_of(token: Token) -> str:
    """Return what the audit log calls *token*: ``Token/k3n5d7q2x4c6z``."""
    return f"Token/{token.id}"


def _wish_of(old: Token, now: datetime) -> TokenWish:
    """Return the wish for a token with the rights of *old*."""
    ends = None if old.expires_at is None else now + (old.expires_at - old.created_at)
    return TokenWish(
        old.name,
        old.scopes,
        old.api_version,
        old.connection,
        ends,
        role=old.role,
        selector=old.selector,
        networks=old.networks,
        description=old.description,
    )


def _retired(old: Token, by: Token, end: datetime) -> Token:
    return replace(old, revoked_at=end, replaced_by=by.id)


def _check_grace(grace: timedelta) -> None:
    if not timedelta(0) <= grace <= LONGEST_GRACE:
        raise Invalid(
            f"a grace of {_seconds(grace)} s is out of bounds",
            hint=f"from 0s to {LONGEST_GRACE.days}d",
        )


def _check_rotatable(old: Token, now: datetime) -> None:
    state = old.state(now)
    if state is TokenState.VALID:
        return
    told = f"token {old.id} is {state.value}"
    if old.replaced_by:
        raise Conflict(f"{told}: {old.replaced_by} came in its place", hint="rotate that one")
    raise Conflict(told, hint="make a new one: reconciler token create")


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())


def _rights(token: Token) -> dict[str, Any]:
    """Return what a token may, as the audit log keeps it."""
    return dict(_told(token))


def _told(token: Token) -> Iterator[tuple[str, Any]]:
    yield "scopes", sorted(token.scopes)
    if token.role:
        yield "role", token.role.value
    if token.selector:
        yield "selector", format_selector(token.selector)
    if token.networks:
        yield "networks", list(token.networks)
    if token.expires_at:
        yield "expires_at", token.expires_at.isoformat()

"""Tokens made, replaced and ended in the caller's transaction."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.engine.granting import LONGEST_GRACE, By, Granting, reissue
from reconciler.engine.tokens import CHANCE, TokenWish, grant, parse
from reconciler.errors import Conflict, Invalid, NotFound
from reconciler.model.access import ROLES, Grant, Role, Scope, Token, TokenState
from reconciler.model.audit import broken_link
from reconciler.model.resource import Kind, ResourceKey
from reconciler.store.memory import MemoryStore

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ADA = By("cli:ada", NOON, "r-1")
WISH = TokenWish("desk", frozenset({Scope.READ_RECORDS}), "2026-11-01", connection="c1")


def chances() -> Iterator[bytes]:
    yield from (bytes([number]) * CHANCE for number in range(200))


async def make(store: MemoryStore, wish: TokenWish = WISH, by: By = ADA) -> tuple[str, Token]:
    async with store.begin() as unit:
        made = await Granting(unit, by).mint(wish)
        await unit.commit()
    return made


async def renew(store: MemoryStore, grace: timedelta, now: datetime = NOON) -> tuple[str, Token]:
    async with store.begin() as unit:
        made = await reissue(
            unit,
            "c1",
            name="acme",
            api_version="2026-11-01",
            grace=grace,
            actor="link:acme",
            now=now,
        )
        await unit.commit()
    return made


async def granted(store: MemoryStore, text: str, now: datetime = NOON) -> Grant | None:
    presented = parse(text)
    assert presented is not None
    return grant(presented, await store.views.token_by_digest(presented.digest), now=now)


async def test_a_token_is_kept_with_who_made_it_and_without_its_text() -> None:
    store = MemoryStore()
    text, made = await make(store)
    assert await store.views.tokens() == (made,)
    assert (made.created_by, made.connection) == ("cli:ada", "c1")
    (entry,) = await store.views.audit()
    assert (entry.actor, entry.deed, entry.request_id) == ("cli:ada", "token.created", "r-1")
    assert entry.subject == f"Token/{made.id}"
    secret = text.split("_", 2)[2][:43]
    assert secret not in repr((made, entry))


async def test_chance_is_a_parameter() -> None:
    store, drawn = MemoryStore(), chances()
    async with store.begin() as unit:
        granting = Granting(unit, ADA, chance=lambda _: next(drawn))
        first, _ = await granting.mint(WISH)
        second, _ = await granting.mint(WISH)
    assert first.startswith("rcn_aaaaaaaaaaaaa_")
    assert first != second


async def test_what_is_not_committed_was_not_made() -> None:
    store = MemoryStore()
    async with store.begin() as unit:
        text, _ = await Granting(unit, ADA).mint(WISH)
    assert await granted(store, text) is None
    assert (await store.views.tokens(), await store.views.audit()) == ((), ())


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"scopes": frozenset()}, "needs a scope"),
        ({"name": ""}, "printable"),
        ({"name": "a\nb"}, "printable"),
        ({"name": "n" * 256}, "255"),
        ({"selector": (("a", "b"),)}, "not of both"),
        ({"expires_at": NOON}, "has expired"),
    ],
)
async def test_a_wish_that_makes_no_sense_is_refused(wrong: dict[str, object], said: str) -> None:
    store = MemoryStore()
    async with store.begin() as unit:
        with pytest.raises(Invalid, match=said):
            await Granting(unit, ADA).mint(replace(WISH, **wrong))  # type: ignore[arg-type]  # as the table says


async def test_no_token_is_made_for_a_connection_that_was_removed_meanwhile() -> None:
    store = MemoryStore()
    async with store.begin() as unit:
        key = ResourceKey(Kind.CONNECTION, "acme")
        with pytest.raises(NotFound, match="not in force any more"):
            await Granting(unit, ADA).mint(WISH, key=key)


async def test_a_rotated_token_has_the_same_rights_and_lives_as_long_again() -> None:
    store = MemoryStore()
    wish = TokenWish(
        "desk",
        frozenset({Scope.RUN_SYNC}),
        "2026-11-01",
        None,
        NOON + DAY,
        role=Role.VIEWER,
        selector=(("customer", "acme"),),
        networks=("10.0.0.0/8",),
        description="d",
    )
    _, old = await make(store, wish)
    later = By("cli:bob", NOON + HOUR)
    async with store.begin() as unit:
        _, new = await Granting(unit, later).rotate(old.id, grace=HOUR)
        await unit.commit()
    told = {"id", "digest", "created_at", "expires_at", "created_by"}
    for name in set(Token.__slots__) - told:
        assert getattr(new, name) == getattr(old, name), name
    assert (new.expires_at, new.created_by) == (NOON + HOUR + DAY, "cli:bob")
    kept = await store.views.token(old.id)
    assert kept == replace(old, revoked_at=NOON + 2 * HOUR, replaced_by=new.id)
    assert [one.deed for one in await store.views.audit()] == [
        "token.created",
        "token.rotated",
        "token.created",
    ]
    assert broken_link(await store.views.audit()) is None


async def test_what_is_over_or_replaced_is_not_rotated() -> None:
    store = MemoryStore()
    _, first = await make(store)
    _, ends = await make(store, replace(WISH, expires_at=NOON + HOUR))
    later = By("cli:ada", NOON + HOUR)
    async with store.begin() as unit:
        granting = Granting(unit, later)
        _, second = await granting.rotate(first.id, grace=DAY)
        with pytest.raises(Conflict, match=f"{second.id} came in its place"):
            await granting.rotate(first.id, grace=DAY)
        with pytest.raises(Conflict, match="is expired"):
            await granting.rotate(ends.id, grace=DAY)
        with pytest.raises(NotFound):
            await granting.rotate("nosuch", grace=DAY)
        for grace in (-timedelta(seconds=1), LONGEST_GRACE + timedelta(seconds=1)):
            with pytest.raises(Invalid, match="out of bounds"):
                await granting.rotate(second.id, grace=grace)


async def test_all_tokens_of_a_connection_are_ended_and_no_others() -> None:
    store = MemoryStore()
    mine = [await make(store) for _ in range(2)]
    other = await make(store, replace(WISH, connection="c2"))
    everywhere = await make(store, replace(WISH, connection=None))
    async with store.begin() as unit:
        ended = await Granting(unit, ADA).revoke_all_of("c1")
        again = await Granting(unit, ADA).revoke_all_of("c1")
        await unit.commit()
    assert {one.id for one in ended} == {token.id for _, token in mine}
    assert again == []
    assert [await granted(store, text) for text, _ in mine] == [None, None]
    for text, _ in (other, everywhere):
        assert await granted(store, text) is not None
    deeds = [one.deed for one in await store.views.audit()]
    assert deeds.count("token.revoked") == 2


async def test_a_reissued_token_reads_its_connection_and_the_old_ones_die_at_the_given_time() -> (
    None
):
    store = MemoryStore()
    first, _ = await make(store)
    second, old = await renew(store, DAY)
    third, new = await renew(store, HOUR)
    other, _ = await make(store, replace(WISH, connection="c2"))
    assert (new.role, new.scopes) == (Role.READER, ROLES[Role.READER])
    assert (new.name, new.connection, new.created_by) == ("acme", "c1", "link:acme")
    for text in (first, second):
        assert await granted(store, text, NOON + HOUR - timedelta(microseconds=1)) is not None
        assert await granted(store, text, NOON + HOUR) is None, "the sooner end of two"
    for text in (third, other):
        assert await granted(store, text, NOON + DAY) is not None
    kept = await store.views.token(old.id)
    assert kept is not None
    assert (kept.state(NOON), kept.replaced_by) == (TokenState.RETIRING, new.id)
    assert broken_link(await store.views.audit()) is None


async def test_a_reissue_does_not_prolong_what_ends_sooner() -> None:
    store = MemoryStore()
    first, _ = await make(store)
    await renew(store, HOUR)
    await renew(store, DAY)
    assert await granted(store, first, NOON + HOUR) is None


async def test_a_reissue_without_grace_ends_the_old_ones_at_once() -> None:
    store = MemoryStore()
    first, _ = await make(store)
    second, _ = await renew(store, timedelta(0))
    assert await granted(store, first) is None
    assert await granted(store, second) is not None

"""What every store promises of sealed credentials, secrets of the installation, and connect links."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from reconciler.errors import Conflict
from reconciler.model.change import Delete, Forget, Rename, Replace
from reconciler.model.credential import InstanceSecret, Sealed
from reconciler.model.link import Link
from reconciler.ports import Store
from reconciler.store.memory import MemoryStore
from tests.store.making import LATER, NOON, connection, declare, renamed

ACME = connection()
FIRST = Sealed("auth.password", "k1", b"\x00\xffsealed", "f1", NOON, "customer", LATER)
SECOND = Sealed("auth.username", "k1", b"other", "f2", NOON, "customer")
LINK = Link("lnk_1", "c1", b"1" * 32, "cli:ada", NOON, LATER)
KEY = InstanceSecret("fingerprint", "k1", b"sealed", NOON)


async def keep(store: Store, *many: Sealed, of: str = "c1") -> None:
    async with store.begin() as unit:
        await unit.credentials.put(of, many)
        await unit.commit()


async def link(store: Store, *many: Link) -> None:
    async with store.begin() as unit:
        for one in many:
            await unit.links.put(one)
        await unit.commit()


async def uid(store: Store) -> str:
    return (await store.views.state()).uids[ACME.key]


async def test_credentials_come_back_as_they_were_kept_by_field(store: Store) -> None:
    await keep(store, SECOND, FIRST)
    await keep(store, replace(FIRST, sealed=b"of another"), of="c2")
    assert await store.views.credentials("c1") == {one.field: one for one in (FIRST, SECOND)}
    assert list(await store.views.credentials("c1")) == ["auth.password", "auth.username"]
    assert await store.views.credentials("c3") == {}
    async with store.begin() as unit:
        assert await unit.credentials.of("c1") == await store.views.credentials("c1")


async def test_a_credential_takes_the_place_of_the_one_of_its_field(store: Store) -> None:
    await keep(store, FIRST, SECOND)
    anew = replace(FIRST, key_id="k2", sealed=b"anew", updated_at=LATER, expires_at=None)
    await keep(store, anew)
    assert (await store.views.credentials("c1"))[FIRST.field] == anew


@pytest.mark.parametrize(
    ("fields", "left", "gone"),
    [
        (["auth.password"], ["auth.username"], 1),
        (["auth.password", "none"], ["auth.username"], 1),
        ([], ["auth.password", "auth.username"], 0),
        (None, [], 2),
    ],
    ids=["one", "one and an unknown one", "none", "all"],
)
async def test_fields_of_one_connection_are_dropped(
    store: Store, fields: Sequence[str] | None, left: list[str], gone: int
) -> None:
    await keep(store, FIRST, SECOND)
    await keep(store, FIRST, of="c2")
    async with store.begin() as unit:
        assert await unit.credentials.drop("c1", fields) == gone
        await unit.commit()
    assert list(await store.views.credentials("c1")) == left
    assert list(await store.views.credentials("c2")) == ["auth.password"]


async def test_credentials_that_were_not_committed_are_not_there(store: Store) -> None:
    async with store.begin() as unit:
        await unit.credentials.put("c1", [FIRST])
        await unit.secrets.put(KEY)
        await unit.links.put(LINK)
    assert await store.views.credentials("c1") == {}
    assert await store.views.secret("fingerprint") is None
    assert await store.views.links("c1") == ()


async def test_what_is_sealed_under_another_key_is_found_some_at_a_time(store: Store) -> None:
    await keep(store, FIRST, replace(SECOND, key_id="k2"))
    await keep(store, SECOND, of="c2")
    async with store.begin() as unit:
        assert await unit.credentials.others("k2", limit=1) == (("c1", FIRST),)
        assert await unit.credentials.others("k2", limit=9) == (("c1", FIRST), ("c2", SECOND))
        assert await unit.credentials.others("k1", limit=9) == (
            ("c1", replace(SECOND, key_id="k2")),
        )


async def test_rows_are_counted_by_the_key_that_sealed_them(store: Store) -> None:
    assert dict(await store.views.sealed_under()) == {}
    await keep(store, FIRST, replace(SECOND, key_id="k2"))
    async with store.begin() as unit:
        await unit.secrets.put(KEY)
        await unit.commit()
    assert dict(await store.views.sealed_under()) == {"k1": 2, "k2": 1}


async def test_a_secret_of_the_installation_is_made_once(store: Store) -> None:
    other = replace(KEY, sealed=b"another")
    async with store.begin() as unit:
        assert await unit.secrets.add(KEY)
        assert not await unit.secrets.add(other)
        await unit.commit()
    assert await store.views.secret("fingerprint") == KEY
    async with store.begin() as unit:
        assert await unit.secrets.others("k1", limit=9) == ()
        assert await unit.secrets.others("k2", limit=9) == (KEY,)
        await unit.secrets.put(other)
        await unit.commit()
    assert await store.views.secret("fingerprint") == other


async def test_of_two_who_make_it_at_once_one_does(store: Store) -> None:
    async def add(secret: InstanceSecret) -> bool:
        async with store.begin() as unit:
            kept = await unit.secrets.add(secret)
            await unit.commit()
        return kept

    many = [replace(KEY, sealed=str(number).encode()) for number in range(4)]
    kept = await asyncio.gather(*(add(one) for one in many))
    assert sum(kept) == 1
    assert await store.views.secret("fingerprint") == many[kept.index(True)]


async def test_a_link_is_found_by_its_digest_and_listed_the_newest_first(store: Store) -> None:
    newer = Link(
        "lnk_2", "c1", b"2" * 32, "api:desk", LATER, LATER, "https://app.example/back", "s1", 3
    )
    await link(store, LINK, newer, Link("lnk_3", "c2", b"3" * 32, "cli:ada", NOON, LATER))
    assert await store.views.links("c1") == (newer, LINK)
    async with store.begin() as unit:
        assert await unit.links.by_digest(b"2" * 32) == newer
        assert await unit.links.by_digest(b"9" * 32) is None


async def test_a_link_is_kept_as_it_is_now(store: Store) -> None:
    await link(store, LINK)
    used = replace(LINK, tries=1, used_at=LATER, revoked_at=LATER)
    await link(store, used)
    assert await store.views.links("c1") == (used,)


async def test_two_links_cannot_have_one_text(store: Store) -> None:
    await link(store, LINK)
    with pytest.raises(Conflict):
        await link(store, replace(LINK, id="lnk_2"))


async def test_of_many_who_use_a_link_at_once_one_finds_it_unused(store: Store) -> None:
    await link(store, LINK)

    async def use() -> bool:
        async with store.begin() as unit:
            found = await unit.links.by_digest(LINK.digest)
            if found is None or found.used_at is not None:
                return False
            await unit.links.put(replace(found, used_at=LATER))
            await unit.commit()
        return True

    assert sorted(await asyncio.gather(*(use() for _ in range(4)))) == [False, False, False, True]


async def owned(store: Store) -> str:
    """Let the connection have a credential and a link; return its uid."""
    await declare(store, ACME)
    of = await uid(store)
    await keep(store, FIRST, of=of)
    await link(store, replace(LINK, connection=of))
    await keep(store, FIRST, of="c2")
    return of


@pytest.mark.parametrize(
    ("change", "stays"),
    [
        (Delete(ACME), False),
        (Replace(ACME, connection(connector="other"), (), (("spec", "connector"),)), False),
        (Rename(ACME, renamed(ACME, "acme-new"), ()), True),
        (Forget(ACME), True),
    ],
    ids=["deleted", "replaced", "renamed", "forgotten"],
)
async def test_what_becomes_of_what_a_connection_was_given(
    store: Store, change: Delete | Replace | Rename | Forget, *, stays: bool
) -> None:
    of = await owned(store)
    async with store.begin() as unit:
        await unit.objects.advance_generation(1, revision="r2", at=LATER)
        await unit.objects.put(change, actor="ada", at=LATER)
        await unit.commit()
    assert bool(await store.views.credentials(of)) is stays
    assert bool(await store.views.links(of)) is stays
    assert await store.views.credentials("c2")


async def test_a_deleted_connection_that_keeps_its_records_keeps_no_credentials(
    store: Store,
) -> None:
    kept = connection(policy="retain")
    await declare(store, kept)
    of = await uid(store)
    await keep(store, FIRST, of=of)
    async with store.begin() as unit:
        await unit.objects.put(Delete(kept), actor="ada", at=LATER)
        await unit.commit()
    assert await store.views.credentials(of) == {}


async def test_what_was_read_does_not_change_any_more() -> None:
    store = MemoryStore()
    await keep(store, FIRST)
    seen = await store.views.credentials("c1")
    await keep(store, replace(FIRST, sealed=b"anew"))
    assert seen == {FIRST.field: FIRST}

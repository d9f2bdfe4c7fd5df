"""What every store keeps and lets go of when a connection ends."""

from reconciler.model.change import Delete, Forget, Replace
from reconciler.model.credential import Sealed
from reconciler.model.sync import Cursor, RunStatus, SyncMode, SyncRun, Trigger
from reconciler.ports import Store
from tests.contracts.test_store import apply, owned, uid_of
from tests.store.making import NOON, ORDERS, connection, declare

ACME = connection()


def run(name: str, uid: str) -> SyncRun:
    return SyncRun(
        name, uid, ORDERS, SyncMode.FULL, Trigger.PERSON, RunStatus.SUCCEEDED, started_at=NOON
    )


async def test_runs_and_cursors_of_one_connection_can_be_erased(store: Store) -> None:
    async with store.begin() as unit:
        for name, uid in (("r1", "c1"), ("r2", "c1"), ("r3", "c2")):
            await unit.runs.put(run(name, uid))
        await unit.runs.move(Cursor("c1", ORDERS, "b"), before=None)
        await unit.runs.move(Cursor("c2", ORDERS, "b"), before=None)
        await unit.commit()
    async with store.begin() as unit:
        assert await unit.runs.erase("c1") == 2
        await unit.commit()
    assert [one.id for one in await store.views.runs()] == ["r3"]
    assert [one.connection for one in await store.views.cursors()] == ["c2"]


async def test_the_last_identity_of_a_name_outlives_what_let_go_of_it(store: Store) -> None:
    await declare(store, ACME)
    uid = await uid_of(store, ACME)
    async with store.begin() as unit:
        assert await unit.objects.last_uid(ACME.key) == uid
    await apply(store, Forget(ACME), base=1)
    async with store.begin() as unit:
        assert await unit.objects.uid(ACME.key) is None
        assert await unit.objects.last_uid(ACME.key) == uid


async def test_a_name_whose_data_are_gone_has_no_identity(store: Store) -> None:
    await declare(store, ACME)
    await apply(store, Delete(ACME), base=1)
    async with store.begin() as unit:
        assert await unit.objects.last_uid(ACME.key) is None


async def test_made_anew_on_the_same_system_a_connection_keeps_its_tokens_and_credentials(
    store: Store,
) -> None:
    uid = await owned(store, ACME)
    async with store.begin() as unit:
        await unit.credentials.put(uid, [Sealed("auth.password", "k1", b"x", "f", NOON, "link:1")])
        await unit.commit()
    await apply(store, Replace(ACME, connection(history="10d"), (), ()), base=1)
    assert list(await store.views.credentials(uid)) == ["auth.password"]
    assert all(one.revoked_at is None for one in await store.views.tokens())
    assert await store.views.cursors() == ()
    other = Replace(connection(history="10d"), connection(connector="sap"), (), ())
    await apply(store, other, base=2)
    assert await store.views.credentials(uid) == {}
    assert [one.id for one in await store.views.tokens() if one.revoked_at is None] == ["tok-2"]

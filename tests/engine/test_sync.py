"""A sync keeps what changed, once, whole pages at a time, wherever it is stopped."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from reconciler.engine.reader import RecordReader
from reconciler.engine.syncs import SyncReport
from reconciler.errors import Invalid, NotFound, ServerFault, Unauthorized, Unreachable
from reconciler.model.connection import ConnectionStatus
from reconciler.model.record import RecordQuery
from reconciler.model.sync import RunStatus, SyncMode, SyncRun
from reconciler.ports import SyncRequest
from tests.plant import CONNECTOR, Plant, connection

ASK = SyncRequest("acme")
FULL = SyncRequest("acme", mode=SyncMode.FULL)


async def run(plant: Plant, request: SyncRequest = ASK) -> SyncRun:
    report = await plant.syncs.run(request)
    assert report.error is None
    return report.runs[-1]


async def numbers(plant: Plant) -> dict[str, str | None]:
    reader = RecordReader(plant.store.views, plant.in_force)
    page, _ = await reader.page(RecordQuery("purchase-orders", limit=500))
    return {
        record.source_id: msgspec.json.decode(record.mapped)["status"]
        for record in page
        if record.mapped is not None
    }


async def test_the_first_sync_reads_the_history_window_and_nothing_older(plant: Plant) -> None:
    for key in "abcde":
        plant.order(key)
    plant.order("old", age=timedelta(days=91))
    done = await run(plant)
    assert (done.mode, done.created, done.read, done.pages) == (SyncMode.FULL, 5, 5, 3)
    assert set(await numbers(plant)) == set("abcde")


async def test_the_next_sync_writes_exactly_what_changed(plant: Plant) -> None:
    for key in "abcdef":
        plant.order(key)
    await run(plant)
    await plant.clock.turn(timedelta(hours=1))
    plant.order("b", age=timedelta(minutes=1), state="done")
    plant.order("new", age=timedelta(minutes=1))
    done = await run(plant)
    assert (done.mode, done.created, done.updated) == (SyncMode.INCREMENTAL, 1, 1)
    assert (await numbers(plant))["b"] == "closed"


async def test_a_sync_of_an_unchanged_source_writes_nothing(plant: Plant) -> None:
    plant.order("a")
    await run(plant)
    done = await run(plant, FULL)
    assert (done.created, done.updated, done.unchanged) == (0, 0, 1)


@pytest.mark.parametrize("broken_at", range(4))
@pytest.mark.parametrize("resumable", [True, False])
async def test_a_stopped_sync_loses_no_record_and_repeats_none(
    plant: Plant, broken_at: int, *, resumable: bool
) -> None:
    plant.system.resumable = resumable
    for key in "abcdefg":
        plant.order(key)
    plant.system.fail[broken_at] = ServerFault("plant: 500")
    first = await plant.syncs.run(ASK)
    assert first.runs[0].status is RunStatus.FAILED
    assert isinstance(first.error, ServerFault)
    second = await run(plant)
    assert first.runs[0].created + second.created == 7
    assert set(await numbers(plant)) == set("abcdefg")
    if resumable:
        assert first.runs[0].read + second.read == 7


async def test_a_cancelled_sync_is_told_as_cancelled_and_goes_on_later(plant: Plant) -> None:
    for key in "abcdefg":
        plant.order(key)
    seen: list[SyncRun] = []

    def stop(progress: SyncRun) -> None:
        seen.append(progress)
        if progress.pages == 2:
            task.cancel()

    task: asyncio.Task[SyncReport] = asyncio.ensure_future(plant.syncs.run(ASK, stop))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen[-1].status is RunStatus.CANCELLED
    await run(plant)
    assert set(await numbers(plant)) == set("abcdefg")


async def test_a_record_without_its_key_fails_the_run_and_keeps_the_cursor(plant: Plant) -> None:
    plant.order("a")
    plant.system.keyless = [{"no": "PO-?"}]
    report = await plant.syncs.run(ASK)
    assert "record 1 has no 'id'" in str(report.error)
    (cursor,) = await plant.store.views.cursors()
    assert cursor.position is None
    assert set(await numbers(plant)) == {"a"}


async def test_records_that_cannot_be_mapped_are_kept_raw_and_counted(plant: Plant) -> None:
    for key in "abcd":
        plant.order(key)
    plant.order("x", total="ten")
    report = await plant.syncs.run(ASK)
    assert report.runs[0].invalid == 1
    assert "1 of 5 records could not be mapped" in str(report.error)
    stored = await plant.store.views.records(RecordQuery("purchase-orders"))
    broken = [record for record in stored if record.error]
    assert [record.source_id for record in broken] == ["x"]
    assert b"ten" in broken[0].raw


async def test_a_full_sync_buries_what_the_source_does_not_have_any_more(plant: Plant) -> None:
    for key in "abcdefghijkl":
        plant.order(key)
    await run(plant)
    del plant.system.records["purchase-orders"]["c"]
    done = await run(plant, FULL)
    assert done.deleted == 1
    assert "c" not in await numbers(plant)
    with_dead = await plant.store.views.records(RecordQuery("purchase-orders", deleted=True))
    assert [r.source_id for r in with_dead if r.deleted_at is not None] == ["c"]


async def test_more_deletions_than_the_brake_allows_are_held_and_told(plant: Plant) -> None:
    for key in "abcdefghijkl":
        plant.order(key)
    await run(plant)
    plant.system.records["purchase-orders"].clear()
    report = await plant.syncs.run(FULL)
    assert "12 of 12 records are gone" in str(report.error)
    assert len(await numbers(plant)) == 12
    events = await plant.store.views.events(limit=10)
    assert "deletes.held" in [str(event.type) for event in events]


async def test_a_record_older_than_the_window_is_not_buried_by_a_full_sync(plant: Plant) -> None:
    for key in "abcdefghijkl":
        plant.order(key, age=timedelta(days=80))
    await run(plant)
    await plant.clock.turn(timedelta(days=30))
    done = await run(plant, FULL)
    assert (done.read, done.deleted) == (0, 0)


async def test_two_refused_logins_ask_for_new_credentials_and_a_good_one_heals(
    plant: Plant,
) -> None:
    (uid,) = (await plant.store.views.state()).uids.values()
    for expected in (ConnectionStatus.DEGRADED, ConnectionStatus.NEEDS_REAUTH):
        plant.system.fail[len(plant.system.reads)] = Unauthorized("plant refused our credentials")
        report = await plant.syncs.run(ASK)
        assert isinstance(report.error, Unauthorized)
        assert (await plant.store.views.connection_states())[uid].status is expected
    await run(plant)
    assert (await plant.store.views.connection_states())[uid].status is ConnectionStatus.ONLINE


async def test_a_source_that_is_down_is_offline_and_the_old_records_stay(plant: Plant) -> None:
    plant.order("a")
    await run(plant)
    plant.system.fail[len(plant.system.reads)] = Unreachable("plant: connection refused")
    report = await plant.syncs.run(ASK)
    assert isinstance(report.error, Unreachable)
    states = await plant.store.views.connection_states()
    assert [state.status for state in states.values()] == [ConnectionStatus.OFFLINE]
    assert set(await numbers(plant)) == {"a"}


async def test_the_other_entities_are_not_tried_after_a_refused_login(plant: Plant) -> None:
    await plant.declare(connection(entities=["purchase-orders", "vendors"]))
    plant.system.fail[0] = Unauthorized("no")
    report = await plant.syncs.run(ASK)
    assert [run.entity for run in report.runs] == ["purchase-orders"]


async def test_a_fault_of_one_entity_is_told_by_its_own_code_though_the_next_goes_well(
    plant: Plant,
) -> None:
    await plant.declare(connection(entities=["purchase-orders", "vendors"]))
    plant.system.fail[0] = ServerFault("plant: 500")
    report = await plant.syncs.run(ASK)
    assert [run.status for run in report.runs] == [RunStatus.FAILED, RunStatus.SUCCEEDED]
    assert isinstance(report.error, ServerFault)


async def test_changed_settings_make_the_cursor_void(plant: Plant) -> None:
    plant.order("a")
    await run(plant)
    await plant.declare(connection(config={"database": "other"}))
    assert (await run(plant)).mode is SyncMode.FULL


async def test_the_connector_is_closed_whatever_happens(plant: Plant) -> None:
    plant.system.fail[0] = ServerFault("no")
    await plant.syncs.run(ASK)
    await run(plant)
    assert plant.system.closed == 2


async def test_an_unknown_connection_is_answered_with_the_nearest(plant: Plant) -> None:
    with pytest.raises(NotFound, match="acmee") as found:
        await plant.syncs.run(SyncRequest("acmee"))
    assert found.value.hint == "did you mean 'acme'?"


async def test_an_entity_that_the_connection_does_not_sync_is_refused(plant: Plant) -> None:
    with pytest.raises(Invalid, match="does not sync assets"):
        await plant.syncs.run(SyncRequest("acme", ("assets",)))


async def test_every_run_ends_with_an_event_in_the_transaction_that_ended_it(plant: Plant) -> None:
    plant.order("a")
    done = await run(plant)
    events = [event for event in await plant.store.views.events() if event.trace == done.id]
    assert [str(event.type) for event in reversed(events)] == [
        "sync.started",
        "sync.completed",
        "records.changed",
    ]


async def test_an_unordered_stream_never_starts_later_than_the_sources_clock_was(
    plant: Plant,
) -> None:
    plant.system.ordered = False
    plant.order("a", age=timedelta(hours=-3))  # stamped by a clock that is ahead
    await run(plant)
    (cursor,) = await plant.store.views.cursors()
    assert cursor.position == "2026-11-24T12:00:00.000000Z"


def test_the_fixture_declares_what_it_says() -> None:
    assert set(CONNECTOR.spec["streams"]) == {"purchase-orders", "vendors"}

"""Connections, and how their syncs stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

from fastapi import Query, Request
from starlette.responses import Response

from reconciler.model.connection import ConnectionState, StatusChange
from reconciler.model.resource import Resource
from reconciler.model.sync import Cursor, RunStatus, SyncMode, SyncRun
from reconciler.web.cursors import seal, unseal
from reconciler.web.needs import Services, Situation
from reconciler.web.problems import Code, refuse
from reconciler.web.security import granted_to
from reconciler.web.v1.answers import tell
from reconciler.web.v1.schemas import (
    ChecksTold,
    ConnectionHealth,
    Connections,
    ConnectionTold,
    EntityStatus,
    PageQuery,
    RunTold,
    StatusChanged,
    StatusWord,
    SyncStatus,
)
from reconciler.web.v1.visible import entities_of, seen_uids, sees, visible_connection

A_DAY: Final = timedelta(days=1)
LOOK_BACK: Final = 20
"""Among how many of the newest runs of an entity the last sync is looked for."""


@dataclass(frozen=True)
class ConnectionRoutes:
    """The operations that read connections."""

    services: Services

    async def many(self, request: Request, query: Annotated[PageQuery, Query()]) -> Response:
        """Answer with a page of the connections that the token sees, by name."""
        grant = granted_to(request)
        situation = await self.services.in_force.look()
        after = "" if query.cursor is None else unseal(query.cursor, "connections", tuple[str])[0]
        uids = seen_uids(situation, grant)
        seen = [
            connection
            for connection in situation.connections()
            if connection.key.name > after and (uids is None or situation.uid(connection) in uids)
        ]
        shown, more = seen[: query.limit], len(seen) > query.limit
        facts = await self._facts()
        return tell(
            Connections(
                data=[_connection(situation, one, facts) for one in shown],
                next_cursor=seal([shown[-1].key.name], "connections") if more else None,
            )
        )

    async def one(self, request: Request, name: str) -> Response:
        """Answer with one connection."""
        found = await visible_connection(self.services.in_force, granted_to(request), name)
        situation, connection = found
        return tell(_connection(situation, connection, await self._facts()))

    async def sync_status(self, request: Request, name: str) -> Response:
        """Answer with how the syncs of one connection stand, entity by entity."""
        found = await visible_connection(self.services.in_force, granted_to(request), name)
        situation, connection = found
        uid = situation.uid(connection)
        facts = await self._facts()
        cursors = {cursor.entity: cursor for cursor in await self.services.store.views.cursors(uid)}
        state = facts.states.get(uid)
        entities = [
            await self._entity(_Subject(name, uid, entity), cursors.get(entity), facts)
            for entity in entities_of(situation, connection)
        ]
        return tell(
            SyncStatus(
                connection=name,
                status=_status(state),
                reason=_reason(state),
                message=_message(state),
                entities=entities,
            )
        )

    async def health(self, request: Request, name: str) -> Response:
        """Answer with how one connection is and was."""
        found = await visible_connection(self.services.in_force, granted_to(request), name)
        situation, connection = found
        uid = situation.uid(connection)
        views = self.services.store.views
        state = await views.connection_state(uid)
        hours = await views.checks(self.services.clock.now() - A_DAY, uid)
        asked, failed = sum(one.asked for one in hours), sum(one.failed for one in hours)
        return tell(
            ConnectionHealth(
                connection=name,
                status=_status(state),
                since=state.since if state else None,
                reason=_reason(state),
                message=_message(state),
                last_good_at=state.good_at if state else None,
                last_checked_at=max((one.last_at for one in hours), default=None),
                error_rate=round(failed / asked, 4) if asked else None,
                credentials_expire_at=state.expires_at if state else None,
                checks=[
                    ChecksTold(hour=one.hour, asked=one.asked, failed=one.failed) for one in hours
                ],
                history=[_changed(one) for one in await views.status_changes(uid)],
            )
        )

    async def run(self, request: Request, run_id: str) -> Response:
        """Answer with one run of one entity."""
        run = await self.services.store.views.run(run_id)
        situation = await self.services.in_force.look()
        if run is None or not sees(situation, granted_to(request), run.connection):
            raise refuse(Code.NOT_FOUND, f"there is no run with the id {run_id[:64]!r}")
        return tell(run_told(run, situation.name_of(run.connection)))

    async def _facts(self) -> "_Facts":
        views = self.services.store.views
        states, counts = await views.connection_states(), await views.counts()
        return _Facts(states, counts, await views.failures())

    async def _entity(
        self, subject: "_Subject", cursor: Cursor | None, facts: "_Facts"
    ) -> EntityStatus:
        last = await self._last_sync(subject)
        moved = cursor.advanced_at if cursor else None
        return EntityStatus(
            entity=subject.entity,
            state=_STATES[last.status] if last else "never",
            error=(last.error or None) if last else None,
            last_run_id=last.id if last else None,
            last_success_at=moved,
            cursor_age_seconds=self._age(moved),
            next_run_at=await self._next_run(subject),
            records=facts.counts.get((subject.uid, subject.entity), 0),
            last_run=run_told(last, subject.name) if last else None,
        )

    async def _last_sync(self, subject: "_Subject") -> SyncRun | None:
        """Return the newest run that spoke to the source: a new mapping over old records is none."""
        runs = await self.services.store.views.runs(
            subject.uid, entity=subject.entity, limit=LOOK_BACK
        )
        return next((run for run in runs if run.mode is not SyncMode.REMAP), None)

    def _age(self, moved: datetime | None) -> int | None:
        if moved is None:
            return None
        return max(0, int((self.services.clock.now() - moved).total_seconds()))

    async def _next_run(self, subject: "_Subject") -> datetime | None:
        schedule = self.services.schedule
        return None if schedule is None else await schedule.next_run(subject.name, subject.entity)


@dataclass(frozen=True, slots=True)
class _Subject:
    """One entity of one connection."""

    name: str
    uid: str
    entity: str


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is known of all connections."""

    states: Mapping[str, ConnectionState]
    counts: Mapping[tuple[str, str], int]
    failures: Mapping[tuple[str, str], int]


_STATES: Final[Mapping[RunStatus, Literal["in_progress", "completed", "failed"]]] = {
    RunStatus.QUEUED: "in_progress",
    RunStatus.RUNNING: "in_progress",
    RunStatus.SUCCEEDED: "completed",
    RunStatus.FAILED: "failed",
    RunStatus.CANCELLED: "failed",
}


def run_told(run: SyncRun, connection: str) -> RunTold:
    """Return *run* of the connection of this name as the API tells it."""
    told = {field: getattr(run, field) for field in RunTold.model_fields}
    return RunTold.model_validate({**told, "connection": connection, "error": run.error or None})


def _connection(situation: Situation, connection: Resource, facts: _Facts) -> ConnectionTold:
    uid = situation.uid(connection)
    body = connection.body
    entities = entities_of(situation, connection)
    state = facts.states.get(uid)
    return ConnectionTold(
        name=connection.key.name,
        connector=body["spec"]["connector"],
        labels=dict(body["metadata"]["labels"]),
        entities=list(entities),
        status=_status(state),
        since=state.since if state else None,
        reason=_reason(state),
        message=_message(state),
        last_good_at=state.good_at if state else None,
        credentials_expire_at=state.expires_at if state else None,
        records=_records(uid, entities, facts),
        failed={one: facts.failures[uid, one] for one in entities if (uid, one) in facts.failures},
    )


def _records(uid: str, entities: Sequence[str], facts: _Facts) -> dict[str, int]:
    return {entity: facts.counts.get((uid, entity), 0) for entity in entities}


def _status(state: ConnectionState | None) -> StatusWord:
    """Return the status; a connection that nobody has looked at yet is pending."""
    word: StatusWord = state.status.value if state else "pending"
    return word


def _reason(state: ConnectionState | None) -> str | None:
    return state.reason.value if state else None


def _message(state: ConnectionState | None) -> str | None:
    return (state.message or None) if state else None


def _changed(change: StatusChange) -> StatusChanged:
    return StatusChanged(
        at=change.at,
        before=change.before.value,
        after=change.after.value,
        reason=change.reason.value,
        message=change.message or None,
    )

"""Connections, and how their syncs stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, cast

from fastapi import Query, Request
from starlette.responses import Response

from reconciler.model.connection import ConnectionState
from reconciler.model.resource import Resource
from reconciler.model.sync import Cursor, RunStatus, SyncRun
from reconciler.web.cursors import seal, unseal
from reconciler.web.needs import Services, Situation
from reconciler.web.security import granted_to
from reconciler.web.v1.answers import tell
from reconciler.web.v1.schemas import (
    Connections,
    ConnectionTold,
    Counts,
    EntityStatus,
    PageQuery,
    RunTold,
    SyncStatus,
)
from reconciler.web.v1.visible import entities_of, sees, visible_connection

LOOK_BACK = 50
"""Among how many of the newest runs of an entity the last success is looked for."""


@dataclass(frozen=True)
class ConnectionRoutes:
    """The operations that read connections."""

    services: Services

    async def many(self, request: Request, query: Annotated[PageQuery, Query()]) -> Response:
        """Answer with a page of the connections that the token sees, by name."""
        grant = granted_to(request)
        situation = await self.services.in_force.look()
        after = "" if query.cursor is None else unseal(query.cursor, "connections", tuple[str])[0]
        seen = [
            connection
            for connection in situation.connections()
            if connection.key.name > after and sees(grant, situation.uid(connection))
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
        views = self.services.store.views
        facts = await self._facts()
        cursors = {cursor.entity: cursor for cursor in await views.cursors(uid)}
        entities = [
            await self._entity(_Subject(name, uid, entity), cursors.get(entity), facts)
            for entity in entities_of(situation, connection)
        ]
        state = facts.states.get(uid)
        return tell(
            SyncStatus(
                connection_id=name,
                status=_status(state),
                status_reason=state.reason or None if state else None,
                entities=entities,
            )
        )

    async def _facts(self) -> "_Facts":
        views = self.services.store.views
        return _Facts(await views.connection_states(), await views.counts())

    async def _entity(
        self, subject: "_Subject", cursor: Cursor | None, facts: "_Facts"
    ) -> EntityStatus:
        views = self.services.store.views
        runs = await views.runs(subject.uid, entity=subject.entity, limit=LOOK_BACK)
        success = next((run for run in runs if run.status is RunStatus.SUCCEEDED), None)
        moved = cursor.advanced_at if cursor else None
        return EntityStatus(
            entity=subject.entity,
            state=cast("Any", runs[0].status.value if runs else "never"),
            last_success_at=success.finished_at if success else None,
            last_success_started_at=success.started_at if success else None,
            next_run_at=await self._next_run(subject),
            cursor_advanced_at=moved,
            cursor_age_seconds=self._age(moved),
            records=facts.counts.get((subject.uid, subject.entity), 0),
            last_run=run_told(runs[0]) if runs else None,
        )

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


def run_told(run: SyncRun) -> RunTold:
    """Return *run* as the API tells it."""
    return RunTold(
        id=run.id,
        entity=run.entity,
        mode=cast("Any", run.mode.value),
        trigger=cast("Any", run.trigger.value),
        status=cast("Any", run.status.value),
        started_at=run.started_at,
        finished_at=run.finished_at,
        pages=run.pages,
        counts=Counts(
            read=run.read,
            created=run.created,
            updated=run.updated,
            unchanged=run.unchanged,
            deleted=run.deleted,
            invalid=run.invalid,
        ),
        error=run.error or None,
    )


def _connection(situation: Situation, connection: Resource, facts: _Facts) -> ConnectionTold:
    uid = situation.uid(connection)
    body = connection.body
    entities = entities_of(situation, connection)
    state = facts.states.get(uid)
    return ConnectionTold(
        id=connection.key.name,
        connector=body["spec"]["connector"],
        labels=dict(body["metadata"]["labels"]),
        entities=list(entities),
        status=cast("Any", _status(state)),
        status_since=state.since if state else None,
        status_reason=state.reason or None if state else None,
        records=_records(uid, entities, facts),
    )


def _records(uid: str, entities: Sequence[str], facts: _Facts) -> dict[str, int]:
    return {entity: facts.counts.get((uid, entity), 0) for entity in entities}


def _status(state: ConnectionState | None) -> str:
    """Return the status; a connection that nobody has looked at yet is pending."""
    return "pending" if state is None else state.status.value

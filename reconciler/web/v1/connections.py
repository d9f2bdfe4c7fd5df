"""Connections, how their syncs stand, syncs on demand, and what a token may do."""

import re
from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Request

from reconciler.engine.inforce import Situation
from reconciler.model.access import Grant, Scope
from reconciler.model.connection import ConnectionState
from reconciler.model.resource import Kind, Resource, ResourceKey
from reconciler.model.sync import RunStatus, SyncMode, SyncRun, Trigger
from reconciler.ports import SyncRequest
from reconciler.web.needs import Services
from reconciler.web.problems import Code, refuse
from reconciler.web.security import Gatekeeper, Guard, granted_to, token_of
from reconciler.web.v1.prefix import PREFIX
from reconciler.web.v1.schemas import (
    ConnectionList,
    ConnectionShape,
    EntityStatus,
    Me,
    RunShape,
    SyncAsk,
    SyncShape,
    SyncStatus,
    VersionList,
    VersionShape,
)
from reconciler.web.versions import VERSIONS, listed

_STATES: Final = {
    RunStatus.QUEUED: "in_progress",
    RunStatus.RUNNING: "in_progress",
    RunStatus.SUCCEEDED: "completed",
    RunStatus.FAILED: "failed",
    RunStatus.CANCELLED: "failed",
}
_KEY: Final = re.compile(r"[\x21-\x7e]{1,128}")


def connection_routes(services: Services, keeper: Gatekeeper) -> APIRouter:
    """Return the routes that read the control plane."""
    router = APIRouter(
        prefix=PREFIX,
        tags=["connections"],
        dependencies=[Depends(Guard(keeper, Scope.READ_STATUS))],
    )

    @router.get("/connections", operation_id="list_connections")
    async def list_connections(request: Request) -> ConnectionList:
        """List the connections that the token may see."""
        situation = await services.in_force.look()
        states = await services.store.views.connection_states()
        granted = granted_to(request)
        seen = [one for one in situation.connections() if _may_see(granted, situation, one)]
        return ConnectionList(
            data=[_shape(situation, one, states.get(situation.uid(one))) for one in seen]
        )

    @router.get("/connections/{name}", operation_id="get_connection")
    async def get_connection(request: Request, name: str) -> ConnectionShape:
        """Get one connection and how it is."""
        situation = await services.in_force.look()
        connection = _seen(situation, granted_to(request), name)
        states = await services.store.views.connection_states()
        return _shape(situation, connection, states.get(situation.uid(connection)))

    @router.get("/connections/{name}/sync-status", operation_id="get_sync_status")
    async def get_sync_status(request: Request, name: str) -> SyncStatus:
        """Tell how the syncs of a connection stand: last success, state, error, next run."""
        situation = await services.in_force.look()
        connection = _seen(situation, granted_to(request), name)
        return await _sync_status(services, situation, connection)

    @router.get("/runs/{run_id}", operation_id="get_run")
    async def get_run(request: Request, run_id: str) -> RunShape:
        """Get one run of one entity."""
        run = await services.store.views.run(run_id)
        granted = granted_to(request)
        if run is None or granted.connection not in {None, run.connection}:
            raise refuse(Code.NOT_FOUND, f"there is no run {run_id[:64]!r}")
        return _run(await services.in_force.look(), run)

    return router


def sync_routes(services: Services, keeper: Gatekeeper) -> APIRouter:
    """Return the routes that start syncs and follow them."""
    router = APIRouter(
        prefix=PREFIX, tags=["syncs"], dependencies=[Depends(Guard(keeper, Scope.RUN_SYNC))]
    )

    @router.post("/connections/{name}/syncs", operation_id="create_sync", status_code=202)
    async def create_sync(
        request: Request,
        name: str,
        ask: SyncAsk,
        idempotency_key: Annotated[str | None, Header()] = None,
    ) -> SyncShape:
        """Ask for a sync now. The same `Idempotency-Key` is the same sync."""
        situation = await services.in_force.look()
        connection = _seen(situation, granted_to(request), name)
        offered = situation.entities(connection)
        unknown = [entity for entity in ask.entities if entity not in offered]
        if unknown:
            detail = f"{name} does not sync {', '.join(unknown)[:200]}"
            raise refuse(Code.INVALID_CONTENT, detail, hint=f"it syncs {', '.join(offered)}")
        if idempotency_key is not None and not _KEY.fullmatch(idempotency_key):
            raise refuse(Code.INVALID_REQUEST, "Idempotency-Key is 1 to 128 visible characters")
        key = f"manual:{name}:{idempotency_key}" if idempotency_key else ""
        asked = SyncRequest(name, tuple(ask.entities), SyncMode(ask.mode), Trigger.PERSON, key)
        return await _job(services, await services.syncs.request(asked))

    @router.get("/syncs/{sync_id}", operation_id="get_sync")
    async def get_sync(request: Request, sync_id: str) -> SyncShape:
        """Tell how a sync that was asked for stands."""
        shape = await _job(services, sync_id)
        _seen(await services.in_force.look(), granted_to(request), shape.connection)
        return shape

    return router


def own_routes(services: Services, keeper: Gatekeeper) -> APIRouter:
    """Return the routes that any valid token may ask."""
    router = APIRouter(prefix=PREFIX, tags=["api"], dependencies=[Depends(Guard(keeper, None))])

    @router.get("/me", operation_id="get_me")
    async def get_me(request: Request) -> Me:
        """Tell what the presented token may do."""
        kept = token_of(request)
        situation = await services.in_force.look()
        return Me(
            token=kept.id,
            name=kept.name,
            scopes=sorted(kept.scopes),
            connection=situation.name_of(kept.connection) if kept.connection else None,
            api_version=kept.api_version,
            expires_at=kept.expires_at,
        )

    @router.get("/versions", operation_id="list_versions")
    async def list_versions() -> VersionList:
        """List the dated versions of the API."""
        return VersionList(data=[VersionShape(**one) for one in listed(VERSIONS)])

    return router


def _may_see(granted: Grant, situation: Situation, connection: Resource) -> bool:
    return granted.connection in {None, situation.uid(connection)}


def _seen(situation: Situation, granted: Grant, name: str) -> Resource:
    """Return the connection, or refuse: a foreign one answers as one that is not there."""
    found = situation.state.resources.get(ResourceKey(Kind.CONNECTION, name))
    if found is None or not _may_see(granted, situation, found):
        raise refuse(Code.NOT_FOUND, f"there is no connection {name[:64]!r}")
    return found


def _shape(
    situation: Situation, connection: Resource, state: ConnectionState | None
) -> ConnectionShape:
    return ConnectionShape(
        name=connection.key.name,
        connector=connection.spec["connector"],
        labels=dict(connection.labels),
        status=str(state.status) if state else "pending",
        since=state.since if state else None,
        reason=(state.reason or None) if state else None,
        entities=list(situation.entities(connection)),
    )


async def _sync_status(
    services: Services, situation: Situation, connection: Resource
) -> SyncStatus:
    views, uid, name = services.store.views, situation.uid(connection), connection.key.name
    state = (await views.connection_states()).get(uid)
    counts = await views.counts()
    cursors = {cursor.entity: cursor for cursor in await views.cursors(uid)}
    told = []
    for entity in situation.entities(connection):
        runs = [
            run
            for run in await views.runs(uid, entity=entity, limit=5)
            if run.mode is not SyncMode.REMAP
        ]
        cursor = cursors.get(entity)
        due = await services.schedule.next_run(name, entity) if services.schedule else None
        told.append(
            EntityStatus(
                entity=entity,
                state=_state(runs),
                last_success_at=cursor.advanced_at if cursor else None,
                last_run_id=runs[0].id if runs else None,
                error=(runs[0].error or None) if runs else None,
                records=counts.get((uid, entity), 0),
                next_run_at=due,
            )
        )
    return SyncStatus(
        connection=name, status=str(state.status) if state else "pending", entities=told
    )


def _state(runs: Sequence[SyncRun]) -> str:
    return _STATES[runs[0].status] if runs else "never"


def _run(situation: Situation, run: SyncRun) -> RunShape:
    return RunShape(
        id=run.id,
        connection=situation.name_of(run.connection),
        entity=run.entity,
        mode=str(run.mode),
        trigger=str(run.trigger),
        status=str(run.status),
        started_at=run.started_at,
        finished_at=run.finished_at,
        read=run.read,
        created=run.created,
        updated=run.updated,
        unchanged=run.unchanged,
        deleted=run.deleted,
        invalid=run.invalid,
        error=run.error or None,
    )


async def _job(services: Services, job_id: str) -> SyncShape:
    job = await services.syncs.job(job_id)
    if job is None:
        raise refuse(Code.NOT_FOUND, f"there is no sync {job_id[:64]!r}")
    return SyncShape(
        id=job.id,
        connection=job.connection,
        mode=str(job.mode),
        status=str(job.status),
        runs=list(job.runs),
        error=job.error or None,
    )

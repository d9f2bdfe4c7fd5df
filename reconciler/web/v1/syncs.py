"""Syncs on demand: asking for one, and looking how it goes."""

from dataclasses import dataclass

import msgspec
from fastapi import Request
from starlette.responses import Response

from reconciler.model.connection import ConnectionStatus
from reconciler.model.sync import SyncJob, SyncMode, Trigger
from reconciler.ports import SyncRequest
from reconciler.web.idempotency import Remembered, key_of
from reconciler.web.needs import Services
from reconciler.web.problems import ApiProblem, Code, Refused, refuse
from reconciler.web.security import granted_to
from reconciler.web.v1.answers import tell
from reconciler.web.v1.bodies import read_body
from reconciler.web.v1.schemas import SyncAsked, SyncTold
from reconciler.web.v1.visible import entities_of, visible_connection


@dataclass(frozen=True)
class SyncRoutes:
    """The operations on syncs."""

    services: Services
    remembered: Remembered

    async def start(self, request: Request, name: str) -> Response:
        """Ask for a sync; answer 202 with its id at once. The same Idempotency-Key is the same sync."""
        grant = granted_to(request)
        situation, connection = await visible_connection(self.services.in_force, grant, name)
        asked = await read_body(request, SyncAsked)
        _check_entities(asked, entities_of(situation, connection))
        key = key_of(request, f"{grant.token}/{name}/syncs")
        wish = SyncRequest(
            name,
            tuple(dict.fromkeys(asked.entities)),
            SyncMode(asked.mode),
            Trigger.PERSON,
            "" if key is None else f"asked:{key}",
        )
        if key is None:
            job = await self._request(wish, situation.uid(connection))
        else:
            job = await self.remembered.once(
                key,
                msgspec.json.encode(wish),
                lambda: self._request(wish, situation.uid(connection)),
            )
        response = tell(_told(await self._job(job)), status=202)
        response.headers["Location"] = f"/api/v1/syncs/{job}"
        return response

    async def one(self, request: Request, sync_id: str) -> Response:
        """Answer with a sync that was asked for, and the runs it has made."""
        job = await self._job(sync_id)
        try:
            await visible_connection(self.services.in_force, granted_to(request), job.connection)
        except Refused:
            raise _no_sync(sync_id) from None
        return tell(_told(job))

    async def _request(self, wish: SyncRequest, uid: str) -> str:
        state = (await self.services.store.views.connection_states()).get(uid)
        if state is not None:
            _check_state(wish.connection, state.status)
        return await self.services.syncs.request(wish)

    async def _job(self, job_id: str) -> SyncJob:
        job = await self.services.syncs.job(job_id)
        if job is None:
            raise _no_sync(job_id)
        return job


def _check_entities(asked: SyncAsked, known: tuple[str, ...]) -> None:
    wrong = [name for name in asked.entities if name not in known]
    if wrong:
        message = f"is not synced here; synced: {', '.join(known) or 'nothing'}"
        findings = [{"where": "body.entities", "message": f"{name!r} {message}"} for name in wrong]
        raise Refused(ApiProblem(Code.INVALID_CONTENT, findings[0]["message"], errors=findings))


def _check_state(name: str, status: ConnectionStatus) -> None:
    """Refuse a sync that could not succeed. One of a system that is offline may: it may be back."""
    if status is ConnectionStatus.NEEDS_REAUTH:
        raise refuse(
            Code.CONNECTION_REAUTHORIZATION_REQUIRED,
            f"the system behind {name} refuses its credentials; a sync could not succeed",
            hint=f"have them entered anew: reconciler connect {name}",
        )
    if status is ConnectionStatus.PAUSED:
        raise refuse(
            Code.CONFLICT, f"{name} is paused", hint=f"take it up again: reconciler resume {name}"
        )


def _told(job: SyncJob) -> SyncTold:
    return SyncTold(
        id=job.id,
        connection=job.connection,
        mode=job.mode.value,
        status=job.status.value,
        runs=list(job.runs),
        error=job.error or None,
    )


def _no_sync(sync_id: str) -> Refused:
    return refuse(Code.NOT_FOUND, f"there is no sync with the id {sync_id[:64]!r}")

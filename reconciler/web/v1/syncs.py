"""Syncs on demand: asking for one, and looking how it goes."""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

import msgspec
from fastapi import Request
from starlette.responses import Response

from reconciler.model.access import Grant
from reconciler.model.connection import ConnectionStatus
from reconciler.model.sync import RunStatus, SyncMode, SyncRun, Trigger
from reconciler.ports import JobStatus, SyncRequest
from reconciler.web.idempotency import Remembered, key_of
from reconciler.web.needs import Services
from reconciler.web.problems import ApiProblem, Code, Refused, refuse
from reconciler.web.security import granted_to
from reconciler.web.v1.answers import tell
from reconciler.web.v1.bodies import read_body
from reconciler.web.v1.connections import run_told
from reconciler.web.v1.schemas import SyncAsked, SyncTold
from reconciler.web.v1.visible import entities_of, visible_connection

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_END: Final = 253_402_300_800_000_000
"""The first microsecond of the year 10000."""
_CHECK: Final = 6
_LONGEST: Final = 8192


class Ask(msgspec.Struct, frozen=True, array_like=True):
    """A sync that was asked for, as its id carries it: no table is needed to find it again."""

    connection: str
    entities: tuple[str, ...]
    mode: str
    micros: int
    job: str

    @property
    def at(self) -> datetime:
        """When it was asked for."""
        return _EPOCH + timedelta(microseconds=self.micros)

    @property
    def id(self) -> str:
        """The id that clients see."""
        text = msgspec.json.encode(self)
        check = hashlib.blake2b(text, digest_size=_CHECK).digest()
        return "sync_" + base64.urlsafe_b64encode(check + text).decode().rstrip("=")


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
        self._check_entities(asked, entities_of(situation, connection))
        await self._check_state(situation.uid(connection), name)
        wish = SyncRequest(
            name, tuple(dict.fromkeys(asked.entities)), SyncMode(asked.mode), Trigger.PERSON
        )
        key = key_of(request, f"{grant.token}/{name}/syncs")
        if key is None:
            ask = await self._request(wish, None)
        else:
            ask = await self.remembered.once(
                key, msgspec.json.encode(wish), lambda: self._request(wish, key)
            )
        response = tell(_told(ask, await self._status(ask), []), status=202)
        response.headers["Location"] = f"/api/v1/syncs/{ask.id}"
        return response

    async def one(self, request: Request, sync_id: str) -> Response:
        """Answer with a sync that was asked for and its runs, or with one run by its own id."""
        grant = granted_to(request)
        ask = _read(sync_id)
        if ask is None:
            return tell(await self._run(grant, sync_id))
        try:
            found = await visible_connection(self.services.in_force, grant, ask.connection)
        except Refused:
            raise _no_sync(sync_id) from None
        situation, connection = found
        status = await self._status(ask)
        runs = await self._runs(ask, situation.uid(connection))
        return tell(_told(ask, status, runs))

    async def _request(self, wish: SyncRequest, key: str | None) -> Ask:
        micros = (self.services.clock.now() - _EPOCH) // timedelta(microseconds=1)
        job = await self.services.syncs.request(wish, key=key)
        return Ask(wish.connection, wish.entities, wish.mode.value, micros, job)

    async def _status(self, ask: Ask) -> JobStatus | None:
        return await self.services.syncs.status(ask.job)

    async def _runs(self, ask: Ask, uid: str) -> list[SyncRun]:
        """Return the first run of each entity that was not over when the sync was asked for."""
        runs = await self.services.store.views.runs(uid, limit=500)
        found: dict[str, SyncRun] = {}
        for run in reversed(runs):
            wanted = not ask.entities or run.entity in ask.entities
            open_then = run.finished_at is None or run.finished_at >= ask.at
            if wanted and open_then and run.mode.value == ask.mode:
                found.setdefault(run.entity, run)
        return list(found.values())

    async def _run(self, grant: Grant, run_id: str) -> SyncTold:
        run = await self.services.store.views.run(run_id)
        if run is None or (grant.connection is not None and run.connection != grant.connection):
            raise _no_sync(run_id)
        situation = await self.services.in_force.look()
        return SyncTold(
            id=run.id,
            connection_id=situation.name_of(run.connection),
            mode=cast("Any", run.mode.value),
            status=cast("Any", run.status.value),
            requested_at=run.started_at,
            error=run.error or None,
            runs=[run_told(run)],
        )

    def _check_entities(self, asked: SyncAsked, known: tuple[str, ...]) -> None:
        wrong = [name for name in asked.entities if name not in known]
        if wrong:
            message = f"is not synced here; synced: {', '.join(known) or 'nothing'}"
            findings = [
                {"where": "body.entities", "message": f"{name!r} {message}"} for name in wrong
            ]
            raise Refused(ApiProblem(Code.INVALID_CONTENT, findings[0]["message"], errors=findings))

    async def _check_state(self, uid: str, name: str) -> None:
        state = (await self.services.store.views.connection_states()).get(uid)
        if state is None:
            return
        if state.status is ConnectionStatus.NEEDS_REAUTH:
            raise refuse(
                Code.CONNECTION_REAUTHORIZATION_REQUIRED,
                f"the system behind {name} refuses its credentials; a sync could not succeed",
                hint=f"have them entered anew: reconciler connect {name}",
            )
        if state.status is ConnectionStatus.PAUSED:
            raise refuse(
                Code.CONFLICT,
                f"{name} is paused",
                hint=f"take it up again: reconciler resume {name}",
            )


def _read(sync_id: str) -> Ask | None:
    """Return what *sync_id* carries, or ``None`` if it is none of these ids."""
    prefix, _, text = sync_id.partition("_")
    if prefix != "sync" or len(text) > _LONGEST:
        return None
    try:
        whole = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        ask = msgspec.json.decode(whole[_CHECK:], type=Ask)
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        return None
    return ask if ask.id == sync_id and 0 <= ask.micros < _END else None


def _told(ask: Ask, status: JobStatus | None, runs: list[SyncRun]) -> SyncTold:
    return SyncTold(
        id=ask.id,
        connection_id=ask.connection,
        mode=cast("Any", ask.mode),
        status=cast("Any", _state(status, runs)),
        requested_at=ask.at,
        error=(status.error if status else "") or next((r.error for r in runs if r.error), None),
        runs=[run_told(run) for run in runs],
    )


def _state(status: JobStatus | None, runs: list[SyncRun]) -> str:
    """Return how the sync stands: as the job says; if that is forgotten, as its runs say."""
    if status is not None:
        return status.status
    states = {run.status for run in runs}
    for worst in (RunStatus.RUNNING, RunStatus.FAILED, RunStatus.CANCELLED):
        if worst in states:
            return worst.value
    return RunStatus.SUCCEEDED.value if states else RunStatus.QUEUED.value


def _no_sync(sync_id: str) -> Refused:
    return refuse(Code.NOT_FOUND, f"there is no sync with the id {sync_id[:64]!r}")

"""Specs in force through the API: read, written and removed one by one; and what of them has drifted."""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from fastapi import Query, Request
from starlette.responses import Response

from reconciler.engine.reach import Reach
from reconciler.model.audit import Past
from reconciler.model.change import ABSENT, FieldDrift, State
from reconciler.model.condition import Status
from reconciler.model.drift import Drift
from reconciler.model.resource import Kind, Resource, ResourceKey
from reconciler.model.value import merge_patch
from reconciler.plan.paths import pointer
from reconciler.ports import EditDone, Edits, EditWish
from reconciler.spec.written import document_of
from reconciler.web.cursors import seal, unseal
from reconciler.web.needs import Looks, Services
from reconciler.web.problems import ApiProblem, Code, Refused, refuse
from reconciler.web.security import actor_of, granted_to
from reconciler.web.v1.answers import tell
from reconciler.web.v1.spec_schemas import (
    ConditionTold,
    DriftList,
    DriftTold,
    FieldDriftTold,
    LookTold,
    PastTold,
    SpecHistory,
    SpecList,
    SpecQuery,
    SpecSummary,
    SpecTold,
)
from reconciler.web.v1.tenants import (
    check_document,
    check_everywhere,
    not_in_force,
    own_past,
    permit_of,
    sees_drift,
)

SPECS: str = "specs"
"""The key under which the reconciler looks at the specs."""
MERGE: str = "application/merge-patch+json"


@dataclass(frozen=True)
class SpecRoutes:
    """The operations on specs in force."""

    services: Services

    async def many(self, request: Request, query: Annotated[SpecQuery, Query()]) -> Response:
        """Answer with a page of the specs that the token sees, by kind and name."""
        state = (await self.services.in_force.look()).state
        reach = Reach(granted_to(request), state)
        after = [] if query.cursor is None else list(unseal(query.cursor, "specs", tuple[str, str]))
        found = [
            one
            for key, one in sorted(state.resources.items())
            if [key.kind.value, key.name] > after
            and query.kind in {None, key.kind.value}
            and reach.sees(one)
        ]
        shown, more = found[: query.limit], len(found) > query.limit
        last = [shown[-1].key.kind.value, shown[-1].key.name] if more else None
        return tell(
            SpecList(
                data=[_summary(state, one) for one in shown],
                next_cursor=seal(last, "specs") if last else None,
            )
        )

    async def one(self, request: Request, kind: str, name: str) -> Response:
        """Answer with one spec: its document, its conditions, and whether it has drifted."""
        state, found = await self._found(request, kind, name)
        return await self._told(state, found)

    async def history(self, request: Request, kind: str, name: str) -> Response:
        """Answer with the changes of one spec, the newest first."""
        state, found = await self._found(request, kind, name)
        past = await self.services.store.views.history(found.key, limit=100)
        shown = own_past(Reach(granted_to(request), state), state.uids.get(found.key), past)
        return tell(SpecHistory(data=[_past(one) for one in shown]))

    async def put(self, request: Request, kind: str, name: str) -> Response:
        """Put a whole document in force; 201 if there was none."""
        document = await _json(request, "application/json")
        return await self._write(request, _key(kind, name), document)

    async def patch(self, request: Request, kind: str, name: str) -> Response:
        """Change one document by a JSON merge patch (RFC 7396)."""
        change = await _json(request, MERGE)
        _, found = await self._found(request, kind, name)
        return await self._write(request, found.key, merge_patch(document_of(found), change))

    async def remove(self, request: Request, kind: str, name: str) -> Response:
        """Take out of force what was made through the API."""
        _, found = await self._found(request, kind, name)
        await self._edits().remove(
            found.key,
            actor=actor_of(request),
            request_id=request.state.request_id,
            permit=permit_of(granted_to(request)),
        )
        return Response(status_code=204)

    async def drift(self, request: Request) -> Response:
        """Answer with what was changed outside of git and is not over, the newest first."""
        state = (await self.services.in_force.look()).state
        reach = Reach(granted_to(request), state)
        found = await self.services.store.views.drifts()
        seen = [one for one in found if sees_drift(reach, state, one.key)]
        return tell(DriftList(data=[_drift(one) for one in seen]))

    async def revert(self, request: Request, kind: str, name: str) -> Response:
        """Put one spec back to what git has applied."""
        state, found = await self._found(request, kind, name)
        applied = state.applied.get(found.key)
        if applied is None:
            raise refuse(Code.CONFLICT, f"{found.key} is as git applied it")
        return await self._write(request, found.key, document_of(applied))

    async def look(self, request: Request) -> Response:
        """Have the specs looked at now; 202 with a token to wait for."""
        check_everywhere(granted_to(request), "has all specs looked at")
        token = f"look_{secrets.token_hex(8)}"
        self._looks().look(SPECS, token)
        response = tell(LookTold(token=token, handled=False), status=202)
        response.headers["Location"] = f"/api/v1/reconcile/{token}"
        return response

    async def looked(self, request: Request, token: str) -> Response:
        """Answer whether the look that *token* asked for has ended; after a restart nobody knows."""
        del request
        return tell(LookTold(token=token, handled=self._looks().handled(SPECS, token) is not None))

    def _looks(self) -> Looks:
        if self.services.looks is None:
            raise refuse(Code.METHOD_NOT_ALLOWED, "nothing is reconciled by this process")
        return self.services.looks

    async def _found(self, request: Request, kind: str, name: str) -> tuple[State, Resource]:
        key = _key(kind, name)
        state = (await self.services.in_force.look()).state
        found = state.resources.get(key)
        if found is None or not Reach(granted_to(request), state).sees(found):
            raise not_in_force(key)
        return state, found

    async def _write(
        self, request: Request, key: ResourceKey, document: Mapping[str, Any]
    ) -> Response:
        _check_address(key, document)
        grant = granted_to(request)
        check_document(Reach(grant, (await self.services.in_force.look()).state), document)
        wish = EditWish(
            document,
            actor_of(request),
            request.state.request_id,
            _expected(request),
            permit_of(grant),
        )
        done: EditDone = await self._edits().put(wish)
        state = (await self.services.in_force.look()).state
        resource = state.resources.get(key, done.resource)
        return await self._told(state, resource, status=201 if done.created else 200)

    async def _told(self, state: State, one: Resource, *, status: int = 200) -> Response:
        uid = state.uids.get(one.key, "")
        statuses = (await self.services.store.views.conditions(uid)).get(uid, ())
        summary = _summary(state, one).model_dump()
        conditions = [_condition(status) for status in statuses]
        shown = SpecTold(**summary, document=document_of(one), conditions=conditions)
        response = tell(shown, status=status)
        response.headers["ETag"] = f'"{one.digest[:32]}"'
        return response

    def _edits(self) -> Edits:
        if self.services.edits is None:
            raise refuse(Code.METHOD_NOT_ALLOWED, "this server only reads")
        return self.services.edits


def _key(kind: str, name: str) -> ResourceKey:
    try:
        return ResourceKey(Kind(kind), name)
    except ValueError:
        known = ", ".join(Kind)
        raise refuse(Code.NOT_FOUND, f"there is no kind {kind[:64]!r}", hint=known) from None


def _expected(request: Request) -> str | None:
    """Return what ``If-Match`` says of the digest that the writer has seen."""
    given = request.headers.get("if-match")
    if given is None or given.strip() == "*":
        return None
    return given.strip().removeprefix("W/").strip('"')


async def _json(request: Request, media: str) -> dict[str, Any]:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != media:
        raise refuse(Code.UNSUPPORTED_MEDIA_TYPE, f"the body is {given[:64]!r}, not {media}")
    try:
        body = msgspec.json.decode(await request.body())
    except msgspec.DecodeError as error:
        raise refuse(Code.INVALID_REQUEST, f"the body is no JSON: {error}") from None
    if not isinstance(body, dict):
        raise refuse(Code.INVALID_CONTENT, "the body is no object")
    return body


def _check_address(key: ResourceKey, document: Mapping[str, Any]) -> None:
    metadata = document.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    if (document.get("kind"), name) != (key.kind.value, key.name):
        finding = {"where": "body", "message": f"its kind and metadata.name are not those of {key}"}
        raise Refused(ApiProblem(Code.INVALID_CONTENT, finding["message"], errors=[finding]))


def _summary(state: State, one: Resource) -> SpecSummary:
    return SpecSummary(
        address=str(one.key),
        kind=one.key.kind.value,
        name=one.key.name,
        owner=one.owner.value,
        labels=dict(one.labels),
        digest=one.digest[:32],
        drifted=one.key in state.applied,
        source=str(one.origin) if one.origin else None,
    )


def _condition(status: Status) -> ConditionTold:
    return ConditionTold(
        type=status.condition.value,
        status=status.truth.value,
        reason=status.reason,
        message=status.message,
        last_transition_time=status.since,
        observed_generation=status.generation,
    )


def _drift(drift: Drift) -> DriftTold:
    return DriftTold(
        id=drift.id,
        kind=drift.kind.value,
        address=str(drift.key),
        policy=drift.policy.value,
        first_seen_at=drift.first_seen_at,
        last_seen_at=drift.last_seen_at,
        fields=[FieldDriftTold(**dict(_field(field))) for field in drift.fields],
    )


def _field(field: FieldDrift) -> Iterator[tuple[str, Any]]:
    yield "path", pointer(field.path)
    yield "applied", None if field.applied is ABSENT else field.applied
    yield "observed", None if field.observed is ABSENT else field.observed
    yield "actor", field.actor
    yield "at", field.at


def _past(one: Past) -> PastTold:
    return PastTold(
        change=one.change,
        actor=one.actor,
        at=one.at,
        generation=one.generation,
        revision=one.revision,
        before=None if one.before is None else msgspec.json.decode(one.before),
        after=None if one.after is None else msgspec.json.decode(one.after),
    )

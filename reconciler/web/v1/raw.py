"""Records as a source gave them: a stream in pages, and one by its key in the source."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Final

import msgspec
from fastapi import Query, Request
from starlette.responses import Response

from reconciler.datamodel.entity import Entity
from reconciler.datamodel.reader import entities
from reconciler.model.access import Scope
from reconciler.model.identity import record_id
from reconciler.model.record import RecordQuery, StoredRecord
from reconciler.web.needs import Services
from reconciler.web.problems import Code, refuse
from reconciler.web.route import Route
from reconciler.web.security import granted_to
from reconciler.web.v1.answers import as_json, tagged
from reconciler.web.v1.documents import answers_model
from reconciler.web.v1.places import place_of, sealed
from reconciler.web.v1.schemas import RawQuery, RawRecord, RawRecords
from reconciler.web.v1.splice import page
from reconciler.web.v1.visible import visible_connection

_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class RawRoutes:
    """The two operations on raw records."""

    services: Services

    async def many(
        self, request: Request, name: str, stream: str, query: Annotated[RawQuery, Query()]
    ) -> Response:
        """Answer with a page of raw records, in the order in which they last changed."""
        uid, entity = await self._place(request, name, stream)
        identity = self._identity(uid, entity, query)
        wanted = RecordQuery(
            entity.name,
            connections=(uid,),
            modified_after=query.modified_after,
            deleted=query.deleted is not None,
            failed=query.failed is not None,
            after=place_of(query.cursor, identity),
            limit=query.limit + 1,
        )
        found = await self.services.store.views.records(wanted)
        shown, more = found[: query.limit], len(found) > query.limit
        cursor = sealed((shown[-1].updated_at, shown[-1].id), identity) if more else None
        return as_json(page(map(_spliced, shown), cursor), cache="private, no-cache")

    async def one(self, request: Request, name: str, stream: str, source_id: str) -> Response:
        """Answer with one raw record; a deleted one too, with its ``deleted_at``."""
        uid, entity = await self._place(request, name, stream)
        wanted = (record_id(entity.prefix, uid, source_id),)
        query = RecordQuery(entity.name, connections=(uid,), ids=wanted, deleted=True, limit=1)
        found = await self.services.store.views.records(query)
        if not found:
            msg = f"{name[:63]} has no record {source_id[:64]!r} in {entity.name}"
            raise refuse(Code.NOT_FOUND, msg)
        return tagged(request, _spliced(found[0]))

    async def _place(self, request: Request, name: str, stream: str) -> tuple[str, Entity]:
        """Return the uid of a connection that the token sees, and the entity of a stream.

        Raises:
            Refused: if there is no such connection for this token, or no such stream.
        """
        situation, connection = await visible_connection(
            self.services.in_force, granted_to(request), name
        )
        model = entities()
        if stream not in model:
            near = get_close_matches(stream, model, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(model)}"
            raise refuse(Code.NOT_FOUND, f"there is no stream {stream[:63]!r}", hint=hint)
        return situation.uid(connection), model[stream]

    @staticmethod
    def _identity(uid: str, entity: Entity, query: RawQuery) -> Sequence[object]:
        """Return what must stay the same from page to page."""
        asked = [query.modified_after, query.deleted is not None, query.failed is not None]
        return ["raw", entity.name, uid, *asked]


def raw_routes(raw: RawRoutes) -> Iterator[Route]:
    """Yield the operations on raw records."""
    path = "/api/v1/raw/{name}/{stream}"
    yield Route(
        "GET",
        path,
        raw.many,
        Scope.READ_RECORDS,
        "list_raw_records",
        "Records of one stream as the source gave them, as they last changed",
        "raw",
        query=RawQuery,
        answer=answers_model(RawRecords),
        problems=(Code.NOT_FOUND,),
    )
    yield Route(
        "GET",
        f"{path}/{{source_id}}",
        raw.one,
        Scope.READ_RECORDS,
        "get_raw_record",
        "One record as the source gave it, by its key there",
        "raw",
        answer=answers_model(RawRecord),
        also=(304,),
        problems=(Code.NOT_FOUND,),
        deep="source_id",
    )


def _spliced(record: StoredRecord) -> bytes:
    """Return a record as JSON; the source's bytes stand in it as they came."""
    pairs = {
        "id": record.id,
        "source_id": record.source_id,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "deleted_at": record.deleted_at,
        "sync_run_id": record.run,
        "error": record.error,
    }
    return _encode(pairs)[:-1] + b',"raw":' + record.raw + b"}"

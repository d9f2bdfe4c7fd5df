"""Records of one entity: a list in pages, and one by its id."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Annotated, Any

import msgspec
from fastapi import Query, Request
from starlette.responses import Response

from reconciler.datamodel.entity import Entity
from reconciler.engine.explanation import as_json as as_values
from reconciler.model.access import Grant
from reconciler.model.record import RecordQuery
from reconciler.web.needs import Services
from reconciler.web.problems import ApiProblem, Code, Refused, refuse
from reconciler.web.security import granted_to
from reconciler.web.v1.answers import as_json, tagged
from reconciler.web.v1.places import place_of, sealed
from reconciler.web.v1.schemas import ExplainedQuery, RecordsQuery
from reconciler.web.v1.splice import Splicer, page
from reconciler.web.v1.staleness import warnings_for
from reconciler.web.v1.visible import visible_uids


@dataclass(frozen=True)
class Records:
    """The two operations of *entity*."""

    services: Services
    entity: Entity
    splicer: Splicer = field(init=False)

    def __post_init__(self) -> None:
        """Prepare what is the same for every answer."""
        object.__setattr__(self, "splicer", Splicer(self.entity))

    async def many(self, request: Request, query: Annotated[RecordsQuery, Query()]) -> Response:
        """Answer with a page of records, in the order in which they last changed."""
        splice = self.splicer.made(self._fields(query.fields), raw=query.include is not None)
        grant = granted_to(request)
        uids = await visible_uids(self.services.in_force, grant, query.connection)
        identity = self._identity(query, grant, uids)
        wanted = RecordQuery(
            self.entity.name,
            connections=uids,
            modified_after=query.modified_after,
            created_after=query.created_after,
            deleted=query.deleted is not None,
            failed=query.failed is not None,
            limit=query.limit,
            after=place_of(query.cursor, identity),
        )
        records, position = await self.services.reader.page(wanted)
        cursor = None if position is None else sealed(position, identity)
        warnings = await warnings_for(self.services.store.views, uids)
        return as_json(page(map(splice, records), cursor, warnings), cache="private, no-cache")

    async def one(
        self, request: Request, record_id: str, query: Annotated[ExplainedQuery, Query()]
    ) -> Response:
        """Answer with one record; a deleted one too, with its ``deleted_at``."""
        splice = self.splicer.made(self._fields(query.fields), raw=query.include is not None)
        uids = await visible_uids(self.services.in_force, granted_to(request), None)
        wanted = RecordQuery(
            self.entity.name, connections=uids, ids=(record_id,), deleted=True, limit=1
        )
        records, _ = await self.services.reader.page(wanted)
        if not records:
            raise refuse(
                Code.NOT_FOUND, f"there is no {self.entity.singular} with the id {record_id[:64]!r}"
            )
        body = splice(records[0])
        if query.explain:
            body = body[:-1] + b',"_explain":' + await self._explained(record_id, query) + b"}"
        return tagged(request, body)

    async def _explained(self, record_id: str, query: ExplainedQuery) -> bytes:
        """Return where the record's fields come from: all, or those that are asked for."""
        if self.services.explaining is None:
            raise refuse(Code.INVALID_REQUEST, "query.explain: this server does not explain")
        told: dict[str, Any] = as_values(await self.services.explaining.record(record_id))
        wanted = self._fields(query.fields)
        if wanted is not None:
            fields = told["fields"].items()
            told["fields"] = {
                place: one for place, one in fields if place.partition(".")[0] in wanted
            }
        return msgspec.json.encode(told)

    def _identity(
        self, query: RecordsQuery, grant: Grant, uids: Sequence[str] | None
    ) -> list[object]:
        """Return what must stay the same from page to page.

        Of a selector, that is the selector: a connection that begins or ceases to match between two pages
        ends no walk.
        """
        return [
            self.entity.name,
            uids if query.connection is not None or not grant.selector else list(grant.selector),
            query.modified_after,
            query.created_after,
            query.deleted is not None,
            *(["failed"] if query.failed is not None else []),
        ]

    def _fields(self, text: str | None) -> frozenset[str] | None:
        if text is None:
            return None
        names = [name.strip() for name in text.split(",")]
        wrong = [name for name in dict.fromkeys(names) if name not in self.splicer.fields]
        if wrong:
            raise self._no_fields(wrong[:20])
        return frozenset(names)

    def _no_fields(self, wrong: list[str]) -> Refused:
        findings = [
            {
                "where": "query.fields",
                "message": f"{self.entity.name} have no field {name[:64]!r}",
            }
            for name in wrong
        ]
        detail = "; ".join(f"query.fields: {one['message']}" for one in findings[:3])
        near = get_close_matches(wrong[0], self.splicer.fields, n=1)
        hint = f"did you mean {near[0]!r}?" if near else ""
        return Refused(ApiProblem(Code.INVALID_REQUEST, detail, hint, errors=findings))

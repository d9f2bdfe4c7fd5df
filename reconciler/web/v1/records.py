"""``GET /{entity}`` and ``GET /{entity}/{id}``: every system's records in one shape."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from reconciler.datamodel.entity import Entity
from reconciler.datamodel.reader import entities
from reconciler.datamodel.schema import record_schema
from reconciler.model.access import Grant, Scope
from reconciler.model.record import RecordQuery
from reconciler.model.resource import Kind, ResourceKey
from reconciler.web.needs import Services
from reconciler.web.problems import Code, refuse
from reconciler.web.security import Gatekeeper, Guard, granted_to
from reconciler.web.v1.answers import list_json, record_json
from reconciler.web.v1.cursors import read_cursor, write_cursor
from reconciler.web.v1.prefix import PREFIX
from reconciler.web.v1.query import DOCS, ListQuery, read_given, read_query

Handler = Callable[[Request], Awaitable[Response]]

JSON: Final = "application/json"


def record_routes(services: Services, keeper: Gatekeeper) -> APIRouter:
    """Return the two routes of every entity of the unified model."""
    router = APIRouter(prefix=PREFIX, dependencies=[Depends(Guard(keeper, Scope.READ_RECORDS))])
    for entity in entities().values():
        word = component(entity)
        router.add_api_route(
            f"/{entity.name}",
            _lister(services, entity),
            operation_id=f"list_{entity.name.replace('-', '_')}",
            summary=f"List {entity.title.lower()}",
            description=entity.doc,
            tags=[entity.name],
            responses=_answers(f"{word}List"),
            openapi_extra={"parameters": [_parameter(name) for name in DOCS]},
        )
        router.add_api_route(
            f"/{entity.name}/{{id}}",
            _getter(services, entity),
            operation_id=f"get_{entity.singular.replace('-', '_')}",
            summary=f"Get one {entity.singular.replace('-', ' ')}",
            tags=[entity.name],
            responses=_answers(word) | {304: {"description": "As it was."}},
            openapi_extra={"parameters": [_PATH_ID, _parameter("include"), _parameter("fields")]},
        )
    return router


def record_components() -> dict[str, Any]:
    """Return the OpenAPI schemas of all entities and their lists."""
    schemas: dict[str, Any] = {}
    for entity in entities().values():
        word = component(entity)
        schemas[word] = record_schema(entity)
        schemas[f"{word}List"] = {
            "type": "object",
            "title": f"{word}List",
            "required": ["data", "next_cursor"],
            "properties": {
                "data": {"type": "array", "items": {"$ref": f"#/components/schemas/{word}"}},
                "next_cursor": {
                    "type": ["string", "null"],
                    "description": "Give it as `cursor` for the next page; null on the last.",
                },
            },
        }
    return schemas


def component(entity: Entity) -> str:
    """Return the name of an entity's schema: ``PurchaseOrder``."""
    return "".join(part.capitalize() for part in entity.singular.replace("_", "-").split("-"))


def _lister(services: Services, entity: Entity) -> Handler:
    async def list_records(request: Request) -> Response:
        asked = read_query(request, entity)
        query = await _record_query(services, granted_to(request), entity, asked)
        if query is None:
            return _json(request, list_json((), None))
        page, position = await services.reader.page(query)
        told = (record_json(one, entity, raw=asked.raw, fields=asked.fields) for one in page)
        cursor = write_cursor(position, asked.mark(entity.name)) if position else None
        return _json(request, list_json(told, cursor))

    return list_records


def _getter(services: Services, entity: Entity) -> Handler:
    async def get_record(request: Request) -> Response:
        read_given(request, ("include", "fields"))
        asked = read_query(request, entity)
        granted = granted_to(request)
        wanted = request.path_params["id"]
        whose = (granted.connection,) if granted.connection else None
        query = RecordQuery(entity.name, whose, deleted=True, ids=(wanted,), limit=1)
        page, _ = await services.reader.page(query)
        if not page:
            raise refuse(Code.NOT_FOUND, f"there is no {entity.singular} {wanted[:64]!r}")
        body = record_json(page[0], entity, raw=asked.raw, fields=asked.fields)
        mark = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
        if mark in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers={"ETag": mark})
        return _json(request, body, ETag=mark)

    return get_record


async def _record_query(
    services: Services, granted: Grant, entity: Entity, asked: ListQuery
) -> RecordQuery | None:
    """Return what to read; ``None`` if the connection asked for is none that the bearer may see."""
    whose = (granted.connection,) if granted.connection else None
    if asked.connection is not None:
        situation = await services.in_force.look()
        uid = situation.state.uids.get(ResourceKey(Kind.CONNECTION, asked.connection))
        if uid is None or granted.connection not in {None, uid}:
            return None
        whose = (uid,)
    after = read_cursor(asked.cursor, asked.mark(entity.name)) if asked.cursor else None
    return RecordQuery(
        entity=entity.name,
        connections=whose,
        modified_after=asked.modified_after,
        created_after=asked.created_after,
        deleted=asked.deleted,
        after=after,
        limit=asked.limit,
    )


def _json(request: Request, body: bytes, **headers: str) -> Response:
    told = {"Cache-Control": "no-store", **headers, **getattr(request.state, "rate_headers", {})}
    return Response(body, media_type=JSON, headers=told)


_PATH_ID: Final = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "description": "The record's id.",
}


def _parameter(name: str) -> dict[str, Any]:
    schema, text = DOCS[name]
    return {
        "name": name,
        "in": "query",
        "required": False,
        "schema": dict(schema),
        "description": text,
    }


def _answers(schema: str) -> dict[int | str, dict[str, Any]]:
    content = {JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {200: {"description": "As asked.", "content": content}}

"""The OpenAPI document: FastAPI's, with the unified model, the problems and the headers said once."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from reconciler.datamodel.entity import Entity
from reconciler.datamodel.reader import entities
from reconciler.datamodel.schema import record_schema
from reconciler.web.problems import MEDIA_TYPE, TABLE, Code
from reconciler.web.route import Access, Route
from reconciler.web.v1.examples import example_problem, example_record
from reconciler.web.v1.explain_schema import EXPLAIN
from reconciler.web.v1.schemas import Asked, Problem, Told
from reconciler.web.v1.staleness import SCHEMA
from reconciler.web.versions import CURRENT

Document = dict[str, Any]

TITLE: Final = "reconciler"
TEXT: Final = """\
One API over many ERP, CMMS and WMS systems. Lists are read page by page: send `next_cursor` of one answer
as `cursor` with the next request, until it is null. Records come in the order in which they last changed; a
record that changes while you read comes again, later. Errors are problem documents: decide by `code`.
"""

_EVERYWHERE: Final = (
    Code.INVALID_REQUEST,
    Code.UNSUPPORTED_VERSION,
    Code.METHOD_NOT_ALLOWED,
    Code.MISDIRECTED_REQUEST,
    Code.INTERNAL_ERROR,
    Code.REQUEST_TIMEOUT,
)
_WITH_TOKEN: Final = (
    Code.AUTHENTICATION_FAILED,
    Code.PERMISSION_DENIED,
    Code.RATE_LIMIT_EXCEEDED,
    Code.STORE_UNAVAILABLE,
)


def component(entity: Entity) -> str:
    """Return the name of an entity's schema: ``PurchaseOrder``."""
    return "".join(part.capitalize() for part in entity.singular.split("-"))


def ref(name: str) -> Document:
    """Return a reference to the schema of this name."""
    return {"$ref": f"#/components/schemas/{name}"}


def answers(schema: Mapping[str, Any], text: str) -> Document:
    """Return what the document says of an answer in JSON."""
    return {"description": text, "content": {"application/json": {"schema": dict(schema)}}}


def answers_model(shape: type[Told]) -> Document:
    """Return what the document says of an answer of this shape."""
    return {"description": (shape.__doc__ or "").strip(), "model": shape}


def takes(
    schema: Mapping[str, Any], *, required: bool = False, media: str = "application/json"
) -> Document:
    """Return what an operation adds to the document for the body that it takes."""
    return {"requestBody": {"required": required, "content": {media: {"schema": dict(schema)}}}}


def takes_model(shape: type[Asked], *, required: bool = False) -> Document:
    """Return what an operation adds to the document for a JSON body of this shape."""
    return takes(shape.model_json_schema(), required=required)


BODY_PROBLEMS: Final = (
    Code.INVALID_CONTENT,
    Code.UNSUPPORTED_MEDIA_TYPE,
    Code.PAYLOAD_TOO_LARGE,
)
"""How an operation may answer to a body that it cannot take."""


def build(app: FastAPI, routes: Sequence[Route]) -> Document:
    """Return the whole document."""
    document = get_openapi(
        title=TITLE,
        version=CURRENT.name,
        summary="Unified records of industrial systems",
        description=TEXT,
        routes=app.routes,
        tags=_tags(routes),
    )
    for route in routes:
        if route.shown:
            _finish(document["paths"][route.path][route.method.lower()], route)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas.update(_problem_schemas())
    for entity in entities().values():
        schemas.update(_record_schemas(entity))
    components["responses"] = _problem_responses()
    components["parameters"] = _PARAMETERS
    components["headers"] = _HEADERS
    components["securitySchemes"] = _SECURITY
    return document


def _finish(operation: Document, route: Route) -> None:
    """Say of one operation what is true of all: problems, headers, and who may call it."""
    answered = operation["responses"]
    answered.pop("422", None)
    codes = [*_EVERYWHERE, *route.problems]
    if route.access is Access.PUBLIC:
        operation["security"] = []
    else:
        codes += _WITH_TOKEN
        operation["security"] = [{"bearer": []}]
        scope = getattr(route.access, "value", "")
        operation["x-scope"] = None if route.access is Access.ANY_TOKEN else scope
    for status in sorted({TABLE[code].status for code in codes}):
        answered[str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
    answered[str(route.status)].setdefault("headers", {}).update(
        {name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS}
    )
    if route.example is not None:  # not by FastAPI, which takes nulls out of what it is given
        answered[str(route.status)]["content"]["application/json"]["example"] = route.example()
    parameters = [
        {**_plain(parameter), **route.parameters.get(parameter["name"], {})}
        for parameter in operation.get("parameters", [])
    ]
    parameters += [{"$ref": f"#/components/parameters/{name}"} for name in _shared(route)]
    operation["parameters"] = parameters


def _shared(route: Route) -> Iterable[str]:
    yield "Reconciler-Version"
    yield "X-Request-Id"
    if 304 in route.also:
        yield "If-None-Match"
    if route.repeatable:
        yield "Idempotency-Key"


def _plain(parameter: Document) -> Document:
    """Return a parameter without ``null``: in a query, what is not given is left out."""
    schema = dict(parameter["schema"])
    options = [one for one in schema.pop("anyOf", []) if one != {"type": "null"}]
    if options:
        schema = {**options[0], **schema}
    schema.pop("title", None)
    schema.pop("description", None)
    return {**parameter, "schema": schema}


def _tags(routes: Sequence[Route]) -> list[Document]:
    docs = {entity.name: entity.doc for entity in entities().values()}
    names = dict.fromkeys(route.tag for route in routes if route.shown)
    return [
        {"name": name, **({"description": docs[name]} if name in docs else {})} for name in names
    ]


def _record_schemas(entity: Entity) -> Document:
    schema = record_schema(entity)
    properties = schema["properties"]
    properties["_meta"]["properties"]["error"] = {
        "type": "string",
        "description": "Why the record could not be mapped; its unified fields are then null.",
    }
    properties["raw"] = {
        "type": "object",
        "additionalProperties": True,
        "description": "The record as the source gave it; only with `include=raw`.",
    }
    properties["_explain"] = EXPLAIN
    name = component(entity)
    return {
        name: {**schema, "examples": [example_record(entity)]},
        f"{name}List": {
            "type": "object",
            "title": f"{entity.title} list",
            "description": f"A page of {entity.name}.",
            "properties": {
                "data": {"type": "array", "items": ref(name)},
                "next_cursor": {
                    "type": ["string", "null"],
                    "description": "Send it as `cursor` for the next page; null on the last.",
                },
                "warnings": SCHEMA,
            },
            "required": ["data", "next_cursor", "warnings"],
            "additionalProperties": False,
        },
    }


def _problem_schemas() -> Document:
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schema["properties"]["code"]["enum"] = [code.value for code in Code]
    return {"Problem": schema, **schema.pop("$defs")}


def _problem_responses() -> Document:
    by_status: dict[int, list[Code]] = {}
    for code, entry in TABLE.items():
        by_status.setdefault(entry.status, []).append(code)
    return {f"Problem{status}": _problem_response(codes) for status, codes in by_status.items()}


def _problem_response(codes: list[Code]) -> Document:
    response: Document = {
        "description": ", ".join(f"`{code.value}`: {TABLE[code].title}" for code in codes),
        "content": {
            MEDIA_TYPE: {
                "schema": ref("Problem"),
                "examples": {code.value: {"value": example_problem(code)} for code in codes},
            }
        },
    }
    names = {401: ["WWW-Authenticate"], 405: ["Allow"], 429: ["Retry-After"], 503: ["Retry-After"]}
    required = TABLE[codes[0]].status != 503
    for name in names.get(TABLE[codes[0]].status, []):
        headers = response.setdefault("headers", {})
        headers[name] = {"schema": {"type": "string"}, "required": required}
    return response


_SECURITY: Final[Document] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "rcn_<id>_<secret>_<checksum>",
        "description": "A token of `reconciler token create`: of one connection, or over all of them.",
    }
}
_PARAMETERS: Final[Document] = {
    "Reconciler-Version": {
        "name": "Reconciler-Version",
        "in": "header",
        "description": "The API version to answer in; default: the one the token was made under.",
        "schema": {"type": "string", "enum": [CURRENT.name]},
    },
    "X-Request-Id": {
        "name": "X-Request-Id",
        "in": "header",
        "description": "An id of yours for this request, of 1 to 128 letters, digits and `._-`; the answer "
        "and our log carry it. Another is made where it is none.",
        "schema": {"type": "string"},
    },
    "If-None-Match": {
        "name": "If-None-Match",
        "in": "header",
        "description": "The `ETag` you have; answers 304 if it is still the same.",
        "schema": {"type": "string"},
    },
    "Idempotency-Key": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "The same key within a day is the same request: it is done once.",
        "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
    },
}
_HEADERS: Final[Document] = {
    "Reconciler-Version": {
        "description": "The API version of this answer.",
        "required": True,
        "schema": {"type": "string"},
    },
    "X-Request-Id": {
        "description": "The id of this request in our log.",
        "required": True,
        "schema": {"type": "string"},
    },
}

"""Every operation of the API, with who may call it beside its path."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from reconciler.datamodel.entity import Entity
from reconciler.datamodel.reader import STANDARD, entities
from reconciler.model.access import Scope
from reconciler.web.idempotency import Remembered
from reconciler.web.needs import Services
from reconciler.web.problems import DOCS, Code
from reconciler.web.route import Access, Route
from reconciler.web.v1.about import About, HealthRoutes
from reconciler.web.v1.alerts import AlertRoutes
from reconciler.web.v1.connections import ConnectionRoutes
from reconciler.web.v1.deliveries import DeliveryRoutes
from reconciler.web.v1.documents import answers, answers_model, component, ref, takes
from reconciler.web.v1.endings import EndingRoutes, ending_routes
from reconciler.web.v1.examples import example_record
from reconciler.web.v1.link_operations import link_routes
from reconciler.web.v1.links import LinkRoutes
from reconciler.web.v1.mapping_edits import MappingEditRoutes, mapping_edit_routes
from reconciler.web.v1.mappings import MappingRoutes, mapping_routes
from reconciler.web.v1.raw import RawRoutes, raw_routes
from reconciler.web.v1.records import Records
from reconciler.web.v1.schemas import (
    ConnectionHealth,
    Connections,
    ConnectionTold,
    ExplainedQuery,
    PageQuery,
    Readiness,
    RecordsQuery,
    RunTold,
    SyncAsked,
    SyncStatus,
    SyncTold,
    TokenTold,
    Versions,
)
from reconciler.web.v1.spec_operations import spec_routes
from reconciler.web.v1.specs import SpecRoutes
from reconciler.web.v1.syncs import SyncRoutes
from reconciler.web.v1.telling_operations import telling_routes
from reconciler.web.v1.token_operations import token_routes
from reconciler.web.v1.tokens import TokenRoutes

API: Final = "/api/v1"


def routes(services: Services, document: Callable[[], dict[str, Any]]) -> Iterator[Route]:
    """Yield all routes; *document* gives the OpenAPI document of them."""
    yield from _about(About(services, document))
    yield from _connections(ConnectionRoutes(services))
    yield from ending_routes(EndingRoutes(services))
    yield from mapping_routes(MappingRoutes(services))
    yield from mapping_edit_routes(MappingEditRoutes(services))
    yield from spec_routes(SpecRoutes(services))
    yield from link_routes(LinkRoutes(services))
    yield from token_routes(TokenRoutes(services))
    yield from telling_routes(AlertRoutes(services), DeliveryRoutes(services))
    yield from _syncs(SyncRoutes(services, Remembered(services.clock)))
    for entity in entities().values():
        yield from _records(entity, Records(services, entity))
    yield from raw_routes(RawRoutes(services))
    yield from _health(HealthRoutes(services))


def _about(about: About) -> Iterator[Route]:
    yield Route(
        "GET",
        f"{API}/me",
        about.me,
        Access.ANY_TOKEN,
        "get_me",
        "What the presented token may do",
        "about",
        answer=answers_model(TokenTold),
    )
    yield Route(
        "GET",
        f"{API}/versions",
        about.versions,
        Access.PUBLIC,
        "list_versions",
        "The versions of the API that are served",
        "about",
        answer=answers_model(Versions),
    )
    yield Route(
        "GET",
        f"{API}/openapi.json",
        about.openapi,
        Access.PUBLIC,
        "get_openapi",
        "This document",
        "about",
        also=(304,),
        answer=answers({"type": "object"}, "The OpenAPI document."),
    )
    yield Route(
        "GET",
        DOCS,
        about.errors,
        Access.PUBLIC,
        "get_error_docs",
        "The page on error codes",
        "about",
        shown=False,
    )


def _connections(connections: ConnectionRoutes) -> Iterator[Route]:
    yield Route(
        "GET",
        f"{API}/connections",
        connections.many,
        Scope.READ_STATUS,
        "list_connections",
        "Connections, by name",
        "connections",
        query=PageQuery,
        answer=answers_model(Connections),
    )
    yield Route(
        "GET",
        f"{API}/connections/{{name}}",
        connections.one,
        Scope.READ_STATUS,
        "get_connection",
        "One connection, and how it is",
        "connections",
        answer=answers_model(ConnectionTold),
        problems=(Code.NOT_FOUND,),
    )
    yield Route(
        "GET",
        f"{API}/connections/{{name}}/health",
        connections.health,
        Scope.READ_STATUS,
        "get_connection_health",
        "How a connection is and was: reason, error rate, history",
        "connections",
        answer=answers_model(ConnectionHealth),
        problems=(Code.NOT_FOUND,),
    )
    yield Route(
        "GET",
        f"{API}/connections/{{name}}/sync-status",
        connections.sync_status,
        Scope.READ_STATUS,
        "get_sync_status",
        "How the syncs of a connection stand",
        "connections",
        answer=answers_model(SyncStatus),
        problems=(Code.NOT_FOUND,),
    )
    yield Route(
        "GET",
        f"{API}/runs/{{run_id}}",
        connections.run,
        Scope.READ_STATUS,
        "get_run",
        "One run of one entity",
        "syncs",
        answer=answers_model(RunTold),
        problems=(Code.NOT_FOUND,),
    )


def _syncs(syncs: SyncRoutes) -> Iterator[Route]:
    yield Route(
        "POST",
        f"{API}/connections/{{name}}/syncs",
        syncs.start,
        Scope.RUN_SYNC,
        "create_sync",
        "Start a sync now",
        "syncs",
        status=202,
        answer=answers_model(SyncTold),
        problems=(
            Code.NOT_FOUND,
            Code.CONNECTION_REAUTHORIZATION_REQUIRED,
            Code.PAYLOAD_TOO_LARGE,
            Code.UNSUPPORTED_MEDIA_TYPE,
            Code.INVALID_CONTENT,
            Code.CONNECTION_UNREACHABLE,
        ),
        repeatable=True,
        extra=_body_of(SyncAsked),
    )
    yield Route(
        "GET",
        f"{API}/syncs/{{sync_id}}",
        syncs.one,
        Scope.RUN_SYNC,
        "get_sync",
        "A sync and its runs",
        "syncs",
        answer=answers_model(SyncTold),
        problems=(Code.NOT_FOUND,),
    )


def _records(entity: Entity, records: Records) -> Iterator[Route]:
    name = component(entity)
    yield Route(
        "GET",
        f"{API}/{entity.name}",
        records.many,
        Scope.READ_RECORDS,
        f"list_{entity.name.replace('-', '_')}",
        f"{entity.title}: a page of them, as they last changed",
        entity.name,
        query=RecordsQuery,
        parameters=_fields_of(entity),
        answer=answers(ref(f"{name}List"), "A page of records."),
        example=lambda: {"data": [example_record(entity)], "next_cursor": None, "warnings": []},
        problems=(Code.NOT_FOUND,),
    )
    yield Route(
        "GET",
        f"{API}/{entity.name}/{{record_id}}",
        records.one,
        Scope.READ_RECORDS,
        f"get_{entity.singular.replace('-', '_')}",
        f"{entity.title}: one, by its id",
        entity.name,
        query=ExplainedQuery,
        parameters=_fields_of(entity),
        answer=answers(ref(name), "The record."),
        example=lambda: example_record(entity),
        also=(304,),
        problems=(Code.NOT_FOUND,),
    )


def _health(health: HealthRoutes) -> Iterator[Route]:
    yield Route(
        "GET",
        "/healthz",
        health.healthz,
        Access.PUBLIC,
        "get_health",
        "Whether the process runs",
        "health",
        shown=False,
    )
    yield Route(
        "GET",
        "/readyz",
        health.readyz,
        Access.PUBLIC,
        "get_readiness",
        "Whether it is ready to serve",
        "health",
        answer=answers_model(Readiness),
        shown=False,
    )


def _body_of(shape: type[SyncAsked]) -> dict[str, Any]:
    schema = shape.model_json_schema()
    schema["properties"]["entities"]["items"] = {"type": "string", "enum": list(entities())}
    return takes(schema)


def _fields_of(entity: Entity) -> dict[str, Any]:
    """Return the ``fields`` parameter as a list of the names that there are, separated by commas."""
    names = [*STANDARD, *entity.fields]
    items = {"type": "string", "enum": names}
    schema = {"type": "array", "items": items, "minItems": 1}
    return {"fields": {"schema": schema, "style": "form", "explode": False}}

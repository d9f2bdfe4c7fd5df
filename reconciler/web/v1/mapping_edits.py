"""Mappings edited through the API: in force with the next answer, for a time, with what to commit."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from fastapi import Request
from starlette.responses import Response

from reconciler.model.access import Scope
from reconciler.ports import MappingEdited, MappingEdits, MappingWish
from reconciler.web.needs import Services
from reconciler.web.problems import Code, refuse
from reconciler.web.route import Route
from reconciler.web.security import actor_of, granted_to
from reconciler.web.v1.answers import tell
from reconciler.web.v1.bodies import read_body
from reconciler.web.v1.documents import answers_model, takes_model
from reconciler.web.v1.mapping_edit_schemas import MappingEditAsked, MappingEditTold, edit_told
from reconciler.web.v1.tenants import permit_of
from reconciler.web.v1.visible import visible_connection

MAPPING: Final = "/api/v1/connections/{name}/mappings/{entity}"

_ENDING: Final = (Code.NOT_FOUND, Code.CONFLICT, Code.PLAN_STALE)
_WRITING: Final = (
    Code.PLAN_BLOCKED,
    Code.INVALID_CONTENT,
    Code.SPEC_INVALID,
    Code.UNSUPPORTED_MEDIA_TYPE,
    Code.PAYLOAD_TOO_LARGE,
)


@dataclass(frozen=True)
class MappingEditRoutes:
    """The operations that edit mappings."""

    services: Services

    async def put(self, request: Request, name: str, entity: str) -> Response:
        """Map these fields so for a time, and no others otherwise than git; 201 if nothing was edited."""
        edits, wish = await self._wish(request, name, entity)
        return _told(wish, await edits.put(wish))

    async def patch(self, request: Request, name: str, entity: str) -> Response:
        """Map these fields so for a time, beside those that were edited already."""
        edits, wish = await self._wish(request, name, entity, merge=True)
        return _told(wish, await edits.put(wish))

    async def preview(self, request: Request, name: str, entity: str) -> Response:
        """Answer as to a PATCH, and change nothing."""
        edits, wish = await self._wish(request, name, entity, merge=True)
        return _told(wish, await edits.preview(wish), written=False)

    async def remove(self, request: Request, name: str, entity: str) -> Response:
        """End what was edited; git holds again."""
        edits = await self._edits(request, name)
        wish = self._about(request, name, entity)
        return _told(wish, await edits.end(wish))

    async def _wish(
        self, request: Request, name: str, entity: str, *, merge: bool = False
    ) -> tuple[MappingEdits, MappingWish]:
        edits = await self._edits(request, name)
        asked = await read_body(request, MappingEditAsked)
        return edits, replace(
            self._about(request, name, entity),
            fields=asked.fields,
            custom_fields=asked.custom_fields,
            merge=merge,
            until=asked.until,
            reason=asked.reason,
            max_changed=asked.max_changed or self.services.policy.max_changed,
        )

    async def _edits(self, request: Request, name: str) -> MappingEdits:
        await visible_connection(self.services.in_force, granted_to(request), name)
        if self.services.mapping_edits is None:
            raise refuse(Code.METHOD_NOT_ALLOWED, "this server only reads")
        return self.services.mapping_edits

    def _about(self, request: Request, name: str, entity: str) -> MappingWish:
        given = request.headers.get("if-match", "*").strip()
        return MappingWish(
            name,
            entity,
            actor_of(request),
            request_id=request.state.request_id,
            expected=None if given == "*" else given.removeprefix("W/").strip('"'),
            permit=permit_of(granted_to(request)),
        )


def mapping_edit_routes(edits: MappingEditRoutes) -> Iterator[Route]:
    """Yield the operations that edit mappings."""
    for method, path, made, name, summary in (
        ("PUT", MAPPING, edits.put, "put_mapping", "Map an entity otherwise for a time"),
        ("PATCH", MAPPING, edits.patch, "patch_mapping", "Map some more of it otherwise"),
        ("DELETE", MAPPING, edits.remove, "delete_mapping", "Map it as git says again"),
        ("POST", f"{MAPPING}/preview", edits.preview, "preview_mapping", "What a PATCH would do"),
    ):
        yield Route(
            method,
            path,
            made,
            Scope.WRITE_SPECS,
            name,
            summary,
            "connections",
            answer=answers_model(MappingEditTold),
            also=(201,) if method in {"PUT", "PATCH"} else (),
            problems=_ENDING if method == "DELETE" else (*_ENDING, *_WRITING),
            extra={} if method == "DELETE" else takes_model(MappingEditAsked),
        )


def _told(wish: MappingWish, edited: MappingEdited, *, written: bool = True) -> Response:
    status = 201 if written and edited.created else 200
    response = tell(edit_told(wish.connection, wish.entity, edited), status=status)
    response.headers["ETag"] = f'"{edited.basis}"'
    return response

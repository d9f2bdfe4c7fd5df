"""How fields are mapped, what nobody maps, and what is proposed for it, through the API."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from fastapi import Request
from starlette.responses import Response

from reconciler.engine.reach import Reach
from reconciler.engine.telling import mapping_told, suggestion_told
from reconciler.model.access import Scope
from reconciler.model.resource import ResourceKey
from reconciler.web.needs import Mappings, Services
from reconciler.web.problems import Code
from reconciler.web.route import Route
from reconciler.web.security import granted_to
from reconciler.web.v1.answers import tell
from reconciler.web.v1.documents import answers_model
from reconciler.web.v1.mapping_schemas import MappingTold, SuggestionTold
from reconciler.web.v1.visible import no_connection, visible_connection

_PATH: Final = "/api/v1/connections/{name}/mappings/{entity}"


@dataclass(frozen=True)
class MappingRoutes:
    """The operations that read mappings."""

    services: Services

    async def one(self, request: Request, name: str, entity: str) -> Response:
        """Answer with how the records of an entity are mapped; objects that are not the token's are not named."""
        mappings = await self._mappings(request, name)
        seen = await mappings.look(name, entity)
        situation = await self.services.in_force.look()
        reach = Reach(granted_to(request), situation.state)

        def sees(key: ResourceKey) -> bool:
            resource = situation.state.resources.get(key)
            return reach.grant.everywhere or (resource is not None and reach.sees(resource))

        return tell(MappingTold.model_validate(mapping_told(seen, sees)))

    async def suggestions(self, request: Request, name: str, entity: str) -> Response:
        """Answer with a mapping that is proposed for what nobody maps."""
        mappings = await self._mappings(request, name)
        seen, made = await mappings.suggest(name, entity)
        return tell(SuggestionTold.model_validate(suggestion_told(seen, made)))

    async def _mappings(self, request: Request, name: str) -> Mappings:
        await visible_connection(self.services.in_force, granted_to(request), name)
        if self.services.mappings is None:
            raise no_connection(name)
        return self.services.mappings


def mapping_routes(mappings: MappingRoutes) -> Iterator[Route]:
    """Yield the operations that read mappings."""
    yield Route(
        "GET",
        _PATH,
        mappings.one,
        Scope.READ_RECORDS,
        "get_mapping",
        "How the records of an entity are mapped, and what of them nobody maps",
        "connections",
        answer=answers_model(MappingTold),
        problems=(Code.NOT_FOUND,),
    )
    yield Route(
        "GET",
        f"{_PATH}/suggestions",
        mappings.suggestions,
        Scope.READ_RECORDS,
        "suggest_mapping",
        "A mapping of custom fields for what nobody maps",
        "connections",
        answer=answers_model(SuggestionTold),
        problems=(Code.NOT_FOUND,),
    )

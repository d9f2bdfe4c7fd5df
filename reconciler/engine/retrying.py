"""Deliveries made once more because somebody asks, with an entry in the audit log."""

from collections.abc import Mapping

from reconciler.engine.granting import By
from reconciler.errors import Conflict, NotFound
from reconciler.model.audit import AuditEntry
from reconciler.model.change import State
from reconciler.model.event import Delivery, DeliveryStatus
from reconciler.model.resource import Kind, Resource, ResourceKey
from reconciler.model.sought import DeliveryQuery
from reconciler.ports import Store


def route_named(state: State, name: str) -> tuple[str, Resource]:
    """Return uid and document of the route of this name.

    Raises:
        NotFound: if none is in force.
    """
    key = ResourceKey(Kind.ALERT_ROUTE, name)
    found = state.resources.get(key)
    if found is None:
        raise NotFound(
            f"no route {name[:63]!r} is in force", hint="reconciler route list shows them"
        )
    return state.uids[key], found


def routes_by_uid(state: State) -> Mapping[str, str]:
    """Return the names of routes in force, by uid."""
    return {uid: key.name for key, uid in state.uids.items() if key.kind is Kind.ALERT_ROUTE}


async def retry(store: Store, state: State, delivery_id: str, by: By) -> Delivery:
    """Have one ended delivery made once more; return it as it is then. One on its way stays as it is.

    Raises:
        NotFound: if there is none.
        Conflict: if nothing is sent to its route.
    """
    known = await store.views.delivery(delivery_id)
    if known is None:
        raise NotFound(f"there is no delivery {delivery_id[:64]!r}")
    if known.status is DeliveryStatus.PENDING:
        return known
    await _check(store, state, known.route)
    async with store.begin() as unit:
        await unit.outbox.retry([delivery_id], now=by.at)
        entry = AuditEntry(by.at, by.actor, "delivery.retried", delivery_id, {}, by.request_id)
        await unit.audit.record(entry)
        await unit.commit()
    return known.again(by.at)


async def retry_all(store: Store, state: State, wanted: DeliveryQuery, by: By) -> int:
    """Have all that are dead and fit *wanted* made once more; return how many.

    Raises:
        Conflict: if they are of one route, and nothing is sent to it.
    """
    if wanted.route is not None:
        await _check(store, state, wanted.route)
    async with store.begin() as unit:
        count = await unit.outbox.retry_all(wanted, now=by.at)
        data = {"count": count, "route": wanted.route or ""}
        entry = AuditEntry(by.at, by.actor, "deliveries.retried", "Deliveries", data, by.request_id)
        await unit.audit.record(entry)
        await unit.commit()
    return count


async def _check(store: Store, state: State, uid: str) -> None:
    name = routes_by_uid(state).get(uid)
    if name is None:
        raise Conflict("its route is not in force any more", hint="declare the route again first")
    endpoint = (await store.views.endpoints()).get(uid)
    if endpoint is not None and endpoint.disabled:
        raise Conflict(
            f"the route {name!r} is disabled: nothing is sent to it",
            hint=f"reconciler route enable {name}",
        )

"""What a grant may see: a foreign, an unknown and a missing connection answer the same."""

from reconciler.errors import NotFound
from reconciler.model.access import Grant
from reconciler.model.resource import Resource
from reconciler.web.needs import InForce, Situation
from reconciler.web.problems import Code, Refused, refuse


async def visible_uids(in_force: InForce, grant: Grant, name: str | None) -> tuple[str, ...] | None:
    """Return the uids of the connections to read: of *name*, or all that *grant* sees (``None``: all).

    Raises:
        Refused: if *grant* sees no connection of this name.
    """
    if name is not None:
        situation, connection = await visible_connection(in_force, grant, name)
        return (situation.uid(connection),)
    uids = seen_uids(await in_force.look(), grant)
    return None if uids is None else tuple(sorted(uids))


def seen_uids(situation: Situation, grant: Grant) -> frozenset[str] | None:
    """Return the uids of the connections that *grant* is over in *situation*, ``None`` for all."""
    if grant.everywhere:
        return None
    if grant.connection is not None:
        return frozenset({grant.connection} if situation.holds(grant.connection) else ())
    return situation.chosen(grant.selector)


async def visible_connection(
    in_force: InForce, grant: Grant, name: str
) -> tuple[Situation, Resource]:
    """Return the connection of this name and the situation it is in.

    Raises:
        Refused: if *grant* sees no connection of this name.
    """
    situation = await in_force.look()
    try:
        connection = situation.connection(name)
    except NotFound as error:
        # A token over all connections may know their names; one over some of them may not.
        raise no_connection(name, hint=error.hint if grant.everywhere else "") from None
    if not sees(situation, grant, situation.uid(connection)):
        raise no_connection(name)
    return situation, connection


def sees(situation: Situation, grant: Grant, uid: str) -> bool:
    """Whether *grant* is over the connection with this uid; one over all is over those that are gone too."""
    uids = seen_uids(situation, grant)
    return uids is None or uid in uids


def no_connection(name: str, *, hint: str = "") -> Refused:
    """Return what is answered for a connection that is not there, or is not for this token."""
    return refuse(Code.NOT_FOUND, f"there is no connection {name[:63]!r}", hint=hint)


def entities_of(situation: Situation, connection: Resource) -> tuple[str, ...]:
    """Return the entities of *connection*; none if its connector is gone."""
    try:
        return situation.entities(connection)
    except NotFound:
        return ()

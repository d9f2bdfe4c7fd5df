"""What a token over some connections may see and write of specs: what is about them alone.

What is foreign and what is missing answer the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from reconciler.engine.reach import FIXED, Reach
from reconciler.model.access import Grant
from reconciler.model.audit import Past
from reconciler.model.change import State
from reconciler.model.resource import Kind, Resource, ResourceKey, make_resource
from reconciler.ports import Permit
from reconciler.web.problems import Code, Refused, refuse
from reconciler.web.v1.visible import no_connection


def permit_of(grant: Grant) -> Permit | None:
    """Return what refuses edits that *grant* may not make; ``None``: it may make all."""
    if grant.everywhere:
        return None

    async def permit(state: State, before: Resource | None, after: Resource | None) -> None:
        reach = Reach(grant, state)
        if before is not None and not reach.covers(before):
            raise not_in_force(before.key)
        if after is not None and not reach.covers(after):
            raise _denied("writes only what is about its connections, and stays so")
        _check_connection(before, after)

    return permit


def check_document(reach: Reach, document: Mapping[str, Any]) -> None:
    """Return if every connection and object that *document* names is one that *reach* covers.

    Raises:
        Refused: as for a connection or object that is not there.
    """
    if reach.grant.everywhere:
        return
    for name in _connections(document):
        if not reach.owns(ResourceKey(Kind.CONNECTION, name)):
            raise no_connection(name)
    target = _target(document)
    if target is not None and not reach.covers_key(target):
        raise not_in_force(target)


def check_everywhere(grant: Grant, deed: str) -> None:
    """Raise ``Refused`` unless *grant* is over all connections; *deed* is what only such a token does."""
    if not grant.everywhere:
        raise refuse(Code.PERMISSION_DENIED, f"only a token over all connections {deed}")


def own_past(reach: Reach, uid: str | None, past: Sequence[Past]) -> Sequence[Past]:
    """Return what of the *past* of an object was about connections of *reach* before and after."""
    if reach.grant.everywhere:
        return past
    return [one for one in past if one.uid == uid and all(map(reach.covers, _sides(one)))]


def sees_drift(reach: Reach, state: State, key: ResourceKey) -> bool:
    """Whether *reach* covers what is in force under *key*, and what git has applied there."""
    if reach.grant.everywhere:
        return True
    resource = state.resources.get(key)
    return resource is not None and reach.sees(resource) and reach.sees(_applied(state, resource))


def not_in_force(key: ResourceKey) -> Refused:
    """Return what is answered for an object that is not there, or is not for this token."""
    return refuse(Code.NOT_FOUND, f"{str(key)[:128]} is not in force")


def _check_connection(before: Resource | None, after: Resource | None) -> None:
    """Refuse to make, remove or redirect a connection: a name may have a past, and secrets are shared."""
    resource = after or before
    if resource is None or resource.key.kind is not Kind.CONNECTION:
        return
    if before is None or after is None:
        raise _denied("neither makes nor removes connections")
    old, new = before.spec, after.spec
    changed = [part for part in FIXED if old.get(part) != new.get(part)]
    if changed:
        raise _denied(f"does not change spec.{changed[0]} of a connection")


def _denied(deed: str) -> Refused:
    return refuse(
        Code.PERMISSION_DENIED,
        f"a token over some connections {deed}",
        hint="use a token over all connections",
    )


def _connections(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of connections that stand in a document which nobody has checked yet."""
    spec = _mapping(document.get("spec"))
    for place in (spec, _mapping(spec.get("given")), _mapping(spec.get("expect"))):
        if isinstance(place.get("connection"), str):
            yield place["connection"]


def _target(document: Mapping[str, Any]) -> ResourceKey | None:
    """Return what a document that nobody has checked yet is an exception of."""
    target = _mapping(_mapping(document.get("spec")).get("target"))
    kind, name = target.get("kind"), target.get("name")
    if isinstance(kind, str) and isinstance(name, str) and kind in set(Kind):
        return ResourceKey(Kind(kind), name)
    return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _sides(past: Past) -> Iterator[Resource]:
    for body in (past.before, past.after):
        if body is not None:
            yield make_resource(past.key, msgspec.json.decode(body))


def _applied(state: State, resource: Resource) -> Resource:
    return state.applied.get(resource.key, resource)

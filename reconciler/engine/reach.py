"""What a grant is over in one state: its connections, and the objects that are about them alone."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from reconciler.model.access import Grant, Token
from reconciler.model.change import State
from reconciler.model.resource import Kind, Resource, ResourceKey
from reconciler.model.selector import Selector

OPERATORS: Final = frozenset({Kind.ALERT_ROUTE, Kind.CONNECTION_SET, Kind.ENVIRONMENT})
"""Kinds that hold what is the operator's, or all customers': no grant over some connections sees them."""

FIXED: Final = ("connector", "config", "auth")
"""Parts of a connection's spec that a grant over some connections may not change: where the system is and
how it is logged in to. Credentials that others share would go wherever these say."""


class Reach:
    """Whether *grant* is over a connection or an object in *state*. Labels are those of the state itself."""

    def __init__(self, grant: Grant, state: State) -> None:
        self.grant = grant
        self._state = state
        self._owned: dict[ResourceKey, bool] = {}
        self._used: frozenset[ResourceKey] | None = None
        self._own: frozenset[str] | None = None

    def owns(self, key: ResourceKey) -> bool:
        """Whether the grant is over the connection in force that is called so; a missing one it is not."""
        if key not in self._owned:
            found = self._state.resources.get(key)
            uid = self._state.uids.get(key)
            self._owned[key] = (
                found is not None
                and key.kind is Kind.CONNECTION
                and self.grant.covers(uid, found.labels)
            )
        return self._owned[key]

    def covers(self, resource: Resource) -> bool:
        """Whether *resource*, in force or not yet, is about connections of the grant and about no other.

        One that selects connections is if all that it could ever choose are the grant's: its selector
        asks for all labels that the grant's asks for.
        """
        if self.grant.everywhere:
            return True
        if resource.key.kind is Kind.CONNECTION:
            return self.grant.covers(self._state.uids.get(resource.key), resource.labels)
        return self._about(resource)

    def covers_key(self, key: ResourceKey) -> bool:
        """Whether something is in force under *key*, and is covered."""
        found = self._state.resources.get(key)
        return found is not None and self.covers(found)

    def sees(self, resource: Resource) -> bool:
        """Whether *resource* may be read: it is covered, or is a connector that an own connection uses."""
        if resource.key.kind is Kind.CONNECTOR and not self.grant.everywhere:
            return resource.key in self._connectors()
        return self.covers(resource)

    def sees_token(self, token: Token) -> bool:
        """Whether *token* is over nothing that the grant is not over."""
        if self.grant.everywhere:
            return True
        if token.connection is not None:
            return token.connection in self._uids()
        return self.includes(token.selector)

    def includes(self, selector: Selector) -> bool:
        """Whether all that *selector* could ever choose is the grant's."""
        if self.grant.everywhere:
            return True
        return bool(self.grant.selector) and set(self.grant.selector) <= set(selector)

    def _about(self, resource: Resource) -> bool:
        spec = resource.spec
        match resource.key.kind:
            case Kind.MAPPING | Kind.SYNC_SCHEDULE:
                return self._target(spec)
            case Kind.EXPECTATION:
                other = spec["expect"].get("connection")
                return self._target(spec["given"]) and (other is None or self._named(other))
            case Kind.OVERRIDE:
                target = spec["target"]
                return self.covers_key(ResourceKey(Kind(target["kind"]), target["name"]))
            case _:
                return False

    def _target(self, spec: Mapping[str, Any]) -> bool:
        if spec.get("connection") is not None:
            return self._named(spec["connection"])
        labels: Mapping[str, str] = (spec.get("selector") or {}).get("matchLabels") or {}
        return self.includes(tuple(labels.items()))

    def _named(self, name: str) -> bool:
        return self.owns(ResourceKey(Kind.CONNECTION, name))

    def _uids(self) -> frozenset[str]:
        if self._own is None:
            uids = self._state.uids.items()
            self._own = frozenset(uid for key, uid in uids if self.owns(key))
        return self._own

    def _connectors(self) -> frozenset[ResourceKey]:
        if self._used is None:
            self._used = frozenset(self._connectors_used())
        return self._used

    def _connectors_used(self) -> Iterator[ResourceKey]:
        for key in self._state.uids:
            if key.kind is Kind.CONNECTION and self.owns(key):
                yield ResourceKey(Kind.CONNECTOR, self._state.resources[key].spec["connector"])

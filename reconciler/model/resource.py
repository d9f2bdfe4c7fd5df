"""Resources: what a spec declares, and what is kept of it when it is applied."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import msgspec

from reconciler.model.value import canonical, digest


class Kind(StrEnum):
    """The closed set of things a spec can declare."""

    CONNECTOR = "Connector"
    CONNECTION = "Connection"
    MAPPING = "Mapping"
    SYNC_SCHEDULE = "SyncSchedule"
    ALERT_ROUTE = "AlertRoute"
    CONNECTION_SET = "ConnectionSet"
    ENVIRONMENT = "Environment"
    EXPECTATION = "Expectation"
    OVERRIDE = "Override"


class Owner(StrEnum):
    """Who may change and prune a resource: the specs in git, or a person through the API."""

    GIT = "git"
    API = "api"


@dataclass(frozen=True, slots=True, order=True)
class ResourceKey:
    """The one name of a thing, in YAML, queue, log and URL: ``Connection/acme-erp``."""

    kind: Kind
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class Origin:
    """A place in a file; lines and columns count from 1, as editors do."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Resource:
    """One declared thing, normalised: defaults filled in, sets sorted, secrets by reference only.

    ``canonical`` is the body as canonical JSON (``{"metadata": {"labels", "annotations"}, "spec"}``):
    bytes, so that the value is frozen, compared and stored without a walk. ``needs`` are the keys it
    refers to. ``previous_name`` asks for a rename and is not part of the body.
    """

    key: ResourceKey
    canonical: bytes
    digest: str
    needs: frozenset[ResourceKey] = frozenset()
    owner: Owner = Owner.GIT
    origin: Origin | None = None
    previous_name: str | None = None

    @property
    def body(self) -> Mapping[str, Any]:
        """The body, decoded anew at each call: ask once and keep it."""
        decoded: Mapping[str, Any] = msgspec.json.decode(self.canonical)
        return decoded

    @property
    def spec(self) -> Mapping[str, Any]:
        """The ``spec`` of the body."""
        spec: Mapping[str, Any] = self.body["spec"]
        return spec

    @property
    def labels(self) -> Mapping[str, str]:
        """The ``metadata.labels`` of the body."""
        labels: Mapping[str, str] = self.body["metadata"]["labels"]
        return labels


def make_resource(
    key: ResourceKey,
    body: Mapping[str, Any],
    *,
    needs: frozenset[ResourceKey] = frozenset(),
    owner: Owner = Owner.GIT,
    origin: Origin | None = None,
) -> Resource:
    """Return the resource of a normalised *body*, with its canonical bytes and digest."""
    metadata = body.get("metadata", {})
    whole = {
        "metadata": {
            "labels": metadata.get("labels", {}),
            "annotations": metadata.get("annotations", {}),
        },
        "spec": body["spec"],
    }
    text = canonical(whole)
    return Resource(key, text, digest(text), needs, owner, origin)


def with_body(resource: Resource, body: Mapping[str, Any]) -> Resource:
    """Return *resource* with another whole *body* (``metadata`` and ``spec``, nothing else)."""
    text = canonical(body)
    return replace(resource, canonical=text, digest=digest(text))

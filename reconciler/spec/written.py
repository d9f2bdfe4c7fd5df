"""A resource as a document: what a spec would have to say for it, as JSON, which is YAML."""

from collections.abc import Iterable
from typing import Any

from reconciler.model.resource import Resource
from reconciler.model.value import canonical
from reconciler.spec.kinds.envelope import API_VERSION


def document_of(resource: Resource) -> dict[str, Any]:
    """Return the document that loads as *resource*."""
    body = resource.body
    metadata = {key: value for key, value in body["metadata"].items() if value}
    return {
        "apiVersion": API_VERSION,
        "kind": resource.key.kind.value,
        "metadata": {"name": resource.key.name, **metadata},
        "spec": body["spec"],
    }


def file_of(resources: Iterable[Resource]) -> bytes:
    """Return a file that holds the documents of *resources*."""
    return b"".join(b"---\n" + canonical(document_of(one)) + b"\n" for one in resources)

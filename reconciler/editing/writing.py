"""A resource that has no file yet as a document: what a person would have written, and no more."""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from reconciler.editing.order import in_order, order_of
from reconciler.editing.quoting import entry_lines, indented, lines_of
from reconciler.errors import EditRefused
from reconciler.model.resource import Kind, Resource, ResourceKey
from reconciler.model.value import canonical, digest
from reconciler.spec.document import read_values
from reconciler.spec.examine import keep_nulls
from reconciler.spec.kinds.envelope import API_VERSION
from reconciler.spec.kinds.schedule import DEFAULT_EVERY
from reconciler.spec.survey import survey
from reconciler.spec.template import Scope, fill

FOLDERS: Final[Mapping[Kind, str]] = {
    Kind.CONNECTOR: "connectors",
    Kind.CONNECTION: "connections",
    Kind.MAPPING: "mappings",
    Kind.SYNC_SCHEDULE: "schedules",
    Kind.ALERT_ROUTE: "alerts",
    Kind.EXPECTATION: "expectations",
    Kind.OVERRIDE: "overrides",
}
"""The folder of each kind that can be in force."""


def write_documents(resources: Iterable[Resource]) -> dict[str, str]:
    """Return a file for each of *resources*: ``{"connections/acme-erp.yaml": text}``.

    Raises:
        EditRefused: if one of them cannot be written so that it is read as what it is.
    """
    ordered = sorted(resources, key=lambda resource: resource.key)
    return {path_of(resource.key): write_document(resource) for resource in ordered}


def path_of(key: ResourceKey) -> str:
    """Return the file that a document of its own would have: ``mappings/acme-erp-vendors.yaml``."""
    return f"{FOLDERS[key.kind]}/{key.name}.yaml"


def write_document(resource: Resource) -> str:
    """Return *resource* as YAML that validates as it stands and gives the same digest.

    Defaults are left out; keys are in the order of the kind's model. What was applied before its kind
    had some default gives the digest that it has with it.

    Raises:
        EditRefused: if it cannot be: a text that would be filled in as a template, or a literal secret.
    """
    document = brief(resource.key, resource.body)
    lines = [
        *(
            line
            for key in ("apiVersion", "kind", "metadata")
            for line in entry_lines(key, document[key])
        ),
        "spec:",
        *indented(lines_of(document["spec"]), 2),
    ]
    text = "\n".join(lines) + "\n"
    _check(resource, text)
    return text


def brief(key: ResourceKey, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document of *body* without what is there by default."""
    kind = str(key.kind)
    made: dict[str, Any] = _dumped(_whole(key, body), kind, exclude_defaults=True)
    if kind == Kind.SYNC_SCHEDULE and made["spec"].get("every") == DEFAULT_EVERY:
        del made["spec"]["every"]
    ordered: dict[str, Any] = in_order(made, order_of(kind))
    return ordered


def normal(resource: Resource) -> Resource:
    """Return *resource* as it would be read today: with the defaults that came after it was applied."""
    return replace(
        resource, **_canonical(_whole(resource.key, resource.body), str(resource.key.kind))
    )


def _whole(key: ResourceKey, body: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {"name": key.name, **body["metadata"]}
    return {
        "apiVersion": API_VERSION,
        "kind": str(key.kind),
        "metadata": metadata,
        "spec": body["spec"],
    }


def _canonical(document: Mapping[str, Any], kind: str) -> dict[str, Any]:
    body = _dumped(document, kind, exclude_defaults=False)
    metadata = {name: body["metadata"][name] for name in ("labels", "annotations")}
    text = canonical({"metadata": metadata, "spec": body["spec"]})
    return {"canonical": text, "digest": digest(text)}


def _dumped(document: Mapping[str, Any], kind: str, *, exclude_defaults: bool) -> Any:
    from pydantic import ValidationError  # noqa: PLC0415  the models are slow to build

    from reconciler.spec.shapes import KINDS, model_of, shape_findings  # noqa: PLC0415  likewise

    validate, dump = model_of(kind)
    try:
        model = validate(canonical(document), by_alias=True, by_name=False)
    except ValidationError as error:
        name = document["metadata"]["name"]
        first = next(iter(shape_findings(error, dict(document), KINDS[kind])))
        at = ".".join(str(step) for step in first.path)
        raise EditRefused(f"{kind}/{name}: {at}: {first.message}", hint=first.hint) from None
    made = dump(model, by_alias=True, exclude_none=True, exclude_defaults=exclude_defaults)
    keep_nulls(document, made)
    return made


def _check(resource: Resource, text: str) -> None:
    """Read *text* as the reader does, and see that it is *resource*."""
    key = resource.key
    read = read_values(text.encode()) or []
    if len(read) != 1:
        raise EditRefused(f"{key} holds a text that cannot be written as YAML", hint=_BY_HAND)
    data = read[0].value
    seen = survey(copy.deepcopy(data))
    if seen.secrets:
        said = ".".join(str(step) for step in seen.secrets[0].path)
        raise EditRefused(f"{key}: {said}: {seen.secrets[0].message}", hint=seen.secrets[0].hint)
    if fill(seen.templates, str(key.kind), Scope(), None).changed:
        path = next(".".join(str(s) for s in one.path) for one in seen.templates)
        raise EditRefused(f"{key}: {path} holds {{{{, which would be filled in", hint=_BY_HAND)
    if _canonical(data, str(key.kind))["canonical"] != normal(resource).canonical:
        raise EditRefused(f"{key} would be read as something else", hint=_BY_HAND)


_BY_HAND: Final = "write its document by hand"

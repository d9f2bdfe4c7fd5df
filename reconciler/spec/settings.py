"""Connections against their connector: each setting known, given where needed, of its type, and no secret in the open."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from reconciler.spec.finding import Finding, Way, meant
from reconciler.spec.kinds.auth import TLS

Manifest = Mapping[str, Any]
"""The ``spec`` of a connector's body."""


def connection_findings(
    spec: Mapping[str, Any], manifests: Mapping[str, Manifest]
) -> Iterator[Finding]:
    """Yield what does not fit the connector of a connection."""
    name = spec["connector"]
    manifest = manifests.get(name)
    if manifest is None:
        yield Finding(
            "R201", ("spec", "connector"), f"unknown connector '{name}'", meant(name, manifests)
        )
        return
    config = spec.get("config", {})
    yield from _settings(config, manifest.get("config", {}), ("spec", "config"), parent=("spec",))
    yield from _auth(spec.get("auth"), manifest, name)
    for entity in spec.get("entities", ()):
        if entity not in manifest["streams"]:
            said = f"connector '{name}' has no entity '{entity}'"
            hint = meant(entity, manifest["streams"])
            yield Finding("R305", ("spec", "entities"), said, hint, needle=entity)


def _auth(auth: Mapping[str, Any] | None, manifest: Manifest, name: str) -> Iterator[Finding]:
    methods = manifest.get("auth", {})
    if auth is None:
        if methods and all(method["type"] != "none" for method in methods.values()):
            said = f"key 'auth' is missing: connector '{name}' needs a login"
            yield Finding("R302", ("spec",), said, f"methods: {', '.join(methods)}")
        return
    method = methods.get(auth["method"])
    if method is None:
        said = f"connector '{name}' has no auth method '{auth['method']}'"
        yield Finding("R304", ("spec", "auth", "method"), said, meant(auth["method"], methods))
        return
    given = {key: value for key, value in auth.items() if key != "method"}
    yield from _settings(given, auth_fields(method), ("spec", "auth"), parent=("spec", "auth"))


def auth_fields(method: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """Return what a connection may give under ``auth`` for an auth *method* of a manifest's body."""
    return {**TLS, **method.get("base", method).get("fields", {})}


def _settings(
    given: Mapping[str, Any], fields: Mapping[str, Any], path: Way, *, parent: Way
) -> Iterator[Finding]:
    for key, value in given.items():
        field = fields.get(key)
        if field is None:
            said = f"unknown setting '{key}'"
            yield Finding("R301", (*path, key), said, meant(key, fields), on_key=True)
        else:
            yield from _setting(key, value, field, (*path, key))
    for key, field in fields.items():
        if field.get("required") and key not in given and "default" not in field:
            hint = (
                f"write {key}: {{env: NAME}}"
                if field.get("secret")
                else field.get("description", "")
            )
            place = path if given else parent
            yield Finding("R302", place, f"setting '{key}' is missing in '{path[-1]}'", hint)


def _setting(key: str, value: Any, field: Mapping[str, Any], path: Way) -> Iterator[Finding]:
    if isinstance(value, dict):
        return
    if field.get("secret"):
        yield Finding(
            "R401",
            path,
            f"'{key}' is a secret, and is written as a literal",
            f"write {key}: {{env: NAME}}, {{file: PATH}} or {{connect: true}}; and change it: it was in a file",
        )
        return
    message = _misfit(value, field)
    if message:
        yield Finding("R303", path, f"'{key}' {message}")


_TYPES: Final[Mapping[str, tuple[Any, str]]] = {
    "string": (str, "must be a text"),
    "text": (str, "must be a text"),
    "url": (str, "must be an address"),
    "integer": (int, "must be a whole number"),
    "boolean": (bool, "must be true or false"),
}


def _misfit(value: Any, field: Mapping[str, Any]) -> str:
    """Return why *value* does not fit *field*; ``""`` if it does."""
    kind = field.get("type", "string")
    wanted, message = _TYPES[kind]
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        return message
    if kind == "url" and not value.startswith(("http://", "https://")):
        return "must be an address that starts with http:// or https://"
    if kind == "integer":
        return _bounds(value, field)
    choices = field.get("choices")
    if choices and value not in choices:
        return f"must be one of {', '.join(choices)}"
    return ""


def _bounds(value: int, field: Mapping[str, Any]) -> str:
    least, most = field.get("minimum"), field.get("maximum")
    if least is not None and value < least:
        return f"must be {least} or more"
    if most is not None and value > most:
        return f"must be {most} or less"
    return ""

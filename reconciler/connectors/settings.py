"""What a connection gives to its connector: settings and credentials, with references resolved."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.errors import Invalid
from reconciler.model.reference import word_of
from reconciler.model.resource import Resource
from reconciler.secrets.providers import Resolve
from reconciler.secrets.secret import Secret
from reconciler.spec.kinds.asked import ConfigField
from reconciler.spec.kinds.auth import Auth, tls_fields
from reconciler.spec.kinds.connector import ConnectorSpec


@dataclass(frozen=True, slots=True, repr=False)
class Given:
    """What one connection gives.

    ``context`` is what templates see; ``secrets`` are the values in it that must not be shown.
    """

    name: str
    auth: Auth
    context: Mapping[str, Any]
    secrets: tuple[str, ...]


def read_settings(
    connection: Resource,
    spec: ConnectorSpec,
    resolve: Resolve,
    customer: Mapping[str, str],
) -> Given:
    """Return what *connection* gives for *spec*, *customer* being what its customer gave, by place.

    Raises:
        SecretMissing: if a reference leads nowhere.
        Invalid: if a required setting is missing, or the auth method is not one of the connector's.
    """
    body = connection.spec
    name = str(connection.key)
    given_auth: Mapping[str, Any] = body.get("auth") or {}
    auth = _method(name, given_auth, spec)
    config = _Reader(name, "config", resolve, customer)
    settings = config.read(body.get("config") or {}, spec.config)
    credentials = _Reader(name, "auth", resolve, customer)
    fields = {key: value for key, value in given_auth.items() if key != "method"}
    logins = credentials.read(fields, {**tls_fields(), **auth.fields})
    if isinstance(settings.get("base_url"), str):
        settings["base_url"] = settings["base_url"].rstrip("/")
    context = {"config": settings, "auth": logins}
    return Given(name, auth, context, (*config.secrets, *credentials.secrets))


def _method(name: str, given: Mapping[str, Any], spec: ConnectorSpec) -> Auth:
    method = given.get("method")
    if method is None and len(spec.auth) == 1:
        return next(iter(spec.auth.values()))
    auth = spec.auth.get(str(method))
    if auth is None:
        ways = ", ".join(sorted(spec.auth)) or "none"
        what = (
            "auth.method is missing" if method is None else f"auth.method {method!r} is not known"
        )
        raise Invalid(f"{name}: {what}", hint=f"the connector knows: {ways}")
    return auth


class _Reader:
    """Reads one block of settings, and remembers which of them were secrets."""

    def __init__(
        self, name: str, block: str, resolve: Resolve, customer: Mapping[str, str]
    ) -> None:
        self._name = name
        self._block = block
        self._resolve = resolve
        self._customer = customer
        self.secrets: list[str] = []

    def read(self, given: Mapping[str, Any], fields: Mapping[str, ConfigField]) -> dict[str, Any]:
        """Return the settings of *given* and the defaults of *fields*; what is not given is null."""
        found: dict[str, Any] = {}
        for key in {**fields, **given}:
            field = fields.get(key, ConfigField())
            value = given.get(key, field.default)
            what = f"{self._name}: {self._block}.{key}"
            if word_of(value) is not None:
                value = self._found(key, value, what).reveal()
                self.secrets.append(value)
            elif field.secret and isinstance(value, str):
                self.secrets.append(value)
            if value is None and field.required:
                raise Invalid(f"{what} is missing", hint=field.description)
            found[key] = value
        return found

    def _found(self, key: str, reference: Mapping[str, Any], what: str) -> Secret:
        given = self._customer.get(f"{self._block}.{key}")
        if "connect" in reference and given is not None:
            return Secret(given)
        return self._resolve(reference, what=what)

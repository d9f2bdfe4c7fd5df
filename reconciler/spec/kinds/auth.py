"""Ways to log in, as a manifest declares them: a closed set, told apart by ``type``.

Each names in ``fields`` what a connection gives under ``auth``; which names it needs stands at the type.
"""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field

from reconciler.spec.kinds.asked import ConfigField, Request, Setting, Template
from reconciler.spec.kinds.envelope import Duration, Strict
from reconciler.spec.kinds.rules import Expression

TLS: Final[Mapping[str, Mapping[str, Any]]] = {
    "ca": {
        "type": "text",
        "label": "Certificate authority",
        "description": "Certificates (PEM) of the authority that signed the system's own, if it is a private one",
    },
    "client_certificate": {
        "type": "text",
        "label": "Client certificate",
        "description": "The certificate (PEM) that we show to the system, with those between it and its authority",
    },
    "client_key": {
        "type": "text",
        "secret": True,
        "label": "Key of the client certificate",
        "description": "The private key (PEM) of the client certificate",
    },
    "client_key_password": {
        "type": "string",
        "secret": True,
        "label": "Password of that key",
        "description": "The password of the private key, if it has one",
    },
}
"""What every connection may give under ``auth``, whatever the method. Nothing turns the check of the
system's certificate off."""


@cache
def tls_fields() -> Mapping[str, ConfigField]:
    """Return ``TLS`` as a manifest would declare it."""
    return {name: ConfigField.model_validate(field) for name, field in TLS.items()}


class _Method(Strict):
    fields: dict[Setting, ConfigField] = {}
    """What a connection gives under ``auth`` beside ``method``."""


class NoAuth(_Method):
    """Nothing is sent."""

    type: Literal["none"]
    """No login."""


class ApiKey(_Method):
    """A key goes along with each request. Needs ``key``."""

    type: Literal["api_key"]
    """A key in a header or in the query."""
    header: str | None = None
    """The header that carries it (``X-Api-Key``)."""
    query: str | None = None
    """The query parameter that carries it."""


class Basic(_Method):
    """User and password go along with each request. Needs ``username`` and ``password``."""

    type: Literal["basic"]
    """HTTP Basic."""


class Bearer(_Method):
    """A fixed token goes along with each request. Needs ``token``."""

    type: Literal["bearer"]
    """``Authorization: Bearer``."""


class FollowUp(Request):
    """What is asked after a login."""

    pick: Expression | None = None
    """What is made of the answer. Default: it is kept as it is."""
    otherwise: Any = None
    """Stands for the answer where the system does not let this user ask. Default: then the login fails."""

    @property
    def spared(self) -> bool:
        """Whether the login goes on where the system does not let this user ask."""
        return "otherwise" in self.model_fields_set


class SessionAuth(_Method):
    """A request logs in; its answer makes the headers of later ones, or sets cookies."""

    type: Literal["session"]
    """A session."""
    login: Request
    """The request that logs in; its answer is ``login`` in templates."""
    send: dict[str, Template] = {}
    """Headers of every later request."""
    cookies: bool = False
    """Whether the cookies that the login's answer sets are sent back. Such an answer may be empty, HTML
    or a redirect, which is not followed; ``login`` is then null."""
    after: dict[Setting, FollowUp] = {}
    """Asked once after the login, with its headers; each answer is ``session.<name>`` in templates."""


class _Tokens(_Method):
    token_url: Annotated[Template, Field(alias="tokenUrl")]
    """The token endpoint; https, but for this machine."""
    scopes: tuple[str, ...] = ()
    """What we ask to be allowed."""
    audience: Template | None = None
    """For whom the token is to be, where the server asks for it."""
    token_params: Annotated[dict[str, Template], Field(alias="tokenParams")] = {}
    """More parameters of every request to the token endpoint."""
    client: Literal["basic", "post", "none", "private_key_jwt"] | None = None
    """How the client says who it is: HTTP Basic, in the form, only by its id, or by a signed assertion
    (``key``, RFC 7523). Default: ``basic`` with a ``client_secret``, else ``none``."""
    life: Duration = "1h"
    """How long a token is good where the answer does not say it."""
    scheme: str = "Bearer"
    """The word before the token in ``Authorization``."""


class _Signed(_Tokens):
    algorithm: Literal["RS256", "PS256", "ES256"] = "RS256"
    """How assertions are signed."""
    key_id: Annotated[Template | None, Field(alias="keyId")] = None
    """Which key signs: ``kid`` of the assertion."""
    assertion_audience: Annotated[Template | None, Field(alias="assertionAudience")] = None
    """Who the assertion is for. Default: the token endpoint."""


class ClientCredentials(_Signed):
    """OAuth 2 for programs (RFC 6749, 4.4). Needs ``client_id``, and ``client_secret`` or ``key``.

    The token is kept in memory and renewed early.
    """

    type: Literal["oauth2_client_credentials"]
    """OAuth 2 without a person."""


class AuthorizationCode(_Signed):
    """OAuth 2 with a person's consent (RFC 6749, 4.1), always with PKCE (RFC 7636, S256).

    Needs ``client_id``, and ``client_secret`` or ``key`` where the server asks for one. The customer
    consents through the connect page; refresh tokens are kept sealed, and rotate.
    """

    type: Literal["oauth2_authorization_code"]
    """OAuth 2 with a person's consent."""
    authorize_url: Annotated[Template, Field(alias="authorizeUrl")]
    """The page where the customer consents; https, but for this machine."""
    authorize_params: Annotated[dict[str, Template], Field(alias="authorizeParams")] = {}
    """More parameters of its address (``prompt``, ``access_type``)."""


class JwtBearer(_Signed):
    """OAuth 2 with a signed assertion (RFC 7523). Needs ``key``, a private key as PEM."""

    type: Literal["oauth2_jwt_bearer"]
    """OAuth 2 with a key instead of a person."""
    issuer: Template = "{{ auth.client_id }}"
    """Who says it."""
    subject: Template | None = None
    """For whom. Default: the issuer."""
    claims: dict[str, Template] = {}
    """More claims of the assertion (``scope``)."""


class OAuth1(_Method):
    """Signed requests (RFC 5849). Needs ``consumer_key``, ``consumer_secret``, ``token``, ``token_secret``."""

    type: Literal["oauth1"]
    """OAuth 1."""
    signature: Literal["HMAC-SHA256", "HMAC-SHA1"] = "HMAC-SHA256"
    """How requests are signed."""
    realm: Template | None = None
    """The realm in the header (NetSuite: the account)."""


_Base: TypeAlias = Annotated[
    NoAuth
    | ApiKey
    | Basic
    | Bearer
    | SessionAuth
    | ClientCredentials
    | AuthorizationCode
    | JwtBearer
    | OAuth1,
    Field(discriminator="type"),
]


class ODataCsrf(Strict):
    """Another way to log in, and SAP's token against forged requests for those that are not GET.

    Before the first such request the token is fetched, with its cookies; again when the system answers
    403 and ``x-csrf-token: Required``. The ``fields`` are those of the base.
    """

    type: Literal["odata_csrf"]
    """A login with ``x-csrf-token``."""
    base: _Base
    """How to log in."""
    fetch: Request = Request()
    """The GET that fetches the token; default: the endpoint itself."""

    @property
    def fields(self) -> dict[str, ConfigField]:
        """What a connection gives under ``auth`` beside ``method``."""
        return self.base.fields


Auth: TypeAlias = Annotated[
    NoAuth
    | ApiKey
    | Basic
    | Bearer
    | SessionAuth
    | ClientCredentials
    | AuthorizationCode
    | JwtBearer
    | OAuth1
    | ODataCsrf,
    Field(discriminator="type"),
]
"""One way to log in, of a closed set of types."""

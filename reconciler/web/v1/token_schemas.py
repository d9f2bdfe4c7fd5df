"""The public shapes of API tokens. Only one answer holds a text: that to whoever made the token."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from reconciler.engine.granting import LONGEST_GRACE
from reconciler.engine.tokens import LONGEST, networks_of
from reconciler.model.access import Role, Scope, TokenState
from reconciler.model.duration import parse_duration
from reconciler.model.selector import selector_of
from reconciler.web.v1.schemas import Asked, Moment, Place, Told

RoleWord = Literal["viewer", "reader", "operator", "editor", "admin"]
ScopeWord = Literal["read:records", "read:status", "run:sync", "write:specs", "admin"]
StateWord = Literal["valid", "retiring", "revoked", "expired"]
for _closed, _words in ((Role, RoleWord), (Scope, ScopeWord), (TokenState, StateWord)):
    assert set(_closed) == set(_words.__args__)  # type: ignore[attr-defined]  # noqa: S101  the words are those of the model

_STRICT = ConfigDict(
    extra="forbid", strict=True, hide_input_in_errors=True, use_attribute_docstrings=True
)


def _selector(labels: dict[str, str]) -> dict[str, str]:
    return dict(selector_of(labels))


def _grace(text: str) -> str:
    if parse_duration(text) > LONGEST_GRACE:
        raise ValueError(f"a grace is at most {LONGEST_GRACE.days}d")
    return text


Network = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class ConnectionTokenAsked(Asked):
    """A new token of one connection."""

    model_config = ConfigDict(
        **_STRICT, json_schema_extra={"examples": [{"name": "acme back end", "role": "reader"}]}
    )

    name: (
        Annotated[
            str, StringConstraints(min_length=1, max_length=LONGEST, pattern=r"^[^\x00-\x1f\x7f]*$")
        ]
        | None
    ) = None
    """What it is called, in lists and in the audit log. Default: the connection's name."""
    description: Annotated[str, StringConstraints(max_length=1024)] = ""
    """What it is for; for people."""
    role: RoleWord | None = None
    """A named set of scopes. Without role and scopes: `reader`."""
    scopes: Annotated[tuple[ScopeWord, ...], Field(max_length=10)] = ()
    """Scopes beside those of the role."""
    networks: Annotated[
        tuple[Network, ...], Field(max_length=100), AfterValidator(networks_of)
    ] = ()
    """The networks it is heard from (`10.0.0.0/8`); none: any. Behind a proxy, they hold for the proxy."""
    expires_at: Moment | None = None
    """When it ends by itself. RFC 3339, or a date (its start in UTC)."""
    api_version: Annotated[str, StringConstraints(max_length=32)] | None = None
    """The version of the API that it is answered in. Default: the current one."""


class TokenAsked(ConnectionTokenAsked):
    """A new token: of one connection, of all that a selector chooses, or over all of them."""

    model_config = ConfigDict(
        **_STRICT,
        json_schema_extra={
            "examples": [{"name": "acme", "role": "operator", "selector": {"customer": "acme"}}]
        },
    )

    connection: Place | None = None
    """The one connection that it is over."""
    selector: (
        Annotated[dict[str, str], Field(min_length=1, max_length=20), AfterValidator(_selector)]
        | None
    ) = None
    """Labels: it is over the connections that have all of them when a request is made."""


class RotateAsked(Asked):
    """A new text for the rights of a token."""

    model_config = ConfigDict(**_STRICT, json_schema_extra={"examples": [{"grace": "24h"}, {}]})

    grace: Annotated[
        str, StringConstraints(pattern=r"^[0-9]{1,9}[smhdw]$"), AfterValidator(_grace)
    ] = "0s"
    """How long the old one lives on: `24h`; at most 30 days."""

    @property
    def span(self) -> timedelta:
        """The grace as a duration."""
        return parse_duration(self.grace)


class TokenShown(Told):
    """A token, without its text."""

    id: str
    prefix: str
    """How its text begins."""
    name: str
    description: str
    role: RoleWord | None
    scopes: list[str]
    """All that it may do, those of its role among them."""
    connection: str | None
    """The one connection it is over; its uid if that is gone."""
    selector: dict[str, str] | None
    """The labels of the connections it is over. Null, as `connection`: all."""
    networks: list[str]
    """The networks it is heard from; none: any."""
    api_version: str
    state: StateWord
    """`retiring`: it was replaced, and dies at `revoked_at`."""
    created_at: datetime
    created_by: str | None
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    """To the minute; null: never."""
    replaced_by: str | None
    """The id of the token that came in its place."""


class TokenList(Told):
    """A page of tokens, the newest first."""

    data: list[TokenShown]
    next_cursor: str | None


class TokenMade(TokenShown):
    """A new token, and its text: keep it now, nobody can read it again."""

    text: str

"""The public shapes of connect links."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from reconciler.web.v1.schemas import Asked, Told

Span = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}[smhdw]$")]
LinkWord = Literal["open", "used", "expired", "revoked", "locked"]


class LinkAsked(Asked):
    """A connect link to make."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        json_schema_extra={"examples": [{"expires": "24h"}, {}]},
    )

    expires: Span | None = None
    """How long it is good, `1h` to `7d`. Default: `24h`."""
    redirect: Annotated[str, StringConstraints(max_length=2048)] | None = None
    """Where the customer's browser goes at the end, with `state` and a one-time `code`; at a place that the
    operator allows."""
    state: Annotated[str, StringConstraints(max_length=1024)] | None = None
    """Comes back with the redirect as it is given here."""
    show_token: bool = False
    """Whether the customer sees the new API token, once."""
    grace: Span = "0s"
    """How long the token before stays good beside the new one, at most `7d`."""


class LinkTold(Told):
    """How a connect link stands; its text is never shown again."""

    id: str
    connection: str
    state: LinkWord
    """`locked`: open, and too many credentials were refused."""
    created_by: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None
    redirect: str | None
    tries: int
    """How many credentials the system has refused."""


class LinkMade(LinkTold):
    """A new connect link. `url` is for the customer, and is answered this once."""

    url: str


class Links(Told):
    """The links of a connection, the newest first."""

    data: list[LinkTold]


class ExchangeAsked(Asked):
    """What a token is fetched for: the `code` that came with the redirect, or a used `link`'s id."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        json_schema_extra={"examples": [{"link": "lnk_0193a0b2c4d61f2e3d4c5b6a7988"}]},
    )

    code: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """The one-time code, good for 10 minutes after the customer was done."""
    link: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """The id of a link that has no redirect and shows no token, for 24 hours after it was used."""


class TokenHanded(Told):
    """A connection's new API token; its text is answered this once."""

    token: str
    id: str
    connection: str
    link: str
    scopes: list[str]
    api_version: str
    expires_at: datetime | None

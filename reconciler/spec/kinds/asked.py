"""What a manifest asks: settings of a connection, and requests to its system."""

from typing import Annotated, Any, Literal

from pydantic import StringConstraints

from reconciler.spec.kinds.envelope import Strict

Template = Annotated[str, StringConstraints(max_length=4096)]
Setting = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=63)]


class ConfigField(Strict):
    """One setting that a connection gives."""

    type: Literal["string", "text", "url", "integer", "boolean"] = "string"
    """What its value is; ``text`` has several lines, as a certificate does."""
    label: str = ""
    """What people call it, shown on the connect page; default: its name in words."""
    required: bool = False
    """Whether a connection must give it."""
    secret: bool = False
    """A literal here is an error: only a reference may be given."""
    default: str | int | bool | None = None
    """What it is where a connection does not give it."""
    description: str = ""
    """What it is for, shown on the connect page and in errors."""
    minimum: int | None = None
    """Of an integer: the least that is allowed."""
    maximum: int | None = None
    """Of an integer: the most that is allowed."""
    choices: tuple[str, ...] | None = None
    """Of a text: the values that are allowed."""


class Request(Strict):
    """One HTTP request."""

    method: Literal["GET", "POST"] = "GET"
    """The HTTP method."""
    path: Template = ""
    """Joined to the connector's ``endpoint``."""
    query: dict[str, Any] = {}
    """Query parameters; one whose value is null is left out."""
    headers: dict[str, Template] = {}
    """Headers of this request."""
    body: Any = None
    """Sent as JSON. For ``jsonrpc``: the ``params`` of the call."""
    form: dict[str, Any] | None = None
    """Sent as a form instead of a ``body``; a field whose value is null is left out."""
    call: Template | None = None
    """For ``jsonrpc``: the method's name."""

"""Requests of a manifest, compiled once and filled in for each request.

A text that is one expression and nothing else keeps the type of its value. A query parameter whose
value is null is left out; one whose value is a list is sent once for each item.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from reconciler.errors import SourceInvalid
from reconciler.mapping.template import Template, TemplateInvalid, compile_template, is_template
from reconciler.spec.kinds.asked import Request

Context: TypeAlias = Mapping[str, Any]
Fill: TypeAlias = Callable[[Context], Any]


@dataclass(frozen=True, slots=True, repr=False)
class Filled:
    """A request with nothing left to fill in. It may hold secrets, so that it does not print them."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: Any
    call: str | None
    form: tuple[tuple[str, str], ...] | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A compiled request."""

    method: str
    path: Fill
    query: Fill
    headers: Fill
    body: Fill
    call: Fill | None
    form: Fill | None = None

    def fill(self, context: Context, more: Mapping[str, Any] | None = None) -> Filled:
        """Return it filled in from *context*, with *more* parameters in its query or its body.

        Raises:
            SourceInvalid: if a template of the manifest cannot be filled in.
        """
        query, body = self.query(context), self.body(context)
        if more and self.method == "POST" and isinstance(body, dict):
            body = {**body, **more}
        elif more:
            query = {**query, **more}
        headers = {name: str(text) for name, text in self.headers(context).items()}
        call = None if self.call is None else str(self.call(context))
        path = str(self.path(context))
        form = None if self.form is None else _pairs(self.form(context))
        return Filled(self.method, path, _pairs(query), headers, body, call, form)


def compile_request(request: Request, headers: Mapping[str, str] | None = None) -> Question:
    """Return *request* compiled; *headers* go along with every request of the connector.

    Raises:
        TemplateInvalid: if one of its texts is no template.
    """
    return Question(
        request.method,
        compile_text(request.path),
        compile_value(request.query),
        compile_value({**(headers or {}), **request.headers}, as_text=True),
        compile_value(request.body),
        None if request.call is None else compile_text(request.call),
        None if request.form is None else compile_value(request.form),
    )


def compile_text(text: str) -> Fill:
    """Return what fills in *text*; the result is a text."""
    return compile_value(text, as_text=True)


def compile_value(value: Any, *, as_text: bool = False) -> Fill:
    """Return what fills in the texts of *value*, a JSON value; one without templates is a constant."""
    if isinstance(value, str) and is_template(value):
        template: Template = compile_template(value)
        return _told(template.render if as_text else template.value)
    if isinstance(value, Mapping) and _holds_template(value):
        parts = {key: compile_value(item, as_text=as_text) for key, item in value.items()}
        return lambda context: {key: part(context) for key, part in parts.items()}
    if isinstance(value, list | tuple) and _holds_template(value):
        items = [compile_value(item, as_text=as_text) for item in value]
        return lambda context: [item(context) for item in items]
    return lambda _context: value


def _told(fill: Fill) -> Fill:
    """Return *fill* with its error in our words: what the manifest asks for was not there."""

    def told(context: Context) -> Any:
        try:
            return fill(context)
        except TemplateInvalid as error:
            raise SourceInvalid(
                f"a template of the connector cannot be filled in: {error}",
                hint="correct the connector's manifest, or give the setting that it needs",
            ) from None

    return told


def _holds_template(value: Any) -> bool:
    if isinstance(value, str):
        return is_template(value)
    if isinstance(value, Mapping):
        return any(map(_holds_template, value.values()))
    return isinstance(value, list | tuple) and any(map(_holds_template, value))


def _pairs(query: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        items = value if isinstance(value, list | tuple) else (value,)
        pairs.extend((name, query_text(item)) for item in items if item is not None)
    return tuple(pairs)


def query_text(value: Any) -> str:
    """Return *value* as it is written in a URL: booleans as ``true`` and ``false``."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def joined(endpoint: str, path: str) -> str:
    """Return the URL of *path* below *endpoint*."""
    return f"{endpoint.rstrip('/')}/{path.lstrip('/')}" if path else endpoint

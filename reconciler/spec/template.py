"""Templates in documents: which texts are filled in when specs are read, and which are only checked.

Filled in (with ``vars``, and ``item`` in what a set makes): every text value of every kind, but these:

- ``metadata.name`` (except in the template of a set), ``apiVersion``, ``kind``: never templates;
- ``from`` of a field rule: JMESPath; ``tests`` of a mapping: data;
- ``template`` of a field rule: checked, filled in with ``source`` for each record;
- ``title``, ``body`` and a webhook's ``template`` of an alert route: checked, filled in with the message;
- all of a ``Connector``: checked, filled in with the connection's settings for each request;
- ``Environment`` and ``ConnectionSet``: not looked at; what they give to other documents is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import Any, Final

from reconciler.mapping.template import Template, TemplateInvalid, compile_template
from reconciler.spec.finding import Finding, Way, meant
from reconciler.spec.survey import Templated


class Use(Enum):
    """What is done with a text that is a template."""

    FILL = "fill"
    CHECK = "check"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Scope:
    """What templates may name: ``vars`` and ``item``, and where else variables are defined.

    ``environment`` is the chosen one; ``elsewhere`` are the variables of all, with their environments.
    ``known`` is false if the chosen environment could not be read: then nothing is said of variables.
    """

    environment: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    elsewhere: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    known: bool = True

    def context(self, item: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return what templates are filled in from."""
        return {"vars": self.variables} if item is None else {"vars": self.variables, "item": item}


_CONNECTOR_NAMES: Final = frozenset(
    {"config", "auth", "login", "session", "since", "page", "each", "ids"}
)
_RULES: Final = frozenset({"fields", "customFields"})


@dataclass(slots=True)
class Filled:
    """What came of filling in.

    What is wrong, the paths of texts that could not be filled in, and whether the document is another.
    """

    findings: list[Finding] = field(default_factory=list)
    unfilled: set[Way] = field(default_factory=set)
    changed: bool = False


def fill(
    templates: Iterable[Templated], kind: str, scope: Scope, item: Mapping[str, Any] | None
) -> Filled:
    """Fill in *templates* where they stand, and return what is wrong with them."""
    filler = _Filler(kind, scope, item)
    if kind not in {"Environment", "ConnectionSet"}:
        for one in templates:
            filler.take(one)
    return filler.filled


class _Filler:
    def __init__(self, kind: str, scope: Scope, item: Mapping[str, Any] | None) -> None:
        self._kind = kind
        self._scope = scope
        self._item = item
        self._context = scope.context(item)
        self.filled = Filled()
        self._found = self.filled.findings

    def take(self, one: Templated) -> None:
        """Fill in or check one text."""
        if one.text is None:
            hint = "only values are filled in"
            finding = Finding("R121", one.path, "a key is no template", hint, on_key=True)
            self._found.append(finding)
            return
        use = self._use(one.path)
        if use is Use.FILL:
            one.holder[one.key] = self._filled(one.text, one.path)
            self.filled.changed = True
        elif use is Use.CHECK:
            self._check(one.text, one.path)

    def _use(self, path: Way) -> Use:
        """Return what is done with the text at *path*."""
        if path in _NAMES:
            return Use.FILL if self._item is not None and path == _NAME else Use.LEAVE
        if self._kind == "Connector":
            return Use.LEAVE if path[-1] == "from" else Use.CHECK
        if self._kind == "AlertRoute":
            return Use.CHECK if path in _ALERT_TEXTS else Use.FILL
        if self._kind in {"Mapping", "Override"}:
            return _use_in_rules(path)
        return Use.FILL

    def _filled(self, text: str, path: Way) -> Any:
        template = self._compiled(text, path)
        missing = [] if template is None else self._missing(template)
        if template is None or missing:
            self._found += [self._unknown(way, path) for way in missing if self._tells(way)]
            self.filled.unfilled.add(path)
            return text
        try:
            return template.value(self._context)
        except TemplateInvalid as error:
            self._found.append(Finding("R122", path, str(error)))
            self.filled.unfilled.add(path)
            return text

    def _missing(self, template: Template) -> list[tuple[str, ...]]:
        return [way for way in sorted(template.needs) if not _leads(self._context, way)]

    def _tells(self, way: tuple[str, ...]) -> bool:
        return self._scope.known or way[0] != "vars"

    def _compiled(self, text: str, path: Way) -> Template | None:
        template = compiled(text)
        if isinstance(template, Template):
            return template
        self._found.append(Finding("R121", path, str(template)))
        return None

    def _unknown(self, way: tuple[str, ...], path: Way) -> Finding:
        name = ".".join(way)
        message, hint = f"'{name}' is not defined", ""
        if way[0] not in self._context:
            hint = _not_here(way[0], self._context)
        elif way[0] == "vars" and len(way) > 1:
            message, hint = self._unknown_variable(way[1])
        elif len(way) > 1 and self._item is not None:
            hint = meant(way[1], self._item)
        return Finding("R122", path, message, hint, needle=name)

    def _unknown_variable(self, name: str) -> tuple[str, str]:
        scope = self._scope
        if scope.environment is None:
            where = ", ".join(scope.elsewhere.get(name, ())) or ", ".join(
                sorted({env for names in scope.elsewhere.values() for env in names})
            )
            message = f"'vars.{name}' is not defined: no environment is chosen"
            return message, f"choose one with --env: {where}" if where else "declare an Environment"
        message = f"'vars.{name}' is not defined in environment '{scope.environment}'"
        others = scope.elsewhere.get(name, ())
        if others:
            return message, f"it is in {', '.join(others)}; define it here too"
        return message, meant(name, scope.variables)

    def _check(self, text: str, path: Way) -> None:
        template = self._compiled(text, path)
        allowed = _allowed(self._kind, path)
        if template is None:
            return
        for way in sorted(template.needs | template.asks):
            if way[0] not in allowed:
                message = f"'{way[0]}' is not known here"
                hint = meant(way[0], allowed)
                self._found.append(Finding("R122", path, message, hint, needle=".".join(way)))


_NAME: Final = ("metadata", "name")
_NAMES: Final = (_NAME, ("apiVersion",), ("kind",), ("metadata", "previousName"))
_ALERT_TEXTS: Final = (
    ("spec", "title"),
    ("spec", "body"),
    ("spec", "to", "webhook", "template"),
)
ALERT_NAMES: Final = frozenset(
    {"status", "severity", "title", "text", "key", "count", "event", "events"}
)
"""What the templates of an alert route may start from."""


def _use_in_rules(path: Way) -> Use:
    """Return what is done with a text of a mapping, or of an override of one."""
    if path[1:2] == ("tests",):
        return Use.LEAVE
    if not _RULES.intersection(path[1:5]):
        return Use.FILL
    return {"from": Use.LEAVE, "template": Use.CHECK}.get(str(path[-1]), Use.FILL)


def _allowed(kind: str, path: Way) -> frozenset[str]:
    """Return the names that a checked template may start from."""
    if kind == "AlertRoute":
        return ALERT_NAMES
    if kind == "Connector" and "template" not in path:
        return _CONNECTOR_NAMES
    return frozenset({"source"})


def _not_here(name: str, context: Mapping[str, Any]) -> str:
    if name == "item":
        return "'item' is known in the template of a ConnectionSet only"
    if name in {"env", "secret"}:
        return "write {env: NAME} where a secret is taken"
    return f"known here: {', '.join(sorted(context))}"


def _leads(context: Mapping[str, Any], way: tuple[str, ...]) -> bool:
    """Whether the first two steps of *way* lead somewhere; what lies deeper is told when filled in."""
    if way[0] not in context:
        return False
    return len(way) == 1 or way[1] in context[way[0]]


@lru_cache(maxsize=4096)
def compiled(text: str) -> Template | TemplateInvalid:
    """Return the template of *text*, or why it is none."""
    try:
        return compile_template(text)
    except TemplateInvalid as error:
        return error

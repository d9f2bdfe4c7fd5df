"""The kinds, and what pydantic says of a document's shape in our words, codes and places."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from reconciler.spec.finding import Finding, Way, meant, value_at
from reconciler.spec.kinds.connection import ConnectionDocument
from reconciler.spec.kinds.connector import ConnectorDocument
from reconciler.spec.kinds.envelope import API_VERSION, Envelope, Strict
from reconciler.spec.kinds.environment import EnvironmentDocument
from reconciler.spec.kinds.expectation import ExpectationDocument
from reconciler.spec.kinds.mapping import MappingDocument
from reconciler.spec.kinds.override import OverrideDocument
from reconciler.spec.kinds.route import AlertRouteDocument
from reconciler.spec.kinds.schedule import SyncScheduleDocument
from reconciler.spec.kinds.set import ConnectionSetDocument
from reconciler.spec.known import known_keys

KINDS: Final[Mapping[str, type[Envelope]]] = {
    "Connector": ConnectorDocument,
    "Connection": ConnectionDocument,
    "Mapping": MappingDocument,
    "SyncSchedule": SyncScheduleDocument,
    "AlertRoute": AlertRouteDocument,
    "ConnectionSet": ConnectionSetDocument,
    "Environment": EnvironmentDocument,
    "Expectation": ExpectationDocument,
    "Override": OverrideDocument,
}
"""The model of each kind."""


def head_findings(data: Mapping[str, Any]) -> list[Finding]:
    """Return what is wrong with ``apiVersion`` and ``kind``; with them nothing else can be told."""
    found = []
    version, kind = data.get("apiVersion"), data.get("kind")
    if "kind" not in data:
        found.append(Finding("R102", (), "key 'kind' is missing", f"one of {', '.join(KINDS)}"))
    elif not isinstance(kind, str) or kind not in KINDS:
        said = f"unknown kind '{kind}'" if isinstance(kind, str) else "a kind is a text"
        found.append(Finding("R108", ("kind",), said, meant(str(kind), KINDS)))
    if "apiVersion" not in data:
        found.append(
            Finding("R102", (), "key 'apiVersion' is missing", f"write apiVersion: {API_VERSION}")
        )
    elif version != API_VERSION:
        hint = f"write apiVersion: {API_VERSION}"
        found.append(Finding("R109", ("apiVersion",), "unknown apiVersion", hint))
    return found


@cache
def model_of(kind: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return what validates the JSON of a document of *kind*, and what makes plain values of it again."""
    model = KINDS[kind]
    return model.__pydantic_validator__.validate_json, model.__pydantic_serializer__.to_python


def misfits(text: bytes, data: Any, kind: str) -> list[Finding]:
    """Return what is wrong with the shape of *data*, whose JSON is *text*."""
    try:
        model_of(kind)[0](text, by_alias=True, by_name=False)
    except ValidationError as error:
        return shape_findings(error, data, KINDS[kind])
    return []


def shape_findings(error: ValidationError, data: Any, model: type[Strict]) -> list[Finding]:
    """Return what pydantic found in *data*, which is no *model*, once for each place."""
    places: dict[tuple[Way, bool], list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False, include_input=False):
        path, on_key = _path(detail, data)
        places.setdefault((path, on_key), []).append(detail)
    found: list[Finding] = []
    for (path, on_key), details in places.items():
        for detail in _telling(details, value_at(data, path)):
            found += _findings(detail, path, on_key=on_key, data=data, model=model)
    return found


def _path(detail: ErrorDetails, data: Any) -> tuple[Way, bool]:
    """Return the path of *detail* in *data*: what pydantic adds for unions is left out."""
    path: list[str | int] = []
    on_key = detail["type"] == "extra_forbidden"
    for step in detail["loc"]:
        if step == "[key]":
            on_key = True
        elif _holds(data, step):
            path.append(step)
            data = data[step]
    return tuple(path), on_key


def _holds(data: Any, step: str | int) -> bool:
    if isinstance(data, list):
        return isinstance(step, int) and step < len(data)
    return isinstance(data, dict) and step in data


def _telling(details: list[ErrorDetails], value: Any) -> list[ErrorDetails]:
    """Return those of the errors at one place that tell something: not every branch of a union."""
    if len(details) == 1 or all(detail["type"] == "missing" for detail in details):
        return details
    types = [detail for detail in details if detail["type"].endswith("_type")]
    others = [detail for detail in details if not detail["type"].endswith("_type")]
    if isinstance(value, str):
        others = [d for d in others if d["type"] != "secret_reference"] or others
    missing = [detail for detail in others if detail["type"] == "missing"]
    return missing or others[:1] or types[:1]


def _findings(
    detail: ErrorDetails, path: Way, *, on_key: bool, data: Any, model: type[Strict]
) -> Iterator[Finding]:
    error, context = detail["type"], detail.get("ctx", {})
    value = value_at(data, path)
    if error == "missing":
        yield Finding("R102", path, f"key '{detail['loc'][-1]}' is missing")
    elif error == "extra_forbidden":
        key = str(path[-1])
        yield Finding("R101", path, f"unknown key '{key}'", _near_key(model, path), on_key=True)
    elif error == "rules":
        for name, why in context["at"].items():
            yield Finding("R107", (*path, name), why)
    elif error in _CHOICES:
        yield _choice_finding(context, path, value)
    elif error in _PLAIN:
        yield Finding(_PLAIN[error], path, _message(detail), on_key=on_key)
    elif error.endswith("_type"):
        yield from _wrong_type(error, path, value)
    else:
        code, message = _constraint(error, context, detail["msg"])
        yield Finding(code, path, message, on_key=on_key)


_CHOICES: Final = frozenset({"literal_error", "union_tag_invalid", "union_tag_not_found"})


def _choice_finding(context: Mapping[str, Any], path: Way, value: Any) -> Finding:
    """Return that *value*, or the key in it that tells its forms apart, is none of those there are."""
    if "discriminator" in context:
        key = context["discriminator"].strip("'")
        if not isinstance(value, dict) or key not in value:
            return Finding("R102", path, f"key '{key}' is missing")
        path, value = (*path, key), value[key]
    expected = context.get("expected") or f"one of {context['expected_tags']}"
    hint = meant(value, _choices(expected)) if isinstance(value, str) else ""
    return Finding("R105", path, f"must be {expected}", hint if hint.startswith("did") else "")


def _near_key(model: type[Strict], path: Way) -> str:
    return meant(str(path[-1]), known_keys(model, path[:-1]))


def _choices(expected: str) -> list[str]:
    return [
        word.strip(" '")
        for word in expected.removeprefix("one of ").replace(" or ", ",").split(",")
    ]


_PLAIN: Final = {
    "value_error": "R105",
    "out_of_range": "R106",
    "cron": "R123",
    "time_zone": "R124",
    "keys_together": "R107",
    "secret_reference": "R103",
    "setting_value": "R103",
}
"""Errors of our own validators, whose message is a sentence of ours."""


def _message(detail: ErrorDetails) -> str:
    error = detail.get("ctx", {}).get("error")
    return str(error) if error is not None else detail["msg"]


_TYPES: Final = {
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "dict_type": "a mapping of keys",
    "model_type": "a mapping of keys",
    "model_attributes_type": "a mapping of keys",
    "list_type": "a list",
    "tuple_type": "a list",
}


def _wrong_type(error: str, path: Way, value: Any) -> Iterator[Finding]:
    wanted = _TYPES.get(error, "something else")
    hint = ""
    if wanted == "a text" and isinstance(value, int | float):
        hint = "put it in quotes"
    elif isinstance(value, str) and "number" in wanted and value.strip("-").isdigit():
        hint = "write it without quotes"
    yield Finding("R103", path, f"must be {wanted}, not {_kind_of(value)}", hint)


def _kind_of(value: Any) -> str:
    for kinds, words in (
        (bool, "true or false"),
        (str, "a text"),
        (int | float, "a number"),
        (dict, "a mapping of keys"),
        (list, "a list"),
    ):
        if isinstance(value, kinds):
            return words
    return "nothing"


_PATTERNS: Final = {
    r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$": "a name has lower-case letters, digits and '-', and ends in a letter or digit",
    r"^[a-z][a-z0-9_]*$": "a name here has lower-case letters, digits and '_', and starts with a letter",
    r"^[A-Za-z_][A-Za-z0-9_]*$": "a name here has letters, digits and '_', and starts with no digit",
    r"^[^\s#/]+/[^\s#]+#[^\s#]+$": "a place in a vault looks like kv/acme/erp#password",
    r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$": "keys with dots between them look like erp.password",
    r"^https?://[^\s/]+(/\S*)?$": "an address starts with http:// or https:// and has no spaces",
    r"^([01][0-9]|2[0-3]):[0-5][0-9]$": "a time of day looks like '07:30', in quotes",
    r"^[A-Za-z0-9._:-]+$": "a host is a name or an address, such as smtp.example.com",
    r"^[a-z0-9.+-]+/[a-z0-9.+-]+(; ?[a-z-]+=[^\s;]+)?$": "a content type looks like text/plain",
    r"^[a-zA-Z_][a-zA-Z0-9_]*$": "a label of Prometheus has letters, digits and _",
    r"^[^\s@]+@[^\s@]+$": "an e-mail address looks like ops@example.com",
    r"^(\*|[a-z_]+(\.([a-z_]+|\*))?)$": "an event looks like sync.failed, drift.* or *",
    r"^[^/\\\s][^\\]*\.(csv|json)$": "a file beside this one, whose name ends in .csv or .json",
    r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$": "a field looks like status, or address.city",
}
_LABEL: Final = (
    "labels have letters, digits, '-', '_' and '.', and start and end with a letter or digit"
)


def _constraint(error: str, context: Mapping[str, Any], said: str) -> tuple[str, str]:
    if error == "string_pattern_mismatch":
        return "R105", _PATTERNS.get(context["pattern"], _LABEL)
    bounds = {
        "string_too_long": "has {max_length} characters at most",
        "string_too_short": "has {min_length} characters at least",
        "too_long": "has {max_length} entries at most",
        "too_short": "has {min_length} entries at least",
        "greater_than_equal": "must be {ge} or more",
        "less_than_equal": "must be {le} or less",
    }
    if error in bounds:
        return "R106", bounds[error].format_map(context)
    return "R105", said[:1].lower() + said[1:]

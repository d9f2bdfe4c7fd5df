"""JSON Schema of the kinds, for editors; and the reference page, from the same source."""

import textwrap
from collections.abc import Iterator
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from reconciler.errors import NotFound
from reconciler.spec.document import read_values
from reconciler.spec.examples import EXAMPLES
from reconciler.spec.finding import meant
from reconciler.spec.shapes import KINDS

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def json_schema(kind: str | None = None) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of one kind, or of any document.

    Raises:
        NotFound: if there is no such kind.
    """
    if kind is not None:
        return {"$schema": DIALECT, **_of_kind(kind)}
    models = [(model, "validation") for model in KINDS.values()]
    places, whole = models_json_schema(models, by_alias=True)  # type: ignore[arg-type]  # the mode is a literal
    whole = _with_templates(whole)
    for name, model in KINDS.items():
        definition = whole["$defs"][places[model, "validation"]["$ref"].rsplit("/", 1)[-1]]
        definition |= _named(name)
    return {
        "$schema": DIALECT,
        "title": "A document of reconciler/v1",
        "oneOf": [places[model, "validation"] for model in KINDS.values()],
        **whole,
    }


def _of_kind(kind: str) -> dict[str, Any]:
    if kind not in KINDS:
        raise NotFound(f"there is no kind '{kind}'", hint=meant(kind, KINDS))
    schema: dict[str, Any] = _with_templates(KINDS[kind].model_json_schema(by_alias=True))
    return schema | _named(kind)


def _named(kind: str) -> dict[str, Any]:
    documents = read_values(EXAMPLES[kind].encode()) or []
    return {"title": kind, "examples": [document.value for document in documents]}


def _with_templates(schema: Any) -> Any:
    """Return *schema* with patterns that a template fits too: its value is not known to an editor."""
    if isinstance(schema, dict):
        found = {key: _with_templates(value) for key, value in schema.items()}
        if found.get("type") == "string" and isinstance(found.get("pattern"), str):
            found["pattern"] = f"(?:{found['pattern']})|\\{{\\{{"
        return found
    return [_with_templates(value) for value in schema] if isinstance(schema, list) else schema


def reference_markdown() -> str:
    """Return the reference of the spec language."""
    return (
        "\n".join([_INTRODUCTION, *(line for kind in KINDS for line in _chapter(kind))]).rstrip()
        + "\n"
    )


_INTRODUCTION: Final = """\
# The spec language

Generated from the models in `reconciler/spec/kinds`; `reconciler schema KIND` gives the same as JSON Schema.

Every document has `apiVersion: reconciler/v1`, `kind`, `metadata` and `spec`. Many files, many documents a file
(`---` between them), folders read recursively: `*.yaml`, `*.yml`. Unknown keys are errors. YAML is read by the core
schema of YAML 1.2: only `true`, `false`, `null` and numbers are more than text. Anchors, aliases, merge keys, tags,
keys given twice and words that YAML 1.1 takes for something else (`yes`, `on`, `12:30`, `010`) are errors that say
what to write instead. [problems.md](problems.md) lists all codes.

**Templates.** Text values may hold Jinja2: `{{ vars.NAME }}`, filled in from the chosen environment when specs are
read; in the template of a `ConnectionSet` also `{{ item.NAME }}`. A text that is one expression keeps the type of its
value. Not filled in: names (but those in a set's template), `from` (JMESPath), a mapping's `tests`. Only checked, and
filled in later: `template` of a field rule (with `source`, the record), `title` and `body` of an alert route (with the
event), all of a `Connector` (with `config`, `auth`, `login`, `since`, `page`, `ids`). There are filters, tests,
comparisons and `if`, but no loops, calls or macros.

**Secrets** are references, never values: `{env: NAME}`, `{file: PATH}`, or `{connect: true}` for what the customer
gives through the connect page; `{exec: NAME}`, a command that the operator has declared; `{vault: "MOUNT/PATH#KEY"}`;
`{sops: {file: PATH, key: a.b}}`; and words of plug-ins ([operating.md](operating.md#secrets)).

**Durations** are a number and one of `s m h d w`: `30s`, `15m`, `24h`, `90d`.

`metadata` is the same for all kinds: `name` (a DNS label, unique by kind), `labels`, `annotations`, and `previousName`
for a rename that loses nothing.
"""


def _chapter(kind: str) -> Iterator[str]:
    schema = _of_kind(kind)
    yield f"## {kind}\n"
    yield _prose(schema.get("description", "")) + "\n"
    yield f"```yaml\n{EXAMPLES[kind]}```\n"
    spec = schema["properties"]["spec"]
    seen: set[str] = set()
    waiting = [_reference(spec)]
    while waiting:
        name = waiting.pop(0)
        if name is None or name in seen or name not in schema["$defs"]:
            continue
        seen.add(name)
        definition = schema["$defs"][name]
        if "properties" in definition:
            yield from _table(name, definition)
        waiting += [_reference(below) for below in _below(definition)]


def _table(name: str, definition: dict[str, Any]) -> Iterator[str]:
    yield f"### {_title(name)}\n"
    yield _prose(definition.get("description", "")) + "\n"
    yield "| key | type | default | meaning |"
    yield "|---|---|---|---|"
    required = definition.get("required", ())
    for key, schema in definition["properties"].items():
        default = "required" if key in required else _default(schema)
        meaning = _prose(schema.get("description", ""), one_line=True)
        yield f"| `{key}` | {_type(schema)} | {default} | {meaning} |"
    yield ""


def _title(name: str) -> str:
    return "spec" if name.endswith("Spec") else name


def _prose(text: str, *, one_line: bool = False) -> str:
    text = text.replace("``", "`").replace("|", "\\|")
    return " ".join(text.split()) if one_line else textwrap.dedent(text).strip()


def _reference(schema: dict[str, Any]) -> str | None:
    reference = schema.get("$ref")
    return reference.rsplit("/", 1)[-1] if isinstance(reference, str) else None


def _below(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield all references in *schema*, in order."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema
        for value in schema.values():
            yield from _below(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _below(value)


def _default(schema: dict[str, Any]) -> str:
    value = schema.get("default")
    if value is None or value in ({}, [], ""):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`" if isinstance(value, str | int | float) else ""


def _type(schema: dict[str, Any]) -> str:
    """Return what a key holds, in words."""
    reference = _reference(schema)
    if reference is not None:
        return _REFERENCES.get(reference, reference)
    for word in ("anyOf", "oneOf"):
        if word in schema:
            forms = [_type(form) for form in schema[word] if form.get("type") != "null"]
            return " or ".join(dict.fromkeys(forms))
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return ", ".join(f"`{str(value).lower() if value is True else value}`" for value in values)
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if schema.get("type") == "object":
        below = schema.get("additionalProperties")
        below = next(iter(schema.get("patternProperties", {}).values()), below)
        return f"map to {_type(below)}" if isinstance(below, dict) else "object"
    return _WORDS.get(schema.get("type", ""), "any")


_WORDS: Final = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "boolean",
}
_REFERENCES: Final = {
    "EnvRef": "secret reference",
    "FileRef": "secret reference",
    "ConnectRef": "secret reference",
}

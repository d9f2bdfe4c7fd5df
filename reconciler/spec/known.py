"""Which keys a kind knows at a place: for the nearest word of an unknown key. Only asked when one is."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic import BaseModel

from reconciler.spec.finding import Way


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema(by_alias=True)


def known_keys(model: type[BaseModel], path: Way) -> list[str]:
    """Return the keys that *model* knows in the mapping at *path*."""
    root = _schema(model)
    places = [root]
    for step in path:
        places = [below for place in places for below in _below(root, place, step)]
    return [
        key
        for place in places
        for form in _forms(root, place)
        for key in form.get("properties", ())
    ]


def _forms(root: dict[str, Any], place: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the forms that *place* may have: references followed, unions opened."""
    if "$ref" in place:
        yield from _forms(root, root["$defs"][place["$ref"].rsplit("/", 1)[-1]])
        return
    yield place
    for word in ("anyOf", "oneOf", "allOf"):
        for form in place.get(word, ()):
            yield from _forms(root, form)


def _below(
    root: dict[str, Any], place: dict[str, Any], step: str | int
) -> Iterator[dict[str, Any]]:
    for form in _forms(root, place):
        if isinstance(step, int):
            below = form.get("items")
        else:
            below = form.get("properties", {}).get(step) or form.get("additionalProperties")
        if isinstance(below, dict):
            yield below

"""The order of keys: that of each kind's model, for the places where a model says what may stand."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from reconciler.editing.revise import Order
from reconciler.spec.finding import Way


def order_of(kind: str) -> Order:
    """Return which keys documents of *kind* have at each place, in their order; none where any may stand."""

    def keys(way: Way) -> Sequence[str]:
        return _keys(kind, tuple("" if isinstance(step, int) else step for step in way), way)

    return keys


def in_order(value: Any, order: Order, way: Way = ()) -> Any:
    """Return *value* with the keys of its mappings in order; those not known stay behind the others."""
    if isinstance(value, Mapping):
        return {
            key: in_order(value[key], order, (*way, key)) for key in sorted_keys(value, order(way))
        }
    if isinstance(value, (list, tuple)):
        return [in_order(item, order, (*way, at)) for at, item in enumerate(value)]
    return value


def sorted_keys(keys: Mapping[str, Any] | Sequence[str], order: Sequence[str]) -> list[str]:
    """Return *keys* in *order*; those not in it stay behind, as they were."""
    places = {key: at for at, key in enumerate(order)}
    return sorted(keys, key=lambda key: places.get(key, len(places)))


@cache
def _keys(kind: str, _steps: tuple[str, ...], way: Way) -> tuple[str, ...]:
    schema = _schema(kind)
    places = [schema]
    for step in way:
        places = [below for place in places for below in _below(schema, place, step)]
    forms = [form for place in places for form in _forms(schema, place)]
    return tuple(dict.fromkeys(key for form in forms for key in form.get("properties", ())))


@cache
def _schema(kind: str) -> dict[str, Any]:
    from reconciler.spec.shapes import KINDS  # noqa: PLC0415  the models are slow to build

    if kind not in KINDS:
        return {"properties": {key: {} for key in ("apiVersion", "kind", "metadata", "spec")}}
    return KINDS[kind].model_json_schema(by_alias=True)


def _forms(schema: dict[str, Any], place: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the forms that *place* may have: references followed, unions opened."""
    if "$ref" in place:
        yield from _forms(schema, schema["$defs"][place["$ref"].rsplit("/", 1)[-1]])
        return
    yield place
    for word in ("anyOf", "oneOf", "allOf"):
        for form in place.get(word, ()):
            yield from _forms(schema, form)


def _below(
    schema: dict[str, Any], place: dict[str, Any], step: str | int
) -> Iterator[dict[str, Any]]:
    for form in _forms(schema, place):
        if isinstance(step, int):
            found = [form.get("items")]
        elif step in form.get("properties", ()):
            found = [form["properties"][step]]
        else:
            found = [form.get("additionalProperties"), *form.get("patternProperties", {}).values()]
        yield from (one for one in found if isinstance(one, dict))

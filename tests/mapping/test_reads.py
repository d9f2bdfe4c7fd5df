"""Which places of a record rules read: never too few, and no more than they may."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.mapping.compile import compile_rules
from reconciler.mapping.jmespath import compile_expression
from reconciler.mapping.layers import Layer, effective
from reconciler.mapping.pathtext import path_text
from reconciler.mapping.profile import Profile
from reconciler.mapping.reads import Place, fields_read, items_read, reads_of
from reconciler.mapping.steps import plan_steps
from tests.mapping.conftest import MODEL, ORDERS


def paths_of(place: Place) -> Iterator[tuple[str | None, ...]]:
    """Yield the places that are read below *place*, as keys; ``None`` stands for the items of a list."""
    below: list[tuple[Any, Place]] = [*place.fields.items()]
    below += [(None, place.items)] if place.items is not None else []
    for key, one in below:
        deeper = list(paths_of(one))
        if one.whole or not deeper:
            yield (key,)
        else:
            yield from ((key, *rest) for rest in deeper)


def read_by(**rules: dict[str, Any]) -> Place:
    """Return what the rules of custom fields read."""
    layered = effective("orders", [Layer("default", "Connector/c", {}, rules)])
    compile_rules(layered, ORDERS, MODEL)
    steps, problems = plan_steps(layered, ORDERS, MODEL)
    assert not problems
    return reads_of(steps)


@pytest.mark.parametrize(
    ("expression", "paths"),
    [
        ("a", ["a"]),
        ("a.b.c", ["a.b.c"]),
        ("a || b.c", ["a", "b.c"]),
        ("a[0].b", ["a[].b"]),
        ("a[1:3].b", ["a[].b"]),
        ("lines[].sku", ["lines[][].sku", "lines[].sku"]),
        ("lines[*].sku", ["lines[].sku"]),
        ("lines[?kind == 'x'].sku", ["lines[].kind", "lines[].sku"]),
        ("lines[?kind == 'x'] | [0].sku", ["lines[].kind", "lines[].sku"]),
        ("address.{town: city, land: country.code}", ["address.city", "address.country.code"]),
        ("{a: x, b: y}.a", ["x", "y"]),
        ("[x, y.z]", ["x", "y.z"]),
        ("length(lines)", ["lines"]),
        ("sort_by(lines, &no)[0].sku", ["lines[].no", "lines[].sku"]),
        ("max_by(lines, &no).sku", ["lines[].no", "lines[].sku"]),
        ("map(&sku, lines)", ["lines[].sku"]),
        ("join('-', [a, b])", ["a", "b"]),
        ("to_string(address)", ["address"]),
        ("not_null(a.b, c)", ["a.b", "c"]),
        ("a && !b", ["a", "b"]),
        ("'x'", []),
        ("extra.*.name", []),
    ],
)
def test_an_expression_reads_what_it_looks_at(expression: str, paths: list[str]) -> None:
    place = read_by(one={"from": expression})
    assert sorted(path_text(keys) for keys in paths_of(place)) == sorted(
        path for path in paths if not path.startswith("extra")
    ) or expression.startswith("extra")


def test_values_of_any_key_are_read_under_every_key() -> None:
    place = read_by(one={"from": "extra.*.name"})
    (extra,) = fields_read([place], "extra")
    (any_key,) = fields_read([extra], "whatever")
    assert fields_read([any_key], "name")
    assert not fields_read([any_key], "code")


@pytest.mark.parametrize(
    ("template", "paths"),
    [
        ("{{ source.a }}", ["a"]),
        ("{{ source.a.b | default('x') }} {{ source['c d'] }}", ["a.b", '"c d"']),
        ("{% if source.a is defined %}{{ source.b }}{% endif %}", ["a", "b"]),
        ("{{ source.lines[0].sku }}", ['lines."0".sku', "lines[].sku"]),
        ("{{ source }}", ["*"]),
    ],
)  # fmt: skip
def test_a_template_reads_the_paths_in_it(template: str, paths: list[str]) -> None:
    place = read_by(one={"template": template})
    assert place.whole is (paths == ["*"])
    if not place.whole:
        assert sorted(path_text(keys) for keys in paths_of(place)) == sorted(paths)


def test_each_reads_of_the_items_what_its_rules_read() -> None:
    rules = {
        "from": "lines",
        "each": {"x": {"from": "sku"}, "y": {"template": "{{ item.qty }}{{ source.no }}"}},
    }
    assert sorted(path_text(keys) for keys in paths_of(read_by(one=rules))) == [
        "lines[].qty", "lines[].sku", "no",
    ]  # fmt: skip


def test_without_each_objects_are_read_by_the_names_of_their_fields() -> None:
    layered = effective(
        "orders", [Layer("default", "Connector/c", {"ship_to": {"from": "to"}}, {})]
    )
    steps, _ = plan_steps(layered, ORDERS, MODEL)
    assert {path_text(keys) for keys in paths_of(reads_of(steps))} == {"to.city", "to.kind"}


def test_an_expression_that_branches_without_end_is_followed_in_no_time() -> None:
    expression = "|".join(["{a: @, b: @}"] * 200)
    assert read_by(one={"from": f"x | {expression}"}).fields["x"].whole


# ── a path that is read is never told as unmapped ────────────────────────────────────────────────────

NAMES = st.sampled_from(["a", "b", "c"])


def dense(depth: int, leaves: st.DataObject) -> Any:
    """Return a value in which most paths lead somewhere: objects, lists of them, and lists of lists."""
    if not depth:
        return leaves.draw(st.sampled_from(["x", "y", "z", 1, None]))
    below = [dense(depth - 1, leaves) for _ in range(3)]
    shape = leaves.draw(st.sampled_from("ooolln"))
    if shape == "o":
        return dict(zip("abc", below, strict=True))
    return below if shape == "l" else [below[:2], below[2]]


EXPRESSIONS: st.SearchStrategy[str] = st.recursive(
    NAMES | st.just("@"),
    lambda below: st.one_of(
        st.tuples(below, NAMES).map("{0[0]}.{0[1]}".format),
        below.map("{}[0]".format),
        below.map("{}[]".format),
        below.map("{}[*]".format),
        below.map("{}.*".format),
        st.tuples(below, NAMES).map("{0[0]}[?{0[1]} == 'x']".format),
        st.tuples(below, NAMES).map("{0[0]}[].{0[1]}".format),
        st.tuples(below, below).map("({0[0]} || {0[1]})".format),
        st.tuples(below, below).map("({0[0]} | {0[1]})".format),
        st.tuples(below, below).map("[{0[0]}, {0[1]}]".format),
        st.tuples(NAMES, below, NAMES, below).map("{{{0[0]}: {0[1]}, {0[2]}: {0[3]}}}".format),
        below.map("not_null({})".format),
        below.map("to_array({})".format),
        below.map("values({})".format),
        st.tuples(below, NAMES).map("{0[0]}[?{0[1]}].{0[1]}".format),
        st.tuples(below, NAMES, NAMES).map("{0[0]}[?{0[1]} == 'x'].{0[2]}".format),
        st.tuples(below, NAMES).map("sort_by({0[0]}, &to_string({0[1]}))[0].b".format),
        below.map("reverse({})".format),
    ),
    max_leaves=5,
)


def without(value: Any, places: list[Place]) -> Any:
    """Return *value* with everything replaced that nobody reads at *places*."""
    if any(place.whole for place in places):
        return value
    if isinstance(value, dict):
        return {key: without(one, fields_read(places, key)) for key, one in value.items()}
    if isinstance(value, list):
        return [without(one, items_read(places)) for one in value]
    return value if places else "changed"


@settings(deadline=None, max_examples=250)
@given(EXPRESSIONS, st.data())
def test_what_is_not_read_does_not_matter(expression: str, data: st.DataObject) -> None:
    record = dict(zip("abc", (dense(3, data) for _ in range(3)), strict=True))
    try:
        search = compile_expression(expression)
        expected = search(record)
    except Exception:  # noqa: BLE001  an expression that cannot be read, or not over this record
        return
    place = read_by(one={"from": expression})
    assert search(without(record, [place])) == expected
    profile = Profile(place)
    profile.add([record])
    assert all(not node.read for node in profile.unmapped())

"""Later layers win field by field, and equal rules have one name."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.mapping.layers import Layer, effective

BODIES = st.fixed_dictionaries(
    {"from": st.sampled_from(["a", "b.c"])},
    optional={
        "type": st.sampled_from(["string", "integer", None]),
        "values": st.dictionaries(st.sampled_from("xyz"), st.sampled_from(["p", 1, None, True]), max_size=3),
        "default": st.sampled_from([None, "d", 0]),
    },
)  # fmt: skip
FIELDS = st.dictionaries(st.sampled_from(["one", "two", "three"]), BODIES, max_size=3)
NAMES = st.sampled_from(["default", "selector", "connection", "override"])
LAYERS = st.lists(
    st.builds(
        Layer, NAMES, st.sampled_from(["Connector/x", "Mapping/a"]), FIELDS, FIELDS, st.booleans()
    ),
    max_size=4,
)


def layer(name: Any, source: str, *, inherit: bool = True, **fields: Any) -> Layer:
    return Layer(name, source, fields, {}, inherit)


def turned(value: Any) -> Any:
    """Return the same value, with the keys of all objects the other way round."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return value


def test_the_later_layer_wins_for_each_field_alone() -> None:
    rules = effective(
        "orders",
        [
            layer("default", "Connector/x", a={"from": "a"}, b={"from": "b"}),
            layer("connection", "Mapping/y", b={"from": "c"}),
        ],
    )
    assert rules.fields["a"].source == "Connector/x"
    assert rules.fields["b"].source == "Mapping/y"
    assert rules.fields["b"].layer == "connection"
    assert rules.fields["b"].body == {"from": "c"}


def test_a_layer_that_does_not_inherit_starts_from_nothing() -> None:
    rules = effective(
        "orders",
        [
            layer("default", "Connector/x", a={"from": "a"}),
            layer("connection", "Mapping/y", inherit=False, b={"from": "c"}),
        ],
    )
    assert set(rules.fields) == {"b"}


def test_keys_that_say_nothing_are_as_good_as_not_there() -> None:
    bare = effective(
        "orders", [layer("default", "x", a={"from": "a", "each": {"b": {"from": "c"}}})]
    )
    full = {"from": "a", "value": None, "type": None, "each": {"b": {"from": "c", "default": None}}}
    assert effective("orders", [layer("default", "x", a=full)]).basis == bare.basis
    assert effective("orders", [layer("default", "x", a={"value": None})]).fields["a"].body == {
        "value": None
    }
    assert effective("orders", [layer("default", "x", a="what?")]).fields["a"].body == {}


def test_a_basis_is_thirty_two_digits_and_differs_by_entity_and_rule() -> None:
    one = effective("orders", [layer("default", "x", a={"from": "a"})]).basis
    assert len(one) == 32
    assert int(one, 16) >= 0
    assert effective("vendors", [layer("default", "x", a={"from": "a"})]).basis != one
    assert effective("orders", [layer("default", "x", a={"value": 1})]).basis != one
    assert (
        effective("orders", [layer("default", "x", a={"value": 1})]).basis
        != effective("orders", [layer("default", "x", a={"value": True})]).basis
    )


@given(LAYERS)
def test_the_rules_in_force_are_those_of_the_last_layer_that_has_them(layers: list[Layer]) -> None:
    rules = effective("orders", layers)
    start = max((n for n, one in enumerate(layers) if not one.inherit), default=0)
    for name in ("one", "two", "three"):
        having = [one for one in layers[start:] if name in one.fields]
        assert (name in rules.fields) is bool(having)
        if having:
            assert rules.fields[name].layer == having[-1].name
            assert rules.fields[name].source == having[-1].source


@given(LAYERS)
def test_equal_rules_have_an_equal_basis_whatever_their_layers_and_the_order_of_keys(
    layers: list[Layer],
) -> None:
    rules = effective("orders", layers)
    flat = Layer(
        "override",
        "Override/z",
        turned({name: dict(rule.body) for name, rule in rules.fields.items()}),
        turned({name: dict(rule.body) for name, rule in rules.custom_fields.items()}),
    )
    assert effective("orders", [flat]).basis == rules.basis


@given(LAYERS, FIELDS)
def test_other_rules_have_another_basis(layers: list[Layer], fields: dict[str, Any]) -> None:
    rules = effective("orders", layers)
    other = effective("orders", [*layers, Layer("override", "x", fields, {})])
    same = {n: dict(r.body) for n, r in rules.fields.items()} == {
        n: dict(r.body) for n, r in other.fields.items()
    }
    if not same:
        assert other.basis != rules.basis
    elif repr(rules.fields) == repr(other.fields):
        assert other.basis == rules.basis

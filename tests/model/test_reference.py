"""A secret reference is known by its shape."""

from typing import Any

import pytest

from reconciler.model.reference import is_reference


@pytest.mark.parametrize("value", [{"env": "NAME"}, {"file": "/run/x"}, {"connect": True}])
def test_a_place_of_a_secret_is_a_reference(value: Any) -> None:
    assert is_reference(value)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "env",
        {},
        {"env": 1},
        {"connect": "yes"},
        {"connect": 1},
        {"from": "x"},
        {"env": "A", "b": 1},
    ],
)
def test_anything_else_is_none(value: Any) -> None:
    assert not is_reference(value)

"""The value maps that ship with the product fit the model."""

import re

import pytest

from reconciler.datamodel.entity import FieldType
from reconciler.datamodel.reader import entity
from reconciler.datamodel.value_maps import read_value_maps, value_maps


@pytest.mark.parametrize("name", value_maps())
def test_every_target_of_a_map_is_a_value_of_its_field(name: str) -> None:
    one = value_maps()[name]
    field = entity(one.entity).fields[one.field]
    assert field.type is FieldType.ENUM
    assert one.values
    assert set(one.values.values()) <= set(field.enum)


@pytest.mark.parametrize("name", value_maps())
def test_a_name_says_the_system_first_and_a_title_which_it_is(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", name)
    assert value_maps()[name].title


def test_maximo_and_sap_are_mapped_as_their_makers_name_them() -> None:
    assert value_maps()["maximo-work-order-status"].values["WMATL"] == "waiting_material"
    assert value_maps()["sap-pm-work-order-status"].values["TECO"] == "completed"
    assert value_maps()["merge-purchase-order-status"].values["AUTHORIZED"] == "approved"


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"title": "A", "values": {}}, "it has the keys for, title, values"),
        ({"title": "A", "for": "vendors", "values": {}}, "'for' is ENTITY.FIELD"),
        ({"title": "A", "for": "vendors.status", "values": {"1": 2}}, "all values are texts"),
        ({"title": "A", "for": "vendors.status", "values": {True: "active"}}, "values are texts"),
    ],
    ids=["a key missing", "no field", "a number", "a boolean key"],
)
def test_an_unsound_map_is_refused_with_its_file_and_name(
    entry: dict[str, object], said: str
) -> None:
    with pytest.raises(ValueError, match=r"x\.yaml: a-b: ") as caught:
        list(read_value_maps({"a-b": entry}, "x.yaml"))
    assert said in str(caught.value)

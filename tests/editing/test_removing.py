"""A document goes from its file, with its comments; a file that holds nothing more is to go."""

import pytest

from reconciler.editing.removing import removal, without
from reconciler.editing.specs import difference
from reconciler.errors import EditRefused
from tests.editing.making import key_of, specs_of
from tests.editing.test_edit import CONNECTION, MAPPING, SET, VARS

BOTH = "# first\n" + CONNECTION + "---\n# second\n" + MAPPING


def test_a_document_goes_and_the_others_stay() -> None:
    specs = specs_of({"a.yaml": BOTH})
    edited = removal(specs, specs.sound().resources[key_of("Mapping/acme-orders")])
    assert edited.files == {"a.yaml": ("# first\n" + CONNECTION).encode()}
    assert without(BOTH, 0) == "# second\n" + MAPPING


def test_the_last_document_takes_the_file_with_it() -> None:
    specs = specs_of({"a.yaml": CONNECTION, "b.yaml": MAPPING})
    resources = specs.sound().resources
    edited = removal(specs, *resources.values())
    assert edited.deleted == {"a.yaml", "b.yaml"}
    assert "+++ /dev/null" in difference(specs, edited)


def test_what_is_still_referred_to_stays() -> None:
    specs = specs_of({"a.yaml": BOTH})
    with pytest.raises(EditRefused, match="R201 Mapping/acme-orders refers to Connection/acme"):
        removal(specs, specs.sound().resources[key_of("Connection/acme")])


def test_what_a_set_makes_is_taken_out_of_its_list_by_hand() -> None:
    specs = specs_of({"a.yaml": SET, "env.yaml": VARS})
    with pytest.raises(EditRefused, match="made by a ConnectionSet"):
        removal(specs, specs.sound().resources[key_of("Connection/north-x")])

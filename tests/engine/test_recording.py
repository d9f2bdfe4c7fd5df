"""A stored record made into a test passes as that test: masked or not, whatever it holds."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.datamodel.reader import entities
from reconciler.engine.inforce import Situation
from reconciler.engine.recording import declared, mappings_of, recorded
from reconciler.errors import Invalid
from reconciler.mapping.check import run_tests
from reconciler.mapping.compile import compile_rules
from reconciler.model.record import StoredRecord
from reconciler.model.resource import Kind, Resource, ResourceKey, make_resource
from tests.fakes import NOON
from tests.plant import CONNECTOR, connection, mapping

ORDERS = "purchase-orders"
PINNED = make_resource(
    ResourceKey(Kind.OVERRIDE, "pin"),
    {"spec": {"target": {"kind": "Mapping", "name": "acme-orders"}, "until": "2999-01-01T00:00:00Z",
              "reason": "night", "patch": {"fields": {"title": {"from": "night"}}}}},
)  # fmt: skip


def situation(*mappings: Resource) -> Situation:
    acme = connection()
    body = {**acme.body, "metadata": {"labels": {"plant": "a"}, "annotations": {}}}
    resources = [make_resource(acme.key, body), *mappings]
    return declared({one.key: one for one in resources}, {"plant": CONNECTOR})


def stored(**raw: Any) -> StoredRecord:
    text = json.dumps(raw).encode()
    return StoredRecord("po_1", "uid", ORDERS, "1", text, None, "b", None, NOON, NOON, None, "run")


OWN = mapping(
    fields={"title": {"from": "contact"}, "vendor_id": {"from": "vendor"}},
    customFields={"mail": {"from": "email", "type": "string"}},
)
EVERYWHERE = mapping("all", connection=None, selector={"matchLabels": {"plant": "a"}}, fields={"code": {"from": "no"}})  # fmt: skip


def test_what_is_expected_are_the_fields_that_the_mapping_makes() -> None:
    here = situation(OWN, EVERYWHERE)
    acme = here.connection("acme")
    assert mappings_of(here, acme, ORDERS) == [OWN, EVERYWHERE]
    record = stored(
        no="PO-1", contact="Jane Doe", vendor="V1", email="j@acme.example", state="open"
    )
    test = recorded(here, record, acme, OWN)
    assert test["name"] == "the record 1"
    assert test["expect"].keys() == {"title", "vendor_id", "custom_fields"}
    assert recorded(here, record, acme, EVERYWHERE)["expect"] == {"code": "PO-1"}
    assert recorded(here, record, acme, None)["expect"]["status"] == "approved"


def test_an_override_is_no_part_of_a_test() -> None:
    here = situation(OWN, PINNED)
    test = recorded(here, stored(contact="C", night="N"), here.connection("acme"), OWN)
    assert test["expect"]["title"] == "C"


def test_a_record_that_cannot_be_mapped_is_no_test() -> None:
    here = situation(OWN)
    with pytest.raises(Invalid, match="po_1 cannot be mapped: total_gross"):
        recorded(here, stored(total="much"), here.connection("acme"), OWN)


VALUES = st.none() | st.sampled_from(["Jane Doe", "j@acme.example", "+49 731 12345", "open", "V1", "PO-1"]) | st.text(max_size=5)  # fmt: skip


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(["no", "contact", "vendor", "email", "state"]), VALUES),
    st.sampled_from([OWN, EVERYWHERE, None]),
    st.booleans(),
)
def test_it_passes(raw: dict[str, Any], of: Resource | None, mask: bool) -> None:  # noqa: FBT001  of the test
    here = situation(OWN, EVERYWHERE)
    acme = here.connection("acme")
    test = recorded(here, stored(**raw), acme, of, mask=mask)
    model = entities()
    mapper = compile_rules(here.rules_for_tests(acme, ORDERS, of), model[ORDERS], model)
    (result,) = run_tests(mapper, [test])
    assert result.passed, result.differences

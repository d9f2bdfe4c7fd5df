"""``mapping test``: tests are run and told in each form; a stored record becomes one that passes."""

import json
from pathlib import Path

import pytest
import yaml

from tests.cli.test_mapping import folder, id_of, typed

__all__ = ["folder"]
FILE = "specs/mappings/plant-a-purchase-orders.yaml"


@pytest.fixture
def failing(folder: Path) -> Path:
    """The folder, with one test that fails."""
    file = folder / FILE
    file.write_text(file.read_text().replace("status: rejected}", "status: sent}"))
    return folder


def test_tests_that_pass_are_listed(folder: Path) -> None:
    told = typed("mapping", "test")
    assert told.exit_code == 0
    assert "pass  plant-a-purchase-orders on sandbox: an order that was refused" in told.stdout
    assert told.stdout.endswith("5 tests, 0 failed.\n")


def test_one_that_fails_is_told_with_its_place_and_the_exit_code_is_1(failing: Path) -> None:
    told = typed("mapping", "test")
    assert told.exit_code == 1
    assert f"{FILE}:46:7" in told.stdout
    assert 'status: expected "sent", got "rejected"' in told.stdout
    assert "5 tests, 1 failed." in told.stdout


@pytest.mark.parametrize(
    ("form", "sign"),
    [
        ("json", '"failed": 1'),
        ("github", f"::error file={FILE},line=46,"),
        ("junit", '<failure message="status: expected'),
    ],
)
def test_each_form_tells_the_failure(failing: Path, form: str, sign: str) -> None:
    told = typed("mapping", "test", "--format", form)
    assert told.exit_code == 1
    assert sign in told.stdout


def test_a_failing_test_is_an_error_of_validation_and_is_not_applied(failing: Path) -> None:
    told = typed("validate")
    assert told.exit_code == 1
    assert f"{FILE}:46:7: error R130" in told.stdout
    assert typed("apply", "--auto-approve").exit_code == 1


def test_only_tests_of_one_connection_are_run_when_asked(failing: Path) -> None:
    assert typed("mapping", "test", "--connection", "plant-a").exit_code == 1
    (failing / "specs" / "b.yaml").write_text(
        (failing / "specs/connections/plant-a.yaml")
        .read_text()
        .replace("name: plant-a", "name: plant-b")
    )
    told = typed("mapping", "test", "--connection", "plant-b")
    assert (told.exit_code, told.stdout) == (0, "There are no tests.\n")


def test_broken_specs_are_told_and_what_can_be_tested_is(folder: Path) -> None:
    (folder / "specs" / "x.yaml").write_text("kind: Nonsense\n")
    told = typed("mapping", "test")
    assert told.exit_code == 1
    assert "5 tests, 0 failed." in told.stdout
    assert "R108" in told.stderr or "R102" in told.stderr


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--mask", "name it: --record ID"),
        ("--record po_x", "no record 'po_x' is stored"),
        ("--record po_x --format json", "--record runs no tests"),
        ("--connection nobody", "no connection 'nobody'"),
        ("nowhere", "no such file or folder"),
    ],
)
def test_what_cannot_be_tested_is_said_in_words(folder: Path, line: str, said: str) -> None:
    told = typed("mapping", "test", *line.split())
    assert told.exit_code == 1
    assert said in told.stderr


def test_a_stored_record_is_printed_as_a_test_to_paste(folder: Path) -> None:
    told = typed("mapping", "test", "--record", id_of("PO-3"))
    assert told.exit_code == 0
    (test,) = yaml.safe_load(told.stdout)["tests"]
    assert (test["name"], test["source"]["u_gate"]) == ("the record PO-3", 3)
    assert test["expect"]["custom_fields"] == {"cost_center": "4711", "is_rush": False}
    assert test["source"]["buyer_mail"] == "jane.doe@acme.example"


def test_a_masked_record_is_written_into_the_mapping_and_passes(folder: Path) -> None:
    before = (folder / FILE).read_text()
    for _ in range(2):
        told = typed("mapping", "test", "--record", id_of("PO-3"), "--mask", "--write", FILE)
        assert told.exit_code == 0, told.stderr
    text = (folder / FILE).read_text()
    assert text.startswith(before.rstrip("\n"))
    assert "jane" not in text
    assert "person1@example.com" in text
    ran = json.loads(typed("mapping", "test", "--format", "json").stdout)
    assert (ran["tests"], ran["failed"]) == (7, 0)
    assert ran["results"][-1]["test"] == "a record of plant-a (2)"


def test_a_file_without_a_mapping_of_it_takes_no_test(folder: Path) -> None:
    told = typed(
        "mapping", "test", "--record", id_of("PO-3"), "--write", "specs/connections/plant-a.yaml"
    )
    assert told.exit_code == 1
    assert "declares no mapping of purchase-orders of plant-a" in told.stderr

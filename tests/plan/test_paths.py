"""Paths for people and for programs."""

from reconciler.plan.paths import dotted, pointer


def test_people_read_dots_and_quotes_where_a_part_is_no_plain_word() -> None:
    assert dotted(("spec", "fields", "status", "from")) == "spec.fields.status.from"
    assert dotted(("spec", "tests", "[name=a b]", "x")) == "spec.tests[name=a b].x"
    assert (
        dotted(("metadata", "labels", "example.com/team")) == 'metadata.labels."example.com/team"'
    )
    assert dotted(()) == ""


def test_no_path_can_drive_a_terminal() -> None:
    assert dotted(("labels", "\x1b[31m")) == 'labels."\\u001b[31m"'
    assert dotted(("tests", "[name=\x07]")) == "tests[name=\\u0007]"


def test_programs_read_json_pointers() -> None:
    assert pointer(("spec", "a/b", "c~d")) == "/spec/a~1b/c~0d"
    assert pointer(("spec", "tests", "[name=a/b]", "x")) == "/spec/tests/name=a~1b/x"
    assert pointer(()) == ""

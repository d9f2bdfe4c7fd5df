"""The canonical form: the same order, indentation and spacing for all; comments stay, nothing else is said."""

from pathlib import Path

import pytest

from reconciler.editing.form import formatted, values_of
from reconciler.errors import EditRefused, SpecInvalid
from reconciler.spec.codes import CODES
from tests.editing.making import ROOT

FILES = sorted(
    path
    for folder in ("specs", "examples", "reconciler/connectors/catalogue", "reconciler/datamodel")
    for path in (ROOT / folder).rglob("*.yaml")
)

# A ~ is a space at the end of a line, which an editor would take away.
WILD = """\
---
# What this file is for.

kind: Mapping~~~
apiVersion:   reconciler/v1
spec:

    fields:
      # About notes.
      notes: { type: string,from: "x" }


      title:
          values:
          - x   # an item
          -   k: |
                text

                more~~
              z: 1
              # below the item
          - - p
            - q
      # below the fields
    # About the entity.
    entity : vendors
    connection: a # whose
metadata:
    name: 'x'
# the end


--- # second
list:
- 1
# above the brackets
brackets: [1,
  2]
plain: one
   two
gone:
quoted: "a

   b"
""".replace("~", " ")

CANONICAL = """\
# What this file is for.

apiVersion: reconciler/v1
kind: Mapping
metadata:
  name: 'x'
spec:
  connection: a # whose
  # About the entity.
  entity: vendors
  fields:
    # About notes.
    notes: {from: "x", type: string}

    title:
      values:
        - x   # an item
        - k: |
            text

            more~~
          z: 1
          # below the item
        - - p
          - q
    # below the fields
# the end
--- # second
list:
  - 1
# above the brackets
brackets: [1,
  2]
plain: one
   two
gone:
quoted: "a

   b"
""".replace("~", " ")


def test_a_wild_file_comes_to_the_canonical_form() -> None:
    assert formatted(WILD.encode()).decode() == CANONICAL
    assert formatted(CANONICAL.encode()).decode() == CANONICAL


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_of_this_project_keep_what_they_say_and_every_comment(path: Path) -> None:
    before = path.read_bytes()
    after = formatted(before)
    assert values_of(after, "") == values_of(before, "")
    assert sorted(_comments(after)) == sorted(_comments(before))
    assert formatted(after) == after


def _comments(content: bytes) -> list[bytes]:
    return [line.strip() for line in content.splitlines() if line.lstrip().startswith(b"#")]


def test_the_starter_and_the_examples_are_in_canonical_form() -> None:
    kept = [
        path for path in FILES if path.is_relative_to(ROOT / "specs") or "examples" in path.parts
    ]
    assert len(kept) > 8
    assert not [path for path in kept if formatted(path.read_bytes()) != path.read_bytes()]


def test_line_ends_of_windows_stay_and_a_mark_goes() -> None:
    wild = b"\xef\xbb\xbf" + WILD.replace("\n", "\r\n").encode()
    assert formatted(wild).decode() == CANONICAL.replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("", ""),
        ("\n\n", ""),
        ("# only words\n", "# only words\n"),
        ("---\n---\na: 1", "a: 1\n"),
        ("# words\n---\na: 1\n", "# words\n---\na: 1\n"),
        ("a: 1\n---\n\n\n---\nb: 2\n", "a: 1\n---\nb: 2\n"),
        ("{kind: X,   apiVersion: v}", "{apiVersion: v, kind: X}\n"),
        ("--- {a: 1}\n", "{a: 1}\n"),
        ("{a: 1}  # why\n# below\n", "{a: 1}  # why\n# below\n"),
        ("a: {b: , c}\n", "a: {b: null, c: null}\n"),
        ("a:\n  # why\n  1\n", "a:\n  # why\n  1\n"),
        ("a:\n    # why\n    b: 1\n", "a:\n  # why\n  b: 1\n"),
        ("a:   # why\n    b: 1\n", "a:   # why\n  b: 1\n"),
        ("a:\n-   b: 1\n    c:\n    -   2\n", "a:\n  - b: 1\n    c:\n      - 2\n"),
        ("a:\n  -\n    # why\n    b: 1\n", "a:\n  -\n    # why\n    b: 1\n"),
        ("a:\n    text\n    more\n", "a: text\n    more\n"),
        ("a: |2\n    text\nb: 1\n", "a: |2\n    text\nb: 1\n"),
        ("a:\n    b: >+\n        x\n\n\nc: 1\n", "a:\n  b: >+\n      x\n\n\nc: 1\n"),
    ],
)
def test_small_texts_have_a_form(text: str, made: str) -> None:
    assert formatted(text.encode()).decode() == made
    assert formatted(made.encode()).decode() == made


def test_what_yaml_refuses_is_told_with_its_code_and_place() -> None:
    with pytest.raises(SpecInvalid) as refused:
        formatted(b"a: 1\nb: yes\n", "x.yaml")
    told = refused.value.problems[0]
    assert (told.code, str(told.origin)) == ("R014", "x.yaml:2:4")
    assert told.code in CODES


@pytest.mark.parametrize("text", ["a: 1\n...\n---\nb: 2\n", "? a\n: 1\n"])
def test_what_has_no_form_is_left_with_its_place(text: str) -> None:
    with pytest.raises(EditRefused, match=r"x\.yaml:[12]:[13]"):
        formatted(text.encode(), "x.yaml")

"""What specs said is known of the same specs alone."""

from pathlib import Path

import pytest

from reconciler.ports import Snapshot
from reconciler.sources.known import KnownSpecs

FILES = {"specs/a.yaml": b"kind: Connection\n", "specs/b.csv": b"name\n"}
SAYS = {("Connection", "acme"): "d1", ("Connection", "other"): "d2", ("Mapping", "acme"): "d3"}


def known(folder: Path, files: dict[str, bytes], environment: str | None = None) -> KnownSpecs:
    return KnownSpecs(folder / "cache" / "known.bin", Snapshot("r", files), environment)


def test_the_same_specs_are_known(tmp_path: Path) -> None:
    assert known(tmp_path, FILES).digests() is None
    known(tmp_path, FILES).keep(SAYS)
    assert known(tmp_path, dict(reversed(FILES.items()))).digests() == SAYS


@pytest.mark.parametrize(
    "files",
    [
        {**FILES, "specs/a.yaml": b"kind: Mapping\n"},
        {**FILES, "specs/b.csv": b"name\nacme\n"},
        {**FILES, "specs/c.yaml": b""},
        {**FILES, "specs/reconciler-policy.yaml": b"rules: []\n"},
        {"specs/a.yaml": FILES["specs/a.yaml"]},
        {"specs/z.yaml": FILES["specs/a.yaml"], "specs/b.csv": FILES["specs/b.csv"]},
        {"specs/a.yaml": FILES["specs/a.yaml"] + b"\0", "specs/b.csv": FILES["specs/b.csv"]},
    ],
    ids=["text", "table", "more", "a policy", "fewer", "name", "a byte"],
)
def test_other_specs_are_not(tmp_path: Path, files: dict[str, bytes]) -> None:
    known(tmp_path, FILES).keep(SAYS)
    assert known(tmp_path, files).digests() is None


def test_another_environment_is_another_reading(tmp_path: Path) -> None:
    known(tmp_path, FILES, "plant-a").keep(SAYS)
    assert known(tmp_path, FILES).digests() is None
    assert known(tmp_path, FILES, "plant-b").digests() is None
    assert known(tmp_path, FILES, "plant-a").digests() == SAYS


@pytest.mark.parametrize("broken", [b"", b"\xc1", b"\x93\x01\x02\x03"])
def test_a_damaged_file_is_nothing_known(tmp_path: Path, broken: bytes) -> None:
    known(tmp_path, FILES).keep(SAYS)
    (tmp_path / "cache" / "known.bin").write_bytes(broken)
    assert known(tmp_path, FILES).digests() is None


def test_another_program_knows_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known(tmp_path, FILES).keep(SAYS)
    program = tmp_path / "reconciler"
    program.mkdir()
    (program / "__init__.py").write_text("")
    monkeypatch.setattr("reconciler.__file__", str(program / "__init__.py"))
    assert known(tmp_path, FILES).digests() is None
    known(tmp_path, FILES).keep(SAYS)
    assert known(tmp_path, FILES).digests() == SAYS
    (program / "rules.py").write_text("")
    assert known(tmp_path, FILES).digests() is None

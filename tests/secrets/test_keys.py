"""Where keys come from, and what is refused."""

import base64
import os
import stat
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import Invalid
from reconciler.secrets.keys import FILE, KeySource, parse_keys
from reconciler.secrets.secret import Secret

KEY = base64.b64encode(b"k" * 32).decode()
URL_SAFE = base64.urlsafe_b64encode(b"\xff" * 32).decode().rstrip("=")


@pytest.mark.parametrize(
    "text",
    [
        f"2026:{KEY},2025:{URL_SAFE}",
        f"# the newest first\n2026:{KEY}\n\n2025:{URL_SAFE}\n",
        f" 2026:{KEY} ,\n 2025:{URL_SAFE}",
    ],
    ids=["on one line", "a line each", "mixed"],
)
def test_keys_are_read_in_their_order(text: str) -> None:
    assert list(parse_keys(text, "x").items()) == [("2026", b"k" * 32), ("2025", b"\xff" * 32)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "there is no key"),
        ("# nothing", "there is no key"),
        (KEY, "has no id"),
        (f"a b:{KEY}", "has no id"),
        ("a:", "has no id"),
        (f"a:{KEY},a:{KEY}", "two keys have the id 'a'"),
        (f"a:{KEY[:-8]}", "the key 'a' is not 32 bytes"),
        ("a:hunter2hunter2", "the key 'a' is not 32 bytes"),
        ("a:hünter2", "the key 'a' is not 32 bytes"),
    ],
    ids=range(9),
)
def test_what_is_no_key_is_refused_and_not_repeated(text: str, why: str) -> None:
    with pytest.raises(Invalid, match=why) as caught:
        parse_keys(text, "x")
    assert KEY[:20] not in str(caught.value)
    assert "hunter2" not in str(caught.value) + caught.value.hint


def test_keys_come_from_the_environment_a_file_or_a_command(tmp_path: Path) -> None:
    file = tmp_path / "keys.txt"
    file.write_text(f"a:{KEY}\n")
    file.chmod(0o600)
    program = [sys.executable, "-c", f"print('a:{KEY}')"]
    for source in (
        KeySource(text=Secret(f"a:{KEY}")),
        KeySource(file=file),
        KeySource(command=program),
    ):
        assert source.load({}) == {"a": b"k" * 32}
        assert KEY not in repr(source) or source.command


def test_one_way_is_said_and_one_alone(tmp_path: Path) -> None:
    both = KeySource(text=Secret("x"), file=tmp_path / "keys")
    with pytest.raises(Invalid, match="several ways"):
        both.load({})
    with pytest.raises(Invalid, match="no key to seal") as caught:
        KeySource().load({})
    assert "RECONCILER_KEYS_FILE" in caught.value.hint


@pytest.mark.parametrize(("mode", "taken"), [(0o600, True), (0o440, True), (0o604, False)])
def test_a_given_file_that_others_may_read_is_refused(
    tmp_path: Path, mode: int, *, taken: bool
) -> None:
    file = tmp_path / "keys.txt"
    file.write_text(f"a:{KEY}")
    file.chmod(mode)
    if taken:
        assert KeySource(file=file).load({})
        return
    with pytest.raises(Invalid, match=r"may be read by others \(mode 0604\)") as caught:
        KeySource(file=file).load({})
    assert "chmod 600" in caught.value.hint


@pytest.mark.parametrize(
    ("content", "why"), [(None, "cannot be read"), (b"\xff", "not text"), (b"x" * 9, "has no id")]
)
def test_a_file_that_holds_no_keys_is_told(tmp_path: Path, content: bytes | None, why: str) -> None:
    file = tmp_path / "keys.txt"
    if content is not None:
        file.write_bytes(content)
        file.chmod(0o600)
    with pytest.raises(Invalid, match=why):
        KeySource(file=file).load({})


@pytest.mark.parametrize(
    ("code", "why"),
    [("raise SystemExit(3)", "ended with code 3"), ("print()", "printed nothing")],
)
def test_a_command_that_gives_no_keys_is_told(code: str, why: str) -> None:
    with pytest.raises(Invalid, match=f"RECONCILER_KEYS_COMMAND {why}"):
        KeySource(command=[sys.executable, "-c", code]).load({})


def test_the_embedded_default_makes_a_file_of_its_own_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = KeySource(folder=tmp_path / "state")
    made = source.load({})
    file = tmp_path / "state" / FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [len(key) for key in made.values()] == [32]
    assert source.load({}) == made
    assert [path.name for path in file.parent.iterdir()] == [FILE]
    said = capsys.readouterr().out
    assert said.count("key_file_made") == 1
    assert "keep a copy elsewhere" in said
    assert base64.b64encode(next(iter(made.values()))).decode() not in said


def test_no_file_is_made_where_one_must_have_been(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="is gone") as caught:
        KeySource(folder=tmp_path).load({}, make=False)
    assert "backup" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_the_file_of_the_embedded_default_is_for_its_owner_alone(tmp_path: Path, mode: int) -> None:
    source = KeySource(folder=tmp_path)
    source.load({})
    (tmp_path / FILE).chmod(mode)
    with pytest.raises(Invalid, match="may be read by others"):
        source.load({})


def test_many_who_make_it_at_once_get_one_key(tmp_path: Path) -> None:
    start = threading.Barrier(8)
    found: list[Any] = []

    def load() -> None:
        start.wait(30)
        found.append(KeySource(folder=tmp_path).load({}))

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all(one == found[0] for one in found)
    assert os.listdir(tmp_path) == [FILE]  # noqa: PTH208  names alone

"""A folder of specs is read whole, and its revision is its content."""

from pathlib import Path

import pytest

from reconciler.errors import Invalid
from reconciler.sources.cache import ParseCache
from reconciler.sources.folder import Folder


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


async def test_folders_are_read_recursively_and_other_files_left_out(tmp_path: Path) -> None:
    write(tmp_path, a_yaml="a", deep__b_yml="b", table_csv="c", notes_md="d", py_py="e")
    snapshot = await Folder(tmp_path).read()
    names = {Path(path).relative_to(tmp_path).as_posix() for path in snapshot.files}
    assert names == {"a.yaml", "deep/b.yml", "table.csv"}


async def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, a_yaml="a")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x.yaml").write_text("x")
    (tmp_path / ".hidden.yaml").write_text("x")
    assert len((await Folder(tmp_path).read()).files) == 1


async def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    specs = tmp_path / "specs"
    write(specs, a_yaml="a")
    (tmp_path / "secret.yaml").write_text("x")
    (specs / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    assert len((await Folder(specs).read()).files) == 1


async def test_the_revision_follows_the_content_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path, a_yaml="a")
    first = (await Folder(tmp_path).read()).revision
    (tmp_path / "a.yaml").touch()
    assert (await Folder(tmp_path).read()).revision == first
    write(tmp_path, a_yaml="b")
    assert (await Folder(tmp_path).read()).revision != first


async def test_one_file_can_be_named(tmp_path: Path) -> None:
    write(tmp_path, a_yaml="a", b_yaml="b")
    assert list((await Folder(tmp_path / "a.yaml").read()).files.values()) == [b"a"]


async def test_a_missing_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no such file or folder") as found:
        await Folder(tmp_path / "nowhere").read()
    assert "reconciler init" in found.value.hint


async def test_an_empty_folder_is_never_the_wish_to_remove_everything(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"no \*\.yaml"):
        await Folder(tmp_path).read()


async def test_a_change_of_a_file_is_noticed(tmp_path: Path) -> None:
    write(tmp_path, a_yaml="a")
    changes = Folder(tmp_path).changes()
    import asyncio  # noqa: PLC0415

    waiting = asyncio.ensure_future(anext(changes))
    async with asyncio.timeout(30):
        while not waiting.done():
            write(tmp_path, a_yaml="b")
            await asyncio.wait({waiting}, timeout=0.5)
    assert waiting.result() is None
    await changes.aclose()  # type: ignore[attr-defined]


def test_the_cache_keeps_what_was_asked_for(tmp_path: Path) -> None:
    cache = ParseCache(tmp_path / "cache" / "specs.bin")
    cache[b"a"], cache[b"b"] = b"1", b"2"
    cache.save()
    again = ParseCache(tmp_path / "cache" / "specs.bin")
    assert dict(again) == {b"a": b"1", b"b": b"2"}
    third = ParseCache(tmp_path / "cache" / "specs.bin")
    assert third[b"a"] == b"1"
    third.save()
    assert set(ParseCache(tmp_path / "cache" / "specs.bin")) == {b"a"}


@pytest.mark.parametrize("content", [b"", b"\xff\x00nonsense", b"\x81\xa1a\x01"])
def test_a_damaged_cache_is_an_empty_one(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "specs.bin").write_bytes(content)
    assert len(ParseCache(tmp_path / "specs.bin")) == 0

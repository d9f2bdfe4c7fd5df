"""A folder of specs is read whole, and its revision is its content."""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from reconciler.errors import Invalid
from reconciler.sources.cache import ParseCache
from reconciler.sources.folder import Folder, _stamp


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


class Turned:
    """A folder whose clocks a test turns: all files are old, unless it says otherwise."""

    def __init__(self, path: Path) -> None:
        self.seconds = 0.0
        self.later = 10**12
        self.folder = Folder(
            path, seconds=lambda: self.seconds, now=lambda: time.time_ns() + self.later
        )

    def read(self) -> dict[str, bytes]:
        return dict(self.folder.read_now().files)


def rewrite(path: Path, text: str) -> None:
    """Write *text* into a file and make all but its content look as before, as some mounts do."""
    before = path.stat()
    path.write_text(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


async def test_nothing_changed_is_the_same_snapshot(tmp_path: Path) -> None:
    write(tmp_path, a_yaml="a", deep__b_yaml="b")
    turned = Turned(tmp_path)
    first = turned.folder.read_now()
    assert turned.folder.read_now() is first
    write(tmp_path, a_yaml="c")
    second = turned.folder.read_now()
    assert second != first
    name = f"{tmp_path.as_posix()}/deep/b.yaml"
    assert second.files[name] is first.files[name]


@pytest.mark.parametrize("change", ["write", "replace", "remove", "add", "restore"])
async def test_every_change_is_seen(tmp_path: Path, change: str) -> None:
    write(tmp_path, a_yaml="aa", b_yaml="bb")
    turned = Turned(tmp_path)
    before = turned.read()
    file = tmp_path / "a.yaml"
    if change == "write":
        file.write_text("xx")
    elif change == "replace":
        (tmp_path / "new").write_text("xx")
        (tmp_path / "new").replace(file)
    elif change == "remove":
        file.unlink()
    elif change == "add":
        write(tmp_path, c_yaml="cc")
    else:
        rewrite(file, "xx")  # the time of the change of its inode tells
    after = turned.read()
    assert after != before
    assert after == dict(Folder(tmp_path).read_now().files)


async def test_a_file_written_a_moment_ago_is_read_again(tmp_path: Path) -> None:
    write(tmp_path, a_yaml="aa")
    turned = Turned(tmp_path)
    turned.later = 0
    turned.read()
    kept = turned.folder._kept[f"{tmp_path.as_posix()}/a.yaml"]
    assert not kept.sure
    # As if the write had not moved the stamp: a clock of two seconds, say.
    write(tmp_path, a_yaml="xx")
    stamp = _stamp((tmp_path / "a.yaml").stat())
    turned.folder._kept = {
        name: one._replace(stamp=stamp) for name, one in turned.folder._kept.items()
    }
    assert list(turned.read().values()) == [b"xx"]


async def test_from_time_to_time_all_is_read_whatever_the_stamps_say(tmp_path: Path) -> None:
    write(tmp_path, a_yaml="aa")
    turned = Turned(tmp_path)
    turned.read()
    write(tmp_path, a_yaml="xx")
    stamp = _stamp((tmp_path / "a.yaml").stat())
    turned.folder._kept = {
        name: one._replace(stamp=stamp) for name, one in turned.folder._kept.items()
    }
    assert list(turned.read().values()) == [b"aa"]
    turned.seconds += 601
    assert list(turned.read().values()) == [b"xx"]


async def test_a_link_to_the_folder_that_is_swapped_is_followed(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / name, a_yaml=name)
    link = tmp_path / "specs"
    link.symlink_to("one")
    folder = Folder(link)
    assert folder.read_now().files == {f"{link.as_posix()}/a.yaml": b"one"}
    swap(link, "two")
    assert folder.read_now().files == {f"{link.as_posix()}/a.yaml": b"two"}


async def test_a_mounted_config_map_is_read(tmp_path: Path) -> None:
    write(tmp_path / "..one", a_yaml="one")
    write(tmp_path / "..two", a_yaml="two")
    (tmp_path / "..data").symlink_to("..one")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")
    folder = Folder(tmp_path)
    assert list(folder.read_now().files.values()) == [b"one"]
    swap(tmp_path / "..data", "..two")
    assert list(folder.read_now().files.values()) == [b"two"]


async def test_a_link_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    write(tmp_path, a_yaml="a")
    (tmp_path / "b.yaml").symlink_to(tmp_path / "gone.yaml")
    with pytest.raises(Invalid, match="leads nowhere"):
        Folder(tmp_path).read_now()


def swap(link: Path, to: str) -> None:
    """Let a link lead elsewhere in one step, as git-sync and ConfigMaps do."""
    beside = link.with_name("beside")
    beside.symlink_to(to)
    beside.replace(link)


class Watched:
    """A path that is watched, and what is read at each notice."""

    def __init__(self, path: Path) -> None:
        self.folder = Folder(path)
        self.read: list[dict[str, bytes]] = []
        self.task = asyncio.ensure_future(self.follow())

    async def follow(self) -> None:
        async for _ in self.folder.changes():
            try:
                files = self.folder.read_now().files
            except Invalid:
                files = {}
            self.read.append({Path(path).name: content for path, content in files.items()})

    async def shows(self, **files: str) -> None:
        """Return when the files are read so."""
        wanted = {name.replace("_", "."): text.encode() for name, text in files.items()}
        async with asyncio.timeout(60):
            while not self.read or self.read[-1] != wanted:  # noqa: ASYNC110  no event tells it
                await asyncio.sleep(0.01)


@pytest.fixture
async def watch() -> AsyncIterator[Callable[[Path], Watched]]:
    made: list[Watched] = []

    def start(path: Path) -> Watched:
        made.append(Watched(path))
        return made[-1]

    yield start
    for one in made:
        one.task.cancel()
    await asyncio.wait({one.task for one in made})


Watch = Callable[[Path], Watched]


async def test_a_change_of_a_file_is_noticed(tmp_path: Path, watch: Watch) -> None:
    write(tmp_path, a_yaml="a")
    watched = watch(tmp_path)
    await watched.shows(a_yaml="a")
    write(tmp_path, a_yaml="b", deep__c_yaml="c")
    await watched.shows(a_yaml="b", c_yaml="c")


async def test_a_burst_of_writes_is_few_notices(tmp_path: Path, watch: Watch) -> None:
    write(tmp_path, a_yaml="a")
    watched = watch(tmp_path)
    await watched.shows(a_yaml="a")
    files = {f"f{number}_yaml": str(number) for number in range(500)}
    write(tmp_path, **files)
    await watched.shows(a_yaml="a", **files)
    assert len(watched.read) < 10


async def test_hidden_and_passing_files_are_no_change(tmp_path: Path, watch: Watch) -> None:
    write(tmp_path, a_yaml="a")
    watched = watch(tmp_path)
    await watched.shows(a_yaml="a")
    looks = len(watched.read)
    for name in (".a.yaml.swp", "a.yaml~", ".git.lock", "x.tmp"):
        (tmp_path / name).write_text("x")
    await asyncio.sleep(0.3)  # what is to be shown is that nothing comes
    assert len(watched.read) == looks


async def test_a_swapped_link_to_the_folder_is_noticed_and_the_new_one_watched(
    tmp_path: Path, watch: Watch
) -> None:
    for name in ("one", "two"):
        write(tmp_path / name, a_yaml=name)
    link = tmp_path / "specs"
    link.symlink_to("one")
    watched = watch(link)
    await watched.shows(a_yaml="one")
    swap(link, "two")
    await watched.shows(a_yaml="two")
    write(tmp_path / "two", a_yaml="three")
    await watched.shows(a_yaml="three")


async def test_a_swapped_config_map_is_noticed(tmp_path: Path, watch: Watch) -> None:
    write(tmp_path / "..one", a_yaml="one")
    write(tmp_path / "..two", a_yaml="two")
    (tmp_path / "..data").symlink_to("..one")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")
    watched = watch(tmp_path)
    await watched.shows(a_yaml="one")
    swap(tmp_path / "..data", "..two")
    await watched.shows(a_yaml="two")


async def test_a_folder_that_is_removed_and_made_again_is_watched_again(
    tmp_path: Path, watch: Watch
) -> None:
    specs = tmp_path / "specs"
    write(specs, a_yaml="a")
    watched = watch(specs)
    await watched.shows(a_yaml="a")
    shutil.rmtree(specs)
    await watched.shows()
    write(specs, a_yaml="b")
    await watched.shows(a_yaml="b")
    write(specs, a_yaml="c")
    await watched.shows(a_yaml="c")


async def test_a_single_file_that_is_replaced_is_watched_on(tmp_path: Path, watch: Watch) -> None:
    write(tmp_path, a_yaml="a")
    watched = watch(tmp_path / "a.yaml")
    await watched.shows(a_yaml="a")
    for text in "bc":
        (tmp_path / "new").write_text(text)
        (tmp_path / "new").replace(tmp_path / "a.yaml")
        await watched.shows(a_yaml=text)


def test_a_cache_that_is_saved_sparingly_keeps_what_is_wanted(tmp_path: Path) -> None:
    cache = ParseCache(tmp_path / "specs.bin")
    cache[b"a"], cache[b"b"] = b"1", b"2"
    cache.save_sparingly([b"b", b"c"])
    assert dict(ParseCache(tmp_path / "specs.bin")) == {b"b": b"2"}
    cache[b"d"] = b"4"
    cache.save_sparingly([b"b", b"d"])
    assert dict(ParseCache(tmp_path / "specs.bin")) == {b"b": b"2"}
    cache.save_sparingly([b"d"], seconds=0)
    assert dict(ParseCache(tmp_path / "specs.bin")) == {b"b": b"2"}


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


async def test_a_policy_comes_with_the_specs_of_its_folder_and_with_a_single_file_of_it(
    tmp_path: Path,
) -> None:
    for name in ("a.yaml", "b.yaml", "reconciler-policy.yaml"):
        (tmp_path / name).write_bytes(name.encode())
    policy = f"{tmp_path.as_posix()}/reconciler-policy.yaml"
    assert (await Folder(tmp_path).read()).files[policy] == b"reconciler-policy.yaml"
    one = Folder(tmp_path / "a.yaml")
    before = await one.read()
    assert set(before.files) == {f"{tmp_path.as_posix()}/a.yaml", policy}
    (tmp_path / "reconciler-policy.yaml").write_bytes(b"other")
    after = await one.read()
    assert after.files[policy] == b"other"
    assert after.revision != before.revision


async def test_a_policy_alone_is_no_spec(tmp_path: Path) -> None:
    (tmp_path / "reconciler-policy.yaml").write_bytes(b"rules: []")
    with pytest.raises(Invalid, match=r"no \*\.yaml"):
        await Folder(tmp_path).read()

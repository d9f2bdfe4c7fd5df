"""Specs in a branch: followed as it moves, read at one commit, from real git servers."""

import asyncio
import base64
import os
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from reconciler.errors import Invalid, ReconcilerError, Unauthorized, Unreachable
from reconciler.sources.git import GitSource, GitWish
from reconciler.sources.git_address import address
from reconciler.sources.git_tree import read_tree
from tests.fakes import TurnedClock
from tests.sources.git_servers import Origin, http_server, new_key, run, ssh_server

pytestmark = pytest.mark.slow

CANARY = "canary-7f1c9e-never-to-be-seen"
MINUTE = timedelta(seconds=60)


class Pin:
    def __init__(self) -> None:
        self.at: str | None = None

    async def __call__(self) -> str | None:
        return self.at


@pytest.fixture
def origin(tmp_path: Path, program: Callable[[str], str]) -> Origin:
    program("git")
    return Origin(tmp_path).made()


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def pin() -> Pin:
    return Pin()


@pytest.fixture
def source(origin: Origin, clock: TurnedClock, pin: Pin, tmp_path: Path) -> GitSource:
    return GitSource(GitWish(origin.url), tmp_path / "mirror", clock, pin, chance=lambda: 0.5)


@pytest.fixture
def record(tmp_path: Path, program: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a git first on PATH that writes down how it was called, and then does it."""
    real, written = program("git"), tmp_path / "calls"
    written.touch()
    first = tmp_path / "bin" / "git"
    first.parent.mkdir()
    first.write_text(f'#!/bin/sh\necho "$*" >> {written}\nexec {real} "$@"\n')
    first.chmod(0o755)
    monkeypatch.setenv("PATH", f"{first.parent}:{os.environ['PATH']}")
    return written


@pytest.fixture
def sshd(program: Callable[[str], str]) -> str:
    program("ssh-keygen")
    aside = Path("/usr/sbin/sshd")  # seldom on the PATH of a person
    return str(aside) if aside.exists() else program("sshd")


async def woken(clock: TurnedClock, changes: AsyncIterator[None]) -> None:
    """Let minutes pass until the source says that it is worth to read."""
    waiting = asyncio.ensure_future(anext(changes))
    async with asyncio.timeout(60):
        while not waiting.done():
            await clock.turn(MINUTE)
            await asyncio.wait({waiting}, timeout=0.05)
    await waiting


async def closed(changes: AsyncIterator[None]) -> None:
    await changes.aclose()  # type: ignore[attr-defined]


def calls(record: Path, command: str) -> int:
    """Return how often git was called with a command, or at all."""
    return sum(line.startswith(command) for line in record.read_text().splitlines())


def everything_in(place: Path) -> str:
    paths = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
    return "".join(path.read_bytes().decode(errors="replace") for path in paths)


async def test_a_branch_is_read_at_its_commit(origin: Origin, source: GitSource) -> None:
    snapshot = await source.read()
    sha = origin.git("rev-parse", "HEAD")
    assert snapshot.files == {"specs/a.yaml": b"a: 1\n", "specs/deep/b.yaml": b"b: 1\n"}
    assert snapshot.revision == f"main@sha1:{sha[:12]}"
    assert snapshot.commit is not None
    assert (snapshot.commit.sha, snapshot.commit.author) == (sha, "Ada")
    assert snapshot.commit.subject == "Change specs/a.yaml, specs/deep/b.yaml"
    assert snapshot.commit.committed_at == datetime(2026, 11, 24, 7, tzinfo=UTC)
    assert (snapshot.waiting, snapshot.rewound) == ("", False)


async def test_a_push_is_followed_and_what_did_not_change_is_not_read_again(
    origin: Origin, source: GitSource, clock: TurnedClock
) -> None:
    await source.read()
    changes = source.changes()
    assert source.blobs_read == 2
    for count in (2, 3):
        sha = origin.push({"specs/a.yaml": f"a: {count}\n"})
        await woken(clock, changes)
        snapshot = await source.read()
        assert snapshot.revision == f"main@sha1:{sha[:12]}"
        assert snapshot.files["specs/a.yaml"] == f"a: {count}\n".encode()
        assert snapshot.files["specs/deep/b.yaml"] == b"b: 1\n"
        assert (source.blobs_read, snapshot.rewound) == (count + 1, False)
    await closed(changes)


async def test_only_the_newest_commit_is_fetched_at_first(
    origin: Origin, source: GitSource, tmp_path: Path
) -> None:
    origin.push({"specs/a.yaml": "a: 2\n"})
    await source.read()
    counted = run("git", "rev-list", "--count", "refs/heads/main", cwd=tmp_path / "mirror")
    assert counted == "1"


async def test_a_branch_that_did_not_move_tells_nothing(
    source: GitSource, clock: TurnedClock, record: Path
) -> None:
    await source.read()
    changes = source.changes()
    waiting = asyncio.ensure_future(anext(changes))
    async with asyncio.timeout(60):
        while calls(record, "ls-remote") < 3:
            await clock.turn(MINUTE)
            await asyncio.wait({waiting}, timeout=0.05)
    assert not waiting.done()
    source.poke()
    async with asyncio.timeout(60):
        await waiting
    await closed(changes)


async def test_a_poke_wakes_without_any_time_passing(source: GitSource) -> None:
    await source.read()
    changes = source.changes()
    waiting = asyncio.ensure_future(anext(changes))
    await asyncio.wait({waiting}, timeout=0)
    source.poke()
    async with asyncio.timeout(60):
        await waiting
    await closed(changes)


async def test_many_do_not_look_in_the_same_moment(
    origin: Origin, clock: TurnedClock, pin: Pin, tmp_path: Path, record: Path
) -> None:
    late = GitSource(GitWish(origin.url), tmp_path / "late", clock, pin, chance=lambda: 1.0)
    changes = late.changes()
    waiting = asyncio.ensure_future(anext(changes))
    await clock.turn(timedelta(0))
    await clock.turn(timedelta(seconds=65))
    await asyncio.wait({waiting}, timeout=0.05)
    assert calls(record, "") == 0
    await clock.turn(timedelta(seconds=1))
    async with asyncio.timeout(60):
        await waiting
    await closed(changes)


async def test_a_rewritten_branch_is_told_until_it_moves_on(
    origin: Origin, source: GitSource
) -> None:
    origin.push({"specs/a.yaml": "a: 2\n"})
    await source.read()
    origin.git("reset", "-q", "--hard", "HEAD~1")
    origin.push({"specs/a.yaml": "a: 3\n"})
    for _ in range(2):
        snapshot = await source.read()
        assert (snapshot.files["specs/a.yaml"], snapshot.rewound) == (b"a: 3\n", True)
    origin.push({"specs/a.yaml": "a: 4\n"})
    assert not (await source.read()).rewound


async def test_a_rewritten_branch_is_told_after_a_restart(
    origin: Origin, source: GitSource, clock: TurnedClock, pin: Pin, tmp_path: Path
) -> None:
    await source.read()
    origin.push({"specs/a.yaml": "a: 2\n"}, "--amend")
    again = GitSource(GitWish(origin.url), tmp_path / "mirror", clock, pin)
    assert (await again.read()).rewound


async def test_what_went_away_is_an_error_and_changes_nothing(
    origin: Origin, source: GitSource
) -> None:
    before = await source.read()
    kept = dict(before.files)
    origin.push({"specs/a.yaml": None, "specs/deep/b.yaml": None, "README.md": "x"})
    with pytest.raises(Invalid, match=r"specs: no \*\.yaml") as empty:
        await source.read()
    assert "never taken as the wish to remove everything" in empty.value.hint
    run("git", "update-ref", "-d", "refs/heads/main", cwd=origin.bare)
    with pytest.raises(Invalid, match="no such branch: main"):
        await source.read()
    shutil.rmtree(origin.bare)
    with pytest.raises(Invalid, match="no such repository"):
        await source.read()
    assert before.files == kept


async def test_a_failed_look_is_told_once_and_so_is_its_end(
    origin: Origin, source: GitSource, clock: TurnedClock, record: Path
) -> None:
    await source.read()
    aside = origin.bare.rename(origin.folder / "aside.git")
    changes = source.changes()
    waiting = asyncio.ensure_future(anext(changes))
    with capture_logs() as logs:
        async with asyncio.timeout(60):
            while calls(record, "ls-remote") < 3:
                await clock.turn(MINUTE)
                await asyncio.wait({waiting}, timeout=0.05)
            assert isinstance(source.trouble, Invalid)
            aside.rename(origin.bare)
            while source.trouble is not None:
                await clock.turn(MINUTE)
                await asyncio.wait({waiting}, timeout=0.05)
    told = [entry["event"] for entry in logs]
    assert told == ["git_look_failed", "git_look_well"]
    source.poke()
    async with asyncio.timeout(60):
        await waiting
    await closed(changes)


async def test_links_submodules_and_hidden_files_are_left_out(
    origin: Origin, source: GitSource
) -> None:
    (origin.clone / "specs" / "link.yaml").symlink_to("/etc/hostname")
    origin.commit({"specs/.hidden.yaml": "x", "specs/.git-not/c.yaml": "x", "specs/n.md": "x"})
    head = origin.git("rev-parse", "HEAD")
    origin.git("update-index", "--add", "--cacheinfo", f"160000,{head},specs/module.yaml")
    origin.git("commit", "-q", "-m", "Add a submodule")
    origin.git("push", "-q", str(origin.bare), "HEAD:main")
    with capture_logs() as logs:
        snapshot = await source.read()
    assert set(snapshot.files) == {"specs/a.yaml", "specs/deep/b.yaml"}
    left = [entry["path"] for entry in logs if entry["event"] == "spec_left_out"]
    assert left == ["specs/link.yaml", "specs/module.yaml"]


async def test_a_huge_file_is_refused_by_name(origin: Origin, source: GitSource) -> None:
    origin.push({"specs/huge.csv": "x" * (8 * 1024 * 1024 + 1)})
    with pytest.raises(Invalid, match=r"specs/huge\.csv: larger than 8 MiB"):
        await source.read()


async def test_a_damaged_mirror_is_made_anew(
    origin: Origin, source: GitSource, tmp_path: Path
) -> None:
    await source.read()
    (tmp_path / "mirror" / "config").write_text("[nonsense")
    (tmp_path / "mirror" / "shallow.lock").touch()
    sha = origin.push({"specs/a.yaml": "a: 2\n"})
    with capture_logs() as logs:
        assert (await source.read()).revision == f"main@sha1:{sha[:12]}"
    assert [entry["event"] for entry in logs] == ["git_mirror_made_anew"]


async def test_a_pinned_branch_stays_and_tells_what_waits(
    origin: Origin, source: GitSource, pin: Pin
) -> None:
    first = await source.read()
    newest = origin.push({"specs/a.yaml": "a: 2\n"})
    pin.at = first.revision
    held = await source.read()
    assert (held.revision, held.files) == (first.revision, first.files)
    assert held.waiting == f"main@sha1:{newest[:12]}"
    pin.at = None
    freed = await source.read()
    assert (freed.revision, freed.waiting) == (f"main@sha1:{newest[:12]}", "")


async def test_a_pin_may_lead_to_what_was_never_fetched(
    origin: Origin, source: GitSource, pin: Pin
) -> None:
    old = origin.git("rev-parse", "HEAD")
    newest = origin.push({"specs/a.yaml": "a: 2\n"})
    pin.at = f"main@sha1:{old[:12]}"
    held = await source.read()
    assert held.files["specs/a.yaml"] == b"a: 1\n"
    assert (held.waiting, held.rewound) == (f"main@sha1:{newest[:12]}", False)


async def test_a_revision_is_found_by_branch_tag_and_the_start_of_its_id(
    origin: Origin, source: GitSource
) -> None:
    first = origin.git("rev-parse", "HEAD")
    origin.git("tag", "-a", "v1", "-m", "the first")
    newest = origin.push({"specs/a.yaml": "a: 2\n"})
    origin.git("push", "-q", str(origin.bare), "v1", "HEAD:refs/heads/next/one")
    found = [await source.resolve(text) for text in ("v1", "next/one", "main", first[:7], first)]
    assert found == [first, newest, newest, first, first]
    for unknown in ("nowhere", "0123456", "-x", "a..b", "--upload-pack=x"):
        with pytest.raises(Invalid, match="no such revision"):
            await source.resolve(unknown)
    assert not (await source.read()).rewound


async def test_only_what_an_allowed_signer_signed_is_read(
    origin: Origin, clock: TurnedClock, pin: Pin, tmp_path: Path, program: Callable[[str], str]
) -> None:
    program("ssh-keygen")
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    (tmp_path / "signers").write_text(f"ada@plant.example {new_key(ours)}\n")
    new_key(theirs)
    wish = GitWish(origin.url, allowed_signers=tmp_path / "signers")
    source = GitSource(wish, tmp_path / "mirror", clock, pin)
    refused = "is not signed by an allowed signer"
    with pytest.raises(Invalid, match=refused):
        await source.read()
    origin.git("config", "gpg.format", "ssh")
    origin.git("config", "user.signingKey", str(theirs))
    origin.push({"specs/a.yaml": "a: 2\n"}, "-S")
    with pytest.raises(Invalid, match=refused):
        await source.read()
    origin.git("config", "user.signingKey", str(ours))
    signed = origin.push({"specs/a.yaml": "a: 3\n"}, "-S")
    assert (await source.read()).revision == f"main@sha1:{signed[:12]}"
    unsigned = origin.push({"specs/a.yaml": "a: 4\n"})
    with pytest.raises(Invalid, match=f"commit {unsigned[:12]} {refused}"):
        await source.read()


async def test_over_http_a_token_logs_in_and_is_seen_nowhere(
    origin: Origin, clock: TurnedClock, pin: Pin, tmp_path: Path, record: Path
) -> None:
    given = [CANARY]
    with http_server(tmp_path, token=CANARY) as server, capture_logs() as logs:
        wish = GitWish(server.url, token=lambda: given[0])
        source = GitSource(wish, tmp_path / "mirror", clock, pin)
        changes = source.changes()
        assert len((await source.read()).files) == 2
        origin.push({"specs/a.yaml": "a: 2\n"})
        await woken(clock, changes)
        assert (await source.read()).files["specs/a.yaml"] == b"a: 2\n"
        given[0] = CANARY + "-wrong"
        with pytest.raises(Unauthorized) as refused:
            await source.read()
        await closed(changes)
    pair = base64.b64encode(f"x-access-token:{CANARY}".encode()).decode()
    seen = f"{logs} {refused.value.message} {refused.value.hint}"
    seen += everything_in(record) + everything_in(tmp_path / "mirror")
    assert calls(record, "fetch") == 3
    assert "refs/heads/main" in seen
    assert CANARY not in seen
    assert pair[:30] not in seen


async def test_a_server_that_stopped_is_unreachable_and_one_without_login_unauthorized(
    origin: Origin, clock: TurnedClock, pin: Pin, tmp_path: Path
) -> None:
    with http_server(tmp_path, token=CANARY) as server:
        source = GitSource(GitWish(server.url), tmp_path / "mirror", clock, pin)
        with pytest.raises(Unauthorized, match="refused the credentials"):
            await source.read()
    with pytest.raises(Unreachable, match="got no answer"):
        await source.read()


async def test_a_token_is_not_sent_on_to_where_a_server_leads(
    origin: Origin, clock: TurnedClock, pin: Pin, tmp_path: Path
) -> None:
    with (
        http_server(tmp_path) as other,
        http_server(tmp_path, moved=f"http://127.0.0.1:{other.port}") as first,
    ):
        wish = GitWish(first.url, token=lambda: CANARY)
        with pytest.raises(ReconcilerError, match="moved"):
            await GitSource(wish, tmp_path / "mirror", clock, pin).read()
        assert (len(first.asked), other.asked) == (1, [])
        open_one = GitSource(GitWish(first.url), tmp_path / "mirror", clock, pin)
        assert len((await open_one.read()).files) == 2


async def test_a_server_that_says_nothing_is_left_after_the_limit(
    clock: TurnedClock, pin: Pin, tmp_path: Path, program: Callable[[str], str]
) -> None:
    program("git")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        wish = GitWish(f"http://127.0.0.1:{silent.getsockname()[1]}/x.git")
        source = GitSource(
            replace(wish, limit=timedelta(seconds=2)), tmp_path / "mirror", clock, pin
        )
        with pytest.raises(Unreachable, match="no answer within 2 s"):
            await source.read()


async def test_over_ssh_a_key_logs_in_to_a_known_host_alone(
    origin: Origin, clock: TurnedClock, pin: Pin, tmp_path: Path, sshd: str
) -> None:
    with ssh_server(sshd, tmp_path / "ssh dir") as server:
        wish = GitWish(server.url(origin.bare), ssh_key=server.key, known_hosts=server.known_hosts)
        source = GitSource(wish, tmp_path / "mirror", clock, pin)
        assert len((await source.read()).files) == 2
        sha = origin.push({"specs/a.yaml": "a: 2\n"})
        assert (await source.read()).revision == f"main@sha1:{sha[:12]}"

        wrong = tmp_path / "wrong"
        foreign = new_key(wrong)
        with pytest.raises(Unauthorized):
            await GitSource(replace(wish, ssh_key=wrong), tmp_path / "m2", clock, pin).read()
        hosts = tmp_path / "hosts"
        hosts.write_text(f"[127.0.0.1]:{server.port} {foreign}\n")
        with pytest.raises(Unreachable, match="host key is not the known one"):
            await GitSource(replace(wish, known_hosts=hosts), tmp_path / "m3", clock, pin).read()


async def test_two_revisions_of_a_local_repository_are_read_without_touching_it(
    origin: Origin,
) -> None:
    origin.commit({"specs/a.yaml": "a: 2\n"})
    (origin.clone / "specs" / "a.yaml").write_text("not committed")
    (origin.clone / ".git" / "index").unlink()
    before = await read_tree(origin.clone, "HEAD~1", "specs")
    after = await read_tree(origin.clone, "main", "specs/")
    assert (before.files["specs/a.yaml"], after.files["specs/a.yaml"]) == (b"a: 1\n", b"a: 2\n")
    assert after.revision == f"main@sha1:{origin.git('rev-parse', 'HEAD')[:12]}"
    inner = await read_tree(origin.clone / "specs", "main", ".")
    assert set(inner.files) == {"a.yaml", "deep/b.yaml"}
    whole = await read_tree(origin.clone, "main", str(origin.clone / "specs"))
    assert whole.files == after.files
    assert not (origin.clone / ".git" / "index").exists()


async def test_a_local_repository_without_the_revision_says_so(
    origin: Origin, tmp_path: Path
) -> None:
    for name in ("nowhere", "--help", "main:specs"):
        with pytest.raises(Invalid, match="no such revision"):
            await read_tree(origin.clone, name, "specs")
    with pytest.raises(Invalid, match="not in a git repository"):
        await read_tree(tmp_path, "main", "specs")
    with pytest.raises(Invalid, match="no such folder"):
        await read_tree(tmp_path / "nowhere", "main", "specs")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "--upload-pack=touch x",
        "ext::sh -c id",
        "fd::17",
        "/srv/specs.git",
        "http://git.plant.example/specs.git",
        "git://git.plant.example/specs.git",
        "ftp://git.plant.example/specs.git",
        "file://elsewhere/specs.git",
        "ssh://-oProxyCommand=id/specs.git",
        "git@-oProxyCommand=id:specs.git",
        "https:///specs.git",
        "https://git.plant.example:port/specs.git",
        "https://git.plant.example/a\nb",
        f"https://{CANARY}@git.plant.example/specs.git",
        f"https://ada:{CANARY}@git.plant.example/specs.git",
        f"ssh://ada:{CANARY}@git.plant.example/specs.git",
    ],
)
def test_an_address_that_runs_something_or_shows_a_secret_is_refused(url: str) -> None:
    with pytest.raises(Invalid) as found:
        address(url)
    assert found.value.hint
    assert CANARY not in found.value.message + found.value.hint


@pytest.mark.parametrize(
    ("url", "protocol", "origin_of_it"),
    [
        ("https://git.plant.example/specs.git", "https", "https://git.plant.example/"),
        ("https://git.plant.example:8443/a/b", "https", "https://git.plant.example:8443/"),
        ("http://127.0.0.1:3000/specs.git", "http", "http://127.0.0.1:3000/"),
        ("http://[::1]:3000/specs.git", "http", "http://[::1]:3000/"),
        ("ssh://git@git.plant.example:22/specs.git", "ssh", ""),
        ("git@git.plant.example:plant/specs.git", "ssh", ""),
        ("file:///srv/specs.git", "file", ""),
    ],
)
def test_an_address_is_taken(url: str, protocol: str, origin_of_it: str) -> None:
    found = address(url)
    assert (found.url, found.protocol, found.origin) == (url, protocol, origin_of_it)


@pytest.mark.parametrize("path", ["/etc", "../x", "a/../../x"])
async def test_a_path_leads_nowhere_else(
    path: str, clock: TurnedClock, pin: Pin, tmp_path: Path
) -> None:
    with pytest.raises(Invalid, match="is no path inside a repository"):
        GitSource(GitWish("file:///x", path=path), tmp_path, clock, pin)

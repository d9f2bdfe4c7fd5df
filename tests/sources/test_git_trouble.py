"""A followed branch in trouble: what is kept meanwhile, what wakes it again, and what is said of it."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from reconciler.errors import Invalid, Unauthorized, Unreachable
from reconciler.sources.git import GitSource, GitWish
from reconciler.sources.git_tree import read_tree
from tests.fakes import TurnedClock
from tests.sources.git_servers import (
    Origin,
    http_server,
    new_certificate,
    new_key,
    proxy,
    run,
    ssh_server,
)

pytestmark = pytest.mark.slow

MINUTE = timedelta(seconds=60)
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12345\n"
OUTSIDE = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY")
TRUSTED = ("GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "SSL_CERT_FILE", "SSL_CERT_DIR")


class Pin:
    def __init__(self, at: str | None = None) -> None:
        self.at = at

    async def __call__(self) -> str | None:
        return self.at


@pytest.fixture
def origin(tmp_path: Path, program: Callable[[str], str]) -> Origin:
    program("git")
    return Origin(tmp_path).made()


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Take away what this machine says of proxies and authorities."""
    for name in OUTSIDE + TRUSTED:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.fixture
def sshd(program: Callable[[str], str]) -> str:
    program("ssh-keygen")
    aside = Path("/usr/sbin/sshd")  # seldom on the PATH of a person
    return str(aside) if aside.exists() else program("sshd")


def following(
    wish: GitWish, mirror: Path, *, pin: Pin | None = None, clock: TurnedClock | None = None
) -> GitSource:
    return GitSource(wish, mirror, clock or TurnedClock(), pin or Pin(), chance=lambda: 0.5)


async def wakes(source: GitSource, clock: TurnedClock) -> bool:
    """Whether the source says, within a few looks, that it is worth to read; it says so or fails."""
    changes = source.changes()
    waiting = asyncio.ensure_future(anext(changes))
    async with asyncio.timeout(60):
        while not waiting.done():
            await clock.turn(MINUTE)
            await asyncio.wait({waiting}, timeout=0.05)
    await changes.aclose()  # type: ignore[attr-defined]
    return waiting.result() is None


async def test_a_login_that_is_good_again_wakes_without_a_push(
    origin: Origin, tmp_path: Path
) -> None:
    given, clock = ["good"], TurnedClock()
    with http_server(tmp_path, token="good") as server:
        wish = GitWish(server.url, token=lambda: given[0])
        source = following(wish, tmp_path / "mirror", clock=clock)
        first = await source.read()
        given[0] = "expired"
        with pytest.raises(Unauthorized):
            await source.read()
        given[0] = "good"
        assert await wakes(source, clock)
        assert (await source.read()).revision == first.revision


async def test_a_signer_who_is_allowed_later_wakes_without_a_push(
    origin: Origin, tmp_path: Path, program: Callable[[str], str]
) -> None:
    program("ssh-keygen")
    signers, clock = tmp_path / "signers", TurnedClock()
    signers.touch()
    public = new_key(tmp_path / "key")
    origin.git("config", "gpg.format", "ssh")
    origin.git("config", "user.signingKey", str(tmp_path / "key"))
    signed = origin.push({"specs/a.yaml": "a: 2\n"}, "-S")
    source = following(
        GitWish(origin.url, allowed_signers=signers), tmp_path / "mirror", clock=clock
    )
    with pytest.raises(Invalid, match="not signed by an allowed signer"):
        await source.read()
    signers.write_text(f"ada@plant.example {public}\n")
    assert await wakes(source, clock)
    assert (await source.read()).revision == f"main@sha1:{signed[:12]}"


@pytest.mark.parametrize("name", ["v1", "main"])
async def test_a_pin_by_name_stays_where_it_was_set(
    origin: Origin, tmp_path: Path, name: str
) -> None:
    origin.git("tag", "v1")
    origin.git("push", "-q", str(origin.bare), "v1")
    pin = Pin(name)
    first = await following(GitWish(origin.url), tmp_path / "mirror", pin=pin).read()
    newest = origin.push({"specs/a.yaml": "a: 2\n"})
    origin.git("tag", "-f", "v1")
    origin.git("push", "-q", "-f", str(origin.bare), "v1")
    again = following(GitWish(origin.url), tmp_path / "mirror", pin=pin)
    held = await again.read()
    assert (held.revision, held.waiting) == (first.revision, f"main@sha1:{newest[:12]}")
    pin.at = None
    assert (await again.read()).revision == f"main@sha1:{newest[:12]}"
    pin.at = name
    assert (await again.read()).revision == f"main@sha1:{newest[:12]}"


async def test_a_pinned_commit_is_given_while_the_repository_is_away(
    origin: Origin, tmp_path: Path
) -> None:
    sha = origin.git("rev-parse", "HEAD")
    pin = Pin(f"main@sha1:{sha[:12]}")
    held = await following(GitWish(origin.url), tmp_path / "mirror", pin=pin).read()
    aside = origin.bare.rename(tmp_path / "aside.git")
    again = following(GitWish(origin.url), tmp_path / "mirror", pin=pin)
    with capture_logs() as logs:
        assert await again.read() == held
        assert isinstance(again.trouble, Invalid)
        pin.at = None
        with pytest.raises(Invalid, match="no such repository"):
            await again.read()
        pin.at = held.revision
        aside.rename(origin.bare)
        assert await again.read() == held
    assert again.trouble is None
    assert [entry["event"] for entry in logs] == ["git_look_failed", "git_look_well"]


async def test_a_pointer_to_a_file_elsewhere_is_refused_by_name(
    origin: Origin, tmp_path: Path
) -> None:
    origin.push({"specs/large.yaml": POINTER, "specs/notes.md": POINTER})
    source = following(GitWish(origin.url), tmp_path / "mirror")
    for _ in range(2):
        with pytest.raises(Invalid, match=r"specs/large\.yaml: a pointer of Git LFS"):
            await source.read()
    with pytest.raises(Invalid, match=r"specs/large\.yaml: a pointer of Git LFS"):
        await read_tree(origin.clone, "main", "specs")
    origin.push({"specs/large.yaml": None})
    assert len((await source.read()).files) == 2


@pytest.mark.parametrize("name", ["GIT_SSL_CAINFO", "SSL_CERT_FILE"])
async def test_over_tls_the_authorities_of_the_machine_are_believed_and_no_others(
    origin: Origin,
    tmp_path: Path,
    alone: pytest.MonkeyPatch,
    program: Callable[[str], str],
    name: str,
) -> None:
    program("openssl")
    both, authority = new_certificate(tmp_path)
    with http_server(tmp_path, token="good", pem=both) as server:
        wish = GitWish(server.url, token=lambda: "good")
        with pytest.raises(Unreachable, match="certificate"):
            await following(wish, tmp_path / "mirror").read()
        assert server.asked == []
        alone.setenv(name, str(authority))
        assert len((await following(wish, tmp_path / "mirror").read()).files) == 2


async def test_the_proxy_of_the_machine_is_used_for_https_and_for_nothing_near(
    origin: Origin, tmp_path: Path, alone: pytest.MonkeyPatch
) -> None:
    with proxy() as (url, wished), http_server(tmp_path) as near:
        alone.setenv("https_proxy", url)
        alone.setenv("ALL_PROXY", url)
        assert len((await following(GitWish(near.url), tmp_path / "near").read()).files) == 2
        assert wished == []
        far = GitWish("https://git.plant.invalid/specs.git")
        with pytest.raises(Unreachable):
            await following(far, tmp_path / "far").read()
        assert set(wished) == {"git.plant.invalid:443"}


async def test_over_ssh_a_path_is_taken_by_the_letter_and_a_key_that_will_not_do_is_named(
    origin: Origin, tmp_path: Path, sshd: str
) -> None:
    with ssh_server(sshd, tmp_path / "server") as server:
        ours = server.key.parent.rename(tmp_path / "100%h of ours")
        # The server goes on reading its own files where they were.
        (tmp_path / "server").symlink_to(ours)
        key, hosts = ours / server.key.name, ours / server.known_hosts.name
        wish = GitWish(server.url(origin.bare), ssh_key=key, known_hosts=hosts)
        assert len((await following(wish, tmp_path / "mirror").read()).files) == 2
        key.chmod(0o644)
        with pytest.raises(Invalid, match="others may read its file"):
            await following(wish, tmp_path / "mirror").read()
        key.unlink()
        with pytest.raises(Invalid, match="the file of the ssh key is not there"):
            await following(wish, tmp_path / "mirror").read()


async def test_ids_of_another_kind_are_told(tmp_path: Path, program: Callable[[str], str]) -> None:
    program("git")
    kind = "--object-format=sha256"
    run("git", "init", "-q", "--bare", kind, "-b", "main", str(tmp_path / "origin.git"))
    run("git", "init", "-q", kind, "-b", "main", str(tmp_path / "clone"))
    origin = Origin(tmp_path)
    origin.push({"specs/a.yaml": "a: 1\n"})
    with pytest.raises(Invalid, match="ids of SHA-256"):
        await following(GitWish(origin.url), tmp_path / "mirror").read()

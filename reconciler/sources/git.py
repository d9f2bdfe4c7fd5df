"""Specs in a branch of a git repository: fetched into a mirror of our own, and read at one commit."""

import asyncio
import hashlib
import random
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, TypeVar

import structlog

from reconciler.errors import Invalid, ReconcilerError, SourceError
from reconciler.ports import Clock, Snapshot
from reconciler.sources.git_address import address
from reconciler.sources.git_errors import MirrorDamaged, essence
from reconciler.sources.git_program import LIMIT, Access, GitProgram
from reconciler.sources.git_tree import commit_of, contents, entries, facts, no_pointers, revision

log = structlog.get_logger()

SHOWN: Final = re.compile(r".+@sha(?:1|256):([0-9a-f]{4,64})")
SHA: Final = re.compile(r"[0-9a-f]{4,64}")
PINS: Final = "refs/reconciler/pins/"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class GitWish:
    """Which branch of which repository is followed, how often it is looked at, and how to log in.

    ``path`` is the folder of the specs, from the top folder; ``limit`` the longest one call of git takes.
    """

    url: str
    branch: str = "main"
    path: str = "specs"
    poll: timedelta = timedelta(seconds=60)
    token: Callable[[], str] | None = None
    ssh_key: Path | None = None
    known_hosts: Path | None = None
    allowed_signers: Path | None = None
    limit: timedelta = LIMIT


class GitSource:
    """A branch of specs. Nothing is ever checked out; *mirror* is a folder of its own, in one process.

    *pinned* gives the revision to stay at, or nothing; *chance* gives numbers from 0 to 1.
    ``blobs_read`` counts the contents that were read from the mirror; ``trouble`` is why the last look
    at the branch failed.

    Raises:
        Invalid: if the URL or the path is not one.
    """

    def __init__(
        self,
        wish: GitWish,
        mirror: Path,
        clock: Clock,
        pinned: Callable[[], Awaitable[str | None]],
        *,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._wish = wish
        self._path = _inner(wish.path)
        self._mirror = mirror.absolute()
        self._clock = clock
        self._pinned = pinned
        self._chance = chance
        access = Access(wish.token, wish.ssh_key, wish.known_hosts, wish.allowed_signers)
        self._git = GitProgram(
            self._mirror, remote=address(wish.url), access=access, limit=wish.limit
        )
        self._branch = f"refs/heads/{wish.branch}"
        # Another repository in the same mirror has another last commit.
        mark = hashlib.sha256(f"{wish.url}\0{wish.branch}".encode()).hexdigest()[:12]
        self._last = f"refs/reconciler/read/{mark}"
        self._lock = asyncio.Lock()
        self._poked = asyncio.Event()
        self._blobs: dict[str, bytes] = {}
        self._seen = self._rewound = ""
        self.blobs_read = 0
        self.trouble: ReconcilerError | None = None

    async def read(self) -> Snapshot:
        """Return the spec files of the branch's newest commit, or of the pinned one.

        A pinned commit that was read before is given while the repository is away.

        Raises:
            Invalid: no such repository, branch, folder or pinned revision; a commit that is not signed.
            Unreachable: no answer.
            Unauthorized: the credentials were refused.
        """
        try:
            return await self._whole(self._read)
        except ReconcilerError:
            # What is in the way may go without a push: a token, the file of signers, a pin.
            self._seen = ""
            raise

    async def resolve(self, text: str) -> str:
        """Return the full id of the commit that a branch, a tag, or the start of an id means.

        Raises:
            Invalid: if there is none.
        """
        return await self._whole(lambda: self._resolve(text))

    def poke(self) -> None:
        """Say that it is worth to read at once: somebody has pushed, or the pin has changed."""
        self._poked.set()

    async def changes(self) -> AsyncIterator[None]:
        """Yield when the branch has another commit than the one read last, and after ``poke``.

        After a read that failed, yield at each look that the repository answers.
        """
        while True:
            if await self._woken() or await self._moved():
                yield

    async def _woken(self) -> bool:
        spread = 0.9 + 0.2 * self._chance()
        waits = {
            asyncio.ensure_future(self._clock.sleep(self._wish.poll * spread)),
            asyncio.ensure_future(self._poked.wait()),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        woken = self._poked.is_set()
        self._poked.clear()
        return woken

    async def _moved(self) -> bool:
        try:
            async with self._lock:
                await self._ready()
            tips = await self._tips(self._branch)
            if self._branch not in tips:
                raise self._no_branch()
        except ReconcilerError as error:
            self._look_failed(error)
            return False
        self._look_well()
        return tips[self._branch] != self._seen

    def _look_failed(self, error: ReconcilerError) -> None:
        if self.trouble is None:
            log.warning("git_look_failed", why=error.message, hint=error.hint)
        self.trouble = error

    def _look_well(self) -> None:
        if self.trouble is not None:
            log.info("git_look_well", url=self._wish.url)
            self.trouble = None

    async def _whole(self, work: Callable[[], Awaitable[T]]) -> T:
        async with self._lock:
            try:
                await self._ready()
                return await work()
            except MirrorDamaged as error:
                log.warning("git_mirror_made_anew", why=error.message)
                await asyncio.to_thread(shutil.rmtree, self._mirror)
                await self._ready()
                return await work()

    async def _ready(self) -> None:
        if not (self._mirror / "HEAD").is_file():
            self._mirror.mkdir(mode=0o700, parents=True, exist_ok=True)
            await self._git("init", "--bare", "--quiet", "--template=")
        fits = await self._git("check-ref-format", self._branch, fine=(0, 1))
        if fits.code:
            raise Invalid(
                f"{self._wish.branch!r} is no name of a branch", hint="name it as git does: main"
            )

    async def _read(self) -> Snapshot:
        pin = await self._pinned()
        kept = await self._kept(pin)
        tip = await (self._fetched_or_known() if kept else self._fetched())
        before = await commit_of(self._git, self._last)
        if before and await self._lost(before, tip):
            self._rewound = tip
        sha = kept or (await self._keep(pin) if pin else tip)
        await self._signed(sha)
        files = await self._files(sha)
        commit = await facts(self._git, sha)
        await self._git("update-ref", "--end-of-options", self._last, tip)
        return Snapshot(
            revision(self._wish.branch, sha),
            files,
            commit=commit,
            waiting=revision(self._wish.branch, tip) if tip != sha else "",
            rewound=tip == self._rewound,
        )

    async def _fetched(self) -> str:
        # After the first time git sends what lies between the last commit and the new one, which is
        # what tells whether the branch was rewritten.
        known = await commit_of(self._git, self._branch)
        try:
            await self._fetch(f"+{self._branch}:{self._branch}", *([] if known else ["--depth=1"]))
        except Invalid as error:
            if "no such branch" in error.message:
                raise self._no_branch() from error
            raise
        self._look_well()
        self._seen = await commit_of(self._git, self._branch)
        return self._seen

    async def _fetched_or_known(self) -> str:
        """Return the branch's newest commit, or the newest that we know while the repository is away."""
        known = await commit_of(self._git, self._branch)
        try:
            return await self._fetched()
        except (SourceError, Invalid) as error:
            if not known:
                raise
            self._look_failed(error)
            return known

    async def _kept(self, pin: str | None) -> str:
        """Return the commit that *pin* was found to mean, or nothing; forget what other pins meant."""
        own = _pin_name(pin) if pin else ""
        found = await self._git("for-each-ref", "--format=%(refname)", PINS)
        for name in found.text.split():
            if name != own:
                await self._git("update-ref", "-d", name)
        return await commit_of(self._git, own) if own else ""

    async def _keep(self, pin: str) -> str:
        # A pin stays where it was set: a tag or branch that is moved later moves nothing here.
        sha = await self._resolve(pin)
        await self._git("update-ref", "--end-of-options", _pin_name(pin), sha)
        return sha

    async def _fetch(self, refs: str, *options: str) -> None:
        shared = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
        await self._git("fetch", *shared, *options, "--", self._wish.url, *refs.split())

    def _no_branch(self) -> Invalid:
        return Invalid(
            f"{self._wish.url}: no such branch: {self._wish.branch}",
            hint="see the name of the branch, or push it; what was applied last stays in force",
        )

    async def _lost(self, before: str, tip: str) -> bool:
        asked = ("merge-base", "--is-ancestor", before, tip)
        return (await self._git(*asked, fine=(0, 1))).code == 1

    async def _tips(self, *names: str) -> dict[str, str]:
        answer = await self._git("ls-remote", "--quiet", "--", self._wish.url, *names)
        lines = (line.split("\t", 1) for line in answer.text.splitlines())
        return {name: sha for sha, name in lines}

    async def _resolve(self, text: str) -> str:
        shown = SHOWN.fullmatch(text)
        if shown:
            return await self._by_id(text, shown[1])
        if not SHA.fullmatch(text) or len(text) < 40:
            for kind in ("heads", "tags"):
                if sha := await self._by_name(f"refs/{kind}/{text}"):
                    return sha
        return await self._by_id(text, text)

    async def _by_name(self, name: str) -> str:
        fits = await self._git("check-ref-format", name, fine=(0, 1))
        if fits.code or name not in await self._tips(name):
            return ""
        await self._fetch(f"+{name}:refs/reconciler/resolved")
        return await commit_of(self._git, "refs/reconciler/resolved")

    async def _by_id(self, text: str, sha: str) -> str:
        if SHA.fullmatch(sha):
            if found := await commit_of(self._git, sha):
                return found
            await self._fetch_all()
            if found := await commit_of(self._git, sha):
                return found
        raise Invalid(
            f"{self._wish.url}: no such revision: {text}",
            hint="name a branch, a tag, or a commit by at least 4 digits of its id",
        )

    async def _fetch_all(self) -> None:
        shallow = (await self._git("rev-parse", "--is-shallow-repository")).text == "true"
        refs = "+refs/heads/*:refs/reconciler/heads/* +refs/tags/*:refs/reconciler/tags/*"
        await self._fetch(refs, "--prune", *(["--unshallow"] if shallow else []))

    async def _signed(self, sha: str) -> None:
        signers = self._wish.allowed_signers
        if signers is None:
            return
        if not signers.is_file():
            raise Invalid(f"{signers}: no such file of allowed signers", hint="see its path")
        answer = await self._git("verify-commit", sha, fine=range(256))
        if answer.code:
            raise Invalid(
                f"commit {sha[:12]} is not signed by an allowed signer: {essence(answer.said)}",
                hint="sign it, or add the signer's public key to the file of allowed signers; "
                "what was applied last stays in force",
            )

    async def _files(self, sha: str) -> dict[str, bytes]:
        found = await entries(self._git, sha, self._path)
        new = await contents(
            self._git, (entry.blob for entry in found if entry.blob not in self._blobs)
        )
        no_pointers(found, new)
        self.blobs_read += len(new)
        known = self._blobs | new
        self._blobs = {entry.blob: known[entry.blob] for entry in found}
        return {entry.path: self._blobs[entry.blob] for entry in found}


def _pin_name(pin: str) -> str:
    return PINS + hashlib.sha256(pin.encode()).hexdigest()[:16]


def _inner(path: str) -> str:
    parts = [part for part in path.split("/") if part not in {"", "."}]
    if path.startswith("/") or ".." in parts or not path.isprintable():
        raise Invalid(
            f"{path!r} is no path inside a repository", hint="write it from the top folder: specs"
        )
    return "/".join(parts)

"""The spec files of one commit, read from git's objects; no work tree is looked at or touched."""

import os
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog

from reconciler.errors import Invalid, NoSpecs
from reconciler.ports import Commit, Snapshot
from reconciler.sources.folder import KINDS, LARGEST, MOST
from reconciler.sources.git_errors import MirrorDamaged, essence
from reconciler.sources.git_program import GitProgram
from reconciler.spec.policy_file import is_policy

log = structlog.get_logger()

POINTER: Final = b"version https://git-lfs.github.com/spec/"
"""How a file begins that stands for one in Git LFS: docs/spec.md of git-lfs."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a tree: its path, and the id of its content."""

    path: str
    blob: str


def revision(name: str, sha: str) -> str:
    """Return how a commit is shown: ``main@sha1:3f2a9c1b7d20``."""
    return f"{name}@{'sha1' if len(sha) == 40 else 'sha256'}:{sha[:12]}"


async def entries(git: GitProgram, sha: str, path: str) -> tuple[Entry, ...]:
    """Return the spec files under *path* at a commit, without links, submodules and hidden ones.

    Raises:
        NoSpecs: if there is none.
        Invalid: if one is too large, or there are too many.
    """
    where = [path] if path not in {"", "."} else []
    listed = await git("ls-tree", "-r", "-z", "--long", "--", sha, *where)
    found = tuple(_entries(listed.out, "" if path == "." else path))
    if all(is_policy(entry.path) for entry in found):
        msg = f"{path or '.'}: no *.yaml or *.yml file in it at commit {sha[:12]}"
        raise NoSpecs(msg, hint="an empty folder is never taken as the wish to remove everything")
    if len(found) > MOST:
        msg = f"{path or '.'}: more than {MOST:,} files at commit {sha[:12]}"
        raise Invalid(msg, hint="name the folder that holds the specs and nothing else")
    return found


async def contents(git: GitProgram, blobs: Iterator[str]) -> dict[str, bytes]:
    """Return the contents of blobs by their ids, all read by one process."""
    wanted = list(dict.fromkeys(blobs))
    if not wanted:
        return {}
    answer = await git("cat-file", "--batch", fed="".join(f"{blob}\n" for blob in wanted).encode())
    found: dict[str, bytes] = {}
    place = 0
    for blob in wanted:
        end = answer.out.find(b"\n", place)
        head = answer.out[place:end].split()
        if len(head) != 3 or head[1] != b"blob":
            raise MirrorDamaged(f"the content {blob} is missing", hint="fetch the repository anew")
        place = end + 1 + int(head[2])
        found[blob] = answer.out[end + 1 : place]
        place += 1
    return found


def no_pointers(found: Iterable[Entry], blobs: Mapping[str, bytes]) -> None:
    """Return if none of the files is a pointer to a content elsewhere.

    Raises:
        Invalid: if one is: a spec left out would look like the wish to remove what it declares.
    """
    for entry in found:
        if blobs.get(entry.blob, b"").startswith(POINTER):
            msg = f"{entry.path}: a pointer of Git LFS, not the file itself"
            raise Invalid(msg, hint="keep specs in git: git lfs untrack, then add the file again")


async def facts(git: GitProgram, sha: str) -> Commit:
    """Return who made a commit, when, and its first line."""
    form = "--format=%H%x00%an%x00%cI%x00%s"
    answer = await git(
        "log", "-1", "--no-show-signature", "--no-color", form, "--end-of-options", sha
    )
    full, author, at, subject = answer.text.split("\0")
    return Commit(full, _printable(author), _printable(subject), datetime.fromisoformat(at))


async def read_tree(repository: Path, name: str, path: str) -> Snapshot:
    """Return the spec files under *path* at revision *name* of a local repository.

    *path* is relative to *repository*, which may be a folder inside of it; so are the paths returned.

    Raises:
        NoSpecs: if there is no spec.
        Invalid: if there is no such repository or revision.
    """
    git = GitProgram(repository)
    inside = await git("rev-parse", "--git-dir", fine=range(256))
    if inside.code:
        msg = f"{repository}: not in a git repository: {essence(inside.said)}"
        raise Invalid(msg, hint="run it in the folder that git keeps")
    sha = await commit_of(git, name)
    if not sha:
        raise Invalid(
            f"{name}: no such revision in {repository}",
            hint="fetch it first, or name a branch, tag or commit that is there: git log",
        )
    found = await entries(git, sha, _from(repository, path))
    blobs = await contents(git, (entry.blob for entry in found))
    no_pointers(found, blobs)
    files = {entry.path: blobs[entry.blob] for entry in found}
    return Snapshot(revision(name, sha), files, commit=await facts(git, sha))


async def commit_of(git: GitProgram, name: str) -> str:
    """Return the full id of the commit that *name* means there, or nothing."""
    asked = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    answer = await git(*asked, fine=range(256))
    return answer.text if answer.code == 0 else ""


def _entries(listed: bytes, path: str) -> Iterator[Entry]:
    for line in listed.split(b"\0")[:-1]:
        head, _, name = line.partition(b"\t")
        mode, _, blob, size = head.decode().split()
        try:
            found = name.decode()
        except UnicodeDecodeError as error:
            msg = f"{name.decode(errors='replace')}: the name of the file is not UTF-8"
            raise Invalid(msg, hint="rename it") from error
        under = posixpath.relpath(found, path) if path and found != path else found
        if any(part.startswith(".") and part != ".." for part in under.split("/")):
            continue
        if mode in {"120000", "160000"}:
            kind = "link" if mode == "120000" else "submodule"
            log.info("spec_left_out", path=found, why=f"a {kind} is not followed")
        elif posixpath.splitext(found)[1] in KINDS:
            _fits(found, int(size))
            yield Entry(found, blob)


def _from(repository: Path, path: str) -> str:
    if posixpath.isabs(path):
        return os.path.relpath(os.path.realpath(path), os.path.realpath(repository))
    return posixpath.normpath(path)


def _fits(path: str, size: int) -> None:
    if size > LARGEST:
        msg = f"{path}: larger than {LARGEST // 1024 // 1024} MiB"
        raise Invalid(msg, hint="split it, or move it out of the specs")


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)

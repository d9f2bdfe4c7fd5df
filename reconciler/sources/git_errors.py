"""What git says when it fails, in our words: what happened, and what to do next."""

import re
from collections.abc import Callable, Sequence
from typing import Final

from reconciler.errors import (
    Forbidden,
    Invalid,
    RateLimited,
    ReconcilerError,
    ServerFault,
    StoreUnavailable,
    Unauthorized,
    Unreachable,
)

LONGEST: Final = 300


class MirrorDamaged(StoreUnavailable):
    """Our own copy of the repository cannot be read; it is thrown away and made anew."""


Kind = Callable[..., ReconcilerError]

# The first that fits counts; git speaks English in the C locale.
SAYINGS: Final[Sequence[tuple[str, Kind, str, str]]] = (
    (
        r"Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED|host key for",
        Unreachable,
        "the server's host key is not the known one",
        "ask the server's owner for its key, then put it into the known_hosts file: ssh-keyscan HOST",
    ),
    (
        r"UNPROTECTED PRIVATE KEY FILE|bad permissions",
        Invalid,
        "ssh does not use the key, because others may read its file",
        "take the right from them: chmod 600 FILE",
    ),
    (
        r"no such identity: .*: No such file or directory",
        Invalid,
        "the file of the ssh key is not there",
        "see the path after --git-ssh-key",
    ),
    (
        r"mismatched algorithms",
        Invalid,
        "the repository has ids of SHA-256, which are not followed",
        "follow a repository with ids of SHA-1, which is git's default",
    ),
    (
        (
            r"Authentication failed|could not read (Username|Password)|Permission denied \("
            r"|returned error: 401|Too many authentication failures|terminal prompts disabled"
        ),
        Unauthorized,
        "the git server refused the credentials",
        "give a token or a key that may read the repository",
    ),
    (
        r"returned error: 403",
        Forbidden,
        "the git server does not let these credentials read the repository",
        "give the token or key the right to read it",
    ),
    (
        r"couldn't find remote ref|[Rr]emote branch .* not found",
        Invalid,
        "no such branch in the repository",
        "see the name of the branch, or push it",
    ),
    (
        r"dubious ownership",
        Invalid,
        "the repository belongs to another user, and git does not read it",
        "give it to the user who runs reconciler",
    ),
    (
        (
            r"does not appear to be a git repository|[Rr]epository not found|not found$"
            r"|returned error: 404|Not a valid repository|does not exist"
        ),
        Invalid,
        "no such repository",
        "see the URL; some servers say so as well when the credentials may not read it",
    ),
    (
        r"returned error: 30\d|redirect",
        Invalid,
        "the repository has moved to another address",
        "write the address it leads to; a token is never sent on to another one",
    ),
    (
        r"returned error: 429",
        RateLimited,
        "the git server asked us to slow down",
        "look less often",
    ),
    (r"returned error: 5\d\d", ServerFault, "the git server has a fault", "it is tried again"),
    (
        r"not allowed|unsupported protocol",
        Invalid,
        "the git URL uses a protocol that is not allowed",
        "use https:// or ssh://",
    ),
    (
        r"No space left on device|Disk quota exceeded|Read-only file system",
        StoreUnavailable,
        "our copy of the repository cannot be written",
        "make room on the disk",
    ),
    (
        (
            r"File exists|cannot lock ref|corrupt|loose object|bad object|is empty|packfile"
            r"|not a git repository|unable to read|missing (blob|tree|commit)|bad config"
        ),
        MirrorDamaged,
        "our copy of the repository cannot be read",
        "remove its folder; it is only a copy",
    ),
)


def told(said: str, where: str) -> ReconcilerError:
    """Return the error that git's *said* means; *where* is what was spoken with."""
    for pattern, kind, what, hint in SAYINGS:
        if re.search(pattern, said, re.MULTILINE):
            return kind(f"{where}: {what}: {essence(said)}", hint=hint)
    return Unreachable(
        f"{where}: git got no answer: {essence(said)}",
        hint="see the network and the URL; it is tried again",
    )


def essence(said: str) -> str:
    """Return the lines of git's complaint that matter, as one printable line of bounded length."""
    lines = [line.strip() for line in said.splitlines()]
    weighty = [line for line in lines if line.startswith(("fatal:", "error:", "ERROR:"))]
    found = "; ".join(weighty or [line for line in lines if line][-2:]) or "no reason given"
    clean = "".join(char if char.isprintable() else " " for char in found)
    return clean if len(clean) <= LONGEST else clean[:LONGEST] + "…"

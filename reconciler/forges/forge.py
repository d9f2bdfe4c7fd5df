"""What is asked of a git forge, whichever it is: a status for a commit, one comment for a pull request."""

import re
from enum import StrEnum
from typing import Final, Protocol

from reconciler.errors import Invalid

_COMMIT: Final = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")


class Kind(StrEnum):
    """The forges that are spoken to."""

    GITHUB = "github"
    GITLAB = "gitlab"
    GITEA = "gitea"
    FORGEJO = "forgejo"


class State(StrEnum):
    """How a commit fares. ``failure``: it was looked at, and is not good; ``error``: it could not be."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"


class Token(Protocol):
    """A forge's token that does not show itself."""

    def reveal(self) -> str:
        """Return the value, for the one request that needs it."""
        ...


class Forge(Protocol):
    """One repository at a forge. What goes wrong is a ``SourceError``, or ``NotFound``."""

    async def set_status(self, commit: str, state: State, summary: str, url: str = "") -> None:
        """Say of *commit* (its whole hash) how it fares; *summary* is cut to what the forge takes."""
        ...

    async def comment(self, pull_request: int, marker: str, markdown: str) -> None:
        """Have one comment that begins with *marker* say *markdown*: ours is edited, or made."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


def whole_hash(commit: str) -> str:
    """Return *commit* if it is a whole hash, or raise ``Invalid``."""
    if not _COMMIT.fullmatch(commit):
        raise Invalid(
            f"{commit[:80]!r} is no whole commit hash",
            hint="give its 40 (or 64) hexadecimal digits",
        )
    return commit


def cut(text: str, longest: int) -> str:
    """Return *text* on one line of at most *longest* characters."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"

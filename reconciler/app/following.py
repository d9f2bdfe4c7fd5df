"""A git repository followed: its source, the receiver of its forge's calls, and what the forge is told."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.app import House
from reconciler.errors import Invalid
from reconciler.ports import Outcome, Reporter

if TYPE_CHECKING:
    from reconciler.engine.runtime import Runtime
    from reconciler.forges.forge import Kind
    from reconciler.sources.git import GitSource
    from reconciler.web.needs import GitHooks


@dataclass(frozen=True, slots=True)
class Follow:
    """Which branch is followed, how to log in, and how to speak with its forge.

    Tokens are references (``env:NAME``, ``file:PATH``). ``forge`` and ``api`` are for forges whose host
    is not well known.
    """

    url: str
    branch: str = "main"
    path: str = "specs"
    poll: timedelta = timedelta(seconds=60)
    token: str | None = None
    ssh_key: Path | None = None
    known_hosts: Path | None = None
    allowed_signers: Path | None = None
    forge: "Kind | None" = None
    api: str | None = None
    forge_token: str | None = None


def git_source(built: House, follow: Follow, environment: str | None) -> "GitSource":
    """Return the branch of *follow* as a source of specs; a pin of *environment* keeps it at a revision.

    Raises:
        Invalid: if the URL, the path or a reference is not one.
        SecretMissing: if a reference leads nowhere.
    """
    from reconciler.sources.git import GitSource, GitWish  # noqa: PLC0415

    async def pinned() -> str | None:
        pin = await built.store.views.pin(environment or "")
        return pin.revision if pin is not None and pin.holds(built.clock.now()) else None

    token = secret(follow.token, "--git-token") if follow.token else None
    if token is not None:
        token()
    wish = GitWish(
        follow.url,
        follow.branch,
        follow.path,
        follow.poll,
        token,
        follow.ssh_key,
        follow.known_hosts,
        follow.allowed_signers,
    )
    folder = built.settings.state_dir / "git" / sha256(follow.url.encode()).hexdigest()[:16]
    return GitSource(wish, folder, built.clock, pinned)


def secret(reference: str, what: str) -> Callable[[], str]:
    """Return what reads the secret that *reference* (``env:NAME``, ``file:PATH``) leads to, each time."""
    from reconciler.secrets.references import reference_of, resolve  # noqa: PLC0415

    told: Mapping[str, str] = reference_of(reference, what=what)
    return lambda: resolve(told, os.environ, what=what).reveal()


def git_hooks(built: House, follow: Follow | None, made: "Runtime") -> "GitHooks":
    """Return the receiver of the forge's calls; without a repository, of any that is signed.

    Raises:
        Invalid: if a reference of RECONCILER_HOOK_SECRETS is none.
    """
    from reconciler.engine.ids import new_id  # noqa: PLC0415
    from reconciler.engine.turns import SPECS  # noqa: PLC0415
    from reconciler.web.needs import GitHooks  # noqa: PLC0415

    known = [secret(one, "RECONCILER_HOOK_SECRETS") for one in built.settings.hook_secrets]

    async def poke() -> str:
        token = new_id("look", built.clock.now())
        made.look(SPECS, token)
        return token

    url, branch = (follow.url, follow.branch) if follow else ("", "")
    return GitHooks(url, branch, lambda: [read() for read in known], poke)


def forge_reporter(follow: Follow, environment: str | None) -> Reporter | None:
    """Return what sets the status of each commit at its forge; ``None`` without a token for it.

    Raises:
        Invalid: if the repository's forge is not known, or the reference is none.
    """
    if follow.forge_token is None:
        return None
    from reconciler.forges.forge import State  # noqa: PLC0415
    from reconciler.forges.repository import open_forge, repository  # noqa: PLC0415
    from reconciler.secrets.secret import Secret  # noqa: PLC0415

    where = repository(follow.url, kind=follow.forge, api=follow.api)
    read = secret(follow.forge_token, "--forge-token")
    context = f"reconciler/{environment}" if environment else "reconciler"

    async def report(outcome: Outcome) -> None:
        forge = open_forge(where, Secret(read()), context=context)
        try:
            state = State.SUCCESS if outcome.well else State.FAILURE
            if outcome.waits:
                state = State.PENDING
            await forge.set_status(outcome.commit, state, outcome.summary)
        finally:
            await forge.close()

    return report


def check_follow(follow: Follow) -> None:
    """Return if the options fit together, or raise ``Invalid``."""
    if follow.poll < timedelta(seconds=5):
        raise Invalid(
            "--poll is shorter than 5 seconds", hint="signed hooks are quicker and cheaper"
        )

"""``ci comment`` and ``ci status``: what a workflow says at the forge it runs for."""

import os
import re
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer

from reconciler.cli.failure import fail, go
from reconciler.errors import Invalid, ReconcilerError
from reconciler.forges.forge import Kind, State

if TYPE_CHECKING:
    from reconciler.forges.forge import Forge
    from reconciler.forges.surroundings import Surroundings

LARGEST_INPUT: Final = 4 * 1024 * 1024
_MARKER: Final = re.compile(r"<!-- \S[^\n]* -->")

ci = typer.Typer(
    help="Say at a git forge what a plan found: GitHub, GitLab, Gitea, Forgejo.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Repository = Annotated[
    str | None, typer.Option(help="Its address; default: the one the workflow runs for.")
]
Which = Annotated[
    Kind | None, typer.Option("--forge", help="Its kind, for a host that is not well known.")
]
Api = Annotated[str | None, typer.Option("--api-url", help="Its API, if not at the usual place.")]
TokenAt = Annotated[
    str | None,
    typer.Option("--token", help="Where the token is: env:NAME or file:PATH; never the token."),
]


@dataclass(frozen=True, slots=True)
class _Target:
    """Which forge is meant, as the options say it."""

    repository: str | None
    kind: Kind | None
    api: str | None
    token: str | None


@ci.command()
def comment(
    file: Annotated[Path, typer.Argument(help="The Markdown; - is standard input.")] = Path("-"),
    marker: Annotated[
        str | None,
        typer.Option(help="The hidden line that it is found again by; default: its first line."),
    ] = None,
    pull_request: Annotated[int | None, typer.Option(help="Its number.", min=1)] = None,
    repository: Repository = None,
    forge: Which = None,
    api_url: Api = None,
    token: TokenAt = None,
) -> None:
    """Post Markdown as the one comment of a pull request that begins with its marker: made, then edited.

    Example: reconciler ci comment plan.md
    """
    text = _text_of(file)
    around = _around()
    number = pull_request or around.pull_request
    if number is None:
        fail(
            Invalid(
                "this run is for no pull request",
                hint="run it for pull requests only, or say --pull-request NUMBER",
            )
        )
    line = marker or _marker_of(text)
    target = _Target(repository, forge, api_url, token)
    go(_with_forge(target, around, lambda opened: opened.comment(number, line, text)))
    sys.stderr.write(f"The comment of pull request {number} is up to date.\n")


@ci.command()
def status(
    state: Annotated[State, typer.Option(help="How the commit fares.")],
    summary: Annotated[str, typer.Option(help="One line; cut to what the forge takes.")] = "",
    url: Annotated[str | None, typer.Option(help="Where to read more; default: the run.")] = None,
    commit: Annotated[str | None, typer.Option(help="Its whole hash; default: the run's.")] = None,
    context: Annotated[str, typer.Option(help="The name of the status.")] = "reconciler/plan",
    repository: Repository = None,
    forge: Which = None,
    api_url: Api = None,
    token: TokenAt = None,
) -> None:
    """Set the status of a commit.

    Example: reconciler ci status --state success --summary "2 to update"
    """
    around = _around()
    named = commit or around.commit
    if named is None:
        fail(Invalid("no commit is known here", hint="say --commit HASH"))
    page = around.url if url is None else url
    target = _Target(repository, forge, api_url, token)
    go(
        _with_forge(
            target,
            around,
            lambda opened: opened.set_status(named, state, summary, page),
            context=context,
        )
    )
    sys.stderr.write(f"{context} of {named[:7]} is {state}.\n")


def _around() -> "Surroundings":
    from reconciler.forges.surroundings import surroundings  # noqa: PLC0415  httpx is heavy

    try:
        return surroundings(os.environ, _event(os.environ.get("GITHUB_EVENT_PATH")))
    except ReconcilerError as error:
        fail(error)


def _event(path: str | None) -> Mapping[str, Any]:
    """Return what started the workflow; nothing where there is no such file."""
    try:
        decoded = msgspec.json.decode(Path(path).read_bytes()) if path else {}
    except (OSError, msgspec.DecodeError):
        return {}
    return decoded if isinstance(decoded, dict) else {}


async def _with_forge(
    target: _Target,
    around: "Surroundings",
    work: "Callable[[Forge], Awaitable[None]]",
    *,
    context: str = "reconciler/plan",
) -> None:
    from reconciler.forges import repository as repositories  # noqa: PLC0415  httpx is heavy
    from reconciler.forges.surroundings import token_name  # noqa: PLC0415
    from reconciler.secrets.references import reference_of, resolve  # noqa: PLC0415

    where = around.repository
    if target.repository is not None:
        where = repositories.repository(target.repository, kind=target.kind, api=target.api)
    if where is None:
        msg = "no repository is known here"
        raise Invalid(msg, hint="say --repository https://HOST/OWNER/NAME")
    told = target.token or f"env:{token_name(where.kind, os.environ)}"
    reference = reference_of(told, what="--token")
    held = resolve(reference, os.environ, what="the forge's token")
    opened = repositories.open_forge(where, held, context=context)
    try:
        await work(opened)
    finally:
        await opened.close()


def _text_of(file: Path) -> str:
    try:
        content = (
            sys.stdin.buffer.read(LARGEST_INPUT + 1)
            if str(file) == "-"
            else file.read_bytes()[: LARGEST_INPUT + 1]
        )
        text = content.decode()
    except OSError as error:
        fail(Invalid(f"{file}: cannot be read: {error.strerror}"))
    except UnicodeDecodeError:
        fail(Invalid(f"{file}: is not text in UTF-8"))
    if not text.strip() or len(content) > LARGEST_INPUT:
        fail(Invalid(f"{file}: {'is too large' if text.strip() else 'is empty'}"))
    return text


def _marker_of(text: str) -> str:
    first = text.partition("\n")[0].strip()
    if not _MARKER.fullmatch(first):
        fail(
            Invalid(
                "the Markdown begins with no marker, so the next run could not find its comment",
                hint="print it with reconciler plan --format markdown, or say --marker '<!-- NAME -->'",
            )
        )
    return first

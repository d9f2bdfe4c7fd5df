"""``run``, ``sync``: the long-running reconciler, and one sync by hand."""

import asyncio
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import typer

from reconciler.cli.failure import fail, go
from reconciler.cli.specs import Env, SpecsPath, Wait, parse_wait
from reconciler.errors import Invalid, ReconcilerError
from reconciler.forges.forge import Kind

if TYPE_CHECKING:
    from reconciler.app.following import Follow
    from reconciler.model.sync import SyncRun
    from reconciler.ports import SyncRequest

GitUrl = Annotated[
    str | None,
    typer.Option(
        "--git", help="Follow a branch of this repository instead of a folder.", metavar="URL"
    ),
]
Branch = Annotated[str, typer.Option(help="The branch that is followed.")]
GitPath = Annotated[str, typer.Option("--path", help="Where the specs are in the repository.")]
Poll = Annotated[str, typer.Option(help="How often the branch is looked at; hooks are quicker.")]
GitToken = Annotated[
    str | None,
    typer.Option(help="Where the token for https is: env:NAME or file:PATH; never the token."),
]
SshKey = Annotated[Path | None, typer.Option(help="The private key for ssh.")]
KnownHosts = Annotated[Path | None, typer.Option(help="The host keys for ssh; they are checked.")]
Signers = Annotated[
    Path | None, typer.Option(help="Take only commits signed by these (allowedSigners of ssh).")
]
Forge = Annotated[Kind | None, typer.Option(help="Its kind, for a host that is not well known.")]
ForgeApi = Annotated[str | None, typer.Option(help="Its API, if not at the usual place.")]
ForgeToken = Annotated[
    str | None,
    typer.Option(help="Where the token is that sets commit statuses: env:NAME or file:PATH."),
]

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def run(
    path: SpecsPath = Path("specs"),
    env: Env = None,
    bind: Annotated[
        str | None,
        typer.Option(help="Where to listen; default 127.0.0.1:8080.", metavar="HOST:PORT"),
    ] = None,
    behind_proxy: Annotated[
        bool,
        typer.Option(
            "--behind-proxy", help="A proxy in front speaks TLS; needed for a public bind."
        ),
    ] = False,
    wait: Wait = None,
    git: GitUrl = None,
    branch: Branch = "main",
    git_path: GitPath = "specs",
    poll: Poll = "60s",
    git_token: GitToken = None,
    git_ssh_key: SshKey = None,
    git_known_hosts: KnownHosts = None,
    git_allowed_signers: Signers = None,
    forge: Forge = None,
    forge_api: ForgeApi = None,
    forge_token: ForgeToken = None,
) -> None:
    """Run the reconciler: follow the specs, apply changes, sync on schedule, serve the API.

    Example: reconciler run specs/ --bind 127.0.0.1:8080

    Example: reconciler run --git https://git.example.com/acme/specs.git --git-token env:GIT_TOKEN
    """
    from reconciler.settings import Settings  # noqa: PLC0415

    settings = Settings()
    address = _address(bind or settings.bind, behind_proxy=behind_proxy)
    follow = None
    if git is not None:
        from reconciler.app.following import Follow, check_follow  # noqa: PLC0415

        follow = Follow(
            url=git,
            branch=branch,
            path=git_path,
            poll=parse_wait(poll, "--poll") or timedelta(minutes=1),
            token=git_token,
            ssh_key=git_ssh_key,
            known_hosts=git_known_hosts,
            allowed_signers=git_allowed_signers,
            forge=forge,
            api=forge_api,
            forge_token=forge_token,
        )
        try:
            check_follow(follow)
        except ReconcilerError as error:
            fail(error)
    go(_run(_From(path, follow, env), address, parse_wait(wait)))


@dataclass(frozen=True, slots=True)
class _From:
    """Where the specs come from: a folder, or a repository that is followed; and the environment."""

    path: Path
    follow: "Follow | None"
    env: str | None

    def __str__(self) -> str:
        return str(self.path) if self.follow is None else f"{self.follow.url} {self.follow.branch}"


def _address(bind: str, *, behind_proxy: bool) -> tuple[str, int]:
    host, _, port = bind.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        fail(Invalid(f"--bind {bind!r} is not HOST:PORT", hint="write 127.0.0.1:8080"))
    host = host.strip("[]")
    if host not in LOOPBACK and not behind_proxy:
        msg = f"--bind {bind}: tokens would cross the network in clear"
        fail(Invalid(msg, hint="put a proxy with TLS in front and say --behind-proxy"))
    return host, int(port)


async def _run(where: _From, address: tuple[str, int], waits: timedelta | None) -> None:
    from reconciler.app import house, writing  # noqa: PLC0415
    from reconciler.app.following import forge_reporter, git_hooks, git_source  # noqa: PLC0415
    from reconciler.app.measuring import measured  # noqa: PLC0415
    from reconciler.app.running import held, runtime, serve, until_stopped  # noqa: PLC0415
    from reconciler.engine.wish import Wish  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415
    from reconciler.sources.folder import Folder  # noqa: PLC0415
    from reconciler.telemetry.logs import set_up_logs  # noqa: PLC0415

    settings = Settings()
    settings = settings.model_copy(update={"bind": f"{address[0]}:{address[1]}"})
    set_up_logs(settings.log_level, settings.log_format)
    follow = where.follow
    with held(settings):
        async with house(settings) as opened, writing(opened, "run", waits) as alone:
            built = measured(alone)
            await built.check_keys()
            source = git_source(built, follow, where.env) if follow else Folder(where.path)
            reporter = forge_reporter(follow, where.env) if follow else None
            made = runtime(built, source, Wish(environment=where.env), reporter)
            hooks = git_hooks(built, follow, made)
            started = asyncio.Event()

            async def web() -> None:
                await serve(built, made, address, started=started, hooks=hooks)

            work = asyncio.ensure_future(made.run(web, built.webhooks, built.keep_writing))
            telling = asyncio.ensure_future(_tell(started, where, address))
            try:
                await until_stopped(work)
            finally:
                telling.cancel()


async def _tell(started: asyncio.Event, path: _From, address: tuple[str, int]) -> None:
    await started.wait()
    host, port = address
    shown = f"[{host}]" if ":" in host else host
    sys.stderr.write(f"reconciling {path}; API at http://{shown}:{port}/api/v1\n")


def sync(
    connection: Annotated[str, typer.Argument(help="The connection's name.")],
    entities: Annotated[list[str] | None, typer.Argument(help="Default: all of them.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Read the whole history window.")] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Show progress and wait for the end (always so here).")
    ] = True,
) -> None:
    """Sync a connection now: what is new, or with --full everything in its history window.

    Example: reconciler sync acme-erp purchase-orders --full --wait
    """
    from reconciler.model.sync import SyncMode  # noqa: PLC0415
    from reconciler.ports import SyncRequest  # noqa: PLC0415

    del wait
    mode = SyncMode.FULL if full else SyncMode.INCREMENTAL
    go(_sync(SyncRequest(connection, tuple(entities or ()), mode)))


async def _sync(request: "SyncRequest") -> None:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        with Progress(request.connection) as progress:
            report = await built.syncs.run(request, progress)
    if report.error is not None:
        raise report.error


class Progress:
    """Tells how runs go on: a line that moves on a terminal, one line an entity at its end."""

    def __init__(self, connection: str) -> None:
        self._connection = connection
        self._moving = sys.stderr.isatty()
        self._started = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._moving:
            sys.stderr.write("\r\x1b[K")

    def __call__(self, run: "SyncRun") -> None:
        """Show *run* as it stands."""
        from time import monotonic  # noqa: PLC0415

        from reconciler.model.sync import RunStatus  # noqa: PLC0415

        if run.pages == 0 and run.status is RunStatus.RUNNING:
            self._started = monotonic()
        took = max(monotonic() - self._started, 0.001)
        counts = f"{run.read:,} read, {run.read / took:,.0f}/s"
        if run.status is RunStatus.RUNNING:
            if self._moving:
                sys.stderr.write(f"\r\x1b[K{self._connection} {run.entity}: {counts}")
                sys.stderr.flush()
            return
        if self._moving:
            sys.stderr.write("\r\x1b[K")
        if run.status is RunStatus.SUCCEEDED:
            sys.stdout.write(f"{self._connection} {run.entity}: {sentence(run)} ({took:.1f} s)\n")
        sys.stdout.flush()


def sentence(run: "SyncRun") -> str:
    """Return what a run did in words."""
    told = (
        f"{run.read:,} read, {run.created:,} created, {run.updated:,} updated, "
        f"{run.unchanged:,} unchanged, {run.deleted:,} deleted"
    )
    return f"{told}, {run.invalid:,} could not be mapped" if run.invalid else told

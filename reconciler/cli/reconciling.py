"""``reconcile``: a running server looks now, and the command waits for its acknowledgement."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from reconciler.cli.failure import fail, go
from reconciler.cli.inspect import parse_key
from reconciler.cli.server import Server, checked, token_here
from reconciler.cli.specs import parse_wait
from reconciler.errors import Invalid, PlanBlocked, ReconcilerError, ServerFault, TimedOut
from reconciler.model.resource import Kind, ResourceKey

EVERY: Final = 0.3
"""Seconds between two looks whether it is done."""
ENDED: Final = frozenset({"succeeded", "failed", "cancelled"})

ServerUrl = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        envvar="RECONCILER_SERVER",
        help="The running server; default: where run listens on this machine.",
    ),
]


@dataclass(frozen=True, slots=True)
class Ask:
    """What is to be looked at (``None``: the specs alone), and whether a connection is read in full."""

    key: ResourceKey | None = None
    full: bool = False


def reconcile(
    name: Annotated[
        str | None, typer.Argument(help="Kind/name; a Connection is synced as well.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Read the whole history window of the connection.")
    ] = False,
    server: ServerUrl = None,
    timeout: Annotated[str, typer.Option(help="How long to wait for the end.")] = "10m",
) -> None:
    """Have a running server look at its specs now, and wait until it has; RECONCILER_TOKEN is its token.

    With a Connection it is synced too; with any other object it is said whether that is in force as
    declared. The exit code is 1 where it is not, or a sync fails.

    Example: reconciler reconcile Connection/acme-erp --full
    """
    from reconciler.settings import Settings  # noqa: PLC0415

    ask = Ask(parse_key(name) if name else None, full)
    if full and (ask.key is None or ask.key.kind is not Kind.CONNECTION):
        hint = "reconciler reconcile Connection/acme-erp --full"
        fail(Invalid("--full is about a connection", hint=hint))
    patience = parse_wait(timeout, "--timeout") or timedelta(minutes=10)
    try:
        url, token = checked(server or f"http://{Settings().bind}"), token_here()
    except ReconcilerError as error:
        fail(error)
    go(_reconcile(url, token, ask, patience))


async def _reconcile(url: str, token: str, ask: Ask, patience: timedelta) -> None:
    async with Server(url, token) as server:
        try:
            async with asyncio.timeout(patience.total_seconds()):
                await looked(server, ask)
        except TimeoutError:
            hint = "it goes on there; wait longer with --timeout, or look: reconciler get runs"
            raise TimedOut(f"{server.url} had not done it within the time", hint=hint) from None
        except KeyError as error:
            msg = f"{server.url} answered without {error}: is it a reconciler of this version?"
            raise ServerFault(msg, hint="look at --server, and at reconciler version") from None


async def looked(
    server: Server,
    ask: Ask,
    *,
    tell: Callable[[str], object] = lambda line: sys.stdout.write(line + "\n"),
    pause: Callable[[], Awaitable[None]] = lambda: asyncio.sleep(EVERY),
) -> None:
    """Return when *server* has done what *ask* says, and *tell* how it went.

    Raises:
        PlanBlocked: if the object is held as it is.
        NotFound: if the object is not in force.
        ReconcilerError: if a sync has failed.
    """
    token = (await server.ask("POST", "/reconcile"))["token"]
    await _until(server, f"/reconcile/{quote(token, safe='')}", _is_handled, pause)
    tell(f"{server.url} has looked at its specs.")
    if ask.key is None:
        return
    if ask.key.kind is Kind.CONNECTION:
        await _synced(server, ask, tell, pause)
    else:
        await _in_force(server, ask.key, tell)


async def _synced(
    server: Server,
    ask: Ask,
    tell: Callable[[str], object],
    pause: Callable[[], Awaitable[None]],
) -> None:
    name = ask.key.name if ask.key else ""
    mode = "full" if ask.full else "incremental"
    asked = await server.ask("POST", f"/connections/{quote(name, safe='')}/syncs", {"mode": mode})
    job = await _until(server, f"/syncs/{quote(asked['id'], safe='')}", _has_ended, pause)
    for run_id in job["runs"]:
        run = await server.ask("GET", f"/runs/{quote(run_id, safe='')}")
        tell(f"{name} {run['entity']}: {_counts(run)}")
    if job["status"] != "succeeded":
        why = job["error"] or f"the sync was {job['status']}"
        raise ReconcilerError(f"{name}: {why}", hint=f"reconciler describe {ask.key}")


async def _in_force(server: Server, key: ResourceKey, tell: Callable[[str], object]) -> None:
    spec = await server.ask("GET", f"/specs/{key.kind}/{quote(key.name, safe='')}")
    said = {one["type"]: one for one in spec["conditions"]}
    synced = said.get("Synced")
    if synced is not None and synced["status"] == "False":
        msg = f"{key}: {synced['reason']}: {synced['message']}"
        raise PlanBlocked(msg, hint="decide about it, and look again")
    drift = "; it was changed outside of git" if spec["drifted"] else ""
    tell(f"{key} is in force as {spec['digest'][:12]}{drift}.")


async def _until(
    server: Server,
    path: str,
    done: Callable[[Mapping[str, Any]], bool],
    pause: Callable[[], Awaitable[None]],
) -> Mapping[str, Any]:
    """Return the first answer that is *done*; the caller bounds how long it may take."""
    while not done(answer := await server.ask("GET", path)):
        await pause()
    return answer


def _is_handled(answer: Mapping[str, Any]) -> bool:
    return bool(answer["handled"])


def _has_ended(answer: Mapping[str, Any]) -> bool:
    return answer["status"] in ENDED


def _counts(run: Mapping[str, Any]) -> str:
    told = ", ".join(
        f"{run[name]:,} {name}" for name in ("read", "created", "updated", "unchanged", "deleted")
    )
    failed = f"; {run['status']}: {run['error']}" if run["error"] else ""
    return f"{run['mode']}, {told}{failed}"

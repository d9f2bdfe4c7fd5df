"""``demo``: the main job in a minute, on the built-in sandbox and the embedded default.

It does what a person would do: the same starter that ``init`` writes, the same plan, apply, sync and
API. The sandbox speaks HTTP on a free loopback port and is met through its connector manifest.
"""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, chdir, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec

from reconciler.app import House, house, plan_folder
from reconciler.app.running import runtime, serve
from reconciler.cli.access import issue
from reconciler.cli.failure import colored, go
from reconciler.cli.running import Progress
from reconciler.cli.starting import write_starter
from reconciler.engine.apply import apply
from reconciler.engine.wish import Wish
from reconciler.errors import ReconcilerError
from reconciler.model.sync import SyncMode, SyncRun
from reconciler.plan.render.text import render_text
from reconciler.ports import SyncRequest
from reconciler.sandbox import Sandbox
from reconciler.settings import Settings
from reconciler.sources.folder import Folder
from reconciler.telemetry.logs import set_up_logs

CONNECTION: Final = "plant-a"
ENTITY: Final = "purchase-orders"
PATIENCE: Final = timedelta(seconds=20)

EDIT: Final = ("ORDERED: sent", "ORDERED: approved")
"""What is changed in the mapping: an order that the plant has ordered counts as approved."""


def tell(*, keep: bool) -> None:
    """Tell the story; its folder is removed at the end unless it is to be kept."""
    folder = Path(tempfile.mkdtemp(prefix="reconciler-demo-"))
    set_up_logs("error", "console")  # the story is told, not logged
    try:
        with chdir(folder):
            go(_tell())
        if keep:
            _say(f"Kept: {folder}")
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


async def _tell() -> None:
    async with Sandbox(port=0) as sandbox:
        os.environ["SANDBOX_API_KEY"] = sandbox.credentials.api_key
        specs = Path("specs")
        write_starter(Path())
        _point(specs, sandbox.url)
        settings = Settings(state_dir=Path(".reconciler"), env="dev")
        async with house(settings) as built:
            story = Story(built, specs, sandbox)
            await story.plan_and_apply()
            await story.sync()
            async with story.running():
                await story.read()
                await story.remap()
                await story.refused()
    _heading("That was it")
    _say(
        "Next: reconciler init my-integrations; the README has the tour.\n"
        "examples/ holds complete setups, one of them against a real ERP."
    )


def _point(specs: Path, url: str) -> None:
    """Write the sandbox's free port where the starter has its usual one."""
    port = url.rsplit(":", 1)[1]
    file = specs / "environments" / "dev.yaml"
    file.write_text(file.read_text().replace("8055", port))


@dataclass
class Story:
    """The steps, each said and done."""

    built: House
    specs: Path
    sandbox: Sandbox
    url: str = ""
    token: str = ""

    @property
    def wish(self) -> Wish:
        """The starter's environment."""
        return Wish(environment="dev")

    async def plan_and_apply(self) -> None:
        """Show the plan of the starter, and apply it."""
        _heading("1. The plan: what the specs would do", "reconciler plan specs --env dev")
        made = await plan_folder(self.built, self.specs, self.wish)
        _say(render_text(made, color=colored(sys.stdout)))
        _heading(
            "2. Apply it, in one transaction", "reconciler apply specs --env dev --auto-approve"
        )
        generation = await apply(made, self.built.store, self.built.clock, actor="demo")
        again = await plan_folder(self.built, self.specs, self.wish)
        _say(f"Applied. Generation {generation} is in force.")
        _say(render_text(again, color=colored(sys.stdout)))

    async def sync(self) -> None:
        """Sync twice: everything, then only what the plant changed meanwhile."""
        _heading("3. Sync: everything at first", f"reconciler sync {CONNECTION}")
        await self._sync()
        _heading("4. The plant works on; the next sync takes only what changed")
        self.sandbox.advance(5)
        await self._sync(quiet=True)

    async def _sync(self, *, quiet: bool = False) -> None:
        """Sync all entities; *quiet* tells of those only that had something new."""

        def told(run: SyncRun) -> None:
            if not quiet or run.created or run.updated:
                progress(run)

        with Progress(CONNECTION) as progress:
            report = await self.built.syncs.run(SyncRequest(CONNECTION), told)
        if report.error is not None:
            raise report.error
        read = sum(run.read for run in report.runs)
        written = sum(run.created + run.updated for run in report.runs)
        _say(f"{len(report.runs)} entities: {read:,} records read, {written:,} written")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the reconciler with its API on a free port, as ``reconciler run`` does."""
        made = runtime(self.built, Folder(self.specs), self.wish)
        started = asyncio.Event()
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}/api/v1"

        async def web() -> None:
            await serve(self.built, made, ("127.0.0.1", port), started=started)

        work = asyncio.ensure_future(made.run(web, self.built.webhooks))
        try:
            await _first(started.wait(), work)
            self.token = await issue(self.built, CONNECTION, CONNECTION)
            yield
        finally:
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work

    async def read(self) -> None:
        """Read purchase orders over HTTP."""
        _heading(
            "5. One API for every system",
            f"curl -H 'Authorization: Bearer rcn_…' {self.url}/{ENTITY}?limit=1",
        )
        record = await self._one()
        _say(_json(record))

    async def remap(self) -> None:
        """Change the mapping in the file, and see the very next answer."""
        _heading(
            "6. Change a mapping: the file is saved, the running reconciler does the rest",
            "$EDITOR specs/mappings/plant-a-purchase-orders.yaml",
        )
        calls = self.sandbox.stats["calls"]
        before = await self._status_counts()
        file = self._mapping_file()
        file.write_text(file.read_text().replace(*EDIT))
        made = await plan_folder(self.built, self.specs, self.wish)
        _say(render_text(made, diff=True, color=colored(sys.stdout)))
        await _until(self._planned_is_applied, "the changed mapping did not come into force")
        after = await self._status_counts()
        _say(
            f"orders 'sent' in the API before: {before.get('sent', 0)}, after: {after.get('sent', 0)}"
        )
        _say(f"calls to the plant for all of that: {self.sandbox.stats['calls'] - calls}")

    async def refused(self) -> None:
        """Let the plant refuse the credentials, and let it take them again."""
        _heading("7. The customer changes the password: said clearly, and nothing is lost")
        self.sandbox.switch(refuse=True)
        report = await self.built.syncs.run(
            SyncRequest(CONNECTION, (ENTITY,), SyncMode.INCREMENTAL)
        )
        if report.error is None:
            msg = "the sandbox was to refuse the credentials and did not"
            raise ReconcilerError(msg)
        _say(f"error {report.error.code} {report.error.message}")
        counts = await self._status_counts()
        _say(f"the API still serves {sum(counts.values())} purchase orders")
        self.sandbox.reset()
        _say("the password is mended, and the next sync goes on where the last good one ended:")
        with Progress(CONNECTION) as progress:
            await self.built.syncs.run(SyncRequest(CONNECTION, (ENTITY,)), progress)

    def _mapping_file(self) -> Path:
        return self.specs / "mappings" / "plant-a-purchase-orders.yaml"

    async def _planned_is_applied(self) -> bool:
        made = await plan_folder(self.built, self.specs, self.wish)
        return made.empty

    async def _one(self) -> dict[str, Any]:
        answer = await self._get(f"{ENTITY}?limit=1")
        record: dict[str, Any] = answer["data"][0]
        return record

    async def _status_counts(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        cursor = ""
        while True:
            answer = await self._get(f"{ENTITY}?limit=500{cursor}")
            for record in answer["data"]:
                counts[record["status"]] = counts.get(record["status"], 0) + 1
            if answer["next_cursor"] is None:
                return counts
            cursor = f"&cursor={answer['next_cursor']}"

    async def _get(self, what: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            answer = await client.get(f"{self.url}/{what}", headers=headers)
        answer.raise_for_status()
        told: dict[str, Any] = answer.json()
        return told


async def _first(wanted: Awaitable[Any], work: "asyncio.Task[None]") -> None:
    """Return when *wanted* is there; raise what *work* raised if it ends before."""
    waiting = asyncio.ensure_future(wanted)
    await asyncio.wait({waiting, work}, return_when=asyncio.FIRST_COMPLETED)
    if work.done():
        waiting.cancel()
        await work


async def _until(true: Callable[[], Awaitable[bool]], otherwise: str) -> None:
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            while not await true():  # noqa: ASYNC110  what it waits for tells nobody
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise ReconcilerError(otherwise, hint="see the log above") from None


def _free_port() -> int:
    import socket  # noqa: PLC0415

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _json(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _heading(text: str, command: str = "") -> None:
    bold, plain = ("\x1b[1m", "\x1b[0m") if colored(sys.stdout) else ("", "")
    sys.stdout.write(f"\n{bold}── {text}{plain}\n")
    if command:
        sys.stdout.write(f"$ {command}\n")
    sys.stdout.flush()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()

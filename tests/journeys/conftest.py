"""A person at a terminal: the program as a process, in a folder of its own, beside a live sandbox."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from reconciler.cli.starting import write_starter
from reconciler.sandbox import Sandbox

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Said:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str


@dataclass
class Person:
    """Types commands in a folder."""

    folder: Path
    environ: dict[str, str]

    async def types(self, *words: str) -> Said:
        """Run ``reconciler WORDS`` to its end."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "reconciler", *words,
            cwd=self.folder, env=self.environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        said = Said(process.returncode or 0, out.decode(), err.decode())
        assert "Traceback" not in said.err + said.out, said.err
        return said

    async def gets(self, *words: str) -> str:
        """Run a command that must succeed, and return what it printed."""
        said = await self.types(*words)
        assert said.code == 0, said
        return said.out

    @asynccontextmanager
    async def runs(self, *words: str) -> AsyncIterator[str]:
        """Run ``reconciler run`` beside the block; yield the API's address; end it politely."""
        port = free_port()
        log = (self.folder / "run.log").open("wb")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "reconciler", "run", *words, "--bind", f"127.0.0.1:{port}",
            cwd=self.folder, env=self.environ, stdout=log, stderr=log,
        )  # fmt: skip
        url = f"http://127.0.0.1:{port}"
        try:
            await self._answers(url, process)
            yield f"{url}/api/v1"
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(30):
                code = await process.wait()
            log.close()
        assert code == 0, (self.folder / "run.log").read_text()

    async def _answers(self, url: str, process: asyncio.subprocess.Process) -> None:
        async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False) as client:
            while True:
                assert process.returncode is None, (self.folder / "run.log").read_text()
                try:
                    if (await client.get(f"{url}/readyz")).status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.wait({asyncio.ensure_future(process.wait())}, timeout=0.1)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


async def everything(url: str, token: str, **query: Any) -> list[dict[str, Any]]:
    """Return all records of a list, page by page."""
    found: list[dict[str, Any]] = []
    async with httpx.AsyncClient(trust_env=False) as client:
        while True:
            headers = {"Authorization": f"Bearer {token}"}
            answer = await client.get(url, params=query, headers=headers)
            assert answer.status_code == 200, answer.text
            found += answer.json()["data"]
            query["cursor"] = answer.json()["next_cursor"]
            if query["cursor"] is None:
                return found


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(port=0) as plant:
        yield plant


@pytest.fixture
def person(tmp_path: Path, sandbox: Sandbox) -> Person:
    """A person in a fresh folder with the starter, whose sandbox listens on a free port."""
    write_starter(tmp_path)
    file = tmp_path / "specs" / "environments" / "dev.yaml"
    file.write_text(file.read_text().replace("8055", str(sandbox.port)))
    environ = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "PYTHONPATH": str(ROOT),
        "SANDBOX_API_KEY": sandbox.credentials.api_key,
        "RECONCILER_ENV": "dev",
    }
    return Person(tmp_path, environ)

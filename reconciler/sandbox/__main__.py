"""``python -m reconciler.sandbox``: the plant alone, for trying things out.

Its API key is the value of ``SANDBOX_API_KEY`` if that is set, so that the plant and the reconciler
beside it can be told the same one.
"""

import argparse
import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from reconciler.sandbox.server import Sandbox


def main(arguments: list[str] | None = None) -> int:
    """Run the sandbox until it is interrupted; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m reconciler.sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=8055, help="0 takes a free one (%(default)s)")
    parser.add_argument("--seed", type=int, default=7, help="other seed, other plant (%(default)s)")
    parser.add_argument("--scale", type=int, default=1, help="times 2,000 records (%(default)s)")
    parser.add_argument(
        "--every", type=float, default=10.0, help="seconds a turn; 0 stands still (%(default)s)"
    )
    parser.add_argument("--switches", metavar="FILE", help="a JSON file of switches to start with")
    chosen = parser.parse_args(arguments)
    sandbox = Sandbox(chosen.port, seed=chosen.seed, scale=chosen.scale, every=chosen.every or None)
    try:
        _prepare(sandbox, chosen.switches)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"cannot take the switches of {chosen.switches}: {error}\n")
        return 1
    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(_run(sandbox))
    except OSError as error:
        sys.stderr.write(f"cannot listen on 127.0.0.1:{chosen.port}: {error.strerror}\n")
        sys.stderr.write("choose another port with --port, or a free one with --port 0\n")
        return 1
    return 0


def _prepare(sandbox: Sandbox, file: str | None) -> None:
    key = os.environ.get("SANDBOX_API_KEY")
    if key:
        sandbox.switch(api_key=key)
    if file is not None:
        sandbox.switch(**msgspec.json.decode(Path(file).read_bytes(), type=dict[str, Any]))


async def _run(sandbox: Sandbox) -> None:
    async with sandbox:
        shown = sandbox.credentials
        lines = (
            f"the sandbox plant listens on {sandbox.url}",
            f"  api_key   X-Plant-Key: {shown.api_key}",
            f"  password  {shown.username} / {shown.password}  (basic, or POST /api/session)",
            f"  bearer    Authorization: Bearer {shown.token}",
            f"  switches  curl --json '{{\"refuse\": true}}' {sandbox.url}/_sandbox/switches",
        )
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    sys.exit(main())

"""What all tests share: tools that only a system package gives, and what was left out for want of one."""

import os
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from reconciler.ports import Store
from reconciler.store.memory import MemoryStore
from reconciler.store.open import open_store
from tests.plant import Plant, make_plant

LEFT_OUT: dict[str, set[str]] = {}


@pytest.fixture
def program(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Return a function that finds a program; a test that lacks one is left out, and listed at the end.

    With ``RECONCILER_TEST_STRICT`` set, it fails instead.
    """

    def find(name: str) -> str:
        found = shutil.which(name)
        if found is not None:
            return found
        LEFT_OUT.setdefault(name, set()).add(request.node.nodeid)
        if os.environ.get("RECONCILER_TEST_STRICT"):
            pytest.fail(f"needs the program {name!r}, which is not installed")
        pytest.skip(f"needs the program {name!r}")

    return find


@pytest.fixture(params=["memory", "sqlite"])
async def plant(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Plant]:
    """A connection to a scripted plant, in force in a store: once in memory, once on SQLite."""
    store: Store = MemoryStore()
    if request.param == "sqlite":
        store = open_store(tmp_path / "state")
    yield await make_plant(store)
    await store.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List what was left out, by name."""
    if not LEFT_OUT:
        terminalreporter.write_line("left out: nothing")
    for name, tests in sorted(LEFT_OUT.items()):
        terminalreporter.write_line(f"left out for want of {name!r}: {', '.join(sorted(tests))}")

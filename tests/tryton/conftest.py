"""One real ERP for all tests of this room: a start costs seconds, so a test measures from what it finds.

Tests change and delete orders; each reads the truth before it compares, and none counts on the first state.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.conftest import ROOT, Person
from tests.tryton.server import EXAMPLE, PASSWORDS, Erp, Order, served


@pytest.fixture(scope="session")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Erp, tuple[Order, ...]]]:
    running = served(tmp_path_factory.mktemp("erp"))
    yield running, running.truth()
    running.stop()


@pytest.fixture
def erp(_running: tuple[Erp, tuple[Order, ...]]) -> Iterator[Erp]:
    """A running Tryton with about 200 purchase orders; running again if a test stopped it."""
    erp, _ = _running
    yield erp
    erp.start()


@pytest.fixture
def first_truth(_running: tuple[Erp, tuple[Order, ...]]) -> tuple[Order, ...]:
    """All orders as they were before any test."""
    return _running[1]


@pytest.fixture
def person(tmp_path: Path, erp: Erp) -> Person:
    """A person in a fresh folder with the example's specs, told where this ERP listens."""
    shutil.copytree(EXAMPLE / "specs", tmp_path / "specs")
    where = tmp_path / "specs" / "environment.yaml"
    where.write_text(where.read_text().replace("http://127.0.0.1:8000", erp.url))
    environ = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        **{name: PASSWORDS[name] for name in ("ACME_ERP_USER", "ACME_ERP_PASSWORD")},
        "ALERT_SECRET": "whsec_c2VzYW1lLXNlc2FtZS1zZXNhbWU=",
        "PYTHONPATH": str(ROOT),
    }
    return Person(tmp_path, environ)

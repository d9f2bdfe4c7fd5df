"""A real ERP for each test that asks for one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tryton.server import Erp, served


@pytest.fixture
def erp(tmp_path: Path) -> Iterator[Erp]:
    """A running Tryton with 200 purchase orders, for this test alone."""
    running = served(tmp_path / "erp")
    yield running
    running.stop()

"""One provider for all tests of a process that ask for it: it is about customers, and each test has its own.

Another room takes it by ``from tests.oidc.conftest import provider, running_providers`` in its conftest.
"""

from collections.abc import Callable, Iterator

import pytest

from tests.oidc.provider import Provider


@pytest.fixture(scope="session")
def running_providers() -> Iterator[list[Provider]]:
    """Those that were started; ended with the tests."""
    running: list[Provider] = []
    yield running
    for one in running:
        one.stop()


@pytest.fixture
def provider(program: Callable[[str], str], running_providers: list[Provider]) -> Provider:
    """A provider whose access tokens live five minutes."""
    if not running_providers:
        made = Provider(program("npm"), program("node"))
        made.start()
        running_providers.append(made)
    return running_providers[0]

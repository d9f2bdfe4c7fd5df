"""A counter at which customers connect."""

import pytest

from tests.connect.making import Counter, make_counter


@pytest.fixture
async def counter() -> Counter:
    """A connection that waits for its customer."""
    return await make_counter()

"""When a login ends: by its certificate, by its grant, and by what the system tells."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from reconciler.connectors.connector import HttpConnector
from reconciler.connectors.envelope import Finder
from reconciler.connectors.expiry import GRANT_ENDS, known_ends, told_end
from reconciler.errors import Invalid, SourceInvalid
from tests.connectors.conftest import manifest

Open = Callable[..., HttpConnector]
END = datetime(2027, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("answer", "end"),
    [
        (b'{"ends": "2027-03-01T12:00:00Z"}', END),
        (b'{"ends": "2027-03-01T13:00:00+01:00"}', END),
        (b'{"ends": "2027-03-01T12:00:00"}', END),
        (b'{"ends": "2027-03-01"}', datetime(2027, 3, 1, tzinfo=UTC)),
        (b'{"ends": 1803902400}', END),
        (b'{"ends": null}', None),
        (b'{"ends": ""}', None),
        (b"{}", None),
    ],
)
def test_what_the_system_tells_is_read_as_a_time(answer: bytes, end: datetime | None) -> None:
    assert told_end(Finder("ends"), answer) == end


@pytest.mark.parametrize("wrong", [b'"soon"', b"true", b"[1]", b"1e300"])
def test_what_is_no_time_is_told_with_where_it_was_found(wrong: bytes) -> None:
    with pytest.raises(SourceInvalid, match=r"'ends' finds .* no time"):
        told_end(Finder("ends"), b'{"ends": ' + wrong + b"}")


def test_the_end_of_a_grant_is_known_before_anything_is_asked() -> None:
    assert list(known_ends({}, {GRANT_ENDS: "2027-03-01T12:00:00Z"})) == [END]
    assert list(known_ends({}, {})) == []


def test_a_certificate_that_is_none_is_refused() -> None:
    with pytest.raises(Invalid, match="no certificate"):
        list(known_ends({"client_certificate": "-----BEGIN NOTHING-----"}, {}))


async def test_the_earliest_end_counts_after_a_probe(opened: Open) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        body: dict[str, Any] = {"password_ends": "2027-03-01T12:00:00Z"}
        return httpx.Response(200, json=body)

    connector = opened(answer, manifest(expires="password_ends"))
    assert connector.expires is None
    await connector.probe()
    assert connector.expires == END

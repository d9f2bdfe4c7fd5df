"""Dated versions: how one is picked, and how its end is announced."""

from datetime import date

import pytest

from reconciler.web.problems import Refused
from reconciler.web.versions import VERSIONS, ApiVersion, headers_of, listed, pick

OLD = ApiVersion(
    date(2026, 1, 1),
    deprecated=date(2026, 11, 1),
    sunset=date(2027, 11, 2),
    guide="https://docs.example/move",
)
NEW = ApiVersion(date(2026, 11, 1))


def test_a_version_is_picked_by_its_date() -> None:
    assert pick((OLD, NEW), "2026-01-01") is OLD
    with pytest.raises(Refused, match="2026-01-01, 2026-11-01"):
        pick((OLD, NEW), "2026-1-1")


def test_a_version_that_is_not_deprecated_says_its_name_alone() -> None:
    assert headers_of(NEW) == {"Reconciler-Version": "2026-11-01"}


def test_the_end_of_a_version_is_in_every_answer_of_it() -> None:
    assert headers_of(OLD) == {
        "Reconciler-Version": "2026-01-01",
        "Deprecation": "@1793491200",
        "Sunset": "Tue, 02 Nov 2027 00:00:00 GMT",
        "Link": '<https://docs.example/move>; rel="deprecation"; type="text/html"',
    }


@pytest.mark.parametrize(
    ("deprecated", "sunset", "guide", "why"),
    [
        (date(2026, 11, 1), date(2027, 10, 31), "x", "less than twelve months"),
        (date(2026, 11, 1), None, "", "name the guide"),
        (None, date(2027, 11, 2), "x", "is not deprecated"),
    ],
)
def test_an_end_without_notice_cannot_be_written(
    deprecated: date | None, sunset: date | None, guide: str, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        ApiVersion(date(2026, 1, 1), deprecated, sunset, guide)


def test_versions_are_listed_the_newest_first() -> None:
    assert [(one["version"], one["current"]) for one in listed((OLD, NEW))] == [
        ("2026-11-01", True),
        ("2026-01-01", False),
    ]


def test_the_versions_that_are_served_are_in_the_order_of_their_dates() -> None:
    assert list(VERSIONS) == sorted(VERSIONS, key=lambda version: version.on)
    assert VERSIONS[-1].deprecated is None

"""The tests that a mapping brings: a source record, and what is to become of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reconciler.mapping.compile import Mapper
from reconciler.mapping.misfit import cut
from reconciler.model.identity import record_id
from reconciler.model.value import canonical

CONNECTION: Final = "test"
"""The uid that the ids of a test are made with."""


@dataclass(frozen=True, slots=True)
class TestResult:
    """How one test went. ``differences`` are lines such as ``status: expected "sent", got null``."""

    __test__ = False  # a value of ours, not a class of tests

    name: str
    passed: bool
    differences: tuple[str, ...] = ()


def run_tests(mapper: Mapper, tests: Sequence[Mapping[str, Any]]) -> list[TestResult]:
    """Return how each test (``name``, ``source``, ``expect``) went.

    Only what ``expect`` names is compared: objects by their keys, lists item by item. A reference may
    be expected as the source's key or as an id.
    """
    return [_run(mapper, str(test["name"]), test) for test in tests]


def _run(mapper: Mapper, name: str, test: Mapping[str, Any]) -> TestResult:
    ((mapped, error),) = mapper(CONNECTION, [canonical(test["source"])])
    if mapped is None:
        return TestResult(name, passed=False, differences=(error or "",))
    got = mapper.decoded(mapped)
    differences = tuple(_differ(test["expect"], got, ""))
    return TestResult(name, passed=not differences, differences=differences)


def _differ(expected: Any, got: Any, at: str) -> Iterator[str]:
    if isinstance(expected, Mapping) and isinstance(got, Mapping):
        for key, value in expected.items():
            place = f"{at}.{key}" if at else key
            if key in got:
                yield from _differ(value, got[key], place)
            else:
                yield f"{place}: there is no such field"
    elif isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        for number, (one, other) in enumerate(zip(expected, got, strict=True)):
            yield from _differ(one, other, f"{at}[{number}]")
    elif canonical(expected) != canonical(got) and not _refers(expected, got):
        yield f"{at}: expected {cut(expected)}, got {cut(got)}"


def _refers(key: Any, got: Any) -> bool:
    """Whether *got* is the id of the record that the source calls *key*."""
    if isinstance(key, bool) or not isinstance(key, str | int) or not isinstance(got, str):
        return False
    prefix, mark, _ = got.rpartition("_")
    return bool(mark) and got == record_id(prefix, CONNECTION, str(key))

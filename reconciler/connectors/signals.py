"""Signals: errors that a system tells in the JSON of an answer, whatever its status says."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from reconciler.connectors.envelope import Finder
from reconciler.connectors.exchange import Answer
from reconciler.errors import (
    AccountLocked,
    Forbidden,
    RateLimited,
    SecondFactorAsked,
    ServerFault,
    SourceError,
    SourceInvalid,
    Unauthorized,
)
from reconciler.spec.kinds.connector import Signal

MEANINGS: Final[Mapping[str, type[SourceError]]] = {
    "unauthorized": Unauthorized,
    "locked": AccountLocked,
    "second_factor": SecondFactorAsked,
    "forbidden": Forbidden,
    "rate_limited": RateLimited,
    "fault": ServerFault,
    "invalid": SourceInvalid,
}


class Signals:
    """The signals of a manifest, compiled."""

    def __init__(self, signals: Sequence[Signal]) -> None:
        self._signals = [
            (Finder(s.when), s.means, None if s.message is None else Finder(s.message))
            for s in signals
        ]

    def __bool__(self) -> bool:
        return bool(self._signals)

    def check(self, answer: Answer, body: bytes) -> None:
        """Return if none of them is in the JSON *body* of *answer*.

        Raises:
            SourceError: the kind that the first signal found means.
        """
        for when, means, message in self._signals:
            if when.find(body):
                said = None if message is None else message.find(body)
                raise told(answer, means, said)


def told(answer: Answer, means: str, said: Any) -> SourceError:
    """Return the error that *means*; *said* is the system's own message, else the body is quoted."""
    words = answer.quote if said in (None, "") else " ".join(answer.clean(str(said)).split())[:200]
    return MEANINGS[means](f"{answer.place} answered {answer.status}: {words}")

"""The one place that turns an error into a verdict."""

from datetime import timedelta
from typing import Final, assert_never

from reconciler.errors import RateLimited, ReconcilerError, Recovery
from reconciler.model.verdict import Halt, Retry, Verdict, Wait

SLOWLY: Final = timedelta(minutes=1)
"""The least wait after an error that nobody foresaw: a bug does not go away by haste."""


def judge(error: Exception) -> Verdict:
    """Return whether to try again after *error*: by the backoff, when what is in the way is gone, or not by itself.

    An error that is none of ours is a bug: tried again, slowly.
    """
    if not isinstance(error, ReconcilerError):
        return Retry("an unexpected error; see the log", wait=SLOWLY)
    match error.recovery:
        case Recovery.TRANSIENT:
            return Retry(error.message, wait=_asked(error))
        case Recovery.WAITING:
            return Wait(error.message)
        case Recovery.PERMANENT:
            return Halt(error.message)
        case _:
            assert_never(error.recovery)


def _asked(error: ReconcilerError) -> timedelta | None:
    return error.wait if isinstance(error, RateLimited) else None

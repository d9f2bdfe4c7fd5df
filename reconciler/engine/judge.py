"""The one place that turns an error into a verdict."""

from reconciler.errors import RateLimited, ReconcilerError
from reconciler.model.verdict import Halt, Retry, Verdict


def judge(error: ReconcilerError) -> Verdict:
    """Return whether to try again after *error*: later, after the wait it names, or not by itself."""
    if isinstance(error, RateLimited):
        return Retry(error.message, wait=error.wait)
    if error.retryable:
        return Retry(error.message)
    return Halt(error.message)

"""Pages that say one thing: why there is no form, and what to do instead."""

from dataclasses import dataclass
from typing import Final

from reconciler.engine.connecting import Closed, Spent
from reconciler.model.link import LinkState


@dataclass(frozen=True, slots=True)
class Notice:
    """A heading, a text, the status; and ``again``: whether the link may be opened again."""

    title: str
    text: str
    status: int
    again: bool = False
    good: bool = False


_ANOTHER: Final = "Ask the people who sent it to you for a new one."

UNKNOWN: Final = Notice(
    "This link does not work",
    "Perhaps it was cut off in the message: copy all of it into the address bar. If that does not help, "
    "ask the people who sent it to you for a new one.",
    404,
)
EXPIRED: Final = Notice(
    "This link has expired", f"Links are good for a while only. {_ANOTHER}", 410
)
USED: Final = Notice(
    "This link has done its work",
    "The connection was set up with it, and there is nothing left to do. To change the password later, "
    "ask for a new link.",
    410,
    good=True,
)
REVOKED: Final = Notice(
    "This link was replaced",
    "There is a newer one, or it was taken back. Look for the newest message, or ask for a new link.",
    410,
)
LOCKED: Final = Notice(
    "This link is locked",
    f"It was tried too often, so nobody can go on guessing. {_ANOTHER}",
    410,
)
TOO_MANY: Final = Notice(
    "Too many tries",
    "Links that do not exist were opened too often from your network. Please wait a minute.",
    429,
)
ASTRAY: Final = Notice(
    "We lost track of where you came from",
    "Too much time has passed, or another browser was used. Please open your link again, and go on in "
    "this browser.",
    400,
)
DENIED: Final = Notice(
    "You did not agree",
    "No access was given, and nothing was kept. If that was a slip, start again.",
    200,
    again=True,
)
FAILED: Final = Notice(
    "That did not work",
    "The system sent you back without an answer that we could use. Nothing was kept. Please start again.",
    502,
    again=True,
)
ELSEWHERE: Final = Notice(
    "This did not come from our page",
    "Another page tried to send something in your name. Nothing was done. If it was you, start again.",
    403,
    again=True,
)
NO_COOKIE: Final = Notice(
    "Your browser keeps no cookie for this page",
    "We need one to be sure that it is you. Allow cookies for this page, or open it in a window of its own.",
    403,
    again=True,
)
STALE: Final = Notice(
    "This page is out of date",
    "It was open for a long time, or in two windows. Nothing was sent on. Please start again.",
    403,
    again=True,
)
TOO_LARGE: Final = Notice("That was too much", "What was sent is larger than it may be.", 413)
UNREADABLE: Final = Notice(
    "We could not read that", "Please open your link again, and use the form of the page.", 400
)
FAULT: Final = Notice(
    "Something went wrong on our side",
    "Nothing was kept. Please try again in a few minutes; if it stays, tell the people who sent you the "
    "link.",
    500,
)


_OF: Final = {
    LinkState.USED: USED,
    LinkState.EXPIRED: EXPIRED,
    LinkState.REVOKED: REVOKED,
}


def of(found: Closed | Spent) -> Notice:
    """Return what is said of a link that is not open."""
    if isinstance(found, Spent):
        return LOCKED
    return UNKNOWN if found.state is None else _OF.get(found.state, UNKNOWN)

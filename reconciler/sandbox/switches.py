"""The switches of the plant: what is to go wrong, where, how often. Pure; told by tests and demos."""

from random import Random
from typing import Any, Literal

import msgspec

Trouble = Literal[
    "status", "throttle", "reset", "html", "drop", "truncate", "empty", "loop", "slow"
]
"""What can happen to a request.

``status``: an error of that status, told by a problem document. ``throttle``: 429. ``reset``: the
connection is closed with no answer. ``html``: a page of HTML with status 200. ``drop``: the connection is
closed in the middle of the body. ``truncate``: half the JSON, as if it were all. ``empty``: a page
without its records; the way to the next page is as it was. ``loop``: the next page is this one.
``slow``: the answer waits.
"""


class Fault(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One trouble for the requests under ``path``.

    It strikes ``times`` requests (null: until it is switched off) after ``skip`` that go well, each
    with a ``chance``.
    """

    kind: Trouble
    path: str = "/api/"
    skip: int = 0
    times: int | None = 1
    chance: float = 1.0
    status: int = 503
    """``status``: which one."""
    retry_after: float | None = None
    """``status``, ``throttle``: the seconds that the answer asks to wait."""
    form: Literal["seconds", "date"] = "seconds"
    """How it says so."""
    seconds: float = 1.0
    """``slow``: how long the answer waits."""

    def strikes(self, path: str, lot: Random) -> bool:
        """Return whether a request for *path* is hit, and count it."""
        if not path.startswith(self.path) or self.times == 0:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.chance < 1.0 and lot.random() >= self.chance:
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Reshape(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How the records of a collection look after an upgrade of the plant's software."""

    drop: list[str] = []
    rename: dict[str, str] = {}
    add: dict[str, Any] = {}

    def of(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return *body* in its new shape."""
        kept = {self.rename.get(key, key): body[key] for key in body if key not in self.drop}
        return kept | self.add


class Switches(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """All switches; as they are here, nothing goes wrong."""

    refuse: bool = False
    """No credentials are good."""
    page_cap: int | None = None
    """The most records of a page, whatever was asked for."""
    clock_skew: float = 0.0
    """Seconds by which the plant's clock is ahead."""
    late: float = 0.0
    """Seconds by which a change is stamped before it becomes visible, as a long transaction is."""
    session_uses: int | None = None
    """How many requests a session is good for."""
    faults: list[Fault] = []
    schema: dict[str, Reshape] = {}
    """By collection: fields dropped, renamed or added."""

    def merged(self, changes: dict[str, Any]) -> "Switches":
        """Return the switches after *changes*; what is not named stays.

        Raises:
            ValueError: if a switch is unknown or has no such position; the message says which.
        """
        return msgspec.convert({**msgspec.to_builtins(self), **changes}, Switches)

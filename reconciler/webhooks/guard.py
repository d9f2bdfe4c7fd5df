"""A guard for libraries that open connections by themselves: a thread that connects only to where it may.

An audit hook of Python (PEP 578) sees every connection before it is made, with the address that it is made
to. It looks at guarded threads, and lets all others be; once installed, it stays for as long as the process.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from reconciler.errors import Invalid
from reconciler.webhooks.targets import Targets

_DOORS: Final = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_WAYS_ROUND: Final = frozenset(
    {
        "_thread.start_new_thread",  # these two are told from Python 3.12 on
        "_thread.start_joinable_thread",
        "subprocess.Popen",
        "os.system",
        "os.exec",
        "os.posix_spawn",
        "os.fork",
    }
)
"""A thread or program that a service starts could not be looked at: it is not started."""

_here: Final = threading.local()


@dataclass(slots=True)
class _Guard:
    """Looks at what one thread is about to do, and keeps why it may not."""

    targets: Targets
    refused: list[str] = field(default_factory=list)

    def look(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Return if it may.

        Raises:
            PermissionError: if not.
        """
        if event in _WAYS_ROUND:
            self._refuse("this service starts threads or programs, which could not be guarded")
        elif arguments[1] is None:  # sent over a connection that was looked at
            return
        elif not isinstance(arguments[1], tuple):
            self._refuse("it leads to a socket of this machine")
        else:
            try:
                self.targets.check(str(arguments[1][0]))
            except Invalid as error:
                self._refuse(f"{error.message} ({error.hint})" if error.hint else error.message)

    def _refuse(self, why: str) -> None:
        self.refused.append(why)
        raise PermissionError(why)


@contextmanager
def guarded(targets: Targets) -> Iterator[list[str]]:
    """Let this thread connect only to where *targets* allows; yield what is refused."""
    _install()
    guard = _Guard(targets)
    _here.guard = guard
    try:
        yield guard.refused
    finally:
        _here.guard = None


@cache
def _install() -> None:
    """See every connection of this process before it is made; those of other threads are let be."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _DOORS or event in _WAYS_ROUND:
            guard: _Guard | None = getattr(_here, "guard", None)
            if guard is not None:
                guard.look(event, arguments)

    sys.addaudithook(hook)

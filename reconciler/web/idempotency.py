"""``Idempotency-Key``: a request that is sent again with the same key has its first answer."""

import asyncio
import hashlib
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from fastapi import Request

from reconciler.ports import Clock
from reconciler.web.problems import Code, refuse

KEPT: Final = timedelta(hours=24)
MOST: Final = 10_000

_FORM: Final = re.compile(r"[\x21-\x7e]{1,255}")


def key_of(request: Request, subject: str) -> str | None:
    """Return the key of *request* within *subject* (whose request to do what), ``None`` without one.

    Raises:
        Refused: if the header is no key.
    """
    given = request.headers.get("idempotency-key")
    if given is None:
        return None
    if not _FORM.fullmatch(given):
        raise refuse(
            Code.INVALID_REQUEST,
            "header.Idempotency-Key: write 1 to 255 visible ASCII characters without blanks",
            hint="a UUID is a good key",
        )
    return hashlib.sha256(f"{subject}\x00{given}".encode()).hexdigest()[:40]


@dataclass(slots=True)
class _Known:
    """The first request with a key: what it asked for, when, and what came of it."""

    content: bytes
    at: datetime
    done: "asyncio.Future[Any]"


class Remembered:
    """What was done under which key in the last day, in this process.

    The key goes on to the work itself, which is what makes it one across restarts and replicas.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: OrderedDict[str, _Known] = OrderedDict()

    async def once(self, key: str, content: bytes, do: Callable[[], Awaitable[Any]]) -> Any:
        """Return what *do* gave the first time it was asked for under *key*.

        Raises:
            Refused: if *content* is not what was asked for then.
        """
        now = self._clock.now()
        self._forget(now)
        known = self._known.get(key)
        if known is None:
            return await self._first(key, content, do)
        if known.content != content:
            raise refuse(
                Code.IDEMPOTENCY_KEY_REUSED, "this Idempotency-Key was used for another request"
            )
        return await asyncio.shield(known.done)

    async def _first(self, key: str, content: bytes, do: Callable[[], Awaitable[Any]]) -> Any:
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._known[key] = _Known(content, self._clock.now(), done)
        try:
            done.set_result(await do())
        except BaseException as error:
            del self._known[key]
            if isinstance(error, Exception):
                done.set_exception(error)
                done.exception()  # told to whoever waits; the first asker has it raised
            else:
                done.cancel()
            raise
        return done.result()

    def _forget(self, now: datetime) -> None:
        while self._known:
            oldest = next(iter(self._known.values()))
            if len(self._known) < MOST and now - oldest.at < KEPT:
                return
            self._known.popitem(last=False)

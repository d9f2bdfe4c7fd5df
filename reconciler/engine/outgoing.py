"""The service that tells the outside: routes events, tells alerts, sends deliveries, woken when it has to be.

It looks at the start, when it is woken, and when the next delivery is due; and, since another process may
write to the same store, every few seconds at the latest.
"""

import asyncio
import random
from datetime import datetime, timedelta
from typing import Final

import structlog

from reconciler.engine.alerting import Alerting
from reconciler.engine.backoff import wait_before
from reconciler.engine.dispatch import Dispatch, Limits, Post
from reconciler.engine.routing import Routing
from reconciler.engine.tidying import Tidying
from reconciler.errors import ReconcilerError

log = structlog.get_logger()

LOOK_EVERY: Final = timedelta(seconds=10)
"""Another process that writes events cannot wake this one: it is found so much later at most."""


class Outgoing:
    """Events become deliveries or alerts, and deliveries are sent, from ``run`` until it is cancelled."""

    def __init__(self, post: Post, *, limits: Limits | None = None) -> None:
        self._clock = post.clock
        self._woken = asyncio.Event()
        self._routing = Routing(post.store, post.in_force, post.clock)
        self._alerting = Alerting(post.store, post.in_force, post.clock)
        self._dispatch = Dispatch(post, self.wake, limits=limits)
        self._tidying = Tidying(post.store, post.clock)
        self._failures = 0
        post.store.listen(self.wake)

    def wake(self) -> None:
        """Look now: something was written, or a place has become free."""
        self._woken.set()

    async def run(self) -> None:
        """Work until cancelled; what is under way then is broken off and left to the next start."""
        try:
            while True:
                self._woken.clear()
                await self._pause(await self._look())
        finally:
            await self._dispatch.close()

    async def _look(self) -> datetime | None:
        """Do what there is to do; return when to look again. What fails is tried again later."""
        try:
            more = True
            while more:
                more = await self._routing.turn()
                again = [await self._dispatch.turn()]
            # What is told here is sent at the next look, which comes at once.
            again += [await self._alerting.turn(), await self._tidying.turn()]
        except ReconcilerError as error:
            log.warning("outgoing_failed", why=error.message)
        except Exception:
            # Unknown errors are bugs: told with a trace, and tried again slowly.
            log.exception("outgoing_broken")
        else:
            self._failures = 0
            return min((at for at in again if at is not None), default=None)
        self._failures += 1
        await self._clock.sleep(wait_before(self._failures, jitter=random.random()))  # noqa: S311  spread, not secrecy
        return self._clock.now()

    async def _pause(self, until: datetime | None) -> None:
        longest = LOOK_EVERY if until is None else min(until - self._clock.now(), LOOK_EVERY)
        if longest <= timedelta(0):
            return
        waits = [
            asyncio.ensure_future(self._woken.wait()),
            asyncio.ensure_future(self._clock.sleep(longest)),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

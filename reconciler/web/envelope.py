"""What every answer has, whoever gives it: a request id, headers that protect, one line in the log.

Pure ASGI, outermost: whatever goes wrong inside becomes one problem document and one log entry here.
"""

import asyncio
import re
import secrets
import time
from collections.abc import MutableMapping
from datetime import timedelta
from typing import Any, Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reconciler.errors import ReconcilerError
from reconciler.ports import SILENT, Answered, Meter
from reconciler.web.problems import ApiProblem, Code, Refused, answer
from reconciler.web.translate import translate

log = structlog.get_logger(__name__)

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
_LINK: Final = re.compile(
    r"(?i)(/connect/)(?!static/|callback$)[^/].*|(?<=/)[A-Za-z0-9_-]{43}(?=/|$)"
)
"""The text of a connect link in a path, whole or mistyped: it is a secret, and no log has it."""
_PROTECT: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


class Envelope:
    """Wraps *app*. A request that takes longer than *timeout* seconds ends with 504.

    *meter* is told of each answer.
    """

    def __init__(self, app: ASGIApp, timeout: float, meter: Meter = SILENT) -> None:
        self._app = app
        self._timeout = timeout
        self._meter = meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; other kinds of scope pass untouched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        turn = _Turn(scope, send)
        with structlog.contextvars.bound_contextvars(request_id=turn.request_id):
            try:
                await self._inside(scope, receive, turn)
            finally:
                self._meter.answered(turn.tell())

    async def _inside(self, scope: Scope, receive: Receive, turn: "_Turn") -> None:
        try:
            async with asyncio.timeout(self._timeout) as limit:
                await self._app(scope, receive, turn.send)
        except Refused as refused:
            await turn.fail(refused.problem, receive)
        except ReconcilerError as error:
            await self._known(error, receive, turn)
        except TimeoutError as error:
            if limit.expired():
                text = f"not done within {self._timeout:g} seconds"
                await turn.fail(ApiProblem(Code.REQUEST_TIMEOUT, text), receive)
            else:
                await self._fault(error, receive, turn)
        except Exception as error:  # noqa: BLE001 - the last wall: a bug is an answer and a log entry
            await self._fault(error, receive, turn)

    async def _known(self, error: ReconcilerError, receive: Receive, turn: "_Turn") -> None:
        problem = translate(error)
        if problem.code in {Code.INTERNAL_ERROR, Code.STORE_UNAVAILABLE}:
            log.error("request_failed", path=turn.path, exc_info=error)
        await turn.fail(problem, receive)

    async def _fault(self, error: Exception, receive: Receive, turn: "_Turn") -> None:
        log.error("request_failed", path=turn.path, exc_info=error)
        text = "something went wrong on our side"
        await turn.fail(ApiProblem(Code.INTERNAL_ERROR, text), receive)


class _Turn:
    """One request: what is known of it, and what was sent."""

    def __init__(self, scope: Scope, send: Send) -> None:
        given = Headers(scope=scope).get("x-request-id", "")
        self.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        self.path = _LINK.sub(lambda found: f"{found[1] or ''}***", scope["path"])
        self._scope = scope
        self._send = send
        self._status = 0
        self._sent = 0
        self._began = time.perf_counter()
        self._state: MutableMapping[str, Any] = scope.setdefault("state", {})
        self._state["request_id"] = self.request_id

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = self.request_id
            for name, value in _PROTECT.items():
                headers.setdefault(name, value)
            for group in ("version_headers", "rate_headers"):
                headers.update(self._state.get(group, {}))
        elif message["type"] == "http.response.body":
            self._sent += len(message.get("body", b""))
        await self._send(message)

    async def fail(self, problem: ApiProblem, receive: Receive) -> None:
        """Answer with *problem*, unless the answer is under way already."""
        if self._status:
            self._status = problem.status
            return
        response = answer(problem, instance=self.path, request_id=self.request_id)
        await response(self._scope, receive, self.send)

    def tell(self) -> Answered:
        """Write the line of the access log: the path without its query, never a header."""
        route = getattr(self._scope.get("route"), "path", None)
        took = time.perf_counter() - self._began
        log.info(
            "request_answered",
            method=self._scope["method"],
            path=self.path,
            route=route,
            status=self._status,
            sent=self._sent,
            token=self._state.get("token"),
            milliseconds=round(took * 1000, 1),
        )
        return Answered(self._scope["method"], route, self._status, timedelta(seconds=took))

"""Chat, pager and push services, by the Apprise library: an extra, ``reconciler[notify]``.

Apprise waits where it stands and opens connections by itself, so it works in threads of ours, which are
guarded: each connection is looked at before it is made.
"""

import asyncio
import logging
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from reconciler.errors import Invalid
from reconciler.webhooks.channel import Letter, Reply, Secrets
from reconciler.webhooks.guard import guarded
from reconciler.webhooks.message import Message, Status
from reconciler.webhooks.targets import Targets
from reconciler.webhooks.wording import cut

if TYPE_CHECKING:
    from apprise import NotifyBase

TIMEOUT: Final = timedelta(seconds=10)
"""So long a service has, with all that Apprise asks it."""

_CONNECT: Final = 3.0
_READ: Final = 6.0
_THREADS: Final = 4
_BODY: Final = 16_000
_PARTS: Final = re.compile(r"[/:@?&=#,]+")
_THREADED: Final = frozenset({"mqtt", "mqtts", "xmpp", "xmpps"})
"""Services that are known to start threads, for Pythons that do not tell."""


class Notifications:
    """Tells services by their Apprise URLs, which are secret as a whole."""

    def __init__(self, targets: Targets, secrets: Secrets, *, timeout: timedelta = TIMEOUT) -> None:
        self._targets = targets
        self._secrets = secrets
        self._timeout = timeout
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="notify")

    async def send(self, letter: Letter) -> Reply:
        """Tell the service that the route names, and return whether it took it."""
        url = self._secrets.value(letter.to("notify")["url"], f"{letter.route.key}: url")
        self._secrets.cleaner.learn(_PARTS.split(url.partition("://")[2]))
        # The library is loaded in the thread as well: that takes a good part of a second.
        told = asyncio.get_running_loop().run_in_executor(
            self._threads, self._tell, url, letter.message, str(letter.route.key)
        )
        try:
            return await asyncio.wait_for(told, self._timeout.total_seconds())
        except TimeoutError:
            return Reply(0, f"no answer within {self._timeout.total_seconds():g} s")

    def close(self) -> None:
        """Begin nothing more; what is under way ends by its own time-outs."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _tell(self, url: str, message: Message, route: str) -> Reply:
        service = _service(url, route)
        over = message.status is Status.RESOLVED
        word = "resolved" if over else message.severity.value
        with guarded(self._targets) as refused, _heard() as heard:
            try:
                taken = service.notify(
                    title=f"[{word}] {message.title}",
                    body=cut(message.text, _BODY),
                    notify_type=_type(message),
                    body_format="text",
                )
            except Exception as error:  # noqa: BLE001  some hundred services, each with errors of its own
                heard.append(f"{type(error).__name__}: {error}")
                taken = False
        if taken:
            return Reply(200, "the service took it")
        return Reply(
            0, "; ".join(dict.fromkeys([*refused, *heard])) or "the service did not take it"
        )


def _service(url: str, route: str) -> "NotifyBase":
    if url.partition("://")[0].lower() in _THREADED:
        raise Invalid(
            f"{route}: services of this kind work in threads of their own, which cannot be guarded",
            hint="send a webhook to a gateway of the service instead",
        )
    try:
        import apprise  # noqa: PLC0415  an extra, and heavy
    except ImportError:
        raise Invalid(
            f"{route}: 'notify' needs the library apprise, which is not installed",
            hint="pip install 'reconciler[notify]'",
        ) from None
    asset = apprise.AppriseAsset(
        app_id="reconciler",
        app_desc="reconciler",
        app_url="",
        http_redirects=False,
        secure_logging=True,
        storage_mode="memory",
    )
    with _heard():  # what it finds wrong with the URL may hold parts of it
        # It would log addresses, which are secret here.
        logging.getLogger("urllib3").setLevel(logging.WARNING)
        service = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    if service is None:
        raise Invalid(
            f"{route}: url is none that Apprise knows",
            hint="see https://github.com/caronc/apprise/wiki for the form of your service",
        )
    service.redirects = False
    service.socket_connect_timeout = _CONNECT
    service.socket_read_timeout = _READ
    return service


def _type(message: Message) -> str:
    if message.status is Status.RESOLVED:
        return "success"
    return {"info": "info", "warning": "warning"}.get(message.severity.value, "failure")


@contextmanager
def _heard() -> Iterator[list[str]]:
    """Yield what Apprise tells in this thread, in place of it being logged: it may hold the URL."""
    ear = _Ear()
    log = logging.getLogger("apprise")
    log.addFilter(ear)
    try:
        yield ear.lines
    finally:
        log.removeFilter(ear)


class _Ear(logging.Filter):
    """Takes what one thread logs, and keeps the warnings."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._thread = threading.get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether another thread has logged *record*."""
        if record.thread != self._thread:
            return True
        if record.levelno >= logging.WARNING:
            self.lines.append(record.getMessage())
        return False

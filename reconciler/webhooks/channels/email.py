"""E-mail over SMTP (RFC 5321), by the library aiosmtplib: an extra, ``reconciler[email]``.

One message goes to all who get it. It has the same ``Message-ID`` at each attempt, so that a repeat is known
as one, and all of one trouble are one thread. Automatic answers are asked not to come (RFC 3834).
"""

import asyncio
import socket
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from reconciler.errors import Invalid
from reconciler.ports import Clock
from reconciler.webhooks.channel import Letter, Reply, Secrets
from reconciler.webhooks.letters import composed
from reconciler.webhooks.targets import Targets
from reconciler.webhooks.wire import trusted_certificates

if TYPE_CHECKING:
    from aiosmtplib import SMTP, SMTPResponse

TIMEOUT: Final = timedelta(seconds=10)
"""So long a mail server has, from the look-up of its name to its last word."""

PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}

_PATIENCE: Final = 3.0
_GOODBYE: Final = 1.0


@dataclass(frozen=True, slots=True)
class MailServer:
    """A mail server, and where connections to it may go; ``password`` is a reference."""

    host: str
    targets: Targets
    port: int | None = None
    tls: str = "starttls"
    username: str | Mapping[str, Any] | None = None
    password: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Postbox:
    """What mail is sent with where a route does not say: the operator's server and address."""

    server: MailServer | None = None
    sender: str = ""
    trusted: ssl.SSLContext | None = None


class Mail:
    """Sends e-mail: by the server of a route, to where *targets* allows, or by the operator's own."""

    def __init__(
        self,
        clock: Clock,
        targets: Targets,
        secrets: Secrets,
        own: Postbox,
        *,
        timeout: timedelta = TIMEOUT,
    ) -> None:
        self._clock = clock
        self._targets = targets
        self._secrets = secrets
        self._own = own
        self._timeout = timeout.total_seconds()

    async def send(self, letter: Letter) -> Reply:
        """Send one message to all who get it, and return what the server said."""
        told, route = letter.to("email"), str(letter.route.key)
        smtp = _library(route)
        server = self._server(told.get("smtp"), route)
        sender = told.get("from") or self._own.sender
        if not sender:
            hint = "write to.email.from, or set RECONCILER_SMTP_FROM"
            raise Invalid(f"{route}: nobody is named whom the mail is from", hint=hint)
        mail = composed(letter, sender, told["to"], self._clock.now())
        try:
            async with asyncio.timeout(self._timeout):
                client = await self._client(smtp, server, route)
                refused = await _handed_over(client, mail, sender, told["to"])
        except smtp.SMTPException as error:
            return _failure(smtp, error)
        except TimeoutError:
            return Reply(0, f"no answer within {self._timeout:g} s")
        with suppress(smtp.SMTPException, OSError):
            await client.quit(timeout=_GOODBYE)
        _drop(client)
        return _taken(refused)

    def _server(self, told: Mapping[str, Any] | None, route: str) -> MailServer:
        if told is not None:
            given = {key: told.get(key) for key in ("port", "username", "password")}
            return MailServer(told["host"], self._targets, tls=told.get("tls", "starttls"), **given)
        if self._own.server is None:
            hint = "write to.email.smtp, or set RECONCILER_SMTP_HOST"
            raise Invalid(f"{route}: no mail server is named", hint=hint)
        return self._own.server

    async def _client(self, smtp: ModuleType, server: MailServer, route: str) -> "SMTP":
        """Return a client that has said who it is, over TLS where that is asked for."""
        login = self._login(server, route)
        opened = await _connected(server)
        client: SMTP = smtp.SMTP(
            hostname=server.host,
            sock=opened,
            use_tls=server.tls == "tls",
            start_tls=False,
            tls_context=self._own.trusted or trusted_certificates(),
            timeout=self._timeout,
        )
        try:
            await client.connect()
        except BaseException:
            opened.close()
            raise
        try:
            if server.tls == "starttls":
                await client.starttls()
            if login is not None:
                await client.login(*login)
        except BaseException:
            _drop(client)
            raise
        return client

    def _login(self, server: MailServer, route: str) -> tuple[str, str] | None:
        if server.username is None or server.password is None:
            return None
        name = self._secrets.value(server.username, f"{route}: smtp.username")
        return name, self._secrets.value(server.password, f"{route}: smtp.password")


def _drop(client: "SMTP") -> None:
    """Let go of the connection at once: over TLS, a polite end may take half a minute."""
    transport = client.transport
    client.close()
    if isinstance(transport, asyncio.Transport):
        transport.abort()


async def _connected(server: MailServer) -> socket.socket:
    """Return a connection to an address of *server* that was checked.

    Raises:
        Invalid, Unreachable: if it may not go there.
        OSError: if nobody is there.
    """
    port = server.port or PORTS[server.tls]
    addresses = await server.targets.of(server.host, port, encrypted=server.tls != "none")
    for address in addresses[:-1]:
        with suppress(OSError):
            async with asyncio.timeout(_PATIENCE):
                return await _opened(address, port)
    return await _opened(addresses[-1], port)


async def _opened(address: str, port: int) -> socket.socket:
    opened = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    opened.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(opened, (address, port))
    except BaseException:
        opened.close()
        raise
    return opened


async def _handed_over(
    client: "SMTP", mail: EmailMessage, sender: str, to: Sequence[str]
) -> "dict[str, SMTPResponse]":
    """Return who is refused, when the server has taken *mail* for the others."""
    try:
        refused, _ = await client.send_message(mail, sender=sender, recipients=to)
    except BaseException:
        _drop(client)
        raise
    return refused


def _taken(refused: "dict[str, SMTPResponse]") -> Reply:
    if not refused:
        return Reply(250, "the mail server took it")
    why = "; ".join(f"{who}: {said.code} {said.message}" for who, said in refused.items())
    return Reply(250, f"taken, but not for {why}", trouble=f"to.email: not sent to {why}")


def _failure(smtp: ModuleType, error: Exception) -> Reply:
    """Return what a mail server's refusal comes to: 5yz of the message itself is for good.

    A login that is refused is not: the password may be set right before the next attempt.
    """
    if isinstance(error, smtp.SMTPRecipientsRefused):
        codes = [one.code for one in error.recipients]
        why = "; ".join(f"{one.recipient}: {one.code} {one.message}" for one in error.recipients)
        return Reply(min(codes), why, final=min(codes) >= 500)
    if isinstance(error, smtp.SMTPResponseException):
        judged = isinstance(error, smtp.SMTPSenderRefused | smtp.SMTPDataError)
        code = error.code if error.code >= 400 else 0
        return Reply(code, f"{error.code} {error.message}", final=judged and code >= 500)
    return Reply(0, f"no answer: {error}")


def _library(route: str) -> ModuleType:
    try:
        import aiosmtplib  # noqa: PLC0415  an extra
    except ImportError:
        raise Invalid(
            f"{route}: 'email' needs the library aiosmtplib, which is not installed",
            hint="pip install 'reconciler[email]'",
        ) from None
    return aiosmtplib

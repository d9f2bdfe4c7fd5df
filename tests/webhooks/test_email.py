"""E-mail reaches a real server over verified TLS, once for all, and what the server says decides what comes next."""

import asyncio
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from reconciler.engine.dispatch import WAITS
from reconciler.model.event import DeliveryStatus
from reconciler.model.resource import Resource
from reconciler.secrets.redactor import Redactor
from reconciler.secrets.references import resolve
from reconciler.webhooks.channel import Secrets
from reconciler.webhooks.channels.email import Mail, MailServer, Postbox
from reconciler.webhooks.sending import Sending
from reconciler.webhooks.targets import ANYWHERE, Targets, networks
from tests.town import route
from tests.webhooks.conftest import DELIVERY, EVENT, MachineClock
from tests.webhooks.told import event

pytestmark = pytest.mark.slow

NAME = "mail.example.com"
PASSWORD = "canary-pass word"
ENVIRON = {"PASSWORD": PASSWORD, "USER": "canary-user"}
OPS = ["ops@example.com", "night@example.com"]

AUTHORITY = (
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -keyout ca.key"
    " -out ca.pem -subj /CN=Private -addext basicConstraints=critical,CA:TRUE"
)
REQUEST = (
    "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out cert.csr"
    f" -subj /CN={NAME} -addext subjectAltName=DNS:{NAME}"
)
SIGNED = (
    "x509 -req -in cert.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out cert.pem"
    " -copy_extensions copyall"
)


@pytest.fixture
def certificates(tmp_path: Path, program: Callable[[str], str]) -> Path:
    """Return a folder with a private authority, and a certificate of its for NAME."""
    for command in (AUTHORITY, REQUEST, SIGNED):
        arguments = [program("openssl"), *command.split()]
        subprocess.run(arguments, cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


@dataclass
class Office:
    """A mail server that keeps what it gets, and says what it is told to say."""

    port: int = 0
    got: list[tuple[Sequence[str], bytes]] = field(default_factory=list)
    logins: list[bytes] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    refuse: Mapping[str, str] = field(default_factory=dict)
    answer: str = "250 kept"
    silent: bool = False

    async def handle_RCPT(  # noqa: N802  the library's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(  # noqa: N802  the library's name
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        if self.silent:
            await asyncio.Event().wait()
        if not self.answer.startswith("250"):
            return self.answer
        assert isinstance(envelope.content, bytes)
        self.got.append((envelope.rcpt_tos, envelope.content))
        assert server.transport is not None
        self.encrypted.append(server.transport.get_extra_info("cipher") is not None)
        return self.answer

    def login(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append(data.login)
        known = data == LoginPassword(b"canary-user", PASSWORD.encode())
        return AuthResult(success=known, handled=False)

    def mail(self) -> EmailMessage:
        """The last that came."""
        read = message_from_bytes(self.got[-1][1], policy=WIRE)
        assert isinstance(read, EmailMessage)
        return read


def protocol_of(office: Office, tls: str, context: ssl.SSLContext, *, login: bool) -> SMTP:
    """Return one connection's side of *office*."""
    return SMTP(
        office,
        hostname=NAME,
        tls_context=context if tls == "starttls" else None,
        require_starttls=tls == "starttls",
        auth_required=login,
        auth_require_tls=tls == "starttls",
        authenticator=office.login if login else None,
        loop=asyncio.get_running_loop(),
    )


async def end(protocols: Sequence[SMTP]) -> None:
    """Let go of connections that are left."""
    for protocol in protocols:
        for transport in (protocol.transport, protocol._original_transport):
            if isinstance(transport, asyncio.Transport):
                transport.abort()
    tasks = [one._handler_coroutine for one in protocols if one._handler_coroutine is not None]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for _ in range(5):  # transports close in the turn after next
        await asyncio.sleep(0)


Serve = Callable[..., Any]


@pytest.fixture
async def serve(certificates: Path) -> AsyncIterator[Serve]:
    """Return a function that starts mail servers: encrypted, with a login, or not."""
    servers: list[asyncio.Server] = []
    protocols: list[SMTP] = []

    async def start(tls: str = "starttls", *, login: bool = False) -> Office:
        office = Office()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")

        def made() -> SMTP:
            protocols.append(protocol_of(office, tls, context, login=login))
            return protocols[-1]

        server = await asyncio.get_running_loop().create_server(
            made, "127.0.0.1", 0, ssl=context if tls == "tls" else None
        )
        servers.append(server)
        office.port = server.sockets[0].getsockname()[1]
        return office

    yield start
    for server in servers:
        server.close()
    await end(protocols)


@pytest.fixture
def trusted(certificates: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificates / "ca.pem"))


async def here(_host: str, _port: int) -> Sequence[str]:
    return ["127.0.0.1"]


def post_office(
    own: Postbox,
    *,
    allowed: Sequence[str] = ("127.0.0.1",),
    timeout: timedelta = timedelta(seconds=10),
) -> Sending:
    """Return what sends mail; every name leads to this machine."""
    clock, redactor = MachineClock(), Redactor()

    def reveal(reference: Mapping[str, Any], what: str) -> str:
        return resolve(reference, ENVIRON, what=what).reveal()

    targets = Targets(networks(allowed), here)
    mail = Mail(clock, targets, Secrets(reveal, redactor), own, timeout=timeout)
    return Sending(clock, {"email": mail}, redactor)


def mail_to(office: Office, **smtp: Any) -> Resource:
    """Return a route that mails by *office*."""
    server = {"host": NAME, "port": office.port, **smtp}
    return route(to={"email": {"to": OPS, "from": "reconciler@example.com", "smtp": server}})


LOGIN = {"username": {"env": "USER"}, "password": {"env": "PASSWORD"}}


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_one_mail_goes_to_all_over_verified_tls(
    serve: Serve, trusted: ssl.SSLContext, tls: str
) -> None:
    office = await serve(tls)
    sending = post_office(Postbox(trusted=trusted))
    attempt = await sending.send(DELIVERY, EVENT, mail_to(office, tls=tls))
    assert (attempt.status, attempt.well) == (250, True), attempt.answer
    assert office.encrypted == [True]
    ((to, _),) = office.got
    assert to == OPS
    mail = office.mail()
    assert mail["Subject"] == "[error] Connection/acme: a sync has failed (vendors)"
    assert mail["To"] == "ops@example.com, night@example.com"
    assert mail["From"] == "reconciler <reconciler@example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Id"].endswith("<ops.reconciler.example.com>")
    text, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert "Connection/acme: a sync has failed (vendors)" in text.get_content()
    assert html is not None
    assert "<strong>Connection/acme: a sync has failed (vendors)</strong>" in html.get_content()


async def test_a_login_is_given_over_tls_alone(serve: Serve, trusted: ssl.SSLContext) -> None:
    office = await serve(login=True)
    sending = post_office(Postbox(trusted=trusted))
    attempt = await sending.send(DELIVERY, EVENT, mail_to(office, **LOGIN))
    assert attempt.well, attempt.answer
    assert office.logins == [b"canary-user"]


async def test_a_repeat_is_the_same_mail_and_one_trouble_is_one_thread(
    serve: Serve, trusted: ssl.SSLContext
) -> None:
    office = await serve()
    sending = post_office(Postbox(trusted=trusted))
    for _ in range(2):
        assert (await sending.send(DELIVERY, EVENT, mail_to(office))).well
    first, second = (message_from_bytes(raw, policy=WIRE) for _, raw in office.got)
    assert first["Message-ID"] == second["Message-ID"] == "<dlv_1@example.com>"
    assert first["References"] == second["References"] != first["Message-ID"]


@pytest.mark.parametrize("case", ["unknown authority", "another name"])
async def test_a_server_that_cannot_be_verified_gets_neither_login_nor_mail(
    serve: Serve, trusted: ssl.SSLContext, case: str
) -> None:
    office = await serve(login=True)
    sending = post_office(Postbox(trusted=trusted if case == "another name" else None))
    host = "other.example.com" if case == "another name" else NAME
    attempt = await sending.send(DELIVERY, EVENT, mail_to(office, host=host, **LOGIN))
    assert (attempt.status, attempt.final) == (0, False)
    assert "certificate verify failed" in attempt.answer
    assert (office.logins, office.got) == ([], [])


async def test_a_server_that_offers_no_starttls_gets_nothing(
    serve: Serve, trusted: ssl.SSLContext
) -> None:
    office = await serve("none")
    attempt = await post_office(Postbox(trusted=trusted)).send(DELIVERY, EVENT, mail_to(office))
    assert (attempt.status, office.got) == (0, [])
    assert "STARTTLS" in attempt.answer


async def test_what_is_not_encrypted_goes_only_where_the_operator_allows_it(
    serve: Serve,
) -> None:
    office = await serve("none")
    to = mail_to(office, tls="none")
    assert (await post_office(Postbox()).send(DELIVERY, EVENT, to)).well
    attempt = await post_office(Postbox(), allowed=()).send(DELIVERY, EVENT, to)
    assert (attempt.status, len(office.got)) == (0, 1)
    assert "RECONCILER_ALLOWED_TARGETS" in attempt.answer


async def test_a_server_of_a_spec_may_not_be_inside_and_the_operators_may(
    serve: Serve, trusted: ssl.SSLContext
) -> None:
    office = await serve(login=True)
    server = MailServer(
        NAME,
        Targets(ANYWHERE, here),
        office.port,
        username="canary-user",
        password={"env": "PASSWORD"},
    )
    sending = post_office(Postbox(server, "ops@example.com", trusted), allowed=())
    refused = await sending.send(DELIVERY, EVENT, mail_to(office))
    assert "127.0.0.1, which is not a public address" in refused.answer
    assert office.got == []
    own = route(to={"email": {"to": OPS}})
    attempt = await sending.send(DELIVERY, EVENT, own)
    assert attempt.well, attempt.answer
    assert office.mail()["From"] == "reconciler <ops@example.com>"


@pytest.mark.parametrize(("own", "why"), [("", "RECONCILER_SMTP_FROM"), ("a@example.com", "_HOST")])
async def test_what_is_missing_is_named(own: str, why: str) -> None:
    server = None if own else MailServer(NAME, Targets(ANYWHERE, here))
    sending = post_office(Postbox(server, own))
    attempt = await sending.send(DELIVERY, EVENT, route(to={"email": {"to": OPS}}))
    assert why in attempt.answer


@pytest.mark.parametrize(
    ("answer", "status", "next_status"),
    [
        ("451 4.3.0 later", 451, DeliveryStatus.PENDING),
        ("554 5.7.1 spam", 554, DeliveryStatus.DEAD),
    ],
)
async def test_later_is_tried_again_and_never_is_the_end(
    serve: Serve, trusted: ssl.SSLContext, answer: str, status: int, next_status: DeliveryStatus
) -> None:
    office = await serve()
    office.answer = answer
    attempt = await post_office(Postbox(trusted=trusted)).send(DELIVERY, EVENT, mail_to(office))
    assert (attempt.status, attempt.answer) == (status, answer)
    settled = DELIVERY.after(attempt, WAITS)
    assert settled.status is next_status
    assert next_status is DeliveryStatus.PENDING or answer in settled.reason


async def test_some_who_are_refused_do_not_keep_it_from_the_others(
    serve: Serve, trusted: ssl.SSLContext
) -> None:
    office = await serve()
    office.refuse = {OPS[0]: "550 5.1.1 no such user"}
    attempt = await post_office(Postbox(trusted=trusted)).send(DELIVERY, EVENT, mail_to(office))
    assert attempt.well
    assert "not for ops@example.com: 550 5.1.1 no such user" in attempt.answer
    assert office.got[0][0] == OPS[1:]


@pytest.mark.parametrize(("code", "final"), [("450 later", False), ("550 never", True)])
async def test_if_all_are_refused_the_mildest_word_counts(
    serve: Serve, trusted: ssl.SSLContext, code: str, *, final: bool
) -> None:
    office = await serve()
    office.refuse = {OPS[0]: code, OPS[1]: "550 never"}
    attempt = await post_office(Postbox(trusted=trusted)).send(DELIVERY, EVENT, mail_to(office))
    assert (attempt.status, attempt.final) == (int(code[:3]), final)


async def test_a_login_that_is_refused_is_tried_again_and_not_repeated(
    serve: Serve, trusted: ssl.SSLContext
) -> None:
    office = await serve(login=True)
    wrong = {"username": "canary-nobody", "password": {"env": "PASSWORD"}}
    attempt = await post_office(Postbox(trusted=trusted)).send(
        DELIVERY, EVENT, mail_to(office, **wrong)
    )
    assert (attempt.status, attempt.final) == (535, False), attempt.answer
    assert PASSWORD not in attempt.answer


async def test_a_server_that_says_nothing_is_left(serve: Serve, trusted: ssl.SSLContext) -> None:
    office = await serve()
    office.silent = True
    sending = post_office(Postbox(trusted=trusted), timeout=timedelta(seconds=1))
    attempt = await sending.send(DELIVERY, EVENT, mail_to(office))
    assert (attempt.status, attempt.answer) == (0, "no answer within 1 s")


async def test_nobody_there_is_an_attempt(trusted: ssl.SSLContext) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        office = Office(taken.getsockname()[1])
        attempt = await post_office(Postbox(trusted=trusted)).send(DELIVERY, EVENT, mail_to(office))
    assert attempt.status == 0
    assert "no answer" in attempt.answer


NASTY = "x\r\nBcc: evil@example.com\r\n\r\n<script>alert(1)</script>\u202e"


async def test_data_of_events_injects_neither_headers_nor_markup(
    serve: Serve, trusted: ssl.SSLContext
) -> None:
    office = await serve()
    data: dict[str, Any] = {"entity": NASTY, "message": NASTY, NASTY: "y"}
    one = event(EVENT.type, NASTY, **data)
    to = mail_to(office)
    assert (await post_office(Postbox(trusted=trusted)).send(DELIVERY, one, to)).well
    ((recipients, raw),) = office.got
    assert recipients == OPS
    head = raw.partition(b"\r\n\r\n")[0]
    assert b"\r\nBcc:" not in head
    assert office.mail()["Bcc"] is None
    html = office.mail().get_body(("html",))
    assert html is not None
    assert "<script>" not in html.get_content()
    assert "&lt;script&gt;" in html.get_content()


async def test_without_the_library_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "aiosmtplib", None)
    attempt = await post_office(Postbox()).send(DELIVERY, EVENT, mail_to(Office(25)))
    assert attempt.status == 0
    assert "pip install 'reconciler[email]'" in attempt.answer


async def test_an_address_that_is_none_is_named(trusted: ssl.SSLContext) -> None:
    to = route(to={"email": {"to": ["a>@b.c"], "from": "x@example.com", "smtp": {"host": NAME}}})
    attempt = await post_office(Postbox(trusted=trusted)).send(DELIVERY, EVENT, to)
    assert "'a>@b.c' is no address" in attempt.answer

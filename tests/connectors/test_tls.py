"""TLS over a real socket: private authorities, client certificates, and why there was no answer."""

import asyncio
import datetime as dt
import ipaddress
import itertools
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from reconciler.connectors.registry import HttpConnectors
from reconciler.connectors.unreached import unreached
from reconciler.errors import Invalid, Obstacle, Unreachable
from reconciler.model.resource import Kind
from reconciler.ports import Connector
from tests.connectors.conftest import TurnedClock, manifest, resource

Key = ec.EllipticCurvePrivateKey
DAY = dt.timedelta(days=1)


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


class Authority:
    """A private authority that signs certificates."""

    def __init__(self, name: str = "Plant authority") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = named(name)
        self.pem = pem(self._sign(self.name, self.key, ends=DAY, ca=True))

    def issue(self, *, address: str = "127.0.0.1", ends: dt.timedelta = DAY) -> tuple[str, Key]:
        """Return a certificate for *address*, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        return pem(self._sign(named("erp"), key, ends=ends, address=address)), key

    def _sign(
        self,
        subject: x509.Name,
        key: Key,
        *,
        ends: dt.timedelta,
        address: str = "",
        ca: bool = False,
    ) -> x509.Certificate:
        now = dt.datetime.now(tz=dt.UTC)  # noqa: TID251  the library that checks it asks for the time
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 3 * DAY)
            .not_valid_after(now + ends)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if address:
            where = x509.IPAddress(ipaddress.ip_address(address))
            made = made.add_extension(x509.SubjectAlternativeName([where]), critical=False)
        return made.sign(self.key, hashes.SHA256())


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def key_pem(key: Key, password: str = "") -> str:
    sealing: Any = (
        serialization.BestAvailableEncryption(password.encode())
        if password
        else serialization.NoEncryption()
    )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealing
    ).decode()


class Serving:
    """Serves ``{}`` over TLS on a free port, in a thread: a refused handshake then ends with its alert.

    *clients* is the authority whose certificates are asked for, with TLS 1.2: in 1.3 the client would write
    before it reads why it was refused.
    """

    def __init__(self, folder: Path, certificate: str, key: Key, clients: str = "") -> None:
        chain = folder / "server.pem"
        chain.write_text(certificate + key_pem(key))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(chain)
        if clients:
            self._context.maximum_version = ssl.TLSVersion.TLSv1_2
            self._context.verify_mode = ssl.CERT_REQUIRED
            self._context.load_verify_locations(cadata=clients)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> str:
        self._thread.start()
        return f"https://127.0.0.1:{self._listener.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.settimeout(10)
            with connection, suppress(OSError):
                tls = self._context.wrap_socket(connection, server_side=True)
                tls.recv(65_536)
                tls.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
                tls.close()


Opened = Callable[..., Connector]


@pytest.fixture
async def plant(clock: TurnedClock) -> AsyncIterator[Opened]:
    """Open connections over real sockets."""
    made: list[Connector] = []

    def open_one(url: str, environ: dict[str, str] | None = None, **auth: Any) -> Connector:
        spec = {
            "connector": "small",
            "config": {"base_url": url},
            "auth": {"method": "none", **auth},
        }
        connector = HttpConnectors(clock, environ or {}, chance=lambda: 0.0).open(
            resource(Kind.CONNECTION, "acme", spec), resource(Kind.CONNECTOR, "small", manifest())
        )
        made.append(connector)
        return connector

    yield open_one
    for connector in made:
        await connector.close()


async def obstacle(connector: Connector) -> tuple[Obstacle, str]:
    with pytest.raises(Unreachable) as caught:
        await connector.probe()
    return caught.value.obstacle, caught.value.message


async def test_a_private_authority_is_trusted_when_it_is_given(
    plant: Opened, tmp_path: Path
) -> None:
    authority = Authority()
    file = tmp_path / "ca.pem"
    file.write_text(authority.pem)
    with Serving(tmp_path, *authority.issue()) as url:
        assert (await obstacle(plant(url)))[0] is Obstacle.CERTIFICATE
        await plant(url, ca={"file": str(file)}).probe()
        await plant(url, ca=authority.pem).probe()
        other = plant(url, ca=Authority("Another authority").pem)
        assert (await obstacle(other))[0] is Obstacle.CERTIFICATE


async def test_a_certificate_of_another_host_or_of_yesterday_is_told(
    plant: Opened, tmp_path: Path
) -> None:
    authority = Authority()
    with Serving(tmp_path, *authority.issue(address="127.0.0.9")) as url:
        kind, said = await obstacle(plant(url, ca=authority.pem))
        assert (kind, "mismatch" in said) == (Obstacle.CERTIFICATE, True)
    with Serving(tmp_path, *authority.issue(ends=-DAY)) as url:
        kind, said = await obstacle(plant(url, ca=authority.pem))
        assert (kind, "expired" in said) == (Obstacle.CERTIFICATE, True)


@pytest.mark.parametrize("password", ["", "canary-key-password"])
async def test_a_client_certificate_is_shown_to_who_asks_for_it(
    plant: Opened, tmp_path: Path, password: str
) -> None:
    authority, clients = Authority(), Authority("Our authority")
    certificate, key = clients.issue()
    environ = {"CERT": certificate, "KEY": key_pem(key, password), "PW": password}
    auth: dict[str, Any] = {
        "ca": authority.pem,
        "client_certificate": {"env": "CERT"},
        "client_key": {"env": "KEY"},
    }
    auth |= {"client_key_password": {"env": "PW"}} if password else {}
    with Serving(tmp_path, *authority.issue(), clients.pem) as url:
        await plant(url, environ, **auth).probe()
        without = plant(url, ca=authority.pem)
        assert (await obstacle(without))[0] is Obstacle.CLIENT_CERTIFICATE
        stranger, strange_key = Authority("Nobody").issue()
        environ = {"CERT": stranger, "KEY": key_pem(strange_key), "PW": ""}
        auth.pop("client_key_password", None)
        assert (await obstacle(plant(url, environ, **auth)))[0] is Obstacle.CLIENT_CERTIFICATE


def test_keys_that_cannot_be_used_are_told_and_not_shown(plant: Opened) -> None:
    certificate, key = Authority().issue()
    _, other = Authority().issue()
    sealed = key_pem(key, "canary-key-password")
    cases: list[tuple[dict[str, str], str]] = [
        ({"ca": "no certificate"}, r"auth\.ca is no certificate"),
        ({"client_certificate": certificate, "client_key": key_pem(other)}, "are no pair"),
        ({"client_certificate": certificate}, "are no pair"),
        ({"client_certificate": certificate, "client_key": sealed}, "cannot be opened"),
        (
            {
                "client_certificate": certificate,
                "client_key": sealed,
                "client_key_password": "canary-wrong",
            },
            "cannot be opened",
        ),
        ({"client_key": key_pem(key)}, "without auth.client_certificate"),
    ]
    for given, said in cases:
        with pytest.raises(Invalid, match=said) as caught:
            plant("https://127.0.0.1:1", **given)
        assert "canary" not in str(caught.value)
        assert key_pem(key)[60:90] not in str(caught.value)


def test_where_memory_is_no_file_the_key_is_in_one_of_ours_for_a_moment(
    plant: Opened, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    certificate, key = Authority().issue()
    monkeypatch.delattr("os.memfd_create")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    modes: list[int] = []
    load = ssl.SSLContext.load_cert_chain

    def spying(context: ssl.SSLContext, path: str, **rest: Any) -> None:
        modes.append(Path(path).stat().st_mode & 0o777)
        load(context, path, **rest)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", spying)
    plant("https://127.0.0.1:1", client_certificate=certificate, client_key=key_pem(key))
    assert modes == [0o600]
    assert not list(tmp_path.iterdir())


def test_a_certificate_without_tls_is_told(plant: Opened) -> None:
    with pytest.raises(Invalid, match="not https"):
        plant("http://127.0.0.1:1", ca=Authority().pem)


@pytest.mark.parametrize("key", ["verify", "insecure", "verify_tls"])
def test_the_check_of_certificates_cannot_be_turned_off(key: str) -> None:
    from reconciler.spec.settings import auth_fields, connection_findings  # noqa: PLC0415

    spec = {
        "connector": "small",
        "config": {"base_url": "https://erp.example"},
        "auth": {"method": "none", key: False},
    }
    found = list(connection_findings(spec, {"small": manifest()}))
    assert [finding.code for finding in found] == ["R301"]
    assert key not in auth_fields({"type": "none"})


async def test_nobody_listening_is_told_from_silence(plant: Opened) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound, and not listening
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        assert (await obstacle(plant(url)))[0] is Obstacle.REFUSED


async def test_tls_where_there_is_none_is_told(plant: Opened) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert (await obstacle(plant(url)))[0] is Obstacle.TLS


def below(*errors: BaseException) -> BaseException:
    """Return the first of *errors*, each raised from the next."""
    for upper, lower in itertools.pairwise(errors):
        upper.__cause__ = lower
    return errors[0]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (below(httpx.ConnectError("x"), socket.gaierror(-2, "unknown")), Obstacle.NAME),
        (below(httpx.ConnectError("x"), OSError("y"), ConnectionRefusedError()), Obstacle.REFUSED),
        (
            below(httpx.ConnectError("x"), ExceptionGroup("y", [OSError(), TimeoutError()])),
            Obstacle.TIMEOUT,
        ),
        (httpx.ConnectError("canary"), Obstacle.NETWORK),
    ],
    ids=["name", "refused", "time", "other"],
)
def test_the_reason_is_the_deepest_that_says_one(error: BaseException, expected: Obstacle) -> None:
    told = unreached("GET erp.example/", error, lambda text: text.replace("canary", "***"))
    assert told.obstacle is expected
    assert told.hint
    assert "canary" not in told.message


def test_errors_in_a_circle_end() -> None:
    one, two = OSError("1"), OSError("2")
    one.__cause__, two.__cause__ = two, one
    assert unreached("x", one, str).obstacle is Obstacle.NETWORK


async def test_a_step_that_takes_too_long_is_told(clock: TurnedClock) -> None:
    def late(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("late", request=request)

    spec = {"connector": "small", "config": {"base_url": "https://erp.example"}}
    connector = HttpConnectors(
        clock, {}, transport=lambda: httpx.MockTransport(late), chance=lambda: 0.0
    ).open(resource(Kind.CONNECTION, "acme", spec), resource(Kind.CONNECTOR, "small", manifest()))
    assert (await obstacle(connector))[0] is Obstacle.TIMEOUT
    await connector.close()

"""Over TLS the name in the route is verified, though the connection goes to an address that was checked."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from reconciler.webhooks.targets import Targets, networks
from reconciler.webhooks.wire import Wire
from tests.webhooks.conftest import DELIVERY, EVENT, Make, Receiver, hook

NAME = "hooks.example.com"
SETTLED = (
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -keyout key.pem"
    f" -out cert.pem -subj /CN={NAME} -addext subjectAltName=DNS:{NAME}"
).split()


@pytest.fixture
def certificate(tmp_path: Path, program: Callable[[str], str]) -> Path:
    command = [program("openssl"), *SETTLED]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


@pytest.fixture
async def encrypted(certificate: Path) -> AsyncIterator[tuple[Receiver, ssl.SSLContext]]:
    """Yield a receiver whose certificate is for NAME, and a context that trusts it."""
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    made = Receiver()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=served)
    made.port = server.sockets[0].getsockname()[1]
    yield made, ssl.create_default_context(cafile=str(certificate / "cert.pem"))
    server.close()
    for task in made.tasks:
        if task is not None:
            task.cancel()
            await task


async def here(_host: str, _port: int) -> Sequence[str]:
    return ["127.0.0.1"]


def wire(trusted: ssl.SSLContext | None = None) -> Wire:
    return Wire(Targets(networks(["127.0.0.1"]), here), trusted=trusted)


async def test_the_name_of_the_route_is_verified_at_the_address_that_was_checked(
    make: Make, encrypted: tuple[Receiver, ssl.SSLContext]
) -> None:
    receiver, trusted = encrypted
    to = hook(f"https://{NAME}:{receiver.port}/in")
    attempt = await make(wire=wire(trusted)).send(DELIVERY, EVENT, to)
    assert attempt.status == 204, attempt.answer
    assert receiver.got[0].headers["host"] == f"{NAME}:{receiver.port}"


@pytest.mark.parametrize("name", ["other.example.com", NAME])
async def test_another_name_or_an_unknown_certificate_is_told_nothing(
    make: Make, encrypted: tuple[Receiver, ssl.SSLContext], name: str
) -> None:
    receiver, trusted = encrypted
    to = hook(f"https://{name}:{receiver.port}/in")
    attempt = await make(wire=wire(None if name == NAME else trusted)).send(DELIVERY, EVENT, to)
    assert attempt.status == 0
    assert "certificate verify failed" in attempt.answer
    assert receiver.got == []

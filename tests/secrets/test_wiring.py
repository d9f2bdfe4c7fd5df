"""The house finds secrets of every form, anew at each use, without holding up anything else."""

import sys
from pathlib import Path

import httpx
import pytest

from reconciler.app import house
from reconciler.connectors.registry import HttpConnectors
from reconciler.model.resource import Kind, Resource, ResourceKey, make_resource
from reconciler.secrets.providers import Providers
from reconciler.settings import Settings
from tests.fakes import TurnedClock


def plant(reference: dict[str, str]) -> Resource:
    """Return a connection whose key is at *reference*."""
    spec = {
        "connector": "sandbox",
        "config": {"base_url": "http://plant.example"},
        "auth": {"method": "api_key", "key": reference},
    }
    return make_resource(ResourceKey(Kind.CONNECTION, "acme"), {"spec": spec})


async def test_a_rotated_file_is_read_at_the_next_opening(
    tmp_path: Path, clock: TurnedClock
) -> None:
    file = tmp_path / "key"
    sent: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers["x-plant-key"])
        return httpx.Response(200, json={"items": [], "next": None})

    async with house(Settings(state_dir=tmp_path / "state")) as built:
        manifest = built.catalogue["sandbox"]
        connectors = HttpConnectors(
            clock,
            {},
            transport=lambda: httpx.MockTransport(answer),
            resolve=Providers({}, clock).resolve,
        )
        for value in ("one", "two"):
            file.write_text(value)
            connector = connectors.open(plant({"file": str(file)}), manifest)
            await connector.probe()
            await connector.close()
    assert sent == ["one", "two"]


async def test_a_command_of_the_operator_is_used_by_the_house(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = [sys.executable, "-c", "print('from a command')"]
    settings = Settings(state_dir=tmp_path, secret_commands={"plant": tuple(program)})
    async with house(settings) as built:
        connection = plant({"exec": "plant"})
        await built.providers.fetch(connection.spec)
        assert built.providers.resolve({"exec": "plant"}, what="x").reveal() == "from a command"
        connector = built.connectors.open(connection, built.catalogue["sandbox"])
        assert "from a command" not in repr(connector)
        await connector.close()

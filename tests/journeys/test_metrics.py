"""An operator points a Prometheus server at a running reconciler."""

import asyncio
from dataclasses import replace

import httpx
import pytest

from reconciler.telemetry import families
from tests.journeys.conftest import Person
from tests.telemetry.reading import OPEN, TEXT, samples, series_of

pytestmark = pytest.mark.slow

ORDERS = 'connection="plant-a",entity="purchase-orders"'


async def scraped(url: str, token: str | None, accept: str = OPEN) -> httpx.Response:
    headers = {"Accept": accept}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(f"{url.removesuffix('/api/v1')}/metrics", headers=headers)


async def test_the_page_tells_of_the_specs_the_syncs_and_the_api(person: Person) -> None:
    token = (await person.gets("token", "create", "prometheus", "--scope", "read:status")).strip()
    async with person.runs("specs/") as api:
        async with httpx.AsyncClient(trust_env=False) as client:
            ready = (await client.get(f"{api.removesuffix('/api/v1')}/readyz")).json()
        assert ready == {
            "ready": True,
            "checks": {"database": "ok", "specs": "ok", "lease": "ok"},
        }
        async with asyncio.timeout(60):
            while True:
                answer = await scraped(api, token)
                assert answer.status_code == 200, answer.text
                found = samples((answer.content, answer.headers["content-type"]))
                if series_of(found, families.LAST_SUCCESS)[ORDERS]:
                    break  # the schedule's first sync has ended
                await asyncio.sleep(0.1)  # the next scrape
        text = await scraped(api, token, TEXT)
        assert (await scraped(api, None)).status_code == 401
    assert found["reconciler_source_ready"] == 1
    assert (found["reconciler_lease_held"], found["reconciler_lease_epoch"]) == (1, 1)
    assert found["reconciler_plans_applied_total"] == 1
    assert series_of(found, families.OBJECTS)['kind="Connection"'] == 1
    assert series_of(found, families.CONNECTIONS)['status="online"'] == 1
    runs = series_of(found, families.RUNS)
    orders = 'connector="sandbox",entity="purchase-orders",mode="full",status="succeeded"'
    assert runs[orders] == 1
    assert any("/readyz" in name for name in series_of(found, families.REQUESTS))
    told = samples((text.content, text.headers["content-type"]))
    assert told["process_resident_memory_bytes"] > 0
    assert person.environ["SANDBOX_API_KEY"] not in text.text
    assert token not in text.text


@pytest.mark.parametrize(("setting", "status"), [("open", 200), ("off", 404)])
async def test_an_operator_may_open_them_or_turn_them_off(
    person: Person, setting: str, status: int
) -> None:
    free = replace(person, environ={**person.environ, "RECONCILER_METRICS": setting})
    async with free.runs("specs/") as api:
        assert (await scraped(api, None)).status_code == status

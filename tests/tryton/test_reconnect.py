"""The customer changes the ERP's password: operations hear of it, and the customer mends it alone, by a link.

All of it is real: the ERP, the running reconciler with its own clock, a receiver that checks signatures with
the standard's own library, and a browser.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, async_playwright
from standardwebhooks.webhooks import Webhook

from tests.journeys.conftest import Person, everything
from tests.tryton.server import PASSWORDS, Erp
from tests.webhooks.conftest import SECRET, Receiver, receiver

__all__ = ["receiver"]

pytestmark = pytest.mark.slow

USER, OLD = PASSWORDS["ACME_ERP_USER"], PASSWORDS["ACME_ERP_PASSWORD"]
NEW = "integrator-Sesame-77"
WRONG = "wrong-canary-90a1"
INTERVAL = timedelta(minutes=1)

CONNECTION = """\
apiVersion: reconciler/v1
kind: Connection
metadata:
  name: acme-erp
  labels: {customer: acme}
  annotations: {title: Acme Manufacturing}
spec:
  connector: tryton
  config: {base_url: "{{ vars.erp_url }}", database: acme}
  auth: {method: password, username: {connect: true}, password: {connect: true}}
  entities: [purchase-orders]
  health: {every: 1m, strikes: 2}
"""
ROUTE = """\
apiVersion: reconciler/v1
kind: AlertRoute
metadata: {name: ops}
spec:
  match: {events: ["connection.*"], labels: {customer: acme}}
  to: {webhook: {url: "URL", secret: {env: ALERT_SECRET}}}
"""


@dataclass
class Story:
    """Everybody who takes part."""

    erp: Erp
    person: Person
    receiver: Receiver
    page: Page
    url: str
    admin: str

    def told(self, kind: str) -> list[dict[str, Any]]:
        """Return the webhooks of this kind, each verified by its signature."""
        verified = [
            Webhook(SECRET).verify(got.body, dict(got.headers)) for got in self.receiver.got
        ]
        return [one["data"] for one in verified if one["type"] == kind]

    async def hears(self, kind: str, *, within: timedelta) -> dict[str, Any]:
        """Return the webhook of this kind that has come within that time."""
        async with asyncio.timeout(within.total_seconds()):
            while not self.told(kind):  # noqa: ASYNC110  the receiver sets no event
                await asyncio.sleep(0.2)
        return self.told(kind)[-1]

    async def ask(self, method: str, path: str, token: str, **options: Any) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            headers = {"Authorization": f"Bearer {token}"}
            return await client.request(method, f"{self.url}/{path}", headers=headers, **options)

    async def types(self, password: str) -> None:
        """Fill in the page and send it."""
        await self.page.get_by_label("User name").fill(USER)
        await self.page.get_by_label("Password", exact=True).fill(password)
        await self.page.get_by_role("button", name="Connect").click()

    async def reads(self, **query: Any) -> str:
        """Return the text of the page's main part."""
        return await self.page.locator("main").inner_text()


@pytest.fixture
async def story(
    erp: Erp, person: Person, receiver: Receiver, program: Callable[[str], str]
) -> AsyncIterator[Story]:
    specs = person.folder / "specs"
    (specs / "connection.yaml").write_text(CONNECTION)
    (specs / "alerts.yaml").write_text(ROUTE.replace("URL", receiver.url))
    del person.environ["ACME_ERP_USER"], person.environ["ACME_ERP_PASSWORD"]
    person.environ |= {
        "ALERT_SECRET": SECRET,
        "RECONCILER_ALLOWED_TARGETS": "127.0.0.1",
        "RECONCILER_LOG_LEVEL": "debug",
    }
    async with person.runs("specs") as url, async_playwright() as driver:
        admin = (await person.gets("token", "create", "ops", "--admin")).strip()
        browser = await driver.chromium.launch(
            executable_path=program("chromium"), args=["--no-sandbox"]
        )
        context = await browser.new_context(viewport={"width": 390, "height": 844})
        page = await context.new_page()
        page.set_default_timeout(15_000)
        yield Story(erp, person, receiver, page, url, admin)
        await browser.close()
    erp.password(USER, OLD)


async def test_a_changed_password_is_told_and_mended_by_the_customer_alone(story: Story) -> None:
    # The customer connects for the first time, by a link of the operator's.
    link = (await story.person.gets("connect", "acme-erp", "--show-token", "--server-url",
                                    story.url.removesuffix("/api/v1"))).split()[0]  # fmt: skip
    await story.page.goto(link)
    assert "Acme Manufacturing" in await story.reads()
    await story.types(OLD)
    first = await story.page.get_by_label("Your new API token").input_value()
    await story.hears("connection.online", within=timedelta(seconds=30))
    orders = f"{story.url}/purchase-orders"
    count = len(story.erp.truth())
    await _until(lambda: _count(orders, first), count)

    # The ERP's administrator changes the password, and buyers go on working.
    changed_at = datetime.now(UTC)  # noqa: TID251  the journey's clock is the machine's
    story.erp.password(USER, NEW)
    touched = set(map(str, story.erp.change(3, mark="MISSED")))
    told = await story.hears("connection.auth_required", within=4 * INTERVAL)
    noticed = datetime.fromisoformat(told["details"]["since"]) - changed_at
    assert noticed <= 2 * INTERVAL * 1.1 + timedelta(seconds=10)
    assert told["details"]["reason"] == "ReauthorizationRequired"
    assert told["details"]["affected"]["entities"] == ["purchase-orders"]

    # The API says so too, and serves what it has.
    refused = await story.ask("POST", "connections/acme-erp/syncs", story.admin)
    assert refused.json()["code"] == "CONNECTION_REAUTHORIZATION_REQUIRED"
    listed = (await story.ask("GET", "purchase-orders?limit=1", first)).json()
    assert len(listed["data"]) == 1
    assert [one["code"] for one in listed["warnings"]] == ["CONNECTION_REAUTHORIZATION_REQUIRED"]

    # The customer opens the link of the webhook on a phone, slips once, and gets it right.
    await story.page.goto(told["details"]["reconnect"]["url"])
    await story.types(WRONG)
    await story.page.get_by_role("alert").first.wait_for()
    said = await story.reads()
    assert "password" in said.lower()
    assert WRONG not in said
    assert "Traceback" not in said
    await story.types(NEW)
    await story.page.get_by_role("heading", name="All done").wait_for()
    await story.hears("connection.reauthorized", within=timedelta(seconds=30))

    # The back end fetches the new token; the old one is dead, and nothing was missed.
    asked = {"link": told["details"]["reconnect"]["link"]}
    handed = await story.ask("POST", "connect-links/exchange", story.admin, json=asked)
    assert handed.status_code == 200, handed.text
    fresh = handed.json()["token"]
    assert (await story.ask("GET", "purchase-orders?limit=1", first)).status_code == 401
    again = await story.ask("POST", "connect-links/exchange", story.admin, json=asked)
    assert again.status_code == 404
    await _until(lambda: _touched(orders, fresh), touched)

    # What was typed is nowhere but sealed.
    for secret in (OLD, NEW, WRONG):
        for file in [story.person.folder / "run.log", *_state(story.person)]:
            assert secret.encode() not in file.read_bytes(), f"{file.name} holds a password"


def _state(person: Person) -> list[Any]:
    return [one for one in (person.folder / ".reconciler").rglob("*") if one.is_file()]


async def _count(orders: str, token: str) -> int:
    return len(await everything(orders, token, limit=200))


async def _touched(orders: str, token: str) -> set[str]:
    found = await everything(orders, token, limit=200)
    return {one["source_id"] for one in found if (one["code"] or "").startswith("MISSED")}


async def _until(look: Callable[[], Any], expected: object) -> None:
    """Return when *look* finds what is expected."""
    seen: object = None
    async with asyncio.timeout(120):
        while (seen := await look()) != expected:  # noqa: ASYNC110  another process tells nobody
            await asyncio.sleep(0.5)
    assert seen == expected, json.dumps(str(seen))

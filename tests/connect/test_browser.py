"""The page in a real browser, on a phone and on a desk: what is seen, heard and done; no rule of axe broken."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from html import unescape
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, Request, Route, async_playwright

from reconciler.store.memory import MemoryStore
from reconciler.web.server import listen, serve_on
from tests.connect.making import GIVEN, OAUTH, REDIRECTS, Counter, connection, make_counter

pytestmark = pytest.mark.slow

SIZES = {"phone": (390, 844), "desk": (1280, 800)}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SHIFT = """
    window.shifted = 0;
    new PerformanceObserver((list) => {
        for (const one of list.getEntries()) if (!one.hadRecentInput) window.shifted += one.value;
    }).observe({type: "layout-shift", buffered: true});
"""


@dataclass
class Stage:
    """A browser's page, and the counter behind it."""

    counter: Counter
    page: Page
    base: str
    complaints: list[str]

    async def open(self, link: str) -> None:
        await self.page.goto(f"{self.base}/connect/{link}")

    async def fill_in(self, **values: str) -> None:
        for label, value in values.items():
            await self.page.get_by_label(label.replace("_", " "), exact=True).fill(value)

    async def send(self) -> None:
        await self.page.get_by_role("button", name="Connect").click()

    async def heard(self, text: str) -> None:
        """Return when *text* is on the page."""
        await self.page.get_by_text(text).first.wait_for()


async def broken_rules(page: Page) -> list[str]:
    """Return what axe-core finds wrong with a page."""
    rules = {"runOnly": {"type": "tag", "values": RULES}}
    # Evaluated past the policy of the page, which lets no other script in.
    found: dict[str, Any] = (await Axe().run(page, options=rules)).response
    assert len(found["passes"]) > 5, "axe has looked at little"
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found["violations"]]


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    return SIZES[request.param]


@pytest.fixture
def options() -> dict[str, Any]:
    """What is special about the browser."""
    return {}


@pytest.fixture
async def stage(
    program: Callable[[str], str], size: tuple[int, int], options: dict[str, Any]
) -> AsyncIterator[Stage]:
    """Serve the app on loopback, and open a browser of that size."""
    chromium = program("chromium")
    counter = await make_counter(MemoryStore())
    await counter.declare(
        connection(config={"base_url": GIVEN, "company": GIVEN}),
        connection("beta", auth=OAUTH),
    )
    listener = listen("127.0.0.1", 0)
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    serving = asyncio.create_task(serve_on(counter.app(public_url=base), listener))
    complaints: list[str] = []
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = await browser.new_context(
            viewport={"width": size[0], "height": size[1]}, **options
        )
        await context.add_init_script(SHIFT)
        page = await context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda told: complaints.append(told.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield Stage(counter, page, base, complaints)
        await browser.close()
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving


async def test_a_customer_connects_and_every_step_is_fit_for_everybody(stage: Stage) -> None:
    link = await stage.counter.link(shown=True)
    await stage.open(link)
    assert await broken_rules(stage.page) == []
    assert await stage.page.evaluate("window.shifted") < 0.01
    await stage.fill_in(Address="erp.acme.example", User_name="ada", Password="wrong")
    await stage.send()
    await stage.heard("Wrong user name or password")
    assert await broken_rules(stage.page) == []
    password = stage.page.get_by_label("Password", exact=True)
    assert await password.input_value() == ""
    assert await password.get_attribute("aria-invalid") == "true"
    assert await stage.page.evaluate("document.activeElement.name") == "auth.password"
    described = await password.get_attribute("aria-describedby")
    assert "Please type it again" in await stage.page.locator(f"#{described}").inner_text()
    assert await stage.page.get_by_label("Address").input_value() == "erp.acme.example"
    await password.fill("right horse battery")
    await stage.send()
    await stage.heard("All done")
    assert await broken_rules(stage.page) == []
    token = await stage.page.get_by_label("Your new API token").input_value()
    assert token.startswith("rcn_")
    await stage.open(link)
    await stage.heard("has done its work")
    assert await broken_rules(stage.page) == []
    assert await stage.page.evaluate("document.cookie") == "", "cookies are out of reach"
    refused = [one for one in stage.complaints if "Failed to load resource" not in one]
    assert refused == [], "nothing offends the policy of the page"


@pytest.mark.parametrize("size", [SIZES["phone"]], ids=["phone"])
async def test_in_the_dark_contrasts_hold(stage: Stage) -> None:
    await stage.page.emulate_media(color_scheme="dark")
    await stage.open(await stage.counter.link())
    assert await broken_rules(stage.page) == []
    await stage.send()
    await stage.heard("Please look at this once more")
    assert await broken_rules(stage.page) == []
    ground = await stage.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(16, 22, 28)"


@pytest.mark.parametrize("size", [SIZES["phone"], (320, 568)], ids=["phone", "small-phone"])
async def test_on_a_phone_nothing_is_too_small_to_hit_or_too_wide_to_see(stage: Stage) -> None:
    await stage.open(await stage.counter.link())
    for place in await stage.page.locator("input:visible, button:visible").all():
        box = await place.bounding_box()
        assert box
        assert box["height"] >= 44
        assert box["width"] >= 44
    wide = await stage.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0
    sizes = await stage.page.evaluate(
        "[...document.querySelectorAll('input:not([type=hidden])')].map((one) => parseFloat(getComputedStyle(one).fontSize))"
    )
    assert min(sizes) >= 16, "a phone zooms into smaller ones"


@pytest.mark.parametrize("size", [SIZES["desk"]], ids=["desk"])
async def test_the_keyboard_is_enough_and_the_focus_is_seen(stage: Stage) -> None:
    await stage.open(await stage.counter.link())
    names = []
    for _ in range(6):
        await stage.page.keyboard.press("Tab")
        names.append(
            await stage.page.evaluate(
                "document.activeElement.name || document.activeElement.textContent.trim()"
            )
        )
        outline = await stage.page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
        assert outline == "3px"
    assert names == [
        "config.base_url",
        "config.company",
        "auth.username",
        "auth.password",
        "Show",
        "Connect",
    ]
    for _ in range(5):
        await stage.page.keyboard.press("Shift+Tab")
    for text in ("erp.acme.example", "", "ada", "right horse battery"):
        await stage.page.keyboard.type(text)
        await stage.page.keyboard.press("Tab")
    await stage.page.keyboard.press("Tab")
    await stage.page.keyboard.press("Enter")
    await stage.heard("All done")


@pytest.mark.parametrize("size", [SIZES["phone"]], ids=["phone"])
async def test_what_is_typed_is_shown_on_demand(stage: Stage) -> None:
    await stage.open(await stage.counter.link())
    password = stage.page.get_by_label("Password", exact=True)
    await password.fill("abc")
    assert await password.get_attribute("type") == "password"
    await stage.page.get_by_role("button", name="Show Password").click()
    assert await password.get_attribute("type") == "text"
    await stage.page.get_by_role("button", name="Hide Password").click()
    assert await password.get_attribute("type") == "password"


@pytest.mark.parametrize("size", [SIZES["phone"]], ids=["phone"])
async def test_pressed_twice_it_is_sent_once(stage: Stage) -> None:
    await stage.open(await stage.counter.link())
    await stage.fill_in(Address="erp.acme.example", User_name="ada", Password="right horse battery")
    said = await stage.page.evaluate(
        "() => { const one = document.querySelector('[type=submit]');"
        " one.click(); one.click(); return one.textContent; }"
    )
    assert said == "Checking…"
    await stage.heard("All done")
    assert len(stage.counter.system.seen) == 1


@pytest.mark.parametrize("size", [SIZES["phone"]], ids=["phone"])
@pytest.mark.parametrize("options", [{"java_script_enabled": False}], ids=["without-scripts"])
async def test_without_scripts_a_customer_connects_as_well(stage: Stage) -> None:
    await stage.open(await stage.counter.link())
    assert await stage.page.get_by_role("button", name="Show").count() == 0
    await stage.fill_in(Address="erp.acme.example", User_name="ada", Password="right horse battery")
    await stage.send()
    await stage.heard("All done")


@pytest.mark.parametrize("size", [SIZES["phone"]], ids=["phone"])
async def test_a_customer_is_taken_back_without_a_referrer_and_the_code_goes_along(
    stage: Stage,
) -> None:
    met: list[Request] = []

    async def answer(route: Route) -> None:
        met.append(route.request)
        await route.fulfill(status=200, content_type="text/html", body="<title>back</title>at home")

    await stage.page.route("https://app.example.com/**", answer)
    await stage.open(await stage.counter.link(redirect=REDIRECTS[0], state="s 1"))
    await stage.fill_in(Address="erp.acme.example", User_name="ada", Password="right horse battery")
    await stage.send()
    await stage.heard("at home")
    assert met[0].url.startswith("https://app.example.com/connected?code=")
    assert met[0].url.endswith("&state=s+1")
    assert "referer" not in await met[0].all_headers()


@pytest.mark.parametrize("size", [SIZES["phone"]], ids=["phone"])
async def test_a_customer_consents_at_the_system_and_comes_back(stage: Stage) -> None:
    async def consent(route: Route) -> None:
        """Send the customer back at once, as a server does that knows them already."""
        query = dict(pair.split("=", 1) for pair in route.request.url.partition("?")[2].split("&"))
        back = unescape(query["redirect_uri"]).replace("%3A", ":").replace("%2F", "/")
        page = (
            f'<meta http-equiv="refresh" content="0;url={back}?code=once&state={query["state"]}">'
        )
        await route.fulfill(status=200, content_type="text/html", body=page)

    await stage.page.route("https://login.erp.example/**", consent)
    await stage.open(await stage.counter.link("beta"))
    assert await broken_rules(stage.page) == []
    await stage.page.get_by_role("button", name="Sign in at Tryton").click()
    await stage.heard("All done")
    assert (await stage.counter.kept("beta"))["oauth.access_token"] == "granted"

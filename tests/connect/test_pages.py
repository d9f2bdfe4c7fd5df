"""The pages over HTTP: what a browser sees, and what it is not believed."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from reconciler.errors import (
    AccountLocked,
    Forbidden,
    Invalid,
    NotTheProduct,
    Obstacle,
    RateLimited,
    ReconcilerError,
    Revoked,
    SecondFactorAsked,
    SecretMissing,
    ServerFault,
    Unauthorized,
    Unreachable,
    WrongAddress,
)
from tests.connect.making import GIVEN, OAUTH, REDIRECTS, Counter, connection

GOOD = {"auth.username": "ada", "auth.password": "right horse battery"}
BAD = {"auth.username": "ada", "auth.password": "wrong"}
HTTPS = "https://connect.example.com"


class Browser:
    """A browser as far as the page knows one: cookies, and what it says of where a request is from."""

    def __init__(self, app: Any, base: str = "http://localhost") -> None:
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base)

    async def open(self, link: str, **headers: str) -> httpx.Response:
        return await self.client.get(f"/connect/{link}", headers=headers)

    async def fill_in(
        self, link: str, form: dict[str, str], *, mark: str | None = None, **headers: str
    ) -> httpx.Response:
        """Open the page, and post its form as browsers do from a page without a referrer."""
        if mark is None:
            mark = mark_in(await self.open(link))
        told = {"origin": "null", "sec-fetch-site": "same-origin", **headers}
        told = {name: value for name, value in told.items() if value}
        return await self.client.post(f"/connect/{link}", data={"mark": mark, **form}, headers=told)


def mark_in(answer: httpx.Response) -> str:
    found = re.search(r'name="mark" value="([^"]+)"', answer.text)
    return found[1] if found else ""


def plain(answer: httpx.Response) -> str:
    """Return the text of a page."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


@pytest.fixture
async def browser(counter: Counter) -> AsyncIterator[Browser]:
    made = Browser(counter.app())
    yield made
    await made.client.aclose()


async def test_the_page_says_who_asks_for_what_and_asks_for_no_more(
    counter: Counter, browser: Browser
) -> None:
    answer = await browser.open(await counter.link())
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    text = plain(answer)
    for words in ("Connect Tryton", "Northwind Maintenance", "Acme Pumps, plant 2", "User name"):
        assert words in text
    names = re.findall(r'<(?:input|select|textarea)[^>]* name="([^"]+)"', answer.text)
    assert names == ["mark", "auth.username", "auth.password"]
    assert 'autocomplete="username"' in answer.text
    assert 'type="password"' in answer.text
    assert 'autocomplete="current-password"' in answer.text
    assert "25 November 2026, 12:00 UTC" in text


async def test_the_page_protects_itself(counter: Counter, browser: Browser) -> None:
    link = await counter.link()
    for answer in (
        await browser.open(link),
        await browser.open("x" * 43),
        await browser.fill_in(link, BAD),
        await browser.client.get("/connect/callback"),
    ):
        headers = answer.headers
        assert headers["content-security-policy"] == (
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "http://" not in answer.text.replace("http://www.w3.org", "")
        assert not re.search(r"<script(?! src=)|\son\w+=|\sstyle=|<style", answer.text)


async def test_what_a_mail_program_adds_to_the_address_does_no_harm(
    counter: Counter, browser: Browser
) -> None:
    link = await counter.link()
    answer = await browser.client.get(f"/connect/{link}?utm_source=mail&utm_source=twice")
    assert answer.status_code == 200


async def test_a_customer_connects(counter: Counter, browser: Browser) -> None:
    link = await counter.link()
    answer = await browser.fill_in(link, GOOD)
    assert answer.status_code == 200
    assert "All done" in plain(answer)
    assert "rcn_" not in answer.text
    assert await counter.kept() == GOOD
    again = await browser.open(link)
    assert again.status_code == 410
    assert "has done its work" in plain(again)


async def test_a_customer_who_is_to_see_the_token_sees_it_once(
    counter: Counter, browser: Browser
) -> None:
    link = await counter.link(shown=True)
    answer = await browser.fill_in(link, GOOD)
    found = re.search(r"rcn_\w+", answer.text)
    assert found
    assert "not shown again" in plain(answer)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(counter.app()), base_url="http://localhost"
    ) as client:
        token = re.findall(r"rcn_[\w-]+", answer.text)[0]
        me = await client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert me.json()["connection"] == "acme"
    assert "rcn_" not in (await browser.open(link)).text


async def test_a_customer_is_sent_back_with_a_code_and_the_state_and_never_sees_the_token(
    counter: Counter, browser: Browser
) -> None:
    link = await counter.link(redirect=REDIRECTS[0], state="<s&1>")
    answer = await browser.fill_in(link, GOOD)
    assert answer.status_code == 200
    assert "rcn_" not in answer.text
    found = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', answer.text)
    assert found
    address = urlsplit(unescape(found[1]))
    assert f"{address.scheme}://{address.netloc}{address.path}" == REDIRECTS[0]
    told = parse_qs(address.query)
    assert told["state"] == ["<s&1>"]
    assert len(told["code"][0]) == 43
    assert link not in answer.text


# ── what is wrong, in plain words ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("error", "words", "field"),
    [
        (Unauthorized("erp-7: no"), "Wrong user name or password", "password"),
        (AccountLocked("erp-7: locked"), "account is locked", None),
        (SecondFactorAsked("erp-7: 2fa"), "needs a second step", None),
        (Revoked("erp-7: gone"), "withdrawn its permission", None),
        (Forbidden("erp-7: may not"), "no permission", None),
        (Unreachable("erp-7: ?", obstacle=Obstacle.NAME), "address is wrong", "base-url"),
        (Unreachable("erp-7: ?", obstacle=Obstacle.REFUSED), "does not answer", "base-url"),
        (Unreachable("erp-7: ?", obstacle=Obstacle.TIMEOUT), "does not answer", "base-url"),
        (Unreachable("erp-7: ?", obstacle=Obstacle.CERTIFICATE), "cannot be sure", "base-url"),
        (Unreachable("erp-7: ?", obstacle=Obstacle.TLS), "No secure", "base-url"),
        (Unreachable("erp-7: ?"), "cannot be reached", "base-url"),
        (WrongAddress("erp-7: 404"), "address is wrong", "base-url"),
        (NotTheProduct("erp-7: HTML"), "address is wrong", "base-url"),
        (Invalid("erp-7: no URL"), "address is wrong", "base-url"),
        (RateLimited("erp-7: 429"), "busy", None),
        (ServerFault("erp-7: 500"), "has a problem", None),
        (SecretMissing("CLIENT_ID is not set"), "on our side", None),
    ],
)
async def test_what_the_system_says_is_said_in_plain_words_beside_its_field(
    counter: Counter, browser: Browser, error: ReconcilerError, words: str, field: str | None
) -> None:
    await counter.declare(connection(config={"base_url": GIVEN}))
    counter.system.fails.append(error)
    form = {**GOOD, "config.base_url": "https://erp.acme.example/<x>"}
    answer = await browser.fill_in(await counter.link(), form)
    assert answer.status_code == 422
    assert words in plain(answer)
    assert 'role="alert"' in answer.text
    wrong = re.findall(r'aria-describedby="f-[a-z]+-([a-z-]+)-error', answer.text)
    assert wrong == ([field] if field else [])
    assert answer.text.count('aria-invalid="true"') == len(wrong)
    assert error.message not in unescape(answer.text)
    assert 'value="https://erp.acme.example/&lt;x&gt;"' in answer.text
    assert GOOD["auth.password"] not in answer.text


async def test_a_system_whose_address_is_ours_to_know_is_not_the_customer_s_fault(
    counter: Counter, browser: Browser
) -> None:
    away = Unreachable("x: ?", obstacle=Obstacle.NAME)
    counter.system.fails += [away, NotTheProduct("x"), ServerFault("x"), Invalid("x")]
    link = await counter.link()
    assert "Nothing you entered was wrong" in plain(await browser.fill_in(link, GOOD))
    assert "Nothing you entered was wrong" in plain(await browser.fill_in(link, GOOD))
    assert "Tryton has a problem" in plain(await browser.fill_in(link, GOOD))
    assert "on our side" in plain(await browser.fill_in(link, GOOD))


async def test_what_cannot_be_tried_is_said_beside_its_field(
    counter: Counter, browser: Browser
) -> None:
    answer = await browser.fill_in(
        await counter.link(), {"auth.username": "ad\u200ba", "auth.password": " x "}
    )
    assert "cannot be seen" in plain(answer)
    assert "space before or after" in plain(answer)
    assert counter.system.seen == []


async def test_the_last_tries_are_told_and_then_the_link_is_locked(
    counter: Counter, browser: Browser
) -> None:
    link = await counter.link()
    said = []
    for _ in range(10):
        said.append(plain(await browser.fill_in(link, BAD)))
        await counter.clock.turn(timedelta(minutes=1))
    assert "more tr" not in said[5]
    assert "3 more tries" in said[6]
    assert "1 more try," in said[8]
    assert "locked now" in said[9]
    answer = await browser.fill_in(link, GOOD, mark="x")
    assert answer.status_code == 410
    assert "This link is locked" in plain(answer)
    assert await counter.kept() == {}


async def test_who_tries_too_fast_is_told_how_long_to_wait(
    counter: Counter, browser: Browser
) -> None:
    link = await counter.link()
    for _ in range(5):
        await browser.fill_in(link, BAD)
    await counter.clock.turn(timedelta(seconds=20))
    answer = await browser.fill_in(link, GOOD)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "40"
    assert "wait 40 seconds" in plain(answer)


async def test_links_that_are_over_are_told_apart_and_name_nobody(
    counter: Counter, browser: Browser
) -> None:
    revoked = await counter.link()
    expired = await counter.link(lives=timedelta(hours=1))
    await counter.clock.turn(timedelta(hours=1))
    for link, status, words in (
        (revoked, 410, "was replaced"),
        (expired, 410, "has expired"),
        (expired[:-3], 404, "does not work"),
        ("A" * 43, 404, "does not work"),
        ("a.b", 404, "does not work"),
    ):
        for answer in (
            await browser.open(link),
            await browser.fill_in(link, GOOD, mark="x"),
        ):
            assert answer.status_code == status
            assert words in plain(answer)
            assert "Acme" not in answer.text
            assert "Tryton" not in answer.text
            assert "<form" not in answer.text


async def test_who_guesses_links_is_slowed_down(counter: Counter, browser: Browser) -> None:
    link = await counter.link()
    answers = [await browser.open(f"{number:043}") for number in range(31)]
    assert [one.status_code for one in answers] == [404] * 30 + [429]
    assert (await browser.open(link)).status_code == 200, "who has a link is served"


# ── whom the page believes ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "", "origin": "https://evil.example"},
        {"sec-fetch-site": "same-origin", "origin": "https://evil.example"},
    ],
)
async def test_a_post_from_elsewhere_is_refused(
    counter: Counter, browser: Browser, headers: dict[str, str]
) -> None:
    answer = await browser.fill_in(await counter.link(), GOOD, **headers)
    assert answer.status_code == 403
    assert "did not come from our page" in plain(answer)
    assert counter.system.seen == []


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "", "origin": ""},
        {"sec-fetch-site": "", "origin": "null"},
        {"sec-fetch-site": "", "origin": "http://localhost"},
        {"sec-fetch-site": "same-origin", "origin": ""},
    ],
)
async def test_a_browser_that_says_little_is_believed_by_the_mark_in_its_form(
    counter: Counter, browser: Browser, headers: dict[str, str]
) -> None:
    assert (await browser.fill_in(await counter.link(), GOOD, **headers)).status_code == 200


async def test_the_mark_is_good_in_one_browser_for_one_link(
    counter: Counter, browser: Browser
) -> None:
    await counter.declare(connection(), connection("beta"))
    link, other = await counter.link(), await counter.link("beta")
    mark = mark_in(await browser.open(link))
    for wrong in ("", "x", mark[:-1] + "!", mark_in(await browser.open(other))):
        answer = await browser.fill_in(link, GOOD, mark=wrong)
        assert answer.status_code == 403
        assert "out of date" in plain(answer)
    stranger = Browser(counter.app())
    answer = await stranger.fill_in(link, GOOD, mark=mark)
    assert answer.status_code == 403
    assert "cookie" in plain(answer)
    await stranger.open(link)
    assert (await stranger.fill_in(link, GOOD, mark=mark)).status_code == 403
    await stranger.client.aclose()
    assert counter.system.seen == []
    assert (await browser.fill_in(link, GOOD, mark=mark)).status_code == 200


async def test_the_cookie_is_for_this_host_alone_and_behind_tls_named_so(counter: Counter) -> None:
    link = await counter.link()
    for base, desk, cookie in (
        ("http://localhost", {}, r"rcn-connect=[\w-]{22}; Path=/; HttpOnly; SameSite=Lax"),
        (
            HTTPS,
            {"public_url": HTTPS},
            r"__Host-rcn-connect=[\w-]{22}; Path=/; HttpOnly; Secure; SameSite=Lax",
        ),
        (
            HTTPS,
            {"public_url": HTTPS, "frames": ("https://app.example.com",)},
            r"__Host-rcn-connect=[\w-]{22}; Path=/; HttpOnly; Secure; SameSite=None; Partitioned",
        ),
    ):
        browser = Browser(counter.app(**desk), base)
        answer = await browser.open(link)
        assert re.fullmatch(cookie, answer.headers["set-cookie"])
        await browser.client.aclose()


async def test_only_pages_that_the_operator_names_may_show_ours_in_a_frame(
    counter: Counter,
) -> None:
    frames = ("https://app.example.com", "https://b.example.com")
    browser = Browser(counter.app(public_url=HTTPS, frames=frames), HTTPS)
    answer = await browser.open(await counter.link())
    assert answer.headers["content-security-policy"].endswith(
        "frame-ancestors https://app.example.com https://b.example.com"
    )
    assert "x-frame-options" not in answer.headers
    await browser.client.aclose()


@pytest.mark.parametrize(
    ("content", "media", "status"),
    [
        (b"{}", "application/json", 400),
        (b"a=%ff", "application/x-www-form-urlencoded", 400),
        ("ä=ö".encode(), "application/x-www-form-urlencoded", 400),
        (b"a=1&" * 100, "application/x-www-form-urlencoded", 400),
        (b"a=" + b"b" * 140_000, "application/x-www-form-urlencoded", 400),
        (b"", "multipart/form-data; boundary=x", 400),
    ],
)
async def test_a_body_that_is_no_form_of_ours_is_a_plain_page(
    counter: Counter, browser: Browser, content: bytes, media: str, status: int
) -> None:
    link = await counter.link()
    answer = await browser.client.post(
        f"/connect/{link}", content=content, headers={"content-type": media}
    )
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert counter.system.seen == []


async def test_a_fault_of_ours_is_a_plain_page_too(counter: Counter, browser: Browser) -> None:
    counter.system.fails.append(ValueError("a bug about right horse battery"))
    answer = await browser.fill_in(await counter.link(), GOOD)
    assert answer.status_code == 500
    assert "on our side" in plain(answer)
    assert "horse" not in answer.text


async def test_the_files_of_the_page_are_there_and_nothing_else(browser: Browser) -> None:
    style = await browser.client.get("/connect/static/connect.css")
    assert style.headers["content-type"].startswith("text/css")
    script = await browser.client.get("/connect/static/connect.js")
    assert script.headers["content-type"].startswith("text/javascript")
    for name in ("page.html", "..%2fpages.py", "%2e%2e/pages.py", ""):
        assert (await browser.client.get(f"/connect/static/{name}")).status_code == 404


# ── consents ─────────────────────────────────────────────────────────────────────────────────────


async def sent_to_consent(counter: Counter, browser: Browser, **wish: Any) -> tuple[str, str]:
    """Press the button; return the link, and the state that went along."""
    await counter.declare(connection(auth=OAUTH))
    link = await counter.link(**wish)
    answer = await browser.fill_in(link, {})
    assert answer.status_code == 200
    found = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', answer.text)
    assert found
    address = urlsplit(unescape(found[1]))
    assert address.netloc == "login.erp.example"
    told = parse_qs(address.query)
    assert told["redirect_uri"] == ["http://localhost/connect/callback"]
    assert link not in found[1]
    return link, told["state"][0]


async def back(browser: Browser, **query: str) -> httpx.Response:
    """Come back from the page where the consent is given."""
    return await browser.client.get(
        "/connect/callback", params=query, headers={"sec-fetch-site": "cross-site"}
    )


async def test_a_customer_consents_at_the_system_and_is_done(
    counter: Counter, browser: Browser
) -> None:
    link, state = await sent_to_consent(counter, browser)
    answer = await back(browser, code="once", state=state)
    assert answer.status_code == 200
    assert "All done" in plain(answer)
    assert (await counter.kept())["oauth.refresh_token"] == "anew"
    [(code, redirect, verifier)] = counter.consents.redeemed
    assert (code, redirect) == ("once", "http://localhost/connect/callback")
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", verifier)
    assert len({verifier, state, link}) == 3
    assert (await back(browser, code="once", state=state)).status_code == 400, "the cookie is gone"


async def test_a_consent_leads_on_to_the_redirect_address(
    counter: Counter, browser: Browser
) -> None:
    _, state = await sent_to_consent(counter, browser, redirect=REDIRECTS[0], state="mine")
    answer = await back(browser, code="once", state=state)
    assert "https://app.example.com/connected?code=" in answer.text
    assert "state=mine" in answer.text


@pytest.mark.parametrize("wrong", ["", "x", "A" * 43, "ä"])
async def test_a_callback_with_a_wrong_state_does_nothing(
    counter: Counter, browser: Browser, wrong: str
) -> None:
    await sent_to_consent(counter, browser)
    answer = await back(browser, code="once", state=wrong)
    assert answer.status_code == 400
    assert "lost track" in plain(answer)
    assert counter.consents.redeemed == []


async def test_a_callback_in_another_browser_does_nothing(
    counter: Counter, browser: Browser
) -> None:
    _, state = await sent_to_consent(counter, browser)
    stranger = Browser(counter.app())
    assert (await back(stranger, code="once", state=state)).status_code == 400
    await sent_to_consent(counter, stranger)
    assert (await back(stranger, code="once", state=state)).status_code == 400
    await stranger.client.aclose()
    assert counter.consents.redeemed == []


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ({"error": "access_denied"}, 200, "did not agree"),
        ({"error": "server_error", "error_description": "<b>x</b>"}, 502, "did not work"),
        ({}, 502, "did not work"),
        ({"code": "once", "error": "access_denied"}, 200, "did not agree"),
    ],
)
async def test_who_does_not_agree_may_start_again(
    counter: Counter, browser: Browser, query: dict[str, str], status: int, words: str
) -> None:
    link, state = await sent_to_consent(counter, browser)
    answer = await back(browser, state=state, **query)
    assert answer.status_code == status
    assert words in plain(answer)
    assert f'href="{link}"' in answer.text
    assert "<b>" not in answer.text
    assert counter.consents.redeemed == []


async def test_a_code_that_the_system_does_not_take_shows_the_page_again(
    counter: Counter, browser: Browser
) -> None:
    _, state = await sent_to_consent(counter, browser)
    answer = await back(browser, code="other", state=state)
    assert answer.status_code == 422
    assert "did not let us in" in plain(answer)
    assert "Sign in at Tryton" in plain(answer)


async def test_in_a_frame_the_consent_is_given_in_a_window_of_its_own(counter: Counter) -> None:
    await counter.declare(connection(auth=OAUTH))
    browser = Browser(counter.app(public_url=HTTPS, frames=("https://app.example.com",)), HTTPS)
    answer = await browser.open(await counter.link(), **{"sec-fetch-dest": "iframe"})
    assert 'target="_blank"' in answer.text
    assert "<form" not in answer.text
    await browser.client.aclose()

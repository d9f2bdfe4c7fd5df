"""Logins by cookie, and SAP's token against forged requests."""

import asyncio
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from reconciler.connectors.auth.cookies import LARGEST, MOST, cookies_of
from reconciler.connectors.exchange import Ask
from reconciler.errors import AccountLocked, Forbidden, SourceInvalid, Unauthorized
from tests.connectors.conftest import Open, manifest, stream


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["a=1; Path=/; HttpOnly", "b=x=y"], {"a": "1", "b": "x=y"}),
        (["a=1", "a=2; Secure"], {"a": "2"}),
        (["a=1", "a=; Max-Age=0"], {}),
        (["a=1", "a=deleted; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], {}),
        (["a=1; expires=Wed, 21 Oct 2026 07:28:00 GMT"], {"a": "1"}),
        (["", "nothing", "=x", "a=\x01", "ä=1"], {}),
        ([f"a={'x' * LARGEST}"], {}),
        ([f"c{n}=v" for n in range(MOST + 9)], {f"c{n}": "v" for n in range(MOST)}),
    ],
    ids=["two", "later wins", "ended", "expired", "dated", "unusable", "too large", "too many"],
)
def test_cookies_are_read_and_bounded(lines: list[str], expected: dict[str, str]) -> None:
    assert cookies_of(lines) == expected


def test_cookies_join_those_that_are_there() -> None:
    ask = Ask("GET", "https://erp.example", headers={"Cookie": "lang=en"})
    assert ask.with_cookies({"a": "1", "b": "2"}).headers == {"Cookie": "lang=en; a=1; b=2"}
    assert ask.with_cookies({}) is ask


COOKIE_AUTH = {
    "type": "session",
    "fields": {"username": {}, "password": {"secret": True}},
    "login": {
        "method": "POST",
        "path": "/login",
        "form": {"user": "{{ auth.username }}", "pw": "{{ auth.password }}", "tenant": None},
    },
    "cookies": True,
}
GIVEN = {"method": "web", "username": "anna", "password": {"env": "PW"}}
ENVIRON = {"PW": "canary-pässword&="}


class WebSystem:
    """A system that logs in by a form and a cookie; ``status`` is how its login answers."""

    def __init__(self, status: int = 302) -> None:
        self.status = status
        self.logins = 0
        self.valid: set[str] = set()
        self.cookies: list[str] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        if request.url.path == "/api/login":
            return self._login(dict(parse_qsl(request.content.decode())))
        self.cookies.append(request.headers.get("cookie", ""))
        if not any(f"SESSION={one}" in self.cookies[-1] for one in self.valid):
            return httpx.Response(401, text=f"do not know {self.cookies[-1]}")
        return httpx.Response(200, json={"data": []})

    def _login(self, form: dict[str, str]) -> httpx.Response:
        self.logins += 1
        if form != {"user": "anna", "pw": ENVIRON["PW"]}:
            return httpx.Response(self.status, headers={"location": "/login?error"})
        session = f"canary-session-{self.logins}"
        self.valid.add(session)
        headers = [("set-cookie", f"SESSION={session}; Path=/; HttpOnly"), ("set-cookie", "l=en")]
        headers += [("location", "https://elsewhere.example/home")]
        text = "<html>welcome</html>" if self.status == 200 else ""
        return httpx.Response(self.status, headers=headers, text=text)


@pytest.mark.parametrize("status", [200, 204, 302])
async def test_the_cookies_of_a_login_are_sent_back_whatever_else_it_answers(
    opened: Open, status: int
) -> None:
    system = WebSystem(status)
    connector = opened(system, manifest(auth={"web": COOKIE_AUTH}), auth=GIVEN, environ=ENVIRON)
    await asyncio.gather(*[connector.probe() for _ in range(4)])
    assert system.logins == 1
    assert set(system.cookies) == {"SESSION=canary-session-1; l=en"}


async def test_an_ended_cookie_is_renewed_once(opened: Open) -> None:
    system = WebSystem()
    connector = opened(system, manifest(auth={"web": COOKIE_AUTH}), auth=GIVEN, environ=ENVIRON)
    await connector.probe()
    system.valid.clear()
    await asyncio.gather(*[connector.probe() for _ in range(4)])
    assert system.logins == 2


async def test_a_login_that_sets_no_cookie_is_a_wrong_password(opened: Open) -> None:
    spec = manifest(auth={"web": COOKIE_AUTH})
    connector = opened(WebSystem(), spec, auth=GIVEN, environ={"PW": "wrong"})
    with pytest.raises(Unauthorized, match="set no cookie"):
        await connector.probe()


async def test_a_login_by_cookie_tells_a_locked_account_by_the_manifests_signals(
    opened: Open,
) -> None:
    signals = [{"when": "code == 'locked'", "means": "locked"}]
    spec = manifest(auth={"web": COOKIE_AUTH}, signals=signals)
    connector = opened(
        lambda _: httpx.Response(401, json={"code": "locked"}), spec, auth=GIVEN, environ=ENVIRON
    )
    with pytest.raises(AccountLocked):
        await connector.probe()


async def test_a_cookie_is_taken_out_of_messages(opened: Open) -> None:
    system = WebSystem()
    connector = opened(system, manifest(auth={"web": COOKIE_AUTH}), auth=GIVEN, environ=ENVIRON)
    await connector.probe()

    class Forgetful(set[str]):
        def add(self, _one: str) -> None:
            pass

    system.valid = Forgetful()
    with pytest.raises(Unauthorized) as caught:
        await connector.probe()
    assert "canary" not in str(caught.value)


class Sap:
    """An OData service that takes nothing but GET without its token, which goes with its cookie."""

    def __init__(self) -> None:
        self.fetched = 0
        self.token = ""
        self.seen: list[tuple[str, str, str]] = []
        self.broken = False

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        if not request.headers.get("authorization", "").startswith("Basic "):
            return httpx.Response(401)
        token = request.headers.get("x-csrf-token", "")
        self.seen.append((request.method, request.url.path, token))
        if token == "Fetch":
            return self._fetch()
        good = token == self.token and f"SAP_SESSION={self.token}" in request.headers.get(
            "cookie", ""
        )
        if request.method != "GET" and not good:
            headers = {"x-csrf-token": "Required"}
            return httpx.Response(403, headers=headers, text=f"CSRF token {token} is no good")
        return httpx.Response(200, json={"data": [{"id": 1}]})

    def _fetch(self) -> httpx.Response:
        self.fetched += 1
        if self.broken:
            return httpx.Response(200, json={})
        self.token = f"canary-csrf-{self.fetched}"
        headers = [("x-csrf-token", self.token), ("set-cookie", f"SAP_SESSION={self.token}")]
        return httpx.Response(200, headers=headers, json={})


SAP = {
    "type": "odata_csrf",
    "base": {"type": "basic", "fields": {"username": {}, "password": {"secret": True}}},
    "fetch": {"path": "/$metadata"},
}
SAP_GIVEN = {"method": "sap", "username": "anna", "password": {"env": "PW"}}


def sap(opened: Open, system: Any) -> Any:
    posted = stream(request={"method": "POST", "path": "/$batch", "body": {"x": 1}})
    spec = manifest(auth={"sap": SAP}, streams={"purchase-orders": posted, "vendors": stream()})
    return opened(system, spec, auth=SAP_GIVEN, environ=ENVIRON)


async def read(connector: Any, entity: str) -> None:
    await connector.read(entity, since=None, page=None)


async def test_reading_by_get_needs_no_token(opened: Open) -> None:
    system = Sap()
    connector = sap(opened, system)
    await connector.probe()
    await read(connector, "vendors")
    assert system.seen == [("GET", "/api/me", ""), ("GET", "/api/orders", "")]


async def test_what_is_not_get_has_the_token_and_its_cookie_fetched_once(opened: Open) -> None:
    system = Sap()
    connector = sap(opened, system)
    await asyncio.gather(*[read(connector, "purchase-orders") for _ in range(5)])
    assert system.fetched == 1
    assert system.seen[0] == ("GET", "/api/$metadata", "Fetch")
    assert set(system.seen[1:]) == {("POST", "/api/$batch", "canary-csrf-1")}


async def test_a_token_that_is_required_anew_is_fetched_once_for_all(opened: Open) -> None:
    system = Sap()
    connector = sap(opened, system)
    await read(connector, "purchase-orders")
    system.token = "another"
    await asyncio.gather(*[read(connector, "purchase-orders") for _ in range(4)])
    assert system.fetched == 2


async def test_a_token_that_is_never_taken_is_no_loop(opened: Open) -> None:
    system = Sap()
    connector = sap(opened, system)
    original = system._fetch

    def fetch() -> httpx.Response:
        answer = original()
        system.token = "another"
        return answer

    system._fetch = fetch  # type: ignore[method-assign]  # a system that forgets its own token
    with pytest.raises(Forbidden, match="forged requests") as caught:
        await read(connector, "purchase-orders")
    assert system.fetched == 1
    assert "canary" not in str(caught.value)


async def test_a_service_without_a_token_is_told(opened: Open) -> None:
    system = Sap()
    system.broken = True
    with pytest.raises(SourceInvalid, match="without x-csrf-token"):
        await read(sap(opened, system), "purchase-orders")


async def test_a_plain_403_is_no_reason_to_fetch_again(opened: Open) -> None:
    calls: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        calls.append(request.headers.get("x-csrf-token", ""))
        if calls[-1] == "Fetch":
            return httpx.Response(200, headers={"x-csrf-token": "canary-csrf-1"}, json={})
        return httpx.Response(403, text="no right")

    with pytest.raises(Forbidden, match="no right"):
        await read(sap(opened, handler), "purchase-orders")
    assert calls == ["Fetch", "canary-csrf-1"]

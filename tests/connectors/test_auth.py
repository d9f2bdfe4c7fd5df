"""Ways to log in: pure flows first, then over a system."""

import asyncio
import base64
import json
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter

from reconciler.connectors.auth.choose import fixed_of
from reconciler.connectors.auth.flows import Session, Step, run_flow
from reconciler.connectors.auth.session import SessionLogin
from reconciler.connectors.exchange import Answer, Ask
from reconciler.connectors.protocols.http_json import HttpJson
from reconciler.connectors.signals import Signals
from reconciler.errors import (
    AccountLocked,
    Forbidden,
    Invalid,
    SecondFactorAsked,
    SourceInvalid,
    Unauthorized,
)
from reconciler.spec.kinds.auth import Auth
from tests.connectors.conftest import NOW, Open, manifest

ASK = Ask("GET", "https://erp.example/orders")
SESSION = {
    "type": "session",
    "fields": {"username": {"required": True}, "password": {"required": True, "secret": True}},
    "login": {
        "method": "POST",
        "path": "/login",
        "body": {"user": "{{ auth.username }}", "password": "{{ auth.password }}"},
    },
    "send": {"X-Session": "{{ login.token }}"},
    "after": {"me": {"path": "/me/{{ login.user }}"}},
}
GIVEN = {"method": "session", "username": "anna", "password": {"env": "PW"}}
ENVIRON = {"PW": "canary-password"}


def auth_of(auth: dict[str, Any]) -> Any:
    return TypeAdapter(Auth).validate_python(auth)


def signed(auth: dict[str, Any], given: dict[str, str]) -> Ask:
    login = fixed_of(auth_of(auth), given)
    with pytest.raises(StopIteration) as stop:
        next(login.log_in())
    assert isinstance(stop.value.value, Session)
    return login.sign(ASK, Session())


def test_nothing_is_sent_where_no_login_is_needed() -> None:
    assert signed({"type": "none"}, {}) == ASK


def test_a_bearer_token_goes_into_its_header() -> None:
    assert signed({"type": "bearer"}, {"token": "t"}).headers == {"authorization": "Bearer t"}


def test_basic_is_user_and_password() -> None:
    header = signed({"type": "basic"}, {"username": "ü", "password": "p:w"}).headers[
        "authorization"
    ]
    assert base64.b64decode(header.removeprefix("Basic ")).decode() == "ü:p:w"


def test_an_api_key_goes_into_a_header_or_the_query() -> None:
    assert signed({"type": "api_key", "header": "X-Key"}, {"key": "k"}).headers == {"X-Key": "k"}
    assert signed({"type": "api_key", "query": "apikey"}, {"apiKey": "k"}).query == (
        ("apikey", "k"),
    )


@pytest.mark.parametrize("kind", ["bearer", "basic", "api_key"])
def test_what_is_not_given_is_told(kind: str) -> None:
    with pytest.raises(Invalid):
        fixed_of(auth_of({"type": kind}), {})


def answer(ask: Ask, body: bytes) -> Answer:
    return Answer(200, {}, body, ask, NOW)


def test_a_session_login_is_a_flow_of_requests_without_any_network() -> None:
    context = {"auth": {"username": "anna", "password": "pw"}, "config": {}}
    login = SessionLogin(auth_of(SESSION), context, HttpJson("https://erp.example", Signals(())))
    flow = login.log_in()
    first = next(flow)
    assert (first.ask.method, json.loads(first.ask.body or b"")) == (
        "POST",
        {"user": "anna", "password": "pw"},
    )
    second = flow.send(first.read(answer(first.ask, b'{"token":"t1","user":7}')))
    assert (second.ask.url, second.ask.headers) == (
        "https://erp.example/me/7",
        {"X-Session": "t1"},
    )
    with pytest.raises(StopIteration) as stop:
        flow.send(second.read(answer(second.ask, b'{"name":"Anna"}')))
    session = stop.value.value
    assert session.answers == {"me": {"name": "Anna"}}
    assert login.sign(ASK, session).headers == {"X-Session": "t1"}


async def test_a_flow_that_fails_is_closed() -> None:
    closed: list[bool] = []

    def flow() -> Any:
        try:
            yield Step(ASK, str)
        finally:
            closed.append(True)

    async def send(_step: Step) -> bytes:
        raise Forbidden("no")

    with pytest.raises(Forbidden):
        await run_flow(flow(), send)
    assert closed == [True]


class System:
    """A system with sessions that can be ended."""

    def __init__(self) -> None:
        self.logins = 0
        self.valid: set[str] = set()
        self.refuses = False

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        if request.url.path == "/api/login":
            if json.loads(request.content)["password"] != "canary-password":
                return httpx.Response(401, text="wrong password")
            self.logins += 1
            token = f"session-token-number-{self.logins}"
            if not self.refuses:
                self.valid.add(token)
            return httpx.Response(200, json={"token": token, "user": 7})
        if request.url.path == "/api/me/7":
            return httpx.Response(200, json={})
        if request.headers.get("x-session") not in self.valid:
            return httpx.Response(401, text=f"unknown session {request.headers.get('x-session')}")
        return httpx.Response(200, json={"data": [{"id": 1}]})


SPEC = manifest(auth={"session": SESSION})


async def test_one_login_serves_many_requests(opened: Open) -> None:
    system = System()
    connector = opened(system, SPEC, auth=GIVEN, environ=ENVIRON)
    await asyncio.gather(*[connector.probe() for _ in range(5)])
    assert system.logins == 1


async def test_an_ended_session_is_renewed_once_for_all_that_wait(opened: Open) -> None:
    system = System()
    connector = opened(system, SPEC, auth=GIVEN, environ=ENVIRON)
    await connector.probe()
    system.valid.clear()
    await asyncio.gather(*[connector.probe() for _ in range(6)])
    assert system.logins == 2


async def test_a_refusal_after_another_login_is_final(opened: Open) -> None:
    system = System()
    system.refuses = True
    connector = opened(system, SPEC, auth=GIVEN, environ=ENVIRON)
    with pytest.raises(Unauthorized) as caught:
        await connector.probe()
    assert system.logins == 2
    assert "session-token" not in str(caught.value)


async def test_a_wrong_password_is_asked_for_once(opened: Open) -> None:
    system = System()
    connector = opened(system, SPEC, auth=GIVEN, environ={"PW": "not-the-password"})
    with pytest.raises(Unauthorized, match="wrong password"):
        await connector.probe()
    assert system.logins == 0


async def test_a_refused_fixed_key_is_not_tried_again(opened: Open) -> None:
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["authorization"])
        return httpx.Response(401)

    spec = manifest(auth={"bearer": {"type": "bearer", "fields": {"token": {"secret": True}}}})
    connector = opened(
        handler, spec, auth={"method": "bearer", "token": {"env": "PW"}}, environ=ENVIRON
    )
    with pytest.raises(Unauthorized):
        await connector.probe()
    assert asked == ["Bearer canary-password"]


@pytest.mark.parametrize(("code", "kind"), [("locked", AccountLocked), ("mfa", SecondFactorAsked)])
async def test_a_locked_account_and_a_second_factor_are_told_and_not_tried_again(
    opened: Open, code: str, kind: type[Unauthorized]
) -> None:
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        if request.url.path == "/api/me" or code == "locked":
            return httpx.Response(401, json={"code": code})
        return httpx.Response(200, json={"token": "session-token-1234", "user": 7})

    signals = [
        {"when": "code == 'locked'", "means": "locked"},
        {"when": "code == 'mfa'", "means": "second_factor"},
    ]
    spec = manifest(auth={"session": SESSION}, signals=signals)
    connector = opened(handler, spec, auth=GIVEN, environ=ENVIRON)
    with pytest.raises(kind):
        await connector.probe()
    assert asked.count("/api/login") == 1


async def test_a_login_answer_without_its_token_is_told(opened: Open) -> None:
    connector = opened(
        lambda _: httpx.Response(200, json={"other": 1}), SPEC, auth=GIVEN, environ=ENVIRON
    )
    with pytest.raises(SourceInvalid, match="token"):
        await connector.probe()

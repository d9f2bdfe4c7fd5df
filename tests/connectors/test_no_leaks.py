"""A password is told to the system, and to nobody else."""

import json
import logging
import traceback
from typing import Any

import httpx
import pytest

from reconciler.errors import ReconcilerError, SourceInvalid
from tests.connectors.conftest import Handler, Open, manifest


def well(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={})


CANARY = "canary-pässword/+="
WAYS: list[dict[str, Any]] = [
    {"type": "bearer"},
    {"type": "basic"},
    {"type": "api_key", "query": "key"},
    {"type": "api_key", "header": "X-Key"},
    {
        "type": "session",
        "login": {"method": "POST", "path": "/login", "body": {"p": "{{ auth.password }}"}},
        "send": {"X-Session": "{{ login.token }}"},
    },
]


def echo(status: int) -> Handler:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/login" and status != 500:
            return httpx.Response(200, json={"token": "canary-session-token"})
        said = [str(request.url), dict(request.headers), request.content.decode()]
        return httpx.Response(status, text=json.dumps(said) + str(said))

    return handler


@pytest.mark.parametrize("auth", WAYS, ids=lambda way: str(way["type"]))
@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 429, 500])
async def test_a_password_is_in_no_message_repr_trace_or_log(
    opened: Open, caplog: pytest.LogCaptureFixture, auth: dict[str, Any], status: int
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = CANARY if auth["type"] in {"basic", "session"} else "canary-password/+="
    fields = {"username": {}, "password": {"secret": True}, "key": {"secret": True}}
    names = {"bearer": "token", "api_key": "key"}
    given: dict[str, Any] = {names.get(str(auth["type"]), "password"): {"env": "PW"}}
    if auth["type"] == "basic":
        given["username"] = "anna"
    spec = manifest(auth={"way": {**auth, "fields": fields}})
    connector = opened(echo(status), spec, auth=given, environ={"PW": secret})
    with pytest.raises(ReconcilerError) as caught:
        await connector.read("purchase-orders", since=None, page=None)
    error = caught.value
    channel = connector._channel
    shown = [str(error), repr(error), error.hint, "".join(traceback.format_exception(error))]
    shown += [caplog.text, repr(connector), repr(channel), repr(channel.keeper), repr(channel.wire)]
    for text in shown:
        assert "canary" not in text, text
        assert "p\\u00e4ss" not in text


async def test_a_header_that_cannot_be_sent_does_not_show_what_was_in_it(opened: Open) -> None:
    spec = manifest(auth={"bearer": {"type": "bearer", "fields": {"token": {"secret": True}}}})
    for secret in ("canary\nnewline", "canary-ü"):
        connector = opened(well, spec, auth={"token": {"env": "T"}}, environ={"T": secret})
        with pytest.raises(SourceInvalid) as caught:
            await connector.probe()
        assert "canary" not in "".join(traceback.format_exception(caught.value))

"""What goes over the wire and what comes back, for both protocols."""

import json
from typing import Any

import pytest

from reconciler.connectors.exchange import Answer, Ask
from reconciler.connectors.protocols.http_json import HttpJson
from reconciler.connectors.protocols.jsonrpc import JsonRpc, plain_json
from reconciler.connectors.questions import Filled, compile_request
from reconciler.connectors.signals import Signals
from reconciler.errors import (
    AccountLocked,
    Forbidden,
    NotTheProduct,
    RateLimited,
    SecondFactorAsked,
    ServerFault,
    SourceError,
    SourceInvalid,
    Unauthorized,
)
from reconciler.spec.kinds.asked import Request
from reconciler.spec.kinds.connector import Signal
from tests.connectors.conftest import NOW

NONE = Signals(())


def answer(body: bytes, status: int = 200) -> Answer:
    return Answer(status, {}, body, Ask("POST", "https://erp.example/rpc"), NOW)


def filled(request: dict[str, Any], **context: Any) -> Filled:
    return compile_request(Request.model_validate(request)).fill(context)


def test_a_request_is_filled_in_with_types_kept_and_nulls_left_out() -> None:
    found = filled(
        {
            "path": "/{{ config.db }}/orders",
            "query": {
                "limit": "{{ page.size }}",
                "since": "{{ since }}",
                "all": True,
                "id": "{{ ids }}",
            },
            "headers": {"X-A": "v{{ page.size }}"},
            "body": {
                "size": "{{ page.size }}",
                "nested": [{"since": "{{ since }}"}],
                "text": "n{{ 1 }}",
            },
        },
        config={"db": "main"},
        page={"size": 50},
        since=None,
        ids=[1, 2],
    )
    ask = HttpJson("https://erp.example/api/", NONE).ask(found)
    assert ask.url == "https://erp.example/api/main/orders"
    assert ask.query == (("limit", "50"), ("all", "true"), ("id", "1"), ("id", "2"))
    assert json.loads(ask.body or b"") == {"size": 50, "nested": [{"since": None}], "text": "n1"}
    assert ask.headers == {"content-type": "application/json", "X-A": "v50"}


def test_what_a_template_asks_for_and_is_not_there_is_told() -> None:
    with pytest.raises(SourceInvalid, match="nosuch"):
        filled({"path": "/{{ config.nosuch }}"}, config={})


def test_since_goes_into_the_query_or_the_body_of_a_post() -> None:
    get = compile_request(Request.model_validate({"query": {"a": 1}}))
    assert get.fill({}, {"since": 5}).query == (("a", "1"), ("since", "5"))
    post = compile_request(Request.model_validate({"method": "POST", "body": {"a": 1}}))
    assert post.fill({}, {"since": 5}).body == {"a": 1, "since": 5}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>Welcome</html>", "HTML where JSON was due: <html>Welcome"),
        (b'{"data": [1, 2', "something where JSON was due"),
        (b"", "nothing where JSON was due"),
        (b"{} trailing", "something where JSON was due"),
        (b"[" * 5000 + b"]" * 5000, "something where JSON was due"),
    ],
)
def test_what_is_no_json_is_a_fault(body: bytes, words: str) -> None:
    for speech in (HttpJson("https://erp.example", NONE), JsonRpc("https://erp.example", NONE)):
        with pytest.raises(ServerFault, match="answered 200 with " + words) as caught:
            speech.open(answer(body))
        assert isinstance(caught.value, NotTheProduct) == (body[:1] not in {b"{", b"["})


@pytest.mark.parametrize(
    ("means", "kind"),
    [
        ("unauthorized", Unauthorized),
        ("locked", AccountLocked),
        ("second_factor", SecondFactorAsked),
        ("forbidden", Forbidden),
        ("rate_limited", RateLimited),
        ("fault", ServerFault),
        ("invalid", SourceInvalid),
    ],
)
@pytest.mark.parametrize("status", [200, 400])
def test_a_signal_tells_an_error_whatever_the_status(
    means: str, kind: type[SourceError], status: int
) -> None:
    signal = Signal.model_validate(
        {"when": "error.code == 'E7'", "means": means, "message": "error.text"}
    )
    speech = HttpJson("https://erp.example", Signals((signal,)))
    with pytest.raises(kind, match=f"answered {status}: too bad") as caught:
        speech.open(answer(b'{"error":{"code":"E7","text":"too\\nbad"},"data":[]}', status))
    assert type(caught.value) is kind
    assert speech.open(answer(b'{"data":[]}')) == b'{"data":[]}'


def test_a_call_of_plain_json_rpc() -> None:
    ask = JsonRpc("https://erp.example/rpc", NONE).ask(filled({"call": "a.b", "body": [1]}))
    assert ask.method == "POST"
    assert json.loads(ask.body or b"") == {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "a.b",
        "params": [1],
    }
    assert ask.place == "POST erp.example/rpc (a.b)"


def test_a_call_of_tryton_has_three_keys() -> None:
    ask = JsonRpc("https://erp.example/rpc", NONE, tryton=True).ask(filled({"call": "a.b"}))
    assert json.loads(ask.body or b"") == {"id": 1, "method": "a.b", "params": []}


def test_the_result_is_an_exact_slice() -> None:
    speech = JsonRpc("https://erp.example", NONE)
    assert speech.open(answer(b'{"id":1,"result": [ {"a": 1.0} ]}')) == b'[ {"a": 1.0} ]'
    assert speech.open(answer(b'{"id":1,"result":null}')) == b"null"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": -32601, "message": "no such method"}, SourceInvalid),
        ({"code": -32603, "message": "internal"}, ServerFault),
        ({"code": -32001, "message": "busy"}, ServerFault),
        ("odd", SourceInvalid),
    ],
)
def test_errors_of_plain_json_rpc(error: Any, kind: type[SourceError]) -> None:
    body = json.dumps({"id": 1, "error": error}).encode()
    with pytest.raises(kind):
        JsonRpc("https://erp.example", NONE).open(answer(body))


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (
            ["UserError", ["You are not allowed.", "Within: x", None]],
            Forbidden,
            "UserError: You are",
        ),
        (["'nosuch'", ""], SourceInvalid, "'nosuch'"),
        (["ConcurrencyException", "stale"], ServerFault, "ConcurrencyException: stale"),
    ],
)
def test_errors_of_tryton_come_with_status_200(
    error: Any, kind: type[SourceError], words: str
) -> None:
    body = json.dumps({"id": 1, "error": error}).encode()
    with pytest.raises(kind, match=words):
        JsonRpc("https://erp.example", NONE, tryton=True).open(answer(body))


def test_what_is_no_reply_is_a_fault() -> None:
    with pytest.raises(ServerFault, match="no JSON-RPC reply"):
        JsonRpc("https://erp.example", NONE).open(answer(b"[1]"))


def test_typed_values_of_tryton_become_texts() -> None:
    stamp = {
        "__class__": "datetime",
        "year": 2026,
        "month": 3,
        "day": 4,
        "hour": 5,
        "minute": 6,
        "second": 7,
        "microsecond": 8,
    }
    typed = [
        {"total": {"__class__": "Decimal", "decimal": "1.50"}, "at": stamp},
        {"__class__": "date", "year": 2026, "month": 3, "day": 4},
        {"__class__": "time", "hour": 5, "minute": 6, "second": 7, "microsecond": 0},
        {"__class__": "timedelta", "seconds": 90.5},
        {"__class__": "bytes", "base64": "eA=="},
        {"__class__": "unheard-of", "x": 1},
        {"deep": [[{"__class__": "Decimal", "decimal": "-0.1"}]]},
    ]
    assert json.loads(plain_json(json.dumps(typed).encode())) == [
        {"total": "1.50", "at": "2026-03-04T05:06:07.000008"},
        "2026-03-04",
        "05:06:07",
        90.5,
        "eA==",
        {"__class__": "unheard-of", "x": 1},
        {"deep": [["-0.1"]]},
    ]


def test_a_form_is_sent_as_one() -> None:
    question = compile_request(
        Request(method="POST", path="/login", form={"user": "{{ auth.u }}", "none": None})
    )
    ask = HttpJson("https://erp.example", NONE).ask(question.fill({"auth": {"u": "a&b ü"}}))
    assert ask.body == b"user=a%26b+%C3%BC"
    assert ask.headers == {"content-type": "application/x-www-form-urlencoded"}

"""OAuth 1: the standard's own examples, and signatures equal to those of two other implementations."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote, urlencode

import httpx
import pytest
from authlib.oauth1.rfc5849.signature import (
    construct_base_string,
    hmac_sha1_signature,
)
from hypothesis import given
from hypothesis import strategies as st
from oauthlib import oauth1

from reconciler.connectors.auth.flows import Session
from reconciler.connectors.auth.oauth1 import Keys, OAuth1Login, base_text, signature
from reconciler.connectors.exchange import Ask
from reconciler.errors import Unauthorized
from tests.connectors.conftest import NOW, Open, manifest

PHOTOS = Keys("dpf43f3p2l4k3l03", "kd94hf93k423kf44", "nnch734d00sl2jdk", "pfkkdhi9sl3r4s00")


def test_the_base_text_of_the_standards_own_example() -> None:
    """RFC 5849, 3.4.1.1."""
    pairs = [
        ("b5", "=%3D"), ("a3", "a"), ("c@", ""), ("a2", "r b"), ("c2", ""), ("a3", "2 q"),
        ("oauth_consumer_key", "9djdj82h48djs9d2"), ("oauth_token", "kkk9d7dh3k39sjv7"),
        ("oauth_signature_method", "HMAC-SHA1"), ("oauth_timestamp", "137131201"),
        ("oauth_nonce", "7d8f3e4a"),
    ]  # fmt: skip
    assert base_text("POST", "http://EXAMPLE.com:80/request?b5=x", pairs) == (
        "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q"
        "%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D%26oauth_consumer_"
        "key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_m"
        "ethod%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk"
        "9d7dh3k39sjv7"
    )


def test_the_signature_of_the_standards_own_example() -> None:
    """RFC 5849, 1.2: the photo is asked for."""
    pairs = [
        ("file", "vacation.jpg"), ("size", "original"),
        ("oauth_consumer_key", PHOTOS.consumer_key), ("oauth_token", PHOTOS.token),
        ("oauth_signature_method", "HMAC-SHA1"), ("oauth_timestamp", "137131202"),
        ("oauth_nonce", "chapoH"),
    ]  # fmt: skip
    text = base_text("GET", "http://photos.example.net/photos?file=vacation.jpg", pairs)
    assert signature(text, PHOTOS, "HMAC-SHA1") == "MdpQcU8iPSUjWoN/UDMsK2sui9I="


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12)
PAIRS = st.lists(st.tuples(WORDS.filter(bool), WORDS), max_size=6, unique_by=lambda pair: pair[0])
HOSTS = st.sampled_from(["erp.example", "erp.example:443", "erp.example:8443", "[2001:db8::1]"])
PATHS = st.lists(WORDS.filter(lambda word: word not in {".", ".."}), max_size=3).map(
    lambda words: "/" + "/".join(quote(word, safe="") for word in words)
)
METHODS = st.sampled_from(["HMAC-SHA256", "HMAC-SHA1"])
VERBS = st.sampled_from(["GET", "POST", "PATCH"])


def login(keys: Keys, method: str, realm: str | None = None) -> OAuth1Login:
    return OAuth1Login(keys, method, realm, lambda: NOW, lambda: "a-nonce")


def parts_of(header: str) -> Mapping[str, str]:
    return {key: unquote(value) for key, value in re.findall(r'(\w+)="([^"]*)"', header)}


@given(HOSTS, PATHS, PAIRS, METHODS, VERBS, WORDS)
def test_signatures_are_those_of_oauthlib(  # a request is this much
    host: str, path: str, query: Any, method: str, verb: str, secret: str
) -> None:
    keys = Keys("key+/=", secret, "tok en", secret[::-1])
    ask = login(keys, method).sign(Ask(verb, f"https://{host}{path}", tuple(query)), Session())
    other = oauth1.Client(
        keys.consumer_key,
        keys.consumer_secret,
        keys.token,
        keys.token_secret,
        signature_method=method,
        nonce="a-nonce",
        timestamp=str(int(NOW.timestamp())),
    )
    _, headers, _ = other.sign(ask.url, verb)
    assert parts_of(ask.headers["authorization"]) == parts_of(headers["Authorization"])


@given(PAIRS, PAIRS)
def test_a_form_is_signed_as_oauthlib_signs_it(query: Any, form: Any) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    body = urlencode(form)
    ask = Ask("POST", "https://erp.example/x", tuple(query), kind, body.encode())
    signed = login(PHOTOS, "HMAC-SHA256").sign(ask, Session())
    other = oauth1.Client(
        PHOTOS.consumer_key,
        PHOTOS.consumer_secret,
        PHOTOS.token,
        PHOTOS.token_secret,
        signature_method="HMAC-SHA256",
        nonce="a-nonce",
        timestamp=str(int(NOW.timestamp())),
    )
    _, headers, _ = other.sign(signed.url, "POST", body, kind)
    assert parts_of(signed.headers["authorization"]) == parts_of(headers["Authorization"])


@given(HOSTS, PATHS, PAIRS, VERBS)
def test_base_texts_and_signatures_are_those_of_authlib(
    host: str, path: str, query: Any, verb: str
) -> None:
    pairs = [pair for pair in query if pair[0] != "realm" and not pair[0].startswith("oauth_")]
    url = f"https://{host}{path}"
    text = base_text(verb, url, pairs)
    assert text == construct_base_string(verb, url, pairs)
    assert signature(text, PHOTOS, "HMAC-SHA1") == hmac_sha1_signature(
        text, PHOTOS.consumer_secret, PHOTOS.token_secret
    )


NETSUITE = manifest(
    auth={
        "tba": {
            "type": "oauth1",
            "realm": "{{ config.account }}",
            "fields": {
                name: {"secret": True}
                for name in ("consumer_key", "consumer_secret", "token", "token_secret")
            },
        }
    },
    config={"base_url": {"type": "url"}, "account": {}},
)
ENVIRON = {"CK": "ck-1234", "CS": "canary-consumer", "TK": "tk-1234", "TS": "canary-token-secret"}
GIVEN = {
    "method": "tba",
    "consumer_key": {"env": "CK"},
    "consumer_secret": {"env": "CS"},
    "token": {"env": "TK"},
    "token_secret": {"env": "TS"},
}


async def test_each_request_is_signed_anew_with_its_realm(opened: Open) -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(503 if len(seen) == 1 else 200, json={})

    connector = opened(
        handler, NETSUITE, auth=GIVEN, environ=ENVIRON, config={"account": "123_SB1"}
    )
    await connector.probe()
    parts = [parts_of(request.headers["authorization"]) for request in seen]
    assert [part["realm"] for part in parts] == ["123_SB1"] * 2
    assert parts[0]["oauth_nonce"] != parts[1]["oauth_nonce"]
    for request, part in zip(seen, parts, strict=True):
        pairs = {k: v for k, v in part.items() if k not in {"realm", "oauth_signature"}}
        keys = Keys(*ENVIRON.values())
        text = base_text("GET", str(request.url), pairs.items())
        assert signature(text, keys, "HMAC-SHA256") == part["oauth_signature"]
        assert "canary" not in str(request.headers)


async def test_a_wrong_signature_is_a_refusal_and_no_second_try(opened: Open) -> None:
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.path)
        return httpx.Response(401)

    connector = opened(handler, NETSUITE, auth=GIVEN, environ=ENVIRON, config={"account": "1"})
    with pytest.raises(Unauthorized):
        await connector.probe()
    assert len(seen) == 1

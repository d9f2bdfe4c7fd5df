"""What we sign is what the published verifier of Standard Webhooks accepts."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from reconciler.errors import Invalid
from reconciler.webhooks.signing import headers_of, keys_of

KEY = b"0123456789abcdef0123456789abcdef"
WRITTEN = "whsec_" + base64.b64encode(KEY).decode()


def now() -> int:
    """Return the time as the verifier sees it: what is older than five minutes it refuses."""
    return int(datetime.now(UTC).timestamp())  # noqa: TID251  it looks at the machine's clock


def verify(secret: str | bytes, body: bytes, headers: dict[str, str]) -> object:
    return Webhook(secret).verify(body, headers)


bodies = st.text(max_size=200).map(lambda text: f'{{"said": "{text.encode().hex()}ä"}}'.encode())


@given(body=bodies, key=st.binary(min_size=24, max_size=64))
def test_the_published_verifier_takes_our_signature(body: bytes, key: bytes) -> None:
    written = "whsec_" + base64.b64encode(key).decode()
    headers = headers_of("dlv_1", now(), body, keys_of(written))
    assert verify(written, body, headers)


def test_it_is_the_signature_that_the_verifier_itself_makes() -> None:
    at = datetime.fromtimestamp(now(), UTC)
    told = headers_of("dlv_1", now(), b"{}", keys_of(WRITTEN))
    assert told["webhook-signature"] == Webhook(WRITTEN).sign("dlv_1", at, "{}")


@pytest.mark.parametrize("changed", ["body", "webhook-id", "webhook-timestamp"])
def test_what_was_changed_on_the_way_is_refused(changed: str) -> None:
    headers = headers_of("dlv_1", now(), b"{}", keys_of(WRITTEN))
    body = b"{ }" if changed == "body" else b"{}"
    if changed != "body":
        headers[changed] = "dlv_2" if changed == "webhook-id" else str(now() - 1)
    with pytest.raises(WebhookVerificationError):
        verify(WRITTEN, body, headers)


def test_while_a_secret_is_changed_the_old_and_the_new_one_are_both_good() -> None:
    new = "whsec_" + base64.b64encode(KEY[::-1]).decode()
    headers = headers_of("dlv_1", now(), b"{}", keys_of(f"{new}\n{WRITTEN} "))
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in (new, WRITTEN):
        assert verify(secret, b"{}", headers) == {}


@pytest.mark.parametrize("text", ["plain text", "one-word", "whsec_abcd and more", " padded "])
def test_any_other_text_is_one_key_as_it_stands(text: str) -> None:
    assert keys_of(text) == (text.strip().encode(),)
    headers = headers_of("dlv_1", now(), b"{}", keys_of(text))
    assert verify(text.strip().encode(), b"{}", headers) == {}


@pytest.mark.parametrize("text", ["", " \n", "whsec_", "whsec_canary*", "whsec_abc"])
def test_what_is_no_key_is_an_error_that_does_not_tell_it(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        keys_of(text)
    assert "canary" not in f"{caught.value} {caught.value.hint}"


def test_without_a_key_there_is_no_signature() -> None:
    assert headers_of("dlv_1", now(), b"{}", ()) == {
        "webhook-id": "dlv_1",
        "webhook-timestamp": str(now()),
    }

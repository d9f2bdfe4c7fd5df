"""Secrets: references, values that do not show, and texts cleaned of them."""

import base64
import pickle
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import Invalid, SecretMissing
from reconciler.secrets.redactor import Redactor
from reconciler.secrets.references import reference_of, resolve
from reconciler.secrets.secret import Secret


def test_a_secret_does_not_show() -> None:
    secret = Secret("hunter2-hunter2")
    assert [str(secret), repr(secret), f"{secret}", f"{secret:>20}", "%s" % secret] == ["***"] * 5  # noqa: UP031 - that way, too
    assert secret.reveal() == "hunter2-hunter2"


def test_a_secret_cannot_be_pickled() -> None:
    with pytest.raises(TypeError, match="not written down"):
        pickle.dumps(Secret("x"))


def test_an_environment_variable_is_found() -> None:
    assert resolve({"env": "PW"}, {"PW": "p"}, what="auth.password").reveal() == "p"


@pytest.mark.parametrize(("environ", "state"), [({}, "not set"), ({"PW": ""}, "empty")])
def test_a_variable_without_value_is_told_by_name(environ: dict[str, str], state: str) -> None:
    with pytest.raises(SecretMissing, match=f"acme: auth.password: .*PW is {state}"):
        resolve({"env": "PW"}, environ, what="acme: auth.password")


def test_a_file_is_read_without_its_last_newline(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text(" s3cret \n")
    assert resolve({"file": str(tmp_path / "pw")}, {}, what="x").reveal() == " s3cret "


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe", b"x" * 70_000])
def test_a_file_that_holds_no_secret_is_told(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "pw").write_bytes(content)
    with pytest.raises(SecretMissing, match="pw"):
        resolve({"file": str(tmp_path / "pw")}, {}, what="x")


def test_a_customer_who_has_not_connected_is_told_with_what_to_do() -> None:
    with pytest.raises(SecretMissing, match="has not connected yet") as caught:
        resolve({"connect": True}, {}, what="x")
    assert "reconciler connect" in caught.value.hint


@given(st.text(min_size=4, max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_no_form_of_a_secret_is_left_in_a_text(secret: str, before: str, after: str) -> None:
    redactor = Redactor()
    redactor.learn([secret])
    forms = [secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()]
    for form in forms:
        cleaned = redactor.clean(before + form + after)
        assert form not in cleaned or form in "***"


def test_the_longer_of_two_secrets_is_taken_out_first() -> None:
    redactor = Redactor()
    redactor.learn(["pass", "password-1"])
    assert redactor.clean("a password-1 b") == "a *** b"
    assert "pass" not in repr(redactor)


def test_options_and_settings_say_a_reference_in_one_word() -> None:
    assert reference_of("env:HOOK_SECRET", what="x") == {"env": "HOOK_SECRET"}
    assert reference_of("file:/run/a:b", what="x") == {"file": "/run/a:b"}
    for wrong in ("hunter2", "env:", "connect:true", "", ":a"):
        with pytest.raises(Invalid, match="--token is no reference") as caught:
            reference_of(wrong, what="--token")
        assert "hunter2" not in caught.value.message + caught.value.hint

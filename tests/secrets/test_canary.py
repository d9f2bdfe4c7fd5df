"""A canary in every form of reference, in the ring and in the safe: it is seen nowhere but in hand."""

import base64
import copy
import json
import logging
import os
import pickle
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from reconciler.errors import Invalid, ReconcilerError, Revoked
from reconciler.ports import Obtained
from reconciler.secrets.keyring import KeyRing
from reconciler.secrets.keys import KeySource
from reconciler.secrets.plugins import providers_of
from reconciler.secrets.providers import Providers
from reconciler.secrets.redactor import Redactor
from reconciler.secrets.rotation import rotate
from reconciler.secrets.safe import StoredSafe
from reconciler.secrets.secret import Secret
from reconciler.settings import Settings
from reconciler.store.open import open_store
from reconciler.telemetry.logs import set_up_logs
from tests.fakes import TurnedClock
from tests.secrets.making import fresh, keep

CANARY = "xq7dove-7f3a91-pässword"
KEY = base64.b64encode(b"xq7dove-key-xq7dove-key-xq7dove-").decode()
FORMS = (CANARY, json.dumps(CANARY)[1:-1], base64.b64encode(CANARY.encode()).decode()[:24])
KEYS = (KEY[:30], "xq7dove-key", b"xq7dove-key".hex())


def clean(text: str) -> bool:
    return not any(form in text for form in (*FORMS, *KEYS, "xq7dove"))


@pytest.fixture(autouse=True)
def logs() -> Iterator[None]:
    """Log everything, as the program does at its most talkative."""
    set_up_logs("debug", "json")
    logging.getLogger().setLevel(logging.DEBUG)
    yield
    structlog.reset_defaults()
    logging.getLogger().setLevel(logging.WARNING)


def references(folder: Path) -> tuple[dict[str, str], dict[str, Any], dict[str, list[str]]]:
    """Return an environment, a reference of each form, and the commands."""
    (folder / "pw").write_text(CANARY)
    seen = folder / "seen.txt"
    code = (
        f"import pathlib; pathlib.Path({str(seen)!r}).write_bytes(b'|'.join("
        "p.read_bytes() for p in pathlib.Path('/proc').glob('[0-9]*/cmdline') if p.exists()));"
        f"print(pathlib.Path({str(folder / 'pw')!r}).read_text())"
    )
    stand_in = folder / "sops"
    stand_in.write_text(f"#!{sys.executable}\n{code}\n")
    stand_in.chmod(0o700)
    environ = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "PW": CANARY}
    forms: dict[str, Any] = {
        "env": "PW",
        "file": str(folder / "pw"),
        "exec": "shown",
        "sops": {"file": "/a", "key": "b"},
        "akv": "a",
    }
    return environ, forms, {"shown": [sys.executable, "-c", code]}


def plug_in(place: object, *, what: str) -> str:
    return CANARY if place and what else ""


def check_files(folder: Path) -> None:
    files = [path for path in folder.iterdir() if path.is_file()]
    assert any(path.name.endswith("-wal") for path in files)
    for path in files:
        content = path.read_bytes()
        assert not any(form.encode() in content for form in (*FORMS, *KEYS)), path.name
        assert b"xq7dove" not in content


def shown(thing: object) -> list[str]:
    """Return every text that a careless program may make of *thing*."""
    texts = [repr(thing), str(thing), f"{thing}", "%s" % (thing,), f"{thing!r:>200}"]  # noqa: UP031  that way, too
    for write in (pickle.dumps, json.dumps, copy.deepcopy):
        try:
            texts.append(str(write(thing)))
        except Exception as error:  # noqa: BLE001  refusing is well
            texts.append("".join(traceback.format_exception(error)))
    return texts


async def test_a_value_of_any_form_shows_in_no_object_log_or_list_of_processes(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], clock: TurnedClock
) -> None:
    environ, forms, commands = references(tmp_path)
    offered = {**providers_of(environ, commands), "akv": plug_in}
    providers = Providers(environ, clock, offered)
    redactor = Redactor()
    await providers.fetch({"auth": {word: {word: place} for word, place in forms.items()}})
    for word, place in forms.items():
        secret = providers.resolve({word: place}, what="x")
        assert secret.reveal() == CANARY
        redactor.learn([secret.reveal()])
        assert all(clean(text) for text in shown(secret))
    things = [providers, redactor, *providers._kept.values(), *providers_of(environ, {}).values()]
    for thing in things:
        assert all(clean(text) for text in shown(thing)), type(thing)
    processes = (tmp_path / "seen.txt").read_bytes()
    assert sys.executable.encode() in processes
    assert CANARY.encode() not in processes
    assert clean("".join(capfd.readouterr()))


async def test_what_is_kept_shows_in_no_file_of_the_database_no_log_and_no_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], clock: TurnedClock
) -> None:
    store = open_store(tmp_path)
    source = KeySource(text=Secret(f"k1:{KEY}"))
    ring = KeyRing(lambda: source.load({}))
    one = StoredSafe(store, ring, clock, "one")
    await keep(store, one, {"auth.password": CANARY, "oauth.access_token": "stale"}, clock.now())

    async def obtain(_values: object) -> Obtained:
        given = Obtained({"oauth.access_token": CANARY, "oauth.refresh_token": CANARY})
        assert all(clean(text) for text in shown(given)[:1])
        return given

    await one.renew("c1", fresh, obtain)
    assert (await one.open("c1"))["oauth.refresh_token"] == CANARY
    other = KeyRing(lambda: {"k2": b"x" * 32, **source.load({})})
    await rotate(store, other, lambda _count: None)
    errors: list[BaseException] = []

    async def refuse(_values: object) -> Obtained:
        raise Revoked("invalid_grant")

    wrong = StoredSafe(store, KeyRing(lambda: {"k2": b"y" * 32}), clock, "wrong")
    later = StoredSafe(store, other, clock, "later")
    for work in (
        wrong.open("c1"),
        wrong.renew("c1", fresh, refuse),
        later.renew("c1", lambda *_: False, refuse),
    ):
        with pytest.raises(ReconcilerError) as caught:
            await work
        errors.append(caught.value)
    things = [ring, other, source, one, wrong, later, one._prints, *errors]
    things += list((await store.views.credentials("c1")).values())
    for thing in things:
        assert all(clean(text) for text in shown(thing)), type(thing)
    for error in errors:
        assert clean("".join(traceback.format_exception(error)))
    check_files(tmp_path)
    await store.close()
    assert clean("".join(capfd.readouterr()))


def test_keys_show_in_no_setting_and_no_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RECONCILER_KEYS", f"k1:{KEY}")
    monkeypatch.chdir(tmp_path)
    settings = Settings()
    assert settings.keys is not None
    assert all(clean(text) for text in (repr(settings), str(settings), settings.model_dump_json()))
    bare = KEY.rstrip("=")
    for broken in (f"k1:{KEY}x", f"k1:{KEY},k1:{KEY}", KEY, f"{KEY}:{KEY}", bare, f"{bare}:k1"):
        with pytest.raises(Invalid) as caught:
            KeySource(text=Secret(broken)).load({})
        assert clean("".join(traceback.format_exception(caught.value)) + caught.value.hint)

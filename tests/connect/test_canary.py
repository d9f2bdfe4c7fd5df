"""Secrets that are typed and links that are opened are found nowhere but sealed: not in a log, table or event."""

import base64
import io
import logging
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
import structlog

from reconciler.errors import Unauthorized
from reconciler.store.folder import DATABASE
from reconciler.store.open import open_store
from reconciler.telemetry.logs import set_up_logs
from tests.connect.making import OAUTH, REDIRECTS, Counter, connection, make_counter
from tests.connect.test_api import EXCHANGE, client
from tests.connect.test_pages import Browser, back, mark_in, sent_to_consent

CANARY = "Kanarienvogel-7/&ä"
OTHER = "Wellensittich-9"


@pytest.fixture
def logs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Iterator[Callable[[], bytes]]:
    """Have everything logged; return a function that returns it."""
    written = io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", written)
        set_up_logs("debug", "json")
    caplog.set_level(logging.DEBUG)

    def told() -> bytes:
        return (written.getvalue() + caplog.text).encode()

    yield told
    structlog.reset_defaults()


@pytest.fixture
async def counter(tmp_path: Path) -> AsyncIterator[Counter]:
    store = open_store(tmp_path / "state")
    yield await make_counter(store)
    await store.close()


def forms(secret: str) -> set[bytes]:
    """Return the forms in which a secret could lie somewhere."""
    return {
        secret.encode(),
        quote(secret, safe="").encode(),
        base64.b64encode(secret.encode()),
        secret.encode().hex().encode(),
    }


def stored(folder: Path) -> bytes:
    """Return all that is in the database and beside it, as bytes, and as text of every table."""
    with sqlite3.connect(folder / DATABASE) as database:
        tables = [
            row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type='table'")
        ]
        rows = [repr(database.execute(f"SELECT * FROM {name}").fetchall()) for name in tables]  # noqa: S608
    database.close()
    files = b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
    return files + "\n".join(rows).encode()


async def test_the_canary_is_found_where_it_would_be_told(tmp_path: Path, counter: Counter) -> None:
    await counter.link(redirect=REDIRECTS[0], state="a-state-that-is-kept")
    assert b"a-state-that-is-kept" in stored(tmp_path / "state")


async def test_what_is_typed_and_the_link_are_nowhere(
    tmp_path: Path,
    counter: Counter,
    logs: Callable[[], bytes],
) -> None:
    browser = Browser(counter.app())
    secrets = {CANARY, OTHER}
    link = await counter.link(redirect=REDIRECTS[0])
    mark = mark_in(await browser.open(link))
    secrets |= {link, mark}
    wrong = {"auth.username": OTHER, "auth.password": CANARY}
    assert (await browser.fill_in(link, wrong)).status_code == 422
    await browser.fill_in(link, wrong, mark="x")
    await browser.fill_in(link, {"auth.username": OTHER, "auth.password": f" {CANARY}"})
    for failure in (ValueError(f"a bug about {CANARY}"), Unauthorized(f"{CANARY} is wrong")):
        counter.system.fails.append(failure)
        await browser.fill_in(link, wrong)
    for path in (f"/connect/{link}/", f"/Connect/{link}", f"//connect/{link}", f"/x/{link}/y"):
        await browser.client.get(path)
    await browser.client.put(f"/connect/{link}")
    await browser.client.get(f"/connect/{link[:-1]}")
    counter.system.password = CANARY
    await counter.clock.turn(timedelta(minutes=1))
    page = await browser.fill_in(link, wrong)
    assert page.status_code == 200
    code = page.text.partition("?code=")[2][:43]
    secrets |= {code, link[:-1]}
    async with client(counter, await counter.token()) as admin:
        token = (await admin.post(EXCHANGE, json={"code": code})).json()["token"]
        await admin.post(EXCHANGE, json={"code": code})
    secrets.add(token)
    assert (await counter.kept())["auth.password"] == CANARY
    assert logs().count(b"request_answered") > 10
    everywhere = logs() + stored(tmp_path / "state")
    assert b"link.exchanged" in everywhere
    found = [secret for secret in secrets for form in forms(secret) if form in everywhere]
    assert not found
    await browser.client.aclose()


async def test_what_a_consent_is_made_of_is_nowhere(
    tmp_path: Path,
    counter: Counter,
    logs: Callable[[], bytes],
) -> None:
    await counter.declare(connection(auth=OAUTH))
    browser = Browser(counter.app())
    link, state = await sent_to_consent(counter, browser)
    await back(browser, code="wrong-Kanarienvogel", state=state)
    link, state = await sent_to_consent(counter, browser)
    assert (await back(browser, code="once", state=state)).status_code == 200
    verifier = counter.consents.redeemed[-1][2]
    everywhere = logs() + stored(tmp_path / "state")
    secrets = (link, state, verifier, "wrong-Kanarienvogel")
    assert b"connected" in everywhere
    assert not [one for one in secrets for form in forms(one) if form in everywhere]
    await browser.client.aclose()

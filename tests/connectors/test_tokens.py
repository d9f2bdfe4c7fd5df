"""Tokens of a customer's consent: renewed early, by one, kept, and not for ever."""

import asyncio
import base64
import logging
import traceback
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from reconciler.connectors.auth.flows import Step
from reconciler.connectors.courier import Courier
from reconciler.connectors.exchange import Ask
from reconciler.connectors.http import Wire
from reconciler.connectors.limits import Limiter, Rate, Retries
from reconciler.errors import (
    Invalid,
    Obstacle,
    RateLimited,
    ReconcilerError,
    Revoked,
    SecretMissing,
    ServerFault,
    SourceError,
    Unauthorized,
    Unreachable,
)
from reconciler.secrets.redactor import Redactor
from tests.connectors.authserver import CODE_AUTH, AuthServer, Office, client_of
from tests.connectors.conftest import TurnedClock
from tests.fakes import FakeSafe

SECOND = timedelta(seconds=1)


@pytest.fixture
def server(clock: TurnedClock) -> AuthServer:
    return AuthServer(clock)


@pytest.fixture
def safe(clock: TurnedClock) -> FakeSafe:
    return FakeSafe(clock)


@pytest.fixture
async def office(clock: TurnedClock, server: AuthServer, safe: FakeSafe) -> AsyncIterator[Office]:
    made = Office(clock, server, safe)
    yield made
    await made.close()


def consented(server: AuthServer, safe: FakeSafe, life: int = 3600) -> dict[str, str]:
    """Return what a customer's consent gave, kept in the safe."""
    safe.values["uid-1"] = server.tokens(life)
    return dict(safe.values["uid-1"])


@pytest.mark.parametrize(
    ("life", "margin"),
    [
        (36_000, 3600 * 1.125),  # a tenth of its life, and the jitter of a chance of a half
        (300, 60 * 1.125),  # a minute at least
        (100, 50),  # never before half of its life
    ],
)
async def test_a_token_is_renewed_before_it_ends(
    office: Office, server: AuthServer, safe: FakeSafe, life: int, margin: float
) -> None:
    connector = office.open(given=consented(server, safe, life))
    server.clock.time += timedelta(seconds=life - margin) - SECOND
    await connector.probe()
    assert server.asked == []
    server.clock.time += SECOND
    await connector.probe()
    assert server.asked == [
        {"grant_type": "refresh_token", "refresh_token": "canary-refresh-token-0"}
    ]
    assert server.used == ["canary-access-token-0", "canary-access-token-1"]


async def test_a_refresh_says_who_we_are_as_the_standard_encodes_it(
    office: Office, server: AuthServer, safe: FakeSafe
) -> None:
    await office.open(given=consented(server, safe, 0)).probe()
    assert client_of(server.headers[0]) == ("our-app", "canary-client-secret/+=")


async def test_a_token_is_looked_at_before_each_attempt_of_a_long_429(
    office: Office, server: AuthServer, safe: FakeSafe
) -> None:
    connector = office.open(given=consented(server, safe, 60))
    server.life = 60
    server.api = [httpx.Response(429, headers={"retry-after": "50"})] * 4
    await connector.probe()
    assert server.clock.slept == [50.0] * 4
    assert len(server.asked) == 4
    assert len(set(server.used)) == 5, "each attempt had the token that was good then"


async def test_a_token_that_lapses_in_the_turn_of_a_paused_host_is_renewed(
    office: Office, server: AuthServer, safe: FakeSafe
) -> None:
    connector = office.open(
        given=consented(server, safe, 60), rateLimit={"requests": 1, "per": "45s"}
    )
    await connector.probe()
    await connector.probe()
    assert server.used == ["canary-access-token-0", "canary-access-token-1"]


async def test_a_token_shorter_than_every_wait_ends_in_an_error_and_not_in_a_loop(
    office: Office, server: AuthServer, safe: FakeSafe
) -> None:
    server.life = 10
    connector = office.open(
        given=consented(server, safe, 10), rateLimit={"requests": 1, "per": "45s"}
    )
    await connector.probe()
    with pytest.raises(RateLimited, match="lapses faster"):
        await connector.probe()


async def test_a_token_of_unknown_life_is_renewed_once_when_it_is_refused(
    office: Office, server: AuthServer, safe: FakeSafe
) -> None:
    server.life = None
    consented(server, safe, 0)
    connector = office.open({**CODE_AUTH, "life": "20m"}, safe.values["uid-1"])
    await connector.probe()
    server.clock.time += timedelta(minutes=10)
    await connector.probe()
    assert len(server.asked) == 1, "its life is the manifest's"
    server.revoke()
    await connector.probe()
    assert len(server.asked) == 2


@pytest.mark.parametrize("hours", [-5, 5])
async def test_a_server_whose_clock_goes_wrong_gives_tokens_all_the_same(
    office: Office, server: AuthServer, safe: FakeSafe, hours: int
) -> None:
    server.skew = timedelta(hours=hours)
    connector = office.open(given=consented(server, safe, 0))
    for _ in range(3):
        await connector.probe()
        server.clock.time += timedelta(minutes=10)
    assert len(server.asked) == 1


async def test_a_second_refusal_is_final(
    office: Office, server: AuthServer, safe: FakeSafe
) -> None:
    connector = office.open(given=consented(server, safe))
    server.api = [httpx.Response(401), httpx.Response(401)]
    with pytest.raises(Unauthorized) as caught:
        await connector.probe()
    assert not isinstance(caught.value, Revoked)
    assert len(server.asked) == 1


async def test_fifty_tasks_of_five_connectors_make_one_refresh(
    office: Office, server: AuthServer, safe: FakeSafe
) -> None:
    given = consented(server, safe)
    connectors = [office.open(given=given) for _ in range(5)]
    server.clock.time += timedelta(hours=2)
    await asyncio.gather(*[one.probe() for one in connectors for _ in range(10)])
    assert len(server.asked) == 1
    assert set(server.used) == {"canary-access-token-1"}


async def test_fifty_tasks_that_are_refused_make_one_refresh(
    office: Office, server: AuthServer, safe: FakeSafe
) -> None:
    connectors = [office.open(given=consented(server, safe)) for _ in range(5)]
    server.revoke()
    await asyncio.gather(*[one.probe() for one in connectors for _ in range(10)])
    assert len(server.asked) == 1


async def test_who_waited_takes_what_another_process_obtained(
    office: Office, server: AuthServer, safe: FakeSafe
) -> None:
    old = consented(server, safe, 0)
    server.clock.time += timedelta(minutes=5)
    connector = office.open(given=old)
    safe.values["uid-1"] = {**server.tokens(), "oauth.access_token": "canary-access-by-another"}
    server.alive["canary-access-by-another"] = server.clock.now() + timedelta(hours=1)
    await connector.probe()
    assert server.asked == []
    assert server.used == ["canary-access-by-another"]


async def test_three_refreshes_in_a_row_each_use_the_token_of_the_one_before(
    office: Office, server: AuthServer, safe: FakeSafe
) -> None:
    connector = office.open(given=consented(server, safe))
    for _ in range(3):
        server.clock.time += timedelta(hours=1)
        await connector.probe()
    assert [form["refresh_token"][-1] for form in server.asked] == ["0", "1", "2"]
    assert safe.values["uid-1"]["oauth.refresh_token"] == "canary-refresh-token-3"


async def test_a_server_that_does_not_rotate_means_the_old_refresh_token_to_stay(
    office: Office, server: AuthServer, safe: FakeSafe
) -> None:
    server.rotates = False
    connector = office.open(given=consented(server, safe))
    for _ in range(2):
        server.clock.time += timedelta(hours=1)
        await connector.probe()
    assert safe.values["uid-1"]["oauth.refresh_token"] == "canary-refresh-token-0"
    assert len(server.asked) == 2


async def test_a_grant_that_is_gone_is_told_and_not_tried_again(
    office: Office, server: AuthServer, safe: FakeSafe
) -> None:
    given = consented(server, safe)
    server.clock.time += timedelta(hours=1)
    server.gone = True
    for _ in range(3):
        with pytest.raises(Revoked, match="invalid_grant") as caught:
            await office.open(given=given).probe()
        assert "reconciler connect" in caught.value.hint
        server.clock.time += timedelta(days=1)
    assert len(server.asked) == 1


async def test_a_new_consent_is_tried_after_a_grant_that_is_gone(
    office: Office, server: AuthServer, safe: FakeSafe
) -> None:
    given = consented(server, safe)
    server.clock.time += timedelta(hours=1)
    server.gone = True
    with pytest.raises(Revoked):
        await office.open(given=given).probe()
    server.gone, server.refresh = False, "canary-refresh-token-of-the-new-consent"
    await office.open(given=consented(server, safe, 0)).probe()
    assert len(server.asked) == 2


FAILURES: dict[str, tuple[httpx.Response | Exception, type[SourceError]]] = {
    "503": (httpx.Response(503), ServerFault),
    "429": (httpx.Response(429, headers={"retry-after": "20"}), RateLimited),
    "our client is not known": (
        httpx.Response(401, json={"error": "invalid_client"}),
        ServerFault,
    ),
    "html": (httpx.Response(200, text="<html>"), ServerFault),
    "elsewhere": (
        httpx.Response(302, headers={"location": "https://evil.example/"}),
        ServerFault,
    ),
    "no network": (httpx.ConnectError("no route"), Unreachable),
}


@pytest.mark.parametrize("name", sorted(FAILURES))
async def test_a_token_endpoint_that_fails_is_left_alone_for_half_a_minute(
    office: Office, server: AuthServer, safe: FakeSafe, name: str
) -> None:
    answer, kind = FAILURES[name]
    given = consented(server, safe)
    server.clock.time += timedelta(hours=1)
    server.failing = [answer]
    for _ in range(3):
        with pytest.raises(kind):
            await office.open(given=given).probe()
    assert len(server.asked) == 1
    server.clock.time += timedelta(seconds=30)
    await office.open(given=given).probe()
    assert len(server.asked) == 2


async def test_while_the_token_endpoint_is_down_a_token_is_used_as_long_as_it_is_good(
    office: Office, server: AuthServer, safe: FakeSafe
) -> None:
    connector = office.open(given=consented(server, safe))
    await connector.probe()
    server.clock.time += timedelta(minutes=55)
    server.failing = [httpx.Response(503)]
    await connector.probe()
    await connector.probe()
    assert len(server.asked) == 1
    server.clock.time += timedelta(seconds=31)
    await connector.probe()
    assert server.used == ["canary-access-token-0"] * 3 + ["canary-access-token-2"]


async def test_a_token_is_not_used_past_its_end_however_long_its_server_is_down(
    office: Office, server: AuthServer, safe: FakeSafe
) -> None:
    connector = office.open(given=consented(server, safe))
    server.clock.time += timedelta(minutes=59, seconds=50)
    server.failing = [httpx.Response(503)]
    await connector.probe()
    server.clock.time += timedelta(seconds=10)
    with pytest.raises(ServerFault):
        await connector.probe()
    assert server.used == ["canary-access-token-0"]


async def test_a_refusal_after_an_interrupted_refresh_says_so(
    office: Office, server: AuthServer, safe: FakeSafe
) -> None:
    given = consented(server, safe)
    server.clock.time += timedelta(hours=1)
    safe.interrupted.add("uid-1")
    server.gone = True
    with pytest.raises(Revoked, match="interrupted"):
        await office.open(given=given).probe()


async def test_without_a_consent_nothing_is_opened(office: Office) -> None:
    with pytest.raises(SecretMissing, match="not consented yet"):
        office.open(given={})


async def test_without_a_refresh_token_a_token_is_used_to_its_end(
    office: Office, server: AuthServer, safe: FakeSafe
) -> None:
    consented(server, safe)
    del safe.values["uid-1"]["oauth.refresh_token"]
    connector = office.open(given=safe.values["uid-1"])
    server.clock.time += timedelta(hours=1) - SECOND
    await connector.probe()
    server.clock.time += SECOND
    with pytest.raises(Revoked, match="no refresh token"):
        await connector.probe()
    assert server.asked == []


@pytest.mark.parametrize("uid", ["", "uid-1"])
async def test_what_is_only_tried_is_not_renewed_for_the_new_token_would_be_lost(
    clock: TurnedClock, server: AuthServer, safe: FakeSafe, uid: str
) -> None:
    office = Office(clock, server, safe=None if uid else safe)
    connector = office.open(given=consented(server, safe), uid=uid)
    await connector.probe()
    clock.time += timedelta(hours=1)
    with pytest.raises(Unauthorized, match="only tried"):
        await connector.probe()
    assert server.asked == []
    await office.close()


@pytest.mark.parametrize(
    "url", ["http://login.example/token", "ftp://login.example", "nowhere", ""]
)
def test_tokens_are_asked_for_over_https(office: Office, server: AuthServer, url: str) -> None:
    with pytest.raises(Invalid, match="no https address"):
        office.open({**CODE_AUTH, "tokenUrl": url}, server.tokens())


@pytest.mark.parametrize("host", ["127.0.0.1:9", "localhost:9", "[::1]:9"])
def test_this_machine_is_asked_over_http_too(office: Office, server: AuthServer, host: str) -> None:
    office.open({**CODE_AUTH, "tokenUrl": f"http://{host}/token"}, server.tokens())


@pytest.mark.parametrize("status", [400, 401, 500])
async def test_tokens_are_in_no_message_repr_trace_or_log(
    office: Office,
    server: AuthServer,
    safe: FakeSafe,
    status: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    given = consented(server, safe)
    server.clock.time += timedelta(hours=1)
    pair = base64.b64encode(b"our-app:canary-client-secret%2F%2B%3D").decode()
    echo = f"{given} canary-client-secret/+= canary-client-secret%2F%2B%3D {pair}"
    server.failing = [httpx.Response(status, json={"error": echo, "error_description": echo})]
    connector: Any = office.open(given=given)
    with pytest.raises(ReconcilerError) as caught:
        await connector.probe()
    error = caught.value
    shown = [str(error), repr(error), error.hint, "".join(traceback.format_exception(error))]
    keeper = connector._channel.keeper
    shown += [
        caplog.text,
        repr(connector),
        repr(keeper),
        repr(keeper._source),
        repr(keeper._session),
    ]
    assert not [text for text in shown if "canary" in text or pair in text]


async def test_a_token_that_the_system_repeats_is_taken_out(
    office: Office, server: AuthServer, safe: FakeSafe
) -> None:
    connector = office.open(given=consented(server, safe, 0))
    server.api = [
        httpx.Response(403, text="canary-access-token-1 canary-refresh-token-1 may not do this")
    ]
    with pytest.raises(SourceError, match="may not do this") as caught:
        await connector.probe()
    assert "canary" not in str(caught.value)


async def test_a_server_of_tokens_that_says_nothing_is_not_waited_for(clock: TurnedClock) -> None:
    async def silent(_request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    wire = Wire(
        clock, Redactor(), timeout=timedelta(hours=1), transport=httpx.MockTransport(silent)
    )
    courier = Courier(
        wire, Retries(clock, Limiter(clock, "x", Rate())), within=timedelta(milliseconds=1)
    )
    with pytest.raises(Unreachable, match="no answer within") as caught:
        await courier.once(Step(Ask("POST", "https://login.example/token"), str))
    assert caught.value.obstacle is Obstacle.TIMEOUT
    await wire.close()

"""Connecting: tried live, kept only if taken, once, with all that belongs to it in one transaction."""

import asyncio
from datetime import timedelta

import pytest

from reconciler.engine.connecting import (
    MOST_TRIES,
    Accepted,
    Closed,
    Misfit,
    Opened,
    Outcome,
    Paced,
    Refusal,
    Spent,
)
from reconciler.engine.linking import By
from reconciler.errors import (
    Forbidden,
    RateLimited,
    ReconcilerError,
    StoreUnavailable,
    Unauthorized,
    Unreachable,
)
from reconciler.model.connection import ConnectionStatus
from reconciler.model.link import LinkState
from tests.connect.making import GIVEN, OAUTH, REDIRECTS, Counter, connection

GOOD = {"auth.username": "ada", "auth.password": "right horse battery"}
BAD = {"auth.username": "ada", "auth.password": "wrong"}
DESK = By("api:desk")


@pytest.fixture
def counter(kept_counter: Counter) -> Counter:
    """All of this holds in memory and on SQLite."""
    return kept_counter


async def slowly(counter: Counter, text: str, form: dict[str, str], times: int) -> list[Outcome]:
    """Offer *form* so many times, a minute apart."""
    outcomes = []
    for _ in range(times):
        outcomes.append(await counter.connecting.offer(text, form))
        await counter.clock.turn(timedelta(minutes=1))
    return outcomes


async def test_what_the_system_takes_is_kept_and_the_link_is_used(counter: Counter) -> None:
    text = await counter.link()
    outcome = await counter.connecting.offer(text, GOOD)
    assert isinstance(outcome, Accepted)
    assert (outcome.token, outcome.go_to) == (None, None)
    assert await counter.kept() == GOOD
    link = await counter.newest()
    assert link.stands(counter.clock.now()) is LinkState.USED
    sealed = await counter.store.views.credentials(await counter.uid())
    assert {one.updated_by for one in sealed.values()} == {f"link:{link.id}"}
    state = (await counter.store.views.connection_states())[await counter.uid()]
    assert state.status is ConnectionStatus.ONLINE
    newest = next(iter(await counter.store.views.events()))
    assert newest.subject == "Connection/acme"
    entry = (await counter.store.views.audit())[-1]
    assert (entry.deed, entry.actor) == ("connection.connected", f"link:{link.id}")
    assert list(entry.data["fields"]) == ["auth.password", "auth.username"]
    assert counter.reconnection.followed == ["acme"]
    assert counter.system.closed == 1


async def test_what_the_system_refuses_is_not_kept_and_the_link_stays_open(
    counter: Counter,
) -> None:
    text = await counter.link()
    before = await counter.store.views.audit()
    outcome = await counter.connecting.offer(text, BAD)
    assert isinstance(outcome, Refusal)
    assert isinstance(outcome.error, Unauthorized)
    assert outcome.left == MOST_TRIES - 1
    assert await counter.kept() == {}
    assert await counter.store.views.audit() == before
    assert counter.reconnection.followed == []
    assert counter.system.closed == 1
    assert isinstance(await counter.connecting.offer(text, GOOD), Accepted)


async def test_what_does_not_fit_is_not_sent_to_the_system(counter: Counter) -> None:
    text = await counter.link()
    outcome = await counter.connecting.offer(text, {"auth.username": "ada"})
    assert outcome == Misfit({"auth.password": "Please fill this in."})
    assert counter.system.seen == []
    assert (await counter.newest()).tries == 0


async def test_a_link_is_locked_after_ten_refused_credentials_for_good_ones_too(
    counter: Counter,
) -> None:
    text = await counter.link()
    outcomes = await slowly(counter, text, BAD, MOST_TRIES)
    assert [one.left for one in outcomes if isinstance(one, Refusal)] == [*range(9, -1, -1)]
    assert await counter.connecting.offer(text, GOOD) == Spent()
    assert await counter.connecting.look(text) == Spent()
    assert len(counter.system.seen) == MOST_TRIES


async def test_a_link_is_tried_five_times_a_minute_at_most(counter: Counter) -> None:
    text = await counter.link()
    for _ in range(5):
        await counter.connecting.offer(text, BAD)
    assert await counter.connecting.offer(text, GOOD) == Paced(timedelta(minutes=1))
    assert len(counter.system.seen) == 5
    await counter.clock.turn(timedelta(minutes=1))
    assert isinstance(await counter.connecting.offer(text, GOOD), Accepted)


@pytest.mark.parametrize(
    "error", [Unreachable("no answer"), RateLimited("slow down"), ReconcilerError("fault")]
)
async def test_a_system_that_judged_nothing_takes_no_try_away(
    counter: Counter, error: ReconcilerError
) -> None:
    text = await counter.link()
    counter.system.fails.append(error)
    assert await counter.connecting.offer(text, GOOD) == Refusal(error, MOST_TRIES)
    assert (await counter.newest()).tries == 0


async def test_an_account_without_rights_counts_as_refused(counter: Counter) -> None:
    text = await counter.link()
    counter.system.fails.append(Forbidden("may not read"))
    outcome = await counter.connecting.offer(text, GOOD)
    assert isinstance(outcome, Refusal)
    assert (await counter.newest()).tries == 1
    assert await counter.kept() == {}


async def test_a_fault_of_ours_takes_no_try_away_and_keeps_nothing(counter: Counter) -> None:
    text = await counter.link()
    counter.system.fails.append(ValueError("a bug"))
    with pytest.raises(ValueError, match="a bug"):
        await counter.connecting.offer(text, GOOD)
    assert (await counter.newest()).tries == 0
    counter.reconnection.breaks = StoreUnavailable("disk full")
    with pytest.raises(StoreUnavailable):
        await counter.connecting.offer(text, GOOD)
    assert await counter.kept() == {}
    assert (await counter.newest()).stands(counter.clock.now()) is LinkState.OPEN


async def test_the_same_link_posted_twice_at_once_is_accepted_once(counter: Counter) -> None:
    text = await counter.link(shown=True)
    both = asyncio.Barrier(2)
    counter.system.during = both.wait  # each is with the system before either is kept
    async with asyncio.timeout(20):
        outcomes = await asyncio.gather(*(counter.connecting.offer(text, GOOD) for _ in range(2)))
    assert sorted(type(one).__name__ for one in outcomes) == ["Accepted", "Closed"]
    assert Closed(LinkState.USED) in outcomes
    assert len([one for one in await counter.store.views.tokens() if one.connection]) == 1
    deeds = [one.deed for one in await counter.store.views.audit()]
    assert deeds.count("connection.connected") == 1


async def test_tries_at_once_are_not_more_than_there_may_be(counter: Counter) -> None:
    text = await counter.link()
    await slowly(counter, text, BAD, MOST_TRIES - 1)
    outcomes = await asyncio.gather(*(counter.connecting.offer(text, BAD) for _ in range(4)))
    assert sum(isinstance(one, Refusal) for one in outcomes) == 1
    assert len(counter.system.seen) == MOST_TRIES


async def test_a_link_that_is_used_expired_revoked_or_unknown_opens_nothing(
    counter: Counter,
) -> None:
    used = await counter.link()
    await counter.connecting.offer(used, GOOD)
    revoked = await counter.link()
    expired = await counter.link(lives=timedelta(hours=1))
    unknown = revoked[:-1] + ("A" if revoked[-1] != "A" else "Q")
    await counter.clock.turn(timedelta(hours=1))
    for text, state in (
        (used, LinkState.USED),
        (revoked, LinkState.REVOKED),
        (expired, LinkState.EXPIRED),
        (unknown, None),
        ("", None),
        ("../../etc/passwd", None),
    ):
        assert await counter.connecting.look(text) == Closed(state)
        assert await counter.connecting.offer(text, GOOD) == Closed(state)
    assert len(counter.system.seen) == 1


async def test_the_link_of_a_connection_that_is_gone_says_nothing_of_it(counter: Counter) -> None:
    text = await counter.link()
    await counter.declare(connection("beta"))
    assert await counter.connecting.look(text) == Closed(None)


async def test_a_link_that_is_revoked_while_the_system_is_asked_keeps_nothing(
    counter: Counter,
) -> None:
    text = await counter.link()

    async def revoke() -> None:
        await counter.links.revoke("acme", (await counter.newest()).id, DESK)

    counter.system.during = revoke
    assert await counter.connecting.offer(text, GOOD) == Closed(LinkState.REVOKED)
    assert await counter.kept() == {}


async def test_a_customer_leads_us_nowhere_that_is_not_public(counter: Counter) -> None:
    await counter.declare(connection(config={"base_url": GIVEN}))
    text = await counter.link()
    outcome = await counter.connecting.offer(text, {**GOOD, "config.base_url": "http://10.0.0.1"})
    assert isinstance(outcome, Misfit)
    assert list(outcome.wrong) == ["config.base_url"]
    assert counter.system.seen == []
    fine = await counter.connecting.offer(text, {**GOOD, "config.base_url": "erp.acme.example"})
    assert isinstance(fine, Accepted)
    assert (await counter.kept())["config.base_url"] == "https://erp.acme.example"


async def test_what_comes_after_may_fail_and_the_customer_is_done(counter: Counter) -> None:
    counter.reconnection.fails = StoreUnavailable("busy")
    assert isinstance(await counter.connecting.offer(await counter.link(), GOOD), Accepted)
    assert await counter.kept() == GOOD


async def test_a_token_that_is_shown_is_made_with_the_rest_and_ends_the_one_before(
    counter: Counter,
) -> None:
    first = await counter.connecting.offer(await counter.link(shown=True), GOOD)
    text = await counter.link(shown=True, grace=timedelta(hours=1))
    second = await counter.connecting.offer(text, GOOD)
    assert isinstance(first, Accepted)
    assert isinstance(second, Accepted)
    assert first.token
    assert second.token
    assert first.token != second.token
    assert second.token not in repr(second)
    now = counter.clock.now()
    ends = [one.revoked_at for one in await counter.store.views.tokens()]
    assert sorted(ends, key=str) == [now + timedelta(hours=1), None]
    link = await counter.newest()
    assert await counter.handing.by_link(link.id, DESK) is None, "it was handed over already"


# ── the token, fetched by the back end ───────────────────────────────────────────────────────────


async def used_with_a_code(counter: Counter) -> str:
    """Return the code that a customer's browser carries to the redirect address."""
    text = await counter.link(redirect=REDIRECTS[0], state="s-1")
    outcome = await counter.connecting.offer(text, GOOD)
    assert isinstance(outcome, Accepted)
    assert outcome.token is None
    address, _, query = (outcome.go_to or "").partition("?")
    assert address == REDIRECTS[0]
    pairs = dict(pair.split("=") for pair in query.split("&"))
    assert pairs.keys() == {"code", "state"}
    assert pairs["state"] == "s-1"
    return pairs["code"]


async def test_a_code_is_exchanged_for_the_token_once(counter: Counter) -> None:
    code = await used_with_a_code(counter)
    assert list(await counter.store.views.tokens()) == [], "nothing is made before it is in hand"
    handed = await counter.handing.by_code(code, DESK)
    assert handed is not None
    assert handed.connection == "acme"
    assert handed.text not in repr(handed)
    assert [one.id for one in await counter.store.views.tokens()] == [handed.token.id]
    assert await counter.handing.by_code(code, DESK) is None
    entry = (await counter.store.views.audit())[-1]
    assert (entry.deed, entry.actor) == ("link.exchanged", "api:desk")


async def test_a_code_exchanged_twice_at_once_gives_one_token(counter: Counter) -> None:
    code = await used_with_a_code(counter)
    both = await asyncio.gather(*(counter.handing.by_code(code, DESK) for _ in range(2)))
    assert sum(one is not None for one in both) == 1
    assert len(await counter.store.views.tokens()) == 1


async def test_a_code_is_good_for_ten_minutes(counter: Counter) -> None:
    code = await used_with_a_code(counter)
    await counter.clock.turn(timedelta(minutes=10))
    assert await counter.handing.by_code(code, DESK) is None
    assert list(await counter.store.views.tokens()) == []


async def test_a_code_is_for_who_may_have_tokens_of_its_connection(counter: Counter) -> None:
    code = await used_with_a_code(counter)
    assert await counter.handing.by_code(code, DESK, only=frozenset({"another"})) is None
    assert (
        await counter.handing.by_code(code, DESK, only=frozenset({await counter.uid()})) is not None
    )


async def test_a_code_that_is_none_gives_nothing(counter: Counter) -> None:
    code = await used_with_a_code(counter)
    for text in (
        "",
        "x",
        code[:-1],
        code[:-1] + ("A" if code[-1] != "A" else "Q"),
        (await counter.newest()).id,
    ):
        assert await counter.handing.by_code(text, DESK) is None


async def test_where_there_is_no_code_the_link_s_id_is_exchanged_once_within_a_day(
    counter: Counter,
) -> None:
    await counter.connecting.offer(await counter.link(), GOOD)
    link = await counter.newest()
    assert await counter.handing.by_link(link.id, DESK) is not None
    assert await counter.handing.by_link(link.id, DESK) is None
    await counter.connecting.offer(await counter.link(), GOOD)
    await counter.clock.turn(timedelta(days=1))
    assert await counter.handing.by_link((await counter.newest()).id, DESK) is None
    assert await counter.handing.by_link("lnk_nothing", DESK) is None


async def test_where_there_is_a_code_the_link_s_id_gives_nothing(counter: Counter) -> None:
    await used_with_a_code(counter)
    assert await counter.handing.by_link((await counter.newest()).id, DESK) is None


async def test_the_id_of_a_link_that_is_still_open_gives_nothing(counter: Counter) -> None:
    await counter.link()
    assert await counter.handing.by_link((await counter.newest()).id, DESK) is None


# ── consents ─────────────────────────────────────────────────────────────────────────────────────


async def test_what_a_consent_gives_is_tried_and_kept(counter: Counter) -> None:
    await counter.declare(connection(auth=OAUTH))
    text = await counter.link()
    opened = await counter.connecting.look(text)
    assert isinstance(opened, Opened)
    assert opened.consents
    assert isinstance(await counter.connecting.offer(text, GOOD), Misfit), (
        "there is nothing to type"
    )
    outcome = await counter.connecting.redeem(text, code="once", redirect="r", verifier="v")
    assert isinstance(outcome, Accepted)
    assert await counter.kept() == {
        "oauth.access_token": "granted",
        "oauth.refresh_token": "anew",
    }
    assert counter.consents.redeemed == [("once", "r", "v")]


async def test_a_code_of_a_consent_that_is_not_good_is_a_refused_try(counter: Counter) -> None:
    await counter.declare(connection(auth=OAUTH))
    text = await counter.link()
    outcome = await counter.connecting.redeem(text, code="other", redirect="r", verifier="v")
    assert isinstance(outcome, Refusal)
    assert (await counter.newest()).tries == 1
    assert await counter.kept() == {}


async def test_a_connection_without_a_consent_redeems_nothing(counter: Counter) -> None:
    text = await counter.link()
    outcome = await counter.connecting.redeem(text, code="once", redirect="r", verifier="v")
    assert outcome == Closed(None)
    assert counter.consents.redeemed == []

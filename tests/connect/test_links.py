"""Links: what may be asked of one, where it may lead, and that it is kept without its text."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.engine.linking import By
from reconciler.engine.links import (
    LinkWish,
    check_redirect,
    check_wish,
    digest_of,
    read_origins,
    read_redirects,
    sent_back,
    text_of,
)
from reconciler.errors import Invalid, NotFound
from reconciler.model.link import LinkState
from tests.connect.making import GIVEN, OAUTH, Counter, connection

ADA = By("cli:ada")
ALLOWED = ("https://app.example.com", "https://b.example.com/done", "https://c.example.com/d/")


@given(st.binary(min_size=32, max_size=32))
def test_a_text_is_43_characters_of_a_url_and_is_found_by_its_digest(chance: bytes) -> None:
    text = text_of(chance)
    assert len(text) == 43
    assert len(digest_of(text) or b"") == 32


@pytest.mark.parametrize("text", ["", "a", "a" * 42, "a" * 44, "ä" * 43, "a" * 42 + "\n", "." * 43])
def test_what_is_no_link_by_its_form_is_not_looked_for(text: str) -> None:
    assert digest_of(text) is None


@pytest.mark.parametrize(
    "address",
    [
        "https://app.example.com",
        "https://app.example.com/",
        "https://APP.example.com:443/any/thing?x=1",
        "https://b.example.com/done",
        "https://b.example.com/done/here?x=1",
        "https://c.example.com/d/e",
    ],
)
def test_customers_may_be_sent_to_what_the_operator_allows(address: str) -> None:
    check_redirect(address, ALLOWED)


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example",
        "https://app.example.com.evil.example/",
        "https://app.example.com:8443/",
        "http://app.example.com/",
        "https://app.example.com@evil.example/",
        "https://evil.example\\@app.example.com/",
        "https://app.example.com/#x",
        "https://b.example.com/doner",
        "https://b.example.com/done/../other",
        "https://b.example.com/done/%2e%2e/other",
        "https://b.example.com/done/..%2fother",
        "https://c.example.com/d",
        "https://app.example.com/?code=1",
        "https://app.example.com/?a=1&state=",
        "https://app.example.com/ x",
        "https://app.example.com/\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        "data:text/html,x",
        "//app.example.com/",
        "/relative",
        "https://",
        "https://app.example.com:99999/",
        "https://[::1/",
        "https://app.example.com/" + "a" * 3000,
    ],
)
def test_customers_are_sent_nowhere_else(address: str) -> None:
    with pytest.raises(Invalid):
        check_redirect(address, ALLOWED)


def test_without_a_list_customers_are_sent_nowhere() -> None:
    with pytest.raises(Invalid, match="are not sent to") as raised:
        check_wish(LinkWish(redirect="https://app.example.com/"), ())
    assert "RECONCILER_CONNECT_REDIRECTS" in raised.value.hint


def test_plain_http_is_for_this_machine_alone() -> None:
    check_redirect("http://127.0.0.1:3000/done", ("http://127.0.0.1:3000",))
    with pytest.raises(Invalid, match="CONNECT_REDIRECTS"):
        read_redirects("https://a.example http://b.example")
    with pytest.raises(Invalid, match="no origin"):
        read_origins("https://a.example/x", "RECONCILER_CONNECT_FRAMES")
    assert read_origins("https://a.example, https://B.example:443", "S") == (
        "https://a.example",
        "https://b.example",
    )


@pytest.mark.parametrize(
    "wish",
    [
        LinkWish(lives=timedelta(minutes=59)),
        LinkWish(lives=timedelta(days=7, seconds=1)),
        LinkWish(grace=timedelta(seconds=-1)),
        LinkWish(grace=timedelta(days=8)),
        LinkWish(state="x"),
        LinkWish(redirect=ALLOWED[0], state="a\nb"),
        LinkWish(redirect=ALLOWED[0], state="ä"),
        LinkWish(redirect=ALLOWED[0], state="a" * 1025),
        LinkWish(redirect=ALLOWED[0], shown=True),
    ],
)
def test_a_wish_out_of_bounds_is_refused(wish: LinkWish) -> None:
    with pytest.raises(Invalid):
        check_wish(wish, ALLOWED)


def test_what_goes_along_with_a_redirect_is_encoded() -> None:
    back = sent_back("https://a.example/x?y=1", [("code", "c"), ("state", "a&b=c d")])
    assert back == "https://a.example/x?y=1&code=c&state=a%26b%3Dc+d"
    assert sent_back("https://a.example/x", [("code", "c"), ("state", "")]) == (
        "https://a.example/x?code=c"
    )


async def test_a_new_link_is_kept_by_its_digest_and_told_in_the_audit_log(counter: Counter) -> None:
    text = await counter.link(lives=timedelta(hours=2))
    link = await counter.newest()
    assert link.digest == digest_of(text)
    assert link.expires_at == counter.clock.now() + timedelta(hours=2)
    entry = (await counter.store.views.audit())[-1]
    assert (entry.deed, entry.actor, entry.subject) == (
        "link.created",
        "cli:ada",
        "Connection/acme",
    )
    assert text not in repr(link) + repr(entry)


async def test_a_new_link_ends_the_older_open_ones_of_its_connection_alone(
    counter: Counter,
) -> None:
    await counter.declare(connection(), connection("beta"))
    await counter.link("beta")
    await counter.link()
    await counter.link()
    states = [
        (await counter.links.listed("acme"))[number].stands(counter.clock.now())
        for number in range(2)
    ]
    assert sorted(states) == [LinkState.OPEN, LinkState.REVOKED]
    assert (await counter.links.listed("beta"))[0].revoked_at is None


async def test_a_link_is_revoked_once_and_stays_what_it_was_when_it_is_over(
    counter: Counter,
) -> None:
    await counter.link()
    link = await counter.newest()
    await counter.links.revoke("acme", link.id, ADA)
    revoked = await counter.newest()
    assert revoked.stands(counter.clock.now()) is LinkState.REVOKED
    await counter.clock.turn(timedelta(minutes=1))
    await counter.links.revoke("acme", link.id, ADA)
    assert (await counter.newest()) == revoked
    deeds = [one.deed for one in await counter.store.views.audit()]
    assert deeds.count("link.revoked") == 1


async def test_only_links_of_the_connection_itself_are_revoked(counter: Counter) -> None:
    await counter.declare(connection(), connection("beta"))
    await counter.link()
    with pytest.raises(NotFound):
        await counter.links.revoke("beta", (await counter.newest()).id, ADA)
    with pytest.raises(NotFound):
        await counter.links.mint("nobody", LinkWish(), ADA)


async def test_a_connection_that_asks_nothing_of_its_customer_has_no_links(
    counter: Counter,
) -> None:
    auth = {"method": "password", "username": "u", "password": {"env": "P"}}
    await counter.declare(connection(auth=auth))
    with pytest.raises(Invalid, match="asks its customer for nothing"):
        await counter.link()


async def test_a_consent_and_fields_beside_it_are_one_too_many(counter: Counter) -> None:
    await counter.declare(connection(auth=OAUTH))
    await counter.link()
    await counter.declare(connection(auth=OAUTH, config={"base_url": GIVEN}))
    with pytest.raises(Invalid, match="one too many"):
        await counter.link()

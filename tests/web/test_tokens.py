"""Tokens made, listed, replaced and ended through the API, and what the audit log says of them."""

from datetime import timedelta
from typing import Any

import pytest

from reconciler.model.access import Scope
from reconciler.model.audit import AuditEntry, broken_link
from reconciler.model.change import Delete, Replace
from reconciler.model.resource import Kind, ResourceKey, with_body
from reconciler.web.needs import Policy
from tests.web.conftest import Site, client_of
from tests.web.making import NOON, READ, declare, issue, keep_orders

TOKENS = "/api/v1/tokens"
ME = "/api/v1/me"
ADMIN = frozenset({Scope.ADMIN})


async def made(site: Site, **body: Any) -> dict[str, Any]:
    answer = await site.post(TOKENS, {"name": "desk", **body})
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def works(site: Site, text: str, path: str = ME) -> bool:
    async with client_of(site.app, text) as client:
        answer = await client.get(path)
    assert answer.status_code in {200, 401}
    return answer.status_code == 200


async def deeds(site: Site) -> list[AuditEntry]:
    entries = list(await site.store.views.audit())
    assert broken_link(entries) is None
    return [one for one in entries if one.deed.startswith("token.")]


async def test_a_token_is_made_its_text_told_once_and_kept_by_no_cache(site: Site) -> None:
    answer = await site.post(
        TOKENS,
        {
            "name": "acme",
            "description": "their back end",
            "role": "operator",
            "selector": {"customer": "acme"},
            "networks": ["127.0.0.0/8", "10.0.0.0/8"],
            "expires_at": "2026-04-01T00:00:00Z",
        },
    )
    told = answer.json()
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    text = told.pop("text")
    shown = await site.get(answer.headers["location"])
    assert shown.json() == told
    assert told["prefix"] == "_".join(text.split("_")[:2]) + "_…"
    assert told["scopes"] == ["read:records", "read:status", "run:sync"]
    assert (told["role"], told["state"]) == ("operator", "valid")
    assert told["networks"] == ["10.0.0.0/8", "127.0.0.0/8"]
    assert told["created_by"] == "api:token 1"
    async with client_of(site.app, text) as client:
        me = (await client.get(ME)).json()
    assert (me["selector"], me["role"]) == ({"customer": "acme"}, "operator")
    assert (me["description"], me["networks"]) == ("their back end", told["networks"])
    assert text.split("_", 2)[2][:43] not in repr(await site.store.views.tokens())


async def test_without_role_and_scopes_a_token_reads(site: Site) -> None:
    told = await made(site)
    assert (told["role"], told["scopes"]) == ("reader", ["read:records", "read:status"])
    assert (told["connection"], told["selector"]) == (None, None)
    more = await made(site, role="viewer", scopes=["run:sync"])
    assert more["scopes"] == ["read:status", "run:sync"]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "body.name"),
        ({"name": ""}, "body.name"),
        ({"name": "a\nb"}, "body.name"),
        ({"name": "a", "role": "owner"}, "body.role"),
        ({"name": "a", "scopes": ["read:all"]}, "body.scopes.0"),
        ({"name": "a", "networks": ["10.0.0.1/8"]}, "body.networks"),
        ({"name": "a", "networks": ["here"]}, "body.networks"),
        ({"name": "a", "selector": {}}, "body.selector"),
        ({"name": "a", "selector": {"a b": "c"}}, "body.selector"),
        ({"name": "a", "connection": "acme", "selector": {"a": "b"}}, "body.selector"),
        ({"name": "a", "expires_at": "2026-03-02T12:00:00Z"}, "body.expires_at"),
        ({"name": "a", "text": "rcn_mine"}, "body.text"),
    ],
)
async def test_what_makes_no_token_is_said_with_its_place(
    site: Site, body: dict[str, Any], where: str
) -> None:
    answer = await site.post(TOKENS, body)
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_CONTENT")
    assert answer.json()["errors"][0]["where"] == where
    assert len(await site.store.views.tokens()) == 1


async def test_a_version_that_is_not_served_is_refused(site: Site) -> None:
    answer = await site.post(TOKENS, {"name": "a", "api_version": "2020-01-01"})
    assert answer.json()["code"] == "UNSUPPORTED_VERSION"


async def test_tokens_are_listed_page_by_page_without_texts(site: Site) -> None:
    texts = []
    for number in range(5):
        site.clock.turn(seconds=1)
        texts.append((await made(site, name=f"n{number}"))["text"])
    names: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        answer = (await site.client.get(TOKENS, params=query)).json()
        names += [one["name"] for one in answer["data"]]
        assert not any(text in str(answer) for text in texts)
        if answer["next_cursor"] is None:
            break
        query["cursor"] = answer["next_cursor"]
    assert names == ["n4", "n3", "n2", "n1", "n0", "token 1"]


async def test_a_revoked_token_is_worthless_at_once(site: Site) -> None:
    told = await made(site)
    assert await works(site, told["text"])
    for _ in range(2):
        assert (await site.client.delete(f"{TOKENS}/{told['id']}")).status_code == 204
    assert not await works(site, told["text"])
    shown = (await site.get(f"{TOKENS}/{told['id']}")).json()
    assert (shown["state"], shown["revoked_at"]) == ("revoked", "2026-03-02T12:00:00Z")
    assert [one.deed for one in await deeds(site)].count("token.revoked") == 1


async def test_a_rotated_token_dies_at_once_unless_it_is_given_a_grace(site: Site) -> None:
    limits = {"role": "editor", "selector": {"customer": "acme"}, "networks": ["127.0.0.0/8"]}
    first = await made(site, **limits, description="d", expires_at="2026-03-03T12:00:00Z")
    site.clock.turn(hours=1)
    second = (await site.post(f"{TOKENS}/{first['id']}/rotate")).json()
    assert not await works(site, first["text"])
    third = await site.post(f"{TOKENS}/{second['id']}/rotate", {"grace": "24h"})
    assert (third.status_code, third.headers["cache-control"]) == (201, "no-store")
    new = third.json()
    for same in ("name", "role", "scopes", "selector", "networks", "description", "api_version"):
        assert new[same] == first[same]
    assert new["expires_at"] == "2026-03-03T13:00:00Z", "as long again"
    assert len({first["text"], second["text"], new["text"]}) == 3
    old = (await site.get(f"{TOKENS}/{second['id']}")).json()
    assert (old["state"], old["replaced_by"]) == ("retiring", new["id"])
    site.clock.turn(hours=23, minutes=59)
    assert await works(site, second["text"])
    assert await works(site, new["text"])
    site.clock.turn(minutes=1)
    assert not await works(site, second["text"])


async def test_only_a_good_token_is_rotated(site: Site) -> None:
    first = await made(site)
    new = (await site.post(f"{TOKENS}/{first['id']}/rotate", {"grace": "1h"})).json()
    again = await site.post(f"{TOKENS}/{first['id']}/rotate")
    assert (again.status_code, new["id"] in again.json()["detail"]) == (409, True)
    await site.client.delete(f"{TOKENS}/{new['id']}")
    assert (await site.post(f"{TOKENS}/{new['id']}/rotate")).status_code == 409
    assert (await site.post(f"{TOKENS}/nosuch/rotate")).status_code == 404
    long = await site.post(f"{TOKENS}/{first['id']}/rotate", {"grace": "31d"})
    assert (long.status_code, long.json()["errors"][0]["where"]) == (422, "body.grace")


async def test_a_token_of_one_connection_is_made_for_its_back_end(site: Site) -> None:
    await keep_orders(site.store, "1", of="acme")
    await keep_orders(site.store, "2", of="beta")
    answer = await site.post("/api/v1/connections/acme/tokens", {"networks": ["127.0.0.1"]})
    told = answer.json()
    assert (told["name"], told["connection"], told["role"]) == ("acme", "acme", "reader")
    async with client_of(site.app, told["text"]) as client:
        orders = (await client.get("/api/v1/purchase-orders")).json()["data"]
    assert [one["connection_id"] for one in orders] == ["acme"]
    assert (await site.post("/api/v1/connections/nobody/tokens")).status_code == 404
    both = await site.post("/api/v1/connections/acme/tokens", {"selector": {"a": "b"}})
    assert both.status_code == 422


@pytest.mark.parametrize("way", ["deleted", "replaced"])
async def test_a_connections_tokens_die_with_it_those_in_their_grace_too(
    site: Site, way: str
) -> None:
    """And stay dead when a connection of that name is there again, under the same uid."""
    first = (await site.post("/api/v1/connections/acme/tokens")).json()
    second = (await site.post(f"{TOKENS}/{first['id']}/rotate", {"grace": "24h"})).json()
    assert await works(site, first["text"])
    assert await works(site, second["text"])
    state = await site.store.views.state()
    before = state.resources[ResourceKey(Kind.CONNECTION, "acme")]
    body = dict(before.body)
    after = with_body(before, {**body, "spec": {**body["spec"], "connector": "sap"}})
    change = Delete(before) if way == "deleted" else Replace(before, after, (), ())
    async with site.store.begin() as unit:
        await unit.objects.advance_generation(1, revision="r2", at=NOON)
        await unit.objects.put(change, actor="ada", at=NOON)
        await unit.commit()
    assert not await works(site, first["text"])
    assert not await works(site, second["text"])
    if way == "deleted":
        await declare(site.store, "acme", base=2)
    for one in (first, second):
        assert not await works(site, one["text"])
        assert (await site.get(f"{TOKENS}/{one['id']}")).json()["state"] == "revoked"
    fresh = (await site.post("/api/v1/connections/acme/tokens")).json()
    assert await works(site, fresh["text"])


async def test_an_administrator_of_some_connections_makes_tokens_over_those_alone(
    site: Site,
) -> None:
    everyone = await issue(site.store, 7, READ)
    theirs = await issue(site.store, 8, READ, "acme")
    selects = await issue(site.store, 6, READ, selector=(("customer", "acme"),))
    texts = [
        await issue(site.store, 9, ADMIN, selector=(("customer", "beta"),)),
        await issue(site.store, 10, ADMIN, "beta"),
    ]
    for text in texts:
        async with client_of(site.app, text) as client:
            for body in ({}, {"selector": {"customer": "acme"}}, {"selector": {"plant": "a"}}):
                refused = await client.post(TOKENS, json={"name": "x", **body})
                assert refused.status_code == 403, body
            foreign = await client.post(TOKENS, json={"name": "x", "connection": "acme"})
            missing = await client.post(TOKENS, json={"name": "x", "connection": "nobody"})
            assert (foreign.status_code, missing.status_code) == (404, 404)
            own = await client.post(TOKENS, json={"name": "x", "connection": "beta"})
            assert own.status_code == 201
            listed = (await client.get(TOKENS)).json()["data"]
            ids = {one["id"] for one in listed}
            assert own.json()["id"] in ids
            for other in (everyone, theirs, selects):
                ident = other.split("_")[1]
                assert ident not in ids
                for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/rotate")):
                    answer = await client.request(method, f"{TOKENS}/{ident}{path}")
                    assert answer.status_code == 404
    async with client_of(site.app, texts[0]) as client:
        narrow = {"customer": "beta", "plant": "a"}
        answer = await client.post(TOKENS, json={"name": "x", "selector": narrow})
        assert answer.status_code == 201


async def test_every_deed_is_in_the_audit_log_with_who_and_in_which_request(site: Site) -> None:
    first = await site.post(TOKENS, {"name": "desk"}, X_Request_Id="r-1")
    told = first.json()
    second = await site.post(f"{TOKENS}/{told['id']}/rotate", X_Request_Id="r-2")
    new = second.json()["id"]
    await site.client.delete(f"{TOKENS}/{new}", headers={"X-Request-Id": "r-3"})
    entries = await deeds(site)
    assert [(one.deed, one.subject, one.request_id) for one in entries] == [
        ("token.created", f"Token/{told['id']}", "r-1"),
        ("token.rotated", f"Token/{told['id']}", "r-2"),
        ("token.created", f"Token/{new}", "r-2"),
        ("token.revoked", f"Token/{new}", "r-3"),
    ]
    assert {one.actor for one in entries} == {"api:token 1"}
    for text in (told["text"], second.json()["text"]):
        assert text.split("_", 2)[2][:43] not in repr(entries)


# ── worthless tokens ─────────────────────────────────────────────────────────────────────────────


async def test_the_use_of_a_worthless_token_is_told_once_a_minute(site: Site) -> None:
    told = await made(site)
    await site.client.delete(f"{TOKENS}/{told['id']}")
    for _ in range(3):
        assert not await works(site, told["text"])
    site.clock.turn(seconds=59)
    assert not await works(site, told["text"])
    site.clock.turn(seconds=1)
    assert not await works(site, told["text"])
    refused = [one for one in await deeds(site) if one.deed == "token.refused"]
    assert [one.at - NOON for one in refused] == [timedelta(0), timedelta(minutes=1)]
    assert refused[0].subject == f"Token/{told['id']}"
    assert refused[0].data["reason"] == "revoked"
    assert refused[0].data["peer"] == "127.0.0.1"
    assert refused[0].request_id


async def test_why_a_token_was_refused_is_told_to_the_log_and_not_to_its_bearer(
    site: Site,
) -> None:
    texts = {
        "expired": await issue(site.store, 11, expires_at=NOON),
        "revoked": await issue(site.store, 12, revoked_at=NOON),
        "network": await issue(site.store, 13, networks=("10.0.0.0/8", "2001:db8::/32")),
    }
    details = set()
    for text in texts.values():
        async with client_of(site.app, text) as client:
            answer = await client.get(ME)
        details.add((answer.status_code, answer.json()["detail"]))
    assert len(details) == 1
    assert [one.data["reason"] for one in await deeds(site)] == list(texts)


async def test_text_that_nobody_was_given_makes_no_entry(site: Site) -> None:
    for text in ("rcn_x", "rcn_aaaaaaaaaaaaa_" + "A" * 43 + "_00000000"):
        assert not await works(site, text)
    assert await deeds(site) == []


class TestAttempts:
    @pytest.fixture
    def policy(self) -> Policy:
        return Policy(failures=3)

    async def test_an_address_with_too_many_wrong_tokens_is_told_to_wait(self, site: Site) -> None:
        good = await issue(site.store, 9)
        async with client_of(site.app, "rcn_wrong") as client:
            answers = [await client.get(ME) for _ in range(4)]
            assert [one.status_code for one in answers] == [401, 401, 401, 429]
            assert answers[3].json()["code"] == "RATE_LIMIT_EXCEEDED"
            assert answers[3].headers["retry-after"] == "20"
            assert await works(site, good), "who has a right token may share the address"
            site.clock.turn(seconds=20)
            assert (await client.get(ME)).status_code == 401
            assert (await client.get(ME)).status_code == 429

    async def test_who_presents_no_token_at_all_is_not_counted(self, site: Site) -> None:
        async with client_of(site.app) as anybody:
            for _ in range(5):
                assert (await anybody.get(ME)).status_code == 401

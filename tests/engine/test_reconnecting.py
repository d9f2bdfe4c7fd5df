"""The link that an event carries: made with it, kept as a word, and an address only when it is sent."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.engine.health import Health
from reconciler.engine.linking import By, Ground, LinkDesk
from reconciler.engine.links import LinkWish, digest_of
from reconciler.engine.looks import Looks
from reconciler.engine.reconnecting import ReconnectLinks
from reconciler.engine.systems import Systems
from reconciler.errors import Unauthorized
from reconciler.model.event import Event
from reconciler.model.link import Link, LinkState
from tests.fakes import ScriptedConnectors
from tests.plant import Plant, connection
from tests.secrets.making import safe as safe_of

ASKING = {"method": "password", "password": {"connect": True}}


def links_of(plant: Plant) -> ReconnectLinks:
    safe = safe_of(plant.store, plant.clock)
    ground = Ground(plant.store, plant.in_force, plant.clock)
    return ReconnectLinks(ground, lambda: safe, lambda: "https://connect.example")


async def refused(plant: Plant, links: ReconnectLinks) -> Event:
    """Have acme's login refused twice, and return the event that tells of it."""
    health = Health(plant.store, plant.in_force, plant.clock, links)
    looks = Looks(health, Systems(ScriptedConnectors(plant.system)), plant.in_force, plant.clock)
    for _ in range(2):
        plant.system.fail[len(plant.system.reads)] = Unauthorized("refused")
        await looks.look("acme")
    return (await plant.store.views.events(limit=1))[0]


async def only_link(plant: Plant) -> Link:
    (uid,) = (await plant.store.views.state()).uids.values()
    (link,) = await plant.store.views.links(uid)
    return link


def told(event: Event) -> Mapping[str, Any]:
    found: Mapping[str, Any] = event.data["reconnect"]
    return found


async def test_the_address_that_is_sent_is_that_of_the_link_that_is_kept(plant: Plant) -> None:
    await plant.declare(connection(auth=ASKING))
    links = links_of(plant)
    event = await refused(plant, links)
    assert event.type == "connection.auth_required"
    link = await only_link(plant)
    assert link.stands(plant.clock.now()) is LinkState.OPEN
    sent = await links.complete(event)
    assert sent.id == event.id
    where, _, text = str(told(sent)["url"]).rpartition("/")
    assert (where, digest_of(text)) == ("https://connect.example/connect", link.digest)
    assert told(sent).keys() == {"link", "expires_at", "url"}


async def test_what_is_kept_does_not_hold_the_address(plant: Plant) -> None:
    await plant.declare(connection(auth=ASKING))
    links = links_of(plant)
    event = await refused(plant, links)
    text = str(told(await links.complete(event))["url"]).rpartition("/")[2]
    assert text not in str(event.data)
    for one in await plant.store.views.events():
        assert text not in str(one.data)
    for entry in await plant.store.views.audit():
        assert text not in str(entry.data)


async def test_another_process_makes_the_same_address(plant: Plant) -> None:
    await plant.declare(connection(auth=ASKING))
    links = links_of(plant)
    event = await refused(plant, links)
    again = replace(links, keys=links_of(plant).keys)
    assert await again.complete(event) == await links.complete(event)


async def test_a_link_that_somebody_has_made_stays_the_one(plant: Plant) -> None:
    await plant.declare(connection(auth=ASKING))
    links = links_of(plant)
    made = await LinkDesk(links.ground).mint("acme", LinkWish(), By("cli:ada"))
    event = await refused(plant, links)
    assert told(event)["link"] == made.link.id
    assert (await only_link(plant)).stands(plant.clock.now()) is LinkState.OPEN
    assert "url" not in told(await links.complete(event))


async def test_where_the_customer_gives_nothing_there_is_no_link(plant: Plant) -> None:
    event = await refused(plant, links_of(plant))
    assert event.data["reconnect"] is None
    assert await links_of(plant).complete(event) == event

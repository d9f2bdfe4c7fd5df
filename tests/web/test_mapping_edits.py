"""A mapping is edited for a time: in force with the next answer, told beforehand, with what to commit."""

import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from reconciler.connectors.catalogue import catalogue_files
from reconciler.engine.edits import Edits
from reconciler.engine.inforce import InForce
from reconciler.engine.mapping_edits import MappingEditor
from reconciler.engine.merging import PatchMaker
from reconciler.engine.reader import RecordReader
from reconciler.engine.reading import Reading
from reconciler.engine.turns import SpecsTurn
from reconciler.engine.wish import Wish
from reconciler.model.access import Scope
from reconciler.model.event import Event, EventType
from reconciler.model.identity import record_id
from reconciler.model.record import Batch, Row
from reconciler.model.value import canonical, digest_of
from reconciler.ports import Snapshot
from reconciler.spec.load import load
from reconciler.store.memory import MemoryStore
from reconciler.web.app import Services, make_app
from tests.fakes import NOON, TurnedClock
from tests.web.conftest import AskedSyncs, client_of
from tests.web.making import issue

ORDERS, VENDORS = "purchase-orders", "vendors"
PATH = f"/api/v1/connections/plant-a/mappings/{ORDERS}"
OTHER = f"/api/v1/connections/plant-a/mappings/{VENDORS}"
CONNECTION = """\
apiVersion: reconciler/v1
kind: Connection
metadata: {name: NAME}
spec:
  connector: sandbox
  config: {base_url: "http://127.0.0.1:8055"}
  auth: {method: api_key, key: {env: SANDBOX_API_KEY}}
"""
MAPPING = """\
# What differs here.
apiVersion: reconciler/v1
kind: Mapping
metadata: {name: orders}
spec:
  connection: plant-a
  entity: purchase-orders
  fields:
    status: {from: state, values: {OPEN: draft, DONE: closed}, unknown: other}  # agreed in May
    title: {from: descr}
"""
SENT = {"status": {"from": "state", "values": {"OPEN": "sent", "DONE": "closed"}}}
SCOPES = frozenset({Scope.WRITE_SPECS, Scope.READ_STATUS, Scope.READ_RECORDS})


class Git:
    """Specs whose files a test writes, and patches."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, text in (
            ("connections/plant-a.yaml", CONNECTION.replace("NAME", "plant-a")),
            ("connections/plant-b.yaml", CONNECTION.replace("NAME", "plant-b")),
            ("mappings/orders.yaml", MAPPING),
        ):
            file = folder / "specs" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    async def read(self) -> Snapshot:
        files = {
            file.relative_to(self.folder).as_posix(): file.read_bytes()
            for file in sorted(self.folder.rglob("*.yaml"))
        }
        return Snapshot(digest_of([text.decode() for text in files.values()])[:12], files)

    def changes(self) -> AsyncIterator[None]:
        raise AssertionError

    def apply(self, patch: str) -> None:
        """Apply a patch as people do."""
        subprocess.run(["git", "apply", "-"], input=patch, text=True, check=True, cwd=self.folder)


@dataclass
class Desk:
    """An API with records behind it, and what follows the specs."""

    git: Git
    client: httpx.AsyncClient
    store: MemoryStore
    clock: TurnedClock
    in_force: InForce
    turn: SpecsTurn
    services: Services

    async def keep(self, entity: str, prefix: str, *raws: dict[str, Any]) -> None:
        situation = await self.in_force.look()
        plant = situation.connection("plant-a")
        uid, mapper = situation.uid(plant), situation.mapper(plant, entity)
        texts = [canonical(raw) for raw in raws]
        rows = [
            Row(f"{at}", record_id(prefix, uid, f"{at}"), text, _digest(text), *made)
            for at, (text, made) in enumerate(zip(texts, mapper(uid, texts), strict=True))
        ]
        async with self.store.begin() as unit:
            now = self.clock.now()
            await unit.records.save(Batch(uid, entity, mapper.basis, "run", rows, now))
            await unit.commit()

    async def edit(self, method: str = "PUT", path: str = PATH, **body: Any) -> httpx.Response:
        return await self.client.request(method, path, json=body)

    async def answers(self, field: str, entity: str = ORDERS) -> list[Any]:
        found = (await self.client.get(f"/api/v1/{entity}")).json()["data"]
        custom = field.removeprefix("custom_fields.")
        return [
            one["custom_fields"].get(custom) if custom != field else one[field]
            for one in sorted(found, key=lambda one: one["source_id"])
        ]

    async def drift(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.client.get("/api/v1/drift")).json()["data"]
        return found

    async def resolutions(self) -> list[object]:
        events: list[Event] = list(await self.store.views.events(limit=500))
        ended = [one for one in events if one.type is EventType.DRIFT_RESOLVED]
        return [one.data["resolution"] for one in reversed(ended)]


def _digest(text: bytes) -> bytes:
    return bytes.fromhex(digest_of(text.decode())[:32])


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    store, clock, git = MemoryStore(), TurnedClock(), Git(tmp_path)
    in_force = InForce(store.views, load({}, catalogue=catalogue_files()).catalogue, clock)
    turn = SpecsTurn(git, Reading(Wish(), catalogue_files()), store, in_force, clock)
    await turn()

    async def look() -> None:
        """Leave it to the test when the reconciler looks."""

    edits = Edits(store, in_force, clock, catalogue=catalogue_files(), changed=look)
    patches = PatchMaker(lambda: turn.snapshot, catalogue_files())
    services = Services(
        reader=RecordReader(store.views, in_force),
        syncs=AskedSyncs(),
        store=store,
        clock=clock,
        in_force=in_force,
        edits=edits,
        mapping_edits=MappingEditor(edits, in_force, store.views, clock, patches),
    )
    token = await issue(store, 1, SCOPES)
    async with client_of(make_app(services), token) as client:
        made = Desk(git, client, store, clock, in_force, turn, services)
        state = [{"state": "OPEN", "descr": f"t{n}"} for n in range(3)]
        await made.keep(ORDERS, "po", *state, {"state": "DONE", "descr": "d"})
        await made.keep(VENDORS, "ve", {"name": "Ada", "code": "A"}, {"name": "Bo", "code": "B"})
        yield made


async def test_an_edit_is_in_the_next_answer_and_says_what_it_did_and_what_to_commit(
    desk: Desk,
) -> None:
    answer = await desk.edit(fields=SENT, reason="the customer asked")
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert await desk.answers("status") == ["sent", "sent", "sent", "closed"]
    assert (told["data_effect"]["differing"], told["data_effect"]["looked_at"]) == (3, 4)
    override = told["override"]
    assert override["address"] == "Override/mapping-plant-a-purchase-orders"
    assert override["until"] == (NOON + timedelta(days=7)).isoformat().replace("+00:00", "Z")
    assert override["reason"] == "the customer asked"
    assert override["by"].startswith("api:")
    assert told["commit"]["refused"] is None
    assert (
        "+    status: {from: state, values: {OPEN: sent, DONE: closed}}" in told["commit"]["patch"]
    )
    assert answer.headers["etag"] == f'"{told["basis"]}"'


async def test_it_is_told_as_drift_with_who_and_what_and_kept_in_the_audit_log(desk: Desk) -> None:
    await desk.edit(fields=SENT)
    (drift,) = await desk.drift()
    assert drift["address"] == "Override/mapping-plant-a-purchase-orders"
    (field,) = drift["fields"]
    assert field["path"] == "/spec/patch/fields/status"
    assert field["applied"]["values"]["OPEN"] == "draft"
    assert field["observed"]["values"]["OPEN"] == "sent"
    assert field["actor"].startswith("api:")
    entries = await desk.store.views.audit()
    assert entries[-1].deed == "object.edited"
    assert entries[-1].subject == drift["address"]


async def test_a_preview_says_the_same_and_changes_nothing(desk: Desk) -> None:
    before = await desk.store.views.generation()
    seen = (await desk.edit("POST", f"{PATH}/preview", fields=SENT)).json()
    assert await desk.store.views.generation() == before
    assert await desk.answers("status") == ["draft", "draft", "draft", "closed"]
    done = (await desk.edit(fields=SENT)).json()
    assert seen["data_effect"] == done["data_effect"]
    assert seen["commit"] == done["commit"]
    assert seen["basis"] == done["basis"]


async def test_the_patch_applied_and_committed_ends_the_edit_and_its_drift(desk: Desk) -> None:
    told = (await desk.edit(fields=SENT, custom_fields={"plant_text": {"from": "descr"}})).json()
    desk.git.apply(told["commit"]["patch"])
    text = (desk.git.folder / "specs/mappings/orders.yaml").read_text()
    assert text.startswith("# What differs here.\n")
    assert "title: {from: descr}" in text
    answers = await desk.answers("status"), await desk.answers("custom_fields.plant_text")
    await desk.turn()
    assert (
        await desk.answers("status"),
        await desk.answers("custom_fields.plant_text"),
    ) == answers
    assert await desk.drift() == []
    assert await desk.resolutions() == ["adopted"]
    kinds = {key.kind.value for key in (await desk.store.views.state()).resources}
    assert kinds == {"Connection", "Mapping"}
    assert (await desk.edit("DELETE")).status_code == 404


async def test_where_there_is_no_mapping_the_patch_is_a_new_document(desk: Desk) -> None:
    rules = {"name": {"template": "{{ source.code }} {{ source.name }}"}}
    answer = await desk.edit(
        "PATCH", OTHER, fields=rules, custom_fields={"short": {"from": "code"}}
    )
    told = answer.json()
    assert answer.status_code == 201, answer.text
    assert await desk.answers("name", VENDORS) == ["A Ada", "B Bo"]
    assert await desk.answers("custom_fields.short", VENDORS) == ["A", "B"]
    assert told["override"]["document"]["spec"]["target"] == {
        "kind": "Connection",
        "name": "plant-a",
    }
    assert "+++ b/specs/mappings/plant-a-vendors.yaml" in told["commit"]["patch"]
    desk.git.apply(told["commit"]["patch"])
    await desk.turn()
    assert await desk.drift() == []
    assert await desk.resolutions() == ["adopted"]
    assert await desk.answers("name", VENDORS) == ["A Ada", "B Bo"]
    assert "Mapping/plant-a-vendors" in map(str, (await desk.store.views.state()).resources)


async def test_an_edit_that_git_says_only_half_of_goes_on(desk: Desk) -> None:
    await desk.edit(fields={**SENT, "title": {"from": "state"}})
    file = desk.git.folder / "specs/mappings/orders.yaml"
    file.write_text(file.read_text().replace("title: {from: descr}", "title: {from: state}"))
    await desk.turn()
    assert len(await desk.drift()) == 1
    assert await desk.answers("status") == ["sent", "sent", "sent", "closed"]


async def test_its_time_over_git_holds_again_by_itself_and_the_drift_is_over(desk: Desk) -> None:
    until = (NOON + timedelta(hours=1)).isoformat()
    assert (await desk.edit(fields=SENT, until=until)).status_code == 201
    await desk.clock.turn(timedelta(hours=1))
    assert await desk.answers("status") == ["draft", "draft", "draft", "closed"]
    await desk.turn()
    assert await desk.drift() == []
    assert await desk.resolutions() == ["expired"]
    assert len((await desk.store.views.state()).resources) == 3


async def test_it_is_ended_by_hand_with_what_that_does_to_records(desk: Desk) -> None:
    await desk.edit(fields=SENT)
    answer = await desk.edit("DELETE")
    told = answer.json()
    assert (answer.status_code, told["override"], told["commit"]["patch"]) == (200, None, None)
    assert told["data_effect"]["differing"] == 3
    assert await desk.answers("status") == ["draft", "draft", "draft", "closed"]
    assert await desk.resolutions() == ["reverted"]
    assert (await desk.edit("DELETE")).status_code == 404


async def test_a_patch_adds_to_what_was_edited_and_null_takes_it_back(desk: Desk) -> None:
    await desk.edit(fields=SENT)
    more = await desk.edit("PATCH", fields={"title": {"value": "an order"}})
    assert more.status_code == 200
    assert await desk.answers("title") == ["an order"] * 4
    assert await desk.answers("status") == ["sent", "sent", "sent", "closed"]
    await desk.edit("PATCH", fields={"status": None})
    assert await desk.answers("status") == ["draft", "draft", "draft", "closed"]
    assert await desk.answers("title") == ["an order"] * 4
    last = await desk.edit("PATCH", fields={"title": None})
    assert last.json()["override"] is None
    assert await desk.drift() == []


async def test_a_put_says_all_of_the_edit_and_null_takes_the_own_rule_out_of_force(
    desk: Desk,
) -> None:
    await desk.edit(fields=SENT)
    answer = await desk.edit(fields={"title": None})
    assert answer.status_code == 200
    assert await desk.answers("status") == ["draft", "draft", "draft", "closed"]
    assert "-    title: {from: descr}" in answer.json()["commit"]["patch"]


async def test_a_rule_is_taken_as_a_whole(desk: Desk) -> None:
    answer = await desk.edit(fields={"status": {"value": "draft"}, "title": {"template": "x"}})
    assert answer.status_code == 201, answer.text
    assert await desk.answers("status") == ["draft"] * 4
    assert await desk.answers("title") == ["x"] * 4


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ({"fields": {"titel": {"from": "descr"}}}, "SPEC_INVALID", "titel"),
        ({"fields": {"title": {"from": "descr["}}}, "SPEC_INVALID", "title"),
        ({"fields": {"status": {"value": "snet"}}}, "SPEC_INVALID", "snet"),
        ({"fields": {"title": {"form": "descr"}}}, "SPEC_INVALID", "form"),
        ({"fields": {"title": {"from": "a", "value": 1}}}, "SPEC_INVALID", "exactly one"),
        ({"custom_fields": {"Bad": {"from": "a"}}}, "SPEC_INVALID", "lower-case letters"),
        ({"fields": {"status": {"from": "a", "values": {"X": None}}}}, "INVALID_REQUEST", "null"),
        ({"fields": 1}, "INVALID_CONTENT", "fields"),
        ({"until": "2020-01-01T00:00:00Z", "fields": SENT}, "INVALID_REQUEST", "until"),
        ({"until": "2026-12-01T00:00:00", "fields": SENT}, "INVALID_CONTENT", "until"),
        ({"max_changed": "much", "fields": SENT}, "INVALID_REQUEST", "max_changed"),
    ],
)
async def test_what_cannot_be_taken_is_refused_and_nothing_is_changed(
    desk: Desk, body: dict[str, Any], code: str, said: str
) -> None:
    before = await desk.store.views.generation()
    answer = await desk.edit(**body)
    assert answer.json()["code"] == code, answer.text
    assert said in answer.text
    if "max_changed" not in body:
        assert (await desk.edit("POST", f"{PATH}/preview", **body)).json()["code"] == code
    assert await desk.store.views.generation() == before


@pytest.mark.parametrize(
    "fields",
    [
        {"nmae": {"from": "name"}},
        {"name": {"form": "name"}},
        {"name": {"from": "name["}},
        {"name": {"from": "name", "unit": "kg"}},
        {"name": {"template": "{{ surce.name }}"}},
    ],
)
async def test_an_edit_over_the_default_mapping_is_held_to_the_same(
    desk: Desk, fields: dict[str, Any]
) -> None:
    before = await desk.store.views.generation()
    for method, path in (("PUT", OTHER), ("POST", f"{OTHER}/preview")):
        answer = await desk.edit(method, path, fields=fields)
        assert answer.json()["code"] == "SPEC_INVALID", answer.text
    assert await desk.store.views.generation() == before


async def test_what_changes_too_many_records_is_refused_until_it_is_allowed(desk: Desk) -> None:
    answer = await desk.edit(fields=SENT, max_changed="50%")
    assert (answer.status_code, answer.json()["code"]) == (409, "PLAN_BLOCKED")
    assert "3 of 4 purchase-orders" in answer.json()["detail"]
    assert (await desk.edit(fields=SENT, max_changed="75%")).status_code == 201
    assert (await desk.edit("DELETE")).status_code == 200


async def test_a_writer_says_what_it_has_seen_and_loses_to_who_was_first(desk: Desk) -> None:
    seen = (await desk.edit("POST", f"{PATH}/preview")).headers["etag"]
    first = await desk.client.put(PATH, json={"fields": SENT}, headers={"If-Match": seen})
    assert first.status_code == 201, first.text
    again = {"fields": {"title": {"value": "y"}}}
    second = await desk.client.patch(PATH, json=again, headers={"If-Match": seen})
    assert (second.status_code, second.json()["code"]) == (409, "CONFLICT")
    third = await desk.client.patch(PATH, json=again, headers={"If-Match": first.headers["etag"]})
    assert third.status_code == 200


async def test_the_same_again_changes_nothing(desk: Desk) -> None:
    until = (NOON + timedelta(days=3)).isoformat()
    await desk.edit(fields=SENT, until=until)
    before = await desk.store.views.generation()
    again = await desk.edit(fields=SENT, until=until)
    assert (again.status_code, again.json()["data_effect"]) == (200, None)
    assert await desk.store.views.generation() == before


async def test_a_mapping_that_is_in_no_file_is_committed_with_the_wish_to_adopt_it(
    desk: Desk,
) -> None:
    document = {
        "apiVersion": "reconciler/v1",
        "kind": "Mapping",
        "metadata": {"name": "by-hand"},
        "spec": {"connection": "plant-a", "entity": VENDORS, "fields": {"name": {"from": "code"}}},
    }
    await desk.client.put("/api/v1/specs/Mapping/by-hand", json=document)
    told = (await desk.edit(path=OTHER, custom_fields={"short": {"from": "code"}})).json()
    desk.git.apply(told["commit"]["patch"])
    await desk.turn()
    assert await desk.resolutions() == ["adopted"]
    assert await desk.answers("custom_fields.short", VENDORS) == ["A", "B"]


async def test_what_cannot_be_written_as_a_patch_is_in_force_and_says_why(desk: Desk) -> None:
    (desk.git.folder / "specs/mappings/orders.yaml").write_text(
        MAPPING.replace("{from: descr}", '{value: "{{ vars.title }}"}')
        + "---\napiVersion: reconciler/v1\nkind: Environment\nmetadata: {name: e}\n"
        "spec: {default: true, vars: {title: order}}\n"
    )
    await desk.turn()
    answer = await desk.edit(fields={"title": {"value": "by hand"}})
    assert answer.status_code == 201
    assert answer.json()["commit"]["patch"] is None
    assert "template" in answer.json()["commit"]["refused"]
    assert await desk.answers("title") == ["by hand"] * 4


async def test_no_entity_and_no_connection_are_not_found(desk: Desk) -> None:
    for path in (PATH.replace("plant-a", "plant-z"), f"{PATH}-of-old"):
        for method in ("PUT", "PATCH", "DELETE"):
            assert (await desk.edit(method, path)).status_code == 404


async def test_a_token_edits_its_own_connection_alone(desk: Desk) -> None:
    own = await issue(desk.store, 2, SCOPES, "plant-a")
    foreign = await issue(desk.store, 3, SCOPES, "plant-b")
    reader = await issue(desk.store, 4, frozenset({Scope.READ_RECORDS}), "plant-a")
    app = make_app(desk.services)
    for token, status in ((foreign, 404), (reader, 403), (own, 201)):
        async with client_of(app, token) as client:
            for method, path in (("POST", f"{PATH}/preview"), ("PUT", PATH)):
                answer = await client.request(method, path, json={"fields": SENT})
                assert answer.status_code == (200 if method == "POST" and status == 201 else status)
    async with client_of(app, foreign) as client:
        assert (await client.delete(PATH)).status_code == 404
        assert (await client.get("/api/v1/drift")).json()["data"] == []


async def test_a_server_that_only_reads_has_no_such_method(desk: Desk) -> None:
    token = await issue(desk.store, 5, SCOPES)
    async with client_of(make_app(replace(desk.services, mapping_edits=None)), token) as client:
        assert (await client.put(PATH, json={})).status_code == 405

"""The whole way: a push to a real git server comes into force, an edit beside it is told, and git takes it."""

import asyncio
import hashlib
import hmac
import json
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from reconciler.cli.starting import write_starter
from reconciler.forges.forge import Kind
from reconciler.model.access import Scope
from reconciler.sandbox import Sandbox
from tests.forges.standin import SECRET as FORGE_TOKEN
from tests.forges.standin import StandIn, on_loopback
from tests.journeys.conftest import Person
from tests.sources.git_servers import http_server, run
from tests.webhooks.conftest import SECRET, Receiver, receiver

__all__ = ["receiver"]

pytestmark = pytest.mark.slow

MAPPING = "Mapping/plant-a-purchase-orders"
FILE = "specs/mappings/plant-a-purchase-orders.yaml"
GIT_TOKEN = "git-canary-71b0c4"
HOOK = "hook-canary-88d1f0"
ROUTE = """\
apiVersion: reconciler/v1
kind: AlertRoute
metadata: {name: operations}
spec:
  match: {events: ["drift.*", "plan.*"]}
  to: {webhook: {url: "http://127.0.0.1:PORT/in", secret: {env: ALERTS_SECRET}}}
"""


@dataclass
class Site:
    """A repository at a forge, a reconciler that follows it, and who is told."""

    person: Person
    clone: Path
    forge: StandIn
    receiver: Receiver
    url: str

    def git(self, *words: str) -> str:
        return run("git", *words, cwd=self.clone)

    def push(self, message: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        self.git("push", "--quiet", "origin", "HEAD:main")
        return self.git("rev-parse", "HEAD")

    async def hook(self, sha: str, *, secret: str = HOOK) -> httpx.Response:
        """Call the receiver as the forge does after a push."""
        body = json.dumps(
            {
                "ref": "refs/heads/main",
                "after": sha,
                "deleted": False,
                "repository": {"full_name": "acme/specs"},
            }
        ).encode()
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "X-GitHub-Event": "push",
            "X-Hub-Signature-256": f"sha256={signature}",
            "Content-Type": "application/json",
        }
        async with httpx.AsyncClient(trust_env=False) as client:
            address = self.url.removesuffix("/api/v1") + "/hooks/git/github"
            return await client.post(address, content=body, headers=headers)

    async def ask(self, method: str, path: str, token: str, **options: Any) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False) as client:
            headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
            return await client.request(method, f"{self.url}/{path}", headers=headers, **options)

    def told(self, kind: str) -> list[dict[str, Any]]:
        """Return the webhooks of this kind, each verified by its signature."""
        verified = [
            Webhook(SECRET).verify(got.body, dict(got.headers)) for got in self.receiver.got
        ]
        return [one["data"] for one in verified if one["type"] == kind]


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(port=0) as plant:
        yield plant


@pytest.fixture
async def site(
    tmp_path: Path, sandbox: Sandbox, receiver: Receiver, program: Callable[[str], str]
) -> AsyncIterator[Site]:
    program("git")
    bare, clone = tmp_path / "served" / "acme" / "specs.git", tmp_path / "clone"
    run("git", "init", "-q", "--bare", "-b", "main", str(bare))
    run("git", "clone", "-q", str(bare), str(clone))
    write_starter(clone)
    dev = clone / "specs" / "environments" / "dev.yaml"
    dev.write_text(dev.read_text().replace("8055", str(sandbox.port)))
    (clone / "specs" / "alerts" / "operations.yaml").write_text(
        ROUTE.replace("PORT", str(receiver.port))
    )
    environ = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "SANDBOX_API_KEY": sandbox.credentials.api_key,
        "RECONCILER_ENV": "dev",
        "RECONCILER_ALLOWED_TARGETS": "127.0.0.1",
        "RECONCILER_HOOK_SECRETS": '["env:HOOK_SECRET"]',
        "ALERTS_SECRET": SECRET,
        "HOOK_SECRET": HOOK,
        "GIT_TOKEN": GIT_TOKEN,
        "FORGE_TOKEN": FORGE_TOKEN,
    }
    home = tmp_path / "home"
    home.mkdir()
    person, forge = Person(home, environ), StandIn(Kind.GITHUB)
    with (
        http_server(tmp_path / "served", token=GIT_TOKEN) as served,
        on_loopback(forge) as api,
    ):
        made = Site(person, clone, forge, receiver, "")
        made.push("Begin with one plant")
        async with person.runs(
            "--git", f"http://127.0.0.1:{served.port}/acme/specs.git",
            "--git-token", "env:GIT_TOKEN", "--poll", "1h",
            "--forge", "github", "--forge-api", api, "--forge-token", "env:FORGE_TOKEN",
        ) as url:  # fmt: skip
            made.url = url
            yield made


async def becomes(true: Callable[[], bool]) -> None:
    """Return when *true* says so; fail if it never does."""
    async with asyncio.timeout(90):
        while not true():
            await asyncio.wait({asyncio.ensure_future(asyncio.sleep(0.05))})


def statuses(site: Site) -> list[tuple[str, str]]:
    return [(one["commit"], one["state"]) for one in site.forge.statuses]


async def test_a_push_comes_into_force_an_edit_is_told_and_git_takes_it(site: Site) -> None:
    first = site.git("rev-parse", "HEAD")
    await becomes(lambda: (first, "success") in statuses(site))
    token = (
        await site.person.gets(
            "token", "create", "desk", "--scope", Scope.WRITE_SPECS, "--scope", Scope.READ_STATUS
        )
    ).strip()

    # A change is pushed; the forge's signed call is enough, nobody polls.
    file = site.clone / FILE
    file.write_text(file.read_text().replace("ORDERED: sent", "ORDERED: approved"))
    second = site.push("Orders that are out count as approved")
    assert (await site.hook(second, secret="wrong")).status_code == 401
    answer = await site.hook(second)
    assert (answer.status_code, answer.json()["handled"]) == (202, True)
    await becomes(lambda: (second, "success") in statuses(site))
    told = (await site.ask("GET", f"specs/{MAPPING}", token)).json()
    assert told["document"]["spec"]["fields"]["status"]["values"]["ORDERED"] == "approved"

    # Somebody edits beside git: in force at once, and told within a moment, signed.
    change = {"spec": {"fields": {"status": {"values": {"ORDERED": "closed"}}}}}
    edited = await site.ask(
        "PATCH",
        f"specs/{MAPPING}",
        token,
        content=json.dumps(change),
        headers={"Content-Type": "application/merge-patch+json"},
    )
    assert (edited.status_code, edited.json()["drifted"]) == (200, True)
    await becomes(lambda: len(site.told("drift.detected")) == 1)
    (drift,) = site.told("drift.detected")
    assert drift["subject"] == MAPPING
    (field,) = drift["details"]["fields"]
    assert field["path"] == "spec.fields.status.values.ORDERED"
    assert (field["applied"], field["observed"]) == ("approved", "closed")
    assert field["actor"] == drift["details"]["actor"] == "api:desk"

    # Git takes it, comments kept; drift and plan are empty, before and after the push.
    before = file.read_text()
    state = {"RECONCILER_STATE_DIR": str(site.person.folder / ".reconciler")}
    beside = Person(site.clone, {**site.person.environ, **state})
    assert (await beside.types("drift")).code == 3
    await beside.gets("adopt", MAPPING, "--write")
    assert file.read_text() == before.replace("ORDERED: approved", "ORDERED: closed")
    assert "No changes" in await beside.gets("plan", "--detailed-exitcode")
    assert (await beside.types("drift")).code == 0
    third = site.push("Take what operations has found out")
    await site.hook(third)
    await becomes(lambda: len(site.told("drift.resolved")) == 1)
    (resolved,) = site.told("drift.resolved")
    assert resolved["details"]["resolution"] == "adopted"
    await becomes(lambda: (third, "success") in statuses(site))
    assert (await site.ask("GET", "drift", token)).json()["data"] == []

    # No secret is anywhere.
    await canaries_are_nowhere(site)


async def test_broken_specs_leave_the_old_state_and_the_commit_is_marked(site: Site) -> None:
    first = site.git("rev-parse", "HEAD")
    await becomes(lambda: (first, "success") in statuses(site))
    file = site.clone / FILE
    good = file.read_text()
    file.write_text(good.replace("ORDERED: sent", "ORDERED: snet"))
    broken = site.push("Slip")
    await site.hook(broken)
    await becomes(lambda: (broken, "failure") in statuses(site))
    described = await site.person.gets("describe", MAPPING, "-o", "json")
    values = json.loads(described)["spec"]["fields"]["status"]["values"]
    assert values["ORDERED"] == "sent"
    file.write_text(good)
    mended = site.push("Mend the slip")
    await site.hook(mended)
    await becomes(lambda: (mended, "success") in statuses(site))


async def test_rolling_back_stays_though_the_bad_commit_is_still_there(site: Site) -> None:
    first = site.git("rev-parse", "HEAD")
    await becomes(lambda: (first, "success") in statuses(site))
    file = site.clone / FILE
    file.write_text(file.read_text().replace("ORDERED: sent", "ORDERED: rejected"))
    bad = site.push("Turn down what was ordered")
    await site.hook(bad)
    await becomes(lambda: (bad, "success") in statuses(site))
    told = await site.person.gets("rollback", "--reason", "orders were turned down", "--for", "8h")
    assert first[:12] in told
    await site.hook(bad)

    async def ordered() -> str:
        described = await site.person.gets("describe", MAPPING, "-o", "json")
        word: str = json.loads(described)["spec"]["fields"]["status"]["values"]["ORDERED"]
        return word

    async with asyncio.timeout(60):
        while await ordered() != "sent":
            await asyncio.wait({asyncio.ensure_future(asyncio.sleep(0.2))})
    await site.hook(bad)
    assert await ordered() == "sent"
    await site.person.gets("pin", "--off")
    await site.hook(bad)
    async with asyncio.timeout(60):
        while await ordered() != "rejected":
            await asyncio.wait({asyncio.ensure_future(asyncio.sleep(0.2))})


async def canaries_are_nowhere(site: Site) -> None:
    files = [path for path in site.person.folder.rglob("*") if path.is_file()]
    assert len(files) > 3
    for path in files:
        content = path.read_bytes()
        for canary in (GIT_TOKEN, HOOK, FORGE_TOKEN, SECRET, SECRET.removeprefix("whsec_")):
            assert canary.encode() not in content, path

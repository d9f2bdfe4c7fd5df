"""Signed calls of git forges."""

import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import structlog
from structlog.testing import capture_logs

from reconciler.errors import SecretMissing
from reconciler.web.app import make_app
from reconciler.web.needs import GitHooks
from reconciler.web.signatures import Call, Sender, genuine
from tests.web.conftest import Site, client_of
from tests.web.making import StandingClock

SECRET = "It's a Secret to Everybody"
KEY = "whsec_" + b64encode(b"k" * 32).decode()
AFTER = "9f31c0a" + "1" * 33
MAIN = "refs/heads/main"
NO_LOOK: Mapping[str, Any] = {"handled": False, "token": None}


@dataclass
class Poked:
    """The reconciler as the receivers know it: counts how often it is asked to look."""

    times: int = 0

    async def __call__(self) -> str:
        self.times += 1
        return f"look-{self.times}"


@dataclass
class Hooked:
    """A site that follows the branch main of a repository."""

    clock: StandingClock
    poked: Poked
    client: httpx.AsyncClient
    secrets: list[str] = field(default_factory=lambda: [SECRET])

    async def call(
        self, path: str, body: Any, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.post(path, content=content, headers=dict(headers or {}))


@pytest.fixture(autouse=True)
def _plain_logs() -> Iterator[None]:
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()


@pytest.fixture
async def hooked(site: Site) -> AsyncIterator[Hooked]:
    poked, secrets = Poked(), [SECRET]
    hooks = GitHooks("https://git.acme.example/Acme/specs.git", "main", lambda: secrets, poked)
    app = make_app(replace(site.services, hooks=hooks))
    async with client_of(app) as client:
        yield Hooked(site.clock, poked, client, secrets)


def hexed(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, "sha256").hexdigest()


def standard(body: bytes, at: datetime, secret: str = KEY) -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    key = b64decode(secret.removeprefix("whsec_"))
    made = hmac.new(key, f"msg_1.{stamp}.".encode() + body, "sha256").digest()
    signature = f"v1,{b64encode(made).decode()}"
    return {"webhook-id": "msg_1", "webhook-timestamp": stamp, "webhook-signature": signature}


def push(ref: str = MAIN, **more: Any) -> dict[str, Any]:
    """A push as GitHub, Gitea and Forgejo tell it, shortened."""
    repository = {
        "id": 1,
        "full_name": "acme/specs",
        "clone_url": "https://git.acme.example/acme/specs.git",
        "ssh_url": "git@git.acme.example:acme/specs.git",
        "html_url": "https://git.acme.example/acme/specs",
        "owner": {"login": "acme"},
    }
    return {"ref": ref, "after": AFTER, "deleted": False, "repository": repository, **more}


def gitlab_push(ref: str = MAIN, **more: Any) -> dict[str, Any]:
    project = {
        "path_with_namespace": "acme/specs",
        "git_http_url": "https://git.acme.example/acme/specs.git",
        "git_ssh_url": "git@git.acme.example:acme/specs.git",
    }
    told = {"object_kind": "push", "event_name": "push", "ref": ref, "after": AFTER}
    return {**told, "project": project, "repository": {"name": "specs"}, **more}


def signed(sender: Sender, body: Any, secret: str = SECRET) -> tuple[bytes, dict[str, str]]:
    """Return *body* as it is sent, and the headers that the forge sends with it."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    digest = hexed(content, secret)
    github = {"X-GitHub-Event": "push", "X-Hub-Signature-256": f"sha256={digest}"}
    gitea = {**github, "X-Gitea-Event": "push", "X-Gitea-Signature": digest}
    headers = {
        Sender.GITHUB: github,
        Sender.GITLAB: {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": secret},
        Sender.GITEA: gitea,
        Sender.FORGEJO: {**gitea, "X-Forgejo-Event": "push", "X-Forgejo-Signature": digest},
        Sender.GENERIC: {"X-Signature-256": f"sha256={digest}"},
    }[sender]
    return content, {"Content-Type": "application/json", **headers}


def told_by(sender: Sender, ref: str = MAIN, **more: Any) -> dict[str, Any]:
    return gitlab_push(ref, **more) if sender is Sender.GITLAB else push(ref, **more)


def paths(sender: Sender) -> Sequence[str]:
    return f"/hooks/git/{sender}", "/hooks/git"


@pytest.mark.parametrize("sender", list(Sender), ids=str)
async def test_a_push_to_the_followed_branch_has_the_reconciler_look(
    hooked: Hooked, sender: Sender
) -> None:
    for number, path in enumerate(paths(sender), 1):
        answer = await hooked.call(path, *signed(sender, told_by(sender)))
        assert answer.status_code == 202
        assert answer.json() == {
            "handled": True,
            "why": "a push to refs/heads/main",
            "token": f"look-{number}",
        }


@pytest.mark.parametrize("sender", list(Sender), ids=str)
@pytest.mark.parametrize(
    ("ref", "more", "why"),
    [
        ("refs/heads/feature", {}, "refs/heads/feature is not followed; refs/heads/main is"),
        ("refs/tags/main", {}, "refs/tags/main is not followed; refs/heads/main is"),
        ("main", {}, "main is not followed; refs/heads/main is"),
        ("", {}, "it names no ref"),
        (MAIN, {"deleted": True}, "refs/heads/main was deleted; what is in force stays"),
        (MAIN, {"after": "0" * 40}, "refs/heads/main was deleted; what is in force stays"),
        (MAIN, {"after": "0" * 64}, "refs/heads/main was deleted; what is in force stays"),
    ],
)
async def test_other_pushes_are_answered_and_nothing_is_looked_at(
    hooked: Hooked, sender: Sender, ref: str, more: dict[str, Any], why: str
) -> None:
    answer = await hooked.call("/hooks/git", *signed(sender, told_by(sender, ref, **more)))
    assert (answer.status_code, answer.json()) == (202, {**NO_LOOK, "why": why})
    assert hooked.poked.times == 0


@pytest.mark.parametrize("sender", list(Sender), ids=str)
async def test_a_push_to_another_repository_is_not_ours(hooked: Hooked, sender: Sender) -> None:
    other: dict[str, Any] = {
        "repository": {"full_name": "acme/other"},
        "project": {"web_url": "https://x/acme/o"},
    }
    answer = await hooked.call("/hooks/git", *signed(sender, told_by(sender, **other)))
    assert answer.json()["why"] == "it is about another repository than the one that is followed"
    assert hooked.poked.times == 0


@pytest.mark.parametrize(
    ("event", "headers"),
    [
        ("ping", {"X-GitHub-Event": "ping"}),
        ("pull_request", {"X-GitHub-Event": "pull_request"}),
        ("ping of a Gitea", {"X-GitHub-Event": "push", "X-Gitea-Event": "ping"}),
    ],
)
async def test_a_ping_is_answered(hooked: Hooked, event: str, headers: dict[str, str]) -> None:
    content, given = signed(Sender.GITHUB, {"zen": "Design for failure.", "hook_id": 1})
    answer = await hooked.call("/hooks/git/github", content, {**given, **headers})
    assert answer.status_code == 202
    assert answer.json()["handled"] is False
    assert ("its signature is good" in answer.json()["why"]) == ("ping" in event)


@pytest.mark.parametrize("kind", ["Tag Push Hook", "Merge Request Hook"])
async def test_other_events_of_gitlab_are_no_push(hooked: Hooked, kind: str) -> None:
    content, headers = signed(Sender.GITLAB, gitlab_push())
    answer = await hooked.call("/hooks/git", content, {**headers, "X-Gitlab-Event": kind})
    assert answer.json() == {**NO_LOOK, "why": f"{kind!r} is no push"}


async def test_a_system_hook_of_gitlab_says_in_its_body_what_it_is_about(hooked: Hooked) -> None:
    for name, handled in (("push", True), ("repository_update", False)):
        body = {**gitlab_push(), "object_kind": None, "event_name": name}
        content, headers = signed(Sender.GITLAB, body)
        headers["X-Gitlab-Event"] = "System Hook"
        answer = await hooked.call("/hooks/git", content, headers)
        assert answer.json()["handled"] is handled


async def test_a_gitlab_with_a_signing_token_signs_as_standard_webhooks_do(hooked: Hooked) -> None:
    hooked.secrets[:] = [KEY]
    content = json.dumps(gitlab_push()).encode()
    headers = {"X-Gitlab-Event": "Push Hook", **standard(content, hooked.clock.now())}
    assert (await hooked.call("/hooks/git", content, headers)).status_code == 202
    changed = content.replace(b"main", b"mine")
    assert (await hooked.call("/hooks/git", changed, headers)).status_code == 401


async def test_a_generic_sender_may_use_standard_webhooks(hooked: Hooked) -> None:
    hooked.secrets[:] = [KEY]
    content = json.dumps({"ref": MAIN, "repository": "ssh://git@h/acme/specs.git"}).encode()
    headers = standard(content, hooked.clock.now())
    rotated = {**headers, "webhook-signature": f"v1a,x v1,AAAA {headers['webhook-signature']}"}
    assert (await hooked.call("/hooks/git/generic", content, rotated)).json()["handled"]
    without_id = {**headers, "webhook-id": ""}
    assert (await hooked.call("/hooks/git/generic", content, without_id)).status_code == 401


async def test_a_secret_without_a_key_in_it_is_no_empty_key(hooked: Hooked) -> None:
    hooked.secrets[:] = ["whsec_", "whsec_!"]
    content = json.dumps({"ref": MAIN}).encode()
    forged = standard(content, hooked.clock.now(), "whsec_")
    assert (await hooked.call("/hooks/git/generic", content, forged)).status_code == 401


@pytest.mark.parametrize(("seconds", "status"), [(299, 202), (301, 401), (-299, 202), (-301, 401)])
async def test_a_signed_time_may_be_five_minutes_off(
    hooked: Hooked, seconds: int, status: int
) -> None:
    hooked.secrets[:] = [KEY]
    content = json.dumps({"ref": MAIN}).encode()
    headers = standard(content, hooked.clock.now())
    hooked.clock.turn(seconds=seconds)
    assert (await hooked.call("/hooks/git/generic", content, headers)).status_code == status


def test_the_examples_that_are_published_hold() -> None:
    github = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    at = datetime.fromtimestamp(1614265330, UTC)
    call = Call({"x-hub-signature-256": f"sha256={github}"}, b"Hello, World!", at)
    assert genuine(Sender.GITHUB, call, [SECRET])
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    call = Call(headers, b'{"test": 2432232314}', at)
    assert genuine(Sender.GENERIC, call, ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])


@pytest.mark.parametrize("sender", list(Sender), ids=str)
async def test_a_wrong_signature_is_refused_without_telling_which_part(
    hooked: Hooked, sender: Sender
) -> None:
    content, headers = signed(sender, told_by(sender))
    wrong = signed(sender, told_by(sender), secret="another secret")[1]
    unsigned = {name: value for name, value in headers.items() if "-Event" in name}
    tampered = {name: value[:-1] + "é" for name, value in headers.items()}
    tries: list[tuple[bytes, Mapping[str, Any]]] = [(content, wrong), (content, unsigned)]
    if sender is not Sender.GITLAB:
        tries.append((content + b" ", headers))
    tries.append((content, {name: value.encode() for name, value in tampered.items()}))
    told = set()
    for body, given in tries:
        for path in paths(sender):
            answer = await hooked.call(path, body, given)
            assert answer.status_code == 401
            assert answer.headers["content-type"] == "application/problem+json"
            problem = answer.json()
            assert problem["code"] == "AUTHENTICATION_FAILED"
            told.add((problem["detail"], problem["hint"]))
            assert SECRET not in answer.text
    assert len(told) == 1
    assert hooked.poked.times == 0


@pytest.mark.parametrize("sender", list(Sender), ids=str)
async def test_the_signature_of_one_forge_is_none_at_the_path_of_another(
    hooked: Hooked, sender: Sender
) -> None:
    content, headers = signed(Sender.GENERIC, push())
    answer = await hooked.call(f"/hooks/git/{sender}", content, headers)
    assert answer.status_code == (202 if sender is Sender.GENERIC else 401)


async def test_an_old_and_a_new_secret_hold_while_they_are_rotated(hooked: Hooked) -> None:
    hooked.secrets[:] = ["new one", SECRET]
    for secret, status in (("new one", 202), (SECRET, 202), ("older one", 401)):
        answer = await hooked.call("/hooks/git", *signed(Sender.GITHUB, push(), secret))
        assert answer.status_code == status


async def test_without_a_secret_there_is_no_receiver_and_the_log_says_why(hooked: Hooked) -> None:
    hooked.secrets[:] = [""]
    for sender in (Sender.GITHUB, Sender.GITLAB):
        with capture_logs() as logs:
            answer = await hooked.call("/hooks/git", *signed(sender, told_by(sender), ""))
        assert answer.status_code == 404
        assert answer.json()["code"] == "NOT_FOUND"
        why = [entry["why"] for entry in logs if entry["event"] == "git_hooks_disabled"]
        assert why == ["no secret is set for git hooks"]


async def test_a_secret_that_leads_nowhere_is_told_to_the_log_alone(site: Site) -> None:
    def lost() -> list[str]:
        raise SecretMissing("the environment variable HOOK_SECRET is not set")

    hooks = GitHooks("https://git.acme.example/acme/specs", "main", lost, Poked())
    async with client_of(make_app(replace(site.services, hooks=hooks))) as client:
        with capture_logs() as logs:
            answer = await client.post("/hooks/git")
    assert answer.status_code == 404
    assert "HOOK_SECRET" not in answer.text
    (entry,) = [entry for entry in logs if entry["event"] == "git_hooks_disabled"]
    assert "HOOK_SECRET is not set" in entry["why"]


async def test_a_site_that_follows_no_repository_has_no_receivers(site: Site) -> None:
    answer = await site.client.post("/hooks/git/github")
    assert answer.status_code == 404
    assert not [route for route in site.app.state.routes if route.path.startswith("/hooks")]


async def test_the_receivers_are_not_in_the_document_of_the_api(hooked: Hooked) -> None:
    told = (await hooked.client.get("/api/v1/openapi.json")).json()
    assert not [path for path in told["paths"] if path.startswith("/hooks")]


async def test_a_body_of_50_mb_is_refused_before_it_is_there(hooked: Hooked) -> None:
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(50 * 16):
            sent += 65_536
            yield b" " * 65_536

    for path in ("/hooks/git", "/hooks/git/github"):
        sent = 0
        headers = {"X-Hub-Signature-256": "sha256=" + "0" * 64}
        answer = await hooked.client.post(path, content=chunks(), headers=headers)
        assert answer.status_code == 413
        assert answer.json()["code"] == "PAYLOAD_TOO_LARGE"
        assert sent <= 1_048_576 + 2 * 65_536


async def test_a_body_is_bounded_even_where_those_of_the_api_may_be_larger(site: Site) -> None:
    policy = replace(site.services.policy, body=100_000_000)
    hooks = GitHooks("https://h/acme/specs", "main", lambda: [SECRET], Poked())
    services = replace(site.services, policy=policy, hooks=hooks)

    async def chunks(size: int) -> AsyncIterator[bytes]:
        for _ in range(size // 1024):
            yield b" " * 1024

    async with client_of(make_app(services)) as client:
        assert (await client.post("/hooks/git", content=b" " * 1_048_577)).status_code == 413
        assert (await client.post("/hooks/git", content=chunks(1_049_600))).status_code == 413
        at_the_limit, headers = signed(Sender.GENERIC, b'{"ref": ""' + b" " * 1_048_565 + b"}")
        assert len(at_the_limit) == 1_048_576
        answer = await client.post("/hooks/git", content=at_the_limit, headers=headers)
        assert answer.status_code == 202


async def test_calls_are_counted_by_address_and_too_many_are_refused(hooked: Hooked) -> None:
    answers = [await hooked.call("/hooks/git", {}) for _ in range(31)]
    assert [answer.status_code for answer in answers] == [401] * 30 + [429]
    assert answers[-1].json()["code"] == "RATE_LIMIT_EXCEEDED"
    hooked.clock.turn(seconds=int(answers[-1].headers["retry-after"]))
    answer = await hooked.call("/hooks/git", *signed(Sender.GITHUB, push()))
    assert answer.status_code == 202


async def test_a_call_that_is_sent_again_only_has_it_look_again(hooked: Hooked) -> None:
    call = signed(Sender.FORGEJO, push())
    answers = [await hooked.call("/hooks/git", *call) for _ in range(3)]
    assert [answer.json()["token"] for answer in answers] == ["look-1", "look-2", "look-3"]


async def test_github_may_send_a_form(hooked: Hooked) -> None:
    content, headers = signed(Sender.GITHUB, urlencode({"payload": json.dumps(push())}).encode())
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    assert (await hooked.call("/hooks/git", content, headers)).json()["handled"]


@pytest.mark.parametrize(
    "body", [b"", b"no json", b"[]", b'{"ref": 7}', b'{"repository": 7}', b"\xff", b"null"]
)
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
async def test_a_signed_body_that_is_no_push_is_told_so(
    hooked: Hooked, body: bytes, kind: str
) -> None:
    content, headers = signed(Sender.GITHUB, body)
    answer = await hooked.call("/hooks/git", content, {**headers, "Content-Type": kind})
    assert answer.status_code == 400
    assert answer.json()["code"] == "INVALID_REQUEST"


async def test_an_unknown_forge_is_told_the_known_ones(hooked: Hooked) -> None:
    answer = await hooked.call("/hooks/git/sourcehut", b"")
    assert answer.status_code == 404
    assert "/hooks/git/forgejo" in answer.json()["hint"]


@pytest.mark.parametrize(
    ("followed", "named", "ours"),
    [
        ("git@h:acme/specs.git", {"full_name": "acme/specs"}, True),
        ("ssh://git@h:22/acme/specs", {"html_url": "https://other.host/ACME/specs"}, True),
        ("https://h/gitlab/acme/specs.git", {"web_url": "https://h/gitlab/acme/specs"}, True),
        ("https://h/acme/specs", {"clone_url": "https://h/evil/acme/specs"}, False),
        ("https://h/acme/specs", {"full_name": "specs"}, False),
        ("https://h/acme/specs", "https://h/acme/specs.git", True),
        ("https://h/acme/specs", None, True),
        ("https://h/acme/specs", {}, False),
        ("/srv/git/specs.git", {"full_name": "acme/specs"}, True),
        ("file:///srv/git/specs.git", {"full_name": "acme/specs"}, True),
    ],
)
async def test_a_repository_is_known_by_its_path(
    site: Site, followed: str, named: Any, *, ours: bool
) -> None:
    hooks = GitHooks(followed, "main", lambda: [SECRET], Poked())
    content, headers = signed(Sender.GENERIC, {"ref": MAIN, "repository": named})
    async with client_of(make_app(replace(site.services, hooks=hooks))) as client:
        answer = await client.post("/hooks/git", content=content, headers=headers)
    assert answer.json()["handled"] is ours


async def test_no_secret_is_in_the_log(hooked: Hooked) -> None:
    with capture_logs() as logs:
        await hooked.call("/hooks/git", *signed(Sender.GITLAB, gitlab_push()))
        await hooked.call("/hooks/git", *signed(Sender.GITLAB, gitlab_push(), "guess-123"))
    events = [entry["event"] for entry in logs]
    assert "git_hook_received" in events
    assert "git_hook_refused" in events
    assert SECRET not in str(logs)
    assert "guess-123" not in str(logs)

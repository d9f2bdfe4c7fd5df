"""Signed calls of a git forge: they say *look*, and nothing they say is taken as true.

Of a body only the repository, the ref and whether it was deleted are read, and only after its signature
was checked; a call that is sent again does no harm. What is looked at then is git itself.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

import msgspec
import structlog
from fastapi import Request
from starlette.responses import Response

from reconciler.errors import SecretMissing
from reconciler.ports import Clock
from reconciler.web.needs import GitHooks
from reconciler.web.problems import Code, Refused, refuse
from reconciler.web.rates import Rates
from reconciler.web.route import Access, Route
from reconciler.web.signatures import Call, Sender, genuine, sender_of

log = structlog.get_logger(__name__)

PATH: Final = "/hooks/git"
LARGEST_BODY: Final = 1_048_576
A_MINUTE: Final = 60
AT_ONCE: Final = 30
_EVENTS: Final = ("x-forgejo-event", "x-gitea-event", "x-gitlab-event", "x-github-event")
_PUSHES: Final = frozenset({"", "push", "Push Hook", "System Hook"})
_GONE: Final = re.compile("0{40}|0{64}")
_SCP: Final = re.compile(r"[^/:]+@[^/:]+:(?P<path>.+)")


def hook_routes(hooks: GitHooks | None, clock: Clock) -> Iterator[Route]:
    """Yield the receivers; none where no repository is followed."""
    if hooks is None:
        return
    receiver = Receiver(hooks, clock, Rates(A_MINUTE, AT_ONCE))
    told = "A signed call of a git forge: look at the followed repository now"
    for path, name in ((PATH, "receive_git_hook"), (f"{PATH}/{{forge}}", "receive_git_hook_of")):
        endpoint = receiver.any if path == PATH else receiver.of
        yield Route(
            "POST", path, endpoint, Access.PUBLIC, name, told, "hooks", status=202, shown=False
        )


class Named(msgspec.Struct):
    """How a forge names a repository: some of these."""

    full_name: str | None = None
    path_with_namespace: str | None = None
    clone_url: str | None = None
    ssh_url: str | None = None
    html_url: str | None = None
    git_http_url: str | None = None
    git_ssh_url: str | None = None
    web_url: str | None = None


class Push(msgspec.Struct):
    """What is read of a body. ``after`` is the new commit, all noughts where the branch is gone."""

    ref: str = ""
    after: str | None = None
    deleted: bool | None = None
    repository: Named | str | None = None
    project: Named | None = None
    object_kind: str | None = None
    event_name: str | None = None


@dataclass(frozen=True)
class Receiver:
    """Takes calls, and pokes the reconciler for a push to the branch it follows."""

    hooks: GitHooks
    clock: Clock
    rates: Rates

    async def any(self, request: Request) -> Response:
        """Take a call of whichever forge its headers name."""
        return await self._take(request, sender_of(request.headers))

    async def of(self, request: Request, forge: str) -> Response:
        """Take a call of *forge*."""
        if forge not in set(Sender):
            raise refuse(
                Code.NOT_FOUND,
                f"there is nothing at {request.url.path[:200]}",
                hint=f"the receivers are {', '.join(f'{PATH}/{one}' for one in Sender)}",
            )
        return await self._take(request, Sender(forge))

    async def _take(self, request: Request, sender: Sender | None) -> Response:
        self._count(request)
        secrets = self._secrets(request)
        call = Call(request.headers, await _body_of(request), self.clock.now())
        if sender is None or not genuine(sender, call, secrets):
            log.warning("git_hook_refused", forge=sender, client=_client(request))
            raise refuse(
                Code.AUTHENTICATION_FAILED,
                "the call is not signed as it should be",
                hint="give the forge the secret that this server has for its hooks",
            )
        handled, why = self._judged(request, call.body)
        token = await self.hooks.poke() if handled else None
        log.info("git_hook_received", forge=sender, handled=handled, why=why, token=token)
        told = {"handled": handled, "why": why, "token": token}
        return Response(msgspec.json.encode(told), status_code=202, media_type="application/json")

    def _count(self, request: Request) -> None:
        allowance = self.rates.take(_client(request), self.clock.now())
        if not allowance.passes:
            raise refuse(
                Code.RATE_LIMIT_EXCEEDED,
                f"too many calls from this address; wait {allowance.wait} s",
                Retry_After=str(allowance.wait),
            )

    def _secrets(self, request: Request) -> list[str]:
        """Return the secrets in use; without one this server does not say that it has receivers."""
        try:
            found = [secret for secret in self.hooks.secrets() if secret]
            why = "no secret is set for git hooks"
        except SecretMissing as error:
            found, why = [], error.message
        if not found:
            log.error("git_hooks_disabled", why=why)
            raise refuse(Code.NOT_FOUND, f"there is nothing at {request.url.path[:200]}")
        return found

    def _judged(self, request: Request, body: bytes) -> tuple[bool, str]:
        """Return whether a call is a push to the branch that is followed, and why or why not."""
        event = next((request.headers[name] for name in _EVENTS if name in request.headers), "")
        if event == "ping":
            return False, "a ping: the hook reaches this server, and its signature is good"
        if event not in _PUSHES:
            return False, f"{event[:64]!r} is no push"
        push = _decoded(request, body)
        kinds = {push.object_kind, push.event_name} - {None}
        if kinds and "push" not in kinds:
            return False, f"{min(map(str, kinds))[:64]!r} is no push"
        return self._of_ours(push)

    def _of_ours(self, push: Push) -> tuple[bool, str]:
        followed = f"refs/heads/{self.hooks.branch}"
        if not push.ref:
            return False, "it names no ref"
        if not _same_repository(self.hooks.repository, push):
            return False, "it is about another repository than the one that is followed"
        if push.ref != followed:
            return False, f"{push.ref[:200]} is not followed; {followed} is"
        if push.deleted or _GONE.fullmatch(push.after or ""):
            return False, f"{followed} was deleted; what is in force stays"
        return True, f"a push to {followed}"


def _client(request: Request) -> str:
    return request.client.host if request.client else "unknown"


async def _body_of(request: Request) -> bytes:
    """Return the body; one beyond the limit is refused when that much of it has come, or was announced."""
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > LARGEST_BODY:
        raise _too_large()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise _too_large()
    return bytes(body)


def _too_large() -> Refused:
    return refuse(
        Code.PAYLOAD_TOO_LARGE,
        f"the body is larger than {LARGEST_BODY} bytes",
        hint="have the forge send pushes only; what it does not tell is seen at the next timed look",
        Connection="close",
    )


def _decoded(request: Request, body: bytes) -> Push:
    """Return what is read of *body*: JSON, or GitHub's form with JSON in its field ``payload``."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == "application/x-www-form-urlencoded":
            body = parse_qs(body.decode(), max_num_fields=20)["payload"][0].encode()
        return msgspec.json.decode(body, type=Push)
    except (msgspec.DecodeError, UnicodeError, ValueError, KeyError):
        raise refuse(
            Code.INVALID_REQUEST,
            "the body is signed, and is no push in JSON",
            hint="choose the content type application/json for the hook",
        ) from None


def _same_repository(followed: str, push: Push) -> bool:
    """Return whether *push* names the repository that is followed, by its path; hosts have many names.

    A folder on this machine has no name at a forge, so any will do; and so it does if none is named.
    """
    ours = _path(followed)
    named = [one for one in (push.repository, push.project) if one is not None]
    if ours is None or not named:
        return True
    texts = [
        text
        for one in named
        for text in ([one] if isinstance(one, str) else msgspec.structs.astuple(one))
        if text
    ]
    return ours in {_path(text) or _plain(text) for text in texts}


def _path(url: str) -> str | None:
    """Return the path of a repository's address, or ``None`` for what is no address."""
    scp = _SCP.fullmatch(url)
    if scp is not None:
        return _plain(scp["path"])
    parts = urlsplit(url)
    remote = parts.scheme in {"http", "https", "ssh", "git"} and parts.netloc
    return _plain(parts.path) if remote else None


def _plain(path: str) -> str:
    return path.strip("/").removesuffix(".git").lower()

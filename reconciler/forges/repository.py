"""Which forge a repository's address belongs to, and the client for it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, assert_never
from urllib.parse import quote, urlsplit

import httpx

from reconciler.errors import Invalid
from reconciler.forges.forge import Forge, Kind, Token
from reconciler.forges.gitea import Gitea
from reconciler.forges.github import GitHub
from reconciler.forges.gitlab import GitLab
from reconciler.forges.wire import checked

CONTEXT: Final = "reconciler/plan"

KNOWN: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "github.com": Kind.GITHUB,
        "gitlab.com": Kind.GITLAB,
        "gitea.com": Kind.GITEA,
        "codeberg.org": Kind.FORGEJO,
    }
)
_SSH: Final = re.compile(r"(?:ssh://)?(?:[^@/]+@)(?P<host>[^:/]+)(?::\d+/|[:/])(?P<path>.+)")
_SEGMENT: Final = re.compile(r"[\w.~+-]+")


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository at a forge: of which kind, where its API is, and its path (``owner/name``) there."""

    kind: Kind
    api: str
    path: str


def repository(url: str, *, kind: Kind | None = None, api: str | None = None) -> Repository:
    """Return the repository at *url*: an address to look at or to clone from, https or ssh.

    *kind* must be said of hosts that are not known; *api* only where it is not at its usual place.

    Raises:
        Invalid: if the address cannot be taken.
    """
    web, host, path = _parts(url)
    kind = kind or KNOWN.get(host)
    if kind is None:
        raise Invalid(
            f"{host} is not known to be a forge of a certain kind",
            hint=f"say which: --forge {'|'.join(Kind)}",
        )
    segments = path.removesuffix(".git").split("/")
    exact = kind is Kind.GITLAB or len(segments) == 2
    if not exact or len(segments) < 2 or not all(map(_is_segment, segments)):
        raise Invalid(f"{path!r} is no owner/name", hint="write https://HOST/OWNER/NAME")
    return Repository(kind, checked(api or _api_of(kind, host, web)), "/".join(segments))


def open_forge(
    where: Repository,
    token: Token,
    *,
    context: str = CONTEXT,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Forge:
    """Return the client of a repository; *context* is the name of the statuses it sets."""
    match where.kind:
        case Kind.GITHUB:
            path = quote(where.path)
            return GitHub(where.api, path, token, context=context, transport=transport)
        case Kind.GITLAB:
            return GitLab(where.api, where.path, token, context=context, transport=transport)
        case Kind.GITEA | Kind.FORGEJO:
            path = quote(where.path)
            return Gitea(where.api, path, token, context=context, transport=transport)
        case _:
            assert_never(where.kind)


def _parts(url: str) -> tuple[str, str, str]:
    """Return the address of the forge's pages, its host, and the path of the repository."""
    ssh = None if url.startswith(("http://", "https://")) else _SSH.fullmatch(url)
    if ssh is not None:
        return f"https://{ssh['host']}", ssh["host"].lower(), ssh["path"].strip("/")
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Invalid(
            f"{url[:200]!r} is no address of a repository", hint="write https://HOST/OWNER/NAME"
        )
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}", parts.hostname.lower(), parts.path.strip("/")


def _api_of(kind: Kind, host: str, web: str) -> str:
    match kind:
        case Kind.GITHUB:
            return "https://api.github.com" if host == "github.com" else f"{web}/api/v3"
        case Kind.GITLAB:
            return f"{web}/api/v4"
        case Kind.GITEA | Kind.FORGEJO:
            return f"{web}/api/v1"
        case _:
            assert_never(kind)


def _is_segment(text: str) -> bool:
    return bool(_SEGMENT.fullmatch(text)) and text not in {".", ".."}

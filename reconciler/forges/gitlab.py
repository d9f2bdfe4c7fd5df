"""GitLab: commit statuses and notes of merge requests, of gitlab.com and self-managed.

https://docs.gitlab.com/api/commits/#set-commit-pipeline-status and https://docs.gitlab.com/api/notes/.
"""

from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

import httpx

from reconciler.errors import Forbidden, Invalid, NotFound
from reconciler.forges.forge import State, Token, cut, whole_hash
from reconciler.forges.sticky import Comment, keep_one, marked
from reconciler.forges.wire import Wire

LONGEST_SUMMARY: Final = 255
LONGEST_COMMENT: Final = 1_000_000
PAGE: Final = 100
MOST_PAGES: Final = 30

_WORDS: Final[Mapping[State, str]] = MappingProxyType(
    {
        State.PENDING: "pending",
        State.SUCCESS: "success",
        State.FAILURE: "failed",
        State.ERROR: "failed",
    }
)


class GitLab:
    """The project *path* (``group/name``, or its number) behind the API at *api*."""

    def __init__(
        self,
        api: str,
        path: str,
        token: Token,
        *,
        context: str,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        headers = {"accept": "application/json", "private-token": token.reveal()}
        self._wire = Wire(api, headers, secret=token.reveal(), transport=transport)
        self._project = f"/projects/{quote(path, safe='')}"
        self._context = context

    async def close(self) -> None:
        """Let go of connections."""
        await self._wire.close()

    async def set_status(self, commit: str, state: State, summary: str, url: str = "") -> None:
        """See ``Forge.set_status``."""
        body = {
            "state": _WORDS[state],
            "description": cut(summary, LONGEST_SUMMARY),
            "name": self._context,
        }
        path = f"{self._project}/statuses/{whole_hash(commit)}"
        try:
            await self._wire.ask(
                "POST", path, body={**body, **({"target_url": url} if url else {})}
            )
        except Invalid as error:
            # GitLab refuses "pending" for what is pending or running already (gitlab-foss#25807).
            if state is not State.PENDING or "Cannot transition status" not in error.message:
                raise

    async def comment(self, pull_request: int, marker: str, markdown: str) -> None:
        """See ``Forge.comment``."""
        text = marked(marker, markdown, LONGEST_COMMENT)
        await keep_one(self, pull_request, marker, text)

    async def me(self) -> str | None:
        """See ``Board.me``."""
        try:
            user = await self._wire.ask("GET", "/user")
        except (Forbidden, NotFound):
            return None
        return str(user["username"])

    async def comments(self, pull_request: int) -> AsyncIterator[Comment]:
        """See ``Board.comments``."""
        for page in range(1, MOST_PAGES + 1):
            query = {"per_page": str(PAGE), "page": str(page), "sort": "asc"}
            found = await self._wire.ask("GET", self._notes(pull_request), query=query)
            for one in found:
                if not one.get("system"):
                    author = str((one.get("author") or {}).get("username"))
                    yield Comment(one["id"], author, one.get("body") or "")
            if len(found) < PAGE:
                return

    async def edit(self, pull_request: int, comment: int, text: str) -> None:
        """See ``Board.edit``."""
        path = f"{self._notes(pull_request)}/{comment}"
        await self._wire.ask("PUT", path, body={"body": text})

    async def add(self, pull_request: int, text: str) -> None:
        """See ``Board.add``."""
        await self._wire.ask("POST", self._notes(pull_request), body={"body": text})

    def _notes(self, merge_request: int) -> str:
        return f"{self._project}/merge_requests/{merge_request}/notes"

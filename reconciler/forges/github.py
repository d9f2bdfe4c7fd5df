"""GitHub: commit statuses and issue comments, of github.com and of an Enterprise Server.

https://docs.github.com/en/rest/commits/statuses and https://docs.github.com/en/rest/issues/comments.
"""

from collections.abc import AsyncIterator
from typing import Final

import httpx

from reconciler.errors import Forbidden, NotFound, Unauthorized
from reconciler.forges.forge import State, Token, cut, whole_hash
from reconciler.forges.sticky import Comment, keep_one, marked
from reconciler.forges.wire import Wire

LONGEST_SUMMARY: Final = 140
LONGEST_COMMENT: Final = 65_536
PAGE: Final = 100
MOST_PAGES: Final = 30
BOT: Final = "a bot"
"""The author of a comment that a workflow's own token wrote: such a token may not ask who it is."""


class GitHub:
    """The repository *path* (``owner/name``) behind the API at *api*."""

    def __init__(
        self,
        api: str,
        path: str,
        token: Token,
        *,
        context: str,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        headers = {
            "accept": "application/vnd.github+json",
            "authorization": f"Bearer {token.reveal()}",
            "x-github-api-version": "2022-11-28",
        }
        self._wire = Wire(api, headers, secret=token.reveal(), transport=transport)
        self._repository = f"/repos/{path}"
        self._context = context

    async def close(self) -> None:
        """Let go of connections."""
        await self._wire.close()

    async def set_status(self, commit: str, state: State, summary: str, url: str = "") -> None:
        """See ``Forge.set_status``."""
        body = {
            "state": state.value,
            "description": cut(summary, LONGEST_SUMMARY),
            "context": self._context,
        }
        path = f"{self._repository}/statuses/{whole_hash(commit)}"
        await self._wire.ask("POST", path, body={**body, **({"target_url": url} if url else {})})

    async def comment(self, pull_request: int, marker: str, markdown: str) -> None:
        """See ``Forge.comment``."""
        text = marked(marker, markdown, LONGEST_COMMENT)
        await keep_one(self, pull_request, marker, text)

    async def me(self) -> str:
        """See ``Board.me``."""
        try:
            user = await self._wire.ask("GET", "/user")
        except (Forbidden, NotFound, Unauthorized):
            return BOT
        return str(user["login"])

    async def comments(self, pull_request: int) -> AsyncIterator[Comment]:
        """See ``Board.comments``."""
        path = f"{self._repository}/issues/{pull_request}/comments"
        for page in range(1, MOST_PAGES + 1):
            found = await self._wire.ask(
                "GET", path, query={"per_page": str(PAGE), "page": str(page)}
            )
            for one in found:
                user = one.get("user") or {}
                by = BOT if user.get("type") == "Bot" else str(user.get("login"))
                yield Comment(one["id"], by, (one.get("body") or "").replace("\r\n", "\n"))
            if len(found) < PAGE:
                return

    async def edit(self, pull_request: int, comment: int, text: str) -> None:  # noqa: ARG002  a comment's id is enough here
        """See ``Board.edit``."""
        path = f"{self._repository}/issues/comments/{comment}"
        await self._wire.ask("PATCH", path, body={"body": text})

    async def add(self, pull_request: int, text: str) -> None:
        """See ``Board.add``."""
        path = f"{self._repository}/issues/{pull_request}/comments"
        await self._wire.ask("POST", path, body={"body": text})

"""GitHub: commit statuses and issue comments, of github.com and of an Enterprise Server.

https://docs.github.com/en/rest/commits/statuses and https://docs.github.com/en/rest/issues/comments.
"""

from collections.abc import AsyncIterator
from typing import Final

import httpx

from reconciler.errors import Forbidden, NotFound, Unauthorized
from reconciler.forges.forge import Token
from reconciler.forges.issues import Issues
from reconciler.forges.sticky import Comment
from reconciler.forges.wire import Wire

PAGE: Final = 100
MOST_PAGES: Final = 30
BOT: Final = "a bot"
"""The author of a comment that a workflow's own token wrote: such a token may not ask who it is."""


class GitHub(Issues):
    """The repository *path* (``owner/name``) behind the API at *api*."""

    longest_summary = 140
    longest_comment = 65_536

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
        wire = Wire(api, headers, secret=token.reveal(), transport=transport)
        super().__init__(wire, path, context)

    async def me(self) -> str:
        """See ``Board.me``."""
        try:
            user = await self._wire.ask("GET", "/user")
        except (Forbidden, NotFound, Unauthorized):
            return BOT
        return str(user["login"])

    async def comments(self, pull_request: int) -> AsyncIterator[Comment]:
        """See ``Board.comments``."""
        path = self._comments(pull_request)
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

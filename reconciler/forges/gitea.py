"""Gitea and Forgejo: commit statuses and issue comments. Both keep the same API, under ``/api/v1``."""

from collections.abc import AsyncIterator

import httpx

from reconciler.errors import Forbidden, NotFound
from reconciler.forges.forge import Token
from reconciler.forges.issues import Issues
from reconciler.forges.sticky import Comment
from reconciler.forges.wire import Wire


class Gitea(Issues):
    """The repository *path* (``owner/name``) behind the API at *api*."""

    longest_summary = 255
    longest_comment = 1_000_000

    def __init__(
        self,
        api: str,
        path: str,
        token: Token,
        *,
        context: str,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        headers = {"accept": "application/json", "authorization": f"token {token.reveal()}"}
        wire = Wire(api, headers, secret=token.reveal(), transport=transport)
        super().__init__(wire, path, context)

    async def me(self) -> str | None:
        """See ``Board.me``."""
        try:
            user = await self._wire.ask("GET", "/user")
        except (Forbidden, NotFound):
            return None
        return str(user["login"])

    async def comments(self, pull_request: int) -> AsyncIterator[Comment]:
        """See ``Board.comments``. All come at once: this API does not page them."""
        path = self._comments(pull_request)
        for one in await self._wire.ask("GET", path):
            author = str((one.get("user") or {}).get("login"))
            yield Comment(one["id"], author, one.get("body") or "")

"""Commit statuses and issue comments in the form of GitHub's API, which Gitea and Forgejo keep too."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from typing import ClassVar

from reconciler.forges.forge import State, cut, whole_hash
from reconciler.forges.sticky import Comment, keep_one, marked
from reconciler.forges.wire import Wire


class Issues(ABC):
    """The repository *path* (``owner/name``) behind an API; who writes and how lists come differ."""

    longest_summary: ClassVar[int]
    longest_comment: ClassVar[int]

    def __init__(self, wire: Wire, path: str, context: str) -> None:
        self._wire = wire
        self._repository = f"/repos/{path}"
        self._context = context

    async def close(self) -> None:
        """Let go of connections."""
        await self._wire.close()

    async def set_status(self, commit: str, state: State, summary: str, url: str = "") -> None:
        """See ``Forge.set_status``."""
        body = {
            "state": state.value,
            "description": cut(summary, self.longest_summary),
            "context": self._context,
        }
        path = f"{self._repository}/statuses/{whole_hash(commit)}"
        await self._wire.ask("POST", path, body={**body, **({"target_url": url} if url else {})})

    async def comment(self, pull_request: int, marker: str, markdown: str) -> None:
        """See ``Forge.comment``."""
        text = marked(marker, markdown, self.longest_comment)
        await keep_one(self, pull_request, marker, text)

    @abstractmethod
    async def me(self) -> str | None:
        """See ``Board.me``."""

    @abstractmethod
    def comments(self, pull_request: int) -> AsyncIterator[Comment]:
        """See ``Board.comments``."""

    async def edit(self, pull_request: int, comment: int, text: str) -> None:  # noqa: ARG002  a comment's id is enough here
        """See ``Board.edit``."""
        path = f"{self._repository}/issues/comments/{comment}"
        await self._wire.ask("PATCH", path, body={"body": text})

    async def add(self, pull_request: int, text: str) -> None:
        """See ``Board.add``."""
        await self._wire.ask("POST", self._comments(pull_request), body={"body": text})

    def _comments(self, pull_request: int) -> str:
        return f"{self._repository}/issues/{pull_request}/comments"

"""How tokens that come of connect links are handed over, without a database."""

from reconciler.errors import Conflict
from reconciler.model.link import Handover
from reconciler.store.in_memory.shelf import Draft, Shelf


class MemoryHandovers:
    """``ports.Handovers`` in one transaction."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    async def put(self, handover: Handover) -> None:
        """Keep a handover, new or known by its link."""
        await self._draft.do(_put, handover)

    async def of(self, link: str) -> Handover | None:
        """Return the handover of a link (its id)."""
        return await self._draft.do(lambda shelf: shelf.handovers.get(link))

    async def by_code(self, digest: bytes) -> Handover | None:
        """Return the handover whose one-time code has this SHA-256."""
        return await self._draft.do(
            lambda shelf: next(
                (one for one in shelf.handovers.values() if one.code == digest), None
            )
        )


def _put(shelf: Shelf, handover: Handover) -> None:
    others = (one for key, one in shelf.handovers.items() if key != handover.link)
    if handover.code is not None and any(one.code == handover.code for one in others):
        raise Conflict("what was to be written contradicts what another has written")
    shelf.handovers[handover.link] = handover

"""Deletions that a source does not tell: ids seen against ids kept, under a brake."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from reconciler.ports import Connector


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found: ``gone`` may be buried; ``held`` are too many at once, for a person to look."""

    gone: tuple[str, ...] = ()
    held: int = 0
    known: int = 0

    def sentence(self) -> str:
        """Return in words what the brake did."""
        return (
            f"{self.held} of {self.known} records are gone from the source, more than the brake "
            "allows in one sweep; nothing was deleted"
        )


async def sweep(connector: Connector, entity: str, known: AbstractSet[str], brake: float) -> Swept:
    """Return which of the *known* source ids are not there any more, once all pages were read.

    More than *brake* (a share of the known ones; one record is always allowed) is held: a source that
    loses rights or restarts empty looks like a source that deleted everything.
    """
    if not known:
        return Swept()
    left = set(known)
    page: str | None = None
    while True:
        answer = await connector.ids(entity, page=page)
        left.difference_update(answer.ids)
        page = answer.next
        if page is None:
            break
    if len(left) > max(1, int(len(known) * brake)):
        return Swept(held=len(left), known=len(known))
    return Swept(gone=tuple(sorted(left)), known=len(known))

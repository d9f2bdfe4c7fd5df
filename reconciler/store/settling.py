"""What becomes of work when a lease has lapsed: how a delivery stands that two have tried, who is refused."""

from dataclasses import replace

from reconciler.errors import LeaseLost
from reconciler.model.event import Delivery, DeliveryStatus


def settled_with(stored: Delivery, told: Delivery) -> Delivery:
    """Return how a delivery stands when *told* is settled on *stored*; no attempt is ever lost.

    If another has settled it since *told* was claimed, it stays as the other found it, unless the last
    attempt of *told* has delivered it.
    """
    if told.attempts[: len(stored.attempts)] == stored.attempts:
        return told
    merged = (*stored.attempts, *told.attempts[-1:])
    if told.status is DeliveryStatus.DELIVERED:
        return replace(told, attempts=merged)
    return replace(stored, attempts=merged)


def lease_lost(name: str, other: str | None) -> LeaseLost:
    """Return the error of one who writes under a lease that is not theirs any more."""
    who = f"{other} has it now" if other else "it has lapsed"
    return LeaseLost(
        f"the lease {name!r} is not held any more: {who}",
        hint="nothing of this was written; start anew, or leave it to the other",
    )

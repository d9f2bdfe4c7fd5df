"""How a delivery stands when two have tried it, because a lease had lapsed."""

from dataclasses import replace

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

"""Which deliveries are looked for."""

from dataclasses import dataclass
from datetime import datetime

from reconciler.model.event import DeliveryStatus


@dataclass(frozen=True, slots=True)
class DeliveryQuery:
    """Deliveries of a route (its uid; ``None``: of all), in a status, made in a time, the newest first.

    ``since`` is part of that time, ``until`` no longer. ``after`` are ``made_at`` and id of the last one
    of the page before.
    """

    route: str | None = None
    status: DeliveryStatus | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: tuple[datetime, str] | None = None
    limit: int = 100

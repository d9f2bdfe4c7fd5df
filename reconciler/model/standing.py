"""How it all stands at one moment, as numbers: what monitoring asks of the store."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.model.connection import ConnectionStatus
from reconciler.model.drift import DriftKind


@dataclass(frozen=True, slots=True)
class Standing:
    """Numbers of all connections (their uids) and of the outbox, of one moment of the store.

    ``statuses`` are those that were found out. ``successes`` say when which entity was last read to
    the end. ``drifts`` counts what is open. ``pending`` and ``dead`` count deliveries. ``oldest`` is
    when the oldest event happened that not everybody was told of who is to be told.
    """

    statuses: Mapping[str, ConnectionStatus] = field(default_factory=dict)
    successes: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    drifts: Mapping[DriftKind, int] = field(default_factory=dict)
    pending: int = 0
    dead: int = 0
    oldest: datetime | None = None

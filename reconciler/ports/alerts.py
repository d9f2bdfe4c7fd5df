"""Alerts, who was told of them, and how receivers are: the small ports of their table families."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from reconciler.model.alert import Alert, Group, Silence, Telling
from reconciler.model.endpoint import Endpoint


class Alerts(Protocol):
    """What is wrong, and who knows. Each change of it gives the board another mark, unless it says not."""

    async def about(self, subjects: Sequence[str]) -> Sequence[Alert]:
        """Return the alerts about *subjects* that are not settled."""
        ...

    async def put(self, alerts: Sequence[Alert], *, news: bool = True) -> None:
        """Keep *alerts*, new or known. Without *news* the board keeps its mark."""
        ...

    async def find(self, alert_id: str) -> Alert | None:
        """Return one alert; nobody else changes it before this transaction has ended."""
        ...

    async def settle(self, ids: Sequence[str]) -> None:
        """Say that nobody is to be told anything more of these."""
        ...

    async def tell(self, tellings: Sequence[Telling]) -> None:
        """Keep what routes know."""
        ...

    async def flush(self, group: Group, *, before: int) -> None:
        """Keep *group* as it is after a notification; raise ``Conflict`` if its number was not *before*."""
        ...

    async def silence(self, silence: Silence) -> None:
        """Keep a silence, new or known."""
        ...

    async def prune(self, before: datetime, *, limit: int) -> int:
        """Remove settled alerts that last changed before then, and ended silences; return how many alerts."""
        ...


class Endpoints(Protocol):
    """How receivers are; one that is well is not kept."""

    async def put(self, endpoint: Endpoint) -> None:
        """Keep how a receiver is, or that it is well."""
        ...

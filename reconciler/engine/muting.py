"""What is not told for now, and until when: silences, quiet hours, and what something worse explains."""

from datetime import UTC, datetime, timedelta
from typing import Final

from reconciler.engine.manners import Manners
from reconciler.model.alert import INHIBITS, Alert, Board
from reconciler.model.event import EventSeverity

GRACE: Final = timedelta(minutes=5)
"""So long what an alert made needless to tell has to end by itself, once that alert is over."""

NEVER: Final = datetime.max.replace(tzinfo=UTC)
"""Not until something changes."""


class Muting:
    """Tells from when on an alert may be told to a route with *manners*; *now* is when it is asked."""

    def __init__(self, board: Board, manners: Manners, now: datetime) -> None:
        self._quiet = manners.quiet_until(now)
        self._silences = [one for one in board.silences if one.active(now)]
        self._causes: dict[str, list[Alert]] = {}
        for alert in board.alerts.values():
            if alert.type in INHIBITS:
                self._causes.setdefault(alert.subject, []).append(alert)

    def until(self, alert: Alert) -> datetime:
        """Return when *alert* is no longer muted: a time that is past if it is not, or ``NEVER``."""
        return max(self._inhibited(alert), self._silenced(alert), self.quiet(alert))

    def quiet(self, alert: Alert) -> datetime:
        """Return when the quiet hours end that *alert* falls into; a time that is past if there are none."""
        if self._quiet is None or alert.severity is EventSeverity.CRITICAL:
            return alert.opened_at
        return self._quiet

    def _silenced(self, alert: Alert) -> datetime:
        ends = [one.ends_at for one in self._silences if one.covers(alert)]
        return max(ends, default=alert.opened_at)

    def _inhibited(self, alert: Alert) -> datetime:
        until = alert.opened_at
        for cause in self._causes.get(alert.subject, ()):
            if alert.type not in INHIBITS[cause.type] or cause.part not in {"", alert.part}:
                continue
            if cause.closed_at is None:
                return NEVER
            if cause.closed_at > alert.opened_at:
                until = max(until, cause.closed_at + GRACE)
        return until


def explains(alert: Alert, now: datetime) -> bool:
    """Return whether *alert*, which is over, may still be why others are not told."""
    return alert.type in INHIBITS and alert.closed_at is not None and alert.closed_at + GRACE > now

"""What people say of alerts: that they are on it, and what they want to hear nothing of for a while."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from reconciler.engine.granting import By
from reconciler.engine.ids import new_id
from reconciler.errors import Invalid, NotFound
from reconciler.model.alert import Alert, Silence
from reconciler.model.audit import AuditEntry
from reconciler.model.moment import rfc3339
from reconciler.ports import UnitOfWork

LONGEST: Final = timedelta(days=365)
"""A silence ends by itself at the latest after so long."""

MOST: Final = 20
"""So many matchers a silence has at most."""


def matchers_of(texts: list[str]) -> dict[str, str]:
    """Return what ``connection=acme-*`` and the like say.

    Raises:
        ValueError: if one of them says nothing, or the same name stands twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, pattern = text.partition("=")
        if not equals or not name.strip() or not pattern:
            msg = f"{text!r} is no matcher; write name=pattern, such as connection=acme-*"
            raise ValueError(msg)
        if name.strip() in found:
            msg = f"{name.strip()!r} is given twice; all matchers of a silence have to fit"
            raise ValueError(msg)
        found[name.strip()] = pattern
    return found


async def silence(
    unit: UnitOfWork,
    matchers: Mapping[str, str],
    by: By,
    *,
    lasts: tuple[datetime, datetime],
    comment: str,
) -> Silence:
    """Keep a silence that lasts from the first time to the second, and return it.

    Raises:
        Invalid: if it would be about everything, or about no time.
    """
    starts, ends = lasts
    if not matchers or all(set(pattern) == {"*"} for pattern in matchers.values()):
        raise Invalid(
            "a silence of everything is a suspended route",
            hint="say what of: connection=acme-*, event=sync.failed, host=…, severity=…, or a label",
        )
    if len(matchers) > MOST:
        raise Invalid(f"a silence has {MOST} matchers at most", hint="make two silences")
    if not max(starts, by.at) < ends <= starts + LONGEST:
        raise Invalid(
            f"a silence ends after it starts, after now, and at most {LONGEST.days} days later",
            hint="say another time for its end",
        )
    made = Silence(new_id("sil", by.at), matchers, comment, by.actor, by.at, starts, ends)
    await unit.alerts.silence(made)
    data = {"matchers": dict(matchers), "until": rfc3339(ends), "comment": comment}
    await _record(unit, by, "silence.added", made.id, data)
    return made


async def end_silence(unit: UnitOfWork, known: Silence | None, name: str, by: By) -> Silence:
    """End *known* now; return it as it is then.

    Raises:
        NotFound: if there is none.
    """
    if known is None:
        raise NotFound(f"there is no silence {name!r}", hint="reconciler silence list shows them")
    if known.ends_at <= by.at:
        return known
    ended = replace(known, starts_at=min(known.starts_at, by.at), ends_at=by.at)
    await unit.alerts.silence(ended)
    await _record(unit, by, "silence.ended", known.id, {})
    return ended


async def acknowledge(unit: UnitOfWork, alert_id: str, by: By, *, note: str = "") -> Alert:
    """Say that somebody is on it: it is neither repeated nor escalated any more. The first one counts.

    Raises:
        NotFound: if there is no such alert.
        Invalid: if it is over already, or is a notice.
    """
    known = await unit.alerts.find(alert_id)
    if known is None:
        raise NotFound(f"there is no alert {alert_id!r}", hint="reconciler alerts list shows them")
    if not known.open:
        raise Invalid("it is over: there is nothing to acknowledge any more")
    if known.acked_at is not None:
        return known
    acked = replace(known, acked_at=by.at, acked_by=by.actor, note=note)
    await unit.alerts.put([acked])
    await _record(
        unit, by, "alert.acknowledged", alert_id, {"subject": known.subject, "note": note}
    )
    return acked


async def _record(
    unit: UnitOfWork, by: By, deed: str, subject: str, data: Mapping[str, object]
) -> None:
    await unit.audit.record(AuditEntry(by.at, by.actor, deed, subject, data, by.request_id))

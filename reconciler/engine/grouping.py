"""What is told together: alerts that share labels, and a host that is offline for many connections."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from reconciler.engine.manners import Manners
from reconciler.model.alert import Alert
from reconciler.model.event import EventType

MANY: Final = 5
"""With so many connections offline it is their host that is offline, and that is one alert."""

_HOST: Final = "offline host="


def hosts_offline(alerts: Iterable[Alert]) -> frozenset[str]:
    """Return the hosts that are offline for many connections."""
    found = Counter(
        alert.facts.get("host", "")
        for alert in alerts
        if alert.open and alert.type is EventType.CONNECTION_OFFLINE
    )
    return frozenset(host for host, count in found.items() if host and count >= MANY)


def labels_of_group(
    alert: Alert, manners: Manners, hosts: frozenset[str]
) -> tuple[str, Mapping[str, str]]:
    """Return the key of the group that *alert* belongs to, and the labels that it shares."""
    if manners.digest is not None:
        return "digest", {}
    host = alert.facts.get("host", "")
    offline = alert.type is EventType.CONNECTION_OFFLINE and host in hosts
    if offline and "connection" in manners.by:
        return _HOST + host, {"host": host}
    labels = {name: alert.facts[name] for name in manners.by if name in alert.facts}
    return ",".join(f"{name}={text}" for name, text in labels.items()), labels


def is_one(key: str) -> bool:
    """Return whether the group of this key is a host: one alert, however many connections it has."""
    return key.startswith(_HOST)

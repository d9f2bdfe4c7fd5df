"""What happens, counted in this process: ``ports.Meter`` over metrics of ``prometheus_client``."""

from collections import Counter as Tally
from datetime import datetime, timedelta
from typing import Final, assert_never

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from reconciler.model.event import Attempt, Event
from reconciler.model.sync import SyncRun
from reconciler.model.verdict import Done, Halt, Retry, Verdict, Wait
from reconciler.ports import Answered, Look, LookEnd
from reconciler.telemetry import families
from reconciler.telemetry.families import Family

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""A client may send any word as a method; others are counted as ``other``."""

ATTEMPTS: Final = ("delivered", "refused", "unanswered")


class PrometheusMeter:
    """Counts into a registry of its own, so that two in one process are strangers."""

    def __init__(self) -> None:
        # Each counter and histogram would tell its birthday beside its value.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves it so
        self.registry: Final = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self._specs = _Specs(self.registry)
        self._controller = _Controller(self.registry)
        self._syncs = _Syncs(self.registry)
        self._deliveries = _Deliveries(self.registry)
        self._requests = _Requests(self.registry)

    def looked(self, look: Look, at: datetime, took: timedelta) -> None:
        """Count a look at the specs that ended *at* a time."""
        self._specs.count(look, at, took)

    def turned(self, key: str, verdict: Verdict, *, waited: timedelta, took: timedelta) -> None:
        """Count a turn of *key*."""
        family = key.partition(":")[0]
        self._controller.waited.labels(family).observe(_seconds(waited))
        self._controller.turns.labels(family, _outcome(verdict)).observe(_seconds(took))

    def synced(self, run: SyncRun, connector: str) -> None:
        """Count a run that has ended, of a connection to a *connector*."""
        self._syncs.count(run, connector)

    def attempted(self, attempt: Attempt, event: Event) -> None:
        """Count an attempt to deliver *event*."""
        self._deliveries.count(attempt, event)

    def answered(self, answer: Answered) -> None:
        """Count an answer of the API."""
        method = answer.method if answer.method in METHODS else "other"
        route = answer.route or "unmatched"
        status = f"{answer.status // 100}xx" if answer.status else "none"
        self._requests.answers.labels(route, method, status).inc()
        self._requests.duration.labels(route, method).observe(_seconds(answer.took))


class _Specs:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.ready = _gauge(families.SOURCE_READY, registry)
        self.last = _gauge(families.LAST_LOOK, registry)
        self.looks = _histogram(families.LOOKS, registry)
        self.plans = _counter(families.PLANS, registry)
        self.changes = _counter(families.CHANGES, registry)
        self.held = _gauge(families.HELD, registry)
        for end in LookEnd:
            self.looks.labels(end)

    def count(self, look: Look, at: datetime, took: timedelta) -> None:
        self.looks.labels(look.end).observe(_seconds(took))
        match look.end:
            case LookEnd.APPLIED | LookEnd.UNCHANGED:
                self.ready.set(1)
                self.last.set(at.timestamp())
                self.held.set(look.held)
            case LookEnd.INVALID | LookEnd.UNREADABLE:
                self.ready.set(0)
            case LookEnd.FAILED:
                pass  # it says nothing of the source
            case _:
                assert_never(look.end)
        if look.end is LookEnd.APPLIED:
            self.plans.inc()
        made = Tally((change.action.word, change.key.kind.value) for change in look.made)
        for (action, kind), number in made.items():
            self.changes.labels(action, kind).inc(number)


class _Controller:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.waited = _histogram(families.WAITED, registry)
        self.turns = _histogram(families.TURNS, registry)


class _Syncs:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.runs = _counter(families.RUNS, registry)
        self.duration = _histogram(families.RUN_DURATION, registry)
        self.read = _counter(families.READ, registry)
        self.written = _counter(families.WRITTEN, registry)
        self.deleted = _counter(families.DELETED, registry)
        self.invalid = _counter(families.INVALID, registry)

    def count(self, run: SyncRun, connector: str) -> None:
        stream = (connector, run.entity, run.mode)
        self.runs.labels(*stream, run.status).inc()
        took = (run.finished_at or run.started_at) - run.started_at
        self.duration.labels(connector, run.mode).observe(_seconds(took))
        self.read.labels(*stream).inc(run.read)
        self.written.labels(*stream, "created").inc(run.created)
        self.written.labels(*stream, "updated").inc(run.updated)
        self.deleted.labels(*stream).inc(run.deleted)
        self.invalid.labels(*stream).inc(run.invalid)


class _Deliveries:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.attempts = _counter(families.ATTEMPTS, registry)
        self.latency = _histogram(families.LATENCY, registry)
        for outcome in ATTEMPTS:
            self.attempts.labels(outcome)

    def count(self, attempt: Attempt, event: Event) -> None:
        if attempt.well:
            self.attempts.labels("delivered").inc()
            self.latency.observe(_seconds(attempt.at + attempt.took - event.occurred_at))
        else:
            self.attempts.labels("refused" if attempt.status else "unanswered").inc()


class _Requests:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.answers = _counter(families.REQUESTS, registry)
        self.duration = _histogram(families.REQUEST_DURATION, registry)


def _outcome(verdict: Verdict) -> str:
    match verdict:
        case Done():
            return "done"
        case Retry():
            return "retried"
        case Wait():
            return "waiting"
        case Halt():
            return "halted"
        case _:
            assert_never(verdict)


def _seconds(span: timedelta) -> float:
    """Return *span* in seconds; a clock that was set back makes no negative time."""
    return max(span.total_seconds(), 0.0)


def _counter(family: Family, registry: CollectorRegistry) -> Counter:
    return Counter(family.name, family.meaning, family.labels, registry=registry)


def _gauge(family: Family, registry: CollectorRegistry) -> Gauge:
    return Gauge(family.name, family.meaning, family.labels, registry=registry)


def _histogram(family: Family, registry: CollectorRegistry) -> Histogram:
    return Histogram(
        family.name, family.meaning, family.labels, buckets=family.buckets, registry=registry
    )

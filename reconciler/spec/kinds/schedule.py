"""``SyncSchedule``: when which entities of which connections are synced."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from reconciler.model.value import canonical
from reconciler.spec.kinds.drifting import Drifting
from reconciler.spec.kinds.envelope import (
    CronText,
    Duration,
    Envelope,
    NameSet,
    Strict,
    ZoneName,
    at_least,
    at_most,
)
from reconciler.spec.kinds.target import Targeted

DEFAULT_EVERY = "15m"
_DAY = timedelta(days=1)


class Full(Strict):
    """When a sync reads the whole history again."""

    every: Annotated[Duration, at_least(timedelta(hours=1), "the time between full syncs")]
    """How old the last full sync may become before the next run is a full one."""


class Window(Strict):
    """A time in which no sync starts, or a route is quiet."""

    deny: CronText
    """When it begins."""
    for_: Annotated[
        Duration,
        Field(alias="for"),
        at_least(timedelta(minutes=1), "a window"),
        at_most(timedelta(days=31), "a window"),
    ]
    """How long it lasts."""
    time_zone: Annotated[ZoneName, Field(alias="timeZone")] = "UTC"
    """Whose clocks ``deny`` means."""


def _sorted(windows: tuple[Window, ...]) -> tuple[Window, ...]:
    return tuple(sorted(windows, key=lambda window: canonical(window.model_dump())))


Windows = Annotated[tuple[Window, ...], AfterValidator(_sorted)]
"""Times in which nothing is begun; their order means nothing."""


class SyncScheduleSpec(Targeted, Drifting):
    """When to sync."""

    entities: NameSet | None = None
    """Which entities. Default: all of the connection's."""
    every: (
        Annotated[
            Duration,
            at_least(timedelta(minutes=1), "the time between syncs"),
            at_most(timedelta(days=366), "the time between syncs"),
        ]
        | None
    ) = None
    """How long from one sync to the next, at least 1 minute. Default: 15m, unless ``cron`` is given."""
    cron: CronText | None = None
    """When to sync, instead of ``every``."""
    time_zone: Annotated[ZoneName | None, Field(alias="timeZone")] = None
    """Whose clocks ``cron`` means. Default: UTC."""
    jitter: Annotated[Duration, at_most(_DAY, "jitter")] = "0s"
    """Over how long the starts of many connections are spread."""
    mode: Literal["incremental", "full"] = "incremental"
    """What each run reads: what changed, or the whole history."""
    full: Full | None = None
    """Makes some of the incremental runs full ones."""
    catch_up: Annotated[Literal["once", "none"], Field(alias="catchUp")] = "once"
    """What happens after a stop to runs that were missed: one run for all of them, or none."""
    windows: Windows = ()
    """Times in which no sync starts."""
    suspend: bool = False
    """Whether the schedule rests for now."""

    @model_validator(mode="after")
    def _every_or_cron(self) -> Self:
        if self.every is not None and self.cron is not None:
            raise PydanticCustomError("keys_together", "write 'every' or 'cron', not both")
        if self.time_zone is not None and self.cron is None:
            raise PydanticCustomError(
                "keys_together", "'timeZone' says whose clocks 'cron' means; write 'cron' too"
            )
        if self.every is None and self.cron is None:
            return self.model_copy(update={"every": DEFAULT_EVERY})
        return self


class SyncScheduleDocument(Envelope):
    """When which entities of which connections are synced, incrementally or fully."""

    kind: Literal["SyncSchedule"]
    spec: SyncScheduleSpec

"""``pin``, ``rollback``: the source of specs stays at a commit, whatever is pushed."""

import sys
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.cli.failure import fail, go
from reconciler.cli.output import moment
from reconciler.cli.specs import Env
from reconciler.errors import Invalid, NotFound
from reconciler.model.duration import parse_duration

if TYPE_CHECKING:
    from reconciler.app import House

Why = Annotated[str | None, typer.Option(help="Why, for those who wonder.")]
Lasts = Annotated[
    str | None, typer.Option("--for", help="How long; default: until it is taken off.")
]


@dataclass(frozen=True, slots=True)
class _Wish:
    env: str
    reason: str
    lasts: timedelta | None


def pin(
    revision: Annotated[str | None, typer.Argument(help="A commit, tag or branch.")] = None,
    reason: Why = None,
    lasts: Lasts = None,
    off: Annotated[bool, typer.Option("--off", help="Follow the branch again.")] = False,
    env: Env = None,
) -> None:
    """Have `run --git` stay at a revision. Newer commits are told as waiting; nothing else stops.

    Example: reconciler pin 4f1c9ab --reason "the fix waits for review" --for 8h
    """
    if off == (revision is not None):
        fail(Invalid("say a revision, or --off"))
    if off:
        go(_off(env or ""))
        return
    go(_pin(revision or "", _wish(reason, lasts, env)))


def rollback(
    revision: Annotated[
        str | None, typer.Argument(help="A commit; default: the one that was in force before.")
    ] = None,
    reason: Why = None,
    lasts: Lasts = None,
    env: Env = None,
) -> None:
    """Go back to the revision that was in force before, and stay there: a pin at it.

    The bad commit does not come straight back. Revert it in git, then: reconciler pin --off

    Example: reconciler rollback --reason "orders were mapped wrongly"
    """
    go(_rollback(revision, _wish(reason, lasts, env)))


def _wish(reason: str | None, lasts: str | None, env: str | None) -> _Wish:
    if not reason:
        fail(Invalid("--reason is missing", hint="others will ask why nothing moves"))
    try:
        span = parse_duration(lasts) if lasts else None
    except ValueError as error:
        fail(Invalid(f"--for: {error}"))
    return _Wish(env or "", reason, span)


async def _pin(revision: str, wish: _Wish) -> None:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        await _keep(built, revision, wish)


async def _keep(built: "House", revision: str, wish: _Wish) -> None:
    from reconciler.app import person  # noqa: PLC0415
    from reconciler.model.audit import AuditEntry, Pin  # noqa: PLC0415

    now = built.clock.now()
    until = now + wish.lasts if wish.lasts else None
    state = await built.store.views.state()
    if state.revision.startswith("local:"):
        raise Invalid(
            "the specs are in a folder, which has no revisions to stay at",
            hint="follow a git repository: reconciler run --git URL",
        )
    data = {"revision": revision, "reason": wish.reason, "until": moment(until)}
    async with built.store.begin() as unit:
        await unit.pins.put(Pin(wish.env, revision, wish.reason, person(), now, until))
        await unit.audit.record(AuditEntry(now, person(), "source.pinned", "Source", data))
        await unit.commit()
    ends = f"until {moment(until)}" if until else "until it is taken off"
    sys.stdout.write(
        f"Pinned at {revision} {ends}. Follow the branch again: reconciler pin --off\n"
    )


async def _off(env: str) -> None:
    from reconciler.app import house, person  # noqa: PLC0415
    from reconciler.model.audit import AuditEntry  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built, built.store.begin() as unit:
        gone = await unit.pins.remove(env)
        now = built.clock.now()
        await unit.audit.record(AuditEntry(now, person(), "source.unpinned", "Source"))
        await unit.commit()
    if not gone:
        raise NotFound("nothing is pinned")
    sys.stdout.write("The branch is followed again.\n")


async def _rollback(revision: str | None, wish: _Wish) -> None:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        await _keep(built, revision or await _before(built), wish)


async def _before(built: "House") -> str:
    """Return the revision that was in force before the present one."""
    now = (await built.store.views.state()).revision
    past = await built.store.views.history(limit=1000)
    found = next((one.revision for one in past if one.revision not in {now, ""}), None)
    if found is None:
        raise NotFound(
            "nothing was in force before", hint="name a commit: reconciler rollback 4f1c9ab"
        )
    return found.rpartition("@sha1:")[2]

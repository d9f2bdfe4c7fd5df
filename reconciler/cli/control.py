"""``suspend``, ``resume``, ``locks``, ``history``, ``events``: what an operator does and looks at."""

import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reconciler.cli.failure import fail, go
from reconciler.cli.inspect import Output, list_events, parse_key
from reconciler.cli.output import Form, moment, show
from reconciler.errors import Invalid, NotFound
from reconciler.model.duration import parse_duration
from reconciler.model.resource import Kind, ResourceKey

if TYPE_CHECKING:
    from reconciler.app import House
    from reconciler.model.audit import Past

SUSPENDABLE = frozenset({Kind.CONNECTION, Kind.SYNC_SCHEDULE})
Target = Annotated[
    str, typer.Argument(help="A connection's name, or Kind/name: SyncSchedule/acme-nightly.")
]


def suspend(
    name: Target,
    reason: Annotated[str, typer.Option(help="Why, for those who find it paused.")],
    lasts: Annotated[
        str, typer.Option("--for", help="How long; it ends by itself. From 1m to 365d.")
    ] = "7d",
) -> None:
    """Pause a connection or a schedule for a time, by an Override beside git.

    Example: reconciler suspend acme-erp --reason "ERP upgrade" --for 8h
    """
    try:
        span = parse_duration(lasts)
    except ValueError as error:
        fail(Invalid(f"--for: {error}"))
    go(_suspend(_target(name), reason, span))


async def _suspend(key: ResourceKey, reason: str, span: timedelta) -> None:
    from reconciler.app import edits, house, person  # noqa: PLC0415
    from reconciler.engine.pausing import pause_document  # noqa: PLC0415
    from reconciler.ports import EditWish  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        until = built.clock.now() + span
        document = pause_document(key, until, reason, by=person())
        await _in_force(built, key)
        await edits(built).put(EditWish(document, person()))
    sys.stdout.write(
        f"{key} is suspended until {moment(until)}. End it before: reconciler resume {key}\n"
    )


def resume(name: Target) -> None:
    """Take up what ``suspend`` has paused.

    Example: reconciler resume acme-erp
    """
    go(_resume(_target(name)))


async def _resume(key: ResourceKey) -> None:
    from reconciler.app import edits, house, person  # noqa: PLC0415
    from reconciler.engine.pausing import pause_key  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        await _in_force(built, key)
        pause = pause_key(key)
        situation = await built.in_force.look()
        if pause not in situation.state.resources:
            resource = situation.resources[key]
            if resource.spec.get("suspend") is True:
                msg = f"{key} is suspended by its spec, not by reconciler suspend"
                raise Invalid(msg, hint="set suspend: false there")
            raise NotFound(f"{key} is not suspended")
        await edits(built).remove(pause, actor=person())
    sys.stdout.write(f"{key} is taken up again.\n")


def _target(name: str) -> ResourceKey:
    key = parse_key(name) if "/" in name else ResourceKey(Kind.CONNECTION, name)
    if key.kind not in SUSPENDABLE:
        hint = "a connection or a schedule can: reconciler suspend SyncSchedule/acme-nightly"
        fail(Invalid(f"{key} cannot be suspended", hint=hint))
    return key


async def _in_force(built: "House", key: ResourceKey) -> None:
    if key.kind is Kind.CONNECTION:
        (await built.in_force.look()).connection(key.name)
    elif key not in (await built.in_force.look()).state.resources:
        raise NotFound(f"no {key} is in force", hint=f"reconciler get {key.kind.lower()}s")


def locks(output: Output = Form.TABLE) -> None:
    """Show who reconciles here: which process, since when, and when its lease ends.

    Example: reconciler locks
    """
    go(_locks(output))


async def _locks(form: Form) -> None:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        now = built.clock.now()
        rows = [
            {
                "name": hold.name,
                "holder": hold.holder,
                "since": moment(hold.acquired_at),
                "expires": moment(hold.expires_at),
                "epoch": hold.epoch,
            }
            for hold in await built.store.views.holds()
            if hold.holder and hold.expires_at > now
        ]
    columns = ("name", "holder", "since", "expires", "epoch")
    show(rows, form, columns=columns, nothing="nobody holds a lock")


def history(
    name: Annotated[str | None, typer.Argument(help="Only of this object: Mapping/acme.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=1000)] = 20,
    output: Output = Form.TABLE,
) -> None:
    """Show what was changed, by whom, when, and from which commit.

    Example: reconciler history Mapping/acme-orders
    """
    go(_history(parse_key(name) if name else None, limit, output))


async def _history(key: ResourceKey | None, limit: int, form: Form) -> None:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        past = await built.store.views.history(key, limit=limit)
    rows = [_row(one, form) for one in past]
    columns = ("at", "change", "object", "actor", "revision", "fields")
    show(rows, form, columns=columns, wide=("generation",), nothing="nothing was changed yet")


def _row(one: "Past", form: Form) -> dict[str, Any]:
    import msgspec  # noqa: PLC0415

    from reconciler.plan.diff import diff  # noqa: PLC0415
    from reconciler.plan.paths import dotted  # noqa: PLC0415

    before = None if one.before is None else msgspec.json.decode(one.before)
    after = None if one.after is None else msgspec.json.decode(one.after)
    fields = [dotted(change.path) for change in diff(before, after)] if before and after else []
    row: dict[str, Any] = {
        "at": moment(one.at),
        "change": one.change,
        "object": str(one.key),
        "actor": one.actor,
        "revision": one.revision[:24],
        "generation": one.generation,
        "fields": fields,
    }
    if form in {Form.JSON, Form.YAML}:
        return row | {"before": before, "after": after}
    return row | {"fields": ", ".join(fields)[:60]}


def events(
    subject: Annotated[str | None, typer.Argument(help="Only about this: Mapping/acme.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=1000)] = 20,
    output: Output = Form.TABLE,
) -> None:
    """Show what was told, the newest first.

    Example: reconciler events Connection/acme-erp
    """
    go(_events(subject, limit, output))


async def _events(subject: str | None, limit: int, form: Form) -> None:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        await list_events(built, subject, form, limit)

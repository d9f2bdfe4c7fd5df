"""``deliveries`` and ``route``: what was sent to whom and how it stands; receivers tried out and enabled."""

import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reconciler.cli.failure import fail, go
from reconciler.cli.inspect import Output
from reconciler.cli.output import Form, moment, show, show_value
from reconciler.errors import Invalid, NotFound
from reconciler.model.duration import parse_duration
from reconciler.model.event import Attempt, Delivery, DeliveryStatus, EventType
from reconciler.model.sought import DeliveryQuery

if TYPE_CHECKING:
    from reconciler.app import House
    from reconciler.engine.granting import By

deliveries = typer.Typer(
    help="What was and is sent to whom: list, show, retry.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
route = typer.Typer(
    help="Receivers of alert routes: list, test, enable.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Route = Annotated[str | None, typer.Option("--route", help="Only those of this route.")]
Since = Annotated[
    str | None, typer.Option(help="Only those made since: 2h ago, or 2026-11-24T08:00:00Z.")
]
Until = Annotated[str | None, typer.Option(help="Only those made before; as --since.")]
Name = Annotated[str, typer.Argument(help="The route's name.")]


@deliveries.command("list")
def list_(
    route: Route = None,
    status: Annotated[DeliveryStatus | None, typer.Option(help="Only those in it.")] = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=500)] = 50,
    output: Output = Form.TABLE,
) -> None:
    """List deliveries, the newest first. Dead ones are kept for 30 days.

    Example: reconciler deliveries list --status dead --since 24h
    """
    go(_list(_Range(route, since, until), status, limit, output))


class _Range:
    """Which deliveries are meant, as it was typed."""

    def __init__(self, route: str | None, since: str | None, until: str | None) -> None:
        self._route = route
        self._since = since
        self._until = until

    @property
    def empty(self) -> bool:
        """Whether it names nothing."""
        return self._route is None and self._since is None and self._until is None

    async def query(
        self, built: "House", status: DeliveryStatus | None = None, limit: int = 100
    ) -> DeliveryQuery:
        """Return what is looked for; raise ``NotFound`` for a route that is not in force."""
        from reconciler.engine.retrying import route_named  # noqa: PLC0415

        uid = None
        if self._route is not None:
            uid, _ = route_named((await built.in_force.look()).state, self._route)
        now = built.clock.now()
        return DeliveryQuery(
            route=uid,
            status=status,
            since=_time("--since", self._since, now),
            until=_time("--until", self._until, now),
            limit=limit,
        )


def _time(option: str, text: str | None, now: datetime) -> datetime | None:
    if text is None:
        return None
    try:
        return now - parse_duration(text)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        fail(Invalid(f"{option}: {text!r} is no time", hint="write 2h, or 2026-11-24T08:00:00Z"))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


async def _list(wanted: _Range, status: DeliveryStatus | None, limit: int, form: Form) -> None:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        found = await built.store.views.deliveries(await wanted.query(built, status, limit))
        names = await _names(built)
    show(
        [_row(one, names) for one in found],
        form,
        columns=("id", "route", "type", "subject", "status", "attempts", "last_status", "made_at"),
        wide=("due_at", "ended_at", "event_id", "reason"),
        nothing="there is no such delivery",
    )


async def _names(built: "House") -> dict[str, str]:
    from reconciler.engine.retrying import routes_by_uid  # noqa: PLC0415

    return dict(routes_by_uid((await built.in_force.look()).state))


def _row(one: Delivery, names: dict[str, str]) -> dict[str, Any]:
    return {
        "id": one.id,
        "route": names.get(one.route, one.route),
        "type": one.topic,
        "subject": one.subject,
        "event_id": one.event_id,
        "status": one.status.value,
        "attempts": len(one.attempts),
        "last_status": one.attempts[-1].status if one.attempts else None,
        "made_at": moment(one.made_at),
        "due_at": moment(one.due_at) if one.status is DeliveryStatus.PENDING else None,
        "ended_at": moment(one.ended_at),
        "reason": one.reason or None,
    }


@deliveries.command("show")
def show_one(
    ident: Annotated[str, typer.Argument(metavar="ID", help="As deliveries list shows it.")],
    output: Output = Form.YAML,
) -> None:
    """Show one delivery, and what was answered to each attempt.

    Example: reconciler deliveries show dlv_8c6f1f0a5e0d4b7c9a2e3f4d5b6c
    """
    go(_show(ident, output))


async def _show(ident: str, form: Form) -> None:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        found = await built.store.views.delivery(ident)
        names = await _names(built)
    if found is None:
        raise NotFound(f"no delivery {ident[:64]!r}", hint="reconciler deliveries list")
    row = {**_row(found, names), "tried": [_tried(attempt) for attempt in found.attempts]}
    show_value(row, Form.JSON if form is Form.JSON else Form.YAML)


def _tried(attempt: Attempt) -> dict[str, Any]:
    return {
        "at": moment(attempt.at),
        "status": attempt.status,
        "took_ms": attempt.took // timedelta(milliseconds=1),
        "answer": attempt.answer,
    }


@deliveries.command()
def retry(
    idents: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="These, dead or delivered.")
    ] = None,
    route: Route = None,
    since: Since = None,
    until: Until = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are dead.")] = False,
) -> None:
    """Make deliveries once more, under their old ids: some by id, or all dead ones of a route or a time.

    Example: reconciler deliveries retry --route ops --since 24h
    """
    wanted = _Range(route, since, until)
    if bool(idents) + (not wanted.empty) + everything != 1:
        fail(Invalid("say which: IDs, or --route, --since, --until, or --all"))
    go(_retry(idents or [], wanted))


async def _retry(idents: list[str], wanted: _Range) -> None:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.engine import retrying  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        state, by = (await built.in_force.look()).state, _by(built)
        if idents:
            for ident in idents:
                await retrying.retry(built.store, state, ident, by)
            count = len(idents)
        else:
            query = await wanted.query(built)
            count = await retrying.retry_all(built.store, state, query, by)
    what = "delivery is" if count == 1 else "deliveries are"
    sys.stdout.write(f"{count:,} {what} made once more by the running reconciler.\n")


def _by(built: "House") -> "By":
    from reconciler.app import person  # noqa: PLC0415
    from reconciler.engine.granting import By  # noqa: PLC0415

    return By(person(), built.clock.now())


@route.command("list")
def list_routes(output: Output = Form.TABLE) -> None:
    """List alert routes, and how their receivers are.

    Example: reconciler route list
    """
    go(_routes(output))


async def _routes(form: Form) -> None:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.model.endpoint import Endpoint  # noqa: PLC0415
    from reconciler.model.resource import Kind  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        state, now = (await built.in_force.look()).state, built.clock.now()
        known = await built.store.views.endpoints()
    rows = []
    for key, one in sorted(state.resources.items()):
        if key.kind is Kind.ALERT_ROUTE:
            endpoint = known.get(state.uids[key]) or Endpoint("")
            rows.append(
                {
                    "name": key.name,
                    "state": endpoint.state(
                        one.digest, now, suspended=bool(one.spec.get("suspend"))
                    ),
                    "failures": endpoint.failures,
                    "failing_since": moment(endpoint.failing_since),
                    "disabled_at": moment(endpoint.disabled_at),
                }
            )
    show(
        rows,
        form,
        columns=("name", "state", "failures", "failing_since", "disabled_at"),
        nothing="no route is in force",
    )


@route.command("test")
def try_out(
    name: Name,
    event: Annotated[
        EventType, typer.Option(help="Of which event a sample is sent.")
    ] = EventType.CONNECTION_OFFLINE,
) -> None:
    """Send a sample of an event to a receiver, once, from this machine, and say what it answered.

    Example: reconciler route test ops --event sync.failed
    """
    attempt = go(_test(name, event))
    answer = f": {attempt.answer}" if attempt.answer else ""
    took = attempt.took // timedelta(milliseconds=1)
    said = f"{attempt.status} in {took} ms" if attempt.status else "nothing"
    sys.stdout.write(f"AlertRoute/{name} answered {said}{answer}\n")
    if not attempt.well:
        raise typer.Exit(1)


async def _test(name: str, event: EventType) -> Attempt:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.app.telling import trials  # noqa: PLC0415  httpx is heavy
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built, trials(built) as tried:
        return await tried.send(name, event)


@route.command()
def enable(name: Name) -> None:
    """Have a disabled receiver tried again.

    Example: reconciler route enable ops
    """
    go(_enable(name))


async def _enable(name: str) -> None:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.engine.receivers import enable as enabled  # noqa: PLC0415
    from reconciler.engine.retrying import route_named  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        uid, resource = route_named((await built.in_force.look()).state, name)
        async with built.store.begin() as unit:
            await enabled(unit, uid, resource, _by(built))
            await unit.commit()
    sys.stdout.write(
        f"AlertRoute/{name} is tried again. What died meanwhile: "
        f"reconciler deliveries retry --route {name}\n"
    )

"""``get``, ``describe``: what is in force, what was done, how much is stored."""

import difflib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from reconciler.cli.failure import fail, go
from reconciler.cli.output import Form, moment, show, show_value
from reconciler.errors import Invalid, NotFound
from reconciler.model.condition import Condition
from reconciler.model.resource import Kind, ResourceKey

if TYPE_CHECKING:
    from reconciler.app import House
    from reconciler.engine.inforce import Situation

Output = Annotated[Form, typer.Option("-o", "--output", help="How to print.")]

PLURALS: Final = {
    "connectors": Kind.CONNECTOR,
    "connections": Kind.CONNECTION,
    "mappings": Kind.MAPPING,
    "schedules": Kind.SYNC_SCHEDULE,
    "syncschedules": Kind.SYNC_SCHEDULE,
    "alertroutes": Kind.ALERT_ROUTE,
    "routes": Kind.ALERT_ROUTE,
    "connectionsets": Kind.CONNECTION_SET,
    "environments": Kind.ENVIRONMENT,
    "expectations": Kind.EXPECTATION,
    "overrides": Kind.OVERRIDE,
}


def get(
    what: Annotated[str, typer.Argument(help="connections, mappings, runs, events, records, …")],
    name: Annotated[
        str | None, typer.Argument(help="Only this one; for runs: a connection.")
    ] = None,
    output: Output = Form.TABLE,
    limit: Annotated[int, typer.Option(help="At most so many runs or events.", min=1)] = 20,
) -> None:
    """List what is in force and what was done.

    Example: reconciler get connections -o wide
    """
    go(_get(what.lower(), name, output, limit))


async def _get(what: str, name: str | None, form: Form, limit: int) -> None:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        situation = await built.in_force.look()
        if what in {"runs", "run"}:
            await _runs(built, situation, name, (form, limit))
        elif what in {"events", "event"}:
            await list_events(built, name, form, limit)
        elif what == "records":
            await _counts(built, situation, form)
        elif _kind(what) is Kind.CONNECTION:
            await _connections(built, situation, name, form)
        else:
            _objects(situation, _kind(what), name, form)


def _kind(what: str) -> Kind:
    for plural, kind in PLURALS.items():
        if what in {plural, plural.rstrip("s"), kind.value.lower()}:
            return kind
    known = [*PLURALS, "runs", "events", "records"]
    near = difflib.get_close_matches(what, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"it is one of {', '.join(known)}"
    return fail(Invalid(f"there is nothing called {what!r}", hint=hint))


def _objects(situation: "Situation", kind: Kind, name: str | None, form: Form) -> None:
    rows: list[dict[str, Any]] = [
        {
            "kind": str(key.kind),
            "name": key.name,
            "owner": str(resource.owner),
            "labels": dict(resource.labels),
            "origin": f"{resource.origin.file}:{resource.origin.line}" if resource.origin else None,
            "digest": resource.digest[:12],
            "spec": resource.spec,
        }
        for key, resource in sorted(situation.state.resources.items())
        if key.kind is kind and name in {None, key.name}
    ]
    _found(rows, kind, name)
    for row in rows if form in {Form.TABLE, Form.WIDE} else []:
        row["labels"] = [f"{label}={value}" for label, value in row["labels"].items()]
    show(rows, form, columns=("name", "labels", "origin"), wide=("owner", "digest"))


def _found(rows: Sequence[object], kind: Kind, name: str | None) -> None:
    if not rows and name is not None:
        fail(NotFound(f"no {kind} {name!r} is in force", hint=f"reconciler get {kind.lower()}s"))


async def _connections(
    built: "House", situation: "Situation", name: str | None, form: Form
) -> None:
    views = built.store.views
    states, counts = await views.connection_states(), await views.counts()
    cursors = await views.cursors()
    rows: list[dict[str, Any]] = []
    for connection in situation.connections():
        if name not in {None, connection.key.name}:
            continue
        uid = situation.uid(connection)
        state = states.get(uid)
        synced = [c.advanced_at for c in cursors if c.connection == uid and c.advanced_at]
        rows.append(
            {
                "name": connection.key.name,
                "connector": connection.spec["connector"],
                "status": str(state.status) if state else "pending",
                "records": sum(count for (held, _), count in counts.items() if held == uid),
                "last_sync": moment(max(synced, default=None)),
                "since": moment(state.since) if state else None,
                "reason": state.reason.value if state else None,
                "message": (state.message or None) if state else None,
                "last_good": moment(state.good_at) if state else None,
                "expires": moment(state.expires_at) if state else None,
                "entities": list(situation.entities(connection)),
                "uid": uid,
            }
        )
    _found(rows, Kind.CONNECTION, name)
    show(
        rows,
        form,
        columns=("name", "connector", "status", "records", "last_sync", "reason"),
        wide=("since", "message", "last_good", "entities", "uid"),
        nothing="no connection is in force; reconciler apply brings your specs into force",
    )


async def _runs(
    built: "House", situation: "Situation", name: str | None, how: tuple[Form, int]
) -> None:
    form, limit = how
    uid = situation.uid(situation.connection(name)) if name else None
    runs = await built.store.views.runs(uid, limit=limit)
    rows = [
        {
            **{field: getattr(run, field) for field in _RUN_FIELDS},
            "connection": situation.name_of(run.connection),
            "started_at": moment(run.started_at),
            "finished_at": moment(run.finished_at),
        }
        for run in runs
    ]
    show(
        rows,
        form,
        columns=(
            "started_at", "connection", "entity", "mode", "status",
            "read", "created", "updated", "unchanged", "deleted", "error",
        ),
        wide=("id", "trigger", "pages", "invalid", "finished_at"),
        nothing="nothing was synced yet; reconciler sync CONNECTION",
    )  # fmt: skip


_RUN_FIELDS: Final = (
    "id", "entity", "mode", "trigger", "status", "pages",
    "read", "created", "updated", "unchanged", "deleted", "invalid", "error",
)  # fmt: skip


async def list_events(built: "House", subject: str | None, form: Form, limit: int) -> None:
    """Print events, the newest first."""
    events = await built.store.views.events(subject=subject, limit=limit)
    rows = [
        {
            "at": moment(event.occurred_at),
            "type": str(event.type),
            "subject": event.subject,
            "data": dict(event.data) if form in {Form.JSON, Form.YAML} else _brief(event.data),
            "id": event.id,
        }
        for event in events
    ]
    show(rows, form, columns=("at", "type", "subject", "data"), wide=("id",))


def _brief(data: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in data.items() if value)[:100]


async def _counts(built: "House", situation: "Situation", form: Form) -> None:
    counts, failures = await built.store.views.counts(), await built.store.views.failures()
    rows = [
        {
            "connection": situation.name_of(uid),
            "entity": entity,
            "records": count,
            "failed": failures.get((uid, entity), 0),
        }
        for (uid, entity), count in sorted(counts.items())
    ]
    show(rows, form, columns=("connection", "entity", "records", "failed"))


def describe(
    name: Annotated[str, typer.Argument(help="Kind/name, as plans write it: Connection/acme-erp.")],
    output: Output = Form.YAML,
) -> None:
    """Show one object in force: what was applied, from where, and how it is.

    Example: reconciler describe Connection/acme-erp
    """
    go(_describe(parse_key(name), output))


def parse_key(name: str) -> ResourceKey:
    """Return what *name* (``Connection/acme-erp``, ``connection/acme-erp``) means, or end the program."""
    kind, _, short = name.partition("/")
    if not short:
        fail(Invalid(f"{name!r} is not Kind/name", hint="write Connection/acme-erp"))
    return ResourceKey(_kind(kind.lower()), short)


async def _describe(key: ResourceKey, form: Form) -> None:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        situation = await built.in_force.look()
        resource = situation.state.resources.get(key)
        if resource is None:
            raise NotFound(f"no {key} is in force", hint=f"reconciler get {key.kind.lower()}s")
        told: dict[str, Any] = {
            "apiVersion": "reconciler/v1",
            "kind": str(key.kind),
            "metadata": {"name": key.name, **dict(resource.body["metadata"])},
            "spec": resource.spec,
            "status": {
                "owner": str(resource.owner),
                "origin": str(resource.origin) if resource.origin else None,
                "digest": resource.digest,
                "uid": situation.state.uids.get(key),
                **await _trust(built, situation, key),
            },
        }
        if key.kind is Kind.CONNECTION:
            told["status"] |= await _connection_status(built, situation, key.name)
    show_value(told, Form.YAML if form is Form.TABLE else form)


async def _trust(built: "House", situation: "Situation", key: ResourceKey) -> dict[str, Any]:
    """Return what is to be said of an object: conditions, drift, overrides, and its last changes."""
    views, uid = built.store.views, situation.state.uids[key]
    past = await views.history(key, limit=5)
    applied = situation.state.applied.get(key)
    told = (await views.conditions(uid)).get(uid, ())
    synced = [_synced(situation, past[0].at if past else None)]
    if any(one.condition is Condition.SYNCED for one in told):
        synced = []
    return {
        "observedGeneration": situation.state.generation,
        "revision": situation.state.revision,
        "conditions": synced
        + [
            {
                "type": str(one.condition),
                "status": str(one.truth),
                "reason": one.reason,
                "message": one.message,
                "lastTransitionTime": moment(one.since),
                "observedGeneration": one.generation,
            }
            for one in told
        ],
        "drifted": applied is not None,
        "overrides": [str(one) for one in situation.exceptions.by.get(key, ())],
        "history": [
            {
                "change": one.change,
                "actor": one.actor,
                "at": moment(one.at),
                "revision": one.revision,
            }
            for one in past
        ],
    }


def _synced(situation: "Situation", at: datetime | None) -> dict[str, Any]:
    """Return the condition of an object of which nothing is to be said: it is as the specs say."""
    return {
        "type": "Synced",
        "status": "True",
        "reason": "Applied",
        "message": f"as applied at {situation.state.revision}",
        "lastTransitionTime": moment(at),
        "observedGeneration": situation.state.generation,
    }


async def _connection_status(built: "House", situation: "Situation", name: str) -> dict[str, Any]:
    views = built.store.views
    connection = situation.connection(name)
    uid = situation.uid(connection)
    state = (await views.connection_states()).get(uid)
    counts = await views.counts()
    cursors = {cursor.entity: cursor for cursor in await views.cursors(uid)}
    return {
        "status": str(state.status) if state else "pending",
        "reason": state.reason.value if state else "",
        "message": state.message if state else "",
        "since": moment(state.since) if state else None,
        "lastGood": moment(state.good_at) if state else None,
        "history": [
            {
                "at": moment(one.at),
                "status": one.after.value,
                "reason": one.reason.value,
                "message": one.message,
            }
            for one in await views.status_changes(uid, limit=10)
        ],
        "entities": {
            entity: {
                "records": counts.get((uid, entity), 0),
                "lastSync": moment(cursors[entity].advanced_at) if entity in cursors else None,
                "cursor": cursors[entity].position if entity in cursors else None,
            }
            for entity in situation.entities(connection)
        },
    }

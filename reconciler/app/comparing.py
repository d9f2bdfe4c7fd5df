"""Plans beside the one for what is in force: between two revisions of git, and with the systems asked."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from reconciler.app import House, parse_cache
from reconciler.connectors.catalogue import catalogue_files
from reconciler.engine.effect import after
from reconciler.engine.inforce import Situation
from reconciler.engine.reconcile import consider, read_specs
from reconciler.engine.wish import Wish
from reconciler.errors import NoSpecs, ReconcilerError
from reconciler.model.change import Change, Create, Effect, Plan, Rename, Replace, State, Update
from reconciler.model.redo import Redo, redo_value
from reconciler.model.resource import Kind, ResourceKey
from reconciler.settings import Settings
from reconciler.sources.folder import Folder
from reconciler.spec.policy_file import without_policy

AT_A_TIME: Final = 8
"""How many systems are asked at a time whether they answer."""


async def plan_since(settings: Settings, path: Path, base: str, wish: Wish) -> Plan:
    """Return what the specs at *path* change since revision *base* of the repository they are in.

    Nothing is contacted or opened but the repository: it says what the change is, not what it does to
    records. The policy of the specs as they are now is asked, but not its windows.

    Raises:
        SpecInvalid: if the specs have errors, now or then.
        Invalid: if there is no such repository or revision.
    """
    from reconciler.sources.git_tree import read_tree  # noqa: PLC0415

    cache = parse_cache(settings)
    snapshot = Folder(path).read_now()
    read = read_specs(snapshot, wish, catalogue=catalogue_files(), cache=cache)
    try:
        old = await read_tree(Path(), base, path.as_posix())
        # What its policy said of it then is of no account now.
        old = replace(old, files=without_policy(old.files))
        before = read_specs(old, wish, catalogue=catalogue_files(), cache=cache).loaded.resources
    except NoSpecs:
        before = {}
    redo = {key: Redo(value) for key, one in before.items() if (value := redo_value(one))}
    state = State(resources=before, revision=base, redo=redo)
    return consider(read.loaded, snapshot, state, wish, read.ruling)


async def asked(built: House, plan: Plan) -> Mapping[ResourceKey, ReconcilerError | None]:
    """Return how the system of each connection that *plan* makes or changes answers to its credentials."""
    situation = await built.in_force.look()
    later = Situation(after(plan, situation.state), situation.catalogue, now=situation.now)
    gate = asyncio.Semaphore(AT_A_TIME)

    async def ask(key: ResourceKey) -> ReconcilerError | None:
        async with gate:
            connection = later.connection(key.name)
            await built.providers.fetch(connection.spec)
            try:
                connector = built.connectors.open(connection, later.manifest(connection))
            except ReconcilerError as error:
                return error
            try:
                await connector.probe()
            except ReconcilerError as error:
                return error
            finally:
                await connector.close()
        return None

    keys = sorted(_to_ask(plan))
    answers = await asyncio.gather(*(ask(key) for key in keys))
    return dict(zip(keys, answers, strict=True))


def _to_ask(plan: Plan) -> Iterator[ResourceKey]:
    for change in plan.doable:
        if change.key.kind is Kind.CONNECTION and _is_another(change):
            yield change.key


def _is_another(change: Change) -> bool:
    """Return whether the system or the login may be another than before."""
    if isinstance(change, (Update, Rename)):
        return Effect.RECHECK in change.effects
    return isinstance(change, (Create, Replace))

"""The long-running process put together: the loop, the API, and how it ends."""

import asyncio
import signal
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from reconciler.app import House, edits, endings, parse_cache
from reconciler.app.connecting import connect_desk
from reconciler.app.measuring import metrics_of, readiness
from reconciler.connectors.catalogue import catalogue_files
from reconciler.engine.wish import Wish
from reconciler.errors import Invalid, ReconcilerError
from reconciler.ports import Reporter, SpecSource
from reconciler.settings import Settings
from reconciler.spec.memo import Memo

if TYPE_CHECKING:
    from reconciler.engine.edits import Edits
    from reconciler.engine.mapping_edits import MappingEditor
    from reconciler.engine.runtime import Runtime
    from reconciler.plan.brake import Cap
    from reconciler.web.needs import GitHooks


def cap_in(settings: Settings) -> "Cap | None":
    """Return how many records a mapping change may change.

    Raises:
        Invalid: if the setting says neither a share nor a number.
    """
    from reconciler.plan.brake import parse_cap  # noqa: PLC0415

    try:
        return parse_cap(settings.max_changed) if settings.max_changed else None
    except ValueError as error:
        raise Invalid(f"RECONCILER_MAX_CHANGED: {error}") from None


def held(settings: Settings) -> AbstractContextManager[None]:
    """Hold the state folder: a second ``run`` on it is refused, and told who has it."""
    from reconciler.store.folder import hold  # noqa: PLC0415

    return hold(settings.state_dir)


def runtime(
    built: House, source: SpecSource, wish: Wish, reporter: Reporter | None = None
) -> "Runtime":
    """Return the long-running reconciler over the specs of *source*; *reporter* is told how each look ends."""
    from reconciler.engine.reading import Reading  # noqa: PLC0415
    from reconciler.engine.runtime import Parts, Runtime  # noqa: PLC0415
    from reconciler.engine.turns import SpecsTurn  # noqa: PLC0415
    from reconciler.engine.watch import Watch  # noqa: PLC0415
    from reconciler.sources.timer import Timer  # noqa: PLC0415  APScheduler is heavy

    wish = replace(wish, max_changed=cap_in(built.settings))
    cache = parse_cache(built.settings)
    memo = Memo(cache)
    reading = Reading(wish, catalogue_files(), memo, lambda: cache.save_sparingly(memo.used()))
    parts = Parts(
        source=source,
        specs=SpecsTurn(source, reading, built.store, built.in_force, built.clock),
        store=built.store,
        in_force=built.in_force,
        syncs=built.syncs,
        remap=built.remap,
        jobs=built.jobs,
        clock=built.clock,
        reporter=reporter,
        watch=Watch(built.health, built.looks, built.store.views, built.clock),
        meter=built.meter,
    )
    made = Runtime(parts, lambda made: Timer(made.due))
    built.health.when_recovered(made.recovered)
    return made


async def serve(
    built: House,
    made: "Runtime",
    bind: tuple[str, int],
    *,
    started: asyncio.Event,
    hooks: "GitHooks | None" = None,
) -> None:
    """Serve the API, and the receiver of git *hooks* if there is one, until cancelled."""
    from reconciler.app.telling import trials  # noqa: PLC0415  httpx is heavy
    from reconciler.engine.explaining import Explaining  # noqa: PLC0415
    from reconciler.engine.mapped import MappingReader  # noqa: PLC0415  only a server looks
    from reconciler.web.app import Services, make_app  # noqa: PLC0415  FastAPI is heavy
    from reconciler.web.app import serve as serve_app  # noqa: PLC0415
    from reconciler.web.needs import Policy  # noqa: PLC0415

    host, port = bind
    editor = edits(built, made.look_at_specs)
    ended = endings(built, editor)
    desk = connect_desk(built, f"[{host}]:{port}" if ":" in host else f"{host}:{port}", ended)
    names = {host, urlsplit(desk.public_url).hostname or host, *built.settings.allowed_hosts}
    async with trials(built) as tried:
        services = Services(
            reader=built.reader,
            store=built.store,
            clock=built.clock,
            syncs=made,
            in_force=built.in_force,
            schedule=made,
            looks=made,
            explaining=Explaining(built.store.views, built.in_force),
            edits=editor,
            mapping_edits=mapping_edits(built, editor, made),
            endings=ended,
            mappings=MappingReader(built.store.views, built.in_force),
            hooks=hooks,
            checks=readiness(built, made),
            policy=Policy(
                hosts=Policy().hosts | names,
                open_metrics=built.settings.metrics == "open",
                max_changed=built.settings.max_changed,
            ),
            meter=built.meter,
            metrics=metrics_of(built, made),
            connect=desk,
            trials=tried,
        )
        await serve_app(make_app(services), host=host, port=port, started=started)


def mapping_edits(built: House, editor: "Edits", made: "Runtime") -> "MappingEditor":
    """Return who edits mappings for a time; what is to be committed is made of the specs that *made* follows."""
    from reconciler.engine.mapping_edits import MappingEditor  # noqa: PLC0415  only a server edits
    from reconciler.engine.merging import PatchMaker  # noqa: PLC0415  likewise

    specs = made.specs
    patches = PatchMaker(
        lambda: specs.snapshot, catalogue_files(), specs.environment, Memo(specs.cache)
    )
    return MappingEditor(editor, built.in_force, built.store.views, built.clock, patches)


def _first(group: BaseExceptionGroup[ReconcilerError]) -> ReconcilerError:
    """Return the first of the errors that several parts of a process have met."""
    one = group.exceptions[0]
    return _first(one) if isinstance(one, BaseExceptionGroup) else one


async def until_stopped(work: "asyncio.Task[None]") -> None:
    """Wait for *work*; an interrupt or a polite kill cancels it, and it ends in order."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        return
    except BaseExceptionGroup as group:
        ours = group.subgroup(ReconcilerError)
        if ours is None:
            raise
        raise _first(ours) from group
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

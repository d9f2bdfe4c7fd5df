"""One stream of a manifest, compiled: what it asks, how it pages, and what becomes of an answer."""

from dataclasses import dataclass
from typing import Any

from reconciler.connectors.envelope import Finder, Path, simple_path
from reconciler.connectors.paging import resumable
from reconciler.connectors.positions import Positions
from reconciler.connectors.questions import Question, compile_request, compile_value
from reconciler.connectors.records import Picker, Sheets
from reconciler.errors import Invalid
from reconciler.mapping.template import TemplateInvalid
from reconciler.ports import StreamFacts
from reconciler.spec.kinds.connector import ConnectorSpec, Deletions, Include, Paging, Stream


@dataclass(frozen=True, slots=True)
class Listing:
    """A paged request and the records in its answers."""

    question: Question
    paging: Paging
    sheets: Sheets
    next: Finder | None
    more: Finder | None


@dataclass(frozen=True, slots=True)
class Joined:
    """Another collection, joined into the records under ``name``."""

    name: str
    listing: Listing
    parent: Picker
    key: Picker


@dataclass(frozen=True, slots=True)
class Parents:
    """What a stream is read for, one by one."""

    listing: Listing
    value: Picker
    into: str


@dataclass(frozen=True, slots=True)
class CompiledStream:
    """A stream, ready to be read."""

    facts: StreamFacts
    main: Listing
    ids: Listing
    since: Any
    positions: Positions | None
    joined: tuple[Joined, ...]
    parents: Parents | None


def compile_streams(spec: ConnectorSpec) -> dict[str, CompiledStream]:
    """Return the streams of *spec* by entity.

    Raises:
        Invalid: if an expression or a template of one cannot be read.
    """
    found: dict[str, CompiledStream] = {}
    for entity, stream in spec.streams.items():
        try:
            found[entity] = _compiled(entity, stream, spec)
        except (TemplateInvalid, ValueError) as error:
            raise Invalid(
                f"the connector's stream '{entity}' cannot be read: {error}",
                hint="correct the expression or template in the connector's manifest",
            ) from None
    return found


def _compiled(entity: str, stream: Stream, spec: ConnectorSpec) -> CompiledStream:
    headers = spec.headers
    positions = None if stream.cursor is None else Positions(stream.cursor)
    main = _listing(compile_request(stream.request, headers), stream, positions)
    return CompiledStream(
        StreamFacts(
            entity,
            incremental=stream.cursor is not None,
            ordered=stream.cursor is not None and stream.cursor.ordered,
            resumable=resumable(stream.paging),
            sweepable=stream.deletions.type == "sweep",
            windowed=stream.windowed,
            primary_key=stream.primary_key,
        ),
        main,
        _ids_listing(stream, headers, main),
        compile_value(stream.since),
        positions,
        tuple(_joined(name, include, headers) for name, include in stream.include.items()),
        _parents(stream, headers),
    )


def _listing(question: Question, stream: Stream, positions: Positions | None = None) -> Listing:
    paging = stream.paging
    path: Path | None = simple_path(stream.records)
    by_header = paging.header and paging.type == "next_link"
    return Listing(
        question,
        paging,
        Sheets(stream, positions),
        Finder(paging.next, path) if paging.next is not None and not by_header else None,
        Finder(paging.more, path) if paging.more is not None else None,
    )


def _ids_listing(stream: Stream, headers: dict[str, str], main: Listing) -> Listing:
    deletions = stream.deletions
    if deletions.ids is None and deletions.records is None:
        return main
    changed: dict[str, Any] = {"cursor": None, "deletions": Deletions(), "since": {}}
    if deletions.records is not None:
        changed |= {"records": deletions.records, "primary_key": "@"}
    if deletions.paging is not None:
        changed["paging"] = deletions.paging
    of_ids = stream.model_copy(update=changed)
    question = main.question
    if deletions.ids is not None:
        question = compile_request(deletions.ids, headers)
    return _listing(question, of_ids)


def _joined(name: str, include: Include, headers: dict[str, str]) -> Joined:
    listing = _plain_listing(include, headers)
    return Joined(name, listing, Picker([include.parent]), Picker([include.key]))


def _parents(stream: Stream, headers: dict[str, str]) -> Parents | None:
    each = stream.each
    if each is None:
        return None
    listing = _plain_listing(each, headers)
    return Parents(listing, Picker([each.value]), each.into)


def _plain_listing(source: Any, headers: dict[str, str]) -> Listing:
    stream = Stream(request=source.request, records=source.records, paging=source.paging)
    return _listing(compile_request(source.request, headers), stream)

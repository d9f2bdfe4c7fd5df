"""A connector: one connection's system, read page by page through the manifest of its type."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import msgspec

from reconciler.connectors.auth.flows import Session
from reconciler.connectors.auth.keeper import Keeping
from reconciler.connectors.envelope import Finder
from reconciler.connectors.exchange import Answer, Ask, Missing
from reconciler.connectors.expiry import told_end
from reconciler.connectors.http import Wire
from reconciler.connectors.paging import (
    Found,
    Spot,
    link_header,
    next_spot,
    place_of,
    read_spot,
    variables,
    without_parameter,
    write_spot,
)
from reconciler.connectors.positions import position_of
from reconciler.connectors.questions import Question
from reconciler.connectors.records import Sheet, key_text
from reconciler.connectors.speech import Speech
from reconciler.connectors.streams import CompiledStream, Joined, Listing, Parents
from reconciler.errors import NotFound, SourceInvalid
from reconciler.model.record import Page
from reconciler.ports import StreamFacts

_PARTS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NOTHING: Final[Mapping[str, Any]] = {"since": None, "page": None, "ids": None, "each": None}


@dataclass(frozen=True, slots=True, repr=False)
class Channel:
    """All that it takes to ask a system: the wire, the words, the login with its patience.

    ``hidden`` is the query parameter that carries the key, which links must not keep. ``mark`` stands
    for the credentials.
    """

    wire: Wire
    speech: Speech
    keeper: Keeping
    context: Mapping[str, Any]
    hidden: str | None = None
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """One page of one listing to be asked for."""

    spot: Spot
    since: Any = None
    more: Mapping[str, Any] | None = None
    ids: Sequence[Any] | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """What is asked to see whether a system is well, and what finds in its answer when the login ends."""

    question: Question
    end: Finder | None = None


class HttpConnector:
    """Reads one connection's system. Pages are resumable; nothing is kept between them but a session."""

    def __init__(
        self,
        channel: Channel,
        probe: Probe,
        streams: Mapping[str, CompiledStream],
        ends: Iterable[datetime] = (),
    ) -> None:
        self._channel = channel
        self._probe = probe
        self._ends = list(ends)
        self._streams = streams
        self._facts = {entity: stream.facts for entity, stream in streams.items()}
        self._values: dict[str, list[str | float]] = {}

    @property
    def streams(self) -> Mapping[str, StreamFacts]:
        """The entities it can read."""
        return self._facts

    @property
    def mark(self) -> str:
        """What stands for the credentials in use."""
        return self._channel.mark

    @property
    def expires(self) -> datetime | None:
        """When what it logs in with stops to be good, as far as is known."""
        return min(self._ends, default=None)

    async def probe(self) -> None:
        """Return if the system answers and takes our credentials; else raise a ``SourceError``."""
        payload, _ = await self._send(self._probe.question, {**_NOTHING})
        told = None if self._probe.end is None else told_end(self._probe.end, payload)
        if told is not None:
            self._ends.append(told)

    def start(self, entity: str, at: datetime) -> str | None:
        """Return the position that stands for the time *at*; ``None``: the stream has no cursor."""
        positions = self._stream(entity).positions
        return None if positions is None else positions.start(at)

    def resume(self, entity: str, position: str) -> str:
        """Return where to start again: *position* less the stream's lookback."""
        positions = self._stream(entity).positions
        return position if positions is None else positions.resume(position)

    async def read(self, entity: str, *, since: str | None, page: str | None) -> Page:
        """Return a page of what changed at or after *since* (``None``: everything)."""
        stream = self._stream(entity)
        spot = await self._spot(stream, page)
        if spot is None:
            return Page((), ())
        written = stream.positions.write(since) if since and stream.positions else None
        more = stream.since(self._context(since=written)) if written is not None else None
        turn = Turn(spot, written, more)
        sheet, after, answer = await self._page(stream.main, turn, _part(stream.parents, spot))
        for joined in stream.joined:
            await self._join(sheet, joined)
        return Page(
            tuple(sheet.records),
            tuple(sheet.ids),
            next=self._token(stream, spot, after),
            reached=sheet.reached,
            asof=None if answer is None else position_of(answer.at),
            bad=tuple(sheet.bad),
            deleted=tuple(sheet.deleted),
        )

    async def ids(self, entity: str, *, page: str | None) -> Page:
        """Return a page of the ids that exist now; ``records`` is empty."""
        stream = self._stream(entity)
        spot = await self._spot(stream, page)
        if spot is None:
            return Page((), ())
        part = _part(stream.parents, spot)
        sheet, after, answer = await self._page(stream.ids, Turn(spot), part)
        asof = None if answer is None else position_of(answer.at)
        following = self._token(stream, spot, after)
        return Page((), tuple(sheet.ids), next=following, asof=asof, bad=tuple(sheet.bad))

    async def close(self) -> None:
        """Let go of connections."""
        await self._channel.wire.close()

    def _stream(self, entity: str) -> CompiledStream:
        stream = self._streams.get(entity)
        if stream is None:
            known = ", ".join(sorted(self._streams))
            raise NotFound(f"the connector has no stream '{entity}'", hint=f"it has {known}")
        return stream

    async def _page(
        self, listing: Listing, turn: Turn, part: bytes | None = None
    ) -> tuple[Sheet, Spot | None, Answer | None]:
        """Return the records of a page, where the next one is, and the answer itself."""
        paging, spot = listing.paging, turn.spot
        context = self._context(
            since=turn.since, page=variables(paging, spot), ids=turn.ids, each=spot.each
        )
        try:
            payload, answer = await self._send(listing.question, context, turn)
        except Missing:
            if spot.asked_on and paging.type == "page":
                return Sheet(0), None, None
            raise
        sheet = listing.sheets.split(payload, place_of(paging, spot), part)
        found = Found(
            sheet.count,
            sheet.mark,
            sheet.last_key,
            next=self._next(listing, payload, answer),
            more=None if listing.more is None else listing.more.find(payload),
            url=answer.ask.url,
        )
        return sheet, next_spot(paging, spot, found), answer

    def _next(self, listing: Listing, payload: bytes, answer: Answer) -> Any:
        if listing.paging.type == "next_link" and listing.paging.header:
            found: Any = link_header(answer.headers.get("link", ""))
        else:
            found = None if listing.next is None else listing.next.find(payload)
        hidden = self._channel.hidden
        if hidden is not None and listing.paging.type == "next_link" and isinstance(found, str):
            return without_parameter(found, hidden)
        return found

    async def _join(self, sheet: Sheet, joined: Joined) -> None:
        """Put the records of another collection into those of *sheet*."""
        rows = [joined.key.pick(record) for record in sheet.records]
        keys = [None if row is None else row[0] for row in rows]
        wanted = list(dict.fromkeys(key for key in keys if key_text(key) is not None))
        children: dict[str, list[msgspec.Raw]] = {}
        if wanted:
            async for raw in self._all(joined.listing, wanted):
                row = joined.parent.pick(raw)
                parent = None if row is None else key_text(row[0])
                children.setdefault(parent or "", []).append(msgspec.Raw(bytes(raw)))
        for at, key in enumerate(keys):
            parts: dict[str, Any] = dict(_PARTS.decode(sheet.records[at]))
            parts[joined.name] = children.get(key_text(key) or "\x00", [])
            sheet.records[at] = msgspec.json.encode(parts)

    async def _all(
        self, listing: Listing, ids: Sequence[Any] | None = None
    ) -> AsyncIterator[bytes | msgspec.Raw]:
        """Yield the raw records of all pages of a small listing."""
        spot: Spot | None = Spot()
        while spot is not None:
            context = self._context(page=variables(listing.paging, spot), ids=ids)
            payload, answer = await self._send(listing.question, context, Turn(spot))
            raws = listing.sheets.raws(payload, place_of(listing.paging, spot))
            for raw in raws:
                yield raw
            more = None if listing.more is None else listing.more.find(payload)
            following = self._next(listing, payload, answer)
            found = Found(
                len(raws),
                tuple(bytes(raw).decode() for raw in raws),
                listing.sheets.last_key(raws),
                next=following,
                more=more,
                url=answer.ask.url,
            )
            spot = next_spot(listing.paging, spot, found)

    async def _spot(self, stream: CompiledStream, page: str | None) -> Spot | None:
        """Return where the page is; ``None`` if there is nothing to read it for."""
        spot = read_spot(page)
        if stream.parents is None:
            return spot
        entity = stream.facts.entity
        if page is None or entity not in self._values:
            self._values[entity] = await self._parents(stream.parents)
        if page is not None:
            return spot
        values = self._values[entity]
        return Spot(each=values[0]) if values else None

    async def _parents(self, parents: Parents) -> list[str | float]:
        found: dict[str | float, None] = {}
        async for raw in self._all(parents.listing):
            row = parents.value.pick(raw)
            value = None if row is None else row[0]
            if not isinstance(value, str | int | float) or key_text(value) is None:
                raise SourceInvalid("a record of the list that a stream is read for has no value")
            found[value] = None
        return sorted(found, key=_order)

    def _token(self, stream: CompiledStream, spot: Spot, after: Spot | None) -> str | None:
        """Return the text of the page after *spot*: *after*, or the first one of the next value."""
        if after is not None:
            return write_spot(after)
        if stream.parents is None or spot.each is None:
            return None
        values = self._values[stream.facts.entity]
        later = [value for value in values if _order(value) > _order(spot.each)]
        return write_spot(Spot(each=later[0])) if later else None

    def _context(self, **known: Any) -> dict[str, Any]:
        return {**_NOTHING, **known}

    async def _send(
        self, question: Question, context: Mapping[str, Any], turn: Turn | None = None
    ) -> tuple[bytes, Answer]:
        """Return the payload and the answer to *question*, logged in, tried again where that helps."""
        channel = self._channel

        def ask_for(session: Session) -> Ask:
            whole = {
                **channel.context,
                **context,
                "login": session.login,
                "session": session.answers,
            }
            ask = channel.speech.ask(question.fill(whole, turn.more if turn else None))
            link = turn.spot.link if turn else None
            return ask if link is None else replace(ask, url=link, query=())

        def read(answer: Answer) -> tuple[bytes, Answer]:
            return channel.speech.open(answer), answer

        return await channel.keeper.send(ask_for, read)


def _order(value: str | float) -> tuple[int, Any]:
    return (1, value) if isinstance(value, str) else (0, value)


def _part(parents: Parents | None, spot: Spot) -> bytes | None:
    """Return what is put into each record of a stream that is read for one value after another."""
    if parents is None:
        return None
    return msgspec.json.encode({parents.into: spot.each})[1:-1]

"""The plant's front office: one request in, one answer out. No socket, no clock of its own."""

from collections import Counter
from datetime import datetime, timedelta
from email.utils import format_datetime
from random import Random
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from reconciler.sandbox.access import Credentials, Door
from reconciler.sandbox.listing import Found, Listing, Page
from reconciler.sandbox.paths import LISTINGS
from reconciler.sandbox.plant import Plant
from reconciler.sandbox.shelf import Entry
from reconciler.sandbox.switches import Fault, Switches
from reconciler.sandbox.wire import Request, Response, answer, problem

_BY_PATH: Final = {listing.path: listing for listing in LISTINGS}
_EARLY: Final = {"status", "throttle", "reset", "html"}
"""Troubles of what stands before the plant: they come before the question of credentials."""
_HTML: Final = b"<!doctype html><title>Maintenance</title><h1>We will be back soon</h1>"


class Office:
    """Answers the plant's own API, under its switches, and counts what it is asked."""

    def __init__(self, plant: Plant, credentials: Credentials, seed: int) -> None:
        self.plant = plant
        self.door = Door(credentials)
        self.switches = Switches()
        self.requests: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.records: Counter[str] = Counter()
        self._lot = Random(f"faults {seed}")  # noqa: S311 - chance of a made-up fault, no secret

    def answer(self, request: Request, now: datetime) -> Response:
        """Return the answer to a request under ``/api/``."""
        self.requests[f"{request.method} {request.path}"] += 1
        struck = [fault for fault in self.switches.faults if fault.strikes(request.path, self._lot)]
        response = self._early(struck, now) or self._admitted(request, struck)
        for fault in struck:
            _spoil(response, fault)
        self.statuses[response.status] += 1
        return response

    def _early(self, struck: list[Fault], now: datetime) -> Response | None:
        fault = next((fault for fault in struck if fault.kind in _EARLY), None)
        if fault is None:
            return None
        match fault.kind:
            case "html":
                return Response(200, _HTML, "text/html; charset=utf-8")
            case "reset":
                return Response(ending="reset")
            case "throttle":
                return problem(429, "Too many requests.", **_retry_after(fault, now))
            case _:
                return problem(fault.status, "Switched to fail.", **_retry_after(fault, now))

    def _admitted(self, request: Request, struck: list[Fault]) -> Response:
        if request.path == "/api/session" and request.method == "POST":
            return self._log_in(request)
        if self.switches.refuse or not self.door.admits(request.headers):
            return problem(401, "The credentials are not accepted.", WWW_Authenticate="Basic")
        try:
            return self._routed(request, {fault.kind for fault in struck})
        except (ValueError, msgspec.MsgspecError) as error:
            return problem(400, str(error))

    def _log_in(self, request: Request) -> Response:
        try:
            shown = msgspec.convert(request.json(), dict[str, str])
        except (ValueError, msgspec.MsgspecError) as error:
            return problem(400, str(error))
        uses = self.switches.session_uses
        names = shown.get("user", ""), shown.get("password", "")
        session = None if self.switches.refuse else self.door.open_session(*names, uses)
        if session is None:
            return problem(401, "Unknown user or wrong password.")
        return answer({"session": session})

    def _routed(self, request: Request, struck: set[str]) -> Response:
        if request.path == "/api/cmms/labor/search":
            return self._labor(request) if request.method == "POST" else problem(405, "Use POST.")
        if request.method != "GET":
            return problem(405, "Records are changed by the people of the plant only.")
        if request.path == "/api/whoami":
            return answer({"user": self.door.credentials.username, "rights": ["read"]})
        listing = _BY_PATH.get(request.path)
        if listing is not None:
            return self._listed(listing, request, struck)
        return self._one(request.path)

    def _listed(self, listing: Listing, request: Request, struck: set[str]) -> Response:
        shelf = self.plant.shelves[listing.shelf]
        wanted = listing.wanted(shelf, request.query, self.switches.page_cap)
        found = listing.find(shelf, wanted)
        entries = [] if "empty" in struck else found.entries
        following = found.here if "loop" in struck and found.here else found.next
        link = self._link(listing, request, following)
        records = self._raw(listing, entries)
        found = Found(entries, following, found.here, found.number, found.pages, found.total)
        response = answer(listing.shape(Page(found, records, link)))
        if listing.link_header and link is not None:
            response.headers["Link"] = f'<{link}>; rel="next"'
        return response

    def _raw(self, listing: Listing, entries: Any) -> msgspec.Raw:
        if listing.ids:
            return msgspec.Raw(msgspec.json.encode([entry.key for entry in entries]))
        self.records[listing.shelf] += len(entries)
        return msgspec.Raw(b"[" + b",".join(self._shaped(listing.shelf, entries)) + b"]")

    def _shaped(self, shelf: str, entries: list[Entry]) -> list[bytes]:
        reshape = self.switches.schema.get(shelf)
        if reshape is None:
            return [entry.encoded for entry in entries]
        return [msgspec.json.encode(reshape.of(entry.body)) for entry in entries]

    def _link(self, listing: Listing, request: Request, token: str | None) -> str | None:
        if token is None:
            return None
        query = {**request.query, listing.at: token}
        host = request.headers.get("host", "127.0.0.1")
        return f"http://{host}{listing.path}?{urlencode(query)}"

    def _one(self, path: str) -> Response:
        folder, _, text = path.rpartition("/")
        listing = _BY_PATH.get(folder)
        if listing is None or listing.ids:
            return problem(404, "No such path.")
        shelf = self.plant.shelves[listing.shelf]
        entry = shelf.get(shelf.label.read_key(text))
        if entry is None:
            return problem(404, "No such record.")
        self.records[listing.shelf] += 1
        return Response(body=self._shaped(listing.shelf, [entry])[0])

    def _labor(self, request: Request) -> Response:
        asked = msgspec.convert(request.json(), dict[str, list[int | str]])
        shelf = self.plant.shelves["labor"]
        entries: list[Entry] = []
        for work_order in asked.get("work_orders", []):
            line = 1
            while (entry := shelf.get(f"{work_order}|{line}")) is not None:
                entries.append(entry)
                line += 1
        self.records["labor"] += len(entries)
        records = msgspec.Raw(b"[" + b",".join(self._shaped("labor", entries)) + b"]")
        return answer({"labor": records})


def _retry_after(fault: Fault, now: datetime) -> dict[str, str]:
    if fault.retry_after is None:
        return {}
    if fault.form == "seconds":
        return {"Retry_After": f"{fault.retry_after:g}"}
    until = now + timedelta(seconds=fault.retry_after)
    return {"Retry_After": format_datetime(until, usegmt=True)}


def _spoil(response: Response, fault: Fault) -> None:
    match fault.kind:
        case "slow":
            response.wait += fault.seconds
        case "drop":
            response.ending = response.ending or "drop"
        case "truncate":
            response.body = response.body[: len(response.body) // 2]
        case _:
            pass

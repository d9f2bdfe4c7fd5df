"""The switchboard under ``/_sandbox/``: what tests, demos and curious people turn and read."""

from datetime import datetime
from typing import Any, Final

import msgspec

from reconciler.sandbox.access import Credentials
from reconciler.sandbox.office import Office
from reconciler.sandbox.plant import Version
from reconciler.sandbox.shelf import Shelf
from reconciler.sandbox.stamps import from_ms, to_ms
from reconciler.sandbox.switches import Switches
from reconciler.sandbox.wire import Request, Response, answer, problem

PREFIX: Final = "/_sandbox/"
_LEDGER_PAGE: Final = 1000


class Control:
    """Answers the switchboard. It asks for no credentials: the sandbox hears loopback only."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def answer(self, request: Request, now: datetime) -> Response:
        """Return the answer to a request under ``/_sandbox/``."""
        try:
            return self._routed(request, now)
        except (ValueError, msgspec.MsgspecError) as error:
            return problem(400, str(error))

    def switch(self, changes: dict[str, Any], now: datetime) -> int:
        """Turn switches, then do what else *changes* asks for; return how many versions came of it.

        Beside the switches: ``reset`` (first put all back), ``advance`` (turns of the plant),
        ``password``, ``api_key``, ``token`` (new ones, which end all sessions), ``end_sessions``.

        Raises:
            ValueError: for what is no switch; nothing is changed then.
        """
        office = self._office
        settings = dict(changes)
        secrets = {
            name: msgspec.convert(settings.pop(name), str)
            for name in ("password", "api_key", "token")
            if name in settings
        }
        ends = msgspec.convert(settings.pop("end_sessions", False), bool)
        steps = msgspec.convert(settings.pop("advance", 0), int)
        fresh = msgspec.convert(settings.pop("reset", False), bool)
        office.switches = (Switches() if fresh else office.switches).merged(settings)
        office.plant.late = round(office.switches.late * 1000)
        if secrets or ends:
            known = msgspec.to_builtins(office.door.credentials)
            office.door.credentials = Credentials(**{**known, **secrets})
            office.door.end_sessions()
        return office.plant.advance(steps, now)

    def stats(self) -> dict[str, Any]:
        """Return what the plant was asked: how often, requests by path, answers by status, records given."""
        office = self._office
        return {
            "calls": sum(office.requests.values()),
            "requests": dict(office.requests),
            "statuses": {str(status): count for status, count in office.statuses.items()},
            "records": dict(office.records),
            "logins": office.door.opened,
        }

    def _routed(self, request: Request, now: datetime) -> Response:
        place, _, rest = request.path.removeprefix(PREFIX).partition("/")
        if place == "records":
            return self._record(request, rest, to_ms(now))
        response: Response
        match request.method, place:
            case "GET", "switches":
                response = answer(self._office.switches)
            case "POST", "switches":
                response = self._switched(request, now)
            case "GET", "stats":
                response = answer(self.stats())
            case "DELETE", "stats":
                response = self._forgotten()
            case "GET", "ledger":
                response = answer(self._ledger(request))
            case _:
                response = problem(
                    404, "GET or POST switches, GET or DELETE stats, ledger, records."
                )
        return response

    def _switched(self, request: Request, now: datetime) -> Response:
        changes = msgspec.convert(request.json(), dict[str, Any])
        versions = self.switch(changes, now)
        return answer({"switches": self._office.switches, "versions": versions})

    def _forgotten(self) -> Response:
        for counter in (self._office.requests, self._office.statuses, self._office.records):
            counter.clear()
        return answer(self.stats())

    def _ledger(self, request: Request) -> dict[str, Any]:
        after = int(request.query.get("after", 0))
        limit = min(int(request.query.get("limit", _LEDGER_PAGE)), _LEDGER_PAGE)
        collection = request.query.get("collection")
        lines = []
        for version in self._office.plant.ledger[max(after, 0) :]:
            if collection is None or version.collection == collection:
                lines.append(_line(version))
            if len(lines) == limit:
                break
        return {"versions": lines, "total": len(self._office.plant.ledger)}

    def _record(self, request: Request, rest: str, at: int) -> Response:
        collection, _, text = rest.partition("/")
        shelf = self._office.plant.shelves.get(collection)
        if shelf is None:
            names = ", ".join(sorted(self._office.plant.shelves))
            return problem(404, f"No such collection; there are {names}.")
        match request.method:
            case "GET":
                return self._shown(shelf, text)
            case "DELETE":
                gone = self._office.plant.remove(collection, shelf.label.read_key(text), at)
                return answer({"removed": text}) if gone else problem(404, "No such record.")
            case "PATCH":
                return self._patched(shelf, text, request, at)
            case "POST":
                return self._created(shelf, text, request, at)
            case _:
                return problem(405, "Use GET, POST, PATCH or DELETE.")

    def _shown(self, shelf: Shelf, text: str) -> Response:
        entry = shelf.get(shelf.label.read_key(text))
        return problem(404, "No such record.") if entry is None else Response(body=entry.encoded)

    def _patched(self, shelf: Shelf, text: str, request: Request, at: int) -> Response:
        fields = msgspec.convert(request.json(), dict[str, Any])
        if set(fields) & set(shelf.label.key):
            return problem(400, "The key of a record stays as it is.")
        key = shelf.label.read_key(text)
        entry = self._office.plant.change(shelf.label.name, key, at, **fields)
        return problem(404, "No such record.") if entry is None else Response(body=entry.encoded)

    def _created(self, shelf: Shelf, text: str, request: Request, at: int) -> Response:
        body = msgspec.convert(request.json(), dict[str, Any])
        if text and len(shelf.label.key) == 1:
            body = {shelf.label.key[0]: shelf.label.read_key(text), **body}
        missing = [field for field in shelf.label.key if field not in body]
        if missing:
            return problem(400, f"The key is missing: {', '.join(missing)}.")
        if shelf.get(shelf.label.key_of(body)) is not None:
            return problem(409, "There is a record of this key.")
        return Response(201, self._office.plant.put(shelf.label.name, body, at).encoded)


def _line(version: Version) -> dict[str, Any]:
    return {
        "seq": version.seq,
        "collection": version.collection,
        "key": version.key,
        "version": version.version,
        "action": version.action,
        "at": from_ms(version.at),
        "stamp": from_ms(version.stamp),
        "body": msgspec.Raw(version.encoded or b"null"),
    }

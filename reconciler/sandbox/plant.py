"""The plant: shelves of records, a clock told from outside, and a ledger of all that ever was true.

The same seed, start and calls make the same plant, byte for byte.
"""

import copy
from collections.abc import Iterator
from datetime import datetime
from random import Random
from typing import Any, Final, NamedTuple

import msgspec

from reconciler.sandbox import data, life, trade, upkeep
from reconciler.sandbox.shelf import Body, Entry, Key, Label, Shelf
from reconciler.sandbox.stamps import Stamp, grain, to_ms, write_stamp

LABELS: Final = (
    Label("orders", ("order_no",), "modified"),
    Label("vendors", ("vendor_no",), "changed_ms", Stamp.EPOCH_MS, flag=("gone", True)),
    Label("parts", ("part_no",), "updated", Stamp.ISO_OFFSET, flag=("del_flag", "X")),
    Label("stock", ("part", "storeroom"), "stamp", Stamp.LOCAL),
    Label("receipts", ("doc",), "modified"),
    Label("invoices", ("inv",), "modified"),
    Label("sites", ("code",)),
    Label("locations", ("loc",), "changed", Stamp.EPOCH),
    Label("storerooms", ("code",)),
    Label("users", ("id",)),
    Label("assets", ("assetId",), "lastChange", Stamp.EPOCH_MS),
    Label("workorders", ("wo",), "changedAt", Stamp.ISO_MS, numeric=True),
    Label("labor", ("wo", "line")),
    Label("requests", ("req",), "changed", Stamp.LOCAL, flag=("removed", 1)),
    Label("meters", ("meter",)),
    Label("readings", ("seq",), numeric=True),
    Label("documents", ("doc_id",), "modified", flag=("state", "TRASH")),
    Label("statuses", ("entity", "code")),
)


class Version(NamedTuple):
    """One line of the ledger: what a record was from ``at`` (milliseconds) on.

    ``action`` is ``created``, ``changed``, ``flagged`` (deleted, still listed with its mark) or
    ``removed`` (gone; ``encoded`` is empty). ``stamp`` is the change time written in the record.
    """

    seq: int
    collection: str
    key: Key
    version: int
    action: str
    at: int
    stamp: int
    encoded: bytes


class Plant:
    """All records of one plant."""

    def __init__(self, *, now: datetime, seed: int = 7, scale: int = 1) -> None:
        self.random = Random(f"plant {seed}")  # noqa: S311 - made-up data, no secrets
        self.shelves = {label.name: Shelf(label) for label in LABELS}
        self.ledger: list[Version] = []
        self.scale = scale
        self.late = 0
        """Milliseconds by which new stamps lie before the time at which they become visible."""
        self.last: dict[str, int] = {}
        """The last number of each series."""
        self._at = to_ms(now)
        data.fill(self, self._at)
        trade.fill(self, self._at)
        upkeep.fill(self, self._at)

    def twin(self) -> "Plant":
        """Return another plant that is as this one now, and goes its own way from here."""
        twin = copy.copy(self)
        twin.random = copy.copy(self.random)
        twin.shelves = {name: shelf.twin() for name, shelf in self.shelves.items()}
        twin.ledger = list(self.ledger)
        twin.last = dict(self.last)
        return twin

    def number(self, series: str, start: int) -> int:
        """Return the next number of *series*, which begins at *start*."""
        self.last[series] = self.last.get(series, start - 1) + 1
        return self.last[series]

    def get(self, collection: str, key: Key) -> Body | None:
        """Return a copy of a record, if it is there."""
        entry = self.shelves[collection].get(key)
        return None if entry is None else entry.body

    def pick(self, collection: str) -> Body:
        """Return a copy of a record of *collection*, drawn by lot."""
        shelf = self.shelves[collection]
        entry = shelf.get(self.random.choice(shelf.keys()))
        if entry is None:  # pragma: no cover - the keys of a shelf are on it
            raise KeyError(collection)
        return entry.body

    def put(self, collection: str, body: Body, at: int) -> Entry:
        """Keep *body*, new or known, stamped *at*; return it as it is kept."""
        shelf = self.shelves[collection]
        key = shelf.label.key_of(body)
        known = shelf.get(key)
        flag = shelf.label.flag
        gone = flag is not None and body.get(flag[0]) == flag[1]
        action = "flagged" if gone else "created" if known is None else "changed"
        entry = self._stamped(shelf.label, body, at, 1 if known is None else known.version + 1)
        shelf.put(entry)
        self._note(collection, entry, action, at)
        return entry

    def change(self, collection: str, key: Key, at: int, **fields: Any) -> Entry | None:
        """Change *fields* of a record; return it, or ``None`` if it is not there."""
        body = self.get(collection, key)
        return None if body is None else self.put(collection, {**body, **fields}, at)

    def remove(self, collection: str, key: Key, at: int) -> bool:
        """Delete a record, by its mark where the collection has one; return whether it was there."""
        shelf = self.shelves[collection]
        known = shelf.get(key)
        if known is None:
            return False
        if shelf.label.flag is not None:
            field, value = shelf.label.flag
            self.put(collection, {**known.body, field: value}, at)
            return True
        shelf.remove(key)
        self._note(collection, Entry(key, at, known.version + 1, b""), "removed", at)
        return True

    def advance(self, steps: int, now: datetime) -> int:
        """Let the plant work *steps* turns at the time *now*; return how many versions came of it."""
        before = len(self.ledger)
        at = to_ms(now)
        for _ in range(steps):
            life.turn(self, at)
        return len(self.ledger) - before

    def current(self, collection: str) -> Iterator[Entry]:
        """Yield the records of *collection* that are there, those marked as deleted too."""
        return iter(self.shelves[collection])

    def _stamped(self, label: Label, body: Body, at: int, version: int) -> Entry:
        stamp = grain(label.style, at - self.late)
        if label.stamp is not None:
            body[label.stamp] = write_stamp(label.style, stamp)
        return Entry(label.key_of(body), stamp, version, msgspec.json.encode(body))

    def _note(self, collection: str, entry: Entry, action: str, at: int) -> None:
        seq = len(self.ledger) + 1
        line = (seq, collection, entry.key, entry.version, action, at, entry.changed, entry.encoded)
        self.ledger.append(Version(*line))

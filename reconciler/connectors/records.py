"""Pages of records: from the bytes of an answer to raw records with their keys.

The data path. A record stays the exact slice of the source's bytes; of each one only the key, the
cursor and a deletion flag are decoded, all in one typed look. Where the manifest's expressions are more
than plain paths, JMESPath looks at the decoded record. A record that cannot be taken is told with its
place, and the rest of the page is kept.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final

import jmespath
import msgspec

from reconciler.connectors.envelope import Finder, Lister, Path, simple_path
from reconciler.connectors.positions import Positions
from reconciler.errors import SourceInvalid
from reconciler.spec.kinds.connector import Stream

_EXACT: Final = msgspec.json.Decoder(float_hook=Decimal)
_EXACT_OUT: Final = msgspec.json.Encoder(decimal_format="number")
_COMPOSITE: Final = re.compile(r"\[\s*([\w.]+(?:\s*,\s*[\w.]+)*)\s*\]")


@dataclass(slots=True)
class Sheet:
    """The records of one page.

    ``count`` is how many there were, ``last_key`` the last one's key for paging, ``mark`` what tells the
    page from others.
    """

    count: int
    records: list[bytes] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    reached: str | None = None
    last_key: Any = None

    @property
    def mark(self) -> tuple[str, ...]:
        """The ids on the page, to see whether it came before."""
        return tuple(sorted([*self.ids, *self.deleted]))


class Sheets:
    """Splits the answers of one stream."""

    def __init__(self, stream: Stream, positions: Positions | None) -> None:
        self._path = simple_path(stream.records)
        self._lister = Lister(self._path) if self._path is not None else None
        self._finder = Finder(stream.records)
        self._expression = stream.records
        self._key = stream.primary_key
        self._positions = positions
        parts = key_parts(stream.primary_key)
        self._width = len(parts)
        self._joined = len(parts) > 1 or parts[0] != stream.primary_key.strip()
        self._listed = stream.primary_key.strip().startswith("[")
        cursor = stream.cursor.value if stream.cursor and positions else None
        flag = stream.deletions.flag if stream.deletions.type == "flag" else None
        self._has_flag = flag is not None
        page_key = stream.paging.key if stream.paging.type == "keyset" else None
        self._last = Picker([page_key or parts[0]])
        self._picker = Picker([*parts, *[e for e in (cursor, flag) if e is not None]])

    @property
    def path(self) -> Path | None:
        """Where the records are, if that is a plain path."""
        return self._path

    def split(self, payload: bytes, place: str, into: bytes | None = None) -> Sheet:
        """Return the records in *payload*; *place* names the page. *into* is put into each record.

        Raises:
            SourceInvalid: if there is no list of records, or a cursor that cannot be read.
        """
        raws = self.raws(payload, place)
        if into is not None:
            raws = [with_part(raw, into) for raw in raws]
        sheet = Sheet(len(raws))
        if not raws:
            return sheet
        rows = self._picker.pick_all(raws)
        self._sort(sheet, raws, rows, place)
        if self._positions is not None:
            stamps = [row[self._width] for row in rows if row is not None]
            sheet.reached = self._positions.highest(stamps)
        sheet.last_key = self.last_key(raws)
        return sheet

    def last_key(self, raws: Sequence[bytes | msgspec.Raw]) -> Any:
        """Return the key of the last of *raws*, for paging."""
        last = self._last.pick(raws[-1]) if raws else None
        return last[0] if last else None

    def raws(self, payload: bytes, place: str) -> Sequence[bytes | msgspec.Raw]:
        """Return the records of *payload*, each as JSON.

        Raises:
            SourceInvalid: if there is no list.
        """
        raws: Sequence[bytes | msgspec.Raw] | None
        if self._lister is not None:
            raws = self._lister.find(payload)
        else:
            found = self._finder.search(_EXACT.decode(payload))
            raws = [_EXACT_OUT.encode(r) for r in found] if isinstance(found, list) else None
        if raws is None:
            raise SourceInvalid(
                f"{place} has no list of records at '{self._expression}'",
                hint="compare 'records' of the stream with what the system answers",
            )
        return raws

    def _sort(
        self,
        sheet: Sheet,
        raws: Sequence[bytes | msgspec.Raw],
        rows: Sequence[Sequence[Any] | None],
        place: str,
    ) -> None:
        """Put each record where it belongs: kept, deleted, or bad."""
        kept: dict[str, int] = {}
        for at, row in enumerate(rows):
            key = self._text_of(row)
            if key is None:
                sheet.bad.append(self._complaint(at, row, place))
            elif self._has_flag and row is not None and row[-1]:
                sheet.deleted.append(key)
            elif key in kept:
                sheet.bad.append(
                    f"records {kept[key] + 1} and {at + 1} of {place} have the same "
                    f"'{self._key}' {key[:60]!r}; the later one is kept"
                )
                kept[key] = at
            else:
                kept[key] = at
        sheet.ids = list(kept)
        sheet.records = [bytes(raws[at]) for at in kept.values()]

    def _text_of(self, row: Sequence[Any] | None) -> str | None:
        if row is None:
            return None
        if self._joined:
            return joined_text(row[: self._width])
        first = row[0]
        if type(first) is str and first:
            return first
        if self._listed and type(first) is list:
            return joined_text(first)
        return key_text(first)

    def _complaint(self, at: int, row: Sequence[Any] | None, place: str) -> str:
        where = f"record {at + 1} of {place}"
        if row is None:
            return f"{where} is no object"
        if all(value is None for value in row[: self._width]):
            return f"{where} has no '{self._key}'"
        return f"{where} has a '{self._key}' that is no text and no number"


def key_parts(expression: str) -> list[str]:
    """Return the expressions that make up a primary key: of ``[a, b]`` two, of others itself."""
    match = _COMPOSITE.fullmatch(expression.strip())
    return [part.strip() for part in match[1].split(",")] if match else [expression]


def key_text(value: Any) -> str | None:
    """Return a key as text, or ``None`` if *value* is none."""
    kind = type(value)
    if kind is str:
        return value or None
    if kind is int:
        return str(value)
    if kind is float or kind is Decimal:
        return str(int(value)) if value == int(value) else str(value)
    return None


def joined_text(values: Sequence[Any]) -> str | None:
    """Return a key of several values as text: ``a|1``; ``None`` if one of them is none."""
    texts = [key_text(value) for value in values]
    if not texts or None in texts:
        return None
    return "|".join([str(text).replace("\\", "\\\\").replace("|", "\\|") for text in texts])


class Picker:
    """Picks the values of a few expressions out of one raw record."""

    def __init__(self, expressions: Sequence[str]) -> None:
        self._compiled = [jmespath.compile(expression) for expression in expressions]
        paths = [simple_path(expression) for expression in expressions]
        plain = [path for path in paths if path]
        self._fast = _typed_look(plain) if len(plain) == len(paths) else None

    def pick_all(self, raws: Sequence[bytes | msgspec.Raw]) -> Sequence[Sequence[Any] | None]:
        """Return what ``pick`` does for each of *raws*."""
        look = self._fast
        if look is not None:
            try:
                return [look(raw) for raw in raws]
            except (msgspec.ValidationError, AttributeError):
                pass
        return [self.pick(raw) for raw in raws]

    def pick(self, raw: bytes | msgspec.Raw) -> Sequence[Any] | None:
        """Return one value an expression; ``None`` if the record is no object and its parts are asked."""
        if self._fast is not None:
            try:
                return self._fast(raw)
            except (msgspec.ValidationError, AttributeError):
                pass
        record = msgspec.json.decode(raw)
        if not isinstance(record, dict) and any(c.expression != "@" for c in self._compiled):
            return None
        try:
            return [compiled.search(record) for compiled in self._compiled]
        except jmespath.exceptions.JMESPathError as error:
            raise SourceInvalid(
                f"an expression of the connector does not fit a record: {error}",
                hint="correct primaryKey, cursor or deletions in the connector's manifest",
            ) from None


def _typed_look(paths: Sequence[Path]) -> Callable[[bytes | msgspec.Raw], Sequence[Any]]:
    """Return what decodes nothing of a record but the values at *paths*."""
    tree: dict[str, Any] = {}
    for path in paths:
        level = tree
        for key in path[:-1]:
            level = level.setdefault(key, {})
            if level is None:
                break
        else:
            level.setdefault(path[-1], None)
    names: dict[Path, str] = {}
    decode = msgspec.json.Decoder(_struct_of(tree, (), "", names)).decode
    if any(path not in names for path in paths):
        return _no_look
    get = attrgetter(*[names[path] for path in paths])
    if len(paths) == 1:
        return lambda raw: (get(decode(raw)),)
    return lambda raw: get(decode(raw))


def _no_look(_raw: bytes | msgspec.Raw) -> Sequence[Any]:
    raise AttributeError


def _struct_of(
    tree: dict[str, Any], path: Path, name: str, names: dict[Path, str]
) -> type[msgspec.Struct]:
    fields: list[tuple[str, Any, Any]] = []
    rename: dict[str, str] = {}
    for at, (key, below) in enumerate(tree.items()):
        attribute = f"f{at}"
        rename[attribute] = key
        full = f"{name}.{attribute}" if name else attribute
        if below:
            fields.append((attribute, _struct_of(below, (*path, key), full, names) | None, None))
        else:
            names[*path, key] = full
            fields.append((attribute, Any, None))
    return msgspec.defstruct("Look", fields, rename=rename)


def with_part(raw: bytes | msgspec.Raw, part: bytes) -> bytes | msgspec.Raw:
    """Return a record with *part* (``"key":value``) as its last key; one that is no object as it is."""
    text = bytes(raw).rstrip()
    if not text.startswith(b"{"):
        return raw
    head = text[:-1].rstrip()
    return head + (b"" if head == b"{" else b",") + part + b"}"

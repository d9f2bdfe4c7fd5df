"""The parameters of a list of records, read strictly: what is not understood is refused."""

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Final

from fastapi import Request

from reconciler.datamodel.entity import Entity
from reconciler.model.value import digest_of
from reconciler.web.problems import Code, Refused, refuse

DEFAULT_LIMIT: Final = 100
LARGEST_LIMIT: Final = 500

DOCS: Final[Mapping[str, tuple[dict[str, object], str]]] = {
    "limit": (
        {"type": "integer", "minimum": 1, "maximum": LARGEST_LIMIT, "default": DEFAULT_LIMIT},
        "How many records a page has at most.",
    ),
    "cursor": ({"type": "string"}, "`next_cursor` of the page before."),
    "connection": ({"type": "string"}, "Only records of this connection (its name)."),
    "modified_after": (
        {"type": "string"},
        "Only records that changed here after this date or RFC 3339 time (`updated_at`).",
    ),
    "created_after": ({"type": "string"}, "Only records that came here after this time."),
    "deleted": ({"type": "string", "enum": ["include"]}, "`include`: tombstones too."),
    "include": ({"type": "string", "enum": ["raw"]}, "`raw`: with the source's own record."),
    "fields": ({"type": "string"}, "Only these fields, separated by commas; `id` is always there."),
}
"""Each parameter of a list: its JSON Schema, and what it does."""


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What a list was asked for."""

    limit: int = DEFAULT_LIMIT
    cursor: str | None = None
    connection: str | None = None
    modified_after: datetime | None = None
    created_after: datetime | None = None
    deleted: bool = False
    raw: bool = False
    fields: tuple[str, ...] = ()

    def mark(self, entity: str) -> str:
        """Return a short digest of what must not change while paging."""
        times = [str(at) if at else None for at in (self.modified_after, self.created_after)]
        return digest_of([entity, self.connection, *times, self.deleted])[:12]


def read_query(request: Request, entity: Entity) -> ListQuery:
    """Return what *request* asks of a list of *entity*.

    Raises:
        Refused: for an unknown parameter, one given twice, or a value that cannot be.
    """
    given = read_given(request, DOCS.keys())
    return ListQuery(
        limit=_limit(given.get("limit")),
        cursor=given.get("cursor") or None,
        connection=given.get("connection"),
        modified_after=_time("modified_after", given.get("modified_after")),
        created_after=_time("created_after", given.get("created_after")),
        deleted=_one_of("deleted", given.get("deleted"), "include"),
        raw=_one_of("include", given.get("include"), "raw"),
        fields=_fields(given.get("fields"), entity),
    )


def read_given(request: Request, known: Collection[str]) -> dict[str, str]:
    """Return the query parameters of *request*, each of which must be *known* and given once."""
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
            raise refuse(Code.INVALID_REQUEST, f"unknown parameter {name[:40]!r}", hint=hint)
        if name in given:
            raise _bad(name, "is given twice")
        given[name] = value
    return given


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not (
        text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= LARGEST_LIMIT
    ):
        raise _bad("limit", f"must be a whole number from 1 to {LARGEST_LIMIT}")
    return int(text)


def _time(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        if len(text) == 10:
            return datetime.combine(date.fromisoformat(text), time.min, tzinfo=UTC)
        at = datetime.fromisoformat(text.replace(" ", "+"))
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _bad(name, "must be a date or an RFC 3339 time: 2026-11-24T09:00:00Z") from None


def _one_of(name: str, text: str | None, word: str) -> bool:
    if text is None:
        return False
    if text != word:
        raise _bad(name, f"can only be {word!r}")
    return True


def _fields(text: str | None, entity: Entity) -> tuple[str, ...]:
    if text is None:
        return ()
    known = {*entity.fields, *STANDARD}
    wanted = tuple(part.strip() for part in text.split(",") if part.strip())
    for name in wanted:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else ""
            raise refuse(
                Code.INVALID_REQUEST, f"{entity.name} have no field {name[:40]!r}", hint=hint
            )
    return wanted


STANDARD: Final = (
    "id", "connection_id", "source_id", "created_at", "updated_at", "deleted_at",
    "custom_fields", "_meta", "raw",
)  # fmt: skip
"""Fields that every record has beside those of its entity."""


def _bad(name: str, why: str) -> Refused:
    return refuse(Code.INVALID_REQUEST, f"{name} {why}")

"""``Connector``: how one type of system is spoken to. The built-in catalogue is made of these.

Text values of requests and auth are templates over ``config`` (the connection's settings), ``auth``
(its resolved credentials), ``login`` (the answer to a session login), ``session`` (the answers to what
is asked after it), ``since`` (the lower bound of the run, as the cursor writes it), ``page`` (``size``,
``offset``, ``number``, ``token``, ``key``), ``each`` (the value that a stream is read for) and ``ids``.
What does not apply is null. A text that is one expression and nothing else keeps the type of its value;
a key whose value is null is left out of a query.

Expressions over an answer see its JSON; for ``jsonrpc`` its ``result``, and in signals all of it.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from reconciler.spec.kinds.asked import ConfigField, Request, Setting, Template
from reconciler.spec.kinds.auth import Auth
from reconciler.spec.kinds.envelope import Duration, Envelope, Name, Strict, ZoneName
from reconciler.spec.kinds.rules import Expression, FieldRules


class Signal(Strict):
    """How answers that are no success by their status are told, for systems that say errors with 200."""

    when: Expression
    """JMESPath over the answer's JSON; a true value means: it happened."""
    means: Literal[
        "unauthorized", "locked", "second_factor", "forbidden", "rate_limited", "fault", "invalid"
    ]
    """What happened. ``locked``: the account is; ``second_factor``: the login asks for more than a
    password. Neither is tried again by itself."""
    message: Expression | None = None
    """JMESPath over the answer's JSON: what the system says about it."""


class Paging(Strict):
    """How the next page is asked for, of a closed set.

    ``none``; ``next_link`` (``next``: JMESPath to a URL, or ``header: true`` for ``Link``); ``cursor``
    (``next``: JMESPath to a token, sent as ``page.token``); ``offset`` (``page.offset``); ``page``
    (``page.number`` from ``first``); ``keyset`` (``page.key`` is the last record's ``key``).
    """

    type: Literal["none", "next_link", "cursor", "offset", "page", "keyset"] = "none"
    """How the next page is asked for."""
    size: Annotated[int, Field(ge=1, le=10_000)] = 200
    """How many records a page has: ``page.size`` in templates."""
    next: Expression | None = None
    """``next_link``, ``cursor``: JMESPath over the answer to the next URL or token."""
    header: bool = False
    """``next_link``: the next URL is in the ``Link`` header."""
    first: int = 1
    """``page``: the number of the first page."""
    key: Expression | None = None
    """``keyset``: JMESPath over a record; default the primary key."""
    more: Expression | None = None
    """JMESPath over the answer that is true while there is more; default: until a page is short
    (``offset``, ``page``, ``keyset``). A short page that is as long as any before and has a round number
    of records may be the source's own limit, and is asked on."""
    resumable: bool | None = None
    """Whether the next page can still be asked for a day later. Default: all but ``cursor`` and
    ``next_link``, whose tokens the source may forget."""


class CursorField(Strict):
    """What tells that a record changed."""

    value: Expression
    """JMESPath over a record: its change time (or number)."""
    type: Literal["datetime", "integer", "string"] = "datetime"
    """What kind of value it is."""
    format: str = "iso"
    """How the source writes times, and ``since`` is written for the request: ``iso``, ``epoch``,
    ``epoch-ms``, or strftime. Times in ISO 8601 are read whatever this says."""
    time_zone: Annotated[ZoneName, Field(alias="timeZone")] = "UTC"
    """The zone of times that name none, and of ``since`` in a strftime format."""
    lookback: Duration = "5m"
    """How far before the last position each run starts again: for late commits, equal stamps, and a
    source that sends no ``Date`` and whose clock is behind ours."""
    ordered: bool = False
    """Whether the source gives records in the order of this field."""


class Deletions(Strict):
    """What the source can tell of deleted records."""

    type: Literal["none", "flag", "sweep"] = "none"
    """How deleted records are found."""
    flag: Expression | None = None
    """``flag``: JMESPath over a record that is true for a deleted one."""
    ids: Request | None = None
    """``sweep``: the request that lists ids; default the stream's own request."""
    records: Expression | None = None
    """``sweep``: JMESPath to the ids in the answer; default the stream's records and primary key."""
    paging: Paging | None = None
    """``sweep``: how the next page of ids is asked for; default as the stream."""


class Include(Strict):
    """Records of another collection, fetched for a page of this one and joined into each record."""

    request: Request
    """Sent once a page; ``ids`` holds the values of ``key`` on the page."""
    records: Expression
    """JMESPath to the included records in the answer."""
    parent: Expression
    """JMESPath over an included record: the value of ``key`` of the record it belongs to."""
    key: Expression
    """JMESPath over a record of this stream."""
    paging: Paging = Paging()
    """How the next page of included records is asked for."""


class Each(Strict):
    """A list that is asked for first; the stream is then read for each of its values in turn."""

    request: Request
    """The request for the list."""
    records: Expression = "@"
    """JMESPath to the list in the answer."""
    value: Expression = "id"
    """JMESPath over a record of the list: ``each`` in the stream's templates."""
    into: str
    """The key under which the value is put into each record of the stream."""
    paging: Paging = Paging()
    """How the next page of the list is asked for."""


class Stream(Strict):
    """One collection of the system, and the unified entity it becomes."""

    title: str = ""
    """What people call it."""
    request: Request
    """The request for a page."""
    since: dict[str, Any] = {}
    """Merged into the request's query when a run has a lower bound; into the body of a ``POST`` whose
    body is an object. A ``jsonrpc`` call looks at ``since`` in its own templates."""
    records: Expression = "@"
    """JMESPath to the list of records in the answer."""
    primary_key: Annotated[Expression, Field(alias="primaryKey")] = "id"
    """JMESPath over a record; a list of values is joined with ``|``."""
    paging: Paging = Paging()
    """How the next page is asked for."""
    cursor: CursorField | None = None
    """None: every run reads everything."""
    windowed: bool = True
    """Whether the connection's history window cuts it. Reference data is read whole: ``false``."""
    deletions: Deletions = Deletions()
    """How deleted records are found."""
    each: Each | None = None
    """What the stream is read for one by one (stock for each location)."""
    include: dict[Setting, Include] = {}
    """Joined into each record as a list under its name."""
    fields: FieldRules = {}
    """The default mapping onto the unified entity."""
    custom_fields: Annotated[FieldRules, Field(alias="customFields")] = {}
    """Default rules for fields that the unified entity does not have."""


class RateLimit(Strict):
    """How much the system bears."""

    requests: Annotated[int, Field(ge=1)]
    """How many requests."""
    per: Duration = "1s"
    """In which time."""
    concurrency: Annotated[int, Field(ge=1, le=64)] = 4
    """How many at once."""


class ConnectorSpec(Strict):
    """How one type of system is spoken to."""

    title: str
    """What people call the system."""
    family: Literal["erp", "cmms", "wms", "other"]
    """What sort of system it is."""
    proof: Literal["real-system", "built-in", "recorded", "documented", "untried"] = "untried"
    """What this manifest has been tried against."""
    docs: str = ""
    """Where the system's own documentation is."""
    protocol: Literal["http-json", "jsonrpc"]
    """How it is spoken to."""
    dialect: Literal["plain", "tryton"] = "plain"
    """``jsonrpc``: how typed values and errors are written on the wire."""
    endpoint: Template = "{{ config.base_url }}"
    """The URL that the paths of requests are joined to."""
    config: dict[Setting, ConfigField]
    """The settings that a connection gives."""
    auth: dict[Setting, Auth]
    """By method name; a connection chooses with ``auth.method``. Beside what the method asks for, every
    connection may give ``ca``, ``client_certificate``, ``client_key`` and ``client_key_password``."""
    headers: dict[str, Template] = {}
    """Sent with every request."""
    probe: Request
    """A cheap request that needs the credentials."""
    expires: Expression | None = None
    """When the credentials stop to be good, over the answer to the probe: a time (RFC 3339), a date, or
    seconds since 1970. Where it finds one, its coming is told 30, 7 and 1 days ahead."""
    signals: tuple[Signal, ...] = ()
    """How answers that are no success are told."""
    rate_limit: Annotated[RateLimit | None, Field(alias="rateLimit")] = None
    """How much the system bears; default: no limit but what it says itself."""
    timeout: Duration = "30s"
    """How long one request may take."""
    streams: Annotated[dict[Name, Stream], Field(min_length=1)]
    """By unified entity."""


class ConnectorDocument(Envelope):
    """How one *type* of system is spoken to; users add their own beside their connections."""

    kind: Literal["Connector"]
    spec: ConnectorSpec

"""What a reader of records must know of the connection they come from: it is not well, so they may be stale."""

from collections.abc import Mapping, Sequence
from typing import Final

from reconciler.model.connection import ConnectionState, ConnectionStatus
from reconciler.ports import Views
from reconciler.web.problems import Code
from reconciler.web.v1.splice import stamp

CODES: Final = {
    ConnectionStatus.NEEDS_REAUTH: Code.CONNECTION_REAUTHORIZATION_REQUIRED,
    ConnectionStatus.OFFLINE: Code.CONNECTION_UNREACHABLE,
}
"""The codes by which other answers refuse what such a connection cannot do."""

SCHEMA: Final = {
    "type": "array",
    "description": "Why these records may be stale: the connection is not well. Told where records of one "
    "connection are read, by a token of it or with `connection`; empty otherwise, and while it is well.",
    "items": {
        "type": "object",
        "properties": {
            "code": {"type": "string", "enum": [code.value for code in CODES.values()]},
            "detail": {"type": "string"},
            "since": {"type": "string", "format": "date-time"},
        },
        "required": ["code", "detail", "since"],
    },
}


async def warnings_for(views: Views, uids: Sequence[str] | None) -> Sequence[Mapping[str, str]]:
    """Return what is to be told with records of *uids*, where they are one connection's."""
    if uids is None or len(uids) != 1:
        return ()
    state = await views.connection_state(uids[0])
    return () if state is None else list(_told(state))


def _told(state: ConnectionState) -> list[dict[str, str]]:
    code = CODES.get(state.status)
    if code is None:
        return []
    since = stamp(state.since) or ""
    return [{"code": code.value, "detail": state.message, "since": since}]

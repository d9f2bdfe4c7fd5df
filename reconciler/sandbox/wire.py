"""HTTP/1.1 over asyncio streams, as much as the plant needs, and with the right to break off.

An HTTP library would not send half a body on purpose.
"""

import asyncio
import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

import msgspec

LARGEST_HEAD: Final = 64 * 1024
LARGEST_BODY: Final = 4 * 1024 * 1024
_WORTH_PACKING: Final = 1024


class Malformed(Exception):
    """Not a request that this server takes; the connection ends after the answer."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""

    def json(self) -> Any:
        """Return the body, which must be JSON and say so.

        Raises:
            ValueError: if it is not.
        """
        kind = self.headers.get("content-type", "").partition(";")[0].strip()
        if kind != "application/json":
            raise ValueError("send JSON with the header Content-Type: application/json")
        return msgspec.json.decode(self.body)


@dataclass(slots=True)
class Response:
    """One answer. ``wait`` holds it back; ``ending`` breaks it off: ``reset`` before, ``drop`` midway."""

    status: int = 200
    body: bytes = b""
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0.0
    ending: str = ""


def answer(payload: Any, status: int = 200) -> Response:
    """Return *payload* as a JSON answer."""
    return Response(status, msgspec.json.encode(payload))


def problem(status: int, detail: str, **headers: str) -> Response:
    """Return an error as a problem document (RFC 9457)."""
    title = HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, msgspec.json.encode(body), "application/problem+json", named)


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """Return the next request of a connection, or ``None`` when the other side has closed it.

    Raises:
        Malformed: for what is not HTTP/1.1, or is larger than is taken here.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError:
        raise Malformed(431, "the head of the request is too large") from None
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise Malformed(400, "not an HTTP/1.1 request")
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    body = await _body(reader, headers)
    path, _, query = words[1].partition("?")
    asked = dict(parse_qsl(query, keep_blank_values=True))
    return Request(words[0], unquote(path), asked, headers, body)


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if "transfer-encoding" in headers:
        raise Malformed(411, "send a Content-Length")
    length = headers.get("content-length", "0")
    if not length.isdecimal():
        raise Malformed(400, "the Content-Length is not a number")
    if int(length) > LARGEST_BODY:
        raise Malformed(413, "the body is too large")
    try:
        return await reader.readexactly(int(length))
    except asyncio.IncompleteReadError:
        raise Malformed(400, "the body breaks off") from None


def written(response: Response, *, now: datetime, packs: bool, keep: bool) -> bytes:
    """Return *response* as bytes; the body is packed where the other side *packs* too."""
    body = response.body
    headers = {"Content-Type": response.kind, "Date": format_datetime(now, usegmt=True)}
    if packs and len(body) >= _WORTH_PACKING:
        body = gzip.compress(body, compresslevel=1, mtime=0)
        headers["Content-Encoding"] = "gzip"
    headers |= {"Content-Length": str(len(body)), "Connection": "keep-alive" if keep else "close"}
    phrase = HTTPStatus(response.status).phrase
    lines = (f"{name}: {value}\r\n" for name, value in (headers | response.headers).items())
    head = f"HTTP/1.1 {response.status} {phrase}\r\n{''.join(lines)}\r\n".encode("latin-1")
    return head + (body[: len(body) // 2] if response.ending == "drop" else body)

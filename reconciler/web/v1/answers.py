"""Answers as responses."""

import hashlib

import msgspec
from fastapi import Request
from starlette.responses import Response

from reconciler.web.v1.schemas import Told, told


def as_json(body: bytes, *, status: int = 200, cache: str = "no-store") -> Response:
    """Return *body*, which is JSON, as a response that no shared cache keeps."""
    return Response(
        body, status_code=status, media_type="application/json", headers={"Cache-Control": cache}
    )


def tell(shape: Told, *, status: int = 200) -> Response:
    """Return *shape* as a response."""
    return as_json(msgspec.json.encode(told(shape)), status=status)


def tagged(request: Request, body: bytes) -> Response:
    """Return *body* under its ETag, or 304 if the client has it.

    The tag is a weak one: a compressed answer has the same meaning and other bytes.
    """
    tag = f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    cache = "private, no-cache"
    if _has(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers={"ETag": tag, "Cache-Control": cache})
    response = as_json(body, cache=cache)
    response.headers["ETag"] = tag
    return response


def _has(given: str, tag: str) -> bool:
    if given.strip() == "*":
        return True
    plain = tag.removeprefix("W/")
    return any(one.strip().removeprefix("W/") == plain for one in given.split(","))

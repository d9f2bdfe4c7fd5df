"""Pages as responses: templates, the stylesheet and the script, and headers that protect."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response

HERE: Final = Path(__file__).parent
STATIC: Final = {"connect.css": "text/css", "connect.js": "text/javascript"}
"""The files that the page is made of, beside itself."""


@dataclass(frozen=True, slots=True)
class Look:
    """Who asks (``brand``), and whose pages may show ours in a frame (``frames``)."""

    brand: str
    frames: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """A page: its template, its status, and what it says."""

    template: str
    status: int
    told: Mapping[str, Any]


def page(look: Look, shown: Shown) -> Response:
    """Return a page that no cache keeps, that loads nothing of others, and that tells nobody its address."""
    text = _environment().get_template(shown.template).render(brand=look.brand, **shown.told)
    return Response(
        text,
        status_code=shown.status,
        media_type="text/html",
        headers={
            **_protection(look),
            "Cache-Control": "no-store",
            "X-Robots-Tag": "noindex, nofollow",
        },
    )


def static(name: str) -> Response | None:
    """Return a file of the page; ``None`` if there is none of this name."""
    if name not in STATIC:
        return None
    return Response(
        _file(name),
        media_type=STATIC[name],
        headers={
            "Cache-Control": "public, max-age=3600",
            "Cross-Origin-Resource-Policy": "same-origin",
        },
    )


def _protection(look: Look) -> dict[str, str]:
    frames = " ".join(look.frames) or "'none'"
    policy = (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
        f"form-action 'self'; base-uri 'none'; frame-ancestors {frames}"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }
    if not look.frames:
        headers["X-Frame-Options"] = "DENY"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
    return headers


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _file(name: str) -> bytes:
    return (HERE / "static" / name).read_bytes()

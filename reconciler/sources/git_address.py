"""Addresses of git repositories: which are taken, and how git is to speak with them."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from reconciler.errors import Invalid

SCP: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9_\[][A-Za-z0-9._:\[\]-]*?:(?!:).+")
HELPER: Final = re.compile(r"[A-Za-z0-9+.-]*::")
NONE: Final = "the git URL is no address of a repository that can be used"
TAKEN: Final = "use https://HOST/PATH, ssh://USER@HOST/PATH, USER@HOST:PATH or file:///PATH"


@dataclass(frozen=True, slots=True)
class Address:
    """A repository's URL, git's name of its protocol, and for HTTP the origin that a token goes to."""

    url: str
    protocol: str
    origin: str = ""


def address(url: str) -> Address:
    """Return what *url* leads to.

    Raises:
        Invalid: if it is no address, or one that runs a program, shows a password or is not encrypted.
    """
    if url.startswith("-") or HELPER.match(url) or not url.isprintable() or " " in url:
        raise Invalid(NONE, hint=TAKEN)
    if "://" not in url:
        if SCP.fullmatch(url):
            return Address(url, "ssh")
        raise Invalid(NONE, hint=TAKEN)
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise Invalid(NONE, hint=TAKEN) from error
    _no_secret(parts)
    return _of_scheme(url, parts)


def _of_scheme(url: str, parts: SplitResult) -> Address:
    host = parts.hostname or ""
    named = bool(host) and not host.startswith("-")
    match parts.scheme:
        case "https" if named:
            return Address(url, "https", f"https://{parts.netloc}/")
        case "http" if _loopback(host):
            return Address(url, "http", f"http://{parts.netloc}/")
        case "ssh" if named and not (parts.username or "").startswith("-"):
            return Address(url, "ssh")
        case "file" if parts.netloc in {"", "localhost"}:
            return Address(url, "file")
        case "http":
            raise Invalid("the git URL is not encrypted", hint="use https:// or ssh://")
        case _:
            raise Invalid(NONE, hint=TAKEN)


def _no_secret(parts: SplitResult) -> None:
    # A name alone is refused for HTTP as well: hosts take a token there, and it would be shown.
    named = parts.password is not None or (
        parts.scheme in {"http", "https"} and parts.username is not None
    )
    if named:
        raise Invalid(
            "the git URL holds a user name or a password",
            hint="take out what stands before the @, and give the token by reference: {env: NAME}",
        )


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

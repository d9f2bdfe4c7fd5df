"""Whom we trust, and what we show of ourselves: TLS of one connection. The check cannot be turned off."""

import os
import ssl
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import certifi

from reconciler.errors import Invalid
from reconciler.spec.kinds.auth import TLS

NAMES: Final = tuple(TLS)


def trust_of(name: str, endpoint: str, auth: Mapping[str, Any]) -> ssl.SSLContext | None:
    """Return the TLS settings in *auth* as a context; ``None`` if there are none.

    A private authority is trusted beside the public ones; a certificate is shown to whoever asks for one.

    Raises:
        Invalid: if they cannot be read, do not belong together, or the *endpoint* speaks no TLS.
    """
    given = {key: str(auth[key]) for key in NAMES if auth.get(key)}
    if not given:
        return None
    if urlsplit(endpoint).scheme != "https":
        raise Invalid(
            f"{name}: auth.{next(iter(given))} is given, but the address of the system is not https",
            hint="write base_url as https://host",
        )
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(certifi.where())
    if "ca" in given:
        _trust(name, context, given["ca"])
    if "client_certificate" in given:
        _show(name, context, given)
    elif "client_key" in given:
        raise Invalid(f"{name}: auth.client_key is given without auth.client_certificate")
    return context


def _trust(name: str, context: ssl.SSLContext, pem: str) -> None:
    try:
        context.load_verify_locations(cadata=pem + "\n")
    except (ssl.SSLError, ValueError):
        raise Invalid(
            f"{name}: auth.ca is no certificate in PEM",
            hint="give the file that begins with -----BEGIN CERTIFICATE-----",
        ) from None


def _show(name: str, context: ssl.SSLContext, given: Mapping[str, str]) -> None:
    pem = "\n".join([given["client_certificate"], given.get("client_key", ""), ""])
    asked: list[bool] = []

    def password() -> str:
        asked.append(True)
        return given.get("client_key_password", "")

    try:
        _with_file(pem, lambda path: context.load_cert_chain(path, password=password))
    except (ssl.SSLError, ValueError, OSError):
        what = "cannot be opened with auth.client_key_password" if asked else "are no pair in PEM"
        raise Invalid(
            f"{name}: auth.client_certificate and auth.client_key {what}",
            hint="the certificate begins with -----BEGIN CERTIFICATE-----, its key with -----BEGIN ... PRIVATE KEY-----",
        ) from None


def _with_file(text: str, read: Callable[[str], None]) -> None:
    """Have *read* open *text* as a file: the library takes keys from files only.

    In memory where the system can; else in a file that only we may read, for that moment.
    """
    if hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir():
        descriptor = os.memfd_create("pem", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, text.encode())
            read(f"/proc/self/fd/{descriptor}")
        finally:
            os.close(descriptor)
        return
    descriptor, path = tempfile.mkstemp(prefix="reconciler-", suffix=".pem")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        read(path)
    finally:
        with suppress(FileNotFoundError):
            Path(path).unlink()

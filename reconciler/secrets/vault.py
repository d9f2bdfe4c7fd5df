"""The provider ``vault``: one key of a secret in a key-value engine, version 2, of HashiCorp Vault or OpenBao.

https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#read-secret-version. Address and token come from
the variables that the vault program knows: ``VAULT_ADDR``, ``VAULT_TOKEN`` (or a file that ``VAULT_TOKEN_FILE``
names, as an agent keeps it fresh), ``VAULT_NAMESPACE``, ``VAULT_CACERT``.
"""

import json
import ssl
from collections.abc import Mapping
from http.client import HTTPException, HTTPMessage
from typing import IO, Any, Final
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from reconciler.errors import SecretMissing
from reconciler.secrets.references import LARGEST, resolve
from reconciler.secrets.secret import Unwritten

LONGEST: Final = 10.0
"""Seconds that an answer may take."""
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class _NoRedirect(HTTPRedirectHandler):
    """The token must go to the server that was named, and to no other."""

    def redirect_request(  # noqa: PLR0913, PLR0917  as the library calls it
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """Follow nothing."""
        del req, fp, code, msg, headers, newurl


class Vault(Unwritten):
    """Reads ``PATH#KEY``, where the first part of the path is the mount: ``kv/acme/erp#password``."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def __call__(self, place: Any, *, what: str) -> str:
        """Return the value at *place*. It blocks.

        Raises:
            SecretMissing: if there is none, or the server does not give it.
        """
        del what
        path, _, key = str(place).partition("#")
        mount, _, rest = path.partition("/")
        if not mount or not rest or not key:
            raise SecretMissing("no place in a vault", hint='write {vault: "MOUNT/PATH#KEY"}')
        content = self._get(f"{quote(mount)}/data/{quote(rest)}", path)
        try:
            value = json.loads(content)["data"]["data"].get(key)
        except (ValueError, LookupError, TypeError, AttributeError):
            raise SecretMissing(f"vault: the answer for {path} is none of a kv-v2 engine") from None
        if not isinstance(value, str) or not value:
            raise SecretMissing(f"vault: {path} has no text under {key!r}")
        return value

    def _get(self, place: str, path: str) -> bytes:
        request = Request(f"{self._address()}/v1/{place}", headers=self._headers())  # noqa: S310  checked
        context = ssl.create_default_context(cafile=self._environ.get("VAULT_CACERT") or None)
        opener = build_opener(_NoRedirect, HTTPSHandler(context=context))
        try:
            with opener.open(request, timeout=LONGEST) as answer:
                content: bytes = answer.read(LARGEST + 1)
        except HTTPError as error:
            error.close()
            raise SecretMissing(
                f"vault answers {error.code} for {path}", hint=_HINTS.get(error.code, "")
            ) from None
        except (OSError, HTTPException, ValueError) as error:
            why = type(getattr(error, "reason", error)).__name__
            raise SecretMissing(f"vault does not answer ({why})", hint="see VAULT_ADDR") from None
        if len(content) > LARGEST:
            raise SecretMissing(f"vault: the answer for {path} is larger than {LARGEST} bytes")
        return content

    def _address(self) -> str:
        address = self._environ.get("VAULT_ADDR", "").rstrip("/")
        parts = urlsplit(address)
        safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
        if not safe or not parts.hostname or "@" in parts.netloc:
            raise SecretMissing(
                "VAULT_ADDR is no address that a token may go to",
                hint="set it to https://HOST:8200 (http:// on this machine alone)",
            )
        return address

    def _headers(self) -> dict[str, str]:
        file = self._environ.get("VAULT_TOKEN_FILE")
        where = {"file": file} if file else {"env": "VAULT_TOKEN"}
        token = resolve(where, self._environ, what="vault").reveal()
        headers = {"X-Vault-Token": token, "X-Vault-Request": "true"}
        namespace = self._environ.get("VAULT_NAMESPACE")
        return {**headers, "X-Vault-Namespace": namespace} if namespace else headers


_HINTS: Final = {
    403: "the token is no good any more, or has no right to read it",
    404: "nothing is there, or the engine is not a kv-v2 one",
    503: "it is sealed, or in maintenance",
}

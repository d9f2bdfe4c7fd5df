"""The key ring: what is kept is sealed under one key and bound to its place, and any key of the ring opens it.

AES-256-GCM (NIST SP 800-38D) with a random nonce of 96 bits; a key may seal 2^32 values (section 8.3 of it).
What is sealed goes with its place as associated data, so that a row copied to another place does not open.
"""

import os
from collections.abc import Callable, Mapping
from typing import Final

from reconciler.errors import Invalid
from reconciler.secrets.secret import Unwritten

KEY: Final = 32
"""Bytes of a key."""
NONCE: Final = 12
"""Bytes of a nonce, in front of what is sealed."""

Load = Callable[[], Mapping[str, bytes]]
"""Returns the keys by their ids, the one that seals first."""


class KeyRing(Unwritten):
    """Keys by id; the first seals, all open.

    They are asked for when the first is needed, and again when one is missing: so a key that was added
    to a file needs no restart.
    """

    def __init__(self, load: Load) -> None:
        self._load = load
        self._keys: Mapping[str, bytes] = {}

    @property
    def first(self) -> str:
        """The id of the key that seals.

        Raises:
            Invalid: if there are no keys, or they cannot be read.
        """
        return next(iter(self._held()))

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all keys, the one that seals first."""
        return tuple(self._held())

    def seal(self, value: str, *place: str) -> tuple[str, bytes]:
        """Return the id of the first key, and *value* sealed under it for *place*."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  slow to import

        kid = self.first
        nonce = os.urandom(NONCE)
        sealed = AESGCM(self._keys[kid]).encrypt(nonce, value.encode(), _bound(*place, kid))
        return kid, nonce + sealed

    def open(self, kid: str, sealed: bytes, *place: str) -> str:
        """Return what was sealed under the key *kid* for *place*.

        Raises:
            Invalid: if the key is not on the ring, or this is not what was sealed, or not there.
        """
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415  likewise
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        nonce, content = sealed[:NONCE], sealed[NONCE:]
        try:
            opened = AESGCM(self._key(kid)).decrypt(nonce, content, _bound(*place, kid))
        except (InvalidTag, ValueError):
            raise Invalid(
                f"what is stored for {' '.join(place)} does not open under the key {kid!r}",
                hint="the key is another of the same name, or the row was changed or copied; "
                "give the right key, or have it entered again: reconciler connect NAME",
            ) from None
        return opened.decode()

    def require(self, used: Mapping[str, int]) -> None:
        """Return if every key in *used* (id to number of rows) is on the ring.

        Raises:
            Invalid: naming those that are not, and what to do.
        """
        missing = [kid for kid in used if kid not in self._held()]
        if missing and self._again().keys() >= set(missing):
            return
        if missing:
            raise _missing({kid: used[kid] for kid in missing})

    def _held(self) -> Mapping[str, bytes]:
        return self._keys or self._again()

    def _again(self) -> Mapping[str, bytes]:
        self._keys = self._load()
        return self._keys

    def _key(self, kid: str) -> bytes:
        key = self._held().get(kid) or self._again().get(kid)
        if key is None:
            raise _missing({kid: 1})
        return key


def _bound(*parts: str) -> bytes:
    if any("|" in part for part in parts):
        raise Invalid("a place of a credential holds a '|'")
    return "|".join(parts).encode()


def _missing(used: Mapping[str, int]) -> Invalid:
    told = ", ".join(
        f"{kid!r} ({rows} row{'' if rows == 1 else 's'})" for kid, rows in used.items()
    )
    return Invalid(
        f"stored credentials are sealed under keys that are not given: {told}",
        hint="give them again, behind the one that seals, in RECONCILER_KEYS, RECONCILER_KEYS_FILE or the "
        "key file of the state folder: a backup of it has them",
    )

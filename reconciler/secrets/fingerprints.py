"""Keyed fingerprints: they tell whether two values are one, and nothing else to whom lacks the key."""

import hashlib
import hmac
import os
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final

from reconciler.errors import Locked
from reconciler.model.credential import InstanceSecret
from reconciler.ports import UnitOfWork, Views
from reconciler.secrets.keyring import KeyRing
from reconciler.secrets.secret import Unwritten

NAME: Final = "fingerprint"
INSTANCE: Final = "instance"
"""The place under which the installation's own secrets are sealed."""
LENGTH: Final = 16
"""Hexadecimal digits of a fingerprint."""


class Fingerprints(Unwritten):
    """Makes fingerprints with the key of this installation, which is made when the first is asked for.

    The key is sealed in the store, so that all processes of an installation have the same, and it
    stays when the keys of the ring are rotated.
    """

    def __init__(self, views: Views, ring: KeyRing) -> None:
        self._views = views
        self._ring = ring
        self._key: bytes | None = None

    async def within(self, unit: UnitOfWork, at: datetime) -> Callable[[str], str]:
        """Return what makes fingerprints; a key that is made now is there if *unit* is committed."""
        return partial(_fingerprint, await self._keyed(unit, at))

    async def derived(self, label: str, unit: UnitOfWork, at: datetime) -> bytes:
        """Return 32 bytes that follow from *label* and the key, and that nobody guesses without it."""
        return _derived(await self._keyed(unit, at), label)

    async def derived_again(self, label: str) -> bytes | None:
        """Return what ``derived`` returned for *label*; ``None`` if there is no key, so that it did not."""
        if self._key is None:
            self._key = await self._stored()
        return None if self._key is None else _derived(self._key, label)

    async def _keyed(self, unit: UnitOfWork, at: datetime) -> bytes:
        if self._key is None:
            self._key = await self._stored()
        key = self._key
        if key is None:
            fresh = os.urandom(32)
            kid, sealed = self._ring.seal(fresh.hex(), INSTANCE, NAME)
            added = await unit.secrets.add(InstanceSecret(NAME, kid, sealed, at))
            key = fresh if added else await self._of_another()
        return key

    async def _stored(self) -> bytes | None:
        found = await self._views.secret(NAME)
        if found is None:
            return None
        return bytes.fromhex(self._ring.open(found.key_id, found.sealed, INSTANCE, NAME))

    async def _of_another(self) -> bytes:
        """Return the key that another process has made in the meantime, and committed."""
        key = await self._stored()
        if key is None:
            raise Locked("the fingerprint key is being made by another", hint="try again")
        return key


def _derived(key: bytes, label: str) -> bytes:
    # Another message than any fingerprint's: a fingerprint of a label tells nothing of what is derived.
    return hmac.new(key, b"derived\0" + label.encode(), hashlib.sha256).digest()


def _fingerprint(key: bytes, value: str) -> str:
    return hmac.new(key, value.encode(), hashlib.sha256).hexdigest()[:LENGTH]

"""Where the keys of the ring come from: the environment, a file, a command, or a file in the state folder.

One form everywhere: ``ID:KEY``, the key being 32 bytes in base64 (``openssl rand -base64 32``); several are
separated by commas or line breaks, and a line that starts with ``#`` is a comment.
"""

import base64
import binascii
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from reconciler.errors import Invalid, SecretMissing
from reconciler.secrets.keyring import KEY
from reconciler.secrets.programs import output_of
from reconciler.secrets.references import LARGEST
from reconciler.secrets.secret import Secret

FILE: Final = "keys"
"""The name of the key file in the state folder."""

_ID: Final = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}"
)  # no key is as short: none can stand for an id
_HINT: Final = "write ID:KEY, the key made by: openssl rand -base64 32"
_WHERE: Final = "RECONCILER_KEYS_FILE=PATH (or RECONCILER_KEYS, RECONCILER_KEYS_COMMAND)"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class KeySource:
    """Where the keys are: one of these. ``folder`` is that of the embedded default, where a file is made."""

    text: Secret | None = None
    file: Path | None = None
    command: Sequence[str] = ()
    folder: Path | None = None

    def load(self, environ: Mapping[str, str], *, make: bool = True) -> Mapping[str, bytes]:
        """Return the keys by id, the one that seals first; with *make*, a key file may be made.

        Raises:
            Invalid: if there are none, or they cannot be taken.
        """
        given = [one for one in (self.text, self.file, self.command) if one]
        if len(given) > 1:
            raise Invalid("keys are given in several ways", hint=f"say one: {_WHERE}")
        if self.text is not None:
            return parse_keys(self.text.reveal(), "RECONCILER_KEYS")
        if self.file is not None:
            return parse_keys(_content(self.file, mask=0o007), str(self.file))
        if self.command:
            return parse_keys(
                _printed(self.command, environ), "what RECONCILER_KEYS_COMMAND prints"
            )
        if self.folder is None:
            raise Invalid(
                "credentials are to be stored, and there is no key to seal them", hint=_WHERE
            )
        return _embedded(self.folder / FILE, make=make)


def parse_keys(text: str, where: str) -> Mapping[str, bytes]:
    """Return the keys that *text* says, in its order. No part of it is repeated in an error.

    Raises:
        Invalid: if it says none, or one of them cannot be taken.
    """
    lines = [line.strip() for line in text.splitlines()]
    words = [word for line in lines if not line.startswith("#") for word in line.split(",")]
    keys: dict[str, bytes] = {}
    for word in filter(None, (word.strip() for word in words)):
        kid, _, encoded = word.partition(":")
        if not _ID.fullmatch(kid) or not encoded:
            raise Invalid(f"{where}: a key has no id", hint=_HINT)
        if kid in keys:
            raise Invalid(f"{where}: two keys have the id {kid!r}", hint="give one another id")
        keys[kid] = _decoded(encoded, kid, where)
    if not keys:
        raise Invalid(f"{where}: there is no key", hint=_HINT)
    return keys


def _decoded(encoded: str, kid: str, where: str) -> bytes:
    plain = encoded.replace("-", "+").replace("_", "/").rstrip("=")
    with suppress(binascii.Error, ValueError):
        key = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
        if len(key) == KEY:
            return key
    raise Invalid(f"{where}: the key {kid!r} is not {KEY} bytes in base64", hint=_HINT)


def _printed(command: Sequence[str], environ: Mapping[str, str]) -> str:
    try:
        return output_of(command, environ, name="RECONCILER_KEYS_COMMAND")
    except SecretMissing as error:
        raise Invalid(error.message, hint=error.hint) from None


def _content(file: Path, *, mask: int) -> str:
    """Return the text of a key file, unless more may read it than *mask* allows."""
    try:
        with file.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            if mode & mask:
                raise Invalid(
                    f"the key file {file} may be read by others (mode {mode & 0o777:04o})",
                    hint=f"chmod 600 {file}; and if others were there, add a new key in front and run: "
                    "reconciler secrets rotate",
                )
            content = opened.read(LARGEST + 1)
    except OSError as error:
        raise Invalid(
            f"the key file {file} cannot be read: {error.strerror}", hint=_WHERE
        ) from None
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise Invalid(f"the key file {file} is not text in UTF-8", hint=_HINT) from None


def _embedded(file: Path, *, make: bool) -> Mapping[str, bytes]:
    if not file.exists():
        if not make:
            raise Invalid(
                f"stored credentials are sealed, and the key file {file} is gone",
                hint="put it back from a backup; or say where the keys are: " + _WHERE,
            )
        _make(file)
    return parse_keys(_content(file, mask=0o077), str(file))


def _make(file: Path) -> None:
    """Make a key file, unless another process has done so first; it is whole before it has its name."""
    kid = f"k-{secrets.token_hex(4)}"
    key = base64.b64encode(os.urandom(KEY)).decode()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = file.with_name(f"{file.name}.{kid}")
    try:
        opened = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(opened, "w") as new:
            new.write(
                f"# Seals stored credentials. Lost, they are lost: keep a copy elsewhere.\n{kid}:{key}\n"
            )
            new.flush()
            os.fsync(new.fileno())
        with suppress(FileExistsError):
            os.link(beside, file)
            log.warning("key_file_made", file=str(file), key=kid, advice="keep a copy elsewhere")
    finally:
        beside.unlink(missing_ok=True)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

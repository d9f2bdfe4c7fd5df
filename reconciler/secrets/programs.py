"""Programs that print a secret: no shell, ten seconds, 64 KiB, and nothing of what they say is repeated."""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from reconciler.errors import SecretMissing
from reconciler.secrets.references import LARGEST
from reconciler.secrets.secret import Unwritten

LONGEST: Final = 10.0
"""Seconds that a program may take."""
PRIVATE: Final = frozenset({"RECONCILER_KEYS"})
"""What a program never gets of our environment."""

_BY_HAND: Final = "run it by hand, as the user of the reconciler; what it printed is not shown"


def output_of(
    argv: Sequence[str], environ: Mapping[str, str], *, name: str, longest: float = LONGEST
) -> str:
    """Return what the program *argv* prints, without the line break at its end.

    It is told nothing but its arguments and the environment, and it is ended with all that it started if
    it takes too long or prints too much. It blocks.

    Raises:
        SecretMissing: if it cannot be started, fails, prints nothing, or breaks a bound.
    """
    env = {key: value for key, value in environ.items() if key not in PRIVATE}
    try:
        process = subprocess.Popen(  # noqa: S603  a list of arguments of the operator's, and no shell
            list(argv),
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "its arguments are none"
        raise SecretMissing(f"{name} cannot be started: {why}", hint=_BY_HAND) from None
    try:
        content = _read(process, longest)
    finally:
        _end(process)
    if content is None:
        said = f"{name} took longer than {longest:g} s, or printed more than {LARGEST} bytes"
        raise SecretMissing(said, hint=_BY_HAND)
    if process.returncode:
        raise SecretMissing(f"{name} ended with code {process.returncode}", hint=_BY_HAND)
    try:
        value = content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise SecretMissing(f"{name} printed what is not text in UTF-8", hint=_BY_HAND) from None
    if not value:
        raise SecretMissing(f"{name} printed nothing", hint=_BY_HAND)
    return value


def _read(process: "subprocess.Popen[bytes]", longest: float) -> bytes | None:
    """Return all that it prints until it ends; ``None`` if a bound was broken."""
    if process.stdout is None:
        return b""
    until = time.monotonic() + longest
    content = b""
    with selectors.DefaultSelector() as waiting:
        waiting.register(process.stdout, selectors.EVENT_READ)
        while (left := until - time.monotonic()) > 0 and waiting.select(left):
            part = os.read(process.stdout.fileno(), LARGEST)
            content += part
            if len(content) > LARGEST:
                return None
            if not part:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(until - time.monotonic(), 0.0))
                    return content
                return None
    return None


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the program, and what it has started, and let go of it."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


class Commands(Unwritten):
    """The provider ``exec``: commands that the operator has declared, by name; specs can only name them."""

    def __init__(self, declared: Mapping[str, Sequence[str]], environ: Mapping[str, str]) -> None:
        self._declared = declared
        self._environ = environ

    def __call__(self, place: Any, *, what: str) -> str:
        """Return what the command called *place* prints."""
        del what
        argv = self._declared.get(str(place))
        if not argv:
            raise SecretMissing(
                f"no command is called {place!r}",
                hint="the operator declares it in RECONCILER_SECRET_COMMANDS: "
                f'{{"{place}": ["/path/of/program", "argument"]}}',
            )
        return output_of(argv, self._environ, name=f"the command {place!r}")


class Sops(Unwritten):
    """The provider ``sops``: one value of a file that was encrypted with the program of that name."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def __call__(self, place: Any, *, what: str) -> str:
        """Return the value at *place*: ``{"file": PATH, "key": "a.b"}``; a number is a place in a list."""
        del what
        if not isinstance(place, Mapping) or set(place) != {"file", "key"}:
            raise SecretMissing(
                "sops needs a file and a key", hint="{sops: {file: PATH, key: a.b}}"
            )
        file, key = str(place["file"]), str(place["key"])
        steps = "".join(f"[{step}]" if step.isdigit() else f'["{step}"]' for step in key.split("."))
        argv = ("sops", "--decrypt", "--extract", steps, "--", file)
        return output_of(argv, self._environ, name=f"sops for {file}")

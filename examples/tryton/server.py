"""A Tryton server as a process: made in one folder, started on loopback, stopped by its own id.

Nothing of Tryton is imported: its own programs do the work. The interpreter that runs them is the one
that has ``trytond`` installed.
"""

import os
import socket
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

TRIES: Final = 300
PAUSE: Final = 0.2
VERSION_CALL: Final = b'{"id":0,"method":"common.server.version","params":[]}'

CONFIG: Final = """\
[database]
uri = sqlite://
path = {folder}
[web]
listen = 127.0.0.1:{port}
[session]
max_attempt = {attempts}
"""


class ErpFailed(Exception):
    """The ERP could not be made or started; the message holds the end of its log."""


@dataclass(slots=True)
class Server:
    """One Tryton with one database, on SQLite, on loopback only."""

    folder: Path
    database: str = "acme"
    port: int = 0
    """0: whichever is free when the server first starts, and the same ever after."""
    attempts: int = 1000
    """Wrong passwords that Tryton bears before it refuses even the right one."""
    python: Path = field(default_factory=lambda: Path(sys.executable))
    modules: Path | None = None
    """A folder with modules of one's own, each a Python package with its entry point (``*.dist-info``)."""
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens, without the database."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def file(self) -> Path:
        """The whole database."""
        return self.folder / f"{self.database}.sqlite"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.folder / "server.log"

    def create(self, modules: tuple[str, ...], password: str) -> None:
        """Make the database with *modules*; *password* is the administrator's."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.file.touch()
        secret = self.folder / "admin.password"
        secret.touch(mode=0o600)
        secret.write_text(password, encoding="utf-8")
        try:
            self._update(modules, TRYTONPASSFILE=str(secret))
        finally:
            secret.unlink()

    def add(self, modules: tuple[str, ...]) -> None:
        """Add *modules* to the database, as an administrator does while the server is stopped."""
        self._update(modules)

    def _update(self, modules: tuple[str, ...], **more: str) -> None:
        command = [*self._command("trytond-admin"), "--email", "admin@erp.example"]
        done = subprocess.run(
            [*command, "--activate-dependencies", "-u", *modules],
            env={**self._environ(), **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ErpFailed(f"trytond-admin ended with {done.returncode}:\n{done.stderr[-2000:]}")

    def start(self) -> None:
        """Start the server and return when it answers; one that runs is left alone."""
        if self._process is not None and self._process.poll() is None:
            return
        self.port = self.port or _free_port()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command("trytond"),
                env=self._environ(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        for _ in range(TRIES):
            if self._answers():
                return
            if self._ended():
                break
        self.stop()
        raise ErpFailed(f"trytond did not start; the end of {self.log}:\n{self._last_words()}")

    def stop(self) -> None:
        """Stop the server; nothing happens where none runs."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def wait(self) -> None:
        """Stay until the server ends."""
        if self._process is not None:
            self._process.wait()

    def copy_to(self, target: Path) -> None:
        """Write the database, whole and closed, to *target*."""
        target.parent.mkdir(parents=True, exist_ok=True)
        source = sqlite3.connect(self.file)
        copy = sqlite3.connect(target)
        try:
            source.backup(copy)
        finally:
            copy.close()
            source.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _environ(self) -> dict[str, str]:
        if self.modules is None:
            return dict(os.environ)
        known = os.environ.get("PYTHONPATH")
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, [str(self.modules), known])),
        }

    def _command(self, program: str) -> list[str]:
        config = self.folder / "trytond.conf"
        config.write_text(
            CONFIG.format(folder=self.folder, port=self.port or 8000, attempts=self.attempts),
            encoding="utf-8",
        )
        script = self.python.with_name(program)
        if not script.exists():
            raise ErpFailed(f"{script} is not there; install Tryton into this Python first")
        return [str(self.python), str(script), "-c", str(config), "-d", self.database]

    def _answers(self) -> bool:
        headers = {"Content-Type": "application/json"}
        call = urllib.request.Request(f"{self.url}/rpc/", VERSION_CALL, headers)
        try:
            with urllib.request.urlopen(call, timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return False

    def _ended(self) -> bool:
        """Tell, after a short while, whether the process is gone."""
        if self._process is None:
            return True
        try:
            self._process.wait(timeout=PAUSE)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _last_words(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-2000:]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

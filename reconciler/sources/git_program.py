"""The program git, run without a shell, in an environment of its own, with a time limit."""

import asyncio
import base64
import os
import shlex
import signal
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from reconciler.errors import Invalid, Unreachable
from reconciler.sources.git_address import Address
from reconciler.sources.git_errors import told

LIMIT: Final = timedelta(seconds=60)
GRACE: Final = timedelta(seconds=2)
WAYS: Final = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY")
"""How a machine says by which proxy it goes out: https://everything.curl.dev/usingcurl/proxies/env"""
TRUST: Final = {
    "GIT_SSL_CAINFO": ("GIT_SSL_CAINFO", "SSL_CERT_FILE"),
    "GIT_SSL_CAPATH": ("GIT_SSL_CAPATH", "SSL_CERT_DIR"),
}
"""Where git reads the authorities it trusts, and the variables that name them, the first that is set."""


@dataclass(frozen=True, slots=True)
class Access:
    """How we prove who we are, and who the others are. A token is asked for at each call."""

    token: Callable[[], str] | None = None
    ssh_key: Path | None = None
    known_hosts: Path | None = None
    allowed_signers: Path | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What git left: its exit code, and what it wrote."""

    code: int
    out: bytes
    said: str

    @property
    def text(self) -> str:
        """What it wrote, as one line of text."""
        return self.out.decode(errors="replace").strip()


class GitProgram:
    """Git in one folder. It reads no settings of the machine or the user, and runs no hook.

    *remote* is the one place it may speak with; without one it speaks with nobody. *bare* says that the
    folder is a repository of ours rather than one to be looked for.
    """

    def __init__(
        self,
        folder: Path,
        *,
        remote: Address | None = None,
        access: Access | None = None,
        limit: timedelta = LIMIT,
    ) -> None:
        self._folder = folder
        self._remote = remote
        self._access = access or Access()
        self._limit = limit

    async def __call__(
        self, *arguments: str, fed: bytes = b"", fine: Collection[int] = (0,)
    ) -> Answer:
        """Return git's answer.

        Raises:
            Invalid: no such branch, repository or object; or git is not installed.
            Unreachable: no answer from the other side within the limit.
            Unauthorized: the credentials were refused.
        """
        token = self._token()
        settings = environment(self._folder, self._remote, self._access, token)
        try:
            process = await asyncio.create_subprocess_exec(
                "git",
                *arguments,
                cwd=self._folder,
                env=settings,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise self._absent() from error
        out, err = await self._ended(process, fed)
        said = _without(err.decode(errors="replace"), token)
        answer = Answer(process.returncode or 0, out, said)
        if answer.code not in fine:
            raise told(answer.said, self._where)
        return answer

    async def _ended(self, process: asyncio.subprocess.Process, fed: bytes) -> tuple[bytes, bytes]:
        try:
            async with asyncio.timeout(self._limit.total_seconds()):
                return await process.communicate(fed)
        except TimeoutError as error:
            raise Unreachable(
                f"{self._where}: git gave no answer within {self._limit.total_seconds():g} s",
                hint="see the network and the size of the repository; it is tried again",
            ) from error
        finally:
            if process.returncode is None:
                await asyncio.shield(_end(process))

    def _absent(self) -> Invalid:
        if not self._folder.is_dir():
            return Invalid(f"{self._folder}: no such folder", hint="name a folder that exists")
        return Invalid("git is not installed", hint="install it: apt-get install git")

    @property
    def _where(self) -> str:
        return self._remote.url if self._remote else str(self._folder)

    def _token(self) -> str:
        if self._access.token is None or self._remote is None or not self._remote.origin:
            return ""
        return self._access.token()


def environment(
    folder: Path, remote: Address | None, access: Access, token: str
) -> Mapping[str, str]:
    """Return git's whole environment; a token is in here, as no other process can read it here.

    Of our own environment it holds the PATH, and for https the proxy and the authorities to trust.
    """
    settings = {
        "core.hooksPath": "/dev/null",
        "core.fsmonitor": "false",
        "credential.helper": "",
        "gc.autoDetach": "false",
        "maintenance.autoDetach": "false",
        "protocol.allow": "never",
        # With a token no redirect is followed: git would send the header on to where it leads.
        "http.followRedirects": "false" if token else "initial",
    }
    found = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "LANG": "C",
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        # Unlike protocol.allow, no setting inside a repository widens this one.
        "GIT_ALLOW_PROTOCOL": remote.protocol if remote else "",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_SSH_COMMAND": ssh_command(access),
    }
    if remote is None:
        # Only commands that read objects are run there, and nothing that a repository's settings
        # could name is started; the user's own list of safe folders is not read.
        settings["safe.directory"] = "*"
    else:
        found["GIT_DIR"] = str(folder)
        settings[f"protocol.{remote.protocol}.allow"] = "always"
    if remote and remote.protocol == "https":
        found |= _way_out(os.environ)
    if token and remote:
        pair = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        settings[f"http.{remote.origin}.extraHeader"] = f"Authorization: Basic {pair}"
    if access.allowed_signers:
        settings |= {
            "gpg.format": "ssh",
            "gpg.ssh.allowedSignersFile": str(access.allowed_signers.resolve()),
            "gpg.minTrustLevel": "fully",
            # A signature of another kind must not find a key ring of whoever runs this.
            "gpg.openpgp.program": "false",
            "gpg.x509.program": "false",
        }
    return found | _numbered(settings)


def _way_out(ours: Mapping[str, str]) -> dict[str, str]:
    found = {name: ours[name] for name in WAYS if ours.get(name)}
    for own, names in TRUST.items():
        place = next((ours[name] for name in names if ours.get(name)), "")
        if place:
            found[own] = os.path.abspath(place)  # noqa: PTH100  git runs in another folder
    return found


def ssh_command(access: Access) -> str:
    """Return how git starts ssh: no question asked, and no host believed that is not known."""
    options = ["BatchMode=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=20"]
    words = ["ssh", "-F", os.devnull]
    if access.ssh_key:
        options += [f'IdentityFile="{_literal(access.ssh_key)}"', "IdentitiesOnly=yes"]
    if access.known_hosts:
        options += [
            f'UserKnownHostsFile="{_literal(access.known_hosts)}"',
            f"GlobalKnownHostsFile={os.devnull}",
        ]
    return shlex.join(words + [word for option in options for word in ("-o", option)])


def _literal(path: Path) -> str:
    """Return a path as ssh takes it word by word: a per cent sign begins a token (ssh_config(5))."""
    return str(path.resolve()).replace("%", "%%")


def _numbered(settings: Mapping[str, str]) -> dict[str, str]:
    found = {"GIT_CONFIG_COUNT": str(len(settings))}
    for place, (key, value) in enumerate(settings.items()):
        found[f"GIT_CONFIG_KEY_{place}"] = key
        found[f"GIT_CONFIG_VALUE_{place}"] = value
    return found


def _without(said: str, token: str) -> str:
    if not token:
        return said
    pair = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    return said.replace(pair, "***").replace(token, "***")


async def _end(process: asyncio.subprocess.Process) -> None:
    # Git takes its lock files away on SIGTERM; what does not end by then is killed with its children.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        async with asyncio.timeout(GRACE.total_seconds()):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()

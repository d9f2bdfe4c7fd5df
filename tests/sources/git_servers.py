"""Real git servers on loopback: one over HTTP with a login, one over ssh; and who pushes to them."""

import base64
import getpass
import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CALM = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@plant.example",
    "GIT_AUTHOR_DATE": "2026-11-24T08:00:00+01:00",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@plant.example",
    "GIT_COMMITTER_DATE": "2026-11-24T08:00:00+01:00",
}


def run(*command: str, cwd: Path | None = None) -> str:
    """Run a program to its end, and return what it wrote."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | CALM,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout.strip()


@dataclass
class Origin:
    """A person's clone, and the bare repository that the person pushes to."""

    folder: Path

    @property
    def clone(self) -> Path:
        return self.folder / "clone"

    @property
    def bare(self) -> Path:
        return self.folder / "origin.git"

    @property
    def url(self) -> str:
        return f"file://{self.bare}"

    def made(self) -> "Origin":
        """Make both, with one commit of two files."""
        run("git", "init", "-q", "--bare", "-b", "main", str(self.bare))
        run("git", "init", "-q", "-b", "main", str(self.clone))
        self.push({"specs/a.yaml": "a: 1\n", "specs/deep/b.yaml": "b: 1\n"})
        return self

    def git(self, *arguments: str) -> str:
        return run("git", *arguments, cwd=self.clone)

    def commit(self, files: Mapping[str, str | None], *options: str) -> str:
        """Write files (``None`` removes one), commit them, and return the commit's id."""
        for name, text in files.items():
            path = self.clone / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            if text is not None:
                path.write_text(text)
        self.git("add", "--all")
        self.git("commit", "-q", "--allow-empty", "-m", f"Change {', '.join(files)}", *options)
        return self.git("rev-parse", "HEAD")

    def push(self, files: Mapping[str, str | None], *options: str) -> str:
        """Commit, push whatever the branch was before, and return the commit's id."""
        sha = self.commit(files, *options)
        self.git("push", "-q", "--force", str(self.bare), "HEAD:main")
        return sha


@dataclass
class HttpServer:
    """What was asked of a server: paths, and the authorization that came with each."""

    port: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/origin.git"


@contextmanager
def http_server(
    root: Path, token: str = "", moved: str = "", pem: Path | None = None
) -> Iterator[HttpServer]:
    """Serve the repositories in *root* with git's own program; with *moved*, lead on to there.

    With *pem*, a file of a key and its certificate, over TLS.
    """
    server = HttpServer(scheme="https" if pem else "http")
    pair = base64.b64encode(f"x-access-token:{token}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given = self.headers.get("Authorization", "")
            server.asked.append((self.path, given))
            if moved:
                self._short(302, "Location", moved + self.path)
            elif token and given != f"Basic {pair}":
                self._short(401, "WWW-Authenticate", 'Basic realm="git"')
            else:
                _backend(self, root)

        do_POST = do_GET  # noqa: N815  the standard library's name

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Write nothing: the tests' output is for failures."""

        def _short(self, code: int, name: str, value: str) -> None:
            self.send_response(code)
            self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server.port = http.server_port
        if pem is not None:
            http.socket = _encrypted(http.socket, pem)
        with _served(http):
            yield server


@dataclass(frozen=True)
class SshServer:
    """Where a server listens, the key it takes, and the file that knows its own key."""

    port: int
    key: Path
    known_hosts: Path

    def url(self, repository: Path) -> str:
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}{repository}"


def new_key(path: Path) -> str:
    """Make a key without a password, and return its public half."""
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "made-for-a-test", "-f", str(path))
    return path.with_suffix(".pub").read_text().strip()


def _backend(asked: BaseHTTPRequestHandler, root: Path) -> None:
    path, _, query = asked.path.partition("?")
    answer = subprocess.run(
        ["git", "http-backend"],
        input=asked.rfile.read(int(asked.headers.get("Content-Length", "0"))),
        env=CALM
        | {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": asked.headers.get("Git-Protocol", ""),
            "REQUEST_METHOD": asked.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": asked.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": asked.headers.get("Content-Encoding", ""),
        },
        capture_output=True,
        check=True,
        timeout=60,
    ).stdout
    head, _, body = answer.partition(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    asked.send_response(int(fields.pop("Status", "200").split()[0]))
    for name, value in {**fields, "Content-Length": str(len(body))}.items():
        asked.send_header(name, value)
    asked.end_headers()
    asked.wfile.write(body)


@contextmanager
def _served(http: ThreadingHTTPServer) -> Iterator[None]:
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        http.shutdown()
        thread.join()


def _encrypted(listening: socket.socket, pem: Path) -> socket.socket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    # The handshake is the business of the thread that answers, not of the one that accepts.
    return context.wrap_socket(listening, server_side=True, do_handshake_on_connect=False)


def new_certificate(folder: Path) -> tuple[Path, Path]:
    """Make a key with a certificate for 127.0.0.1 that nobody knows; return both in one, and it alone."""
    key, certificate, both = folder / "key.pem", folder / "own-ca.pem", folder / "both.pem"
    run(
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-days", "30000", "-subj", "/CN=127.0.0.1",
        "-addext", "subjectAltName=IP:127.0.0.1",
        "-keyout", str(key), "-out", str(certificate),
    )  # fmt: skip
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    return both, certificate


@contextmanager
def proxy() -> Iterator[tuple[str, list[str]]]:
    """Run a proxy that lets nobody through; yield its URL, and where one wished to go."""
    wished: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            wished.append(self.path)
            self.send_error(502)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Write nothing: the tests' output is for failures."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http, _served(http):
        yield f"http://127.0.0.1:{http.server_port}", wished


@contextmanager
def ssh_server(sshd: str, folder: Path) -> Iterator[SshServer]:
    """Run a real sshd in the foreground, for the user who runs the tests and one key."""
    folder.mkdir()
    host_key, taken = folder / "host", folder / "authorized"
    host = new_key(host_key)
    taken.write_text(new_key(folder / "user") + "\n")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where its own start script would put it
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {host}\n")
    settings = (
        f"Port={port}",
        "ListenAddress=127.0.0.1",
        f'HostKey="{host_key}"',
        f'AuthorizedKeysFile="{taken}"',
        "PidFile=none",
        "UsePAM=no",
        "StrictModes=no",
        "PasswordAuthentication=no",
    )
    command = [sshd, "-D", "-e", "-f", os.devnull]
    command += [word for setting in settings for word in ("-o", setting)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            heard = next((line for line in process.stderr if "Server listening" in line), None)
            assert heard is not None, "sshd ended before it listened"
            yield SshServer(port, folder / "user", folder / "known_hosts")
        finally:
            process.terminate()
            process.wait(30)

"""A token server on loopback that rotates grants, counts, and takes a second use of one for theft."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class TokenServer(ThreadingHTTPServer):
    """Gives a new pair for the current grant.

    ``grace``: the grant before the current one is good, too, once more, and gives the same pair. ``kills``: so
    many of those who ask are killed when their answer is made, and before they have it.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *, grace: bool = False, kills: int = 0) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.grace = grace
        self.kills = kills
        self.asked: list[str] = []
        self.current = "grant-0"
        self.before = ""
        self.revoked = False
        self.gate = threading.Lock()

    def answer(self, grant: str) -> dict[str, str] | None:
        """Return the new pair; ``None``: invalid_grant."""
        with self.gate:
            self.asked.append(grant)
            if self.grace and grant == self.before:
                return self._pair()
            if grant != self.current or self.revoked:
                self.revoked = True  # the whole family, as RFC 9700 section 4.14.2 says
                return None
            self.before = grant
            self.current = f"grant-{len(self.asked)}"
            return self._pair()

    def _pair(self) -> dict[str, str]:
        return {"token": self.current.replace("grant", "token"), "grant": self.current}


class _Handler(BaseHTTPRequestHandler):
    server: TokenServer

    def do_POST(self) -> None:
        """Answer for a grant."""
        told = json.loads(self.rfile.read(int(self.headers["content-length"])))
        pair = self.server.answer(told["grant"])
        if self.server.kills:
            self.server.kills -= 1
            os.kill(told["pid"], signal.SIGKILL)
            return
        body = json.dumps(pair or {"error": "invalid_grant"}).encode()
        self.send_response(200 if pair else 400)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  as the library calls it
        """Say nothing."""


@contextmanager
def issuing(*, grace: bool = False, kills: int = 0) -> Iterator[TokenServer]:
    """Serve until the end of the block."""
    server = TokenServer(grace=grace, kills=kills)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

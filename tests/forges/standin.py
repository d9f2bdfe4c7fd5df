"""A stand-in for a forge: it keeps comments and statuses, and takes only what the forge has published.

The descriptions in ``openapi/`` are cut from the forges' own. A request that they do not describe (path,
parameter, body) fails the test.
"""

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
from jsonschema import Draft4Validator
from openapi_schema_validator import OAS30Validator

from reconciler.forges.forge import Forge, Kind
from reconciler.forges.repository import open_forge, repository

FOLDER = Path(__file__).parent / "openapi"
COMMIT = "9f31c0a" + "0" * 33
MARKER = "<!-- reconciler-plan:prod:specs -->"
SECRET = "glpat-or-whatever-0123456789"
ME = "plan-bot"

ADDRESSES = {
    Kind.GITHUB: "https://github.com/acme/specs",
    Kind.GITLAB: "https://gitlab.com/acme/plants/specs",
    Kind.GITEA: "https://gitea.com/acme/specs",
    Kind.FORGEJO: "https://codeberg.org/acme/specs",
}


class Held:
    """A token in the hands of a test."""

    def reveal(self) -> str:
        return SECRET


@dataclass
class Description:
    """A published description, and whether a request is one that it describes."""

    document: Mapping[str, Any]

    @classmethod
    def of(cls, kind: Kind) -> "Description":
        return cls(json.loads((FOLDER / f"{kind}.json").read_text()))

    def check(self, request: httpx.Request, path: str) -> tuple[str, set[int]]:
        """Return the operation's id and its statuses, or fail with what does not fit."""
        operation, found = self._operation(request.method.lower(), path)
        declared = [self._deref(one) for one in operation.get("parameters", [])]
        for one in declared:
            if one["in"] == "path":
                self._fits(_typed(found[one["name"]], self._schema(one)), self._schema(one))
        self._query(request, [one for one in declared if one["in"] == "query"])
        self._body(request, operation, [one for one in declared if one["in"] == "body"])
        return str(operation["operationId"]), {int(status) for status in operation["responses"]}

    def _operation(self, method: str, path: str) -> tuple[Mapping[str, Any], dict[str, str]]:
        path = path.removeprefix(self.document.get("basePath", ""))
        for template, item in self.document["paths"].items():
            pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template))
            match = re.fullmatch(pattern, path)
            if match and method in item:
                return item[method], match.groupdict()
        raise AssertionError(f"{method} {path} is not described")

    def _query(self, request: httpx.Request, declared: list[Mapping[str, Any]]) -> None:
        known = {one["name"]: one for one in declared}
        for name, value in request.url.params.multi_items():
            assert name in known, f"no query parameter {name!r} is described"
            self._fits(_typed(value, self._schema(known[name])), self._schema(known[name]))

    def _body(
        self, request: httpx.Request, operation: Mapping[str, Any], given: list[Mapping[str, Any]]
    ) -> None:
        if "requestBody" in operation:
            assert request.headers["content-type"] == "application/json"
            content = operation["requestBody"]["content"]["application/json"]
            schema = self._deref(content["schema"])
        elif given:
            schema = self._deref(given[0]["schema"])
        else:
            assert not request.content, "this operation takes no body"
            return
        body = json.loads(request.content)
        assert set(body) <= set(schema["properties"]), "a field that is not described"
        self._fits(body, schema)

    def _schema(self, parameter: Mapping[str, Any]) -> Mapping[str, Any]:
        if "schema" in parameter:
            return self._deref(parameter["schema"])
        return {name: parameter[name] for name in ("type", "enum", "format") if name in parameter}

    def _deref(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in value:
            found: Any = self.document
            for part in value["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            value = found
        return value

    def _fits(self, value: Any, schema: Mapping[str, Any]) -> None:
        whole = {
            **schema,
            **{k: self.document[k] for k in ("components", "definitions") if k in self.document},
        }
        reader = OAS30Validator if "openapi" in self.document else Draft4Validator
        reader(whole).validate(value)


def _typed(text: str, schema: Mapping[str, Any]) -> Any:
    """Return a path or query text as what its schema says it is; unchanged where it is not."""
    return int(text) if schema.get("type") == "integer" and text.isdigit() else text


@dataclass
class StandIn:
    """One repository at a forge of *kind*. ``fail`` maps an operation to how it is answered next."""

    kind: Kind
    comments: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)
    fail: dict[str, httpx.Response] = field(default_factory=dict)
    anonymous: bool = False
    wrong: list[str] = field(default_factory=list)

    @property
    def forge(self) -> Forge:
        return open_forge(
            repository(ADDRESSES[self.kind]), Held(), transport=httpx.MockTransport(self.answer)
        )

    @property
    def texts(self) -> list[str]:
        return [one["body"] for one in self.comments]

    def say(self, text: str, by: str = ME, *, bot: bool = False) -> dict[str, Any]:
        """Put a comment there."""
        author = {"login": by, "username": by, "type": "Bot" if bot else "User"}
        one = {"id": len(self.comments) + 101, "body": text, "user": author, "author": author}
        self.comments.append(one)
        return one

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Check one request and answer it."""
        assert request.url.scheme == "https" or request.url.host == "127.0.0.1"
        path = request.url.raw_path.decode().partition("?")[0]
        name, statuses = Description.of(self.kind).check(request, path)
        self.asked.append(f"{request.method} {name}")
        self.requests.append(request)
        if name in self.fail:
            return self.fail.pop(name)
        status, told = self._done(request, path)
        # Not all refusals are described; and GitLab's document says 200 of whatever it makes.
        described = status >= 400 or self.kind is Kind.GITLAB or status in statuses
        assert described, f"{name} does not answer {status}"
        return httpx.Response(status, json=told)

    def _done(self, request: httpx.Request, path: str) -> tuple[int, Any]:
        *_, last = path.split("/")
        body = json.loads(request.content) if request.content else {}
        if last == "user":
            me = {"login": ME, "username": ME}
            return (403, {"message": "not for you"}) if self.anonymous else (200, me)
        if "/statuses/" in path:
            self.statuses.append({"commit": last, **body})
            return 201, body
        if request.method == "GET":
            return 200, list(self._page(request.url.params))
        if request.method == "POST":
            return 201, self.say(body["body"], bot=self.anonymous)
        return self._edited(last, body)

    def _edited(self, number: str, body: dict[str, Any]) -> tuple[int, Any]:
        for one in self.comments:
            if str(one["id"]) == number:
                one.update(body)
                return 200, one
        return 404, {"message": "Not Found"}

    def _page(self, params: httpx.QueryParams) -> Iterator[dict[str, Any]]:
        size = int(params.get("per_page", len(self.comments) or 1))
        start = (int(params.get("page", 1)) - 1) * size
        yield from self.comments[start : start + size]


@contextmanager
def on_loopback(there: StandIn) -> Iterator[str]:
    """Serve *there* on a free port of this machine, and yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length", 0)))
            url = f"http://127.0.0.1:{server.server_port}{self.path}"
            request = httpx.Request(self.command, url, headers=dict(self.headers), content=content)
            try:
                made = there.answer(request)
            except AssertionError as error:
                there.wrong.append(str(error))
                made = httpx.Response(500)
            self.send_response(made.status_code)
            self.send_header("content-length", str(len(made.content)))
            self.end_headers()
            self.wfile.write(made.content)

        do_GET = do_POST = do_PATCH = do_PUT = answer  # noqa: N815  the names that http.server calls

        def log_message(self, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert not there.wrong

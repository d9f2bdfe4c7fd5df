"""An OpenID Connect provider that nobody here wrote (npm: oidc-provider), started on loopback; and its customers.

It is installed once into a folder that is kept between runs. It ends when its input does, so that it does not
outlive the tests.
"""

import json
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, cast
from urllib.parse import urljoin, urlsplit

import httpx

from tests.npm import packages

HERE: Final = Path(__file__).parent
CALLBACK: Final = "http://127.0.0.1/callback"
"""Where customers come back to unless a test says otherwise; a redirect there may name any port."""

SECRETS: Final = {
    "app-basic": "Sesame+/=&%:51",
    "app-post": "Sesame-post-52",
    "machine-basic": "Sesame+/=&%:53",
    "machine-post": "Sesame-post-54",
}
"""Clients: ``app-...`` and ``app-public`` (no secret) by a person's consent, ``machine-...`` by themselves."""

MOST_PAGES: Final = 12
OLDEST_NODE: Final = 20
NODE: Final = "22.23.3"


@dataclass(slots=True)
class Provider:
    """A provider that runs. ``redirects`` are the paths on this machine that a customer may come back to."""

    npm: str
    node: str
    access_ttl: int = 300
    redirects: Sequence[str] = (CALLBACK,)
    jwks: Mapping[str, Any] | None = None
    url: str = ""
    _process: "subprocess.Popen[str] | None" = field(default=None, repr=False)

    def start(self) -> None:
        """Install it where it is not yet, and start it on a free port."""
        options = {"accessTtl": self.access_ttl, "redirects": list(self.redirects)}
        if self.jwks is not None:
            options["jwks"] = dict(self.jwks)
        self._process = subprocess.Popen(
            [runtime(self.npm, self.node), "server.mjs", json.dumps(options)],
            cwd=installed(self.npm),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for line in cast("IO[str]", self._process.stdout):
            if line.startswith("http://"):
                self.url = line.strip()
                return
        msg = (
            f"the provider ended with {self._process.wait()}; "
            f"to see why, run: node server.mjs in {installed(self.npm)}"
        )
        raise RuntimeError(msg)

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.communicate()
            self._process = None

    async def revoke(self, token: str, client: str = "app-basic") -> None:
        """End a grant by its refresh token, as its customer does at the provider."""
        async with httpx.AsyncClient(trust_env=False) as browser:
            form = {"token": token, "client_id": client, "token_type_hint": "refresh_token"}
            if client.endswith("-post"):
                form["client_secret"] = SECRETS[client]
            if client.endswith("-basic"):
                browser.auth = httpx.BasicAuth(client, _encoded(SECRETS[client]))
            answer = await browser.post(f"{self.url}/token/revocation", data=form)
            answer.raise_for_status()


def _encoded(secret: str) -> str:
    """Return a secret as RFC 6749, 2.3.1 wants it in HTTP Basic."""
    return str(httpx.QueryParams({"x": secret}))[2:]


def installed(npm: str) -> Path:
    """Return the folder where the provider is installed with what is beside this file; made if there is none."""
    files = {name: (HERE / name).read_bytes() for name in ("package.json", "server.mjs")}
    return packages(npm, files)


def runtime(npm: str, node: str) -> str:
    """Return a node that can run the provider: the machine's own, or the one that npm has, for older machines."""
    told = subprocess.run([node, "--version"], check=True, capture_output=True, text=True)
    if int(told.stdout.lstrip("v").partition(".")[0]) >= OLDEST_NODE:
        return node
    machine = {"x86_64": "x64", "aarch64": "arm64"}[platform.machine()]
    name = f"node-linux-{machine}"
    wanted = {"private": True, "dependencies": {name: NODE}}
    folder = packages(npm, {"package.json": json.dumps(wanted).encode()})
    return str(folder / "node_modules" / name / "bin" / "node")


async def consent_as(url: str, user: str, *, deny: bool = False) -> str:
    """Return the address that *user* comes back to, having logged in and consented at *url*, as a browser does.

    With *deny*, they turn away at the first page.
    """
    home = urlsplit(url).netloc
    async with httpx.AsyncClient(trust_env=False) as browser:
        answer = await browser.get(url)
        for _ in range(MOST_PAGES):
            if answer.is_redirect:
                following = urljoin(str(answer.url), answer.headers["location"])
                if urlsplit(following).netloc != home:
                    return following
                answer = await browser.get(following)
                continue
            answer.raise_for_status()
            answer = await _answered(browser, answer, user, deny=deny)
    msg = f"more than {MOST_PAGES} pages at {url}"
    raise RuntimeError(msg)


async def _answered(
    browser: httpx.AsyncClient, page: httpx.Response, user: str, *, deny: bool
) -> httpx.Response:
    """Return what comes of answering the form of a page."""
    where = re.search(r'<form[^>]*action="([^"]+)"', page.text)
    prompt = re.search(r'name="prompt" value="(\w+)"', page.text)
    if where is None or prompt is None:
        msg = f"no form in {page.text[:500]}"
        raise RuntimeError(msg)
    base = str(page.url)
    if deny:
        return await browser.get(urljoin(base, f"{urlsplit(where[1]).path}/abort"))
    form = {"prompt": prompt[1]}
    if prompt[1] == "login":
        form |= {"login": user, "password": f"any password of {user}"}
    return await browser.post(urljoin(base, where[1]), data=form)

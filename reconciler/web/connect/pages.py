"""The pages themselves: a link is shown, what is typed is tried, a consent comes back."""

import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from traceback import extract_tb
from typing import Final, TypeAlias, assert_never
from urllib.parse import parse_qsl, urlsplit

import structlog
from fastapi import Request
from starlette.responses import Response

from reconciler.engine.connecting import (
    Accepted,
    Closed,
    Misfit,
    Opened,
    Outcome,
    Paced,
    Refusal,
    Spent,
)
from reconciler.errors import ReconcilerError
from reconciler.ports import Clock
from reconciler.web.connect import notices
from reconciler.web.connect.fields import shown
from reconciler.web.connect.notices import Notice
from reconciler.web.connect.show import Look, Shown, page, static
from reconciler.web.connect.trust import (
    CONSENT_LIFE,
    Jar,
    from_elsewhere,
    mark_of,
    same,
    state_of,
    verifier_of,
)
from reconciler.web.connect.words import OURS, Said, say
from reconciler.web.needs import ConnectDesk
from reconciler.web.problems import Refused
from reconciler.web.rates import Rates
from reconciler.web.route import Access, Route

log = structlog.get_logger(__name__)

CALLBACK: Final = "/connect/callback"
LARGEST_FORM: Final = 131_072
UNKNOWN_A_MINUTE: Final = 30
"""So many links that do not exist an address may ask for in a minute."""

Pair: TypeAlias = tuple[str, Opened]
"""The text of a link, and what it is about."""


def page_routes(desk: ConnectDesk | None, clock: Clock) -> Iterator[Route]:
    """Yield the pages; none where there is nobody to serve them."""
    if desk is None:
        return
    pages = Pages(desk, clock, Rates(UNKNOWN_A_MINUTE, UNKNOWN_A_MINUTE))
    for method, path, endpoint, name in (
        ("GET", "/connect/static/{name}", pages.static, "get_connect_file"),
        ("GET", CALLBACK, pages.callback, "get_connect_callback"),
        ("GET", "/connect/{link}", pages.show, "get_connect_page"),
        ("POST", "/connect/{link}", pages.send, "post_connect_page"),
    ):
        yield Route(
            method,
            path,
            endpoint,
            Access.PUBLIC,
            name,
            "The connect page",
            "connect",
            shown=False,
            any_query=True,
        )


@dataclass(frozen=True)
class Pages:
    """The operations of a customer's browser. ``unknown`` counts links that do not exist."""

    desk: ConnectDesk
    clock: Clock
    unknown: Rates

    async def static(self, name: str) -> Response:
        """Answer with the stylesheet or the script."""
        return static(name) or self._notice(notices.UNKNOWN)

    async def show(self, request: Request, link: str) -> Response:
        """Answer with the form of a link, or with why there is none."""

        async def answer() -> Response:
            found = await self.desk.connecting.look(link)
            if not isinstance(found, Opened):
                return self._over(request, found)
            return self._form(request, (link, found))

        return await self._guarded(answer)

    async def send(self, request: Request, link: str) -> Response:
        """Try what was typed, or go where the customer consents."""

        async def answer() -> Response:
            found = await self.desk.connecting.look(link)
            if not isinstance(found, Opened):
                return self._over(request, found)
            form = await _form_of(request)
            why = self._distrust(request, link, form)
            if why is not None:
                log.warning("connect_post_refused", link=found.link.id, why=why.title)
                return self._notice(why, link)
            if found.consents:
                return await self._consent(request, (link, found))
            outcome = await self.desk.connecting.offer(link, form)
            return self._answered(request, (link, found), outcome, form)

        return await self._guarded(answer)

    async def callback(self, request: Request) -> Response:
        """Take a customer back from the page where the consent was given, or not."""

        async def answer() -> Response:
            waiting = self._jar.waiting(request)
            given = request.query_params.get("state", "")
            if waiting is None or not same(given, state_of(*waiting)):
                log.warning("connect_callback_refused", cookie=waiting is not None)
                return self._notice(notices.ASTRAY)
            link, nonce = waiting
            response = await self._returned(request, link, nonce)
            self._jar.put(response, self._jar.consent, "", life=CONSENT_LIFE * 0)
            return response

        return await self._guarded(answer)

    async def _returned(self, request: Request, link: str, nonce: str) -> Response:
        found = await self.desk.connecting.look(link)
        if not isinstance(found, Opened):
            return self._over(request, found)
        code = request.query_params.get("code", "")
        if not code or "error" in request.query_params:
            denied = request.query_params.get("error") == "access_denied"
            log.info("connect_consent_refused", link=found.link.id, denied=denied)
            return self._notice(notices.DENIED if denied else notices.FAILED, link)
        outcome = await self.desk.connecting.redeem(
            link, code=code[:4096], redirect=self._callback, verifier=verifier_of(link, nonce)
        )
        return self._answered(request, (link, found), outcome, {})

    async def _consent(self, request: Request, pair: Pair) -> Response:
        link, opened = pair
        nonce = secrets.token_urlsafe(16)
        try:
            address = await self.desk.connecting.consent(
                opened,
                redirect=self._callback,
                state=state_of(link, nonce),
                verifier=verifier_of(link, nonce),
            )
        except ReconcilerError as error:
            log.warning("connect_consent_not_made", link=opened.link.id, code=error.code)
            return self._form(request, pair, said=OURS, status=500)
        response = self._leave(opened, address, title=f"Going to {_system(opened)}", done=False)
        self._jar.put(response, self._jar.consent, f"{link}.{nonce}", life=CONSENT_LIFE)
        return response

    def _answered(
        self, request: Request, pair: Pair, outcome: Outcome, form: Mapping[str, str]
    ) -> Response:
        opened = pair[1]
        match outcome:
            case Accepted(go_to=None):
                told = {"token": outcome.token, "system": _system(opened)}
                return page(self._look, Shown("done.html", 200, told))
            case Accepted(go_to=address):
                return self._leave(opened, address or "", title="All done", done=True)
            case Refusal(error=error, left=left):
                said = say(error, opened.fields, _system(opened))
                return self._form(request, pair, said=_with_left(said, left), typed=form)
            case Misfit(wrong=wrong):
                said = Said("Please look at this once more", "Nothing was sent yet.", dict(wrong))
                return self._form(request, pair, said=said, typed=form)
            case Paced(wait=wait):
                seconds = max(1, round(wait.total_seconds()))
                said = Said(
                    "That was a little fast",
                    f"Please wait {seconds} seconds, then try again.",
                    {},
                )
                response = self._form(request, pair, said=said, typed=form, status=429)
                response.headers["Retry-After"] = str(seconds)
                return response
            case Closed() | Spent():
                return self._over(request, outcome)
            case _:
                assert_never(outcome)

    def _form(
        self,
        request: Request,
        pair: Pair,
        *,
        said: Said | None = None,
        typed: Mapping[str, str] | None = None,
        status: int = 422,
    ) -> Response:
        link, opened = pair
        nonce = self._jar.nonce(request) or secrets.token_urlsafe(16)
        told = {
            "link": link,
            "mark": mark_of(link, nonce),
            "system": _system(opened),
            "connection": title_of(opened),
            "fields": shown(opened.fields, typed or {}, said.fields if said else {}),
            "said": said,
            "until": f"{opened.link.expires_at:%-d %B %Y, %H:%M} UTC",
            "consents": opened.consents,
            "apart": opened.consents and request.headers.get("sec-fetch-dest") == "iframe",
        }
        response = page(self._look, Shown("form.html", status if said else 200, told))
        self._jar.put(response, self._jar.browser, nonce)
        return response

    def _leave(self, opened: Opened, address: str, *, title: str, done: bool) -> Response:
        told = {
            "title": title,
            "done": done,
            "address": address,
            "host": urlsplit(address).hostname,
            "system": _system(opened),
        }
        return page(self._look, Shown("leave.html", 200, told))

    def _over(self, request: Request, found: Closed | Spent) -> Response:
        if found == Closed(None):
            client = request.client.host if request.client else ""
            log.info("connect_link_unknown", client=client)
            if not self.unknown.take(client, self.clock.now()).passes:
                return self._notice(notices.TOO_MANY)
        return self._notice(notices.of(found))

    def _notice(self, notice: Notice, link: str = "") -> Response:
        told = {"notice": notice, "link": link if notice.again else ""}
        return page(self._look, Shown("notice.html", notice.status, told))

    def _distrust(self, request: Request, link: str, form: Mapping[str, str]) -> Notice | None:
        """Return why a post is not believed to be the customer's, if it is not."""
        if from_elsewhere(request, frozenset({_origin(self.desk.public_url)})):
            return notices.ELSEWHERE
        nonce = self._jar.nonce(request)
        if nonce is None:
            return notices.NO_COOKIE
        return None if same(form.get("mark", ""), mark_of(link, nonce)) else notices.STALE

    async def _guarded(self, answer: Callable[[], Awaitable[Response]]) -> Response:
        """Return what *answer* gives; what goes wrong is a page, too."""
        try:
            return await answer()
        except Refused as refused:
            return self._notice(
                notices.TOO_LARGE if refused.problem.status == 413 else notices.FAULT
            )
        except _Unreadable:
            return self._notice(notices.UNREADABLE)
        except ReconcilerError as error:
            log.warning("connect_page_failed", code=error.code)
            return self._notice(notices.FAULT)
        except Exception as error:  # noqa: BLE001 - a customer sees a page, whatever goes wrong
            # Not the error itself: who knows what its text holds of what was typed.
            frames = [f"{one.name}:{one.lineno}" for one in extract_tb(error.__traceback__)]
            log.error("connect_page_failed", error=type(error).__name__, at=frames[-6:])  # noqa: TRY400
            return self._notice(notices.FAULT)

    @property
    def _jar(self) -> Jar:
        return Jar(self.desk.public_url.startswith("https:"), embedded=bool(self.desk.frames))

    @property
    def _look(self) -> Look:
        return Look(self.desk.brand, self.desk.frames)

    @property
    def _callback(self) -> str:
        return f"{self.desk.public_url}{CALLBACK}"


class _Unreadable(Exception):
    """A body that is no form of ours."""


async def _form_of(request: Request) -> dict[str, str]:
    """Return the fields of a posted form; the first of a name counts."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    if media != "application/x-www-form-urlencoded" or len(body) > LARGEST_FORM:
        raise _Unreadable
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=60, errors="strict"
        )
    except ValueError:
        raise _Unreadable from None
    found: dict[str, str] = {}
    for name, value in pairs:
        found.setdefault(name, value)
    return found


def title_of(opened: Opened) -> str:
    """Return what people call the connection: its annotation ``title``, or its name."""
    annotations = opened.connection.body.get("metadata", {}).get("annotations") or {}
    return str(annotations.get("title") or opened.connection.key.name)


def _system(opened: Opened) -> str:
    return str(opened.manifest.spec.get("title") or "your system")


def _with_left(said: Said, left: int) -> Said:
    """Return what is said, with a warning when few tries are left."""
    if left > 3:
        return said
    if left <= 0:
        more = "That was the last try; this link is locked now."
    else:
        more = f"{left} more {'try' if left == 1 else 'tries'}, then this link is locked."
    return Said(said.title, f"{said.text} {more}", said.fields)


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"

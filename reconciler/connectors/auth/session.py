"""A login request, whose answer makes the headers of later ones, or sets their cookies."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec

from reconciler.connectors.auth.cookies import cookies_of
from reconciler.connectors.auth.flows import Enclosing, Flow, Session, Step
from reconciler.connectors.envelope import Finder
from reconciler.connectors.exchange import Answer
from reconciler.connectors.questions import compile_request, compile_value
from reconciler.connectors.speech import Speech
from reconciler.errors import Forbidden, NotTheProduct, Unauthorized
from reconciler.spec.kinds.auth import FollowUp, SessionAuth


class _Further:
    """What is asked after a login, and what is made of its answer."""

    def __init__(self, further: FollowUp, speech: Speech) -> None:
        self.question = compile_request(further)
        self._finder = Finder(further.pick or "@")
        self._open = speech.open
        self._further = further

    def read(self, answer: Answer) -> Any:
        """Return what is made of *answer*, or of what stands for it where this user may not ask.

        Raises:
            Forbidden: if this user may not ask, and nothing stands for the answer.
        """
        try:
            payload = self._open(answer)
        except Forbidden:
            if not self._further.spared:
                raise
            return self._finder.search(self._further.otherwise)
        return self._finder.find(payload)


class SessionLogin(Enclosing):
    """Logs in by a request of the manifest."""

    renewable = True

    def __init__(
        self,
        auth: SessionAuth,
        context: Mapping[str, Any],
        speech: Speech,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._question = compile_request(auth.login, headers)
        self._context = context
        self._speech = speech
        self._cookies = auth.cookies
        self._send = compile_value(dict(auth.send), as_text=True)
        self._after = {name: _Further(further, speech) for name, further in auth.after.items()}

    def log_in(self) -> Flow[Session]:
        """Yield the login, then what is asked after it."""
        ask = self._speech.ask(self._question.fill(self._context))
        ask = ask.without_following() if self._cookies else ask
        login, cookies = yield Step(ask, self._read)
        answers: dict[str, Any] = {}
        context = {**self._context, "login": login, "session": answers}
        session = Session(login, answers, self._send(context), cookies)
        for name, further in self._after.items():
            ask = self.sign(self._speech.ask(further.question.fill(context)), session)
            answers[name] = yield Step(ask, further.read)
        return session

    def _read(self, answer: Answer) -> tuple[Any, Mapping[str, str]]:
        """Return what the login answered, and the cookies that it set.

        Raises:
            Unauthorized: if it was to set cookies, and set none.
        """
        if not self._cookies:
            return msgspec.json.decode(self._speech.open(answer)), {}
        cookies, login = cookies_of(answer.cookies), None
        if not 300 <= answer.status < 400:
            with suppress(NotTheProduct):  # empty, or HTML: the cookies are what counts
                login = msgspec.json.decode(self._speech.open(answer))
        if not cookies:
            raise Unauthorized(
                f"{answer.place} answered {answer.status}, and set no cookie",
                hint="mend what the connection's 'auth' refers to; from a customer: reconciler connect NAME",
            )
        return login, cookies

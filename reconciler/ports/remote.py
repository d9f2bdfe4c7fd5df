"""Remote systems: what the engine asks of one, whatever it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from reconciler.model.record import Page
from reconciler.model.resource import Resource
from reconciler.ports.credentials import Obtained


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """What the engine must know of a stream.

    ``incremental``: it has a cursor. ``ordered``: its pages come in the order of the cursor, so that the
    highest value seen is safe; else the source's clock at the start of the run is. ``resumable``: a page
    token stays good after a stop. ``sweepable``: its ids can be listed. ``windowed``: the history window
    cuts it (reference data is always read whole). ``primary_key`` is for people.
    """

    entity: str
    incremental: bool
    ordered: bool
    resumable: bool
    sweepable: bool
    windowed: bool = True
    primary_key: str = "id"


class Connector(Protocol):
    """One connection's system, spoken to through the manifest of its type."""

    @property
    def streams(self) -> Mapping[str, StreamFacts]:
        """The entities it can read."""
        ...

    @property
    def mark(self) -> str:
        """What stands for the credentials in use: another one means that they are others.

        It says nothing else of them, and means nothing in another process.
        """
        ...

    @property
    def expires(self) -> datetime | None:
        """When what it logs in with stops to be good, as far as is known; after a probe it may be more."""
        ...

    async def probe(self) -> None:
        """Return if the system answers and takes our credentials; else raise a ``SourceError``."""
        ...

    def start(self, entity: str, at: datetime) -> str | None:
        """Return the position that stands for the time *at*; ``None``: the stream has no cursor."""
        ...

    def resume(self, entity: str, position: str) -> str:
        """Return where to start again: *position* less the stream's lookback."""
        ...

    async def read(self, entity: str, *, since: str | None, page: str | None) -> Page:
        """Return a page of what changed at or after *since* (``None``: everything)."""
        ...

    async def ids(self, entity: str, *, page: str | None) -> Page:
        """Return a page of the ids that exist now; ``records`` is empty."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class Connectors(Protocol):
    """Opens the connector of a connection."""

    def open(
        self,
        connection: Resource,
        manifest: Resource,
        *,
        uid: str = "",
        given: Mapping[str, str] | None = None,
    ) -> Connector:
        """Return a connector; secrets are resolved here, and held nowhere else.

        *given* is what the customer gave and what was obtained with it, by place (``auth.password``,
        ``oauth.access_token``); *uid* is the
        connection's, under which what is obtained anew is kept. Without a *uid* nothing is kept: the
        connection is not in force yet, or the values are only to be tried.

        Raises:
            SecretMissing: if a reference leads nowhere.
        """
        ...


class Consents(Protocol):
    """What a customer consents to at the system's own page, and what that gives."""

    def consent(  # noqa: PLR0913  all that an address is made of
        self,
        connection: Resource,
        manifest: Resource,
        *,
        redirect: str,
        state: str,
        verifier: str,
        given: Mapping[str, str] | None = None,
    ) -> str | None:
        """Return the address to send the customer to; ``None`` if the method needs no consent.

        *redirect* is where the customer comes back to, with *state*; *verifier* is a PKCE verifier (43 to
        128 letters), kept until then; *given* is what the customer gave beside it, by place.
        """
        ...

    async def redeem(  # noqa: PLR0913  all that a code is good with
        self,
        connection: Resource,
        manifest: Resource,
        *,
        code: str,
        redirect: str,
        verifier: str,
        given: Mapping[str, str] | None = None,
    ) -> Obtained:
        """Return the tokens that the *code* of a consent is exchanged for, to be kept under the connection's uid.

        Raises:
            Unauthorized: if the code is not taken.
            SourceError: what else went wrong.
        """
        ...

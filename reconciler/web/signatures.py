"""Whether a call really comes from the forge: signatures over the raw body, each the way its forge makes it.

- GitHub: ``X-Hub-Signature-256: sha256=HEX``
  (https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries)
- GitLab: ``X-Gitlab-Token``, the secret itself; or, with a signing token, Standard Webhooks headers
  (https://docs.gitlab.com/user/project/integrations/webhooks/, gitlab-org/gitlab!230944)
- Gitea and Forgejo: ``X-Gitea-Signature`` and ``X-Forgejo-Signature: HEX``
  (https://docs.gitea.com/usage/webhooks, https://forgejo.org/docs/latest/user/webhooks/)
- anybody else: ``X-Signature-256: sha256=HEX``, or Standard Webhooks headers
  (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md)

Every HEX is an HMAC-SHA256 of the body. All secrets are tried, each in constant time.
"""

import binascii
import hmac
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias

SKEW: Final = timedelta(minutes=5)
"""How far a signed time may be off, as Standard Webhooks recommends."""

_PREFIX: Final = "whsec_"


class Sender(StrEnum):
    """Who calls."""

    GITHUB = "github"
    GITLAB = "gitlab"
    GITEA = "gitea"
    FORGEJO = "forgejo"
    GENERIC = "generic"


@dataclass(frozen=True, slots=True)
class Call:
    """What was received: headers (names in lower case), body as it came, and when."""

    headers: Mapping[str, str]
    body: bytes
    at: datetime


def sender_of(headers: Mapping[str, str]) -> Sender | None:
    """Return who calls, by its headers. Forgejo sends Gitea's too, and both send GitHub's."""
    for sender, name in _TELLING:
        if name in headers:
            return sender
    return None


def genuine(sender: Sender, call: Call, secrets: Sequence[str]) -> bool:
    """Return whether *call* is signed, in one of the ways of *sender*, with one of *secrets*."""
    tried = [scheme(call, secret) for scheme in _SCHEMES[sender] for secret in secrets if secret]
    return any(tried)


def _hex_of(body: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), body, "sha256").hexdigest()


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


Scheme: TypeAlias = Callable[[Call, str], bool]


def _signed(name: str, prefix: str = "") -> Scheme:
    def check(call: Call, secret: str) -> bool:
        return _same(call.headers.get(name, ""), prefix + _hex_of(call.body, secret))

    return check


def _token(call: Call, secret: str) -> bool:
    return _same(call.headers.get("x-gitlab-token", ""), secret)


def _standard(call: Call, secret: str) -> bool:
    """Check the Standard Webhooks signatures; a header may hold several, while a key is rotated."""
    told = call.headers.get("webhook-id", ""), call.headers.get("webhook-timestamp", "")
    signed = b".".join([*(part.encode() for part in told), call.body])
    made = hmac.new(_key(secret), signed, "sha256").digest()
    expected = f"v1,{b64encode(made).decode()}"
    given = call.headers.get("webhook-signature", "").split(" ")[:16]
    matches = [_same(one, expected) for one in given]
    return any(matches) and bool(told[0]) and _is_now(told[1], call.at)


def _key(secret: str) -> bytes:
    """Return the key that a secret is: ``whsec_`` and base64, at times without its padding, or itself."""
    if secret.startswith(_PREFIX):
        try:
            key = b64decode(secret.removeprefix(_PREFIX) + "==")
        except binascii.Error:
            key = b""
        return key or secret.encode()
    return secret.encode()


def _is_now(stamp: str, now: datetime) -> bool:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 12):
        return False
    return abs(int(stamp) - now.timestamp()) <= SKEW.total_seconds()


_SCHEMES: Final[Mapping[Sender, tuple[Scheme, ...]]] = MappingProxyType(
    {
        Sender.GITHUB: (_signed("x-hub-signature-256", "sha256="),),
        Sender.GITLAB: (_standard, _token),
        Sender.GITEA: (_signed("x-gitea-signature"),),
        Sender.FORGEJO: (_signed("x-forgejo-signature"), _signed("x-gitea-signature")),
        Sender.GENERIC: (_signed("x-signature-256", "sha256="), _standard),
    }
)
_TELLING: Final = (
    (Sender.FORGEJO, "x-forgejo-signature"),
    (Sender.GITEA, "x-gitea-signature"),
    (Sender.GITLAB, "x-gitlab-event"),
    (Sender.GITLAB, "x-gitlab-token"),
    (Sender.GITHUB, "x-hub-signature-256"),
    (Sender.GENERIC, "x-signature-256"),
    (Sender.GENERIC, "webhook-signature"),
)

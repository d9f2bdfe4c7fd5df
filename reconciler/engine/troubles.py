"""What went wrong at a remote system, told apart as far as a customer can do something about it."""

from enum import StrEnum
from typing import Final

from reconciler.errors import (
    AccountLocked,
    Forbidden,
    NotTheProduct,
    Obstacle,
    RateLimited,
    ReconcilerError,
    Revoked,
    SecondFactorAsked,
    SecretMissing,
    Unauthorized,
    Unreachable,
    WrongAddress,
)


class Trouble(StrEnum):
    """The closed set."""

    WRONG_CREDENTIALS = "wrong_credentials"
    ACCOUNT_LOCKED = "account_locked"
    SECOND_FACTOR = "second_factor"
    CONSENT_GONE = "consent_gone"
    NOT_CONSENTED = "not_consented"
    NO_PERMISSION = "no_permission"
    UNKNOWN_HOST = "unknown_host"
    REFUSED = "refused"
    NO_ANSWER = "no_answer"
    CERTIFICATE = "certificate"
    CLIENT_CERTIFICATE = "client_certificate"
    NO_TLS = "no_tls"
    NETWORK = "network"
    WRONG_ADDRESS = "wrong_address"
    NOT_THE_PRODUCT = "not_the_product"
    BUSY = "busy"
    OTHER = "other"


WORDS: Final = {
    Trouble.WRONG_CREDENTIALS: "The system does not accept these credentials.",
    Trouble.ACCOUNT_LOCKED: "The account is locked. Have your administrator unlock it, then try again.",
    Trouble.SECOND_FACTOR: "The system asks this account for more than a password. Use an account for programs.",
    Trouble.CONSENT_GONE: "Access was withdrawn or has ended. Please give it again.",
    Trouble.NOT_CONSENTED: "Something is still missing. Please fill in all fields, and give access where asked.",
    Trouble.NO_PERMISSION: "The account is right, but may not read this. Give it the right to, then try again.",
    Trouble.UNKNOWN_HOST: "There is no such host. Check the address.",
    Trouble.REFUSED: "Nothing answers at this address. Check host and port, and that the system is up.",
    Trouble.NO_ANSWER: "The system did not answer in time. Check the firewall, and that the system is up.",
    Trouble.CERTIFICATE: "The system's certificate is not trusted, has expired, or is for another address.",
    Trouble.CLIENT_CERTIFICATE: "The system wants a client certificate, or does not accept the one it was shown.",
    Trouble.NO_TLS: "A secure connection could not be made. Check whether the address begins with https.",
    Trouble.NETWORK: "The system could not be reached. Check the address and the network.",
    Trouble.WRONG_ADDRESS: "The system is not at this address. Check it, and what follows the host name.",
    Trouble.NOT_THE_PRODUCT: "Something else answers at this address, or the system is under maintenance.",
    Trouble.BUSY: "The system asks us to wait. Please try again in a few minutes.",
    Trouble.OTHER: "The system answered with an error. Please try again later.",
}
"""What is said to a customer: no names of machines, no technical message."""

_OBSTACLES: Final = {
    Obstacle.NAME: Trouble.UNKNOWN_HOST,
    Obstacle.REFUSED: Trouble.REFUSED,
    Obstacle.TIMEOUT: Trouble.NO_ANSWER,
    Obstacle.CERTIFICATE: Trouble.CERTIFICATE,
    Obstacle.CLIENT_CERTIFICATE: Trouble.CLIENT_CERTIFICATE,
    Obstacle.TLS: Trouble.NO_TLS,
    Obstacle.NETWORK: Trouble.NETWORK,
}
_KINDS: Final = {
    AccountLocked: Trouble.ACCOUNT_LOCKED,
    SecondFactorAsked: Trouble.SECOND_FACTOR,
    Revoked: Trouble.CONSENT_GONE,
    Unauthorized: Trouble.WRONG_CREDENTIALS,
    SecretMissing: Trouble.NOT_CONSENTED,
    Forbidden: Trouble.NO_PERMISSION,
    WrongAddress: Trouble.WRONG_ADDRESS,
    NotTheProduct: Trouble.NOT_THE_PRODUCT,
    RateLimited: Trouble.BUSY,
}


def trouble_of(error: ReconcilerError) -> Trouble:
    """Return what *error* is to a customer."""
    if isinstance(error, Unreachable):
        return _OBSTACLES[error.obstacle]
    kinds = (_KINDS[kind] for kind in type(error).__mro__ if kind in _KINDS)
    return next(kinds, Trouble.OTHER)

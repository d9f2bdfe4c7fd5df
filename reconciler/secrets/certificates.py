"""What certificates say of themselves."""

from datetime import datetime

from reconciler.errors import Invalid


def end_of(pem: str) -> datetime:
    """Return when the first certificate of *pem* stops to be good, in UTC.

    Raises:
        Invalid: if there is none.
    """
    from cryptography.x509 import load_pem_x509_certificate  # noqa: PLC0415  heavy

    try:
        return load_pem_x509_certificate(pem.encode()).not_valid_after_utc
    except ValueError:
        raise Invalid("there is no certificate in PEM") from None

"""Signatures by private keys, as JSON web tokens carry them."""

from reconciler.errors import Invalid


def sign(text: bytes, pem: str, algorithm: str) -> bytes:
    """Return the signature of *text* by the private key *pem*: RS256, PS256 or ES256 (RFC 7518, 3.1).

    Raises:
        Invalid: if the key cannot be read, or is not of the algorithm's kind.
    """
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415  heavy
    from cryptography.hazmat.primitives.asymmetric import (  # noqa: PLC0415  heavy
        ec,
        padding,
        rsa,
        utils,
    )

    try:
        key = serialization.load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError):
        raise Invalid(
            "auth.key is no private key in PEM without a password",
            hint="give the file that begins with -----BEGIN PRIVATE KEY-----",
        ) from None
    digest = hashes.SHA256()
    match algorithm, key:
        case "RS256", rsa.RSAPrivateKey():
            return key.sign(text, padding.PKCS1v15(), digest)
        case "PS256", rsa.RSAPrivateKey():
            return key.sign(text, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
        case "ES256", ec.EllipticCurvePrivateKey() if key.key_size == 256:
            one, two = utils.decode_dss_signature(key.sign(text, ec.ECDSA(digest)))
            return one.to_bytes(32, "big") + two.to_bytes(32, "big")
        case _:
            raise Invalid(f"auth.key is not a key for {algorithm}")

"""Whether a request was signed with the key it names.

Three kinds of key (spot docs `faqs/api_key_types.md`, 2026-07): HMAC-SHA-256 with the shared secret, written in hex;
RSASSA-PKCS1-v1_5 over SHA-256, and Ed25519 over the text itself, both written in base64.
What this module does not do: read requests, or know whose key it is.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from enum import Enum
from typing import Final

# The spot docs allow RSA keys of 2048 to 4096 bits.
RSA_BITS: Final = range(2048, 4097)


class KeyKind(Enum):
    """The algorithm of an API key."""

    HMAC = "HMAC"
    RSA = "RSA"
    ED25519 = "Ed25519"


class KeyRefused(ValueError):
    """A public key that cannot be used, or a kind of key this installation cannot check."""


Check = Callable[[str, bytes], bool]


def hmac_check(secret: str) -> Check:
    """Return the check of an HMAC key: hex, in any case ("case-insensitive" by the spot docs)."""

    def check(signature: str, payload: bytes) -> bool:
        wanted = hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest()
        return hmac.compare_digest(wanted.encode(), signature.lower().encode())

    return check


def public_key_check(pem: str) -> tuple[KeyKind, Check]:
    """Return the kind of a PEM public key and its check.

    Raises `KeyRefused` for text that is no RSA or Ed25519 public key, and where the extra `keys` is not installed:
    HMAC needs nothing beyond Python, so `cryptography` is asked for only when somebody registers such a key.
    """
    try:
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
    except ImportError as error:
        raise KeyRefused(
            "an RSA or Ed25519 key needs the package 'cryptography': pip install 'exchstream[keys]'"
        ) from error
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyRefused(f"not a PEM public key: {error}") from error

    if isinstance(key, ed25519.Ed25519PublicKey):
        ed25519_key = key

        def check_ed25519(signature: str, payload: bytes) -> bool:
            raw = _decoded(signature)
            try:
                ed25519_key.verify(raw, payload)
            except InvalidSignature:
                return False
            return True

        return KeyKind.ED25519, check_ed25519

    if isinstance(key, rsa.RSAPublicKey) and key.key_size in RSA_BITS:
        rsa_key = key

        def check_rsa(signature: str, payload: bytes) -> bool:
            raw = _decoded(signature)
            try:
                rsa_key.verify(raw, payload, padding.PKCS1v15(), hashes.SHA256())
            except InvalidSignature:
                return False
            return True

        return KeyKind.RSA, check_rsa

    raise KeyRefused("only RSA keys of 2048 to 4096 bits and Ed25519 keys are known to the venue")


def _decoded(signature: str) -> bytes:
    try:
        return base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return b""

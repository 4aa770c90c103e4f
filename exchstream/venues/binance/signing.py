"""Binance's signatures: HMAC-SHA256, RSA (PKCS#1 v1.5, SHA-256) and Ed25519, for REST and for the WebSocket API.

The two interfaces sign different texts of the same parameters, and a signature over the wrong one is -1022:

* REST: the query as it is sent, percent-encoded *before* it is signed (rule since 2026-01-15, spot CHANGELOG
  2025-12-17), in the order sent; a base64 signature is itself percent-encoded when it joins the query (rest-api.md).
* WebSocket API: every parameter (the API key too), sorted by name, not encoded at all (web-socket-api.md).

Nothing here knows the time or sends anything.  RSA and Ed25519 need the extra `keys`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import quote, urlencode

from exchstream.core.venue import Secret
from exchstream.errors import ConfigError, MissingExtra

Params = Mapping[str, str | int]


class Signer(Protocol):
    """One key of the account's, ready to sign."""

    @property
    def is_ed25519(self) -> bool:
        """True for the only kind of key that may log a session on (web-socket-api.md, session.logon)."""
        ...

    def sign(self, payload: bytes) -> str:
        """The signature of these bytes as Binance writes it: hex for HMAC, else base64."""
        ...


class HmacSigner:
    """HMAC-SHA256 with the secret; hex."""

    is_ed25519 = False

    def __init__(self, secret: Secret) -> None:
        self._key = secret

    def sign(self, payload: bytes) -> str:
        """64 hex digits."""
        return hmac.new(self._key.reveal().encode(), payload, hashlib.sha256).hexdigest()


def private_key_signer(pem: Secret) -> Signer:
    """A signer with an RSA or Ed25519 key in PEM.

    Raises MissingExtra without the extra `keys`, ConfigError for a text that is no such key or has a password.
    """
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
    except ImportError:
        raise MissingExtra("a private key (RSA or Ed25519)", "keys") from None

    class Rsa:
        is_ed25519 = False

        def __init__(self, key: rsa.RSAPrivateKey) -> None:
            self._key = key

        def sign(self, payload: bytes) -> str:
            return base64.b64encode(self._key.sign(payload, padding.PKCS1v15(), hashes.SHA256())).decode()

    class Ed25519:
        is_ed25519 = True

        def __init__(self, key: ed25519.Ed25519PrivateKey) -> None:
            self._key = key

        def sign(self, payload: bytes) -> str:
            return base64.b64encode(self._key.sign(payload)).decode()

    # In an environment variable a line break is often written as the two characters \n.
    text = pem.reveal().replace("\\n", "\n").encode()
    try:
        key = serialization.load_pem_private_key(text, password=None)
    except TypeError:
        raise ConfigError("private_key is protected by a password: give it without one") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError("private_key is not a private key in PEM (-----BEGIN PRIVATE KEY-----)") from None
    if isinstance(key, rsa.RSAPrivateKey):
        return Rsa(key)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return Ed25519(key)
    raise ConfigError("private_key must be an RSA or an Ed25519 key: Binance takes no other kind")


def encoded(params: Params) -> str:
    """The parameters as a query, percent-encoded (UTF-8), in the order given."""
    return urlencode(params, quote_via=quote, safe="")


def signed_query(params: Params, signer: Signer) -> str:
    """The query with its signature, ready to be sent as it is."""
    query = encoded(params)
    return f"{query}&signature={quote(signer.sign(query.encode()), safe='')}"


def sorted_payload(params: Params) -> str:
    """What the WebSocket API wants signed: `name=value` by name, joined by `&`, nothing encoded."""
    return "&".join(f"{name}={params[name]}" for name in sorted(params))


def signed_params(params: Params, signer: Signer) -> dict[str, str | int]:
    """The parameters of a WebSocket API request with their signature."""
    return {**params, "signature": signer.sign(sorted_payload(params).encode())}

"""Who is asking: FTX's HMAC over REST requests and over the WebSocket login.

FTX signed `timestamp + METHOD + path + body`, the path with `/api` and the query exactly as sent (authentication docs,
2022). The docs say the body belongs to it "for POST requests only", yet the official sample and ccxt sign whatever body
they send, `{}` on DELETE included, and were accepted: so the raw body counts for every method here.
What it does not do: it knows neither sockets nor accounts; it is given the secret and the time.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

import attrs

# "Timestamp too far from current time … more than 30s old" (help page "401 Unauthorized", 2022).
WINDOW_MS: Final = 30_000
_LONGEST_TIMESTAMP: Final = 18
PREFIXES: Final = ("ftx", "ftxus")


@attrs.frozen(slots=True)
class Credentials:
    """What a REST request says of its sender: the four headers, of ftx.com (`FTX-`) or of ftx.us (`FTXUS-`)."""

    key: str
    timestamp: str
    sign: str
    subaccount: str | None


def credentials(headers: Mapping[str, str]) -> Credentials | None:
    """The headers of whichever prefix is there (names in lower case), None for a public request."""
    for prefix in PREFIXES:
        key = headers.get(f"{prefix}-key")
        if key is not None:
            subaccount = headers.get(f"{prefix}-subaccount")
            return Credentials(
                key=key,
                timestamp=headers.get(f"{prefix}-ts", ""),
                sign=headers.get(f"{prefix}-sign", ""),
                subaccount=None if not subaccount else unquote(subaccount),  # "URI-encoded name" (authentication docs)
            )
    return None


def signature(secret: str, payload: bytes) -> str:
    """Lower-case hex HMAC-SHA256."""
    return hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest()


def rest_payload(timestamp: str, method: str, target: str, body: bytes) -> bytes:
    """The bytes a REST request signs; `target` is the raw path with its query."""
    return f"{timestamp}{method}{target}".encode() + body


def login_payload(time_ms: int) -> bytes:
    """The bytes a WebSocket login signs."""
    return f"{time_ms}websocket_login".encode()


def same(expected: str, given: str) -> bool:
    """Compare signatures in constant time; a signature that is not ASCII is simply wrong."""
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogatepass"))


def timestamp_ms(text: str) -> int | None:
    """A millisecond timestamp, None when it is not a plain number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _LONGEST_TIMESTAMP else None


def in_window(time_ms: int, now_ns: int) -> bool:
    """Whether the timestamp is near enough; FTX names only old ones, clocks ahead by more are refused likewise."""
    return abs(now_ns // 1_000_000 - time_ms) <= WINDOW_MS

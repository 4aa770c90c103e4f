"""Who sends a request, and whether it was signed in time.

The venue's rules (spot docs `rest-api.md`, 2026-07): the key is in the header `X-MBX-APIKEY` (REST) or the parameter
`apiKey` (WebSocket API); a signed request has a `timestamp` in milliseconds or microseconds, told apart by size, and
may have a `recvWindow` in milliseconds with up to three decimals, 5000 by default and 60000 at most. It is accepted if
`timestamp < serverTime + 1000` and `serverTime - timestamp <= recvWindow`.
What this module does not do: read the request, or charge for it.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from mockserver.faces.binance import errors
from mockserver.faces.binance.errors import Refused
from mockserver.faces.binance.params import Params
from mockserver.faces.binance.signing import Check, KeyKind, hmac_check, public_key_check

if TYPE_CHECKING:
    from mockserver.exchange import Account, Exchange

API_KEY_HEADER: Final = "X-MBX-APIKEY"
DEFAULT_WINDOW_MS: Final = Decimal(5_000)
LARGEST_WINDOW_MS: Final = 60_000
AHEAD_NS: Final = 1_000_000_000
# A time with 16 digits is microseconds: in milliseconds it would lie past the year 30,000.
MICROSECONDS_FROM: Final = 10**15
KEY_SHAPE: Final = re.compile(r"[A-Za-z0-9]{64}")
_WINDOW_SHAPE: Final = re.compile(r"[0-9]{1,10}(\.[0-9]{1,3})?")


def caller(exchange: Exchange, api_key: str | None) -> tuple[Exchange, Account]:
    """Return the account of a key; refused with -2014 if it has not the shape of one, -2015 if it is unknown."""
    if not api_key or not KEY_SHAPE.fullmatch(api_key):
        raise Refused(errors.BAD_KEY_FORMAT)
    found = exchange.caller(api_key)
    if found is None or found[1].revoked:
        raise Refused(errors.BAD_KEY)
    return found


def check_signed(params: Params, account: Account, now_ns: int) -> None:
    """Refuse a request that is unsigned, too old, too early, or signed with another key."""
    params.need("timestamp")
    signature = params.need("signature")
    check_time(params, now_ns)
    if not check_of(account)(signature, params.signed):
        raise Refused(errors.BAD_SIGNATURE)


def check_time(params: Params, now_ns: int) -> None:
    """Refuse a `timestamp` outside of the window with -1021."""
    stamp = params.integer("timestamp")
    if stamp is None:
        raise Refused(errors.missing("timestamp"))
    stamp_ns = stamp * 1_000 if stamp >= MICROSECONDS_FROM else stamp * 1_000_000
    window_ns = int(_window_ms(params) * 1_000_000)
    if stamp_ns >= now_ns + AHEAD_NS:
        raise Refused(errors.TOO_EARLY)
    if now_ns - stamp_ns > window_ns:
        raise Refused(errors.TOO_LATE)


def _window_ms(params: Params) -> Decimal:
    sent = params.text("recvWindow")
    if sent is None:
        return DEFAULT_WINDOW_MS
    if not _WINDOW_SHAPE.fullmatch(sent):
        raise Refused(errors.illegal("recvWindow", r"^\d{1,10}(\.\d{1,3})?$"))
    window = Decimal(sent)
    if window > LARGEST_WINDOW_MS:
        # An old changelog entry has -1131 for this; today's error page has these words. Nobody has measured which.
        raise Refused(errors.too_large("recvWindow", str(LARGEST_WINDOW_MS)))
    return window


def check_of(account: Account) -> Check:
    """Return the signature check of an account's key."""
    if account.believed:
        return lambda signature, signed: True
    if account.public_key_pem is None:
        return hmac_check(account.secret)
    return _public(account.public_key_pem)[1]


def kind_of(account: Account) -> KeyKind:
    """Return the kind of an account's key."""
    if account.believed:
        return KeyKind.ED25519  # may do what any other may, and log on
    return KeyKind.HMAC if account.public_key_pem is None else _public(account.public_key_pem)[0]


@lru_cache(maxsize=256)
def _public(pem: str) -> tuple[KeyKind, Check]:
    return public_key_check(pem)  # cannot raise: `BinanceFace.check_account` has tried it

"""What cannot work is refused when the account is made: every field of every venue, with absurd values."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
import pytest

from exchstream.core.venue import (
    Clock,
    CredentialIs,
    Fills,
    Markets,
    Memory,
    NewCredential,
    OpenOrders,
    Orders,
    Secret,
)
from exchstream.errors import ConfigError
from exchstream.venues.binance import BinanceFutures, BinanceSpot
from exchstream.venues.ftx import Ftx

VENUES: tuple[Any, ...] = (BinanceSpot, BinanceFutures, Ftx)
KEYS: dict[str, Any] = {"api_key": "k", "api_secret": "s"}
# fmt: off
ABSURD: tuple[Any, ...] = (
    None, True, 0, -1, 1, 1.5, float("nan"), 1 << 63, 10**400, Decimal("NaN"), Decimal(-1), Decimal("1e999"), "", " ",
    "\n", "x", "\ud800", "…", "1", "/", "/{nope}", "/{", "/{key!r}", "/{key:>9}", "/{0}", "/ {key}", "https://",
    "http:///x", "http://a b", "http://h:99999", "http://h:0", "http://u:p@h", "http://h/?q", "http://[", "ftp://h",
    b"k", [], ["", "a"], ["a"], {}, {"a": 1}, frozenset(), object(), int,
)
# fmt: on
FIELDS = [(venue, field.alias or field.name) for venue in VENUES for field in attrs.fields(venue) if field.init]
SPAN = (1_700_000_000 * 10**9, 1_700_000_001 * 10**9)


def used(account: Any) -> None:
    """Do with the account what a session would do."""
    memory = Memory(CredentialIs(Secret("listen-key"), *SPAN, SPAN[1]), {})
    account.plan, account.buckets, account.identity, account.secrets, account.symbols, repr(account)
    for lane in account.plan.lanes:
        address = account.dial(lane, memory)
        assert address.url.startswith(("ws://", "wss://"))
        assert "{" not in address.url
        account.greet(lane, memory, SPAN[0])
    listings = [ask("BTCUSDT", *SPAN) for ask in (Fills, Orders)]
    keys = [] if isinstance(account, Ftx) else [NewCredential()]
    for question in (Clock(), Markets(), OpenOrders(account.plan.kinds[0]), *keys, *listings):
        assert account.request(question, memory, SPAN[0]).target.startswith("/")


@pytest.mark.parametrize(("venue", "field"), FIELDS, ids=[f"{venue.__name__}-{field}" for venue, field in FIELDS])
def test_an_absurd_value_is_refused_or_does_no_harm(venue: Any, field: str) -> None:
    """ConfigError at once, or an account that works; nothing else is raised, neither now nor later."""
    for value in ABSURD:
        try:
            account = venue(**{**KEYS, field: value})
        except ConfigError:
            continue
        used(account)


@pytest.mark.parametrize(
    ("venue", "fields", "words"),
    [
        *((venue, {"silence_ns": 7 * 10**9, "heartbeat_ns": 7 * 10**9}, "first ping") for venue in VENUES),
        *((venue, {"lag_ns": 11 * 10**9}, "audit_grace_ns must be at least lag_ns") for venue in VENUES),
        *((venue, {"lag_ns": 6}, "lag_ns must be a whole number of nanoseconds") for venue in VENUES),
        *((venue, {"audit_ns": 60_000}, r"a millisecond \(10\*\*6\) or more; a second is 10\*\*9") for venue in VENUES),
        *((venue, {"name": ""}, "name must be a text") for venue in VENUES),
        *((venue, {"link_limits": 5}, "link_limits must be of the class LinkLimits") for venue in VENUES),
        *((venue, {"session_limits": None}, "session_limits must be of the class SessionLimits") for venue in VENUES),
        *((venue, {"rest_url": "https://u:p@h"}, "rest_url must hold no user name") for venue in VENUES),
        *((venue, {"rest_url": "https://"}, "begin with https:// or http:// and name") for venue in VENUES),
        *((venue, {"rest_url": "https://h?x=1"}, "rest_url must end with its path") for venue in VENUES),
        *((venue, {"api_key": "k\nX: y"}, "copy it again") for venue in VENUES),
        *((venue, {"api_secret": ""}, "a key or secret is empty") for venue in VENUES),
        (BinanceSpot, {"stream_path": "/ws/{kye}"}, r"stream_path must have no other placeholders than \{key\}"),
        (BinanceSpot, {"stream_path": "/ws"}, r"stream_path must say where \{key\} goes"),
        (BinanceSpot, {"logon": "false"}, "logon must be True or False"),
        (BinanceFutures, {"stream_path": "/ws/{key}/{evnts}"}, r"no other placeholders than \{key\}, \{events\}"),
        (BinanceFutures, {"stream_path": "/ws/{key"}, "braces in pairs"),
        (BinanceFutures, {"page_limit": 1_001}, "page_limit must be from 1 to 1000"),
        (BinanceFutures, {"longest_ban_ns": 4 * 86_400 * 10**9}, "longest_ban_ns must be from 1000000 to"),
        (BinanceFutures, {"listen_key_renew_ns": 60 * 60 * 10**9}, "it would be dead by then"),
        (BinanceFutures, {"listen_key_spread_ns": 36 * 60 * 10**9}, "before listen_key_ns"),
        (Ftx, {"tolerance": 1e-9}, 'tolerance must be an exact amount, as in Decimal\\("1e-9"\\)'),
        (Ftx, {"tolerance": Decimal(-1)}, "tolerance must be an exact amount"),
        (Ftx, {"subaccount": ""}, "leave it out for the main account"),
        (Ftx, {"channels": "fills"}, "channels must be a list of texts"),
        (BinanceSpot, {"symbols": "BTCUSDT"}, "symbols must be a list of texts"),
        (BinanceSpot, {"symbols": ["BTCUSDT", 1]}, "symbols must be a list of texts"),
        (Ftx, {"clock_path": "time"}, "clock_path must begin with /"),
    ],
)  # fmt: skip
def test_the_text_says_what_to_do(venue: Any, fields: dict[str, Any], words: str) -> None:
    """Each error names the field and what it must be."""
    with pytest.raises(ConfigError, match=words):
        venue(**{**KEYS, **fields})


def test_what_looks_odd_and_works_is_taken() -> None:
    """An exact text for the tolerance, a query of the WebSocket API's own, a bare host with a port."""
    assert Ftx(**KEYS, tolerance="0").tolerance == 0
    assert Ftx(**KEYS, tolerance="1e-8").tolerance == Decimal("1e-8")
    with_query = "wss://ws-api.binance.com/ws-api/v3?returnRateLimits=false"
    assert with_query == BinanceSpot(**KEYS, ws_url=with_query).ws_url
    assert BinanceSpot(**KEYS, rest_url="http://localhost:8080/").rest_url == "http://localhost:8080"

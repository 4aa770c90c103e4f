"""Binance: spot (`spot`, `ws_api`) and USD-M futures (`futures`), as the venue's own words and bytes.

`SPOT` and `FUTURES` are what a world needs to build them. A request goes through `routes` (who, what, how heavy), uses
`params`, `auth` and `limits`, and ends in a call of `*_orders` or `*_queries`, which writes with `*_views`; events are
written by `*_events` and carried by `ws_subscriptions` (spot) and `streams`.
"""

from __future__ import annotations

from typing import Final

from mockserver.engine.ids import BINANCE_FUTURES_IDS, BINANCE_SPOT_IDS
from mockserver.faces.base import VenueSpec
from mockserver.faces.binance import instruments, limits
from mockserver.faces.binance.auth import KEY_SHAPE
from mockserver.faces.binance.futures import PROFILES, FuturesFace
from mockserver.faces.binance.spot import SpotFace

DAY_MS: Final = 86_400_000
PERCENT_PRICE: Final = ("wide", "venue", "off")

SPOT: Final = VenueSpec(
    name="binance-spot",
    instruments=instruments.SPOT,
    ids=BINANCE_SPOT_IDS,
    face=SpotFace,
    profiles=PROFILES,
    options={
        # "ping every 20 s, no pong within 1 min: closed" since February 2025; a connection lives 24 h (spot docs).
        "ping_every_ms": 20_000,
        "pong_within_ms": 60_000,
        "lifetime_ms": DAY_MS,
        # `serverShutdown` is "sent 10 minutes before disconnection" (spot changelog, 2026-03; how long before is not
        # promised any more since 2026-06); deployed 2026-05-08.
        "shutdown_notice_ms": 600_000,
        "expiry_reason": True,
        "percent_price": "wide",  # the filter PERCENT_PRICE_BY_SIDE, published and enforced
        "listen_key_notices": 1,
        "weight_per_minute": limits.SPOT_WEIGHT,
        "orders_per_10s": limits.SPOT_ORDERS[0].limit,
        "connections_per_5m": limits.SPOT_CONNECTIONS,
        "requests_per_5m": limits.SPOT_RAW_REQUESTS,
        # "5 messages per second: a PING frame, a PONG frame, a JSON controlled message" (spot docs, streams).
        "frames_per_second": 5,
    },
    words={"percent_price": PERCENT_PRICE},
    eras={
        "binance-2024": {
            # Until February 2025: "ping every 3 minutes", closed without a pong in 10 (spot changelog, 2025-01).
            "ping_every_ms": 180_000,
            "pong_within_ms": 600_000,
            "shutdown_notice_ms": 0,
            "expiry_reason": False,  # `eR` and `expiryReason` came on 2026-03-26 (spot changelog)
            "requests_per_5m": 61_000,  # the sample of the docs' `enums.md`; 300,000 since 2026-04-02 (changelog)
        }
    },
    questions={
        "openorders": ("GET /api/v3/openOrders",),
        "fills": ("GET /api/v3/myTrades",),
        "orders": ("GET /api/v3/allOrders",),
        "balances": ("GET /api/v3/account",),
        "orderbyid": ("GET /api/v3/order",),
        "clock": ("GET /api/v3/time",),
        "markets": ("GET /api/v3/exchangeInfo",),
        "traces": (),
        "newcredential": ("POST /api/v3/userDataStream",),
        "renewcredential": ("PUT /api/v3/userDataStream",),
    },
    key_shape=KEY_SHAPE,
    key_types=("hmac", "rsa", "ed25519"),
    discount=instruments.SPOT_DISCOUNT,
    demo_balances={"USDT": "1000000", "BTC": "10", "ETH": "100", "BNB": "100"},
)
"""Binance spot."""

FUTURES: Final = VenueSpec(
    name="binance-futures",
    instruments=instruments.FUTURES,
    ids=BINANCE_FUTURES_IDS,
    face=FuturesFace,
    profiles=PROFILES,
    options={
        # "ping every 3 min, no pong within 10 min: closed"; a connection lives 24 h (connect page, 2026).
        "ping_every_ms": 180_000,
        "pong_within_ms": 600_000,
        "lifetime_ms": DAY_MS,
        "listen_key_notices": 1,
        "events_default": "all",
        "private_path_form": "silent",
        "gtx_crossing": "reject",
        "percent_price": "wide",  # the filter PERCENT_PRICE, published and enforced
        "liquidation": "manual",  # "margin": when less is left than the positions must keep
        "weight_per_minute": limits.FUTURES_WEIGHT,
        "orders_per_10s": limits.FUTURES_ORDERS[0].limit,
        "frames_per_second": 10,  # USD-M docs, connect page
        "expiry_reason": True,
    },
    words={
        "events_default": ("all", "none"),
        "private_path_form": ("silent", "works"),
        "gtx_crossing": ("reject", "expire"),
        "percent_price": PERCENT_PRICE,
        "liquidation": ("manual", "margin"),
    },
    eras={"binance-2024": {"expiry_reason": False}},  # real frames of January 2024 have no `er`; those of 2026 have
    questions={
        "openorders": ("GET /fapi/v1/openOrders", "GET /fapi/v1/openAlgoOrders"),
        "fills": ("GET /fapi/v1/userTrades",),
        "orders": ("GET /fapi/v1/allOrders", "GET /fapi/v1/allAlgoOrders"),
        "traces": ("GET /fapi/v1/income",),
        "balances": ("GET /fapi/v*/balance", "GET /fapi/v*/account", "GET /fapi/v*/positionRisk"),
        "orderbyid": ("GET /fapi/v1/order", "GET /fapi/v1/algoOrder"),
        "clock": ("GET /fapi/v1/time",),
        "markets": ("GET /fapi/v1/exchangeInfo",),
        "newcredential": ("POST /fapi/v1/listenKey",),
        "renewcredential": ("PUT /fapi/v1/listenKey",),
    },
    key_shape=KEY_SHAPE,
    key_types=("hmac", "rsa", "ed25519"),
    discount=instruments.FUTURES_DISCOUNT,
    demo_balances={"USDT": "100000"},
)
"""Binance USD-M futures."""

__all__ = ["FUTURES", "SPOT", "FuturesFace", "SpotFace"]

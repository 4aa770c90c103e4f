"""What the neutral exchange answers over HTTP, and as FTX on a socket: markets, some holdings, nothing in a listing."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any, Final


def _market(base: str) -> dict[str, Any]:
    return {
        "symbol": f"{base}USDT",
        "status": "TRADING",
        "baseAsset": base,
        "baseAssetPrecision": 8,
        "quoteAsset": "USDT",
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
        "icebergAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000.00", "tickSize": "0.01"},
            {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000.00000", "stepSize": "0.00001"},
        ],
    }


_MARKETS: Final = [_market("BTC"), _market("BNB")]  # fees are in BNB: ccxt wants to know every asset that it meets
_BALANCES: Final = [
    {"asset": "BTC", "free": "10.00000000", "locked": "0.00000000"},
    {"asset": "BNB", "free": "100.00000000", "locked": "0.00000000"},
    {"asset": "USDT", "free": "500000.00000000", "locked": "0.00000000"},
]
_CANNED: Final[dict[str, Any]] = {
    "/api/v3/ping": {},
    "/api/v3/exchangeInfo": {"timezone": "UTC", "rateLimits": [], "exchangeFilters": [], "symbols": _MARKETS},
    "/api/v3/account": {"canTrade": True, "accountType": "SPOT", "balances": _BALANCES, "permissions": ["SPOT"]},
    "/api/v3/openOrders": [],
    "/api/v3/allOrders": [],
    "/api/v3/myTrades": [],
    "/api/v3/userDataStream": {"listenKey": "bench-listen-key"},  # for those who know nothing newer
}
# FTX; ccxt and cryptofeed want to know a market's steps, currencies and futures.
_FTX_MARKET: Final = {
    "name": "BTC/USD",
    "type": "spot",
    "baseCurrency": "BTC",
    "quoteCurrency": "USD",
    "underlying": None,
    "enabled": True,
    "priceIncrement": 1.0,
    "sizeIncrement": 0.0001,
    "minProvideSize": 0.0001,
    "price": 38000.0,
    "last": 38000.0,
    "bid": 37999.0,
    "ask": 38000.0,
}
_FTX: Final[dict[str, Any]] = {
    "/api/markets": [_FTX_MARKET],
    "/api/coins": [{"id": "BTC", "name": "Bitcoin"}, {"id": "USD", "name": "USD (Fiat)"}],
    "/api/futures": [],
    "/api/orders": [],
    "/api/orders/history": [],
    "/api/fills": [],
}
_ENVELOPED: Final = {path: {"success": True, "result": rows, "hasMoreData": False} for path, rows in _FTX.items()}
_BODIES: Final = {path: json.dumps(value).encode() for path, value in (_CANNED | _ENVELOPED).items()}


def answer(target: str) -> tuple[int, bytes]:
    """Status and body for a request target; 404 for what no client here needs."""
    path = target.partition("?")[0]
    if path == "/api/v3/time":
        return 200, json.dumps({"serverTime": time.time_ns() // 1_000_000}).encode()
    if path == "/api/time":
        return 200, json.dumps({"success": True, "result": datetime.now(UTC).isoformat()}).encode()
    body = _BODIES.get(path)
    return (404, b'{"code":-1,"msg":"not in this benchmark"}') if body is None else (200, body)


def said(request: dict[str, Any]) -> dict[str, Any] | None:
    """The answer to a request on a socket: Binance's has an id, FTX's an operation; a login there goes unanswered."""
    match request:
        case {"id": tag}:
            return {"id": tag, "status": 200, "result": {"subscriptionId": 0}, "rateLimits": []}
        case {"op": "subscribe", "channel": channel}:
            return {"type": "subscribed", "channel": channel}
        case {"op": "ping"}:
            return {"type": "pong"}
    return None

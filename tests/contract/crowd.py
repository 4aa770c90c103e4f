"""Something for every route to find: an account that trades at each venue, orders that rest or wait, sockets, faults.

What they are called is given to schemathesis, which would hardly guess the number of an order.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Final
from urllib.parse import urlencode

NAME: Final = "crowd"
MARKETS: Final = {"binance-spot": "BTCUSDT", "binance-futures": "BTCUSDT", "ftx": "BTC/USD"}
MANY: Final = 100
"""Of what an act takes away, so that some is left for the last one."""
WAITING: Final = 5
"""Orders that wait for a price: an account may have no more of them."""
PATIENCE: Final = 10.0
DIAL: Final = (
    b"GET /ws-api/v3 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
LIMIT: Final = {"side": "BUY", "quantity": "0.001", "price": "20000"}
STOP: Final = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.001", "price": "90000", "timeInForce": "GTC"}
SPOT_STOP: Final = STOP | {"type": "STOP_LOSS_LIMIT", "stopPrice": "90000"}
FUTURES_STOP: Final = STOP | {"type": "STOP", "triggerPrice": "90000", "algoType": "CONDITIONAL"}
SPOT: Final = {"venue": ["binance-spot"], "symbol": ["BTCUSDT"]}
FUTURES: Final = {"venue": ["binance-futures"], "symbol": ["BTCUSDT"]}

Names = dict[str, dict[str, list[Any]]]
"""What there is, by the parameter that takes it, for the routes that a regular expression finds; "": for all."""


@contextmanager
def crowd(listening: Mapping[str, Any]) -> Iterator[Names]:
    """Bring it, and tell how it is called; the sockets end with the block."""
    control, http = listening["control"], listening["http"]
    keys, orders = {}, {}
    for venue, symbol in MARKETS.items():
        balances = {"USD" if venue == "ftx" else "USDT": "1000000"}
        keys[venue] = asked(f"{control}/accounts", {"venue": venue, "name": NAME, "balances": balances})
        terms = LIMIT | {"venue": venue, "account": NAME, "symbol": symbol}
        orders[venue] = [int(asked(f"{control}/orders", terms)["order"]["order_id"]) for _ in range(MANY)]
    for order in orders["binance-futures"][:WAITING]:
        asked(f"{control}/orders/binance-futures/BTCUSDT/{order}/fill", {})
    spot, futures = keys["binance-spot"], keys["binance-futures"]
    waiting = [signed(http, "/api/v3/order", spot, SPOT_STOP)["orderId"] for _ in range(WAITING)]
    algos = [signed(http, "/fapi/v1/algoOrder", futures, FUTURES_STOP)["algoId"] for _ in range(WAITING)]
    faults = [f"fault-{number}" for number in range(MANY)]
    for name in faults:
        asked(f"{control}/faults", {"fault": {"http_error": {"status": 503}, "name": name, "match": {"path": "/none"}}})
    with ExitStack() as stack:
        for _ in range(MANY):
            dialled = stack.enter_context(socket.create_connection(("127.0.0.1", listening["port"]), PATIENCE))
            dialled.sendall(DIAL)
            assert dialled.recv(1000).startswith(b"HTTP/1.1 101"), "the mock refused a WebSocket"
        yield {
            "": {
                "account": [NAME],
                "asset": ["BTC"],
                "name": [NAME],
                "price": ["50000", "60000"],  # where none of the orders that rest is filled by it
                "quantity": ["0.001", "0.002"],
                "symbol": sorted({*MARKETS.values()}),
                "venue": [*MARKETS],
                "world": ["default"],
            },
            "/orders$": SPOT,
            "/orders/.+(fill|cancel|expire)$": SPOT | {"id": orders["binance-spot"]},
            "/orders/.+trigger$": SPOT | {"id": waiting},
            "/(positions|funding)/": FUTURES,
            "/algo/": {"id": algos},
            "/connections/": {"id": [each["id"] for each in asked(f"{control}/connections")["connections"]]},
            "/faults/": {"name": faults},
            "/ui/": {"name": ["page.js", "page.css", "letters.json", "icon.svg"]},
        }
        asked(f"{control}/connections/drop", {})  # some may have become half-open, and would hear no end


def asked(url: str, body: Mapping[str, Any] | None = None, **headers: str) -> Any:
    """What is answered, to a GET if nothing is sent."""
    data = None if body is None else json.dumps(body).encode() if body else b""
    request = urllib.request.Request(url, data, headers)
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.load(answer)


def signed(http: str, path: str, keys: Mapping[str, str], terms: Mapping[str, str]) -> Any:
    """What Binance answers the account."""
    query = urlencode({**terms, "timestamp": asked(f"{http}/api/v3/time")["serverTime"]})
    proof = hmac.new(keys["secret"].encode(), query.encode(), hashlib.sha256).hexdigest()
    return asked(f"{http}{path}?{query}&signature={proof}", {}, **{"X-MBX-APIKEY": keys["api_key"]})

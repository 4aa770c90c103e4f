"""A ccxt bot without asyncio that knows nothing of the mock; KEY and SECRET hold its key.

Where a proxy is set, ccxt is told to take it from the environment, and whom to trust: here it knows no `cafile`.
"""

import json
import os

import ccxt

options = {"requests_trust_env": True} if "HTTPS_PROXY" in os.environ else {}


def trade(name, symbol):
    exchange = getattr(ccxt, name)({"apiKey": os.environ["KEY"], "secret": os.environ["SECRET"], **options})
    order = exchange.create_order(symbol, "limit", "buy", 0.01, 50_000)
    found = [each["id"] for each in exchange.fetch_open_orders(symbol)]
    return [order["id"] in found, exchange.cancel_order(order["id"], symbol)["status"]]


print(json.dumps([trade("binance", "BTC/USDT"), trade("binanceusdm", "BTC/USDT:USDT")]))

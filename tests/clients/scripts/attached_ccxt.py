"""A ccxt bot that knows nothing of the mock: it hears of its own orders, which it cancels, on its own stream.

KEY and SECRET hold its key.  Where a proxy is set, it is given to ccxt as ccxt's manual says; else nothing is.
"""

import asyncio
import json
import os

import ccxt.pro

proxy = os.environ.get("HTTPS_PROXY")
options = {"httpsProxy": proxy, "wssProxy": proxy, "cafile": os.environ["SSL_CERT_FILE"]} if proxy else {}


async def trade(name, symbol):
    exchange = getattr(ccxt.pro, name)({"apiKey": os.environ["KEY"], "secret": os.environ["SECRET"], **options})
    try:
        await exchange.load_markets()
        heard = asyncio.create_task(exchange.watch_orders())
        placed: list[str] = []
        status = ""
        while not heard.done() and len(placed) < 20:  # ccxt does not say when its stream is up
            order = await exchange.create_order(symbol, "limit", "buy", 0.01, 50_000)
            placed.append(order["id"])
            status = (await exchange.cancel_order(order["id"], symbol))["status"]
            await asyncio.wait({heard}, timeout=1)
        return [(await heard)[0]["id"] in placed, status]
    finally:
        await exchange.close()


async def main():
    print(json.dumps([await trade("binance", "BTC/USDT"), await trade("binanceusdm", "BTC/USDT:USDT")]))


asyncio.run(main())

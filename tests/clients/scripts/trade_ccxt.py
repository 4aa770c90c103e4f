"""ccxt.pro: `watch_orders` and `watch_my_trades` in two loops, as its manual has them."""

import asyncio

from tests.clients.scripts import trading

SYMBOL = {"binance-spot": "BTC/USDT", "binance-futures": "BTC/USDT:USDT", "ftx": "BTC/USD"}[trading.VENUE]


async def main():
    ex = trading.lines()["ex"]

    async def watch_orders():
        while True:
            for row in await ex.watch_orders():
                trading.order(row["id"], row["status"], row["filled"])

    async def watch_trades():
        while True:
            for row in await ex.watch_my_trades():
                trading.fill(row["id"], row["order"], row["amount"])

    async def place(side, quantity, price):
        return (await ex.create_order(SYMBOL, "limit", side.lower(), float(quantity), float(price)))["id"]

    await ex.load_markets()
    watching = [asyncio.create_task(watch()) for watch in (watch_orders, watch_trades)]
    trading.ready("ccxt")
    await trading.obey(place, lambda order_id: ex.cancel_order(order_id, SYMBOL))
    for task in watching:
        task.cancel()
    await asyncio.gather(*watching, return_exceptions=True)
    await ex.close()


asyncio.run(main())

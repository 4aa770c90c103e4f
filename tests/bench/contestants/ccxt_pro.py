"""ccxt.pro: `watch_orders` in a loop, as its manual has it; only addresses are changed, from outside."""

import asyncio
import sys

import ccxt
import ccxt.pro

from tests.bench.contestants.meter import END, Meter


def moved(value: object, port: int) -> object:
    """The same addresses, all on this machine."""
    if isinstance(value, dict):
        return {name: moved(inner, port) for name, inner in value.items()}
    if isinstance(value, str) and value.startswith(("https://", "wss://")):
        scheme, _, rest = value.partition("://")
        return f"{'http' if scheme == 'https' else 'ws'}://127.0.0.1:{port}/{rest.partition('/')[2]}"
    return value


async def main(port: int) -> None:
    """Count orders."""
    meter = Meter(ccxt.__version__)
    options = {"fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False, "fetchMargins": False}
    client = ccxt.pro.binance({"apiKey": "bench-key", "secret": "bench-secret", "options": options})
    client.urls["api"] = moved(client.urls["api"], port)
    client.has["fetchCurrencies"] = False
    await client.load_markets()
    await client.authenticate({"type": "spot"})
    meter.ready()
    heard = 0
    while True:
        last = False
        for order in await client.watch_orders():
            heard += 1
            last = last or order["clientOrderId"].startswith(END)
        if last:
            if meter.lap(heard):
                break
            heard = 0
    await client.close()


asyncio.run(main(int(sys.argv[1])))

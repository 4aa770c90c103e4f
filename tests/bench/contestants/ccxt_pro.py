"""ccxt.pro: `watch_orders` in a loop, as its manual has it; only addresses are changed, from outside."""

import asyncio
import os

import ccxt
import ccxt.pro

from tests.bench.contestants.meter import END, Meter


def moved(value: object, meter: Meter) -> object:
    """The same addresses, all on this machine."""
    if isinstance(value, dict):
        return {name: moved(inner, meter) for name, inner in value.items()}
    if isinstance(value, str) and value.startswith(("https://", "wss://")):
        scheme, _, rest = value.partition("://")
        return f"{meter.http if scheme == 'https' else meter.ws}/{rest.partition('/')[2]}"
    return value


async def main() -> None:
    """Hear orders."""
    meter = Meter(ccxt.__version__)
    options = {"fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False, "fetchMargins": False}
    client = ccxt.pro.binance({"apiKey": "bench-key", "secret": "bench-secret", "options": options})
    if meter.secure:
        client.cafile = os.environ["SSL_CERT_FILE"]
    client.urls["api"] = moved(client.urls["api"], meter)
    client.has["fetchCurrencies"] = False
    await client.load_markets()
    await client.authenticate({"type": "spot"})
    meter.ready()
    done = False
    while not done:
        for order in await client.watch_orders():  # an order that it gave changes later, its `info` does not
            done = meter.hear(order["info"], order["clientOrderId"].startswith(END))
    await client.close()


asyncio.run(main())

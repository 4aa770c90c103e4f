"""ccxt.pro at FTX (2.1.74 was the last to know it): `watch_orders`, `watch_my_trades`; only addresses are changed."""

import asyncio
from typing import Any

import ccxt
import ccxt.pro

from tests.bench.contestants.meter import END, Meter

SILENCE_S = 0.5


async def trades(client: Any, meter: Meter) -> None:
    """Hear fills."""
    while True:
        meter.fills += len(await client.watch_my_trades())


async def main() -> None:
    """Hear orders."""
    meter = Meter(ccxt.__version__)
    client = ccxt.pro.ftx({"apiKey": "bench-key", "secret": "bench-secret", "newUpdates": True})
    client.urls["api"] = {"public": meter.http, "private": meter.http, "ws": f"{meter.ws}/ws"}
    await client.load_markets()
    other = asyncio.create_task(trades(client, meter))
    hearing = asyncio.create_task(client.watch_orders())
    await asyncio.sleep(1)  # it does not tell when it is subscribed
    meter.ready()
    done, ends = False, set[str]()
    while not done:
        await asyncio.wait({hearing}, timeout=SILENCE_S)
        rows = client.orders or ()  # what came between two calls is told with the next message only, if one comes
        if hearing.done():
            rows, hearing = hearing.result(), asyncio.create_task(client.watch_orders())
        else:
            rows = [row for row in rows if row["clientOrderId"].startswith(END) and row["id"] not in ends]
        for row in rows:
            last = row["clientOrderId"].startswith(END) and row["id"] not in ends
            if last:
                ends.add(row["id"])
            done = meter.hear(row["info"], last) or done
    other.cancel()
    hearing.cancel()
    await client.close()


asyncio.run(main())

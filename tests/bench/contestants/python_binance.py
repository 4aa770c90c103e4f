"""python-binance: `user_socket` in a loop, as its documentation has it; only addresses are changed, from outside."""

import asyncio
from importlib.metadata import version

from binance import AsyncClient, BinanceSocketManager

from tests.bench.contestants.meter import END, Meter


async def main() -> None:
    """Hear reports."""
    meter = Meter(version("python-binance"))
    AsyncClient.API_URL = f"{meter.http}/api"
    AsyncClient.WS_API_URL = f"{meter.ws}/ws-api/v3"
    client = await AsyncClient.create("bench-key", "bench-secret")
    async with BinanceSocketManager(client).user_socket() as socket:
        meter.ready()
        done = False
        while not done:
            report = await socket.recv()
            done = meter.hear(report, report["c"].startswith(END))
    await client.close_connection()


asyncio.run(main())

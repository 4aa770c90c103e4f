"""python-binance: `user_socket` in a loop, as its documentation has it; only addresses are changed, from outside."""

import asyncio
import sys
from importlib.metadata import version

from binance import AsyncClient, BinanceSocketManager

from tests.bench.contestants.meter import END, Meter


async def main(port: int) -> None:
    """Count reports."""
    meter = Meter(version("python-binance"))
    AsyncClient.API_URL = f"http://127.0.0.1:{port}/api"
    AsyncClient.WS_API_URL = f"ws://127.0.0.1:{port}/ws-api/v3"
    client = await AsyncClient.create("bench-key", "bench-secret")
    heard = 0
    async with BinanceSocketManager(client).user_socket() as socket:
        meter.ready()
        while True:
            report = await socket.recv()
            heard += 1
            if report["c"].startswith(END):
                if meter.lap(heard):
                    break
                heard = 0
    await client.close_connection()


asyncio.run(main(int(sys.argv[1])))

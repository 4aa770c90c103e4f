"""exchstream as its README uses it: events of an account that is live.

Arguments: the port, the durability of a journal on disk ("memory" or nothing: there is none), and the transport.
"""

import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import trio

import exchstream
from exchstream import BinanceSpot, Fill, GapClosed, JournalFile, OrderUpdate, open_stream
from tests.bench.contestants.meter import END, Meter


async def main(port: str, folder: str, durability: Any = "memory", transport: Any = "trio-websocket") -> None:
    """Count events."""
    file = None if durability == "memory" else JournalFile(Path(folder) / "orders.db", durability)
    meter = Meter(exchstream.__version__)
    account = BinanceSpot(
        api_key="bench-key",
        api_secret="bench-secret",
        environment="bench",
        rest_url=f"http://127.0.0.1:{port}",
        ws_url=f"ws://127.0.0.1:{port}/ws-api/v3",
        stream_url=f"ws://127.0.0.1:{port}",
        lag_ns=100_000_000,  # the start takes two looks, this far apart; nothing else depends on it here
    )
    orders = fills = 0
    async with open_stream(account, journal=file, transport=transport) as stream:
        async for event in stream:
            match event:
                case OrderUpdate(client_order_id=client):
                    orders += 1
                    if client is not None and client.startswith(END):
                        if meter.lap(orders, fills):
                            return
                        orders = fills = 0
                case Fill():
                    fills += 1
                case GapClosed(complete=True):
                    meter.ready()


with tempfile.TemporaryDirectory() as name:
    trio.run(partial(main, sys.argv[1], name, *sys.argv[2:]))

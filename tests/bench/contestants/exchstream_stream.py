"""exchstream as its README uses it: events of accounts that are live.

Arguments: the terms, the transport, the durability of a journal on disk ("none" or nothing: there is none; "memory":
neither, but with as much memory as beside one), and the venue ("ftx", or nothing for Binance spot).
"""

import json
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import trio

import exchstream
from exchstream import BinanceSpot, Fill, Ftx, GapClosed, JournalFile, OrderUpdate, open_stream
from exchstream.shell.stream import MEMORY_EVENTS
from tests.bench.contestants.lifted import LIFTED, ROOM
from tests.bench.contestants.meter import END, Meter


class Updates(Meter):
    """What was sent stands in `raw`."""

    def number(self, report: Any) -> int:
        """From the text of the frame."""
        return super().number(json.loads(report.raw))


def account(meter: Meter, number: int) -> BinanceSpot:
    """One of the accounts."""
    return BinanceSpot(
        name=f"account-{number}",
        api_key=f"bench-key-{number}",
        api_secret="bench-secret",
        environment="bench",
        rest_url=meter.http,
        ws_url=f"{meter.ws}/ws-api/v3",
        stream_url=meter.ws,
        **LIFTED,
    )


def ftx(meter: Meter, number: int) -> Ftx:
    """One of the accounts, at FTX."""
    return Ftx(
        name=f"account-{number}",
        api_key=f"bench-key-{number}",
        api_secret="bench-secret",
        rest_url=meter.http,
        ws_url=f"{meter.ws}/ws/",
        lag_ns=LIFTED["lag_ns"],
    )


async def main(
    folder: str, transport: Any = "trio-websocket", durability: Any = "none", venue: str = "binance-spot"
) -> None:
    """Hear events."""
    file = None if durability in ("none", "memory") else JournalFile(Path(folder) / "orders.db", durability)
    meter = Updates(exchstream.__version__)
    make = ftx if venue == "ftx" else account
    accounts = [make(meter, number) for number in range(meter.accounts)]
    live, states, executions = 0, meter.told.states, meter.told.executions
    # Many accounts fill the memory while one reader waits for its turn, and one alone fills it faster than a disk takes
    # it: what a blast brings at once must fit, or the link is dropped.  What these are compared to has as much.
    kept = MEMORY_EVENTS if durability == "none" else ROOM
    async with open_stream(*accounts, journal=file, transport=transport, memory_events=kept) as stream:
        async for event in stream:
            match event:
                case OrderUpdate(order_id=order, status=status, client_order_id=client):
                    states.append(order)
                    states.append(status)
                    if meter.hear(event, client is not None and client.startswith(END)):
                        return
                case Fill(order_id=order, trade_id=trade):
                    executions.append(order)
                    executions.append(trade)
                    meter.fills += 1
                case GapClosed(complete=True):
                    live += 1
                    if live == meter.accounts:
                        meter.ready()


with tempfile.TemporaryDirectory() as name:
    trio.run(partial(main, name, *sys.argv[2:]))

"""pybotters: `ws_connect` with a `WebSocketQueue`, on a listen key's socket."""

import asyncio
from importlib.metadata import version

import pybotters

from tests.bench.contestants.meter import END, Meter


async def main() -> None:
    """Hear reports."""
    meter = Meter(version("pybotters"))
    async with pybotters.Client() as client:
        answer = await client.fetch("POST", f"{meter.http}/api/v3/userDataStream")
        queue = pybotters.WebSocketQueue()
        await client.ws_connect(f"{meter.ws}/ws/{answer.data['listenKey']}", hdlr_json=queue.onmessage)
        meter.ready()
        async for report in queue:
            if meter.hear(report, report["c"].startswith(END)):
                return


asyncio.run(main())

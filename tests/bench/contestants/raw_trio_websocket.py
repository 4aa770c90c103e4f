"""The floor of the default transport: trio-websocket as its documentation uses it, and nothing done with the text."""

import sys
from importlib.metadata import version

import trio
from trio_websocket import open_websocket_url

from tests.bench.contestants.meter import END, Meter

SUBSCRIBE = '{"id":"1","method":"userDataStream.subscribe"}'


async def main(port: int) -> None:
    """Count texts."""
    meter = Meter(version("trio-websocket"))
    last = f'"c":"{END}'
    async with open_websocket_url(f"ws://127.0.0.1:{port}/ws-api/v3") as socket:
        await socket.send_message(SUBSCRIBE)
        await socket.get_message()
        meter.ready()
        heard = 0
        while True:
            text = await socket.get_message()
            heard += 1
            if last in text:
                if meter.lap(heard):
                    return
                heard = 0


trio.run(main, int(sys.argv[1]))

"""unicorn-binance-websocket-api: dicts from a stream's asyncio queue; only addresses are changed.

The argument is the library that carries its WebSockets: "websockets" or "picows".
"""

import os
import sys
import threading
from importlib.metadata import version

from unicorn_binance_websocket_api import BinanceWebSocketApiManager

from tests.bench.contestants.meter import END, Meter


def main(library: str) -> None:
    """Hear reports in the stream's own loop."""
    meter = Meter(version("unicorn-binance-websocket-api"))
    manager = BinanceWebSocketApiManager(
        exchange="binance.com",
        warn_on_update=False,
        output_default="dict",
        websocket_base_uri=f"{meter.ws}/",
        websocket_api_base_uri=f"{meter.ws}/ws-api/v3",
        restful_base_uri=f"{meter.http}/",
        websocket_library=library,
    )

    async def hear(stream_id: str) -> None:
        meter.ready()  # nothing tells when it has subscribed; the server waits for that
        while True:
            message = await manager.get_stream_data_from_asyncio_queue(stream_id)
            manager.asyncio_queue_task_done(stream_id)
            if meter.hear(message, message["event"]["c"].startswith(END)):
                os._exit(0)  # its threads take seconds to end

    manager.create_stream(
        "arr", "!userData", api_key="bench-key", api_secret="bench-secret", process_asyncio_queue=hear
    )
    threading.Event().wait()  # its own threads work


main(sys.argv[2])

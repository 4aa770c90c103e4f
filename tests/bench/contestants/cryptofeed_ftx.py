"""cryptofeed at FTX (2.3.1 was the last to know it): `ORDER_INFO`, `FILLS` by callbacks; only addresses are changed."""

import asyncio
import os
from dataclasses import replace
from importlib.metadata import version
from typing import Any, ClassVar

from cryptofeed import FeedHandler
from cryptofeed.defines import FILLS, ORDER_INFO
from cryptofeed.exchanges import FTX

from tests.bench.contestants.cryptofeed_here import OnThisMachine
from tests.bench.contestants.meter import END, Meter

METER = Meter(version("cryptofeed"))


class Here(OnThisMachine, FTX):  # type: ignore[misc]
    """The same on this machine."""

    meter = METER
    api = f"{METER.http}/api"
    rest_endpoints: ClassVar = [replace(each, address=METER.http) for each in FTX.rest_endpoints]
    websocket_endpoints: ClassVar = [
        replace(each, address=f"{METER.ws.replace('ws:', 'wss:')}/ws/") for each in FTX.websocket_endpoints
    ]  # it takes no other


async def on_order(order: Any, _: float) -> None:  # noqa: ASYNC124 (cryptofeed awaits it)
    """Hear an order."""
    if METER.hear(order, (order.raw["data"]["clientId"] or "").startswith(END)):
        os._exit(0)  # its own end waits for a signal, and then a while


async def on_fill(fill: Any, _: float) -> None:  # noqa: ASYNC124
    """Hear a fill."""
    METER.fills += 1


def main() -> None:
    """Follow them until the last."""
    keys = {"key_id": "bench-key", "key_secret": "bench-secret"}
    # uvloop is its default, which a configuration of one's own leaves out.
    config = {"log": {"disabled": True}, "uvloop": True, "ftx": keys}
    handler = FeedHandler(config=config)
    asyncio.set_event_loop(asyncio.new_event_loop())  # of the kind that the handler has chosen
    callbacks = {ORDER_INFO: on_order, FILLS: on_fill}
    handler.add_feed(Here(config=config, channels=[ORDER_INFO, FILLS], symbols=["BTC-USD"], callbacks=callbacks))
    handler.run()


main()

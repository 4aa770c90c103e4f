"""cryptofeed: `ORDER_INFO` by a callback of a `FeedHandler`; only addresses are changed.

It knows no other private channel of Binance spot than listen keys, which the venue ended in February 2026.
"""

import asyncio
import os
from importlib.metadata import version
from typing import Any, ClassVar

from cryptofeed import FeedHandler
from cryptofeed.connection import RestEndpoint, Routes, WebsocketEndpoint
from cryptofeed.defines import ORDER_INFO
from cryptofeed.exchanges import Binance

from tests.bench.contestants.cryptofeed_here import OnThisMachine
from tests.bench.contestants.meter import END, Meter


class Orders(Meter):
    """What was sent stands in `raw`."""

    def number(self, report: Any) -> int:
        return super().number(report.raw)


METER = Orders(version("cryptofeed"))


class Here(OnThisMachine, Binance):  # type: ignore[misc]
    """The same on this machine."""

    meter = METER
    websocket_endpoints: ClassVar = [WebsocketEndpoint(METER.ws.replace("ws:", "wss:"))]  # it takes no other
    rest_endpoints: ClassVar = [
        RestEndpoint(METER.http, routes=Routes("/api/v3/exchangeInfo", authentication="/api/v3/userDataStream"))
    ]


async def on_order(order: Any, _: float) -> None:  # noqa: ASYNC124 (cryptofeed awaits it)
    """Hear an order."""
    if METER.hear(order, order.raw["c"].startswith(END)):
        os._exit(0)  # its own end waits for a signal, and then a while


def main() -> None:
    """Follow them until the last."""
    keys = {"key_id": "bench-key", "key_secret": "bench-secret"}
    # uvloop is its default, which a configuration of one's own leaves out.
    config = {"log": {"disabled": True}, "uvloop": True, "binance": keys}
    handler = FeedHandler(config=config)
    asyncio.set_event_loop(asyncio.new_event_loop())  # of the kind that the handler has chosen
    handler.add_feed(Here(config=config, channels=[ORDER_INFO], symbols=["BTC-USDT"], callbacks={ORDER_INFO: on_order}))
    handler.run()


main()

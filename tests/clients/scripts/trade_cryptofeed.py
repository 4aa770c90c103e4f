"""cryptofeed: `ORDER_INFO` and `FILLS` by callbacks of a `FeedHandler`.  It cannot place orders at FTX."""

import asyncio
import os
import signal

from cryptofeed import FeedHandler
from cryptofeed.defines import FILLS, ORDER_INFO

from tests.clients.scripts import trading


async def on_order(told, _):  # noqa: ASYNC124 (cryptofeed awaits it)
    trading.order(told.id, told.status, told.raw["data"]["filledSize"])


async def on_fill(told, _):  # noqa: ASYNC124
    trading.fill(told.id, told.order_id, told.amount)


async def until_told():
    trading.ready("cryptofeed")
    await trading.obey(None, None)
    os.kill(os.getpid(), signal.SIGINT)  # how its handler is ended


def main():
    space = trading.lines()
    config = {"log": {"disabled": True}, "uvloop": False, **space["config"]}
    handler = FeedHandler(config=config)
    wanted = {"channels": [ORDER_INFO, FILLS], "symbols": ["BTC-USD"]}
    handler.add_feed(space["Mock"](config=config, callbacks={ORDER_INFO: on_order, FILLS: on_fill}, **wanted))
    loop = asyncio.get_event_loop()
    task = loop.create_task(until_told())
    handler.run()
    assert task.done()


main()

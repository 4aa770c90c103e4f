"""A python-binance bot that hears of its own orders on its own streams, and cancels them.

KEY and SECRET hold its key.  With LINES (as `python -m mockserver clients python-binance` prints them) it connects as
they say; without, it knows nothing of the mock, and its session reads the environment.
"""

import asyncio
import json
import os

from binance import AsyncClient, BinanceSocketManager

LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "50000",
}


async def plain():
    client = await AsyncClient.create(os.environ["KEY"], os.environ["SECRET"], session_params={"trust_env": True})
    return client, BinanceSocketManager(client)


async def trade(socket, place, cancel):
    async with socket as stream:
        order = await place(**LIMIT)
        told = await asyncio.wait_for(stream.recv(), 20)
        about = told["o"] if told["e"] == "ORDER_TRADE_UPDATE" else told
        gone = await cancel(symbol="BTCUSDT", orderId=order["orderId"])
        return [told["e"], about["i"] == order["orderId"], gone["status"]]


async def main():
    space = {"connect": plain}
    exec(os.environ.get("LINES", ""), space)
    client, sockets = await space["connect"]()
    said = []
    for venue in os.environ["VENUES"].split():
        if venue == "binance-spot":
            said.append(await trade(sockets.user_socket(), client.create_order, client.cancel_order))
        else:
            futures = (client.futures_create_order, client.futures_cancel_order)
            said.append(await trade(sockets.futures_user_socket(), *futures))
    await client.close_connection()
    print(json.dumps(said))


asyncio.run(main())

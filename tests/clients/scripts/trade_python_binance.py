"""python-binance: `user_socket` and `futures_user_socket` in a loop, as its documentation has it."""

import asyncio

from tests.clients.scripts import trading

LIMIT = {"symbol": "BTCUSDT", "type": "LIMIT", "timeInForce": "GTC"}


async def main():
    client, sockets = await trading.lines()["connect"]()
    if trading.VENUE == "binance-spot":
        socket, create, drop = sockets.user_socket(), client.create_order, client.cancel_order
    else:
        socket, create, drop = sockets.futures_user_socket(), client.futures_create_order, client.futures_cancel_order

    async def listen():
        while True:
            trading.report(await socket.recv())

    async def place(**wanted):
        return (await create(**LIMIT, **wanted))["orderId"]

    async with socket:
        listening = asyncio.create_task(listen())
        trading.ready("python-binance")
        await trading.obey(place, lambda order_id: drop(symbol="BTCUSDT", orderId=order_id))
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    await client.close_connection()


asyncio.run(main())

"""pybotters: `ws_connect` with a handler; orders by its signed REST."""

import asyncio

from tests.clients.scripts import trading

ORDER = {"binance-spot": "/api/v3/order", "binance-futures": "/fapi/v1/order"}[trading.VENUE]
LIMIT = {"symbol": "BTCUSDT", "type": "LIMIT", "timeInForce": "GTC"}


def hear(message, _):
    trading.report(message.get("event", message))


async def listen(client, url):
    """Follow the account: a signed subscription at spot, a listen key, kept by its store, at USD-M."""
    if trading.VENUE == "binance-spot":
        subscribe = {"id": "1", "method": "userDataStream.subscribe.signature", "params": {}}
        return await client.ws_connect(url, send_json=subscribe, hdlr_json=hear)
    import pybotters

    store = pybotters.BinanceUSDSMDataStore()
    await store.initialize(client.post("/fapi/v1/listenKey"))
    return await client.ws_connect(f"{url}?listenKey={store.listenkey}", hdlr_json=hear)


async def main():
    space = trading.lines()
    async with space["connect"]() as client:
        socket = await listen(client, space["ws_url"])

        async def place(**wanted):
            return (await client.fetch("POST", ORDER, data={**LIMIT, **wanted})).data["orderId"]

        async def cancel(order_id):
            await client.fetch("DELETE", ORDER, params={"symbol": "BTCUSDT", "orderId": order_id})

        trading.ready("pybotters")
        await trading.obey(place, cancel)
        await socket.current_ws.close()


asyncio.run(main())

"""The official SDKs: `user_data_stream_subscribe_signature` at spot, `user_data` at USD-M.

Spot's orders go by REST, those of USD-M by the WebSocket API, which gives the listen key too.
"""

import asyncio

from tests.clients.scripts import trading

PACKAGE = {
    "binance-spot": "binance-sdk-spot",
    "binance-futures": "binance-sdk-derivatives-trading-usds-futures",
}[trading.VENUE]
LIMIT = {"symbol": "BTCUSDT", "type": "LIMIT", "time_in_force": "GTC"}


def hear(data):
    """Hand over what the SDK made of a message: a model with the letters of the wire, named by what `e` was."""
    event = data.actual_instance
    name = {"ExecutionReport": "executionReport", "OrderTradeUpdate": "ORDER_TRADE_UPDATE"}.get(type(event).__name__)
    trading.report({**event.model_dump(by_alias=True), "e": name})


async def main():
    client = trading.lines()["client"]
    if trading.VENUE == "binance-spot":
        api = client.websocket_api
        connection = await api.create_connection()
        stream = (await connection.user_data_stream_subscribe_signature()).stream
    else:
        api = client.websocket_api
        await api.create_connection()
        key = (await api.start_user_data_stream()).data().result.listen_key
        connection = await client.websocket_streams.create_connection()
        stream = await connection.user_data(listenKey=key)
    stream.on("message", hear)

    async def place(side, quantity, price):
        terms = {**LIMIT, "side": side, "quantity": float(quantity), "price": float(price)}
        if trading.VENUE == "binance-spot":
            return (await asyncio.to_thread(lambda: client.rest_api.new_order(**terms))).data().order_id
        return (await api.new_order(**terms)).data().result.order_id

    async def cancel(order_id):
        if trading.VENUE == "binance-spot":
            await asyncio.to_thread(lambda: client.rest_api.delete_order("BTCUSDT", order_id=int(order_id)))
        else:
            await api.cancel_order("BTCUSDT", order_id=int(order_id))

    trading.ready(PACKAGE)
    await trading.obey(place, cancel)
    await connection.close_connection(close_session=True)


asyncio.run(main())

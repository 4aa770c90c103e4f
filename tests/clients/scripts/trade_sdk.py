"""The official SDKs: `user_data_stream_subscribe_signature` at spot, a listen key and `user_data` at USD-M."""

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
        key = client.rest_api.start_user_data_stream().data().listen_key
        connection = await client.websocket_streams.create_connection()
        stream = await connection.user_data(listenKey=key)
    stream.on("message", hear)

    def place(side, quantity, price):
        answer = client.rest_api.new_order(**LIMIT, side=side, quantity=float(quantity), price=float(price))
        return answer.data().order_id

    def cancel(order_id):
        if trading.VENUE == "binance-spot":
            client.rest_api.delete_order("BTCUSDT", order_id=order_id)
        else:
            client.rest_api.cancel_order("BTCUSDT", order_id=order_id)

    trading.ready(PACKAGE)
    await trading.obey(
        lambda **wanted: asyncio.to_thread(lambda: place(**wanted)),
        lambda order_id: asyncio.to_thread(lambda: cancel(int(order_id))),
    )
    await connection.close_connection(close_session=True)


asyncio.run(main())

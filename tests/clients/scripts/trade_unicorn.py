"""unicorn-binance-websocket-api: a user data stream read from its buffer; orders by its WebSocket API, or its REST.

Its `return_response` is not used: by its source it notes that it waits after it has sent, and an answer from this
machine may be there before.
"""

import asyncio
import json

from tests.clients.scripts import trading

POLL_S = 0.01


async def main():
    """At spot it has one more socket, for orders; at USD-M its REST part is used."""
    manager, events, orders, rest = map(trading.lines().get, ("manager", "events", "orders", "rest"))

    async def following(stream):
        while True:
            while not (text := manager.pop_stream_data_from_stream_buffer(stream)):  # noqa: ASYNC110 (it tells nobody)
                await asyncio.sleep(POLL_S)
            yield json.loads(text)

    async def listen():
        async for message in following(events):
            trading.report(message.get("event", message))

    async def answer():
        async for message in following(orders):
            if "result" in message:
                return message["result"]

    async def place(side, quantity, price):
        if rest is not None:
            limit = {"type": "LIMIT", "timeInForce": "GTC", "side": side, "quantity": quantity, "price": price}
            return rest.futures_create_order(symbol="BTCUSDT", **limit)["orderId"]
        limit = {"order_type": "LIMIT", "time_in_force": "GTC", "quantity": float(quantity), "price": float(price)}
        manager.api.spot.create_order(stream_id=orders, symbol="BTCUSDT", side=side, **limit)
        return (await answer())["orderId"]

    async def cancel(order_id):
        if rest is not None:
            rest.futures_cancel_order(symbol="BTCUSDT", orderId=order_id)
        else:
            manager.api.spot.cancel_order(stream_id=orders, symbol="BTCUSDT", order_id=int(order_id))
            await answer()

    listening = asyncio.create_task(listen())
    trading.ready("unicorn-binance-websocket-api")
    try:
        await trading.obey(place, cancel)
    finally:
        listening.cancel()
        manager.stop_manager()


asyncio.run(main())

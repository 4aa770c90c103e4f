"""binance-connector and binance-futures-connector: a listen key, then `user_data` on their stream clients."""

import asyncio
import json

from tests.clients.scripts import trading

LIMIT = {"symbol": "BTCUSDT", "type": "LIMIT", "timeInForce": "GTC"}


def hear(_, text):
    trading.report(json.loads(text))


def main():
    space = trading.lines()
    client, open_streams = space["client"], space["open_streams"]
    if trading.VENUE == "binance-spot":
        package, key = "binance-connector", client.new_listen_key()["listenKey"]
    else:
        package, key = "binance-futures-connector", client.new_listen_key()["listenKey"]
    streams = open_streams(hear)
    streams.user_data(listen_key=key)
    trading.ready(package)

    def place(**wanted):
        return client.new_order(**LIMIT, **wanted)["orderId"]

    asyncio.run(trading.obey(place, lambda order_id: client.cancel_order("BTCUSDT", orderId=int(order_id))))
    streams.stop()


main()

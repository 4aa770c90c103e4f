"""A bot that knows nothing of the mock, with the standard library alone: it places an order and cancels it.

The variables KEY and SECRET hold its key. What it says is JSON. Its exit code is 7, to see that it is passed on.
"""

import hashlib
import hmac
import json
import os
import sys
import time
import urllib.request


def call(method, **values):
    query = "&".join(f"{name}={value}" for name, value in values.items()) + f"&timestamp={time.time_ns() // 10**6}"
    signature = hmac.new(os.environ["SECRET"].encode(), query.encode(), hashlib.sha256).hexdigest()
    request = urllib.request.Request(
        f"https://api.binance.com/api/v3/order?{query}&signature={signature}",
        method=method,
        headers={"X-MBX-APIKEY": os.environ["KEY"]},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


order = call("POST", symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.01", price="50000")
gone = call("DELETE", symbol="BTCUSDT", orderId=order["orderId"])
print(json.dumps([order["status"], gone["status"]]))
sys.exit(7)

"""What every trader does alike: it is pointed at the mock, places and cancels when told to, and prints what it hears.

Only the standard library of any Python: clients run in environments of their own.  The environment holds VENUE and
LINES, the lines by which the client is pointed at the mock.  One request a line on standard input, its end ends the
trader:

    {"place": {"side": "BUY", "quantity": "0.02", "price": "60000"}}   and   {"cancel": order id}

On standard output, one JSON object a line:

    {"ready": version, "control": URL}                              the stream was asked for; the URL only under `exec`
    {"placed": order id}   and   {"cancelled": order id}            the answer to a request
    {"order": order id, "status": word, "filled": text}             what the client's own stream told of an order
    {"fill": trade id, "order": order id, "quantity": text}         what it told of a fill
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from decimal import Decimal
from importlib.metadata import version

VENUE = os.environ["VENUE"]


def lines():
    """What the lines leave behind, by name."""
    space: dict[str, object] = {}
    exec(os.environ["LINES"], space)
    return space


def ready(package):
    """The client was told to listen."""
    _say(ready=version(package), control=os.environ.get("MOCKSERVER_CONTROL"))


def order(order_id, status, filled):
    """The stream told of an order."""
    _say(order=str(order_id), status=str(status), filled=_text(filled))


def fill(trade_id, order_id, quantity):
    """The stream told of a fill."""
    _say(fill=str(trade_id), order=str(order_id), quantity=_text(quantity))


def report(message):
    """A message of Binance, spot or futures, as the client hands it over."""
    told = message.get("o") if message.get("e") == "ORDER_TRADE_UPDATE" else message
    if message.get("e") not in ("executionReport", "ORDER_TRADE_UPDATE"):
        return
    order(told["i"], told["X"], told["z"])
    if told["x"] == "TRADE":
        fill(told["t"], told["i"], told["l"])


async def obey(place, cancel):
    """Do what is asked, by functions that may be coroutines: `place(side, quantity, price)` gives the order's id."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        request = json.loads(line)
        if "place" in request:
            _say(placed=str(await _done(place(**request["place"]))))
        else:
            await _done(cancel(request["cancel"]))
            _say(cancelled=request["cancel"])


async def _done(result):
    return await result if hasattr(result, "__await__") else result


def _text(number):
    return f"{Decimal(str(number)).normalize():f}"


def _say(**message):
    sys.stdout.write(json.dumps(message) + "\n")  # in one piece: clients call back from threads of their own
    sys.stdout.flush()

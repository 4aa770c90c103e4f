"""USD-M's calls about several orders at once: each is answered for itself, with its order or with why it was refused.

The answer is 200 whatever became of them. Placing and changing takes 5 orders at most, and counts as 5 against the
order rate of ten seconds and as one against that of a minute; cancelling takes 10 (USD-M docs, 2026-01). The venue
promises no order among them; here they are done in that of the list.
What this module does not do: anything that the call about one order does not do too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import evolve

from mockserver.faces.binance import errors
from mockserver.faces.binance import futures_orders as orders
from mockserver.faces.binance.errors import Refused
from mockserver.faces.binance.params import Params, from_json, loads_exact
from mockserver.faces.binance.routes import Call, Handler
from mockserver.faces.binance.text import ms

MOST: Final = 5
MOST_CANCELS: Final = 10
CANCEL_NAMES: Final = "symbol orderIdList origClientOrderIdList orderidlist origclientorderidlist"
"""ccxt spells the lists in small letters."""
PER_ORDER: Final = frozenset({"recvWindow", "timestamp"})
"""What the page names for each order too; it means nothing there."""


def place(call: Call) -> object:
    """Place up to five orders."""
    return _rated(call, orders.place, orders.PLACE_NAMES)


def modify(call: Call) -> object:
    """Change price and quantity of up to five orders."""
    return _rated(call, orders.modify, orders.MODIFY_NAMES)


def cancel(call: Call) -> object:
    """Cancel up to ten orders of a symbol, by their ids or else by their client ids."""
    symbol = call.instrument().name
    for name, key in (("orderIdList", "orderId"), ("origClientOrderIdList", "origClientOrderId")):
        wanted = _list(call.params, name) or _list(call.params, name.lower())
        if wanted is None:
            continue
        if not 1 <= len(wanted) <= MOST_CANCELS:
            raise Refused(errors.not_valid(name))
        return [_one(call, orders.cancel, from_json({"symbol": symbol, key: each})) for each in wanted]
    raise Refused(errors.missing_both("orderIdList", "origClientOrderIdList"))


def _rated(call: Call, act: Handler, names: str) -> object:
    """Do this with each order of the list, all of them counted against the account's order rate."""
    wanted = _list(call.params, "batchOrders")
    if wanted is None:
        raise Refused(errors.missing("batchOrders"))
    if not 1 <= len(wanted) <= MOST:
        raise Refused(errors.BAD_BATCH_SIZE)
    given = [each for each in wanted if isinstance(each, Mapping)]
    if len(given) != len(wanted):
        raise Refused(errors.not_valid("batchOrders"))
    now_ms = ms(call.now_ns)
    call.limits.check_order(call.account, now_ms)
    call.limits.count_order(call.account, now_ms, shortest=MOST)
    return [_one(call, act, from_json(each), frozenset(names.split()) | PER_ORDER) for each in given]


def _one(call: Call, act: Handler, params: Params, names: frozenset[str] | None = None) -> object:
    """Return the answer about one order, be it a refusal."""
    try:
        if names is not None:
            params.only(names)
        return act(evolve(call, params=params))
    except Refused as refused:
        return refused.refusal.body()


def _list(params: Params, name: str) -> list[object] | None:
    """Return a parameter that is a list in JSON, None if it was not sent."""
    sent = params.text(name)
    if sent is None:
        return None
    try:
        value = loads_exact(sent)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, list):
        raise Refused(errors.not_valid(name))
    return value

"""FTX's trigger orders: stop, take profit and trailing stop (`/conditional_orders`).

A trigger order is no order: it has an id of its own, is in no channel, and when it is set off an ordinary order with
another id appears, which nothing but `GET /conditional_orders/{id}/triggers` links to it (2022). Requests and rows are
those of ccxt 2.1.74, with an answer of June 2022. Triggers look at trades.

What it does not do: `retryUntilFilled` is told again and nothing is retried.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from mockserver.engine.types import (
    AlgoOrder,
    AlgoStatus,
    CancelAlgo,
    OrderType,
    Place,
    PlaceAlgo,
    Reject,
    RejectReason,
    Side,
    TimeInForce,
    TriggerWhen,
)
from mockserver.faces.ftx import errors
from mockserver.faces.ftx.markets import Market
from mockserver.faces.ftx.orders import MAX_DIGITS, refusal_of, size_of, ticks_of
from mockserver.faces.ftx.rest import Call, Result, amount, flag, market, refuse, text_field
from mockserver.faces.ftx.wire import DOUBLE, Json, iso

HISTORY_LIMIT: Final = 100  # as of orders
# "accepts takeProfit in camelCase notation but returns take_profit with underscore" (ccxt)
TYPES: Final = {"stop": "stop", "takeProfit": "take_profit", "trailingStop": "trailing_stop"}
_DONE: Final = (AlgoStatus.TRIGGERING, AlgoStatus.TRIGGERED, AlgoStatus.FINISHED, AlgoStatus.REJECTED)


def place(call: Call) -> Result:
    """`POST /conditional_orders`."""
    body = call.body()
    traded = market(text_field(body, "market"))
    side = {"buy": Side.BUY, "sell": Side.SELL}.get(text_field(body, "side")) or refuse(errors.invalid("side"))
    kind = TYPES.get(text_field(body, "type")) or refuse(errors.invalid("type"))
    return Result(
        _placed(call, traded, _command(call, traded, side, kind, body, size_of(traded, amount(body, "size"))))
    )


def modify(call: Call, order_id: str) -> Result:
    """`POST /conditional_orders/{id}/modify`: another trigger order takes its place; that its id is new is assumed."""
    old = _find(call, order_id)
    if not old.status.is_open:
        refuse(errors.ORDER_ALREADY_CLOSED)
    body, traded = call.body(), market(old.child.instrument)
    size = amount(body, "size")
    steps = size_of(traded, size) if size is not None else old.child.quantity
    assert steps is not None  # it has a size
    merged = {**_asked(old, traded), **{name: value for name, value in body.items() if value is not None}}
    command = _command(call, traded, old.child.side, _tag(old, "type"), merged, steps)
    placed = _placed(call, traded, command)
    call.exchange.submit(CancelAlgo(account=call.ledger, algo_id=old.algo_id))
    return Result(placed)


def _asked(old: AlgoOrder, traded: Market) -> dict[str, Json]:
    """What a trigger order was asked for, as a body."""
    trigger, child = old.trigger, old.child
    distance = trigger.trail_distance
    return {
        "triggerPrice": trigger.price,
        "trailValue": None if distance is None else distance * child.side.sign,
        "orderPrice": None if child.price is None else traded.instrument.price(child.price),
        "reduceOnly": child.reduce_only,
        "retryUntilFilled": _tag(old, "retry") == "true",
    }


def _command(call: Call, traded: Market, side: Side, kind: str, body: Mapping[str, Json], steps: int) -> PlaceAlgo:
    limit = amount(body, "orderPrice")
    if limit is not None and kind == "trailing_stop":
        refuse(errors.invalid("orderPrice"))
    reduce_only = flag(body, "reduceOnly")
    if reduce_only and not traded.is_future:
        refuse(errors.SPOT_REDUCE_ONLY)
    retries = flag(body, "retryUntilFilled") if body.get("retryUntilFilled") is not None else limit is None
    last = traded.instrument.price(call.exchange.engine.last_price(traded.name))
    above = (side is Side.BUY) == (kind == "stop")
    return PlaceAlgo(
        child=Place(
            account=call.ledger,
            instrument=traded.name,
            side=side,
            type=OrderType.MARKET if limit is None else OrderType.LIMIT,
            quantity=steps,
            price=None if limit is None else ticks_of(traded, limit),
            tif=TimeInForce.IOC if limit is None else TimeInForce.GTC,
            unique_client_id="ever",
            reduce_only=reduce_only,
        ),
        trigger_price=None if kind == "trailing_stop" else _trigger_price(traded, body),
        when=TriggerWhen.ABOVE if above else TriggerWhen.BELOW,
        trail_distance=_distance(side, body) if kind == "trailing_stop" else None,
        tags=(("type", kind), ("retry", str(retries).lower()), ("start", str(last))),
    )


def _trigger_price(traded: Market, body: Mapping[str, Json]) -> Decimal:
    price = amount(body, "triggerPrice")
    if price is None:
        refuse(errors.missing("triggerPrice"))
    return traded.instrument.price(ticks_of(traded, price))


def _distance(side: Side, body: Mapping[str, Json]) -> Decimal:
    """How far a trailing stop lies from the best price: `trailValue` is negative for a sell, positive for a buy."""
    value = amount(body, "trailValue")
    if value is None:
        refuse(errors.missing("trailValue"))
    return value * side.sign if value * side.sign > 0 else refuse(errors.invalid("trailValue"))


def _placed(call: Call, traded: Market, command: PlaceAlgo) -> Json:
    reply = call.exchange.submit(command)
    if reply.reject is not None:
        refuse(_refusal(reply.reject, traded, command))
    assert reply.algo is not None
    return _row(call, reply.algo)


def _refusal(reject: Reject, traded: Market, command: PlaceAlgo) -> errors.Refusal:
    if reject.reason is not RejectReason.WOULD_TRIGGER:
        return refusal_of(reject, traded)
    return errors.TRIGGER_TOO_HIGH if command.when is TriggerWhen.BELOW else errors.TRIGGER_TOO_LOW


def cancel(call: Call, order_id: str) -> Result:
    """`DELETE /conditional_orders/{id}`."""
    found = _find(call, order_id)
    if not found.status.is_open:
        refuse(errors.ORDER_ALREADY_CLOSED)
    call.exchange.submit(CancelAlgo(account=call.ledger, algo_id=found.algo_id))
    return Result("Order queued for cancellation")


def _find(call: Call, text: str, as_of_ns: int | None = None) -> AlgoOrder:
    plain = text.isascii() and text.isdigit() and len(text) < MAX_DIGITS
    engine = call.exchange.engine
    found = engine.algo_order(int(text), account=call.ledger, as_of_ns=as_of_ns) if plain else None
    return refuse(errors.ORDER_NOT_FOUND) if found is None else found


# -- asking ------------------------------------------------------------------------------------------------------------


def open_ones(call: Call) -> Result:
    """`GET /conditional_orders`: those that wait, newest first."""
    return Result([_row(call, algo) for algo in _listed(call) if algo.status.is_open])


def history(call: Call) -> Result:
    """`GET /conditional_orders/history`: all by creation time, newest first."""
    side = call.one_of("side", ("buy", "sell"))
    kind = call.one_of("orderType", ("limit", "market"))
    start_ns, end_ns = call.time_range()
    wanted = [
        algo
        for algo in _listed(call)
        if (side is None or algo.child.side is Side(side.upper()))
        and (kind is None or algo.child.type is OrderType(kind.upper()))
        and (start_ns is None or algo.created_ns >= start_ns)
        and (end_ns is None or algo.created_ns <= end_ns)
    ]
    size = call.exchange.page(min(call.whole("limit") or HISTORY_LIMIT, HISTORY_LIMIT))
    return Result([_row(call, algo) for algo in wanted[:size]], more=len(wanted) > size)


def triggered(call: Call, order_id: str) -> Result:
    """`GET /conditional_orders/{id}/triggers`: the order it became, if it became one."""
    found = _find(call, order_id, call.exchange.as_of_ns)
    if found.triggered_ns is None:
        return Result([])
    filled, _ = _filled(call, found)
    assert found.child.quantity is not None  # it has a size
    row: dict[str, Json] = {
        "time": iso(found.triggered_ns),
        "orderId": found.child_order_id,
        "error": _error(found),
        "orderSize": market(found.child.instrument).instrument.quantity(found.child.quantity),
        "filledSize": filled,
    }
    return Result([row])


def _listed(call: Call) -> list[AlgoOrder]:
    kind = call.one_of("type", tuple(TYPES.values()))
    found = call.exchange.engine.algo_orders(call.ledger, call.market_filter(), as_of_ns=call.exchange.as_of_ns)
    return [algo for algo in reversed(found) if kind in (None, _tag(algo, "type"))]


def _row(call: Call, algo: AlgoOrder) -> dict[str, Json]:
    child = algo.child
    instrument = market(child.instrument).instrument
    assert child.quantity is not None  # it has a size
    filled, average = _filled(call, algo)
    trail = algo.trigger.trail_distance
    ended = algo.status is AlgoStatus.CANCELED
    return {
        "id": algo.algo_id,
        "market": child.instrument,
        "future": child.instrument if instrument.is_perp else None,
        "side": child.side.value.lower(),
        "type": _tag(algo, "type"),
        "orderPrice": None if child.price is None else instrument.price(child.price),
        "triggerPrice": _level(call, algo),
        "size": instrument.quantity(child.quantity),
        "status": "open" if algo.status.is_open else "triggered" if algo.status in _DONE else "cancelled",
        "createdAt": iso(algo.created_ns),
        "triggeredAt": None if algo.triggered_ns is None else iso(algo.triggered_ns),
        "orderId": algo.child_order_id,
        "error": _error(algo),
        "reduceOnly": child.reduce_only,
        "trailValue": None if trail is None else trail * child.side.sign,
        "trailStart": None if trail is None else Decimal(_tag(algo, "start")),
        "cancelledAt": iso(algo.updated_ns) if ended else None,
        "cancelReason": None,
        "retryUntilFilled": _tag(algo, "retry") == "true",
        "orderType": child.type.value.lower(),
        "filledSize": filled,
        "avgFillPrice": average,
    }


def _level(call: Call, algo: AlgoOrder) -> Decimal:
    """The price that sets it off: of a trailing stop it follows the market while it waits (then: where it began)."""
    if algo.trigger.price is not None:
        return algo.trigger.price
    assert algo.trigger.trail_distance is not None  # it trails
    level = call.exchange.engine.trigger_level(algo.algo_id)
    start = Decimal(_tag(algo, "start"))
    return start + algo.child.side.sign * algo.trigger.trail_distance if level is None else level


def _filled(call: Call, algo: AlgoOrder) -> tuple[Decimal, Decimal | None]:
    """Size and average price of what is filled of the order it became."""
    instrument = market(algo.child.instrument).instrument
    number = algo.child_order_id
    child = None if number is None else call.exchange.engine.order(None, number, as_of_ns=call.exchange.as_of_ns)
    if child is None:
        return Decimal(0), None
    average = instrument.average_price(child.filled_quote, child.filled)
    return instrument.quantity(child.filled), None if average is None else DOUBLE.plus(average)


def _error(algo: AlgoOrder) -> str | None:
    return None if algo.reject is None else refusal_of(algo.reject, market(algo.child.instrument)).text


def _tag(algo: AlgoOrder, name: str) -> str:
    return next(value for key, value in algo.tags if key == name)

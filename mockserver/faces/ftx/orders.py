"""FTX's order entry: place, modify, cancel one, cancel some, cancel all.

Placing and cancelling answer before anything has happened: a good `POST` says `new` whatever becomes of the order, a
good `DELETE` says "queued"; the `orders` channel tells the outcome. A modify is a cancel and a new order with a new id
(recorded 2019; QuantConnect notes that the old one may still fill while its replacement is placed).
What it does not do: trigger orders (`triggers.py`), but for cancelling them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Final

from mockserver.engine.types import (
    Cancel,
    CancelAlgo,
    OnCross,
    OrderType,
    OrderView,
    Place,
    Reject,
    RejectReason,
    Side,
    TimeInForce,
)
from mockserver.exchange import Exchange
from mockserver.faces.ftx import errors, render
from mockserver.faces.ftx.errors import Refusal
from mockserver.faces.ftx.markets import MAX_SIZE, Market
from mockserver.faces.ftx.rest import Call, Result, amount, flag, market, refuse, text_field
from mockserver.faces.ftx.wire import Json

NS_PER_MS: Final = 1_000_000
MAX_DIGITS: Final = 20
MAX_BULK: Final = 1_000  # invented: no limit of a bulk cancel was recorded
MUST_MODIFY: Final = Refusal(400, "Must modify either price or size")  # invented
TOO_MANY: Final = Refusal(400, "Too many open orders")  # invented
MARKET_CLOSED: Final = Refusal(400, "Market is not enabled")  # invented

# Where FTX's words are not known for a reason, the nearest recorded text stands for it.
_REFUSALS: Final[Mapping[RejectReason, Refusal]] = {
    RejectReason.UNKNOWN_ORDER: errors.ORDER_NOT_FOUND,
    RejectReason.ORDER_CLOSED: errors.ORDER_ALREADY_CLOSED,
    RejectReason.DUPLICATE_CLIENT_ID: errors.DUPLICATE_CLIENT_ID,
    RejectReason.BAD_PRICE: errors.INVALID_PRICE,
    RejectReason.BAD_QUANTITY: errors.SIZE_TOO_SMALL,
    RejectReason.MIN_NOTIONAL: errors.SIZE_TOO_SMALL,
    RejectReason.REDUCE_ONLY: errors.INVALID_REDUCE_ONLY,
    RejectReason.TOO_MANY_ORDERS: TOO_MANY,
    RejectReason.NOT_ALLOWED: errors.invalid("postOnly"),
    RejectReason.MARKET_CLOSED: MARKET_CLOSED,
}


class CancelQueue:
    """The cancels that were taken in and not yet carried out, when the settings give them a delay."""

    def __init__(self) -> None:
        self._waiting: set[int] = set()  # bounded: by the open orders, each is in it once

    def cancel(self, call: Call, view: OrderView) -> None:
        """Queue the cancel of an open order that is not ``waiting`` already."""
        exchange, order_id = call.exchange, view.order_id
        command = Cancel(account=view.account, instrument=view.instrument, order_id=order_id)
        delay_ns = int(exchange.settings.options["cancel_delay_ms"] or 0) * NS_PER_MS
        if delay_ns <= 0:
            exchange.submit(command)
            return
        self._waiting.add(order_id)
        exchange.clock.after(delay_ns, f"cancel of order {order_id}", partial(self._carry_out, exchange, command))

    def _carry_out(self, exchange: Exchange, command: Cancel) -> None:
        self._waiting.discard(command.order_id)
        exchange.submit(command)  # it may have filled meanwhile: then the engine refuses and nobody is told

    def waiting(self, view: OrderView) -> bool:
        """Whether a cancel of this order is on its way."""
        return view.order_id in self._waiting

    def clear(self) -> None:
        """Forget everything."""
        self._waiting.clear()


# -- placing -----------------------------------------------------------------------------------------------------------


def place(call: Call) -> Result:
    """`POST /orders`."""
    body = call.body()
    traded = market(text_field(body, "market"))
    command = _command(call, traded, body)
    return Result(render.placed_order(_submit(call, command, traded), traded.instrument))


def _command(call: Call, traded: Market, body: Mapping[str, Json]) -> Place:
    side = {"buy": Side.BUY, "sell": Side.SELL}.get(text_field(body, "side")) or refuse(errors.invalid("side"))
    kind = {"limit": OrderType.LIMIT, "market": OrderType.MARKET}.get(text_field(body, "type"))
    kind = kind or refuse(errors.invalid("type"))
    price = _price(traded, kind, body)
    ioc = flag(body, "ioc") or kind is OrderType.MARKET
    reduce_only = flag(body, "reduceOnly")
    if reduce_only and not traded.is_future:
        refuse(errors.SPOT_REDUCE_ONLY)
    command = Place(
        account=call.ledger,
        instrument=traded.name,
        side=side,
        type=kind,
        quantity=size_of(traded, amount(body, "size")),
        price=price,
        tif=TimeInForce.IOC if ioc else TimeInForce.GTC,
        client_id=_client_id(body),
        unique_client_id="ever",
        post_only=flag(body, "postOnly"),
        on_cross=OnCross.EXPIRE,
        reduce_only=reduce_only,
    )
    _check_provide(call, traded, command)
    return command


def _client_id(body: Mapping[str, Json]) -> str | None:
    return text_field(body, "clientId") if body.get("clientId") is not None else None


def _price(traded: Market, kind: OrderType, body: Mapping[str, Json]) -> int | None:
    """The price in ticks; a market order must send it as null (a production client found out)."""
    if "price" not in body:
        refuse(errors.missing("price"))
    if kind is OrderType.MARKET:
        return None
    price = amount(body, "price")
    return refuse(errors.missing("price")) if price is None else ticks_of(traded, price)


def ticks_of(traded: Market, price: Decimal) -> int:
    """A price in ticks; refused unless it is a multiple of them above zero."""
    try:
        ticks = traded.instrument.to_ticks(price)
    except ValueError:
        refuse(errors.INVALID_PRICE)
    return ticks if ticks > 0 else refuse(errors.INVALID_PRICE)


def size_of(traded: Market, size: Decimal | None) -> int:
    """A size in steps; refused if it is missing, out of bounds or between two of them."""
    if size is None:
        refuse(errors.missing("size"))
    if size > MAX_SIZE:
        refuse(errors.SIZE_TOO_LARGE)
    if size < traded.instrument.min_quantity:
        refuse(errors.SIZE_TOO_SMALL)
    try:
        return traded.instrument.to_steps(size)
    except ValueError:
        refuse(errors.invalid("size"))  # invented: what FTX did with a size between two increments is not known


def _check_provide(call: Call, traded: Market, command: Place) -> None:
    """A limit order that would rest must have the market's smallest size for that."""
    if command.tif is TimeInForce.IOC or command.price is None or command.quantity is None:
        return
    best = call.exchange.engine.best(traded.name, command.side.opposite)
    rests = best is None or (best - command.price) * command.side.sign > 0 or command.post_only
    if rests and traded.instrument.quantity(command.quantity) < traded.min_provide:
        refuse(errors.SIZE_TOO_SMALL_FOR_PROVIDE)


def _submit(call: Call, command: Place, traded: Market) -> OrderView:
    reply = call.exchange.submit(command)
    if reply.reject is not None:
        refuse(refusal_of(reply.reject, traded))
    assert reply.order is not None
    return reply.order


def refusal_of(reject: Reject, traded: Market) -> Refusal:
    """FTX's words for what the engine refused."""
    if reject.reason is RejectReason.INSUFFICIENT_BALANCE:
        return errors.NOT_ENOUGH_MARGIN if traded.is_future else errors.NOT_ENOUGH_BALANCES
    return _REFUSALS.get(reject.reason, errors.INVALID_BODY)


# -- modifying ---------------------------------------------------------------------------------------------------------


def modify(call: Call, view: OrderView, queue: CancelQueue) -> Result:
    """`POST /orders/{id}/modify`: cancel and replace; the answer is the new order.

    Where cancels take their time the old order may still fill while the new one is placed. Without a new size that is
    for what is still open, without a new `clientId` it has none (both invented).
    """
    body = call.body()
    traded = market(view.instrument)
    price, size = amount(body, "price"), amount(body, "size")
    if price is None and size is None:
        refuse(MUST_MODIFY)
    ticks = view.price if price is None else ticks_of(traded, price)
    steps = view.remaining if size is None else size_of(traded, size)
    client_id = _client_id(body)
    _check_open(view, queue)
    command = Place(
        account=view.account,
        instrument=view.instrument,
        side=view.side,
        quantity=steps,
        price=ticks,
        client_id=client_id,
        unique_client_id="ever",
        post_only=view.post_only,
        on_cross=OnCross.EXPIRE,
        reduce_only=view.reduce_only,
    )
    _check_provide(call, traded, command)
    if client_id is not None and call.exchange.engine.order_by_client_id(view.account, client_id) is not None:
        refuse(errors.DUPLICATE_CLIENT_ID)
    queue.cancel(call, view)
    return Result(render.placed_order(_submit(call, command, traded), traded.instrument))


# -- cancelling --------------------------------------------------------------------------------------------------------


def find(call: Call, *, order_id: str | None = None, client_id: str | None = None) -> OrderView:
    """The caller's order of this id or client id, as it is now; FTX's refusal when there is none."""
    view = by_client_id(call, client_id) if client_id is not None else by_id(call, order_id or "")
    return refuse(errors.ORDER_NOT_FOUND) if view is None else view


def by_id(call: Call, text: str, as_of_ns: int | None = None) -> OrderView | None:
    """The caller's order of this id, None for anything that is none."""
    plain = text.isascii() and text.isdigit() and len(text) < MAX_DIGITS
    return call.exchange.engine.order(None, int(text), account=call.ledger, as_of_ns=as_of_ns) if plain else None


def by_client_id(call: Call, client_id: str, as_of_ns: int | None = None) -> OrderView | None:
    """The caller's order of this client id."""
    return call.exchange.engine.order_by_client_id(call.ledger, client_id, as_of_ns=as_of_ns)


def cancel(call: Call, view: OrderView, queue: CancelQueue) -> Result:
    """`DELETE /orders/{id}`: queued, the `closed` update is the confirmation."""
    _check_open(view, queue)
    queue.cancel(call, view)
    return Result("Order queued for cancellation")


def _check_open(view: OrderView, queue: CancelQueue) -> None:
    if not view.is_open:
        refuse(errors.ORDER_ALREADY_CLOSED)
    if queue.waiting(view):
        refuse(errors.ORDER_ALREADY_QUEUED)


def cancel_all(call: Call, queue: CancelQueue) -> Result:
    """`DELETE /orders` with `market`, `side`, `limitOrdersOnly`, `conditionalOrdersOnly`."""
    body = call.body()
    name = body.get("market")
    wanted = market(text_field(body, "market")).name if name else None
    side = body.get("side")
    if side not in (None, "buy", "sell"):
        refuse(errors.invalid("side"))
    if not flag(body, "limitOrdersOnly"):
        for algo in call.exchange.engine.algo_orders(call.ledger, wanted, only_open=True):
            if side in (None, algo.child.side.value.lower()):
                call.exchange.submit(CancelAlgo(account=call.ledger, algo_id=algo.algo_id))
    if not flag(body, "conditionalOrdersOnly"):
        for view in call.exchange.engine.open_orders(call.ledger, wanted):
            if side in (None, view.side.value.lower()) and not queue.waiting(view):
                queue.cancel(call, view)
    return Result("Orders queued for cancelation")


def cancel_bulk(call: Call, queue: CancelQueue) -> Result:
    """`DELETE /bulk_orders` with `orderIds`: the ids that were queued."""
    given = _bulk(call, "orderIds")
    return Result([int(each) for each in given if _queue_open(call, queue, by_id(call, each))])


def cancel_bulk_by_client_id(call: Call, queue: CancelQueue) -> Result:
    """`DELETE /bulk_orders_by_client_id` with `clientOrderIds`: the client ids that were queued."""
    given = _bulk(call, "clientOrderIds")
    return Result([each for each in given if _queue_open(call, queue, by_client_id(call, each))])


def _bulk(call: Call, field: str) -> list[str]:
    ids = call.body().get(field)
    if ids is None:
        refuse(errors.missing(field))
    if not isinstance(ids, list) or len(ids) > MAX_BULK:
        refuse(errors.invalid(field))
    return list(dict.fromkeys(str(each) for each in ids))


def _queue_open(call: Call, queue: CancelQueue, view: OrderView | None) -> bool:
    if view is None or not view.is_open or queue.waiting(view):
        return False
    queue.cancel(call, view)
    return True

"""Binance spot's messages about orders and executions, and what they mean.

One event or row goes in, its facts come out; what a value may mean beyond its name stands beside the line that takes
care of it.  A word that we do not know leaves its field unknown and is told; the fact itself is never lost.
Sources: spot docs user-data-stream.md, enums.md, rest-api.md and the FAQs named below.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from exchstream.core.venue import FillView, Meaning, OrderView
from exchstream.model import (
    Cumulative,
    End,
    Execution,
    OrderKey,
    OrderState,
    OrderType,
    Side,
    Stage,
    TimeInForce,
)
from exchstream.venues.binance.paging import Row
from exchstream.venues.binance.wire import LIQUIDITY, MILLI, SIDES, Id, Millis, Odd, amount_term, term, unkept_fill
from exchstream.venues.numbers import amount, exact, positive_or_none

TYPES: Final = {
    "LIMIT": OrderType.LIMIT,
    "LIMIT_MAKER": OrderType.LIMIT,
    "MARKET": OrderType.MARKET,
    "STOP_LOSS": OrderType.STOP,
    "STOP_LOSS_LIMIT": OrderType.STOP_LIMIT,
    "TAKE_PROFIT": OrderType.TAKE_PROFIT,
    "TAKE_PROFIT_LIMIT": OrderType.TAKE_PROFIT_LIMIT,
}
TIMES_IN_FORCE: Final = {"GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK}
# PENDING_NEW: a later leg of an order list, which waits for the first.  PENDING_CANCEL is documented as unused.
STAGES: Final = {
    "PENDING_NEW": Stage.PENDING_NEW,
    "NEW": Stage.NEW,
    "PARTIALLY_FILLED": Stage.NEW,
    "PENDING_CANCEL": Stage.NEW,
}
# EXPIRED and CANCELED may come with something filled: an end does not mean that nothing happened.
ENDS: Final = {
    "FILLED": End.FILLED,
    "CANCELED": End.CANCELED,
    "REJECTED": End.REJECTED,
    "EXPIRED": End.EXPIRED,
    "EXPIRED_IN_MATCH": End.EXPIRED,
}
# TRADE_PREVENTION trades nothing: what self-trade prevention took away is in fields of its own (faqs/stp_faq.md).
_NO_REASON: Final = ("NONE", "")
EXECUTIONS: Final = frozenset({"NEW", "CANCELED", "REPLACED", "REJECTED", "TRADE", "EXPIRED", "TRADE_PREVENTION"})


class ExecutionReport(
    msgspec.Struct,
    frozen=True,
    gc=False,
    kw_only=True,
    tag_field="e",
    tag="executionReport",
    rename={
        "symbol": "s",
        "client_id": "c",
        "side": "S",
        "type": "o",
        "time_in_force": "f",
        "quantity": "q",
        "price": "p",
        "stop_price": "P",
        "original_client_id": "C",
        "execution": "x",
        "status": "X",
        "reject_reason": "r",
        "order_id": "i",
        "last_quantity": "l",
        "filled": "z",
        "last_price": "L",
        "fee": "n",
        "fee_asset": "N",
        "time_ms": "T",
        "trade_id": "t",
        "execution_id": "I",
        "is_maker": "m",
        "created_ms": "O",
        "filled_quote": "Z",
        "last_quote": "Y",
        "expiry_reason": "eR",
        "allocation_id": "a",
    },
):
    """The one event about an order: a new state of it, and the execution that made it, if one did.

    The fields stand in the order in which they are sent, those too that are not needed (by their letters): so msgspec
    finds each at once, and takes little more than half the time.
    """

    E: Any = None
    symbol: str
    client_id: str
    side: str
    type: str
    time_in_force: str | None = None
    quantity: str
    price: str
    stop_price: str | None = None
    F: Any = None
    g: Any = None
    original_client_id: str | None = None
    execution: str
    status: str
    reject_reason: str | None = None
    order_id: Id
    last_quantity: str
    filled: str
    last_price: str
    fee: str | None = None
    fee_asset: str | None = None
    time_ms: Millis
    trade_id: Id = -1
    execution_id: Id = -1
    w: Any = None
    is_maker: bool | None = None
    M: Any = None
    created_ms: Millis | None = None
    filled_quote: str | None = None
    last_quote: str | None = None
    Q: Any = None
    W: Any = None
    V: Any = None
    expiry_reason: str | None = None
    allocation_id: Id | None = None


class OrderRow(msgspec.Struct, frozen=True, rename="camel"):
    """An order as `order`, `openOrders` and `allOrders` tell it."""

    symbol: str
    order_id: Id
    side: str
    status: str
    type: str
    orig_qty: str
    executed_qty: str
    price: str
    time: Millis
    update_time: Millis
    client_order_id: str | None = None
    time_in_force: str | None = None
    stop_price: str | None = None
    cummulative_quote_qty: str | None = None
    expiry_reason: str | None = None


class TradeRow(msgspec.Struct, frozen=True, rename="camel"):
    """An execution as `myTrades` tells it; it does not know the order's client id."""

    symbol: str
    order_id: Id
    price: str
    qty: str
    time: Millis
    is_buyer: bool
    id: Id = -1
    allocation_id: Id | None = None
    quote_qty: str | None = None
    commission: str | None = None
    commission_asset: str | None = None
    is_maker: bool | None = None


ORDER_ROW: Final = msgspec.json.Decoder(OrderRow)
TRADE_ROW: Final = msgspec.json.Decoder(TradeRow)


def execution_report(event: ExecutionReport, raw: bytes) -> list[Meaning]:
    """The execution if there is one, the order, and what was odd.  Raises BadNumber."""
    odd = Odd()
    side = SIDES.get(event.side) or odd.word(SIDES, event.side, "side", None)
    if event.execution not in EXECUTIONS:
        odd.append(f"execution type {event.execution[:40]!r}")
    key = OrderKey(event.symbol, str(event.order_id))
    told = _execution(event, key.order_id, side, raw) if event.execution == "TRADE" else []
    told.append(OrderView(_reported_order(event, key, side, odd), raw))
    return told + odd.strange("executionReport", raw) if odd else told


def _execution(event: ExecutionReport, order_id: str, side: Side | None, raw: bytes) -> list[Meaning]:
    """A TRADE.  An execution of smart order routing has trade id -1 and an allocation id (faqs/sor_faq.md)."""
    trade_id = str(event.trade_id)
    if event.trade_id == -1:
        trade_id = "" if event.allocation_id is None else f"alloc:{event.allocation_id}"
    quantity, price = amount(event.last_quantity), amount(event.last_price)
    if side is None or not trade_id or not quantity:
        return unkept_fill("a TRADE without side, id or quantity", event.symbol, trade_id or "-1", order_id, raw)
    # No asset means no fee in this event; the "0" beside it is no fact (user-data-stream.md: N null).
    has_fee = event.fee_asset is not None and event.fee is not None
    execution = Execution(
        venue_symbol=event.symbol,
        trade_id=trade_id,
        order_id=order_id,
        side=side,
        price=price,
        quantity=quantity,
        time_ns=event.time_ms * MILLI,
        quote_quantity=positive_or_none(event.last_quote),
        fee=exact(event.fee) if has_fee else None,
        fee_asset=event.fee_asset if has_fee else None,
        liquidity=LIQUIDITY.get(event.is_maker),
        client_order_id=event.client_id or None,
    )
    return [FillView(execution, raw)]


def _reported_order(event: ExecutionReport, key: OrderKey, side: Side | None, odd: Odd) -> OrderState:
    time_ns, version = event.time_ms * MILLI, event.execution_id
    # On a cancel `c` is the id of the cancel request and `C` the order's own.  Everywhere else `C` is empty (in 2019
    # it was null or the word "null"), also where the exchange ends an order (EXPIRED) or amends it (REPLACED).
    client_id = event.client_id
    if event.execution == "CANCELED" and event.original_client_id not in (None, "", "null"):
        client_id = event.original_client_id or client_id
    end = ENDS.get(event.status)
    return OrderState(
        key=key,
        stage=None if end else STAGES.get(event.status) or _stage(event.status, odd),
        end=end,
        reason=_reason(event.status, event.expiry_reason, event.reject_reason),
        cumulative=_cumulative(event.filled, event.filled_quote),
        price=amount_term(event.price, time_ns, version),
        # An order sized in quote currency may be told with quantity 0: then none is known.
        quantity=amount_term(event.quantity, time_ns, version),
        stop_price=amount_term(event.stop_price, time_ns, version),
        client_order_id=term(client_id, time_ns, version),
        side=side,
        type=TYPES.get(event.type) or odd.word(TYPES, event.type, "order type", OrderType.UNKNOWN),
        time_in_force=_time_in_force(event.type, event.time_in_force, odd),
        created_ns=None if event.created_ms is None else event.created_ms * MILLI,
        updated_ns=time_ns,
    )


def order_row(raw: bytes) -> Row:
    """One order of a listing.  Raises what decoding raises."""
    row = ORDER_ROW.decode(raw)
    odd = Odd()
    time_ns = row.update_time * MILLI
    state = OrderState(
        key=OrderKey(row.symbol, str(row.order_id)),
        stage=_stage(row.status, odd),
        end=ENDS.get(row.status),
        reason=_reason(row.status, row.expiry_reason, None),
        cumulative=_cumulative(row.executed_qty, row.cummulative_quote_qty),
        price=amount_term(row.price, time_ns),
        quantity=amount_term(row.orig_qty, time_ns),
        stop_price=amount_term(row.stop_price, time_ns),
        client_order_id=term(row.client_order_id, time_ns),
        side=odd.word(SIDES, row.side, "side", None),
        type=odd.word(TYPES, row.type, "order type", OrderType.UNKNOWN),
        time_in_force=_time_in_force(row.type, row.time_in_force, odd),
        created_ns=row.time * MILLI,
        updated_ns=time_ns,
    )
    return Row(row.order_id, row.time, [OrderView(state, raw), *odd.strange("order", raw)])


def trade_row(raw: bytes) -> Row:
    """One execution of `myTrades`.  Raises what decoding raises."""
    row = TRADE_ROW.decode(raw)
    return Row(row.id, row.time, [FillView(_listed_execution(row, str(row.id)), raw)])


def allocation_row(raw: bytes) -> Row:
    """One execution of `myAllocations` (smart order routing).  Raises what decoding raises."""
    row = TRADE_ROW.decode(raw)
    if row.allocation_id is None:
        raise ValueError("an allocation without its id")
    execution = _listed_execution(row, f"alloc:{row.allocation_id}")
    return Row(row.allocation_id, row.time, [FillView(execution, raw)])


def _listed_execution(row: TradeRow, trade_id: str) -> Execution:
    has_fee = row.commission is not None and row.commission_asset is not None
    return Execution(
        venue_symbol=row.symbol,
        trade_id=trade_id,
        order_id=str(row.order_id),
        side=Side.BUY if row.is_buyer else Side.SELL,
        price=amount(row.price),
        quantity=amount(row.qty),
        time_ns=row.time * MILLI,
        quote_quantity=positive_or_none(row.quote_qty),
        fee=exact(row.commission) if has_fee else None,
        fee_asset=row.commission_asset if has_fee else None,
        liquidity=LIQUIDITY.get(row.is_maker),
    )


def _stage(status: str, odd: Odd) -> Stage | None:
    if status in ENDS:
        return None
    return odd.word(STAGES, status, "order status", None)


def _reason(status: str, expiry: str | None, reject: str | None) -> str | None:
    """The venue's word for the end.  REST has it only sometimes, so the status itself is used where it says enough."""
    if status == "EXPIRED_IN_MATCH":
        return status
    if expiry is not None and expiry not in _NO_REASON:
        return expiry
    return None if reject in _NO_REASON else reject


def _cumulative(filled: str, quote: str | None) -> Cumulative:
    """A negative quote means "not available" for old orders (rest-api.md)."""
    done = amount(filled)
    if not done or quote is None or quote.startswith("-"):
        return Cumulative(done)
    return Cumulative(done, quote=amount(quote))


def _time_in_force(kind: str, text: str | None, odd: Odd) -> TimeInForce | None:
    """LIMIT_MAKER is post-only by its type, whatever it says of its time in force (GTC)."""
    if kind == "LIMIT_MAKER":
        return TimeInForce.PO
    return TIMES_IN_FORCE.get(text or "") or odd.word(TIMES_IN_FORCE, text, "time in force", TimeInForce.UNKNOWN)

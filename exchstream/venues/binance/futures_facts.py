"""Binance USD-margined futures' messages about orders and executions, and what they mean.

One event or row goes in, its facts come out.  An order's history does not depend on who told it: the stream does not
know the quote amount, so REST's `cumQuote` is left out too.  Conditional orders are in `futures_algo`.
Sources: the pages of the events and the REST pages of fapi.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import msgspec

from exchstream.core.venue import Doubt, FillView, Meaning, OrderView
from exchstream.model import (
    Cumulative,
    End,
    Execution,
    FillKey,
    FillKind,
    OrderKey,
    OrderState,
    OrderType,
    Side,
    Stage,
    TimeInForce,
)
from exchstream.venues.binance.paging import Row
from exchstream.venues.binance.wire import (
    LIQUIDITY,
    MILLI,
    POSITION_SIDES,
    SIDES,
    Id,
    Millis,
    Odd,
    amount_term,
    term,
    unkept_fill,
)
from exchstream.venues.numbers import amount, exact, positive_or_none

# Not spot's words: here STOP and TAKE_PROFIT have a limit price, and the _MARKET forms have none.
TYPES: Final = {
    "LIMIT": OrderType.LIMIT,
    "MARKET": OrderType.MARKET,
    "STOP": OrderType.STOP_LIMIT,
    "STOP_MARKET": OrderType.STOP,
    "TAKE_PROFIT": OrderType.TAKE_PROFIT_LIMIT,
    "TAKE_PROFIT_MARKET": OrderType.TAKE_PROFIT,
    "TRAILING_STOP_MARKET": OrderType.TRAILING_STOP,
    "LIQUIDATION": OrderType.LIQUIDATION,
}
TRAILING: Final = "TRAILING_STOP_MARKET"
TIMES_IN_FORCE: Final = {
    "GTC": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
    "GTX": TimeInForce.PO,
    "GTD": TimeInForce.GTD,
    "GTE_GTC": TimeInForce.GTC,  # until cancelled, or until there is no position left to close
}
STAGES: Final = {"NEW": Stage.NEW, "PARTIALLY_FILLED": Stage.NEW}
ENDS: Final = {
    "FILLED": End.FILLED,
    "CANCELED": End.CANCELED,
    "REJECTED": End.REJECTED,
    "EXPIRED": End.EXPIRED,
    "EXPIRED_IN_MATCH": End.EXPIRED,
}
EXECUTIONS: Final = frozenset({"NEW", "CANCELED", "CALCULATED", "EXPIRED", "TRADE", "AMENDMENT"})
# `er` is a number; its meaning from the Order Update page.
REASONS: Final = {
    "1": "self-trade prevention",
    "2": "IOC not filled",
    "3": "IOC not filled, and self-trade prevention",
    "4": "knocked out by a reduce-only order, or the position would turn",
    "5": "liquidated",
    "6": "GTE condition not satisfied",
    "7": "delisted",
    "8": "the stop order was triggered",
    "9": "market order not completely filled",
}
# The client id is the only sign of what was done to the position (Order Update page).
FORCED: Final = (
    ("adl_autoclose", FillKind.ADL),
    ("autoclose-", FillKind.LIQUIDATION),
    ("settlement_autoclose-", FillKind.SETTLEMENT),
)


class Order(
    msgspec.Struct,
    frozen=True,
    gc=False,
    kw_only=True,
    rename={
        "symbol": "s",
        "client_id": "c",
        "side": "S",
        "type": "o",
        "time_in_force": "f",
        "quantity": "q",
        "price": "p",
        "average": "ap",
        "stop_price": "sp",
        "execution": "x",
        "status": "X",
        "order_id": "i",
        "last_quantity": "l",
        "filled": "z",
        "last_price": "L",
        "fee": "n",
        "fee_asset": "N",
        "time_ms": "T",
        "trade_id": "t",
        "is_maker": "m",
        "reduce_only": "R",
        "original_type": "ot",
        "position_side": "ps",
        "expiry": "er",
        "modify_id": "M",
    },
):
    """The order in an ORDER_TRADE_UPDATE; here `c` always is the order's own id, and there is no `C`.

    The fields stand in the order in which they are sent, those too that are not needed (by their letters): so msgspec
    finds each at once, and takes little more than half the time.
    """

    symbol: str
    client_id: str
    side: str
    type: str
    time_in_force: str | None = None
    quantity: str
    price: str
    average: str | None = None
    stop_price: str | None = None
    execution: str
    status: str
    order_id: Id
    last_quantity: str
    filled: str
    last_price: str
    fee: str | None = None
    fee_asset: str | None = None
    time_ms: Millis
    trade_id: Id = 0
    b: Any = None
    a: Any = None
    is_maker: bool | None = None
    reduce_only: bool | None = None
    wt: Any = None
    original_type: str | None = None
    position_side: str | None = None
    cp: Any = None
    rp: Any = None
    pP: Any = None
    si: Any = None
    ss: Any = None
    V: Any = None
    pm: Any = None
    gtd: Any = None
    expiry: str | None = None
    modify_id: Id = -1


class OrderTradeUpdate(msgspec.Struct, frozen=True, gc=False, tag_field="e", tag="ORDER_TRADE_UPDATE"):
    """A new state of an order, and the execution that made it, if one did."""

    o: Order


class TradeLite(
    msgspec.Struct,
    frozen=True,
    gc=False,
    tag_field="e",
    tag="TRADE_LITE",
    rename={"symbol": "s", "trade_id": "t", "order_id": "i"},
):
    """The early word of an execution that an ORDER_TRADE_UPDATE tells in full, with its fee, a moment later."""

    symbol: str
    trade_id: Id
    order_id: Id


class TriggerReject(msgspec.Struct, frozen=True, rename={"symbol": "s", "order_id": "i", "reason": "r"}):
    """What a CONDITIONAL_ORDER_TRIGGER_REJECT is about."""

    symbol: str
    order_id: Id
    reason: str = ""


class ConditionalReject(
    msgspec.Struct, frozen=True, tag_field="e", tag="CONDITIONAL_ORDER_TRIGGER_REJECT", rename={"order": "or"}
):
    """A stop of the days before algo orders was triggered and not accepted (deprecated 2025-12-15)."""

    order: TriggerReject
    T: Millis


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
    orig_type: str | None = None
    avg_price: str | None = None
    client_order_id: str | None = None
    time_in_force: str | None = None
    stop_price: str | None = None
    reduce_only: bool | None = None
    position_side: str | None = None


class TradeRow(msgspec.Struct, frozen=True, rename="camel"):
    """An execution as `userTrades` tells it; it does not know the client id, so its order says if it was forced."""

    symbol: str
    id: Id
    order_id: Id
    side: str
    price: str
    qty: str
    time: Millis
    quote_qty: str | None = None
    commission: str | None = None
    commission_asset: str | None = None
    maker: bool | None = None
    position_side: str | None = None


ORDER_ROW: Final = msgspec.json.Decoder(OrderRow)
TRADE_ROW: Final = msgspec.json.Decoder(TradeRow)


def order_trade_update(order: Order, raw: bytes) -> list[Meaning]:
    """The execution if there is one, the order, and what was odd.  Raises BadNumber."""
    odd = Odd()
    side = odd.word(SIDES, order.side, "side", None)
    if order.execution not in EXECUTIONS:
        odd.append(f"execution type {order.execution[:40]!r}")
    quantity = amount(order.last_quantity)
    told = _execution(order, side, quantity, odd, raw) if order.execution in ("TRADE", "CALCULATED") else []
    told.append(OrderView(_updated_order(order, side, odd), raw))
    return told + odd.strange("ORDER_TRADE_UPDATE", raw) if odd else told


def _execution(order: Order, side: Side | None, quantity: Decimal, odd: Odd, raw: bytes) -> list[Meaning]:
    """A TRADE, or CALCULATED for a liquidation, which may be a word about the order alone (nothing filled)."""
    order_id, trade_id = str(order.order_id), str(order.trade_id)
    if not quantity and order.execution == "CALCULATED":
        return []
    if side is None or not quantity or order.trade_id <= 0:  # `t` is 0 where there is no trade
        return unkept_fill(f"a {order.execution} without side, id or quantity", order.symbol, trade_id, order_id, raw)
    has_fee = order.fee_asset is not None and order.fee is not None
    execution = Execution(
        venue_symbol=order.symbol,
        trade_id=trade_id,
        order_id=order_id,
        side=side,
        price=amount(order.last_price),
        quantity=quantity,
        time_ns=order.time_ms * MILLI,
        fee=exact(order.fee) if has_fee else None,
        fee_asset=order.fee_asset if has_fee else None,
        liquidity=LIQUIDITY.get(order.is_maker),
        kind=_forced(order.client_id, order.execution) or FillKind.TRADE,
        client_order_id=order.client_id or None,
        position_side=odd.word(POSITION_SIDES, order.position_side, "position side", None),
    )
    return [FillView(execution, raw)]


def _forced(client_id: str | None, execution: str = "") -> FillKind | None:
    """What was done to the position, None for an order that somebody placed."""
    kind = next((kind for start, kind in FORCED if (client_id or "").startswith(start)), None)
    return FillKind.LIQUIDATION if kind is None and execution == "CALCULATED" else kind


def _updated_order(order: Order, side: Side | None, odd: Odd) -> OrderState:
    time_ns, version = order.time_ms * MILLI, order.modify_id
    filled, wanted = amount(order.filled), positive_or_none(order.quantity)
    end = ENDS.get(order.status)
    # Liquidation and ADL orders show the status NEW even in their fills (Order Update page): all filled is filled.
    forced = _forced(order.client_id, order.execution)
    if end is None and forced is not None and wanted is not None and filled >= wanted:
        end = End.FILLED
    kind = order.original_type or order.type  # `o` becomes MARKET or LIMIT once a stop is triggered
    return OrderState(
        key=OrderKey(order.symbol, str(order.order_id)),
        stage=None if order.status in ENDS else odd.word(STAGES, order.status, "order status", None),
        end=end,
        reason=_reason(order.status, order.expiry),
        cumulative=Cumulative(filled, positive_or_none(order.average) if filled else None),
        price=amount_term(order.price, time_ns, version),
        quantity=term(wanted, time_ns, version),
        # "Please ignore with TRAILING_STOP_MARKET order" (Order Update page).
        stop_price=None if kind == TRAILING else amount_term(order.stop_price, time_ns, version),
        client_order_id=term(order.client_id, time_ns, version),
        side=side,
        type=odd.word(TYPES, kind, "order type", OrderType.UNKNOWN),
        time_in_force=odd.word(TIMES_IN_FORCE, order.time_in_force, "time in force", TimeInForce.UNKNOWN),
        reduce_only=order.reduce_only,
        position_side=odd.word(POSITION_SIDES, order.position_side, "position side", None),
        fill_kind=forced,
        created_ns=time_ns if order.execution == "NEW" else None,
        updated_ns=time_ns,
    )


def trade_lite(event: TradeLite) -> list[Meaning]:
    """No fill: the same execution comes again, in full.  If it does not, REST is asked."""
    symbol, order_id = event.symbol, str(event.order_id)
    fill = FillKey(symbol, str(event.trade_id), order_id)
    return [Doubt("TRADE_LITE told of an execution", fill=fill, order=OrderKey(symbol, order_id))]


def conditional_reject(event: ConditionalReject, raw: bytes) -> list[Meaning]:
    """The order ended without a trace: "The order will not be recorded in the order history"."""
    order, key = event.order, OrderKey(event.order.symbol, str(event.order.order_id))
    state = OrderState(key=key, end=End.REJECTED, reason=order.reason or None, updated_ns=event.T * MILLI)
    return [OrderView(state, raw)]


def order_row(raw: bytes) -> Row:
    """One order of a listing.  Raises what decoding raises."""
    row = ORDER_ROW.decode(raw)
    odd = Odd()
    time_ns, filled = row.update_time * MILLI, amount(row.executed_qty)
    kind = row.orig_type or row.type
    state = OrderState(
        key=OrderKey(row.symbol, str(row.order_id)),
        stage=None if row.status in ENDS else odd.word(STAGES, row.status, "order status", None),
        end=ENDS.get(row.status),
        reason=_reason(row.status, None),
        cumulative=Cumulative(filled, positive_or_none(row.avg_price) if filled else None),
        price=amount_term(row.price, time_ns),
        quantity=amount_term(row.orig_qty, time_ns),
        stop_price=None if kind == TRAILING else amount_term(row.stop_price, time_ns),
        client_order_id=term(row.client_order_id, time_ns),
        side=odd.word(SIDES, row.side, "side", None),
        type=odd.word(TYPES, kind, "order type", OrderType.UNKNOWN),
        time_in_force=odd.word(TIMES_IN_FORCE, row.time_in_force, "time in force", TimeInForce.UNKNOWN),
        reduce_only=row.reduce_only,
        position_side=odd.word(POSITION_SIDES, row.position_side, "position side", None),
        fill_kind=_forced(row.client_order_id),
        created_ns=row.time * MILLI,
        updated_ns=time_ns,
    )
    return Row(row.order_id, row.time, [OrderView(state, raw), *odd.strange("order", raw)])


def trade_row(raw: bytes) -> Row:
    """One execution of `userTrades`.  Raises what decoding raises.

    `commission` is taken as it stands, positive for a cost as in the stream; the page's sample shows a negative one.
    """
    row = TRADE_ROW.decode(raw)
    odd = Odd()
    side = SIDES.get(row.side)
    if side is None:
        raise ValueError(f"unknown side {row.side[:40]!r}")
    has_fee = row.commission is not None and row.commission_asset is not None
    execution = Execution(
        venue_symbol=row.symbol,
        trade_id=str(row.id),
        order_id=str(row.order_id),
        side=side,
        price=amount(row.price),
        quantity=amount(row.qty),
        time_ns=row.time * MILLI,
        quote_quantity=positive_or_none(row.quote_qty),
        fee=exact(row.commission) if has_fee else None,
        fee_asset=row.commission_asset if has_fee else None,
        liquidity=LIQUIDITY.get(row.maker),
        position_side=odd.word(POSITION_SIDES, row.position_side, "position side", None),
    )
    return Row(row.id, row.time, [FillView(execution, raw), *odd.strange("execution", raw)])


def _reason(status: str, expiry: str | None) -> str | None:
    if status == "EXPIRED_IN_MATCH":
        return status
    return None if expiry in (None, "", "0") else REASONS.get(str(expiry), f"expiry reason {expiry}"[:60])

"""USD-M's user data events: the engine's events as the venue's JSON text.

Fields and their order are those of a capture of May 2026 and of the official pages. Within one command: TRADE_LITE just
before the ORDER_TRADE_UPDATE of the same trade (seen on the testnet, 2026-09-12), and one ACCOUNT_UPDATE at the end.
The venue promises an order only between events of one type (connect page, 2026).
What this module does not do: wrap the text for a socket, or choose who hears it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from attrs import evolve

from mockserver.engine.types import (
    AlgoEvent,
    AlgoStatus,
    BalanceCause,
    BalanceEvent,
    Event,
    Instrument,
    Kind,
    OrderChange,
    OrderEvent,
    OrderStatus,
    PositionEvent,
    Reason,
)
from mockserver.faces.binance import futures_views as views
from mockserver.faces.binance.routes import TimeUnit, is_old
from mockserver.faces.binance.streams import Told
from mockserver.faces.binance.text import json_text, ms, trimmed

if TYPE_CHECKING:
    from mockserver.exchange import Exchange

Object = dict[str, object]
# "er" of the official page (2026-05): 1 self-trade prevention, 2 IOC not filled, 4 reduce-only, 5 liquidated,
# 7 delisted, 9 market order not completely filled. An unfilled FOK has no number of its own and is told as IOC.
EXPIRY: Final = {
    Reason.SELF_TRADE: "1",
    Reason.IOC_REMAINDER: "2",
    Reason.FOK_UNFILLED: "2",
    Reason.REDUCE_ONLY: "4",
    Reason.LIQUIDATION: "5",
    Reason.DELISTED: "7",
    Reason.NO_LIQUIDITY: "9",
}
EXECUTION_TYPES: Final = {
    OrderChange.NEW: "NEW",
    OrderChange.TRADE: "TRADE",
    OrderChange.CANCELED: "CANCELED",
    OrderChange.EXPIRED: "EXPIRED",
    OrderChange.AMENDED: "AMENDMENT",
    OrderChange.WORKING: "NEW",  # a conditional order of 2024 that was set off
}
# "x": CALCULATED is "Liquidation Execution"; that an ADL is told so too is taken from its sharing the client-id rule.
CALCULATED: Final = (Kind.LIQUIDATION, Kind.ADL)
CAUSES: Final = {
    BalanceCause.DEPOSIT: "DEPOSIT",
    BalanceCause.WITHDRAW: "WITHDRAW",
    BalanceCause.FUNDING: "FUNDING_FEE",
    BalanceCause.MARGIN: "MARGIN_TRANSFER",
}


def render(exchange: Exchange, events: Sequence[Event], account: str, at: TimeUnit) -> list[Told]:
    """Return the names and texts of what one account hears of one command, in order."""
    out: list[Told] = []
    traded = False
    for event in events:
        match event:
            case OrderEvent() if event.order.account == account:
                traded = traded or event.execution is not None
                out.extend(_order(exchange, event, at))
            case AlgoEvent() if event.account == account:
                out.append(("ALGO_UPDATE", json_text(algo_update(exchange, event, at))))
            case _:
                pass
    update = account_update(exchange, events, account, at, traded=traded)
    if update is not None:
        out.append(("ACCOUNT_UPDATE", json_text(update)))
    return out


def _order(exchange: Exchange, event: OrderEvent, at: TimeUnit) -> list[Told]:
    told = [("ORDER_TRADE_UPDATE", json_text(order_trade_update(exchange, event, at)))]
    if event.change is OrderChange.WORKING:
        told.insert(0, ("ORDER_TRADE_UPDATE", json_text(order_trade_update(exchange, _set_off(event), at))))
    if event.execution is not None and event.execution.kind is Kind.TRADE:
        told.insert(0, ("TRADE_LITE", json_text(trade_lite(exchange, event, at))))
    return told


def _set_off(event: OrderEvent) -> OrderEvent:
    """Return what is told just before a conditional order's NEW as a MARKET or LIMIT order: that what it was expired.

    Both bear one order id (a capture of June 2021, and "8" of `er`: "the initial order has expired after the stop order
    is triggered"). No reason of the engine's stands in it, since nothing ended there.
    """
    before = evolve(event.order, status=OrderStatus.EXPIRED, working_ns=None)
    return evolve(event, change=OrderChange.EXPIRED, order=before)


def order_trade_update(exchange: Exchange, event: OrderEvent, at: TimeUnit) -> Object:
    """Return an ORDER_TRADE_UPDATE: `c` is always the order's own id, and there is no `C`."""
    order, fill, time = event.order, event.execution, at(event.time_ns)
    instrument = exchange.engine.instruments[order.instrument]
    bids, asks = exchange.engine.open_notional(order.account, order.instrument)
    calculated = fill is not None and fill.kind in CALCULATED
    follows = views.trail(order)
    # A position's forced close is told with the order status NEW in its first event, like any order's.
    inner: Object = {
        "s": order.instrument,
        "c": order.client_id,
        "S": order.side.value,
        "o": views.order_type(order),
        "f": views.tif(order),
        "q": views.quantity(instrument, order.quantity),
        "p": views.price(instrument, order.price),
        "ap": trimmed(views.average(order, instrument)),
        "sp": views.tag(order.tags, "sp", "0"),
        "x": "CALCULATED" if calculated else EXECUTION_TYPES[event.change],
        "X": views.status(order),
        "i": order.order_id,
        "l": "0" if fill is None else views.quantity(instrument, fill.quantity),
        "z": views.quantity(instrument, order.filled),
        "L": "0" if fill is None else views.price(instrument, fill.price),
        "n": "0" if fill is None else views.amount(fill.fee),
        "N": instrument.cash if fill is None else fill.fee_asset,
        "T": time,
        "t": 0 if fill is None else fill.trade_id,
        "b": views.amount(bids),
        "a": views.amount(asks),
        "m": False if fill is None else fill.maker,
        "R": order.reduce_only,
        "wt": views.tag(order.tags, "wt", "CONTRACT_PRICE"),
        "ot": views.tag(order.tags, "ot", views.order_type(order)),
        "ps": order.position_side.value,
        "cp": views.closes(order),
        **({} if follows is None else {"AP": follows[0], "cr": follows[1]}),
        "rp": "0" if fill is None else views.amount(fill.realized),
        "pP": views.is_protected(order),
        "si": 0,
        "ss": 0,
        "V": order.self_trade.value,
        "pm": "NONE",
        "gtd": views.good_till(order, at),
    }
    if exchange.settings.options["expiry_reason"]:
        inner["er"] = _expiry(event)
    if event.change is OrderChange.AMENDED and not is_old(exchange):
        inner["M"] = event.execution_id  # "modify id", new in 2026
    return {"e": "ORDER_TRADE_UPDATE", "T": time, "E": time, "o": inner}


def _expiry(event: OrderEvent) -> str:
    if event.change is not OrderChange.EXPIRED:
        return "0"
    if event.order.reason is None:
        return "8"  # "The initial order has expired after the stop order is triggered"
    return EXPIRY.get(event.order.reason, "0")


def trade_lite(exchange: Exchange, event: OrderEvent, at: TimeUnit) -> Object:
    """Return the TRADE_LITE of a trade: no status, no cumulative quantity, no commission."""
    order, fill = event.order, event.execution
    assert fill is not None  # only trades have one
    instrument = exchange.engine.instruments[order.instrument]
    return {
        "e": "TRADE_LITE",
        "E": at(event.time_ns),
        "T": at(event.time_ns),
        "s": order.instrument,
        "q": views.quantity(instrument, order.quantity),
        "p": views.price(instrument, order.price),
        "m": fill.maker,
        "c": order.client_id,
        "S": order.side.value,
        "L": views.price(instrument, fill.price),
        "l": views.quantity(instrument, fill.quantity),
        "t": fill.trade_id,
        "i": order.order_id,
    }


def account_update(
    exchange: Exchange, events: Sequence[Event], account: str, at: TimeUnit, *, traded: bool
) -> Object | None:
    """Return the ACCOUNT_UPDATE of a command, or None.

    "Unfilled orders or cancelled orders will not make the event ACCOUNT_UPDATE pushed"; only what changed is told.
    """
    wallets = [each for each in events if isinstance(each, BalanceEvent) and each.account == account]
    moved = [each for each in wallets if each.cause is not BalanceCause.ORDER]
    if not wallets or not (traded or moved):
        return None
    last = wallets[-1]
    change = "0" if last.delta is None else views.amount(last.delta)
    only = last.balances[0].asset  # "balance change except PnL and commission" is of cash, which comes first
    positions = [each for each in events if isinstance(each, PositionEvent) and each.account == account]
    inner: Object = {
        "B": [
            {
                "a": each.asset,
                "wb": views.amount(each.total),
                "cw": views.amount(each.free),
                "bc": change if each.asset == only else "0",
            }
            for each in last.balances
        ],
        "P": [_position(exchange, each) for each in positions],
        "m": CAUSES.get(last.cause, "ORDER"),
    }
    if last.instrument is not None and not is_old(exchange):
        inner["S"] = last.instrument  # of funding, new in August 2026 (official SDK 18)
    return {"e": "ACCOUNT_UPDATE", "T": at(last.time_ns), "E": at(last.time_ns), "a": inner}


def _position(exchange: Exchange, event: PositionEvent) -> Object:
    position = event.position
    instrument = exchange.engine.instruments[position.instrument]
    entry = trimmed(views.entry_price(position, instrument))
    profit = views.unrealized(position, instrument, exchange.engine.last_price(position.instrument))
    return {
        "s": position.instrument,
        "pa": views.quantity(instrument, position.quantity),
        "ep": entry,
        "cr": views.amount(position.realized),
        "up": views.amount(profit),
        "mt": "isolated" if position.instrument in exchange.engine.terms(event.account).isolated else "cross",
        "iw": views.amount(position.wallet),
        "ps": position.side.value,
        "ma": instrument.cash,
        "bep": entry,
    }


def algo_update(exchange: Exchange, event: AlgoEvent, at: TimeUnit) -> Object:
    """Return an ALGO_UPDATE: the id space is its own, `ai` is the child order's id as a *string*."""
    algo, child, time = event.algo, event.algo.child, at(event.time_ns)
    instrument = exchange.engine.instruments[child.instrument]
    inner: Object = {
        "caid": algo.client_id,
        "aid": algo.algo_id,
        "at": "CONDITIONAL",
        "o": views.tag(algo.tags, "o"),
        "s": child.instrument,
        "S": child.side.value,
        "ps": child.position_side.value,
        "f": "GTX" if child.post_only else child.tif.value,
        "q": "0" if child.quantity is None else views.quantity(instrument, child.quantity),
        "X": algo.status.value,
        "ai": "" if algo.child_order_id is None else str(algo.child_order_id),
        **_triggered(exchange, event, instrument),
        "tp": views.trigger_price(algo),
        "p": views.price(instrument, child.price),
        "V": child.self_trade.value,
        "wt": views.tag(algo.tags, "wt", "CONTRACT_PRICE"),
        "pm": "NONE",
        "cp": child.quantity is None,
        "pP": views.tag(algo.tags, "pP") == "true",
        "R": child.reduce_only,
        "tt": 0 if algo.triggered_ns is None else at(algo.triggered_ns),
        "gtd": 0,
    }
    if algo.reject is not None:
        inner["rm"] = f"{algo.reject.reason.value.replace('_', ' ').capitalize()} reject"
    inner["ia"] = False
    return {"e": "ALGO_UPDATE", "T": time, "E": time, "o": inner}


def _triggered(exchange: Exchange, event: AlgoEvent, instrument: Instrument) -> Object:
    """Return average price, executed quantity and type of the child: there only once it is triggered."""
    algo = event.algo
    if algo.child_order_id is None:
        return {}
    child = exchange.engine.order(algo.child.instrument, algo.child_order_id)
    if child is None or algo.status is not AlgoStatus.FINISHED:  # just placed: nothing of it is filled yet
        return {"ap": "0", "aq": "0", "act": algo.child.type.value}
    return {
        "ap": trimmed(views.average(child, instrument)),
        "aq": views.quantity(instrument, child.filled),
        "act": child.type.value,
    }


def margin_call(exchange: Exchange, account: str) -> Object:
    """Return a MARGIN_CALL about every open position of an account."""
    engine = exchange.engine
    wallets = [each.free for each in engine.balances(account) if each.asset == "USDT"]
    rows = []
    for position in engine.positions(account):
        instrument, last = engine.instruments[position.instrument], engine.last_price(position.instrument)
        if not position.quantity:
            continue
        isolated = position.instrument in engine.terms(account).isolated
        rows.append(
            {
                "s": position.instrument,
                "ps": position.side.value,
                "pa": views.quantity(instrument, position.quantity),
                "mt": "ISOLATED" if isolated else "CROSSED",
                "iw": views.amount(position.wallet),
                "mp": trimmed(instrument.price(last)),
                "up": views.amount(views.unrealized(position, instrument, last)),
                "mm": views.amount(engine.need(account, position.instrument, position.side).maintenance),
            }
        )
    return {"e": "MARGIN_CALL", "E": ms(exchange.now_ns), "cw": views.amount(sum(wallets)), "p": rows}


def leverage_changed(exchange: Exchange, symbol: str, leverage: int) -> Object:
    """Return the ACCOUNT_CONFIG_UPDATE of another leverage."""
    now = ms(exchange.now_ns)
    return {"e": "ACCOUNT_CONFIG_UPDATE", "E": now, "T": now, "ac": {"s": symbol, "l": leverage}}

"""Spot's user data events: the engine's events as the venue's JSON text.

Fields and their order are those of the captures in the spot docs (`faqs/market_orders_faq.md`) and of the field list in
`user-data-stream.md` (2026-07). Order within one command: the reports first, the balances last, as in every capture.
What this module does not do: wrap the text for a socket, or choose who hears it.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from mockserver.engine.types import (
    Balance,
    BalanceCause,
    BalanceEvent,
    Event,
    ListEvent,
    ListKind,
    OrderChange,
    OrderEvent,
    RejectReason,
    atoms_to_decimal,
)
from mockserver.faces.binance import spot_views
from mockserver.faces.binance.routes import TimeUnit
from mockserver.faces.binance.streams import Told
from mockserver.faces.binance.text import json_text, padded

if TYPE_CHECKING:
    from mockserver.exchange import Exchange

ZERO: Final = padded(Decimal(0))
# "assets that were possibly changed": every capture lists BNB, since commission may be paid in it, moved or not.
ALWAYS_LISTED: Final = "BNB"
EXECUTION_TYPES: Final = {
    OrderChange.NEW: "NEW",
    OrderChange.TRADE: "TRADE",
    OrderChange.CANCELED: "CANCELED",
    OrderChange.EXPIRED: "EXPIRED",
    OrderChange.REJECTED: "REJECTED",
    OrderChange.AMENDED: "REPLACED",
    # No capture is at hand of a stop that goes to work; `w` and `W` of the field list change by it.
    OrderChange.WORKING: "NEW",
    OrderChange.PREVENTED: "TRADE_PREVENTION",
}
REJECT_REASONS: Final = {
    None: "NONE",
    RejectReason.INSUFFICIENT_BALANCE: "INSUFFICIENT_BALANCES",
    RejectReason.WOULD_MATCH: "WOULD_MATCH_IMMEDIATELY",
    RejectReason.WOULD_TRIGGER: "STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY",
}


def render(exchange: Exchange, events: Sequence[Event], account: str, at: TimeUnit) -> list[Told]:
    """Return the names and texts of what one account hears of one command, in order."""
    out: list[Told] = []
    for event in events:
        if isinstance(event, OrderEvent) and event.order.account == account:
            out.append(("executionReport", json_text(execution_report(exchange, event, at))))
        elif isinstance(event, ListEvent) and event.account == account:
            out.append(("listStatus", json_text(list_status(event, at))))
        elif isinstance(event, BalanceEvent) and event.account == account:
            out.extend((str(each["e"]), json_text(each)) for each in _balances(exchange, event, at))
    return out


def execution_report(exchange: Exchange, event: OrderEvent, at: TimeUnit) -> dict[str, object]:
    """Return an `executionReport`.

    `c` and `C` (user-data-stream.md): on a cancel `c` is the id of the cancel request and `C` the order's own; in all
    other events `c` is the order's and `C` is empty. Whether a REPLACED carries the old id in `C` is not documented and
    no capture is known: it is left empty.
    """
    order, fill = event.order, event.execution
    instrument = exchange.engine.instruments[order.instrument]
    cancelled = event.change is OrderChange.CANCELED
    # A MARKET order says `w` true in its NEW and false from then on (market_orders_faq).
    on_book = order.on_book or (event.change in (OrderChange.NEW, OrderChange.WORKING) and not order.waits)
    out: dict[str, object] = {
        "e": "executionReport",
        "E": at(event.time_ns),
        "s": order.instrument,
        "c": event.cancel_request_id if cancelled else order.client_id,
        "S": order.side.value,
        "o": spot_views.order_type(order),
        "f": order.tif.value,
        "q": spot_views.quantity(instrument, order.quantity),
        "p": spot_views.price(instrument, order.price),
        "P": spot_views.stop_price(order),
        "F": ZERO,
        "g": spot_views.list_id(order),
        "C": order.client_id if cancelled else "",
        "x": "TRADE_PREVENTION" if event.prevention is not None else EXECUTION_TYPES[event.change],
        "X": spot_views.status(order),
        "r": REJECT_REASONS[event.refused],
        "i": order.order_id,
        "l": ZERO if fill is None else spot_views.quantity(instrument, fill.quantity),
        "z": spot_views.quantity(instrument, order.filled),
        "L": ZERO if fill is None else spot_views.price(instrument, fill.price),
        "n": "0" if fill is None else spot_views.amount(fill.fee),
        "N": None if fill is None else fill.fee_asset,
        "T": at(event.time_ns),
        "t": -1 if fill is None else fill.trade_id,
        "I": event.execution_id,
        "w": on_book,
        "m": False if fill is None else fill.maker,
        "M": fill is not None,  # "ignore"; in captures it is true on trades
        "O": at(order.created_ns),
        "Z": spot_views.amount(order.filled_quote),
        "Y": ZERO if fill is None else spot_views.amount(fill.quote),
        "Q": spot_views.amount(order.quote_amount or 0),
        **({} if order.working_ns is None else {"W": at(order.working_ns)}),
        "V": order.self_trade.value,
    }
    return {**out, **_sometimes(exchange, event, at)}


def _sometimes(exchange: Exchange, event: OrderEvent, at: TimeUnit) -> dict[str, object]:
    """Return the fields that only some reports have."""
    order, out = event.order, dict[str, object]()
    letters = {"strategyId": "j", "strategyType": "J"}
    out.update({letters[name]: int(value) for name, value in order.tags if name in letters})
    match = event.prevention
    if match is not None:
        instrument = exchange.engine.instruments[order.instrument]
        taker = match.taker_order_id == order.order_id
        lost = (match.taker_quantity if taker else match.maker_quantity) or 0
        out.update(
            {
                "v": match.prevented_id,
                "A": spot_views.quantity(instrument, order.prevented),
                "B": spot_views.quantity(instrument, lost),
                "U": match.maker_order_id if taker else match.taker_order_id,
                "Cs": match.instrument,
                "pl": spot_views.quantity(instrument, match.quantity),
                "pL": spot_views.price(instrument, match.price),
                "pY": spot_views.amount(instrument.notional(match.price, match.quantity)),
            }
        )
    delta = spot_views.trailing_delta(order)
    if delta is not None:
        out["d"] = delta
        if order.looking_ns is not None:
            out["D"] = at(order.looking_ns)
    reason = spot_views.expiry_reason(order)
    if event.change is OrderChange.EXPIRED and reason is not None and exchange.settings.options["expiry_reason"]:
        out["eR"] = reason
    return out


def list_status(event: ListEvent, at: TimeUnit) -> dict[str, object]:
    """Return a `listStatus`; an OTOCO is an OTO to the venue."""
    each = event.order_list
    return {
        "e": "listStatus",
        "E": at(event.time_ns),
        "s": each.instrument,
        "g": each.list_id,
        "c": "OCO" if each.kind is ListKind.OCO else "OTO",
        "l": each.change.value,
        "L": "ALL_DONE" if each.is_done else "EXECUTING",
        "r": "NONE",
        "C": each.client_id,
        "T": at(event.time_ns),
        "O": [
            {"s": each.instrument, "i": number, "c": name}
            for number, name in zip(each.order_ids, each.client_ids, strict=True)
        ],
    }


def _balances(exchange: Exchange, event: BalanceEvent, at: TimeUnit) -> list[dict[str, object]]:
    """Return what an account hears of its balances: a transfer is a `balanceUpdate` first and then the new position."""
    out: list[dict[str, object]] = []
    if event.cause is not BalanceCause.ORDER and event.delta is not None:
        out.extend(
            {
                "e": "balanceUpdate",
                "E": at(event.time_ns),
                "a": balance.asset,
                "d": padded(atoms_to_decimal(event.delta)),
                "T": at(event.time_ns),
            }
            for balance in event.balances
        )
    balances = list(event.balances)
    if event.cause is BalanceCause.ORDER and all(each.asset != ALWAYS_LISTED for each in balances):
        balances.append(exchange.engine.balance(event.account, ALWAYS_LISTED))
    out.append(account_position(balances, event.time_ns, at))
    return out


def account_position(balances: Sequence[Balance], time_ns: int, at: TimeUnit) -> dict[str, object]:
    """Return an `outboundAccountPosition`."""
    return {
        "e": "outboundAccountPosition",
        "E": at(time_ns),
        "u": at(time_ns),
        "B": [
            {"a": each.asset, "f": spot_views.amount(each.free), "l": spot_views.amount(each.locked)}
            for each in balances
        ],
    }

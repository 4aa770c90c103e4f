"""USD-M's calls that ask: orders and trades, and the market's book and trades.

Times may lie at most 7 days apart, and with neither end given the last 7 days are meant (official pages, 2025-11).
What this module does not do: change anything; the account is in `futures_account`, the tickers in `futures_tickers`.
"""

from __future__ import annotations

from typing import Final

from attrs import evolve

from mockserver.engine.algo import MAX_OPEN_ALGOS
from mockserver.engine.types import Instrument, OrderView
from mockserver.faces.binance import errors, instruments, paging
from mockserver.faces.binance import futures_views as views
from mockserver.faces.binance.errors import Refused
from mockserver.faces.binance.futures_orders import find_algo
from mockserver.faces.binance.paging import Span
from mockserver.faces.binance.params import Params
from mockserver.faces.binance.routes import Call, order_limits, weight_limit
from mockserver.faces.binance.spot_orders import find

SPAN_HOURS: Final = 7 * 24
MAX_ROWS: Final = 1_000
DEFAULT_ROWS: Final = 500
DEPTHS: Final = (5, 10, 20, 50, 100, 500, 1_000)
# Not found: "order status is CANCELED or EXPIRED AND order has NO filled trade AND created time + 3 days < current
# time", and "order create time + 90 days < current time" (USD-M docs, Query Order).
UNFILLED_KEPT_NS: Final = 3 * 24 * paging.HOUR_NS
KEPT_NS: Final = 90 * 24 * paging.HOUR_NS


def ping(call: Call) -> object:
    """Answer nothing."""
    return {}


def time(call: Call) -> object:
    """Tell the venue's time."""
    return {"serverTime": call.at(call.exchange.told_ns)}


def exchange_info(call: Call) -> object:
    """Describe the markets and the limits."""
    return {
        "timezone": "UTC",
        "serverTime": call.at(call.now_ns),
        "futuresType": "U_MARGINED",
        "rateLimits": [weight_limit(call.limits.weight_limit), *order_limits(call.limits)],
        "exchangeFilters": [],
        "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}],
        "symbols": [_symbol(call, instrument) for instrument in call.exchange.spec.instruments],
    }


def _symbol(call: Call, instrument: Instrument) -> dict[str, object]:
    rules = call.exchange.rules
    stopped = {"status": "CLOSE"} if instrument.name in rules.halted else {}
    bounds = call.percent_price(instruments.FUTURES_PERCENT_PRICE)
    conditional = instruments.MAX_NUM_CONDITIONAL_2024 if call.is_old else MAX_OPEN_ALGOS
    return {**views.symbol(rules.shown(instrument), percent_price=bounds, conditional=conditional), **stopped}


def order_rates(call: Call) -> object:
    """Tell the limits of the account's order rate; without counts, as on the page (2026), where spot has them."""
    return order_limits(call.limits)


def coin_exchange_info(call: Call) -> object:
    """Describe COIN-M, which is not mocked: no markets."""
    return {
        "timezone": "UTC",
        "serverTime": call.at(call.now_ns),
        "rateLimits": [weight_limit(call.limits.weight_limit)],
        "exchangeFilters": [],
        "symbols": [],
    }


# -- orders and trades ------------------------------------------------------------------------------------------------


def order(call: Call) -> object:
    """Tell one order, unless it is forgotten."""
    instrument = call.instrument()
    found = find(call, instrument, "orderId", "origClientOrderId", errors.NO_ORDER, call.as_of_ns)
    if not _is_kept(call, found):
        raise Refused(errors.NO_ORDER)
    return views.order_query(found, instrument, call.at)


def _is_kept(call: Call, order: OrderView) -> bool:
    """Whether the venue still knows an order; that it never forgets an open one is an assumption."""
    return order.is_open or call.now_ns - order.created_ns <= (KEPT_NS if order.filled else UNFILLED_KEPT_NS)


def open_order(call: Call) -> object:
    """Tell one order that is open; any other does not exist here."""
    instrument = call.instrument()
    found = find(call, instrument, "orderId", "origClientOrderId", errors.NO_ORDER, call.as_of_ns)
    if not found.is_open:
        raise Refused(errors.NO_ORDER)
    return views.order_query(found, instrument, call.at)


def open_orders(call: Call) -> object:
    """Tell the open orders of a symbol or of all; conditional algo orders are not among them."""
    named = call.instrument_or_none()
    known = call.exchange.engine.instruments
    rows = call.exchange.engine.open_orders(call.account, named.name if named else None, as_of_ns=call.as_of_ns)
    return [views.order_query(each, known[each.instrument], call.at) for each in rows]


def _span(call: Call, from_id: int | None) -> Span:
    span = paging.span(call.params, SPAN_HOURS)
    if from_id is not None:
        return span
    reach = SPAN_HOURS * paging.HOUR_NS
    if span.start_ns is not None:
        return evolve(span, end_ns=span.start_ns + reach if span.end_ns is None else span.end_ns)
    return evolve(span, start_ns=(call.now_ns if span.end_ns is None else span.end_ns) - reach)


def all_orders(call: Call) -> object:
    """Tell the orders of a symbol: from an id on, or within 7 days of their creation."""
    instrument, limit = call.instrument(), call.limit(DEFAULT_ROWS, MAX_ROWS)
    from_id = call.params.integer("orderId")
    span = _span(call, from_id)
    rows = call.exchange.engine.orders(
        call.account,
        instrument.name,
        from_order_id=from_id,
        start_ns=span.start_ns,
        end_ns=span.end_ns,
        as_of_ns=call.as_of_ns,
    )
    kept = [each for each in rows if _is_kept(call, each)]
    cut = paging.page(kept, limit, oldest=span.oldest or from_id is not None)
    return [views.order_query(each, instrument, call.at) for each in cut]


def user_trades(call: Call) -> object:
    """Tell the account's fills in a symbol: from an id on (never with times), or within 7 days."""
    params, instrument, limit = call.params, call.instrument(), call.limit(DEFAULT_ROWS, MAX_ROWS)
    from_id = params.integer("fromId")
    if from_id is not None and (params.text("startTime") or params.text("endTime")):
        raise Refused(errors.BAD_COMBINATION)
    span = _span(call, from_id)
    rows = call.exchange.engine.executions(
        call.account,
        instrument.name,
        order_id=params.integer("orderId"),
        from_trade_id=from_id,
        start_ns=span.start_ns,
        end_ns=span.end_ns,
        as_of_ns=call.as_of_ns,
    )
    cut = paging.page(rows, limit, oldest=span.oldest or from_id is not None)
    return [views.user_trade(each, instrument, call.at) for each in cut]


def algo_order(call: Call) -> object:
    """Tell one conditional order."""
    algo = find_algo(call, call.as_of_ns)
    if algo is None:
        raise Refused(errors.NO_ORDER)
    return views.algo_order(algo, call.exchange.engine.instruments[algo.child.instrument], call.at)


def open_algo_orders(call: Call) -> object:
    """Tell the conditional orders that wait or work."""
    named = call.instrument_or_none()
    known = call.exchange.engine.instruments
    rows = call.exchange.engine.algo_orders(call.account, named.name if named else None, as_of_ns=call.as_of_ns)
    shown = [each for each in rows if views.algo_is_shown(each)]
    return [views.algo_order(each, known[each.child.instrument], call.at) for each in shown]


def all_algo_orders(call: Call) -> object:
    """Tell the conditional orders of a symbol: from an id on, or within 7 days of their creation."""
    instrument, limit = call.instrument(), call.limit(DEFAULT_ROWS, MAX_ROWS)
    from_id = call.params.integer("algoId")
    span = _span(call, from_id)
    rows = [
        each
        for each in call.exchange.engine.algo_orders(call.account, instrument.name, as_of_ns=call.as_of_ns)
        if (from_id is None or each.algo_id >= from_id)
        and (span.start_ns is None or each.created_ns >= span.start_ns)
        and (span.end_ns is None or each.created_ns <= span.end_ns)
    ]
    cut = paging.page(rows, limit, oldest=span.oldest or from_id is not None)
    return [views.algo_order(each, instrument, call.at) for each in cut]


# -- the market -------------------------------------------------------------------------------------------------------


def depth_weight(params: Params) -> int:
    """Return the weight of a depth request: 2, 5, 10 or 20 by its limit."""
    limit = params.integer("limit") or 500
    return 2 if limit <= 50 else 5 if limit <= 100 else 10 if limit <= 500 else 20


def depth(call: Call) -> object:
    """Tell the book; only these limits there are."""
    instrument = call.instrument()
    limit = call.params.integer("limit") or 500
    if limit not in DEPTHS:
        raise Refused(errors.bad_depth(limit))
    book = call.exchange.engine.depth(instrument.name, limit)
    now = call.at(call.now_ns)

    def levels(side: tuple[tuple[int, int], ...]) -> list[list[str]]:
        return [[views.price(instrument, ticks), views.quantity(instrument, steps)] for ticks, steps in side]

    return {"lastUpdateId": book.update_id, "E": now, "T": now, "bids": levels(book.bids), "asks": levels(book.asks)}


def trades(call: Call) -> object:
    """Tell the last public trades."""
    instrument = call.instrument()
    rows = call.exchange.engine.trades(instrument.name, call.limit(DEFAULT_ROWS, MAX_ROWS))
    return [views.public_trade(each, instrument, call.at) for each in rows]

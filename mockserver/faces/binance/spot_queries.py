"""Spot's calls that ask: orders, trades, the account, and the market.

Questions about orders, trades and balances answer as of `Call.as_of_ns`, so that REST can lag behind the stream as it
does on the venue ("The API system is asynchronous, so some delay in the response is normal and expected").
What this module does not do: change anything.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from mockserver.engine.terms import ORDINARY
from mockserver.engine.types import Instrument, SetTerms
from mockserver.faces.binance import errors, instruments, paging, spot_views
from mockserver.faces.binance.day import day_of
from mockserver.faces.binance.errors import Refused
from mockserver.faces.binance.params import Params
from mockserver.faces.binance.routes import Call, order_limits, weight_limit
from mockserver.faces.binance.spot_orders import find
from mockserver.faces.binance.text import padded

MAX_ROWS: Final = 1_000
DEFAULT_ROWS: Final = 500
SPAN_HOURS: Final = 24
MAX_DEPTH: Final = 5_000
# "canceled or expired with no executed qty over 90 days ago and has been archived" (spot docs, errors.md, -2026).
ARCHIVED_AFTER_NS: Final = 90 * 24 * paging.HOUR_NS
# "Combinations that are not listed here are not supported" (spot docs, myTrades, 2026-07), beside `symbol`.
TRADE_COMBINATIONS: Final = frozenset(
    frozenset(names.split())
    for names in ("", "orderId", "startTime", "endTime", "fromId", "startTime endTime", "orderId fromId")
)
TRADE_SELECTORS: Final = ("orderId", "startTime", "endTime", "fromId")


def ping(call: Call) -> object:
    """Answer nothing."""
    return {}


def time(call: Call) -> object:
    """Tell the venue's time."""
    return {"serverTime": call.at(call.exchange.told_ns)}


def exchange_info(call: Call) -> object:
    """Describe the markets and the limits as REST does."""
    raw: dict[str, object] = {
        "rateLimitType": "RAW_REQUESTS",
        "interval": "MINUTE",
        "intervalNum": 5,
        "limit": call.limits.raw_limit,
    }
    return _exchange_info(call, raw)


def ws_exchange_info(call: Call) -> object:
    """Describe the markets and the limits as the WebSocket API does: connections instead of raw requests."""
    connections: dict[str, object] = {
        "rateLimitType": "CONNECTIONS",
        "interval": "MINUTE",
        "intervalNum": 5,
        "limit": call.limits.connection_limit,
    }
    return _exchange_info(call, connections)


def _exchange_info(call: Call, last_limit: dict[str, object]) -> object:
    return {
        "timezone": "UTC",
        "serverTime": call.at(call.now_ns),
        "rateLimits": [weight_limit(call.limits.weight_limit), *order_limits(call.limits), last_limit],
        "exchangeFilters": [],
        "symbols": [_symbol(call, instrument) for instrument in _asked(call)],
    }


def _symbol(call: Call, instrument: Instrument) -> dict[str, object]:
    rules = call.exchange.rules
    stopped = {"status": "BREAK"} if instrument.name in rules.halted else {}
    bounds = call.percent_price(instruments.PERCENT_PRICE)
    return {**spot_views.symbol(rules.shown(instrument), percent_price=bounds), **stopped}


def _asked(call: Call) -> tuple[Instrument, ...]:
    one, many = call.params.text("symbol"), call.params.text("symbols")
    if one is not None and many is not None:
        raise Refused(errors.BAD_COMBINATION)
    if one is not None:
        return (call.instrument(),)
    if many is None:
        return call.exchange.spec.instruments
    names = _symbols(many)
    known = {instrument.name: instrument for instrument in call.exchange.spec.instruments}
    if any(name not in known for name in names):
        raise Refused(errors.BAD_SYMBOL)
    return tuple(known[name] for name in names)


def _symbols(sent: str) -> list[str]:
    try:
        names = json.loads(sent)
    except ValueError:
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Refused(errors.illegal("symbols", r"^\[(\"[A-Z0-9-_.]{1,20}\"(,\"[A-Z0-9-_.]{1,20}\"){0,}){0,1}\]$"))
    return names


def account(call: Call) -> object:
    """Tell the balances."""
    balances = call.exchange.engine.balances(call.account, call.as_of_ns)
    if call.params.flag("omitZeroBalances"):
        balances = tuple(balance for balance in balances if balance.total)
    orders = call.exchange.engine.orders(call.account, as_of_ns=call.as_of_ns)
    updated = max((order.updated_ns for order in orders), default=0)
    first, terms = call.exchange.spec.instruments[0], call.exchange.engine.terms(call.account)
    fees = (terms.rate(first, maker=True), terms.rate(first, maker=False))
    return spot_views.account(balances, fees, updated, call.at)


def commission(call: Call) -> object:
    """Tell the account's fees for a symbol, and whether it pays them in BNB."""
    engine = call.exchange.engine
    assert engine.discount is not None  # the venue's own
    return spot_views.commission(call.instrument(), engine.terms(call.account), engine.discount)


def trade_fees(call: Call) -> object:
    """Tell the account's fees for a symbol or for all; whose key is of another venue is told what anybody pays."""
    named, known = call.instrument_or_none(), call.exchange.spec.instruments
    terms = call.exchange.engine.terms(call.account) if call.account else ORDINARY
    return [spot_views.trade_fee(each, terms) for each in (known if named is None else (named,))]


def system_status(call: Call) -> object:
    """Tell that the venue is up."""
    return {"status": 0, "msg": "normal"}


def bnb_burn(call: Call) -> object:
    """Tell whether fees are paid in BNB; interest is not mocked."""
    return {"spotBNBBurn": call.exchange.engine.terms(call.account).discounted, "interestBNBBurn": False}


def set_bnb_burn(call: Call) -> object:
    """Set whether fees are paid in BNB."""
    burns = call.params.flag("spotBNBBurn")
    if burns is None and call.params.flag("interestBNBBurn") is None:
        raise Refused(errors.missing_both("spotBNBBurn", "interestBNBBurn"))
    call.exchange.submit(SetTerms(account=call.account, discounted=burns))
    return bnb_burn(call)


def order(call: Call) -> object:
    """Tell one order, unless it ended unfilled so long ago that it is archived."""
    instrument = call.instrument()
    found = find(call, instrument, "orderId", "origClientOrderId", errors.NO_ORDER, call.as_of_ns)
    if not found.is_open and not found.filled and call.now_ns - found.updated_ns > ARCHIVED_AFTER_NS:
        raise Refused(errors.ARCHIVED)
    return spot_views.order_query(found, instrument, call.at)


def open_orders(call: Call) -> object:
    """Tell the open orders of a symbol or of all."""
    named = call.instrument_or_none()
    known = call.exchange.engine.instruments
    return [
        spot_views.order_query(each, known[each.instrument], call.at)
        for each in call.exchange.engine.open_orders(
            call.account, None if named is None else named.name, as_of_ns=call.as_of_ns
        )
    ]


def all_orders(call: Call) -> object:
    """Tell the orders of a symbol: from an id on, or within 24 hours of their creation."""
    instrument, limit = call.instrument(), call.limit(DEFAULT_ROWS, MAX_ROWS)
    from_id = call.params.integer("orderId")
    span = paging.span(call.params, SPAN_HOURS)
    rows = call.exchange.engine.orders(
        call.account,
        instrument.name,
        from_order_id=from_id,
        start_ns=span.start_ns,
        end_ns=span.end_ns,
        as_of_ns=call.as_of_ns,
    )
    cut = paging.page(rows, limit, oldest=span.oldest or from_id is not None)
    return [spot_views.order_query(each, instrument, call.at) for each in cut]


def my_trades(call: Call) -> object:
    """Tell the account's fills in a symbol; only the documented combinations of selectors are answered."""
    params, instrument, limit = call.params, call.instrument(), call.limit(DEFAULT_ROWS, MAX_ROWS)
    if frozenset(name for name in TRADE_SELECTORS if params.text(name)) not in TRADE_COMBINATIONS:
        raise Refused(errors.BAD_COMBINATION)
    from_id = params.integer("fromId")
    span = paging.span(params, SPAN_HOURS)
    engine = call.exchange.engine
    rows = engine.executions(
        call.account,
        instrument.name,
        order_id=params.integer("orderId"),
        from_trade_id=from_id,
        start_ns=span.start_ns,
        end_ns=span.end_ns,
        as_of_ns=call.as_of_ns,
    )
    cut = paging.page(rows, limit, oldest=span.oldest or from_id is not None)
    orders = (engine.order(instrument.name, each.order_id) for each in cut)
    return [spot_views.my_trade(each, order, instrument, call.at) for each, order in zip(cut, orders, strict=True)]


PREVENTED_SELECTORS: Final = ("preventedMatchId", "orderId", "fromPreventedMatchId")
# "These are the combinations supported" (spot docs, myPreventedMatches), beside `symbol`.
PREVENTED_COMBINATIONS: Final = frozenset(
    frozenset(names.split()) for names in ("preventedMatchId", "orderId", "orderId fromPreventedMatchId")
)


def prevented_matches(call: Call) -> object:
    """Tell which of the account's orders would have traded with each other, and were ended instead."""
    params, instrument, limit = call.params, call.instrument(), call.limit(DEFAULT_ROWS, MAX_ROWS)
    if frozenset(name for name in PREVENTED_SELECTORS if params.text(name)) not in PREVENTED_COMBINATIONS:
        raise Refused(errors.BAD_COMBINATION)
    rows = call.exchange.engine.preventions(
        call.account,
        instrument.name,
        prevented_id=params.integer("preventedMatchId"),
        order_id=params.integer("orderId"),
        from_prevented_id=params.integer("fromPreventedMatchId") or 0,
        as_of_ns=call.as_of_ns,
    )
    return [spot_views.prevented_match(each, instrument, call.at) for each in rows[:limit]]


def amendments(call: Call) -> object:
    """Tell how one order was amended, oldest first; what an order that is not there gets is an assumption."""
    params, instrument, limit = call.params, call.instrument(), call.limit(DEFAULT_ROWS, MAX_ROWS)
    params.need("orderId")
    found = find(call, instrument, "orderId", "", errors.NO_ORDER, call.as_of_ns)
    rows = call.exchange.engine.amendments(
        call.account,
        instrument.name,
        found.order_id,
        from_execution_id=params.integer("fromExecutionId") or 0,
        as_of_ns=call.as_of_ns,
    )
    return [spot_views.amendment(each, instrument, call.at) for each in rows[:limit]]


def nothing(call: Call) -> object:
    """Answer with an empty list: no such thing ever happens here, or nothing of it is kept."""
    call.instrument_or_none()
    return []


def order_rates(call: Call) -> object:
    """Tell how many orders the account has placed in each window."""
    return order_limits(call.limits, call.account, call.now_ns // 1_000_000)


# -- the market -------------------------------------------------------------------------------------------------------


def depth_weight(params: Params) -> int:
    """Return the weight of a depth request: 5, 25, 50 or 250 by its limit."""
    limit = params.integer("limit") or 100
    return 5 if limit <= 100 else 25 if limit <= 500 else 50 if limit <= 1_000 else 250


def depth(call: Call) -> object:
    """Tell the book; a limit above 5000 counts as 5000."""
    instrument = call.instrument()
    limit = min(call.params.integer("limit") or 100, MAX_DEPTH)
    return spot_views.depth(call.exchange.engine.depth(instrument.name, limit), instrument)


def trades(call: Call) -> object:
    """Tell the last public trades."""
    instrument = call.instrument()
    rows = call.exchange.engine.trades(instrument.name, call.limit(DEFAULT_ROWS, MAX_ROWS))
    return [spot_views.public_trade(each, instrument, call.at) for each in rows]


def average_price(call: Call) -> object:
    """Tell the average price of the last five minutes; the last price stands for it."""
    instrument = call.instrument()
    return {"mins": 5, "price": _last(call, instrument), "closeTime": call.at(call.now_ns)}


def ticker_price(call: Call) -> object:
    """Tell the last price of one market (an object) or several (a list)."""
    return _one_or_many(call, lambda instrument: {"symbol": instrument.name, "price": _last(call, instrument)})


def ticker_book(call: Call) -> object:
    """Tell the best bid and ask of one market or several."""
    return _one_or_many(call, lambda instrument: {"symbol": instrument.name, **_best(call, instrument)})


def ticker_day_weight(params: Params) -> int:
    """Return the weight of a day's ticker: 2 for up to 20 symbols, 40 for up to 100, 80 for more or all."""
    many = params.text("symbols")
    asked = 1 if params.text("symbol") else 0 if many is None else many.count('"') // 2
    return 80 if asked == 0 or asked > 100 else 40 if asked > 20 else 2


def ticker_day(call: Call) -> object:
    """Tell the last day of one market or several, as far as the mock has kept its trades."""
    return _one_or_many(call, lambda instrument: _day(call, instrument))


def _one_or_many(call: Call, row: Callable[[Instrument], object]) -> object:
    asked = _asked(call)
    return row(asked[0]) if call.params.text("symbol") else [row(instrument) for instrument in asked]


def _last(call: Call, instrument: Instrument) -> str:
    return spot_views.price(instrument, call.exchange.engine.last_price(instrument.name))


def _best(call: Call, instrument: Instrument) -> dict[str, object]:
    book = call.exchange.engine.depth(instrument.name, 1)
    bid = book.bids[0] if book.bids else (0, 0)
    ask = book.asks[0] if book.asks else (0, 0)
    return {
        "bidPrice": spot_views.price(instrument, bid[0]),
        "bidQty": spot_views.quantity(instrument, bid[1]),
        "askPrice": spot_views.price(instrument, ask[0]),
        "askQty": spot_views.quantity(instrument, ask[1]),
    }


def _day(call: Call, instrument: Instrument) -> dict[str, object]:
    day = day_of(call.exchange.engine, instrument, call.now_ns)
    first_id, last_id = day.ids
    return {
        "symbol": instrument.name,
        "priceChange": padded(day.change),
        "priceChangePercent": padded(day.percent, 3),
        "weightedAvgPrice": padded(day.average),
        "prevClosePrice": spot_views.price(instrument, day.prices[0]),
        "lastPrice": spot_views.price(instrument, day.prices[-1]),
        "lastQty": spot_views.quantity(instrument, day.trades[-1].quantity if day.trades else 0),
        **_best(call, instrument),
        "openPrice": spot_views.price(instrument, day.prices[0]),
        "highPrice": spot_views.price(instrument, max(day.prices)),
        "lowPrice": spot_views.price(instrument, min(day.prices)),
        "volume": spot_views.quantity(instrument, day.volume),
        "quoteVolume": spot_views.amount(day.quote),
        "openTime": call.at(day.since_ns),
        "closeTime": call.at(call.now_ns),
        "firstId": first_id,
        "lastId": last_id,
        "count": len(day.trades),
    }

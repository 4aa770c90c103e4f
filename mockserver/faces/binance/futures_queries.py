"""USD-M's calls that ask: orders, trades, the account, and the market's book and trades.

Times may lie at most 7 days apart, and with neither end given the last 7 days are meant (official pages, 2025-11).
What this module does not do: change anything; the tickers are in `futures_tickers`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec
from attrs import evolve

from mockserver.engine.types import Instrument, atoms_to_decimal
from mockserver.faces.binance import errors, instruments, paging
from mockserver.faces.binance import futures_views as views
from mockserver.faces.binance.errors import Refused
from mockserver.faces.binance.futures_orders import find_algo
from mockserver.faces.binance.paging import Span
from mockserver.faces.binance.params import Params
from mockserver.faces.binance.routes import Call, order_limits, weight_limit
from mockserver.faces.binance.spot_orders import find
from mockserver.faces.binance.text import padded

SPAN_HOURS: Final = 7 * 24
MAX_ROWS: Final = 1_000
DEFAULT_ROWS: Final = 500
MAX_DEPTH: Final = 1_000
# Ratios are JSON numbers here; written as text, so that no float is made.
BRACKET: Final = msgspec.Raw(
    b'{"bracket":1,"initialLeverage":20,"notionalCap":1000000,"notionalFloor":0,"maintMarginRatio":0.025,"cum":0.0}'
)


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
    return {**views.symbol(rules.shown(instrument)), **stopped}


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
    """Tell one order."""
    instrument = call.instrument()
    found = find(call, instrument, "orderId", "origClientOrderId", errors.NO_ORDER, call.as_of_ns)
    return views.order_query(found, instrument, call.at)


def open_order(call: Call) -> object:
    """Tell one order that is open; any other does not exist here."""
    instrument = call.instrument()
    found = find(call, instrument, "orderId", "origClientOrderId", errors.NO_ORDER, call.as_of_ns)
    if not found.is_open:
        raise Refused(errors.NO_ORDER)
    return views.order_query(found, instrument, call.at)


def open_orders(call: Call) -> object:
    """Tell the open orders of a symbol or of all; conditional ones are not among them since 2025-12."""
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
    cut = paging.page(rows, limit, oldest=span.oldest or from_id is not None)
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


# -- the account ------------------------------------------------------------------------------------------------------


def _profit(call: Call) -> int:
    """Return the unrealised profit of the account, in atoms."""
    engine = call.exchange.engine
    known = engine.instruments
    return sum(
        views.unrealized(each, known[each.instrument], engine.last_price(each.instrument))
        for each in engine.positions(call.account, call.as_of_ns)
    )


def _risks(call: Call, *, flat: bool) -> list[dict[str, object]]:
    engine, named = call.exchange.engine, call.instrument_or_none()
    out: list[dict[str, object]] = []
    for instrument in call.exchange.spec.instruments:
        position = engine.position(call.account, instrument.name, call.as_of_ns)
        if named not in (None, instrument) or not (flat or position.quantity):
            continue
        last = engine.last_price(instrument.name)
        updated = call.now_ns if position.quantity else 0
        out.append(views.position_risk(position, instrument, last, call.at, updated))
    return out


def position_risk_2(call: Call) -> object:
    """Tell the positions of every market, flat ones too (version 2)."""
    return _risks(call, flat=True)


def position_risk_3(call: Call) -> object:
    """Tell the positions that are open (version 3)."""
    return _risks(call, flat=False)


def balance(call: Call) -> object:
    """Tell the wallet."""
    rows = call.exchange.engine.balances(call.account, call.as_of_ns)
    profit = _profit(call)
    return [views.balance(each, profit if each.asset == "USDT" else 0, call.at, call.now_ns) for each in rows]


def account_2(call: Call) -> object:
    """Tell the account with every market's position (version 2)."""
    fees = {"feeTier": 0, "canTrade": True, "canDeposit": True, "canWithdraw": True, "tradeGroupId": -1}
    return {**fees, "updateTime": 0, "multiAssetsMargin": False, **_account(call, flat=True)}


def account_3(call: Call) -> object:
    """Tell the account with its open positions (version 3)."""
    return _account(call, flat=False)


def _account(call: Call, *, flat: bool) -> dict[str, object]:
    balances = call.exchange.engine.balances(call.account, call.as_of_ns)
    profit = _profit(call)
    wallet = sum(each.total for each in balances if each.asset == "USDT")
    zero = padded(Decimal(0))
    positions = [
        {**each, "unrealizedProfit": each["unRealizedProfit"], "isolated": False, "maxNotional": "1000000"}
        for each in _risks(call, flat=flat)
    ]
    return {
        "totalInitialMargin": zero,
        "totalMaintMargin": zero,
        "totalWalletBalance": padded(atoms_to_decimal(wallet)),
        "totalUnrealizedProfit": padded(atoms_to_decimal(profit)),
        "totalMarginBalance": padded(atoms_to_decimal(wallet + profit)),
        "totalPositionInitialMargin": zero,
        "totalOpenOrderInitialMargin": zero,
        "totalCrossWalletBalance": padded(atoms_to_decimal(wallet)),
        "totalCrossUnPnl": padded(atoms_to_decimal(profit)),
        "availableBalance": padded(atoms_to_decimal(wallet)),
        "maxWithdrawAmount": padded(atoms_to_decimal(wallet)),
        "assets": [
            views.account_asset(each, profit if each.asset == "USDT" else 0, call.at, call.now_ns) for each in balances
        ],
        "positions": positions,
    }


def commission_rate(call: Call) -> object:
    """Tell the account's fees for a symbol."""
    return {
        "symbol": call.instrument().name,
        "makerCommissionRate": f"{atoms_to_decimal(instruments.FUTURES_MAKER_FEE):f}".rstrip("0"),
        "takerCommissionRate": f"{atoms_to_decimal(instruments.FUTURES_TAKER_FEE):f}".rstrip("0"),
    }


def symbol_config(call: Call) -> object:
    """Tell margin mode and leverage of one market or all."""
    named = call.instrument_or_none()
    return [
        {
            "symbol": instrument.name,
            "marginType": "CROSSED",
            "isAutoAddMargin": False,  # the docs' sample has text; the venue answers so, and clients insist on it
            "leverage": views.LEVERAGE,
            "maxNotionalValue": "1000000",
        }
        for instrument in call.exchange.spec.instruments
        if named in (None, instrument)
    ]


def leverage_bracket(call: Call) -> object:
    """Tell the notional brackets: one for every market."""
    named = call.instrument_or_none()
    rows = [
        {"symbol": instrument.name, "brackets": [BRACKET]}
        for instrument in call.exchange.spec.instruments
        if named in (None, instrument)
    ]
    return rows[0] if named is not None else rows


def position_side(call: Call) -> object:
    """Tell that positions are one-way."""
    return {"dualSidePosition": False}


def multi_assets(call: Call) -> object:
    """Tell that margin is in one asset."""
    return {"multiAssetsMargin": False}


def account_config(call: Call) -> object:
    """Tell what the account may do, and how it is set."""
    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": True,
        "dualSidePosition": False,
        "updateTime": 0,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
    }


# -- the market -------------------------------------------------------------------------------------------------------


def depth_weight(params: Params) -> int:
    """Return the weight of a depth request: 2, 5, 10 or 20 by its limit."""
    limit = params.integer("limit") or 500
    return 2 if limit <= 50 else 5 if limit <= 100 else 10 if limit <= 500 else 20


def depth(call: Call) -> object:
    """Tell the book."""
    instrument = call.instrument()
    limit = min(call.params.integer("limit") or 500, MAX_DEPTH)
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

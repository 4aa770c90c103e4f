"""USD-M's tickers: last price, best bid and ask, the last day, and the mark price.

What this module does not do: funding; the rate is always the venue's default.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mockserver.engine.types import Instrument
from mockserver.faces.binance import futures_views as views
from mockserver.faces.binance import paging
from mockserver.faces.binance.day import day_of
from mockserver.faces.binance.routes import Call
from mockserver.faces.binance.text import padded, trimmed

EIGHT_HOURS_NS: Final = 8 * paging.HOUR_NS


def _one_or_many(call: Call, row: Callable[[Instrument], object]) -> object:
    named = call.instrument_or_none()
    return row(named) if named is not None else [row(each) for each in call.exchange.spec.instruments]


def ticker_price(call: Call) -> object:
    """Tell the last price of one market or all."""

    def row(instrument: Instrument) -> object:
        last = views.price(instrument, call.exchange.engine.last_price(instrument.name))
        return {"symbol": instrument.name, "price": last, "time": call.at(call.now_ns)}

    return _one_or_many(call, row)


def ticker_book(call: Call) -> object:
    """Tell the best bid and ask of one market or all."""

    def row(instrument: Instrument) -> object:
        book = call.exchange.engine.depth(instrument.name, 1)
        bid = book.bids[0] if book.bids else (0, 0)
        ask = book.asks[0] if book.asks else (0, 0)
        return {
            "symbol": instrument.name,
            "bidPrice": views.price(instrument, bid[0]),
            "bidQty": views.quantity(instrument, bid[1]),
            "askPrice": views.price(instrument, ask[0]),
            "askQty": views.quantity(instrument, ask[1]),
            "time": call.at(call.now_ns),
            "lastUpdateId": book.update_id,
        }

    return _one_or_many(call, row)


def ticker_day(call: Call) -> object:
    """Tell the last day of one market or all: the spot ticker's names, without bid, ask and previous close."""

    def row(instrument: Instrument) -> object:
        day = day_of(call.exchange.engine, instrument, call.now_ns)
        first_id, last_id = day.ids
        return {
            "symbol": instrument.name,
            "priceChange": trimmed(day.change),
            "priceChangePercent": padded(day.percent, 3),
            "weightedAvgPrice": padded(day.average),
            "lastPrice": views.price(instrument, day.prices[-1]),
            "lastQty": views.quantity(instrument, day.trades[-1].quantity if day.trades else 0),
            "openPrice": views.price(instrument, day.prices[0]),
            "highPrice": views.price(instrument, max(day.prices)),
            "lowPrice": views.price(instrument, min(day.prices)),
            "volume": views.quantity(instrument, day.volume),
            "quoteVolume": views.amount(day.quote),
            "openTime": call.at(day.since_ns),
            "closeTime": call.at(call.now_ns),
            "firstId": first_id,
            "lastId": last_id,
            "count": len(day.trades),
        }

    return _one_or_many(call, row)


def premium_index(call: Call) -> object:
    """Tell mark and index price, both the last price, and a funding rate that is always the venue's default."""

    def row(instrument: Instrument) -> object:
        last = padded(instrument.price(call.exchange.engine.last_price(instrument.name)))
        next_funding = (call.now_ns // EIGHT_HOURS_NS + 1) * EIGHT_HOURS_NS
        return {
            "symbol": instrument.name,
            "markPrice": last,
            "indexPrice": last,
            "estimatedSettlePrice": last,
            "lastFundingRate": "0.00010000",
            "interestRate": "0.00010000",
            "nextFundingTime": call.at(next_funding),
            "time": call.at(call.now_ns),
        }

    return _one_or_many(call, row)

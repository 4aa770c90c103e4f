"""Candles of the public trades that the mock has kept: twelve fields each, as both venues write them.

A time without a trade has a flat candle at the last close, from the first trade that is kept until now; before that
there are none. Months (`1M`) are not mocked.
What this module does not do: keep candles; it adds up trades at each question.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from mockserver.engine.types import Instrument, PublicTrade, Side, atoms_to_decimal
from mockserver.faces.binance import errors, paging
from mockserver.faces.binance.errors import Refused
from mockserver.faces.binance.params import Params
from mockserver.faces.binance.routes import Call
from mockserver.faces.binance.text import padded, trimmed

SECOND_NS: Final = 1_000_000_000
_UNITS: Final = {"s": SECOND_NS, "m": 60 * SECOND_NS, "h": 3_600 * SECOND_NS, "d": 86_400 * SECOND_NS}
INTERVALS: Final = ["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w"]
MONDAY_NS: Final = 4 * _UNITS["d"]  # 1970 began on a Thursday
MOST_TRADES: Final = 1_000_000
LIMITS: Final = {False: (500, 1_000), True: (500, 1_500)}
"""The usual and the largest number of rows, on spot and on futures."""


def spot(call: Call) -> object:
    """Tell spot's candles."""
    return _klines(call, ("1s", *INTERVALS), padded, is_futures=False)


def futures(call: Call) -> object:
    """Tell USD-M's candles."""
    return _klines(call, INTERVALS, trimmed, is_futures=True)


def futures_weight(params: Params) -> int:
    """Return the weight of a request: 1, 2, 5 or 10 by its limit."""
    limit = params.integer("limit") or 500
    return 1 if limit < 100 else 2 if limit < 500 else 5 if limit <= 1_000 else 10


def _klines(call: Call, intervals: Sequence[str], write: Callable[..., str], *, is_futures: bool) -> object:
    instrument, interval = call.instrument(), call.params.need("interval")
    if interval not in intervals:
        raise Refused(errors.BAD_INTERVAL)
    span = paging.span(call.params, hours=10**9)
    limit = call.limit(*LIMITS[is_futures])
    length_ns = 7 * _UNITS["d"] if interval == "1w" else int(interval[:-1]) * _UNITS[interval[-1]]
    offset_ns = MONDAY_NS if interval == "1w" else 0

    def opens(time_ns: int) -> int:
        return (time_ns - offset_ns) // length_ns * length_ns + offset_ns

    by_open: dict[int, list[PublicTrade]] = {}
    for trade in call.exchange.engine.trades(instrument.name, MOST_TRADES):
        by_open.setdefault(opens(trade.time_ns), []).append(trade)
    if not by_open:
        return []
    first, last = min(by_open), opens(call.now_ns)
    if span.start_ns is not None:
        first = max(first, opens(span.start_ns + length_ns - 1))
    if span.end_ns is not None:
        last = min(last, opens(span.end_ns))
    page_ns = (limit - 1) * length_ns
    first, last = (first, min(last, first + page_ns)) if span.oldest else (max(first, last - page_ns), last)
    close = next((trades[-1].price for at, trades in reversed(by_open.items()) if at < first), 0)
    rows: list[object] = []
    for at_ns in range(first, last + 1, length_ns):
        trades = by_open.get(at_ns, [])
        prices = [trade.price for trade in trades] or [close]
        rows.append(_row(call, instrument, at_ns, at_ns + length_ns, prices, trades, write))
        close = prices[-1]
    return rows


def _row(
    call: Call,
    instrument: Instrument,
    at_ns: int,
    end_ns: int,
    prices: Sequence[int],
    trades: Sequence[PublicTrade],
    write: Callable[..., str],
) -> list[object]:
    bought = [trade for trade in trades if trade.taker_side is Side.BUY]

    def volume(some: Sequence[PublicTrade]) -> list[str]:
        base = instrument.quantity(sum(trade.quantity for trade in some))
        return [write(base), write(atoms_to_decimal(sum(trade.quote for trade in some)))]

    all_of_it, taken = volume(trades), volume(bought)
    ends = (prices[0], max(prices), min(prices), prices[-1])
    shown = [write(instrument.price(ticks)) for ticks in ends]
    return [call.at(at_ns), *shown, all_of_it[0], call.at(end_ns) - 1, all_of_it[1], len(trades), *taken, "0"]

"""`aggTrades`: the trades of one taker at one price in one row, with the numbers that the stream `@aggTrade` gave them.

They reach as far back as the public trades that the mock has kept. Trades of liquidations are among them, which USD-M
leaves out.
What this module does not do: count them; the hub of the market streams does.
"""

from __future__ import annotations

from typing import Final

from mockserver.engine.types import Instrument, Side
from mockserver.faces.binance import errors, futures_views, paging, spot_views
from mockserver.faces.binance.errors import Refused
from mockserver.faces.binance.feeds import Aggregate
from mockserver.faces.binance.routes import Call
from mockserver.faces.binance.streams import UserDataFace

ROWS: Final = (500, 1_000)
"""The usual and the largest number of rows."""
ANY_HOURS: Final = 10**9
FUTURES_HOURS: Final = 1
"""How long a span may be ("must be less than 1 hour", USD-M docs; spot's have no such sentence any more)."""


def spot(call: Call) -> object:
    """Tell spot's aggregated trades."""

    def row(each: Aggregate, instrument: Instrument) -> dict[str, object]:
        price = spot_views.price(instrument, each.price)
        return {**_row(call, each, price, spot_views.quantity(instrument, each.quantity)), "M": True}

    instrument = call.instrument()
    return [row(each, instrument) for each in _page(call, instrument, ANY_HOURS)]


def futures(call: Call) -> object:
    """Tell USD-M's aggregated trades."""
    instrument = call.instrument()
    return [
        _row(call, each, futures_views.price(instrument, each.price), futures_views.quantity(instrument, each.quantity))
        for each in _page(call, instrument, FUTURES_HOURS)
    ]


def _page(call: Call, instrument: Instrument, hours: int) -> list[Aggregate]:
    """Return those asked for: from a number on, or within a span of time, or the last."""
    params, limit = call.params, call.limit(*ROWS)
    from_id = params.integer("fromId")
    if from_id is not None and (params.text("startTime") or params.text("endTime")):
        raise Refused(errors.BAD_COMBINATION)
    span = paging.span(params, hours)
    face = call.exchange.face
    assert isinstance(face, UserDataFace)  # it answers this call
    rows = [
        each
        for each in face.hub.aggregates(instrument.name)
        if from_id is None or each.number >= from_id
        if span.start_ns is None or each.time_ns >= span.start_ns
        if span.end_ns is None or each.time_ns <= span.end_ns
    ]
    return list(paging.page(rows, limit, oldest=span.oldest or from_id is not None))


def _row(call: Call, each: Aggregate, price: str, quantity: str) -> dict[str, object]:
    return {
        "a": each.number,
        "p": price,
        "q": quantity,
        "f": each.trades[0].trade_id,
        "l": each.trades[-1].trade_id,
        "T": call.at(each.time_ns),
        "m": each.taker_side is Side.SELL,
    }

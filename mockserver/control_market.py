"""The control API's routes for the market: put the price somewhere, let a trade happen, make the house's book.

Pure, like ``mockserver.control``, which mounts these routes.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from mockserver.control_acts import MONEY, NAMES, TEXT, Act, Json, Schema, Table, like, obj, rows
from mockserver.control_input import BadRequest, Input
from mockserver.control_orders import Finder, accepted
from mockserver.engine.types import Command, Instrument, Side
from mockserver.exchange import Exchange
from mockserver.liquidity import move
from mockserver.printing import lot, stood, traded

LEVELS = 20
"""Levels of a book that an answer shows."""
MOST_LEVELS = 1_000

_LEVELS: Schema = rows(rows(MONEY) | {"minItems": 2, "maxItems": 2})
_MARKET: Schema = obj(venue=TEXT, symbol=TEXT, last_price=MONEY, bids=_LEVELS, asks=_LEVELS)
_LISTED: Schema = obj(venue=TEXT, symbol=TEXT, last_price=MONEY, tick=MONEY, step=MONEY, lot=MONEY)
_BOOK: Schema = like(rows({"type": "array", "items": NAMES["amount"]}), [["19999", "0.5"]], "Levels, best first.")


class MarketControl:
    """What the control API does to a market."""

    def __init__(self, find: Finder) -> None:
        self.find = find
        self.table: Table = {
            ("GET", "/market"): Act.of(self._list, "venue", gives=obj(markets=rows(_LISTED))),
            ("GET", "/market/{symbol}"): Act.of(self._show, "venue", gives=_MARKET),
            ("POST", "/market/{symbol}/price"): Act.of(self._price, "venue price!", gives=_MARKET),
            ("POST", "/market/{symbol}/trade"): Act.of(self._trade, "venue price quantity side", gives=_MARKET),
            ("POST", "/market/{symbol}/book"): Act.of(
                self._book, "venue bids asks", gives=_MARKET, bids=_BOOK, asks=like(_BOOK, [["20001", "0.5"]])
            ),
        }

    def _market(self, given: Input) -> tuple[Exchange, Instrument]:
        """The market of this symbol; of two venues that have it "venue" says which."""
        exchanges = self.find.exchanges(given)
        symbol = given.text("symbol")
        having = [exchange for exchange in exchanges if symbol in exchange.engine.instruments]
        if len(having) > 1:
            raise BadRequest(f"{symbol} is traded at {' and '.join(each.venue for each in having)}; give 'venue'")
        exchange = having[0] if having else exchanges[0]
        return exchange, self.find.instrument(exchange, given)

    def _list(self, given: Input) -> Json:
        """Every market: its last price, and what prices and quantities are multiples of."""
        return {"markets": [_listed(e, i) for e in self.find.exchanges(given) for i in e.engine.instruments.values()]}

    def _show(self, given: Input) -> Json:
        """Show the best levels of a market, and its last price."""
        exchange, instrument = self._market(given)
        return _row(exchange, instrument)

    def _price(self, given: Input) -> Json:
        """Put the price of a market somewhere; what it passes on its way is filled."""
        exchange, instrument = self._market(given)
        price = _above_zero("price", given.amount("price", instrument.to_ticks))
        return _carry_out(exchange, instrument, move(exchange.liquidity, exchange.engine, instrument, price))

    def _trade(self, given: Input) -> Json:
        """Let the house trade with itself, as the public sees it."""
        exchange, instrument = self._market(given)
        engine = exchange.engine
        price = engine.last_price(instrument.name)
        if given.has("price"):
            price = _above_zero("price", given.amount("price", instrument.to_ticks))
        quantity = lot(instrument, price)
        if given.has("quantity"):
            quantity = _above_zero("quantity", given.amount("quantity", instrument.to_steps))
        side = given.one_of("side", Side, Side.BUY)
        return _carry_out(exchange, instrument, traded(engine, instrument, price, quantity, side))

    def _book(self, given: Input) -> Json:
        """Make the house's side of the book anew."""
        exchange, instrument = self._market(given)
        bids, asks = (_levels(given, name, instrument) for name in ("bids", "asks"))
        if bids and asks and max(bids)[0] >= min(asks)[0]:
            raise BadRequest("the best bid is not below the best ask")
        return _carry_out(exchange, instrument, stood(exchange.engine, instrument, bids, asks))


def _levels(given: Input, name: str, instrument: Instrument) -> list[tuple[int, int]]:
    rows = given.get(name) or []
    if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) == 2 for row in rows):
        raise BadRequest(f"{name!r} must be a list of [price, quantity]")
    if len(rows) > MOST_LEVELS:
        raise BadRequest(f"{name!r} has more than {MOST_LEVELS} levels")
    out = []
    for price, quantity in rows:
        level = Input({"price": price, "quantity": quantity})
        ticks = _above_zero(f"{name}.price", level.amount("price", instrument.to_ticks))
        out.append((ticks, _above_zero(f"{name}.quantity", level.amount("quantity", instrument.to_steps))))
    return out


def _above_zero(name: str, amount: int) -> int:
    if amount <= 0:
        raise BadRequest(f"{name!r} must be above zero")
    return amount


def _carry_out(exchange: Exchange, instrument: Instrument, commands: Iterable[Command]) -> Json:
    """Apply each command before the next is asked for; the first that is refused ends it."""
    for command in commands:
        accepted(exchange.submit(command))
    return _row(exchange, instrument)


def _listed(exchange: Exchange, instrument: Instrument) -> Json:
    last = exchange.engine.last_price(instrument.name)
    return {
        "venue": exchange.venue,
        "symbol": instrument.name,
        "last_price": _text(instrument.price(last)),
        "tick": _text(instrument.tick),
        "step": _text(instrument.step),
        "lot": _text(instrument.quantity(lot(instrument, last))),
    }


def _row(exchange: Exchange, instrument: Instrument) -> Json:
    depth = exchange.engine.depth(instrument.name, LEVELS)

    def shown(levels: Iterable[tuple[int, int]]) -> list[list[str]]:
        return [[_text(instrument.price(ticks)), _text(instrument.quantity(steps))] for ticks, steps in levels]

    return {
        "venue": exchange.venue,
        "symbol": instrument.name,
        "last_price": _text(instrument.price(exchange.engine.last_price(instrument.name))),
        "bids": shown(depth.bids),
        "asks": shown(depth.asks),
    }


def _text(value: Decimal) -> str:
    return f"{value:f}"

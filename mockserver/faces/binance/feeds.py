"""Binance's public market data: each stream a small pure feed that turns what happened into the venue's words.

`trade`, `aggTrade` and `bookTicker` speak at once; the others gather for their interval, and those of the book speak
only if it has changed. A diff of the book has `U` and `u`, the first and last update id it covers (and `pu`, the last
one before it, on USD-M): the next `U` is always the last `u` + 1, so that the documented local book can be kept beside
`GET depth`. Fields and their order: spot docs `web-socket-streams.md` (2026-07) and the USD-M pages (2026-03).
What this module does not do: know who listens, or when a timed feed is due (`hub`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final

from attrs import define, field, frozen

from mockserver.engine.types import Event, Instrument, PublicTrade, Side, TradeEvent
from mockserver.faces.binance.day import day_of
from mockserver.faces.binance.text import padded

if TYPE_CHECKING:
    from mockserver.engine.engine import Engine
    from mockserver.engine.types import Depth

Object = dict[str, object]
Rows = list[list[str]]
Levels = Mapping[int, int]
NS_PER_MS: Final = 1_000_000
SECOND_NS: Final = 1_000_000_000
TICKERS_NS: Final = 2 * SECOND_NS  # USD-M's pages; spot's say a second
EIGHT_HOURS_NS: Final = 8 * 3_600 * SECOND_NS
EVERY_LEVEL: Final = 1_000_000
_NAME: Final = re.compile(
    r"(?P<symbol>[a-z0-9]+)@(?P<kind>trade|aggTrade|bookTicker|depth|ticker|miniTicker|markPrice)"
    r"(?P<levels>5|10|20)?(?:@(?P<speed>\d+m?s))?"
)


@frozen
class Style:
    """How one of the two venues writes market data."""

    price: Callable[[Instrument, int], str]
    quantity: Callable[[Instrument, int], str]
    amount: Callable[[int], str]
    speeds_ms: tuple[int, ...]
    """Of the depth streams; the first is the usual one."""
    is_futures: bool


@frozen
class Subject:
    """What a feed is about, and how it is written."""

    engine: Engine
    instrument: Instrument
    style: Style
    at: Callable[[int], int]

    def depth(self, limit: int = EVERY_LEVEL) -> Depth:
        """The book now."""
        return self.engine.depth(self.instrument.name, limit)

    def price(self, ticks: int) -> str:
        """A price."""
        return self.style.price(self.instrument, ticks)

    def quantity(self, steps: int) -> str:
        """A quantity."""
        return self.style.quantity(self.instrument, steps)

    def rows(self, levels: Sequence[tuple[int, int]]) -> Rows:
        """Levels of the book."""
        return [[self.price(ticks), self.quantity(steps)] for ticks, steps in levels]


@frozen
class Aggregate:
    """The trades of one taker at one price."""

    number: int
    trades: Sequence[PublicTrade]

    @property
    def price(self) -> int:
        """In ticks."""
        return self.trades[0].price

    @property
    def quantity(self) -> int:
        """Of all of them, in steps."""
        return sum(trade.quantity for trade in self.trades)

    @property
    def time_ns(self) -> int:
        """When it happened."""
        return self.trades[0].time_ns

    @property
    def taker_side(self) -> Side:
        """Side of the taker."""
        return self.trades[0].taker_side


@define
class Feed:
    """One stream. `interval_ns` None: it speaks at once."""

    subject: Subject
    interval_ns: int | None = None

    def at_once(self, events: Sequence[Event], aggregates: Sequence[Aggregate], now_ns: int) -> Iterator[Object]:
        """What the events of one command about its market make it say."""
        yield from ()

    def gathered(self, now_ns: int) -> Iterator[Object]:
        """What it says at the end of its interval."""
        yield from ()


@define
class Trades(Feed):
    """`@trade`: every trade."""

    def at_once(self, events: Sequence[Event], aggregates: Sequence[Aggregate], now_ns: int) -> Iterator[Object]:
        """See `Feed`."""
        at, futures = self.subject.at, self.subject.style.is_futures
        for trade in trades_of(events, self.subject.instrument.name):
            yield {
                "e": "trade",
                "E": at(now_ns),
                **({"T": at(trade.time_ns)} if futures else {}),
                "s": trade.instrument,
                "t": trade.trade_id,
                "p": self.subject.price(trade.price),
                "q": self.subject.quantity(trade.quantity),
                **({"X": "MARKET"} if futures else {"T": at(trade.time_ns)}),
                "m": trade.taker_side is Side.SELL,
                **({} if futures else {"M": True}),
            }


@define
class AggregateTrades(Feed):
    """`@aggTrade`: the trades of one taker at one price in one message."""

    def at_once(self, events: Sequence[Event], aggregates: Sequence[Aggregate], now_ns: int) -> Iterator[Object]:
        """See `Feed`."""
        at = self.subject.at
        for each in aggregates:
            first, last = each.trades[0], each.trades[-1]
            yield {
                "e": "aggTrade",
                "E": at(now_ns),
                "s": first.instrument,
                "a": each.number,
                "p": self.subject.price(each.price),
                "q": self.subject.quantity(each.quantity),
                "f": first.trade_id,
                "l": last.trade_id,
                "T": at(each.time_ns),
                "m": each.taker_side is Side.SELL,
                **({} if self.subject.style.is_futures else {"M": True}),
            }


@define
class BookTicker(Feed):
    """`@bookTicker`: the best bid and ask, whenever one of them changes."""

    _said: tuple[object, object] | None = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._said = self._top(self.subject.depth(1))

    def at_once(self, events: Sequence[Event], aggregates: Sequence[Aggregate], now_ns: int) -> Iterator[Object]:
        """See `Feed`."""
        book, at = self.subject.depth(1), self.subject.at
        if self._top(book) == self._said:
            return
        self._said = self._top(book)
        (bid,), (ask,) = book.bids or ((0, 0),), book.asks or ((0, 0),)
        futures = self.subject.style.is_futures
        yield {
            **({"e": "bookTicker"} if futures else {}),
            "u": book.update_id,
            **({"E": at(now_ns), "T": at(now_ns)} if futures else {}),
            "s": self.subject.instrument.name,
            "b": self.subject.price(bid[0]),
            "B": self.subject.quantity(bid[1]),
            "a": self.subject.price(ask[0]),
            "A": self.subject.quantity(ask[1]),
        }

    @staticmethod
    def _top(book: Depth) -> tuple[object, object]:
        return book.bids, book.asks


@define
class DepthDiff(Feed):
    """`@depth`: what has changed in the whole book, level by level; a level that is gone has quantity 0."""

    _last_id: int = field(init=False)
    _bids: Levels = field(init=False)
    _asks: Levels = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._keep(self.subject.depth())

    def _keep(self, book: Depth) -> None:
        self._last_id, self._bids, self._asks = book.update_id, dict(book.bids), dict(book.asks)

    def gathered(self, now_ns: int) -> Iterator[Object]:
        """See `Feed`."""
        book, previous = self.subject.depth(), self._last_id
        bids, asks = _changes(self._bids, dict(book.bids)), _changes(self._asks, dict(book.asks))
        if bids or asks:  # what changed and changed back is covered by the next message
            self._keep(book)
            yield diff(self.subject, now_ns, (previous + 1, book.update_id, previous), bids, asks)


@define
class DepthTop(Feed):
    """`@depth5`, `@depth10`, `@depth20`: the best levels whole, when the book has changed."""

    levels: int = 5
    _said: int = field(default=0, init=False)

    def gathered(self, now_ns: int) -> Iterator[Object]:
        """See `Feed`."""
        book, previous = self.subject.depth(self.levels), self._said
        if book.update_id == previous:
            return
        self._said = book.update_id
        if self.subject.style.is_futures:
            ids = (previous + 1 if previous else book.update_id, book.update_id, previous or book.update_id - 1)
            yield diff(self.subject, now_ns, ids, book.bids, book.asks)
        else:
            yield {
                "lastUpdateId": book.update_id,
                "bids": self.subject.rows(book.bids),
                "asks": self.subject.rows(book.asks),
            }


@define
class DayTicker(Feed):
    """`@ticker` and `@miniTicker`: what the last day adds up to, when something has traded."""

    mini: bool = False

    def gathered(self, now_ns: int) -> Iterator[Object]:
        """See `Feed`."""
        subject = self.subject
        day, at, futures = day_of(subject.engine, subject.instrument, now_ns), subject.at, subject.style.is_futures
        first, last = day.prices[0], day.prices[-1]
        amounts = {"v": subject.quantity(day.volume), "q": subject.style.amount(day.quote)}
        ends = {"o": subject.price(first), "h": subject.price(max(day.prices)), "l": subject.price(min(day.prices))}
        head = {"E": at(now_ns), "s": subject.instrument.name}
        if self.mini:
            yield {"e": "24hrMiniTicker", **head, "c": subject.price(last), **ends, **amounts}
            return
        book, first_id = subject.depth(1), day.ids[0]
        (bid,), (ask,) = book.bids or ((0, 0),), book.asks or ((0, 0),)
        top = {"b": subject.price(bid[0]), "B": subject.quantity(bid[1])}
        top |= {"a": subject.price(ask[0]), "A": subject.quantity(ask[1])}
        yield {
            "e": "24hrTicker",
            **head,
            "p": padded(day.change),
            "P": padded(day.percent, 3),
            "w": padded(day.average),
            **({} if futures else {"x": subject.price(first)}),
            "c": subject.price(last),
            "Q": subject.quantity(day.trades[-1].quantity if day.trades else 0),
            **({} if futures else top),
            **ends,
            **amounts,
            "O": at(day.since_ns),
            "C": at(now_ns),
            "F": first_id,
            "L": day.ids[1],
            "n": len(day.trades),
        }


@define
class MarkPrice(Feed):
    """`@markPrice` of USD-M: mark and index price, both the last price; the funding rate is the venue's default."""

    def gathered(self, now_ns: int) -> Iterator[Object]:
        """See `Feed`."""
        subject = self.subject
        last = padded(subject.instrument.price(subject.engine.last_price(subject.instrument.name)))
        yield {
            "e": "markPriceUpdate",
            "E": subject.at(now_ns),
            "s": subject.instrument.name,
            "p": last,
            "i": last,
            "P": last,
            "r": "0.00010000",
            "T": subject.at((now_ns // EIGHT_HOURS_NS + 1) * EIGHT_HOURS_NS),
        }


def diff(
    subject: Subject,
    now_ns: int,
    ids: tuple[int, int, int],
    bids: Sequence[tuple[int, int]],
    asks: Sequence[tuple[int, int]],
) -> Object:
    """A `depthUpdate`; `ids` are its first and last update id, and the last one before it."""
    first, last, previous = ids
    at, futures = subject.at, subject.style.is_futures
    return {
        "e": "depthUpdate",
        "E": at(now_ns),
        **({"T": at(now_ns)} if futures else {}),
        "s": subject.instrument.name,
        "U": first,
        "u": last,
        **({"pu": previous} if futures else {}),
        "b": subject.rows(bids),
        "a": subject.rows(asks),
    }


def feed_of(name: str, engine: Engine, style: Style, at: Callable[[int], int]) -> Feed | None:
    """Return the feed of a stream's name (names are in small letters), or None if there is no such one here."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    instrument = engine.instruments.get(found["symbol"].upper())
    if instrument is None:
        return None
    subject, levels, speed = Subject(engine, instrument, style, at), found["levels"], found["speed"]
    if found["kind"] != "depth":
        return None if levels else _other(found["kind"], subject, speed)
    speed_ms = int(speed[:-2]) if speed is not None and speed.endswith("ms") else style.speeds_ms[0]
    if speed_ms not in style.speeds_ms or speed == "1s":
        return None
    interval_ns = speed_ms * NS_PER_MS
    return DepthTop(subject, interval_ns, int(levels)) if levels else DepthDiff(subject, interval_ns)


def _other(kind: str, subject: Subject, speed: str | None) -> Feed | None:
    """Return a feed that is no depth; only the mark price may be had at another speed."""
    futures = subject.style.is_futures
    match kind, speed:
        case "trade", None:
            return Trades(subject)
        case "aggTrade", None:
            return AggregateTrades(subject)
        case "bookTicker", None:
            return BookTicker(subject)
        case (("ticker" | "miniTicker"), None):
            return DayTicker(subject, (TICKERS_NS if futures else SECOND_NS), kind == "miniTicker")
        case "markPrice", (None | "1s") if futures:
            return MarkPrice(subject, SECOND_NS if speed else 3 * SECOND_NS)
        case _:
            return None


def trades_of(events: Sequence[Event], instrument: str | None = None) -> list[PublicTrade]:
    """Return the public trades among the events, of one market or all."""
    trades = [event.trade for event in events if isinstance(event, TradeEvent)]
    return trades if instrument is None else [trade for trade in trades if trade.instrument == instrument]


def aggregated(trades: Sequence[PublicTrade]) -> list[list[PublicTrade]]:
    """Return the trades of one command, those of one taker at one price together."""
    runs = groupby(trades, key=lambda trade: (trade.instrument, trade.price, trade.taker_side))
    return [list(run) for _, run in runs]


def _changes(old: Levels, new: Levels) -> list[tuple[int, int]]:
    """Return the levels that differ, in the order of the book, those that are gone last."""
    changed = [(price, quantity) for price, quantity in new.items() if old.get(price) != quantity]
    return changed + [(price, 0) for price in old if price not in new]

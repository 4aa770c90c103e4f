"""Who listens to which market stream of one exchange, and when the timed ones speak.

A feed lives while somebody listens to it, and is shared by all who do; where nobody listens nothing is built and no
timer runs. Only the numbers of aggregate trades are always counted, since they must not depend on who listens.
What this module does not do: say anything itself (`feeds`), or know a socket's envelope (`streams`).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, Literal, Protocol

from attrs import define, field

from mockserver.engine.desk import PUBLIC_TRADES_KEPT
from mockserver.engine.types import Event, OrderEvent, TradeEvent
from mockserver.faces.binance.feeds import Aggregate, Feed, Object, Style, aggregated, feed_of, trades_of
from mockserver.faces.binance.text import json_text

if TYPE_CHECKING:
    from mockserver.clock import Timer
    from mockserver.exchange import Exchange

Category = Literal["public", "market"]
PUBLIC: Final = ("depth", "rpiDepth", "bookTicker", "trade")
"""What USD-M carries at `/public`; everything else is at `/market` (USD-M docs, 2026-03; `trade` as ccxt has it)."""


class Listener(Protocol):
    """Whoever is told what a stream says."""

    def market_data(self, stream: str, text: str) -> None:
        """A message of this stream."""


@define(eq=False)
class _Open:
    """A feed that somebody listens to."""

    stream: str
    feed: Feed
    listeners: list[Listener] = field(factory=list)  # bounded: the server's limit of connections
    timer: Timer | None = None

    def say(self, objects: Iterator[Object]) -> None:
        for each in objects:
            text = json_text(each)
            for listener in tuple(self.listeners):
                listener.market_data(self.stream, text)


class Hub:
    """The market streams of one exchange."""

    def __init__(self, exchange: Exchange, style: Style) -> None:
        self._exchange = exchange
        self._style = style
        # bounded: streams a connection may have times connections
        self._open: dict[tuple[str, Callable[[int], int]], _Open] = {}
        self._by_market: dict[str, list[_Open]] = {}  # bounded: as above
        self._aggregates: Counter[str] = Counter()  # bounded: one per market
        # bounded: as the public trades of a market; the first and the last id of each aggregate
        self._spans: dict[str, deque[tuple[int, int, int]]] = {}

    def subscribe(self, stream: str, listener: Listener, at: Callable[[int], int]) -> bool:
        """Tell a listener of a stream from now on; False if there is no such stream."""
        found = self._open.get((stream, at))
        if found is None:
            feed = feed_of(stream, self._exchange.engine, self._style, at)
            if feed is None:
                return False
            found = self._open[stream, at] = _Open(stream, feed)
            self._by_market.setdefault(feed.subject.instrument.name, []).append(found)
        if listener not in found.listeners:
            found.listeners.append(listener)
        self._await(found)  # a book of which nothing was said yet is due even where nothing changes
        return True

    def unsubscribe(self, stream: str, listener: Listener, at: Callable[[int], int]) -> None:
        """Tell it no more."""
        found = self._open.get((stream, at))
        if found is None or listener not in found.listeners:
            return
        found.listeners.remove(listener)
        if not found.listeners:
            del self._open[stream, at]
            self._by_market[found.feed.subject.instrument.name].remove(found)
            if found.timer is not None:
                found.timer.cancel()

    def on_events(self, events: Sequence[Event]) -> None:
        """Let the feeds of the markets that a command touched hear of it."""
        aggregates = self._count(events)
        if not self._open:
            return
        for market in dict.fromkeys(_markets(events)):
            mine = [each for each in aggregates if each.trades[0].instrument == market]
            for each in tuple(self._by_market.get(market, ())):
                each.say(each.feed.at_once(events, mine, self._exchange.now_ns))
                self._await(each)

    def _count(self, events: Sequence[Event]) -> list[Aggregate]:
        aggregates = []
        for trades in aggregated(trades_of(events)):
            market = trades[0].instrument
            self._aggregates[market] += 1
            aggregates.append(Aggregate(self._aggregates[market], trades))
            spans = self._spans.setdefault(market, deque(maxlen=PUBLIC_TRADES_KEPT))
            spans.append((self._aggregates[market], trades[0].trade_id, trades[-1].trade_id))
        return aggregates

    def aggregates(self, market: str) -> list[Aggregate]:
        """Return the aggregates of a market whose trades are all kept, oldest first."""
        trades = self._exchange.engine.trades(market, PUBLIC_TRADES_KEPT)
        ids = [trade.trade_id for trade in trades]
        return [
            Aggregate(number, trades[bisect_left(ids, first) : bisect_right(ids, last)])
            for number, first, last in self._spans.get(market, ())
            if ids and first >= ids[0]
        ]

    def _await(self, each: _Open) -> None:
        if each.feed.interval_ns is None or (each.timer is not None and each.timer.pending):
            return

        def due() -> None:
            each.say(each.feed.gathered(self._exchange.now_ns))

        each.timer = self._exchange.clock.after(each.feed.interval_ns, f"market stream {each.stream}", due, market=True)


def category(stream: str) -> Category:
    """Return at which of USD-M's two public addresses a stream is carried."""
    kind = stream.lstrip("!").split("@")[1 if "@" in stream and not stream.startswith("!") else 0]
    return "public" if kind.rstrip("0123456789") in PUBLIC else "market"


def _markets(events: Sequence[Event]) -> Iterator[str]:
    for event in events:
        if isinstance(event, OrderEvent):
            yield event.order.instrument
        elif isinstance(event, TradeEvent):
            yield event.trade.instrument

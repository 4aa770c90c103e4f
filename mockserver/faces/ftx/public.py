"""FTX's public channels: `ticker`, `trades`, `orderbook` and `markets`, each subscription a small pure feed.

`ticker` and `trades` send only `update`; `orderbook` sends a `partial` of a hundred levels and then what changed, each
with the checksum of the book after it; `markets` sends one `partial` whose `data` is nested (`data.data`). What it does
not do: `orderbookGrouped`, and there never was a channel for candles or balances.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from mockserver.engine.types import Event, OrderEvent, TradeEvent
from mockserver.faces.ftx import render
from mockserver.faces.ftx.markets import MARKETS, Quote, stream_row
from mockserver.faces.ftx.wire import Json, seconds

if TYPE_CHECKING:
    from mockserver.exchange import Exchange

PER_MARKET: Final = frozenset({"ticker", "trades", "orderbook"})

Message = dict[str, Json]


class Feed:
    """One public subscription: what it says at once and what it says about events. `markets` only greets."""

    def __init__(self, exchange: Exchange, market: str) -> None:
        self._exchange = exchange
        self._market = market
        self._instrument = MARKETS[market].instrument

    def first(self) -> list[Message]:
        """What follows the acknowledgement."""
        return []

    def on_events(self, events: Sequence[Event]) -> list[Message]:
        """What the events of one command make it say."""
        return []

    def _message(self, channel: str, kind: str, data: Json) -> Message:
        return {"channel": channel, "market": self._market, "type": kind, "data": data}

    def _touched(self, events: Sequence[Event]) -> bool:
        return any(isinstance(event, OrderEvent) and event.order.instrument == self._market for event in events)


class Ticker(Feed):
    """Best bid and ask and the last price, whenever one of them changes."""

    def __init__(self, exchange: Exchange, market: str) -> None:
        super().__init__(exchange, market)
        self._said: Quote | None = None

    def first(self) -> list[Message]:
        """The present state; FTX sent it as `update` too."""
        return self._say()

    def on_events(self, events: Sequence[Event]) -> list[Message]:
        """A new ticker if this market's top changed."""
        return self._say() if self._touched(events) else []

    def _say(self) -> list[Message]:
        now = quote(self._exchange, self._market)
        if now == self._said:
            return []
        self._said = now
        data: Message = {
            "bid": now.bid,
            "ask": now.ask,
            "bidSize": now.bid_size,
            "askSize": now.ask_size,
            "last": now.last,
            "time": seconds(self._exchange.now_ns),
        }
        return [self._message("ticker", "update", data)]


class Trades(Feed):
    """The trades of one command in one message, whose `data` is a list."""

    def on_events(self, events: Sequence[Event]) -> list[Message]:
        """One message if this market traded."""
        trades: list[Json] = [
            render.public_trade(event.trade, self._instrument)
            for event in events
            if isinstance(event, TradeEvent) and event.trade.instrument == self._market
        ]
        return [self._message("trades", "update", trades)] if trades else []


class OrderBook(Feed):
    """A hundred levels and their changes."""

    def __init__(self, exchange: Exchange, market: str) -> None:
        super().__init__(exchange, market)
        self._bids: list[render.Level] = []
        self._asks: list[render.Level] = []

    def first(self) -> list[Message]:
        """The whole book."""
        self._bids, self._asks = self._now()
        return [self._book("partial", self._bids, self._asks)]

    def on_events(self, events: Sequence[Event]) -> list[Message]:
        """The levels that changed, if any did."""
        if not self._touched(events):
            return []
        bids, asks = self._now()
        changes = render.changed_levels(self._bids, bids), render.changed_levels(self._asks, asks)
        self._bids, self._asks = bids, asks
        return [self._book("update", *changes)] if any(changes) else []

    def _now(self) -> tuple[list[render.Level], list[render.Level]]:
        depth = self._exchange.engine.depth(self._market, render.BOOK_LEVELS)
        return render.book_data(depth, self._instrument)

    def _book(self, action: str, bids: list[render.Level], asks: list[render.Level]) -> Message:
        data: Message = {
            "time": seconds(self._exchange.now_ns),
            "checksum": render.checksum(self._bids, self._asks),
            "bids": bids,
            "asks": asks,
            "action": action,
        }
        return self._message("orderbook", action, data)


class Markets(Feed):
    """All markets, once: none is listed or delisted while the mock runs."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange, next(iter(MARKETS)))

    def first(self) -> list[Message]:
        """The list, nested as FTX nested it, without a `market` of its own."""
        rows: Json = {name: stream_row(market) for name, market in MARKETS.items()}
        return [{"channel": "markets", "type": "partial", "data": {"action": "partial", "data": rows}}]


def feed(exchange: Exchange, channel: str, market: str | None) -> Feed:
    """The feed of a topic that is known to be good."""
    match channel, market:
        case "ticker", str():
            return Ticker(exchange, market)
        case "trades", str():
            return Trades(exchange, market)
        case "orderbook", str():
            return OrderBook(exchange, market)
        case _:
            return Markets(exchange)


def quote(exchange: Exchange, market: str) -> Quote:
    """The top of a market's book and its last price."""
    instrument = MARKETS[market].instrument
    depth = exchange.engine.depth(market, 1)
    bids, asks = render.levels(depth.bids, instrument), render.levels(depth.asks, instrument)
    return Quote(
        bid=bids[0][0] if bids else None,
        ask=asks[0][0] if asks else None,
        bid_size=bids[0][1] if bids else None,
        ask_size=asks[0][1] if asks else None,
        last=instrument.price(exchange.engine.last_price(market)),
    )

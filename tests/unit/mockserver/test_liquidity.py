"""The liquidity models: what fills a client's orders when nobody else trades."""

import random
from collections.abc import Iterable

import pytest

from mockserver.engine.engine import Engine
from mockserver.engine.types import HOUSE, Command, Deposit, Event, OrderStatus, Side, TimeInForce
from mockserver.liquidity import BOOK_INTERVAL_NS, BOOK_LEVELS, Liquidity, make_liquidity
from tests.unit.mockserver.engine.markets import NOW, PERP, SPOT, engine_of, limit, market, perp, spot


class Venue:
    """An engine and a model, joined as an exchange joins them."""

    def __init__(self, model: str, seed: int = 0) -> None:
        self.engine: Engine = engine_of(spot(), perp())
        self.model: Liquidity = make_liquidity(model, self.engine, random.Random(seed))
        self.now_ns = NOW
        self.log: list[Event] = []
        self.run(self.model.step(self.now_ns))

    def run(self, commands: Iterable[Command]) -> None:
        """Apply commands, then whatever the model answers, until it rests."""
        for command in commands:
            events = self.engine.apply(command, self.now_ns).events
            self.log.extend(events)
            self.run(list(self.model.react(events, self.now_ns)))

    def steps(self, count: int) -> None:
        """Let the model act so many times, at its rhythm."""
        for _ in range(count):
            self.now_ns += BOOK_INTERVAL_NS
            self.run(self.model.step(self.now_ns))


def statuses(venue: Venue) -> list[OrderStatus]:
    """Return the states of alice's orders."""
    return [view.status for view in venue.engine.orders("alice")]


def test_manual_does_nothing() -> None:
    """Under the manual model an order rests, however long it takes."""
    venue = Venue("manual")
    venue.run([limit("alice", Side.BUY, 9900, 1000)])
    venue.steps(5)
    assert statuses(venue) == [OrderStatus.NEW]
    assert venue.model.interval_ns is None


def test_echo_fills_every_order_at_once() -> None:
    """Resting orders fill at their own price, taking ones at the reference price, again and again."""
    venue = Venue("echo")
    for _ in range(3):
        venue.run([limit("alice", Side.BUY, 9900, 1000), limit("alice", Side.SELL, 10100, 1000)])
        venue.run([market("alice", Side.SELL, 1000, PERP), market("alice", Side.BUY, 1000, PERP)])
    assert set(statuses(venue)) == {OrderStatus.FILLED}
    assert [execution.price for execution in venue.engine.executions("alice")] == [9900, 10100, 10000, 10001] * 3


def test_echo_is_endless() -> None:
    """The largest order an instrument allows is filled whole, several times; the house's quotes do not pile up."""
    venue = Venue("echo")
    venue.run([Deposit(account="alice", asset="USD", amount=10**15)])
    largest = perp().max_steps
    for side in (Side.SELL, Side.BUY) * 5:
        venue.run([market("alice", side, largest, PERP)])
    assert statuses(venue) == [OrderStatus.FILLED] * 10
    assert len(venue.engine.open_orders(HOUSE)) <= 8


def test_echo_lets_an_unreachable_ioc_expire() -> None:
    """An IOC at a price below the house's ask expires, as it would on the venue."""
    venue = Venue("echo")
    venue.run([limit("alice", Side.BUY, 9000, 1000, tif=TimeInForce.IOC)])
    assert statuses(venue) == [OrderStatus.EXPIRED]


def test_book_stands_on_both_sides_from_the_start() -> None:
    """The first step quotes every level of every market round the reference price."""
    venue = Venue("book")
    for name in (SPOT, PERP):
        depth = venue.engine.depth(name)
        assert len(depth.bids) >= BOOK_LEVELS - 2
        assert len(depth.asks) >= BOOK_LEVELS - 2
        assert depth.bids[0][0] < 10010
        assert depth.asks[0][0] > 9990


def test_book_fills_orders_in_parts() -> None:
    """Orders at the best prices fill in several parts within a minute, and a large taker sweeps several levels."""
    venue = Venue("book", seed=3)
    best = venue.engine.best(SPOT, Side.BUY)
    assert best is not None
    venue.run([limit("alice", Side.BUY, best + 1, 5000), limit("alice", Side.SELL, best + 2, 5000)])
    venue.steps(300)
    assert len(venue.engine.executions("alice")) > 3
    venue.run([market("bob", Side.BUY, 2000)])
    assert len({execution.price for execution in venue.engine.executions("bob")}) > 1


def test_book_neither_grows_nor_dries_up() -> None:
    """After two minutes the house has as many quotes as levels, prices have moved, and trades were public."""
    venue = Venue("book")
    venue.steps(600)
    assert len(venue.engine.open_orders(HOUSE, SPOT)) <= 2 * (BOOK_LEVELS + 3)
    assert len(venue.engine.depth(SPOT).bids) >= 5
    assert len({trade.price for trade in venue.engine.trades(SPOT)}) > 5
    assert len(venue.engine.orders(HOUSE)) == len(venue.engine.open_orders(HOUSE))


def test_book_repeats_with_its_seed() -> None:
    """One seed gives one history, another seed another."""
    logs = []
    for seed in (1, 1, 2):
        venue = Venue("book", seed)
        venue.steps(50)
        logs.append(venue.log)
    assert logs[0] == logs[1]
    assert logs[0] != logs[2]


def test_unknown_model_is_named() -> None:
    """A name that is no model raises ValueError that lists the models."""
    with pytest.raises(ValueError, match="manual, echo, book"):
        make_liquidity("magic", engine_of(spot()), random.Random(0))

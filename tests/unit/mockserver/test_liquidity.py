"""The liquidity models: what fills a client's orders when nobody else trades."""

import random
from collections.abc import Iterable
from decimal import Decimal

import pytest

from mockserver.engine.engine import Engine
from mockserver.engine.types import HOUSE, Command, Deposit, Event, OrderStatus, Side, TimeInForce
from mockserver.liquidity import BOOK_INTERVAL_NS, BOOK_LEVELS, Liquidity, Replay, make_liquidity, move
from mockserver.recorded_trades import Recorded
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
    with pytest.raises(ValueError, match="manual, echo, touch, book, replay"):
        make_liquidity("magic", engine_of(spot()), random.Random(0))


def test_touch_fills_whole_what_the_price_reaches() -> None:
    """Bids at or above the price, asks at or below it, each at its own price; the rest stays."""
    venue = Venue("touch")
    venue.run([limit("alice", Side.BUY, price, 1000) for price in (9990, 9980, 9970)])
    venue.run(move(venue.model, venue.engine, venue.engine.instruments[SPOT], 9980))
    assert statuses(venue) == [OrderStatus.FILLED, OrderStatus.FILLED, OrderStatus.NEW]
    assert [each.price for each in venue.engine.executions("alice")] == [9990, 9980]
    assert venue.engine.last_price(SPOT) == 9980
    assert all(each.maker for each in venue.engine.executions("alice"))


def test_touch_lets_takers_find_the_house_one_tick_away() -> None:
    """A market order of any size is filled, again and again, and an order that comes to rest at the price at once."""
    venue = Venue("touch")
    for _ in range(3):
        venue.run([market("alice", Side.BUY, 1000), limit("alice", Side.SELL, 10000, 1000)])
    assert set(statuses(venue)) == {OrderStatus.FILLED}
    assert [each.price for each in venue.engine.executions("alice")] == [10001, 10000] * 3
    assert len(venue.engine.open_orders(HOUSE, SPOT)) <= 4


def test_touch_wanders_by_its_seed() -> None:
    """The same seed goes the same way, and an order near the price fills by itself."""
    ways = []
    for seed in (1, 1, 2):
        venue = Venue("touch", seed)
        venue.run([limit("alice", Side.BUY, 9998, 1000), limit("alice", Side.SELL, 10002, 1000)])
        venue.steps(200)
        ways.append([each.price for each in venue.engine.trades(SPOT)])
        assert set(statuses(venue)) == {OrderStatus.FILLED}
    assert ways[0] == ways[1] != ways[2]


@pytest.mark.parametrize("model", ["manual", "echo", "touch", "book"])
def test_every_model_can_be_moved(model: str) -> None:
    """The price is there, what it touched has filled, and the house stands on no wrong side."""
    venue = Venue(model)
    venue.run([limit("alice", Side.BUY, 9950, 1000, PERP)])
    venue.run(move(venue.model, venue.engine, venue.engine.instruments[PERP], 9900))
    assert statuses(venue) == [OrderStatus.FILLED]
    assert venue.engine.last_price(PERP) == 9900
    bid, ask = venue.engine.best(PERP, Side.BUY), venue.engine.best(PERP, Side.SELL)
    assert (bid or 9900) <= 9900 <= (ask or 9900)


def recorded(*rows: tuple[int, str, str, Side]) -> list[Recorded]:
    """Trades of the spot market at milliseconds, prices and quantities."""
    return [Recorded(ms * 10**6, SPOT, Decimal(price), Decimal(size), side) for ms, price, size, side in rows]


def test_a_replay_goes_at_its_own_pace() -> None:
    """Each trade when it is due; the time until the next is the model's interval, and there is an end."""
    tick, step = spot().tick, spot().step
    rows = recorded(
        (1_000, str(tick * 10_000), str(step * 30), Side.BUY),
        (1_000, str(tick * 9_990), str(step * 40), Side.SELL),
        (1_500, str(tick * 9_995), str(step * 50), Side.BUY),
    )
    engine = engine_of(spot(), perp())
    model = Replay(engine, rows)

    def run(now_ns: int) -> None:
        for command in model.step(now_ns):
            events = engine.apply(command, now_ns).events
            for answer in model.react(events, now_ns):
                engine.apply(answer, now_ns)

    run(NOW)
    assert model.interval_ns == 500 * 10**6
    told = [(each.price, each.quantity, each.taker_side) for each in engine.trades(SPOT)]
    assert told == [(10_000, 30, Side.BUY), (9_990, 40, Side.SELL)]
    run(NOW + 499 * 10**6)
    assert len(engine.trades(SPOT)) == 2
    run(NOW + 500 * 10**6)
    assert engine.last_price(SPOT) == 9_995
    assert model.interval_ns is None


def test_a_replay_fills_in_the_quantity_that_was_traded() -> None:
    """An order that is touched gets no more than was traded there; one that was passed is filled whole."""
    engine = engine_of(spot(), perp())
    rows = recorded((0, "100.00", "1", Side.BUY), (1, "99.50", "0.3", Side.SELL), (2, "99.40", "0.1", Side.SELL))
    model = Replay(engine, rows)
    assert spot().tick == Decimal("0.01")

    def run(now_ns: int) -> int:
        for command in model.step(now_ns):
            events = engine.apply(command, now_ns).events
            for answer in model.react(events, now_ns):
                engine.apply(answer, now_ns)
        return sum(each.quantity for each in engine.executions("alice"))

    assert run(NOW) == 0
    engine.apply(limit("alice", Side.BUY, 9950, spot().to_steps(Decimal(1))), NOW)
    assert run(NOW + 10**6) == spot().to_steps(Decimal("0.3"))
    assert run(NOW + 2 * 10**6) == spot().to_steps(Decimal(1))
    assert {each.price for each in engine.executions("alice")} == {9950}

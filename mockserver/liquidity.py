"""Where a client's fills come from: models of the other side, played by the house.

manual  nothing happens by itself; fills come from the control API (or from other clients)
echo    every order that rests is filled at once at its own price; orders that take find an endless house at the
        reference price (bid) and one tick above it (ask), so an IOC or FOK order at a worse price expires as it should
touch   a price that wanders or is moved; an order fills whole when the price touches it, and takers find an endless
        house one tick from it
replay  as touch, but the price goes as recorded trades went, and an order that it only touches fills in their quantity
book    a synthetic book round a wandering price, and takers that hit it: clients' orders fill in parts, by and by

Pure: a model reads the engine and answers with commands; its chance is the ``random.Random`` it was given. Its orders
are ordinary orders of the house. ``move`` puts the price of a market somewhere, whatever the model.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeGuard

from mockserver.engine.engine import Engine
from mockserver.engine.types import (
    HOUSE,
    Cancel,
    Command,
    Event,
    Fill,
    Instrument,
    OrderChange,
    OrderEvent,
    OrderType,
    OrderView,
    Place,
    Side,
    TimeInForce,
)
from mockserver.printing import cancelled, limit, lot, moved, near_steps, near_ticks, touches, traded
from mockserver.recorded_trades import Recorded

BOOK_INTERVAL_NS: Final = 200_000_000
BOOK_LEVELS: Final = 10
UNIT_LOTS: Final = 20
"""The unit of the book's quantities, in the smallest quantities that may be traded; levels hold 1 to 10 units."""
MOST_UNITS: Final = 10
TAKER_CHANCE: Final = 0.5
"""How likely a noise taker comes to one market in one step."""
WANDER_PER_MILLE: Final = 50
"""How far the price may wander from the reference price."""


class Manual:
    """Nothing happens by itself."""

    interval_ns: int | None = None

    def react(self, events: Sequence[Event], now_ns: int) -> Iterable[Command]:
        """Answer nothing."""
        return ()

    def step(self, now_ns: int) -> Iterable[Command]:
        """Do nothing."""
        return ()


class Echo:
    """Every order is filled at once."""

    interval_ns: int | None = None

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._prices = _reference_prices(engine)

    def react(self, events: Sequence[Event], now_ns: int) -> Iterable[Command]:
        """Fill what rests, and fill the house's quotes up again."""
        for view in _last_views(events):
            if view.account == HOUSE:
                yield from self._quotes(self._engine.instruments[view.instrument], view.side)
            elif view.on_book:
                yield Fill(instrument=view.instrument, order_id=view.order_id)

    def step(self, now_ns: int) -> Iterable[Command]:
        """Quote every market; called once, when the exchange opens."""
        for instrument in self._engine.instruments.values():
            for side in Side:
                yield from self._quotes(instrument, side)

    def move(self, instrument: Instrument, price: int) -> Iterator[Command]:
        """Quote at another price from now on."""
        self._prices[instrument.name] = price
        yield from cancelled(self._engine, instrument)
        yield from moved(self._engine, instrument, price)
        for side in Side:
            yield from self._quotes(instrument, side)

    def _quotes(self, instrument: Instrument, side: Side) -> Iterator[Command]:
        """Place a house order unless as much as one client order may take stands there already."""
        mine = self._engine.open_orders(HOUSE, instrument.name)
        if sum(view.remaining for view in mine if view.side is side) < instrument.max_steps:
            price = self._prices[instrument.name] + (side is Side.SELL)
            yield limit(instrument, side, price, instrument.max_steps)


class Touch:
    """A price; what it touches fills whole. It wanders, unless it is only moved."""

    def __init__(self, engine: Engine, rng: random.Random | None) -> None:
        self._engine = engine
        self._random = rng
        self._prices = _reference_prices(engine)

    @property
    def interval_ns(self) -> int | None:
        """How often the price takes a step."""
        return None if self._random is None else BOOK_INTERVAL_NS

    def react(self, events: Sequence[Event], now_ns: int) -> Iterator[Command]:
        """Fill what rests where the price is, and fill the house's quotes up again where somebody took of them."""
        for view in _last_views(events):
            if touches(view, self._prices[view.instrument]):
                yield Fill(instrument=view.instrument, order_id=view.order_id)
        for name in dict.fromkeys(event.order.instrument for event in events if _took_of_house(event)):
            yield from self._quotes(self._engine.instruments[name])

    def step(self, now_ns: int) -> Iterator[Command]:
        """Move every market's price by at most one spacing, lazily; at first only quote."""
        for instrument in self._engine.instruments.values():
            if not self._engine.open_orders(HOUSE, instrument.name):
                yield from self._quotes(instrument)
            elif self._random is not None:
                most = instrument.reference_ticks * WANDER_PER_MILLE // 1000
                price = self._prices[instrument.name] + self._random.choice((-1, 0, 0, 1)) * _spacing(instrument)
                price = max(instrument.reference_ticks - most, min(instrument.reference_ticks + most, price))
                if price != self._prices[instrument.name]:
                    yield from self.move(instrument, price)

    def move(self, instrument: Instrument, price: int) -> Iterator[Command]:
        """Put the price there."""
        self._prices[instrument.name] = price
        yield from cancelled(self._engine, instrument)
        yield from moved(self._engine, instrument, price)
        yield from self._quotes(instrument)

    def _quotes(self, instrument: Instrument) -> Iterator[Command]:
        """Stand one tick from the price on both sides with as much as one order may take."""
        mine = self._engine.open_orders(HOUSE, instrument.name)
        for side in Side:
            price = self._prices[instrument.name] - side.sign
            standing = sum(view.remaining for view in mine if view.side is side and view.price == price)
            if price > 0 and standing < instrument.max_steps:
                yield limit(instrument, side, price, instrument.max_steps)


class Replay(Touch):
    """Recorded trades happen again, at the pace at which they happened, from the moment the exchange opens."""

    def __init__(self, engine: Engine, trades: Sequence[Recorded]) -> None:
        super().__init__(engine, None)
        listed = engine.instruments
        self._trades = [trade for trade in trades if trade.symbol in listed]
        self._next = 0
        self._began_ns: int | None = None
        self._now_ns = 0
        for trade in reversed(self._trades):  # it opens where the recording does
            self._prices[trade.symbol] = near_ticks(listed[trade.symbol], trade.price)

    @property
    def interval_ns(self) -> int | None:
        """How long until the next trade; None at the end."""
        if self._next == len(self._trades):
            return None
        return max(0, self._due_ns(self._trades[self._next]) - self._now_ns)

    def _due_ns(self, trade: Recorded) -> int:
        return (self._began_ns or 0) + trade.time_ns - self._trades[0].time_ns

    def step(self, now_ns: int) -> Iterator[Command]:
        """Let happen what is due."""
        self._now_ns = now_ns
        if self._began_ns is None:
            self._began_ns = now_ns
            for instrument in self._engine.instruments.values():
                yield from self._quotes(instrument)
        while self._next < len(self._trades) and self._due_ns(self._trades[self._next]) <= now_ns:
            trade = self._trades[self._next]
            self._next += 1
            yield from self._happen(trade)

    def _happen(self, trade: Recorded) -> Iterator[Command]:
        instrument = self._engine.instruments[trade.symbol]
        price, quantity = near_ticks(instrument, trade.price), near_steps(instrument, trade.quantity)
        self._prices[instrument.name] = price
        yield from cancelled(self._engine, instrument)
        yield from traded(self._engine, instrument, price, quantity, trade.taker)
        yield from self._quotes(instrument)

    def react(self, events: Sequence[Event], now_ns: int) -> Iterator[Command]:
        """Fill the house's quotes up again; an order that comes to rest waits for the next trade."""
        for name in dict.fromkeys(event.order.instrument for event in events if _took_of_house(event)):
            yield from self._quotes(self._engine.instruments[name])


class SyntheticBook:
    """A book that lives: quotes follow a wandering price, takers come at random."""

    interval_ns: int | None = BOOK_INTERVAL_NS

    def __init__(self, engine: Engine, rng: random.Random) -> None:
        self._engine = engine
        self._random = rng
        self._prices = _reference_prices(engine)
        # Ticks from that price, in spacings; bounded: by the instruments.
        self._drift = dict.fromkeys(engine.instruments, 0)

    def react(self, events: Sequence[Event], now_ns: int) -> Iterable[Command]:
        """Answer nothing: gaps in the book are filled by the next step, as time passes."""
        return ()

    def step(self, now_ns: int) -> Iterator[Command]:
        """Move every market by one step; lazily, so that each command is made from the state the last one left."""
        for instrument in self._engine.instruments.values():
            middle = self._wander(instrument)
            yield from self._cancel_stale(instrument, middle)
            yield from self._quote(instrument, middle)
            if self._random.random() < TAKER_CHANCE:
                side = self._random.choice(tuple(Side))
                yield _market(instrument, side, self._quantity(instrument))

    def move(self, instrument: Instrument, price: int) -> Iterator[Command]:
        """Wander from there on."""
        self._prices[instrument.name], self._drift[instrument.name] = price, 0
        yield from cancelled(self._engine, instrument)
        yield from moved(self._engine, instrument, price)
        yield from self._quote(instrument, price)

    def _wander(self, instrument: Instrument) -> int:
        """Move the middle by at most one spacing and return it in ticks."""
        spacing = _spacing(instrument)
        price = self._prices[instrument.name]
        most = price * WANDER_PER_MILLE // 1000 // spacing
        drift = self._drift[instrument.name] + self._random.choice((-1, 0, 0, 1))
        self._drift[instrument.name] = max(-most, min(most, drift))
        return price + self._drift[instrument.name] * spacing

    def _cancel_stale(self, instrument: Instrument, middle: int) -> Iterator[Command]:
        """Cancel the house's quotes that are on the wrong side of the middle, or far away."""
        far = (BOOK_LEVELS + 2) * _spacing(instrument)
        for view in self._engine.open_orders(HOUSE, instrument.name):
            assert view.price is not None  # market orders never rest
            distance = (middle - view.price) * view.side.sign
            if not 0 < distance <= far:
                yield Cancel(account=HOUSE, instrument=instrument.name, order_id=view.order_id)

    def _quote(self, instrument: Instrument, middle: int) -> Iterator[Command]:
        """Fill the empty levels; a quote that meets a client's order trades with it first."""
        mine = {(view.side, view.price) for view in self._engine.open_orders(HOUSE, instrument.name)}
        spacing = _spacing(instrument)
        for level in range(1, BOOK_LEVELS + 1):
            for side in Side:
                price = middle - side.sign * level * spacing
                if price > 0 and (side, price) not in mine:
                    yield limit(instrument, side, price, self._quantity(instrument))

    def _quantity(self, instrument: Instrument) -> int:
        return min(instrument.max_steps, lot(instrument) * UNIT_LOTS * self._random.randint(1, MOST_UNITS))


Liquidity = Manual | Echo | Touch | SyntheticBook
ALONE: Final = ("manual", "echo", "touch", "book")
"""The models that need no recorded trades."""
REPLAY: Final = "replay"
MODELS: Final = (*ALONE, REPLAY)


def make_liquidity(model: str, engine: Engine, rng: random.Random, trades: Sequence[Recorded] = ()) -> Liquidity:
    """Return the model of this name; `trades` are those of a replay. Raises ValueError for any other name."""
    match model:
        case "manual":
            return Manual()
        case "echo":
            return Echo(engine)
        case "touch":
            return Touch(engine, rng)
        case "replay":
            return Replay(engine, trades)
        case "book":
            return SyntheticBook(engine, rng)
        case _:
            raise ValueError(f"no liquidity model {model!r}; there are {', '.join(MODELS)}")


def move(model: object, engine: Engine, instrument: Instrument, price: int) -> Iterator[Command]:
    """Put a market's price somewhere: clients' orders that it touches fill, and a model goes on from there."""
    if isinstance(model, Echo | Touch | SyntheticBook):
        yield from model.move(instrument, price)
    else:
        yield from moved(engine, instrument, price)


def _reference_prices(engine: Engine) -> dict[str, int]:
    return {name: instrument.reference_ticks for name, instrument in engine.instruments.items()}


def _last_views(events: Sequence[Event]) -> Iterable[OrderView]:
    """Return each order that the events are about, as the last of them left it."""
    orders = (event.order for event in events if isinstance(event, OrderEvent))
    return {(order.instrument, order.order_id): order for order in orders}.values()


def _took_of_house(event: Event) -> TypeGuard[OrderEvent]:
    return isinstance(event, OrderEvent) and event.change is OrderChange.TRADE and event.order.account == HOUSE


def _spacing(instrument: Instrument) -> int:
    """Return the distance of two levels of the synthetic book in ticks: one basis point, at least one tick."""
    return max(1, instrument.reference_ticks // 10_000)


def _market(instrument: Instrument, side: Side, quantity: int) -> Place:
    return Place(
        account=HOUSE,
        instrument=instrument.name,
        side=side,
        type=OrderType.MARKET,
        tif=TimeInForce.IOC,
        quantity=quantity,
    )

"""Where a client's fills come from: models of the other side, played by the house.

manual  nothing happens by itself; fills come from the control API (or from other clients)
echo    every order that rests is filled at once at its own price; orders that take find an endless house at the
        reference price (bid) and one tick above it (ask), so an IOC or FOK order at a worse price expires as it should
book    a synthetic book round a wandering price, and takers that hit it: clients' orders fill in parts, by and by

Pure: a model reads the engine and answers with commands; its chance is the ``random.Random`` it was given. It does not
look at any client's account, and its orders are ordinary orders of the house.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from mockserver.engine.engine import Engine
from mockserver.engine.types import (
    HOUSE,
    Cancel,
    Command,
    Event,
    Fill,
    Instrument,
    OrderEvent,
    OrderType,
    OrderView,
    Place,
    Side,
    TimeInForce,
)

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

    def react(self, events: Sequence[Event], now_ns: int) -> Iterable[Command]:
        """Fill what rests, and fill the house's quotes up again."""
        last: dict[tuple[str, int], OrderView] = {}
        for event in events:
            if isinstance(event, OrderEvent):
                last[event.order.instrument, event.order.order_id] = event.order
        for view in last.values():
            if view.account == HOUSE:
                yield from self._quotes(self._engine.instruments[view.instrument], view.side)
            elif view.on_book:
                yield Fill(instrument=view.instrument, order_id=view.order_id)

    def step(self, now_ns: int) -> Iterable[Command]:
        """Quote every market; called once, when the exchange opens."""
        for instrument in self._engine.instruments.values():
            for side in Side:
                yield from self._quotes(instrument, side)

    def _quotes(self, instrument: Instrument, side: Side) -> Iterator[Command]:
        """Place a house order unless as much as one client order may take stands there already."""
        mine = self._engine.open_orders(HOUSE, instrument.name)
        if sum(view.remaining for view in mine if view.side is side) < instrument.max_steps:
            price = instrument.reference_ticks + (side is Side.SELL)
            yield _limit(instrument, side, price, instrument.max_steps)


class SyntheticBook:
    """A book that lives: quotes follow a wandering price, takers come at random."""

    interval_ns: int | None = BOOK_INTERVAL_NS

    def __init__(self, engine: Engine, rng: random.Random) -> None:
        self._engine = engine
        self._random = rng
        # Ticks from the reference price, in spacings; bounded: by the instruments.
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

    def _wander(self, instrument: Instrument) -> int:
        """Move the middle by at most one spacing and return it in ticks."""
        spacing = _spacing(instrument)
        most = instrument.reference_ticks * WANDER_PER_MILLE // 1000 // spacing
        drift = self._drift[instrument.name] + self._random.choice((-1, 0, 0, 1))
        self._drift[instrument.name] = max(-most, min(most, drift))
        return instrument.reference_ticks + self._drift[instrument.name] * spacing

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
                    yield _limit(instrument, side, price, self._quantity(instrument))

    def _quantity(self, instrument: Instrument) -> int:
        one = instrument.notional(instrument.reference_ticks, 1)
        lot = max(instrument.min_steps, -(-instrument.min_notional_atoms // one))
        return min(instrument.max_steps, lot * UNIT_LOTS * self._random.randint(1, MOST_UNITS))


Liquidity = Manual | Echo | SyntheticBook
MODELS: Final = ("manual", "echo", "book")


def make_liquidity(model: str, engine: Engine, rng: random.Random) -> Liquidity:
    """Return the model of this name. Raises ValueError for any other name."""
    match model:
        case "manual":
            return Manual()
        case "echo":
            return Echo(engine)
        case "book":
            return SyntheticBook(engine, rng)
        case _:
            raise ValueError(f"no liquidity model {model!r}; there are {', '.join(MODELS)}")


def _spacing(instrument: Instrument) -> int:
    """Return the distance of two levels of the synthetic book in ticks: one basis point, at least one tick."""
    return max(1, instrument.reference_ticks // 10_000)


def _limit(instrument: Instrument, side: Side, price: int, quantity: int) -> Place:
    return Place(account=HOUSE, instrument=instrument.name, side=side, price=price, quantity=quantity)


def _market(instrument: Instrument, side: Side, quantity: int) -> Place:
    return Place(
        account=HOUSE,
        instrument=instrument.name,
        side=side,
        type=OrderType.MARKET,
        tif=TimeInForce.IOC,
        quantity=quantity,
    )

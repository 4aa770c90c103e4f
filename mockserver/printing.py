"""Commands by which the house makes the market's price what it should be, and lets clients' orders feel it.

`moved`: the price is now there; every client's order that it touches or has passed is filled whole, at its own price.
`traded`: somebody traded so much at this price; clients' orders fill first, by price and time, up to that quantity.
Both read the engine as they go: each command must be applied before the next is asked for.
What this module does not do: decide where the price goes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal

from mockserver.engine.engine import Engine
from mockserver.engine.types import HOUSE, Cancel, Command, Fill, Instrument, OrderView, Place, Side, TimeInForce

Levels = Sequence[tuple[int, int]]


def lot(instrument: Instrument, price: int | None = None) -> int:
    """Return the smallest quantity, in steps, that may be traded at this price (None: the reference price)."""
    one = instrument.notional(instrument.reference_ticks if price is None else price, 1)
    return max(instrument.min_steps, -(-instrument.min_notional_atoms // one))


def limit(instrument: Instrument, side: Side, price: int, quantity: int, *, at_once: bool = False) -> Place:
    """Return a limit order of the house; `at_once`: what finds nobody is not left in the book."""
    tif = TimeInForce.IOC if at_once else TimeInForce.GTC
    return Place(account=HOUSE, instrument=instrument.name, side=side, price=price, quantity=quantity, tif=tif)


def touches(view: OrderView, price: int) -> bool:
    """Whether a client's order that stands in the book is at this price or would have traded before it."""
    return view.account != HOUSE and view.on_book and _reached(view, price)


def _reached(view: OrderView, price: int) -> bool:
    return view.price is not None and (view.price - price) * view.side.sign >= 0


def moved(engine: Engine, instrument: Instrument, price: int) -> Iterator[Command]:
    """Let the price be there: fill what it touches, and print a small trade; the house's orders in its way go."""
    up = price >= engine.last_price(instrument.name)
    for view in engine.open_orders(HOUSE, instrument.name):
        if _reached(view, price):
            yield Cancel(account=HOUSE, instrument=instrument.name, order_id=view.order_id)
    for account in sorted(set(engine.accounts()) - {HOUSE}):
        for view in engine.open_orders(account, instrument.name):
            now = engine.order(view.instrument, view.order_id)  # a model may have filled it since
            if now is not None and touches(now, price):
                yield Fill(instrument=view.instrument, order_id=view.order_id)
    yield from traded(engine, instrument, price, lot(instrument, price), Side.BUY if up else Side.SELL)


def traded(engine: Engine, instrument: Instrument, price: int, quantity: int, taker: Side) -> Iterator[Command]:
    """Let somebody take so much at this price; of what no client has the house is the other side."""
    known = {view.order_id for view in engine.open_orders(HOUSE, instrument.name)}
    yield limit(instrument, taker.opposite, price, quantity)
    yield limit(instrument, taker, price, quantity, at_once=True)
    for view in engine.open_orders(HOUSE, instrument.name):
        if view.order_id not in known and view.price == price and view.side is taker.opposite:
            yield Cancel(account=HOUSE, instrument=instrument.name, order_id=view.order_id)


def stood(engine: Engine, instrument: Instrument, bids: Levels, asks: Levels) -> Iterator[Command]:
    """Let the house's book be these levels, in place of what it was; clients' orders in their way trade first."""
    yield from cancelled(engine, instrument)
    for side, levels in ((Side.BUY, bids), (Side.SELL, asks)):
        for price, quantity in levels:
            yield limit(instrument, side, price, quantity)


def cancelled(engine: Engine, instrument: Instrument) -> Iterator[Command]:
    """Take the house's orders out of the book."""
    for view in engine.open_orders(HOUSE, instrument.name):
        yield Cancel(account=HOUSE, instrument=instrument.name, order_id=view.order_id)


def near_ticks(instrument: Instrument, price: Decimal) -> int:
    """Return the nearest price that the instrument can express, at least one tick."""
    return max(1, int((price / instrument.tick).to_integral_value(ROUND_HALF_EVEN)))


def near_steps(instrument: Instrument, quantity: Decimal) -> int:
    """Return the nearest quantity below that the instrument can trade, at least one step and at most its largest."""
    steps = int((quantity / instrument.step).to_integral_value(ROUND_DOWN))
    return min(instrument.max_steps, max(1, instrument.min_steps, steps))

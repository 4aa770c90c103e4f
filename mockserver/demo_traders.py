"""Traders for show: they place, let fill and cancel orders on the demo accounts, so that a watcher sees life.

A trader is a client like any other, only without a socket: it reads the engine and issues ordinary commands. It keeps
one resting order at most per market and now and then takes. Pure and seeded; ``start`` sets it on its exchange's clock.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial
from typing import Final

from mockserver.engine.engine import Engine
from mockserver.engine.types import (
    Cancel,
    Command,
    Instrument,
    OrderType,
    Place,
    Side,
    TimeInForce,
)
from mockserver.exchange import Exchange

LARGEST_LOTS: Final = 40
"""Orders are 1 to this many of the smallest quantities that may be traded."""
PATIENCE: Final = 4
"""Turns an order may rest before it is cancelled."""
TAKE_CHANCE: Final = 0.3


class DemoTrader:
    """One account that trades a little in every market, one market a turn."""

    def __init__(self, engine: Engine, account: str, rng: random.Random) -> None:
        self._engine = engine
        self._account = account
        self._random = rng
        self._turn = 0

    def step(self, now_ns: int) -> Iterator[Command]:
        """One turn: in the next market cancel what rested for too long, or place an order."""
        instruments = list(self._engine.instruments.values())
        instrument = instruments[self._turn % len(instruments)]
        lap = self._turn // len(instruments)
        self._turn += 1
        resting = self._engine.open_orders(self._account, instrument.name)
        if resting:
            if lap % PATIENCE == PATIENCE - 1:
                for view in resting:
                    yield Cancel(account=self._account, instrument=instrument.name, order_id=view.order_id)
            return
        yield self._order(instrument)

    def _order(self, instrument: Instrument) -> Place:
        side = self._side(instrument)
        quantity = self._lot(instrument) * self._random.randint(1, LARGEST_LOTS)
        if self._random.random() < TAKE_CHANCE:
            return Place(
                account=self._account,
                instrument=instrument.name,
                side=side,
                type=OrderType.MARKET,
                tif=TimeInForce.IOC,
                quantity=quantity,
                unique_client_id="no",
            )
        best = self._engine.best(instrument.name, side) or self._engine.last_price(instrument.name)
        away = self._random.randint(0, 2) * max(1, instrument.reference_ticks // 10_000)
        return Place(
            account=self._account,
            instrument=instrument.name,
            side=side,
            quantity=quantity,
            price=max(1, best - side.sign * away),
            unique_client_id="no",
        )

    def _side(self, instrument: Instrument) -> Side:
        """Against the position of a perpetual (it never grows far), at random elsewhere."""
        position = self._engine.position(self._account, instrument.name).quantity if instrument.is_perp else 0
        if position:
            return Side.SELL if position > 0 else Side.BUY
        return self._random.choice(tuple(Side))

    def _lot(self, instrument: Instrument) -> int:
        one = instrument.notional(instrument.reference_ticks, 1)
        # Twice the least notional: the price may have fallen since.
        return max(instrument.min_steps, -(-2 * instrument.min_notional_atoms // one))


def start(exchange: Exchange, account: str, interval_ns: int) -> None:
    """Let a demo trader act on this account each ``interval_ns`` from now on; refused commands are just that."""
    trader = DemoTrader(exchange.engine, account, exchange.random(f"demo trader of {account}"))
    _await_turn(exchange, trader, interval_ns)


def _await_turn(exchange: Exchange, trader: DemoTrader, interval_ns: int) -> None:
    turn = partial(_turn, exchange, trader, interval_ns)  # a snapshot can keep it
    exchange.clock.after(interval_ns, f"demo trader at {exchange.venue}", turn, market=True)


def _turn(exchange: Exchange, trader: DemoTrader, interval_ns: int) -> None:
    for command in trader.step(exchange.now_ns):
        exchange.submit(command)
    _await_turn(exchange, trader, interval_ns)

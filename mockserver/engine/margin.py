"""What perpetual positions and orders need of an account's money, and what is left of it.

Cross margin: an account's positions share its wallet, but those that are isolated (``isolated.py``). A position needs
its worth at the last price divided by its leverage; open orders need what the larger of the two positions they could
lead to would need more (one-way), or what they open (hedged). Orders that only reduce need nothing. Coins of spot
markets count at their last prices, where one venue has both. What it does not do: brackets, haircuts.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from mockserver.engine.instrument import ATOMS, Instrument
from mockserver.engine.views import OrderView, Position


@attrs.frozen(slots=True)
class Need:
    """What one instrument, or a whole account, needs, in atoms of its cash."""

    positions: int = 0
    """Initial margin of the positions."""
    orders: int = 0
    """Initial margin of the open orders, on top."""
    maintenance: int = 0
    gained: int = 0
    """Profit of the positions, if they were closed at the last price."""

    @property
    def initial(self) -> int:
        """Return what positions and orders need together."""
        return self.positions + self.orders

    def __add__(self, other: Need) -> Need:
        """Return both together."""
        return Need(
            self.positions + other.positions,
            self.orders + other.orders,
            self.maintenance + other.maintenance,
            self.gained + other.gained,
        )


@attrs.frozen(slots=True, kw_only=True)
class Margin:
    """The margin of one account, in atoms of one cash asset."""

    need: Need
    """Of everything."""
    shared: Need
    """What of it the shared money answers for: of isolated positions only the orders that would open more."""
    money: int
    """What is free of the cash, and what the other coins are worth."""

    @property
    def available(self) -> int:
        """Return what new orders may need; below zero when losses took it."""
        return self.money + self.shared.gained - self.shared.initial

    @property
    def movable(self) -> int:
        """Return what may go to stand behind an isolated position."""
        return min(self.available, self.money - self.shared.orders - self.shared.maintenance)

    @property
    def is_gone(self) -> bool:
        """Whether the exchange may liquidate: there are positions, and less is left than they must keep."""
        return self.shared.maintenance > 0 and self.money + self.shared.gained < self.shared.maintenance


def need_of(instrument: Instrument, last: int, leverage: int, positions: Iterable[Position], orders: Orders) -> Need:
    """Return what the positions at one instrument, and orders worth so much, need."""
    needed = Need()
    for each in positions:
        worth = instrument.notional(last, each.quantity)
        bids, asks = orders.get(each)
        whole = max(abs(worth + bids), abs(worth - asks))
        held = _up(abs(worth), leverage)
        needed += Need(
            held, _up(whole, leverage) - held, _up(abs(worth) * instrument.maintenance, ATOMS), worth - each.entry_quote
        )
    return needed


@attrs.frozen(slots=True)
class Orders:
    """What the open orders at one instrument are worth: those that may open a position, by its side."""

    worth: dict[object, tuple[int, int]]

    @classmethod
    def of(cls, instrument: Instrument, views: Iterable[OrderView]) -> Orders:
        """Return the worth of the orders that work."""
        sums: dict[object, tuple[int, int]] = {}
        for view in views:
            if view.price is None or view.waits or view.reduces:
                continue
            bids, asks = sums.get(view.position_side, (0, 0))
            worth = instrument.notional(view.price, view.remaining)
            sums[view.position_side] = (bids + worth, asks) if view.side.sign > 0 else (bids, asks + worth)
        return cls(sums)

    def get(self, position: Position) -> tuple[int, int]:
        """Return (bids, asks) about a position."""
        return self.worth.get(position.side, (0, 0))

    def plus(self, key: object, bids: int, asks: int) -> Orders:
        """Return these and so much more."""
        old = self.worth.get(key, (0, 0))
        return Orders({**self.worth, key: (old[0] + bids, old[1] + asks)})


def _up(amount: int, divisor: int) -> int:
    return -(-amount // divisor)

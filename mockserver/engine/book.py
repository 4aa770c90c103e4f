"""The resting orders of one market: by price, then by time of arrival.

It knows keys, prices and quantities only; what an order is, and who may trade with whom, is decided in ``matching.py``.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from itertools import islice
from typing import TypeAlias

import attrs

from mockserver.engine.types import Depth, Side

OrderKey: TypeAlias = tuple[str, int]
"""(id space, order id): unique in one engine."""


@attrs.define(slots=True)
class _Level:
    orders: dict[OrderKey, int] = attrs.field(factory=dict)  # key -> open steps, in order of arrival
    total: int = 0


class _Half:
    """One side. Prices ascend; the best is the last for bids, the first for asks."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.levels: dict[int, _Level] = {}  # bounded: by the orders at rest, which the engine limits
        self.prices: list[int] = []  # bounded: as levels

    def best(self) -> int | None:
        if not self.prices:
            return None
        return self.prices[-1] if self.side is Side.BUY else self.prices[0]

    def best_first(self) -> Iterator[int]:
        return reversed(self.prices) if self.side is Side.BUY else iter(self.prices)


class Book:
    """Bids and asks of one market."""

    def __init__(self, instrument: str) -> None:
        self.instrument = instrument
        self.update_id = 1
        self._halves = {side: _Half(side) for side in Side}

    def add(self, side: Side, price: int, key: OrderKey, quantity: int) -> None:
        """Put an order at the end of the queue at its price."""
        half = self._halves[side]
        level = half.levels.get(price)
        if level is None:
            level = half.levels[price] = _Level()
            bisect.insort(half.prices, price)
        level.orders[key] = quantity
        level.total += quantity
        self.update_id += 1

    def reduce(self, side: Side, price: int, key: OrderKey, quantity: int) -> None:
        """Take so many steps off an order; at nothing left it goes. An order that is not here is left alone."""
        half = self._halves[side]
        level = half.levels.get(price)
        if level is None or key not in level.orders:
            return
        left = level.orders[key] - quantity
        assert left >= 0
        level.total -= quantity
        if left:
            level.orders[key] = left
        else:
            del level.orders[key]
            if not level.orders:
                del half.levels[price]
                del half.prices[bisect.bisect_left(half.prices, price)]
        self.update_id += 1

    def remove(self, side: Side, price: int, key: OrderKey) -> None:
        """Take an order out of the queue, if it is there."""
        level = self._halves[side].levels.get(price)
        if level is not None and key in level.orders:
            self.reduce(side, price, key, level.orders[key])

    def best(self, side: Side) -> int | None:
        """Return the best price of a side."""
        return self._halves[side].best()

    def first(self, side: Side) -> tuple[int, OrderKey] | None:
        """Return price and key of the order that trades next on this side."""
        half = self._halves[side]
        price = half.best()
        return None if price is None else (price, next(iter(half.levels[price].orders)))

    def walk(self, side: Side) -> Iterator[tuple[int, OrderKey, int]]:
        """Yield (price, key, open steps) in the order in which they would trade."""
        half = self._halves[side]
        for price in half.best_first():
            for key, quantity in half.levels[price].orders.items():
                yield price, key, quantity

    def crosses(self, side: Side, price: int | None) -> bool:
        """Whether an order of this side at this price (None: market) would find a counterpart."""
        best = self.best(side.opposite)
        if best is None:
            return False
        return price is None or (best <= price if side is Side.BUY else best >= price)

    def depth(self, limit: int) -> Depth:
        """Return the best levels of both sides."""
        sides = {
            side: tuple((price, half.levels[price].total) for price in islice(half.best_first(), limit))
            for side, half in self._halves.items()
        }
        return Depth(instrument=self.instrument, update_id=self.update_id, bids=sides[Side.BUY], asks=sides[Side.SELL])

"""Have a venue's ids begun anew?  A test system that is wiped forgets all orders and counts from small numbers again.

The ids of one symbol's orders rise with the time of creation, so an order that is clearly younger than one with a
higher id, or with its own, is of a new *epoch*: what it shares an id with is another order.  This module only watches
the ids of one account.  It does not decide what a new epoch means, and where nothing is ever wiped it does nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from exchstream.core.venue import Plan
from exchstream.model import OrderState

MAX_ERAS: Final = 20_000  # symbols whose ids are watched; more than any venue lists
MAX_WAITING: Final = 16  # ids of one symbol and kind that wait for proof; beyond it all but the first go, oldest first
MAX_DIGITS: Final = 18  # of an id that is a count and fits 64 bits

Mark = tuple[int, int]  # an order's id, and when it was created


@attrs.frozen
class Era:
    """One symbol's ids: how often they have begun anew, and of each kind of order the highest one (as a `Mark`).

    The order that showed it was created at `since_ns`.  Nothing that was told before and is older had its ids in this
    epoch; what is told afterwards has, also of older orders, but for what is from before `floor_ns`.
    """

    number: int = 0
    since_ns: int = 0
    marks: Mapping[str, Mark] = attrs.field(factory=dict)
    floor_ns: int = 0

    def has(self, epoch: int, time_ns: int) -> bool:
        """True for a fact that was told under this epoch, or shortly before anybody knew that it had begun."""
        return epoch >= self.number or time_ns >= self.since_ns


@attrs.define
class Epochs:
    """The eras of one account's symbols.

    A mark takes the place of a lower one only when everything up to its creation has been told (`settle`): before,
    older orders of the same epoch, with lower ids, may still come.  Until then some wait: the first, and of each minute
    (a wipe takes longer) the highest.
    """

    plan: Plan
    eras: dict[str, Era] = attrs.field(factory=dict)
    _waiting: dict[tuple[str, str], list[Mark]] = attrs.field(factory=dict)

    def number(self, symbol: str) -> int:
        """The epoch of the facts on this symbol that come now."""
        era = self.eras.get(symbol)
        return 0 if era is None else era.number

    def follow(self, symbol: str, floor_ns: int) -> None:
        """All that was told of the former epoch of this symbol is from before this instant."""
        self.eras[symbol] = attrs.evolve(self.eras[symbol], floor_ns=floor_ns)

    def begins(self, state: OrderState, known: OrderState | None) -> bool:
        """True for an order that cannot be of its symbol's epoch, or not the one that is known by its id.

        Then a new epoch has begun with it.
        """
        mark = self._mark(state)
        if mark is None:
            return False
        symbol, kind, after_ns = state.key.venue_symbol, state.key.kind.value, self.plan.wiped_ns or 0
        others = list(self._waiting.get((symbol, kind), ()))
        if symbol in self.eras and kind in self.eras[symbol].marks:
            others.append(self.eras[symbol].marks[kind])
        if known is not None and known.created_ns is not None:
            others.append((mark[0], known.created_ns))
        anew = any(mark[0] <= number and mark[1] > created_ns + after_ns for number, created_ns in others)
        if anew:
            self.eras[symbol] = Era(self.number(symbol) + 1, mark[1])
            self._waiting = {space: marks for space, marks in self._waiting.items() if space[0] != symbol}
        self._wait(symbol, kind, mark)
        return anew

    def recall(self, states: Iterable[OrderState]) -> None:
        """A former process told these orders, which are of the present epoch."""
        for state in states:
            if (mark := self._mark(state)) is not None:
                self._wait(state.key.venue_symbol, state.key.kind.value, mark)

    def _mark(self, state: OrderState) -> Mark | None:
        """None where nothing is watched, or an id is no count."""
        order_id = state.key.order_id
        if self.plan.wiped_ns is None or state.created_ns is None or not order_id.isdecimal():
            return None
        return None if len(order_id) > MAX_DIGITS else (int(order_id), state.created_ns)

    def _wait(self, symbol: str, kind: str, mark: Mark) -> None:
        if symbol in self.eras or len(self.eras) < MAX_ERAS:
            self.eras.setdefault(symbol, Era())
            marks = self._waiting.setdefault((symbol, kind), [])
            if not marks:
                marks.append(mark)
            elif mark > marks[-1]:
                if len(marks) > 1 and mark[1] <= marks[-1][1] + (self.plan.wiped_ns or 0):
                    marks.pop()
                elif len(marks) >= MAX_WAITING:
                    del marks[1]
                marks.append(mark)

    def settle(self, until_ns: int) -> None:
        """Everything up to this instant has been told."""
        for (symbol, kind), waiting in list(self._waiting.items()):
            proven = [mark for mark in waiting if mark[1] <= until_ns]
            if not proven:
                continue
            era = self.eras[symbol]
            marks = {**era.marks, kind: max(*proven, era.marks.get(kind, proven[0]))}
            self.eras[symbol] = attrs.evolve(era, marks=marks)
            self._waiting[symbol, kind] = [mark for mark in waiting if mark[1] > until_ns]
            if not self._waiting[symbol, kind]:
                del self._waiting[symbol, kind]

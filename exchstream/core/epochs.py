"""Have a venue's ids begun anew?  A test system that is wiped forgets all orders and counts from small numbers again.

The ids of one symbol's orders rise with the time of creation, so an order that is clearly younger than one with a
higher id, or with its own, is of a new *epoch*: what it shares an id with is another order.  This module only watches
the ids of one account.  It does not decide what a new epoch means, and where nothing is ever wiped it does nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from exchstream.core.venue import Plan
from exchstream.model import OrderState

MAX_ERAS: Final = 20_000  # symbols whose ids are watched; more than any venue lists
MAX_DIGITS: Final = 18  # of an id that is a count and fits 64 bits

Mark = tuple[int, int]  # an order's id, and when it was created


@attrs.frozen
class Era:
    """One symbol's ids: how often they have begun anew, and of each kind of order the highest one (as a `Mark`).

    What is from before `since_ns` had its ids in a former epoch.
    """

    number: int = 0
    since_ns: int = 0
    marks: Mapping[str, Mark] = attrs.field(factory=dict)


@attrs.define
class Epochs:
    """The eras of one account's symbols.

    A mark counts only when everything up to its creation has been told (`settle`): before, older orders of the same
    epoch, with lower ids, may still come.  Until then it waits, and beside it the newest one.
    """

    plan: Plan
    eras: dict[str, Era] = attrs.field(factory=dict)
    _waiting: dict[tuple[str, str], tuple[Mark, Mark]] = attrs.field(factory=dict)

    def number(self, symbol: str) -> int:
        """The epoch of the facts on this symbol that come now."""
        era = self.eras.get(symbol)
        return 0 if era is None else era.number

    def present(self, symbol: str, time_ns: int) -> bool:
        """True for a fact of the present epoch."""
        era = self.eras.get(symbol)
        return era is None or time_ns >= era.since_ns

    def begins(self, state: OrderState, known: OrderState | None) -> bool:
        """True for an order that cannot be of its symbol's epoch, or not the one that is known by its id.

        Then a new epoch has begun with it.
        """
        after_ns, created_ns = self.plan.wiped_ns, state.created_ns
        if after_ns is None or created_ns is None:
            return False
        symbol, order_id, kind = state.key.venue_symbol, state.key.order_id, state.key.kind.value
        if not order_id.isdecimal() or len(order_id) > MAX_DIGITS:
            return False
        mark, era = (int(order_id), created_ns), self.eras.get(symbol, Era())
        highest, before_ns = era.marks.get(kind, (0, 0))
        anew = mark[0] <= highest and created_ns > before_ns + after_ns
        if known is not None and known.created_ns is not None:
            anew = anew or created_ns > known.created_ns + after_ns
        if anew:
            self.eras[symbol] = Era(era.number + 1, created_ns)
            self._waiting = {space: marks for space, marks in self._waiting.items() if space[0] != symbol}
        if symbol in self.eras or len(self.eras) < MAX_ERAS:
            self.eras.setdefault(symbol, era)
            first, newest = self._waiting.get((symbol, kind), (mark, mark))
            self._waiting[symbol, kind] = first, max(newest, mark)
        return anew

    def settle(self, until_ns: int) -> None:
        """Everything up to this instant has been told."""
        for (symbol, kind), (first, newest) in list(self._waiting.items()):
            if first[1] <= until_ns:
                era = self.eras[symbol]
                marks = {**era.marks, kind: max(first, era.marks.get(kind, first))}
                self.eras[symbol] = Era(era.number, era.since_ns, marks)
                del self._waiting[symbol, kind]
                if newest > first:
                    self._waiting[symbol, kind] = newest, newest

"""All orders and executions that an account has told so far: joins, repeats, sums, and what may be forgotten.

The ledger says what is news.  It does not know links, gaps or questions, and it makes no events.  It is bounded: of
what is closed it keeps what a look-back could still bring again, up to a named limit (G5).
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final, NamedTuple

import attrs

from exchstream.model import ZERO, End, Execution, FillKey, OrderKey, OrderState, join

MAX_CLOSED: Final = 5_000  # closed orders kept, so that a late or stale view of one tells nothing
MAX_RECOVERED: Final = 20_000  # the same while a look-back lists them: its next pass will list them again
MAX_FILLS: Final = 50_000  # executions kept, so that a repeat is known
MAX_OPEN: Final = 50_000  # more than any venue lets an account have; beyond it the oldest is let go, and named


class Entry(NamedTuple):
    """One execution as the ledger needs it."""

    key: FillKey
    quantity: Decimal
    time_ns: int


class Executed(NamedTuple):
    """What the fills of one order come to, and when the last of them was."""

    quantity: Decimal = ZERO
    last_ns: int = 0


NOTHING: Final = Executed()


@attrs.define
class Ledger:
    """Orders by key and executions by key.  Facts from before `floor_ns` that REST brings enter it and are not news."""

    floor_ns: int
    open: dict[OrderKey, OrderState] = attrs.field(factory=dict)
    closed: dict[OrderKey, OrderState] = attrs.field(factory=dict)
    fills: dict[FillKey, int] = attrs.field(factory=dict)
    sums: dict[OrderKey, Executed] = attrs.field(factory=dict)
    gone: dict[OrderKey, None] = attrs.field(factory=dict)
    duplicates: int = 0

    def restore(self, orders: Iterable[OrderState], entries: Iterable[Entry]) -> None:
        """Know what a former process told; none of it is news."""
        for state in orders:
            self._put(state, live=False)
        for entry in entries:
            self._enter(entry)

    def order(self, key: OrderKey) -> OrderState | None:
        """What is known of this order, None if nothing."""
        return self.open.get(key) or self.closed.get(key)

    def would_change(self, view: OrderState) -> bool:
        """True if this view says more about the order's course (its filled quantity, its end) than is known."""
        known = self.order(view.key)
        if known is None:
            return not self._is_history(view)
        ended_more = (view.end or 0) > (known.end or 0)
        return view.cumulative.filled > known.cumulative.filled or ended_more

    def view(self, view: OrderState, *, live: bool = False) -> OrderState | None:
        """Join a view of an order; the new state if it is news, else None.  What the stream tells is never history."""
        known = self.order(view.key)
        state = view if known is None else join(known, view)
        if known is not None and not state.differs_from(known):
            self.duplicates += 1
            if state != known:  # only versions moved: worth keeping, not worth telling
                self._put(state, live=live)
            return None
        self._put(state, live=live)
        return None if known is None and not live and self._is_history(view) else state

    def fill(self, execution: Execution, *, live: bool = False) -> bool:
        """Enter an execution; True if it is news.  What the stream tells is never history."""
        key = execution.key
        if key in self.fills:
            self.duplicates += 1
            return False
        self._enter(Entry(key, execution.quantity, execution.time_ns))
        return live or execution.time_ns >= self.floor_ns

    def _enter(self, entry: Entry) -> None:
        key = entry.key
        if len(self.fills) >= MAX_FILLS:
            del self.fills[next(iter(self.fills))]
        self.fills[key] = entry.time_ns
        order = OrderKey(key.venue_symbol, key.order_id)
        so_far = self.sums.get(order, NOTHING)
        self.sums[order] = Executed(so_far.quantity + entry.quantity, max(so_far.last_ns, entry.time_ns))
        while len(self.sums) > MAX_OPEN:
            oldest = next(iter(self.sums))
            total = self.sums.pop(oldest)
            if oldest in self.open:  # still needed: to the end of the line
                self.sums[oldest] = total

    def imbalance(self, state: OrderState, tolerance: Decimal) -> Decimal:
        """How much the order's filled quantity exceeds the sum of its fills, 0 within the tolerance.

        Negative when the fills run ahead of the order's own count: a later view brings it.
        """
        difference = state.cumulative.filled - self.sums.get(state.key, NOTHING).quantity
        return difference if abs(difference) > tolerance else ZERO

    def forget(self, before_ns: int) -> None:
        """Let go of what is closed and cannot come again: whatever the venue last touched before this instant."""
        while self.closed and len(self.closed) > MAX_CLOSED // 2:
            key, state = next(iter(self.closed.items()))
            if (state.updated_ns or state.created_ns or 0) >= before_ns and len(self.closed) <= MAX_RECOVERED:
                return
            del self.closed[key]
            self.sums.pop(key, None)

    def drop(self, key: OrderKey) -> None:
        """Let go of an order that cannot be known (it has been named as unresolved).

        The sum of its fills stays: should it come back, they are not asked for again.
        """
        if self.open.pop(key, None) is not None:
            self._gone(key)

    def _gone(self, key: OrderKey) -> None:
        if len(self.gone) >= MAX_OPEN:
            del self.gone[next(iter(self.gone))]
        self.gone[key] = None

    def take_gone(self) -> tuple[OrderKey, ...]:
        """The open orders that were let go since the last time."""
        gone = tuple(self.gone)
        self.gone.clear()
        return gone

    def _put(self, state: OrderState, *, live: bool) -> None:
        if state.end is None:
            self.open[state.key] = state
            self.gone.pop(state.key, None)
            if len(self.open) > MAX_OPEN:
                self.drop(next(iter(self.open)))
            return
        self.open.pop(state.key, None)
        self.closed[state.key] = state
        if len(self.closed) > (MAX_CLOSED if live else MAX_RECOVERED):
            oldest = next(iter(self.closed))
            del self.closed[oldest]
            self.sums.pop(oldest, None)

    def _is_history(self, view: OrderState) -> bool:
        """An order that ended before the floor: a fact, but not one of this stream.

        Where the venue does not say when it ended (FTX), only the last fill of a filled order can tell.
        """
        last_ns = self.sums.get(view.key, NOTHING).last_ns
        if view.end is None:
            return False
        if view.updated_ns is None:
            return view.end is End.FILLED and 0 < last_ns < self.floor_ns
        return max(view.updated_ns, last_ns) < self.floor_ns

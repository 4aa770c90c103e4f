"""All orders and executions that an account has told so far: joins, repeats, sums, and what may be forgotten.

The ledger says what is news.  It does not know links, gaps or questions, and it makes no events.  It is bounded (G5):
facts from before `need_ns` cannot be listed again and go when there are many; of those since then far more are kept,
and when even these are too many, `forgotten` says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import chain, islice
from typing import Final, NamedTuple, TypeVar

import attrs
import msgspec
from msgspec.structs import replace

from exchstream.model import ZERO, Cumulative, End, Execution, FillKey, OrderKey, OrderKind, OrderState, join

MAX_CLOSED: Final = 2_000  # closed orders kept whole, so that a late or stale view of one tells nothing
MAX_ENDED: Final = 50_000  # of those that a look-back may list again, how they ended; beyond it they are told again
MAX_FILLS: Final = 40_000  # executions kept, so that a repeat is known
MAX_FILLS_NEEDED: Final = 200_000  # the same while a look-back may list them again; beyond it the verdict says so
MAX_SUMS: Final = 100_000  # orders whose fills are summed up; beyond it those go of which nothing else is known
MAX_FORGOTTEN: Final = 1_000  # symbols of which that is said, beyond them of all at once
MAX_OPEN: Final = 50_000  # more than any venue lets an account have; beyond it the oldest is let go, and named


ANY: Final = ""  # in place of a symbol


class Entry(NamedTuple):
    """One execution as the ledger needs it."""

    key: FillKey
    quantity: Decimal
    time_ns: int


class Executed(msgspec.Struct, frozen=True, gc=False):
    """What the fills of one order come to, and when the last of them was.

    `held` of them are still known by key, the youngest that is not is of `forgotten_ns` (-1: none is); `seen` says
    whether the order itself was ever told of.
    """

    key: OrderKey
    quantity: Decimal = ZERO
    last_ns: int = 0
    held: int = 0
    seen: bool = False
    forgotten_ns: int = -1


class Ended(msgspec.Struct, frozen=True, gc=False):
    """How an order ended, when memory has no room for more of it.

    Of one that is `balanced` the fills come to `filled` and need no sum apart; `held` of them are still known.
    """

    end: End
    filled: Decimal
    changed_ns: int
    balanced: bool
    held: int
    forgotten_ns: int


K = TypeVar("K")
V = TypeVar("V")
NOTHING: Final = Executed(OrderKey("", ""))


def _excess(kept: dict[K, V], limit: int) -> list[K]:
    """The oldest keys of what there is too much of; now and then, and then several.

    A dict from whose head entries were deleted is slow to say which is the first now: asked each time, it would take
    longer than all else.
    """
    step = max(1, limit // 64)
    return list(islice(kept, step)) if len(kept) > limit and len(kept) % step == 0 else []


def _changed_ns(state: OrderState) -> int:
    return state.updated_ns or state.created_ns or 0


@attrs.define
class Ledger:
    """Orders by key and executions by key.

    Facts from before `floor_ns` that REST brings enter it and are not news.  `double_entry` says whether the account
    hears of orders and of fills, `tolerance` by how much their sums may differ.  `forgotten` are the symbols of which
    executions that are needed had to go, with the time of the youngest; `began` is when symbols' ids began
    anew, `parents` are the orders that placed others, by these.
    """

    floor_ns: int
    tolerance: Decimal = ZERO
    double_entry: bool = True
    need_ns: int = 0
    open: dict[OrderKey, OrderState] = attrs.field(factory=dict)
    closed: dict[OrderKey, OrderState] = attrs.field(factory=dict)
    ended: dict[OrderKey, Ended] = attrs.field(factory=dict)
    fills: dict[FillKey, int] = attrs.field(factory=dict)
    sums: dict[OrderKey, Executed] = attrs.field(factory=dict)
    gone: dict[OrderKey, None] = attrs.field(factory=dict)
    accepted: dict[OrderKey, Decimal] = attrs.field(factory=dict)
    parents: dict[OrderKey, OrderKey] = attrs.field(factory=dict)
    forgotten: dict[str, int] = attrs.field(factory=dict)
    began: dict[str, int] = attrs.field(factory=dict)
    duplicates: int = 0

    def restore(self, orders: Iterable[OrderState], entries: Iterable[Entry]) -> None:
        """Know what a former process told; none of it is news."""
        for state in orders:
            self._put(state)
        for entry in entries:
            self._enter(*entry)

    # ------------------------------------------------------------------------------------------------ orders

    def order(self, key: OrderKey) -> OrderState | None:
        """What is known of this order, None if nothing, or only how it ended."""
        return self.open.get(key) or self.closed.get(key)

    def knows(self, key: OrderKey) -> bool:
        """True for an order of which at least the end is known."""
        return key in self.open or key in self.closed or key in self.ended

    def would_change(self, view: OrderState) -> bool:
        """True if this view says more about the order's course (its stage, filled quantity, end) than is known."""
        known = self.order(view.key)
        if known is not None:
            further = known.end is None and (view.stage or 0) > (known.stage or 0)
            return further or view.cumulative.filled > known.cumulative.filled or (view.end or 0) > (known.end or 0)
        ended = self.ended.get(view.key)
        if ended is not None:
            return view.cumulative.filled > ended.filled or (view.end or 0) > ended.end
        return not self._is_history(view)

    def view(self, view: OrderState, *, live: bool = False) -> OrderState | None:
        """Join a view of an order; the new state if it is news, else None.  What the stream tells is never history."""
        key = view.key
        known = self.order(key)
        if known is None and key in self.ended:
            if not self.would_change(view):
                self.duplicates += 1
                return None
            known = self._end_of(key)
        state = self._as_its_child(view if known is None else join(known, view))
        if known is not None and not state.differs_from(known):
            self.duplicates += 1
            if state != known:  # only versions moved: worth keeping, not worth telling
                self._put(state)
            return None
        self._put(state)
        return None if known is None and not live and self._is_history(view) else state

    def _as_its_child(self, state: OrderState) -> OrderState:
        """An order that placed another ends as that one did: a venue may say of its end only that there is one."""
        if state.child_order_id is None:
            return state
        child = OrderKey(state.key.venue_symbol, state.child_order_id)
        known = self.order(child) or self._end_of(child)
        if known is None or known.end is not End.FILLED or state.end is not End.CANCELED:
            return state
        return replace(state, end=End.FILLED)

    def concluded(self, child: OrderKey) -> OrderState | None:
        """What the end of this order says of the one that placed it, if that is not known yet."""
        parent = self.parents.get(child)
        state = None if parent is None else self.order(parent)
        if state is None or self._as_its_child(state) is state:
            return None
        return OrderState(key=state.key, end=End.FILLED)

    def _end_of(self, key: OrderKey) -> OrderState | None:
        """What is left to join with of an order of which only the end is known."""
        ended = self.ended.get(key)
        return None if ended is None else OrderState(key=key, end=ended.end, cumulative=Cumulative(ended.filled))

    def drop(self, key: OrderKey) -> None:
        """Let go of an order that cannot be known (it has been named as unresolved).

        The sum of its fills stays: should it come back, they are not asked for again.
        """
        self.accepted.pop(key, None)
        if self.open.pop(key, None) is not None:
            if len(self.gone) >= MAX_OPEN:
                del self.gone[next(iter(self.gone))]
            self.gone[key] = None

    def begin_anew(self, symbol: str, created_ns: int) -> list[OrderKey]:
        """Since this order was created, this symbol's ids are those of others: let go of all that had them before.

        Returns the orders that were open.  What is not younger than all of that is history.
        """
        orders = chain(self.open.values(), self.closed.values())
        changed = {state.key: _changed_ns(state) for state in orders if state.key.venue_symbol == symbol}
        changed |= {key: ended.changed_ns for key, ended in self.ended.items() if key.venue_symbol == symbol}
        past = {key for key, time_ns in changed.items() if time_ns < created_ns}
        fills = {k: at for k, at in self.fills.items() if k.venue_symbol == symbol and at < created_ns}
        self.began[symbol] = max((*(changed[key] for key in past), *fills.values()), default=0) + 1
        working = [key for key in self.open if key in past]
        for key in working:
            self.drop(key)
        past |= {key for key, e in self.sums.items() if key.venue_symbol == symbol and e.last_ns < created_ns}
        self.parents = {child: key for child, key in self.parents.items() if key not in past}
        for key in past:
            for kept in (self.closed, self.ended, self.sums, self.accepted):
                kept.pop(key, None)
        for fill in fills:
            del self.fills[fill]
        return working

    def floor_of(self, symbol: str) -> int:
        """From when on facts on this symbol are of this stream, and of its present epoch."""
        return max(self.floor_ns, self.began.get(symbol, 0))

    def take_gone(self) -> tuple[OrderKey, ...]:
        """The open orders that were let go since the last time."""
        gone = tuple(self.gone)
        self.gone.clear()
        return gone

    def _put(self, state: OrderState) -> None:
        key = state.key
        known = self.sums.get(key)
        if known is not None and not known.seen:
            self.sums[key] = replace(known, seen=True)
        if state.child_order_id is not None:
            self.parents[OrderKey(key.venue_symbol, state.child_order_id)] = key
            for oldest in _excess(self.parents, MAX_CLOSED):
                del self.parents[oldest]
        if state.end is None:
            self.open[key] = state
            self.gone.pop(key, None)
            if len(self.open) > MAX_OPEN:
                self.drop(next(iter(self.open)))
            return
        self.open.pop(key, None)
        if (executed := self._executed(key)) is not NOTHING:
            self.sums[key] = executed
        self.ended.pop(key, None)
        self.closed[key] = state
        for oldest in _excess(self.closed, MAX_CLOSED):
            self._shorten(oldest)

    def _shorten(self, key: OrderKey) -> None:
        """Of a closed order keep how it ended."""
        state = self.closed.pop(key)
        assert state.end is not None
        executed, filled = self.sums.get(key, NOTHING), state.cumulative.filled
        changed_ns = max(_changed_ns(state), executed.last_ns)
        balanced = executed.quantity == filled
        if balanced:
            self.sums.pop(key, None)
        self.ended[key] = Ended(state.end, filled, changed_ns, balanced, executed.held, executed.forgotten_ns)
        self._forget_ended(_excess(self.ended, MAX_ENDED))

    def _forget_ended(self, keys: Iterable[OrderKey]) -> None:
        """Let these go, from the oldest on; while there is room, none that may be listed again or does not balance."""
        for key in keys:
            needed = self.ended[key].changed_ns >= self.need_ns or self.difference(key)
            if needed and len(self.ended) <= MAX_ENDED:
                return
            self._forget_end_of(key)

    def _forget_end_of(self, key: OrderKey) -> None:
        executed = self._executed(key)
        del self.ended[key]
        self.accepted.pop(key, None)
        if executed.held:
            self.sums[key] = executed  # should it come back, its fills that are known are not entered again
        else:
            self.sums.pop(key, None)

    def _executed(self, key: OrderKey) -> Executed:
        """What the fills of this order come to."""
        executed = self.sums.get(key)
        if executed is None and (ended := self.ended.get(key)) is not None and ended.balanced:
            executed = Executed(key, ended.filled, ended.changed_ns, ended.held, True, ended.forgotten_ns)
        return NOTHING if executed is None else executed

    def _is_history(self, view: OrderState) -> bool:
        """An order that ended before the floor: a fact, but not one of this stream.

        Where the venue does not say when it ended (FTX), only the last fill of a filled order can tell.
        """
        last_ns, floor_ns = self._executed(view.key).last_ns, self.floor_of(view.key.venue_symbol)
        if view.end is None:
            return False
        if view.updated_ns is None:
            return view.end is End.FILLED and 0 < last_ns < floor_ns
        return max(view.updated_ns, last_ns) < floor_ns

    # ------------------------------------------------------------------------------------------------ executions

    def fill(self, execution: Execution, *, live: bool = False) -> bool | None:
        """Enter an execution; True if it is news, None if it is a repeat.  What the stream tells is never history."""
        key = execution.key
        if self.repeats(key):
            return None
        self._enter(key, execution.quantity, execution.time_ns)
        return live or execution.time_ns >= self.floor_of(key.venue_symbol)

    def repeats(self, key: FillKey) -> bool:
        """True, and counted, if this execution is known."""
        known = key in self.fills
        self.duplicates += known
        return known

    def _enter(self, fill: FillKey, added: Decimal, time_ns: int) -> None:
        """Hundreds of thousands at a restart, so what is seldom needed is asked for only then."""
        order = OrderKey(fill.venue_symbol, fill.order_id)
        if self.accepted:
            self.accepted.pop(order, None)  # what was missing may be this one
        known = self.sums.get(order) or self._executed(order)
        if known is NOTHING:
            state = self.order(order)
            known = Executed(order if state is None else state.key, seen=self.knows(order))
        key, last_ns = known.key, known.last_ns
        # Texts that are equal are kept once: with hundreds of thousands of keys it shows.
        self.fills[FillKey(key.venue_symbol, fill.trade_id, key.order_id)] = time_ns
        last_ns = time_ns if time_ns > last_ns else last_ns
        self.sums[key] = Executed(key, known.quantity + added, last_ns, known.held + 1, known.seen, known.forgotten_ns)
        if len(self.fills) > MAX_FILLS:
            self._forget_fills(_excess(self.fills, MAX_FILLS))

    def _forget_fills(self, keys: Iterable[FillKey]) -> None:
        """Let these go, from the oldest on; while there is room, none that a look-back may list again."""
        for key in keys:
            time_ns = self.fills[key]
            if time_ns >= self.need_ns:
                if len(self.fills) <= MAX_FILLS_NEEDED:
                    return
                self._note_forgotten(key.venue_symbol, time_ns)
            self._forget_fill(key)

    def _forget_fill(self, key: FillKey) -> None:
        """Its order keeps the sum."""
        time_ns = self.fills.pop(key)
        order = OrderKey(key.venue_symbol, key.order_id)
        executed = self.sums.get(order)
        if executed is None:  # balanced and shortened
            ended = self.ended[order]
            forgotten_ns = max(time_ns, ended.forgotten_ns)
            self.ended[order] = replace(ended, held=ended.held - 1, forgotten_ns=forgotten_ns)
            return
        # The order of a sum that was never seen may still come, and must balance then.
        needed = not executed.seen and self.double_entry and len(self.sums) <= MAX_SUMS
        if executed.held == 1 and not needed and not self.knows(order):
            del self.sums[order]
        else:
            forgotten_ns = max(time_ns, executed.forgotten_ns)
            self.sums[order] = replace(executed, held=executed.held - 1, forgotten_ns=forgotten_ns)

    def _note_forgotten(self, symbol: str, time_ns: int) -> None:
        if symbol not in self.forgotten and len(self.forgotten) >= MAX_FORGOTTEN:  # then it is said of all of them
            symbol, time_ns = ANY, max(time_ns, *self.forgotten.values())
            self.forgotten.clear()
        self.forgotten[symbol] = max(time_ns, self.forgotten.get(symbol, 0))

    def forgotten_ns(self, symbol: str, order_id: str | None = None) -> int:
        """Executions on this symbol that are unknown and no younger than this may have been told; -1 if none may.

        Of an order that is known it is said of its own executions too.
        """
        own_ns = -1 if order_id is None else self._executed(OrderKey(symbol, order_id)).forgotten_ns
        return max(self.forgotten.get(symbol, -1), self.forgotten.get(ANY, -1), own_ns)

    def may_have_told(self, execution: Execution) -> bool:
        """True for an execution that is unknown, and may be one of those that were needed and had to be forgotten."""
        if not self.forgotten or execution.key in self.fills:
            return False
        return execution.time_ns <= self.forgotten_ns(execution.venue_symbol, execution.order_id)

    # ------------------------------------------------------------------------------------------------ double entry

    def difference(self, key: OrderKey) -> Decimal:
        """How much the order's filled quantity exceeds the sum of its fills, 0 within the tolerance.

        Negative when the fills run ahead of the order's own count: a later view brings it.  What has been accepted is
        no difference, and none is known of an order that is not known; an algo order has no executions of its own (its
        child has).
        """
        state, ended = self.order(key), self.ended.get(key)
        if not self.double_entry or key.kind is not OrderKind.ORDER or (state is None and ended is None):
            return ZERO
        filled = ended.filled if state is None else state.cumulative.filled  # type: ignore[union-attr]
        difference = filled - self._executed(key).quantity - self.accepted.get(key, ZERO)
        return difference if abs(difference) > self.tolerance else ZERO

    def accept(self, key: OrderKey, difference: Decimal) -> None:
        """This difference has been named: it is not to be named again."""
        self.accepted[key] = self.accepted.get(key, ZERO) + difference

    def executed_ns(self, key: OrderKey) -> int:
        """When the last execution of this order was; 0 if none is known."""
        return self._executed(key).last_ns

    def orphan(self, key: OrderKey) -> bool:
        """True for an order that is known by its executions alone."""
        executed = self.sums.get(key)
        return executed is not None and not executed.seen

    def settle(self, before_ns: int) -> None:
        """Facts from before this instant cannot be listed again: let them go where there are many."""
        self.need_ns = before_ns = max(self.need_ns, before_ns)  # what was let go does not come back
        self.forgotten = {symbol: time_ns for symbol, time_ns in self.forgotten.items() if time_ns >= before_ns}
        self._forget_ended(list(self.ended))
        self._forget_fills(list(islice(self.fills, max(0, len(self.fills) - MAX_FILLS))))

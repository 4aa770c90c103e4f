"""The open gap of one account, if there is one: what the next look-back must check, and the look-back that closes it.

Whatever opens it (start, loss, audit, doubt), there is one gap, it only grows, and it ends with one verdict.  Facts
pass through here on their way to the teller, so that a look-back that runs, or is to come, knows whom they touched.
This part asks nothing itself and ends no links: the Session does, with what it is answered here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

import attrs
from msgspec.structs import replace

from exchstream.core.doubts import Doubts
from exchstream.core.happenings import Now
from exchstream.core.lookback import LookBack, Reach, Verdict
from exchstream.core.teller import Teller
from exchstream.core.venue import Doubt, FillView, OrderView, Question
from exchstream.events import GapClosed, GapOpened, GapReason, Unresolved
from exchstream.model import OrderKey

EARLIER: Final = "on symbols that were not known nothing is proven since the holdings last agreed"
MAX_SUSPECTS: Final = 10_000  # besides the open orders; then those that have ended and balance are let go


@attrs.define
class Gaps:
    """One gap after another; `told` is the open one, `lookback` what runs to close it.

    `knows_orders` says whether it was known, when the gap began, which orders were open: not at a start without a
    journal.  `looks` are the instants at which all open orders were last asked for, and told.
    """

    teller: Teller
    doubts: Doubts
    knows_orders: bool = False
    told: GapOpened | None = None
    lookback: LookBack | None = None
    suspects: set[OrderKey] = attrs.field(factory=set)
    looks: deque[int] = attrs.field(factory=lambda: deque(maxlen=8))
    _reach: Reach | None = None  # of the open gap, once it has been looked back on
    _lasting: dict[tuple[str, str], Unresolved] = attrs.field(factory=dict)
    _recovered_before: int = 0

    # ------------------------------------------------------------------------------------------------ opening

    def open(self, since_ns: int, reason: GapReason, detail: str, now: Now) -> None:
        """From this instant on facts may be missing.  An open gap only grows; a look-back that runs is given up."""
        self.tell_held(None, now)
        self._suspect(self.teller.ledger.open.keys())
        if self.lookback is not None:  # what it met must be held against its fills by the next one
            self._suspect(self.lookback.touched)
            self._lasting |= self.lookback.lasting
            self.lookback = None
        if self.told is None:
            self._recovered_before = self.teller.recovered_facts
            self.told = self.teller.gap_opened(since_ns, reason, detail)

    def allow(self, lag_ns: int) -> None:
        """REST may lag, and the clock be off, by so much; a look-back that runs allows for the worse of both."""
        if self.lookback is not None:
            self.lookback.lag_ns = max(self.lookback.lag_ns, lag_ns)

    def restamp(self, since_ns: int) -> None:
        """The open gap began then: told again if that reaches further back."""
        assert self.told is not None
        self._reach = None
        if since_ns < self.told.since_ns:
            self.told = self.teller.gap_opened(since_ns, self.told.reason, "it began earlier than was told")
        else:
            self.told = replace(self.told, since_ns=since_ns)

    def name(self, what: str, name: str, why: str) -> None:
        """The next verdict must say that this is not covered."""
        self._lasting[what, name] = Unresolved(what=what, name=name, why=why)

    # ------------------------------------------------------------------------------------------------ facts

    def fact(self, view: OrderView | FillView, now: Now, *, recovered: bool) -> None:
        """Enter a fact, tell it if it is news, and let a look-back that runs or is to come know."""
        if isinstance(view, OrderView):
            self._order(view, now, recovered=recovered)
        elif not recovered and self.teller.ledger.may_have_told(view.execution):
            order = OrderKey(view.execution.venue_symbol, view.execution.order_id)
            self.doubt(Doubt("more executions than memory holds", order=order), now)  # whose verdict will say so
        elif (key := self.teller.fill(view, now, recovered=recovered)) is not None and self.told is not None:
            self._touched(key, view.execution.time_ns, recovered=recovered)

    def _order(self, view: OrderView, now: Now, *, recovered: bool) -> None:
        state = self.teller.order(view, now, recovered=recovered)
        if state is None:
            return
        if self.told is not None:
            # Where the venue does not say when an order changed (FTX), it cannot be older than the order.
            time_ns = state.created_ns if state.updated_ns is None else state.updated_ns
            self._touched(state.key, time_ns, recovered=recovered, dated=view.state.updated_ns is not None)
        ledger = self.teller.ledger
        if ledger.parents and (parent := ledger.concluded(state.key)) is not None:
            self._order(OrderView(parent, view.raw), now, recovered=recovered)

    def _touched(self, key: OrderKey, time_ns: int | None, *, recovered: bool, dated: bool = True) -> None:
        """In an open gap this order was in the news."""
        if self.lookback is not None:
            self.lookback.touch(key, recovered=recovered, time_ns=time_ns, dated=dated)
        else:
            self._suspect((key,))

    def doubt(self, doubt: Doubt, now: Now) -> None:
        """Something may have happened: look into it if the stream does not tell it in time."""
        if not self.doubts.add(doubt, now):
            return
        if doubt.symbol is not None:
            self.teller.use(doubt.symbol, now.wall_ns)
        if doubt.order is not None and self.lookback is not None:
            self.lookback.doubted[doubt.order] = now.wall_ns

    def tell_held(self, question: Question | None, now: Now) -> None:
        """Tell the executions that the look-back held, oldest first: those whose last answer this was, or all."""
        if self.lookback is not None:
            for view in self.lookback.released(question):
                self.fact(view, now, recovered=True)

    def _suspect(self, keys: Iterable[OrderKey]) -> None:
        """The next look-back must hold these orders against their fills."""
        ledger = self.teller.ledger
        self.suspects.update(keys)
        if len(self.suspects) > len(ledger.open) + MAX_SUSPECTS:
            self.suspects = {k for k in self.suspects if k in ledger.open or ledger.orphan(k) or ledger.difference(k)}

    # ------------------------------------------------------------------------------------------------ closing

    def look_back(self, now: Now, lag_ns: int) -> tuple[list[Question], Verdict | None]:
        """The links are proven: what to ask now, and the verdict if everything has been answered."""
        assert self.told is not None
        if self.lookback is None:
            self.lookback = self._look_back_from(self.told.since_ns, now, lag_ns)
        lookback = self.lookback
        questions = lookback.step(now)
        verdict = None if questions else lookback.verdict(now)
        if lookback.since_ns < self.told.since_ns:
            self.told = self.teller.gap_opened(lookback.since_ns, GapReason.AUDIT, EARLIER)
        return questions, verdict

    def _look_back_from(self, since_ns: int, now: Now, lag_ns: int) -> LookBack:
        teller = self.teller
        if self._reach is None:
            self._reach = Reach(since_ns)
        return LookBack(
            plan=teller.venue.plan,
            max_passes=teller.venue.session_limits.passes,
            ledger=teller.ledger,
            memory=teller.memory,
            sheet=teller.sheet,
            symbols=teller.symbols,
            since_ns=since_ns,
            reach=self._reach,
            orders_ns=max((at_ns for at_ns in self.looks if at_ns <= since_ns), default=teller.ledger.floor_ns),
            proven=now,
            suspects=set(self.suspects),
            lag_ns=lag_ns,
            first=not self.knows_orders,
            doubted=self.doubts.orders(),
            lasting=dict(self._lasting),
        )

    def close(self, verdict: Verdict, now: Now) -> None:
        """Tell the verdict; the gap is over."""
        assert self.told is not None
        unresolved = (*verdict.unresolved, *self.doubts.looked_into(verdict.until_ns, now))
        self.teller.gap_closed(
            GapClosed(
                venue=self.told.venue,
                account=self.told.account,
                since_ns=self.told.since_ns,
                until_ns=verdict.until_ns,
                scope=verdict.scope,
                complete=not unresolved,
                unresolved=unresolved,
                recovered=self.teller.recovered_facts - self._recovered_before,
            )
        )
        if verdict.holdings is not None:
            self.teller.sheet.agree(verdict.holdings, verdict.until_ns, verdict.read_ns)
        if self.lookback is not None and not verdict.gave_up:
            self.looks.extend(self.lookback.looks)
        self.told = self.lookback = self._reach = None
        self.knows_orders = self.knows_orders or not verdict.gave_up
        self.suspects.clear()
        self._lasting.clear()

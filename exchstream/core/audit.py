"""Is the stream still telling everything?  Two looks at REST with a grace between them.

A socket that is up proves nothing: Binance's retired routes open, are pinged, and never send an event.  So on a beat
the audit asks for what is open, and for the latest executions, and compares the answers with the ledger.  What
differs may still be on its way; what differs in a second look, after a grace longer than REST's lag, is a gap.
The answers do not enter the ledger: if they are news, the look-back that follows tells them.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from exchstream.core.balances import Balances as BalanceSheet
from exchstream.core.happenings import Now
from exchstream.core.ledger import Ledger
from exchstream.core.venue import (
    Balances,
    Fills,
    FillView,
    Holdings,
    Meaning,
    OpenOrders,
    OrderView,
    Plan,
    Question,
    Snapshot,
)
from exchstream.model import FillKey, OrderKey, OrderState

RECENT = 5  # symbols whose executions are asked for, where the venue wants one symbol at a time


@attrs.define
class Look:
    """What one round of answers showed that the ledger does not know."""

    asked: Now
    open_before: frozenset[OrderKey]
    owed: set[Question] = attrs.field(factory=set)
    views: list[OrderState] = attrs.field(factory=list)
    fills: set[FillKey] = attrs.field(factory=set)
    absent: set[OrderKey] = attrs.field(factory=set)
    holdings: Holdings | None = None


@attrs.define(kw_only=True)
class Audit:
    """One audit after another; `next_ns` is when it wants to act (None: while a look is being answered)."""

    plan: Plan
    ledger: Ledger
    sheet: BalanceSheet
    next_ns: int | None
    look: Look | None = None
    first: Look | None = None
    passed_ns: int | None = None

    def begin(self, now: Now, symbols: list[str], since_ns: int) -> list[Question]:
        """Start a look; the questions to ask."""
        self.look = Look(now, frozenset(self.ledger.open))
        self.next_ns = None
        questions = list(self._questions(now, symbols, since_ns))
        self.look.owed.update(questions)
        return questions

    def _questions(self, now: Now, symbols: list[str], since_ns: int) -> Iterator[Question]:
        if self.plan.tells_orders:
            for kind in self.plan.kinds:
                yield OpenOrders(kind)
        if self.plan.balances:
            yield Balances()
        if self.plan.tells_fills:
            asked: list[str] | list[None] = symbols[-RECENT:] if self.plan.fills.by_symbol else [None]
            for symbol in asked:
                yield Fills(symbol, since_ns, now.wall_ns + self.plan.lag_ns)

    def heard(self, meaning: Meaning) -> None:
        """Compare one part of an answer with the ledger."""
        look = self.look
        if look is None:
            return
        match meaning:
            case OrderView(state=state) if self.ledger.would_change(state):
                look.views.append(state)
            case FillView(execution=execution):
                if execution.key not in self.ledger.fills and execution.time_ns >= self.ledger.floor_ns:
                    look.fills.add(execution.key)
            case Snapshot(kind=kind, keys=keys):
                look.absent |= {k for k in look.open_before if k.kind is kind and k not in keys}
            case Holdings():
                look.holdings = meaning
            case _:
                pass

    def answered(self, now: Now, every_ns: int) -> str | None:
        """Judge the look once all is answered: None if all is well or not yet known, else what is wrong."""
        if self.look is None or self.look.owed:
            return None
        look, self.look = self.look, None
        suspicious = self._suspicions(look)
        if not suspicious:
            self.passed_ns = look.asked.wall_ns - self.plan.lag_ns
            if look.holdings is not None and self.sheet.quiet_since(self.passed_ns):
                self.sheet.agree(look.holdings)
            self.first, self.next_ns = None, now.mono_ns + every_ns
            return None
        if self.first is None:
            self.first, self.next_ns = look, now.mono_ns + self.plan.audit.grace_ns
            return None
        both = suspicious & self._suspicions(self.first)
        self.first, self.next_ns = None, now.mono_ns + every_ns
        return "; ".join(sorted(both)[:5]) or None

    def failed(self, now: Now, every_ns: int) -> None:
        """The look could not be had: no verdict, try again on the next beat."""
        self.look = self.first = None
        self.next_ns = now.mono_ns + every_ns

    def _suspicions(self, look: Look) -> set[str]:
        """What of this look the ledger still does not know, now."""
        found = {f"order {v.key.order_id} has moved" for v in look.views if self.ledger.would_change(v)}
        found |= {f"fill {k.trade_id} of {k.venue_symbol} is new" for k in look.fills if k not in self.ledger.fills}
        found |= {f"order {key.order_id} is not open any more" for key in look.absent if key in self.ledger.open}
        settled_ns = look.asked.wall_ns - self.plan.lag_ns
        if look.holdings is not None and self.sheet.quiet_since(settled_ns):
            found |= {f"{asset} has moved" for asset in self.sheet.unexplained(look.holdings)}
        return found

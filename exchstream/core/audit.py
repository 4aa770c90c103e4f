"""Is the stream still telling everything?  Two looks at REST with a grace between them.

A socket that is up proves nothing: Binance's retired routes open, are pinged, and never send an event. So on a beat
the audit asks for what is open, and for the latest executions, and compares the answers with the ledger. What differs
may still be on its way; what differs in a second look, after a grace longer than REST's lag, is a gap. That an order
is missing from the listing of open ones proves nothing (nobody says whether a conditional order that has triggered
still is one): the second look asks how it stands. The answers do not enter the ledger: if they are news, the
look-back that follows tells them.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from exchstream.core.balances import Balances as BalanceSheet
from exchstream.core.happenings import Now
from exchstream.core.ledger import Ledger
from exchstream.core.limits import SessionLimits
from exchstream.core.venue import (
    Balances,
    Fills,
    FillView,
    Holdings,
    Meaning,
    OpenOrders,
    OrderById,
    Orders,
    OrderView,
    Plan,
    Question,
    Snapshot,
)
from exchstream.model import FillKey, OrderKey, OrderState


@attrs.define
class Look:
    """What one round of answers showed that the ledger does not know."""

    asked: Now
    open_before: frozenset[OrderKey]
    owed: set[Question] = attrs.field(factory=set)
    views: list[OrderState] = attrs.field(factory=list)
    fills: set[FillKey] = attrs.field(factory=set)
    absent: set[OrderKey] = attrs.field(factory=set)
    gone: set[OrderKey] = attrs.field(factory=set)
    holdings: Holdings | None = None


@attrs.define(kw_only=True)
class Audit:
    """One audit after another; `next_ns` is when it wants to act (None: while a look is being answered)."""

    plan: Plan
    limits: SessionLimits = SessionLimits()
    ledger: Ledger
    sheet: BalanceSheet
    next_ns: int | None
    look: Look | None = None
    first: Look | None = None
    passed_ns: int | None = None
    _turn: list[str] = attrs.field(factory=list)
    _turn_ns: int = 0

    def begin(self, now: Now, symbols: list[str], since_ns: int) -> list[Question]:
        """Start a look; the questions to ask."""
        self.look = Look(now, frozenset(self.ledger.open))
        self.next_ns = None
        most = self.limits.audit_recent
        recent, rest = symbols[-most:], symbols[:-most]
        if not self._turn:
            self._turn, self._turn_ns = rest, now.wall_ns
        symbols = [*recent, *(s for s in self._turn[: self.limits.audit_others] if s not in recent)]
        questions = [*self._questions(now, symbols, since_ns), *self._by_id()]
        self.look.owed.update(questions)
        return questions

    def _questions(self, now: Now, symbols: list[str], since_ns: int) -> Iterator[Question]:
        if self.plan.tells_orders:
            for kind in self.plan.kinds:
                yield OpenOrders(kind)
        if self.plan.balances:
            yield Balances()
        until_ns = now.wall_ns + self.plan.lag_ns
        for told, listing, ask in (
            (self.plan.tells_fills, self.plan.fills, Fills),
            (self.plan.tells_orders, self.plan.orders, Orders),
        ):
            asked: list[str] | list[None] = symbols if listing.by_symbol else [None]
            if told:
                yield from (ask(symbol, since_ns, until_ns) for symbol in asked)

    def _by_id(self) -> Iterator[Question]:
        """How the orders stand that the first look did not find among the open ones."""
        if self.first is not None:
            absent = sorted(
                self.first.absent & self.ledger.open.keys(), key=lambda key: (key.order_id, key.venue_symbol)
            )
            yield from (OrderById(key) for key in absent[: self.limits.audit_absent])

    def refused(self, question: Question) -> None:
        """An authoritative no; of a symbol that is gone it must not stop the audit of all."""
        if self.look is not None:
            self.look.owed.discard(question)
            if isinstance(question, OrderById):
                self.look.gone.add(question.key)

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
        suspicious = self._suspicions(look, confirmed=self.first is not None)
        if not suspicious:
            self._turn = self._turn[self.limits.audit_others :]
            seen_ns = look.asked.wall_ns - self.plan.lag_ns
            if not self._turn:  # every symbol has been asked about since the turn began
                self.passed_ns = self._turn_ns - self.plan.lag_ns
            if look.holdings is not None and self.sheet.quiet_since(seen_ns):
                self.sheet.agree(look.holdings, seen_ns)
            self.first, self.next_ns = None, now.mono_ns + every_ns
            return None
        if self.first is None:
            self.first, self.next_ns = look, now.mono_ns + self.plan.audit.grace_ns
            return None
        both = suspicious.keys() & self._suspicions(self.first, confirmed=False).keys()
        self.first, self.next_ns = None, now.mono_ns + every_ns
        return "; ".join(sorted(suspicious[subject] for subject in both)[:5]) or None

    def failed(self, now: Now, every_ns: int) -> None:
        """The look could not be had: no verdict, try again on the next beat."""
        self.look = self.first = None
        self.next_ns = now.mono_ns + every_ns

    def _suspicions(self, look: Look, *, confirmed: bool) -> dict[OrderKey | FillKey | str, str]:
        """What of this look the ledger still does not know; `confirmed`: missing orders were asked for."""
        ledger = self.ledger
        found: dict[OrderKey | FillKey | str, str] = {}
        missing = look.gone if confirmed else look.absent
        found |= {key: f"order {key.order_id} is not open any more" for key in missing if key in ledger.open}
        found |= {v.key: f"order {v.key.order_id} has moved" for v in look.views if ledger.would_change(v)}
        found |= {k: f"fill {k.trade_id} of {k.venue_symbol} is new" for k in look.fills if k not in ledger.fills}
        settled_ns = look.asked.wall_ns - self.plan.lag_ns
        if look.holdings is not None and self.sheet.quiet_since(settled_ns):
            found |= {name: f"{name} has moved" for name in self.sheet.unexplained(look.holdings)}
        return found

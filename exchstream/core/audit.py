"""Is the stream still telling everything?  Two looks at REST with a grace between them.

A socket that is up proves nothing: Binance's retired routes open, are pinged, and never send an event.  So on a beat
the audit asks for what is open, for the holdings, and for the latest executions and orders, and compares the answers
with the ledger.  What differs may still be on its way; what differs in a second look at the same, after a grace longer
than REST's lag, is a gap, and what only the second look shows gets a third.  That an order is missing from the listing
of open ones proves nothing (nobody says whether a conditional order that has triggered still is one): the look that
follows asks how it stands.  The answers do not enter the ledger: if they are news, the look-back that follows tells
them.

Where listings are by symbol a look asks about some of them, the most recently used and in turn the others.  Each
subject is proven by itself, and the whole as far as the least proven of them.  A question that fails leaves the others
their worth; one that fails for long means that nobody can say whether facts are missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import attrs

from exchstream.core.balances import Balances as BalanceSheet
from exchstream.core.happenings import Now
from exchstream.core.ledger import Ledger
from exchstream.core.limits import SessionLimits
from exchstream.core.venue import (
    MINUTE,
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
    Traced,
    Traces,
)
from exchstream.model import FillKey, OrderKey, OrderState

AUDITED: Final = OrderView | FillView | Snapshot | Holdings | Traced  # of an answer, what is compared with the ledger
Subject = str | None  # a symbol, or None for what is asked of the account as a whole


@attrs.define
class Look:
    """What one round of answers showed that the ledger does not know."""

    asked: Now
    lag_ns: int
    symbols: Sequence[str]
    known: frozenset[str]
    open_before: frozenset[OrderKey] = frozenset()
    owed: set[Question] = attrs.field(factory=set)
    failed: dict[Subject, str] = attrs.field(factory=dict)
    views: list[OrderState] = attrs.field(factory=list)
    fills: set[FillKey] = attrs.field(factory=set)
    absent: set[OrderKey] = attrs.field(factory=set)
    gone: set[OrderKey] = attrs.field(factory=set)
    delisted: set[str] = attrs.field(factory=set)
    unknown: set[str] = attrs.field(factory=set)
    holdings: Holdings | None = None

    @property
    def due_ns(self) -> int:
        """Facts that are younger may still be on their way."""
        return self.asked.wall_ns - self.lag_ns


@attrs.frozen
class Finding:
    """Why the stream cannot be believed; `blind` if it may be right, but nothing can be asked any more.

    `since_ns`: from then on nobody knows, where that is not the last proven instant.
    """

    why: str
    blind: bool = False
    since_ns: int | None = None


@attrs.define(kw_only=True)
class Audit:
    """One audit after another; `next_ns` is when it wants to act (None: while a look is being answered).

    `base_ns` is the last instant that a look-back vouched for, `lag_ns` how far REST may lag and the clock be off.
    """

    plan: Plan
    limits: SessionLimits = SessionLimits()
    ledger: Ledger
    sheet: BalanceSheet
    next_ns: int | None
    lag_ns: int
    base_ns: int = 0
    look: Look | None = None
    first: Look | None = None
    _proven: dict[Subject, int] = attrs.field(factory=dict)
    _tried: dict[str, int] = attrs.field(factory=dict)
    _failing: dict[Subject, int] = attrs.field(factory=dict)

    # ------------------------------------------------------------------------------------------------ what to ask

    def restart(self, until_ns: int, next_ns: int | None) -> None:
        """A look-back has vouched for everything until then (or, with None, a gap has opened: no looks meanwhile)."""
        self.look = self.first = None
        self.next_ns = next_ns
        if next_ns is not None:
            self.base_ns = until_ns
            self._proven.clear()
            self._tried.clear()
            self._failing.clear()

    def hasten(self, now: Now) -> None:
        """There is a reason to look now, unless a look is being taken, or the second one has still to wait."""
        if self.next_ns is not None and self.first is None:
            self.next_ns = min(self.next_ns, now.mono_ns)

    def allow(self, lag_ns: int) -> None:
        """From now on REST may lag, and the clock be off, by so much; what was asked before allows for the worse."""
        self.lag_ns = lag_ns
        for look in (self.look, self.first):
            if look is not None:
                look.lag_ns = max(look.lag_ns, lag_ns)

    def begin(self, now: Now, symbols: Sequence[str]) -> list[Question]:
        """Start a look; the questions to ask.  The second look asks what the first one asked."""
        known = self._proven.keys() & set(symbols)
        worst_ns = min([self._proven.get(subject, self.base_ns) for subject in (None, *known)])
        for symbol in symbols:  # of a new one nothing worse is known than of the account so far
            self._proven.setdefault(symbol, worst_ns)
        chosen = self._choice(symbols) if self.first is None else self.first.symbols
        self._tried |= dict.fromkeys(chosen, now.mono_ns)
        self.look = Look(now, self.lag_ns, chosen, frozenset(symbols))
        # REST that lags does not know the youngest orders yet: that they are missing says nothing.
        old = (key for key, state in self.ledger.open.items() if (state.created_ns or 0) <= self.look.due_ns)
        self.look.open_before = frozenset(old)
        self.next_ns = None
        questions = [*self._questions(now, chosen), *self._by_id()]
        self.look.owed.update(questions)
        return questions

    def proven_ns(self, symbols: Sequence[str]) -> int:
        """Up to when everything has been proven told, on these symbols and of the account as a whole."""
        subjects: Sequence[Subject] = (None, *symbols) if self.plan.fills.by_symbol else (None,)
        return min(self._proven.get(subject, self.base_ns) for subject in subjects)

    def _choice(self, symbols: Sequence[str]) -> Sequence[str]:
        """The most recently used ones, and of the others those that were asked about longest ago."""
        most = self.limits.audit_recent
        recent, others = symbols[-most:], symbols[:-most]
        longest = sorted(others, key=lambda symbol: self._tried.get(symbol, -1))
        return (*recent, *longest[: self.limits.audit_others])

    def _questions(self, now: Now, symbols: Sequence[str]) -> Iterator[Question]:
        if self.plan.tells_orders:
            for kind in self.plan.kinds:
                yield OpenOrders(kind)
        if self.plan.balances:
            yield Balances()
        until_ns = now.wall_ns + self.lag_ns
        if self.plan.traces_reach_ns is not None:
            yield Traces(self._proven.get(None, self.base_ns), until_ns)
        for told, listing, ask in (
            (self.plan.tells_fills, self.plan.fills, Fills),
            (self.plan.tells_orders, self.plan.orders, Orders),
        ):
            if told:
                for symbol in symbols if listing.by_symbol else (None,):
                    yield ask(symbol, self._proven.get(symbol, self.base_ns), until_ns)

    def _by_id(self) -> Iterator[Question]:
        """How the orders stand that the first look did not find among the open ones."""
        if self.first is not None:
            absent = sorted(
                self.first.absent & self.ledger.open.keys(), key=lambda key: (key.order_id, key.venue_symbol)
            )
            yield from (OrderById(key) for key in absent[: self.limits.audit_absent])

    # ------------------------------------------------------------------------------------------------ what came

    def refused(self, question: Question) -> None:
        """An authoritative no: the order or the symbol does not exist any more."""
        if self.look is not None:
            self.look.owed.discard(question)
            if isinstance(question, OrderById):
                self.look.gone.add(question.key)
            elif isinstance(question, Fills | Orders) and question.symbol is not None:
                self.look.delisted.add(question.symbol)

    def unanswered(self, question: Question, why: str) -> None:
        """No answer for now: this look says nothing about the question's subject."""
        if self.look is not None:
            self.look.owed.discard(question)
            self.look.failed[getattr(question, "symbol", None)] = why

    def put_off(self, why: str, now: Now) -> Finding | None:
        """Our time is wrong, and is being measured: look anew soon, by the right one, unless it has been for long."""
        look, self.look, self.next_ns = self.look, None, now.mono_ns + self.plan.audit.grace_ns
        if look is None:
            return None
        look.failed = dict.fromkeys((None, *look.symbols), why)
        return self._blind(look, now)

    def heard(self, meaning: Meaning) -> None:
        """Compare one part of an answer with the ledger."""
        look = self.look
        if look is None:
            return
        match meaning:
            case OrderView(state=state) if self.ledger.would_change(state):
                # An order that nobody has told of is missing since it was created, however young its end is.
                since_ns = state.updated_ns if self.ledger.knows(state.key) else state.created_ns
                if (since_ns or 0) <= look.due_ns:
                    look.views.append(state)
            case FillView(execution=execution) if execution.key not in self.ledger.fills:
                if self._newer_than_ns(execution.key) <= execution.time_ns <= look.due_ns:
                    look.fills.add(execution.key)
            case Snapshot(kind=kind, keys=keys):
                look.absent |= {k for k in look.open_before if k.kind is kind and k not in keys}
            case Holdings():
                look.holdings = meaning
            case Traced(symbols=symbols):
                look.unknown |= symbols - look.known
            case _:
                pass

    def _newer_than_ns(self, key: FillKey) -> int:
        """Executions from before then are of no concern: not of this stream, or forgotten for their number."""
        return max(self.ledger.floor_of(key.venue_symbol), self.ledger.forgotten_ns(key.venue_symbol) + 1)

    # ------------------------------------------------------------------------------------------------ the word

    def answered(self, now: Now, every_ns: int) -> Finding | None:
        """Judge the look once all is answered: None if all is well or not yet known, else what is wrong."""
        if self.look is None or self.look.owed:
            return None
        look, self.look = self.look, None
        first, self.first = self.first, None
        suspected = self._suspicions(first, confirmed=False).keys() if first else set()
        suspicious = self._suspicions(look, confirmed=True)
        if both := suspicious.keys() & suspected:
            self.next_ns = now.mono_ns + every_ns
            why = "; ".join(sorted(suspicious[subject] for subject in both)[:5])
            return Finding(why, blind=both <= set(map(_delisted, look.delisted)))
        if first is not None:
            look.absent -= first.absent  # they were asked for by id
        if self._suspicions(look, confirmed=False):
            # What only this look shows is looked at again after a grace: a whole beat later would be late.
            self.first, self.next_ns = look, now.mono_ns + self.plan.audit.grace_ns
            return None
        self.next_ns = now.mono_ns + every_ns
        self._passed(look, now)
        return self._blind(look, now)

    def _passed(self, look: Look, now: Now) -> None:
        """All is well with what was answered."""
        seen_ns = look.due_ns
        for subject in (None, *look.symbols):
            if subject not in look.failed:
                self._proven[subject] = max(seen_ns, self._proven.get(subject, self.base_ns))
        if look.holdings is not None and self.sheet.quiet_since(seen_ns):
            self.sheet.agree(look.holdings, seen_ns, now.wall_ns + look.lag_ns - self.plan.lag_ns)

    def _blind(self, look: Look, now: Now) -> Finding | None:
        """Nobody can say whether all is well if a subject could not be asked about for too long."""
        for subject in (None, *look.symbols):
            if subject not in look.failed:
                self._failing.pop(subject, None)
        for subject, why in look.failed.items():
            since_ns = self._failing.setdefault(subject, look.asked.mono_ns)
            if now.mono_ns - since_ns >= self.plan.give_up_ns:
                whom = "the account" if subject is None else subject
                minutes = self.plan.give_up_ns // MINUTE
                # On a symbol that nobody knows, nothing is proven since the holdings last agreed.
                unheld = subject is None and self.plan.balances and look.holdings is None
                return Finding(
                    f"{whom} cannot be asked about for {minutes} minutes: {why}",
                    blind=True,
                    since_ns=self.sheet.agreed_since(self.ledger.floor_ns) if unheld else None,
                )
        return None

    def _suspicions(self, look: Look, *, confirmed: bool) -> dict[OrderKey | FillKey | str, str]:
        """What of this look the ledger still does not know; `confirmed`: missing orders were asked for."""
        ledger = self.ledger
        found: dict[OrderKey | FillKey | str, str] = {}
        missing = look.gone if confirmed else look.absent
        found |= {key: f"order {key.order_id} is not open any more" for key in missing if key in ledger.open}
        found |= {v.key: f"order {v.key.order_id} has moved" for v in look.views if ledger.would_change(v)}
        found |= {k: f"fill {k.trade_id} of {k.venue_symbol} is new" for k in look.fills if k not in ledger.fills}
        found |= {_delisted(symbol): f"the venue does not know {symbol} any more" for symbol in look.delisted}
        found |= {f"traded:{symbol}": f"something was traded on {symbol}, which nobody knew" for symbol in look.unknown}
        if look.holdings is not None and self.sheet.quiet_since(look.due_ns):
            found |= {name: f"{name} has moved" for name in self.sheet.unexplained(look.holdings)}
        return found


def _delisted(symbol: str) -> str:
    """A suspicion about a symbol, apart from one about an asset or a position of that name."""
    return f"symbol:{symbol}"

"""One look-back: what to ask after an interruption, what came of it, and when the verdict may be given.

It runs in passes.  A pass asks for the open orders, the executions and the orders since the gap began, and then by id
for whatever those answers leave open: orders that were open when the link was lost and are missing from the listing
of open ones, and orders whose filled quantity is not the sum of their fills (double entry).  REST lags behind what
happened, so the verdict waits for a pass that was asked a lag allowance after the links were proven, at least the
second one, and that brought nothing new and left nothing unbalanced.  What a pass listed in full is settled as far as
REST does not lag: the next pass lists what came since.

Facts do not pass through here: the Session gives them to the ledger and tells them at once.  This machine only keeps
the account of what was asked, and names what could not be covered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import chain, islice
from typing import Final

import attrs

from exchstream.core.balances import Balances as BalanceSheet
from exchstream.core.balances import explaining
from exchstream.core.happenings import Now
from exchstream.core.ledger import Ledger
from exchstream.core.venue import (
    Balances,
    Fills,
    FillView,
    Holdings,
    Memory,
    OpenOrders,
    OrderById,
    OrderFills,
    Orders,
    Plan,
    Question,
    Snapshot,
    Traces,
)
from exchstream.events import Scope, Unresolved
from exchstream.model import OrderKey, OrderKind

MAX_FOLLOWED: Final = 200  # questions by id that are out at once
MAX_HELD: Final = 10_000  # executions that wait for the last page of their listing; beyond it they wait no longer


@attrs.frozen(kw_only=True)
class Verdict:
    """What the look-back can vouch for."""

    until_ns: int
    scope: Scope
    unresolved: tuple[Unresolved, ...]
    holdings: Holdings | None
    read_ns: int
    gave_up: bool


@attrs.define
class Reach:
    """From when on the listings of one gap are read, by whichever look-back: all symbols' from `gap_ns`.

    But those of `early` ones, which may have traded since before the gap, from that instant; before `late` nothing was
    told of these.  Of `new` ones nobody knew when the gap began.
    """

    gap_ns: int
    early: dict[str, int] = attrs.field(factory=dict)
    late: dict[str, int] = attrs.field(factory=dict)
    new: set[str] = attrs.field(factory=set)


@attrs.define(kw_only=True)
class LookBack:
    """Covers [since_ns, when the links were proven].

    `suspects` are the orders that were open at the loss, `doubted` those to ask about in any case, with the instant
    that gave reason to, `lasting` what former look-backs of this gap were told with authority and could not tell any
    more.  `lag_ns` is the venue's allowance and what our clock may be off by.  `first`: nobody knows what was open when
    the gap began.  On a symbol that came to light since then, an order may have been open all the while, but none that
    is older than `orders_ns`: a listing of all open ones had shown it.  After `max_passes`, what still moves or does
    not balance is named instead of asked for again.
    """

    plan: Plan
    max_passes: int
    ledger: Ledger
    memory: Memory
    sheet: BalanceSheet
    symbols: dict[str, int]
    since_ns: int
    reach: Reach
    orders_ns: int
    proven: Now
    suspects: set[OrderKey]
    lag_ns: int
    first: bool = False
    doubted: dict[OrderKey, int] = attrs.field(factory=dict)
    lasting: dict[tuple[str, str], Unresolved] = attrs.field(factory=dict)
    owed: set[Question] = attrs.field(factory=set)
    passes: int = 0
    next_ns: int | None = None
    touched: set[OrderKey] = attrs.field(factory=set)
    looks: list[int] = attrs.field(factory=list)  # when the passes were asked that have been answered
    _asked: Now | None = None
    _watched: set[OrderKey] = attrs.field(factory=set)
    _followed: set[Question] = attrs.field(factory=set)
    _settled: dict[str, int] = attrs.field(factory=dict)
    _given_up: set[str] = attrs.field(factory=set)
    _snapshots: dict[OrderKind, frozenset[OrderKey]] = attrs.field(factory=dict)
    _listed: dict[str, int] = attrs.field(factory=dict)
    _holdings: Holdings | None = None
    _read_ns: int = 0
    _news: int = 0
    _moves: bool = False  # this pass brought what surely happened in the gap: REST may lag more than is allowed for
    _named: dict[tuple[str, str], Unresolved] = attrs.field(factory=dict)
    _gave_up: bool = False
    _hidden: dict[Question, list[Unresolved]] = attrs.field(factory=dict)
    _held: dict[str | None, list[FillView]] = attrs.field(factory=dict)

    # ------------------------------------------------------------------------------------------------ what came

    def touch(self, key: OrderKey, *, recovered: bool, time_ns: int | None, dated: bool) -> None:
        """A fact about this order was news: from REST if `recovered`, else from the stream meanwhile.

        `dated`: it happened at that time, and not at some time after.
        """
        self.touched.add(key)
        if recovered and (time_ns is None or time_ns <= self.proven.wall_ns):
            self._news += 1
            self._moves = self._moves or dated

    def hold(self, question: Question, view: FillView) -> None:
        """Keep an execution of a page until `released`: listings may be read from the newest page on."""
        self._held.setdefault(_symbol(question), []).append(view)

    def released(self, question: Question | None = None) -> list[FillView]:
        """The executions that may be told now that this question has been answered, or all; from the oldest on.

        They wait for the last page of their listing, and for that of the orders.
        """
        symbols = list(self._held) if question is None else [_symbol(question)]
        found: list[FillView] = []
        for symbol in symbols:
            waits = question is not None and any(_lists(q) and _symbol(q) == symbol for q in self.owed)
            if not waits or len(self._held.get(symbol, ())) >= MAX_HELD:
                found += self._held.pop(symbol, [])
        # What is known is sorted out first: while the others are entered, it may have to be forgotten.
        return sorted((view for view in found if not self._is_a_repeat(view)), key=_age)

    def snapshot(self, snapshot: Snapshot) -> None:
        """The listing of open orders of one kind is complete."""
        self._snapshots[snapshot.kind] = snapshot.keys

    def holdings(self, holdings: Holdings, now: Now) -> None:
        """The account's balances, and the symbols that it has a position on.

        The very first ones are what later ones are held against: what happens from now on must explain the difference.
        """
        self._holdings, self._read_ns = holdings, now.wall_ns + self.lag_ns - self.plan.lag_ns
        if self.sheet.baseline is None and self._asked is not None:
            # Trading goes on, so on both sides with all that the clock may be wrong by since it was read.
            self.sheet.begin(holdings, self._asked.wall_ns - self.lag_ns, now.wall_ns + self.lag_ns)
        self.traced(holdings.symbols, now)

    def traced(self, symbols: frozenset[str], now: Now) -> None:
        """Something happened on these symbols; those that are new have come to light now."""
        for symbol in sorted(symbols):
            self.symbols.setdefault(symbol, now.wall_ns)

    def name(self, what: str, name: str, why: str, *, lasting: bool = False) -> None:
        """Something that cannot be covered: named once in the verdict; `lasting`: no other look-back could cover it."""
        names = self.lasting if lasting else self._named
        names.setdefault((what, name), Unresolved(what=what, name=name, why=why))

    def _is_a_repeat(self, view: FillView) -> bool:
        """Whether this execution is known, or may be one that the ledger had to forget: then it is not told.

        What is older than anything that is needed has surely been told; of the rest nobody knows, and that is named.
        """
        symbol, time_ns, ledger = view.execution.venue_symbol, view.execution.time_ns, self.ledger
        if ledger.repeats(view.execution.key):
            return True
        if self.reach.late.get(symbol, time_ns + 1) <= time_ns < ledger.need_ns:
            return True
        until_ns = ledger.forgotten_ns(symbol, view.execution.order_id)
        if time_ns > until_ns:
            return False
        if time_ns >= ledger.need_ns:
            self.name("span", f"{self.since_ns}..{until_ns} {symbol}", "more executions than memory holds")
        return True

    def unreachable(self, question: Question, what: str, name: str, why: str) -> None:
        """A part of this answer that the venue cannot give; a later pass may have it after all."""
        self._hidden.setdefault(question, []).append(Unresolved(what=what, name=name, why=why))

    def refused(self, question: Question, why: str) -> None:
        """An authoritative no: name what the question would have covered, and do not ask it again."""
        self.owed.discard(question)
        if isinstance(question, OrderById | OrderFills):
            if not self._too_young(question.key):
                self.name("order", f"{question.key.venue_symbol}:{question.key.order_id}", why, lasting=True)
                self.ledger.drop(question.key)
                self._watched.discard(question.key)
            return  # REST may not know it yet: the next pass asks again
        if isinstance(question, Fills | Orders) and question.symbol is not None:
            self.symbols.pop(question.symbol, None)
        self._name_listing(question, why, lasting=True)

    def give_up(self, question: Question, why: str) -> None:
        """No answer for too long: name what is not covered; the next look-back begins where this one did."""
        self.owed.discard(question)
        self._gave_up = True
        self._given_up.add(_label(question))
        if isinstance(question, OrderById | OrderFills):
            self.name("order", f"{question.key.venue_symbol}:{question.key.order_id}", why)
        else:
            self._name_listing(question, why)
        if isinstance(question, Balances):
            self._reach_back()

    def _reach_back(self) -> None:
        """On a symbol that nobody knows, nothing is proven since the holdings last agreed: the gap begins there."""
        self.since_ns = min(self.since_ns, self.sheet.agreed_since(self.ledger.floor_ns))

    def _name_listing(self, question: Question, why: str, *, lasting: bool = False) -> None:
        match question:
            case Fills(symbol=str(symbol)) | Orders(symbol=str(symbol)):
                self.name("symbol", symbol, why, lasting=lasting)
            case OpenOrders(kind=kind):
                self.name("listing", f"open {kind.value}s", why, lasting=lasting)
            case _:
                self.name("listing", type(question).__name__.lower(), why, lasting=lasting)

    def _too_young(self, key: OrderKey) -> bool:
        """Whether REST, as it was a lag ago, may not have known this order yet, or not all of the gap."""
        if self._asked is None:
            return True
        seen_ns = self._asked.wall_ns - self.lag_ns
        state = self.ledger.order(key)
        changed_ns = max(self.ledger.executed_ns(key), self.doubted.get(key, 0))
        if state is not None:
            changed_ns = max(changed_ns, state.updated_ns or 0, state.created_ns or 0)
        return not self._after_proof(self._asked) or changed_ns > seen_ns

    def _after_proof(self, asked: Now) -> bool:
        """Whether REST, as it was a lag before it was asked, knew all that happened before the links were proven."""
        return asked.mono_ns - self.lag_ns >= self.proven.mono_ns

    # ------------------------------------------------------------------------------------------------ what to ask

    def step(self, now: Now) -> list[Question]:
        """The questions to put now; to be called whenever nothing is owed and no pause is running."""
        if self.owed or (self.next_ns is not None and now.mono_ns < self.next_ns):
            return []
        opens = self._asked is None
        wanted = self._open_pass(now) if opens else self._follow_up()
        due = (question for question in wanted if _label(question) not in self._given_up)
        asked = list(due if opens else islice(due, MAX_FOLLOWED))  # those given up take nobody's place
        self.owed.update(asked)
        return asked

    def verdict(self, now: Now) -> Verdict | None:
        """The verdict if this pass allows one; else None, and another pass begins after a pause."""
        if self.owed or self._asked is None:
            return None
        asked, until_ns = self._asked, self._asked.wall_ns - self.lag_ns
        self.looks.append(asked.wall_ns)
        unbalanced = list(self._unbalanced())
        unexplained = self._unexplained()
        quiet = self.sheet.quiet_since(until_ns)
        self._settle(asked)
        self._asked = None
        last = self.passes >= self.max_passes
        settled = self.passes > 1 and not self._news and self._after_proof(asked)
        agrees = self._gave_up or not (unbalanced or unexplained)
        if not last and not (settled and agrees):
            self.next_ns = now.mono_ns + max(self.lag_ns, 1)
            return None
        for hidden in self._still_hidden(proven=not unbalanced):
            self.name(hidden.what, hidden.name, hidden.why)
        for key, missing in unbalanced:
            self.name("order", f"{key.venue_symbol}:{key.order_id}", f"filled differs from its fills by {missing}")
            if not self._gave_up:
                self.ledger.accept(key, missing)
        for asset, amount in unexplained.items():
            self.name("asset", asset, f"moved by {amount} without an execution that explains it")
            self._reach_back()
        if last and (self._moves or not self._after_proof(asked)):
            span = f"{self.since_ns}..{until_ns}"
            self.name("span", span, f"after {self.passes} passes REST may still not have told all of it")
        scope = Scope(
            symbols=tuple(self.symbols) if self.plan.fills.by_symbol else None,
            kinds=self.plan.kinds,
            orders_since_ns=self.since_ns if self.first else None,
        )
        return Verdict(
            until_ns=max(until_ns, self.since_ns),
            scope=scope,
            unresolved=tuple((self._named | self.lasting).values()),
            holdings=self._holdings if quiet else None,
            read_ns=self._read_ns,
            gave_up=self._gave_up,
        )

    # ------------------------------------------------------------------------------------------------ the passes

    def _open_pass(self, now: Now) -> Iterator[Question]:
        self._asked, self.next_ns = now, None
        self.passes += 1
        self._news, self._moves, self._holdings = 0, False, None
        self._hidden.clear()
        self._snapshots.clear()
        self._followed.clear()
        self._listed.clear()
        self._watched = {key for key in self.suspects | self.ledger.open.keys() if key in self.ledger.open}
        if self.plan.tells_orders:
            for kind in self.plan.kinds:
                yield OpenOrders(kind)
        if self.plan.balances:
            yield Balances()
        if self.plan.traces_reach_ns is not None:
            label = Traces.__name__
            since_ns = self._listed[label] = self._settled.get(label, self._begin_ns(label))
            yield Traces(self._reached(since_ns, self.plan.traces_reach_ns, label, now), now.wall_ns + self.lag_ns)
        yield from self._listings(now)

    def _listings(self, now: Now) -> Iterator[Question]:
        """Executions and orders since the gap began, of every symbol that is known by now."""
        assert self._asked is not None
        until_ns = self._asked.wall_ns + self.lag_ns
        self.reach.new |= {symbol for symbol, since_ns in self.symbols.items() if since_ns > self.reach.gap_ns}
        for listing, ask, told in (
            (self.plan.fills, Fills, self.plan.tells_fills),
            (self.plan.orders, Orders, self.plan.tells_orders),
        ):
            if not told:
                continue
            for symbol in self._symbols(listing.by_symbol):
                label = f"{ask.__name__}:{symbol}"
                if label in self._listed:
                    continue
                since_ns = self._listed[label] = self._settled.get(label, self._begin_ns(label))
                if symbol is not None:
                    told_ns = max(since_ns, self._begin_ns(f"{Fills.__name__}:{symbol}"))
                    self.symbols[symbol] = min(self.symbols[symbol], told_ns)
                yield ask(symbol, self._reached(since_ns, listing.reach_ns, ask.__name__, now), until_ns)

    def _reached(self, since_ns: int, reach_ns: int | None, listing: str, now: Now) -> int:
        """From when on the venue can be asked; what is older is named."""
        from_ns = since_ns if reach_ns is None else max(since_ns, now.wall_ns - reach_ns)
        if from_ns > since_ns:
            self.name("span", f"{since_ns}..{from_ns}", f"older than the venue's {listing.lower()} reach")
        return from_ns

    def _symbols(self, by_symbol: bool) -> Iterable[str | None]:
        if not by_symbol:
            return (None,)
        names = list(self.symbols)  # the most recently used last
        most = self.plan.max_symbols
        for name in names[:-most]:
            self.name("symbol", name, f"more than {most} symbols to ask about")
        return names[-most:]

    def _follow_up(self) -> Iterator[Question]:
        """What the listings leave open: symbols learnt meanwhile, missing orders, sums that do not agree."""
        assert self._asked is not None
        markets = self.memory.markets or {}
        agreed_ns = self.sheet.agreed_since(self.ledger.floor_ns)
        # Others may have traded ever since then; of these all has been told.
        known = {name for name, since_ns in self.symbols.items() if self.reach.early.get(name, since_ns) <= agreed_ns}
        for symbol in list(explaining(self._unexplained().keys(), markets, known)):
            self.symbols.setdefault(symbol, self.proven.wall_ns)
            self._widen(agreed_ns)
        for question in chain(self._listings(self._asked), self._by_id()):
            if question not in self._followed:
                self._followed.add(question)
                yield question

    def _widen(self, since_ns: int) -> None:
        """The gap reaches further back, and with it what is asked of every symbol that came to light since."""
        self.since_ns = min(since_ns, self.since_ns)
        for symbol, told_ns in self.symbols.items():
            if told_ns > self.since_ns:
                self.reach.early[symbol] = self.since_ns
                self.reach.late[symbol] = told_ns
                for label in (f"{ask.__name__}:{symbol}" for ask in (Fills, Orders)):
                    self._listed.pop(label, None)
                    self._settled.pop(label, None)

    def _settle(self, asked: Now) -> None:
        """What this pass read to its end need not be read again, but for what REST may not have known yet."""
        unread = {_label(question) for question in self._hidden} | self._given_up
        for label, since_ns in self._listed.items():
            if label not in unread and since_ns <= self._settled.get(label, self._begin_ns(label)):
                self._settled[label] = max(asked.wall_ns - 2 * self.lag_ns, since_ns)

    def _begin_ns(self, label: str) -> int:
        """From when on this listing is read; the venue's clock may have been set back since the gap began.

        Where what the clock may be off by has grown, not from before what memory still had to know when it had not:
        that was proven, and its executions may have been let go.
        """
        asked, _, symbol = label.partition(":")
        since_ns = self.reach.early.get(symbol, self.reach.gap_ns)
        unseen = asked == Orders.__name__ and symbol in self.reach.new
        if unseen:
            since_ns = min(since_ns, self.orders_ns)
        overlapped_ns = since_ns - self.lag_ns
        if symbol not in self.reach.early and not unseen:
            overlapped_ns = max(overlapped_ns, min(self.ledger.need_ns, since_ns))
        return min(overlapped_ns, self.proven.wall_ns - self.lag_ns)

    def _by_id(self) -> Iterator[Question]:
        if not self.plan.tells_orders:
            return
        yield from (OrderById(key) for key in sorted(self.doubted, key=_name))
        for key in sorted(self._watched, key=_name):
            snapshot = self._snapshots.get(key.kind)
            if key in self.ledger.open and snapshot is not None and key not in snapshot:
                yield OrderById(key)
        if self.plan.tells_fills:
            for key, difference in self._compared():
                yield OrderFills(key) if difference is not None and difference > 0 else OrderById(key)

    def _compared(self) -> Iterator[tuple[OrderKey, Decimal | None]]:
        """Double entry: the orders that this look-back met and whose count is not the sum of their fills, by how much.

        None for one that is known by its fills alone.  Where a listing of fills hides some, these may be of any order,
        also of one that the stream told all of but a fill.
        """
        met = self.touched | self.suspects | self._watched
        if any(isinstance(question, Fills) for question in self._hidden):
            met |= self.ledger.closed.keys() | self.ledger.ended.keys()
        for key in sorted(met, key=_name):
            if self.ledger.orphan(key):
                yield key, None
            elif difference := self.ledger.difference(key):
                yield key, difference

    def _unbalanced(self) -> Iterator[tuple[OrderKey, Decimal]]:
        yield from ((key, difference) for key, difference in self._compared() if difference is not None)

    def _still_hidden(self, *, proven: bool) -> Iterator[Unresolved]:
        """What no page could show, and nothing else proves.

        Every fill belongs to an order that is known, or was created since: if the listing of orders is whole and each
        of them equals the sum of its fills, no fill is missing, whatever its own listing could show.
        """
        whole = self.plan.tells_orders and not any(isinstance(question, Orders) for question in self._hidden)
        for question, parts in self._hidden.items():
            for part in parts:
                if not (proven and whole and isinstance(question, Fills) and part.what == "span"):
                    yield part

    def _unexplained(self) -> Mapping[str, Decimal]:
        """The assets that moved for no known reason; nothing while executions are still on their way to REST."""
        if self._holdings is None or self._asked is None:
            return {}
        if not self.sheet.quiet_since(self._asked.wall_ns - self.lag_ns):
            return {}
        return self.sheet.unexplained(self._holdings)


def _label(question: Question) -> str:
    """What a question asks for, whatever the page and the times."""
    match question:
        case Fills(symbol=what) | Orders(symbol=what):
            return f"{type(question).__name__}:{what}"
        case OrderById(key=key) | OrderFills(key=key):
            return f"{type(question).__name__}:{':'.join(_name(key))}"
        case OpenOrders(kind=kind):
            return f"{type(question).__name__}:{kind.value}"
    return type(question).__name__


def _lists(question: Question) -> bool:
    """The orders too: one may have to say of what kind its executions are."""
    return isinstance(question, Fills | OrderFills | Orders)


def _symbol(question: Question) -> str | None:
    """Which executions a question for some is about: all of this symbol, or (None) of every one."""
    match question:
        case Fills(symbol=symbol) | Orders(symbol=symbol):
            return symbol
        case OrderFills(key=key):
            return key.venue_symbol
    return None


def _age(view: FillView) -> tuple[int, int, str]:
    """By time; of one instant by the trade's number, where it is one."""
    trade_id = view.execution.trade_id
    return (view.execution.time_ns, len(trade_id), trade_id)


def _name(key: OrderKey) -> tuple[str, str, str]:
    return (key.venue_symbol, key.order_id, key.kind.value)

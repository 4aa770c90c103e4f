"""The promises as pure functions: what really happened, what was told, and what of it is false.

Everything is a plain tuple, so that nothing here depends on either package; the checkers can judge any client.  Times
are UTC nanoseconds of the venue's clock.  Each checker answers with the violations in words, none if all is well.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

MILLI: Final = 1_000_000
TRUNCATED: Final = MILLI  # venues tell times in milliseconds or microseconds, rounded down
# "finished": Binance's word for a conditional order whose child has ended, filled or not.
FINAL: Final = frozenset({"filled", "canceled", "expired", "rejected", "finished"})

OrderId = tuple[str, str, str]  # symbol, order id, kind ("order" or "algo")
FillId = tuple[str, str, str]  # symbol, trade id, order id


class TrueFill(NamedTuple):
    """One side of one trade as it happened."""

    key: FillId
    time_ns: int
    price: Decimal
    quantity: Decimal
    fee: Decimal


class TrueChange(NamedTuple):
    """One change of one order as it happened: the status and the filled quantity after it."""

    key: OrderId
    time_ns: int
    status: str
    filled: Decimal


class ToldFill(NamedTuple):
    """A fill as it was told, at this instant."""

    at_ns: int
    key: FillId
    time_ns: int
    price: Decimal
    quantity: Decimal
    fee: Decimal | None
    recovered: bool


class ToldOrder(NamedTuple):
    """An order's state as it was told, at this instant."""

    at_ns: int
    key: OrderId
    status: str
    filled: Decimal
    recovered: bool


class Opened(NamedTuple):
    """An interruption was told."""

    at_ns: int
    since_ns: int
    reason: str


class Closed(NamedTuple):
    """A verdict was told; `symbols` None means all; `unresolved` are (what, name).

    `orders_since_ns`: the ends are those of orders created since then, or found open (None: of all orders).
    """

    at_ns: int
    since_ns: int
    until_ns: int
    symbols: frozenset[str] | None
    complete: bool
    unresolved: tuple[tuple[str, str], ...] = ()
    orders_since_ns: int | None = None


class Span(NamedTuple):
    """Something was so from `since_ns` on until `until_ns`; `name` says what, where that matters."""

    since_ns: int
    until_ns: int
    name: str = ""


Told = ToldFill | ToldOrder | Opened | Closed


# ------------------------------------------------------------------------------------------------ G1, G2: fills


def fills_lost(truth: Iterable[TrueFill], told: Sequence[Told], *, since_ns: int = 0, nets: bool = False) -> list[str]:
    """Every fill that happened since then was told, named by a verdict, or lies in a gap that is still open.

    `nets`: two fills may cancel out and leave no trace, so that nobody can know of them on an unknown symbol.
    """
    known = {event.key for event in told if isinstance(event, ToldFill)}
    account = Account(told)
    return [
        f"fill lost: {fill.key} of {fill.time_ns}"
        for fill in truth
        if fill.key not in known
        and fill.time_ns - TRUNCATED >= since_ns
        and not account.accounts_for(fill.key[0], fill.key[2], fill.time_ns, traced=not nets)
    ]


def fills_twice(told: Iterable[Told]) -> list[str]:
    """No fill was told twice."""
    seen: set[FillId] = set()
    wrong = []
    for event in told:
        if isinstance(event, ToldFill):
            if event.key in seen:
                wrong.append(f"fill told twice: {event.key}")
            seen.add(event.key)
    return wrong


def fills_invented(truth: Iterable[TrueFill], told: Iterable[Told]) -> list[str]:
    """Every fill that was told happened, and as it was told."""
    real = {fill.key: fill for fill in truth}
    wrong = []
    for event in told:
        if not isinstance(event, ToldFill):
            continue
        fill = real.get(event.key)
        if fill is None:
            wrong.append(f"fill invented: {event.key}")
            continue
        same = (fill.price, fill.quantity) == (event.price, event.quantity)
        if not same or event.fee not in (None, fill.fee) or not 0 <= fill.time_ns - event.time_ns < TRUNCATED:
            wrong.append(f"fill told wrong: {event} is {fill}")
    return wrong


def fills_of_old(told: Iterable[Told], *, since_ns: int) -> list[str]:
    """What was executed before the account's beginning enters the books and is not told."""
    return [
        f"a fill from before the beginning ({since_ns}): {event}"
        for event in told
        if isinstance(event, ToldFill) and event.recovered and event.time_ns < since_ns - TRUNCATED
    ]


# ------------------------------------------------------------------------------------------------ G3: orders


def orders_backward(told: Iterable[Told]) -> list[str]:
    """Per order the filled quantity never falls, and what is final stays final."""
    last: dict[OrderId, ToldOrder] = {}
    wrong = []
    for event in told:
        if not isinstance(event, ToldOrder):
            continue
        before = last.get(event.key)
        if before is not None and event.filled < before.filled:
            wrong.append(f"filled fell from {before.filled} to {event.filled}: {event.key}")
        if before is not None and before.status in FINAL and event.status not in FINAL:
            wrong.append(f"final, then {event.status}: {event.key}")
        last[event.key] = event
    return wrong


def orders_invented(truth: Iterable[TrueChange], told: Iterable[Told]) -> list[str]:
    """No order was told to be further than it was: neither final nor filled before it really was."""
    course: dict[OrderId, list[TrueChange]] = {}
    for change in truth:
        course.setdefault(change.key, []).append(change)
    wrong = []
    for event in told:
        if not isinstance(event, ToldOrder):
            continue
        past = [change for change in course.get(event.key, ()) if change.time_ns <= event.at_ns]
        if not past:
            wrong.append(f"order invented: {event}")
        elif event.filled > max(change.filled for change in past):
            wrong.append(f"filled too early: {event}, really {past[-1]}")
        elif event.status in FINAL and not any(change.status in FINAL for change in past):
            wrong.append(f"final too early: {event}, really {past[-1]}")
    return wrong


def orders_wrong_at_end(
    truth: Sequence[TrueChange], told: Sequence[Told], *, since_ns: int = 0, nets: bool = False
) -> list[str]:
    """The last that was told of each order is how it really stands.

    What ended before then need not be told, nor what a verdict names, nor what happened in a gap that is still open.
    """
    born: dict[OrderId, int] = {}
    for change in truth:
        born.setdefault(change.key, change.time_ns)
    real = {change.key: change for change in truth}
    real = {key: c for key, c in real.items() if c.status not in FINAL or c.time_ns - TRUNCATED >= since_ns}
    last = {event.key: event for event in told if isinstance(event, ToldOrder)}
    account = Account(told)
    wrong = []
    for key, change in real.items():
        event = last.get(key)
        if event is not None and event.filled == change.filled and _agree(event.status, change.status):
            continue
        if account.accounts_for(key[0], key[1], change.time_ns, traced=change.filled > 0 and not nets):
            continue
        if event is not None:
            wrong.append(f"order ends as {(event.status, event.filled)}, really {change}")
        elif change.status not in FINAL or not account.unpromised(change, born[key]):
            wrong.append(f"order lost: {change}")
    return wrong


def _agree(told: str, true: str) -> bool:
    return told == true or (true == "finished" and told in ("filled", "canceled"))


# ------------------------------------------------------------------------------------------------ what verdicts say

SPAN: Final = re.compile(r"(\d+)\.\.(\d+)(?: (.+))?")


def named(verdict: Closed, symbol: str, number: str, time_ns: int) -> bool:
    """True if the verdict names what this fact of this order (or trade) could be: it does not vouch for it."""
    for what, name in verdict.unresolved:
        match what:
            case "span":
                found = SPAN.fullmatch(name)
                if found is None:
                    return True  # "from then on": nothing that is known of its end
                inside = int(found[1]) - TRUNCATED <= time_ns <= int(found[2]) + TRUNCATED
                if inside and found[3] in (None, symbol):
                    return True
            case "listing" | "doubts":
                return True
            case "symbols":  # of those that nobody has named
                if verdict.symbols is not None and symbol not in verdict.symbols:
                    return True
            case "asset":
                if name in symbol:
                    return True
            case _:
                if name in (symbol, f"{symbol}:{number}", number):
                    return True
    return False


class Account:
    """What all verdicts of a run together say of one fact, and what the last gap still owes."""

    def __init__(self, told: Sequence[Told]) -> None:
        self.closed = [event for event in told if isinstance(event, Closed)]
        self.named = [verdict for verdict in self.closed if verdict.unresolved]
        gaps = [event for event in told if isinstance(event, Opened | Closed)]
        self.owed_ns = gaps[-1].since_ns if gaps and isinstance(gaps[-1], Opened) else None
        self.first = self.closed[0] if self.closed else None

    def accounts_for(self, symbol: str, order_id: str, time_ns: int, *, traced: bool) -> bool:
        """True if this fact need not have been told: it was named, is out of every scope, or its gap is still open.

        Out of scope is what happened in a gap on a symbol that the verdict does not list, and left no other trace; at
        the start nothing leaves one, since nobody knows what the account held before.
        """
        if self.owed_ns is not None and (time_ns >= self.owed_ns or not self.closed):
            return True
        if not traced and not self._in_use(symbol, time_ns):
            return True
        for verdict in self.closed:
            if verdict.since_ns - TRUNCATED <= time_ns <= verdict.until_ns:
                if verdict.unresolved and named(verdict, symbol, order_id, time_ns):
                    return True
                unknown = verdict.symbols is not None and symbol not in verdict.symbols
                if unknown and (verdict is self.first or not traced):
                    return True
        return False

    def _in_use(self, symbol: str, time_ns: int) -> bool:
        """True if the account was known to use this symbol at this time."""
        past = [verdict for verdict in self.closed if verdict.at_ns <= time_ns] or self.closed[:1]
        return not past or past[-1].symbols is None or symbol in past[-1].symbols

    def unpromised(self, end: TrueChange, born_ns: int) -> bool:
        """True for an order of which the first verdict did not promise the end: old, and over before it could look."""
        first = self.first
        if first is None or first.orders_since_ns is None:
            return False
        return born_ns - TRUNCATED < first.orders_since_ns and end.time_ns <= first.until_ns


# ------------------------------------------------------------------------------------------------ G1, G4: gaps


def verdicts_false(fills: Sequence[TrueFill], orders: Sequence[TrueChange], told: Sequence[Told]) -> list[str]:
    """What a verdict vouches for had been told when it was told."""
    ends = [change for change in orders if change.status in FINAL]
    born: dict[OrderId, int] = {}
    for change in orders:
        born.setdefault(change.key, change.time_ns)
    fill_times = [fill.time_ns for fill in fills]
    end_times = [end.time_ns for end in ends]
    known: set[FillId] = set()
    seen: set[OrderId] = set()
    final: set[OrderId] = set()
    wrong = []
    for event in told:
        match event:
            case ToldFill():
                known.add(event.key)
            case ToldOrder():
                seen.add(event.key)
                if event.status in FINAL:
                    final.add(event.key)
            case Closed():
                for fill in fills[bisect_left(fill_times, event.since_ns) :]:
                    if fill.time_ns > event.until_ns:
                        break
                    if fill.key not in known and _covered(event, fill.key[0], fill.key[2], fill.time_ns):
                        wrong.append(f"{_named(event)} without fill {fill.key} of {fill.time_ns}")
                for end in ends[bisect_left(end_times, event.since_ns) :]:
                    if end.time_ns > event.until_ns:
                        break
                    old = event.orders_since_ns is not None and born[end.key] - TRUNCATED < event.orders_since_ns
                    if end.key in final or (old and end.key not in seen):
                        continue
                    if _covered(event, end.key[0], end.key[1], end.time_ns):
                        wrong.append(f"{_named(event)} without {end}")
            case _:
                pass
    return wrong


def _covered(verdict: Closed, symbol: str, order_id: str, time_ns: int) -> bool:
    """True if the verdict vouches for this fact; what it names as unresolved it does not vouch for."""
    if not verdict.since_ns <= time_ns - TRUNCATED or not time_ns <= verdict.until_ns:
        return False
    if verdict.symbols is not None and symbol not in verdict.symbols:
        return False
    return not named(verdict, symbol, order_id, time_ns)


def gaps_untold(
    fills: Sequence[TrueFill], orders: Sequence[TrueChange], told: Sequence[Told], *, lag_ns: int
) -> list[str]:
    """What the stream did not tell live was told within a gap that had been told and that reaches back to it.

    A look-back asks a lag allowance further back than the gap; what it finds there may have been told live later.
    """
    times = {fill.key: fill.time_ns for fill in fills}
    ended = {change.key: change.time_ns for change in orders if change.status in FINAL}
    wrong: list[str] = []
    gap: Opened | None = None
    final: set[OrderId] = set()
    for event in told:
        match event:
            case Opened():
                gap = event
            case Closed():
                gap = None
            case ToldFill(recovered=True):
                wrong += _outside(gap, event.at_ns, times.get(event.key), f"fill {event.key}", lag_ns)
            case ToldOrder() if event.status in FINAL and event.key not in final:
                final.add(event.key)
                if event.recovered:
                    wrong += _outside(gap, event.at_ns, ended.get(event.key), f"end of {event.key}", lag_ns)
            case _:
                pass
    return wrong


def _outside(gap: Opened | None, at_ns: int, time_ns: int | None, what: str, lag_ns: int) -> Iterator[str]:
    if gap is None:
        yield f"recovered outside of any gap at {at_ns}: {what}"
    elif time_ns is not None and time_ns < gap.since_ns - lag_ns:
        yield f"recovered from before its gap ({gap.since_ns}): {what} of {time_ns}"


def told_late(
    fills: Sequence[TrueFill],
    told: Sequence[Told],
    *,
    bound_ns: int,
    orders: Sequence[TrueChange] = (),
    since_ns: int = 0,
    until_ns: int | None = None,
    troubles: Sequence[Span] = (),
) -> list[str]:
    """Within the bound after a fill or the end of an order it was told, or a gap that reaches back to it was.

    A fact that happened while a gap was open and that its verdict does not reach counts from that verdict on.  What
    happened before `since_ns`, or is not due at `until_ns`, is left; so is what falls into `troubles`, spans in which
    nobody could look.
    """
    fill_at: dict[FillId, int] = {}
    end_at: dict[OrderId, int] = {}
    for event in told:
        if isinstance(event, ToldFill):
            fill_at.setdefault(event.key, event.at_ns)
        elif isinstance(event, ToldOrder) and event.status in FINAL:
            end_at.setdefault(event.key, event.at_ns)
    facts = [(fill.time_ns, fill_at.get(fill.key), f"fill {fill.key}", fill.key[0]) for fill in fills]
    ended = {change.key: change for change in reversed(orders) if change.status in FINAL}
    facts += [(end.time_ns, end_at.get(end.key), f"end of {end.key}", end.key[0]) for end in ended.values()]
    gaps = list(_gaps(told))
    wrong = []
    for time_ns, at_ns, what, symbol in facts:
        if time_ns < since_ns or (at_ns is not None and at_ns <= time_ns + bound_ns):
            continue
        limit_ns = _limit_ns(gaps, time_ns, bound_ns, symbol)
        if limit_ns is None or (at_ns is not None and at_ns <= limit_ns) or (until_ns or limit_ns) < limit_ns:
            continue
        if not any(span.since_ns < limit_ns and span.until_ns > time_ns for span in troubles):
            wrong.append(f"a gap of more than {bound_ns // 10**9} s untold: {what} of {time_ns}")
    return wrong


def _limit_ns(gaps: Sequence[tuple[Opened, Closed | None]], time_ns: int, bound_ns: int, symbol: str) -> int | None:
    """By when this fact must be told, None if a gap that was told in time answers for it."""
    limit_ns = time_ns + bound_ns
    for gap, verdict in gaps:
        if gap.at_ns > limit_ns:
            break
        if gap.since_ns - TRUNCATED <= time_ns:
            if verdict is None or verdict.until_ns >= time_ns or verdict.at_ns > limit_ns:
                return None
            if verdict.symbols is not None and symbol not in verdict.symbols:
                return None  # nobody knows that this symbol is in use
            if verdict.at_ns >= time_ns:
                limit_ns = max(limit_ns, verdict.at_ns + bound_ns)
    return limit_ns


def _gaps(told: Iterable[Told]) -> Iterator[tuple[Opened, Closed | None]]:
    """Each gap as it was told (anew if it reaches further back), with its verdict if it has one."""
    opened: list[Opened] = []
    for event in told:
        if isinstance(event, Opened):
            opened.append(event)
        elif isinstance(event, Closed):
            yield from ((gap, event) for gap in opened)
            opened.clear()
    yield from ((gap, None) for gap in opened)


def silences(outages: Iterable[Span], told: Sequence[Told], *, bound_ns: int) -> list[str]:
    """While something cannot be asked about, never longer than the bound passes without a word of it.

    A word is a gap that is open, or a verdict that names something.
    """
    words: list[tuple[int, int]] = []
    since_ns: int | None = None
    last_ns = max((event.at_ns for event in told), default=0)
    for event in told:
        if isinstance(event, Opened) and since_ns is None:
            since_ns = event.at_ns
        elif isinstance(event, Closed):
            begun_ns = event.at_ns if since_ns is None else since_ns
            words.append((begun_ns, event.at_ns))
            since_ns = None
    if since_ns is not None:
        words.append((since_ns, max(last_ns, *(span.until_ns for span in outages), since_ns)))
    wrong = []
    for outage in outages:
        heard_ns = outage.since_ns
        for begun_ns, ended_ns in (*words, (outage.until_ns, outage.until_ns)):
            if begun_ns > outage.until_ns:
                break
            if begun_ns - heard_ns > bound_ns:
                wrong.append(f"nothing said for {(begun_ns - heard_ns) // 10**9} s of an outage: {outage}")
                break
            heard_ns = max(heard_ns, ended_ns)
    return wrong


def gaps_in_order(told: Iterable[Told], *, start_ns: int | None = None, error_ns: int = 0) -> list[str]:
    """A gap is closed once, after it was opened, and its verdict reaches from its beginning forward.

    The gap of the start may be opened before the venue's clock is known: then its beginning may be corrected to a later
    instant (by the venue's clock the account did not exist before), never to an earlier one without a word.  It begins
    at `start_ns` at the latest, give or take what the clock may be off by.  A gap is told again only when it turns out
    to reach further back.
    """
    wrong = []
    gap: Opened | None = None
    first = start_ns is not None
    for event in told:
        if isinstance(event, Opened):
            if gap is not None and event.since_ns >= gap.since_ns:
                wrong.append(f"opened within a gap: {event}")
            gap = event
        elif isinstance(event, Closed):
            if gap is None:
                wrong.append(f"closed without a gap: {event}")
            elif not _same_beginning(gap, event) or event.until_ns < event.since_ns:
                wrong.append(f"closed otherwise than opened: {gap}, {event}")
            if start_ns is not None and first and event.since_ns > start_ns + error_ns:
                wrong.append(f"the first verdict begins {event.since_ns - start_ns} ns after the start: {event}")
            if event.until_ns > event.at_ns:
                wrong.append(f"a verdict about the future: {event}")
            if event.complete != (not event.unresolved):
                wrong.append(f"complete does not agree with what is unresolved: {event}")
            gap, first = None, False
    return wrong


def _same_beginning(gap: Opened, verdict: Closed) -> bool:
    return verdict.since_ns == gap.since_ns or (gap.reason == "start" and verdict.since_ns > gap.since_ns)


def gaps_needless(told: Iterable[Told]) -> list[str]:
    """In a healthy run there is the gap of the start, and no other."""
    return [
        f"a gap without a cause: {event}" for event in told if isinstance(event, Opened) and event.reason != "start"
    ]


def scopes_shrunk(told: Iterable[Told]) -> list[str]:
    """What one verdict was about, all later ones are about as well: a symbol does not drop out unless that is said."""
    wrong = []
    before: frozenset[str] = frozenset()
    for event in told:
        if isinstance(event, Closed) and event.symbols is not None:
            before -= {name for what, name in event.unresolved if what == "symbol"}
            if gone := before - event.symbols:
                wrong.append(f"scope lost {sorted(gone)}: {_named(event)}")
            before |= event.symbols
    return wrong


Excused = Callable[[Opened | None, Closed, str, str], bool]


def verdicts_incomplete(told: Iterable[Told], excused: Excused = lambda gap, verdict, what, name: False) -> list[str]:
    """Every verdict is complete, but for what could not be recovered: `excused` knows (of the gap, verdict, name)."""
    wrong = []
    gap: Opened | None = None
    for event in told:
        if isinstance(event, Opened):
            gap = event if gap is None else gap
        elif isinstance(event, Closed):
            if not all(excused(gap, event, what, name) for what, name in event.unresolved):
                wrong.append(_named(event))
            gap = None
    return wrong


def _named(verdict: Closed) -> str:
    what = "complete" if verdict.complete else f"incomplete {list(verdict.unresolved)}"
    return f"verdict {verdict.since_ns}..{verdict.until_ns} ({what}) at {verdict.at_ns}"


# ------------------------------------------------------------------------------------------------ G5: bounds


def too_much(sizes: Mapping[str, tuple[int, int]]) -> list[str]:
    """Nothing has grown beyond its bound: sizes are (how many, at most)."""
    return [f"{name} has grown to {size}, more than {bound}" for name, (size, bound) in sizes.items() if size > bound]

"""The promises as pure functions: what really happened, what was told, and what of it is false.

Everything is a plain tuple, so that nothing here depends on either package; the checkers can judge any client.  Times
are UTC nanoseconds of the venue's clock.  Each checker answers with the violations in words, none if all is well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    """A verdict was told; `symbols` None means all; `unresolved` are (what, name)."""

    at_ns: int
    since_ns: int
    until_ns: int
    symbols: frozenset[str] | None
    complete: bool
    unresolved: tuple[tuple[str, str], ...] = ()


Told = ToldFill | ToldOrder | Opened | Closed


# ------------------------------------------------------------------------------------------------ G1, G2: fills


def fills_lost(truth: Iterable[TrueFill], told: Iterable[Told], *, since_ns: int = 0) -> list[str]:
    """Every fill that happened since then was told."""
    known = {event.key for event in told if isinstance(event, ToldFill)}
    lost = [fill for fill in truth if fill.key not in known and fill.time_ns - TRUNCATED >= since_ns]
    return [f"fill lost: {fill.key} of {fill.time_ns}" for fill in lost]


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


def orders_wrong_at_end(truth: Iterable[TrueChange], told: Iterable[Told], *, since_ns: int = 0) -> list[str]:
    """The last that was told of each order is how it really stands; what ended before then need not be told."""
    real = {change.key: change for change in truth}
    real = {key: c for key, c in real.items() if c.status not in FINAL or c.time_ns - TRUNCATED >= since_ns}
    last = {event.key: event for event in told if isinstance(event, ToldOrder)}
    wrong = []
    for key, change in real.items():
        event = last.get(key)
        if event is None:
            wrong.append(f"order lost: {change}")
        elif event.filled != change.filled or not _agree(event.status, change.status):
            wrong.append(f"order ends as {(event.status, event.filled)}, really {change}")
    return wrong


def _agree(told: str, true: str) -> bool:
    return told == true or (true == "finished" and told in ("filled", "canceled"))


# ------------------------------------------------------------------------------------------------ G1, G4: gaps


def verdicts_false(fills: Sequence[TrueFill], orders: Sequence[TrueChange], told: Sequence[Told]) -> list[str]:
    """What a verdict vouches for had been told when it was told."""
    ends = [change for change in orders if change.status in FINAL]
    known: set[FillId] = set()
    final: dict[OrderId, Decimal] = {}
    wrong = []
    for event in told:
        match event:
            case ToldFill():
                known.add(event.key)
            case ToldOrder():
                if event.status in FINAL:
                    final[event.key] = event.filled
            case Closed():
                for fill in fills:
                    if _covered(event, fill.key[0], fill.key[2], fill.time_ns) and fill.key not in known:
                        wrong.append(f"{_named(event)} without fill {fill.key} of {fill.time_ns}")
                for end in ends:
                    if _covered(event, end.key[0], end.key[1], end.time_ns) and end.key not in final:
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
    names = {name for _, name in verdict.unresolved}
    return not names & {symbol, f"{symbol}:{order_id}"} and not any(what == "span" for what, _ in verdict.unresolved)


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


def told_late(fills: Sequence[TrueFill], told: Sequence[Told], *, bound_ns: int) -> list[str]:
    """Within the bound after a fill it was told, or a gap that reaches back to it was."""
    at = {event.key: event.at_ns for event in told if isinstance(event, ToldFill)}
    gaps = [event for event in told if isinstance(event, Opened)]
    wrong = []
    for fill in fills:
        limit_ns = fill.time_ns + bound_ns
        if at.get(fill.key, limit_ns + 1) <= limit_ns:
            continue
        if not any(gap.at_ns <= limit_ns and gap.since_ns <= fill.time_ns for gap in _open_at(gaps, told, fill)):
            wrong.append(f"a gap of more than {bound_ns // 10**9} s untold: fill {fill.key} of {fill.time_ns}")
    return wrong


def _open_at(gaps: Sequence[Opened], told: Sequence[Told], fill: TrueFill) -> Iterator[Opened]:
    """The gaps that were not closed when the fill happened, or opened later."""
    closes = [event.at_ns for event in told if isinstance(event, Closed)]
    for gap in gaps:
        end_ns = next((at_ns for at_ns in closes if at_ns >= gap.at_ns), None)
        if end_ns is None or end_ns >= fill.time_ns:
            yield gap


def gaps_in_order(told: Iterable[Told]) -> list[str]:
    """A gap is closed once, after it was opened, and its verdict reaches from its beginning forward.

    The gap of the start is opened before the venue's clock is known, so its beginning may be corrected.  A gap is told
    again only when it turns out to reach further back.
    """
    wrong = []
    gap: Opened | None = None
    for event in told:
        if isinstance(event, Opened):
            if gap is not None and event.since_ns >= gap.since_ns:
                wrong.append(f"opened within a gap: {event}")
            gap = event
        elif isinstance(event, Closed):
            if gap is None:
                wrong.append(f"closed without a gap: {event}")
            elif (gap.reason != "start" and event.since_ns != gap.since_ns) or event.until_ns < event.since_ns:
                wrong.append(f"closed otherwise than opened: {gap}, {event}")
            if event.until_ns > event.at_ns:
                wrong.append(f"a verdict about the future: {event}")
            if event.complete != (not event.unresolved):
                wrong.append(f"complete does not agree with what is unresolved: {event}")
            gap = None
    return wrong


def gaps_needless(told: Iterable[Told]) -> list[str]:
    """In a healthy run there is the gap of the start, and no other."""
    return [
        f"a gap without a cause: {event}" for event in told if isinstance(event, Opened) and event.reason != "start"
    ]


def scopes_shrunk(told: Iterable[Told]) -> list[str]:
    """What one verdict was about, all later ones are about as well: a symbol does not drop out unsaid."""
    wrong = []
    before: frozenset[str] = frozenset()
    for event in told:
        if isinstance(event, Closed) and event.symbols is not None:
            if gone := before - event.symbols - {name for _, name in event.unresolved}:
                wrong.append(f"scope lost {sorted(gone)}: {_named(event)}")
            before |= event.symbols
    return wrong


def verdicts_incomplete(told: Iterable[Told]) -> list[str]:
    """Where everything can be recovered every verdict is complete."""
    return [_named(event) for event in told if isinstance(event, Closed) and not event.complete]


def _named(verdict: Closed) -> str:
    what = "complete" if verdict.complete else f"incomplete {list(verdict.unresolved)}"
    return f"verdict {verdict.since_ns}..{verdict.until_ns} ({what}) at {verdict.at_ns}"


# ------------------------------------------------------------------------------------------------ G5: bounds


def too_much(sizes: Mapping[str, tuple[int, int]]) -> list[str]:
    """Nothing has grown beyond its bound: sizes are (how many, at most)."""
    return [f"{name} has grown to {size}, more than {bound}" for name, (size, bound) in sizes.items() if size > bound]

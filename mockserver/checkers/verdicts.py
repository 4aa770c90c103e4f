"""Verdicts: what one vouches for was told before it, and what it was about stays in view."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence

from mockserver.checkers.excuses import Account, named
from mockserver.checkers.facts import (
    FINAL,
    TRUNCATED,
    Closed,
    FillId,
    Opened,
    OrderId,
    Told,
    ToldFill,
    ToldOrder,
    TrueChange,
    TrueFill,
    moment,
)


def verdicts_false(
    fills: Sequence[TrueFill], orders: Sequence[TrueChange], told: Sequence[Told], *, error_ns: int = 0
) -> list[str]:
    """What a verdict vouches for had been told when it was told; the account's clock is wrong by `error_ns` at most."""
    account = Account(told)
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
                        wrong.append(f"{_named(event)} without fill {fill.key} of {moment(fill.time_ns)}")
                for end in ends[bisect_left(end_times, event.since_ns) :]:
                    if end.time_ns > event.until_ns:
                        break
                    old = event.orders_since_ns is not None and born[end.key] - TRUNCATED < event.orders_since_ns
                    if end.key in final or (old and end.key not in seen):
                        continue
                    if end.key not in seen and account.unpromised(end, born[end.key], error_ns):
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
    return f"verdict {moment(verdict.since_ns)}..{moment(verdict.until_ns)} ({what}) at {moment(verdict.at_ns)}"

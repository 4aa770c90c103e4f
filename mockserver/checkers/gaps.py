"""Gaps: told when something was missed, opened and closed in order, and not without a cause."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from mockserver.checkers.facts import (
    FINAL,
    Closed,
    Opened,
    OrderId,
    Restarted,
    Told,
    ToldFill,
    ToldOrder,
    TrueChange,
    TrueFill,
    moment,
)


def gaps_untold(
    fills: Sequence[TrueFill], orders: Sequence[TrueChange], told: Sequence[Told], *, lag_ns: int
) -> list[str]:
    """What the stream did not tell live was told within a gap that had been told and that reaches back to it.

    A look-back asks a lag allowance further back than the gap; what it finds there may have been told live later.  And
    on a symbol that no verdict was about, or that nobody knew when the gap began, it may find what is older still.
    """
    times = {fill.key: fill.time_ns for fill in fills}
    times |= {change.key: change.time_ns for change in orders if change.status in FINAL}
    wrong: list[str] = []
    gap: Opened | None = None
    final: set[OrderId] = set()
    closed: list[Closed] = []
    known: set[str] = set()
    came_to_light: set[str] = set()  # since this gap began
    for event in told:
        match event:
            case Opened():
                if gap is None:
                    came_to_light.clear()
                gap = event
            case Closed(symbols=symbols):
                gap = None
                closed.append(event)
                known |= symbols or set()
            case ToldFill(key=key) | ToldOrder(key=key):
                if key[0] not in known:
                    known.add(key[0])
                    came_to_light.add(key[0])
                if isinstance(event, ToldOrder):
                    if event.status not in FINAL or key in final:
                        continue
                    final.add(key)
                if event.recovered:
                    wrong += _outside(gap, closed, event, times.get(key), new=key[0] in came_to_light, lag_ns=lag_ns)
            case _:
                pass
    return wrong


def _outside(
    gap: Opened | None,
    closed: Sequence[Closed],
    told: ToldFill | ToldOrder,
    time_ns: int | None,
    *,
    new: bool,
    lag_ns: int,
) -> Iterator[str]:
    what = f"fill {told.key}" if isinstance(told, ToldFill) else f"end of {told.key}"
    if gap is None:
        yield f"recovered outside of any gap at {moment(told.at_ns)}: {what}"
    elif (
        time_ns is not None and time_ns < gap.since_ns - lag_ns and _was_covered(closed, told.key[0], time_ns, new=new)
    ):
        yield f"recovered from before its gap ({moment(gap.since_ns)}): {what} of {moment(time_ns)}"


def _was_covered(closed: Sequence[Closed], symbol: str, time_ns: int, *, new: bool) -> bool:
    """Whether somebody could have vouched for this symbol at this time: a verdict, or else who knew of it."""
    about = [v.symbols for v in closed if v.since_ns <= time_ns <= v.until_ns]
    if about:
        return any(symbols is None or symbol in symbols for symbols in about)
    return not new or any(v.symbols is None for v in closed) or not closed


def gaps_in_order(told: Iterable[Told], *, start_ns: int | None = None, error_ns: int = 0) -> list[str]:
    """A gap is closed once, after it was opened, and its verdict reaches from its beginning forward.

    The gap of the start may be opened before the venue's clock is known: then its beginning may be corrected to a later
    instant (by the venue's clock the account did not exist before), never to an earlier one without a word.  It begins
    at `start_ns` at the latest, give or take what the clock may be off by.  A gap is told again only when it turns out
    to reach further back; and by a process that goes on where another one ended: then it reaches back to that end, or
    to the gap that was open.  A verdict reaches to the present at the latest, by a clock that may be off by `error_ns`.
    """
    wrong = []
    gap: Opened | None = None
    owed_ns: int | None = None
    first = start_ns is not None
    for event in told:
        if isinstance(event, Restarted):
            owed_ns = min(event.died_ns if gap is None else gap.since_ns, owed_ns or event.died_ns)
            gap = None
        elif isinstance(event, Opened):
            if gap is not None and event.since_ns >= gap.since_ns:
                wrong.append(f"opened within a gap: {event}")
            if gap is None and owed_ns is not None and event.since_ns > owed_ns + error_ns and not first:
                wrong.append(f"a gap forgotten, {event.since_ns - owed_ns} ns of it since {moment(owed_ns)}: {event}")
            gap = event
        elif isinstance(event, Closed):
            if gap is None:
                wrong.append(f"closed without a gap: {event}")
            elif not _same_beginning(gap, event) or event.until_ns < event.since_ns:
                wrong.append(f"closed otherwise than opened: {gap}, {event}")
            if start_ns is not None and first and event.since_ns > start_ns + error_ns:
                wrong.append(f"the first verdict begins {event.since_ns - start_ns} ns after the start: {event}")
            if event.until_ns > event.at_ns + error_ns:
                wrong.append(f"a verdict about the future: {event}")
            if event.complete != (not event.unresolved):
                wrong.append(f"complete does not agree with what is unresolved: {event}")
            gap, owed_ns, first = None, None, False
    return wrong


def _same_beginning(gap: Opened, verdict: Closed) -> bool:
    return verdict.since_ns == gap.since_ns or (gap.reason == "start" and verdict.since_ns > gap.since_ns)


def gaps_needless(told: Iterable[Told]) -> list[str]:
    """In a healthy run there is the gap of the start, and no other."""
    return [
        f"a gap without a cause: {event}" for event in told if isinstance(event, Opened) and event.reason != "start"
    ]

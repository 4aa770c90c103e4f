"""Delays: nothing is missing for longer than a bound without a word of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from mockserver.checkers.facts import (
    FINAL,
    TRUNCATED,
    Closed,
    FillId,
    Opened,
    OrderId,
    Span,
    Told,
    ToldFill,
    ToldOrder,
    TrueChange,
    TrueFill,
    moment,
)


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
            wrong.append(f"a gap of more than {bound_ns // 10**9} s untold: {what} of {moment(time_ns)}")
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

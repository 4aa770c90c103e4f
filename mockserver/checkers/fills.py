"""Fills: every one told, once, as it was, in order, and adding up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from mockserver.checkers.excuses import Account
from mockserver.checkers.facts import (
    FINAL,
    TRUNCATED,
    FillId,
    OrderId,
    Told,
    ToldFill,
    ToldOrder,
    TrueChange,
    TrueFill,
    moment,
)


def fills_lost(truth: Iterable[TrueFill], told: Sequence[Told], *, since_ns: int = 0) -> list[str]:
    """Every fill that happened since then was told, named by a verdict, or lies in a gap that is still open."""
    known = {event.key for event in told if isinstance(event, ToldFill)}
    account = Account(told)
    return [
        f"fill lost: {fill.key} of {moment(fill.time_ns)}"
        for fill in truth
        if fill.key not in known
        and fill.time_ns - TRUNCATED >= since_ns
        and not account.accounts_for(fill.key[0], fill.key[2], fill.time_ns, traced=True)
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
        f"a fill from before the beginning ({moment(since_ns)}): {event}"
        for event in told
        if isinstance(event, ToldFill) and event.recovered and event.time_ns < since_ns - TRUNCATED
    ]


def fills_out_of_order(truth: Iterable[TrueFill], told: Iterable[Told]) -> list[str]:
    """The fills of one order were told in the order in which they happened; a recovered one may come late."""
    places = {fill.key: place for place, fill in enumerate(truth)}
    last: dict[OrderId, ToldFill] = {}
    wrong = []
    for event in told:
        if not isinstance(event, ToldFill) or event.recovered or event.key not in places:
            continue
        before = last.get(_order(event.key))
        if before is not None and places[event.key] < places[before.key]:
            wrong.append(f"fill {event.key} told after fill {before.key}, which happened later")
        last[_order(event.key)] = event
    return wrong


def sums_differ(
    fills: Iterable[TrueFill], orders: Iterable[TrueChange], told: Sequence[Told], *, since_ns: int = 0
) -> list[str]:
    """The fills told of an order that has ended add up to its filled quantity, where they really do.

    That quantity is the bot's own, the last that it told of the order, or if it tells of no orders the true one.  An
    order is left out if one of its fills happened before `since_ns` or is excused by a verdict or an open gap.
    """
    happened: dict[OrderId, list[TrueFill]] = {}
    for fill in fills:
        happened.setdefault(_order(fill.key), []).append(fill)
    sums: dict[OrderId, Decimal] = {}
    last: dict[OrderId, ToldOrder] = {}
    for event in told:
        if isinstance(event, ToldFill):
            sums[_order(event.key)] = sums.get(_order(event.key), Decimal(0)) + event.quantity
        elif isinstance(event, ToldOrder):
            last[event.key] = event
    account = Account(told)

    def excused(fill: TrueFill) -> bool:
        since = fill.time_ns - TRUNCATED < since_ns
        return since or account.accounts_for(fill.key[0], fill.key[2], fill.time_ns, traced=True)

    wrong = []
    for key, end in {change.key: change for change in orders if change.key[2] == "order"}.items():
        each = happened.get(key, [])
        said = last.get(key)
        if end.status not in FINAL or sum(fill.quantity for fill in each) != end.filled or any(map(excused, each)):
            continue
        filled = end.filled if said is None else said.filled
        if sums.get(key, Decimal(0)) != filled:
            wrong.append(f"fills of {key} add up to {sums.get(key, Decimal(0))}, not {filled}")
    return wrong


def _order(fill: FillId) -> OrderId:
    return fill[0], fill[2], "order"

"""Orders: never backward, never further than they really were, and right in the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mockserver.checkers.excuses import Account
from mockserver.checkers.facts import FINAL, TRUNCATED, OrderId, Told, ToldOrder, TrueChange, moment


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
    truth: Sequence[TrueChange], told: Sequence[Told], *, since_ns: int = 0, error_ns: int = 0
) -> list[str]:
    """The last that was told of each order is how it really stands; the account's clock is wrong by `error_ns` at most.

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
        # One that rests is a fact of every instant since: a verdict may name the listing that would have shown it.
        time_ns = change.time_ns if change.status in FINAL else max(change.time_ns, since_ns)
        if account.accounts_for(key[0], key[1], time_ns, traced=change.filled > 0):
            continue
        if event is not None:
            wrong.append(f"order ends as {event.status} with {event.filled} filled, really {_shown(change)}")
        elif change.status not in FINAL or not account.unpromised(change, born[key], error_ns):
            wrong.append(f"order lost: {_shown(change)}")
    return wrong


def _shown(change: TrueChange) -> str:
    return f"{change.key} is {change.status} with {change.filled} filled since {moment(change.time_ns)}"


def _agree(told: str, true: str) -> bool:
    return told == true or (true == "finished" and told in ("filled", "canceled"))

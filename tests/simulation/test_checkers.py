"""Every checker can fail: each is fed one history that is true and one that is false."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest

from . import checkers
from .checkers import Closed, Opened, Told, ToldFill, ToldOrder, TrueChange, TrueFill

S = 1_000_000_000
Check = Callable[[Sequence[Told]], list[str]]
KEY, ORDER = ("BTCUSDT", "1", "7"), ("BTCUSDT", "7", "order")
ONE, TWO = Decimal(1), Decimal(2)
FILL = TrueFill(KEY, 50 * S, Decimal(100), ONE, Decimal("0.1"))
NEW, DONE = TrueChange(ORDER, 40 * S, "new", Decimal(0)), TrueChange(ORDER, 50 * S, "filled", ONE)
START: list[Told] = [Opened(0, 0, "start"), Closed(20 * S, 0, 10 * S, frozenset({"BTCUSDT"}), True)]


def fill(at: int = 51, *, time: int = 50, quantity: Decimal = ONE, recovered: bool = False, trade: str = "1") -> Told:
    """FILL as it was told, with changes."""
    return ToldFill(at * S, ("BTCUSDT", trade, "7"), time * S, Decimal(100), quantity, None, recovered)


def order(at: int = 51, status: str = "filled", filled: Decimal = ONE, *, recovered: bool = False) -> Told:
    """The order as it was told, with changes."""
    return ToldOrder(at * S, ORDER, status, filled, recovered)


def lost(at: int = 60, since: int = 10) -> Told:
    """An interruption."""
    return Opened(at * S, since * S, "lost")


def closed(at: int = 80, since: int = 10, until: int = 70, **changed: object) -> Told:
    """Its verdict."""
    return Closed(at * S, since * S, until * S, frozenset({"BTCUSDT"}), True)._replace(**changed)  # type: ignore[arg-type]


def untold(told: Sequence[Told]) -> list[str]:
    """`gaps_untold` with a lag allowance of 5 s."""
    return checkers.gaps_untold([FILL], [NEW, DONE], told, lag_ns=5 * S)


def late(told: Sequence[Told]) -> list[str]:
    """`told_late` with a bound of 30 s."""
    return checkers.told_late([FILL], told, bound_ns=30 * S)


CASES: list[tuple[str, Check, list[Told], list[Told]]] = [
    ("a fill lost", lambda told: checkers.fills_lost([FILL], told), [fill()], [order()]),
    ("a fill twice", checkers.fills_twice, [fill(), fill(trade="2")], [fill(), fill(70, recovered=True)]),
    ("a fill invented", lambda told: checkers.fills_invented([FILL], told), [fill()], [fill(trade="2")]),
    ("a wrong quantity", lambda told: checkers.fills_invented([FILL], told), [fill()], [fill(quantity=TWO)]),
    ("a wrong time", lambda told: checkers.fills_invented([FILL], told), [fill()], [fill(time=49)]),
    (
        "filled falls",
        checkers.orders_backward,
        [order(), order(52, "filled", TWO)],
        [order(), order(52, "filled", Decimal(0))],
    ),
    (
        "final, then not",
        checkers.orders_backward,
        [order(51, "new"), order()],
        [order(), order(52, "partially_filled")],
    ),
    (
        "filled too early",
        lambda told: checkers.orders_invented([NEW, DONE], told),
        [order(50)],
        [order(45, "new", ONE)],
    ),
    (
        "final too early",
        lambda told: checkers.orders_invented([NEW, DONE], told),
        [order(50)],
        [order(45, "canceled", Decimal(0))],
    ),
    (
        "an order invented",
        lambda told: checkers.orders_invented([NEW, DONE], told),
        [order(50)],
        [order(39, "new", Decimal(0))],
    ),
    ("an order lost", lambda told: checkers.orders_wrong_at_end([NEW, DONE], told), [order()], []),
    (
        "a wrong end",
        lambda told: checkers.orders_wrong_at_end([NEW, DONE], told),
        [order()],
        [order(51, "new", Decimal(0))],
    ),
    (
        "a false verdict about a fill",
        lambda told: checkers.verdicts_false([FILL], [], told),
        [lost(), fill(65, recovered=True), closed()],
        [lost(), closed(), fill(85, recovered=True)],
    ),
    (
        "a false verdict about an end",
        lambda told: checkers.verdicts_false([], [NEW, DONE], told),
        [lost(), closed(unresolved=(("order", "BTCUSDT:7"),), complete=False)],
        [lost(), order(61, "new", Decimal(0)), closed()],
    ),
    (
        "recovered outside of a gap",
        untold,
        [lost(), fill(65, recovered=True), closed()],
        [*START, fill(65, recovered=True)],
    ),
    (
        "a gap that begins too late",
        untold,
        [lost(), order(65, recovered=True)],
        [lost(60, 56), order(65, recovered=True)],
    ),
    ("a gap told too late", late, [*START, lost(79)], [*START, lost(81)]),
    ("a gap that does not reach back", late, [*START, lost(79)], [*START, lost(79, 55)]),
    ("a gap in a gap", checkers.gaps_in_order, [lost(), closed()], [lost(), lost(61)]),
    ("a verdict of no gap", checkers.gaps_in_order, [lost(), closed()], [closed()]),
    ("a verdict about another span", checkers.gaps_in_order, [lost(), closed()], [lost(), closed(since=11)]),
    ("a verdict about the future", checkers.gaps_in_order, [lost(), closed()], [lost(), closed(until=81)]),
    (
        "complete with a name",
        checkers.gaps_in_order,
        [lost(), closed()],
        [lost(), closed(unresolved=(("symbol", "X"),))],
    ),
    ("a needless gap", checkers.gaps_needless, START, [*START, lost()]),
    ("a scope that shrinks", checkers.scopes_shrunk, [*START, closed()], [*START, closed(symbols=frozenset())]),
    ("incomplete", checkers.verdicts_incomplete, START, [closed(complete=False, unresolved=(("symbol", "X"),))]),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_each_checker_can_fail(case: tuple[str, Check, list[Told], list[Told]]) -> None:
    """It is silent about the true history and speaks about the false one."""
    _, check, true, false = case
    assert check(true) == []
    assert check(false) != []


def test_too_much() -> None:
    """What has grown beyond its bound is named."""
    assert checkers.too_much({"asks": (3, 3)}) == []
    assert checkers.too_much({"asks": (4, 3)}) == ["asks has grown to 4, more than 3"]

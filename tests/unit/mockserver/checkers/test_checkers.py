"""Every checker can fail: each is fed one history that is true and one that is false."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest

from mockserver import checkers
from mockserver.checkers import Closed, Opened, Restarted, Span, Told, ToldFill, ToldOrder, TrueChange, TrueFill

S = 1_000_000_000
Check = Callable[[Sequence[Told]], list[str]]
KEY, ORDER = ("BTCUSDT", "1", "7"), ("BTCUSDT", "7", "order")
ONE, TWO = Decimal(1), Decimal(2)
FILL = TrueFill(KEY, 50 * S, Decimal(100), ONE, Decimal("0.1"))
NEW, DONE = TrueChange(ORDER, 40 * S, "new", Decimal(0)), TrueChange(ORDER, 50 * S, "filled", ONE)
START: list[Told] = [Opened(0, 0, "start"), Closed(20 * S, 0, 10 * S, frozenset({"BTCUSDT"}), True)]


def fill(
    at: int = 51,
    *,
    time: int = 50,
    price: int = 100,
    quantity: Decimal = ONE,
    fee: Decimal | None = None,
    recovered: bool = False,
    trade: str = "1",
) -> Told:
    """FILL as it was told, with changes."""
    return ToldFill(at * S, ("BTCUSDT", trade, "7"), time * S, Decimal(price), quantity, fee, recovered)


def order(at: int = 51, status: str = "filled", filled: Decimal = ONE, *, recovered: bool = False) -> Told:
    """The order as it was told, with changes."""
    return ToldOrder(at * S, ORDER, status, filled, recovered)


def lost(at: int = 60, since: int = 10) -> Told:
    """An interruption."""
    return Opened(at * S, since * S, "lost")


def closed(at: int = 80, since: int = 10, until: int = 70, **changed: object) -> Told:
    """Its verdict."""
    return Closed(at * S, since * S, until * S, frozenset({"BTCUSDT"}), True)._replace(**changed)  # type: ignore[arg-type]


UNASKED = closed(40, until=30, symbols=frozenset())


def untold(told: Sequence[Told]) -> list[str]:
    """`gaps_untold` with a lag allowance of 5 s."""
    return checkers.gaps_untold([FILL], [NEW, DONE], told, lag_ns=5 * S)


def late(told: Sequence[Told]) -> list[str]:
    """`told_late` with a bound of 30 s."""
    return checkers.told_late([FILL], told, bound_ns=30 * S)


def late_end(told: Sequence[Told]) -> list[str]:
    """The same of the order's end."""
    return checkers.told_late([], told, bound_ns=30 * S, orders=[NEW, DONE])


def missing(told: Sequence[Told]) -> list[str]:
    """What of FILL's history has been lost."""
    return [*checkers.fills_lost([FILL], told), *checkers.orders_wrong_at_end([NEW, DONE], told)]


def judged(told: Sequence[Told]) -> list[str]:
    """`verdicts_false` of FILL's history."""
    return checkers.verdicts_false([FILL], [NEW, DONE], told)


def began(told: Sequence[Told]) -> list[str]:
    """`gaps_in_order` of an account that started at 10 s, by a clock that may be a second off."""
    return checkers.gaps_in_order(told, start_ns=10 * S, error_ns=S)


def silent(told: Sequence[Told]) -> list[str]:
    """`silences` in an outage from 100 s to 400 s, with a bound of 100 s."""
    return checkers.silences([Span(100 * S, 400 * S, "fills")], told, bound_ns=100 * S)


def named(what: str, name: str, **changed: object) -> Told:
    """A verdict about FILL's time that names this."""
    return closed(complete=False, unresolved=((what, name),), **changed)  # type: ignore[arg-type]


def began_at(since: int) -> list[Told]:
    """A start gap that was told to begin at 11 s; its verdict begins then."""
    return [Opened(11 * S, 11 * S, "start"), closed(since=since)]


RESTART = Restarted(70 * S, 65 * S)
NEXT = TrueFill(("BTCUSDT", "2", "7"), 52 * S, Decimal(100), ONE, Decimal("0.1"))
FULL = TrueChange(ORDER, 52 * S, "filled", TWO)


def ordered(told: Sequence[Told]) -> list[str]:
    """`fills_out_of_order` of FILL, then NEXT."""
    return checkers.fills_out_of_order([FILL, NEXT], told)


def summed(told: Sequence[Told]) -> list[str]:
    """`sums_differ` of an order that FILL and NEXT fill."""
    return checkers.sums_differ([FILL, NEXT], [NEW, FULL], told)


CASES: list[tuple[str, Check, list[Told], list[Told]]] = [
    ("a fill lost", lambda told: checkers.fills_lost([FILL], told), [fill()], [order()]),
    ("a fill twice", checkers.fills_twice, [fill(), fill(trade="2")], [fill(), fill(70, recovered=True)]),
    ("a fill invented", lambda told: checkers.fills_invented([FILL], told), [fill()], [fill(trade="2")]),
    ("a wrong quantity", lambda told: checkers.fills_invented([FILL], told), [fill()], [fill(quantity=TWO)]),
    ("a wrong time", lambda told: checkers.fills_invented([FILL], told), [fill()], [fill(time=49)]),
    ("a wrong price", lambda told: checkers.fills_invented([FILL], told), [fill()], [fill(price=99)]),
    ("a wrong fee", lambda told: checkers.fills_invented([FILL], told), [fill(fee=FILL.fee)], [fill(fee=ONE)]),
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
        "a wrong kind of end",
        lambda told: checkers.orders_wrong_at_end([NEW, DONE], told),
        [order()],
        [order(51, "canceled")],
    ),
    (
        "a wrong quantity at the end",
        lambda told: checkers.orders_wrong_at_end([NEW, DONE], told),
        [order()],
        [order(filled=TWO)],
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
        "an end recovered outside of a gap",
        untold,
        [lost(), order(65, recovered=True), closed()],
        [*START, order(65, recovered=True)],
    ),
    (
        "a gap that begins too late",
        untold,
        [lost(), order(65, recovered=True)],
        [lost(60, 56), order(65, recovered=True)],
    ),
    (
        "recovered from before a gap, on a symbol of an earlier verdict",
        untold,
        [closed(60, symbols=frozenset({"ETHUSDT"})), lost(61, 56), fill(65, recovered=True)],
        [closed(60), lost(61, 56), fill(65, recovered=True)],
    ),
    (
        "recovered from before a gap, on a symbol that had been told of",
        untold,
        [closed(40, until=30, symbols=frozenset()), lost(61, 56), fill(65, recovered=True)],
        [
            closed(40, until=30, symbols=frozenset()),
            order(45, "new", Decimal(0)),
            lost(61, 56),
            fill(65, recovered=True),
        ],
    ),
    ("a gap told too late", late, [*START, lost(79)], [*START, lost(81)]),
    ("a gap that does not reach back", late, [*START, lost(79)], [*START, lost(79, 55)]),
    ("an end told too late", late_end, [*START, lost(79)], [*START, order(81)]),
    (
        "a gap that its verdict ends before the fact",
        late,
        [lost(45), closed(60, until=55)],
        [lost(45), closed(60, until=48), order(61)],
    ),
    (
        "a fact after a verdict",
        late,
        [lost(45), closed(60, until=48), fill(89)],
        [lost(45), closed(60, until=48), fill(91)],
    ),
    ("a fill lost, another named", missing, [named("order", "BTCUSDT:7")], [named("order", "BTCUSDT:8")]),
    ("a fill lost, another symbol named", missing, [named("symbol", "BTCUSDT")], [named("symbol", "ETHUSDT")]),
    (
        "a fill lost, another span named",
        missing,
        [named("span", f"{40 * S}..{60 * S} BTCUSDT")],
        [named("span", f"{60 * S}..{70 * S} BTCUSDT")],
    ),
    (
        "a fill lost, a span of another symbol named",
        missing,
        [named("span", f"{40 * S}..{60 * S}")],
        [named("span", f"{40 * S}..{60 * S} ETHUSDT")],
    ),
    (
        "a fill lost on a known symbol, an asset named",
        missing,
        [named("asset", "BNB", symbols=frozenset({"ETHUSDT"}))],  # on an unknown one it may be the fee of that fill
        [named("asset", "BNB")],
    ),
    ("a fill lost, another time named", missing, [named("listing", "fills")], [named("listing", "fills", until=45)]),
    ("a fill lost, nothing open", missing, [*START, lost(60, 45)], [*START, lost(60, 55)]),
    (
        "a symbol that is in no scope, but filled",
        missing,
        [fill(), order()],
        [closed(20, since=0, until=15), closed(symbols=frozenset())],
    ),
    (
        "an end that was promised",
        judged,
        [fill(), closed(orders_since_ns=45 * S)],
        [fill(), order(41, "new", Decimal(0)), closed(orders_since_ns=45 * S)],
    ),
    (
        "an old order that rests, where only the verdict that names its listing may leave it out",
        lambda told: checkers.orders_wrong_at_end([NEW], told, since_ns=60 * S),
        [closed(70, since=60, until=65, unresolved=(("listing", "open orders"),))],
        [closed(70, since=60, until=65)],
    ),
    (
        "an end of an order that is not old",
        judged,
        [fill(), order(), closed(orders_since_ns=30 * S)],
        [fill(), closed(orders_since_ns=30 * S)],
    ),
    (
        "an old order that ends after the first verdict",
        lambda told: checkers.orders_wrong_at_end([NEW, DONE], told),
        [closed(orders_since_ns=45 * S)],
        [closed(60, until=45, orders_since_ns=45 * S), lost(95, 90), closed(99, since=90, until=95)],
    ),
    (
        "a fill of old",
        lambda told: checkers.fills_of_old(told, since_ns=40 * S),
        [fill(recovered=True), fill(time=39)],
        [fill(time=39, recovered=True)],
    ),
    ("the start begins too late", began, began_at(11), began_at(12)),
    ("the start begins earlier than was told", began, began_at(11), began_at(10)),
    ("an outage without a word", silent, [lost(190), closed(310)], [lost(210), closed(310)]),
    ("an outage after which it is silent again", silent, [lost(190), closed(310)], [lost(190), closed(290)]),
    ("an outage in an open gap", silent, [lost(190)], []),
    ("a gap in a gap", checkers.gaps_in_order, [lost(), closed()], [lost(), lost(61)]),
    ("a verdict of no gap", checkers.gaps_in_order, [lost(), closed()], [closed()]),
    ("a verdict about another span", checkers.gaps_in_order, [lost(), closed()], [lost(), closed(since=11)]),
    ("a verdict that ends before it begins", checkers.gaps_in_order, [lost(), closed()], [lost(), closed(until=9)]),
    ("a verdict about the future", checkers.gaps_in_order, [lost(), closed()], [lost(), closed(until=81)]),
    ("a verdict ahead of a wrong clock", began, [lost(), closed(until=81)], [lost(), closed(until=82)]),
    (
        "complete with a name",
        checkers.gaps_in_order,
        [lost(), closed()],
        [lost(), closed(unresolved=(("symbol", "X"),))],
    ),
    ("incomplete without a name", checkers.gaps_in_order, [lost(), closed()], [lost(), closed(complete=False)]),
    ("a restart in a gap", checkers.gaps_in_order, [lost(), RESTART, lost(71)], [lost(), lost(71)]),
    (
        "a restart that forgets a gap",
        checkers.gaps_in_order,
        [lost(), RESTART, lost(71)],
        [lost(), RESTART, lost(71, since=11)],
    ),
    (
        "two restarts that forget a gap",
        checkers.gaps_in_order,
        [lost(), RESTART, RESTART, lost(71)],
        [lost(), RESTART, RESTART, lost(71, since=11)],
    ),
    (
        "a restart that begins too late",
        checkers.gaps_in_order,
        [RESTART, lost(71, since=65)],
        [RESTART, lost(71, since=66)],
    ),
    (
        "a restart that forgets the start",
        began,
        [*began_at(11)[:1], RESTART, *began_at(11)],
        [*began_at(11)[:1], RESTART, Opened(71 * S, 12 * S, "start"), closed(since=12)],
    ),
    ("a needless gap", checkers.gaps_needless, START, [*START, lost()]),
    ("a scope that shrinks", checkers.scopes_shrunk, [*START, closed()], [*START, closed(symbols=frozenset())]),
    (
        "a scope that loses what was named, and more",
        checkers.scopes_shrunk,
        [closed(), named("symbol", "BTCUSDT", symbols=frozenset()), closed(symbols=frozenset())],
        [closed(), named("symbol", "ETHUSDT", symbols=frozenset())],
    ),
    (
        "incomplete without an excuse",
        lambda told: checkers.verdicts_incomplete(
            told, lambda gap, verdict, what, name: gap is not None and what == "symbol"
        ),
        [lost(), named("symbol", "X")],
        [lost(), named("order", "X")],
    ),
    ("fills in another order", ordered, [fill(), fill(53, trade="2")], [fill(52, trade="2"), fill(53)]),
    (
        "fills in another order, recovered after",
        ordered,
        [fill(52, trade="2"), fill(53, recovered=True)],
        [fill(52, trade="2"), fill(53, recovered=True), fill(54)],
    ),
    (
        "fills that are not the bot's sum",
        summed,
        [fill(), fill(trade="2"), order(filled=TWO)],
        [fill(), fill(trade="2"), order()],
    ),
    ("fills that are not the true sum", summed, [fill(), fill(trade="2")], [fill(), fill(trade="2", quantity=TWO)]),
    (
        "a sum without a named fill",
        summed,
        [fill(), named("order", "BTCUSDT:7")],
        [fill(), named("order", "BTCUSDT:8")],
    ),
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


def test_too_often() -> None:
    """Three dials within ten seconds are one too many; at the limit they are not."""
    limits = {"dials": (2, 10 * S)}
    assert checkers.too_often({"dials": [0, 9 * S, 10 * S], "else": [0, 0, 0]}, limits) == []
    assert checkers.too_often({}, limits) == []
    assert checkers.too_often({"dials": [0, 0, 0]}, limits) == [
        "dials: more than 2 within 10 s from 1970-01-01T00:00:00.000Z on"
    ]
    (wrong,) = checkers.too_often({"dials": [0, 20 * S, 21 * S, 22 * S, 23 * S]}, limits)
    assert wrong == f"dials: more than 2 within 10 s from {checkers.moment(20 * S)} on"


def test_too_seldom() -> None:
    """A key that must be renewed every thirty seconds, from the first to the last."""
    span: dict[str, int] = {"every_ns": 30 * S, "since_ns": 0, "until_ns": 70 * S}
    assert checkers.too_seldom([20 * S, 50 * S], **span) == []
    assert checkers.too_seldom([20 * S], **span) == [f"not done for 50 s from {checkers.moment(20 * S)} on"]
    assert checkers.too_seldom([80 * S], **span) == ["not done for 70 s from 1970-01-01T00:00:00.000Z on"]


def test_a_sum_says_nothing_of_an_order_that_lives_or_began_before() -> None:
    """Nor where the true fills do not add up to what the order has."""
    told = [fill(), order(filled=TWO)]
    assert checkers.sums_differ([FILL, NEXT], [NEW, FULL], told) != []
    assert checkers.sums_differ([FILL, NEXT], [NEW, FULL], told, since_ns=51 * S) == []
    assert checkers.sums_differ([FILL, NEXT], [NEW, FULL._replace(status="new")], told) == []
    assert checkers.sums_differ([NEXT], [NEW, FULL], told) == []


def test_what_is_wrong_with_an_order_is_told_in_words() -> None:
    """A class of ours is no word."""
    how = f"{DONE.key} is {DONE.status} with {DONE.filled} filled since {checkers.moment(DONE.time_ns)}"
    assert checkers.orders_wrong_at_end([NEW, DONE], []) == [f"order lost: {how}"]
    assert checkers.orders_wrong_at_end([NEW, DONE], [order(51, "new", Decimal(0))]) == [
        f"order ends as new with 0 filled, really {how}"
    ]


def test_a_bot_that_tells_only_fills_is_judged() -> None:
    """Without gaps and verdicts there is no excuse: what was not told is lost."""
    bot = checkers.ToldFill(51 * S, FILL.key, FILL.time_ns, FILL.price, FILL.quantity)
    assert checkers.fills_lost([FILL], [bot]) == []
    assert checkers.fills_invented([FILL], [bot]) == []
    assert checkers.fills_lost([FILL, NEXT], [bot]) == [f"fill lost: {NEXT.key} of {checkers.moment(NEXT.time_ns)}"]
    assert checkers.fills_lost([FILL], []) != []
    assert checkers.sums_differ([FILL, NEXT], [NEW, FULL], [bot]) != []


def test_trouble_excuses_what_nobody_could_look_at() -> None:
    """What falls into a time in which REST could not be asked is not told too late; what falls beside it is."""
    for troubles, wrong in (([Span(60 * S, 70 * S)], False), ([Span(85 * S, 90 * S)], True)):
        told = checkers.told_late([FILL], START, bound_ns=30 * S, troubles=troubles)
        assert bool(told) is wrong


def test_what_is_not_due_yet_is_not_late() -> None:
    """A run that ends before the bound says nothing, nor does what happened before the account began."""
    assert checkers.told_late([FILL], START, bound_ns=30 * S, until_ns=79 * S) == []
    assert checkers.told_late([FILL], START, bound_ns=30 * S, since_ns=51 * S) == []
    assert checkers.told_late([FILL], START, bound_ns=30 * S, until_ns=81 * S) != []


def test_a_moment_is_written_for_humans() -> None:
    """Whole milliseconds as such, what is finer in full, and what no calendar knows as it is."""
    assert checkers.moment(1_790_000_001_000_000_000) == "2026-09-21T14:13:21.000Z"
    assert checkers.moment(1_790_000_001_012_000_345) == "2026-09-21T14:13:21.012000345Z"
    assert checkers.moment(-1) == "1969-12-31T23:59:59.999999999Z"
    assert checkers.moment(10**30) == f"{10**30} ns"

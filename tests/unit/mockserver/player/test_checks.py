"""What the checks of scenarios say of right and wrong reports; they accuse nobody where the truth is not whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs
import pytest

from mockserver.actions import NEAR
from mockserver.checkers import Closed, Opened, Told, ToldFill, ToldOrder, true_fills
from mockserver.engine.types import Fill, Place, Side
from mockserver.player.checks import BY_THE_TRUTH, CHECKS, Case, judge
from mockserver.stage import CLIENT, Stage


def traded(kept: int | None) -> Case:
    """Three orders were filled, and the client told of all three while the truth keeps so many."""
    stage = Stage("binance-spot", kept=kept)
    instrument = next(iter(stage.exchange.engine.instruments.values()))
    told: list[ToldFill] = []
    for _ in range(3):
        price = instrument.reference_ticks - NEAR
        order = stage.submit(
            Place(account=CLIENT, instrument=instrument.name, side=Side.BUY, price=price, quantity=100)
        ).order
        assert order is not None
        stage.submit(Fill(instrument=instrument.name, order_id=order.order_id))
        fill = true_fills(stage.truth(), venue="binance-spot", account=CLIENT)[-1]
        told.append(ToldFill(stage.clock.now_ns, fill.key, fill.time_ns, fill.price, fill.quantity, fill.fee, False))
        stage.clock.advance(1_000_000, wall=True)
    truth, now_ns = stage.truth(), stage.clock.now_ns
    return Case(venue="binance-spot", account=CLIENT, heard=(), truth=truth, told=told, now_ns=now_ns)


@pytest.mark.parametrize(("kept", "known"), [(None, True), (1, False)])
def test_a_truth_that_has_let_go_accuses_nobody(kept: int | None, known: bool) -> None:
    """What was reported of fills that the truth has forgotten is neither right nor invented: that is said."""
    case = traded(kept)
    assert len(case.told) == 3
    names = ["no_fill_lost", "no_fill_duplicated", "no_fill_invented"]
    judged = judge(names, case)

    assert [each.unknown for each in judged] == [not known, False, not known]
    assert [bool(each.wrong) for each in judged] == [not known, False, not known]
    if not known:
        assert "2 orders and 2 fills were let go" in judged[0].wrong[0]


def test_those_that_need_the_truth_are_checks() -> None:
    """No name is misspelt."""
    assert CHECKS.keys() >= BY_THE_TRUTH


def halves() -> Case:
    """One order was filled in two halves, and the client told of both as they came."""
    stage = Stage("binance-spot")
    instrument = next(iter(stage.exchange.engine.instruments.values()))
    price = instrument.reference_ticks - NEAR
    order = stage.submit(
        Place(account=CLIENT, instrument=instrument.name, side=Side.BUY, price=price, quantity=100)
    ).order
    assert order is not None
    for _ in range(2):
        stage.clock.advance(60_000_000_000, wall=True)
        stage.submit(Fill(instrument=instrument.name, order_id=order.order_id, quantity=50))
    told = [
        ToldFill(fill.time_ns, fill.key, fill.time_ns, fill.price, fill.quantity, fill.fee)
        for fill in true_fills(stage.truth(), venue="binance-spot", account=CLIENT)
    ]
    return Case(
        venue="binance-spot", account=CLIENT, heard=(), truth=stage.truth(), told=told, now_ns=stage.clock.now_ns
    )


def recovered(told: Sequence[Told], *around: Told) -> list[Told]:
    """The client had missed the second fill, and asked for it; before and after it this was told."""
    first, second = told
    assert isinstance(second, ToldFill)
    return [first, *around[:1], second._replace(recovered=True), *around[1:]]


def gap(told: Sequence[Told]) -> tuple[Opened, Closed]:
    """An interruption that began after the first fill, and its verdict of now."""
    first, last = told
    since_ns = first.at_ns + 1_000_000_000
    return Opened(last.at_ns, since_ns, "lost"), Closed(last.at_ns, since_ns, last.at_ns, None, True)


def ended(told: Sequence[Told]) -> ToldOrder:
    """The order's end was told after its last fill."""
    last = told[-1]
    assert isinstance(last, ToldFill)
    return ToldOrder(last.at_ns, (last.key[0], last.key[2], "order"), "filled", last.quantity * 2)


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("fills_in_order", list, lambda told: list(reversed(told))),
        ("gaps_told", lambda told: recovered(told, *gap(told)), recovered),
        (
            "verdicts_true",
            lambda told: [*told, ended(told), *gap(told)],
            lambda told: [told[0], ended(told), *gap(told)],
        ),
    ],
)
def test_what_is_right_and_what_is_wrong(
    name: str, right: Callable[[Sequence[Told]], list[Told]], wrong: Callable[[Sequence[Told]], list[Told]]
) -> None:
    """Each check is silent about the one and speaks of the other, with the venue's time in words."""
    case = halves()

    (fine,) = judge([name], attrs.evolve(case, told=right(case.told)))
    (bad,) = judge([name], attrs.evolve(case, told=wrong(case.told)))

    assert (fine.wrong, fine.unknown, bad.unknown) == ((), False, False)
    (text,) = bad.wrong
    assert name == "fills_in_order" or "2026-09-21T14:15:20.123456000Z" in text

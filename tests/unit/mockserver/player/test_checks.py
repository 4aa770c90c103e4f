"""A check accuses nobody where the truth does not tell all."""

from __future__ import annotations

import pytest

from mockserver.actions import NEAR
from mockserver.checkers import ToldFill, true_fills
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

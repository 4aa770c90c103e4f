"""The mock's truth as the checkers' tuples: the ids that clients see, and the course of every order."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import attrs
import pytest
from hypothesis import given, settings

from mockserver.actions import Act, Action
from mockserver.checkers import FINAL, TrueChange, TrueFill, sums_differ, true_fills, true_orders
from mockserver.engine.types import HOUSE, Fill, OrderView, SelfTrade, Side
from mockserver.stage import CLIENT, START_NS, Stage
from mockserver.strategies import VENUES, actions, stories

SECOND = 1_000_000_000


BUY = Action(
    act=Act.LIMIT,
    who=0,
    where=0,
    which=0,
    side=Side.BUY,
    offset=0,
    size=8,
    self_trade=SelfTrade.NONE,
    flag=False,
    after_ns=0,
)


def placed(stage: Stage, act: Act = Act.LIMIT) -> OrderView:
    """Let the client buy at the reference price."""
    reply = stage.play(attrs.evolve(BUY, act=act))
    assert reply is not None
    assert reply.order is not None
    return reply.order


def test_the_course_of_an_order() -> None:
    """Born, filled in parts, filled; nothing of other accounts and venues."""
    stage = Stage("binance-spot")
    order = placed(stage)
    instrument = stage.exchange.engine.instruments[order.instrument]
    part = order.quantity // 4
    for quantity in (part, None):
        stage.clock.advance(SECOND, wall=True)
        stage.submit(Fill(instrument=order.instrument, order_id=order.order_id, quantity=quantity))
    report = stage.truth()

    key = (order.instrument, str(order.order_id), "order")
    whole = instrument.quantity(order.quantity)
    assert true_orders(report, venue="binance-spot", account=CLIENT) == [
        TrueChange(key, START_NS, "new", Decimal(0)),
        TrueChange(key, START_NS + SECOND, "partially_filled", instrument.quantity(part)),
        TrueChange(key, START_NS + 2 * SECOND, "filled", whole),
    ]
    first, second = true_fills(report, venue="binance-spot", account=CLIENT)
    row = report["fills"][0]
    assert first == TrueFill(
        (order.instrument, row["trade_id"], key[1]),
        START_NS + SECOND,
        Decimal(row["price"]),
        instrument.quantity(part),
        Decimal(row["fee"]),
    )
    assert first.quantity + second.quantity == whole
    for venue, account in (("binance-spot", HOUSE), ("ftx", CLIENT)):
        assert true_fills(report, venue=venue, account=account) == []
        assert true_orders(report, venue=venue, account=account) == []


def test_ftx_has_its_own_words() -> None:
    """A fill has an id for each side, and what ends unfilled is canceled, whatever the engine calls it."""
    stage = Stage("ftx")
    placed(stage, Act.IOC)
    order = placed(stage)
    stage.submit(Fill(instrument=order.instrument, order_id=order.order_id))
    report = stage.truth()

    ioc = [
        change for change in true_orders(report, venue="ftx", account=CLIENT) if change.key[1] != str(order.order_id)
    ]
    assert [change.status for change in ioc] == ["new", "canceled"]
    assert report["orders"][0]["status"] == "EXPIRED"
    (fill,) = true_fills(report, venue="ftx", account=CLIENT)
    assert fill.key[1] == report["fills"][0]["fill_id"] != report["fills"][0]["trade_id"]


@pytest.mark.parametrize("venue", VENUES)
def test_the_course_agrees_with_the_truth(venue: str) -> None:
    """Whatever happened: changes in order of time, filled never falls, ends as the truth has it, and sums agree."""

    @given(played=stories(actions(), 30))
    @settings(deadline=None, max_examples=25)
    def check(played: list[Action]) -> None:
        stage = Stage(venue)
        for action in played:
            stage.play(action)
        report = stage.truth()
        changes = true_orders(report, venue=venue, account=CLIENT)
        assert all(one.time_ns <= two.time_ns for one, two in pairwise(changes))
        last: dict[tuple[str, str, str], TrueChange] = {}
        for change in changes:
            before = last.get(change.key)
            assert before is None or (before.filled <= change.filled and before.status not in FINAL)
            last[change.key] = change
        rows = {(row["symbol"], row["order_id"], "order"): row for row in report["orders"]}
        assert {key for key in last if key[2] == "order"} == rows.keys()
        for key, row in rows.items():
            assert last[key].filled == Decimal(row["filled_quantity"])
            assert (last[key].status in FINAL) == (row["status"] not in ("NEW", "PARTIALLY_FILLED"))
        fills = true_fills(report, venue=venue, account=CLIENT)
        assert len({fill.key for fill in fills}) == len(fills) == len(report["fills"])
        assert (sums_differ(fills, changes, []) == []) == all(
            change.filled == 0 for change in last.values() if change.status in FINAL
        )

    check()

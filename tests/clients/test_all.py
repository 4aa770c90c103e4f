"""Every client of the table trades on the mock, and its own stream tells all that happened, once and in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from .compatibility import Delivered
from .table import CASES, Case
from .trader import Trader, trader_of, true_fills, true_history


async def trade(trader: Trader) -> list[str]:
    """A bid is filled in two halves; of another a third is filled, and it is cancelled; one rests.  The orders' ids.

    When the client has heard of the last, whatever else it was told of the others has come too.
    """
    price = trader.case.price
    filled = await trader.place("0.02", price)
    await trader.hears(filled, 1)
    for count in (2, 3):
        await trader.fill(filled, "0.01")
        await trader.hears(filled, count)
    cancelled = await trader.place("0.03", price)
    await trader.hears(cancelled, 1)
    await trader.fill(cancelled, "0.01")
    await trader.hears(cancelled, 2)
    await trader.cancel(cancelled)
    await trader.hears(cancelled, 3)
    last = await trader.place("0.01", price)
    await trader.hears(last, 1)
    return [filled, cancelled, last]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
async def test_its_own_stream_tells_all(case: Case, tmp_path: Path, delivered: list[Delivered]) -> None:
    """The statuses of each order in their order, and each fill once, as the mock's truth has them."""
    async with trader_of(case, tmp_path) as trader:
        orders = await trade(trader)
        truth = await trader.truth()
    happened = [(row["order_id"], row["status"]) for row in truth["orders"]]
    assert happened == list(zip(orders, ("FILLED", "CANCELED", "NEW"), strict=True))
    told = {order: trader.history(order) for order in orders}
    true = {order: true_history(truth, order, case.words) for order in orders}
    fills, true_ones = trader.fills(), true_fills(truth, case)
    delivered.append(
        Delivered(
            case=case,
            version=trader.version,
            orders=f"{sum(told[order] == true[order] for order in orders)}/{len(orders)}",
            fills=f"{sum(fills[fill] == 1 for fill in true_ones)}/{len(true_ones)}",
            updates=f"{sum(map(len, told.values()))}/{sum(map(len, true.values()))}",
        )
    )
    assert told == true, trader.complaint()
    assert fills == true_ones, trader.complaint()

"""A short form of ``python -m tests.load``: what is told is counted, and no time is asserted."""

from __future__ import annotations

import attrs
import pytest

from tests.load import fanout, parallel
from tests.load.client import Heard
from tests.load.fanout import Lap, fitted
from tests.load.parallel import judged


async def test_clients_in_worlds_of_their_own_hear_all_of_it_and_nothing_else() -> None:
    """Twenty at once on one process: every change of their orders is told, every fill once, none of another world."""
    found = await parallel.measure(20, 6)

    assert (found.clients, found.orders, found.expected) == (20, 120, 20 * (2 + 3 + 3) * 2)
    assert (found.delivered, found.foreign, found.wrong) == (found.expected, 0, ())
    assert found.cpu_ns > 0


async def test_every_listener_of_an_account_hears_every_fill_once() -> None:
    """One, five and twenty sockets of one account are told the same, each all of it."""
    laps = await fanout.measure((1, 5, 20), events=400, rounds=1)

    assert [(lap.listeners, lap.delivered, lap.whole) for lap in laps] == [
        (lap.listeners, lap.expected, True) for lap in laps
    ]
    assert [lap.expected for lap in laps] == [400, 400, 20 * 20 * 2]


def report(client_id: str, trade: int) -> dict[str, object]:
    return {"e": "executionReport", "x": "TRADE", "C": "", "c": client_id, "i": 1, "t": trade, "l": "0.1"}


TRUTH = {"sequence": 2, "fills": [{"order_id": "1", "trade_id": str(trade), "quantity": "0.10"} for trade in (5, 6)]}


@pytest.mark.parametrize(
    ("told", "right"),
    [
        ([("w-0", 5), ("w-0", 6)], True),
        ([("w-0", 5)], False),
        ([("w-0", 6), ("w-0", 5)], False),
        ([("w-0", 5), ("w-0", 6), ("w-0", 6)], False),
    ],
)
def test_what_is_missing_doubled_or_out_of_order_is_seen(told: list[tuple[str, int]], right: bool) -> None:
    """The measurement itself can fail."""
    heard = Heard(reports=[report(*each) for each in told], positions=2)

    assert judged(TRUTH, heard, "w").wrong is not right


def test_what_is_of_another_world_is_seen() -> None:
    """A report of an order that another world named is foreign."""
    heard = Heard(reports=[report("w-0", 5), report("w1-0", 6)], positions=2)

    assert (judged(TRUTH, heard, "w").own, judged(TRUTH, heard, "w").foreign) == (1, 1)


def test_the_line_and_what_lies_off_it() -> None:
    """Even growth lies on the line; growth by the square does not."""
    even = [Lap(n, 1, 0, True, 100 + 7 * n) for n in (1, 3, 10, 30, 100)]
    odd = [attrs.evolve(lap, cpu_ns=100 + lap.listeners**2) for lap in even]

    line = fitted(even)
    assert (round(line.base_ns), round(line.slope_ns)) == (100, 7)
    assert max(abs(lap.deviation_from(line)) for lap in even) < 1e-9
    assert max(abs(lap.deviation_from(fitted(odd))) for lap in odd) > 0.2

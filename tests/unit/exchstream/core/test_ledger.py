"""The ledger: what is news, what is a repeat, and what may be forgotten."""

from __future__ import annotations

from decimal import Decimal

import attrs
import pytest

from exchstream.core import ledger as module
from exchstream.core.ledger import Ledger
from exchstream.model import End, OrderKey

from .toy import T0, execution, order

KEY = OrderKey("BTCUSDT", "1")


def test_an_order_that_ended_before_the_floor_is_history() -> None:
    """It is known, and it is not news."""
    ledger = Ledger(floor_ns=T0)
    view = order(end=End.CANCELED, at=-5)
    assert ledger.view(view) is None
    assert view == ledger.order(KEY)


def test_what_the_stream_tells_is_never_history() -> None:
    """The floor is a measured instant and may lie a little late: a fact heard live is told all the same."""
    ledger = Ledger(floor_ns=T0)
    assert ledger.view(order(end=End.CANCELED, at=-0.1), live=True) is not None
    assert ledger.fill(execution(at=-0.1), live=True)
    assert not ledger.fill(execution("2", at=-0.1))


def test_an_end_without_a_time_is_news_unless_its_fills_are_old() -> None:
    """FTX does not say when an order ended: created before the floor, it may have been cancelled after it."""
    ledger = Ledger(floor_ns=T0)
    assert ledger.view(attrs.evolve(order("1", end=End.CANCELED), updated_ns=None, created_ns=T0 - 1)) is not None
    ledger.fill(execution(of="2", at=-1))
    filled = attrs.evolve(order("2", end=End.FILLED, filled="1"), updated_ns=None, created_ns=T0 - 1)
    assert ledger.view(filled) is None


def test_an_ended_order_with_a_fill_of_this_stream_is_news() -> None:
    """Its venue may not say when it ended (FTX): a fill since the floor shows that it was after it."""
    ledger = Ledger(floor_ns=T0)
    assert ledger.fill(execution(at=1))
    assert ledger.view(order(end=End.FILLED, filled="1", at=-5)) is not None


def test_an_older_fill_is_entered_and_is_no_news() -> None:
    """It counts for the balance of its order."""
    ledger = Ledger(floor_ns=T0)
    assert not ledger.fill(execution(quantity="0.4", at=-5))
    assert ledger.imbalance(order(filled="0.4"), Decimal(0)) == 0


@pytest.mark.parametrize(
    ("filled", "tolerance", "expected"),
    [("1", "0", "0"), ("1.5", "0", "0.5"), ("1.5", "0.5", "0"), ("0.5", "0", "-0.5")],
)
def test_double_entry(filled: str, tolerance: str, expected: str) -> None:
    """The difference between an order's count and its fills, nothing within the tolerance."""
    ledger = Ledger(floor_ns=T0)
    ledger.fill(execution(quantity="1"))
    assert Decimal(expected) == ledger.imbalance(order(filled=filled), Decimal(tolerance))


def test_a_version_that_moves_without_a_value_is_kept_silently() -> None:
    """A newer view with the same values is no news, and the next older one cannot undo it."""
    ledger = Ledger(floor_ns=T0)
    ledger.view(order(at=1, price="100"))
    assert ledger.view(order(at=3, price="100")) is None
    assert ledger.view(order(at=2, price="90")) is None


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Open and closed orders, executions and sums each have a limit (G5)."""
    for name in ("MAX_CLOSED", "MAX_RECOVERED", "MAX_FILLS", "MAX_OPEN"):
        monkeypatch.setattr(module, name, 10)
    ledger = Ledger(floor_ns=T0)
    for number in range(50):
        ledger.view(order(f"c{number}", end=End.CANCELED))
        ledger.view(order(f"o{number}"))
        ledger.fill(execution(str(number), of=f"f{number}"))
    assert (len(ledger.closed), len(ledger.open), len(ledger.fills), len(ledger.sums)) == (10, 10, 10, 10)


def test_the_sum_of_an_open_order_outlives_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """An order that is open for long keeps its double entry, however many others are filled meanwhile."""
    monkeypatch.setattr(module, "MAX_OPEN", 5)
    ledger = Ledger(floor_ns=T0)
    ledger.view(order("keep", filled="1"))
    ledger.fill(execution("0", of="keep"))
    for number in range(1, 30):
        ledger.fill(execution(str(number), of=f"f{number}"))
    assert Decimal(1) == ledger.sums[OrderKey("BTCUSDT", "keep")].quantity


def test_forgetting_keeps_what_a_look_back_can_bring_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closed orders go from the oldest on, but not those that the venue touched since the given instant."""
    monkeypatch.setattr(module, "MAX_CLOSED", 10)
    ledger = Ledger(floor_ns=T0)
    for number in range(10):
        ledger.view(order(str(number), end=End.CANCELED, at=number))
    ledger.forget(T0 + 3 * 10**9)
    assert [str(number) for number in range(3, 10)] == [key.order_id for key in ledger.closed]


def test_a_dropped_order_is_gone() -> None:
    """What has been named as unresolved is not asked about again; should it come back, it still has its fills."""
    ledger = Ledger(floor_ns=T0)
    ledger.view(order(filled="1"))
    ledger.fill(execution())
    ledger.drop(KEY)
    assert ledger.open == {}
    assert ledger.imbalance(order(filled="1"), Decimal(0)) == 0


def test_a_look_back_may_list_more_closed_orders_than_the_stream_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a pass of a look-back brought is still known in its next pass, and is not told again."""
    monkeypatch.setattr(module, "MAX_CLOSED", 10)
    ledger = Ledger(floor_ns=0)
    passes = [[ledger.view(order(f"c{number}", end=End.CANCELED)) for number in range(30)] for _ in range(2)]
    assert passes[1] == [None] * 30
    ledger.forget(before_ns=2 * T0)
    assert len(ledger.closed) == 5

"""The ledger: what is news, what is a repeat, and what may be forgotten."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import pytest
from msgspec.structs import replace

from exchstream.core import ledger as module
from exchstream.core.ledger import Ledger
from exchstream.core.venue import SECOND
from exchstream.model import End, OrderKey, OrderKind, OrderState, Stage

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
    assert ledger.view(replace(order("1", end=End.CANCELED), updated_ns=None, created_ns=T0 - 1)) is not None
    ledger.fill(execution(of="2", at=-1))
    filled = replace(order("2", end=End.FILLED, filled="1"), updated_ns=None, created_ns=T0 - 1)
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
    ledger.view(order(filled="0.4"))
    assert ledger.difference(KEY) == 0


@pytest.mark.parametrize(
    ("filled", "tolerance", "expected"),
    [("1", "0", "0"), ("1.5", "0", "0.5"), ("1.5", "0.5", "0"), ("0.5", "0", "-0.5")],
)
def test_double_entry(filled: str, tolerance: str, expected: str) -> None:
    """The difference between an order's count and its fills, nothing within the tolerance."""
    ledger = Ledger(floor_ns=T0, tolerance=Decimal(tolerance))
    ledger.fill(execution(quantity="1"))
    ledger.view(order(filled=filled))
    assert Decimal(expected) == ledger.difference(KEY)


def test_a_version_that_moves_without_a_value_is_kept_silently() -> None:
    """A newer view with the same values is no news, and the next older one cannot undo it."""
    ledger = Ledger(floor_ns=T0)
    ledger.view(order(at=1, price="100"))
    assert ledger.view(order(at=3, price="100")) is None
    assert ledger.view(order(at=2, price="90")) is None


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that a test can reach."""
    limits = {"MAX_CLOSED": 5, "MAX_ENDED": 15, "MAX_FILLS": 10, "MAX_FILLS_NEEDED": 20, "MAX_OPEN": 10, "MAX_SUMS": 20}
    for name, limit in limits.items():
        monkeypatch.setattr(module, name, limit)


def full(*, need_ns: int, orders: int = 50) -> Ledger:
    """A ledger through which so many orders went, one a second, each with a fill of its own, and each balanced."""
    ledger = Ledger(floor_ns=T0, need_ns=need_ns)
    for number in range(orders):
        ledger.fill(execution(str(number), of=f"c{number}", at=number), live=True)
        ledger.view(order(f"c{number}", end=End.FILLED, filled="1", at=number), live=True)
    return ledger


ALGO: Final = OrderKey("BTCUSDT", "900", OrderKind.ALGO)


@pytest.mark.parametrize("child_end", [End.FILLED, End.CANCELED])
@pytest.mark.parametrize("child_first", [True, False])
def test_an_order_that_placed_another_ends_as_that_one(child_end: End, child_first: bool) -> None:
    """A venue may say of a triggered order only that it is over: whether it is filled, its child says."""
    ledger = Ledger(floor_ns=0)
    finished = OrderState(key=ALGO, end=End.CANCELED, child_order_id="7", updated_ns=T0)
    child = order("7", filled="1", end=child_end)
    views = (child, finished) if child_first else (finished, child)
    told = [ledger.view(view) for view in views]
    assert None not in told
    later = ledger.concluded(child.key)
    assert (later is not None) is (child_end is End.FILLED and not child_first)
    if later is not None:
        told.append(ledger.view(later))
    ((*_, state),) = [[state for state in told if state is not None and state.key == ALGO]]
    assert state.end is child_end
    assert ledger.view(finished) is None  # said again, it takes nothing back
    assert ledger.order(ALGO) == state
    assert ledger.concluded(child.key) is None


def test_an_order_that_works_is_not_concluded() -> None:
    """Its child is filled; that it is over itself has still to be said."""
    ledger = Ledger(floor_ns=0)
    ledger.view(OrderState(key=ALGO, stage=Stage.TRIGGERED, child_order_id="7"))
    child = order("7", filled="1", end=End.FILLED)
    ledger.view(child)
    assert ledger.concluded(child.key) is None
    working = ledger.order(ALGO)
    assert working is not None
    assert working.end is None


@pytest.mark.parametrize(("needed", "ended", "fills"), [(False, 15, 10), (True, 15, 20)])
@pytest.mark.usefixtures("small")
def test_memory_is_bounded(needed: bool, ended: int, fills: int) -> None:
    """What a look-back may list again is kept longer, and both have a limit (G5)."""
    ledger = full(need_ns=T0 if needed else 2 * T0)
    for number in range(50):
        ledger.view(order(f"o{number}"))
    assert (len(ledger.closed), len(ledger.ended), len(ledger.fills), len(ledger.open)) == (5, ended, fills, 10)
    assert len(ledger.sums) == 5  # of what is balanced and shortened no sum is needed
    assert ledger.forgotten == ({"BTCUSDT": T0 + 29 * SECOND} if needed else {})


@pytest.mark.usefixtures("small")
def test_what_is_settled_goes() -> None:
    """When everything up to an instant has been proven told, what is older and too much is let go."""
    ledger = full(need_ns=T0, orders=20)
    ledger.settle(T0 + 12 * SECOND)
    assert [f"c{number}" for number in range(12, 20)] == [key.order_id for key in (*ledger.ended, *ledger.closed)]
    assert [str(number) for number in range(10, 20)] == [key.trade_id for key in ledger.fills]


@pytest.mark.usefixtures("small")
def test_of_many_closed_orders_their_ends_are_enough() -> None:
    """A view of one that says no more than how it ended tells nothing; one that says more is told."""
    ledger = full(need_ns=T0, orders=20)
    assert not any(ledger.view(order(f"c{number}", end=End.FILLED, filled="1", at=number)) for number in range(20))
    late = order("c0", filled="1.5")
    assert ledger.would_change(late)
    told = ledger.view(late)
    assert told is not None
    assert (told.end, told.cumulative.filled) == (End.FILLED, Decimal("1.5"))  # what is final stays final
    assert ledger.difference(late.key) == Decimal("0.5")
    assert not ledger.fill(execution("0", of="c0"))
    assert ledger.fill(execution("late", of="c0", quantity="0.5", at=25))
    assert ledger.difference(late.key) == 0


@pytest.mark.usefixtures("small")
def test_a_fill_of_an_order_of_which_only_the_end_is_known_unbalances_it() -> None:
    """Its sum goes on from what was filled; a view that counts the fill settles it."""
    ledger = full(need_ns=T0, orders=20)
    ledger.fill(execution("late", of="c0", quantity="0.5", at=25))
    key = replace(KEY, order_id="c0")
    assert ledger.difference(key) == Decimal("-0.5")
    ledger.view(order("c0", end=End.FILLED, filled="1.5"))
    assert ledger.difference(key) == 0


@pytest.mark.usefixtures("small")
def test_an_order_that_does_not_balance_is_kept() -> None:
    """Else the look-back that is to come could not hold it against its fills."""
    ledger = Ledger(floor_ns=T0, need_ns=2 * T0)
    odd = order("odd", end=End.FILLED, filled="1")
    ledger.view(odd, live=True)
    for number in range(10):
        ledger.view(order(f"c{number}", end=End.CANCELED), live=True)
    assert ledger.difference(odd.key) == 1
    ledger.accept(odd.key, Decimal(1))
    ledger.settle(2 * T0)
    assert not ledger.knows(odd.key)


@pytest.mark.usefixtures("small")
def test_the_sum_of_an_order_outlives_the_keys_of_its_fills() -> None:
    """An order that is open for long keeps its double entry, however many others are filled meanwhile."""
    ledger = Ledger(floor_ns=T0, need_ns=2 * T0)
    ledger.view(order("keep", filled="1"))
    ledger.fill(execution("0", of="keep"))
    for number in range(1, 30):
        ledger.fill(execution(str(number), of=f"f{number}"))
    assert Decimal(1) == ledger.sums[replace(KEY, order_id="keep")].quantity
    assert len(ledger.sums) == 20
    assert not ledger.orphan(replace(KEY, order_id="keep"))
    assert ledger.orphan(replace(KEY, order_id="f29"))


@pytest.mark.usefixtures("small")
def test_fills_alone_need_no_sums() -> None:
    """Where nothing is told of orders there is nothing to hold them against."""
    ledger = Ledger(floor_ns=T0, need_ns=2 * T0, double_entry=False)
    for number in range(30):
        ledger.fill(execution(str(number), of=f"f{number}"))
    assert len(ledger.sums) == 10


def test_what_was_accepted_is_asked_about_again_when_a_fill_comes() -> None:
    """A difference that has been named is none any more, until something about it changes."""
    ledger = Ledger(floor_ns=T0)
    state = order(filled="3", end=End.FILLED)
    ledger.view(state)
    assert ledger.difference(KEY) == 3
    ledger.accept(KEY, Decimal(3))
    assert ledger.difference(KEY) == 0
    ledger.fill(execution("late"))
    assert ledger.difference(KEY) == 2


def test_a_dropped_order_is_gone() -> None:
    """What has been named as unresolved is not asked about again; should it come back, it still has its fills."""
    ledger = Ledger(floor_ns=T0)
    ledger.view(order(filled="1"))
    ledger.fill(execution())
    ledger.drop(KEY)
    assert ledger.open == {}
    ledger.view(order(filled="1"))
    assert ledger.difference(KEY) == 0

"""Ids that begin anew: which order shows it, which does not, and what is known of the ids until then."""

from __future__ import annotations

import attrs
import pytest

from exchstream.core import epochs
from exchstream.core.epochs import Epochs, Era
from exchstream.core.venue import MINUTE, SECOND
from exchstream.model import OrderKey, OrderKind, OrderState

from .toy import PLAN, T0

WIPED = attrs.evolve(PLAN, wiped_ns=MINUTE)


def created(number: str, at: float, *, symbol: str = "BTCUSDT", kind: OrderKind = OrderKind.ORDER) -> OrderState:
    """An order with this id, created so many seconds after the start."""
    return OrderState(key=OrderKey(symbol, number, kind), created_ns=T0 + round(at * SECOND))


def watched(*orders: OrderState) -> Epochs:
    """These orders were told, and all up to them."""
    watching = Epochs(WIPED)
    for state in orders:
        assert not watching.begins(state, None)
    watching.settle(T0 + 10**6 * SECOND)
    watching.settle(T0 + 10**6 * SECOND)
    return watching


@pytest.mark.parametrize(
    ("number", "at", "expected"),
    [
        ("99", 61, True),
        ("1", 1e6, True),
        ("100", 61, True),  # its own id, and another order
        ("101", 1e6, False),
        ("99", 60, False),  # who knows in which instant an id is given
        ("99", -5, False),  # an older order, told late
        ("100", 0, False),
        ("abc", 1e6, False),  # no count
        ("9" * 19, 1e6, False),
    ],
)
def test_a_younger_order_with_no_higher_id_is_of_another_epoch(number: str, at: float, expected: bool) -> None:
    """Nothing else is."""
    assert watched(created("100", 0)).begins(created(number, at), None) is expected


def test_symbols_and_kinds_count_for_themselves() -> None:
    """The ids of another symbol, or of algo orders, may be as low as they like."""
    watching = watched(created("100", 0))
    assert not watching.begins(created("1", 1e3, symbol="ETHUSDT"), None)
    assert not watching.begins(created("1", 1e3, kind=OrderKind.ALGO), None)
    assert watching.begins(created("1", 1e3), None)
    assert (watching.number("BTCUSDT"), watching.number("ETHUSDT")) == (1, 0)
    assert not watching.begins(created("2", 1e3 + 1), None)


def test_where_nothing_is_wiped_nothing_is_watched() -> None:
    """A venue that never wipes may number its orders as it likes."""
    watching = Epochs(PLAN)
    for number, at in (("100", 0.0), ("1", 1e6)):
        assert not watching.begins(created(number, at), None)
        watching.settle(T0 + 10**9 * SECOND)
    assert watching.eras == {}


def test_an_order_whose_time_is_not_told_shows_nothing() -> None:
    """Later views of an order need not say when it was created."""
    assert not watched(created("100", 0)).begins(OrderState(key=OrderKey("BTCUSDT", "1")), None)


def test_the_order_that_is_known_by_the_id_shows_it_too() -> None:
    """Also above all marks."""
    watching = Epochs(WIPED)
    assert not watching.begins(created("7", 50), created("7", 0))
    assert watching.begins(created("7", 61), created("7", 0))


def test_what_is_ahead_does_not_count_before_its_elders_are_told() -> None:
    """After a wipe nobody noticed: the newest order may come first, with an id above all that were known."""
    watching = watched(created("3", 0))
    assert not watching.begins(created("5", 1e3), None)
    watching.settle(T0 + 999 * SECOND)
    assert watching.begins(created("1", 900), None)


def test_what_is_not_proven_yet_shows_a_wipe_too() -> None:
    """No order of one epoch has a lower id than an elder, whether everything up to that has been told or not."""
    watching = Epochs(WIPED)
    assert [watching.begins(created(number, at), None) for number, at in (("2", 0), ("7", 5), ("6", 60))] == [False] * 3
    assert watching.begins(created("1", 66), None)


def test_what_is_ahead_does_not_hide_what_is_not_proven_yet() -> None:
    """Told since the last proof, then wiped; and the newest of the new orders is listed before its elders."""
    watching = Epochs(WIPED)
    for number, at in (("1", 0), ("4", 40), ("5", 300)):
        assert not watching.begins(created(number, at), None)
    assert watching.begins(created("3", 250), None)


def test_what_waits_is_bounded() -> None:
    """However long nothing is proven: of old there is the first, and the newest are all there."""
    watching = Epochs(WIPED)
    for number in range(1, 1_000):
        assert not watching.begins(created(str(number), 100 * number), None)
    assert watching.begins(created("1", 99_900), None)
    assert watching.number("BTCUSDT") == 1
    for number in range(2, 1_000):
        assert not watching.begins(created(str(number), 100_000 + 100 * number), None)
    ((waiting),) = watching._waiting.values()
    assert len(waiting) == epochs.MAX_WAITING
    assert [waiting[0][0], waiting[-1][0]] == [1, 999]


def test_what_a_former_process_told_shows_a_wipe_too() -> None:
    """Also if it ended before it could prove anything."""
    watching = Epochs(WIPED)
    watching.recall([created("5", 0), OrderState(key=OrderKey("BTCUSDT", "9")), created("x", 0)])
    assert watching.begins(created("3", 100), None)
    unwatched = Epochs(PLAN)
    unwatched.recall([created("5", 0)])
    assert unwatched.eras == {}


def test_a_busy_account_has_its_mark_moved() -> None:
    """Though its newest order is never older than the last proof."""
    watching = Epochs(WIPED)
    for number in range(1, 1_000):
        assert not watching.begins(created(str(number), number), None)
        watching.settle(T0 + (number - 10) * SECOND)
    ((highest, _),) = watching.eras["BTCUSDT"].marks.values()
    assert highest > 900


def test_epochs_count_on_and_survive() -> None:
    """A second wipe is noticed like the first, also by another process."""
    first = watched(created("100", 0))
    assert first.begins(created("1", 100), None)
    first.settle(T0 + 200 * SECOND)
    second = Epochs(WIPED, dict(first.eras))
    assert second.eras["BTCUSDT"] == Era(1, T0 + 100 * SECOND, {"order": (1, T0 + 100 * SECOND)})
    assert not second.begins(created("2", 200), None)
    assert second.begins(created("1", 300), None)
    assert second.number("BTCUSDT") == 2
    facts = ((1, 299), (1, 300), (2, 299))
    assert [second.eras["BTCUSDT"].has(epoch, T0 + at * SECOND) for epoch, at in facts] == [False, True, True]


def test_eras_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit further symbols are not watched; what is known of the others stays."""
    monkeypatch.setattr(epochs, "MAX_ERAS", 2)
    watching = watched(*(created("5", 0, symbol=name) for name in ("A", "B", "C")))
    assert list(watching.eras) == ["A", "B"]
    assert [watching.begins(created("1", 100, symbol=name), None) for name in ("A", "C")] == [True, False]

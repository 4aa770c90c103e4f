"""The laws of orders: joins in any order, any grouping and any number give one state, and it only moves forward."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchstream import model
from exchstream.events import OrderUpdate
from exchstream.model import (
    Cumulative,
    End,
    OrderKey,
    OrderState,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    Stage,
    Term,
    TimeInForce,
    join,
)

KEY = OrderKey("BTCUSDT", "1")
NUMBERS = st.integers(0, 3).map(Decimal)


def maybe(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """None or one of the values."""
    return st.none() | values


def terms(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """None or a versioned value."""
    return maybe(st.builds(Term, values, st.integers(0, 2), st.integers(-1, 1)))


VIEWS = st.builds(
    OrderState,
    key=st.just(KEY),
    stage=maybe(st.sampled_from(Stage)),
    end=maybe(st.sampled_from(End)),
    reason=maybe(st.sampled_from(["a", "b"])),
    cumulative=st.builds(Cumulative, NUMBERS, maybe(NUMBERS), maybe(NUMBERS)),
    price=terms(NUMBERS),
    quantity=terms(NUMBERS),
    stop_price=terms(NUMBERS),
    client_order_id=terms(st.sampled_from(["x", "y"])),
    side=maybe(st.sampled_from(Side)),
    type=maybe(st.sampled_from(OrderType)),
    time_in_force=maybe(st.sampled_from(TimeInForce)),
    reduce_only=maybe(st.booleans()),
    position_side=maybe(st.sampled_from(PositionSide)),
    child_order_id=maybe(st.sampled_from(["8", "9"])),
    created_ns=maybe(st.integers(0, 2)),
    updated_ns=maybe(st.integers(0, 2)),
)


@given(VIEWS, VIEWS)
def test_join_is_commutative(a: OrderState, b: OrderState) -> None:
    """Which of two views came first makes no difference."""
    assert join(a, b) == join(b, a)


@given(VIEWS, VIEWS, VIEWS)
def test_join_is_associative(a: OrderState, b: OrderState, c: OrderState) -> None:
    """How views are grouped makes no difference."""
    assert join(join(a, b), c) == join(a, join(b, c))


@given(VIEWS, VIEWS)
def test_join_is_idempotent(a: OrderState, b: OrderState) -> None:
    """A repeat adds nothing, neither of a view nor of the whole."""
    both = join(a, b)
    assert (a, both, both) == (join(a, a), join(both, a), join(b, both))


@given(VIEWS, VIEWS)
def test_the_quick_join_is_the_join(a: OrderState, b: OrderState) -> None:
    """Where one view knows all that the other does, and where it only nearly does."""
    for new in (a, b, model._merged(a, b)):
        assert join(a, new) == model._merged(a, new)
        assert join(new, a) == model._merged(new, a)


@given(VIEWS, VIEWS)
def test_an_order_only_moves_forward(a: OrderState, b: OrderState) -> None:
    """Filled quantity never falls, and what is final never works again (G3)."""
    both = join(a, b)
    assert both.cumulative.filled >= a.cumulative.filled
    assert not (a.status.is_final and not both.status.is_final)


@given(VIEWS, VIEWS)
def test_two_states_differ_where_their_visible_values_do(a: OrderState, b: OrderState) -> None:
    """The quick comparison gives the answer of the whole one, of a state with another and with their join."""
    both = join(a, b)
    assert (a.visible() != b.visible(), a.visible() != both.visible()) == (a.differs_from(b), both.differs_from(a))


@given(VIEWS, VIEWS)
def test_visible_values_decide_equality_of_what_is_told(a: OrderState, b: OrderState) -> None:
    """Joining a state with what it already shows changes no visible value."""
    both = join(a, b)
    assert both.visible() == join(both, a).visible()


def test_two_updates_are_compared_by_what_can_be_seen() -> None:
    """By `==`, by `!=` and by hash; the version of a price shows nowhere."""
    key = OrderKey("BTCUSDT", "1")
    one, same, other = (
        OrderUpdate(venue="v", account="a", symbol=None, received_ns=1, state=OrderState(key=key, price=price))
        for price in (Term(Decimal(1), 1), Term(Decimal(1), 2), Term(Decimal(2), 2))
    )
    assert (one == same, one != same, hash(one) == hash(same)) == (True, False, True)
    assert (one == other, one != other, one == 1, one != 1) == (False, True, False, True)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ({}, OrderStatus.UNKNOWN),
        ({"stage": Stage.PENDING_NEW}, OrderStatus.PENDING_NEW),
        ({"stage": Stage.NEW}, OrderStatus.NEW),
        ({"stage": Stage.TRIGGERED}, OrderStatus.TRIGGERED),
        ({"stage": Stage.NEW, "cumulative": Cumulative(Decimal(1))}, OrderStatus.PARTIALLY_FILLED),
        ({"end": End.FILLED, "cumulative": Cumulative(Decimal(1))}, OrderStatus.FILLED),
        ({"end": End.CANCELED, "cumulative": Cumulative(Decimal(1))}, OrderStatus.CANCELED),
        ({"end": End.EXPIRED}, OrderStatus.EXPIRED),
        ({"end": End.REJECTED}, OrderStatus.REJECTED),
    ],
)
def test_status_is_derived(state: dict[str, object], status: OrderStatus) -> None:
    """The end decides, then whether anything is filled, then the stage."""
    assert status is OrderState(key=KEY, **state).status  # type: ignore[arg-type]


def test_two_orders_do_not_join() -> None:
    """Views of two different orders have no common state."""
    with pytest.raises(ValueError, match="two different orders"):
        join(OrderState(key=KEY), OrderState(key=OrderKey("BTCUSDT", "2")))

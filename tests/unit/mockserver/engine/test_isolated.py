"""Isolated margin: what stands behind a position, what comes back, what may be moved, and what a liquidation costs."""

from decimal import Decimal

import attrs
import pytest

from mockserver.engine.engine import Engine
from mockserver.engine.isolated import liquidation_price
from mockserver.engine.types import (
    HOUSE,
    BalanceCause,
    BalanceEvent,
    Cancel,
    Deposit,
    ForceClose,
    Kind,
    MoveMargin,
    PositionEvent,
    PositionSide,
    RejectReason,
    SetTerms,
    Side,
)
from tests.unit.mockserver.engine.markets import (
    NOW,
    PERP,
    SPOT,
    UNIT,
    do,
    engine_of,
    limit,
    market,
    number,
    perp,
    refusal,
    spot,
)

FEE = 7 * UNIT // 100
"""What a taker pays for 1 at 100."""


def trade(engine: Engine, side: Side, price: int, quantity: int = 1000, **more: PositionSide) -> None:
    """Let alice take so much from the house at a price that nobody else asks for."""
    do(engine, limit(HOUSE, side.opposite, price, quantity, PERP))
    do(engine, market("alice", side, quantity, PERP, **more))


def stand(engine: Engine) -> tuple[int, int, int]:
    """What alice shares, what she has isolated, and what is available."""
    cash = engine.balance("alice", "USD")
    assert cash.locked == sum(each.wallet for each in engine.positions("alice"))
    return cash.free, cash.locked, engine.margin("alice", "USD").available


def opened() -> Engine:
    """A market where alice has bought 1 at 100, a tenth of it hers."""
    made = engine_of(perp())
    do(made, SetTerms(account="alice", instrument=PERP, leverage=10, isolated=True))
    trade(made, Side.BUY, 10000)
    return made


def test_opening_moves_the_margin_and_pays_the_fee_from_it() -> None:
    """The wallet falls by the fee, what is shared by the margin; profit and loss of the position are its own."""
    engine = opened()
    free = 990 * UNIT
    assert stand(engine) == (free, 10 * UNIT - FEE, free)
    do(engine, limit(HOUSE, Side.BUY, 9500, 1, PERP))
    do(engine, market("bob", Side.SELL, 1, PERP))
    assert stand(engine) == (free, 10 * UNIT - FEE, free)
    assert engine.margin("alice", "USD").need.gained == -5 * UNIT


def test_closing_a_part_brings_its_part_back() -> None:
    """With what it won; a loss that is larger than the part takes from what is left."""
    engine = opened()
    behind = 10 * UNIT - FEE
    trade(engine, Side.SELL, 10400, 250)
    gain, fee = UNIT, 26 * 7 * UNIT // 10_000
    assert stand(engine)[:2] == (990 * UNIT + behind // 4 + gain - fee, behind - behind // 4)
    trade(engine, Side.SELL, 8900, 250)  # loses 2.75, and a third of what is left is less
    fee_2 = Decimal("22.25") * 7 * UNIT / 10_000
    left = behind - behind // 4 - 275 * UNIT // 100 - int(fee_2)
    assert stand(engine)[1] == left
    trade(engine, Side.SELL, 10000, 500)
    assert stand(engine)[1] == 0
    moves = [(each.amount > 0, each.by_trade) for each in engine.margin_moves("alice")]
    assert moves == [(True, True), (False, True), (False, True), (False, True)]


def test_a_position_that_turns_is_a_new_one() -> None:
    """What stood behind the old one comes back, and the new one gets its margin."""
    engine = opened()
    trade(engine, Side.SELL, 10000, 3000)
    assert stand(engine)[1] == 20 * UNIT - 3 * FEE
    assert engine.position("alice", PERP).quantity == -2000


def test_a_position_without_a_cross_one_beside_it_does_not_feed_the_others() -> None:
    """Its profit is no margin for other orders; orders that open more of it need what is shared."""
    engine = opened()
    do(engine, limit(HOUSE, Side.SELL, 12000, 1, PERP))
    do(engine, market("bob", Side.BUY, 1, PERP))
    assert stand(engine)[2] == 990 * UNIT
    assert refusal(engine, limit("alice", Side.BUY, 11000, 91_000, PERP)) is RejectReason.INSUFFICIENT_BALANCE
    do(engine, limit("alice", Side.BUY, 11000, 80_000, PERP))
    assert stand(engine)[2] == 990 * UNIT - 880 * UNIT


def test_two_positions_have_each_their_own() -> None:
    """Hedge mode: long and short of one market do not share."""
    engine = engine_of(perp())
    do(engine, SetTerms(account="alice", hedged=True))
    do(engine, SetTerms(account="alice", instrument=PERP, leverage=10, isolated=True))
    trade(engine, Side.BUY, 10000, position_side=PositionSide.LONG)
    trade(engine, Side.SELL, 10000, 500, position_side=PositionSide.SHORT)
    assert [each.wallet for each in engine.positions("alice")] == [10 * UNIT - FEE, 5 * UNIT - FEE // 2]
    move = MoveMargin(account="alice", instrument=PERP, amount=UNIT)
    assert refusal(engine, move) is RejectReason.POSITION_SIDE
    do(engine, MoveMargin(account="alice", instrument=PERP, amount=UNIT, position_side=PositionSide.SHORT))
    assert [each.wallet for each in engine.positions("alice")] == [10 * UNIT - FEE, 6 * UNIT - FEE // 2]


def test_margin_moves_there_and_back() -> None:
    """As far as what is available, and not below what the position needs; both are told with their cause."""
    engine = opened()
    move = MoveMargin(account="alice", instrument=PERP, amount=990 * UNIT)
    told = engine.apply(move, NOW).events
    assert [each.cause for each in told if isinstance(each, BalanceEvent)] == [BalanceCause.MARGIN]
    assert [each.position.wallet for each in told if isinstance(each, PositionEvent)] == [1000 * UNIT - FEE]
    more = MoveMargin(account="alice", instrument=PERP, amount=1)
    assert refusal(engine, more) is RejectReason.INSUFFICIENT_BALANCE
    spare = 990 * UNIT - FEE
    less = MoveMargin(account="alice", instrument=PERP, amount=-spare - 1)
    assert refusal(engine, less) is RejectReason.INSUFFICIENT_BALANCE
    do(engine, MoveMargin(account="alice", instrument=PERP, amount=-spare))
    assert stand(engine)[:2] == (spare, 10 * UNIT)
    assert [each.amount for each in engine.margin_moves("alice") if not each.by_trade] == [990 * UNIT, -spare]


def test_margin_moves_only_to_an_open_isolated_position() -> None:
    """Nothing else has margin of its own."""
    engine = opened()
    trade(engine, Side.SELL, 10000)
    for account, instrument, reason in (
        ("alice", PERP, RejectReason.NO_POSITION),
        ("bob", PERP, RejectReason.NOT_ISOLATED),
        ("alice", "NO", RejectReason.UNKNOWN_INSTRUMENT),
        ("nobody", PERP, RejectReason.UNKNOWN_ACCOUNT),
    ):
        assert refusal(engine, MoveMargin(account=account, instrument=instrument, amount=UNIT)) is reason


def test_what_orders_and_shared_positions_need_does_not_move() -> None:
    """Neither what an order would open with, nor what a shared position must keep, whatever it has won."""
    engine = engine_of(perp(), attrs.evolve(perp(), name="OTHER"))
    do(engine, SetTerms(account="alice", instrument=PERP, leverage=10, isolated=True))
    trade(engine, Side.BUY, 10000)
    placed = number(do(engine, limit("alice", Side.BUY, 9000, 1000, PERP)))
    too_much = MoveMargin(account="alice", instrument=PERP, amount=981 * UNIT + 1)
    assert refusal(engine, too_much) is RejectReason.INSUFFICIENT_BALANCE
    do(engine, attrs.evolve(too_much, amount=981 * UNIT))
    do(engine, attrs.evolve(too_much, amount=-981 * UNIT + FEE))
    do(engine, Cancel(account="alice", instrument=PERP, order_id=placed))
    do(engine, limit(HOUSE, Side.SELL, 10000, 1000, "OTHER"))
    do(engine, market("alice", Side.BUY, 1000, "OTHER"))
    do(engine, limit(HOUSE, Side.SELL, 20000, 1, "OTHER"))
    do(engine, market("bob", Side.BUY, 1, "OTHER"))
    spare = 990 * UNIT - 2 * FEE - 5 * UNIT  # 2.5 % of 200; it has won 100, and would open with 10
    assert refusal(engine, attrs.evolve(too_much, amount=spare + 1)) is RejectReason.INSUFFICIENT_BALANCE
    do(engine, attrs.evolve(too_much, amount=spare))


def test_a_losing_position_may_get_more_but_gives_nothing() -> None:
    """What it must keep is not spare, though it has lost."""
    engine = opened()
    do(engine, limit(HOUSE, Side.BUY, 9200, 1, PERP))
    do(engine, market("bob", Side.SELL, 1, PERP))
    assert refusal(engine, MoveMargin(account="alice", instrument=PERP, amount=-1)) is RejectReason.INSUFFICIENT_BALANCE
    do(engine, MoveMargin(account="alice", instrument=PERP, amount=1))


@pytest.mark.parametrize(("price", "shared"), [(9500, 995), (8000, 990)])
def test_a_liquidation_costs_what_stood_behind_the_position_at_most(price: int, shared: int) -> None:
    """What is left comes back; what is missing the house pays. No cash is made or lost."""
    engine = opened()
    everything = sum(engine.balance(name, "USD").total for name in engine.accounts()) + engine.fees_collected("USD")
    do(engine, ForceClose(account="alice", instrument=PERP, kind=Kind.LIQUIDATION, price=price))
    fees = FEE + price * 7 * UNIT // 1_000_000
    cash = engine.balance("alice", "USD")
    assert (cash.free, cash.locked) == (shared * UNIT - (fees if shared > 990 else 0), 0)
    now = sum(engine.balance(name, "USD").total for name in engine.accounts()) + engine.fees_collected("USD")
    costs = sum(each.entry_quote for name in engine.accounts() for each in engine.positions(name))
    assert now - costs == everything  # at first alice's and the house's positions cost the same


def test_each_isolated_position_is_liquidated_by_itself() -> None:
    """Once less is left of it than it must keep, at the price that is told; the shared ones are another matter."""
    engine = opened()
    position = engine.position("alice", PERP)
    price = liquidation_price(engine.instruments[PERP], position)
    assert price is not None
    ticks = int(price * 100)
    do(engine, limit(HOUSE, Side.BUY, ticks + 1, 1, PERP))
    do(engine, market("bob", Side.SELL, 1, PERP))
    assert engine.gone("alice", "USD") == ()
    do(engine, limit(HOUSE, Side.BUY, ticks, 1, PERP))
    do(engine, market("bob", Side.SELL, 1, PERP))
    assert engine.gone("alice", "USD") == (position,)
    assert engine.gone("bob", "USD") == ()
    assert not engine.margin("alice", "USD").is_gone


def test_a_short_position_has_a_price_too_and_one_that_is_paid_in_full_has_none() -> None:
    """The one lies above what it was sold at; the other can lose no more than it has."""
    engine = opened()
    trade(engine, Side.SELL, 10000, 2000)
    price = liquidation_price(engine.instruments[PERP], engine.position("alice", PERP))
    assert price is not None
    assert price.quantize(Decimal("1E-8")) == (Decimal("109.86") / Decimal("1.025")).quantize(Decimal("1E-8"))
    trade(engine, Side.BUY, 10000, 2000)
    do(engine, MoveMargin(account="alice", instrument=PERP, amount=91 * UNIT))
    assert liquidation_price(engine.instruments[PERP], engine.position("alice", PERP)) is None


def test_funding_is_paid_by_the_position_itself() -> None:
    """What is shared stays as it is."""
    engine = opened()
    paid = Deposit(account="alice", asset="USD", amount=-UNIT, cause=BalanceCause.FUNDING, instrument=PERP)
    told = engine.apply(paid, NOW).events
    assert stand(engine)[:2] == (990 * UNIT, 9 * UNIT - FEE)
    assert [each.position.wallet for each in told if isinstance(each, PositionEvent)] == [9 * UNIT - FEE]


def test_the_margin_mode_and_less_leverage_wait_until_nothing_is_open() -> None:
    """More leverage does not: what stands behind the position stays there."""
    engine = opened()
    other = SetTerms(account="alice", instrument=PERP, isolated=False)
    assert refusal(engine, other) is RejectReason.HAS_POSITION
    assert refusal(engine, SetTerms(account="alice", instrument=PERP, leverage=9)) is RejectReason.HAS_POSITION
    do(engine, SetTerms(account="alice", instrument=PERP, leverage=20))
    assert stand(engine)[1] == 10 * UNIT - FEE
    do(engine, limit("alice", Side.BUY, 9000, 1, PERP))
    assert refusal(engine, other) is RejectReason.HAS_ORDERS
    on_spot = SetTerms(account="alice", instrument=SPOT, isolated=True)
    assert refusal(engine_of(spot()), on_spot) is RejectReason.NOT_ALLOWED

"""Orders that wait for a trade price under their own id: what sets them off, what they lock, what becomes of them."""

from decimal import Decimal
from typing import Any

import attrs
import pytest

from mockserver.engine.engine import Engine
from mockserver.engine.types import (
    HOUSE,
    Amend,
    Cancel,
    Event,
    Expire,
    Fill,
    OrderChange,
    OrderEvent,
    OrderStatus,
    OrderType,
    OrderView,
    Place,
    Reason,
    RejectReason,
    Side,
    TimeInForce,
    Trigger,
    TriggerOrder,
    TriggerWhen,
)
from tests.unit.mockserver.engine.markets import (
    NOW,
    PERP,
    SPOT,
    UNIT,
    do,
    engine_of,
    limit,
    number,
    perp,
    refusal,
    spot,
    story,
)

BUY, SELL = Side.BUY, Side.SELL
ABOVE, BELOW = TriggerWhen.ABOVE, TriggerWhen.BELOW


@pytest.fixture
def engine() -> Engine:
    """A spot market whose last trade was at 100."""
    engine = engine_of(spot())
    print_trade(engine, 10_000)
    return engine


def print_trade(engine: Engine, ticks: int, quantity: int = 2) -> tuple[Event, ...]:
    """Let the house trade with itself at a price; return the events."""
    sides = [engine.apply(limit(HOUSE, side, ticks, quantity), NOW) for side in (SELL, BUY)]
    return sides[0].events + sides[1].events


def stop(
    side: Side, when: TriggerWhen, at: str | None, ticks: int | None = None, ratio: str | None = None, **more: Any
) -> Place:
    """Return an order for one ABC, at the market unless a limit price in ticks is given, that waits."""
    trigger = Trigger(
        when=when,
        price=None if at is None else Decimal(at),
        trail_ratio=None if ratio is None else Decimal(ratio),
    )
    kind = OrderType.MARKET if ticks is None else OrderType.LIMIT
    terms: dict[str, Any] = {"quantity": 1_000, "type": kind, "price": ticks, "trigger": trigger, **more}
    return Place(account="alice", instrument=SPOT, side=side, **terms)


def view_of(engine: Engine, order_id: int) -> OrderView:
    """Return an order as it is now."""
    view = engine.order(SPOT, order_id)
    assert view is not None
    return view


@pytest.mark.parametrize(
    ("side", "when", "price", "not_yet", "sets_off"),
    [
        (BUY, ABOVE, "101", 10_099, 10_100),
        (SELL, BELOW, "99", 9_901, 9_900),
        (BUY, BELOW, "99", 9_901, 9_850),
        (SELL, ABOVE, "101", 10_099, 10_150),
    ],
)
def test_a_trade_at_the_price_or_beyond_sets_it_off(
    engine: Engine, side: Side, when: TriggerWhen, price: str, not_yet: int, sets_off: int
) -> None:
    """Stop losses and take profits of both sides: told as NEW and waiting, then as working, then they trade."""
    order_id = number(do(engine, stop(side, when, price)))
    assert (view_of(engine, order_id).status, view_of(engine, order_id).working_ns) == (OrderStatus.NEW, None)
    print_trade(engine, not_yet)
    assert view_of(engine, order_id).waits
    do(engine, limit(HOUSE, side.opposite, sets_off, 5_000))
    events = print_trade(engine, sets_off)
    mine = [e for e in events if isinstance(e, OrderEvent) and e.order.order_id == order_id]
    assert [event.change for event in mine] == [OrderChange.WORKING, OrderChange.TRADE]
    assert (view_of(engine, order_id).status, view_of(engine, order_id).working_ns) == (OrderStatus.FILLED, NOW)


@pytest.mark.parametrize(("side", "when", "price"), [(BUY, ABOVE, "100"), (SELL, BELOW, "101"), (SELL, ABOVE, "99")])
def test_one_that_would_be_set_off_at_once_is_refused(
    engine: Engine, side: Side, when: TriggerWhen, price: str
) -> None:
    """The last trade is looked at when an order comes."""
    assert refusal(engine, stop(side, when, price)) is RejectReason.WOULD_TRIGGER


def test_without_a_trade_nothing_is_there_to_look_at() -> None:
    """Before the first trade no stop would be set off at once."""
    assert refusal(engine_of(spot()), stop(SELL, BELOW, "101")) is None


# The scenarios of the venue's own FAQ, in ticks of 0.01: side, when, stop price, ratio, trades that do not set it off,
# and one that does.
SCENARIOS = [
    (BUY, ABOVE, "440", "0.05", (40_000, 37_000, 44_000, 45_000, 46_000, 42_000, 44_099), 44_100),
    (SELL, BELOW, "390", "0.1", (40_000, 41_500, 39_000, 37_000, 41_000, 36_901), 36_900),
    (BUY, BELOW, "380", "0.085", (40_000, 42_000, 38_000, 37_000, 39_000, 38_000, 40_144), 40_145),
    (SELL, ABOVE, "420", "0.075", (40_000, 41_500, 39_000, 42_000, 45_000, 44_000, 46_500, 43_013), 43_012),
    (SELL, BELOW, None, "0.07", (42_000, 39_500, 45_500, 42_316), 42_315),
]


@pytest.mark.parametrize(("side", "when", "price", "ratio", "quiet", "sets_off"), SCENARIOS)
def test_trailing_follows_the_market(
    side: Side, when: TriggerWhen, price: str | None, ratio: str, quiet: tuple[int, ...], sets_off: int
) -> None:
    """The five scenarios of the trailing-stop FAQ."""
    engine = engine_of(spot())
    print_trade(engine, 40_000)
    order = stop(side, when, price, ratio=ratio, ticks=40_000, quantity=10)
    order_id = number(do(engine, order))
    for ticks in quiet:
        print_trade(engine, ticks)
        assert view_of(engine, order_id).waits, ticks
    print_trade(engine, sets_off)
    assert view_of(engine, order_id).working_ns == NOW


def test_when_it_began_to_look_is_known(engine: Engine) -> None:
    """A trail without a price looks at once, one with a price from the trade that meets it on."""
    at_once = number(do(engine, stop(SELL, BELOW, None, ratio="0.01")))
    later = number(do(engine, stop(SELL, ABOVE, "101", ratio="0.01")))
    print_trade(engine, 10_050)
    assert view_of(engine, later).looking_ns is None
    print_trade(engine, 10_100)
    assert view_of(engine, later).looking_ns == NOW
    assert view_of(engine, at_once).waits


def test_what_waits_locks_its_funds(engine: Engine) -> None:
    """A sell its base, a buy what it may cost at its price or its trigger's; a cancel gives all back."""
    sell = number(do(engine, stop(SELL, BELOW, "99")))
    buy = number(do(engine, stop(BUY, ABOVE, "101", ticks=10_200)))
    market = number(do(engine, stop(BUY, ABOVE, "101")))
    assert engine.balance("alice", "ABC").locked == UNIT
    assert engine.balance("alice", "USD").locked == (102 + 101) * UNIT
    for order_id in (sell, buy, market):
        do(engine, Cancel(account="alice", instrument=SPOT, order_id=order_id))
    assert {b.asset: b.locked for b in engine.balances("alice")} == {"ABC": 0, "USD": 0}
    assert refusal(engine, stop(SELL, BELOW, "99", quantity=10_001)) is RejectReason.INSUFFICIENT_BALANCE


def test_what_waits_is_not_in_the_book(engine: Engine) -> None:
    """It can be ended and set off by force, but not filled; after its end nothing sets it off."""
    order_id = number(do(engine, stop(SELL, BELOW, "99", ticks=9_800)))
    assert engine.depth(SPOT).asks == ()
    assert refusal(engine, Fill(instrument=SPOT, order_id=order_id)) is RejectReason.NOT_ALLOWED
    do(engine, Expire(instrument=SPOT, order_id=order_id))
    assert {told[0] for told in story(print_trade(engine, 9_900))} == {"public", HOUSE}
    assert view_of(engine, order_id).status is OrderStatus.EXPIRED
    forced = number(do(engine, stop(SELL, BELOW, "90", ticks=9_800)))
    do(engine, TriggerOrder(instrument=SPOT, order_id=forced))
    assert engine.depth(SPOT).asks == ((9_800, 1_000),)
    assert refusal(engine, TriggerOrder(instrument=SPOT, order_id=forced)) is RejectReason.NOT_ALLOWED


@pytest.mark.parametrize("ticks", [None, 9_800])
def test_what_waits_can_get_smaller(engine: Engine, ticks: int | None) -> None:
    """And locks less then; neither larger nor dearer."""
    order_id = number(do(engine, stop(SELL, BELOW, "99", ticks)))
    amend = Amend(account="alice", instrument=SPOT, order_id=order_id)
    for worse in (attrs.evolve(amend, quantity=1_001), attrs.evolve(amend, price=9_700)):
        assert refusal(engine, worse) is RejectReason.NOT_ALLOWED
    do(engine, attrs.evolve(amend, quantity=400))
    assert engine.balance("alice", "ABC").locked == UNIT * 4 // 10
    assert (view_of(engine, order_id).quantity, view_of(engine, order_id).waits) == (400, True)
    do(engine, limit(HOUSE, BUY, 9_900, 5_000))
    print_trade(engine, 9_900)
    assert view_of(engine, order_id).filled == 400


def test_what_gets_smaller_does_not_lock_more_than_there_is(engine: Engine) -> None:
    """A trailing buy without a price is reckoned at the last one, which may have risen since."""
    order_id = number(do(engine, stop(BUY, ABOVE, None, ratio="0.2", quantity=10_000)))
    assert engine.balance("alice", "USD").free == 0
    print_trade(engine, 11_900)
    amend = Amend(account="alice", instrument=SPOT, order_id=order_id)
    assert refusal(engine, attrs.evolve(amend, quantity=9_900)) is RejectReason.INSUFFICIENT_BALANCE
    do(engine, attrs.evolve(amend, quantity=8_000))
    assert engine.balance("alice", "USD").locked == 952 * UNIT


def test_a_market_stop_that_cannot_be_paid_for_expires(engine: Engine) -> None:
    """The trade price that sets it off says nothing of what the book asks for."""
    order_id = number(do(engine, stop(BUY, ABOVE, "101", quantity=9_000)))
    do(engine, limit(HOUSE, SELL, 20_000, 9_000))
    print_trade(engine, 10_100)
    view = view_of(engine, order_id)
    assert (view.status, view.reason, view.filled) == (OrderStatus.EXPIRED, Reason.REFUSED, 0)
    assert engine.balance("alice", "USD").locked == 0


def test_a_stop_that_finds_nothing_expires_like_any_other(engine: Engine) -> None:
    """A market order without a counterpart, and a limit IOC whose price is not there."""
    market = number(do(engine, stop(SELL, BELOW, "99")))
    ioc = number(do(engine, stop(SELL, BELOW, "99", ticks=9_950, tif=TimeInForce.IOC)))
    print_trade(engine, 9_900)
    reasons = [view_of(engine, order_id).reason for order_id in (market, ioc)]
    assert reasons == [Reason.NO_LIQUIDITY, Reason.IOC_REMAINDER]


def test_one_sets_off_the_next(engine: Engine) -> None:
    """A stop's own trades are trades like any other, and the oldest goes first."""
    do(engine, limit(HOUSE, BUY, 9_900, 1_000))
    do(engine, limit(HOUSE, BUY, 9_800, 1_000))
    do(engine, limit(HOUSE, BUY, 9_700, 1_000))
    orders = [number(do(engine, stop(SELL, BELOW, price))) for price in ("98", "99", "99")]
    events = print_trade(engine, 9_900, 1_001)
    working = [e.order.order_id for e in events if isinstance(e, OrderEvent) and e.change is OrderChange.WORKING]
    assert working == [orders[1], orders[2], orders[0]]


def test_a_quote_sized_order_does_not_wait(engine: Engine) -> None:
    """What it would buy is not known before it trades."""
    order = attrs.evolve(stop(BUY, ABOVE, "101"), quantity=None, quote_amount=100 * UNIT)
    assert refusal(engine, order) is RejectReason.NOT_ALLOWED


@pytest.mark.parametrize(("bid", "ends"), [(9_700, OrderStatus.NEW), (9_900, OrderStatus.EXPIRED)])
def test_a_post_only_order_waits_too(engine: Engine, bid: int, ends: OrderStatus) -> None:
    """And expires if it would take when it is set off."""
    order_id = number(do(engine, stop(SELL, BELOW, "99", ticks=9_800, post_only=True)))
    do(engine, limit(HOUSE, BUY, bid, 5_000))
    do(engine, TriggerOrder(instrument=SPOT, order_id=order_id))
    assert view_of(engine, order_id).status is ends


def test_what_closes_a_position_has_its_size_when_it_is_set_off() -> None:
    """Whatever that was when it began to wait, nothing included; without a position it expires unseen by the market."""
    engine = engine_of(perp())
    closing = attrs.evolve(stop(SELL, BELOW, "99"), instrument=PERP, quantity=None, reduce_only=True)
    assert refusal(engine, attrs.evolve(closing, reduce_only=False)) is RejectReason.BAD_QUANTITY
    order_id, idle = number(do(engine, closing)), number(do(engine, closing))
    do(engine, attrs.evolve(limit(HOUSE, SELL, 10_000, 700), instrument=PERP))
    do(engine, attrs.evolve(limit("alice", BUY, 10_000, 700), instrument=PERP))
    do(engine, attrs.evolve(limit(HOUSE, BUY, 9_900, 5_000), instrument=PERP))
    do(engine, TriggerOrder(instrument=PERP, order_id=order_id))  # whose trade sets off the other
    done, never = engine.order(PERP, order_id), engine.order(PERP, idle)
    assert done is not None
    assert never is not None
    assert (done.status, done.quantity, done.filled) == (OrderStatus.FILLED, 700, 700)
    assert (never.status, never.reason, never.working_ns) == (OrderStatus.EXPIRED, Reason.REDUCE_ONLY, None)
    assert [position.quantity for position in engine.positions("alice")] == [0]

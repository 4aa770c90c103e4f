"""Placing an order, by example: what it locks, what it trades, what becomes of the rest, and what is refused."""

from typing import Any

import pytest

from mockserver.engine.engine import Engine
from mockserver.engine.ids import FTX_IDS
from mockserver.engine.types import (
    HOUSE,
    Cancel,
    CancelAll,
    FeeRule,
    OnCross,
    OrderEvent,
    OrderStatus,
    OrderType,
    Place,
    Reason,
    RejectReason,
    SelfTrade,
    Side,
    TimeInForce,
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
    story,
)


@pytest.fixture
def engine() -> Engine:
    """Both markets; alice and bob own 1,000 USD and 10 ABC each."""
    return engine_of(spot(), perp())


def test_resting_order_locks_its_cost(engine: Engine) -> None:
    """A limit buy of 2 at 99 is told as NEW and moves 198 USD from free to locked; both assets are told."""
    result = engine.apply(limit("alice", Side.BUY, 9900, 2000), NOW)
    assert story(result.events) == [
        ("alice", "NEW", "NEW"),
        ("alice", f"ABC {10 * UNIT} 0", f"USD {802 * UNIT} {198 * UNIT}"),
    ]


def test_trade_tells_public_taker_maker_then_balances(engine: Engine) -> None:
    """A market sell into a bid tells the public trade, the taker's side, the maker's side, then each one's balances."""
    do(engine, limit("alice", Side.BUY, 10000, 2000))
    result = engine.apply(market("bob", Side.SELL, 1000), NOW)
    assert story(result.events) == [
        ("bob", "NEW", "NEW"),
        ("public", "10000", "1000"),
        ("bob", "TRADE", "FILLED"),
        ("alice", "TRADE", "PARTIALLY_FILLED"),
        ("bob", f"ABC {9 * UNIT} 0", f"USD {1100 * UNIT - UNIT // 10} 0"),
        ("alice", f"ABC {11 * UNIT - UNIT // 1000} 0", f"USD {800 * UNIT} {100 * UNIT}"),
    ]


def test_sweep_takes_best_prices_first_and_rests_the_rest(engine: Engine) -> None:
    """A limit buy of 5 takes 1 at 100 and 2 at 101, rests 2 at 101, and gets the better price back."""
    for price, quantity in ((10100, 2000), (10000, 1000), (10200, 9000)):
        do(engine, limit(HOUSE, Side.SELL, price, quantity))
    reply = do(engine, limit("alice", Side.BUY, 10100, 5000))
    assert [(e.price, e.quantity, e.maker) for e in reply.executions] == [(10000, 1000, False), (10100, 2000, False)]
    assert reply.order is not None
    assert (reply.order.status, reply.order.filled) == (OrderStatus.PARTIALLY_FILLED, 3000)
    assert engine.depth(SPOT).bids == ((10100, 2000),)
    assert engine.balance("alice", "USD").locked == 202 * UNIT
    assert engine.balance("alice", "USD").total == (1000 - 100 - 202) * UNIT


def test_fee_is_in_the_asset_received(engine: Engine) -> None:
    """On Binance spot a buyer pays 0.1 % in base and a seller in quote, maker and taker alike."""
    do(engine, limit("alice", Side.BUY, 10000, 1000))
    taker = do(engine, market("bob", Side.SELL, 1000)).executions[0]
    (maker,) = engine.executions("alice")
    assert (taker.fee, taker.fee_asset) == (UNIT // 10, "USD")
    assert (maker.fee, maker.fee_asset) == (UNIT // 1000, "ABC")
    assert taker.trade_id == maker.trade_id
    assert taker.fill_id != maker.fill_id


def test_quote_fee_is_reserved_on_top_and_rebate_is_paid() -> None:
    """With fees in quote a buy of all one's money is refused; a maker with a rebate ends with more than the price."""
    engine = engine_of(spot(FeeRule.QUOTE, maker_fee=-5_000, taker_fee=70_000), ids=FTX_IDS)
    assert refusal(engine, limit("alice", Side.BUY, 10000, 10000)) is RejectReason.INSUFFICIENT_BALANCE
    do(engine, limit("alice", Side.SELL, 10000, 1000))
    do(engine, market("bob", Side.BUY, 1000))
    (maker,) = engine.executions("alice")
    assert (maker.fee, maker.fee_asset) == (-5_000 * 100, "USD")
    assert engine.balance("alice", "USD").free == 1100 * UNIT + 500_000


def test_market_order_without_counterpart_expires(engine: Engine) -> None:
    """A market order takes what there is and expires with the rest unfilled."""
    do(engine, limit(HOUSE, Side.SELL, 10000, 1000))
    result = engine.apply(market("alice", Side.BUY, 3000), NOW)
    assert [entry for entry in story(result.events) if entry[0] == "alice"][:3] == [
        ("alice", "NEW", "NEW"),
        ("alice", "TRADE", "PARTIALLY_FILLED"),
        ("alice", "EXPIRED", "EXPIRED"),
    ]
    assert result.reply.order is not None
    assert (result.reply.order.filled, result.reply.order.reason) == (1000, Reason.NO_LIQUIDITY)


def test_quote_sized_market_order_buys_what_the_amount_affords(engine: Engine) -> None:
    """150 USD buy 1 at 100 and 0.495 at 101 (49.995 USD); the order's quantity says so from the start."""
    do(engine, limit(HOUSE, Side.SELL, 10000, 1000))
    do(engine, limit(HOUSE, Side.SELL, 10100, 9000))
    result = engine.apply(market("alice", Side.BUY, None, quote_amount=150 * UNIT), NOW)
    first = result.events[0]
    assert isinstance(first, OrderEvent)
    assert first.order.quantity == 1495
    assert result.reply.order is not None
    assert result.reply.order.status is OrderStatus.FILLED
    assert result.reply.order.filled_quote == 149_995 * UNIT // 1000


def test_quote_sized_order_in_an_empty_book_expires(engine: Engine) -> None:
    """With nothing to buy the quantity is 0 and the order expires."""
    reply = do(engine, market("alice", Side.BUY, None, quote_amount=150 * UNIT))
    assert reply.order is not None
    assert (reply.order.quantity, reply.order.status) == (0, OrderStatus.EXPIRED)


@pytest.mark.parametrize(
    ("tif", "quantity", "filled", "reason"),
    [
        (TimeInForce.IOC, 3000, 2000, Reason.IOC_REMAINDER),
        (TimeInForce.FOK, 3000, 0, Reason.FOK_UNFILLED),
        (TimeInForce.FOK, 2000, 2000, None),
    ],
)
def test_time_in_force(engine: Engine, tif: TimeInForce, quantity: int, filled: int, reason: Reason | None) -> None:
    """IOC fills what it can and expires; FOK fills wholly or not at all; worse prices do not count."""
    do(engine, limit(HOUSE, Side.SELL, 10000, 2000))
    do(engine, limit(HOUSE, Side.SELL, 10100, 2000))
    reply = do(engine, limit("alice", Side.BUY, 10000, quantity, tif=tif))
    assert reply.order is not None
    assert (reply.order.filled, reply.order.reason) == (filled, reason)
    assert engine.balance("alice", "USD").locked == 0


def test_post_only_that_would_take(engine: Engine) -> None:
    """A crossing post-only order is refused, or accepted and expired at once, as its venue does it."""
    do(engine, limit(HOUSE, Side.SELL, 10000, 2000))
    crossing = limit("alice", Side.BUY, 10000, 1000, post_only=True)
    assert refusal(engine, crossing) is RejectReason.WOULD_MATCH
    result = engine.apply(limit("alice", Side.BUY, 10000, 1000, post_only=True, on_cross=OnCross.EXPIRE), NOW)
    assert story(result.events)[:2] == [("alice", "NEW", "NEW"), ("alice", "EXPIRED", "EXPIRED")]
    resting = do(engine, limit("alice", Side.BUY, 9999, 1000, post_only=True)).order
    assert resting is not None
    assert resting.on_book


@pytest.mark.parametrize(
    ("mode", "taker_status", "maker_status"),
    [
        (SelfTrade.NONE, OrderStatus.FILLED, OrderStatus.FILLED),
        (SelfTrade.EXPIRE_MAKER, OrderStatus.NEW, OrderStatus.EXPIRED),
        (SelfTrade.EXPIRE_TAKER, OrderStatus.EXPIRED, OrderStatus.NEW),
        (SelfTrade.EXPIRE_BOTH, OrderStatus.EXPIRED, OrderStatus.EXPIRED),
    ],
)
def test_self_trade(engine: Engine, mode: SelfTrade, taker_status: OrderStatus, maker_status: OrderStatus) -> None:
    """The taker's mode decides what becomes of two orders of one account that meet; NONE is one trade, two sides."""
    maker = do(engine, limit("alice", Side.SELL, 10000, 1000))
    taker = do(engine, limit("alice", Side.BUY, 10000, 1000, self_trade=mode))
    resting = engine.order(SPOT, number(maker))
    assert taker.order is not None
    assert resting is not None
    assert (taker.order.status, resting.status) == (taker_status, maker_status)
    assert len({e.trade_id for e in engine.executions("alice")}) == (mode is SelfTrade.NONE)
    assert len(engine.executions("alice")) == (2 if mode is SelfTrade.NONE else 0)


def test_self_trade_modes_look_ahead(engine: Engine) -> None:
    """A FOK that would only fill against its own order expires, whatever the mode but NONE."""
    for mode, filled in ((SelfTrade.EXPIRE_MAKER, 0), (SelfTrade.EXPIRE_TAKER, 0), (SelfTrade.NONE, 1000)):
        do(engine, limit("alice", Side.SELL, 10000, 1000))
        fok = do(engine, limit("alice", Side.BUY, 10000, 1000, self_trade=mode, tif=TimeInForce.FOK))
        assert fok.order is not None
        assert fok.order.filled == filled
        do(engine, CancelAll(account="alice"))


REFUSED: list[tuple[dict[str, Any], RejectReason]] = [
    ({"account": "nobody"}, RejectReason.UNKNOWN_ACCOUNT),
    ({"instrument": "NO"}, RejectReason.UNKNOWN_INSTRUMENT),
    ({"price": None}, RejectReason.BAD_PRICE),
    ({"price": 0}, RejectReason.BAD_PRICE),
    ({"type": OrderType.MARKET}, RejectReason.BAD_PRICE),
    ({"quantity": None}, RejectReason.BAD_QUANTITY),
    ({"quantity": 0}, RejectReason.BAD_QUANTITY),
    ({"quantity": 9_000_001}, RejectReason.BAD_QUANTITY),
    ({"quote_amount": 5}, RejectReason.BAD_QUANTITY),
    ({"quantity": None, "quote_amount": 5}, RejectReason.NOT_ALLOWED),
    ({"price": 50, "quantity": 1}, RejectReason.MIN_NOTIONAL),
    ({"post_only": True, "tif": TimeInForce.IOC}, RejectReason.NOT_ALLOWED),
    ({"client_id": "taken"}, RejectReason.DUPLICATE_CLIENT_ID),
    ({"quantity": 100_000}, RejectReason.INSUFFICIENT_BALANCE),
    ({"side": Side.SELL, "quantity": 10_001}, RejectReason.INSUFFICIENT_BALANCE),
    ({"instrument": PERP, "account": "poor"}, RejectReason.INSUFFICIENT_BALANCE),
    ({"type": OrderType.MARKET, "price": None, "quantity": 100_000}, RejectReason.INSUFFICIENT_BALANCE),
]


@pytest.mark.parametrize(("terms", "reason"), REFUSED)
def test_orders_that_are_refused(engine: Engine, terms: dict[str, Any], reason: RejectReason) -> None:
    """Each bad term is refused for its own reason."""
    engine.open_account("poor")
    do(engine, limit("alice", Side.BUY, 9000, 1000, client_id="taken"))
    do(engine, limit(HOUSE, Side.SELL, 10000, 1_000_000))
    good: dict[str, object] = {
        "account": "alice",
        "instrument": SPOT,
        "side": Side.BUY,
        "price": 9900,
        "quantity": 1000,
    }
    assert refusal(engine, Place(**(good | terms))) is reason  # type: ignore[arg-type]


def test_client_ids_are_unique_as_each_venue_wants(engine: Engine) -> None:
    """Spot frees an id when its order ends, FTX never does, USD-M never cares."""
    ended = number(do(engine, limit("alice", Side.BUY, 9000, 1000, client_id="x")))
    do(engine, Cancel(account="alice", instrument=SPOT, order_id=ended))
    again = limit("alice", Side.BUY, 9000, 1000, client_id="x")
    assert refusal(engine, limit("alice", Side.BUY, 9000, 1000, client_id="x", unique_client_id="ever")) is (
        RejectReason.DUPLICATE_CLIENT_ID
    )
    second = do(engine, again)
    do(engine, limit("alice", Side.BUY, 9000, 1000, client_id="x", unique_client_id="no"))
    assert second.order is not None
    assert refusal(engine, again) is RejectReason.DUPLICATE_CLIENT_ID
    assert refusal(engine, limit("bob", Side.BUY, 9000, 1000, client_id="x")) is None


def test_newest_open_order_answers_to_a_client_id(engine: Engine) -> None:
    """Asked by client id, an open order answers before an ended one, and of ended ones the newest."""
    first = number(do(engine, limit("alice", Side.BUY, 9000, 1000, client_id="x")))
    do(engine, Cancel(account="alice", instrument=SPOT, order_id=first))
    second = number(do(engine, limit("alice", Side.BUY, 9000, 1000, client_id="x")))
    found = engine.order_by_client_id("alice", "x", SPOT)
    assert found is not None
    assert found.order_id == second
    do(engine, Cancel(account="alice", instrument=SPOT, order_id=second))
    found = engine.order_by_client_id("alice", "x")
    assert found is not None
    assert found.order_id == second
    assert engine.order_by_client_id("alice", "x", PERP) is None


@pytest.mark.parametrize("others", [200, 400])
def test_fill_or_kill_counts_only_what_would_trade(engine: Engine, others: int) -> None:
    """What self-trade prevention would take off the order is not filled, however much lies behind it."""
    do(engine, limit("alice", Side.SELL, 10000, 200))
    do(engine, limit("bob", Side.SELL, 10000, others))
    killed = limit("alice", Side.BUY, 10000, 400, tif=TimeInForce.FOK, self_trade=SelfTrade.DECREMENT)
    reply = do(engine, killed)
    assert reply.order is not None
    assert (reply.order.reason, reply.order.prevented) == (Reason.FOK_UNFILLED, 0)


def test_what_would_not_trade_need_not_be_paid_for(engine: Engine) -> None:
    """A quote-sized order of which self-trade prevention takes all needs no money, as one by quantity does."""
    do(engine, limit("alice", Side.SELL, 10000, 1000))
    do(engine, limit("bob", Side.SELL, 10001, 1000))
    do(engine, limit("alice", Side.BUY, 9000, 11_000))
    short = market("alice", Side.BUY, None, quote_amount=100 * UNIT, self_trade=SelfTrade.DECREMENT)
    reply = do(engine, short)
    assert reply.order is not None
    assert (reply.order.filled, reply.order.prevented) == (0, reply.order.quantity)

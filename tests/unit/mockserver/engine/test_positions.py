"""Perpetuals, by example: positions, reduce-only orders, and orders of the exchange's own making."""

from typing import Any

import attrs
import pytest

from mockserver.engine.engine import Engine
from mockserver.engine.types import (
    HOUSE,
    ForceClose,
    Kind,
    OrderStatus,
    Reason,
    RejectReason,
    Side,
    TimeInForce,
)
from tests.unit.mockserver.engine.markets import (
    NOW,
    PERP,
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


def test_position_opens_grows_shrinks_and_turns(engine: Engine) -> None:
    """Profit is realised on what is closed only; a trade through zero opens the other side at its own price."""
    for price in (9000, 10000, 11000):
        do(engine, limit(HOUSE, Side.BUY, price, 1000, PERP))
    do(engine, market("bob", Side.SELL, 2000, PERP))
    first = engine.position("bob", PERP)
    assert (first.quantity, first.entry_quote) == (-2000, -210 * UNIT)
    do(engine, limit(HOUSE, Side.SELL, 9500, 9000, PERP))
    reply = do(engine, market("bob", Side.BUY, 3000, PERP))
    turned = engine.position("bob", PERP)
    assert (turned.quantity, turned.entry_quote) == (1000, 95 * UNIT)
    assert turned.realized == reply.executions[0].realized == (210 - 190) * UNIT
    fees = sum(execution.fee for execution in engine.executions("bob"))
    assert engine.balance("bob", "USD").free == 1020 * UNIT - fees


def test_perp_events_are_about_the_wallet_and_only_after_a_trade(engine: Engine) -> None:
    """Placing and cancelling on a perpetual tells no balance; a trade tells the wallet and then the position."""
    resting = engine.apply(limit("alice", Side.BUY, 9900, 1000, PERP), NOW)
    assert story(resting.events) == [("alice", "NEW", "NEW")]
    traded = engine.apply(market("bob", Side.SELL, 1000, PERP), NOW)
    assert [entry[:2] for entry in story(traded.events)[4:]] == [
        ("bob", f"USD {1000 * UNIT - 99 * UNIT * 7 // 10_000} 0"),
        ("alice", f"USD {1000 * UNIT + 99 * UNIT * 5 // 100_000} 0"),
        ("bob", "position"),
        ("alice", "position"),
    ]


def test_reduce_only(engine: Engine) -> None:
    """Reduce-only needs an opposite position, trades at most its size, and expires when nothing is left to reduce."""
    reducing = limit("bob", Side.BUY, 10000, 3000, PERP, reduce_only=True)
    assert refusal(engine, reducing) is RejectReason.REDUCE_ONLY
    assert refusal(engine, limit("bob", Side.SELL, 10000, 1000, reduce_only=True)) is RejectReason.REDUCE_ONLY
    do(engine, limit(HOUSE, Side.BUY, 10000, 2000, PERP))
    do(engine, market("bob", Side.SELL, 2000, PERP))
    do(engine, limit(HOUSE, Side.SELL, 10000, 9000, PERP))
    reply = do(engine, reducing)
    assert reply.order is not None
    assert (reply.order.filled, reply.order.reason) == (2000, Reason.REDUCE_ONLY)
    assert engine.position("bob", PERP).quantity == 0


def test_resting_reduce_only_orders_shrink_with_the_position(engine: Engine) -> None:
    """Of two resting orders that each close the position, the second expires when the first has closed it."""
    do(engine, limit(HOUSE, Side.BUY, 10000, 1000, PERP))
    do(engine, market("bob", Side.SELL, 1000, PERP))
    for _ in range(2):
        do(engine, limit("bob", Side.BUY, 9900, 1000, PERP, reduce_only=True))
    fok = do(engine, limit(HOUSE, Side.SELL, 9900, 2000, PERP, tif=TimeInForce.FOK))
    assert fok.order is not None
    assert fok.order.reason is Reason.FOK_UNFILLED
    do(engine, market(HOUSE, Side.SELL, 2000, PERP))
    assert [(view.status, view.reason) for view in engine.orders("bob", PERP)[1:]] == [
        (OrderStatus.FILLED, None),
        (OrderStatus.EXPIRED, Reason.REDUCE_ONLY),
    ]


@pytest.mark.parametrize(
    ("kind", "name"),
    [(Kind.LIQUIDATION, "autoclose-"), (Kind.ADL, "adl_autoclose"), (Kind.SETTLEMENT, "settlement_autoclose-")],
)
def test_forced_close_is_an_order_of_the_exchange(engine: Engine, kind: Kind, name: str) -> None:
    """A liquidation, deleveraging or settlement is an order nobody sent, with the venue's client id, filled at once."""
    do(engine, limit(HOUSE, Side.BUY, 10000, 1000, PERP))
    do(engine, market("bob", Side.SELL, 1000, PERP))
    resting = number(do(engine, limit("bob", Side.SELL, 12000, 1000, PERP)))
    reply = do(engine, ForceClose(account="bob", instrument=PERP, kind=kind, price=10500))
    assert reply.order is not None
    assert reply.order.client_id is not None
    assert reply.order.client_id.startswith(name)
    assert (reply.order.status, reply.order.kind) == (OrderStatus.FILLED, kind)
    assert [(e.kind, e.price, e.realized) for e in reply.executions] == [(kind, 10500, -5 * UNIT)]
    other = engine.order(PERP, resting)
    assert other is not None
    assert other.is_open == (kind is not Kind.LIQUIDATION)


def test_forced_close_needs_a_position(engine: Engine) -> None:
    """Without a position, for more than it, or as an ordinary trade, a forced close is refused."""
    close = ForceClose(account="bob", instrument=PERP, kind=Kind.ADL)
    assert refusal(engine, close) is RejectReason.NOT_ALLOWED
    do(engine, limit(HOUSE, Side.BUY, 10000, 1000, PERP))
    do(engine, market("bob", Side.SELL, 1000, PERP))
    cases: list[tuple[dict[str, Any], RejectReason]] = [
        ({"kind": Kind.TRADE}, RejectReason.NOT_ALLOWED),
        ({"quantity": 1001}, RejectReason.BAD_QUANTITY),
        ({"price": 0}, RejectReason.BAD_PRICE),
        ({"instrument": "NO"}, RejectReason.UNKNOWN_INSTRUMENT),
        ({"account": "nobody"}, RejectReason.UNKNOWN_ACCOUNT),
    ]
    for terms, reason in cases:
        assert (terms, refusal(engine, attrs.evolve(close, **terms))) == (terms, reason)

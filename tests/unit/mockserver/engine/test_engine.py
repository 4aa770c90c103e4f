"""The other commands and the questions, by example: cancel, amend, forced acts, deposits, listings, market data."""

from decimal import Decimal
from typing import Any

import pytest

from mockserver.engine import checks
from mockserver.engine import engine as engine_module
from mockserver.engine.engine import Engine
from mockserver.engine.ids import FTX_IDS
from mockserver.engine.types import (
    HOUSE,
    Amend,
    BalanceCause,
    BalanceEvent,
    Cancel,
    CancelAll,
    Deposit,
    Expire,
    Fill,
    OrderChange,
    OrderEvent,
    Reason,
    RejectReason,
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


@pytest.fixture
def engine() -> Engine:
    """Both markets; alice and bob own 1,000 USD and 10 ABC each."""
    return engine_of(spot(), perp())


def test_cancel_tells_the_request_and_frees_the_money(engine: Engine) -> None:
    """A cancel ends the order, names the request (given or made of 22 letters), and unlocks everything."""
    first = number(do(engine, limit("alice", Side.BUY, 9900, 2000)))
    second = number(do(engine, limit("alice", Side.SELL, 10100, 2000)))
    event = engine.apply(Cancel(account="alice", instrument=SPOT, order_id=first, request_id="mine"), NOW).events[0]
    assert isinstance(event, OrderEvent)
    assert (event.change, event.cancel_request_id, event.order.reason) == (OrderChange.CANCELED, "mine", Reason.USER)
    made = do(engine, Cancel(account="alice", instrument=SPOT, order_id=second)).request_id
    assert made is not None
    assert len(made) == 22
    assert [b.locked for b in engine.balances("alice")] == [0, 0]


def test_cancel_all_shares_one_request_id(engine: Engine) -> None:
    """All open orders of the instrument (and side) end with one request id; others stay."""
    for side, price in ((Side.BUY, 9900), (Side.BUY, 9800), (Side.SELL, 10100)):
        do(engine, limit("alice", side, price, 1000))
    do(engine, limit("alice", Side.BUY, 9900, 1000, PERP))
    result = engine.apply(CancelAll(account="alice", instrument=SPOT, side=Side.BUY), NOW)
    ids = {event.cancel_request_id for event in result.events if isinstance(event, OrderEvent)}
    assert ids == {result.reply.request_id}
    assert [view.price for view in result.reply.orders] == [9900, 9800]
    assert len(engine.open_orders("alice")) == 2
    assert len(do(engine, CancelAll(account="alice")).orders) == 2


def test_smaller_amendment_keeps_the_place_in_the_queue(engine: Engine) -> None:
    """Halving the first order leaves it first; its client id may change and its old one is told."""
    first = number(do(engine, limit("alice", Side.BUY, 10000, 2000, client_id="old")))
    do(engine, limit("bob", Side.BUY, 10000, 1000))
    event = engine.apply(
        Amend(account="alice", instrument=SPOT, order_id=first, quantity=1000, client_id="new"), NOW
    ).events[0]
    assert isinstance(event, OrderEvent)
    assert (event.change, event.previous_client_id, event.order.client_id) == (OrderChange.AMENDED, "old", "new")
    do(engine, market(HOUSE, Side.SELL, 1000))
    assert [e.order_id for e in engine.executions("alice")] == [first]
    assert engine.executions("bob") == ()
    assert engine.order_by_client_id("alice", "old") is None


def test_larger_or_dearer_amendment_goes_to_the_end_and_may_trade(engine: Engine) -> None:
    """More quantity loses the place; a new price that crosses trades at once as taker."""
    first = number(do(engine, limit("alice", Side.BUY, 10000, 1000)))
    do(engine, limit("bob", Side.BUY, 10000, 1000))
    do(engine, Amend(account="alice", instrument=SPOT, order_id=first, quantity=1500))
    do(engine, market(HOUSE, Side.SELL, 1000))
    assert len(engine.executions("bob")) == 1
    do(engine, limit(HOUSE, Side.SELL, 10100, 1000))
    reply = do(engine, Amend(account="alice", instrument=SPOT, order_id=first, price=10100))
    assert [(e.price, e.quantity, e.maker) for e in reply.executions] == [(10100, 1000, False)]
    assert engine.depth(SPOT).bids == ((10100, 500),)


def test_amendments_that_are_refused(engine: Engine) -> None:
    """Not above what is filled, not at no price, not too small, not into the other side (post-only), not on credit."""
    order = number(do(engine, limit("alice", Side.BUY, 9900, 2000, post_only=True)))
    do(engine, Fill(instrument=SPOT, order_id=order, quantity=1000))
    do(engine, limit(HOUSE, Side.SELL, 10000, 1000))
    cases: list[tuple[dict[str, Any], RejectReason]] = [
        ({"quantity": 1000}, RejectReason.BAD_QUANTITY),
        ({"price": 0}, RejectReason.BAD_PRICE),
        ({"price": 1, "quantity": 1001}, RejectReason.MIN_NOTIONAL),
        ({"price": 10000}, RejectReason.WOULD_MATCH),
        ({"quantity": 900_000}, RejectReason.INSUFFICIENT_BALANCE),
    ]
    for terms, reason in cases:
        command = Amend(account="alice", instrument=SPOT, order_id=order, **terms)
        assert (terms, refusal(engine, command)) == (terms, reason)
    assert refusal(engine, Amend(account="bob", instrument=SPOT, order_id=order)) is RejectReason.UNKNOWN_ORDER


def test_forced_fill_trades_with_the_house(engine: Engine) -> None:
    """A forced fill takes the asked part at the order's price as maker, or at a better price as taker."""
    order = number(do(engine, limit("alice", Side.BUY, 9900, 3000)))
    part = do(engine, Fill(instrument=SPOT, order_id=order, quantity=1000)).executions[0]
    rest = do(engine, Fill(instrument=SPOT, order_id=order, price=9800, maker=False)).executions[0]
    assert (part.price, part.quantity, part.maker) == (9900, 1000, True)
    assert (rest.price, rest.quantity, rest.maker) == (9800, 2000, False)
    assert engine.balance("alice", "USD").locked == 0
    assert engine.balance("alice", "USD").free == (1000 - 99 - 196) * UNIT
    assert engine.trades(SPOT)[-1].taker_side is Side.BUY


def test_forced_acts_that_are_refused(engine: Engine) -> None:
    """No fill above what is open or worse than the limit, and nothing on an order that has ended."""
    order = number(do(engine, limit("alice", Side.BUY, 9900, 3000)))
    assert refusal(engine, Fill(instrument=SPOT, order_id=order, quantity=3001)) is RejectReason.BAD_QUANTITY
    assert refusal(engine, Fill(instrument=SPOT, order_id=order, price=9901)) is RejectReason.BAD_PRICE
    assert do(engine, Expire(instrument=SPOT, order_id=order)).order is not None
    for command in (Fill(instrument=SPOT, order_id=order), Expire(instrument=SPOT, order_id=order)):
        assert refusal(engine, command) is RejectReason.ORDER_CLOSED
    assert refusal(engine, Expire(instrument="NO", order_id=order)) is RejectReason.UNKNOWN_INSTRUMENT


def test_deposit_is_told_with_its_amount_and_cause(engine: Engine) -> None:
    """Money moved in is told as one balance with cause and delta; out of an account only what is free can go."""
    result = engine.apply(Deposit(account="alice", asset="USD", amount=5, cause=BalanceCause.FUNDING), NOW)
    (event,) = result.events
    assert isinstance(event, BalanceEvent)
    assert (event.cause, event.delta, [b.asset for b in event.balances]) == (BalanceCause.FUNDING, 5, ["USD"])
    too_much = Deposit(account="alice", asset="USD", amount=-1001 * UNIT)
    assert refusal(engine, too_much) is RejectReason.INSUFFICIENT_BALANCE
    assert refusal(engine, Deposit(account="nobody", asset="USD", amount=1)) is RejectReason.UNKNOWN_ACCOUNT


def test_open_orders_are_limited(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account cannot have more open orders than the engine's limit; the house may."""
    monkeypatch.setattr(checks, "MAX_OPEN_ORDERS", 1)
    do(engine, limit("alice", Side.BUY, 9000, 1000))
    assert refusal(engine, limit("alice", Side.BUY, 9000, 1000)) is RejectReason.TOO_MANY_ORDERS
    do(engine, limit(HOUSE, Side.BUY, 9000, 1000))
    do(engine, limit(HOUSE, Side.BUY, 9000, 1000))


def test_listings_filter_by_time_id_and_order(engine: Engine) -> None:
    """Orders and executions can be asked by instrument, first id, time span and order; both ends are inclusive."""
    ids = [number(engine.apply(limit("alice", Side.BUY, 9900, 1000), NOW + at).reply) for at in (10, 20, 30)]
    assert [v.order_id for v in engine.orders("alice", SPOT, start_ns=NOW + 20, end_ns=NOW + 30)] == ids[1:]
    assert [v.order_id for v in engine.orders("alice", from_order_id=ids[2])] == ids[2:]
    assert engine.orders("alice", PERP) == ()
    for order_id, at in zip(ids, (40, 50, 60), strict=True):
        engine.apply(Fill(instrument=SPOT, order_id=order_id), NOW + at)
    every = engine.executions("alice", SPOT)
    assert [e.order_id for e in every] == ids
    assert engine.executions("alice", start_ns=NOW + 50, end_ns=NOW + 60) == every[1:]
    assert engine.executions("alice", order_id=ids[0]) == every[:1]
    assert engine.executions("alice", from_trade_id=every[1].trade_id) == every[1:]
    assert engine.executions("alice", PERP) == ()


def test_market_data(engine: Engine) -> None:
    """Best prices, depth with a rising update id, last trades and last price are there for the public endpoints."""
    assert (engine.last_price(SPOT), engine.trades(SPOT), engine.best(SPOT, Side.BUY)) == (10000, (), None)
    before = engine.depth(SPOT).update_id
    do(engine, limit(HOUSE, Side.BUY, 9900, 1000))
    do(engine, limit(HOUSE, Side.BUY, 9800, 1000))
    do(engine, market("bob", Side.SELL, 500))
    depth = engine.depth(SPOT, 1)
    assert depth.bids == ((9900, 500),)
    assert depth.update_id > before
    assert (engine.last_price(SPOT), engine.best(SPOT, Side.BUY)) == (9900, 9900)
    assert [(t.price, t.quantity, t.taker_side) for t in engine.trades(SPOT)] == [(9900, 500, Side.SELL)]


def test_open_notional_sums_each_side(engine: Engine) -> None:
    """The open bids of an account are worth price times open quantity, apart from its asks."""
    do(engine, limit("alice", Side.BUY, 9900, 1000, PERP))
    do(engine, limit("alice", Side.BUY, 9800, 1000, PERP))
    do(engine, limit("alice", Side.SELL, 12000, 500, PERP))
    assert engine.open_notional("alice", PERP) == (197 * UNIT, 60 * UNIT)


def test_unknown_things_answer_with_nothing(engine: Engine) -> None:
    """Orders, balances and positions nobody has are None, zero and flat; other people's orders are None too."""
    mine = number(do(engine, limit("alice", Side.BUY, 9900, 1000)))
    assert engine.order(SPOT, mine, account="bob") is None
    assert engine.order(PERP, mine) is None
    assert engine.balance("alice", "XYZ").total == 0
    assert engine.position("alice", PERP, as_of_ns=NOW).quantity == 0
    assert engine.has_account("alice")
    assert not engine.has_account("nobody")
    assert refusal(engine, CancelAll(account="nobody")) is RejectReason.UNKNOWN_ACCOUNT


def test_time_never_falls(engine: Engine) -> None:
    """A command with an earlier time than the last one is applied at the last one's time."""
    engine.apply(limit("alice", Side.BUY, 9900, 1000), NOW + 10)
    late = engine.apply(limit("alice", Side.BUY, 9900, 1000), NOW)
    assert {event.time_ns for event in late.events} == {NOW + 10}


def test_ids_have_the_venues_shape() -> None:
    """FTX ids are one space above 2**31 and no client id is made up there; Binance makes up 22 letters."""
    ftx = engine_of(spot(), perp(), ids=FTX_IDS)
    first = do(ftx, limit("alice", Side.BUY, 9900, 1000)).order
    second = do(ftx, limit("alice", Side.BUY, 9900, 1000, PERP)).order
    assert first is not None
    assert second is not None
    assert 2**31 < first.order_id < second.order_id
    assert first.client_id is None
    assert ftx.order(None, second.order_id) == second
    assert ftx.new_client_id() is None
    made = engine_of(spot()).new_client_id()
    assert made is not None
    assert len(made) == 22
    assert len(ftx.ids.letters(64)) == 64


def test_instruments_are_offered_by_name(engine: Engine) -> None:
    """The engine's instruments are those it was made with."""
    assert sorted(engine.instruments) == [PERP, SPOT]
    assert engine.instruments[SPOT].price(10000) == Decimal("100.00")
    assert engine_module.__all__ == ["Engine"]

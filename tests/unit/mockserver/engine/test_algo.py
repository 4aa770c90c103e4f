"""Conditional orders: stored, triggered by the last price or by force, and what becomes of them."""

from decimal import Decimal

import pytest

from mockserver.engine import algo as algo_module
from mockserver.engine.engine import Engine
from mockserver.engine.types import (
    HOUSE,
    AlgoStatus,
    Cancel,
    CancelAlgo,
    Place,
    PlaceAlgo,
    RejectReason,
    Side,
    TriggerAlgo,
    TriggerWhen,
)
from tests.unit.mockserver.engine.markets import NOW, PERP, do, engine_of, limit, market, perp, refusal, spot, story


@pytest.fixture
def engine() -> Engine:
    """A perpetual that last traded at 100 and has bids at 99 and 98, asks at 101 and 102; alice is long 1."""
    engine = engine_of(spot(), perp())
    do(engine, limit(HOUSE, Side.SELL, 10000, 1000, PERP))
    do(engine, market("alice", Side.BUY, 1000, PERP))
    for side, prices in ((Side.BUY, (9900, 9800)), (Side.SELL, (10100, 10200))):
        for price in prices:
            do(engine, limit(HOUSE, side, price, 5000, PERP))
    return engine


def stop(
    child: Place, price: str = "99.5", when: TriggerWhen = TriggerWhen.BELOW, client_id: str | None = None
) -> PlaceAlgo:
    """Return a conditional order with this child."""
    return PlaceAlgo(child=child, trigger_price=Decimal(price), when=when, client_id=client_id)


def stored(engine: Engine, command: PlaceAlgo) -> int:
    """Store a conditional order and return its id."""
    algo = do(engine, command).algo
    assert algo is not None
    return algo.algo_id


def status(engine: Engine, algo_id: int) -> AlgoStatus:
    """Return where a conditional order stands."""
    algo = engine.algo_order(algo_id)
    assert algo is not None
    return algo.status


def test_stop_triggers_when_the_last_price_crosses(engine: Engine) -> None:
    """A trade at 99 triggers a stop at 99.5; the story is told in order and the child's fills are ordinary ones."""
    algo_id = stored(engine, stop(market("alice", Side.SELL, 1000, PERP)))
    assert status(engine, algo_id) is AlgoStatus.NEW
    result = engine.apply(market("bob", Side.SELL, 1000, PERP), NOW + 1)
    alice = [entry[:3] for entry in story(result.events) if entry[0] == "alice"]
    assert alice[:4] == [
        ("alice", "algo", "TRIGGERING"),
        ("alice", "algo", "TRIGGERED"),
        ("alice", "NEW", "NEW"),
        ("alice", "TRADE", "FILLED"),
    ]
    assert alice[-1] == ("alice", "algo", "FINISHED")
    algo = engine.algo_order(algo_id, account="alice")
    assert algo is not None
    assert algo.triggered_ns == NOW + 1
    assert algo.child_order_id == engine.orders("alice", PERP)[-1].order_id
    assert engine.position("alice", PERP).quantity == 0


def test_trigger_above_and_chain_of_triggers(engine: Engine) -> None:
    """A buy stop above is set off by another stop's child; each triggers once."""
    first = stored(engine, stop(market("alice", Side.BUY, 6000, PERP), "100.5", TriggerWhen.ABOVE))
    second = stored(engine, stop(market("bob", Side.BUY, 1000, PERP), "102", TriggerWhen.ABOVE))
    do(engine, market(HOUSE, Side.BUY, 1, PERP))
    assert [status(engine, first), status(engine, second)] == [AlgoStatus.FINISHED, AlgoStatus.FINISHED]
    assert engine.position("bob", PERP).quantity == 1000


def test_limit_child_keeps_it_triggered_until_it_ends(engine: Engine) -> None:
    """While the child rests the conditional order is TRIGGERED; cancelling the child finishes it."""
    algo_id = stored(engine, stop(limit("alice", Side.SELL, 11000, 1000, PERP)))
    reply = do(engine, TriggerAlgo(algo_id=algo_id))
    assert reply.algo is not None
    assert reply.algo.status is AlgoStatus.TRIGGERED
    assert reply.algo.child_order_id is not None
    do(engine, Cancel(account="alice", instrument=PERP, order_id=reply.algo.child_order_id))
    assert status(engine, algo_id) is AlgoStatus.FINISHED


def test_close_position_takes_the_position_of_the_moment(engine: Engine) -> None:
    """A child without a quantity sells the whole position; the next one, set off by that trade, finds none: EXPIRED."""
    closing = stop(market("alice", Side.SELL, None, PERP, reduce_only=True))
    first, second = stored(engine, closing), stored(engine, closing)
    do(engine, TriggerAlgo(algo_id=first))
    assert engine.executions("alice", PERP)[-1].quantity == 1000
    assert [status(engine, first), status(engine, second)] == [AlgoStatus.FINISHED, AlgoStatus.EXPIRED]


def test_refused_child_is_told_as_rejected(engine: Engine) -> None:
    """A child that the engine refuses makes the conditional order REJECTED with the reason."""
    algo_id = stored(engine, stop(market("bob", Side.SELL, 1000, PERP, reduce_only=True)))
    reply = do(engine, TriggerAlgo(algo_id=algo_id))
    assert reply.algo is not None
    assert reply.algo.reject is not None
    assert (reply.algo.status, reply.algo.reject.reason) == (AlgoStatus.REJECTED, RejectReason.REDUCE_ONLY)


def test_cancel_and_what_is_refused(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the owner cancels, only while it waits; doubles, strangers, passed triggers and too many are refused."""
    good = stop(market("alice", Side.SELL, 1000, PERP), client_id="s")
    algo_id = stored(engine, good)
    assert refusal(engine, good) is RejectReason.DUPLICATE_CLIENT_ID
    assert refusal(engine, CancelAlgo(account="bob", algo_id=algo_id)) is RejectReason.UNKNOWN_ORDER
    do(engine, CancelAlgo(account="alice", algo_id=algo_id))
    assert status(engine, algo_id) is AlgoStatus.CANCELED
    assert refusal(engine, CancelAlgo(account="alice", algo_id=algo_id)) is RejectReason.ORDER_CLOSED
    assert refusal(engine, TriggerAlgo(algo_id=algo_id)) is RejectReason.ORDER_CLOSED
    assert refusal(engine, TriggerAlgo(algo_id=10**9)) is RejectReason.UNKNOWN_ORDER
    strangers = stop(market("nobody", Side.SELL, 1, PERP))
    assert refusal(engine, strangers) is RejectReason.UNKNOWN_ACCOUNT
    assert refusal(engine, stop(market("alice", Side.SELL, 1, "NO"))) is RejectReason.UNKNOWN_INSTRUMENT
    assert refusal(engine, stop(good.child, "100.5")) is RejectReason.WOULD_TRIGGER
    monkeypatch.setattr(algo_module, "MAX_OPEN_ALGOS", 0)
    assert refusal(engine, good) is RejectReason.TOO_MANY_ORDERS


def test_listing_open_ones_and_the_past(engine: Engine) -> None:
    """Listings are by account and instrument, only the waiting ones if asked, and as of an earlier moment."""
    ids = [stored(engine, stop(market("alice", Side.SELL, 1000, PERP))) for _ in range(2)]
    engine.apply(CancelAlgo(account="alice", algo_id=ids[0]), NOW + 5)
    assert [algo.algo_id for algo in engine.algo_orders("alice", PERP)] == ids
    assert [algo.algo_id for algo in engine.algo_orders("alice", only_open=True)] == ids[1:]
    assert [algo.algo_id for algo in engine.algo_orders("alice", only_open=True, as_of_ns=NOW + 4)] == ids
    assert engine.algo_orders("alice", "ABCUSD") == engine.algo_orders("bob") == ()
    assert engine.algo_order(ids[0], account="bob") is None


def test_ended_ones_are_forgotten_in_the_end(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ended conditional orders only so many are kept, the newest."""
    monkeypatch.setattr(algo_module, "KEPT_ALGOS", 1)
    ids = [stored(engine, stop(market("alice", Side.SELL, 1000, PERP))) for _ in range(2)]
    for algo_id in ids:
        do(engine, CancelAlgo(account="alice", algo_id=algo_id))
    assert [algo.algo_id for algo in engine.algo_orders("alice")] == ids[1:]

"""Order lists: what starts, what ends what, what is locked, and what a list tells of itself."""

from decimal import Decimal
from typing import Any

import attrs
import pytest

from mockserver.engine.engine import Engine
from mockserver.engine.types import (
    HOUSE,
    Amend,
    Cancel,
    CancelAll,
    CancelList,
    Expire,
    Fill,
    ListChange,
    ListEvent,
    ListKind,
    OrderStatus,
    OrderType,
    OrderView,
    Place,
    PlaceList,
    Reason,
    RejectReason,
    Reply,
    SelfTrade,
    Side,
    TimeInForce,
    Trigger,
    TriggerWhen,
)
from tests.unit.mockserver.engine.markets import NOW, SPOT, UNIT, do, engine_of, limit, refusal, spot
from tests.unit.mockserver.engine.test_waiting import print_trade

BUY, SELL = Side.BUY, Side.SELL
NEW, PENDING, FILLED = OrderStatus.NEW, OrderStatus.PENDING_NEW, OrderStatus.FILLED
CANCELED, EXPIRED = OrderStatus.CANCELED, OrderStatus.EXPIRED


@pytest.fixture
def engine() -> Engine:
    """A spot market whose last trade was at 100."""
    engine = engine_of(spot())
    print_trade(engine, 10_000)
    return engine


def maker(side: Side = SELL, ticks: int = 10_100, **more: Any) -> Place:
    """Return the order of a pair that is in the book."""
    return attrs.evolve(limit("alice", side, ticks, 1_000, post_only=True), **more)


def stop(side: Side = SELL, at: str = "99", ticks: int | None = 9_800, **more: Any) -> Place:
    """Return the order of a pair that waits."""
    when = TriggerWhen.BELOW if side is SELL else TriggerWhen.ABOVE
    trigger = Trigger(when=when, price=Decimal(at))
    kind = OrderType.MARKET if ticks is None else OrderType.LIMIT
    order = Place(account="alice", instrument=SPOT, side=side, type=kind, quantity=1_000, price=ticks, trigger=trigger)
    return attrs.evolve(order, **more)


def listed(kind: ListKind, *orders: Place, client_id: str | None = None) -> PlaceList:
    """Return a list of these orders."""
    return PlaceList(account="alice", instrument=SPOT, kind=kind, orders=orders, client_id=client_id)


def oco(**more: Any) -> PlaceList:
    """Return a pair that sells: above the last price a limit order, below it a stop."""
    return listed(ListKind.OCO, maker(**more), stop(**more))


def list_id(reply: Reply) -> int:
    """Return the id of the list a reply is about."""
    assert reply.order_list is not None
    return reply.order_list.list_id


def states(engine: Engine, reply: Reply) -> list[OrderStatus]:
    """Return how the orders of a list stand now."""
    return [view.status for view in now(engine, reply)]


def now(engine: Engine, reply: Reply) -> list[OrderView]:
    """Return the orders of a list as they are now."""
    return [view for order in reply.orders if (view := engine.order(SPOT, order.order_id)) is not None]


def changes(events: tuple[object, ...]) -> list[ListChange]:
    """Return what a list told of itself."""
    return [event.order_list.change for event in events if isinstance(event, ListEvent)]


def test_a_pair_starts_at_once(engine: Engine) -> None:
    """Both are NEW, one in the book and one that waits; what the dearer needs is locked once; then the list is told."""
    result = engine.apply(oco(), NOW)
    assert states(engine, result.reply) == [NEW, NEW]
    assert [view.waits for view in now(engine, result.reply)] == [False, True]
    assert changes(result.events) == [ListChange.STARTED]
    assert [type(event).__name__ for event in result.events] == [
        "OrderEvent",
        "OrderEvent",
        "ListEvent",
        "BalanceEvent",
    ]
    assert engine.balance("alice", "ABC").locked == UNIT
    assert engine.order_lists("alice", only_open=True)[0].list_id == list_id(result.reply)


def test_a_pair_that_buys_locks_what_the_dearer_needs(engine: Engine) -> None:
    """One ABC below at 99 or above at up to 102."""
    do(engine, listed(ListKind.OCO, stop(BUY, "101", 10_200), maker(BUY, 9_900)))
    assert engine.balance("alice", "USD").locked == 102 * UNIT


def test_a_fill_ends_the_other(engine: Engine) -> None:
    """Also a part of one: the stop expires, the limit order goes on and ends the list with its own end."""
    reply = do(engine, oco())
    first = engine.apply(Fill(instrument=SPOT, order_id=reply.orders[0].order_id, quantity=400), NOW)
    assert states(engine, reply) == [OrderStatus.PARTIALLY_FILLED, EXPIRED]
    assert now(engine, reply)[1].reason is Reason.OTHER_ORDER
    assert changes(first.events) == []
    assert engine.balance("alice", "ABC").locked == UNIT * 6 // 10
    last = engine.apply(Fill(instrument=SPOT, order_id=reply.orders[0].order_id), NOW)
    assert (states(engine, reply), changes(last.events)) == ([FILLED, EXPIRED], [ListChange.DONE])
    assert engine.order_lists("alice", only_open=True) == ()
    assert engine.balance("alice", "ABC").locked == 0


def test_a_trigger_ends_the_other_first(engine: Engine) -> None:
    """The limit order makes way before the stop works, since the two have the funds of one."""
    reply = do(engine, oco(quantity=10_000))
    print_trade(engine, 9_900)
    assert states(engine, reply) == [EXPIRED, NEW]
    assert engine.depth(SPOT).asks == ((9_800, 10_000),)
    assert engine.balance("alice", "ABC").locked == 10 * UNIT
    events = print_trade(engine, 9_700)
    assert changes(events) == []
    filled = engine.apply(limit(HOUSE, BUY, 9_800, 10_000), NOW)
    assert (states(engine, reply), changes(filled.events)) == ([EXPIRED, FILLED], [ListChange.DONE])


@pytest.mark.parametrize("which", [0, 1])
def test_whoever_cancels_one_cancels_the_list(engine: Engine, which: int) -> None:
    """Both are CANCELED with one request id, the list is done, all is free again."""
    reply = do(engine, oco())
    command = Cancel(account="alice", instrument=SPOT, order_id=reply.orders[which].order_id, request_id="mine")
    result = engine.apply(command, NOW)
    assert states(engine, reply) == [CANCELED, CANCELED]
    assert changes(result.events) == [ListChange.DONE]
    assert [order.status for order in result.reply.orders] == [CANCELED, CANCELED]
    ids = [getattr(e, "cancel_request_id", None) for e in result.events]
    assert ids.count("mine") == 2
    assert engine.balance("alice", "ABC").locked == 0


def test_a_list_is_cancelled_by_its_id(engine: Engine) -> None:
    """Once; unknown and ended lists are refused, others' are unknown."""
    reply = do(engine, oco())
    command = CancelList(account="alice", list_id=list_id(reply))
    assert refusal(engine, attrs.evolve(command, account="bob")) is RejectReason.UNKNOWN_LIST
    done = do(engine, command)
    assert done.order_list is not None
    assert done.order_list.is_done
    assert refusal(engine, command) is RejectReason.ORDER_CLOSED
    again = do(engine, oco())
    ended = engine.apply(CancelAll(account="alice"), NOW)
    assert (states(engine, again), changes(ended.events)) == ([CANCELED, CANCELED], [ListChange.DONE])


def test_an_expired_one_ends_the_other(engine: Engine) -> None:
    """The exchange ends one of a pair: the other expires as well."""
    reply = do(engine, oco())
    do(engine, Expire(instrument=SPOT, order_id=reply.orders[0].order_id))
    assert [view.reason for view in now(engine, reply)] == [Reason.EXCHANGE, Reason.OTHER_ORDER]


def test_an_amended_pair_stays_of_one_size(engine: Engine) -> None:
    """The other order follows; a new client id is told of by the list."""
    reply = do(engine, oco())
    command = Amend(
        account="alice", instrument=SPOT, order_id=reply.orders[0].order_id, quantity=400, client_id="another"
    )
    result = engine.apply(command, NOW)
    assert [view.quantity for view in now(engine, reply)] == [400, 400]
    assert changes(result.events) == [ListChange.UPDATED]
    assert engine.order_lists("alice")[0].client_ids[0] == "another"
    assert engine.balance("alice", "ABC").locked == UNIT * 4 // 10


@pytest.mark.parametrize("side", [BUY, SELL])
@pytest.mark.parametrize("which", [0, 1])
def test_either_order_of_a_pair_can_get_smaller(engine: Engine, side: Side, which: int) -> None:
    """Above or below, waiting or not: what is locked is what the dearer of the two needs."""
    buys = listed(ListKind.OCO, stop(BUY, "101", 10_200), maker(BUY, 9_900))
    reply = do(engine, buys if side is BUY else oco())
    do(engine, Amend(account="alice", instrument=SPOT, order_id=reply.orders[which].order_id, quantity=400))
    assert [view.quantity for view in now(engine, reply)] == [400, 400]
    depth = engine.depth(SPOT)
    assert [steps for _, steps in depth.bids + depth.asks] == [400]
    locked = {asset: engine.balance("alice", asset).locked for asset in ("USD", "ABC")}
    assert locked == ({"USD": 408 * UNIT // 10, "ABC": 0} if side is BUY else {"USD": 0, "ABC": 4 * UNIT // 10})
    do(engine, CancelList(account="alice", list_id=list_id(reply)))
    assert {engine.balance("alice", asset).locked for asset in ("USD", "ABC")} == {0}


def test_a_pair_neither_grows_nor_moves(engine: Engine) -> None:
    """What the two lock together is what the dearer needs, which the one that is amended does not know."""
    reply = do(engine, oco())
    amend = Amend(account="alice", instrument=SPOT, order_id=reply.orders[0].order_id)
    for more in (attrs.evolve(amend, quantity=1_001), attrs.evolve(amend, price=10_200)):
        assert refusal(engine, more) is RejectReason.NOT_ALLOWED


def test_orders_of_an_oto_get_smaller_by_themselves(engine: Engine) -> None:
    """The second before its turn as well, when it locks nothing."""
    reply = do(engine, listed(ListKind.OTO, limit("alice", BUY, 9_900, 1_000), stop(at="98")))
    for order, quantity in zip(reply.orders, (500, 300), strict=True):
        do(engine, Amend(account="alice", instrument=SPOT, order_id=order.order_id, quantity=quantity))
    assert [view.quantity for view in now(engine, reply)] == [500, 300]
    assert engine.balance("alice", "USD").locked == 495 * UNIT // 10
    assert engine.balance("alice", "ABC").locked == 0
    do(engine, Fill(instrument=SPOT, order_id=reply.orders[0].order_id))
    assert engine.balance("alice", "ABC").locked == UNIT * 3 // 10


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (listed(ListKind.OCO, maker(ticks=9_990), stop()), RejectReason.LIST_PRICES),
        (listed(ListKind.OCO, maker(), stop(at="100")), RejectReason.LIST_PRICES),
        (oco(quantity=10_001), RejectReason.INSUFFICIENT_BALANCE),
        (oco(client_id="twice"), RejectReason.DUPLICATE_CLIENT_ID),
        (listed(ListKind.OCO, maker(ticks=-5), stop()), RejectReason.BAD_PRICE),
        (listed(ListKind.OTO, limit("alice", BUY, 9_900, 11_000), stop()), RejectReason.INSUFFICIENT_BALANCE),
    ],
)
def test_a_list_is_refused_as_a_whole(engine: Engine, command: PlaceList, reason: RejectReason) -> None:
    """Nothing of it is placed."""
    assert refusal(engine, command) is reason
    assert engine.open_orders("alice") == ()


def test_a_list_has_a_client_id_of_its_own(engine: Engine) -> None:
    """No two open lists share one; a done list's may be used again."""
    reply = do(engine, attrs.evolve(oco(), client_id="mine"))
    assert refusal(engine, attrs.evolve(oco(), client_id="mine")) is RejectReason.DUPLICATE_CLIENT_ID
    do(engine, CancelList(account="alice", list_id=list_id(reply)))
    assert refusal(engine, attrs.evolve(oco(), client_id="mine")) is None


def otoco(price: int = 10_000) -> PlaceList:
    """Return a buy and the pair that sells again when it is filled."""
    return listed(ListKind.OTOCO, limit("alice", BUY, price, 1_000), maker(), stop())


def test_the_second_waits_for_the_first(engine: Engine) -> None:
    """It locks nothing and is no part of the book until the first is *fully* filled, then it is NEW."""
    reply = do(engine, listed(ListKind.OTO, limit("alice", BUY, 9_900, 1_000), maker()))
    assert states(engine, reply) == [NEW, PENDING]
    assert engine.balance("alice", "ABC").locked == 0
    do(engine, Fill(instrument=SPOT, order_id=reply.orders[0].order_id, quantity=400))
    assert states(engine, reply) == [OrderStatus.PARTIALLY_FILLED, PENDING]
    do(engine, Fill(instrument=SPOT, order_id=reply.orders[0].order_id))
    assert states(engine, reply) == [FILLED, NEW]
    assert engine.depth(SPOT).asks == ((10_100, 1_000),)
    assert engine.balance("alice", "ABC").locked == UNIT


def test_a_first_that_fills_at_once_answers_before_the_second_starts(engine: Engine) -> None:
    """The answer shows the pair as PENDING_NEW, though both have started by then."""
    do(engine, limit(HOUSE, SELL, 10_000, 1_000))
    reply = do(engine, otoco())
    assert [order.status for order in reply.orders] == [FILLED, PENDING, PENDING]
    assert [execution.order_id for execution in reply.executions] == [reply.orders[0].order_id]
    assert states(engine, reply) == [FILLED, NEW, NEW]
    print_trade(engine, 9_900)
    assert states(engine, reply) == [FILLED, EXPIRED, NEW]


@pytest.mark.parametrize("price", ["100", None])
def test_a_sweep_does_not_set_off_what_it_has_called(engine: Engine, price: str | None) -> None:
    """The second begins when the first is filled: the trades that filled it came before, and the last was at 99.99."""
    for ticks in (10_000, 9_999):
        do(engine, limit(HOUSE, BUY, ticks, 500))
    trail = Decimal("0.0001") if price is None else None
    when = TriggerWhen.BELOW if price is None else TriggerWhen.ABOVE
    trigger = Trigger(when=when, price=None if price is None else Decimal(price), trail_ratio=trail)
    second = attrs.evolve(stop(), trigger=trigger)
    reply = do(engine, listed(ListKind.OTO, limit("alice", SELL, 9_999, 1_000), second))
    assert states(engine, reply) == [FILLED, NEW]
    assert now(engine, reply)[1].waits
    print_trade(engine, 10_000)
    print_trade(engine, 9_998)
    assert not now(engine, reply)[1].waits


@pytest.mark.parametrize("which", [0, 1, 2])
def test_cancelling_any_order_of_it_cancels_what_is_open(engine: Engine, which: int) -> None:
    """The first, or one that waits for it."""
    reply = do(engine, otoco(9_900))
    do(engine, Cancel(account="alice", instrument=SPOT, order_id=reply.orders[which].order_id))
    assert states(engine, reply) == [CANCELED] * 3


def test_the_rest_expires_with_the_first(engine: Engine) -> None:
    """An IOC that finds nothing takes the pair with it."""
    first = limit("alice", BUY, 9_900, 1_000, tif=TimeInForce.IOC)
    result = engine.apply(listed(ListKind.OTOCO, first, maker(), stop()), NOW)
    views = now(engine, result.reply)
    assert [view.reason for view in views] == [Reason.IOC_REMAINDER, Reason.FIRST_ORDER, Reason.FIRST_ORDER]
    assert changes(result.events) == [ListChange.STARTED, ListChange.DONE]


def test_what_would_be_refused_by_then_expires(engine: Engine) -> None:
    """The market has passed the pair when the first is filled: neither is placed."""
    reply = do(engine, otoco(9_900))
    print_trade(engine, 9_850)
    do(engine, Fill(instrument=SPOT, order_id=reply.orders[0].order_id))
    assert [view.reason for view in now(engine, reply)] == [None, Reason.REFUSED, Reason.OTHER_ORDER]
    assert engine.order_lists("alice")[0].is_done


def test_what_self_trade_prevention_takes_off_one_is_still_held_for_the_other(engine: Engine) -> None:
    """Of a pair whose limit order shrank, the stop has still all to sell: that stays locked."""
    do(engine, oco())
    do(engine, limit("alice", BUY, 10_100, 400, self_trade=SelfTrade.DECREMENT))
    assert engine.balance("alice", "ABC").locked == UNIT


def test_a_pair_is_not_amended_to_less_than_one_of_it_lost(engine: Engine) -> None:
    """The two have one quantity: one that would leave the other with nothing is refused, whichever is amended."""
    reply = do(engine, oco())
    do(engine, limit("alice", BUY, 10_100, 400, self_trade=SelfTrade.DECREMENT))
    for order in reply.orders:
        smaller = Amend(account="alice", instrument=SPOT, order_id=order.order_id, quantity=400)
        assert refusal(engine, smaller) is RejectReason.BAD_QUANTITY
    do(engine, Amend(account="alice", instrument=SPOT, order_id=reply.orders[1].order_id, quantity=401))
    assert [view.remaining for view in now(engine, reply)] == [1, 401]

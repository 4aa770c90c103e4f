"""What the frames of a futures lane mean: orders, executions, conditional orders, and the rest."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from exchstream.core.venue import CredentialGone, Doubt, Evidence, FillView, Meaning, Memory, OrderView, Retire, Strange
from exchstream.model import (
    Cumulative,
    End,
    Execution,
    FillKey,
    FillKind,
    Liquidity,
    OrderKey,
    OrderKind,
    OrderState,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    Term,
    TimeInForce,
    join,
)
from exchstream.venues.binance import BinanceFutures

MS = 1_000_000
ORDER: dict[str, Any] = {
    "s": "ETHUSDT",
    "c": "mine-1",
    "S": "BUY",
    "o": "LIMIT",
    "f": "GTC",
    "q": "2.000",
    "p": "3000.10",
    "ap": "0",
    "sp": "0",
    "x": "NEW",
    "X": "NEW",
    "i": 88,
    "l": "0",
    "z": "0",
    "L": "0",
    "N": "USDT",
    "n": "0",
    "T": 1700000000001,
    "t": 0,
    "b": "6000.2",
    "a": "0",
    "m": False,
    "R": False,
    "wt": "CONTRACT_PRICE",
    "ot": "LIMIT",
    "ps": "BOTH",
    "cp": False,
    "rp": "0",
    "pP": False,
    "si": 0,
    "ss": 0,
    "V": "NONE",
    "pm": "NONE",
    "gtd": 0,
    "er": "0",
}
TRADE: dict[str, Any] = {
    "x": "TRADE",
    "X": "PARTIALLY_FILLED",
    "l": "0.500",
    "z": "0.500",
    "L": "3000.00",
    "ap": "3000.00000",
}
TRADE |= {"ap": "3000.00000", "t": 6000, "n": "0.30000000", "m": True}
ALGO: dict[str, Any] = {
    "caid": "stop-1",
    "aid": 4000,
    "at": "CONDITIONAL",
    "o": "STOP_MARKET",
    "s": "ETHUSDT",
    "S": "SELL",
    "ps": "BOTH",
    "f": "GTC",
    "q": "0.500",
    "X": "NEW",
    "ai": "",
    "tp": "2900.00",
    "p": "0",
    "R": True,
}


def read(venue: BinanceFutures, **changes: Any) -> list[Meaning]:
    event = {"e": "ORDER_TRADE_UPDATE", "E": 1700000000003, "T": 1700000000002, "o": {**ORDER, **changes}}
    return venue.read(venue.plan.lanes[0], [json.dumps(event).encode()], Memory())


def algo(venue: BinanceFutures, **changes: Any) -> list[Meaning]:
    event = {"e": "ALGO_UPDATE", "E": 1700000000003, "T": 1700000000002, "o": {**ALGO, **changes}}
    return venue.read(venue.plan.lanes[0], [json.dumps(event).encode()], Memory())


def order(meanings: list[Meaning]) -> OrderState:
    return next(meaning.state for meaning in meanings if isinstance(meaning, OrderView))


def fills(meanings: list[Meaning]) -> list[Execution]:
    return [meaning.execution for meaning in meanings if isinstance(meaning, FillView)]


def test_a_new_order_in_full(futures: BinanceFutures) -> None:
    """Every modelled field of a NEW comes from its place; it was created when it was new; raw is the whole event."""
    told = read(futures)
    at_ns = 1700000000001 * MS
    expected = OrderState(
        key=OrderKey("ETHUSDT", "88"),
        stage=order(told).stage,
        cumulative=Cumulative(Decimal(0)),
        price=Term(Decimal("3000.10"), at_ns),
        quantity=Term(Decimal("2.000"), at_ns),
        client_order_id=Term("mine-1", at_ns),
        side=Side.BUY,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        reduce_only=False,
        position_side=PositionSide.BOTH,
        created_ns=at_ns,
        updated_ns=at_ns,
    )
    assert [expected] == [meaning.state for meaning in told if isinstance(meaning, OrderView)]
    assert len(told) == 1
    assert OrderStatus.NEW is expected.status
    assert json.loads(getattr(told[0], "raw", b""))["e"] == "ORDER_TRADE_UPDATE"


def test_a_trade_in_full(futures: BinanceFutures) -> None:
    """A TRADE is one execution by its last fields and one order by its cumulative ones; its fee is a cost."""
    told = read(futures, **TRADE)
    expected = Execution(
        venue_symbol="ETHUSDT",
        trade_id="6000",
        order_id="88",
        side=Side.BUY,
        price=Decimal("3000.00"),
        quantity=Decimal("0.500"),
        time_ns=1700000000001 * MS,
        fee=Decimal("0.30000000"),
        fee_asset="USDT",
        liquidity=Liquidity.MAKER,
        client_order_id="mine-1",
        position_side=PositionSide.BOTH,
    )
    assert [expected] == fills(told)
    assert Cumulative(Decimal("0.5"), Decimal(3000)) == order(told).cumulative
    assert None is order(told).created_ns


@pytest.mark.parametrize(
    ("fields", "status", "reason"),
    [
        ({"X": "PARTIALLY_FILLED", "z": "1"}, OrderStatus.PARTIALLY_FILLED, None),
        ({"X": "FILLED", "z": "2"}, OrderStatus.FILLED, None),
        ({"x": "CANCELED", "X": "CANCELED"}, OrderStatus.CANCELED, None),
        ({"x": "EXPIRED", "X": "EXPIRED", "er": ""}, OrderStatus.EXPIRED, None),
        ({"x": "EXPIRED", "X": "EXPIRED", "er": None}, OrderStatus.EXPIRED, None),
        ({"x": "EXPIRED", "X": "EXPIRED", "er": "77"}, OrderStatus.EXPIRED, "expiry reason 77"),
        ({"x": "EXPIRED", "X": "EXPIRED_IN_MATCH", "er": "1"}, OrderStatus.EXPIRED, "EXPIRED_IN_MATCH"),
    ],
)
def test_statuses(futures: BinanceFutures, fields: dict[str, Any], status: OrderStatus, reason: str | None) -> None:
    """Every documented status has its word, and the expiry's number becomes a reason."""
    state = order(read(futures, **fields))
    assert (status, reason) == (state.status, state.reason)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("0", None),
        ("1", "self-trade prevention"),
        ("2", "IOC not filled"),
        ("3", "IOC not filled, and self-trade prevention"),
        ("4", "knocked out by a reduce-only order, or the position would turn"),
        ("5", "liquidated"),
        ("6", "GTE condition not satisfied"),
        ("7", "delisted"),
        ("8", "the stop order was triggered"),
        ("9", "market order not completely filled"),
    ],
)
@pytest.mark.parametrize("filled", ["0", "0.500"])
def test_every_reason_of_an_expiry(futures: BinanceFutures, number: str, reason: str | None, filled: str) -> None:
    """The number in `er` is text, 0 is no reason, and each of the nine documented ones has its words (Order Update)."""
    told = read(futures, x="EXPIRED", X="EXPIRED", er=number, z=filled)
    state = order(told)
    assert (OrderStatus.EXPIRED, reason, Decimal(filled)) == (state.status, state.reason, state.cumulative.filled)
    assert len(told) == 1


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("LIMIT", OrderType.LIMIT),
        ("MARKET", OrderType.MARKET),
        ("STOP", OrderType.STOP_LIMIT),
        ("STOP_MARKET", OrderType.STOP),
        ("TAKE_PROFIT", OrderType.TAKE_PROFIT_LIMIT),
        ("TAKE_PROFIT_MARKET", OrderType.TAKE_PROFIT),
        ("TRAILING_STOP_MARKET", OrderType.TRAILING_STOP),
        ("LIQUIDATION", OrderType.LIQUIDATION),
    ],
)
def test_the_original_type_counts(futures: BinanceFutures, kind: str, expected: OrderType) -> None:
    """A triggered stop shows another `o`; what was asked for is in `ot`, and a trailing stop's `sp` is ignored."""
    state = order(read(futures, o="MARKET", ot=kind, sp="2900.5"))
    assert expected is state.type
    assert (None if kind == "TRAILING_STOP_MARKET" else Decimal("2900.5")) == (
        state.stop_price.value if state.stop_price else None
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [("GTC", "GTC"), ("IOC", "IOC"), ("FOK", "FOK"), ("GTX", "PO"), ("GTD", "GTD"), ("GTE_GTC", "GTC")],
)
def test_times_in_force(futures: BinanceFutures, text: str, expected: str) -> None:
    """Every documented time in force has its word; GTX is post-only."""
    assert TimeInForce(expected) is order(read(futures, f=text)).time_in_force


def test_an_amendment_wins(futures: BinanceFutures) -> None:
    """AMENDMENT brings new terms, in whatever order it and the NEW before it are joined; it is no fill."""
    told = read(futures, x="AMENDMENT", p="2990.00", q="1.500", M=12)
    assert fills(told) == []
    for state in (join(order(read(futures)), order(told)), join(order(told), order(read(futures)))):
        assert (Decimal(2990), Decimal("1.5")) == (
            state.price and state.price.value,
            state.quantity and state.quantity.value,
        )


@pytest.mark.parametrize(
    ("client_id", "execution", "kind"),
    [
        ("autoclose-1700000000001", "TRADE", FillKind.LIQUIDATION),
        ("autoclose-1700000000001", "CALCULATED", FillKind.LIQUIDATION),
        ("adl_autoclose", "TRADE", FillKind.ADL),
        ("settlement_autoclose-1", "TRADE", FillKind.SETTLEMENT),
        ("whatever", "CALCULATED", FillKind.LIQUIDATION),
        ("mine-1", "TRADE", FillKind.TRADE),
    ],
)
def test_what_was_done_to_the_position(futures: BinanceFutures, client_id: str, execution: str, kind: FillKind) -> None:
    """The client id tells liquidation, ADL and settlement from a trade of one's own."""
    assert [kind] == [fill.kind for fill in fills(read(futures, **{**TRADE, "c": client_id, "x": execution}))]


def test_a_forced_order_that_stays_new_is_filled_when_all_is(futures: BinanceFutures) -> None:
    """Liquidations and ADL show X NEW throughout: once all is filled the order is; one's own order is not touched."""
    full = {**TRADE, "X": "NEW", "l": "2.000", "z": "2.000"}
    assert OrderStatus.FILLED is order(read(futures, **full, c="adl_autoclose")).status
    assert OrderStatus.PARTIALLY_FILLED is order(read(futures, **{**full, "z": "1"}, c="adl_autoclose")).status
    assert OrderStatus.PARTIALLY_FILLED is order(read(futures, **full)).status


def test_calculated_without_quantity_is_no_fill(futures: BinanceFutures) -> None:
    """CALCULATED may be a word about the order alone."""
    told = read(futures, x="CALCULATED", c="autoclose-1")
    assert [OrderView] == [type(meaning) for meaning in told]


@pytest.mark.parametrize("damage", [{"t": 0}, {"S": "HOLD"}, {"l": "0"}])
def test_a_trade_that_makes_no_fill_is_asked_about(futures: BinanceFutures, damage: dict[str, Any]) -> None:
    """Without id, side or quantity there is no fill: it is told as strange and doubted, and the order is not lost."""
    told = read(futures, **{**TRADE, **damage})
    assert fills(told) == []
    assert [OrderKey("ETHUSDT", "88")] == [meaning.order for meaning in told if isinstance(meaning, Doubt)]
    assert [m for m in told if isinstance(m, Strange)]
    assert Decimal("0.5") == order(told).cumulative.filled


@pytest.mark.parametrize("field", ["S", "ot", "f", "x", "X", "ps"])
def test_an_unknown_word_is_told_and_loses_nothing(futures: BinanceFutures, field: str) -> None:
    """The order is told with that field unknown, and the message as strange with the word in it."""
    told = read(futures, **{field: "SURPRISE"})
    assert ["SURPRISE" in meaning.what for meaning in told if isinstance(meaning, Strange)] == [True]
    state = order(told)
    assert Decimal(2) == (state.quantity and state.quantity.value)


@pytest.mark.parametrize("damage", [{"q": "NaN"}, {"z": "-1"}, {"L": "Infinity"}, {"T": "x"}, {"q": None}, {"p": 1.5}])
def test_an_update_that_cannot_be_read_is_strange_and_doubted(futures: BinanceFutures, damage: dict[str, Any]) -> None:
    """Bad numbers, nulls and wrong types give no half fact: told raw, and asked about."""
    told = read(futures, **{**TRADE, **damage})
    assert [Strange, Doubt] == [type(meaning) for meaning in told]
    assert OrderKey("ETHUSDT", "88") == getattr(told[1], "order", None)


def test_trade_lite_is_a_doubt_and_never_a_fill(futures: BinanceFutures, fixture: Callable[[str], str]) -> None:
    """It names the fill that the full event brings, under the very key of that fill."""
    told = futures.read(futures.plan.lanes[0], [fixture("binance_futures/trade_lite.json").encode()], Memory())
    fill = FillKey("BTCUSDT", "109100866", "8886774")
    assert [Doubt("TRADE_LITE told of an execution", fill=fill, order=OrderKey("BTCUSDT", "8886774"))] == told


@pytest.mark.parametrize(
    ("fields", "status", "reason", "child"),
    [
        ({}, OrderStatus.NEW, None, None),
        ({"X": "TRIGGERING"}, OrderStatus.TRIGGERED, None, None),
        ({"X": "TRIGGERED", "ai": "991", "ap": "0", "aq": "0"}, OrderStatus.TRIGGERED, None, "991"),
        ({"X": "FINISHED", "ai": "991", "ap": "2899", "aq": "0.500"}, OrderStatus.FILLED, None, "991"),
        ({"X": "FINISHED", "ai": 991, "ap": "2899", "aq": "0.2"}, OrderStatus.CANCELED, None, "991"),
        ({"X": "FINISHED", "ai": "991", "ap": "0", "aq": "0"}, OrderStatus.CANCELED, None, "991"),
        ({"X": "FINISHED", "ai": "991", "q": "0", "aq": "0.1"}, OrderStatus.FILLED, None, "991"),
        ({"X": "FINISHED", "ai": "991", "ap": "2899"}, OrderStatus.FILLED, None, "991"),
        ({"X": "FINISHED", "ai": "991"}, OrderStatus.CANCELED, None, "991"),
        ({"X": "CANCELED", "rm": "Reduce Only reject"}, OrderStatus.CANCELED, "Reduce Only reject", None),
        ({"X": "EXPIRED"}, OrderStatus.EXPIRED, None, None),
        ({"X": "REJECTED", "rm": "Margin"}, OrderStatus.REJECTED, "Margin", None),
    ],
)
def test_conditional_orders(
    futures: BinanceFutures, fields: dict[str, Any], status: OrderStatus, reason: str | None, child: str | None
) -> None:
    """An algo order has its own id space, names its child, fills nothing itself, and FINISHED is told by quantity."""
    told = algo(futures, **fields)
    state = order(told)
    assert OrderKey("ETHUSDT", "4000", OrderKind.ALGO) == state.key
    assert (status, reason, child) == (state.status, state.reason, state.child_order_id)
    assert Decimal(0) == state.cumulative.filled
    assert len(told) == 1


def test_a_lesser_end_of_a_conditional_order_can_be_raised(futures: BinanceFutures) -> None:
    """FINISHED without a quantity is CANCELED until a view with the quantity says that it was filled."""
    state = join(order(algo(futures, X="FINISHED")), order(algo(futures, X="FINISHED", aq="0.5")))
    assert End.FILLED is state.end


def test_a_live_conditional_order(futures: BinanceFutures, fixture: Callable[[str], str]) -> None:
    """A close-position stop has no quantity; fields that are absent until it triggers are not missed."""
    told = futures.read(
        futures.plan.lanes[0], [fixture("binance_futures/algo_update_new_live.json").encode()], Memory()
    )
    state = order(told)
    assert (state.quantity, state.type, state.reduce_only) == (None, OrderType.STOP, True)
    assert Decimal("74960.75") == (state.stop_price and state.stop_price.value)


def test_an_unreadable_conditional_order_is_doubted_as_one(futures: BinanceFutures) -> None:
    """The doubt names the algo order, not an ordinary one with the same number."""
    told = algo(futures, tp="NaN")
    assert [OrderKey("ETHUSDT", "4000", OrderKind.ALGO)] == [m.order for m in told if isinstance(m, Doubt)]
    assert ["SURPRISE" in m.what for m in algo(futures, X="SURPRISE") if isinstance(m, Strange)] == [True]


def test_a_rejected_trigger_is_the_end_of_its_order(futures: BinanceFutures, fixture: Callable[[str], str]) -> None:
    """The venue keeps no record of such an order, so its event is the only word about its end."""
    path = "binance_futures/conditional_order_trigger_reject.json"
    state = order(futures.read(futures.plan.lanes[0], [fixture(path).encode()], Memory()))
    assert (OrderKey("ETHUSDT", "155618472834"), OrderStatus.REJECTED) == (state.key, state.status)
    assert "FOK" in (state.reason or "")


@pytest.mark.parametrize(
    "name",
    [
        "account_update_doc",
        "account_update_live",
        "margin_call",
        "strategy_update",
        "grid_update",
        "account_config_update_leverage",
        "account_config_update_multi_assets",
    ],
)
def test_what_is_not_needed_shows_that_the_lane_delivers(
    futures: BinanceFutures, fixture: Callable[[str], str], name: str
) -> None:
    """Known events that are not about orders are evidence and nothing else."""
    told = futures.read(futures.plan.lanes[0], [fixture(f"binance_futures/{name}.json").encode()], Memory())
    assert [Evidence()] == told


def test_signals(futures: BinanceFutures, fixture: Callable[[str], str]) -> None:
    """listenKeyExpired with its textual E ends the credential, each time it comes; a shutdown retires the lane."""
    expired = fixture("binance_futures/listen_key_expired.json").encode()
    gone = CredentialGone("the listen key has expired")
    assert [gone, gone] == futures.read(futures.plan.lanes[0], [expired, expired], Memory())
    told = futures.read(futures.plan.lanes[0], [b'{"e":"serverShutdown","E":1}'], Memory())
    assert [Retire("the server is about to shut down")] == told


def test_what_has_no_word_is_strange(futures: BinanceFutures) -> None:
    """An unknown event is told raw, once, and nothing is raised."""
    told = futures.read(futures.plan.lanes[0], [b'{"e":"SOMETHING_NEW","E":1}'], Memory())
    assert [Strange] == [type(meaning) for meaning in told]


@pytest.mark.parametrize(
    "frame",
    [
        b'{"stream":"k","data":{"e":"ORDER_TRADE_UPDATE"}}',
        b'{"result":null,"id":1}',
        b'{"e":"ORDER_TRADE_UPDATE"}',
        b'{"e":"ORDER_TRADE_UPDATE","o":[]}',
        b'{"e":7}',
        b"[]",
        b"",
        b"no json",
        b"\x00\xff",
        b"\xed\xa0\x80",
    ],
)
def test_what_may_have_been_about_an_order_is_doubted(futures: BinanceFutures, frame: bytes) -> None:
    """Unknown wrappers, binary and broken text are told raw, once, and doubted: they may have been about any order."""
    strange, doubt = futures.read(futures.plan.lanes[0], [frame], Memory())
    assert isinstance(strange, Strange)
    assert isinstance(doubt, Doubt)
    assert (doubt.fill, doubt.order, doubt.symbol) == (None, None, None)

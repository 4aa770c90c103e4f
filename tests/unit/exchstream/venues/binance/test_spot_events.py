"""What the frames of a spot lane mean: every event, every trap of the executionReport."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from exchstream.core.venue import (
    Accepted,
    CredentialGone,
    Doubt,
    Evidence,
    FillView,
    Meaning,
    Memory,
    Moved,
    OrderView,
    Refusal,
    Refused,
    Resubscribe,
    Retire,
    Strange,
    Throttle,
)
from exchstream.model import (
    Cumulative,
    Execution,
    FillKey,
    Liquidity,
    OrderKey,
    OrderState,
    OrderStatus,
    OrderType,
    Side,
    Term,
    TimeInForce,
    join,
)
from exchstream.venues.binance import BinanceSpot

MS = 1_000_000
REPORT: dict[str, Any] = {
    "e": "executionReport",
    "E": 1700000000002,
    "s": "SOLUSDT",
    "c": "mine-1",
    "S": "SELL",
    "o": "LIMIT",
    "f": "GTC",
    "q": "3.00000000",
    "p": "60.50000000",
    "P": "0.00000000",
    "F": "0.00000000",
    "g": -1,
    "C": "",
    "x": "NEW",
    "X": "NEW",
    "r": "NONE",
    "i": 77,
    "l": "0.00000000",
    "z": "0.00000000",
    "L": "0.00000000",
    "n": "0",
    "N": None,
    "T": 1700000000001,
    "t": -1,
    "I": 900,
    "w": True,
    "m": False,
    "M": False,
    "O": 1700000000000,
    "Z": "0.00000000",
    "Y": "0.00000000",
    "Q": "0.00000000",
    "V": "NONE",
}
TRADE = {"x": "TRADE", "X": "PARTIALLY_FILLED", "l": "1.00000000", "z": "1.00000000", "L": "60.60000000", "t": 5000}
TRADE |= {"n": "0.00010000", "N": "BNB", "Z": "60.60000000", "Y": "60.60000000", "m": True, "I": 901}


def read(venue: BinanceSpot, event: dict[str, Any], **changes: Any) -> list[Meaning]:
    inner = json.dumps({**event, **changes})
    return venue.read(venue.plan.lanes[0], [f'{{"subscriptionId":0,"event":{inner}}}'.encode()], Memory())


def order(meanings: list[Meaning]) -> OrderState:
    return next(meaning.state for meaning in meanings if isinstance(meaning, OrderView))


def fills(meanings: list[Meaning]) -> list[Execution]:
    return [meaning.execution for meaning in meanings if isinstance(meaning, FillView)]


def test_a_new_order_in_full(spot: BinanceSpot) -> None:
    """Every modelled field of a NEW comes from its place, zeros are absence, times are ns, raw is the inner event."""
    version = (1700000000001 * MS, 900)
    state = OrderState(
        key=OrderKey("SOLUSDT", "77"),
        stage=order(read(spot, REPORT)).stage,
        cumulative=Cumulative(Decimal(0)),
        price=Term(Decimal("60.50000000"), *version),
        quantity=Term(Decimal("3.00000000"), *version),
        client_order_id=Term("mine-1", *version),
        side=Side.SELL,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        created_ns=1700000000000 * MS,
        updated_ns=1700000000001 * MS,
    )
    assert [OrderView(state, json.dumps(REPORT).encode())] == read(spot, REPORT)
    assert OrderStatus.NEW is state.status


def test_a_trade_in_full(spot: BinanceSpot) -> None:
    """A TRADE is one execution by its last fields and one order by its cumulative ones, the average being Z/z."""
    told = read(spot, REPORT, **TRADE)
    expected = Execution(
        venue_symbol="SOLUSDT",
        trade_id="5000",
        order_id="77",
        side=Side.SELL,
        price=Decimal("60.60000000"),
        quantity=Decimal("1.00000000"),
        time_ns=1700000000001 * MS,
        quote_quantity=Decimal("60.60000000"),
        fee=Decimal("0.00010000"),
        fee_asset="BNB",
        liquidity=Liquidity.MAKER,
        client_order_id="mine-1",
    )
    assert [expected] == fills(told)
    assert Cumulative(Decimal(1), quote=Decimal("60.6")) == order(told).cumulative
    assert OrderStatus.PARTIALLY_FILLED is order(told).status


@pytest.mark.parametrize("fee", ["0", "0.00010000"])
def test_no_fee_asset_means_no_fee(spot: BinanceSpot, fee: str) -> None:
    """N null: whatever stands beside it, no fee is told, not a fee of 0."""
    execution = fills(read(spot, REPORT, **{**TRADE, "N": None, "n": fee}))[0]
    assert (execution.fee, execution.fee_asset) == (None, None)


@pytest.mark.parametrize(
    ("execution", "status", "c", "original", "expected"),
    [
        ("CANCELED", "CANCELED", "cancel-request", "mine-1", "mine-1"),
        ("CANCELED", "CANCELED", "mine-1", "", "mine-1"),
        ("CANCELED", "CANCELED", "mine-1", None, "mine-1"),
        ("CANCELED", "CANCELED", "mine-1", "null", "mine-1"),
        ("EXPIRED", "EXPIRED", "mine-1", "", "mine-1"),
        ("REPLACED", "NEW", "new-name", "mine-1", "new-name"),
        ("NEW", "NEW", "mine-1", "null", "mine-1"),
    ],
)
def test_whose_client_id(
    spot: BinanceSpot, execution: str, status: str, c: str, original: str | None, expected: str
) -> None:
    """On a cancel the order's own id is C; everywhere else it is c, also where the exchange expires or amends."""
    term = order(read(spot, REPORT, x=execution, X=status, c=c, C=original)).client_order_id
    assert expected == (None if term is None else term.value)


def test_an_amendment_wins_by_its_execution_id(spot: BinanceSpot) -> None:
    """REPLACED with a lower quantity at the same millisecond is the newer term, in whatever order the two come."""
    new = order(read(spot, REPORT))
    replaced = order(read(spot, REPORT, x="REPLACED", q="2.00000000", c="renamed", I=905))
    for state in (join(new, replaced), join(replaced, new)):
        assert Decimal(2) == (state.quantity and state.quantity.value)
        assert (state.client_order_id and state.client_order_id.value) == "renamed"


def test_an_allocation_of_smart_order_routing_is_a_fill(spot: BinanceSpot) -> None:
    """A TRADE with trade id -1 and an allocation id is an execution of its own, and two of them are two."""
    sor = {**TRADE, "t": -1, "b": "ONE_PARTY_TRADE_REPORT", "k": "SOR", "uS": True}
    keys = [fills(read(spot, REPORT, **sor, a=number))[0].key for number in (0, 1)]
    assert [FillKey("SOLUSDT", "alloc:0", "77"), FillKey("SOLUSDT", "alloc:1", "77")] == keys


@pytest.mark.parametrize("damage", [{"t": -1}, {"S": "HOLD"}, {"l": "0.00000000"}])
def test_a_trade_that_makes_no_fill_is_asked_about(spot: BinanceSpot, damage: dict[str, Any]) -> None:
    """Without id, side or quantity there is no fill: it is told as strange and doubted, and the order is not lost."""
    told = read(spot, REPORT, **{**TRADE, **damage})
    assert fills(told) == []
    assert [OrderKey("SOLUSDT", "77")] == [meaning.order for meaning in told if isinstance(meaning, Doubt)]
    assert [m for m in told if isinstance(m, Strange)]
    assert Decimal(1) == order(told).cumulative.filled


def test_a_self_trade_is_two_fills(spot: BinanceSpot) -> None:
    """One trade id on two orders of the account gives two keys."""
    keys = {fills(read(spot, REPORT, **TRADE, i=number))[0].key for number in (77, 78)}
    assert {FillKey("SOLUSDT", "5000", "77"), FillKey("SOLUSDT", "5000", "78")} == keys


@pytest.mark.parametrize("execution", ["NEW", "CANCELED", "REPLACED", "REJECTED", "EXPIRED", "TRADE_PREVENTION"])
def test_only_a_trade_is_a_fill(spot: BinanceSpot, execution: str) -> None:
    """No other execution type makes one, self-trade prevention with its would-be numbers least of all."""
    prevented = {"v": 3, "A": "1.0", "B": "1.0", "u": 1, "U": 2, "Cs": "X", "pl": "1.0", "pL": "60.5", "pY": "60.5"}
    told = read(spot, REPORT, x=execution, t=5000, **prevented)
    assert fills(told) == []
    assert not [meaning for meaning in told if isinstance(meaning, Strange)]


@pytest.mark.parametrize(
    ("fields", "status", "reason"),
    [
        ({"X": "PENDING_NEW"}, OrderStatus.PENDING_NEW, None),
        ({"X": "NEW"}, OrderStatus.NEW, None),
        ({"X": "PENDING_CANCEL"}, OrderStatus.NEW, None),
        ({"X": "PARTIALLY_FILLED", "z": "1.0"}, OrderStatus.PARTIALLY_FILLED, None),
        ({"X": "FILLED", "z": "3.0"}, OrderStatus.FILLED, None),
        ({"X": "CANCELED", "x": "CANCELED", "z": "1.0"}, OrderStatus.CANCELED, None),
        (
            {"X": "REJECTED", "x": "REJECTED", "r": "WOULD_MATCH_IMMEDIATELY"},
            OrderStatus.REJECTED,
            "WOULD_MATCH_IMMEDIATELY",
        ),
        ({"X": "EXPIRED", "x": "EXPIRED", "z": "1.0"}, OrderStatus.EXPIRED, None),
        ({"X": "EXPIRED", "x": "EXPIRED", "eR": "EXCHANGE_CANCELED"}, OrderStatus.EXPIRED, "EXCHANGE_CANCELED"),
        ({"X": "EXPIRED", "x": "EXPIRED", "eR": "NONE"}, OrderStatus.EXPIRED, None),
        ({"X": "EXPIRED_IN_MATCH", "x": "TRADE_PREVENTION"}, OrderStatus.EXPIRED, "EXPIRED_IN_MATCH"),
    ],
)
def test_statuses(spot: BinanceSpot, fields: dict[str, Any], status: OrderStatus, reason: str | None) -> None:
    """Every documented status has its word, and an end may come with something filled."""
    state = order(read(spot, REPORT, **fields))
    assert (status, reason) == (state.status, state.reason)
    assert Decimal(fields.get("z", 0)) == state.cumulative.filled


@pytest.mark.parametrize(
    ("kind", "expected", "in_force"),
    [
        ("LIMIT", OrderType.LIMIT, TimeInForce.GTC),
        ("LIMIT_MAKER", OrderType.LIMIT, TimeInForce.PO),
        ("MARKET", OrderType.MARKET, TimeInForce.GTC),
        ("STOP_LOSS", OrderType.STOP, TimeInForce.GTC),
        ("STOP_LOSS_LIMIT", OrderType.STOP_LIMIT, TimeInForce.GTC),
        ("TAKE_PROFIT", OrderType.TAKE_PROFIT, TimeInForce.GTC),
        ("TAKE_PROFIT_LIMIT", OrderType.TAKE_PROFIT_LIMIT, TimeInForce.GTC),
    ],
)
def test_types(spot: BinanceSpot, kind: str, expected: OrderType, in_force: TimeInForce) -> None:
    """Every order type has its word; post-only is a time in force."""
    state = order(read(spot, REPORT, o=kind))
    assert (expected, in_force) == (state.type, state.time_in_force)


def test_absent_prices_and_quantities_are_none(spot: BinanceSpot) -> None:
    """A MARKET order sized in quote has neither price nor quantity; a stop has a stop price."""
    market = order(read(spot, REPORT, o="MARKET", p="0.00000000", q="0.00000000", Q="100.00000000"))
    assert (market.price, market.quantity, market.stop_price) == (None, None, None)
    stop = order(read(spot, REPORT, o="STOP_LOSS_LIMIT", P="61.00000000"))
    assert Decimal(61) == (stop.stop_price and stop.stop_price.value)


def test_a_negative_quote_is_not_available(spot: BinanceSpot) -> None:
    """Z below 0 means that the venue does not know: no average, no quote amount, the quantity stays."""
    state = order(read(spot, REPORT, **{**TRADE, "Z": "-1.00000000"}))
    assert Cumulative(Decimal(1)) == state.cumulative


@pytest.mark.parametrize("field", ["S", "o", "f", "x", "X"])
def test_an_unknown_word_is_told_and_loses_nothing(spot: BinanceSpot, field: str) -> None:
    """The order is told with that field unknown, and the message as strange with the word in it."""
    told = read(spot, REPORT, **{field: "SURPRISE"})
    state = order(told)
    assert ["SURPRISE" in meaning.what for meaning in told if isinstance(meaning, Strange)] == [True]
    assert Decimal(3) == (state.quantity and state.quantity.value)
    if field == "X":
        assert OrderStatus.UNKNOWN is state.status


@pytest.mark.parametrize(
    "damage",
    [
        {"q": "NaN"},
        {"z": "1e999"},
        {"l": "-1", "x": "TRADE"},
        {"z": "-1"},
        {"p": None},
        {"p": 60.5},
        {"T": 1700000000001000},
        {"T": "1700000000001"},
        {"q": "9" * 60},
        {"s": None, "named": False},
        {"i": "77", "named": False},
    ],
)
def test_a_report_that_cannot_be_read_is_strange_and_doubted(spot: BinanceSpot, damage: dict[str, Any]) -> None:
    """Bad numbers, nulls, microseconds and wrong types give no half fact: told raw, and asked about, by name if any."""
    named = damage.get("named", True)
    told = read(spot, REPORT, **{name: value for name, value in damage.items() if name != "named"})
    strange = [meaning for meaning in told if isinstance(meaning, Strange)]
    doubts = [meaning.order for meaning in told if isinstance(meaning, Doubt)]
    assert (1, [OrderKey("SOLUSDT", "77") if named else None]) == (len(strange), doubts)
    assert len(told) == len(strange) + len(doubts)
    assert b'"executionReport"' in strange[0].raw


def test_a_real_sequence(spot: BinanceSpot, fixture: Callable[[str], str]) -> None:
    """A MARKET order of 6 that filled 4 and expired: two fills, the sums kept at the end, balances as evidence."""
    names = ["new_market", "trade_1", "trade_2", "expired"]
    frames = [
        f'{{"subscriptionId":0,"event":{fixture(f"binance_spot/execution_report_{name}.json")}}}'.encode()
        for name in names
    ]
    told = spot.read(spot.plan.lanes[0], frames, Memory())
    states = [meaning.state for meaning in told if isinstance(meaning, OrderView)]
    assert [execution.trade_id for execution in fills(told)] == ["7", "8"]
    assert [state.cumulative.filled for state in states] == [0, 2, 4, 4]
    assert OrderStatus.EXPIRED is states[-1].status
    assert Cumulative(Decimal(4), quote=Decimal(4)) == states[-1].cumulative


def test_a_real_cancel_and_new(spot: BinanceSpot, fixture: Callable[[str], str]) -> None:
    """The captured pair joins to one cancelled order under the id that it was placed with."""
    frames = [
        f'{{"subscriptionId":1,"event":{fixture(f"binance_spot/execution_report_{name}.json")}}}'.encode()
        for name in ("canceled", "new_limit")
    ]
    cancelled, new = (m.state for m in spot.read(spot.plan.lanes[0], frames, Memory()) if isinstance(m, OrderView))
    state = join(cancelled, new)
    assert OrderStatus.CANCELED is state.status
    assert (state.client_order_id and state.client_order_id.value) == "android_347fe920b39b4d6a98dbe2725b28"


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"e": "outboundAccountPosition", "u": 1, "B": [{"a": "BNB", "f": "1", "l": "0"}]}, [Evidence()]),
        ({"e": "balanceUpdate", "a": "BTC", "d": "-0.10", "T": 1}, [Moved("BTC", Decimal("-0.10")), Evidence()]),
        ({"e": "listStatus", "c": "OCO", "C": "x", "l": "ALL_DONE", "O": [], "T": 1}, [Evidence()]),
        ({"e": "externalLockUpdate", "a": "NEO", "d": "10.0", "T": 1}, [Evidence()]),
        ({"e": "eventStreamTerminated", "E": 1}, [Resubscribe("the venue ended the subscription")]),
        ({"e": "serverShutdown", "E": 1}, [Retire("the server is about to shut down")]),
    ],
)
def test_other_events(spot: BinanceSpot, event: dict[str, Any], expected: list[Meaning]) -> None:
    """Each known event has its meaning, also without a subscription id."""
    assert expected == read(spot, event)
    assert expected == spot.read(spot.plan.lanes[0], [json.dumps({"event": event}).encode()], Memory())


@pytest.mark.parametrize(
    "frame",
    [
        b'{"subscriptionId":0,"event":{"e":"somethingNew","E":1}}',
        b'{"e":"somethingNew"}',
    ],
)
def test_what_has_no_word_is_strange(spot: BinanceSpot, frame: bytes) -> None:
    """Unknown events are told raw, once, and nothing is raised."""
    told = spot.read(spot.plan.lanes[0], [frame], Memory())
    assert [Strange] == [type(meaning) for meaning in told]


@pytest.mark.parametrize(
    "frame",
    [
        b'{"subscriptionId":0,"event":{"e":"balanceUpdate","a":"BTC","d":"NaN"}}',
        b'{"subscriptionId":0,"event":[]}',
        b'{"subscriptionId":0,"event":null}',
        b'{"stream":"x","data":{"e":"executionReport"}}',
        b'{"e":"executionReport"}',
        b"{}",
        b"[]",
        b"17",
        b"",
        b"not json",
        b"<html></html>",
        b"\xff\xfe\x00binary",
        b"\xed\xa0\x80",
        b"[" * 5000,
    ],
)
def test_what_may_have_been_about_an_order_is_doubted(spot: BinanceSpot, frame: bytes) -> None:
    """Unknown wrappers, binary and broken text are told raw, once, and doubted: they may have been about any order."""
    strange, doubt = spot.read(spot.plan.lanes[0], [frame], Memory())
    assert isinstance(strange, Strange)
    assert isinstance(doubt, Doubt)
    assert (doubt.fill, doubt.order, doubt.symbol) == (None, None, None)


def answer(venue: BinanceSpot, **fields: Any) -> list[Meaning]:
    return venue.read(venue.plan.lanes[0], [json.dumps(fields).encode()], Memory())


@pytest.mark.parametrize(
    ("status", "code", "how"),
    [
        (400, -1022, Refusal.FATAL),
        (401, -2014, Refusal.FATAL),
        (401, -2015, Refusal.FATAL),
        (400, -2028, Refusal.FATAL),
        (400, -1193, Refusal.FATAL),
        (401, -9999, Refusal.FATAL),
        (400, -1021, Refusal.CLOCK),
        (400, -9999, Refusal.TRANSIENT),
        (429, -1003, Refusal.TRANSIENT),
        (500, -1000, Refusal.TRANSIENT),
        (503, -2015, Refusal.TRANSIENT),
    ],
)
def test_refused_greetings(spot: BinanceSpot, status: int, code: int, how: Refusal) -> None:
    """A refused greeting carries its tag and what it asks of us."""
    told = answer(spot, id="subscribe-1", status=status, error={"code": code, "msg": "Words."})
    assert [Refused(f"Words. (HTTP {status}, code {code})", how, "subscribe-1")] == told


def test_answers(spot: BinanceSpot) -> None:
    """Acceptance has the tag; "already active" is one; a heartbeat's answer is no news; limits are counted."""
    limits = [
        {"rateLimitType": "CONNECTIONS", "interval": "MINUTE", "intervalNum": 5, "limit": 300, "count": 1},
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000, "count": 70},
    ]
    assert [Throttle("REQUEST_WEIGHT", used=70), Accepted("a")] == answer(
        spot, id="a", status=200, result={"subscriptionId": 0}, rateLimits=limits
    )
    assert [Accepted("a")] == answer(spot, id="a", status=400, error={"code": -2035, "msg": "already active"})
    assert answer(spot, id="heartbeat", status=200, result={"apiKey": "k", "userDataStream": True}) == []
    revoked = {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}
    for name in (None, "heartbeat"):
        told = answer(spot, id=name, status=401, error=revoked)
        assert [(m.how, m.tag) for m in told if isinstance(m, Refused)] == [(Refusal.FATAL, None)]


def test_a_ban_says_until_when(spot: BinanceSpot, fixture: Callable[[str], str]) -> None:
    """The WebSocket API's retryAfter is an instant in ms, where REST's header is a span in seconds."""
    told = spot.read(spot.plan.lanes[0], [fixture("binance_spot/ws_banned_answer.json").encode()], Memory())
    assert Throttle("REQUEST_WEIGHT", until_ns=1659146400000 * MS) in told
    assert [meaning.how for meaning in told if isinstance(meaning, Refused)] == [Refusal.TRANSIENT]


def test_the_listen_key_lane(classic: BinanceSpot, memory: Memory) -> None:
    """Events come unwrapped; an expiry may come twice; answers of another protocol are strange."""
    lane = classic.plan.lanes[0]
    expired = b'{"e":"listenKeyExpired","E":1699596037418,"listenKey":"OfYG"}'
    told = classic.read(
        lane, [json.dumps({**REPORT, **TRADE}).encode(), expired, expired, b'{"result":null,"id":1}'], memory
    )
    gone = CredentialGone("the listen key has expired")
    assert [FillView, OrderView, CredentialGone, CredentialGone, Strange, Doubt] == [type(meaning) for meaning in told]
    assert gone == told[2]
    assert [Retire("the server is about to shut down")] == classic.read(lane, [b'{"e":"serverShutdown","E":1}'], memory)

"""Events as JSON lines: every event survives, and the form is the documented one."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchstream.events import (
    AccountDown,
    DownReason,
    Event,
    Fill,
    GapClosed,
    GapOpened,
    GapReason,
    OrderUpdate,
    Scope,
    Unrecognized,
    Unresolved,
)
from exchstream.jsonlines import from_json, to_json
from exchstream.model import (
    Cumulative,
    End,
    Execution,
    FillKind,
    Liquidity,
    OrderKey,
    OrderKind,
    OrderState,
    OrderType,
    PositionSide,
    Side,
    Stage,
    Term,
    TimeInForce,
)

TEXT = st.text(max_size=8)
NANOSECONDS = st.integers(0, 4 * 10**18)
AMOUNT = st.decimals(allow_nan=False, allow_infinity=False)
POSITIVE = st.decimals(min_value=0, allow_nan=False, allow_infinity=False)
TOLD = {"venue": TEXT, "account": TEXT, "position": st.integers(0, 2**62)}
FACT = TOLD | {
    "symbol": st.none() | TEXT,
    "received_ns": NANOSECONDS,
    "recovered": st.booleans(),
    "epoch": st.integers(0, 9),
    "raw": st.binary(max_size=8) | TEXT.map(str.encode),
}


def term(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Term | None]:
    return st.none() | st.builds(Term, values, NANOSECONDS, st.integers(-1, 9))


STATES = st.builds(
    OrderState,
    key=st.builds(OrderKey, TEXT, TEXT, st.sampled_from(OrderKind)),
    stage=st.none() | st.sampled_from(Stage),
    end=st.none() | st.sampled_from(End),
    reason=st.none() | TEXT,
    cumulative=st.builds(Cumulative, POSITIVE, st.none() | AMOUNT, st.none() | AMOUNT),
    price=term(AMOUNT),
    quantity=term(POSITIVE),
    stop_price=term(AMOUNT),
    client_order_id=term(TEXT),
    side=st.none() | st.sampled_from(Side),
    type=st.none() | st.sampled_from(OrderType),
    time_in_force=st.none() | st.sampled_from(TimeInForce),
    reduce_only=st.none() | st.booleans(),
    position_side=st.none() | st.sampled_from(PositionSide),
    child_order_id=st.none() | TEXT,
    created_ns=st.none() | NANOSECONDS,
    updated_ns=st.none() | NANOSECONDS,
)
EXECUTIONS = st.builds(
    Execution,
    venue_symbol=TEXT,
    trade_id=TEXT,
    order_id=TEXT,
    side=st.sampled_from(Side),
    price=AMOUNT,
    quantity=POSITIVE,
    time_ns=NANOSECONDS,
    quote_quantity=st.none() | AMOUNT,
    fee=st.none() | AMOUNT,
    fee_asset=st.none() | TEXT,
    liquidity=st.none() | st.sampled_from(Liquidity),
    kind=st.sampled_from(FillKind),
    client_order_id=st.none() | TEXT,
    position_side=st.none() | st.sampled_from(PositionSide),
)
SCOPES = st.builds(
    Scope,
    symbols=st.none() | st.lists(TEXT, max_size=3).map(tuple),
    kinds=st.lists(st.sampled_from(OrderKind), max_size=2).map(tuple),
)
UNRESOLVED = st.lists(st.builds(Unresolved, what=TEXT, name=TEXT, why=TEXT), max_size=3).map(tuple)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(OrderUpdate, **FACT, state=STATES),
    st.builds(Fill, **FACT, execution=EXECUTIONS),
    st.builds(GapOpened, **TOLD, since_ns=NANOSECONDS, reason=st.sampled_from(GapReason), detail=TEXT),
    st.builds(
        GapClosed,
        **TOLD,
        since_ns=NANOSECONDS,
        until_ns=NANOSECONDS,
        scope=SCOPES,
        complete=st.booleans(),
        unresolved=UNRESOLVED,
        recovered=st.integers(0, 9),
    ),
    st.builds(AccountDown, **TOLD, reason=st.sampled_from(DownReason), detail=TEXT),
    st.builds(Unrecognized, **TOLD, what=TEXT, raw=FACT["raw"], received_ns=NANOSECONDS),
)
ORDER = OrderUpdate(
    venue="ftx",
    account="main",
    position=7,
    symbol="BTC/USD",
    received_ns=5,
    raw=b'{"id":9}',
    state=OrderState(
        key=OrderKey("BTC/USD", "9"),
        stage=Stage.NEW,
        cumulative=Cumulative(Decimal("0.10"), Decimal("2E-8")),
        price=Term(Decimal("30000.0"), 4, 3),
        side=Side.BUY,
    ),
)


@given(EVENTS)
def test_every_event_survives(event: Event) -> None:
    """What was written is read back as an equal event, from one line."""
    line = to_json(event)

    assert event == from_json(line)
    assert b"\n" not in line


@given(EVENTS)
def test_names_are_the_attributes(event: Event) -> None:
    """Beside `v` and `event`, every name is an attribute of the event, with its value."""
    line = json.loads(to_json(event))

    assert {"v": line.pop("v")} == {"v": 1}
    assert line.pop("event").replace("_", "") == type(event).__name__.lower()
    plain = {"raw", "scope", "unresolved"}
    for name, value in line.items():
        attribute = getattr(event, name)
        if name not in plain:
            shown = getattr(attribute, "value", attribute)
            assert value == (str(shown) if isinstance(shown, Decimal) else shown)


@given(st.builds(OrderUpdate, **FACT, state=STATES))
def test_an_order_shows_the_same_attributes(event: OrderUpdate) -> None:
    """Every public attribute of an order is the same after the journey, the time of its last change too."""
    names = [name for name in dir(event) if not name.startswith("_") and name != "state"]
    back = from_json(to_json(event))

    assert [getattr(event, name) for name in names] == [getattr(back, name) for name in names]


def test_the_documented_form() -> None:
    """Decimals are texts digit by digit, enums their values, absence is null, times are integers."""
    assert json.loads(to_json(ORDER)) == {
        "event": "order_update",
        "v": 1,
        "venue": "ftx",
        "account": "main",
        "position": 7,
        "symbol": "BTC/USD",
        "venue_symbol": "BTC/USD",
        "order_id": "9",
        "order_kind": "order",
        "client_order_id": None,
        "status": "partially_filled",
        "reason": None,
        "side": "buy",
        "type": None,
        "time_in_force": None,
        "price": "30000.0",
        "stop_price": None,
        "quantity": None,
        "filled_quantity": "0.10",
        "average_price": "2E-8",
        "quote_quantity": None,
        "reduce_only": None,
        "position_side": None,
        "child_order_id": None,
        "created_ns": None,
        "updated_ns": None,
        "received_ns": 5,
        "recovered": False,
        "raw": '{"id":9}',
        "epoch": 0,
    }


def test_a_line_from_before_there_were_epochs() -> None:
    """It is of epoch 0."""
    line = json.loads(to_json(ORDER))
    del line["epoch"]
    assert from_json(json.dumps(line).encode()) == ORDER


def test_raw_that_is_no_text() -> None:
    """Bytes that are not UTF-8 go as base64."""
    event = Unrecognized(venue="v", account="a", what="binary", raw=b"\xff\x00", received_ns=1)

    assert json.loads(to_json(event))["raw"] == {"base64": "/wA="}
    assert event == from_json(to_json(event))


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 2},
        {"v": None},
        {"event": "trade"},
        {"event": None},
        {"venue": 1},
        {"price": "NaN"},
        {"price": "Infinity"},
        {"price": "x"},
        {"filled_quantity": None},
        {"status": "new"},
        {"status": "odd"},
        {"raw": {"base64": "*"}},
        {"raw": {"base64": "/wA=", "more": 1}},
    ],
)
def test_what_is_no_event_is_refused(changes: dict[str, Any]) -> None:
    """Another version, another type or a number that is none raises ValueError."""
    with pytest.raises(ValueError, match=r".+"):
        from_json(json.dumps(json.loads(to_json(ORDER)) | changes).encode())


@pytest.mark.parametrize("line", [b"", b"{}", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"event":"fill","v":1}'])
def test_what_is_no_line_is_refused(line: bytes) -> None:
    """Damaged lines raise ValueError and nothing else."""
    with pytest.raises(ValueError, match="not an event"):
        from_json(line)


@pytest.mark.parametrize("missing", ["v", "order_id", "price", "raw"])
def test_every_name_is_needed(missing: str) -> None:
    """A line that lacks a name is not of this version; one that has a name more is read."""
    line = json.loads(to_json(ORDER))

    assert from_json(json.dumps(line | {"later": 1}).encode()) == ORDER
    del line[missing]
    with pytest.raises(ValueError, match="not an event"):
        from_json(json.dumps(line).encode())


def test_every_event_has_a_line() -> None:
    """The test's strategies know every event of the closed union."""
    assert {each.__name__ for each in Event.__args__} == {
        "OrderUpdate",
        "Fill",
        "GapOpened",
        "GapClosed",
        "AccountDown",
        "Unrecognized",
    }
    assert all(issubclass(each, msgspec.Struct) for each in Event.__args__)

"""Records: every event comes back as it was, to the last version of an order's terms."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from exchstream.core.balances import BalanceState
from exchstream.core.epochs import Era
from exchstream.core.venue import FillView, Holdings, Memory, OrderView
from exchstream.errors import JournalError
from exchstream.events import AccountDown, DownReason, Event, Fill, OrderUpdate, Unrecognized
from exchstream.journal.records import (
    KINDS,
    at_ns,
    decode,
    decode_balances,
    decode_eras,
    decode_late,
    decode_state,
    encode,
)
from exchstream.model import Cumulative, Execution, FillKind, OrderKey, OrderKind, OrderState, Side, join
from mockserver.strategies import History, histories
from tests.unit.exchstream.test_histories import VENUES
from tests.unit.exchstream.test_jsonlines import AMOUNT, EVENTS, NANOSECONDS, STATES, TEXT

from .told import T0, exact, fill, gap, update

BALANCES = st.builds(
    BalanceState,
    baseline=st.none() | st.builds(Holdings, st.dictionaries(TEXT, AMOUNT, max_size=3)),
    moved=st.dictionaries(TEXT, AMOUNT, max_size=3),
    agreed_ns=NANOSECONDS,
    last_ns=NANOSECONDS,
    unexplainable=st.booleans(),
    uncertain=st.lists(st.dictionaries(TEXT, AMOUNT, max_size=3), max_size=2).map(tuple),
)


MARKS = st.tuples(st.integers(0, 10**18 - 1), NANOSECONDS)


def again(event: Event) -> Event:
    """The event, written and read."""
    return decode(KINDS[type(event)], encode(event))


@given(EVENTS)
def test_every_event_survives(event: Event) -> None:
    """Nothing of it is lost, and nothing of it is another type."""
    assert exact(event) == exact(again(event))


@given(STATES, STATES)
def test_registers_and_versions_survive(one: OrderState, two: OrderState) -> None:
    """A state that was written joins what comes later as if it had never left memory."""
    read, later = decode_state(encode(one)), replace(two, key=one.key)
    assert one == read
    assert join(one, later) == join(read, later)
    assert type(one.end) is type(read.end)


@given(st.dictionaries(TEXT, st.builds(Era, st.integers(0, 9), NANOSECONDS, st.dictionaries(TEXT, MARKS))))
def test_eras_survive(eras: dict[str, Era]) -> None:
    """How often ids began anew, and the highest ones; where none are kept there are none."""
    assert eras == decode_eras(encode(eras))
    assert decode_eras(None) == {}


@given(st.dictionaries(TEXT, NANOSECONDS))
def test_since_when_symbols_are_known_survives(late: dict[str, int]) -> None:
    """Where nothing is kept, all are known since ever."""
    assert late == decode_late(encode(late))
    assert decode_late(None) == {}


@given(BALANCES)
def test_balances_survive(balances: BalanceState) -> None:
    """What has moved since the holdings agreed is not moved again."""
    assert balances == decode_balances(encode(balances))


@pytest.mark.parametrize("name", VENUES)
def test_every_event_of_a_legal_history_survives(name: str) -> None:
    """In the venue's own words, as its translator reads them."""

    @settings(max_examples=25)
    @given(histories(name, reorder=True))
    def check(history: History) -> None:
        told: dict[str, Any] = {"venue": name, "account": "main", "symbol": None, "received_ns": 1}
        venue = VENUES[name]
        for meaning in venue.read(venue.plan.lanes[0], [frame.encode() for frame in history.frames], Memory()):
            event: Event | None = None
            if isinstance(meaning, OrderView):
                event = OrderUpdate(**told, raw=meaning.raw, state=meaning.state)
            elif isinstance(meaning, FillView):
                event = Fill(**told, raw=meaning.raw, execution=meaning.execution)
            if event is not None:
                assert exact(event) == exact(again(event))

    check()


@pytest.mark.parametrize(
    "amount",
    ["0", "-0", "0E-40", "1E+40", "1e-40", "9" * 40 + "." + "9" * 40, "-123.4500", "1E+3"],
)
def test_digits_survive(amount: str) -> None:
    """Also zeros at the end, exponents and signs."""
    number = Decimal(amount)
    event = fill()
    event = replace(event, execution=replace(event.execution, price=number, fee=number))
    read = again(event)
    assert isinstance(read, Fill)
    assert read.fee is not None
    assert number.as_tuple() == read.price.as_tuple() == read.fee.as_tuple()


@pytest.mark.parametrize(
    ("raw", "text", "time_ns"),
    [
        (b"", "", 0),
        (b"\x00\xff\xfe", "\x00\N{PILE OF POO}", 2**63 - 1),
        (b"x" * 1_000_000, "x" * 100_000, -(2**63)),
    ],
)
def test_extremes_survive(raw: bytes, text: str, time_ns: int) -> None:
    """What is not text, what is long, and the ends of the integers."""
    event = Unrecognized(venue=text, account=text, what=text, raw=raw, received_ns=time_ns)
    assert exact(event) == exact(again(event))


def test_a_field_that_is_new_has_its_default_in_an_old_record() -> None:
    """A version that adds a field reads what an older one wrote, and one that lacks it what a newer one wrote."""
    event = fill()
    fields = msgspec.msgpack.decode(encode(event))
    assert "recovered" not in fields
    fields["of_the_future"] = [1]
    assert exact(event) == exact(decode(KINDS[Fill], msgspec.msgpack.encode(fields)))
    fields["recovered"] = False
    assert exact(event) == exact(decode(KINDS[Fill], msgspec.msgpack.encode(fields)))


def test_what_a_record_leaves_out_is_what_it_always_was() -> None:
    """Files have been written that rely on these defaults."""
    told: dict[str, Any] = {"venue": "binance-spot", "account": "a", "position": 7, "symbol": None, "received_ns": T0}
    key = {"venue_symbol": "BTCUSDT", "order_id": "1"}
    executed = {"trade_id": "2", "side": "buy", "price": "3", "quantity": "4", "time_ns": 5}
    rest: dict[str, Any] = {"recovered": False, "raw": b"", "epoch": 0}
    execution = Execution(
        **key,
        trade_id="2",
        side=Side.BUY,
        price=Decimal(3),
        quantity=Decimal(4),
        time_ns=5,
        quote_quantity=None,
        fee=None,
        fee_asset=None,
        liquidity=None,
        kind=FillKind.TRADE,
        client_order_id=None,
        position_side=None,
    )
    unknown: dict[str, Any] = dict.fromkeys(set(OrderState.__struct_fields__) - {"key", "cumulative"})
    state = OrderState(
        **unknown,
        key=OrderKey(**key, kind=OrderKind.ORDER),
        cumulative=Cumulative(Decimal(0), None, None),
    )
    written = msgspec.msgpack.encode
    fill_record, order_record = {**told, "execution": key | executed}, {**told, "state": {"key": key}}
    assert exact(Fill(**told, **rest, execution=execution)) == exact(decode(KINDS[Fill], written(fill_record)))
    assert exact(OrderUpdate(**told, **rest, state=state)) == exact(decode(KINDS[OrderUpdate], written(order_record)))


@pytest.mark.parametrize("payload", [b"", b"\xc1", b"\x80", encode(fill())[:-1], encode({"venue": 1})])
def test_bytes_that_are_no_event_are_refused(payload: bytes) -> None:
    """Never half an event."""
    for kind in KINDS.values():
        with pytest.raises(JournalError, match="cannot be read"):
            decode(kind, payload)
    with pytest.raises(JournalError, match="an open order of the journal cannot be read"):
        decode_state(payload)


def test_balances_that_are_none_are_refused() -> None:
    """Whatever else would be assumed of them."""
    with pytest.raises(JournalError, match="an account's balances of the journal cannot be read"):
        decode_balances(b"\xc1")


def test_a_kind_of_a_newer_version_is_said_to_be_that() -> None:
    """And not guessed at."""
    with pytest.raises(JournalError, match="a record of kind 99, which this version does not know"):
        decode(99, b"")


def test_the_kinds_are_those_that_stand_in_files() -> None:
    """A number is never given to another kind; every event has one."""
    actual = {kind.__name__: number for kind, number in KINDS.items()}
    expected = {"OrderUpdate": 1, "Fill": 2, "GapOpened": 3, "GapClosed": 4, "AccountDown": 5, "Unrecognized": 6}
    assert expected == actual


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (fill(at_ns=T0 + 1), T0 + 1),
        (update(at_ns=T0 + 2), T0 + 2),
        (gap(T0 + 3), T0 + 3),
        (AccountDown(venue="v", account="a", reason=DownReason.BROKEN, detail=""), 0),
    ],
)
def test_when_an_event_was_told(event: Event, expected: int) -> None:
    """By its own words; an end of the account has none."""
    assert expected == at_ns(event)

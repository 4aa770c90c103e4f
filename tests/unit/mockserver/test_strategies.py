"""The strategies: every history is legal, and the frames agree with the truth beside them."""

import json
from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.stage import Stage, heard
from mockserver.strategies import VENUES, History, arbitrary_json, bent, damaged, histories, type_of

some = settings(deadline=None, max_examples=25)
venues = st.sampled_from(VENUES)
SAMPLE = '{"e":"executionReport","i":1,"q":"1.0","B":[{"a":"BTC"}]}'


def inner(frame: str) -> dict[str, Any]:
    """Return the venue's message without its envelope."""
    message = json.loads(frame, parse_float=Decimal)
    event: dict[str, Any] = message.get("event") or message.get("data") or message
    return event


def fills_heard(history: History) -> list[tuple[str, str, str, Decimal]]:
    """Return (symbol, order id, trade id, quantity) of every fill in the frames."""
    told = []
    for frame in history.frames:
        event = inner(frame)
        match type_of(frame):
            case "executionReport" if event["x"] == "TRADE":
                told.append((event["s"], str(event["i"]), str(event["t"]), Decimal(event["l"])))
            case "ORDER_TRADE_UPDATE" if (order := event["o"])["l"] != "0":
                told.append((order["s"], str(order["i"]), str(order["t"]), Decimal(order["l"])))
            case "fills":
                told.append((event["market"], str(event["orderId"]), str(event["tradeId"]), event["size"]))
    return told


@pytest.mark.parametrize("venue", VENUES)
def test_frames_tell_exactly_the_true_fills(venue: str) -> None:
    """On one healthy connection, whatever the order of the types, each true fill is told once and nothing else is."""

    @given(history=histories(venue, reorder=True))
    @some
    def check(history: History) -> None:
        true = [(fill.symbol, fill.order_id, fill.trade_id, Decimal(fill.quantity)) for fill in history.fills]
        assert sorted(fills_heard(history)) == sorted(true)

    check()


@pytest.mark.parametrize("venue", VENUES)
def test_truth_adds_up(venue: str) -> None:
    """The fills of each order sum to what the order says is filled."""

    @given(history=histories(venue))
    @some
    def check(history: History) -> None:
        sums: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for fill in history.fills:
            sums[fill.symbol, fill.order_id] += Decimal(fill.quantity)
        for order in history.orders:
            assert sums[order.symbol, order.order_id] == Decimal(order.filled_quantity)

    check()


@given(data=st.data(), venue=venues)
@some
def test_repeats_add_no_new_frame(data: st.DataObject, venue: str) -> None:
    """With repeats every frame is one of the venue's, and its first appearance keeps the venue's order."""
    history = data.draw(histories(venue, repeats=True))
    first = list(dict.fromkeys(history.frames))
    true = {(fill.symbol, fill.order_id, fill.trade_id, Decimal(fill.quantity)) for fill in history.fills}
    assert set(fills_heard(history)) == true
    moments = [inner(frame)["E"] for frame in first if type_of(frame) in ("executionReport", "ORDER_TRADE_UPDATE")]
    assert moments == sorted(moments)


@given(data=st.data(), venue=venues)
@some
def test_reordering_keeps_each_type_in_its_order(data: st.DataObject, venue: str) -> None:
    """Within one type of frame the venue's times never fall, though types are mixed."""
    history = data.draw(histories(venue, reorder=True))
    times: defaultdict[str, list[Any]] = defaultdict(list)
    for frame in history.frames:
        event = inner(frame)
        times[type_of(frame)].append(event.get("T") or event.get("E") or event.get("time") or "")
    for told in times.values():
        assert told == sorted(told)


REACHED = {
    "binance-spot": {"executionReport", "outboundAccountPosition", "balanceUpdate"},
    "binance-futures": {
        "ORDER_TRADE_UPDATE",
        "TRADE_LITE",
        "ACCOUNT_UPDATE",
        "ALGO_UPDATE",
        "LIQUIDATION",
        "TRIGGERED",
    },
    "ftx": {"orders", "fills"},
}
STATUSES = {"NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED"}


@pytest.mark.parametrize("venue", VENUES)
def test_histories_reach_every_state_and_frame(venue: str) -> None:
    """Enough histories hold orders in every state, and every type of frame the venue has for them."""
    seen: set[str] = set()

    @given(history=histories(venue))
    @settings(deadline=None, max_examples=200, derandomize=True, database=None)
    def collect(history: History) -> None:
        seen.update(order.status for order in history.orders)
        seen.update(order.kind for order in history.orders)
        seen.update(map(type_of, history.frames))
        seen.update(inner(frame)["o"]["X"] for frame in history.frames if type_of(frame) == "ALGO_UPDATE")

    collect()
    assert REACHED[venue] | STATUSES <= seen


@given(text=arbitrary_json())
@some
def test_arbitrary_json_is_json(text: str) -> None:
    """Whatever it says, it parses."""
    json.loads(text)


@given(text=st.sampled_from((SAMPLE, "0", "[]")).flatmap(bent))
@some
def test_bent_frames_are_json(text: str) -> None:
    """A bent frame still parses."""
    json.loads(text)


@given(frame=damaged(SAMPLE))
@some
def test_damaged_frames_are_not_the_frame(frame: str | bytes) -> None:
    """A damaged frame differs from the one it came from."""
    assert frame != SAMPLE


@pytest.mark.parametrize("venue", VENUES)
def test_stage_is_silent_until_something_happens(venue: str) -> None:
    """A client that has just connected has heard nothing and the truth is empty; its stream sees its account."""
    stage = Stage(venue)
    link = stage.listen()
    assert heard(link) == []
    assert stage.truth()["orders"] == []
    assert link.sees == frozenset({("default", venue, "client")})


def test_stage_refuses_a_client_that_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handshake that the venue rejects is a loud error, not a silent link."""
    monkeypatch.setattr(Stage, "_sign", lambda self, payload: "0" * 64)
    stage = Stage("ftx")
    with pytest.raises(RuntimeError, match="refused"):
        stage.listen()

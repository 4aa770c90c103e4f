"""Whatever a venue says, reading it and its answers raises nothing and is never silent."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchstream.core.venue import (
    Balances,
    Clock,
    Fills,
    Markets,
    Memory,
    NewCredential,
    OpenOrders,
    OrderById,
    OrderFills,
    Orders,
    Question,
    RenewCredential,
    Reply,
)
from exchstream.model import OrderKey, OrderKind
from exchstream.venues.binance import BinanceFutures, BinanceSpot

KEYS: dict[str, Any] = {"api_key": "k", "api_secret": "s"}
VENUES = [BinanceSpot(**KEYS), BinanceSpot(**KEYS, user_data="listen-key", allocations=True), BinanceFutures(**KEYS)]
KEY = OrderKey("S", "1")
QUESTIONS: list[Question] = [
    Clock(),
    Markets(),
    NewCredential(),
    RenewCredential(),
    OpenOrders(OrderKind.ORDER),
    OpenOrders(OrderKind.ALGO),
    OrderById(KEY),
    OrderById(OrderKey("S", "1", OrderKind.ALGO)),
    OrderFills(KEY),
    Fills("S", 0, 10**18),
    Orders("S", 0, 10**18, "0:i5"),
    Balances(),
]
NAMES = "e E T o x X s S i c C q p l z L n N t I r O Z Y a f P id status error event code msg rateLimits symbol orderId"
NAMES += " price qty origQty executedQty time updateTime side type status isBuyer algoId"
NAMES += " balances symbols listenKey data"
EVENTS = ["executionReport", "balanceUpdate", "ORDER_TRADE_UPDATE", "TRADE_LITE", "ALGO_UPDATE", "listenKeyExpired"]
EVENTS += [
    "CONDITIONAL_ORDER_TRIGGER_REJECT",
    "serverShutdown",
    "FILLED",
    "BUY",
    "TRADE",
    "NaN",
    "1e999",
    "-1",
    "0.5",
    "LIMIT",
]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(EVENTS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES.split()), inner, max_size=12),
    max_leaves=30,
)
REPORT: dict[str, Any] = {
    "e": "executionReport",
    "s": "S",
    "c": "c",
    "S": "BUY",
    "o": "LIMIT",
    "q": "1",
    "p": "1",
    "x": "TRADE",
    "X": "NEW",
}
REPORT |= {"i": 1, "l": "1", "z": "1", "L": "1", "T": 1, "t": 1, "N": "BNB", "n": "0", "Z": "1"}
ORDER = {**{name: value for name, value in REPORT.items() if name != "e"}, "ap": "1", "sp": "1", "aid": 1}
NEAR = [REPORT, {"e": "ORDER_TRADE_UPDATE", "T": 1, "o": ORDER}, {"e": "ALGO_UPDATE", "T": 1, "o": ORDER}]


def texts() -> st.SearchStrategy[str]:
    def damaged(value: Any, name: str, other: Any) -> str:
        value = json.loads(json.dumps(value))
        (value["o"] if isinstance(value.get("o"), dict) else value)[name] = other
        return json.dumps(value)

    near = st.builds(damaged, st.sampled_from(NEAR), st.sampled_from(NAMES.split()), VALUES)
    return near | VALUES.map(json.dumps) | st.text(max_size=40) | near.map(lambda text: text[: len(text) // 2])


@pytest.mark.parametrize("venue", VENUES, ids=["websocket-api", "listen-key", "futures"])
@given(text=texts(), wrapped=st.booleans())
def test_reading(venue: BinanceSpot | BinanceFutures, text: str, wrapped: bool) -> None:
    """Any text, near a real event or far from it, wrapped or not, has at least one meaning or is an answer to us."""
    frame = f'{{"subscriptionId":0,"event":{text}}}' if wrapped else text
    told = venue.read(venue.plan.lanes[0], [frame.encode("utf-8", "surrogatepass")], Memory())
    assert told or '"status"' in frame


@pytest.mark.parametrize("venue", VENUES, ids=["websocket-api", "listen-key", "futures"])
@given(data=st.binary(max_size=40))
def test_reading_bytes(venue: BinanceSpot | BinanceFutures, data: bytes) -> None:
    """Any binary frame has a meaning."""
    assert venue.read(venue.plan.lanes[0], [data], Memory())


@pytest.mark.parametrize("venue", VENUES, ids=["websocket-api", "listen-key", "futures"])
@given(
    question=st.sampled_from(QUESTIONS),
    status=st.sampled_from([200, 200, 200, 400, 401, 403, 410, 418, 429, 500]),
    body=texts().map(str) | VALUES.map(lambda value: json.dumps([value])),
    header=st.text(max_size=12) | st.integers().map(str),
)
def test_answers(venue: BinanceSpot | BinanceFutures, question: Question, status: int, body: str, header: str) -> None:
    """Any answer to any question has a meaning, except that a listing may be empty."""
    headers = {"retry-after": header, "x-mbx-used-weight-1m": header}
    told = venue.answer(question, Reply(status, headers, body.encode("utf-8", "surrogatepass")), Memory())
    assert told or isinstance(question, Fills | Orders | OrderFills)

"""Expectations over a journal: what holds, what fails and in which words, and what cannot be meant."""

from __future__ import annotations

from typing import Any

import pytest

from mockserver.faces.base import HttpRequest, Ping, Text
from mockserver.forms import FormError
from mockserver.heard import Heard, read_entry, read_pattern
from mockserver.recorder import Recorder
from mockserver.verify import Journal, failures, read_expectation, read_expectations, report

S = 1_000_000_000
KEY = "k" * 64


class Script:
    """A recorder with a clock that is set by hand."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.recorder = Recorder(lambda: self.now_ns)

    def at(self, seconds: float) -> Recorder:
        self.now_ns = round(seconds * S)
        return self.recorder

    def request(self, seconds: float, target: str, method: str = "POST", body: bytes = b"") -> None:
        self.at(seconds).record_request(HttpRequest(method, target, (("X-MBX-APIKEY", KEY),), body))

    def dial(self, seconds: float, target: str = "/ws-api/v3", *, link: int | None = 1) -> None:
        self.at(seconds).record_request(HttpRequest("GET", target, (("Upgrade", "websocket"),)), link=link)

    def sends(self, seconds: float, text: str) -> None:
        self.at(seconds).record("ws-in", text, link=1)

    def gone(self, seconds: float) -> None:
        self.at(seconds).record("client", "gone binance-spot", link=1)

    def journal(self, until: float) -> Journal:
        heard = [read_entry(entry) for entry in self.recorder.entries()]
        return Journal(heard, 0, round(until * S))

    def wrong(self, expectation: object, until: float = 3600.0) -> list[str]:
        return [
            line for each in failures([read_expectation(expectation)], self.journal(until)) for line in each.lines()
        ]


@pytest.fixture
def script() -> Script:
    return Script()


def last(script: Script) -> Heard:
    return script.journal(0).heard[-1]


def test_what_an_entry_is_about(script: Script) -> None:
    """Requests, frames, handshakes, events: by name and parameters, from whatever part of them."""
    script.request(0, "/api/v3/order?symbol=BTCUSDT&side=BUY", body=b"quantity=1&price=0.10")
    assert (last(script).word, last(script).name) == ("request", "POST /api/v3/order")
    assert last(script).params == {"symbol": "BTCUSDT", "side": "BUY", "quantity": "1", "price": "0.10"}
    script.request(0, "/api/orders", body=b'{"market":"BTC/USD","size":0.50,"ioc":true,"clientId":null}')
    assert last(script).params == {"market": "BTC/USD", "size": "0.50", "ioc": "true", "clientId": "null"}
    script.sends(0, '{"id":1,"method":"order.place","params":{"symbol":"BTCUSDT"}}')
    assert (last(script).word, last(script).name, last(script).params) == ("ws", "order.place", {"symbol": "BTCUSDT"})
    script.sends(0, '{"op":"subscribe","channel":"fills"}')
    assert last(script).name == "subscribe fills"
    script.sends(0, "<pong 17>")
    assert (last(script).name, last(script).params) == ("<pong>", {"payload": "17"})
    for link in (1, None):  # one that was accepted, one that was refused
        script.dial(0, "/private/ws?listenKey=abc", link=link)
        assert (last(script).word, last(script).name) == ("dial", "/private/ws")
    script.recorder.record_out(Text('{"subscriptionId":0,"event":{"e":"executionReport","X":"NEW"}}'), link=1)
    assert (last(script).word, last(script).name, last(script).params["X"]) == ("event", "executionReport", "NEW")
    script.recorder.record_out(Text('{"e":"ORDER_TRADE_UPDATE","T":5,"o":{"X":"FILLED"}}'), link=1)
    assert (last(script).name, last(script).params["X"]) == ("ORDER_TRADE_UPDATE", "FILLED")
    script.recorder.record_out(Ping(b"17"), link=1)
    assert last(script).name == "<ping>"
    script.gone(0)
    assert (last(script).word, last(script).name) == ("client", "gone")


def test_no_secret_is_shown(script: Script) -> None:
    """What is compared may hold secrets; what is said of it does not."""
    script.request(0, f"/api/v3/order?symbol=ETHUSDT&signature={KEY}&listenKey={KEY}")
    wrong = failures(
        read_expectations([{"request": "POST /api/v3/order", "params": {"symbol": "BTCUSDT"}}]), script.journal(1)
    )
    assert KEY not in str(report(wrong, checked=1, seed=7, again="…"))


def test_how_often(script: Script) -> None:
    """Counts in both directions, also by a deadline; parameters agree as text, as numbers, by pattern, by absence."""
    for seconds in (1, 2, 30):
        script.request(seconds, "/api/v3/order?symbol=BTCUSDT&price=0.10")
    order: dict[str, Any] = {"request": "POST /api/v3/order"}
    good: list[dict[str, Any]] = [{"times": 3}, {"times": "==3"}, {"times": ">=2"}, {"times": "<4"}, {"times": "<=3"}]
    good += [{}, {"within": "10s", "times": "==2"}, {"params": {"symbol": "BTC*", "price": 0.1, "stopPrice": None}}]
    for more in good:
        assert script.wrong(order | more) == [], more
    assert script.wrong(order | {"times": "==1"}) == ["expected request POST /api/v3/order ==1 times: it came 3 times"]
    assert script.wrong(order | {"times": ">3"}) == ["expected request POST /api/v3/order >3 times: it came 3 times"]
    assert script.wrong({"req": "(GET|POST) /api/v3/(order|myTrades)"}) == []
    assert script.wrong(order | {"params": {"price": None}, "times": "==0"}) == []


def test_the_nearest_miss_field_by_field(script: Script) -> None:
    """A wrong parameter is shown beside the right ones; so is a route that is nearly right; the window is round it."""
    script.request(1, "/api/v3/order?symbol=BTCUSDT&type=LIMIT")
    script.request(2, "/api/v3/orders?symbol=BTCUSDT", "GET")
    wanted = {"request": "POST /api/v3/order", "params": {"symbol": "BTCUSDT", "type": "LIMIT_MAKER"}, "times": "==1"}
    assert script.wrong(wanted) == [
        "expected request POST /api/v3/order with symbol BTCUSDT, type LIMIT_MAKER ==1 times: it came never",
        "  nearest: 1 rest-in     POST /api/v3/order?symbol=BTCUSDT&type=LIMIT [X-MBX-APIKEY]",
        "    request  POST /api/v3/order",
        "    symbol   BTCUSDT",
        "    type     LIMIT   (wanted LIMIT_MAKER)",
    ]
    (failure,) = failures([read_expectation({"request": "GET /api/v3/openOrders"})], script.journal(3))
    assert failure.nearest is not None
    assert failure.nearest.fields == (("request", "GET /api/v3/openOrders", "GET /api/v3/orders"),)
    assert len(failure.window) == 2
    row = report([failure], checked=2, seed=7, again="…")
    assert (row["ok"], row["checked"], row["seed"]) == (False, 2, 7)
    assert row["failures"][0]["nearest"]["seq"] == 2


def test_again_and_again(script: Script) -> None:
    """What must come every hour is late by the end, or in the middle."""
    every = {"request": "PUT /fapi/v1/listenKey", "within": "every 60m"}
    assert "it never came" in script.wrong(every)[0]
    for minutes in (1, 55, 110):
        script.request(minutes * 60, "/fapi/v1/listenKey", "PUT")
    assert script.wrong(every, until=160 * 60) == []
    assert "it did not come for 61m" in script.wrong(every, until=171 * 60)[0]


def test_never(script: Script) -> None:
    """Not at all, or not more often than a rate, counted in a window that slides."""
    for seconds in (0, 20, 40, 59):
        script.request(seconds, "/fapi/v1/listenKey")
    never: dict[str, Any] = {"request": "POST /fapi/v1/listenKey"}
    assert script.wrong({"never": never | {"rate": ">4/min"}}) == []
    assert "it came 4 times, 4 within 59s" in script.wrong({"never": never | {"rate": ">3/min"}})[0]
    assert script.wrong({"never": never | {"rate": ">2/20s"}}) == []
    assert script.wrong({"never": never})[0].endswith("it came 4 times")
    assert script.wrong({"never": "ws:order.place"}) == []


def test_order(script: Script) -> None:
    """The first of each; a name that never came is not in order."""
    both = {"order": ["ws:userDataStream.subscribe.signature", "rest:GET /api/v3/openOrders"]}
    script.request(1, "/api/v3/openOrders", "GET")
    assert "userDataStream.subscribe.signature never came" in script.wrong(both)[0]
    script.sends(2, '{"id":1,"method":"userDataStream.subscribe.signature","params":{}}')
    assert "came first (1)" in script.wrong(both)[0]
    other = {"order": list(reversed(both["order"]))}
    assert script.wrong(other) == []


def test_one_after_another(script: Script) -> None:
    """After each cause, in time, and not too close together."""
    back = {"after": "disconnect", "expect": "reconnect", "within": "10s", "backoff": ">=100ms"}
    assert "there was no client gone" in script.wrong(back)[0]
    script.gone(5)
    assert "none came" in script.wrong(back)[0]
    for seconds in (6, 6.2):
        script.dial(seconds)
    assert script.wrong(back) == []
    script.dial(6.25)
    assert "50ms lie between" in script.wrong(back)[0]
    assert script.wrong(back | {"backoff": ">=50ms"}) == []
    script.gone(20)
    script.dial(31)
    assert "the first came after 11s" in script.wrong(back | {"backoff": ">=1ms"})[0]


def test_what_may_still_come_is_pending(script: Script) -> None:
    """Until the time is over a failure may still become none."""
    waiting = read_expectation({"request": "POST /api/v3/order", "within": "10s"})
    ((early,), (late,)) = (failures([waiting], script.journal(until)) for until in (5, 10))
    assert (early.pending, late.pending) == (True, False)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "this one is empty"),
        (["nonsense"], "expectation 1: 'nonsense' asks for nothing"),
        (
            [{"request": "POST /x"}, {"requst": "POST /y"}],
            "expectation 2: nothing can be asked for by 'requst'; did",
        ),
        ({"request": "POST"}, "a request is a method and a path"),
        ({"request": "FETCH /x"}, "a request is a method and a path"),
        ({"request": "GET /(x"}, "no regular expression"),
        ({"request": "GET /x", "ws": "y"}, "ask for one of"),
        ({"client": "subscribd"}, "did you mean 'subscribed'"),
        ({"request": "GET /x", "times": "many"}, "times is such as"),
        ({"request": "GET /x", "times": ">=0"}, "always so"),
        ({"request": "GET /x", "times": "<0"}, "never so"),
        ({"request": "GET /x", "within": "10"}, "no duration"),
        ({"request": "GET /x", "within": "0s"}, "within is a duration"),
        ({"request": "GET /x", "within": "every 1h", "times": 3}, "goes without 'times'"),
        ({"request": "GET /x", "rate": ">1/s"}, "'rate' goes with 'never'"),
        ({"request": "GET /x", "expect": "reconnect"}, "'expect' goes with 'after'"),
        ({"request": "GET /x", "params": {"a": [1]}}, "a text or a number"),
        ({"never": {"request": "GET /x", "rate": "5/min"}}, "a rate is such as"),
        ({"never": "reconnect", "times": 1}, "'never' goes without 'times'"),
        ({"order": ["reconnect"]}, "a list of two or more"),
        ({"order": ["reconnect", "dial:.*"]}, "stands there twice"),
        ({"after": "disconnect"}, "'after' needs 'expect'"),
        ({"after": "disconnect", "expect": "reconnect"}, "'after' needs 'within'"),
        ({"after": "disconnect", "expect": "reconnect", "within": "1s", "backoff": "1s"}, "backoff is such as"),
        (7, "an expectation is a mapping"),
    ],
)
def test_what_cannot_be_meant(given: object, words: str) -> None:
    """The error says which, and why, and what was probably meant."""
    with pytest.raises(FormError) as caught:
        read_expectations(given)
    assert words in caught.value.text


def test_a_pattern_in_words() -> None:
    """As failures tell it."""
    pattern = read_pattern({"ws": "order.place", "params": {"symbol": "BTCUSDT", "price": None}})
    assert str(pattern) == "ws order.place with symbol BTCUSDT, price absent"

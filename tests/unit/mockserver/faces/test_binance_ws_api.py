"""Spot's WebSocket API: requests and answers, sessions and subscriptions, in the venue's words."""

import json
from typing import Any

import pytest

from mockserver.engine.types import Deposit
from mockserver.faces.base import Close, HttpRequest, HttpResponse, Text
from mockserver.faces.binance import params, ws_subscriptions
from mockserver.link import NoTransport
from tests.unit.mockserver.faces.binance_client import LIMIT, START_NS, Client, Signer, Socket, fixture, shape

SPOT = "binance_spot"
SUBSCRIBE = "userDataStream.subscribe.signature"


def without_limits(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer as the page prints it: the block of limits left out."""
    assert answer["rateLimits"][0]["rateLimitType"] in ("REQUEST_WEIGHT", "ORDERS")
    return {name: value for name, value in answer.items() if name != "rateLimits"}


def logged_on(signer: Signer) -> Socket:
    """A socket whose session has logged on and subscribed."""
    socket = signer.client.socket("/ws-api/v3")
    assert socket.ask({"id": 1, "method": "session.logon", "params": signer.params()})[0]["status"] == 200
    assert socket.ask({"id": 2, "method": "userDataStream.subscribe"})[0]["status"] == 200
    return socket


def code(answers: list[Any]) -> tuple[int, int]:
    """Status and code of the one answer there is."""
    (answer,) = answers
    return answer["status"], answer["error"]["code"]


def test_subscribing_by_signature() -> None:
    """The answer is the documented one with rateLimits; subscription ids count from 0 on each connection."""
    client = Client()
    socket = client.socket("/ws-api/v3")
    request = fixture(SPOT, "ws_subscribe_signature_request") | {"params": client.ws_params()}
    (answer,) = socket.ask(request)
    assert without_limits(answer) == fixture(SPOT, "ws_subscribe_answer") | {"id": request["id"]}
    assert shape(answer["rateLimits"]) == shape(fixture(SPOT, "ws_rate_limits")["rateLimits"])
    assert answer["rateLimits"][0]["count"] == 2 + 2
    assert code(socket.ask({"id": 2, "method": SUBSCRIBE, "params": client.ws_params()})) == (400, -2035)
    bob = client.worlds.open_account(client.spot, "bob")
    (second,) = socket.ask({"id": 3, "method": f"v3/{SUBSCRIBE}", "params": client.ws_params(bob)})
    assert second["result"] == {"subscriptionId": 1}
    (listed,) = socket.ask({"id": 4, "method": "session.subscriptions"})
    assert listed["result"] == [{"subscriptionId": 0}, {"subscriptionId": 1}]
    assert client.subscribed().link.accounts == {("default", "binance-spot", "alice")}


def test_bad_subscriptions() -> None:
    """Bad signatures, old frames, unknown keys and needless parameters are refused as measured."""
    client = Client()
    socket = client.socket("/ws-api/v3")
    good = client.ws_params()

    def ask(**changed: object) -> tuple[int, int]:
        return code(socket.ask({"id": 1, "method": SUBSCRIBE, "params": {**good, **changed}}))

    assert ask(signature="0" * 64) == (400, -1022)
    assert ask(apiKey="k" * 64) == (401, -2015)
    assert ask(apiKey="short") == (401, -2014)
    assert ask(signature="") == (400, -1102)
    assert ask(other=1) == (400, -1104)
    client.advance(5.001)
    assert ask() == (400, -1021)
    (answer,) = socket.ask({"id": 1, "method": "userDataStream.subscribe", "params": {"apiKey": "x"}})
    words = "Not all sent parameters were read; read '0' parameter(s) but was sent '1'."
    assert {"code": -1104, "msg": words} == answer["error"]
    (answer,) = socket.ask({"id": 1, "method": "userDataStream.subscribe"})
    assert answer["error"] == {"code": -1193, "msg": "WebSocket session not authenticated"}
    assert frozenset() == socket.link.accounts


def test_a_method_that_there_is_not() -> None:
    """The venue says no more than that it cannot read it; the journal names the nearest."""
    client = Client()
    socket = client.socket("/ws-api/v3")
    assert code(socket.ask({"id": 1, "method": "v3/order.plase"})) == (400, -1135)
    assert code(socket.ask({"id": 2, "method": "?" * 100_000})) == (400, -1135)
    first, second = client.worlds.default.recorder.journal(kind="warning")
    assert str(first["text"]).startswith("no such method: order.plase; the nearest: order.place, ")
    assert second["text"] == f"no such method: {'?' * 64}; the nearest: none"


def test_a_frame_up_to_a_minute_old_with_a_wide_window() -> None:
    """A frame 50 s old is accepted with recvWindow=60000."""
    client = Client()
    params = client.ws_params(recvWindow=60000)
    client.advance(50)
    (answer,) = client.socket("/ws-api/v3").ask({"id": 1, "method": SUBSCRIBE, "params": params})
    assert answer["status"] == 200


def test_unsubscribing_ends_the_stream_and_says_so() -> None:
    """The result is {} and then each ended subscription is told eventStreamTerminated; its id is never used again."""
    client = Client()
    socket = client.subscribed()
    (wrong,) = socket.ask({"id": 1, "method": "userDataStream.unsubscribe", "params": {"subscriptionId": 7}})
    assert wrong["error"] == {"code": -2036, "msg": "User Data Stream subscription not active."}
    answer, ended = socket.ask({"id": 2, "method": "userDataStream.unsubscribe"})
    assert without_limits(answer) == fixture(SPOT, "ws_unsubscribe_answer") | {"id": 2}
    assert shape(ended) == shape(fixture(SPOT, "event_stream_terminated"))
    client.buy()
    assert socket.take() == []
    (again,) = socket.ask({"id": 3, "method": SUBSCRIBE, "params": client.ws_params()})
    assert again["result"] == {"subscriptionId": 1}


def test_subscription_ids_run_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """When a connection has used all its ids, the next subscription is -2042."""
    monkeypatch.setattr(ws_subscriptions, "MAX_SUBSCRIPTION_ID", 1)
    client = Client()
    socket = client.subscribed()
    socket.ask({"id": 2, "method": "userDataStream.unsubscribe"})
    assert code(socket.ask({"id": 3, "method": SUBSCRIBE, "params": client.ws_params()})) == (400, -2042)


def test_logging_on_with_ed25519() -> None:
    """Logon answers the documented object; requests of the session need no key and no signature."""
    client = Client()
    signer = Signer(client)
    socket = client.socket("/ws-api/v3?returnRateLimits=false")
    client.advance(1)
    (answer,) = socket.ask({"id": "a", "method": "session.logon", "params": signer.params()})
    documented = fixture(SPOT, "ws_logon_answer")
    assert shape(answer) == shape(documented)
    told = answer["result"]
    assert signer.account.api_key == told["apiKey"]
    assert (START_NS // 10**6, client.stamp()) == (told["connectedSince"], told["authorizedSince"])
    (placed,) = socket.ask({"id": 1, "method": "order.place", "params": {**LIMIT, "timestamp": client.stamp()}})
    assert placed["result"]["status"] == "NEW"
    assert code(socket.ask({"id": 1, "method": "openOrders.status", "params": {}})) == (400, -1102)
    status, ended = socket.ask({"id": 1, "method": "session.logout"})[0], socket.take()
    assert (status["result"]["apiKey"], status["result"]["authorizedSince"], ended) == (None, None, [])
    # Without a session the key must be sent.
    assert code(socket.ask({"id": 1, "method": "account.status", "params": {"timestamp": 1}})) == (400, -1102)


def test_logging_on_with_other_keys() -> None:
    """An HMAC key cannot log on: -2028."""
    client = Client()
    (answer,) = client.socket("/ws-api/v3").ask({"id": 1, "method": "session.logon", "params": client.ws_params()})
    assert answer["error"] == {"code": -2028, "msg": "HMAC-SHA-256 API key is not supported"}


def test_logout_ends_only_what_the_session_opened() -> None:
    """A subscription by signature outlives the logout; the session's own is told that it ended."""
    client = Client()
    socket = logged_on(Signer(client))
    socket.ask({"id": 3, "method": SUBSCRIBE, "params": client.ws_params()})
    answer, ended = socket.ask({"id": 4, "method": "session.logout"})
    assert (answer["status"], ended["subscriptionId"], ended["event"]["e"]) == (200, 0, "eventStreamTerminated")
    client.buy()
    assert {1} == {message["subscriptionId"] for message in socket.take()}


def test_a_revoked_key_is_told_after_the_next_request() -> None:
    """The session of a revoked key carries nothing more; the next request brings the error without an id, once."""
    client = Client()
    signer = Signer(client)
    socket = logged_on(signer)
    signer.account.revoked = True
    client.spot.submit(Deposit(account="eddy", asset="USDT", amount=1))
    assert socket.take() == []
    assert frozenset() == socket.link.accounts
    error, answer, ended = socket.ask({"id": 9, "method": "session.status"})
    assert fixture(SPOT, "ws_key_revoked") == error
    assert (answer["id"], answer["result"]["apiKey"]) == (9, None)
    assert ended["event"]["e"] == "eventStreamTerminated"
    assert len(socket.ask({"id": 10, "method": "session.status"})) == 1


@pytest.mark.parametrize("number", [0, -5, "x", "", "é" * 36, None])
def test_ids_are_echoed_as_they_came(number: int | str | None) -> None:
    """Integers, strings up to 36 letters and null come back unchanged."""
    (answer,) = Client().socket("/ws-api/v3").ask({"id": number, "method": "ping"})
    assert (number, 200, {}) == (answer["id"], answer["status"], answer["result"])


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        b"\xff\xfe",
        '{"id":1}',
        '{"id":1,"method":5}',
        '{"id":1,"method":"no.such"}',
        '{"id":1,"method":"ping","params":[]}',
        '{"id":1.5e400,"method":"ping","params":NaN}',
        json.dumps({"id": "x" * 37, "method": "ping"}),
        json.dumps({"id": True, "method": "ping"}),
        json.dumps({"id": [], "method": "ping"}),
        json.dumps({"id": "\ud800", "method": "ping"}),
        json.dumps({"id": 1, "method": "order.place", "params": {"newClientOrderId": "m-never\udfff"}}),
    ],
)
def test_frames_that_cannot_be_read(frame: str | bytes) -> None:
    """Damaged and strange frames are answered -1135 and harm nothing."""
    socket = Client().socket("/ws-api/v3")
    assert code(socket.ask(frame)) == (400, -1135)
    assert socket.ask({"id": 1, "method": "time"})[0]["status"] == 200


def test_rate_limits_and_time_units_in_the_address() -> None:
    """returnRateLimits=false leaves the block out, a request may ask for it; microseconds change every time."""
    client = Client()
    socket = client.socket("/ws-api/v3?timeUnit=MICROSECOND&returnRateLimits=false")
    (answer,) = socket.ask({"id": 1, "method": "time"})
    assert answer == {"id": 1, "status": 200, "result": {"serverTime": START_NS // 1_000}}
    (asked,) = socket.ask({"id": 1, "method": "session.status", "params": {}})
    assert "rateLimits" not in asked
    socket.ask({"id": 2, "method": SUBSCRIBE, "params": client.ws_params()})
    client.buy()
    report, position = (message["event"] for message in socket.take())
    times = [report[name] for name in "ETOW"] + [position[name] for name in "Eu"]
    assert {START_NS // 1_000} == set(times)
    refused = client.worlds.connect(HttpRequest("GET", "/ws-api/v3?timeUnit=SECOND"), NoTransport())
    assert isinstance(refused, HttpResponse)
    assert (refused.status, json.loads(refused.body)["code"]) == (400, -1194)


def test_orders_over_the_socket_are_those_of_rest() -> None:
    """Placing, asking, cancelling and listing answer REST's objects, and count orders in rateLimits."""
    client = Client()
    socket = client.subscribed()

    def ask(method: str, **params: object) -> Any:
        answer = next(
            each
            for each in socket.ask({"id": 1, "method": method, "params": client.ws_params(**params)})
            if "event" not in each
        )
        assert answer["status"] == 200, answer
        return answer

    placed = ask("order.place", **LIMIT)
    assert [row["rateLimitType"] for row in placed["rateLimits"]] == ["ORDERS", "ORDERS", "REQUEST_WEIGHT"]
    assert [row["count"] for row in placed["rateLimits"][:2]] == [1, 1]
    order_id = placed["result"]["orderId"]
    rest = client.good("GET", "/api/v3/order", symbol="BTCUSDT", orderId=order_id)
    assert rest == ask("order.status", symbol="BTCUSDT", orderId=order_id)["result"]
    assert [rest] == ask("openOrders.status")["result"]
    assert [rest] == ask("allOrders", symbol="BTCUSDT")["result"]
    client.fill(client.spot, order_id, "0.001")
    assert client.good("GET", "/api/v3/myTrades", symbol="BTCUSDT") == ask("myTrades", symbol="BTCUSDT")["result"]
    assert client.good("GET", "/api/v3/account") == ask("account.status")["result"]
    assert ask("order.cancel", symbol="BTCUSDT", orderId=order_id)["result"]["status"] == "CANCELED"
    ask("order.place", **LIMIT)
    assert len(ask("openOrders.cancelAll", symbol="BTCUSDT")["result"]) == 1
    (info,) = socket.ask({"id": 1, "method": "exchangeInfo"})
    assert {"CONNECTIONS", "ORDERS", "REQUEST_WEIGHT"} == {r["rateLimitType"] for r in info["result"]["rateLimits"]}


def test_an_event_may_come_before_the_answer() -> None:
    """On one socket the report of an order is on the wire before the answer to the request that placed it."""
    client = Client()
    socket = client.subscribed()
    first, _, last = socket.ask({"id": 1, "method": "order.place", "params": client.ws_params(**LIMIT)})
    assert (first["event"]["e"], last["id"]) == ("executionReport", 1)


def test_two_sockets_hear_each_event_once() -> None:
    """Each connection with a subscription carries the same text once."""
    client = Client()
    sockets = [client.subscribed(), client.subscribed()]
    client.buy()
    first, second = (socket.texts() for socket in sockets)
    assert first == second
    assert len(first) == 2


def test_too_much_weight_on_the_socket() -> None:
    """The refusal carries serverTime and retryAfter as an epoch in milliseconds, as documented for the ban."""
    client = Client(limits="ip")
    socket = client.subscribed()
    for _ in range(74):
        socket.ask({"id": 1, "method": "openOrders.status", "params": client.ws_params()})
    (answer,) = socket.ask({"id": 1, "method": "openOrders.status", "params": client.ws_params()})
    assert (answer["status"], answer["error"]["code"]) == (429, -1003)
    for _ in range(9):
        socket.ask({"id": 1, "method": "ping"})
    socket.link.receive('{"id": 1, "method": "ping"}')
    told, *left = socket.link.take()
    assert isinstance(told, Text)
    answer = json.loads(told.data)
    assert shape(answer) == shape(fixture(SPOT, "ws_banned_answer") | {"id": 1})
    assert client.stamp() + 120_000 == answer["error"]["data"]["retryAfter"]
    assert left == [Close(1008, "")]
    assert not socket.link.open
    refused = client.worlds.connect(HttpRequest("GET", "/ws-api/v3"), NoTransport())  # connecting costs weight too
    assert isinstance(refused, HttpResponse)
    assert (refused.status, dict(refused.headers)["Retry-After"]) == (418, "120")


def test_the_shutdown_notice() -> None:
    """serverShutdown has no subscription id on the WebSocket API; the socket may be closed right after."""
    client = Client()
    socket = client.subscribed()
    assert client.spot.face.shutdown_notice() == 1
    (notice,) = socket.take()
    assert shape(notice) == shape(fixture(SPOT, "server_shutdown"))
    assert client.spot.face.shutdown_notice("alice", close=True) == 1
    assert client.spot.face.shutdown_notice("nobody") == 0
    assert Close(1001, "") in socket.link.take()


@pytest.mark.parametrize(("target", "stream"), [("/ws-api/v3", False), ("/stream", True)])
def test_the_day_of_a_connection_ends_with_notice(target: str, stream: bool) -> None:
    """Ten minutes before its 24 hours are over each socket of spot is told, then closed; in 2024 it was not told."""
    client = Client()
    socket = client.socket(target)
    client.advance(86_400 - 601)
    assert socket.take() == []
    client.advance(1)
    notice = {"e": "serverShutdown", "E": client.stamp()}
    assert socket.take() == [{"stream": "!serverShutdown", "data": notice} if stream else {"event": notice}]
    client.advance(600)
    assert [Close(1001, "")] == socket.link.take()
    client.spot.play_era("binance-2024")
    old = client.socket(target)
    client.advance(86_400)
    assert [Close(1001, "")] == old.link.take()


def test_heartbeats_are_the_venues() -> None:
    """Pings come each 20 s; without a pong the socket is closed after a minute with 1008."""
    client = Client(pings=True)
    socket = client.subscribed()
    client.advance(19.9)
    assert socket.link.take() == []
    client.advance(0.1)
    assert len(socket.link.take()) == 1
    client.advance(60)
    assert [Close(1008, "Pong timeout")] == socket.closes()


def test_unsubscribing_from_one_of_two() -> None:
    """Only the named subscription ends; the other one goes on."""
    client = Client()
    socket = client.subscribed()
    bob = client.worlds.open_account(client.spot, "bob")
    socket.ask({"id": 2, "method": SUBSCRIBE, "params": client.ws_params(bob)})
    _, ended = socket.ask({"id": 3, "method": "userDataStream.unsubscribe", "params": {"subscriptionId": 0}})
    assert ended["subscriptionId"] == 0
    assert socket.link.accounts == {("default", "binance-spot", "bob")}


def test_values_that_are_no_text() -> None:
    """Booleans, nulls, lists and numbers are read as the venue writes them in the signed text."""
    read = params.from_json({"b": True, "a": None, "c": ["x"], "d": 1, "signature": "s"})
    assert read.signed == b'a=&b=true&c=["x"]&d=1'
    assert (read.flag("b"), read.text("a"), read.flag("no")) == (True, None, None)

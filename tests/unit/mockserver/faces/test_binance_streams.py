"""Listen keys and the sockets that carry them, in every form clients use, living and dead."""

import json
from typing import Any

import pytest

from mockserver.engine.types import Deposit
from mockserver.faces.base import Close, HttpRequest, Ping
from mockserver.link import NoTransport
from tests.unit.mockserver.faces.binance_client import Client, Socket, fixture, shape

KEY_PATH = "/fapi/v1/listenKey"
OLD_PATH = "/api/v3/userDataStream"


def listen_key(client: Client, method: str = "POST", path: str = KEY_PATH) -> Any:
    """The answer to a call about the listen key."""
    response = client.raw(method, path)
    return json.loads(response.body)


def names(socket: Socket) -> list[str]:
    """The names of the events that came."""
    return [message["e"] for message in socket.take()]


def move(client: Client) -> None:
    """Let something happen to both accounts."""
    for exchange in (client.futures, client.spot):
        exchange.submit(Deposit(account="alice", asset="USDT", amount=1))


def test_one_key_per_account_as_long_as_it_lives() -> None:
    """POST returns the same key and extends it, PUT returns it, DELETE ends it, and then PUT is -1125."""
    client = Client()
    key = listen_key(client)
    assert shape(key) == shape(fixture("binance_futures", "listen_key"))
    assert len(key["listenKey"]) == 64
    for _ in range(3):
        client.advance(59 * 60)
        assert key == listen_key(client, "PUT") == listen_key(client)
    assert listen_key(client, "DELETE") == {}
    gone = {"code": -1125, "msg": "This listenKey does not exist."}
    assert gone == listen_key(client, "PUT") == listen_key(client, "DELETE")
    assert key != listen_key(client)
    assert client.raw("POST", KEY_PATH, {"X-MBX-APIKEY": ""}).status == 401


def test_a_key_runs_out_after_an_hour_and_says_so() -> None:
    """After 60 minutes without a sign of life the socket hears listenKeyExpired, stays open, and is silent."""
    client = Client()
    socket = client.listening()
    client.advance(3599)
    move(client)
    assert names(socket) == ["ACCOUNT_UPDATE"]
    client.advance(1)
    (notice,) = socket.take()
    assert shape(notice) == shape(fixture("binance_futures", "listen_key_expired"))
    assert str(client.stamp()) == notice["E"]
    move(client)
    assert socket.take() == []
    assert socket.link.open
    assert frozenset() == socket.link.accounts
    # A new key does not wake the old socket.
    other = client.listening()
    move(client)
    assert (names(socket), names(other)) == ([], ["ACCOUNT_UPDATE"])


def test_the_notice_may_come_twice() -> None:
    """By the setting, or forced by the control API, the expiry is told more than once."""
    client = Client()
    client.futures.settings.options["listen_key_notices"] = 2
    socket = client.listening()
    client.advance(3600)
    assert names(socket) == ["listenKeyExpired"] * 2
    socket = client.listening()
    assert client.futures.face.expire_listen_keys("nobody") == 0
    assert client.futures.face.expire_listen_keys("alice", notices=3) == 1
    assert names(socket) == ["listenKeyExpired"] * 3


def test_a_deleted_key_ends_in_silence() -> None:
    """DELETE silences every socket of the key and no notice is sent."""
    client = Client()
    sockets = [client.listening(), client.listening()]
    listen_key(client, "DELETE")
    move(client)
    assert [socket.take() for socket in sockets] == [[], []]


@pytest.mark.parametrize(
    ("target", "heard"),
    [
        ("/private/ws?listenKey={key}", "raw"),
        ("/private/ws?listenKey={key}&events=ACCOUNT_UPDATE/listenKeyExpired", "raw"),
        ("/private/ws?listenKey={key}&events=TRADE_LITE", "nothing"),
        ("/private/stream?listenKey={key}", "wrapped"),
        ("/private/stream?listenKey={key}&events=ACCOUNT_UPDATE", "wrapped"),
        ("/private/stream?listenKey=other&events=X&listenKey={key}&events=ACCOUNT_UPDATE", "wrapped"),
        ("/private/ws/{key}", "nothing"),
        ("/public/ws?listenKey={key}", "nothing"),
        ("/market/stream?listenKey={key}", "nothing"),
        ("/binance-futures/ws/{key}", "nothing"),
        ("/binance-futures/stream?streams={key}", "nothing"),
        ("/private/ws?listenKey=unknown", "nothing"),
        ("/private/ws", "nothing"),
    ],
)
def test_every_address_opens_and_few_carry(target: str, heard: str) -> None:
    """All forms of the address open and are pinged; only the private ones in query form carry events."""
    client = Client(pings=True)
    key = listen_key(client)["listenKey"]
    socket = client.socket(target.format(key=key))
    move(client)
    message = socket.take()
    match heard:
        case "raw":
            assert [each["e"] for each in message] == ["ACCOUNT_UPDATE"]
        case "wrapped":
            assert [(key, "ACCOUNT_UPDATE")] == [(each["stream"], each["data"]["e"]) for each in message]
        case _:
            assert message == []
            assert frozenset() == socket.link.accounts
    client.advance(180)
    assert [Ping] == [type(out) for out in socket.link.take()]


def test_switches_for_what_clients_disagree_on() -> None:
    """An absent list of events may mean none; the path form may work."""
    client = Client()
    key = listen_key(client)["listenKey"]
    client.futures.settings.options["events_default"] = "none"
    client.futures.settings.options["private_path_form"] = "works"
    mute, named = client.socket(f"/private/ws?listenKey={key}"), client.listening("&events=ACCOUNT_UPDATE")
    move(client)
    assert (names(mute), names(named)) == ([], ["ACCOUNT_UPDATE"])
    client.futures.settings.options["events_default"] = "all"
    path = client.socket(f"/private/ws/{key}")
    move(client)
    assert names(path) == ["ACCOUNT_UPDATE"]


def test_only_a_listed_expiry_is_told() -> None:
    """The list of events is an allow-list for listenKeyExpired too."""
    client = Client()
    deaf, told = client.listening("&events=ACCOUNT_UPDATE"), client.listening("&events=listenKeyExpired")
    client.advance(3600)
    assert (names(deaf), names(told)) == ([], ["listenKeyExpired"])
    assert frozenset() == told.link.accounts


def test_subscribing_by_request() -> None:
    """SUBSCRIBE with the key brings wrapped events on /private/stream and is acknowledged; anything else too."""
    client = Client()
    key = listen_key(client)["listenKey"]
    socket = client.socket("/private/stream")
    assert socket.ask({"method": "SUBSCRIBE", "params": [key], "id": "u"}) == [{"result": None, "id": "u"}]
    assert socket.ask({"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 2}) == [{"result": None, "id": 2}]
    assert {("default", "binance-futures", "alice")} == socket.link.accounts
    move(client)
    assert [key] == [message["stream"] for message in socket.take()]
    assert [{"result": [key, "btcusdt@trade"], "id": 3}] == socket.ask({"method": "LIST_SUBSCRIPTIONS", "id": 3})
    assert socket.ask({"method": "GET_PROPERTY", "params": ["combined"], "id": 4}) == [{"result": True, "id": 4}]
    socket.ask({"method": "SET_PROPERTY", "params": ["combined", False], "id": 5})
    move(client)
    assert names(socket) == ["ACCOUNT_UPDATE"]
    socket.ask({"method": "UNSUBSCRIBE", "params": [key], "id": 6})
    move(client)
    assert socket.take() == []


@pytest.mark.parametrize(
    ("frame", "answer"),
    [
        ("nonsense", {"code": 3, "msg": "Invalid JSON: expected value at line 1 column 1"}),
        (b"\xff", {"code": 3, "msg": "Invalid JSON: expected value at line 1 column 1"}),
        ("[]", {"code": 2, "msg": "Invalid request: request must be an object"}),
        ({"method": "NO", "id": 1}, {"code": 2, "msg": "Invalid request: unknown method", "id": 1}),
        (
            {"method": "SUBSCRIBE", "params": "x", "id": 1},
            {"code": 2, "msg": "Invalid request: params must be a list of streams", "id": 1},
        ),
        ({"method": "GET_PROPERTY", "params": ["x"], "id": 1}, {"code": 0, "msg": "Unknown property", "id": 1}),
        (
            {"method": "SET_PROPERTY", "params": ["combined", "x"], "id": 1},
            {"code": 1, "msg": "Invalid value type: expected Boolean", "id": 1},
        ),
    ],
)
def test_stream_errors(frame: object, answer: object) -> None:
    """Bad requests are answered with the stream protocol's own codes and harm nothing."""
    socket = Client().socket("/private/stream")
    assert [answer] == socket.ask(frame)
    assert socket.ask({"method": "LIST_SUBSCRIPTIONS", "id": 9}) == [{"result": [], "id": 9}]


def test_a_socket_holds_so_many_streams_and_no_more() -> None:
    """The 1025th name is acknowledged and forgotten."""
    socket = Client().socket("/private/stream")
    socket.ask({"method": "SUBSCRIBE", "params": [f"s{number}" for number in range(1_030)], "id": 1})
    (answer,) = socket.ask({"method": "LIST_SUBSCRIPTIONS", "id": 2})
    assert len(answer["result"]) == 1_024


def test_a_revoked_key_carries_nothing() -> None:
    """Once the API key is revoked its listen key is silent."""
    client = Client()
    socket = client.listening()
    client.accounts["binance-futures"].revoked = True
    move(client)
    assert socket.take() == []


def test_a_listen_key_of_another_world() -> None:
    """A key finds its own world, in the address and by SUBSCRIBE."""
    client = Client()
    other = client.worlds.create("other").exchanges["binance-futures"]
    client.accounts["binance-futures"] = client.worlds.open_account(other, "bob")
    by_address, by_request = client.listening(), client.socket("/private/stream")
    key = listen_key(client)["listenKey"]
    by_request.ask({"method": "SUBSCRIBE", "params": [key], "id": 1})
    other.submit(Deposit(account="bob", asset="USDT", amount=1))
    assert (names(by_address), len(by_request.take())) == (["ACCOUNT_UPDATE"], 1)
    assert {("other", "binance-futures", "bob")} == by_request.link.accounts


def test_the_old_days() -> None:
    """In 2024 spot has listen keys in REST and on the WebSocket API, and every old address carries events."""
    client = Client("binance-2024")
    key = listen_key(client, path=OLD_PATH)["listenKey"]
    sockets = [
        client.socket(f"/ws/{key}"),
        client.socket(f"/stream?streams={key}"),
        client.socket("/binance-spot/ws"),
    ]
    sockets[2].ask({"method": "SUBSCRIBE", "params": [key], "id": 1})
    client.buy()
    raw, wrapped, asked = (socket.take() for socket in sockets)
    assert [each["e"] for each in raw] == ["executionReport", "outboundAccountPosition"]
    assert raw == asked == [each["data"] for each in wrapped]
    assert listen_key(client, "PUT", OLD_PATH)["code"] == -1102
    assert listen_key(client, "PUT", f"{OLD_PATH}?listenKey=x")["code"] == -1125
    assert listen_key(client, "PUT", f"{OLD_PATH}?listenKey={key}") == {}
    client.advance(3600)
    (notice,) = sockets[0].take()
    assert shape(notice) == shape(fixture("binance_spot", "listen_key_expired"))
    api = client.socket("/ws-api/v3")
    params: dict[str, object] = {"apiKey": client.accounts["binance-spot"].api_key}
    (started,) = api.ask({"id": 1, "method": "userDataStream.start", "params": params})
    params["listenKey"] = started["result"]["listenKey"]
    for method in ("ping", "stop"):
        assert api.ask({"id": 1, "method": f"userDataStream.{method}", "params": params})[0]["result"] == {}
    assert api.ask({"id": 1, "method": "userDataStream.ping", "params": params})[0]["error"]["code"] == -1125
    assert client.spot.face.shutdown_notice() - 2 == 2
    assert {"e": "serverShutdown", "E": client.stamp()} == sockets[0].take()[-1]


def test_futures_in_the_old_days() -> None:
    """In 2024 the plain address carries futures events, and the split ones do not exist."""
    client = Client("binance-2024")
    key = listen_key(client)["listenKey"]
    socket = client.socket(f"/ws/{key}")
    move(client)
    assert names(socket) == ["ACCOUNT_UPDATE"]
    assert client.worlds.connect(HttpRequest("GET", "/private/ws"), NoTransport()) is None


def test_addresses_that_are_nobodys() -> None:
    """Other paths are not answered by these faces."""
    client = Client()
    for target in ("/private/other", "/nothing", "/"):
        assert client.worlds.connect(HttpRequest("GET", target), NoTransport()) is None
    assert client.worlds.handle(HttpRequest("GET", "/api/v3/none")) is None


def test_a_reset_ends_keys_and_counters() -> None:
    """After a reset the old listen key is dead and the counters are at zero."""
    client = Client()
    client.listening()
    client.futures.face.reset()
    assert listen_key(client, "PUT")["code"] == -1125
    headers = dict(client.raw("GET", "/fapi/v1/ping").headers)
    assert headers["x-mbx-used-weight-1m"] == "2"


def test_heartbeats_and_the_end_of_a_day() -> None:
    """A futures socket is pinged each 3 minutes, closed 10 minutes after an unanswered ping; settings change that."""
    client = Client(pings=True)
    socket = client.listening()
    client.advance(180 + 600)
    assert Close(1008, "Pong timeout") == socket.link.take()[-1]
    client.futures.settings.options.update(ping_every_ms=0, lifetime_ms=50)
    socket = client.listening()
    client.advance(0.05)
    assert [Close(1001, "")] == socket.link.take()

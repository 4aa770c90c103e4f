"""Listen keys and the sockets that carry them, in every form clients use, living and dead."""

import json
import uuid
from typing import Any

import pytest

from mockserver.engine.types import Deposit
from mockserver.faces.base import Close, HttpRequest, Ping
from mockserver.faults import RateLimit
from mockserver.link import NoTransport
from tests.unit.mockserver.faces.binance_client import SECOND, Client, Socket, fixture, shape

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


@pytest.mark.parametrize("ends_by", ["time", "another"])
def test_a_replaced_key_lives_on_beside_the_new_one(ends_by: str) -> None:
    """Both carry events; the old one is not given out or extended any more, and ends like any other."""
    client = Client()
    old = client.listening()
    assert client.futures.face.replace_listen_keys("alice") == 1
    new = client.listening()
    move(client)
    assert (names(old), names(new)) == (["ACCOUNT_UPDATE"], ["ACCOUNT_UPDATE"])
    if ends_by == "time":
        client.advance(3_000)
        listen_key(client, "PUT")
        client.advance(600)
    else:
        client.futures.face.replace_listen_keys(None)
    move(client)
    assert (names(old), names(new)) == (["listenKeyExpired"], ["ACCOUNT_UPDATE"])


def test_the_owner_of_an_old_spot_key_may_extend_it() -> None:
    """Where PUT names the key, a replaced one can be kept."""
    client = Client()
    client.spot.settings.profile = "binance-2024"
    key = listen_key(client, path=OLD_PATH)["listenKey"]
    client.spot.face.replace_listen_keys("alice")
    socket = client.socket(f"/ws/{key}")
    client.advance(3_000)
    assert client.raw("PUT", f"{OLD_PATH}?listenKey={key}").status == 200
    client.advance(3_000)
    move(client)
    assert "balanceUpdate" in names(socket)
    client.advance(600)
    assert names(socket) == ["listenKeyExpired"]


def test_the_key_of_the_header_says_whose_a_call_is() -> None:
    """A dead listen key in the query belongs to nobody, and must not lead the call to another world."""
    client = Client()
    client.spot.settings.profile = "binance-2024"
    request = HttpRequest("PUT", f"{OLD_PATH}?listenKey={'d' * 64}", (("X-MBX-APIKEY", "k"),))
    assert client.spot.face.credential(request) == "k"
    assert client.spot.face.credential(HttpRequest("GET", f"/ws/{'d' * 64}")) == "d" * 64


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
        ("nonsense", (3, "Invalid JSON: expected value at line 1 column 1", None)),
        (b"\xff", (3, "Invalid JSON: expected value at line 1 column 1", None)),
        ("[]", (2, "Invalid request: request must be an object", None)),
        ({"method": "NO", "id": 1}, (2, "Invalid request: unknown method", 1)),
        (
            {"method": "SUBSCRIBE", "params": "x", "id": 1},
            (2, "Invalid request: params must be a list of streams", 1),
        ),
        ({"method": "SUBSCRIBE", "params": ["not a stream"], "id": 1}, (2, "Invalid request: invalid stream", 1)),
        ({"method": "SUBSCRIBE", "params": ["btcusdt@trade", ""], "id": 1}, (2, "Invalid request: invalid stream", 1)),
        ({"method": "GET_PROPERTY", "params": ["x"], "id": 1}, (0, "Unknown property", 1)),
        (
            {"method": "SET_PROPERTY", "params": ["combined", "x"], "id": 1},
            (1, "Invalid value type: expected Boolean", 1),
        ),
    ],
)
def test_stream_errors(frame: object, answer: tuple[int, str, int | None]) -> None:
    """Bad requests are answered with the stream protocol's own codes and harm nothing."""
    socket = Client().socket("/private/stream")
    code, msg, number = answer
    assert socket.ask(frame) == [{"error": {"code": code, "msg": msg}, "id": number}]
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


def test_a_dead_listen_key_of_another_world() -> None:
    """Whose request it is says the API key: a listen key that is dead is refused by the account's own world."""
    client = Client()
    other = client.worlds.create("other").exchanges["binance-spot"]
    other.settings.profile = "binance-2024"
    client.accounts["binance-spot"] = client.worlds.open_account(other, "bob")
    assert listen_key(client, "PUT", f"{OLD_PATH}?listenKey=x")["code"] == -1125


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


def warnings(client: Client) -> list[str]:
    """The warnings in the journal."""
    return [str(row["text"]) for row in client.worlds.default.recorder.journal(kind="warning")]


@pytest.mark.parametrize(
    ("target", "part"),
    [
        ("/ws/{key}", "fell silent on 2026-04-23"),
        ("/stream?streams={key}", "fell silent on 2026-04-23"),
        ("/private/ws/{key}", "private_path_form"),
        ("/public/ws?listenKey={key}", "market data only"),
        ("/market/stream?listenKey={key}", "market data only"),
        ("/private/ws?listenKey=gone", "no account has this listen key"),
        ("/private/stream?streams=btcusdt@trade/{key}", "this address is for no market data"),
    ],
)
def test_a_socket_that_stays_silent_is_warned_of_once(target: str, part: str) -> None:
    """The client is told nothing, as at the venue; the journal says once why nothing will come, and no key."""
    client = Client()
    key = json.loads(client.raw("POST", "/fapi/v1/listenKey").body)["listenKey"]
    socket = client.socket(f"/binance-futures{target.format(key=key)}")
    socket.ask({"method": "SUBSCRIBE", "params": [key, "x@y"], "id": 1})
    (warning,) = warnings(client)

    assert part in warning
    assert key not in warning


def test_a_spot_socket_of_old_is_warned_of() -> None:
    """Where listen keys are gone, the warning says where to go; where they live, there is none."""
    new, old = Client(), Client("binance-2024")
    new.socket("/binance-spot/ws/abc")
    key = json.loads(old.raw("POST", "/api/v3/userDataStream").body)["listenKey"]
    old.socket(f"/binance-spot/ws/{key}")

    assert ["/ws-api/v3" in text for text in warnings(new)] == [True]
    assert warnings(old) == []


@pytest.mark.parametrize("target", ["-spot/ws/0", "-futures/market/ws/0", "-futures/public/ws/1"])
def test_a_numbered_socket_for_market_data_is_not_warned_of(target: str) -> None:
    """ccxt numbers its sockets, and subscribes to streams of the market there: that number is no listen key."""
    client = Client()
    client.socket(f"/binance{target}")
    assert warnings(client) == []


def test_a_listed_key_without_events_is_warned_of() -> None:
    """Where no events named means none, that is what the warning says; a living socket has no warning."""
    client = Client()
    client.listening()
    assert warnings(client) == []
    client.futures.settings.options["events_default"] = "none"
    client.listening()

    assert ["events_default" in text for text in warnings(client)] == [True]


@pytest.mark.parametrize(("target", "limit"), [("/binance-spot/ws", 5), ("/private/ws", 10), ("/private/ws", 3)])
def test_too_many_frames_end_a_socket(target: str, limit: int) -> None:
    """Messages, pings and pongs count alike; one above the limit within a second closes it, where limits are kept."""
    client = Client(limits="ip")
    if limit == 3:
        client.futures.settings.options["frames_per_second"] = limit  # others are the venues' own
    free, strict = Client().socket(target), client.socket(target)
    for number in range(30):
        free.link.ping(b"%d" % number)
    for _ in range(4):
        for number in range(limit):
            if number % 3 == 0:
                strict.link.receive('{"method":"LIST_SUBSCRIPTIONS","id":1}')
            elif number % 3 == 1:
                assert strict.link.ping(b"")
            else:
                strict.link.pong(b"")
        client.advance(1)
    strict.take()
    assert (free.link.open, strict.link.open) == (True, True)
    for _ in range(limit):
        strict.link.pong(b"")
    answered = strict.link.ping(b"")

    assert not answered
    assert [(close.code, close.reason) for close in strict.closes()] == [(1008, "Too many requests")]
    assert not strict.link.open


@pytest.mark.parametrize(("target", "usual"), [("/binance-spot/ws", 5), ("/private/ws", 10)])
def test_fewer_frames_for_a_while(target: str, usual: int) -> None:
    """A fault lowers the limit of the sockets that are open, too, and keeps it though limits are off."""
    client = Client()
    one, other = client.socket(target), client.socket(target)
    exchange = client.spot if usual == 5 else client.futures
    RateLimit(frames_per_second=2, lasts_ns=30 * SECOND).before(exchange, HttpRequest("GET", "/"))
    for _ in range(2):
        assert one.link.ping(b"")
    assert (one.link.ping(b""), [close.reason for close in one.closes()]) == (False, ["Too many requests"])
    client.advance(30)
    assert all(other.link.ping(b"") for _ in range(usual + 1))


def test_the_handshake_has_an_id_of_its_own() -> None:
    """Every handshake's answer has another `x-mbx-uuid`, which official clients read."""
    client = Client()
    targets = ["/ws-api/v3", "/ws-api/v3", "/binance-spot/ws", "/private/ws", "/private/ws"]
    sessions = [client.socket(target).link.session for target in targets]
    ids = [dict(session.handshake)["x-mbx-uuid"] for session in sessions if session is not None]

    assert len({*ids}) == 5
    assert all(uuid.UUID(each).version == 4 for each in ids)

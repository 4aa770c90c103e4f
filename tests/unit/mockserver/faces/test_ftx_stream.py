"""FTX's WebSocket: login, subscriptions, what is told and in which order."""

import json
import zlib
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.clock import VirtualClock
from mockserver.engine.types import CancelAll, Expire, ForceClose, Kind, Side
from mockserver.faces.base import HttpRequest
from mockserver.faces.ftx import auth
from mockserver.faults import AckRace, Fault
from mockserver.link import NoTransport
from mockserver.venues import VENUES
from mockserver.world import Recipe, Worlds
from tests.unit.mockserver.faces.ftx_client import START_NS, Client, Socket

MARKET: dict[str, Any] = {"type": "market", "price": None}
BAD_LOGIN = {"type": "error", "code": 400, "msg": "Invalid login credentials"}
BAD_REQUEST = {"type": "error", "code": 400, "msg": "Invalid request"}


def orders(socket: Socket) -> list[tuple[Any, ...]]:
    """Status, filled and remaining size of the `orders` messages since the last look."""
    rows = [message["data"] for message in socket.take() if message.get("channel") == "orders"]
    return [(row["status"], float(row["filledSize"]), float(row["remainingSize"])) for row in rows]


# -- login -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/ws", "/ws/"])
def test_a_good_login_is_not_answered(path: str) -> None:
    """Nothing comes back, and the private channels can be subscribed, on both spellings of the URL."""
    client = Client()
    socket = Socket(client.worlds, path)

    assert socket.ask(client.login()) == []
    assert socket.ask({"op": "subscribe", "channel": "fills"}) == [{"type": "subscribed", "channel": "fills"}]


def test_a_client_of_binance_at_the_path_of_ftx_is_warned_of_once() -> None:
    """It is answered as FTX would, and the journal says where Binance's sockets are."""
    client = Client()
    socket = Socket(client.worlds, "/ws")
    assert socket.ask({"op": "ping"}) == [{"type": "pong"}]
    for method in ("SUBSCRIBE", "LIST_SUBSCRIPTIONS"):
        assert socket.ask({"method": method, "params": ["btcusdt@trade"], "id": 1}) == [BAD_REQUEST]
    (warning,) = client.worlds.default.recorder.journal(kind="warning")
    assert "/binance-spot/ws or /binance-futures/ws" in str(warning["text"])


@pytest.mark.parametrize(
    "changed",
    [
        {"key": "unknown"},
        {"key": None},
        {"sign": "0" * 64},
        {"sign": None},
        {"sign": "ä"},
        {"time": "1651651337497"},
        {"time": 1},
        {"time": None},
        {"subaccount": "unknown"},
        {"subaccount": 7},
    ],
)
def test_a_bad_login_leaves_the_connection(changed: dict[str, Any]) -> None:
    """Whatever is wrong, the answer is one text; the same socket may then log in properly."""
    client = Client()
    socket = Socket(client.worlds)

    assert socket.ask(client.login(**changed)) == [BAD_LOGIN]
    assert socket.ask(client.login()) == []


@pytest.mark.parametrize("args", [None, [], "x", {}])
def test_a_login_without_arguments(args: object) -> None:
    """Arguments of another kind are bad credentials."""
    assert Socket(Client().worlds).ask({"op": "login", "args": args}) == [BAD_LOGIN]


@pytest.mark.parametrize(("age", "answer"), [(30, []), (31, [BAD_LOGIN]), (-30, []), (-31, [BAD_LOGIN])])
def test_the_login_has_a_window(age: int, answer: list[object]) -> None:
    """A sign is good for thirty seconds to either side of the venue's clock."""
    client = Client()
    time_ms = client.clock.now_ns // 1_000_000 - age * 1_000
    sign = auth.signature(client.account.secret, auth.login_payload(time_ms))

    assert Socket(client.worlds).ask(client.login(time=time_ms, sign=sign)) == answer


def test_a_revoked_key_is_refused_and_its_sockets_close() -> None:
    """The face's act on revocation ends the account's sockets, and a new login is refused."""
    client = Client()
    socket, stranger = client.socket("orders"), Socket(client.worlds)
    client.account.revoked = True
    client.exchange.face.key_revoked("alice")

    assert [close.code for close in socket.closes()] == [1001]
    assert stranger.closes() == []
    assert stranger.ask(client.login()) == [BAD_LOGIN]


@pytest.mark.parametrize("spelled", ["my desk", quote("my desk")])
def test_a_subaccount_hears_only_itself(spelled: str) -> None:
    """A login with a subaccount, as it is or percent-encoded, hears that ledger and not the main one."""
    client = Client(subaccounts=("my desk",))
    main, sub = client.socket("orders"), client.socket("orders", subaccount=spelled)
    client.call("POST", "/orders", {"market": "BTC-PERP", "side": "buy", "type": "limit", "price": 1, "size": 1})
    heard = len(main.take()), len(sub.take())
    body = {"market": "BTC-PERP", "side": "buy", "type": "limit", "price": 1, "size": 1}
    client.call("POST", "/orders", body, subaccount=quote("my desk"))

    assert heard == (1, 0)
    assert (len(main.take()), len(sub.take())) == (0, 1)


def test_null_as_subaccount_is_the_main_account() -> None:
    """One client sends null when it has no subaccount."""
    client = Client()

    assert client.socket("orders", subaccount=None).link.accounts == {("default", "ftx", "alice")}


def test_another_worlds_key_moves_the_socket() -> None:
    """A socket that logs in with a key of another world hears that world and no longer the first."""
    client = Client()
    socket = Socket(client.worlds)
    socket.ask({"op": "subscribe", "channel": "orderbook", "market": "BTC-PERP"})
    other = client.worlds.create("other").exchanges["ftx"]
    bob = client.worlds.open_account(other, "bob")
    sign = auth.signature(bob.secret, auth.login_payload(client.clock.now_ns // 1_000_000))
    book = socket.ask(client.login(key=bob.api_key, sign=sign))
    socket.ask({"op": "subscribe", "channel": "orders"})
    client.quote(Side.SELL, "38500", "1")
    client.placed()

    assert [message["type"] for message in book] == ["partial"]
    assert socket.take() == []
    assert socket.link.accounts == {("other", "ftx", "bob")}


# -- subscriptions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("extra", [{"market": ""}, {"market": None}, {"args": {"key": "", "sign": "", "time": 0}}])
def test_what_clients_add_is_tolerated(extra: dict[str, object]) -> None:
    """Production clients send an empty market, null, or empty arguments with a private subscription and with pings."""
    socket = Client().socket()

    ack = socket.ask({**extra, "channel": "orders", "op": "subscribe"})
    assert ack == [{"type": "subscribed", "channel": "orders"}]
    assert socket.ask({"op": "ping", **extra}) == [{"type": "pong"}]


def test_ping_before_login() -> None:
    """ccxt pings before anything else."""
    assert Socket(Client().worlds).texts() == []
    assert Socket(Client().worlds).ask({"op": "ping"}) == [{"type": "pong"}]


@pytest.mark.parametrize(
    "frame",
    [
        b"\x00\xff",
        "",
        "null",
        "[]",
        "NaN",
        {"op": "dance"},
        {"channel": "orders"},
        {"op": "subscribe"},
        {"op": "subscribe", "channel": 5},
        {"op": "subscribe", "channel": "candles", "market": "BTC-PERP"},
        {"op": "subscribe", "channel": "ticker"},
    ],
)
def test_what_cannot_be_understood(frame: object) -> None:
    """Anything else is one error, and the connection goes on."""
    socket = Client().socket()

    assert socket.ask(frame) == [BAD_REQUEST]
    assert socket.ask({"op": "ping"}) == [{"type": "pong"}]


@given(st.binary() | st.text() | st.recursive(st.none() | st.booleans() | st.text() | st.integers(), st.lists))
def test_no_frame_breaks_a_session(frame: object) -> None:
    """Whatever a client sends, one error or nothing comes back and the session lives."""
    client = Client()
    socket = client.socket()

    assert [message["type"] for message in socket.ask(frame)] == ["error"]
    assert socket.ask({"op": "ping"}) == [{"type": "pong"}]


def test_unsubscribed_means_silent() -> None:
    """After an unsubscribe nothing more comes; a second one is refused."""
    client = Client()
    socket = client.socket("orders")

    assert socket.ask({"op": "unsubscribe", "channel": "orders"}) == [{"type": "unsubscribed", "channel": "orders"}]
    client.placed()
    assert socket.ask({"op": "unsubscribe", "channel": "orders"}) == [
        {"type": "error", "code": 400, "msg": "Not subscribed"}
    ]
    assert socket.link.accounts == frozenset()


def test_an_event_right_behind_the_acknowledgement() -> None:
    """The fault `ack_race`: the acknowledgement waits for what comes next, and goes out with it."""
    client = Client()
    client.worlds.default.faults.arm(Fault(kind=AckRace()))
    socket = Socket(client.worlds)

    assert socket.ask(client.login()) == []
    assert socket.ask({"op": "subscribe", "channel": "orders"}) == []
    client.placed()
    assert [(message["type"], message["channel"]) for message in socket.take()] == [
        ("subscribed", "orders"),
        ("update", "orders"),
    ]


def test_ftxpay_is_acknowledged_and_silent() -> None:
    """The merchants' channel exists, and carries no orders; it lets nobody see an account."""
    client = Client()
    socket = client.socket("ftxpay")
    client.placed()

    assert (socket.take(), socket.link.accounts) == ([], frozenset())


# -- what an action tells ----------------------------------------------------------------------------------------------


def test_a_resting_order_is_new_once() -> None:
    """A resting order is told once, as `new`; it is never told as `open` while nothing of it is filled."""
    client = Client()
    socket = client.socket("orders", "fills")
    client.placed()
    client.advance(60)

    assert orders(socket) == [("new", 0, 0.01)]


@pytest.mark.parametrize("fields", [MARKET, {"price": 38500}, {"price": 38500, "ioc": True}])
def test_an_order_that_fills_at_once_is_closed_once(fields: dict[str, Any]) -> None:
    """A market order and a limit order that take everything they want are told by one `closed`."""
    client = Client()
    client.quote(Side.SELL, "38500", "1")
    socket = client.socket("orders")
    client.placed(**fields)

    assert orders(socket) == [("closed", 0.01, 0)]


def test_a_sweep_is_one_order_message_and_a_fill_per_level() -> None:
    """An order over three levels has three fills, one `closed` and the average of what it paid."""
    client = Client()
    for price in ("38500", "38600", "38700"):
        client.quote(Side.SELL, price, "0.01")
    socket = client.socket("orders", "fills")
    client.placed(size=0.03, **MARKET)
    closed, *fills = [message["data"] for message in socket.take()]

    assert (closed["status"], closed["avgFillPrice"]) == ("closed", 38600)
    assert [fill["price"] for fill in fills] == [38500, 38600, 38700]
    assert len({fill["id"] for fill in fills}) == 3


def test_partial_fills_are_open_then_closed() -> None:
    """A resting order that fills in parts is `open` with each part, and `closed` with the last."""
    client = Client()
    socket = client.socket("orders")
    order = client.placed()
    for size in ("0.004", "0.005", "0.001"):
        client.fill(order["id"], size)

    assert orders(socket) == [("new", 0, 0.01), ("open", 0.004, 0.006), ("open", 0.009, 0.001), ("closed", 0.01, 0)]


def test_a_limit_order_that_fills_in_part_and_rests() -> None:
    """It is told by one `open`."""
    client = Client()
    client.quote(Side.SELL, "38500", "0.004")
    socket = client.socket("orders")
    client.placed(price=38500)

    assert orders(socket) == [("open", 0.004, 0.006)]


def test_a_cancelled_order_remains_nothing() -> None:
    """`remainingSize` is 0 on a cancelled order too, whatever of it was filled."""
    client = Client()
    socket = client.socket("orders")
    for filled in (None, "0.004"):
        order = client.placed()
        if filled:
            client.fill(order["id"], filled)
        client.call("DELETE", f"/orders/{order['id']}")

    assert [row for row in orders(socket) if row[0] == "closed"] == [("closed", 0, 0), ("closed", 0.004, 0)]


def test_an_ioc_remainder_is_one_closed() -> None:
    """An IOC order that finds half of its size is told by one `closed`; so is one that finds nothing."""
    client = Client()
    client.quote(Side.SELL, "38500", "0.005")
    socket = client.socket("orders")
    client.placed(price=38500, ioc=True)
    client.placed(price=38500, ioc=True)

    assert orders(socket) == [("closed", 0.005, 0), ("closed", 0, 0)]


def test_a_post_only_order_that_would_cross() -> None:
    """The answer says success and `new`, the stream says only `closed` with nothing filled."""
    client = Client()
    client.quote(Side.SELL, "38500", "1")
    socket = client.socket("orders", "fills")

    assert client.placed(price=39000, postOnly=True)["status"] == "new"
    (message,) = socket.take()
    row = message["data"]
    assert (row["status"], row["filledSize"], row["postOnly"]) == ("closed", 0, True)


def test_a_modify_closes_the_old_id_and_makes_a_new_one() -> None:
    """The old id is `closed` with nothing filled, then another id is `new`."""
    client = Client()
    socket = client.socket("orders")
    old = client.placed()
    socket.take()
    _, new = client.call("POST", f"/orders/{old['id']}/modify", {"price": 30001})
    rows = [message["data"] for message in socket.take()]

    assert [(row["id"], row["status"], row["price"]) for row in rows] == [
        (old["id"], "closed", 30000),
        (new["id"], "new", 30001),
    ]
    assert new["id"] != old["id"]


def test_refused_orders_are_not_told() -> None:
    """An order refused by the answer leaves no message."""
    client = Client()
    socket = client.socket("orders", "fills")

    assert client.place(price=0.5)[0] == 400
    assert client.place(side="sell", market="BTC/USD", size=1000)[0] == 400
    assert socket.take() == []


def test_the_events_are_out_before_the_answer() -> None:
    """When the answer to a POST is read, its messages already wait in the socket, as QuantConnect met it."""
    client = Client()
    socket = client.socket("orders")
    response = client.send(
        client.request("POST", "/orders", {"market": "BTC-PERP", "side": "buy", "type": "limit", "price": 1, "size": 1})
    )

    assert (response.status, socket.link.backlog) == (200, 1)


def test_a_self_trade_is_two_fills_of_one_trade() -> None:
    """Own orders that match share the trade's id and nothing else."""
    client = Client()
    socket = client.socket("fills")
    client.placed(price=38500)
    client.placed(side="sell", price=38500)
    fills = [message["data"] for message in socket.take()]

    assert len({fill["tradeId"] for fill in fills}) == 1
    assert len({fill["id"] for fill in fills}) == len({fill["orderId"] for fill in fills}) == 2
    assert {fill["liquidity"] for fill in fills} == {"maker", "taker"}


def test_a_liquidation_is_marked() -> None:
    """The order that the exchange makes says `liquidation` and has no client id."""
    client = Client()
    client.quote(Side.SELL, "38500", "1")
    client.placed(**MARKET)
    socket = client.socket("orders")
    client.exchange.submit(ForceClose(account="alice", instrument="BTC-PERP", kind=Kind.LIQUIDATION))
    (message,) = socket.take()

    assert (message["data"]["liquidation"], message["data"]["clientId"]) == (True, None)
    assert message["data"]["status"] == "closed"


def test_one_command_may_close_many_orders() -> None:
    """Each order ended by one command has its own message; an expiry looks like a cancel."""
    client = Client()
    socket = client.socket("orders")
    ids = [client.placed()["id"] for _ in range(3)]
    client.exchange.submit(Expire(instrument="BTC-PERP", order_id=ids[0]))
    client.exchange.submit(CancelAll(account="alice"))

    assert [row for row in orders(socket) if row[0] == "closed"] == [("closed", 0, 0)] * 3


def test_only_the_channels_asked_for() -> None:
    """A socket with `fills` alone hears no orders, one with `orders` alone no fills."""
    client = Client()
    fills, both = client.socket("fills"), client.socket("orders", "fills")
    only_orders = client.socket("orders")
    client.fill(client.placed()["id"])

    heard = [{message["channel"] for message in socket.take()} for socket in (fills, both, only_orders)]
    assert heard == [{"fills"}, {"orders", "fills"}, {"orders"}]


# -- the order of the two channels -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("how", "first"), [("orders_first", "orders"), ("fills_first", "fills")])
def test_the_interleaving_is_a_setting(how: str, first: str) -> None:
    """All messages of one channel come before those of the other, as the settings say."""
    client = Client()
    client.exchange.settings.options["interleaving"] = how
    socket = client.socket("orders", "fills")
    client.fill(client.placed()["id"])
    channels = [message["channel"] for message in socket.take()]

    assert channels == ["orders", first, "fills" if first == "orders" else "orders"]


def mixed(seed: int) -> list[str]:
    """The channels of thirty sweeps over two levels, mixed."""
    client = Client(seed=seed)
    client.exchange.settings.options["interleaving"] = "mixed"
    socket = client.socket("orders", "fills")
    heard = []
    for _ in range(30):
        client.quote(Side.SELL, "38500", "0.01")
        client.quote(Side.SELL, "38600", "0.01")
        client.placed(size=0.02, **MARKET)
        messages = socket.take()
        prices = [message["data"]["price"] for message in messages if message["channel"] == "fills"]
        assert prices == [38500, 38600]
        heard.append(" ".join(message["channel"] for message in messages))
    return heard


def test_mixed_is_every_merge_and_repeats_with_its_seed() -> None:
    """`mixed` shows the order message in each of its three places, keeps the fills in order, is seeded."""
    assert set(mixed(1)) == {"orders fills fills", "fills orders fills", "fills fills orders"}
    assert mixed(1) == mixed(1)
    assert mixed(1) != mixed(2)


# -- the rest of the connection ----------------------------------------------------------------------------------------


def test_the_restart_notice_may_close() -> None:
    """Code 20001 goes to everybody, or to one account's sockets, which may be closed after it."""
    client = Client()
    mine, stranger = client.socket(), Socket(client.worlds)

    assert client.exchange.face.shutdown_notice("alice", close=True) == 1
    assert [type(out).__name__ for out in mine.link.take()] == ["Text", "Close"]
    assert client.exchange.face.shutdown_notice() == 1
    assert [message["code"] for message in stranger.take()] == [20001]


def test_an_idle_client_is_closed_if_told_to() -> None:
    """With a limit set, a client that says nothing for so long is closed, one that pings is not."""
    client = Client()
    client.exchange.settings.options["idle_limit_ms"] = 60_000
    idle, lively = client.socket(), client.socket()
    for _ in range(4):
        client.advance(15)
        lively.send({"op": "ping"})

    assert [close.code for close in idle.closes()] == [1001]
    assert lively.closes() == []
    lively.link.closed()
    assert client.clock.pending() == []


def test_no_idle_limit_by_default() -> None:
    """A silent client stays, and no timer waits for it."""
    client = Client()
    socket = client.socket()
    client.advance(86_400)

    assert (socket.closes(), client.clock.pending()) == ([], [])


def test_other_paths_are_not_ftx() -> None:
    """A listen key's path is another venue's."""
    assert Client().worlds.connect(HttpRequest("GET", "/ws/abcdef"), NoTransport()) is None


@pytest.mark.parametrize("path", ["/ws", "/ws/", "/ftx/ws"])
def test_among_all_venues_the_url_is_ftx(path: str) -> None:
    """On a server of all venues FTX's one URL is FTX's, although Binance once had sockets below it."""
    worlds = Worlds(Recipe(venues=VENUES, clock=lambda: VirtualClock(START_NS)))

    assert Socket(worlds, path).ask({"op": "ping"}) == [{"type": "pong"}]


def test_spaces_as_in_2021() -> None:
    """With `compact` off the text has blanks."""
    client = Client()
    client.exchange.settings.options["compact"] = False
    socket = client.socket()
    socket.send({"op": "ping"})

    assert socket.texts() == ['{"type": "pong"}']


# -- public channels ---------------------------------------------------------------------------------------------------


def follow(book: dict[str, dict[Any, Any]], data: dict[str, Any]) -> int:
    """Apply a book message as a client would; the checksum of the outcome."""
    for side in ("bids", "asks"):
        for price, size in data[side]:
            if size:
                book[side][price] = size
            else:
                del book[side][price]
    bids = sorted(book["bids"].items(), reverse=True)
    asks = sorted(book["asks"].items())
    parts = []
    for index in range(100):
        for levels in (bids, asks):
            if index < len(levels):
                parts += [repr(float(levels[index][0])), repr(float(levels[index][1]))]
    return zlib.crc32(":".join(parts).encode())


def test_a_followed_book_has_the_checksum() -> None:
    """A client that applies the partial and every update has a book with the checksum each message states."""
    client = Client()
    client.quote(Side.BUY, "38400", "1")
    socket = Socket(client.worlds)
    socket.send({"op": "subscribe", "channel": "orderbook", "market": "BTC-PERP"})
    client.quote(Side.SELL, "38500", "0.0002")
    client.quote(Side.SELL, "38510", "3")
    order = client.placed(price=38450, size=0.5)
    client.placed(size=1, **MARKET)
    client.call("DELETE", f"/orders/{order['id']}")
    messages = socket.take()[1:]
    book: dict[str, dict[Any, Any]] = {"bids": {}, "asks": {}}

    assert [message["type"] for message in messages] == ["partial"] + ["update"] * 5
    assert [follow(book, message["data"]) for message in messages] == [
        message["data"]["checksum"] for message in messages
    ]
    assert (dict(book["bids"]), dict(book["asks"])) == ({38400: 1}, {38510: Decimal("2.0002")})


def test_ticker_speaks_when_the_top_changes() -> None:
    """The ticker is silent about the depth of the book."""
    client = Client()
    client.quote(Side.BUY, "38400", "1")
    socket = Socket(client.worlds)
    socket.send({"op": "subscribe", "channel": "ticker", "market": "BTC-PERP"})
    client.quote(Side.BUY, "38300", "1")
    client.quote(Side.SELL, "38500", "1")
    tops = [(message["data"]["bid"], message["data"]["ask"]) for message in socket.take()[1:]]

    assert tops == [(38400, None), (38400, 38500)]


def test_trades_of_other_markets_are_not_told() -> None:
    """One market's trades only, with the taker's side."""
    client = Client()
    for market in ("BTC-PERP", "BTC/USD"):
        client.quote(Side.BUY, "38400", "1", market)
    socket = Socket(client.worlds)
    socket.send({"op": "subscribe", "channel": "trades", "market": "BTC/USD"})
    for market in ("BTC-PERP", "BTC/USD"):
        client.placed(market, side="sell", **MARKET)
    (message,) = socket.take()[1:]

    assert message["market"] == "BTC/USD"
    assert [(trade["side"], trade["price"]) for trade in message["data"]] == [("sell", 38400)]


def test_feeds_mind_their_own_market() -> None:
    """What happens in one market says nothing in another's channels, nor in the list of markets."""
    client = Client()
    socket = Socket(client.worlds)
    for channel in ("markets", "orderbook", "ticker", "trades"):
        socket.ask({"op": "subscribe", "channel": channel, "market": "ETH/BTC"})
    client.quote(Side.SELL, "38500", "1")
    client.placed(**MARKET)

    assert socket.take() == []


def test_the_markets_channel_is_nested() -> None:
    """One partial whose `data` has the markets in a `data` of its own; it has no market, and is had once."""
    socket = Socket(Client().worlds)
    ack, partial = socket.ask({"op": "subscribe", "channel": "markets"})
    again = socket.ask({"op": "subscribe", "channel": "markets", "market": "BTC-PERP"})
    gone = socket.ask({"op": "unsubscribe", "channel": "markets"})

    assert ack == {"type": "subscribed", "channel": "markets"}
    assert partial["type"] == partial["data"]["action"] == "partial"
    assert set(partial["data"]["data"]) == {"BTC/USD", "ETH/USD", "ETH/BTC", "BTC-PERP", "ETH-PERP"}
    assert partial["data"]["data"]["BTC-PERP"]["future"]["perpetual"] is True
    assert [message["msg"] for message in again] == ["Already subscribed"]
    assert gone == [{"type": "unsubscribed", "channel": "markets"}]


def test_public_channels_can_be_left() -> None:
    """An unsubscribe names its market and ends the feed."""
    client = Client()
    socket = Socket(client.worlds)
    topic = {"channel": "trades", "market": "BTC-PERP"}
    socket.ask({"op": "subscribe", **topic})

    assert socket.ask({"op": "unsubscribe", **topic}) == [{"type": "unsubscribed", **topic}]
    client.quote(Side.SELL, "38500", "1")
    client.placed(**MARKET)
    assert json.dumps(socket.texts()) == "[]"


def test_own_events_fall_silent_while_the_market_goes_on() -> None:
    """One socket carries both: a fault that mutes the account's does not touch the market's, until it is resumed."""
    client = Client()
    socket = Socket(client.worlds)
    socket.send(client.login())
    for topic in ({"channel": "orders"}, {"channel": "fills"}, {"channel": "trades", "market": "BTC-PERP"}):
        socket.ask({"op": "subscribe", **topic})
    told = []
    for how in ("own", "events", None):
        socket.link.resume() if how is None else socket.link.mute(how)
        client.quote(Side.SELL, "38500", "1")
        client.placed(**MARKET)
        told.append({message["channel"] for message in socket.take()})

    assert told == [{"trades"}, set(), {"orders", "fills", "trades"}]

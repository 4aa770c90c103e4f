"""Binance's market streams: the shapes of the docs, and a local book that ends as the mock's own."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from mockserver.engine import desk
from mockserver.engine.types import HOUSE, Cancel, Fill, OrderType, Place, Side, TimeInForce
from mockserver.exchange import Exchange
from mockserver.faces.binance.hub import category
from mockserver.faults import Disconnect, Fault, Match
from mockserver.liquidity import SyntheticBook
from tests.unit.mockserver.faces.binance_client import Client, Socket
from tests.unit.mockserver.faces.test_binance_streams import warnings

PREFIX = {"spot": "/binance-spot", "futures": "/public"}


def client_of(profile: str = "binance-2026") -> Client:
    """A client at a market with two bids and two asks on both venues."""
    client = Client(profile)
    for exchange in (client.spot, client.futures):
        for side, price in ((Side.BUY, "60000"), (Side.BUY, "59990"), (Side.SELL, "60010"), (Side.SELL, "60020")):
            client.quote(exchange, side, price, "0.5")
    return client


def trade(exchange: Exchange, size: str = "0.75") -> None:
    """Somebody buys at the market."""
    instrument = exchange.engine.instruments["BTCUSDT"]
    taker = Place(
        account=HOUSE,
        instrument="BTCUSDT",
        side=Side.BUY,
        type=OrderType.MARKET,
        tif=TimeInForce.IOC,
        quantity=instrument.to_steps(Decimal(size)),
    )
    assert exchange.submit(taker).reject is None


SHAPES = {
    ("spot", "trade"): "e E s t p q T m M",
    ("futures", "trade"): "e E T s t p q X m",
    ("spot", "aggTrade"): "e E s a p q f l T m M",
    ("futures", "aggTrade"): "e E s a p q f l T m",
    ("spot", "bookTicker"): "u s b B a A",
    ("futures", "bookTicker"): "e u E T s b B a A",
    ("spot", "depth"): "e E s U u b a",
    ("futures", "depth"): "e E T s U u pu b a",
    ("spot", "depth5"): "lastUpdateId bids asks",
    ("futures", "depth5"): "e E T s U u pu b a",
    ("spot", "ticker"): "e E s p P w x c Q b B a A o h l v q O C F L n",
    ("futures", "ticker"): "e E s p P w c Q o h l v q O C F L n",
    ("spot", "miniTicker"): "e E s c o h l v q",
    ("futures", "miniTicker"): "e E s c o h l v q",
    ("futures", "markPrice"): "e E s p i P r T",
    ("futures", "markPrice@1s"): "e E s p i P r T",
}


@pytest.mark.parametrize(("venue", "kind"), SHAPES)
def test_the_shapes_of_the_docs(venue: str, kind: str) -> None:
    """The fields, in their order, of each stream."""
    client = client_of()
    at = "/binance-spot" if venue == "spot" else f"/{category(f'btcusdt@{kind}')}"
    socket = client.socket(f"{at}/ws/btcusdt@{kind}")
    trade(client.spot if venue == "spot" else client.futures)
    client.advance(3)
    told = socket.take()

    assert told
    assert [" ".join(each) for each in told] == [SHAPES[venue, kind]] * len(told)


def test_trades_and_aggregates() -> None:
    """A taker that meets two prices makes two trades and two aggregates; two makers at one price are one aggregate."""
    client = client_of()
    client.quote(client.spot, Side.SELL, "60010", "0.25")
    socket = client.socket("/binance-spot/stream?streams=btcusdt@trade/btcusdt@aggTrade")
    trade(client.spot, "1")
    trade(client.spot, "0.1")
    told = socket.take()
    trades = [each["data"] for each in told if each["stream"] == "btcusdt@trade"]
    aggregates = [each["data"] for each in told if each["stream"] == "btcusdt@aggTrade"]

    assert [(each["p"], each["q"], each["m"]) for each in trades] == [
        ("60010.00000000", "0.50000000", False),
        ("60010.00000000", "0.25000000", False),
        ("60020.00000000", "0.25000000", False),
        ("60020.00000000", "0.10000000", False),
    ]
    assert [(each["a"], each["q"]) for each in aggregates] == [
        (1, "0.75000000"),
        (2, "0.25000000"),
        (3, "0.10000000"),
    ]
    assert [(each["f"], each["l"]) for each in aggregates] == [
        (trades[0]["t"], trades[1]["t"]),
        (trades[2]["t"], trades[2]["t"]),
        (trades[3]["t"], trades[3]["t"]),
    ]


@pytest.mark.parametrize(
    ("venue", "stream", "path"),
    [
        ("spot", "/binance-spot/ws/btcusdt@aggTrade", "/api/v3/aggTrades?symbol=BTCUSDT"),
        ("futures", "/binance-futures/market/ws/btcusdt@aggTrade", "/fapi/v1/aggTrades?symbol=BTCUSDT"),
    ],
)
def test_aggregates_are_listed_as_they_were_told(venue: str, stream: str, path: str) -> None:
    """REST has the stream's rows and numbers: the last ones, those from a number on, or those of a span of time."""
    client = client_of()
    exchange = client.spot if venue == "spot" else client.futures
    socket = client.socket(stream)
    for quantity in ("0.7", "0.1", "0.1"):
        trade(exchange, quantity)
        client.advance(1)
    told = [{name: value for name, value in each.items() if name not in "eEs"} for each in socket.take()]
    assert [row["a"] for row in told] == [1, 2, 3, 4]
    assert client.public(path) == told
    assert client.public(f"{path}&limit=2") == told[-2:]
    assert client.public(f"{path}&fromId=2&limit=1") == told[1:2]
    since, until = (f"{name}={told[-2]['T']}" for name in ("startTime", "endTime"))
    assert client.public(f"{path}&{since}") == told[-2:]
    assert client.public(f"{path}&{since}&{until}") == told[-2:-1]
    refused = json.loads(client.raw("GET", f"{path}&{since}&fromId=1").body)
    assert refused["code"] == -1128


def test_aggregates_whose_trades_are_let_go_are_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """They reach as far back as the trades do, and keep their numbers."""
    monkeypatch.setattr(desk, "PUBLIC_TRADES_KEPT", 2)
    client = client_of()
    for _ in range(4):
        trade(client.spot, "0.1")
    assert [row["a"] for row in client.public("/api/v3/aggTrades?symbol=BTCUSDT")] == [3, 4]


def test_numbers_of_aggregates_do_not_depend_on_who_listens() -> None:
    """They count on where nobody listens."""
    client = client_of()
    trade(client.spot, "0.1")
    socket = client.socket("/binance-spot/ws/btcusdt@aggTrade")
    trade(client.spot, "0.1")
    assert [each["a"] for each in socket.take()] == [2]


def test_the_top_of_the_book() -> None:
    """`bookTicker` speaks only when the top changes, `depth5` is whole and comes even where nothing has changed."""
    client = client_of()
    top = client.socket("/binance-spot/ws/btcusdt@bookTicker")
    five = client.socket("/binance-spot/ws/btcusdt@depth5@100ms")
    client.quote(client.spot, Side.BUY, "59000", "1")
    assert top.take() == []
    client.quote(client.spot, Side.BUY, "60001", "1")
    (best,) = top.take()
    client.advance(0.1)
    (levels,) = five.take()
    client.advance(5)

    assert (best["b"], best["B"], best["a"]) == ("60001.00000000", "1.00000000", "60010.00000000")
    assert [price for price, _ in levels["bids"]] == [f"{each}.00000000" for each in (60001, 60000, 59990, 59000)]
    assert five.take() == []


@pytest.mark.parametrize(
    ("venue", "speed", "seconds"),
    [("spot", "", 1), ("spot", "@100ms", 0.1), ("futures", "", 0.25), ("futures", "@500ms", 0.5)],
)
def test_the_book_is_told_once_in_an_interval(venue: str, speed: str, seconds: float) -> None:
    """What changed meanwhile comes together, and not before."""
    client = client_of()
    socket = client.socket(f"{PREFIX[venue]}/ws/btcusdt@depth{speed}")
    exchange = client.spot if venue == "spot" else client.futures
    client.advance(seconds)
    for price in ("59000", "58000"):
        client.quote(exchange, Side.BUY, price, "1")
    client.advance(seconds * 0.9)
    assert socket.take() == []
    client.advance(seconds * 0.2)
    (told,) = socket.take()
    assert len(told["b"]) == 2


class LocalBook:
    """A bot's copy of a book, kept as the venue's docs say."""

    def __init__(self, client: Client, venue: str) -> None:
        self.client, self.venue = client, venue
        self.socket: Socket = client.socket(f"{PREFIX[venue]}/ws/btcusdt@depth@100ms")
        self.buffer: list[Any] = []
        self.last: int | None = None
        self.sides: dict[str, dict[str, str]] = {}

    def hear(self) -> None:
        """Buffer until the snapshot fits, then apply."""
        self.buffer += self.socket.take()
        if self.last is None and self.buffer:
            self.begin()
        if self.last is not None:
            for event in self.buffer:
                self.apply(event)
            self.buffer.clear()

    def begin(self) -> None:
        """Take a snapshot; it must not be older than the first event in the buffer."""
        path = "/api/v3/depth?symbol=BTCUSDT&limit=5000" if self.venue == "spot" else "/fapi/v1/depth?symbol=BTCUSDT"
        book = self.client.public(path)
        first = self.buffer[0]
        if book["lastUpdateId"] < first["U"]:
            return
        self.last = book["lastUpdateId"]
        self.sides = {"b": dict(book["bids"]), "a": dict(book["asks"])}
        self.buffer = [event for event in self.buffer if event["u"] > self.last]

    def apply(self, event: Any) -> None:
        """Each event follows the one before."""
        assert self.last is not None
        assert event["U"] <= self.last + 1 <= event["u"]
        if self.venue == "futures":
            assert event["pu"] == event["U"] - 1
        for side in "ba":
            for price, quantity in event[side]:
                if Decimal(quantity):
                    self.sides[side][price] = quantity
                else:
                    self.sides[side].pop(price, None)
        self.last = event["u"]


def life(exchange: Exchange, seed: int) -> Iterator[None]:
    """A market that moves, and is cancelled, amended and filled by hand now and then."""
    book, chance = SyntheticBook(exchange.engine, random.Random(seed)), random.Random(f"{seed}/hand")
    while True:
        for command in book.step(exchange.now_ns):
            exchange.submit(command)
        mine = exchange.engine.open_orders(HOUSE, "BTCUSDT")
        view = chance.choice(mine)
        hand = (
            Cancel(account=HOUSE, instrument="BTCUSDT", order_id=view.order_id),
            Fill(instrument="BTCUSDT", order_id=view.order_id),
        )
        exchange.submit(chance.choice(hand))
        yield


@pytest.mark.parametrize("venue", ["spot", "futures"])
@pytest.mark.parametrize("seed", range(3))
def test_a_local_book_ends_as_the_mocks_own(venue: str, seed: int) -> None:
    """The documented procedure: buffer, snapshot, drop what is older, apply what follows."""
    client = client_of()
    exchange = client.spot if venue == "spot" else client.futures
    local, market = LocalBook(client, venue), life(exchange, seed)
    for _ in range(60):
        next(market)
        client.advance(0.037)
        local.hear()
    client.advance(1)
    local.hear()
    depth = exchange.engine.depth("BTCUSDT", 10_000)
    instrument = exchange.engine.instruments["BTCUSDT"]

    def told(side: str) -> dict[Decimal, Decimal]:
        return {Decimal(price): Decimal(quantity) for price, quantity in local.sides[side].items()}

    def real(levels: tuple[tuple[int, int], ...]) -> dict[Decimal, Decimal]:
        return {instrument.price(ticks): instrument.quantity(steps) for ticks, steps in levels}

    assert local.last is not None
    assert (told("b"), told("a")) == (real(depth.bids), real(depth.asks))
    assert len(depth.bids) > 5


def test_subscribe_and_unsubscribe() -> None:
    """On a raw socket; the list is what was asked for, and what was left is heard no more."""
    client = client_of()
    socket = client.socket("/binance-spot/ws")
    names = ["btcusdt@trade", "btcusdt@bookTicker"]
    assert socket.ask({"method": "SUBSCRIBE", "params": names, "id": 1}) == [{"result": None, "id": 1}]
    assert socket.ask({"method": "LIST_SUBSCRIPTIONS", "id": 2}) == [{"result": names, "id": 2}]
    trade(client.spot, "0.5")
    assert len(socket.take()) == 2
    socket.ask({"method": "UNSUBSCRIBE", "params": names[:1], "id": 3})
    trade(client.spot, "0.5")
    assert ["e" in each for each in socket.take()] == [False]


def test_several_in_one_address() -> None:
    """`/ws/a/b` is raw, `/stream?streams=a/b` combined; times can be microseconds on spot."""
    client = client_of()
    raw = client.socket("/binance-spot/ws/btcusdt@trade/btcusdt@bookTicker")
    combined = client.socket("/binance-spot/stream?streams=btcusdt@trade/btcusdt@bookTicker&timeUnit=MICROSECOND")
    trade(client.spot, "0.5")
    first, second = raw.take(), combined.take()

    assert [each["data"].keys() for each in second] == [each.keys() for each in first]
    assert {each["stream"] for each in second} == {"btcusdt@trade", "btcusdt@bookTicker"}
    assert len(str(second[0]["data"]["T"])) == len(str(first[0]["T"])) + 3


@pytest.mark.parametrize(
    ("address", "profile", "carries"),
    [
        ("/public/ws", "binance-2026", {"trade", "bookTicker", "depth"}),
        ("/market/ws", "binance-2026", {"aggTrade"}),
        ("/private/ws", "binance-2026", set()),
        ("/binance-futures/ws", "binance-2026", {"trade", "bookTicker", "depth"}),
        ("/binance-futures/ws", "binance-2024", {"trade", "bookTicker", "depth", "aggTrade"}),
    ],
)
def test_which_address_of_futures_carries_what(address: str, profile: str, carries: set[str]) -> None:
    """The others stay silent, as after the split; the journal says where they are."""
    client = client_of(profile)
    kinds = ("trade", "bookTicker", "depth", "aggTrade")
    sockets = {kind: client.socket(f"{address}/btcusdt@{kind}") for kind in kinds}
    trade(client.futures)
    client.advance(1)

    assert {kind for kind, socket in sockets.items() if socket.take()} == carries
    assert len(warnings(client)) == len(kinds) - len(carries)


@pytest.mark.parametrize(
    "name",
    [
        "BTCUSDT@trade",
        "nopeusdt@trade",
        "btcusdt@depth7",
        "btcusdt@depth@7ms",
        "btcusdt@depth@1s",
        "btcusdt@markPrice",
        "btcusdt@trade@1s",
        "x@y",
    ],
)
def test_a_stream_that_does_not_exist_is_silent(name: str) -> None:
    """It is acknowledged, and the journal warns and names it."""
    client = client_of()
    socket = client.socket("/binance-spot/ws")
    assert socket.ask({"method": "SUBSCRIBE", "params": [name], "id": 1}) == [{"result": None, "id": 1}]
    trade(client.spot)
    client.advance(1)
    assert socket.take() == []
    (warning,) = warnings(client)
    assert "no such market stream" in warning
    assert warning.endswith(name)


def test_nothing_is_kept_where_nobody_listens() -> None:
    """No feed, no timer: not before anybody comes, and not after the last has left or was cut off."""
    client = client_of()
    idle = client.clock.pending()
    socket = client.socket("/binance-spot/ws/btcusdt@depth/btcusdt@depth5/btcusdt@trade")
    trade(client.spot, "0.1")
    assert len([each for each in client.clock.pending() if "market stream" in each.name]) == 2
    socket.link.drop()
    trade(client.spot, "0.1")
    assert [each.name for each in client.clock.pending() if "market" in each.name] == []
    assert {each.name for each in idle} <= {each.name for each in client.clock.pending()}


def test_an_account_and_a_market_on_one_socket() -> None:
    """Of old, one combined socket could carry both."""
    client = client_of("binance-2024")
    key = json.loads(client.raw("POST", "/api/v3/userDataStream").body)["listenKey"]
    socket = client.socket(f"/binance-spot/stream?streams=btcusdt@trade/{key}")
    order = client.buy()
    client.fill(client.spot, int(order["orderId"]))
    streams = [each["stream"] for each in socket.take()]
    assert {"btcusdt@trade", key} == set(streams)


def test_a_socket_that_is_cut_off_in_the_middle_of_an_event() -> None:
    """It hears the rest of it no more, and nobody else notices."""
    client = client_of()
    key = json.loads(client.raw("POST", "/fapi/v1/listenKey").body)["listenKey"]
    socket = client.socket(f"/private/stream?listenKey={key}&streams=x/y")
    client.worlds.default.faults.arm(Fault(kind=Disconnect(), match=Match(event="ORDER_TRADE_UPDATE")))
    client.buy("futures")
    assert not socket.link.open
    assert [each["orderId"] for each in client.good("GET", "/fapi/v1/openOrders")]

"""Every question as a request, every answer as meanings; and that nothing but reading is ever asked for."""

import json
import subprocess
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from exchstream.core.venue import (
    Balances,
    Bucket,
    Clock,
    Fills,
    FillView,
    Holdings,
    MarketList,
    Markets,
    Memory,
    More,
    NewCredential,
    OpenOrders,
    OrderById,
    OrderFills,
    Orders,
    OrderView,
    Proof,
    Question,
    Refusal,
    Refused,
    RenewCredential,
    Reply,
    Secret,
    Snapshot,
    Strange,
    Traced,
    Traces,
    Unreachable,
)
from exchstream.model import (
    Cumulative,
    FillKey,
    Liquidity,
    Market,
    OrderKey,
    OrderKind,
    OrderStatus,
    OrderType,
    Side,
    Term,
    join,
)
from exchstream.venues.binance import BinanceFutures, BinanceSpot
from exchstream.venues.binance.signing import HmacSigner

Make = Callable[..., Reply]
NOW_NS = 1_700_000_000_123_456_789
KEY = OrderKey("BTCUSDT", "42")
ALGO_KEY = OrderKey("BTCUSDT", "43", OrderKind.ALGO)
SPAN = (1_699_999_000_000_000_000, 1_700_000_000_000_000_000)
SIGNED = {"recvWindow": "5000", "timestamp": "1700000000123"}
QUESTIONS: list[Question] = [
    Clock(),
    Markets(),
    NewCredential(),
    RenewCredential(),
    OpenOrders(OrderKind.ORDER),
    OpenOrders(OrderKind.ALGO),
    OrderById(KEY),
    OrderById(ALGO_KEY),
    OrderFills(KEY),
    OrderFills(ALGO_KEY),
    OrderFills(KEY, "0:i7"),
    Fills("BTCUSDT", *SPAN),
    Fills("BTCUSDT", *SPAN, "0:i7"),
    Orders("BTCUSDT", *SPAN),
    Balances(),
]
SPOT: list[tuple[Question, str, str, dict[str, str], int]] = [
    (Clock(), "GET", "/api/v3/time", {}, 1),
    (Markets(), "GET", "/api/v3/exchangeInfo", {}, 20),
    (OpenOrders(OrderKind.ORDER), "GET", "/api/v3/openOrders", SIGNED, 80),
    (OrderById(KEY), "GET", "/api/v3/order", {"symbol": "BTCUSDT", "orderId": "42", **SIGNED}, 4),
    (
        OrderFills(KEY),
        "GET",
        "/api/v3/myTrades",
        {"symbol": "BTCUSDT", "orderId": "42", "fromId": "0", "limit": "1000", **SIGNED},
        5,
    ),
    (Balances(), "GET", "/api/v3/account", {"omitZeroBalances": "true", **SIGNED}, 20),
    (
        Fills("BTCUSDT", *SPAN),
        "GET",
        "/api/v3/myTrades",
        {"symbol": "BTCUSDT", "startTime": "1699999000000", "endTime": "1700000000000", "limit": "1000", **SIGNED},
        20,
    ),
    (
        Orders("BTCUSDT", *SPAN, "0:i43"),
        "GET",
        "/api/v3/allOrders",
        {"symbol": "BTCUSDT", "orderId": "43", "limit": "1000", **SIGNED},
        20,
    ),
]
FUTURES: list[tuple[Question, str, str, dict[str, str], int]] = [
    (Clock(), "GET", "/fapi/v1/time", {}, 1),
    (Markets(), "GET", "/fapi/v1/exchangeInfo", {}, 1),
    (NewCredential(), "POST", "/fapi/v1/listenKey", {}, 1),
    (RenewCredential(), "PUT", "/fapi/v1/listenKey", {}, 1),
    (OpenOrders(OrderKind.ORDER), "GET", "/fapi/v1/openOrders", SIGNED, 40),
    (OpenOrders(OrderKind.ALGO), "GET", "/fapi/v1/openAlgoOrders", SIGNED, 40),
    (OrderById(KEY), "GET", "/fapi/v1/order", {"symbol": "BTCUSDT", "orderId": "42", **SIGNED}, 1),
    (OrderById(ALGO_KEY), "GET", "/fapi/v1/algoOrder", {"algoId": "43", **SIGNED}, 1),
    (Balances(), "GET", "/fapi/v3/positionRisk", SIGNED, 5),
    (
        Traces(*SPAN, "2"),
        "GET",
        "/fapi/v1/income",
        {
            "incomeType": "COMMISSION",
            "startTime": "1699999000000",
            "endTime": "1700000000000",
            "limit": "1000",
            "page": "2",
            **SIGNED,
        },
        30,
    ),
    (
        Fills("BTCUSDT", *SPAN, "0:i7"),
        "GET",
        "/fapi/v1/userTrades",
        {"symbol": "BTCUSDT", "fromId": "7", "limit": "1000", **SIGNED},
        5,
    ),
    (
        Orders("BTCUSDT", *SPAN, "1:i9"),
        "GET",
        "/fapi/v1/allAlgoOrders",
        {"symbol": "BTCUSDT", "algoId": "9", "limit": "500", **SIGNED},
        5,
    ),
]


def check(
    venue: BinanceSpot | BinanceFutures, row: tuple[Question, str, str, dict[str, str], int], secret: str
) -> None:
    question, method, path, params, weight = row
    request = venue.request(question, Memory(), NOW_NS)
    split = urlsplit(request.target)
    found = dict(parse_qsl(split.query))
    signature = found.pop("signature", None)
    assert (method, path, params, weight) == (request.method, split.path, found, request.weight)
    assert request.body == b""
    if params:
        payload = split.query.rpartition("&signature=")[0]
        assert HmacSigner(Secret(secret)).sign(payload.encode()) == signature
        assert {"X-MBX-APIKEY": venue.api_key.reveal()} == dict(request.headers)
    elif method == "GET":
        assert dict(request.headers) == {}


@pytest.mark.parametrize("row", SPOT, ids=lambda row: f"{type(row[0]).__name__} {row[1]} {row[2]}")
def test_spot_requests(spot: BinanceSpot, row: Any) -> None:
    """Path, parameters, weight and signature of each question are the documented ones."""
    check(spot, row, "secret-of-spot")


@pytest.mark.parametrize("row", FUTURES, ids=lambda row: f"{type(row[0]).__name__} {row[1]} {row[2]}")
def test_futures_requests(futures: BinanceFutures, row: Any) -> None:
    """Path, parameters, weight and signature of each question are the documented ones."""
    check(futures, row, "secret-of-futures")


def test_listen_key_requests(classic: BinanceSpot, memory: Memory) -> None:
    """They carry the key in the header, no signature and no time; only a renewal on spot names the listen key."""
    new, renew = (classic.request(question, memory, NOW_NS) for question in (NewCredential(), RenewCredential()))
    assert memory.credential is not None
    key = memory.credential.value.reveal()
    assert (new.method, new.target, new.weight) == ("POST", "/api/v3/userDataStream", 2)
    assert ("PUT", f"/api/v3/userDataStream?listenKey={key}", 2) == (renew.method, renew.target, renew.weight)
    assert {"X-MBX-APIKEY": "key-of-spot"} == dict(new.headers) == dict(renew.headers)


ALLOWED = {
    ("GET", "/api/v3/time"),
    ("GET", "/api/v3/exchangeInfo"),
    ("GET", "/api/v3/openOrders"),
    ("GET", "/api/v3/order"),
    ("GET", "/api/v3/allOrders"),
    ("GET", "/api/v3/myTrades"),
    ("GET", "/api/v3/myAllocations"),
    ("GET", "/api/v3/account"),
    ("POST", "/api/v3/userDataStream"),
    ("PUT", "/api/v3/userDataStream"),
    ("GET", "/fapi/v1/time"),
    ("GET", "/fapi/v1/exchangeInfo"),
    ("GET", "/fapi/v1/openOrders"),
    ("GET", "/fapi/v1/openAlgoOrders"),
    ("GET", "/fapi/v1/order"),
    ("GET", "/fapi/v1/algoOrder"),
    ("GET", "/fapi/v1/allOrders"),
    ("GET", "/fapi/v1/allAlgoOrders"),
    ("GET", "/fapi/v1/userTrades"),
    ("GET", "/fapi/v3/positionRisk"),
    ("POST", "/fapi/v1/listenKey"),
    ("PUT", "/fapi/v1/listenKey"),
}


def test_nothing_but_reading_is_asked_for(memory: Memory) -> None:
    """Every request that any account can make stands on the list: no order is placed or cancelled, no key deleted."""
    keys: dict[str, Any] = {"api_key": "k", "api_secret": "s"}
    spot = BinanceSpot(**keys, user_data="listen-key", allocations=True)
    futures = BinanceFutures(**keys)
    requests = [venue.request(question, memory, NOW_NS) for venue in (spot, futures) for question in QUESTIONS]
    requests.append(spot.request(Fills("BTCUSDT", *SPAN, "1:t5"), memory, NOW_NS))
    requests.append(futures.request(Orders("BTCUSDT", *SPAN, "1:t5"), memory, NOW_NS))
    assert {(request.method, urlsplit(request.target).path) for request in requests} == ALLOWED


def test_only_subscriptions_are_sent_on_the_socket(spot: BinanceSpot) -> None:
    """The methods of all frames are those that subscribe, log on and ask for the session's status."""
    logon = BinanceSpot(api_key="k", private_key=ed25519(), logon=True)
    frames = [text for venue in (spot, logon) for _, text in venue.greet(venue.plan.lanes[0], Memory(), NOW_NS)]
    frames += [logon.plan.lanes[0].heartbeat or ""]
    methods = [json.loads(frame)["method"] for frame in frames]
    assert methods == [
        "userDataStream.subscribe.signature",
        "session.logon",
        "userDataStream.subscribe",
        "session.status",
    ]


def ed25519() -> str:
    made = subprocess.run(["openssl", "genpkey", "-algorithm", "ED25519"], capture_output=True, check=True, text=True)
    return made.stdout


def test_greetings_are_signed_anew(spot: BinanceSpot) -> None:
    """Tag, timestamp and signature are of the moment; tags fit the 36 characters of an id."""
    (early,) = spot.greet(spot.plan.lanes[0], Memory(), NOW_NS)
    (late,) = spot.greet(spot.plan.lanes[0], Memory(), NOW_NS + 5_000_000_000)
    frame = json.loads(late[1])
    payload = "apiKey=key-of-spot&recvWindow=5000&timestamp=1700000005123"

    assert HmacSigner(Secret("secret-of-spot")).sign(payload.encode()) == frame["params"]["signature"]
    assert early[0] != late[0] == frame["id"]
    assert len(late[0]) <= 36


def test_logon_greets_in_two_frames() -> None:
    """First the signed logon, then a subscription without any parameter; each has its tag."""
    venue = BinanceSpot(api_key="k", private_key=ed25519(), logon=True)
    frames = [(tag, json.loads(text)) for tag, text in venue.greet(venue.plan.lanes[0], Memory(), NOW_NS)]
    assert [frame["method"] for _, frame in frames] == ["session.logon", "userDataStream.subscribe"]
    assert {"apiKey", "recvWindow", "timestamp", "signature"} == set(frames[0][1]["params"])
    assert "params" not in frames[1][1]
    assert [tag for tag, _ in frames] == [frame["id"] for _, frame in frames]
    refused = b'{"id":"subscribe-1","status":400,"error":{"code":-1193,"msg":"not authenticated"}}'
    told = venue.read(venue.plan.lanes[0], [refused], Memory())
    assert [meaning.how for meaning in told if isinstance(meaning, Refused)] == [Refusal.TRANSIENT]


def test_dialling(spot: BinanceSpot, classic: BinanceSpot, futures: BinanceFutures, memory: Memory) -> None:
    """The URLs are the documented ones, futures always with the explicit list of events; none is shown."""
    assert memory.credential is not None
    key = memory.credential.value.reveal()
    events = "ORDER_TRADE_UPDATE/ACCOUNT_UPDATE/TRADE_LITE/ALGO_UPDATE/ACCOUNT_CONFIG_UPDATE/MARGIN_CALL"
    events += "/STRATEGY_UPDATE/GRID_UPDATE/CONDITIONAL_ORDER_TRIGGER_REJECT/listenKeyExpired"
    testnet = BinanceFutures(api_key="k", api_secret="s", environment="testnet")
    for venue, expected in (
        (spot, "wss://ws-api.binance.com:443/ws-api/v3"),
        (classic, f"wss://stream.binance.com:9443/ws/{key}"),
        (futures, f"wss://fstream.binance.com/private/ws?listenKey={key}&events={events}"),
        (testnet, f"wss://stream.binancefuture.com/ws/{key}"),
    ):
        address = venue.dial(venue.plan.lanes[0], memory)
        assert expected == address.url
        assert key not in repr(address)


def test_plans(spot: BinanceSpot, classic: BinanceSpot, futures: BinanceFutures) -> None:
    """Proofs, id spaces, reaches and budgets are the venue's; a silent lane is noticed in time."""
    assert [v.plan.lanes[0].proof for v in (spot, classic, futures)] == [Proof.ACK, Proof.OPEN, Proof.OPEN]
    assert (
        ()
        == tuple(classic.greet(classic.plan.lanes[0], Memory(), 0))
        == tuple(futures.greet(futures.plan.lanes[0], Memory(), 0))
    )
    assert spot.plan.kinds == (OrderKind.ORDER,)
    assert futures.plan.kinds == (OrderKind.ORDER, OrderKind.ALGO)
    for venue, seconds, limit in ((spot, 60, 6000), (futures, 90, 2400)):
        audit = venue.plan.audit
        assert audit.every_ns + audit.grace_ns < seconds * 10**9
        assert venue.plan.lanes[0].silence_ns <= seconds * 10**9
        weight = Bucket("REQUEST_WEIGHT", limit, 60 * 10**9)
        assert venue.buckets == (weight, Bucket("CONNECTIONS", 300, 300 * 10**9))
        assert venue.plan.lanes[0].name == "user-data"
    assert (spot.name, futures.name) == ("binance-spot", "binance-futures")


# ---------------------------------------------------------------------------------------------------- answers


def test_spot_markets(spot: BinanceSpot, reply: Make, fixture: Callable[[str], str]) -> None:
    """A market has its unified name and step; a bad one is told and loses no other."""
    body = json.loads(fixture("binance_spot/exchange_info.json"))
    body["symbols"].append({"symbol": "BAD", "baseAsset": None})
    listed, strange = spot.answer(Markets(), reply(json.dumps(body)), Memory())
    assert MarketList({"ETHBTC": Market("ETHBTC", "ETH/BTC", "ETH", "BTC", step=Decimal("0.001"))}) == listed
    assert isinstance(strange, Strange)


@pytest.mark.parametrize(
    ("contract", "delivery", "expected"),
    [
        ("PERPETUAL", 4133404800000, "BTC/USDT:USDT"),
        ("TRADIFI_PERPETUAL", 4133404800000, "BTC/USDT:USDT"),
        ("", 0, "BTC/USDT:USDT"),
        ("CURRENT_QUARTER", 1774598400000, "BTC/USDT:USDT-260327"),
    ],
)
def test_linear_markets(futures: BinanceFutures, reply: Make, contract: str, delivery: int, expected: str) -> None:
    """A perpetual is named by what it settles in, a dated future by its day of delivery too."""
    row: dict[str, Any] = {"symbol": "BTCUSDT", "baseAsset": "BTC", "quoteAsset": "USDT", "marginAsset": "USDT"}
    row |= {"contractType": contract, "deliveryDate": delivery}
    row["filters"] = [{"filterType": "LOT_SIZE", "stepSize": "0.001"}]
    told = futures.answer(Markets(), reply(json.dumps({"symbols": [row]})), Memory())
    market = Market("BTCUSDT", expected, "BTC", "USDT", "USDT", Decimal("0.001"))
    assert [MarketList({"BTCUSDT": market})] == told
    assert not market.spot


def spot_order(number: int, **changes: Any) -> dict[str, Any]:
    row = {"symbol": "BTCUSDT", "orderId": number, "clientOrderId": "mine", "price": "0.1", "origQty": "1.0"}
    row |= {"executedQty": "0.5", "cummulativeQuoteQty": "0.05", "status": "PARTIALLY_FILLED", "timeInForce": "GTC"}
    row |= {"type": "LIMIT", "side": "BUY", "stopPrice": "0.0", "time": 1699999999000, "updateTime": 1699999999500}
    return {**row, **changes}


def test_open_orders_of_spot(spot: BinanceSpot, reply: Make) -> None:
    """Each row is a view with the version of its update time; then comes the word that these are all."""
    body = json.dumps([spot_order(1), spot_order(2, status="NEW")])
    first, second, snapshot = spot.answer(OpenOrders(OrderKind.ORDER), reply(body), Memory())
    assert isinstance(first, OrderView)
    assert isinstance(second, OrderView)
    assert Term(Decimal("0.1"), 1699999999500_000_000) == first.state.price
    assert Cumulative(Decimal("0.5"), quote=Decimal("0.05")) == first.state.cumulative
    assert spot_order(1) == json.loads(first.raw)
    assert Snapshot(OrderKind.ORDER, frozenset({OrderKey("BTCUSDT", "1"), OrderKey("BTCUSDT", "2")})) == snapshot
    assert [Snapshot(OrderKind.ORDER, frozenset())] == spot.answer(OpenOrders(OrderKind.ORDER), reply("[]"), Memory())


def test_a_bad_open_order_stays_in_the_snapshot(spot: BinanceSpot, reply: Make) -> None:
    """A row that cannot be read is strange and named, yet open; one without a name makes the snapshot impossible."""
    ask = OpenOrders(OrderKind.ORDER)
    told = spot.answer(ask, reply(json.dumps([spot_order(1, origQty="NaN"), spot_order(2)])), Memory())
    assert [Strange, Unreachable, OrderView, Snapshot] == [type(meaning) for meaning in told]
    assert {"1", "2"} == {key.order_id for m in told if isinstance(m, Snapshot) for key in m.keys}
    nameless = spot.answer(ask, reply(json.dumps([{}, spot_order(2)])), Memory())
    assert [Strange, Unreachable, OrderView, Refused] == [type(meaning) for meaning in nameless]


def test_stream_and_rest_say_the_same_of_an_order(spot: BinanceSpot, reply: Make) -> None:
    """A REST row joined to the event of the same change shows nothing new."""

    row = spot_order(42, status="FILLED", executedQty="1.0", cummulativeQuoteQty="0.1")
    event = {"e": "executionReport", "s": "BTCUSDT", "i": 42, "c": "mine", "S": "BUY", "o": "LIMIT", "f": "GTC"}
    event |= {"q": "1.00000000", "p": "0.10000000", "P": "0.0", "C": "", "x": "TRADE", "X": "FILLED", "r": "NONE"}
    event |= {"l": "0.5", "z": "1.00000000", "L": "0.1", "n": "0", "N": None, "T": 1699999999500, "t": 3, "I": 9}
    event |= {"O": 1699999999000, "Z": "0.10000000", "Y": "0.05", "m": True}
    live = spot.read(spot.plan.lanes[0], [json.dumps({"event": event}).encode()], Memory())[1]
    (asked,) = spot.answer(OrderById(KEY), reply(json.dumps(row)), Memory())
    assert isinstance(live, OrderView)
    assert isinstance(asked, OrderView)
    assert live.state.visible() == join(live.state, asked.state).visible() == asked.state.visible()


def test_spot_executions(spot: BinanceSpot, reply: Make, fixture: Callable[[str], str]) -> None:
    """The documentation's row has the same key and words as the stream would have given it."""
    told, more = spot.answer(OrderFills(KEY), reply(fixture("binance_spot/my_trades.json")), Memory())
    assert More(OrderFills(KEY, "0:i28458")) == more
    assert isinstance(told, FillView)
    execution = told.execution
    assert FillKey("BNBBTC", "28457", "100234") == execution.key
    assert (Side.BUY, Liquidity.TAKER, Decimal("10.1"), "BNB") == (
        execution.side,
        execution.liquidity,
        execution.fee,
        execution.fee_asset,
    )
    assert execution.time_ns == 1499865549590_000_000


def test_futures_executions(futures: BinanceFutures, reply: Make, fixture: Callable[[str], str]) -> None:
    """The commission is taken with the sign that it has."""
    told, more = futures.answer(OrderFills(KEY), reply(fixture("binance_futures/user_trades.json")), Memory())
    assert More(OrderFills(KEY, "0:i698760")) == more
    assert isinstance(told, FillView)
    assert FillKey("BTCUSDT", "698759", "25851813") == told.execution.key
    assert (Side.SELL, Decimal("-0.0781901")) == (told.execution.side, told.execution.fee)


def test_futures_orders(futures: BinanceFutures, reply: Make, fixture: Callable[[str], str]) -> None:
    """A trailing stop's stop price is ignored, zeros are absence."""
    (told,) = futures.answer(OrderById(KEY), reply(fixture("binance_futures/order_query.json")), Memory())
    assert isinstance(told, OrderView)
    state = told.state
    assert (state.type, state.price, state.stop_price, state.status) == (
        OrderType.TRAILING_STOP,
        None,
        None,
        OrderStatus.NEW,
    )
    assert state.created_ns == 1579276756075_000_000


def test_algo_orders_of_rest(futures: BinanceFutures, reply: Make) -> None:
    """A conditional order's row speaks of the same order as the stream, with its child."""
    row = {
        "algoId": 43,
        "clientAlgoId": "x",
        "algoType": "CONDITIONAL",
        "orderType": "STOP_MARKET",
        "symbol": "BTCUSDT",
    }
    row |= {"side": "SELL", "positionSide": "BOTH", "timeInForce": "GTC", "quantity": "", "algoStatus": "TRIGGERED"}
    row |= {"actualOrderId": "991", "actualPrice": "0.0", "triggerPrice": "750.0", "price": "0", "reduceOnly": True}
    row |= {"createTime": 1699999990000, "updateTime": 1699999999000}
    (one,) = futures.answer(OrderById(ALGO_KEY), reply(json.dumps(row)), Memory())
    assert isinstance(one, OrderView)
    assert (
        one.state.key,
        one.state.status,
        one.state.child_order_id,
        one.state.quantity,
    ) == (ALGO_KEY, OrderStatus.TRIGGERED, "991", None)
    told = futures.answer(
        OpenOrders(OrderKind.ALGO), reply(json.dumps([row, {**row, "algoId": 44, "price": "x"}])), Memory()
    )
    keys = frozenset({ALGO_KEY, OrderKey("BTCUSDT", "44", OrderKind.ALGO)})
    assert Snapshot(OrderKind.ALGO, keys) == told[-1]


def test_spot_balances(spot: BinanceSpot, reply: Make) -> None:
    """Free and locked are one sum, zeros are left out, a bad row is named and loses no other."""
    rows = [{"asset": "BTC", "free": "1.5", "locked": "0.5"}, {"asset": "OLD", "free": "0.0", "locked": "0.0"}]
    told = spot.answer(Balances(), reply(json.dumps({"balances": rows})), Memory())
    assert [Holdings({"BTC": Decimal(2)})] == told
    rows.append({"asset": "ETH", "free": "NaN", "locked": "0"})
    told = spot.answer(Balances(), reply(json.dumps({"balances": rows})), Memory())
    assert [Strange, Unreachable, Holdings] == [type(meaning) for meaning in told]
    assert Holdings({"BTC": Decimal(2)}) == told[2]


def test_futures_positions(futures: BinanceFutures, reply: Make) -> None:
    """Symbols with a position are known by it, short ones and opposite ones of hedge mode too."""
    amounts = [("BTCUSDT", "-0.1"), ("ETHUSDT", "0.000"), ("SOLUSDT", "5"), ("SOLUSDT", "-5")]
    rows = [{"symbol": symbol, "positionAmt": amount} for symbol, amount in amounts]
    told = futures.answer(Balances(), reply(json.dumps(rows)), Memory())
    assert [Holdings({"BTCUSDT": Decimal("-0.1")}, frozenset({"BTCUSDT", "SOLUSDT"}))] == told


def test_traces_of_what_was_traded(futures: BinanceFutures, reply: Make) -> None:
    """The symbols of the rows; pages are read up to an empty one, for a short one need not be the last, or so many."""
    asked = Traces(*SPAN)
    rows = [{"symbol": "BTCUSDT", "incomeType": "COMMISSION", "income": "-0.01", "tranId": 1}, {"symbol": ""}]
    found, page = Traced(frozenset({"BTCUSDT"})), reply(json.dumps(rows))
    assert futures.answer(asked, page, Memory()) == [found, More(Traces(*SPAN, "2"))]
    assert futures.answer(Traces(*SPAN, "99"), page, Memory()) == [found, More(Traces(*SPAN, "100"))]
    assert futures.answer(Traces(*SPAN, "100"), page, Memory()) == [found]
    assert futures.answer(asked, reply("[]"), Memory()) == [Traced(frozenset())]
    (refused,) = futures.answer(asked, reply('{"rows":[]}'), Memory())
    assert isinstance(refused, Refused)

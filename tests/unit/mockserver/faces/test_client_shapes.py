"""What clients that nobody here wrote ask for: the forms of the user stream, and the calls they make at start."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from mockserver.faces.base import HttpRequest
from tests.unit.mockserver.faces.binance_client import Client, Socket
from tests.unit.mockserver.faces.ftx_client import Client as FtxClient

Form = Callable[[Client, str], Socket]


def by_signature(client: Client, key: str) -> Socket:
    return client.subscribed()


def at(target: str, *, names: bool = False) -> Form:
    """A socket at an address with the listen key in it, or with `SUBSCRIBE`."""

    def opened(client: Client, key: str) -> Socket:
        socket = client.socket(target.format(key=key))
        if names:
            assert socket.ask({"method": "SUBSCRIBE", "params": [key], "id": 1}) == [{"result": None, "id": 1}]
        return socket

    return opened


RAW, WRAPPED, API = "raw", "wrapped", "api"
SPOT, FUTURES = "binance-spot", "binance-futures"
EVENTS = "ORDER_TRADE_UPDATE/ACCOUNT_UPDATE"
# Number in the table of the research, venue, form, envelope, and in which profiles it tells anything.
FORMS: list[tuple[int, str, Form, str, set[str]]] = [
    (1, SPOT, by_signature, API, {"2026", "2024"}),
    (2, FUTURES, at("/private/ws?listenKey={key}"), RAW, {"2026"}),
    (3, FUTURES, at(f"/private/ws?listenKey={{key}}&events={EVENTS}"), RAW, {"2026"}),
    (4, FUTURES, at("/private/stream?listenKey={key}"), WRAPPED, {"2026"}),
    (5, FUTURES, at("/private/stream", names=True), WRAPPED, {"2026"}),
    (6, FUTURES, at("/binance-futures/ws/{key}"), RAW, {"2024"}),
    (6, SPOT, at("/binance-spot/ws/{key}"), RAW, {"2024"}),
    (7, FUTURES, at("/binance-futures/ws", names=True), RAW, {"2024"}),
    (7, SPOT, at("/binance-spot/ws", names=True), RAW, {"2024"}),
    (8, FUTURES, at("/binance-futures/stream?streams={key}"), WRAPPED, {"2024"}),
    (8, SPOT, at("/binance-spot/stream?streams={key}"), WRAPPED, {"2024"}),
]


def key_of(client: Client, venue: str, profile: str) -> str:
    """A listen key, where there is such a thing."""
    if venue == SPOT and profile == "2026":
        return "A" * 64
    path = "/api/v3/userDataStream" if venue == SPOT else "/fapi/v1/listenKey"
    return str(json.loads(client.raw("POST", path).body)["listenKey"])


@pytest.mark.parametrize("profile", ["2026", "2024"])
@pytest.mark.parametrize(("number", "venue", "form", "envelope", "tells"), FORMS)
def test_forms_of_the_user_stream(
    number: int, venue: str, form: Form, envelope: str, tells: set[str], profile: str
) -> None:
    """Each carries an order in its envelope in its era; in the other it opens and is silent, or is not there."""
    client = Client(f"binance-{profile}")
    key = key_of(client, venue, profile)
    if number in (2, 3, 4, 5) and profile == "2024":
        assert client.worlds.connect(HttpRequest("GET", "/private/ws"), None) is None  # type: ignore[arg-type]
        return
    socket = form(client, key)
    client.buy("spot" if venue == SPOT else "futures")
    told = socket.take()

    assert bool(told) == (profile in tells)
    for each in told:
        match envelope:
            case "api":
                assert list(each) == ["subscriptionId", "event"]
                event = each["event"]
            case "wrapped":
                assert (list(each), each["stream"]) == (["stream", "data"], key)
                event = each["data"]
            case _:
                event = each
        assert "e" in event
    orders = {"executionReport", "ORDER_TRADE_UPDATE"}
    assert bool(told) == any(orders & {name for _, name in _words(each)} for each in told)


def _words(value: Any) -> list[tuple[str, Any]]:
    inner = value.get("event", value.get("data", value))
    return [("e", inner["e"])]


def test_nothing_is_heard_where_no_events_are_named_if_so_set() -> None:
    """The setting `events_default`: sources disagree on what production does."""
    client = Client()
    key = key_of(client, FUTURES, "2026")
    client.futures.settings.options["events_default"] = "none"
    sockets = [client.socket(f"/private/ws?listenKey={key}{more}") for more in ("", f"&events={EVENTS}")]
    client.buy("futures")
    assert [bool(socket.take()) for socket in sockets] == [False, True]


# ------------------------------------------------------------------------------------------------ calls

PUBLIC = (
    "/api/v3/ping",
    "/api/v3/time",
    "/api/v3/exchangeInfo",
    "/api/v3/depth?symbol=BTCUSDT",
    "/api/v3/ticker/price",
    "/api/v3/ticker/bookTicker",
    "/api/v3/ticker/24hr",
    "/api/v3/klines?symbol=BTCUSDT&interval=1m",
    "/api/v3/aggTrades?symbol=BTCUSDT",
    "/fapi/v1/ping",
    "/fapi/v1/time",
    "/fapi/v1/exchangeInfo",
    "/fapi/v1/depth?symbol=BTCUSDT",
    "/fapi/v1/premiumIndex",
    "/fapi/v1/ticker/price",
    "/fapi/v1/ticker/bookTicker",
    "/fapi/v1/ticker/24hr",
    "/fapi/v1/klines?symbol=BTCUSDT&interval=1m",
    "/fapi/v1/aggTrades?symbol=BTCUSDT",
    "/dapi/v1/exchangeInfo",
    "/sapi/v1/capital/config/getall",
    "/sapi/v1/margin/allPairs",
    "/sapi/v1/margin/isolated/allPairs",
    "/sapi/v1/system/status",
)
SIGNED: tuple[tuple[str, dict[str, str]], ...] = (
    ("/api/v3/account", {}),
    ("/api/v3/openOrders", {}),
    ("/api/v3/allOrders", {"symbol": "BTCUSDT"}),
    ("/api/v3/myTrades", {"symbol": "BTCUSDT"}),
    ("/sapi/v1/asset/tradeFee", {}),
    ("/fapi/v1/openOrders", {}),
    ("/fapi/v1/allOrders", {"symbol": "BTCUSDT"}),
    ("/fapi/v1/userTrades", {"symbol": "BTCUSDT"}),
    ("/fapi/v2/account", {}),
    ("/fapi/v3/account", {}),
    ("/fapi/v2/balance", {}),
    ("/fapi/v3/balance", {}),
    ("/fapi/v2/positionRisk", {}),
    ("/fapi/v3/positionRisk", {}),
    ("/fapi/v1/leverageBracket", {}),
    ("/fapi/v1/symbolConfig", {}),
    ("/fapi/v1/positionSide/dual", {}),
    ("/fapi/v1/multiAssetsMargin", {}),
    ("/fapi/v1/commissionRate", {"symbol": "BTCUSDT"}),
    ("/fapi/v1/accountConfig", {}),
)


@pytest.mark.parametrize("path", PUBLIC)
def test_public_calls(path: str) -> None:
    """Answered with 200 and JSON, without a key too."""
    assert isinstance(Client().public(path), dict | list)


@pytest.mark.parametrize(("path", "params"), SIGNED)
def test_signed_calls(path: str, params: dict[str, str]) -> None:
    """Answered with 200 and JSON."""
    assert isinstance(Client().good("GET", path, **params), dict | list)


def test_the_configuration_of_a_futures_account() -> None:
    """The fields of the USD-M page."""
    told = Client().good("GET", "/fapi/v1/accountConfig")
    names = "feeTier canTrade canDeposit canWithdraw dualSidePosition updateTime multiAssetsMargin tradeGroupId"
    assert list(told) == names.split()


def test_candles() -> None:
    """Of the trades that the mock has kept: open, high, low, close, volume; twelve fields; of an empty time none."""
    client = Client()
    for path, exchange in (("/api/v3/klines", client.spot), ("/fapi/v1/klines", client.futures)):
        order = client.buy("spot" if exchange is client.spot else "futures", quantity="0.03")
        for size in ("0.01", "0.02"):
            client.fill(exchange, int(order["orderId"]), size)
        (candle,) = client.public(f"{path}?symbol=BTCUSDT&interval=1m")
        assert len(candle) == 12
        assert [float(value) for value in candle[1:6]] == [50_000, 50_000, 50_000, 50_000, 0.03]
        assert (candle[0] % 60_000, candle[6] - candle[0], candle[8]) == (0, 59_999, 2)
        response = client.raw("GET", f"{path}?symbol=BTCUSDT&interval=7m")
        assert json.loads(response.body)["code"] == -1120


FTX = "coins markets futures account positions orders fills wallet/balances"


@pytest.mark.parametrize("path", FTX.split())
def test_ftx_calls(path: str) -> None:
    """Answered in the envelope of a success."""
    status, result = FtxClient().call("GET", f"/{path}")
    assert (status, isinstance(result, dict | list)) == (200, True)


def test_candles_without_trades_are_flat() -> None:
    """From the first trade until now there is one for each time, and none before; they page as listings do."""
    client = Client()
    order = client.buy(quantity="0.03")
    client.fill(client.spot, int(order["orderId"]), "0.01")
    client.advance(180)
    client.fill(client.spot, int(order["orderId"]), "0.01")
    rows = client.public("/api/v3/klines?symbol=BTCUSDT&interval=1m")
    assert [row[8] for row in rows] == [1, 0, 0, 1]
    assert [b[0] - a[0] for a, b in pairwise(rows)] == [60_000] * 3
    assert (rows[1][1:6], rows[1][4]) == ([rows[0][4]] * 4 + ["0.00000000"], "50000.00000000")
    later = f"&startTime={rows[1][0]}"
    assert client.public(f"/api/v3/klines?symbol=BTCUSDT&interval=1m{later}&limit=2") == rows[1:3]
    assert client.public("/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1") == rows[3:]

"""Counting: what is kept of the past is bounded, whoever asks."""

import json
from urllib.parse import urlencode

import pytest

from mockserver.faces.base import HttpRequest, HttpResponse
from mockserver.faces.binance import limits
from mockserver.faces.binance.errors import Refused
from mockserver.faces.binance.spot import SpotFace
from mockserver.link import NoTransport

from .binance_client import Client

MINUTE_MS = 60_000


def spent(counts: limits.Limits, owner: str, now_ms: int) -> int:
    """The status with which the owner's next request is refused."""
    with pytest.raises(Refused) as caught:
        counts.charge(owner, 1, now_ms)
    return caught.value.refusal.status


def test_counters_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """More owners than there is room for: those of an earlier minute are forgotten, then the oldest of this one."""
    monkeypatch.setattr(limits, "MAX_COUNTERS", 3)
    counts = limits.Limits(100, ())
    for owner in ("a", "b"):
        counts.charge(owner, 5, 0)
    for owner in ("c", "d"):
        counts.charge(owner, 7, MINUTE_MS)
    assert [counts.used(owner, MINUTE_MS) for owner in ("c", "d")] == [7, 7]
    for owner in ("e", "f"):
        counts.charge(owner, 9, MINUTE_MS)
    assert [counts.used(owner, MINUTE_MS) for owner in ("f", "e", "d")] == [9, 9, 7]
    assert counts.used("c", MINUTE_MS) == 0


def test_bans_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """More bans than there is room for: those that are over are forgotten, then the oldest."""
    monkeypatch.setattr(limits, "MAX_COUNTERS", 2)
    monkeypatch.setattr(limits, "STUBBORN_REQUESTS", 0)
    counts = limits.Limits(0, (), "ip")
    assert [spent(counts, owner, 0) for owner in ("a", "b")] == [418, 418]
    assert spent(counts, "c", 1) == 418
    counts.weight_limit = 100
    counts.charge("a", 1, 1)  # the oldest ban has made room
    assert [spent(counts, owner, limits.BAN_MS - 1) for owner in ("b", "c")] == [418, 418]
    counts.charge("b", 1, limits.BAN_MS)
    assert spent(counts, "c", limits.BAN_MS) == 418


def spot_limits(client: Client) -> limits.Limits:
    """The counters of spot."""
    assert isinstance(client.spot.face, SpotFace)
    return client.spot.face.limits


def opened(client: Client, target: str, peer: str = "127.0.0.1") -> int:
    """The status of a handshake."""
    answer = client.worlds.connect(HttpRequest("GET", target, peer=peer), NoTransport())
    return answer.status if isinstance(answer, HttpResponse) else 101


@pytest.mark.parametrize(
    ("params", "weight"),
    [
        ({"symbol": "BTCUSDT"}, 2),
        ({"symbols": json.dumps(["BTCUSDT"] * 20)}, 2),
        ({"symbols": json.dumps(["BTCUSDT"] * 21)}, 40),
        ({"symbols": json.dumps(["BTCUSDT"] * 101)}, 80),
        ({}, 80),
    ],
)
def test_the_ticker_of_a_day_weighs_by_its_symbols(params: dict[str, str], weight: int) -> None:
    """As the page of the endpoint says."""
    answer = Client().raw("GET", f"/api/v3/ticker/24hr?{urlencode(params)}")
    assert (answer.status, dict(answer.headers)["x-mbx-used-weight-1m"]) == (200, str(weight))


def test_raw_requests_are_limited_per_address() -> None:
    """What a request weighs does not matter; above the limit 429 with the time to wait, then 418; futures has none."""
    client = Client(limits="ip")
    client.spot.settings.options["requests_per_5m"] = 3
    answers = [client.raw("GET", "/api/v3/ping") for _ in range(5)]
    refused = json.loads(answers[3].body)

    assert [answer.status for answer in answers] == [200, 200, 200, 429, 429]
    assert (refused["code"], refused["msg"][:62]) == (
        -1003,
        "Too many requests; current limit is 3 requests per 5 MINUTE. Please"[:62],
    )
    assert 0 < int(dict(answers[3].headers)["Retry-After"]) <= 300
    assert client.raw("GET", "/fapi/v1/ping").status == 200
    stubborn = [client.raw("GET", "/api/v3/ping").status for _ in range(limits.STUBBORN_REQUESTS)]
    assert stubborn[-1] == 418
    client.advance(300)
    assert client.raw("GET", "/api/v3/ping").status == 200


@pytest.mark.parametrize("target", ["/ws-api/v3", "/binance-spot/ws/key"])
def test_connections_are_limited_per_address(target: str) -> None:
    """Above 300 in five minutes a handshake is refused; another address, and off, and five minutes later, are not."""
    client, free = Client(limits="ip"), Client()
    statuses = [opened(client, target) for _ in range(301)]
    assert (statuses[:300], statuses[300]) == ([101] * 300, 429)
    assert {opened(free, target) for _ in range(310)} == {101}
    assert opened(client, target, "10.0.0.1") == 101
    client.advance(300)
    assert opened(client, target) == 101


def test_limits_that_are_advertised_are_those_that_are_kept() -> None:
    """`exchangeInfo` names the limits that refuse, also where they are set by hand."""
    client = Client()
    client.spot.settings.options |= {"weight_per_minute": 600, "orders_per_10s": 2, "connections_per_5m": 3}
    raw = client.public("/api/v3/exchangeInfo?symbol=BTCUSDT")["rateLimits"][-1]
    socket = client.socket("/ws-api/v3")
    (answer,) = socket.ask({"id": 1, "method": "exchangeInfo", "params": {"symbol": "BTCUSDT"}})
    connections = answer["result"]["rateLimits"][-1]

    weight, orders, *_ = answer["result"]["rateLimits"]
    kept = spot_limits(client)
    assert (weight["limit"], orders["limit"], connections["limit"]) == (600, 2, 3)
    assert (raw["rateLimitType"], raw["limit"]) == ("RAW_REQUESTS", kept.raw_limit)
    assert (connections["rateLimitType"], connections["limit"]) == ("CONNECTIONS", kept.connection_limit)


def test_limits_set_by_hand_refuse() -> None:
    """A test need not send thousands of requests to meet a limit."""
    client = Client(limits="ip")
    client.spot.settings.options |= {"weight_per_minute": 43, "orders_per_10s": 2, "connections_per_5m": 1}
    assert (opened(client, "/ws-api/v3"), opened(client, "/ws-api/v3")) == (101, 429)
    terms = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "9"}
    for _ in range(2):
        client.buy()
    assert client.bad("POST", "/api/v3/order", **terms)[:2] == (429, -1015)
    statuses = [client.raw("GET", f"/api/v3/{path}").status for path in ("exchangeInfo", "exchangeInfo", "ping")]

    assert statuses == [200, 200, 429]  # 2 of the socket, 1 of the refused order, 20 and 20


def test_a_ban_counts_down_and_each_is_longer_than_the_one_before() -> None:
    """Two minutes, four, eight, up to three days; who asks meanwhile is told how long it still lasts."""
    client = Client(limits="ip")
    client.spot.settings.options["weight_per_minute"] = 0
    for minutes in (2, 4, 8):
        for _ in range(limits.STUBBORN_REQUESTS):
            assert client.raw("GET", "/api/v3/ping").status == 429
        told = []
        for _ in range(2):
            answer = client.raw("GET", "/api/v3/ping")
            told.append((answer.status, int(dict(answer.headers)["Retry-After"])))
            client.advance(30)
        assert told == [(418, minutes * 60), (418, minutes * 60 - 30)]
        client.advance(minutes * 60)
    counts = limits.Limits(0, (), "ip")
    longest = 0
    for number in range(20):
        now_ms = number * 10 * limits.LONGEST_BAN_MS
        for _ in range(limits.STUBBORN_REQUESTS):
            assert spent(counts, "a", now_ms) == 429
        with pytest.raises(Refused) as caught:
            counts.charge("a", 1, now_ms)
        data = caught.value.refusal.data
        assert data is not None
        longest = int(str(data["retryAfter"])) - now_ms
    assert longest == limits.LONGEST_BAN_MS


@pytest.mark.parametrize("door", ["rest", "socket"])
def test_too_many_orders_say_when_to_come_back(door: str) -> None:
    """REST in its header in seconds, the WebSocket API as an epoch in milliseconds and with the account's counts."""
    client = Client(limits="account")
    terms = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    for _ in range(50):
        client.buy()
    if door == "rest":
        answer = client.raw("POST", f"/api/v3/order?{client.signed('/api/v3/order', {**terms, 'price': '50000'})}")
        assert (answer.status, json.loads(answer.body)["code"]) == (429, -1015)
        assert 0 < int(dict(answer.headers)["Retry-After"]) <= 10
        return
    socket = client.socket("/ws-api/v3")
    (told,) = socket.ask({"id": 7, "method": "order.place", "params": client.ws_params(**terms, price="50000")})
    assert (told["id"], told["status"], told["error"]["code"]) == (7, 429, -1015)
    assert 0 < told["error"]["data"]["retryAfter"] - client.stamp() <= 10_000
    assert [(each["rateLimitType"], each.get("count")) for each in told["rateLimits"]][:1] == [("ORDERS", 50)]

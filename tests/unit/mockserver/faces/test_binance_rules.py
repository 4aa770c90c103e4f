"""What every signed request must keep to: key, time, names, and the limits on weight and orders."""

import json

import pytest

from mockserver.exchange import Limits
from mockserver.faces.base import HttpRequest
from mockserver.faces.binance import limits, params
from mockserver.faces.binance.errors import Refused
from tests.unit.mockserver.faces.binance_client import Client, shape

ACCOUNT = "/api/v3/account"


def test_the_key_comes_first() -> None:
    """No key or a misshapen one is -2014, an unknown or revoked one -2015, both with 401."""
    client = Client()
    query = client.signed(ACCOUNT, {})
    for key, code in (("", -2014), ("None", -2014), ("k" * 63, -2014), ("k" * 64, -2015)):
        response = client.raw("GET", f"{ACCOUNT}?{query}", {"X-MBX-APIKEY": key})
        assert (401, code) == (response.status, json.loads(response.body)["code"])
    client.accounts["binance-spot"].revoked = True
    assert client.bad("GET", ACCOUNT) == (401, -2015, "Invalid API-key, IP, or permissions for action.")


@pytest.mark.parametrize(
    ("ahead_ms", "window", "words"),
    [
        (0, None, None),
        (999, None, None),
        (1000, None, "Timestamp for this request was 1000ms ahead of the server's time."),
        (-5000, None, None),
        (-5001, None, "Timestamp for this request is outside of the recvWindow."),
        (-50_000, "60000", None),
        (-2, "1.999", "Timestamp for this request is outside of the recvWindow."),
        (-2, "2.001", None),
    ],
)
def test_the_time_window(ahead_ms: int, window: str | None, words: str | None) -> None:
    """A timestamp may be up to a second ahead, and as old as recvWindow; microseconds are understood too."""
    for unit in (1, 1_000):
        client = Client()
        sent: dict[str, object] = {} if window is None else {"recvWindow": window}
        client.stamp = lambda client=client, unit=unit: (client.clock.now_ns // 1_000_000 + ahead_ms) * unit  # type: ignore[method-assign,misc]
        status, body = client.call("GET", ACCOUNT, **sent)
        assert (words is None, words) == (status == 200, body.get("msg"))


def test_a_window_too_large_or_misshapen_is_refused() -> None:
    """recvWindow above 60000 is -1102, one with four decimals -1100."""
    client = Client()
    assert client.bad("GET", ACCOUNT, recvWindow=60001)[1] == -1102
    assert client.bad("GET", ACCOUNT, recvWindow="5000.0001")[1] == -1100


def test_missing_wrong_and_needless_parameters() -> None:
    """Each fault of the parameters has the venue's code and words."""
    client = Client()
    unsigned = client.raw("GET", f"{ACCOUNT}?timestamp={client.stamp()}")
    missing = "Mandatory parameter 'signature' was not sent, was empty/null, or malformed."
    assert (400, {"code": -1102, "msg": missing}) == (unsigned.status, json.loads(unsigned.body))
    empty = client.raw("GET", f"{ACCOUNT}?timestamp=&signature=")
    assert "'timestamp'" in json.loads(empty.body)["msg"]
    assert client.bad("GET", ACCOUNT, foo=1) == (
        400,
        -1104,
        "Not all sent parameters were read; read '2' parameter(s) but was sent '3'.",
    )
    assert client.bad("GET", "/api/v3/order", symbol="BTCUSDT")[2] == (
        "Param 'orderId' or 'origClientOrderId' must be sent, but both were empty/null!"
    )
    assert client.bad("GET", "/api/v3/order", symbol="BTCUSDT", orderId="x")[1] == -1100
    assert client.bad("GET", "/api/v3/order", symbol="NOPE", orderId=1) == (400, -1121, "Invalid symbol.")
    assert client.bad("GET", "/api/v3/allOrders", symbol="BTCUSDT", limit=1001)[1] == -1130


@pytest.mark.parametrize(
    ("target", "code", "words"),
    [
        ("/api/v3/time?x=1", -1101, "Too many parameters; expected '0' and received '1'."),
        ("/api/v3/klines?a=1&b=1&c=1&d=1&e=1&f=1&g=1", -1101, "Too many parameters; expected '6' and received '7'."),
        (
            "/api/v3/ticker/24hr?limit=1",
            -1104,
            "Not all sent parameters were read; read '0' parameter(s) but was sent '1'.",
        ),
    ],
)
def test_more_parameters_than_the_call_has(target: str, code: int, words: str) -> None:
    """Counted before they are read; where there are not too many, one that nobody knows is not read."""
    answer = Client().raw("GET", target)
    assert (answer.status, json.loads(answer.body)) == (400, {"code": code, "msg": words})


def test_an_order_that_is_sent_by_the_wrong_method() -> None:
    """As a bot met it that sent GET for POST."""
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": 1, "price": 1}
    refused = Client().bad("GET", "/api/v3/order", **order)
    assert refused == (400, -1101, "Too many parameters; expected '6' and received '8'.")


def test_the_query_wins_and_duplicates_are_refused() -> None:
    """A name in query and body counts once, from the query; a name twice in one of them is -1101."""
    read = params.from_http(HttpRequest("POST", "/x?a=1&b=%2B+", body=b"a=2&c=3"))
    assert dict(read.values) == {"a": "1", "b": "+ ", "c": "3"}
    for target, body in (("/x?a=1&a=1", b""), ("/x", b"a=1&a=2")):
        with pytest.raises(Refused) as refused:
            params.from_http(HttpRequest("POST", target, body=body))
        assert refused.value.refusal.code == -1101
    assert dict(params.from_http(HttpRequest("GET", "/x?a=1", body=b"b=2")).values) == {"a": "1"}


def test_weights_are_counted_and_reported_even_without_limits() -> None:
    """Both headers tell the weight of the minute; a good order costs nothing since 2026, a refused one its weight."""
    client = Client()

    def used() -> dict[str, str]:
        response = client.raw("GET", "/api/v3/ping")
        return {name: value for name, value in response.headers if name.startswith("x-mbx-used")}

    assert used() == {"x-mbx-used-weight": "1", "x-mbx-used-weight-1m": "1"}
    client.good("GET", "/api/v3/openOrders")
    client.buy()
    client.bad("POST", "/api/v3/order", symbol="BTCUSDT")
    assert used()["x-mbx-used-weight-1m"] == str(1 + 80 + 0 + 1 + 1)
    client.advance(60)
    assert used()["x-mbx-used-weight-1m"] == "1"
    client.spot.settings.profile = "binance-2024"
    client.buy()
    assert used()["x-mbx-used-weight-1m"] == str(1 + 1 + 1)


@pytest.mark.parametrize("mode", ["ip", "account"])
def test_too_much_weight_is_429_and_stubbornness_418(mode: Limits) -> None:
    """Beyond 6000 a minute comes 429 with Retry-After in seconds, after going on 418 until the ban is over."""
    client = Client(limits=mode)
    for _ in range(75):
        assert client.call("GET", "/api/v3/openOrders")[0] == 200
    response = client.raw("GET", f"/api/v3/openOrders?{client.signed('/api/v3/openOrders', {})}")
    body = json.loads(response.body)
    assert (response.status, body["code"]) == (429, -1003)
    assert "current limit is 6000 request weight per 1 MINUTE" in body["msg"]
    left = 60 - client.stamp() // 1000 % 60
    assert dict(response.headers)["Retry-After"] == str(left)
    for _ in range(limits.STUBBORN_REQUESTS - 1):
        assert client.raw("GET", "/api/v3/ping").status == 429
    banned = client.raw("GET", "/api/v3/ping")
    assert banned.status == 418
    assert str(client.stamp() + limits.BAN_MS) in json.loads(banned.body)["msg"]
    client.advance(limits.BAN_MS / 1000 - 1)
    assert client.raw("GET", "/api/v3/ping").status == 418
    client.advance(1)
    assert client.raw("GET", "/api/v3/ping").status == 200


def test_limits_by_account_leave_other_keys_alone() -> None:
    """In the mode `account` one key's weight does not count for another's."""
    client = Client(limits="account")
    for _ in range(75):
        assert client.call("GET", "/api/v3/openOrders")[0] == 200
    assert client.call("GET", "/api/v3/openOrders")[0] == 429
    client.accounts["binance-spot"] = client.worlds.open_account(client.spot, "bob")
    assert client.call("GET", "/api/v3/openOrders")[0] == 200


def test_orders_are_counted_until_their_first_fill() -> None:
    """The order counters are told on success; a fill gives one back; the 51st unfilled order in 10 s is -1015."""
    client = Client(limits="account")
    target = "/api/v3/order"
    terms = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}

    def place() -> tuple[int, dict[str, str], dict[str, object]]:
        response = client.raw("POST", f"{target}?{client.signed(target, {**terms, 'price': '50000'})}")
        return response.status, dict(response.headers), json.loads(response.body)

    _, headers, first = place()
    assert (headers["x-mbx-order-count-10s"], headers["x-mbx-order-count-1d"]) == ("1", "1")
    order_id = first["orderId"]
    assert isinstance(order_id, int)
    client.fill(client.spot, order_id, "0.004")
    client.fill(client.spot, order_id, "0.004")
    assert place()[1]["x-mbx-order-count-10s"] == "1"
    for _ in range(49):
        assert place()[0] == 200
    status, headers, body = place()
    assert (status, body["code"]) == (429, -1015)
    assert body["msg"] == "Too many new orders; current limit is 50 orders per 10 SECOND."
    rates = client.good("GET", "/api/v3/rateLimit/order")
    assert [(row["limit"], row["count"]) for row in rates] == [(50, 50), (160_000, 50)]
    client.advance(10)
    assert place()[0] == 200


def test_made_up_owners_do_not_grow_memory() -> None:
    """However many addresses ask, the counters stay within their limit."""
    counted = limits.Limits(6000, limits.SPOT_ORDERS, "ip")
    for number in range(limits.MAX_COUNTERS + 50):
        counted.charge(f"10.0.0.{number}", 1, 0)
    assert len(counted._weight) == limits.MAX_COUNTERS
    counted.charge("later", 1, 60_000)
    assert counted.used("later", 60_000) == 1


def test_microseconds_on_request() -> None:
    """The header asks for microseconds in REST; a wrong unit is -1194; the shape of the answer is the same."""
    client = Client()
    plain = client.buy()
    target = "/api/v3/openOrders"
    answer = client.raw("GET", f"{target}?{client.signed(target, {})}", {"X-MBX-TIME-UNIT": "MICROSECOND"})
    (row,) = json.loads(answer.body)
    assert row["time"] == plain["transactTime"] * 1_000
    assert shape(row) == shape(client.good("GET", target)[0])
    wrong = client.raw("GET", "/api/v3/time", {"X-MBX-TIME-UNIT": "NANOSECOND"})
    assert (wrong.status, json.loads(wrong.body)["code"]) == (400, -1194)

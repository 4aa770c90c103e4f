"""FTX's REST: who may ask, what is refused in which words, and the limits."""

import json
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest

from mockserver.engine.types import Side
from mockserver.faces.base import HttpRequest, HttpResponse
from mockserver.faces.ftx import auth
from tests.unit.mockserver.faces.ftx_client import Client

ORDER = {"market": "BTC-PERP", "side": "buy", "type": "limit", "price": 30000, "size": 0.01}


def refusal(response: HttpResponse) -> tuple[int, str, str | None]:
    """Status, error and errorCode."""
    answer = json.loads(response.body)
    assert answer["success"] is False
    return response.status, answer["error"], answer.get("errorCode")


# -- signatures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["FTX", "FTXUS", "ftx"])
def test_both_header_families(prefix: str) -> None:
    """ftx.com's and ftx.us's headers are taken, in any case."""
    client = Client()

    assert client.send(client.request("GET", "/account", prefix=prefix)).status == 200


@pytest.mark.parametrize(
    ("changed", "error", "code"),
    [
        ({"key": None}, "Not logged in", "not_logged_in"),
        ({"key": "unknown"}, "Not logged in: Invalid API key", "not_logged_in"),
        ({"ts": None}, "Not logged in: Timestamp too far from current time", "not_logged_in"),
        ({"ts": "now"}, "Not logged in: Timestamp too far from current time", "not_logged_in"),
        ({"ts": "1588591511721"}, "Not logged in: Timestamp too far from current time", "not_logged_in"),
        ({"sign": "0" * 64}, "Invalid Signature", "not_logged_in"),
        ({"sign": None}, "Invalid Signature", "not_logged_in"),
        ({"subaccount": "unknown"}, "No such subaccount", None),
    ],
)
def test_bad_credentials(changed: dict[str, Any], error: str, code: str | None) -> None:
    """Each fault has its own words, all of them with status 401."""
    client = Client()

    assert refusal(client.send(client.request("GET", "/account", **changed))) == (401, error, code)


@pytest.mark.parametrize(("age", "status"), [(30_000, 200), (30_001, 401), (-30_000, 200), (-30_001, 401)])
def test_the_window(age: int, status: int) -> None:
    """A timestamp is good for thirty seconds."""
    client = Client()
    ts = str(client.clock.now_ns // 1_000_000 - age)
    sign = auth.signature(client.account.secret, auth.rest_payload(ts, "GET", "/api/account", b""))

    assert client.send(client.request("GET", "/account", ts=ts, sign=sign)).status == status


def test_a_revoked_key_is_an_invalid_key() -> None:
    """After revocation the key is as good as unknown."""
    client = Client()
    client.account.revoked = True

    assert client.call("GET", "/account") == (401, "Not logged in: Invalid API key")


@pytest.mark.parametrize("part", ["query", "body", "method"])
def test_every_raw_byte_is_signed(part: str) -> None:
    """Another order of the query, another blank in the body, another method: each breaks the signature."""
    client = Client()
    good = client.request("DELETE", "/orders?market=BTC%2FUSD&b=1", b'{"market": null}')
    target = good.target.replace("%2F", "/") if part == "query" else good.target
    body = b'{"market":null}' if part == "body" else good.body
    bad = HttpRequest("GET" if part == "method" else good.method, target, good.headers, body)

    assert client.send(good).status == 200
    assert refusal(client.send(bad))[1] == "Invalid Signature"


def test_subaccounts_are_ledgers_of_their_own() -> None:
    """A percent-encoded subaccount acts on its own orders and balances; /wallet/all_balances shows them all."""
    client = Client(subaccounts=("my desk",))
    status, order = client.call("POST", "/orders", ORDER, subaccount=quote("my desk"))

    assert status == 200
    assert client.get("/orders") == []
    assert [row["id"] for row in client.get("/orders", subaccount=quote("my desk"))] == [order["id"]]
    assert list(client.get("/wallet/all_balances")) == ["main", "my desk"]


def test_public_calls_need_no_key() -> None:
    """Market data and the time are answered without headers."""
    client = Client()
    targets = ("/time", "/coins", "/markets", "/markets/ETH/BTC", "/markets/BTC-PERP/trades", "/futures")

    statuses = {client.send(HttpRequest("GET", f"/api{target}")).status for target in targets}
    assert statuses == {200}


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_other_routes_are_not_answered(method: str) -> None:
    """A path FTX does not have, another venue's, and what the mock lacks of a market, are left to others."""
    client = Client()

    lacks = ("/api/markets/BTC-PERP/candles", "/api/markets/BTC/USD/candles", "/api/futures/BTC-PERP/stats")
    for path in ("/api/unknown", "/api/v3/time", "/fapi/v1/ping", "/", "/api", *lacks):
        assert client.worlds.handle(HttpRequest(method, path)) is None


def test_a_trailing_slash_is_no_other_route() -> None:
    """The path is signed as sent and routed without its last slash."""
    client = Client()

    assert client.call("GET", "/orders/") == (200, [])


def test_routes_are_listed() -> None:
    """The face names its routes, sockets too, for the server's 404."""
    routes = Client().exchange.face.routes

    assert {"GET /api/orders/history", "DELETE /api/orders/{order_id}", "WS /ws", "WS /ws/"} <= set(routes)


# -- parameters --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "answer"),
    [
        ("/fills?start_time=yesterday", (400, "Invalid parameter start_time")),
        ("/orders/history?end_time=1e999", (400, "Invalid parameter end_time")),
        ("/orders/history?limit=0", (400, "Invalid parameter limit")),
        ("/fills?limit=1.5", (400, "Invalid parameter limit")),
        ("/fills?orderId=x", (400, "Invalid parameter orderId")),
        ("/fills?order=desc", (400, "Invalid parameter order")),
        ("/orders/history?side=long", (400, "Invalid parameter side")),
        ("/orders/history?orderType=stop", (400, "Invalid parameter orderType")),
        ("/orders?market=XXX", (404, "No such market: XXX")),
        ("/markets/XXX/USD", (404, "No such market: XXX/USD")),
        ("/futures/BTC/USD", (404, "No such future")),
        ("/orders/17", (404, "Order not found")),
        ("/orders/seventeen", (404, "Order not found")),
        (f"/orders/{'9' * 30}", (404, "Order not found")),
        ("/orders/by_client_id/none", (404, "Order not found")),
        ("/fills?" + "a=1&" * 200, (400, "Invalid parameter query")),
    ],
)
def test_bad_questions(target: str, answer: tuple[int, str]) -> None:
    """Each bad parameter is named, unknown things are not found."""
    assert Client().call("GET", target) == answer


@pytest.mark.parametrize(
    ("changed", "answer"),
    [
        ({"market": None}, (400, "Missing parameter market")),
        ({"market": "XXX"}, (404, "No such market: XXX")),
        ({"market": 5}, (400, "Invalid parameter market")),
        ({"side": None}, (400, "Missing parameter side")),
        ({"side": "long"}, (400, "Invalid parameter side")),
        ({"type": "stop"}, (400, "Invalid parameter type")),
        ({"price": None}, (400, "Missing parameter price")),
        ({"price": 0}, (400, "Invalid price")),
        ({"price": -5}, (400, "Invalid price")),
        ({"price": 30000.5}, (400, "Invalid price")),
        ({"price": "cheap"}, (400, "Invalid parameter price")),
        ({"size": None}, (400, "Missing parameter size")),
        ({"size": 0}, (400, "Size too small")),
        ({"size": 0.00001}, (400, "Size too small")),
        ({"size": 0.00015}, (400, "Invalid parameter size")),
        ({"size": 0.0005}, (400, "Size too small for provide")),
        ({"size": 100_000_000}, (400, "Size too large")),
        ({"ioc": "yes"}, (400, "Invalid parameter ioc")),
        ({"clientId": 5}, (400, "Invalid parameter clientId")),
        ({"ioc": True, "postOnly": True}, (400, "Invalid parameter postOnly")),
        ({"reduceOnly": True}, (400, "Invalid reduce-only order")),
        ({"market": "BTC/USD", "reduceOnly": True}, (400, "Spot orders cannot be reduce-only")),
        ({"market": "BTC/USD", "size": 1000}, (400, "Not enough balances")),
        ({"market": "BTC/USD", "side": "sell", "size": 1000}, (400, "Not enough balances")),
    ],
)
def test_bad_orders(changed: dict[str, Any], answer: tuple[int, str]) -> None:
    """Each refusal is in FTX's words, and nothing is placed."""
    client = Client()

    assert client.call("POST", "/orders", {**ORDER, **changed}) == answer
    assert client.get("/orders/history") == []


def test_a_market_order_sends_its_price_as_null() -> None:
    """Without the field a market order is refused; with null it is taken."""
    client = Client()
    client.quote(Side.SELL, "38500", "1")
    order = {"market": "BTC-PERP", "side": "buy", "type": "market", "size": 0.01}

    assert client.call("POST", "/orders", order) == (400, "Missing parameter price")
    assert client.call("POST", "/orders", {**order, "price": None})[0] == 200


def test_a_small_order_may_take_but_not_rest() -> None:
    """Below the smallest size to provide, an order that crosses is taken; a post-only one is not."""
    client = Client()
    client.quote(Side.SELL, "38500", "1")

    assert client.place(price=38500, size=0.0005)[0] == 200
    assert client.place(price=38500, size=0.0005, postOnly=True) == (400, "Size too small for provide")


def test_no_margin_for_a_future() -> None:
    """An account without money may not open a position."""
    client = Client()
    client.account = client.worlds.open_account(client.exchange, "poor", balances={})

    assert client.place() == (400, "Account does not have enough margin for order.")


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'"x"', b"NaN", b"\xff"])
def test_bodies_that_are_no_object(body: bytes) -> None:
    """A body that is no JSON object is one error."""
    assert Client().call("POST", "/orders", body) == (400, "Invalid request body")


def test_a_client_id_is_used_once() -> None:
    """It is unique for all time, also after its order has ended, but only within one subaccount."""
    client = Client(subaccounts=("mm",))
    order = client.placed(clientId="mine")
    client.call("DELETE", f"/orders/{order['id']}")

    assert client.place(clientId="mine") == (400, "Duplicate client order ID")
    assert client.call("POST", "/orders", {**ORDER, "clientId": "mine"}, subaccount="mm")[0] == 200


# -- modifying and cancelling ------------------------------------------------------------------------------------------


def test_cancel_by_either_id() -> None:
    """A cancel is "queued"; a second one finds the order closed, one of a stranger's order finds none."""
    client = Client()
    first, second = client.placed(), client.placed(clientId="a/b")
    targets = (f"/orders/{first['id']}", f"/orders/by_client_id/{quote('a/b', safe='')}")

    for target in targets:
        assert client.call("DELETE", target, {}) == (200, "Order queued for cancellation")
        assert client.call("DELETE", target) == (400, "Order already closed")
    assert second["clientId"] == "a/b"
    client.account = client.worlds.open_account(client.exchange, "stranger")
    assert client.call("DELETE", targets[0]) == (404, "Order not found")


def test_cancels_may_take_their_time() -> None:
    """With a delay the order works on after the answer, a second cancel says so, and the stream tells the end."""
    client = Client()
    client.exchange.settings.options["cancel_delay_ms"] = 50
    order, other = client.placed(), client.placed()
    socket = client.socket("orders")
    target = f"/orders/{order['id']}"

    assert client.call("DELETE", target) == (200, "Order queued for cancellation")
    assert client.call("DELETE", target) == (400, "Order already queued for cancellation")
    assert client.call("POST", f"{target}/modify", {"price": 1})[1] == "Order already queued for cancellation"
    assert client.call("DELETE", "/bulk_orders", {"orderIds": [order["id"], other["id"]]}) == (200, [other["id"]])
    client.fill(order["id"], "0.004")
    client.fill(other["id"])
    client.advance(0.05)
    rows = [(message["data"]["id"], message["data"]["status"]) for message in socket.take()]
    assert rows == [(order["id"], "open"), (other["id"], "closed"), (order["id"], "closed")]


def test_cancel_all_may_choose() -> None:
    """By market and by side; `conditionalOrdersOnly` leaves ordinary orders alone."""
    client = Client()
    ids = [client.placed(market, side)["id"] for market, side in (("BTC-PERP", "buy"), ("BTC/USD", "buy"))]
    ids.append(client.placed("BTC-PERP", "sell", price=40000)["id"])

    def left(body: object) -> list[int]:
        assert client.call("DELETE", "/orders", body) == (200, "Orders queued for cancelation")
        return [row["id"] for row in reversed(client.get("/orders"))]

    assert left({"conditionalOrdersOnly": True}) == ids
    assert left({"side": "sell", "market": "BTC/USD"}) == ids
    assert left({"side": "sell"}) == ids[:2]
    assert left({"market": "BTC-PERP"}) == ids[1:2]
    assert left(None) == []
    assert client.call("DELETE", "/orders", {"side": "long"}) == (400, "Invalid parameter side")


def test_bulk_cancels_name_what_they_queued() -> None:
    """Unknown, closed and repeated ids are left out of the answer."""
    client = Client()
    first, second = client.placed(), client.placed(clientId="b")
    ids = [first["id"], first["id"], 17, "x"]

    assert client.call("DELETE", "/bulk_orders", {"orderIds": ids}) == (200, [first["id"]])
    sent = {"clientOrderIds": ["a", "b"]}
    assert client.call("DELETE", "/bulk_orders_by_client_id", sent) == (200, ["b"])
    assert client.call("DELETE", "/bulk_orders_by_client_id", sent) == (200, [])
    assert client.call("DELETE", "/bulk_orders", {}) == (400, "Missing parameter orderIds")
    assert client.call("DELETE", "/bulk_orders", {"orderIds": "1"}) == (400, "Invalid parameter orderIds")
    assert second["clientId"] == "b"


def test_modify_replaces_what_is_still_open() -> None:
    """Without a size the new order is for the rest; side, market and flags stay; the client id does not."""
    client = Client()
    old = client.placed(clientId="mine", postOnly=True)
    client.fill(old["id"], "0.004")
    _, new = client.call("POST", "/orders/by_client_id/mine/modify", {"price": 29999})

    values = [new[name] for name in ("price", "size", "clientId", "side", "postOnly")]
    assert values == [29999, Decimal("0.006"), None, "buy", True]
    assert [row["id"] for row in client.get("/orders")] == [new["id"]]


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({}, (400, "Must modify either price or size")),
        ({"price": 0.5}, (400, "Invalid price")),
        ({"size": 0}, (400, "Size too small")),
        ({"size": 0.0005}, (400, "Size too small for provide")),
        ({"price": 30001, "clientId": "mine"}, (400, "Duplicate client order ID")),
    ],
)
def test_a_refused_modify_leaves_the_order(body: dict[str, Any], answer: tuple[int, str]) -> None:
    """What can be seen to be wrong beforehand is refused, and the order works on."""
    client = Client()
    order = client.placed(clientId="mine")

    assert client.call("POST", f"/orders/{order['id']}/modify", body) == answer
    assert [row["id"] for row in client.get("/orders")] == [order["id"]]


def test_an_order_may_fill_while_its_replacement_is_placed() -> None:
    """With a delay of cancels both trade; the old one is then closed for what it had left."""
    client = Client()
    client.exchange.settings.options["cancel_delay_ms"] = 50
    old, filled = client.placed(), client.placed()
    socket = client.socket("orders")
    status, new = client.call("POST", f"/orders/{old['id']}/modify", {"price": 29999})
    assert (status, new["size"]) == (200, old["size"])
    assert client.call("POST", f"/orders/{filled['id']}/modify", {"price": 29998})[0] == 200
    client.fill(old["id"], "0.004")
    client.fill(filled["id"])
    client.fill(new["id"], "0.001")
    client.advance(0.05)
    told = [(message["data"]["id"], message["data"]["status"]) for message in socket.take()]
    assert [each for each in told if each[0] == old["id"]] == [(old["id"], "open"), (old["id"], "closed")]
    assert [each for each in told if each[0] == filled["id"]] == [(filled["id"], "closed")]
    assert [each for each in told if each[0] == new["id"]] == [(new["id"], "new"), (new["id"], "open")]


def test_a_modify_beyond_the_means_loses_the_order() -> None:
    """A modify is a cancel and then a new order: if the new one is refused, the old one is gone."""
    client = Client()
    order = client.placed("BTC/USD")

    assert client.call("POST", f"/orders/{order['id']}/modify", {"size": 1000}) == (400, "Not enough balances")
    assert client.get("/orders") == []
    assert client.call("POST", f"/orders/{order['id']}/modify", {"size": 1}) == (400, "Order already closed")


# -- limits ------------------------------------------------------------------------------------------------------------


def test_two_orders_per_market_and_200_ms() -> None:
    """The third order on one market is refused in FTX's words; other markets and cancels are not touched by it."""
    client = Client()
    client.exchange.settings.limits = "account"
    first = client.placed()
    client.placed()
    status, error = client.place()
    assert (status, error) == (429, "Do not send more than 2 orders on this market per 200ms")
    assert client.place("ETH-PERP", price=2000)[0] == 200
    assert client.call("DELETE", f"/orders/{first['id']}")[0] == 200
    client.advance(0.2)
    assert client.place()[0] == 200


def test_the_order_limit_is_a_setting() -> None:
    """Count and window can be changed while the exchange runs."""
    client = Client()
    client.exchange.settings.limits = "account"
    client.exchange.settings.options.update(orders_per_window=1, order_window_ms=1000)

    assert client.place()[0] == 200
    assert client.place() == (429, "Do not send more than 1 orders on this market per 1000ms")


@pytest.mark.parametrize("limits", ["account", "ip"])
def test_requests_per_minute(limits: str) -> None:
    """After 1,500 requests in a minute FTX says so; each key has its own count, an address one for all."""
    client = Client()
    client.exchange.settings.limits = limits  # type: ignore[assignment]
    request = client.request("GET", "/account")
    statuses = {client.send(request).status for _ in range(1_500)}
    other = client.worlds.open_account(client.exchange, "other")

    assert statuses == {200}
    assert client.call("GET", "/account") == (429, "Cannot send more than 1500 requests per minute")
    client.account = other
    assert client.call("GET", "/account")[0] == (200 if limits == "account" else 429)
    client.exchange.face.reset()
    assert client.call("GET", "/account")[0] == 200


def test_no_limits_by_default() -> None:
    """Switched off, nothing is counted."""
    client = Client()

    assert {client.place()[0] for _ in range(20)} == {200}


def test_leverage_is_one_for_all_perpetuals() -> None:
    """It is shown, and decides what margin an order takes; what is none is refused and changes nothing."""
    client = Client()
    for leverage in (0, 21, 2.5, "x", None):
        assert client.call("POST", "/account/leverage", {"leverage": leverage}) == (400, "Invalid parameter leverage")
    before = client.get("/account")["freeCollateral"]
    assert client.call("POST", "/account/leverage", {"leverage": 4}) == (200, None)
    for market in ("BTC-PERP", "ETH-PERP"):
        client.placed(market, price=1000, size=1)
    told = client.get("/account")
    assert (told["leverage"], told["futuresLeverage"], told["initialMarginRequirement"]) == (4, 4, Decimal("0.25"))
    assert before - told["freeCollateral"] == 500

"""USD-M's batches: several orders in one request, each answered for itself; and the account's order rate."""

import json
from typing import Any

import pytest

from tests.unit.mockserver.faces.binance_client import LIMIT, Client, fixture

BATCH, OPEN = "/fapi/v1/batchOrders", "/fapi/v1/openOrders"
POST_ONLY = {**LIMIT, "timeInForce": "GTX", "newClientOrderId": "first"}


def batch(client: Client, method: str, *orders: object) -> list[Any]:
    """The answers to a batch."""
    answers: list[Any] = client.good(method, BATCH, batchOrders=json.dumps(orders))
    return answers


def test_each_order_of_a_batch_is_answered_for_itself() -> None:
    """In the order of the list, and the others are placed whatever is wrong with one."""
    client = Client()
    told = batch(
        client, "POST", POST_ONLY, {**LIMIT, "type": "STOP"}, {**LIMIT, "quantity": 5000}, {"symbol": "X"}, LIMIT
    )
    first, *bad, last = told
    assert (first["clientOrderId"], first["status"], last["price"]) == ("first", "NEW", "50000")
    assert [set(each) for each in bad] == [{"code", "msg"}] * 3
    assert [each["code"] for each in bad] == [-4120, -4005, -1121]
    assert [row["orderId"] for row in client.good("GET", OPEN)] == [first["orderId"], last["orderId"]]
    (told,) = batch(client, "POST", {**LIMIT, "price": 50001.5, "newOrderRespType": "RESULT"})
    assert (told["price"], set(told) - set(fixture("binance_futures", "order_new_answer"))) == ("50001.5", set())


def test_a_batch_of_2024_takes_stops() -> None:
    """A bot opens, protects and takes profit in one request then."""
    stop = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET", "stopPrice": "45000", "closePosition": "true"}
    profit = {**stop, "type": "TAKE_PROFIT_MARKET", "stopPrice": "65000"}
    told = batch(Client("binance-2024"), "POST", LIMIT, stop, profit)
    assert [(each["type"], each["status"]) for each in told] == [
        ("LIMIT", "NEW"),
        ("STOP_MARKET", "NEW"),
        ("TAKE_PROFIT_MARKET", "NEW"),
    ]


def test_changing_a_batch() -> None:
    """Each by either id; one that is not there is told so."""
    client = Client()
    first, second = batch(client, "POST", POST_ONLY, LIMIT)
    new = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.02", "price": "49000"}
    told = batch(
        client,
        "PUT",
        {**new, "origClientOrderId": "first"},
        {**new, "orderId": 1},
        {**new, "orderId": second["orderId"]},
    )
    assert [each.get("orderId", each.get("code")) for each in told] == [first["orderId"], -2013, second["orderId"]]
    assert {(row["price"], row["origQty"]) for row in client.good("GET", OPEN)} == {("49000", "0.02")}


@pytest.mark.parametrize("small", [False, True])
def test_cancelling_a_batch(small: bool) -> None:
    """By ids or client ids, spelt as on the page or, as ccxt does, in small letters."""
    client = Client()
    first, second = batch(client, "POST", POST_ONLY, {**LIMIT, "newClientOrderId": "second"})
    ids, names = "orderIdList", "origClientOrderIdList"
    ids, names = (ids.lower(), names.lower()) if small else (ids, names)
    told = client.good("DELETE", BATCH, symbol="BTCUSDT", **{ids: f"[{first['orderId']},1]"})
    assert (told[0]["status"], told[1]) == ("CANCELED", {"code": -2011, "msg": "Unknown order sent."})
    (told,) = client.good("DELETE", BATCH, symbol="BTCUSDT", **{names: '["second"]'})
    assert (told["orderId"], told["status"], client.good("GET", OPEN)) == (second["orderId"], "CANCELED", [])


@pytest.mark.parametrize(
    ("method", "given", "code"),
    [
        ("POST", {}, -1102),
        ("POST", {"batchOrders": "[]"}, -4082),
        ("POST", {"batchOrders": json.dumps([LIMIT] * 6)}, -4082),
        ("PUT", {"batchOrders": json.dumps([LIMIT] * 6)}, -4082),
        ("POST", {"batchOrders": "["}, -1130),
        ("POST", {"batchOrders": "{}"}, -1130),
        ("POST", {"batchOrders": "[1]"}, -1130),
        ("DELETE", {"orderIdList": "[1]"}, -1102),
        ("DELETE", {"symbol": "BTCUSDT"}, -1102),
        ("DELETE", {"symbol": "BTCUSDT", "orderIdList": json.dumps(list(range(11)))}, -1130),
        ("DELETE", {"symbol": "BTCUSDT", "origClientOrderIdList": "first"}, -1130),
    ],
)
def test_a_batch_that_is_refused_whole(method: str, given: dict[str, str], code: int) -> None:
    """Nothing of it is done, and it is not counted."""
    client = Client()
    assert client.bad(method, BATCH, **given)[1] == code
    assert counts(client) == ("0", "0")


def counts(client: Client) -> tuple[str, str]:
    """The account's orders in ten seconds and in a minute, without the one that asks."""
    answer = client.raw("POST", f"{BATCH}?{client.signed(BATCH, {'batchOrders': json.dumps([{}])})}")
    headers = dict(answer.headers)
    return (
        str(int(headers["x-mbx-order-count-10s"]) - 5),
        str(int(headers["x-mbx-order-count-1m"]) - 1),
    )


@pytest.mark.parametrize(("method", "weight"), [("POST", "5"), ("PUT", "5"), ("DELETE", "1")])
def test_what_a_batch_weighs(method: str, weight: str) -> None:
    """And counts: five in ten seconds, one in a minute, however many orders it has; cancels count nothing."""
    client = Client()
    given = {"symbol": "BTCUSDT", "orderIdList": "[1]"} if method == "DELETE" else {"batchOrders": json.dumps([LIMIT])}
    answer = client.raw(method, f"{BATCH}?{client.signed(BATCH, given)}")
    headers = dict(answer.headers)
    assert headers["x-mbx-used-weight-1m"] == weight
    told = (headers.get("x-mbx-order-count-10s"), headers.get("x-mbx-order-count-1m"))
    assert told == ((None, None) if method == "DELETE" else ("5", "1"))


def test_a_batch_above_the_order_rate() -> None:
    """Is refused as one order would be; the limits are told without counts."""
    client = Client(limits="ip")
    client.futures.settings.options["orders_per_10s"] = 5
    told = client.good("GET", "/fapi/v1/rateLimit/order")
    assert told == [
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 5},
        {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
    ]
    batch(client, "POST", LIMIT)
    assert client.bad("POST", BATCH, batchOrders=json.dumps([LIMIT]))[:2] == (429, -1015)

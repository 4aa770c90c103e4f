"""Lesser histories: how an order of spot was amended, which matches self-trade prevention did not let happen, and which
orders the venues no longer know.
"""

from typing import Any

import pytest

from mockserver.engine.types import HOUSE, Amend, Side

from .binance_client import Client, fixture, shape

PREVENTED = "/api/v3/myPreventedMatches"
AMENDMENTS = "/api/v3/order/amendments"
REFUSED_COMBINATION = (400, -1128, "Combination of optional parameters invalid.")


def amended(client: Client) -> int:
    """An order whose quantity was lowered twice."""
    order_id: int = client.buy(quantity="5", price="1000", newClientOrderId="first")["orderId"]
    for quantity in ("4", "3"):
        client.advance(1)
        client.good("PUT", "/api/v3/order/amend/keepPriority", symbol="BTCUSDT", orderId=order_id, newQty=quantity)
    return order_id


def test_amendments_are_told_in_their_order() -> None:
    """Each with the ids before and after it, and the execution id of its event; paged by that id."""
    client = Client()
    socket = client.subscribed()
    order_id = amended(client)
    client.buy(price="1000")
    replaced = [m["event"] for m in socket.take() if m["event"].get("x") == "REPLACED"]
    rows = client.good("GET", AMENDMENTS, symbol="BTCUSDT", orderId=order_id)

    assert shape(rows) == shape(fixture("binance_spot", "order_amendments"))
    assert [(row["origQty"], row["newQty"]) for row in rows] == [
        ("5.00000000", "4.00000000"),
        ("4.00000000", "3.00000000"),
    ]
    assert [row["origClientOrderId"] for row in rows] == ["first", rows[0]["newClientOrderId"]]
    assert [row["executionId"] for row in rows] == [report["I"] for report in replaced]
    assert [row["time"] for row in rows] == [report["T"] for report in replaced]
    second = rows[1]["executionId"]
    assert client.good("GET", AMENDMENTS, symbol="BTCUSDT", orderId=order_id, fromExecutionId=second) == rows[1:]
    assert client.good("GET", AMENDMENTS, symbol="BTCUSDT", orderId=order_id, limit=1) == rows[:1]


def test_amendments_over_the_websocket_api_and_with_lag() -> None:
    """The same rows by the other door; REST that lags does not know the last one yet."""
    client = Client()
    order_id = amended(client)
    rows = client.good("GET", AMENDMENTS, symbol="BTCUSDT", orderId=order_id)
    params = client.ws_params(symbol="BTCUSDT", orderId=order_id)
    (answer,) = client.socket("/ws-api/v3").ask({"id": 1, "method": "order.amendments", "params": params})
    client.spot.settings.rest_lag_ns = 500_000_000

    assert answer["result"] == rows
    assert client.good("GET", AMENDMENTS, symbol="BTCUSDT", orderId=order_id) == rows[:1]


def test_amendments_that_cannot_be_told() -> None:
    """An order must be named, and be one's own."""
    client = Client()
    order_id = client.buy()["orderId"]
    assert client.good("GET", AMENDMENTS, symbol="BTCUSDT", orderId=order_id) == []
    assert client.bad("GET", AMENDMENTS, symbol="BTCUSDT")[1] == -1102
    assert client.bad("GET", AMENDMENTS, symbol="BTCUSDT", orderId=1)[1] == -2013
    assert client.bad("GET", AMENDMENTS, symbol="BTCUSDT", orderId=order_id, limit=1001)[1] == -1130


def prevented(client: Client, mode: str) -> tuple[int, Any]:
    """The id of a resting order, and the answer to one that would have traded with it."""
    resting = client.buy(quantity="0.01")["orderId"]
    return resting, client.buy(side="SELL", quantity="0.03", selfTradePreventionMode=mode)


@pytest.mark.parametrize(
    ("mode", "quantities", "statuses"),
    [
        ("EXPIRE_MAKER", {"makerPreventedQuantity": "0.01000000"}, ("EXPIRED_IN_MATCH", "NEW")),
        ("EXPIRE_TAKER", {"takerPreventedQuantity": "0.03000000"}, ("NEW", "EXPIRED_IN_MATCH")),
        (
            "EXPIRE_BOTH",
            {"takerPreventedQuantity": "0.03000000", "makerPreventedQuantity": "0.01000000"},
            ("EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH"),
        ),
    ],
)
def test_prevented_matches(mode: str, quantities: dict[str, str], statuses: tuple[str, str]) -> None:
    """History, placing answer, order query and event tell one prevented match by one id, and only what it ended."""
    client = Client()
    socket = client.subscribed()
    maker, answer = prevented(client, mode)
    (row,) = client.good("GET", PREVENTED, symbol="BTCUSDT", orderId=maker)
    number = row["preventedMatchId"]

    assert {name: row[name] for name in row if name.endswith("PreventedQuantity")} == quantities
    assert (row["takerOrderId"], row["makerOrderId"], row["selfTradePreventionMode"]) == (
        answer["orderId"],
        maker,
        mode,
    )
    assert row["price"] == "50000.00000000"
    expected = {"preventedMatchId": number, "makerOrderId": maker, "price": row["price"], **quantities}
    assert answer["preventedMatches"] == [expected]
    events = [m["event"] for m in socket.take() if m["event"].get("x") == "TRADE_PREVENTION"]
    assert {event["v"] for event in events} == {number}
    for order_id, status in zip((maker, answer["orderId"]), statuses, strict=True):
        order = client.good("GET", "/api/v3/order", symbol="BTCUSDT", orderId=order_id)
        assert order["status"] == status
        assert order.get("preventedMatchId") == (number if status == "EXPIRED_IN_MATCH" else None)


def test_prevented_matches_are_selected_as_documented() -> None:
    """By their id, or by an order and from an id on; nothing else."""
    client = Client()
    makers = [client.buy(quantity="0.01", price=str(50_000 + number))["orderId"] for number in range(3)]
    taker = client.buy(side="SELL", quantity="0.1")["orderId"]
    rows = client.good("GET", PREVENTED, symbol="BTCUSDT", orderId=taker)
    ids = [row["preventedMatchId"] for row in rows]

    assert shape(rows) == shape(fixture("binance_spot", "prevented_matches"))
    assert [row["makerOrderId"] for row in rows] == makers[::-1]  # the best price first
    assert ids == sorted(ids)
    assert client.good("GET", PREVENTED, symbol="BTCUSDT", preventedMatchId=ids[1]) == rows[1:2]
    page = client.good("GET", PREVENTED, symbol="BTCUSDT", orderId=taker, fromPreventedMatchId=ids[1], limit=1)
    assert page == rows[1:2]
    assert client.good("GET", PREVENTED, symbol="BTCUSDT", orderId=makers[0]) == rows[2:]
    assert client.good("GET", PREVENTED, symbol="ETHUSDT", orderId=taker) == []
    for wrong in ({}, {"fromPreventedMatchId": 1}, {"preventedMatchId": 1, "orderId": taker}):
        assert client.bad("GET", PREVENTED, symbol="BTCUSDT", **wrong) == REFUSED_COMBINATION


def test_the_weight_of_asking_by_id() -> None:
    """2 by id, 20 by order."""
    client = Client()
    used = []
    for selector in ("preventedMatchId", "orderId"):
        query = client.signed(PREVENTED, {"symbol": "BTCUSDT", selector: 1})
        used.append(int(dict(client.raw("GET", f"{PREVENTED}?{query}").headers)["x-mbx-used-weight-1m"]))
    assert used == [2, 22]


def test_the_house_has_no_history() -> None:
    """What the market does with its own orders is kept for nobody."""
    client = Client()
    client.quote(client.spot, Side.BUY, "40000", "1")
    (order,) = client.spot.engine.open_orders(HOUSE)
    client.spot.submit(Amend(account=HOUSE, instrument="BTCUSDT", order_id=order.order_id, quantity=50_000))

    assert client.spot.engine.amendments(HOUSE, "BTCUSDT", order.order_id) == ()


DAY = 86_400


def test_what_spot_has_archived() -> None:
    """An order that ended unfilled over 90 days ago is told apart from one that never was; its listing still has it."""
    client = Client()
    ids = [client.buy(price="1000", quantity="5")["orderId"] for _ in range(3)]
    client.fill(client.spot, ids[1], "1")
    for order_id in ids[:2]:
        client.good("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=order_id)
    ask = {"method": "GET", "path": "/api/v3/order", "symbol": "BTCUSDT"}
    client.advance(90 * DAY)
    assert [client.good(**ask, orderId=each)["status"] for each in ids] == ["CANCELED", "CANCELED", "NEW"]
    client.advance(1)
    words = "Order was canceled or expired with no executed qty over 90 days ago and has been archived."
    assert client.bad(**ask, orderId=ids[0]) == (400, -2026, words)
    assert [client.good(**ask, orderId=each)["status"] for each in ids[1:]] == ["CANCELED", "NEW"]
    assert [row["orderId"] for row in client.good("GET", "/api/v3/allOrders", symbol="BTCUSDT")] == ids


def test_what_futures_forget() -> None:
    """An order that ended unfilled is not found once three days have passed since it was made, any other after 90."""
    client = Client()
    ids = [client.buy("futures", price="40000", quantity="0.01")["orderId"] for _ in range(3)]
    client.fill(client.futures, ids[1], "0.004")
    for order_id in ids[:2]:
        client.good("DELETE", "/fapi/v1/order", symbol="BTCUSDT", orderId=order_id)
    ask = {"method": "GET", "path": "/fapi/v1/order", "symbol": "BTCUSDT"}

    def known() -> list[int]:
        told = [client.call(**ask, orderId=each) for each in ids]
        assert all(status == 200 or body["code"] == -2013 for status, body in told)
        found = [body["orderId"] for status, body in told if status == 200]
        rows = client.good("GET", "/fapi/v1/allOrders", symbol="BTCUSDT", orderId=1)
        assert [row["orderId"] for row in rows] == found
        return found

    client.advance(3 * DAY)
    assert known() == ids
    client.advance(1)
    assert known() == ids[1:]
    client.advance(87 * DAY)
    assert known() == ids[2:]
    assert [row["orderId"] for row in client.good("GET", "/fapi/v1/openOrders")] == ids[2:]

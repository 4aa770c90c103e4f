"""Spot's stops, trailing orders and order lists: what the calls answer, and what the stream tells of them."""

from typing import Any

import pytest

from mockserver.engine.types import HOUSE, Place, Side
from tests.unit.mockserver.faces.binance_client import Client, Socket

ORDER, LISTS = "/api/v3/order", "/api/v3/orderList"
STOP = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.1"}
LIMIT = {"timeInForce": "GTC", "price": "58000"}
OCO = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "quantity": "0.1",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "62000",
    "belowType": "STOP_LOSS_LIMIT",
    "belowStopPrice": "59000",
    "belowPrice": "58000",
    "belowTimeInForce": "GTC",
}
PAIR = {
    "pendingSide": "SELL",
    "pendingQuantity": "0.1",
    "pendingAboveType": "LIMIT_MAKER",
    "pendingAbovePrice": "62000",
    "pendingBelowType": "STOP_LOSS",
    "pendingBelowStopPrice": "59000",
}
FIRST = {
    "symbol": "BTCUSDT",
    "workingType": "LIMIT",
    "workingSide": "BUY",
    "workingPrice": "59500",
    "workingQuantity": "0.1",
    "workingTimeInForce": "GTC",
}
MAKER = {"pendingType": "LIMIT_MAKER", "pendingSide": "SELL", "pendingQuantity": "0.1", "pendingPrice": "62000"}


def trade(client: Client, price: str) -> None:
    """Let a trade happen at this price, between strangers."""
    instrument = client.spot.engine.instruments["BTCUSDT"]
    ticks = int(instrument.tick**-1) * int(price)
    for side in (Side.SELL, Side.BUY):
        client.spot.submit(Place(account=HOUSE, instrument="BTCUSDT", side=side, quantity=1_000, price=ticks))


@pytest.fixture
def client() -> Client:
    """A client on a market whose last trade was at 60000."""
    client = Client()
    trade(client, "60000")
    return client


def reports(socket: Socket) -> list[dict[str, Any]]:
    """The events that came, without balances."""
    events = [message["event"] for message in socket.take()]
    return [event for event in events if event["e"] != "outboundAccountPosition"]


def short(events: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """What the events say, in short."""
    return [
        (e["o"], e["x"], e["X"], e["w"]) if e["e"] == "executionReport" else (e["e"], e["c"], e["l"], e["L"])
        for e in events
    ]


def test_a_stop_waits_and_then_works(client: Client) -> None:
    """NEW without `W`, NEW again with it; REST says the same; its answer has the stop price and no working time."""
    socket = client.subscribed()
    answer = client.good(
        "POST", ORDER, type="STOP_LOSS_LIMIT", stopPrice="59000", newOrderRespType="RESULT", **STOP, **LIMIT
    )
    assert (answer["type"], answer["stopPrice"], answer["workingTime"]) == ("STOP_LOSS_LIMIT", "59000.00000000", -1)
    (query,) = client.good("GET", "/api/v3/openOrders", symbol="BTCUSDT")
    assert (query["isWorking"], query["workingTime"], query["stopPrice"]) == (False, -1, "59000.00000000")
    client.advance(1)
    trade(client, "59000")
    events = reports(socket)
    assert short(events) == [("STOP_LOSS_LIMIT", "NEW", "NEW", False), ("STOP_LOSS_LIMIT", "NEW", "NEW", True)]
    assert [event.get("W") for event in events] == [None, client.stamp()]
    assert {event["P"] for event in events} == {"59000.00000000"}
    (query,) = client.good("GET", "/api/v3/openOrders", symbol="BTCUSDT")
    assert (query["isWorking"], query["workingTime"], query["status"]) == (True, client.stamp(), "NEW")


@pytest.mark.parametrize(
    ("side", "kind", "stop", "reached"),
    [
        ("SELL", "STOP_LOSS", "59000", "58999"),
        ("SELL", "TAKE_PROFIT", "61000", "61000"),
        ("BUY", "STOP_LOSS", "61000", "61001"),
        ("BUY", "TAKE_PROFIT", "59000", "59000"),
    ],
)
def test_market_stops_of_both_kinds_and_sides(client: Client, side: str, kind: str, stop: str, reached: str) -> None:
    """They become market orders, keep id and type, and expire for want of a counterpart here."""
    socket = client.subscribed()
    answer = client.good("POST", ORDER, type=kind, stopPrice=stop, **{**STOP, "side": side})
    assert list(answer) == ["symbol", "orderId", "orderListId", "clientOrderId", "transactTime"]
    wrong = str(120_000 - int(stop))
    assert client.bad("POST", ORDER, type=kind, stopPrice=wrong, **{**STOP, "side": side}) == (
        400,
        -2010,
        "Order would trigger immediately.",
    )
    trade(client, reached)
    last = reports(socket)[-1]
    assert (last["i"], last["o"], last["X"], last["eR"]) == (
        answer["orderId"],
        kind,
        "EXPIRED",
        "INSUFFICIENT_LIQUIDITY",
    )


def test_a_trailing_order_tells_since_when_it_looks(client: Client) -> None:
    """`d` always, `D` once it follows the market; REST has `trailingTime` -1 until then."""
    socket = client.subscribed()
    terms = {**STOP, **LIMIT, "type": "STOP_LOSS_LIMIT", "trailingDelta": "100"}
    at_once = client.good("POST", ORDER, **terms)["orderId"]
    later = client.good("POST", ORDER, **{**terms, "type": "TAKE_PROFIT_LIMIT"}, stopPrice="61000")["orderId"]
    rows = client.good("GET", "/api/v3/openOrders", symbol="BTCUSDT")
    assert [(row["trailingDelta"], row["trailingTime"]) for row in rows] == [(100, client.stamp()), (100, -1)]
    client.advance(1)
    trade(client, "61000")
    rows = client.good("GET", "/api/v3/openOrders", symbol="BTCUSDT")
    assert [row["trailingTime"] for row in rows] == [client.stamp() - 1_000, client.stamp()]
    trade(client, "60390")
    events = reports(socket)
    assert [(event["i"], event["d"], event["w"]) for event in events] == [
        (at_once, 100, False),
        (later, 100, False),
        (at_once, 100, True),
        (later, 100, True),
    ]
    assert [event.get("D") is not None for event in events] == [True, False, True, True]


def test_no_more_stops_than_the_filter_says(client: Client) -> None:
    """Five of a symbol may wait; ordinary orders go on."""
    for _ in range(5):
        client.good("POST", ORDER, type="STOP_LOSS", stopPrice="59000", **STOP)
    refused = client.bad("POST", ORDER, type="STOP_LOSS", stopPrice="59000", **STOP)
    assert refused == (400, -1013, "Filter failure: MAX_NUM_ALGO_ORDERS")
    assert client.bad("POST", f"{LISTS}/oco", **OCO)[1:] == (-1013, "Filter failure: MAX_NUM_ALGO_ORDERS")
    client.buy()


def test_prices_too_far_away_are_a_filter_of_its_own(client: Client) -> None:
    """PERCENT_PRICE_BY_SIDE, published and enforced unless it is switched off."""
    assert client.bad("POST", ORDER, **STOP, type="LIMIT", timeInForce="GTC", price="600000.01")[1:] == (
        -1013,
        "Filter failure: PERCENT_PRICE_BY_SIDE",
    )
    assert client.bad("POST", ORDER, **{**STOP, "side": "BUY"}, type="LIMIT_MAKER", price="59.99")[1] == -1013

    def published() -> bool:
        filters = client.public("/api/v3/exchangeInfo?symbol=BTCUSDT")["symbols"][0]["filters"]
        return "PERCENT_PRICE_BY_SIDE" in {row["filterType"] for row in filters}

    assert published()
    client.spot.settings.options["percent_price"] = "venue"
    client.buy(price="12000")
    assert client.bad("POST", ORDER, **{**STOP, "side": "BUY"}, type="LIMIT_MAKER", price="11999.99")[1] == -1013
    client.spot.settings.options["percent_price"] = "off"
    client.buy(price="59", quantity="1")
    assert not published()


# -- lists ------------------------------------------------------------------------------------------------------------


def test_a_pair_from_its_start_to_its_end(client: Client) -> None:
    """The answer, the events, what REST tells of list and orders; a fill expires the stop and ends the list."""
    socket = client.subscribed()
    answer = client.good("POST", f"{LISTS}/oco", **OCO, listClientOrderId="list-1", aboveClientOrderId="above-1")
    head = {
        name: answer[name] for name in ("contingencyType", "listStatusType", "listOrderStatus", "listClientOrderId")
    }
    assert list(head.values()) == ["OCO", "EXEC_STARTED", "EXECUTING", "list-1"]
    above, below = answer["orderReports"]
    assert [row["orderListId"] for row in (above, below)] == [answer["orderListId"]] * 2
    assert (above["type"], above["clientOrderId"], above["workingTime"]) == ("LIMIT_MAKER", "above-1", client.stamp())
    assert (below["type"], below["stopPrice"], below["workingTime"]) == ("STOP_LOSS_LIMIT", "59000.00000000", -1)
    assert "stopPrice" not in above
    asked = client.good("GET", LISTS, orderListId=answer["orderListId"])
    assert asked == {name: value for name, value in answer.items() if name != "orderReports"}
    assert client.good("GET", "/api/v3/openOrderList") == [asked]
    assert client.good("GET", LISTS, origClientOrderId="list-1") == asked
    client.fill(client.spot, above["orderId"], "0.05")
    client.fill(client.spot, above["orderId"])
    events = reports(socket)
    assert short(events) == [
        ("LIMIT_MAKER", "NEW", "NEW", True),
        ("STOP_LOSS_LIMIT", "NEW", "NEW", False),
        ("listStatus", "OCO", "EXEC_STARTED", "EXECUTING"),
        ("LIMIT_MAKER", "TRADE", "PARTIALLY_FILLED", True),
        ("STOP_LOSS_LIMIT", "EXPIRED", "EXPIRED", False),
        ("LIMIT_MAKER", "TRADE", "FILLED", False),
        ("listStatus", "OCO", "ALL_DONE", "ALL_DONE"),
    ]
    assert events[4]["eR"] == "OCO_TRIGGER"
    assert {event["g"] for event in events} == {answer["orderListId"]}
    assert events[2]["O"] == [{"s": o["symbol"], "i": o["orderId"], "c": o["clientOrderId"]} for o in answer["orders"]]
    assert client.good("GET", "/api/v3/openOrderList") == []
    assert client.good("GET", "/api/v3/allOrderList")[0]["listStatusType"] == "ALL_DONE"
    order = client.good("GET", ORDER, symbol="BTCUSDT", orderId=below["orderId"])
    assert (order["status"], order["orderListId"]) == ("EXPIRED", answer["orderListId"])
    rows = client.good("GET", "/api/v3/myTrades", symbol="BTCUSDT")
    assert {row["orderListId"] for row in rows} == {answer["orderListId"]}


@pytest.mark.parametrize(
    ("method", "path", "params"),
    [
        ("DELETE", LISTS, {"orderListId": "list"}),
        ("DELETE", LISTS, {"listClientOrderId": "list-1"}),
        ("DELETE", ORDER, {"orderId": "above"}),
        ("DELETE", ORDER, {"orderId": "below"}),
        ("DELETE", "/api/v3/openOrders", {}),
    ],
)
def test_every_way_to_cancel_a_pair(client: Client, method: str, path: str, params: dict[str, str]) -> None:
    """Each answers with the whole list, its orders cancelled by one request, and the stream tells it so."""
    answer = client.good("POST", f"{LISTS}/oco", **OCO, listClientOrderId="list-1")
    above, below = (row["orderId"] for row in answer["orderReports"])
    ids = {"list": answer["orderListId"], "above": above, "below": below}
    socket = client.subscribed()
    given = {name: ids.get(value, value) for name, value in params.items()}
    body = client.good(method, path, symbol="BTCUSDT", **given)
    ended = body[0] if isinstance(body, list) else body
    assert (ended["listStatusType"], ended["listOrderStatus"]) == ("ALL_DONE", "ALL_DONE")
    assert [(row["orderId"], row["status"]) for row in ended["orderReports"]] == [
        (above, "CANCELED"),
        (below, "CANCELED"),
    ]
    assert len({row["clientOrderId"] for row in ended["orderReports"]}) == 1
    told = short(reports(socket))
    assert sorted(told[:2]) == [
        ("LIMIT_MAKER", "CANCELED", "CANCELED", False),
        ("STOP_LOSS_LIMIT", "CANCELED", "CANCELED", False),
    ]
    assert told[2:] == [("listStatus", "OCO", "ALL_DONE", "ALL_DONE")]
    assert client.bad("DELETE", LISTS, symbol="BTCUSDT", orderListId=ids["list"]) == (400, -2011, "Unknown order sent.")


def test_an_otoco_waits_for_its_first_order(client: Client) -> None:
    """PENDING_NEW until the first is filled, then the pair is NEW; the venue calls it an OTO."""
    socket = client.subscribed()
    answer = client.good("POST", f"{LISTS}/otoco", **FIRST, **PAIR)
    assert (answer["contingencyType"], len(answer["orders"])) == ("OTO", 3)
    assert [row["status"] for row in answer["orderReports"]] == ["NEW", "PENDING_NEW", "PENDING_NEW"]
    client.fill(client.spot, answer["orders"][0]["orderId"])
    assert short(reports(socket)) == [
        ("LIMIT", "NEW", "NEW", True),
        ("LIMIT_MAKER", "NEW", "PENDING_NEW", False),
        ("STOP_LOSS", "NEW", "PENDING_NEW", False),
        ("listStatus", "OTO", "EXEC_STARTED", "EXECUTING"),
        ("LIMIT", "TRADE", "FILLED", False),
        ("LIMIT_MAKER", "NEW", "NEW", True),
        ("STOP_LOSS", "NEW", "NEW", False),
    ]


def test_an_oto_by_the_websocket_api(client: Client) -> None:
    """The same object by the other door; it is asked about and cancelled there too."""
    socket = client.socket("/ws-api/v3")

    def ask(method: str, **params: object) -> Any:
        (answer,) = socket.ask({"id": 1, "method": method, "params": client.ws_params(**params)})
        assert answer["status"] == 200, answer
        return answer["result"]

    placed = ask("orderList.place.oto", **FIRST, **MAKER)
    assert [row["status"] for row in placed["orderReports"]] == ["NEW", "PENDING_NEW"]
    asked = ask("orderList.status", orderListId=placed["orderListId"])
    assert ask("openOrderLists.status") == [asked]
    ended = ask("orderList.cancel", symbol="BTCUSDT", orderListId=placed["orderListId"])
    assert [row["status"] for row in ended["orderReports"]] == ["CANCELED", "CANCELED"]
    assert ask("allOrderLists")[0]["listOrderStatus"] == "ALL_DONE"
    pair = ask("orderList.place.oco", **OCO)
    assert ask("orderList.place.otoco", **FIRST, **PAIR)["orderListId"] > pair["orderListId"]


@pytest.mark.parametrize(
    ("path", "changed", "code", "words"),
    [
        ("oco", {"abovePrice": "59999"}, -2010, "The relationship of the prices for the orders is not correct."),
        ("oco", {"aboveType": "LIMIT"}, -1158, "Order type not supported in OCO."),
        ("oco", {"belowType": "LIMIT_MAKER"}, -1158, "Order type not supported in OCO."),
        ("oco", {"belowTimeInForce": ""}, -1102, "'belowTimeInForce'"),
        ("oco", {"aboveStopPrice": "61000"}, -1106, "Parameter 'aboveStopPrice' sent when not required."),
        ("oco", {"abovePrice": "62000.001"}, -1013, "Filter failure: PRICE_FILTER"),
        ("oco", {"quantity": "11"}, -2010, "Account has insufficient balance for requested action."),
        ("oco", {"newOrderRespType": "SOME"}, -1130, "'newOrderRespType'"),
        ("oco", {"more": "1"}, -1104, "Not all sent parameters were read"),
        ("oto", {"workingType": "MARKET"}, -1159, "Order type not supported"),
        ("oto", {"pendingQuantity": ""}, -1102, "'pendingQuantity'"),
        ("oto", {"pendingSide": "HOLD"}, -1117, "Invalid side."),
        ("otoco", {"pendingBelowStopPrice": ""}, -1102, "Param 'pendingBelowStopPrice' or 'pendingBelowTrailingDelta'"),
    ],
)
def test_lists_are_refused_in_the_venues_words(
    client: Client, path: str, changed: dict[str, str], code: int, words: str
) -> None:
    """Each bad list has its code and its words, and nothing of it is placed."""
    terms = {"oco": OCO, "oto": {**FIRST, **MAKER}, "otoco": {**FIRST, **PAIR}}[path]
    status, refused, told = client.bad("POST", f"{LISTS}/{path}", **{**terms, **changed})
    assert (400, code) == (status, refused)
    assert words in told
    assert client.good("GET", "/api/v3/openOrders") == []


def test_lists_that_are_not_there(client: Client) -> None:
    """Neither id, unknown ones, and a page of them."""
    assert client.bad("GET", LISTS)[1:] == (
        -1102,
        "Param 'orderListId' or 'origClientOrderId' must be sent, but both were empty/null!",
    )
    assert client.bad("GET", LISTS, orderListId=5)[1] == -2013
    assert client.bad("GET", "/api/v3/allOrderList", fromId=1, startTime=1)[1] == -1128
    ids = [client.good("POST", f"{LISTS}/oto", **FIRST, **MAKER)["orderListId"] for _ in range(3)]
    rows = client.good("GET", "/api/v3/allOrderList", fromId=ids[1], limit=1)
    assert [row["orderListId"] for row in rows] == ids[1:2]
    assert [row["orderListId"] for row in client.good("GET", "/api/v3/allOrderList")] == ids


# -- self-trade prevention ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["DECREMENT", "TRANSFER"])
def test_both_orders_lose_what_would_have_traded(client: Client, mode: str) -> None:
    """Scenario G of the venue's FAQ: 6 against 2 leaves 4; all fields of the two reports."""
    maker = client.buy(quantity="0.06", selfTradePreventionMode="TRANSFER")["orderId"]
    socket = client.subscribed()
    sell = {"symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT", "timeInForce": "GTC", "price": "50000"}
    answer = client.good("POST", ORDER, **sell, quantity="0.02", selfTradePreventionMode=mode)
    assert (answer["status"], answer["preventedQuantity"]) == ("EXPIRED_IN_MATCH", "0.02000000")
    assert answer["preventedMatches"][0]["makerPreventedQuantity"] == "0.02000000"
    mine, theirs = [event for event in reports(socket) if event["x"] == "TRADE_PREVENTION"][::-1]
    assert [event["X"] for event in (mine, theirs)] == ["EXPIRED_IN_MATCH", "NEW"]
    wanted = {"A": "0.02000000", "B": "0.02000000", "pl": "0.02000000", "pL": "50000.00000000", "pY": "1000.00000000"}
    for event, counter in ((mine, maker), (theirs, answer["orderId"])):
        assert {name: event[name] for name in wanted} == wanted
        assert (event["U"], event["l"], event["z"]) == (counter, "0.00000000", "0.00000000")
    (query,) = client.good("GET", "/api/v3/openOrders")
    assert (query["preventedQuantity"], query["executedQty"], query["status"]) == ("0.02000000", "0.00000000", "NEW")
    (row,) = client.good("GET", "/api/v3/myPreventedMatches", symbol="BTCUSDT", orderId=maker)
    assert (row["selfTradePreventionMode"], row["takerPreventedQuantity"]) == (mode, "0.02000000")
    client.fill(client.spot, maker)
    filled = client.good("GET", ORDER, symbol="BTCUSDT", orderId=maker)
    assert (filled["executedQty"], filled["status"]) == ("0.04000000", "FILLED")

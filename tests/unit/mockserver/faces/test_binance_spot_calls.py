"""Spot's REST calls: shapes of the answers, refusals, paging, lag, and the market."""

import json
from typing import Any

import pytest

from mockserver.engine.types import HOUSE, Place, Side
from tests.unit.mockserver.faces.binance_client import Client, fixture, shape

SPOT = "binance_spot"
ORDER = "/api/v3/order"
TRADES = "/api/v3/myTrades"
LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "50000"}


def kinds(value: dict[str, Any]) -> dict[str, str]:
    """The JSON type of each field."""
    return {name: type(item).__name__ for name, item in value.items()}


def test_answers_have_the_documented_shapes() -> None:
    """ACK, RESULT, FULL, cancel, query, trades, account and depth have the sample's fields in the sample's order."""
    client = Client()
    client.quote(client.spot, Side.SELL, "60000", "1")
    assert shape(client.buy(newOrderRespType="ACK")) == shape(fixture(SPOT, "order_ack"))
    assert shape(client.buy(newOrderRespType="RESULT")) == shape(fixture(SPOT, "order_result"))
    market = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.1"}
    assert shape(client.good("POST", ORDER, **market)) == shape(fixture(SPOT, "order_full"))
    placed = client.buy()
    assert placed["fills"] == []
    query = client.good("GET", ORDER, symbol="BTCUSDT", orderId=placed["orderId"])
    assert shape(query) == shape(fixture(SPOT, "order_query"))
    assert client.good("GET", "/api/v3/openOrders")[-1] == query
    cancelled = client.good("DELETE", ORDER, symbol="BTCUSDT", orderId=placed["orderId"])
    assert shape(cancelled) == shape(fixture(SPOT, "order_cancel"))
    assert shape(client.good("GET", TRADES, symbol="BTCUSDT")) == shape(fixture(SPOT, "my_trades"))
    assert shape(client.good("GET", "/api/v3/account")) == shape(fixture(SPOT, "account"))
    assert shape(client.public("/api/v3/depth?symbol=BTCUSDT")) == shape(fixture(SPOT, "depth"))


def test_exchange_info_is_what_the_page_describes() -> None:
    """Every field of the sample is there with its type; every filter offered has the sample's fields."""
    info, sample = Client().public("/api/v3/exchangeInfo"), fixture(SPOT, "exchange_info")
    assert kinds(info) == {name: kind for name, kind in kinds(sample).items() if name != "sors"}
    assert info["rateLimits"] == sample["rateLimits"]
    filters = {row["filterType"]: row for row in sample["symbols"][0]["filters"]}
    filters["MAX_NUM_ORDER_LISTS"] = {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 20}  # filters.md
    for symbol in info["symbols"]:
        assert kinds(symbol) == kinds(sample["symbols"][0])
        assert all(shape(row) == shape(filters[row["filterType"]]) for row in symbol["filters"])
    assert [symbol["symbol"] for symbol in info["symbols"]] == ["BTCUSDT", "ETHUSDT", "BNBUSDT", "ETHBTC"]


def test_exchange_info_of_some_symbols() -> None:
    """One symbol or a list may be asked for; an unknown one is -1121, text that is no list -1100."""
    client = Client()
    assert len(client.public("/api/v3/exchangeInfo?symbol=ETHBTC")["symbols"]) == 1
    assert len(client.public('/api/v3/exchangeInfo?symbols=["ETHBTC","BTCUSDT"]')["symbols"]) == 2
    for query, code in (('symbols=["NOPE"]', -1121), ("symbols=BTCUSDT", -1100), ('symbol=A&symbols=["B"]', -1128)):
        response = client.raw("GET", f"/api/v3/exchangeInfo?{query}")
        assert (400, code) == (response.status, json.loads(response.body)["code"])


@pytest.mark.parametrize(
    ("changed", "code", "words"),
    [
        ({"side": "HOLD"}, -1117, "Invalid side."),
        ({"type": "STOP"}, -1116, "Invalid orderType."),
        ({"type": "STOP_LOSS"}, -1106, "Parameter 'timeInForce' sent when not required."),
        ({"type": "STOP_LOSS", "timeInForce": ""}, -1106, "Parameter 'price' sent when not required."),
        ({"type": "STOP_LOSS_LIMIT"}, -1102, "Param 'stopPrice' or 'trailingDelta' must be sent"),
        ({"type": "STOP_LOSS_LIMIT", "stopPrice": "60000.001"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"type": "STOP_LOSS_LIMIT", "stopPrice": "1000001"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"type": "STOP_LOSS_LIMIT", "trailingDelta": "9"}, -1013, "Filter failure: TRAILING_DELTA"),
        ({"type": "STOP_LOSS_LIMIT", "trailingDelta": "2001"}, -1013, "Filter failure: TRAILING_DELTA"),
        ({"type": "TAKE_PROFIT_LIMIT", "stopPrice": "50000", "timeInForce": ""}, -1102, "'timeInForce'"),
        ({"timeInForce": "GTX"}, -1115, "Invalid timeInForce."),
        ({"timeInForce": ""}, -1102, "'timeInForce'"),
        ({"price": ""}, -1102, "'price'"),
        ({"price": "NaN"}, -1100, "'price'"),
        ({"price": "-1"}, -1100, "'price'"),
        ({"price": "1e999"}, -1100, "'price'"),
        ({"price": "50000.001"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"price": "0"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"price": "1000000.01"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"price": "50000.0000000001"}, -1111, "Parameter 'price' has too much precision."),
        ({"quantity": "0.000001"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "9000.1"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "0.00001"}, -1013, "Filter failure: NOTIONAL"),
        ({"quantity": "300", "price": "50000"}, -1013, "Filter failure: NOTIONAL"),
        ({"quantity": "100"}, -2010, "Account has insufficient balance for requested action."),
        ({"stopPrice": "1"}, -1106, "Parameter 'stopPrice' sent when not required."),
        ({"newClientOrderId": "a b"}, -1100, "^[a-zA-Z0-9-_]{1,36}$"),
        ({"newClientOrderId": "x" * 37}, -1100, "'newClientOrderId'"),
        ({"selfTradePreventionMode": "SOMETIMES"}, -1013, "self-trade prevention"),
        ({"type": "LIMIT_MAKER"}, -1106, "Parameter 'timeInForce' sent when not required."),
        ({"type": "LIMIT_MAKER", "timeInForce": "", "price": "60000"}, -2010, "immediately match and take"),
        ({"quoteOrderQty": "10"}, -1106, "'quoteOrderQty'"),
        ({"newOrderRespType": "SOME"}, -1130, "'newOrderRespType'"),
        ({"strategyType": "5"}, -1130, "'strategyType'"),
        ({"type": "MARKET"}, -1106, "'price'"),
        ({"type": "MARKET", "price": "", "timeInForce": "", "quantity": ""}, -1102, "'quantity' or 'quoteOrderQty'"),
        ({"type": "MARKET", "price": "", "timeInForce": "", "quantity": "0.000001"}, -1013, "MARKET_LOT_SIZE"),
        (
            {"type": "MARKET", "price": "", "timeInForce": "", "quantity": "", "quoteOrderQty": "10.000000001"},
            -1111,
            "'quoteOrderQty'",
        ),
        ({"quantity": "0"}, -1013, "Filter failure: LOT_SIZE"),
        ({"price": "5e4"}, -1100, "'price'"),
        ({"type": "MARKET", "price": "", "timeInForce": "", "quoteOrderQty": "10"}, -1106, "'quoteOrderQty'"),
    ],
)
def test_orders_are_refused_in_the_venues_words(changed: dict[str, str], code: int, words: str) -> None:
    """Each bad order has its code and its words, and changes nothing."""
    client = Client()
    client.quote(client.spot, Side.SELL, "60000", "1")
    status, refused, told = client.bad("POST", ORDER, **{**LIMIT, **changed})
    assert (400, code) == (status, refused)
    assert words in told
    assert client.good("GET", "/api/v3/openOrders") == []


def test_client_ids_are_unique_among_open_orders() -> None:
    """An open order's client id is refused, a finished one's accepted again."""
    client = Client()
    order_id = client.buy(newClientOrderId="one")["orderId"]
    assert client.bad("POST", ORDER, **LIMIT, newClientOrderId="one") == (400, -2010, "Duplicate order sent.")
    client.fill(client.spot, order_id)
    assert client.buy(newClientOrderId="one")["clientOrderId"] == "one"


def test_no_more_orders_than_the_filter_says() -> None:
    """The 201st open order of a symbol is refused by MAX_NUM_ORDERS."""
    client = Client()
    for _ in range(200):
        client.spot.submit(Place(account="alice", instrument="BTCUSDT", side=Side.BUY, quantity=100, price=5_000_000))
    assert client.bad("POST", ORDER, **LIMIT) == (400, -1013, "Filter failure: MAX_NUM_ORDERS")


def test_a_quote_sized_market_order() -> None:
    """quoteOrderQty buys what it can pay for, in whole steps."""
    client = Client()
    client.quote(client.spot, Side.SELL, "60000", "1")
    bought = client.good("POST", ORDER, symbol="BTCUSDT", side="BUY", type="MARKET", quoteOrderQty="100")
    assert (bought["executedQty"], bought["cummulativeQuoteQty"]) == ("0.00166000", "99.60000000")
    assert bought["origQuoteOrderQty"] == "100.00000000"


def test_orders_that_are_not_there() -> None:
    """Unknown orders, others' orders, finished orders and wrong pairs of ids have the venue's codes."""
    client = Client()
    order_id = client.buy(newClientOrderId="mine-1")["orderId"]
    theirs = client.spot.submit(
        Place(account=HOUSE, instrument="BTCUSDT", side=Side.BUY, quantity=1000, price=1_000_000)
    )
    assert theirs.order is not None
    for unknown in (order_id + 1_000, theirs.order.order_id):
        assert client.bad("GET", ORDER, symbol="BTCUSDT", orderId=unknown) == (400, -2013, "Order does not exist.")
        assert client.bad("DELETE", ORDER, symbol="BTCUSDT", orderId=unknown) == (400, -2011, "Unknown order sent.")
    wrong = client.bad("DELETE", ORDER, symbol="BTCUSDT", orderId=order_id, origClientOrderId="other")
    assert wrong == (400, -2039, "Client order ID is not correct for this order ID.")
    client.fill(client.spot, order_id)
    assert client.bad("DELETE", ORDER, symbol="BTCUSDT", orderId=order_id)[1] == -2011
    assert client.bad("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")[1] == -2011
    assert client.good("GET", ORDER, symbol="BTCUSDT", origClientOrderId="mine-1")["status"] == "FILLED"


def test_cancel_restrictions() -> None:
    """A cancel may ask for an order that is new, or one partially filled; a wrong wish is -1145."""
    client = Client()
    order_id = client.buy()["orderId"]
    named = {"symbol": "BTCUSDT", "orderId": order_id}
    refused = "Order was not canceled due to cancel restrictions."
    assert client.bad("DELETE", ORDER, **named, cancelRestrictions="ONLY_PARTIALLY_FILLED") == (400, -2011, refused)
    client.fill(client.spot, order_id, "0.001")
    assert client.bad("DELETE", ORDER, **named, cancelRestrictions="ONLY_NEW") == (400, -2011, refused)
    assert client.bad("DELETE", ORDER, **named, cancelRestrictions="ANY")[1] == -1145
    done = client.good("DELETE", ORDER, **named, cancelRestrictions="ONLY_PARTIALLY_FILLED")
    assert (done["status"], done["executedQty"]) == ("CANCELED", "0.00100000")


def test_cancel_replace_in_all_its_outcomes() -> None:
    """Both halves 200; a failed cancel stops or not by the mode; a half done is 409, nothing done 400."""
    client = Client()
    path = "/api/v3/order/cancelReplace"
    order_id = client.buy()["orderId"]
    both = client.good("POST", path, **LIMIT, cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=order_id)
    assert (both["cancelResult"], both["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    gone = {"cancelOrderId": order_id}
    assert client.bad("POST", path, **LIMIT, cancelReplaceMode="NO", **gone)[1] == -1130
    status, body = client.call("POST", path, **LIMIT, cancelReplaceMode="STOP_ON_FAILURE", **gone)
    assert (status, body["code"], body["data"]["newOrderResult"]) == (400, -2022, "NOT_ATTEMPTED")
    assert body["data"]["cancelResponse"] == {"code": -2011, "msg": "Unknown order sent."}
    assert body["data"]["newOrderResponse"] is None
    status, body = client.call("POST", path, **LIMIT, cancelReplaceMode="ALLOW_FAILURE", **gone)
    assert (status, body["code"], body["data"]["newOrderResult"]) == (409, -2021, "SUCCESS")
    dear = {**LIMIT, "quantity": "100"}
    status, body = client.call("POST", path, **dear, cancelReplaceMode="ALLOW_FAILURE", **gone)
    assert (status, body["code"], body["data"]["newOrderResult"]) == (400, -2022, "FAILURE")
    working = body_id = both["newOrderResponse"]["orderId"]
    status, body = client.call("POST", path, **dear, cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=body_id)
    assert (status, body["data"]["cancelResult"], body["data"]["newOrderResult"]) == (409, "SUCCESS", "FAILURE")
    assert client.good("GET", ORDER, symbol="BTCUSDT", orderId=working)["status"] == "CANCELED"


@pytest.mark.parametrize("mode", ["STOP_ON_FAILURE", "ALLOW_FAILURE"])
def test_cancel_replace_above_the_order_rate(mode: str) -> None:
    """Nothing is done by default; with `CANCEL_ONLY` the cancel is, and the new order is what failed."""
    client = Client(limits="account")
    path, replace = "/api/v3/order/cancelReplace", {**LIMIT, "cancelReplaceMode": mode}
    order_id = client.buy()["orderId"]
    assert client.bad("POST", path, **replace, cancelOrderId=1, orderRateLimitExceededMode="NO")[1] == -1130
    client.spot.settings.options["orders_per_10s"] = 1
    for asked in ({}, {"orderRateLimitExceededMode": "DO_NOTHING"}):
        assert client.bad("POST", path, **replace, cancelOrderId=order_id, **asked)[:2] == (429, -1015)
    assert client.good("GET", ORDER, symbol="BTCUSDT", orderId=order_id)["status"] == "NEW"
    only = {**replace, "cancelOrderId": order_id, "orderRateLimitExceededMode": "CANCEL_ONLY"}
    status, body = client.call("POST", path, **only)
    assert (status, body["code"]) == (429 if mode == "STOP_ON_FAILURE" else 409, -2021)
    assert (body["data"]["cancelResult"], body["data"]["newOrderResult"]) == ("SUCCESS", "FAILURE")
    too_many = {"code": -1015, "msg": "Too many new orders; current limit is 1 orders per 10 SECOND."}
    assert body["data"]["newOrderResponse"] == too_many
    assert client.good("GET", ORDER, symbol="BTCUSDT", orderId=order_id)["status"] == "CANCELED"
    status, body = client.call("POST", path, **only)  # there is nothing to cancel any more
    stopped = (429, -2022, "NOT_ATTEMPTED")
    failed = (400, -2022, "FAILURE")
    outcome = (status, body["code"], body["data"]["newOrderResult"])
    assert outcome == (stopped if mode == "STOP_ON_FAILURE" else failed)


def test_cancel_replace_counts_the_order_that_was_not_attempted() -> None:
    """And the one that was placed though the cancel failed, but none that was refused."""
    client = Client(limits="account")
    path = "/api/v3/order/cancelReplace"

    def count() -> int:
        rows: list[dict[str, int]] = client.good("GET", "/api/v3/rateLimit/order")
        return rows[0]["count"]

    wanted = {("STOP_ON_FAILURE", "1"): (400, 1), ("ALLOW_FAILURE", "1"): (409, 2), ("ALLOW_FAILURE", "100"): (400, 2)}
    for (mode, quantity), outcome in wanted.items():
        terms = {**LIMIT, "quantity": quantity, "cancelReplaceMode": mode, "cancelOrderId": 1}
        status, _ = client.call("POST", path, **terms)
        assert (status, count()) == outcome


def test_a_tested_order_can_tell_what_it_would_cost() -> None:
    """`computeCommissionRates` answers the account's rates and weighs 20; a word that is no boolean is refused."""
    client = Client()
    path = "/api/v3/order/test"
    weight = client.raw("POST", f"{path}?{client.signed(path, {**LIMIT, 'computeCommissionRates': 'true'})}")
    assert dict(weight.headers)["x-mbx-used-weight-1m"] == "20"
    told = client.good("POST", path, **LIMIT, computeCommissionRates="true")
    assert told == {
        "standardCommissionForOrder": {"maker": "0.00100000", "taker": "0.00100000"},
        "specialCommissionForOrder": {"maker": "0.00000000", "taker": "0.00000000"},
        "taxCommissionForOrder": {"maker": "0.00000000", "taker": "0.00000000"},
        "discount": client.good("GET", "/api/v3/account/commission", symbol="BTCUSDT")["discount"],
    }
    assert client.good("POST", path, **LIMIT, computeCommissionRates="false") == {}
    assert client.bad("POST", path, **LIMIT, computeCommissionRates="perhaps")[1] == -1130


def test_order_test_changes_nothing() -> None:
    """A tested order answers {} or its refusal, and is never placed."""
    client = Client()
    assert client.good("POST", "/api/v3/order/test", **LIMIT) == {}
    assert client.bad("POST", "/api/v3/order/test", **{**LIMIT, "side": "x"})[1] == -1117
    assert client.good("GET", "/api/v3/allOrders", symbol="BTCUSDT") == []


def traded(client: Client, count: int, *, apart: float = 1.0) -> list[int]:
    """Trade so many times, in pieces of one order; the trade ids."""
    order_id = client.buy(quantity="1")["orderId"]
    for _ in range(count):
        client.fill(client.spot, order_id, "0.001")
        client.advance(apart)
    return [row["id"] for row in client.good("GET", TRADES, symbol="BTCUSDT", limit=1000)]


def test_trades_page_by_id_inclusively() -> None:
    """fromId is inclusive and brings the oldest; a cap makes pages small; past the end is an empty list."""
    client = Client()
    ids = traded(client, 7)
    client.spot.settings.page_cap = 3
    seen: list[int] = []
    next_id = ids[0]
    while rows := client.good("GET", TRADES, symbol="BTCUSDT", fromId=next_id, limit=1000):
        assert rows[0]["id"] >= next_id
        assert len(rows) <= 3
        seen += [row["id"] for row in rows]
        next_id = seen[-1] + 1
    assert ids == seen


def test_trades_by_time_choose_the_right_end() -> None:
    """Without times the newest; with startTime the oldest from it; with endTime the newest up to it, inclusive."""
    client = Client()
    begin = client.stamp()
    ids = traded(client, 6)

    def asked(**times: int) -> list[int]:
        return [row["id"] for row in client.good("GET", TRADES, symbol="BTCUSDT", limit=2, **times)]

    assert ids[4:] == asked()
    assert ids[1:3] == asked(startTime=begin + 1000)
    assert ids[2:4] == asked(endTime=begin + 3000)
    assert ids[1:3] == asked(startTime=begin + 1000, endTime=begin + 5000)
    assert asked(startTime=begin + 60_000) == []


def test_many_trades_of_one_instant() -> None:
    """More rows of one time than a page holds are all to be had by id."""
    client = Client()
    ids = traded(client, 5, apart=0)
    client.spot.settings.page_cap = 2
    assert len(client.good("GET", TRADES, symbol="BTCUSDT", startTime=client.stamp())) == 2
    assert ids[2:4] == [row["id"] for row in client.good("GET", TRADES, symbol="BTCUSDT", fromId=ids[2])]


@pytest.mark.parametrize(
    ("names", "fine"),
    [
        ("orderId", True),
        ("orderId fromId", True),
        ("startTime endTime", True),
        ("fromId startTime", False),
        ("fromId endTime", False),
        ("orderId startTime", False),
        ("orderId startTime endTime", False),
        ("fromId startTime endTime", False),
    ],
)
def test_only_listed_combinations_are_answered(names: str, fine: bool) -> None:
    """Selectors of myTrades that are not listed together are -1128."""
    client = Client()
    status, body = client.call("GET", TRADES, symbol="BTCUSDT", **dict.fromkeys(names.split(), 1))
    assert (200 if fine else 400) == status
    assert fine or (body["code"], body["msg"]) == (-1128, "Combination of optional parameters invalid.")


@pytest.mark.parametrize("path", [TRADES, "/api/v3/allOrders"])
def test_no_span_longer_than_a_day(path: str) -> None:
    """24 hours are answered, a millisecond more is -1127; no symbol is -1102."""
    client = Client()
    day = 24 * 3_600_000
    assert client.good("GET", path, symbol="BTCUSDT", startTime=1, endTime=1 + day) == []
    assert client.bad("GET", path, symbol="BTCUSDT", startTime=1, endTime=2 + day) == (
        400,
        -1127,
        "More than 24 hours between startTime and endTime.",
    )
    assert client.bad("GET", path)[1] == -1102


def test_all_orders_page_by_id_and_by_creation() -> None:
    """orderId is inclusive and brings the oldest; times are those of creation, so a late change does not show."""
    client = Client()
    begin = client.stamp()
    ids = []
    for _ in range(4):
        ids.append(client.buy()["orderId"])
        client.advance(1)
    path = "/api/v3/allOrders"
    assert ids[2:] == [row["orderId"] for row in client.good("GET", path, symbol="BTCUSDT", limit=2)]
    assert ids[1:3] == [row["orderId"] for row in client.good("GET", path, symbol="BTCUSDT", orderId=ids[1], limit=2)]
    client.fill(client.spot, ids[0])
    assert ids[2:] == [row["orderId"] for row in client.good("GET", path, symbol="BTCUSDT", startTime=begin + 2000)]


def test_rest_can_lag_behind_the_stream() -> None:
    """With a lag of 5 s an order is told by the stream at once and found by REST only 5 s later, with its balances."""
    client = Client()
    client.spot.settings.rest_lag_ns = 5_000_000_000
    client.advance(10)
    socket = client.subscribed()
    order_id = client.buy()["orderId"]
    client.fill(client.spot, order_id)
    assert socket.take()[2]["event"]["X"] == "FILLED"

    def seen() -> tuple[object, ...]:
        balances = {row["asset"]: row["free"] for row in client.good("GET", "/api/v3/account")["balances"]}
        return (
            len(client.good("GET", "/api/v3/allOrders", symbol="BTCUSDT")),
            len(client.good("GET", TRADES, symbol="BTCUSDT")),
            client.call("GET", ORDER, symbol="BTCUSDT", orderId=order_id)[0],
            balances["USDT"],
        )

    assert seen() == (0, 0, 400, "1000000.00000000")
    client.advance(5)
    assert seen() == (1, 1, 200, "999500.00000000")


def test_the_market_is_told() -> None:
    """Tickers, trades, average price and the day are right after one trade, for one symbol or many."""
    client = Client()
    client.quote(client.spot, Side.BUY, "59000", "2")
    client.quote(client.spot, Side.SELL, "61000", "3")
    client.good("POST", ORDER, symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.5")
    assert client.public("/api/v3/ticker/price?symbol=BTCUSDT") == {"symbol": "BTCUSDT", "price": "61000.00000000"}
    assert len(client.public("/api/v3/ticker/price")) == 4
    best = client.public("/api/v3/ticker/bookTicker?symbol=BTCUSDT")
    assert (best["bidPrice"], best["askQty"]) == ("59000.00000000", "2.50000000")
    day = client.public("/api/v3/ticker/24hr?symbol=BTCUSDT")
    assert (day["volume"], day["quoteVolume"], day["count"]) == ("0.50000000", "30500.00000000", 1)
    (trade,) = client.public("/api/v3/trades?symbol=BTCUSDT")
    assert (trade["price"], trade["isBuyerMaker"]) == ("61000.00000000", False)
    assert client.public("/api/v3/avgPrice?symbol=BTCUSDT")["price"] == "61000.00000000"
    assert len(client.public("/api/v3/depth?symbol=BTCUSDT&limit=5000")["asks"]) == 1
    assert {"serverTime": client.stamp()} == client.public("/api/v3/time")


def test_listen_keys_are_gone_in_2026() -> None:
    """The old paths answer 410 with a page of HTML, not JSON."""
    client = Client()
    for method in ("POST", "PUT", "DELETE"):
        response = client.raw(method, "/api/v3/userDataStream")
        assert (response.status, response.content_type) == (410, "text/html")
        assert response.body.startswith(b"<html>")


def test_other_lists_are_empty() -> None:
    """What the mock has none of is an empty list; the wallet API takes whatever clients send, whoever they are."""
    client = Client()
    assert client.good("GET", "/api/v3/myAllocations", symbol="BTCUSDT") == []
    assert client.good("GET", "/api/v3/openOrderList") == []
    for path in ("/sapi/v1/capital/config/getall", "/sapi/v1/margin/isolated/allPairs"):
        assert client.good("GET", path, anything=1) == []
    assert client.public("/sapi/v1/margin/allPairs") == []


def test_the_venue_is_up() -> None:
    """What ccxt's `fetch_status` asks for; nobody need sign it."""
    assert Client().public("/sapi/v1/system/status") == {"status": 0, "msg": "normal"}


def test_two_worlds_never_meet() -> None:
    """A key of another world trades there, and the default world sees nothing of it."""
    client = Client()
    other = client.worlds.create("other").exchanges["binance-spot"]
    client.accounts["binance-spot"] = client.worlds.open_account(other, "alice")
    socket = client.subscribed()
    order_id = client.buy()["orderId"]
    assert len(socket.take()) == 2
    assert client.good("GET", ORDER, symbol="BTCUSDT", orderId=order_id)["status"] == "NEW"
    assert client.spot.engine.open_orders("alice") == ()

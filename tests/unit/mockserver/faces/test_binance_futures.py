"""USD-M's REST calls and user data events: shapes, refusals, paging, and what differs from spot."""

from typing import Any

import pytest

from mockserver.engine.types import BalanceCause, Deposit, ForceClose, Kind, Side, TriggerAlgo
from mockserver.faces.binance import instruments
from tests.unit.mockserver.faces.binance_client import LIMIT, Client, fixture, shape

FUTURES = "binance_futures"
ORDER = "/fapi/v1/order"
DAY = "/fapi/v1/ticker/24hr"
ALGO = "/fapi/v1/algoOrder"
TRADES = "/fapi/v1/userTrades"
STOP = {"algoType": "CONDITIONAL", "symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET", "triggerPrice": "45000"}


def long(client: Client, quantity: str = "0.01") -> int:
    """Open a long position at 50000; the order's id."""
    order_id: int = client.buy("futures", quantity=quantity)["orderId"]
    client.fill(client.futures, order_id)
    return order_id


def test_a_resting_order_is_told_as_captured() -> None:
    """NEW and CANCELED have the capture's fields in order; the id stays in `c`; no ACCOUNT_UPDATE without a fill."""
    client = Client()
    socket = client.listening()
    placed = client.buy("futures", newClientOrderId="mine-1", reduceOnly="false")
    client.good("DELETE", ORDER, symbol="BTCUSDT", orderId=placed["orderId"])
    new, cancelled = socket.take()
    captured = fixture(FUTURES, "order_trade_update_new")
    assert shape(new) == shape(captured) == shape(cancelled)
    assert tuple(new["o"][name] for name in ("c", "x", "X", "b")) == ("mine-1", "NEW", "NEW", "500")
    assert tuple(cancelled["o"][name] for name in ("c", "x", "X", "b")) == ("mine-1", "CANCELED", "CANCELED", "0")
    assert new["o"]["t"] == 0


def test_a_fill_is_told_three_times_in_order() -> None:
    """TRADE_LITE, then ORDER_TRADE_UPDATE of the same trade, then ACCOUNT_UPDATE with the position and the wallet."""
    client = Client()
    socket = client.listening()
    order_id = client.buy("futures")["orderId"]
    client.fill(client.futures, order_id, "0.004")
    _, lite, update, account = socket.take()
    assert shape(lite) == shape(fixture(FUTURES, "trade_lite"))
    assert (lite["t"], lite["i"], "0.004") == (update["o"]["t"], update["o"]["i"], lite["l"])
    told = {name: update["o"][name] for name in ("x", "X", "l", "z", "L", "ap", "n", "N", "rp", "m")}
    assert told == {
        "x": "TRADE",
        "X": "PARTIALLY_FILLED",
        "l": "0.004",
        "z": "0.004",
        "L": "50000",
        "ap": "50000",
        "n": "0.04",
        "N": "USDT",
        "rp": "0",
        "m": True,
    }
    live = fixture(FUTURES, "account_update_live")
    assert set(live["a"]["P"][0]) == set(account["a"]["P"][0])
    assert shape(live["a"]["B"]) == shape(account["a"]["B"])
    assert (
        account["a"]["P"][0]["pa"],
        account["a"]["B"][0]["wb"],
        account["a"]["m"],
    ) == ("0.004", "99999.96", "ORDER")


def test_closing_a_position_realises_its_profit() -> None:
    """The event, the trade row and the wallet agree on the realised profit, and a flat position is told as "0"."""
    client = Client()
    long(client)
    client.quote(client.futures, Side.BUY, "51000", "1")
    socket = client.listening()
    market = {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": "0.01", "reduceOnly": "true"}
    answer = client.good("POST", ORDER, **market, newOrderRespType="RESULT")
    assert (answer["status"], answer["avgPrice"], answer["cumQuote"]) == ("FILLED", "51000.00000", "510")
    *_, update, account = socket.take()
    assert "10" == update["o"]["rp"] == client.good("GET", TRADES, symbol="BTCUSDT")[-1]["realizedPnl"]
    assert (account["a"]["P"][0]["pa"], account["a"]["P"][0]["cr"]) == ("0", "10")
    assert client.good("GET", "/fapi/v3/positionRisk") == []
    assert [row["positionAmt"] for row in client.good("GET", "/fapi/v2/positionRisk")] == ["0", "0"]


def test_answers_have_the_documented_shapes() -> None:
    """RESULT, ACK since 2026-07, query and trades have the sample's fields and types."""
    client = Client()
    sample = fixture(FUTURES, "order_new_answer")
    special = {"activatePrice", "priceRate"}  # of the trailing stop in the sample
    types = {name: type(value) for name, value in sample.items() if name not in special}
    result = client.buy("futures", newOrderRespType="RESULT")
    assert types == {name: type(value) for name, value in result.items()}
    ack = client.buy("futures")
    assert set(types) - {"avgPrice", "cumQuote"} == set(ack)
    query = client.good("GET", ORDER, symbol="BTCUSDT", orderId=ack["orderId"])
    documented = {name: value for name, value in fixture(FUTURES, "order_query").items() if name not in special}
    assert shape(query) == shape(documented)
    assert query == client.good("GET", "/fapi/v1/openOrder", symbol="BTCUSDT", orderId=ack["orderId"])
    client.fill(client.futures, ack["orderId"])
    assert shape(client.good("GET", TRADES, symbol="BTCUSDT")) == shape(fixture(FUTURES, "user_trades"))
    assert client.bad("GET", "/fapi/v1/openOrder", symbol="BTCUSDT", orderId=ack["orderId"])[1] == -2013


def test_an_acknowledgement_shows_the_order_before_it_traded() -> None:
    """ACK of an order that fills at once says NEW with nothing executed; the query knows better."""
    client = Client()
    client.quote(client.futures, Side.SELL, "50000", "1")
    ack = client.buy("futures")
    assert (ack["status"], ack["executedQty"]) == ("NEW", "0")
    assert client.good("GET", ORDER, symbol="BTCUSDT", orderId=ack["orderId"])["status"] == "FILLED"


@pytest.mark.parametrize(
    ("changed", "code", "words"),
    [
        ({"type": "STOP_MARKET"}, -4120, "Please use the Algo Order API endpoints instead."),
        ({"type": "TRAILING_STOP_MARKET"}, -4120, "Order type not supported"),
        ({"type": "ICEBERG"}, -1116, "Invalid orderType."),
        ({"side": "x"}, -1117, "Invalid side."),
        ({"timeInForce": "GTD"}, -1102, "Mandatory parameter 'goodTillDate' was not sent"),
        ({"goodTillDate": "1"}, -1106, "Parameter 'goodTillDate' sent when not required."),
        ({"selfTradePreventionMode": "DECREMENT"}, -1013, "self-trade prevention"),
        ({"positionSide": "LONG"}, -4061, "position side"),
        ({"newClientOrderId": "x" * 37}, -4015, "Client order id length should be less than 36 chars"),
        ({"newClientOrderId": "a b"}, -1100, "newClientOrderId"),
        ({"price": "1000000.1"}, -4002, "Price greater than max price."),
        ({"price": "0"}, -4001, "Price less than 0."),
        ({"quantity": "0"}, -4003, "Quantity less than or equal to zero."),
        ({"price": "50000.05"}, -4014, "Price not increased by tick size."),
        ({"quantity": "0.0001"}, -1111, "Parameter 'quantity' has too much precision."),
        ({"quantity": "1000.001"}, -4005, "Quantity greater than max quantity."),
        ({"quantity": "0.001", "price": "4000"}, -4164, "no smaller than 5"),
        ({"reduceOnly": "true"}, -2022, "ReduceOnly Order is rejected."),
        ({"timeInForce": "GTX", "price": "60000"}, -5022, "could not be executed as maker"),
        ({"newOrderRespType": "FULL"}, -1130, "newOrderRespType"),
        ({"priceMatch": "OPPONENT"}, -1130, "priceMatch"),
        ({"reduceOnly": "maybe"}, -1130, "reduceOnly"),
        ({"closePosition": "true"}, -1106, "quantity"),
    ],
)
def test_orders_are_refused_in_the_venues_words(changed: dict[str, str], code: int, words: str) -> None:
    """Each bad order has its code and its words."""
    client = Client()
    client.quote(client.futures, Side.SELL, "60000", "1")
    status, refused, told = client.bad("POST", ORDER, **{**LIMIT, **changed})
    assert (400, code) == (status, refused)
    assert words in told
    assert client.good("GET", "/fapi/v1/openOrders") == []


def test_post_only_may_expire_instead() -> None:
    """With the setting, a crossing GTX order is accepted and EXPIRED in the stream, as some clients have seen."""
    client = Client()
    client.futures.settings.options["gtx_crossing"] = "expire"
    client.quote(client.futures, Side.SELL, "60000", "1")
    socket = client.listening()
    client.buy("futures", timeInForce="GTX", price="60000")
    told = [(m["o"]["x"], m["o"]["X"], m["o"]["f"]) for m in socket.take()]
    assert told == [("NEW", "NEW", "GTX"), ("EXPIRED", "EXPIRED", "GTX")]


def test_a_client_id_is_taken_while_its_order_is_open() -> None:
    """-4116 for a second one; once the first has ended, it is free again, as seen on the testnet."""
    client = Client()
    first = client.buy("futures", newClientOrderId="same")["orderId"]
    again = {**LIMIT, "newClientOrderId": "same"}
    assert client.bad("POST", ORDER, **again) == (400, -4116, "ClientOrderId is duplicated.")
    client.fill(client.futures, first)
    assert client.good("POST", ORDER, **again)["orderId"] != first


def test_a_stop_with_a_limit_is_good_till_cancelled() -> None:
    """A conditional order needs no time in force; an ordinary one does."""
    client = Client()
    stop = {"algoType": "CONDITIONAL", "symbol": "BTCUSDT", "side": "BUY", "type": "STOP", "quantity": "1"}
    told = client.good("POST", "/fapi/v1/algoOrder", **stop, price="61000", triggerPrice="60500")
    assert told["timeInForce"] == "GTC"
    assert client.bad("POST", ORDER, **{k: v for k, v in LIMIT.items() if k != "timeInForce"})[1] == -1102


def test_a_depth_that_there_is_none_of() -> None:
    """-4021, with the limit that was asked for."""
    answer = Client().raw("GET", "/fapi/v1/depth?symbol=BTCUSDT&limit=3")
    assert (answer.status, answer.body) == (400, b'{"code":-4021,"msg":"3 is not valid depth limit."}')


def test_changing_an_order() -> None:
    """PUT keeps the id and is told as AMENDMENT with a modify id; the same terms again are -5027."""
    client = Client()
    order_id = client.buy("futures")["orderId"]
    socket = client.listening()
    changed = {"symbol": "BTCUSDT", "side": "BUY", "orderId": order_id, "quantity": "0.02", "price": "49000"}
    answer = client.good("PUT", ORDER, **changed)
    (event,) = socket.take()
    assert (order_id, "0.02", "49000") == (answer["orderId"], answer["origQty"], answer["price"])
    assert (event["o"]["x"], event["o"]["X"], event["o"]["q"]) == ("AMENDMENT", "NEW", "0.02")
    assert isinstance(event["o"]["M"], int)
    assert client.bad("PUT", ORDER, **changed)[1] == -5027
    assert client.bad("PUT", ORDER, **{**changed, "price": "1000000.1"})[1] == -4002
    client.fill(client.futures, order_id)
    assert client.bad("PUT", ORDER, **{**changed, "price": "48000"})[1] == -2013


def test_cancelling_everything() -> None:
    """allOpenOrders answers code 200, with or without orders; each order has its own event."""
    client = Client()
    socket = client.listening()
    for _ in range(2):
        client.buy("futures")
    done = {"code": 200, "msg": "The operation of cancel all open order is done."}
    assert done == client.good("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")
    assert sum(m["o"]["X"] == "CANCELED" for m in socket.take()) == 2
    assert done == client.good("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")
    assert client.bad("DELETE", ORDER, symbol="BTCUSDT", orderId=1)[1] == -2011


@pytest.mark.parametrize(
    ("kind", "client_id", "execution"),
    [
        (Kind.LIQUIDATION, "autoclose-", "CALCULATED"),
        (Kind.ADL, "adl_autoclose", "CALCULATED"),
        (Kind.SETTLEMENT, "settlement_autoclose-", "TRADE"),
    ],
)
def test_what_the_exchange_closes(kind: Kind, client_id: str, execution: str) -> None:
    """A forced close is an order nobody sent, known by its client id; it makes no TRADE_LITE."""
    client = Client()
    long(client)
    socket = client.listening()
    client.futures.submit(ForceClose(account="alice", instrument="BTCUSDT", kind=kind))
    new, trade, account = socket.take()
    assert (new["o"]["X"], trade["o"]["X"]) == ("NEW", "FILLED")
    assert new["o"]["c"].startswith(client_id)
    assert new["o"]["c"] == trade["o"]["c"]
    assert ("NEW", execution) == (new["o"]["x"], trade["o"]["x"])
    assert (kind is Kind.LIQUIDATION) == (trade["o"]["o"] == "LIQUIDATION")
    assert account["e"] == "ACCOUNT_UPDATE"


def test_deposits_and_funding() -> None:
    """Money moved in is ACCOUNT_UPDATE with its cause and its amount, and no positions."""
    client = Client()
    socket = client.listening()
    client.futures.submit(Deposit(account="alice", asset="USDT", amount=-150_000_000, cause=BalanceCause.FUNDING))
    client.futures.submit(Deposit(account="alice", asset="USDT", amount=100_000_000))
    told = [(m["a"]["m"], m["a"]["B"][0]["bc"], m["a"]["P"]) for m in socket.take()]
    assert told == [("FUNDING_FEE", "-1.5", []), ("DEPOSIT", "1", [])]


def algo_events(messages: list[Any]) -> list[tuple[str, str]]:
    """Status and child id of the ALGO_UPDATEs."""
    return [(m["o"]["X"], m["o"]["ai"]) for m in messages if m["e"] == "ALGO_UPDATE"]


def test_a_conditional_order_lives_beside_the_others() -> None:
    """It is told as ALGO_UPDATE, listed only by openAlgoOrders, found by both ids, and cancelled."""
    client = Client()
    socket = client.listening()
    placed = client.good("POST", ALGO, **STOP, closePosition="true", workingType="MARK_PRICE", priceProtect="TRUE")
    (new,) = socket.take()
    live = fixture(FUTURES, "algo_update_new_live")
    assert shape(new) == shape(live)
    assert tuple(new["o"][name] for name in ("X", "q", "cp", "pP")) == ("NEW", "0", True, True)
    assert client.good("GET", "/fapi/v1/openOrders") == []
    (listed,) = client.good("GET", "/fapi/v1/openAlgoOrders")
    assert listed == placed == client.good("GET", ALGO, clientAlgoId=placed["clientAlgoId"])
    ended = client.good("DELETE", ALGO, algoId=placed["algoId"])
    assert placed["algoId"] == ended["algoId"]
    assert algo_events(socket.take()) == [("CANCELED", "")]
    assert client.bad("DELETE", ALGO, algoId=placed["algoId"])[1] == -2011
    assert client.bad("GET", ALGO, algoId=1)[1] == -2013
    assert client.bad("GET", ALGO)[1] == -1102
    assert [row["algoStatus"] for row in client.good("GET", "/fapi/v1/allAlgoOrders", symbol="BTCUSDT")] == ["CANCELED"]


def test_a_triggered_order_names_its_child() -> None:
    """TRIGGERING, TRIGGERED with the child's id as a string, the child's own life, then FINISHED with its fill."""
    client = Client()
    long(client)
    client.quote(client.futures, Side.BUY, "46000", "1")
    algo_id = client.good("POST", ALGO, **STOP, quantity="0.01", reduceOnly="true")["algoId"]
    socket = client.listening()
    client.futures.submit(TriggerAlgo(algo_id=algo_id))
    messages = socket.take()
    (_, none), (_, child), (_, again) = algo_events(messages)
    assert [status for status, _ in algo_events(messages)] == ["TRIGGERING", "TRIGGERED", "FINISHED"]
    assert ("", child) == (none, again)
    orders = [m["o"] for m in messages if m["e"] == "ORDER_TRADE_UPDATE"]
    assert {int(child)} == {order["i"] for order in orders}
    assert {("STOP_MARKET", "MARKET", "45000")} == {(o["ot"], o["o"], o["sp"]) for o in orders}
    first, last = (m["o"] for m in messages if m["e"] == "ALGO_UPDATE" and m["o"]["ai"])
    assert (first["aq"], last["aq"]) == ("0", "0.01")
    assert set(fixture(FUTURES, "algo_update_canceled")["o"]) - {"rm"} <= set(last)


def test_a_trigger_that_the_market_reaches() -> None:
    """A stop is triggered by a trade at its price; one that would trigger at once is -2021."""
    client = Client()
    long(client)
    client.good("POST", ALGO, **STOP, quantity="0.01")
    client.quote(client.futures, Side.BUY, "44000", "1")
    client.good("POST", ORDER, symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.001")
    statuses = [row["algoStatus"] for row in client.good("GET", "/fapi/v1/allAlgoOrders", symbol="BTCUSDT")]
    assert statuses == ["FINISHED"]
    assert client.bad("POST", ALGO, **{**STOP, "triggerPrice": "44500"}, quantity="0.01")[1] == -2021


def test_a_refused_child_is_told_with_its_reason() -> None:
    """A reduce-only child without a position is REJECTED, with the reason in `rm`."""
    client = Client()
    algo_id = client.good("POST", ALGO, **STOP, quantity="0.01", reduceOnly="true")["algoId"]
    socket = client.listening()
    client.futures.submit(TriggerAlgo(algo_id=algo_id))
    last = socket.take()[-1]
    assert (last["o"]["X"], last["o"]["rm"]) == ("REJECTED", "Reduce only reject")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"algoType": "VP"}, -1130),
        ({"type": "LIMIT"}, -1116),
        ({"type": "TRAILING_STOP"}, -1116),
        ({"type": "TRAILING_STOP_MARKET"}, -1106),
        ({"type": "TRAILING_STOP_MARKET", "triggerPrice": ""}, -1102),
        ({"type": "TRAILING_STOP_MARKET", "triggerPrice": "", "callbackRate": "0.05"}, -2007),
        ({"type": "TRAILING_STOP_MARKET", "triggerPrice": "", "callbackRate": "1.25"}, -2007),
        ({"type": "TRAILING_STOP_MARKET", "triggerPrice": "", "callbackRate": "10.1"}, -2007),
        ({"timeInForce": "GTD"}, -1115),
        ({"triggerPrice": ""}, -1102),
        ({"workingType": "LAST"}, -1130),
        ({"quantity": ""}, -1102),
        ({"clientAlgoId": "x" * 37}, -4015),
    ],
)
def test_bad_conditional_orders(changed: dict[str, str], code: int) -> None:
    """Each bad conditional order has its code."""
    assert code == Client().bad("POST", ALGO, **{**STOP, "quantity": "0.01", **changed})[1]


def test_trades_page_by_id_or_within_a_week() -> None:
    """fromId is inclusive and excludes times; seven days are answered, more is -1127; by default the last seven."""
    client = Client()
    begin = client.stamp()
    order_id = client.buy("futures", quantity="1")["orderId"]
    for _ in range(5):
        client.fill(client.futures, order_id, "0.001")
        client.advance(1)
    ids = [row["id"] for row in client.good("GET", TRADES, symbol="BTCUSDT")]
    client.futures.settings.page_cap = 2

    def asked(**params: int) -> list[int]:
        return [row["id"] for row in client.good("GET", TRADES, symbol="BTCUSDT", **params)]

    assert ids[3:] == asked()
    assert ids[1:3] == asked(fromId=ids[1])
    assert ids[2:4] == asked(startTime=begin + 2000)
    assert ids[:2] == asked(endTime=begin + 1000)
    assert ids[3:] == asked(orderId=order_id)
    assert client.bad("GET", TRADES, symbol="BTCUSDT", fromId=1, startTime=1)[1] == -1128
    week = 7 * 24 * 3_600_000
    assert asked(startTime=1, endTime=1 + week) == []
    assert client.bad("GET", TRADES, symbol="BTCUSDT", startTime=1, endTime=2 + week)[1] == -1127
    client.advance(8 * 24 * 3600)
    assert asked() == []
    assert ids[1:3] == asked(startTime=begin + 1000)
    assert client.good("GET", "/fapi/v1/allOrders", symbol="BTCUSDT") == []
    assert len(client.good("GET", "/fapi/v1/allOrders", symbol="BTCUSDT", orderId=order_id)) == 1


def test_rest_can_lag_behind_the_stream() -> None:
    """With a lag, orders, fills, positions and the wallet are found later than they are told."""
    client = Client()
    client.futures.settings.rest_lag_ns = 5_000_000_000
    client.advance(10)
    long(client)

    def seen() -> tuple[int, int, int]:
        asked = ("/fapi/v1/allOrders", TRADES, "/fapi/v3/positionRisk")
        first, second, third = (len(client.good("GET", path, symbol="BTCUSDT")) for path in asked)
        return first, second, third

    assert seen() == (0, 0, 0)
    client.advance(5)
    assert seen() == (1, 1, 1)


def test_the_account_and_its_settings() -> None:
    """Wallet, unrealised profit and positions agree between the versions; the settings are those of a plain account."""
    client = Client()
    long(client)
    client.quote(client.futures, Side.SELL, "51000", "1")
    client.good("POST", ORDER, symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.001")
    for version, positions in (("v2", 2), ("v3", 1)):
        account = client.good("GET", f"/fapi/{version}/account")
        assert account["totalUnrealizedProfit"] == "10.00000000"
        assert positions == len(account["positions"])
        (wallet,) = client.good("GET", f"/fapi/{version}/balance")
        assert wallet["balance"] == account["totalWalletBalance"] == account["assets"][0]["walletBalance"]
    assert client.good("GET", "/fapi/v1/positionSide/dual") == {"dualSidePosition": False}
    assert client.good("GET", "/fapi/v1/multiAssetsMargin") == {"multiAssetsMargin": False}
    rate = client.good("GET", "/fapi/v1/commissionRate", symbol="BTCUSDT")
    assert (rate["makerCommissionRate"], rate["takerCommissionRate"]) == ("0.0002", "0.0005")
    assert [row["isAutoAddMargin"] for row in client.good("GET", "/fapi/v1/symbolConfig")] == [False, False]
    assert client.good("GET", "/fapi/v1/leverageBracket", symbol="BTCUSDT")["symbol"] == "BTCUSDT"


def test_all_conditional_orders_of_a_symbol_are_cancelled() -> None:
    """One call ends every one that waits, and only in that symbol; an id that was never there is -2011."""
    client = Client()
    for _ in range(2):
        client.good("POST", ALGO, **STOP, quantity="0.01")
    other = client.good("POST", ALGO, **{**STOP, "symbol": "ETHUSDT", "triggerPrice": "2000"}, quantity="0.01")
    assert client.good("DELETE", "/fapi/v1/algoOpenOrders", symbol="BTCUSDT")["code"] == 200
    assert [other["algoId"]] == [row["algoId"] for row in client.good("GET", "/fapi/v1/openAlgoOrders")]
    assert client.bad("DELETE", ALGO, algoId=1)[1] == -2011


def test_orders_of_a_symbol_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """An open order more than the filter allows is -1013."""
    monkeypatch.setattr(instruments, "MAX_NUM_ORDERS", 1)
    client = Client()
    client.good("POST", ORDER, **LIMIT)
    assert client.bad("POST", ORDER, **LIMIT)[1:] == (-1013, "Filter failure: MAX_NUM_ORDERS")


def test_prices_too_far_from_the_mark_price() -> None:
    """A buy too far above is -4016, a sell too far below -4024, also when an order is modified; the filter is told."""
    client = Client()
    for name, side, price, code, words in (
        ("wide", "BUY", "90000.1", -4016, "Limit price can't be higher than 90000."),
        ("wide", "SELL", "29999.9", -4024, "Limit price can't be lower than 30000."),
        ("venue", "BUY", "69000.1", -4016, "Limit price can't be higher than 69000."),
        ("venue", "SELL", "50999.9", -4024, "Limit price can't be lower than 51000."),
    ):
        client.futures.settings.options["percent_price"] = name
        for path in (ORDER, f"{ORDER}/test"):
            assert client.bad("POST", path, **{**LIMIT, "side": side, "price": price}) == (400, code, words)
    low = client.good("POST", ORDER, **{**LIMIT, "price": "1000"})  # far below a buy may lie
    changed = {"symbol": "BTCUSDT", "side": "BUY", "orderId": low["orderId"], "quantity": LIMIT["quantity"]}
    assert client.bad("PUT", ORDER, **changed, price="69000.1")[1] == -4016
    (told,) = [row for row in client.public("/fapi/v1/exchangeInfo")["symbols"] if row["symbol"] == "BTCUSDT"]
    assert told["filters"][-1] == {
        "filterType": "PERCENT_PRICE",
        "multiplierUp": "1.1500",
        "multiplierDown": "0.8500",
        "multiplierDecimal": "4",
    }
    client.futures.settings.options["percent_price"] = "off"
    client.good("POST", ORDER, **{**LIMIT, "side": "SELL", "price": "20000"})


def test_the_limit_price_of_a_stop_is_measured_by_its_trigger() -> None:
    """-4183 and -4184; a stop that becomes a market order has none."""
    client = Client()
    stop = {"algoType": "CONDITIONAL", "symbol": "BTCUSDT", "quantity": "1", "timeInForce": "GTC"}
    buy = {**stop, "side": "BUY", "type": "STOP", "triggerPrice": "100000"}
    client.good("POST", "/fapi/v1/algoOrder", **buy, price="150000")
    high = client.bad("POST", "/fapi/v1/algoOrder", **buy, price="150000.1")
    assert high == (400, -4183, "Limit price can't be higher than 150000.")
    sell = {**stop, "side": "SELL", "type": "STOP", "triggerPrice": "50000"}
    low = client.bad("POST", "/fapi/v1/algoOrder", **sell, price="24999.9")
    assert low == (400, -4184, "Limit price can't be lower than 25000.")


def test_the_market_is_told() -> None:
    """exchangeInfo, depth, tickers, trades and the premium index are there for one symbol or all; COIN-M has none."""
    client = Client()
    client.quote(client.futures, Side.SELL, "61000", "3")
    client.good("POST", ORDER, symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.5")
    info = client.public("/fapi/v1/exchangeInfo")
    assert [(row["pricePrecision"], row["quantityPrecision"]) for row in info["symbols"]] == [(1, 3), (2, 3)]
    assert [row["limit"] for row in info["rateLimits"]] == [2400, 300, 1200]
    assert client.public("/dapi/v1/exchangeInfo")["symbols"] == []
    assert client.public("/fapi/v1/depth?symbol=BTCUSDT&limit=5")["asks"] == [["61000", "2.5"]]
    assert client.public("/fapi/v1/ticker/price?symbol=BTCUSDT")["price"] == "61000"
    assert tuple(client.public("/fapi/v1/ticker/bookTicker")[0][name] for name in ("bidPrice", "askPrice")) == (
        "0",
        "61000",
    )
    assert client.public("/fapi/v1/trades?symbol=BTCUSDT")[0]["qty"] == "0.5"
    day = client.public("/fapi/v1/ticker/24hr?symbol=BTCUSDT")
    assert (day["lastPrice"], day["volume"], day["quoteVolume"], day["count"]) == ("61000", "0.5", "30500", 1)
    assert "bidPrice" not in day
    assert [(d["symbol"], d["count"]) for d in client.public(DAY)] == [("BTCUSDT", 1), ("ETHUSDT", 0)]
    premium = client.public("/fapi/v1/premiumIndex?symbol=BTCUSDT")
    assert premium["markPrice"] == "61000.00000000"
    assert 0 < premium["nextFundingTime"] - client.stamp() <= 8 * 3_600_000
    assert {"serverTime": client.stamp()} == client.public("/fapi/v1/time")
    assert client.public("/fapi/v1/ping") == {}
    assert client.good("POST", "/fapi/v1/order/test", **LIMIT) == {}
    assert client.bad("POST", "/fapi/v1/order/test", **{**LIMIT, "type": "STOP"})[1] == -4120
    assert client.bad("POST", "/fapi/v1/order/test", **{**LIMIT, "type": "X"})[1] == -1116

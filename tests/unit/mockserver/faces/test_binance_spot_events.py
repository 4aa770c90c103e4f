"""Spot's user data events: the shape of every message, and the order and meaning of their fields."""

import json
from typing import Any

import pytest

from mockserver.engine.types import Deposit, Expire, Reason, Side
from tests.unit.mockserver.faces.binance_client import Client, fixture, shape

SPOT = "binance_spot"
ORDER = "/api/v3/order"
LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "50000"}


def market_order(client: Client) -> list[Any]:
    """The events of a MARKET order for 6 of which only 4 can be had, in two trades, as in the venue's own example."""
    client.quote(client.spot, Side.SELL, "1000", "2", symbol="BNBUSDT")
    client.quote(client.spot, Side.SELL, "1000", "2", symbol="BNBUSDT")
    socket = client.subscribed()
    client.good("POST", ORDER, symbol="BNBUSDT", side="BUY", type="MARKET", quantity="6")
    return [message["event"] for message in socket.take()]


def test_a_market_order_tells_its_life_as_the_venue_does() -> None:
    """Four reports and then the balances, each with exactly the fields of the capture, all of one instant."""
    events = market_order(Client())
    names = ["new_market", "trade_1", "trade_2", "expired"]
    captured = [fixture(SPOT, f"execution_report_{name}") for name in names]
    captured[3]["eR"] = "INSUFFICIENT_LIQUIDITY"  # since 2026-03-26; the capture is of 2024
    for told, wanted in zip(events[:4], captured, strict=True):
        assert shape(told) == shape(wanted)
        same = [key for key in wanted if key not in set("EsciLIOTWZYnNtpPq") | {"V"}]
        assert {key: told[key] for key in same} == {key: wanted[key] for key in same}
    position = fixture(SPOT, "outbound_account_position_after_trade")
    assert shape(events[4]) == shape(position)
    assert len({event["E"] for event in events}) == 1
    ids = [event["I"] for event in events[:4]]
    assert sorted(set(ids)) == ids


def test_2024_had_no_expiry_reason() -> None:
    """Switched off, `eR` is absent and the report is the capture's again."""
    client = Client()
    client.spot.settings.options["expiry_reason"] = False
    assert shape(market_order(client)[3]) == shape(fixture(SPOT, "execution_report_expired"))


def test_a_cancel_swaps_the_ids() -> None:
    """On a cancel `c` is the request's id and `C` the order's own, in the event and in the answer."""
    client = Client()
    socket = client.subscribed()
    placed = client.buy(newClientOrderId="mine-1")
    new, locked = (message["event"] for message in socket.take())
    answer = client.good("DELETE", ORDER, symbol="BTCUSDT", orderId=placed["orderId"])
    cancelled, freed = (message["event"] for message in socket.take())
    later = {"W": 0, "V": ""}  # fields that the captures of 2022 are too old for
    assert shape(new) == shape(fixture(SPOT, "execution_report_new_limit") | later)
    assert shape(cancelled) == shape(fixture(SPOT, "execution_report_canceled") | later)
    assert shape(locked) == shape(fixture(SPOT, "outbound_account_position_locked"))
    assert shape(freed) == shape(fixture(SPOT, "outbound_account_position_freed"))
    assert (new["c"], new["C"]) == ("mine-1", "")
    assert (cancelled["C"], cancelled["X"], cancelled["w"]) == ("mine-1", "CANCELED", False)
    assert ("mine-1", cancelled["c"]) == (answer["origClientOrderId"], answer["clientOrderId"])
    assert len(cancelled["c"]) == 22
    assert {"BTC", "USDT", "BNB"} == {row["a"] for row in locked["B"]}


def test_the_cancel_may_bring_its_own_id() -> None:
    """`newClientOrderId` of a DELETE is the `c` of the event."""
    client = Client()
    socket = client.subscribed()
    client.buy(newClientOrderId="mine-1")
    client.good("DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="mine-1", newClientOrderId="bye")
    cancelled = socket.take()[2]["event"]
    assert (cancelled["c"], cancelled["C"]) == ("bye", "mine-1")


@pytest.mark.parametrize(
    ("changed", "reason", "words"),
    [
        ({"quantity": "100"}, "INSUFFICIENT_BALANCES", "Account has insufficient balance for requested action."),
        (
            {"type": "LIMIT_MAKER", "timeInForce": "", "price": "60000"},
            "WOULD_MATCH_IMMEDIATELY",
            "Order would immediately match and take.",
        ),
        (
            {"type": "STOP_LOSS_LIMIT", "stopPrice": "40000"},
            "STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY",
            "Order would trigger immediately.",
        ),
    ],
)
def test_a_new_order_that_is_refused_after_its_cancel_is_told_as_rejected(
    changed: dict[str, str], reason: str, words: str
) -> None:
    """The one REJECTED that spot tells: after the cancel's events, with an id of its own, and no balances."""
    client = Client()
    for side in (Side.SELL, Side.BUY):
        client.quote(client.spot, side, "59000", "1")  # the last price
    client.quote(client.spot, Side.SELL, "60000", "1")
    order_id = client.buy()["orderId"]
    socket = client.subscribed()
    wanted = {name: value for name, value in (LIMIT | changed).items() if value}
    replace = {"cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": order_id, "newClientOrderId": "next"}
    status, body = client.call("POST", "/api/v3/order/cancelReplace", **wanted, **replace)
    assert (status, body["code"]) == (409, -2021)
    assert body["data"]["newOrderResponse"] == {"code": -2010, "msg": words}
    cancelled, _, rejected = (message["event"] for message in socket.take())
    assert (cancelled["i"], cancelled["x"]) == (order_id, "CANCELED")
    assert (rejected["x"], rejected["X"], rejected["r"]) == ("REJECTED", "REJECTED", reason)
    assert (rejected["c"], rejected["C"], rejected["z"], rejected["t"]) == ("next", "", "0.00000000", -1)
    assert (rejected["i"] > order_id, rejected["w"], "W" in rejected) == (True, False, False)
    query = client.good("GET", ORDER, symbol="BTCUSDT", orderId=rejected["i"])
    assert (query["status"], query["isWorking"], query["clientOrderId"]) == ("REJECTED", False, "next")


def test_an_ordinary_refusal_tells_nothing() -> None:
    """Neither a refused order, nor the new one of a replace whose cancel failed."""
    client = Client()
    socket = client.subscribed()
    dear = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "100",
        "price": "50000",
    }
    assert client.bad("POST", ORDER, **dear)[1] == -2010
    both = {"cancelReplaceMode": "ALLOW_FAILURE", "cancelOrderId": 1}
    assert client.bad("POST", "/api/v3/order/cancelReplace", **dear, **both)[1] == -2022
    assert socket.take() == []
    assert client.good("GET", "/api/v3/allOrders", symbol="BTCUSDT") == []


def test_cancel_all_shares_one_request_id() -> None:
    """Every order has its own CANCELED event, and all bear one common request id."""
    client = Client()
    mine = [client.buy()["clientOrderId"] for _ in range(3)]
    socket = client.subscribed()
    answer = client.good("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")
    told = [m["event"] for m in socket.take() if m["event"]["e"] == "executionReport"]
    assert mine == [event["C"] for event in told] == [row["origClientOrderId"] for row in answer]
    assert len({event["c"] for event in told} | {row["clientOrderId"] for row in answer}) == 1


def test_partial_fills_of_a_resting_order() -> None:
    """A maker's fill stays on the book until the last; sums and fees are exact."""
    client = Client()
    socket = client.subscribed()
    order_id = client.buy()["orderId"]
    client.fill(client.spot, order_id, "0.004")
    client.fill(client.spot, order_id)
    reports = [m["event"] for m in socket.take() if m["event"]["e"] == "executionReport"]
    seen = [(r["X"], r["l"], r["z"], r["Z"], r["n"], r["N"], r["m"], r["w"]) for r in reports]
    assert seen == [
        ("NEW", "0.00000000", "0.00000000", "0.00000000", "0", None, False, True),
        ("PARTIALLY_FILLED", "0.00400000", "0.00400000", "200.00000000", "0.00000400", "BTC", True, True),
        ("FILLED", "0.00600000", "0.01000000", "500.00000000", "0.00000600", "BTC", True, False),
    ]


def test_an_amend_is_replaced_and_renamed() -> None:
    """An amended order keeps its id, gets a new client id unless it repeats the old one, and says REPLACED."""
    client = Client()
    order_id = client.buy(newClientOrderId="mine-1")["orderId"]
    socket = client.subscribed()
    path = "/api/v3/order/amend/keepPriority"
    answer = client.good("PUT", path, symbol="BTCUSDT", orderId=order_id, newQty="0.008")
    report = socket.take()[0]["event"]
    amended = answer["amendedOrder"]
    assert (report["x"], report["X"], report["q"]) == ("REPLACED", "NEW", "0.00800000")
    assert ("mine-1", report["c"]) == (amended["origClientOrderId"], amended["clientOrderId"])
    assert report["c"] != "mine-1"
    assert report["I"] == answer["executionId"]
    kept = client.good("PUT", path, symbol="BTCUSDT", orderId=order_id, newQty="0.007", newClientOrderId=report["c"])
    assert kept["amendedOrder"]["clientOrderId"] == report["c"]
    assert client.bad("PUT", path, symbol="BTCUSDT", orderId=order_id, newQty="0.007")[1] == -2038
    client.fill(client.spot, order_id)
    assert client.bad("PUT", path, symbol="BTCUSDT", orderId=order_id, newQty="0.006")[1] == -2013


def test_a_transfer_is_told_before_the_new_position() -> None:
    """A deposit is a balanceUpdate and then the position of that asset, shaped as captured."""
    client = Client()
    socket = client.subscribed()
    client.spot.submit(Deposit(account="alice", asset="USDT", amount=-100 * 10**8))
    update, position = (message["event"] for message in socket.take())
    assert shape(update) == shape(fixture(SPOT, "balance_update_capture"))
    assert (update["a"], update["d"]) == ("USDT", "-100.00000000")
    assert shape(position) == shape(fixture(SPOT, "outbound_account_position")["event"])


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"timeInForce": "IOC"}, "UNFILLED_IOC_QUANTITY_EXPIRED"),
        ({"timeInForce": "FOK"}, "UNFILLED_FOK_ORDER_EXPIRED"),
    ],
)
def test_what_does_not_fill_expires(terms: dict[str, str], reason: str) -> None:
    """IOC and FOK orders without a counterparty are NEW and then EXPIRED with the reason."""
    client = Client()
    socket = client.subscribed()
    answer = client.buy(**terms)
    reports = [m["event"] for m in socket.take() if m["event"]["e"] == "executionReport"]
    assert [("NEW", None), ("EXPIRED", reason)] == [(r["X"], r.get("eR")) for r in reports]
    assert ("EXPIRED", reason) == (answer["status"], answer["expiryReason"])


def test_the_exchange_may_expire_an_order() -> None:
    """An order ended by the exchange is EXPIRED with its own id in `c` and no `C`."""
    client = Client()
    order_id = client.buy(newClientOrderId="mine-1")["orderId"]
    socket = client.subscribed()
    client.spot.submit(Expire(instrument="BTCUSDT", order_id=order_id, reason=Reason.EXCHANGE))
    report = socket.take()[0]["event"]
    assert (report["X"], report["c"], report["C"], report["eR"]) == ("EXPIRED", "mine-1", "", "EXCHANGE_CANCELED")


def test_self_trade_prevention_and_self_trades() -> None:
    """By default the maker expires in match; with NONE one trade id is told for both of one's own orders."""
    client = Client()
    for mode in ("EXPIRE_MAKER", "NONE"):
        resting = client.buy(selfTradePreventionMode=mode)["orderId"]
        socket = client.subscribed()
        client.buy(side="SELL", selfTradePreventionMode=mode)
        reports = [m["event"] for m in socket.take() if m["event"]["e"] == "executionReport"]
        if mode == "NONE":
            trades = [r for r in reports if r["x"] == "TRADE"]
            assert len(trades) == 2
            assert len({r["t"] for r in trades}) == 1
            assert len({r["i"] for r in trades}) == 2
        else:
            (prevented,) = [r for r in reports if r["x"] == "TRADE_PREVENTION"]
            assert ("EXPIRED_IN_MATCH", resting, "0.01000000") == (prevented["X"], prevented["i"], prevented["A"])
        client.call("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")


def test_strategy_labels_come_back() -> None:
    """strategyId and strategyType are told in the event as `j` and `J` and in the answer by name."""
    client = Client()
    socket = client.subscribed()
    answer = client.buy(strategyId=7, strategyType=1_000_001)
    report = socket.take()[0]["event"]
    assert (7, 1_000_001) == (report["j"], report["J"]) == (answer["strategyId"], answer["strategyType"])


def test_events_are_exact_text() -> None:
    """Money is never a JSON number and never has an exponent."""
    client = Client()
    socket = client.subscribed()
    client.buy(quantity="0.00010", price="60000.01")
    for text in socket.texts():
        json.loads(text, parse_float=lambda number: pytest.fail(f"a float on the wire: {number}"))
        assert "E-" not in text

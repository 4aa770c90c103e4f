"""USD-M's orders with a date, conditional orders that trail, and those of 2024, which were ordinary orders."""

from typing import Any

import pytest

from mockserver.engine.types import HOUSE, Place, Side, TriggerAlgo, TriggerOrder
from tests.unit.mockserver.faces.binance_client import Client, Socket, fixture, shape

ALGO, ORDER = "/fapi/v1/algoOrder", "/fapi/v1/order"
TRAIL = {
    "algoType": "CONDITIONAL",
    "symbol": "BTCUSDT",
    "type": "TRAILING_STOP_MARKET",
    "quantity": "0.1",
    "callbackRate": "1.5",
}


def trade(client: Client, price: str) -> None:
    """Let a trade happen at this price, between strangers."""
    ticks = int(client.futures.engine.instruments["BTCUSDT"].tick ** -1) * int(price)
    for side in (Side.SELL, Side.BUY):
        client.futures.submit(Place(account=HOUSE, instrument="BTCUSDT", side=side, quantity=10, price=ticks))


@pytest.fixture
def client() -> Client:
    """A client on a market whose last trade was at 60000."""
    client = Client()
    trade(client, "60000")
    return client


def updates(socket: Socket) -> list[dict[str, Any]]:
    """What came about orders."""
    return [message["o"] for message in socket.take() if message["e"] == "ORDER_TRADE_UPDATE"]


def test_an_order_with_a_date_ends_at_its_date(client: Client) -> None:
    """The date keeps whole seconds; a timer of the world's clock ends the order, and tells the stream."""
    socket = client.listening()
    date = client.stamp() + 700_250
    placed = client.buy("futures", timeInForce="GTD", goodTillDate=date)
    told = date // 1_000 * 1_000
    assert (placed["timeInForce"], placed["goodTillDate"]) == ("GTD", told)
    assert f"good till date of order {placed['orderId']}" in {t.name for t in client.clock.pending()}
    client.advance(699)
    (row,) = client.good("GET", "/fapi/v1/openOrders", symbol="BTCUSDT")
    assert (row["timeInForce"], row["goodTillDate"], row["status"]) == ("GTD", told, "NEW")
    client.advance(1)
    assert client.good("GET", "/fapi/v1/openOrders", symbol="BTCUSDT") == []
    events = updates(socket)
    assert [(o["x"], o["X"], o["f"], o["gtd"]) for o in events] == [
        ("NEW", "NEW", "GTD", told),
        ("EXPIRED", "EXPIRED", "GTD", told),
    ]
    assert events[1]["T"] == told


@pytest.mark.parametrize("end", ["cancel", "fill", "reset"])
def test_the_timer_goes_with_the_order(client: Client, end: str) -> None:
    """Whatever ends it first; and a reset of the world."""
    placed = client.buy("futures", timeInForce="GTD", goodTillDate=client.stamp() + 700_000)
    match end:
        case "cancel":
            client.good("DELETE", ORDER, symbol="BTCUSDT", orderId=placed["orderId"])
        case "fill":
            client.fill(client.futures, placed["orderId"])
        case _:
            client.futures.face.reset()
    assert client.clock.pending() == []


@pytest.mark.parametrize(("ahead_ms", "code"), [(600_000, -1130), (600_001, None), (253_402_300_799_000, -1130)])
def test_a_date_lies_ahead(client: Client, ahead_ms: int, code: int | None) -> None:
    """More than 600 seconds, and before the year 10000."""
    terms = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0.01", "price": "50000"}
    date = ahead_ms if ahead_ms > client.stamp() else client.stamp() + ahead_ms
    status, body = client.call("POST", ORDER, **terms, timeInForce="GTD", goodTillDate=date)
    assert (status, body.get("code")) == (200 if code is None else 400, code)


@pytest.mark.parametrize(
    ("side", "activate", "quiet", "sets_off"),
    [
        ("SELL", None, ("61000", "60100"), "60085"),
        ("SELL", "61000", ("59000", "61000", "62000", "61071"), "61070"),
        ("BUY", None, ("59000", "59884"), "59885"),
        ("BUY", "59000", ("61000", "59000", "58000", "58869"), "58870"),
    ],
)
def test_a_trailing_stop(
    client: Client, side: str, activate: str | None, quiet: tuple[str, ...], sets_off: str
) -> None:
    """It follows the market from its activation price on (else at once), and becomes a market order."""
    more = {} if activate is None else {"activatePrice": activate}
    placed = client.good("POST", ALGO, **TRAIL, side=side, **more)
    assert (placed["triggerPrice"], placed["callbackRate"]) == ("0", "1.5")
    assert placed["activatePrice"] == (activate or "0")
    for price in quiet:
        trade(client, price)
        assert client.good("GET", ALGO, algoId=placed["algoId"])["algoStatus"] == "NEW", price
    trade(client, sets_off)
    ended = client.good("GET", ALGO, algoId=placed["algoId"])
    assert ended["algoStatus"] == "FINISHED"
    child = client.good("GET", ORDER, symbol="BTCUSDT", orderId=ended["actualOrderId"])
    assert (child["type"], child["origType"]) == ("MARKET", "TRAILING_STOP_MARKET")


@pytest.mark.parametrize(("side", "activate"), [("SELL", "59999"), ("BUY", "60001")])
def test_a_trail_that_would_begin_at_once(client: Client, side: str, activate: str) -> None:
    """ "BUY: activatePrice should be smaller than latest price; SELL: larger."""
    assert client.bad("POST", ALGO, **TRAIL, side=side, activatePrice=activate) == (
        400,
        -2021,
        "Order would immediately trigger.",
    )


def test_one_stop_closes_a_position(client: Client) -> None:
    """A second one in the same direction is refused until the first is gone; a take-profit is another thing."""
    closing = {**TRAIL, "type": "STOP_MARKET", "side": "SELL", "triggerPrice": "55000", "closePosition": "true"}
    closing = {name: value for name, value in closing.items() if name not in ("quantity", "callbackRate")}
    first = client.good("POST", ALGO, **closing)["algoId"]
    assert client.bad("POST", ALGO, **{**closing, "triggerPrice": "54000"})[1] == -4130
    client.good("POST", ALGO, **{**closing, "type": "TAKE_PROFIT_MARKET", "triggerPrice": "65000"})
    client.futures.submit(TriggerAlgo(algo_id=first))
    client.good("POST", ALGO, **closing)


def test_no_more_stops_than_the_venue_takes(client: Client) -> None:
    """The 201st is refused in the venue's words."""
    for _ in range(200):
        client.good("POST", ALGO, **TRAIL, side="SELL")
    assert client.bad("POST", ALGO, **TRAIL, side="SELL")[1:] == (-4045, "Reach max stop order limit.")


# -- 2024 -------------------------------------------------------------------------------------------------------------

STOP = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET", "stopPrice": "55000"}
TRAILING = {"symbol": "BTCUSDT", "side": "SELL", "type": "TRAILING_STOP_MARKET", "callbackRate": "1.5"}
OPEN = "/fapi/v1/openOrders"


@pytest.fixture
def old() -> Client:
    """A client of 2024 with a long position of 0.1, on a market whose last trade was at 60000."""
    client = Client("binance-2024")
    trade(client, "60000")
    placed = client.buy("futures", price="60000", quantity="0.1")
    client.fill(client.futures, placed["orderId"])
    return client


def hears(client: Client) -> Socket:
    """A socket of 2024 with the account's events."""
    key = client.raw("POST", "/fapi/v1/listenKey").body.decode().split('"')[3]
    return client.socket(f"/binance-futures/ws/{key}")


def waiting(client: Client, **terms: object) -> dict[str, Any]:
    """The answer to a conditional order of a tenth that is accepted."""
    answer: dict[str, Any] = client.good("POST", ORDER, **{"quantity": "0.1", **terms})
    return answer


def test_a_conditional_order_of_2024_is_one_of_the_others(old: Client) -> None:
    """It is told as ORDER_TRADE_UPDATE, listed and found with them, cancelled like them, and no algo order."""
    socket = hears(old)
    placed = waiting(old, **STOP, newClientOrderId="stop-1", workingType="MARK_PRICE", priceProtect="TRUE")
    (listed,) = old.good("GET", OPEN)
    assert listed["orderId"] == placed["orderId"]
    for row in (placed, listed, old.good("GET", "/fapi/v1/allOrders", symbol="BTCUSDT")[-1]):
        told = tuple(row[name] for name in ("type", "origType", "status", "stopPrice", "workingType", "priceProtect"))
        assert told == ("STOP_MARKET", "STOP_MARKET", "NEW", "55000", "MARK_PRICE", True)
    assert old.good("GET", "/fapi/v1/openAlgoOrders") == []
    ended = old.good("DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="stop-1")
    assert (ended["status"], ended["type"], old.good("GET", OPEN)) == ("CANCELED", "STOP_MARKET", [])
    new, cancelled = socket.take()
    assert shape(new) == shape(cancelled) == shape(fixture("binance_futures", "order_trade_update_new_2024"))
    for event, status in ((new["o"], "NEW"), (cancelled["o"], "CANCELED")):
        told = tuple(event[name] for name in ("o", "ot", "x", "X", "sp", "wt", "pP", "cp"))
        assert told == ("STOP_MARKET", "STOP_MARKET", status, status, "55000", "MARK_PRICE", True, False)


def test_what_a_stop_of_2024_tells_when_it_is_set_off(old: Client) -> None:
    """That the stop expired, then the same order as a new market order, then its fills."""
    stop = waiting(old, **STOP, reduceOnly="true", priceProtect="true")
    socket = hears(old)
    old.quote(old.futures, Side.BUY, "54000", "1")
    trade(old, "55000")
    told = [tuple(o[name] for name in ("o", "ot", "x", "X", "i", "z", "sp", "pP")) for o in updates(socket)]
    same = (stop["orderId"], "0", "55000")
    assert told == [
        ("STOP_MARKET", "STOP_MARKET", "EXPIRED", "EXPIRED", *same, True),
        ("MARKET", "STOP_MARKET", "NEW", "NEW", *same, False),
        ("MARKET", "STOP_MARKET", "TRADE", "FILLED", stop["orderId"], "0.1", "55000", False),
    ]
    row = old.good("GET", ORDER, symbol="BTCUSDT", orderId=stop["orderId"])
    assert (row["status"], row["type"], row["origType"], row["executedQty"]) == (
        "FILLED",
        "MARKET",
        "STOP_MARKET",
        "0.1",
    )


def test_the_reason_that_a_stop_was_set_off(old: Client) -> None:
    """Where events have reasons, the expiry has one of its own."""
    old.futures.settings.options["expiry_reason"] = True
    stop = waiting(old, **STOP)
    socket = hears(old)
    old.futures.submit(TriggerOrder(instrument="BTCUSDT", order_id=stop["orderId"]))
    assert [(o["X"], o["er"]) for o in updates(socket)] == [("EXPIRED", "8"), ("NEW", "0"), ("EXPIRED", "9")]


def test_a_stop_with_a_limit_rests_when_it_is_set_off(old: Client) -> None:
    """As a LIMIT order, post-only if it was asked to be; what waits is worth nothing to `b` and `a`."""
    socket = hears(old)
    terms = {**STOP, "type": "STOP", "price": "56000", "timeInForce": "GTX"}
    stop = waiting(old, **terms)
    assert (stop["type"], stop["timeInForce"], stop["price"]) == ("STOP", "GTX", "56000")
    trade(old, "55000")
    told = [(o["o"], o["f"], o["X"], o["a"]) for o in updates(socket)]
    assert told == [("STOP", "GTX", "NEW", "0"), ("STOP", "GTX", "EXPIRED", "5600"), ("LIMIT", "GTX", "NEW", "5600")]
    (row,) = old.good("GET", OPEN)
    assert (row["type"], row["origType"], row["status"]) == ("LIMIT", "STOP", "NEW")


@pytest.mark.parametrize("activate", [None, "61000"])
def test_a_trailing_stop_of_2024(old: Client, activate: str | None) -> None:
    """It shows where it begins and how far it follows, in the sample's fields, and becomes a market order."""
    more = {} if activate is None else {"activationPrice": activate}
    socket = hears(old)
    placed = waiting(old, **TRAILING, **more, newOrderRespType="RESULT")
    assert set(placed) == set(fixture("binance_futures", "order_new_answer"))
    row = old.good("GET", ORDER, symbol="BTCUSDT", orderId=placed["orderId"])
    assert shape(row) == shape(fixture("binance_futures", "order_query"))
    assert (row["activatePrice"], row["priceRate"], row["stopPrice"]) == (activate or "0", "1.5", "0")
    (event,) = updates(socket)
    assert set(event) == set(fixture("binance_futures", "order_trade_update_all_fields")["o"]) - {"er"}
    assert (event["AP"], event["cr"]) == (activate or "0", "1.5")
    for price in ("61000", "60086"):
        trade(old, price)
    assert updates(socket) == []
    trade(old, "60085")
    row = old.good("GET", ORDER, symbol="BTCUSDT", orderId=placed["orderId"])
    assert (row["type"], row["origType"]) == ("MARKET", "TRAILING_STOP_MARKET")


def test_a_stop_of_2024_that_closes_the_position(old: Client) -> None:
    """It has no quantity until it is set off, and then the position's; one in each direction."""
    closing = {**STOP, "closePosition": "true", "quantity": ""}
    stop = waiting(old, **closing)
    assert (stop["origQty"], stop["closePosition"]) == ("0", True)
    assert old.bad("POST", ORDER, **closing)[1] == -4130
    waiting(old, **{**closing, "type": "TAKE_PROFIT_MARKET", "stopPrice": "65000"})
    more = old.buy("futures", price="60000", quantity="0.05")
    old.fill(old.futures, more["orderId"])
    old.quote(old.futures, Side.BUY, "54000", "1")
    trade(old, "55000")
    row = old.good("GET", ORDER, symbol="BTCUSDT", orderId=stop["orderId"])
    assert (row["status"], row["origQty"], row["executedQty"], row["closePosition"]) == ("FILLED", "0.15", "0.15", True)
    assert old.good("GET", "/fapi/v3/positionRisk") == []
    socket = hears(old)
    trade(old, "65000")  # the take-profit finds nothing to close
    assert [(o["o"], o["X"]) for o in updates(socket)] == [("TAKE_PROFIT_MARKET", "EXPIRED")]


def test_a_stop_that_the_margin_does_not_carry(old: Client) -> None:
    """It is taken, since nothing is asked of it while it waits, and expires when it is set off."""
    stop = waiting(old, **{**STOP, "quantity": "900"})
    socket = hears(old)
    trade(old, "55000")
    assert [(o["o"], o["X"], o["i"]) for o in updates(socket)] == [("STOP_MARKET", "EXPIRED", stop["orderId"])]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"stopPrice": "60000"}, -2021),
        ({"stopPrice": ""}, -1102),
        ({"quantity": ""}, -1102),
        ({"type": "STOP"}, -1102),
        ({"type": "STOP", "price": "56000", "timeInForce": "GTD", "goodTillDate": "1"}, -1115),
        ({"type": "STOP", "price": "1"}, -4184),
        ({"workingType": "LAST"}, -1130),
        ({"closePosition": "true"}, -1106),
        ({"type": "STOP", "price": "56000", "closePosition": "true", "quantity": ""}, -1106),
        ({"type": "TRAILING_STOP_MARKET"}, -1106),
        ({"type": "TRAILING_STOP_MARKET", "stopPrice": "", "callbackRate": "0.05"}, -2007),
        ({"type": "TAKE_PROFIT_LIMIT"}, -1116),
        ({"positionSide": "LONG"}, -4061),
    ],
)
def test_bad_conditional_orders_of_2024(old: Client, changed: dict[str, str], code: int) -> None:
    """Each has its code, at the endpoint that only checks too but for what the market decides."""
    terms = {**STOP, "quantity": "0.1", **changed}
    assert old.bad("POST", ORDER, **terms)[1] == code
    if code != -2021:
        assert old.bad("POST", f"{ORDER}/test", **terms)[1] == code


def test_a_conditional_order_of_2024_is_not_modified(old: Client) -> None:
    """Only limit orders are."""
    stop = waiting(old, **{**STOP, "type": "STOP", "price": "56000"})
    terms = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.05", "price": "56000"}
    assert old.bad("PUT", ORDER, orderId=stop["orderId"], **terms)[1] == -1116


def test_ten_conditional_orders_of_a_symbol_in_2024(old: Client) -> None:
    """As its `exchangeInfo` says; today's says 200."""
    for client, limit in ((old, 10), (Client(), 200)):
        (row,) = (
            row
            for row in client.public("/fapi/v1/exchangeInfo")["symbols"][0]["filters"]
            if row["filterType"] == "MAX_NUM_ALGO_ORDERS"
        )
        assert row["limit"] == limit
    for _ in range(10):
        waiting(old, **STOP)
    assert old.bad("POST", ORDER, **STOP, quantity="0.1")[1:] == (-4045, "Reach max stop order limit.")
    old.buy("futures")
    old.good("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")
    assert old.good("GET", OPEN) == []

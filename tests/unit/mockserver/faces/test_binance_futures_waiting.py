"""USD-M's orders with a date, and conditional orders that trail."""

from typing import Any

import pytest

from mockserver.engine.types import HOUSE, Place, Side, TriggerAlgo
from tests.unit.mockserver.faces.binance_client import Client, Socket

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

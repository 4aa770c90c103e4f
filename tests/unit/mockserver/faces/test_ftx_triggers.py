"""FTX's trigger orders: their rows, what sets them off, and that the stream says nothing of them."""

from decimal import Decimal
from typing import Any

import pytest

from mockserver.engine.types import HOUSE, Place, Side
from tests.unit.mockserver.faces.ftx_client import Client

PATH = "/conditional_orders"
STOP = {"market": "BTC-PERP", "side": "sell", "type": "stop", "size": 0.01, "triggerPrice": 19_000}
# The keys of an answer of June 2022, as ccxt 2.1.74 keeps it, and the two that listings have beside them.
KEYS = [
    *("id", "market", "future", "side", "type", "orderPrice", "triggerPrice", "size", "status", "createdAt"),
    *("triggeredAt", "orderId", "error", "reduceOnly", "trailValue", "trailStart", "cancelledAt", "cancelReason"),
    *("retryUntilFilled", "orderType", "filledSize", "avgFillPrice"),
]


def trade(client: Client, price: int, name: str = "BTC-PERP") -> None:
    """Let a trade happen at this price, between strangers."""
    instrument = client.exchange.engine.instruments[name]
    steps = instrument.to_steps(instrument.min_quantity) * 100
    for side in (Side.SELL, Side.BUY):
        place = Place(
            account=HOUSE, instrument=name, side=side, quantity=steps, price=instrument.to_ticks(Decimal(price))
        )
        assert client.exchange.submit(place).reject is None


@pytest.fixture
def client() -> Client:
    """A client on markets whose last trades were at 20000."""
    client = Client()
    for name in ("BTC-PERP", "BTC/USD"):
        trade(client, 20_000, name)
    return client


def good(client: Client, method: str, path: str, body: object = None) -> Any:
    """The result of a call that succeeds."""
    status, result = client.call(method, path, body)
    assert status == 200, result
    return result


def test_a_stop_waits_unheard_and_becomes_another_order(client: Client) -> None:
    """No channel tells of it; when it is set off an order with another id appears, linked by its triggers only."""
    socket = client.socket("orders", "fills")
    placed = good(client, "POST", PATH, {**STOP, "orderPrice": 18_900})
    assert list(placed) == KEYS
    assert (placed["type"], placed["orderType"], placed["status"]) == ("stop", "limit", "open")
    assert (placed["orderPrice"], placed["triggerPrice"], placed["retryUntilFilled"]) == (18_900, 19_000, False)
    assert good(client, "GET", PATH) == [placed]
    assert good(client, "GET", f"{PATH}/{placed['id']}/triggers") == []
    assert socket.take() == []
    trade(client, 19_000)
    (told,) = [message["data"] for message in socket.take()]
    assert (told["status"], told["type"], told["price"], told["clientId"]) == ("new", "limit", 18_900, None)
    assert told["id"] != placed["id"]
    (link,) = good(client, "GET", f"{PATH}/{placed['id']}/triggers")
    assert (link["orderId"], link["orderSize"], link["filledSize"], link["error"]) == (
        told["id"],
        Decimal("0.01"),
        0,
        None,
    )
    assert good(client, "GET", PATH) == []
    (row,) = good(client, "GET", f"{PATH}/history")
    assert (row["status"], row["orderId"], row["triggeredAt"]) == ("triggered", told["id"], link["time"])
    assert [order["id"] for order in good(client, "GET", "/orders")] == [told["id"]]


@pytest.mark.parametrize(
    ("side", "kind", "price", "quiet", "sets_off", "words"),
    [
        ("sell", "stop", 19_000, 19_001, 18_999, "too high"),
        ("buy", "stop", 21_000, 20_999, 21_000, "too low"),
        ("sell", "takeProfit", 21_000, 20_999, 21_001, "too low"),
        ("buy", "takeProfit", 19_000, 19_001, 19_000, "too high"),
    ],
)
def test_which_way_each_kind_looks(
    client: Client, side: str, kind: str, price: int, quiet: int, sets_off: int, words: str
) -> None:
    """Both kinds and sides; the wrong side of the market is refused in the venue's words."""
    terms = {**STOP, "side": side, "type": kind, "triggerPrice": price}
    placed = good(client, "POST", PATH, terms)
    assert (placed["type"], placed["orderType"]) == (kind.replace("P", "_p"), "market")
    wrong = client.call("POST", PATH, {**terms, "triggerPrice": 40_000 - price})
    assert wrong == (400, f"Trigger price {words}")
    trade(client, quiet)
    assert [row["status"] for row in good(client, "GET", PATH)] == ["open"]
    trade(client, sets_off)
    assert [row["status"] for row in good(client, "GET", f"{PATH}/history")] == ["triggered"]


@pytest.mark.parametrize(
    ("side", "value", "quiet", "sets_off"),
    [("sell", -500, (20_400, 19_901), 19_900), ("buy", 500, (19_600, 20_099), 20_100)],
)
def test_a_trailing_stop_follows_the_market(
    client: Client, side: str, value: int, quiet: tuple[int, ...], sets_off: int
) -> None:
    """By a distance in money, negative for a sell; its trigger price moves with it."""
    terms = {**STOP, "side": side, "type": "trailingStop", "trailValue": value}
    placed = good(client, "POST", PATH, terms)
    assert (placed["type"], placed["trailValue"], placed["trailStart"]) == ("trailing_stop", value, 20_000)
    assert placed["triggerPrice"] == 20_000 + value
    for price in quiet:
        trade(client, price)
    (row,) = good(client, "GET", f"{PATH}?type=trailing_stop")
    assert row["triggerPrice"] == sets_off
    trade(client, sets_off)
    assert good(client, "GET", PATH) == []


def test_changing_and_cancelling(client: Client) -> None:
    """A changed one has another id; a cancelled one is in the history; an ended one cannot be cancelled."""
    first = good(client, "POST", PATH, STOP)
    second = good(client, "POST", f"{PATH}/{first['id']}/modify", {"size": 0.02, "triggerPrice": 18_000})
    assert (second["size"], second["triggerPrice"]) == (Decimal("0.02"), 18_000)
    assert [row["id"] for row in good(client, "GET", PATH)] == [second["id"]]
    assert client.call("POST", f"{PATH}/{second['id']}/modify", {"size": 0.02, "triggerPrice": 21_000})[0] == 400
    assert good(client, "DELETE", f"{PATH}/{second['id']}") == "Order queued for cancellation"
    assert client.call("DELETE", f"{PATH}/{second['id']}") == (400, "Order already closed")
    assert client.call("DELETE", f"{PATH}/7") == (404, "Order not found")
    rows = good(client, "GET", f"{PATH}/history?side=sell&orderType=market")
    assert [(row["id"], row["status"]) for row in rows] == [(second["id"], "cancelled"), (first["id"], "cancelled")]
    assert all(row["cancelledAt"] for row in rows)
    assert good(client, "GET", f"{PATH}/history?side=buy") == []


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ({}, []),
        ({"conditionalOrdersOnly": True}, ["limit"]),
        ({"limitOrdersOnly": True}, ["stop"]),
        ({"side": "buy"}, ["stop"]),
    ],
)
def test_cancelling_everything(client: Client, body: dict[str, object], left: list[str]) -> None:
    """Both kinds, or one of them."""
    good(client, "POST", PATH, STOP)
    order = {"market": "BTC-PERP", "side": "buy", "price": 15_000, "type": "limit", "size": 0.01}
    good(client, "POST", "/orders", order)
    good(client, "DELETE", "/orders", body)
    assert [row["type"] for row in good(client, "GET", PATH) + good(client, "GET", "/orders")] == left


@pytest.mark.parametrize(
    ("changed", "status", "words"),
    [
        ({"type": "limit"}, 400, "Invalid parameter type"),
        ({"side": "long"}, 400, "Invalid parameter side"),
        ({"triggerPrice": None}, 400, "Missing parameter triggerPrice"),
        ({"triggerPrice": 0}, 400, "Invalid price"),
        ({"type": "trailingStop"}, 400, "Missing parameter trailValue"),
        ({"type": "trailingStop", "trailValue": 5}, 400, "Invalid parameter trailValue"),
        ({"type": "trailingStop", "trailValue": -5, "orderPrice": 5}, 400, "Invalid parameter orderPrice"),
        ({"size": None}, 400, "Missing parameter size"),
        ({"size": 0.00001}, 400, "Size too small"),
        ({"market": "NO-PERP"}, 404, "No such market: NO-PERP"),
        ({"market": "BTC/USD", "reduceOnly": True}, 400, "Spot orders cannot be reduce-only"),
    ],
)
def test_refusals(client: Client, changed: dict[str, object], status: int, words: str) -> None:
    """What cannot be is refused in FTX's words, and nothing is kept."""
    assert client.call("POST", PATH, {**STOP, **changed}) == (status, words)
    assert good(client, "GET", f"{PATH}/history") == []


def test_one_that_is_refused_when_its_time_comes(client: Client) -> None:
    """It counts as triggered, with the error that an order would have met."""
    placed = good(client, "POST", PATH, {**STOP, "reduceOnly": True})
    trade(client, 19_000)
    (link,) = good(client, "GET", f"{PATH}/{placed['id']}/triggers")
    assert (link["orderId"], link["error"]) == (None, "Invalid reduce-only order")
    (row,) = good(client, "GET", f"{PATH}/history")
    assert (row["status"], row["error"]) == ("triggered", "Invalid reduce-only order")

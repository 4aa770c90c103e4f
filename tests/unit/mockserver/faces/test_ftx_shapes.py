"""Every message of the FTX face has the keys and the JSON types of a recorded or documented one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mockserver.engine.types import Side
from tests.unit.mockserver.faces.ftx_client import Client, Socket

FIXTURES = Path(__file__).parents[3] / "fixtures" / "ftx"


def shape(value: Any) -> Any:
    """The skeleton of JSON: key by key the type of the value; of a list the skeleton of its first element."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    if isinstance(value, bool) or value is None:
        return "null" if value is None else "bool"
    return "text" if isinstance(value, str) else "number"


def fixture(name: str) -> Any:
    """A fixture's content."""
    return json.loads((FIXTURES / name).read_text())


def body(client: Client, method: str, target: str, sent: object = None) -> Any:
    """The whole answer to a signed call."""
    return json.loads(client.send(client.request(method, target, sent)).body)


def streamed(channel: str, act: Callable[[Client], object]) -> Any:
    """The last message of a private channel after an act."""
    client = Client()
    client.quote(Side.SELL, "38500", "1")
    client.quote(Side.SELL, "38500", "1", market="BTC/USD")
    socket = client.socket(channel)
    act(client)
    return json.loads(socket.texts()[-1])


def cancelled(client: Client, **fields: Any) -> None:
    """Place and cancel."""
    order = client.placed(clientId="mine", **fields)
    client.call("DELETE", f"/orders/{order['id']}")


def asked(*messages: object, login: bool = False) -> Any:
    """The last answer on a fresh socket."""
    client = Client()
    socket = client.socket() if login else Socket(client.worlds)
    for message in messages:
        socket.send(message)
    return json.loads(socket.texts()[-1])


def subscription(op: str, channel: str, **fields: Any) -> dict[str, object]:
    """A subscribe or unsubscribe message."""
    return {"op": op, "channel": channel, **fields}


PRIVATE = subscription("subscribe", "orders")
TRADES = subscription("subscribe", "trades", market="BTC-PERP")
MARKET: dict[str, Any] = {"type": "market", "price": None, "clientId": "mine"}

STREAM: dict[str, Callable[[], Any]] = {
    "ws_fill_perp.json": lambda: streamed("fills", lambda c: c.placed(**MARKET)),
    "ws_order_new.json": lambda: streamed("orders", lambda c: c.placed("BTC/USD")),
    "ws_order_cancelled.json": lambda: streamed("orders", cancelled),
    "ws_order_market_filled.json": lambda: streamed("orders", lambda c: c.placed(**MARKET)),
    "ws_subscribed_public.json": lambda: asked(TRADES),
    "ws_subscribed_private.json": lambda: asked(PRIVATE, login=True),
    "ws_unsubscribed_public.json": lambda: asked(TRADES, {**TRADES, "op": "unsubscribe"}),
    "ws_pong.json": lambda: asked({"op": "ping"}),
}


@pytest.mark.parametrize("name", STREAM)
def test_stream_messages_have_the_recorded_shape(name: str) -> None:
    """The message has the recorded keys, in the recorded order, with the recorded types."""
    expected, actual = shape(fixture(name)), shape(STREAM[name]())

    assert actual == expected
    assert json.dumps(actual) == json.dumps(expected)


def test_the_spot_fill_has_grown_a_client_id() -> None:
    """A spot fill is that of 2021 and, as perpetual fills did by 2022, tells the client's id of the order."""
    fill = streamed("fills", lambda c: c.placed("BTC/USD", **MARKET))["data"]

    assert shape(fill) == {**shape(fixture("ws_fill_spot_data_2021.json")), "clientOrderId": "text"}


@pytest.mark.parametrize(
    ("name", "messages", "login"),
    [
        ("ws_error_invalid_login.json", [{"op": "login", "args": {"key": "x", "sign": "y", "time": 1}}], False),
        ("ws_error_not_logged_in.json", [PRIVATE], False),
        ("ws_error_already_subscribed.json", [PRIVATE, PRIVATE], True),
        ("ws_error_no_such_market.json", [{**TRADES, "market": "BTCUSDT"}], False),
    ],
)
def test_stream_errors_are_the_recorded_ones(name: str, messages: list[object], login: bool) -> None:
    """Type, code and text of the error are exactly the recorded ones, and nothing else is in the frame."""
    assert asked(*messages, login=login) == fixture(name)


def test_a_second_login_is_the_recorded_error() -> None:
    """Whoever is logged in cannot log in again."""
    client = Client()

    assert client.socket().ask(client.login()) == [fixture("ws_error_already_logged_in.json")]


def test_the_restart_notice_has_its_code() -> None:
    """The info frame has the keys and the code that the official sample reacts to."""
    client = Client()
    socket = client.socket()
    client.exchange.face.shutdown_notice()
    (notice,) = socket.take()

    assert shape(notice) == shape(fixture("ws_info_20001.json"))
    assert notice["code"] == 20001


def test_public_channels_have_the_recorded_shape() -> None:
    """Ticker and trades look like the captures of 2021 and 2022."""
    client = Client()
    client.quote(Side.BUY, "38400", "1")
    socket = Socket(client.worlds)
    socket.ask(subscription("subscribe", "ticker", market="BTC-PERP"))
    client.quote(Side.SELL, "38500", "1")
    ticker = json.loads(socket.texts()[-1])
    socket.ask(TRADES)
    client.placed(**MARKET)
    trades = [json.loads(text) for text in socket.texts() if '"trades"' in text]

    assert json.dumps(shape(ticker)) == json.dumps(shape(fixture("ws_ticker.json")))
    assert [shape(trade["data"]) for trade in trades] == [shape(fixture("ws_trades_data.json"))]


def test_an_order_answers_as_recorded() -> None:
    """The answer to a placed order and the row of an open one have the recorded keys in the recorded order."""
    client = Client()
    placed = body(
        client, "POST", "/orders", {"market": "BTC-PERP", "side": "buy", "type": "limit", "price": 1, "size": 1}
    )
    (row,) = body(client, "GET", "/orders")["result"]

    assert json.dumps(shape(placed)) == json.dumps(shape(fixture("rest_order_placed.json")))
    assert json.dumps(shape(row)) == json.dumps(shape(fixture("rest_order_open_row.json")))
    assert (placed["result"]["status"], row["status"]) == ("new", "open")


def test_a_cancelled_order_in_the_history() -> None:
    """The row of a cancelled spot order has the recorded keys and types."""
    client = Client()
    order = client.placed("BTC/USD")
    cancel = body(client, "DELETE", f"/orders/{order['id']}")
    (row,) = body(client, "GET", "/orders/history")["result"]

    assert cancel == fixture("rest_cancel.json")
    assert shape(row) == shape(fixture("rest_order_cancelled_row.json"))
    assert (row["filledSize"], row["remainingSize"]) == (0, 0)


def test_a_maker_is_paid_a_rebate() -> None:
    """A maker's fill has the recorded keys, a negative rate and a negative fee."""
    client = Client()
    order = client.placed("BTC/USD")
    client.fill(order["id"], market="BTC/USD")
    (row,) = body(client, "GET", "/fills")["result"]

    assert shape(row) == {**shape(fixture("rest_fill_maker_rebate.json")), "clientOrderId": "null"}
    assert (row["liquidity"], row["feeRate"] < 0, row["fee"] < 0) == ("maker", True, True)


def test_errors_have_the_envelope() -> None:
    """A failure has `success` and `error`; the 401 family of 2022 also an `errorCode`."""
    client = Client()
    refused = client.send(client.request("GET", "/account", key="unknown"))

    assert json.loads(refused.body) == {**fixture("rest_error.json"), "errorCode": "not_logged_in"}


def test_market_data_has_the_listed_keys() -> None:
    """Markets, futures, coins, book and trades have at least the listed keys, with the listed types."""
    client = Client()
    for market in ("BTC-PERP", "ETH/USD"):
        client.quote(Side.BUY, "1000", "1", market)
        client.quote(Side.SELL, "2000", "1", market)
    client.placed(**MARKET)

    for target, name in (
        ("/markets/BTC-PERP", "rest_market_perp.json"),
        ("/markets/ETH/USD", "rest_market_spot_2020.json"),
    ):
        assert shape(fixture(name)).items() <= shape(body(client, "GET", target)["result"]).items()
    assert shape(body(client, "GET", "/futures/BTC-PERP")["result"]) == shape(fixture("rest_future_perp.json"))
    for target, name in (
        ("/coins", "rest_coins.json"),
        ("/markets/BTC-PERP/orderbook", "rest_orderbook.json"),
        ("/markets/BTC-PERP/trades", "rest_trades.json"),
    ):
        assert shape(body(client, "GET", target)) == shape(fixture(name))


def test_the_account_has_the_listed_keys() -> None:
    """Account and positions of a short seller have at least the listed keys, with the listed types."""
    client = Client()
    client.quote(Side.BUY, "38000", "1")
    client.placed(side="sell", **MARKET)
    account = shape(body(client, "GET", "/account")["result"])
    expected = shape(fixture("rest_account.json")["result"])

    assert account.pop("positions") == expected.pop("positions")
    assert expected.items() <= account.items()
    assert shape(body(client, "GET", "/positions?showAvgPrice=true")) == shape(fixture("rest_positions.json"))

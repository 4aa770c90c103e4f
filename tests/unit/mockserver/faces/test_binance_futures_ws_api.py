"""USD-M's WebSocket API: the calls of REST by another door, with a pool of its own, and no events."""

from __future__ import annotations

from typing import Any

import pytest

from mockserver.engine.types import Side
from mockserver.faces.base import HttpRequest, HttpResponse
from mockserver.faces.binance import FUTURES
from mockserver.link import NoTransport
from tests.unit.mockserver.faces.binance_client import LIMIT, START_NS, Client, Signer, Socket, shape

PATH = "/ws-fapi/v1"


class Desk:
    """A client and its socket."""

    def __init__(self, limits: Any = "off") -> None:
        self.client = Client(limits=limits)
        self.account = self.client.accounts[FUTURES.name]
        self.socket: Socket = self.client.socket(PATH)

    def ask(self, method: str, **params: object) -> Any:
        """The one answer to a signed request."""
        sent = self.client.ws_params(self.account, **params)
        (answer,) = self.socket.ask({"id": "7", "method": method, "params": sent})
        assert answer["id"] == "7"
        return answer

    def keyed(self, method: str, **params: object) -> Any:
        """The one answer to a request that has a key and no signature."""
        sent = {"apiKey": self.account.api_key, **params}
        (answer,) = self.socket.ask({"id": None, "method": method, "params": sent})
        return answer

    def good(self, method: str, **params: object) -> Any:
        """The result of a signed request that succeeds."""
        answer = self.ask(method, **params)
        assert answer["status"] == 200, answer
        return answer["result"]


def test_orders_are_those_of_rest() -> None:
    """Placed, changed, asked about and cancelled here, they read as there, and are the same orders."""
    desk = Desk()
    placed = desk.good("order.place", **LIMIT)
    assert (placed["status"], placed["clientOrderId"] != "") == ("NEW", True)
    number = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
    changed = desk.good("order.modify", **number, side="BUY", quantity="0.02", price="50000")
    assert (changed["orderId"], changed["origQty"]) == (placed["orderId"], "0.02")
    told = desk.good("order.status", **number)
    assert told == desk.client.good("GET", "/fapi/v1/order", **number)
    assert shape(desk.client.buy("futures")) == shape(placed)
    assert desk.good("v1/order.cancel", **number)["status"] == "CANCELED"
    gone = desk.ask("order.cancel", **number)
    assert (gone["status"], gone["error"]) == (400, {"code": -2011, "msg": "Unknown order sent."})


def test_conditional_orders() -> None:
    """They are placed and cancelled by methods of their own."""
    desk = Desk()
    stop = {"algoType": "CONDITIONAL", "symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET"}
    desk.client.quote(desk.client.futures, Side.BUY, "49000", "1")
    placed = desk.good("algoOrder.place", **stop, triggerPrice="40000", quantity="0.01")
    (waiting,) = desk.client.good("GET", "/fapi/v1/openAlgoOrders")
    assert waiting["algoId"] == placed["algoId"]
    assert desk.good("algoOrder.cancel", algoId=placed["algoId"])["algoId"] == placed["algoId"]
    assert desk.client.good("GET", "/fapi/v1/openAlgoOrders") == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("account.balance", "/fapi/v2/balance"),
        ("v2/account.balance", "/fapi/v3/balance"),
        ("account.status", "/fapi/v2/account"),
        ("v2/account.status", "/fapi/v3/account"),
        ("account.position", "/fapi/v2/positionRisk"),
        ("v2/account.position", "/fapi/v3/positionRisk"),
    ],
)
def test_the_account_in_both_versions(method: str, path: str) -> None:
    """The second version of a method is a name of its own: it shows the positions that are open."""
    desk = Desk()
    assert desk.good(method) == desk.client.good("GET", path)


def test_positions_of_version_two_are_the_open_ones() -> None:
    """Version 1 has a row for every market."""
    desk = Desk()
    assert desk.good("v2/account.position") == []
    assert {row["symbol"] for row in desk.good("account.position")} == {i.name for i in FUTURES.instruments}


def test_the_market_needs_no_key() -> None:
    """Book and tickers."""
    desk = Desk()
    (depth,) = desk.socket.ask({"id": 1, "method": "depth", "params": {"symbol": "BTCUSDT", "limit": 5}})
    assert depth["result"].keys() == {"lastUpdateId", "E", "T", "bids", "asks"}
    (price,) = desk.socket.ask({"id": 1, "method": "ticker.price", "params": {"symbol": "BTCUSDT"}})
    assert price["result"]["symbol"] == "BTCUSDT"
    (books,) = desk.socket.ask({"id": 1, "method": "ticker.book"})
    assert len(books["result"]) == len(FUTURES.instruments)


def test_listen_keys() -> None:
    """Start, ping and stop need the API key alone; the key is that of REST."""
    desk = Desk()
    key = desk.keyed("userDataStream.start")["result"]["listenKey"]
    assert desk.keyed("userDataStream.ping")["result"] == {"listenKey": key}
    stream = desk.client.socket(f"/private/ws?listenKey={key}")
    desk.good("order.place", **LIMIT)
    assert "ORDER_TRADE_UPDATE" in {event["e"] for event in stream.take()}
    assert desk.keyed("userDataStream.stop")["result"] == {}
    gone = desk.keyed("userDataStream.ping")
    assert (gone["status"], gone["error"]) == (400, {"code": -1125, "msg": "This listenKey does not exist."})


def test_it_carries_no_events_and_knows_no_subscriptions() -> None:
    """`userDataStream.subscribe` is spot's alone, as are `ping` and `time`."""
    desk = Desk()
    for method in ("userDataStream.subscribe", "userDataStream.subscribe.signature", "session.subscriptions", "ping"):
        (answer,) = desk.socket.ask({"id": 1, "method": method, "params": desk.client.ws_params(desk.account)})
        assert (answer["status"], answer["error"]["code"]) == (400, -1135)
    desk.client.buy("futures")
    assert (desk.socket.take(), desk.socket.link.accounts) == ([], frozenset())


def test_wrong_signatures() -> None:
    """As on spot: unsigned, signed by another, too old."""
    desk = Desk()
    good = desk.client.ws_params(desk.account, **LIMIT)

    def code(**changed: object) -> tuple[int, int]:
        (answer,) = desk.socket.ask({"id": 1, "method": "order.place", "params": {**good, **changed}})
        return answer["status"], answer["error"]["code"]

    assert code(signature="0" * 64) == (400, -1022)
    assert code(apiKey="k" * 64) == (401, -2015)
    assert code(signature="") == (400, -1102)
    desk.client.advance(6)
    assert code() == (400, -1021)
    assert desk.client.good("GET", "/fapi/v1/openOrders") == []


def test_logging_on_with_ed25519() -> None:
    """Then orders need no key and no signature, though a time; other kinds of keys cannot log on."""
    desk = Desk()
    futures, stamp = desk.client.futures, desk.client.stamp()
    signer = Signer(desk.client, futures)
    (answer,) = desk.socket.ask({"id": 1, "method": "session.logon", "params": signer.params()})
    assert answer["result"] == {
        "apiKey": signer.account.api_key,
        "authorizedSince": stamp,
        "connectedSince": START_NS // 1_000_000,
        "returnRateLimits": True,
        "serverTime": stamp,
    }
    (placed,) = desk.socket.ask({"id": 2, "method": "order.place", "params": {**LIMIT, "timestamp": stamp}})
    assert placed["status"] == 200
    assert [order.order_id for order in futures.engine.open_orders("eddy")] == [placed["result"]["orderId"]]
    (out,) = desk.socket.ask({"id": 3, "method": "session.logout"})
    assert (out["result"]["apiKey"], out["result"]["authorizedSince"]) == (None, None)
    (refused,) = desk.socket.ask({"id": 4, "method": "order.place", "params": {**LIMIT, "timestamp": stamp}})
    assert refused["error"]["code"] == -1102
    assert desk.ask("session.logon")["error"]["code"] == -2028


def test_rate_limits_of_the_answers() -> None:
    """Orders show the account's counts, and the weight is not that of REST."""
    desk = Desk()
    desk.client.good("GET", "/fapi/v2/account")
    used = 5 + 5  # for dialling, and for the first call
    assert desk.ask("v2/account.balance")["rateLimits"] == [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400, "count": used}
    ]
    assert desk.ask("order.place", **LIMIT)["rateLimits"] == [
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300, "count": 1},
        {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200, "count": 1},
        {
            "rateLimitType": "REQUEST_WEIGHT",
            "interval": "MINUTE",
            "intervalNum": 1,
            "limit": 2400,
            "count": used,
        },
    ]
    assert "rateLimits" not in desk.ask("order.place", **LIMIT, returnRateLimits="false")
    silent = desk.client.socket(f"{PATH}?returnRateLimits=false")
    (answer,) = silent.ask({"id": 1, "method": "depth", "params": {"symbol": "BTCUSDT"}})
    assert "rateLimits" not in answer


def test_too_much_weight() -> None:
    """429 here, while REST goes on; dialling costs weight too, and is refused in the end."""
    desk = Desk(limits="ip")
    desk.client.futures.settings.options["weight_per_minute"] = 12
    assert desk.ask("v2/account.balance")["status"] == 200
    refused = desk.ask("v2/account.balance")
    assert (refused["status"], refused["error"]["code"]) == (429, -1003)
    assert refused["error"]["data"]["retryAfter"] > refused["error"]["data"]["serverTime"]
    assert desk.client.call("GET", "/fapi/v3/balance")[0] == 200
    turned_away = desk.client.worlds.connect(HttpRequest("GET", PATH), NoTransport())
    assert isinstance(turned_away, HttpResponse)
    assert turned_away.status == 429
    desk.client.futures.face.reset()
    assert isinstance(desk.client.worlds.connect(HttpRequest("GET", PATH), NoTransport()), tuple)

"""The control API's market: price, trade and book, and what clients' orders feel of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockserver.control import Control
from mockserver.engine.types import Place, Side
from mockserver.faces.base import HttpRequest
from mockserver.liquidity import make_liquidity
from tests.unit.mockserver.faces.binance_client import Client

LOCAL = (("host", "127.0.0.1:8080"),)


class Desk:
    """A client of the control API, and a bot with an order at 59000 on spot."""

    def __init__(self) -> None:
        self.client = Client()
        self.spot = self.client.spot
        self.control = Control(self.client.worlds)
        self.order_id = int(self.client.buy(price="59000", quantity="0.5")["orderId"])

    def ask(self, path: str, **body: Any) -> Any:
        method = "POST" if body or path.count("/") > 2 else "GET"
        answer = self.control.handle(HttpRequest(method, f"/__mock{path}", LOCAL, json.dumps(body).encode()))
        return {"status": answer.status, **json.loads(answer.body)}

    @property
    def filled(self) -> str:
        """How much of the bot's order is filled."""
        order = self.client.good("GET", "/api/v3/order", symbol="BTCUSDT", orderId=self.order_id)
        return str(order["executedQty"])


def test_a_price_fills_what_it_touches() -> None:
    """Not before, and then whole, at the order's own price; the ticker is there."""
    desk = Desk()
    for price, filled in (("59000.01", "0.00000000"), ("58999", "0.50000000")):
        answer = desk.ask("/market/BTCUSDT/price", venue="binance-spot", price=price)
        assert (answer["status"], desk.filled) == (200, filled)
    assert desk.ask("/market/BTCUSDT?venue=binance-spot")["last_price"] == "58999.00"
    assert desk.client.public("/api/v3/ticker/price?symbol=BTCUSDT")["price"] == "58999.00000000"
    assert [each["price"] for each in desk.client.good("GET", "/api/v3/myTrades", symbol="BTCUSDT")] == [
        "59000.00000000"
    ]


@pytest.mark.parametrize("path", ["price", "trade"])
def test_a_price_far_below_is_reached(path: str) -> None:
    """The house's own trade is large enough for the venue's least notional at that price, not at the usual one."""
    desk = Desk()
    answer = desk.ask(f"/market/BTCUSDT/{path}", venue="binance-spot", price="1000")
    assert answer["status"] == 200, answer


def test_a_trade_fills_no_more_than_its_quantity() -> None:
    """And is public whether a client had a part in it or not."""
    desk = Desk()
    desk.ask("/market/BTCUSDT/trade", venue="binance-spot", price="59000", quantity="0.2", side="sell")
    assert desk.filled == "0.20000000"
    desk.ask("/market/BTCUSDT/trade", venue="binance-spot", price="60500", quantity="0.1")
    trades = desk.client.public("/api/v3/trades?symbol=BTCUSDT")
    assert [(each["price"], each["qty"], each["isBuyerMaker"]) for each in trades][-2:] == [
        ("59000.00000000", "0.20000000", True),
        ("60500.00000000", "0.10000000", False),
    ]
    assert desk.ask("/market/BTCUSDT?venue=binance-spot")["asks"] == []


def test_a_book_replaces_the_houses() -> None:
    """A client's orders stay in it, and trade with what is in their way."""
    desk = Desk()
    desk.ask("/market/BTCUSDT/book", venue="binance-spot", bids=[["58000", "1"]], asks=[["61000", "2"]])
    row = desk.ask("/market/BTCUSDT/book", venue="binance-spot", bids=[["58500", 1]], asks=[["58900", "0.1"]])
    assert row["bids"] == [["59000.00", "0.40000"], ["58500.00", "1.00000"]]
    assert (row["asks"], desk.filled) == ([], "0.10000000")


def test_a_model_goes_on_from_the_price() -> None:
    """Under `touch` the next orders are filled where the price has been put."""
    desk = Desk()
    desk.spot.liquidity = make_liquidity("touch", desk.spot.engine, desk.spot.random("liquidity"))
    desk.ask("/market/BTCUSDT/price", venue="binance-spot", price="59500")
    assert desk.filled == "0.00000000"
    steps, ticks = 1_000, 5_960_000
    reply = desk.spot.submit(Place(account="alice", instrument="BTCUSDT", side=Side.BUY, quantity=steps, price=ticks))
    assert [each.price for each in reply.executions] == [5_950_001]


def test_the_markets_timers_are_told_apart() -> None:
    """The next deadline is not one of the market's; what shows the pending timers can see which are."""
    desk = Desk()
    desk.spot.clock.after(5, "noise", lambda: None, market=True)
    desk.spot.clock.after(10**12, "deadline", lambda: None)
    assert [(row["what"], row["market"]) for row in desk.ask("/clock")["pending"]] == [
        ("noise", True),
        ("deadline", False),
    ]
    assert [row["what"] for row in desk.ask("/clock/next", world="default")["fired"]] == ["deadline"]


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("/market/BTCUSDT/price", {"price": "1"}, 400, "binance-spot and binance-futures; give 'venue'"),
        ("/market/NOPE/price", {"venue": "binance-spot", "price": "1"}, 404, "no symbol 'NOPE'"),
        ("/market/BTCUSDT/price", {"venue": "binance-spot", "price": "1.001"}, 400, "multiple of the tick"),
        ("/market/BTCUSDT/price", {"venue": "binance-spot", "price": "0"}, 400, "'price' must be above zero"),
        ("/market/BTCUSDT/trade", {"venue": "binance-spot", "side": "up"}, 400, "BUY | SELL"),
        ("/market/BTCUSDT/book", {"venue": "binance-spot", "bids": [["1"]]}, 400, "list of \\[price, quantity\\]"),
        (
            "/market/BTCUSDT/book",
            {"venue": "binance-spot", "bids": [["2", "1"]], "asks": [["2", "1"]]},
            400,
            "not below the best ask",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(path: str, body: dict[str, Any], status: int, says: str) -> None:
    """In words."""
    answer = Desk().ask(path, **body)
    assert answer["status"] == status
    assert says.replace("\\", "") in answer["error"]


@pytest.mark.parametrize(
    ("match", "says"),
    [
        ({"method": "POTS"}, "no method 'POTS'; did you mean 'POST'?"),
        ({"path": "/api/v3/ordr"}, "no path '/api/v3/ordr'; did you mean '/api/v3/order'?"),
        ({"venue": "binance-futures", "path": "/fapi/v1/ordr*"}, "did you mean '/fapi/v1/order'?"),
        ({"method": "POST", "path": "/api/v3/order"}, None),
        ({"path": "/api/v3/*"}, None),
        ({"method": "WS", "path": "order.place"}, None),
        ({"path": "/ws/whatever"}, None),
    ],
)
def test_a_fault_about_what_nobody_can_ask_is_refused(match: dict[str, str], says: str | None) -> None:
    """It would never happen; what comes by a socket may have any path."""
    answer = Desk().ask("/faults", fault={"latency": {"delay": "1s"}, "match": match})
    assert answer["status"] == (200 if says is None else 404), answer
    assert says is None or says in answer["error"]


def test_settings_without_a_venue_go_to_those_that_have_them() -> None:
    """An option, or an era, of some; what no venue has at all is refused, and so is what none has together."""
    desk = Desk()
    changed = desk.ask("/settings", options={"gtx_crossing": "expire"})["settings"]
    assert changed.keys() >= {"binance-spot", "binance-futures"}
    assert [name for name, row in changed.items() if "gtx_crossing" in row["options"]] == ["binance-futures"]
    assert changed["binance-futures"]["options"]["gtx_crossing"] == "expire"
    eras = desk.ask("/settings", profile="binance-2024")["settings"]
    assert {name: row["profile"] for name, row in eras.items() if name.startswith("binance")} == {
        "binance-spot": "binance-2024",
        "binance-futures": "binance-2024",
    }
    assert "did you mean 'gtx_crossing'" in desk.ask("/settings", options={"gtx_crosing": "expire"})["error"]


def test_a_key_that_the_venue_would_refuse_is_refused_at_once() -> None:
    """Binance looks at the form of a key before anything else."""
    refused = Desk().ask("/accounts", venue="binance-spot", name="bob", api_key="mykey", secret="s")
    assert (refused["status"], "64 letters and digits" in refused["error"]) == (409, True), refused

"""Faults of the business at every venue: what the client is answered, in the venue's words, and what has happened."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockserver.clock import VirtualClock
from mockserver.exchange import Exchange
from mockserver.faces.base import HttpRequest, HttpResponse
from mockserver.faults import (
    CancelRace,
    Delist,
    Down,
    EmptyBody,
    ExecStatusUnknown,
    Fault,
    FillAfter,
    FilterChange,
    Kind,
    Maintenance,
    Match,
    PartialFillStorm,
    RateLimit,
    StaleSnapshot,
    SymbolHalt,
    TlsReset,
    magic,
)
from mockserver.faults.naming import order_of_answer, order_of_request
from mockserver.faults.request_kinds import SECOND
from mockserver.link import NoTransport
from tests.unit.mockserver.faces.binance_client import Client as BinanceClient
from tests.unit.mockserver.faces.ftx_client import Client as FtxClient

VENUES = ("binance-spot", "binance-futures", "ftx")


class Desk:
    """A client of one venue, whose requests meet faults as they would on a server."""

    def __init__(self, venue: str) -> None:
        self.venue = venue
        self.clock: VirtualClock
        self.exchange: Exchange
        if venue == "ftx":
            self.ftx = FtxClient()
            self.worlds, self.clock, self.exchange = self.ftx.worlds, self.ftx.clock, self.ftx.exchange
            self.symbol, self.price = "BTC/USD", 30_000
        else:
            self.binance = BinanceClient()
            self.worlds, self.clock = self.binance.worlds, self.binance.clock
            self.exchange = self.worlds.default.exchanges[venue]
            self.symbol, self.price = "BTCUSDT", 50_000
        self.place_path = {"binance-spot": "/api/v3/order", "binance-futures": "/fapi/v1/order", "ftx": "/api/orders"}[
            venue
        ]

    def arm(self, kind: Kind, **match: Any) -> None:
        self.worlds.default.faults.arm(Fault(kind=kind, match=Match(**match)))

    def send(self, request: HttpRequest) -> HttpResponse:
        _, fate = self.worlds.fate(request)
        answer = self.worlds.handle(request, fate)
        assert answer is not None
        return answer

    def request(self, method: str, path: str, **params: Any) -> HttpRequest:
        if self.venue == "ftx":
            return self.ftx.request(method, path.removeprefix("/api"), params or None)
        key = (("X-MBX-APIKEY", self.binance.account_of(path).api_key),)
        return HttpRequest(method, f"{path}?{self.binance.signed(path, params)}", key)

    def place(self, client_id: str | None = None) -> HttpResponse:
        if self.venue == "ftx":
            terms: dict[str, Any] = {"market": self.symbol, "side": "buy", "price": self.price, "size": 0.01}
            terms |= {"type": "limit", "clientId": client_id}
        else:
            terms = {"symbol": self.symbol, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
            terms |= {"price": self.price, "quantity": "0.01"}
            terms |= {} if client_id is None else {"newClientOrderId": client_id}
        return self.send(self.request("POST", self.place_path, **terms))

    def placed(self) -> int:
        told = self.place()
        assert told.status == 200, told.body
        order = order_of_answer(self.exchange, told)
        assert order is not None
        return order.order_id

    def cancel_request(self, order_id: int) -> HttpRequest:
        if self.venue == "ftx":
            return self.request("DELETE", f"/api/orders/{order_id}")
        return self.request("DELETE", self.place_path, symbol=self.symbol, orderId=order_id)

    def status(self, order_id: int) -> str:
        order = self.exchange.engine.order(self.symbol, order_id)
        assert order is not None
        return order.status.value

    @property
    def fills(self) -> int:
        return len(self.exchange.engine.executions("alice"))


@pytest.fixture(params=VENUES)
def desk(request: pytest.FixtureRequest) -> Desk:
    """One at each venue."""
    return Desk(request.param)


def words(answer: HttpResponse) -> str:
    """What a refusal says."""
    told = json.loads(answer.body)
    return str(told.get("msg", told.get("error")))


def test_a_cancel_that_comes_too_late(desk: Desk) -> None:
    """The order has filled, and the cancel is refused; one half filled is cancelled."""
    whole, half = desk.placed(), desk.placed()
    desk.arm(CancelRace(), method="DELETE", nth=1)
    refused = desk.send(desk.cancel_request(whole))
    assert (refused.status, words(refused)) == (
        400,
        "Order already closed" if desk.venue == "ftx" else "Unknown order sent.",
    )
    assert desk.status(whole) == "FILLED"
    desk.worlds.default.faults.clear()
    desk.arm(CancelRace(percent=50), method="DELETE")
    assert desk.send(desk.cancel_request(half)).status == 200
    assert (desk.status(half), desk.fills) == ("CANCELED", 2)


@pytest.mark.parametrize("kind", [FillAfter(delay_ns=0), PartialFillStorm(fills=3)])
def test_a_question_fills_nothing(desk: Desk, kind: Kind) -> None:
    """Its answer tells of an order, but it has placed none."""
    order_id = desk.placed()
    desk.arm(kind)
    if desk.venue == "ftx":
        asked = desk.request("GET", f"/api/orders/{order_id}")
    else:
        asked = desk.request("GET", desk.place_path, symbol=desk.symbol, orderId=order_id)
    assert desk.send(asked).status == 200
    assert (desk.status(order_id), desk.fills) == ("NEW", 0)


CONDITIONAL: dict[str, Any] = {"algoType": "CONDITIONAL", "symbol": "BTCUSDT", "side": "BUY", "type": "STOP"}
CONDITIONAL |= {"quantity": "0.01", "timeInForce": "GTC", "triggerPrice": "60000"}
CANCEL_ALL = {"binance-spot": "/api/v3/openOrders", "binance-futures": "/fapi/v1/allOpenOrders", "ftx": "/api/orders"}


def test_a_cancel_of_all_that_comes_too_late(desk: Desk) -> None:
    """Every order has filled, of this market; another side's of FTX is none of them."""
    desk.arm(CancelRace(), method="DELETE")
    orders = [desk.placed() for _ in range(3)]
    if desk.venue == "ftx":
        desk.send(desk.request("DELETE", CANCEL_ALL["ftx"], market=desk.symbol, side="sell"))
        assert desk.fills == 0
        desk.send(desk.request("DELETE", CANCEL_ALL["ftx"], market=desk.symbol))
    else:
        desk.send(desk.request("DELETE", CANCEL_ALL[desk.venue], symbol=desk.symbol))
    assert [desk.status(order) for order in orders] == ["FILLED"] * 3


def test_a_new_order_races_with_none(desk: Desk) -> None:
    """Nor does it with one that has no client id either."""
    first = desk.placed()
    desk.arm(CancelRace())
    second = desk.placed()
    assert [desk.status(order) for order in (first, second)] == ["NEW", "NEW"]


@pytest.mark.parametrize("by", ["orderListId", "listClientOrderId"])
def test_a_cancel_of_a_list_that_comes_too_late(by: str) -> None:
    """The order that works fills, so the other one expires, and there is nothing left to cancel."""
    desk = Desk("binance-spot")
    terms = {"aboveType": "LIMIT_MAKER", "abovePrice": 70_000, "belowType": "STOP_LOSS", "belowStopPrice": 40_000}
    terms |= {"symbol": desk.symbol, "side": "SELL", "quantity": "0.01", "listClientOrderId": "pair"}
    told = json.loads(desk.send(desk.request("POST", "/api/v3/orderList/oco", **terms)).body)
    desk.arm(CancelRace(), method="DELETE")
    refused = desk.send(desk.request("DELETE", "/api/v3/orderList", symbol=desk.symbol, **{by: told[by]}))
    assert (refused.status, words(refused)) == (400, "Unknown order sent.")
    assert [desk.status(each["orderId"]) for each in told["orders"]] == ["FILLED", "EXPIRED"]


def test_a_bulk_cancel_that_comes_too_late() -> None:
    """The orders that it names have filled, by whatever name; the answer has the ids of those that were not."""
    desk = Desk("ftx")
    desk.arm(CancelRace(), method="DELETE")
    orders = [desk.placed() for _ in range(3)]
    answer = desk.send(desk.request("DELETE", "/api/bulk_orders", orderIds=orders[:2]))
    assert json.loads(answer.body)["result"] == []
    desk.place("mine")
    desk.send(desk.request("DELETE", "/api/bulk_orders_by_client_id", clientOrderIds=["mine", "other"]))
    assert [desk.status(order) for order in orders] == ["FILLED", "FILLED", "NEW"]
    assert desk.fills == 3


@pytest.mark.parametrize("method", ["DELETE", "PUT"])
def test_a_batch_that_comes_too_late(method: str) -> None:
    """The orders that it is to cancel or change have filled, each by whatever name; others have not."""
    desk = Desk("binance-futures")
    first, second, third = (json.loads(desk.place(each).body)["orderId"] for each in ("one", "two", "three"))
    new = {"symbol": desk.symbol, "side": "BUY", "quantity": "0.02", "price": "49000"}
    changes = json.dumps([{**new, "orderId": first}, {**new, "origClientOrderId": "two"}])
    given = (
        {"batchOrders": changes} if method == "PUT" else {"symbol": desk.symbol, "orderidlist": f"[{first},{second}]"}
    )
    desk.arm(CancelRace(), method=method)
    told = desk.send(desk.request(method, "/fapi/v1/batchOrders", **given))
    assert [row["code"] for row in json.loads(told.body)] == [-2013 if method == "PUT" else -2011] * 2
    assert [desk.status(each) for each in (first, second, third)] == ["FILLED", "FILLED", "NEW"]


@pytest.mark.parametrize("all_of_them", [False, True])
@pytest.mark.parametrize("venue", ["binance-futures", "ftx"])
def test_a_cancel_of_a_conditional_order_that_comes_too_late(venue: str, all_of_them: bool) -> None:
    """It has been set off, and its order has filled."""
    desk = Desk(venue)
    desk.arm(CancelRace(), method="DELETE")
    if venue == "ftx":
        terms = {"market": desk.symbol, "side": "buy", "size": 0.01, "type": "stop", "triggerPrice": 35_000}
        placed = desk.send(desk.request("POST", "/api/conditional_orders", **terms, orderPrice=29_000))
        number = json.loads(placed.body)["result"]["id"]
        path = CANCEL_ALL["ftx"] if all_of_them else f"/api/conditional_orders/{number}"
        cancel = desk.request("DELETE", path)
    else:
        placed = desk.send(desk.request("POST", "/fapi/v1/algoOrder", **CONDITIONAL, price="45000"))
        number = json.loads(placed.body)["algoId"]
        one = desk.request("DELETE", "/fapi/v1/algoOrder", algoId=number)
        cancel = desk.request("DELETE", "/fapi/v1/algoOpenOrders", symbol=desk.symbol) if all_of_them else one
    told = desk.send(cancel)
    assert (told.status == 200) is all_of_them, told.body
    assert desk.exchange.engine.algo_orders("alice", only_open=True) == ()
    assert [view.status.value for view in desk.exchange.engine.orders("alice")] == ["FILLED"]


@pytest.mark.parametrize(("venue", "kind"), [("binance-spot", "STOP_LOSS_LIMIT"), ("binance-futures", "STOP")])
def test_a_cancel_of_an_order_that_waits_comes_too_late(venue: str, kind: str) -> None:
    """It has been set off under its own id, and has filled."""
    desk = Desk(venue)
    desk.exchange.settings.profile = "binance-2024"
    terms = {"symbol": desk.symbol, "side": "BUY", "type": kind, "quantity": "0.01", "timeInForce": "GTC"}
    placed = desk.send(desk.request("POST", desk.place_path, **terms, stopPrice="61000", price="61000"))
    number = json.loads(placed.body)["orderId"]
    desk.arm(CancelRace(), method="DELETE")
    assert words(desk.send(desk.cancel_request(number))) == "Unknown order sent."
    assert (desk.status(number), desk.fills) == ("FILLED", 1)


def test_lower_limits_for_a_while(desk: Desk) -> None:
    """In the venue's own words and headers, up to a ban; then all is as before, ban and all."""
    name = "requests_per_minute" if desk.venue == "ftx" else "weight_per_minute"
    desk.clock.advance(60 * SECOND - desk.clock.now_ns % (60 * SECOND), wall=True)  # a fresh minute
    desk.arm(RateLimit(lasts_ns=30 * SECOND, **{name: 4}), nth=1)
    path = desk.place_path.replace("order", "time") if desk.venue != "ftx" else "/api/time"
    told = [desk.send(HttpRequest("GET", path)) for _ in range(20)]
    assert [each.status for each in told[:5]] == [200, 200, 200, 200, 429]
    if desk.venue == "ftx":
        assert {each.status for each in told[4:]} == {429}
        assert words(told[4]) == "Cannot send more than 4 requests per minute"
    else:
        headers = dict(told[4].headers)
        assert (headers["Retry-After"], headers["x-mbx-used-weight-1m"]) == ("60", "5")
        assert "current limit is 4 request weight per 1 MINUTE" in words(told[4])
        assert (told[13].status, told[14].status, told[19].status) == (429, 418, 418)
    desk.clock.advance(30 * SECOND)
    assert desk.send(HttpRequest("GET", path)).status == 200


def test_limits_that_are_lowered_twice(desk: Desk) -> None:
    """The end of the first does not lift the second."""
    desk.exchange.settings.options |= {"requests_per_5m": 9, "weight_per_minute": 9, "requests_per_minute": 9}
    request = HttpRequest("GET", "/")
    RateLimit(lasts_ns=SECOND).before(desk.exchange, request)
    RateLimit(lasts_ns=2 * SECOND, weight_per_minute=7, requests_per_minute=None).before(desk.exchange, request)
    desk.clock.advance(SECOND)
    assert desk.exchange.rules.lowered == {"weight_per_minute": 7}
    assert (desk.exchange.option("weight_per_minute"), desk.exchange.limits) == (7, "ip")
    desk.clock.advance(SECOND)
    assert (desk.exchange.option("weight_per_minute"), desk.exchange.limits) == (9, "off")


def test_a_venue_that_is_down(desk: Desk) -> None:
    """Nothing is done and nothing answered, in whatever way a fault would have it, until it is up."""
    desk.arm(Down(lasts_ns=SECOND), method="POST", nth=1)
    desk.worlds.default.faults.arm(Fault(kind=EmptyBody()))
    assert [desk.place().cut for _ in range(2)] == [True, True]
    target = {"binance-spot": "/ws-api/v3", "binance-futures": "/private/ws", "ftx": "/ws"}[desk.venue]
    refused = desk.worlds.connect(HttpRequest("GET", target), NoTransport())
    assert isinstance(refused, HttpResponse)
    assert refused.cut
    host = {"binance-spot": "api.binance.com", "binance-futures": "fapi.binance.com", "ftx": "ftx.com"}[desk.venue]
    assert desk.worlds.handshake(host) == TlsReset()
    desk.clock.advance(SECOND)
    assert desk.worlds.handshake(host) is None
    assert not desk.place().cut
    assert len(desk.exchange.engine.orders("alice")) == 1


def test_a_cancel_by_client_id_that_comes_too_late(desk: Desk) -> None:
    """Client ids name orders as well."""
    order = order_of_answer(desk.exchange, desk.place("mine"))
    assert order is not None
    desk.arm(CancelRace(), method="DELETE")
    if desk.venue == "ftx":
        request = desk.request("DELETE", "/api/orders/by_client_id/mine")
    else:
        request = desk.request("DELETE", desk.place_path, symbol=desk.symbol, origClientOrderId="mine")
    assert order_of_request(desk.exchange, request) == order
    assert desk.send(request).status == 400
    assert desk.status(order.order_id) == "FILLED"


@pytest.mark.parametrize("name", ["cancelOrderId", "cancelOrigClientOrderId"])
def test_a_replacement_that_comes_too_late(name: str) -> None:
    """The order that was to be replaced has filled; the new one is placed all the same, if that was asked for."""
    desk = Desk("binance-spot")
    order = order_of_answer(desk.exchange, desk.place("mine"))
    assert order is not None
    desk.arm(CancelRace(), path="*/cancelReplace")
    terms = {"symbol": desk.symbol, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    old = {name: order.order_id if name == "cancelOrderId" else "mine"}
    request = desk.request(
        "POST", "/api/v3/order/cancelReplace", **terms, price=desk.price, **old, cancelReplaceMode="ALLOW_FAILURE"
    )
    told = json.loads(desk.send(request).body)
    assert (told["code"], told["data"]["cancelResult"], told["data"]["newOrderResult"]) == (-2021, "FAILURE", "SUCCESS")
    assert (desk.status(order.order_id), desk.fills) == ("FILLED", 1)


def test_a_cancel_is_about_the_sender_s_own_order(desk: Desk) -> None:
    """Two accounts may use one client id, and one may ask for an id that is the other's."""
    desk.place("mine")
    theirs = desk.exchange.engine.open_orders("alice")[0]
    other = desk.worlds.open_account(desk.exchange, "bob")
    if desk.venue == "ftx":
        mine, desk.ftx.account = desk.ftx.account, other
        path, fields = "/api/orders/by_client_id/mine", {}
    else:
        mine, desk.binance.accounts[desk.venue] = desk.binance.accounts[desk.venue], other
        path, fields = desk.place_path, {"symbol": desk.symbol, "origClientOrderId": "mine"}
    desk.arm(CancelRace(), method="DELETE")
    for request in (desk.request("DELETE", path, **fields), desk.cancel_request(theirs.order_id)):
        assert order_of_request(desk.exchange, request) is None
        desk.send(request)
    assert desk.exchange.engine.open_orders("alice") == (theirs,)
    assert mine.name == "alice"


def test_many_fills_and_a_late_one(desk: Desk) -> None:
    """In so many parts, at once or spread; or whole, later."""
    desk.arm(PartialFillStorm(fills=7), method="POST", nth=1)
    first = desk.placed()
    assert (desk.status(first), desk.fills) == ("FILLED", 7)
    desk.worlds.default.faults.clear()
    desk.arm(PartialFillStorm(fills=3, gap_ns=SECOND), method="POST", nth=1)
    desk.arm(FillAfter(delay_ns=5 * SECOND), method="POST", nth=2)
    spread, late = desk.placed(), desk.placed()
    assert desk.fills == 7
    fired = desk.clock.advance(2 * SECOND, wall=True)
    assert {each.account for each in fired if each.name.startswith("fill of ")} == {"alice"}
    assert (desk.fills, desk.status(spread)) == (9, "PARTIALLY_FILLED")
    desk.clock.advance(3 * SECOND, wall=True)
    assert (desk.status(spread), desk.status(late)) == ("FILLED", "FILLED")


def test_a_market_that_stops_and_one_that_ends(desk: Desk) -> None:
    """No new orders, cancels go on; it comes back. The end takes the open orders with it."""
    order_id, other = desk.placed(), desk.placed()
    desk.arm(SymbolHalt(symbol=desk.symbol, lasts_ns=SECOND), method="DELETE", nth=1)
    assert desk.send(desk.cancel_request(order_id)).status == 200
    expected = {
        "binance-spot": "Market is closed.",
        "binance-futures": "Symbol is on delivering or delivered or settling or closed or pre-trading.",
        "ftx": "Market is not enabled",
    }[desk.venue]
    assert words(desk.place()) == expected
    desk.clock.advance(SECOND, wall=True)
    assert desk.place().status == 200
    desk.worlds.default.faults.clear()
    desk.arm(Delist(), method="POST")
    assert words(desk.place()) == expected
    assert desk.status(other) == "EXPIRED"
    assert [each["reason"] for each in rows(desk) if each["order_id"] == str(other)] == ["DELISTED"]


def rows(desk: Desk) -> list[Any]:
    """The truth's orders."""
    instruments = desk.exchange.engine.instruments
    report = desk.worlds.default.truth.report(lambda venue, symbol: instruments[symbol], desk.clock.now_ns)
    return list(report["orders"])


def test_what_a_halted_market_says_of_itself(desk: Desk) -> None:
    """As the venue shows it."""
    desk.exchange.rules.halt(desk.symbol)
    path = {"binance-spot": "/api/v3/exchangeInfo", "binance-futures": "/fapi/v1/exchangeInfo", "ftx": "/api/markets"}
    told = json.loads(desk.send(HttpRequest("GET", path[desk.venue])).body)
    if desk.venue == "ftx":
        assert {row["name"]: row["enabled"] for row in told["result"]}[desk.symbol] is False
        assert desk.send(HttpRequest("GET", f"/api/markets/{desk.symbol}")).body.count(b'"enabled":false') == 1
    else:
        stopped = "BREAK" if desk.venue == "binance-spot" else "CLOSE"
        assert {row["symbol"]: row["status"] for row in told["symbols"]}[desk.symbol] == stopped


def test_a_new_filter(desk: Desk) -> None:
    """An order that was good is refused, for whoever places it but the house."""
    desk.arm(FilterChange(min_notional="1000"), method="POST")
    assert desk.place().status == 400
    desk.exchange.rules.min_notional.clear()
    desk.worlds.default.faults.clear()
    assert desk.place().status == 200
    with pytest.raises(ValueError, match="is not a number"):
        FilterChange(min_notional="much")


def test_a_venue_that_is_away(desk: Desk) -> None:
    """All is answered 503, handshakes too, and other venues are there; then it is back."""
    desk.arm(Maintenance(lasts_ns=SECOND), venue=desk.venue)
    assert desk.place().status == 503
    assert rows(desk) == []
    desk.worlds.default.faults.clear()
    assert desk.place().status == 503
    desk.clock.advance(SECOND, wall=True)
    assert desk.place().status == 200


def test_accepted_late(desk: Desk) -> None:
    """503 at once, the order afterwards; too late for its `recvWindow` on Binance it is refused."""
    desk.arm(ExecStatusUnknown(late_ns=4 * SECOND), method="POST")
    assert desk.place().status == 503
    assert rows(desk) == []
    desk.clock.advance(4 * SECOND, wall=True)
    assert len(rows(desk)) == 1
    desk.worlds.default.faults.clear()
    desk.arm(ExecStatusUnknown(late_ns=90 * SECOND), method="POST")
    desk.place()
    desk.clock.advance(90 * SECOND, wall=True)
    assert len(rows(desk)) == 1


@pytest.mark.parametrize("venue", ["binance-spot", "binance-futures", "ftx"])
def test_magic_client_ids_at_every_venue(venue: str) -> None:
    """Wherever the client puts them; nothing is armed."""
    desk = Desk(venue)
    refused = desk.place("my-m-reject-2010-x")
    theirs = "Not enough balances" if venue == "ftx" else "Account has insufficient balance for requested action."
    assert (refused.status, words(refused)) == (400, theirs)
    assert desk.place("m-timeout-lost").status == 503
    assert rows(desk) == []
    assert desk.place("m-timeout-late").status == 503
    assert desk.place("m-partial-3").status == 200
    assert desk.fills == 3
    desk.place("m-fill-after-2s")
    desk.clock.advance(2 * SECOND, wall=True)
    assert desk.fills == 4
    desk.clock.advance(2 * SECOND, wall=True)
    assert len(rows(desk)) == 3
    assert [row["text"] for row in desk.worlds.default.recorder.journal(kind="fault")][:2] == [
        "m-reject-2010 1",
        "m-timeout-lost 1",
    ]


def test_magic_client_ids_of_a_replacement() -> None:
    """It places an order too."""
    desk = Desk("binance-spot")
    terms = {"symbol": desk.symbol, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}

    def replace(old: int, client_id: str) -> HttpResponse:
        names = {"cancelOrderId": old, "newClientOrderId": client_id, "cancelReplaceMode": "STOP_ON_FAILURE"}
        return desk.send(desk.request("POST", "/api/v3/order/cancelReplace", **terms, price=desk.price, **names))

    assert words(replace(desk.placed(), "m-reject-2010")) == "Account has insufficient balance for requested action."
    assert desk.exchange.engine.executions("alice") == ()
    assert replace(desk.placed(), "m-partial-3").status == 200
    assert desk.fills == 3


OCO: dict[str, Any] = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.01", "aboveType": "LIMIT_MAKER"}
OCO |= {"abovePrice": "200000", "belowType": "STOP_LOSS", "belowStopPrice": "10000"}


@pytest.mark.parametrize("leg", ["listClientOrderId", "aboveClientOrderId", "belowClientOrderId"])
def test_magic_client_ids_of_a_list(leg: str) -> None:
    """Of any of its ids; what is to fill is the order that can."""
    desk = Desk("binance-spot")
    refused = desk.send(desk.request("POST", "/api/v3/orderList/oco", **OCO, **{leg: "m-reject-2010"}))
    assert (refused.status, json.loads(refused.body)["code"], rows(desk)) == (400, -2010, [])
    placed = desk.send(desk.request("POST", "/api/v3/orderList/oco", **OCO, **{leg: "m-partial-2"}))
    assert (placed.status, desk.fills) == (200, 2)
    assert sorted(view.status.value for view in desk.exchange.engine.orders("alice")) == ["EXPIRED", "FILLED"]


def test_a_magic_client_id_of_a_conditional_order() -> None:
    """It may be refused, or taken without a word; it has nothing to fill."""
    desk = Desk("binance-futures")
    terms = {**CONDITIONAL, "price": "60100"}
    codes = [
        json.loads(desk.send(desk.request("POST", "/fapi/v1/algoOrder", **terms, clientAlgoId=name)).body).get("code")
        for name in ("m-reject-2021", "m-timeout-accepted", "m-partial-3")
    ]
    assert codes == [-2021, -1007, None]
    assert (len(desk.exchange.engine.algo_orders("alice", only_open=True)), desk.fills) == (2, 0)


def test_a_magic_client_id_of_a_modification() -> None:
    """FTX's replacement has an id of its own; that of the order before does not count."""
    desk = Desk("ftx")
    desk.place("m-hello")
    path = "/api/orders/by_client_id/m-hello/modify"
    assert desk.send(desk.request("POST", path, price=29_000, clientId="m-timeout-lost")).status == 503
    assert desk.send(desk.request("POST", path, price=29_000, clientId="m-partial-4")).status == 200
    assert desk.fills == 4


@pytest.mark.parametrize(
    "request_",
    [
        HttpRequest("GET", "/api/v3/order?newClientOrderId=m-never"),
        HttpRequest("POST", "/api/v3/order?symbol=m-never"),
        HttpRequest("POST", "/api/v3/order?newClientOrderId=m-forever"),
        HttpRequest("POST", "/api/v3/order/test?newClientOrderId=m-never"),
        HttpRequest("POST", "/api/orders", body=b'{"clientId": 5, "x": "m-never"}'),
        HttpRequest("POST", "/api/orders", body=b'{"clientId": "m-never"'),
    ],
)
def test_what_is_no_magic(request_: HttpRequest) -> None:
    """Only client ids of requests that place an order."""
    assert magic(request_) is None


def test_a_snapshot_of_before(desk: Desk) -> None:
    """One answer is of so long ago, and the next one is of now."""
    desk.placed()
    desk.clock.advance(SECOND, wall=True)
    desk.placed()
    path = {"binance-spot": "/api/v3/openOrders", "binance-futures": "/fapi/v1/openOrders", "ftx": "/api/orders"}
    desk.arm(StaleSnapshot(lag_ns=SECOND // 2), method="GET", nth=1)
    counts = []
    for _ in range(2):
        told = json.loads(desk.send(desk.request("GET", path[desk.venue])).body)
        counts.append(len(told["result"] if desk.venue == "ftx" else told))
    assert counts == [1, 2]

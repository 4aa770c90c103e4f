"""A bot trades with stops, lists and cancel-replaces over the mock's REST; exchstream's account of it is the truth."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import attrs
import httpx2
import pytest

from exchstream.events import Event
from exchstream.model import OrderStatus, OrderType
from exchstream.shell.stream import open_stream
from mockserver.engine.commands import HOUSE, Place
from mockserver.engine.enums import Side

from .harness import Mock, Seat, live, served, told_fills, until, updates_of

ORDER, LISTS = "/api/v3/order", "/api/v3/orderList"
SELL = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.1"}
PAIR = {
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "62000",
    "belowType": "STOP_LOSS_LIMIT",
    "belowStopPrice": "59000",
    "belowPrice": "58000",
    "belowTimeInForce": "GTC",
}
FIRST = {
    "symbol": "BTCUSDT",
    "workingType": "LIMIT",
    "workingSide": "BUY",
    "workingPrice": "59500",
    "workingQuantity": "0.1",
    "workingTimeInForce": "GTC",
    "pendingSide": "SELL",
    "pendingQuantity": "0.1",
    **{f"pending{name[0].upper()}{name[1:]}": value for name, value in PAIR.items()},
}


@pytest.fixture
async def mock() -> AsyncIterator[Mock]:
    """A served mock exchange."""
    async with served() as serving:
        yield serving


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """The bot's own client may not log what it asks for: its requests are signed, and the logs are searched."""
    caplog.set_level(logging.WARNING, "httpx2")


@attrs.frozen
class Bot:
    """A program of the account's owner that speaks the venue's REST; the house is its market."""

    seat: Seat
    http: httpx2.AsyncClient

    async def call(self, method: str, path: str, params: Mapping[str, object], status: int = 200) -> Any:
        """The body of a signed call with this status."""
        query = urlencode({**params, "timestamp": self.seat.exchange.now_ns // 1_000_000})
        sign = hmac.new(self.seat.secret.encode(), query.encode(), hashlib.sha256).hexdigest()
        url = f"{path}?{query}&signature={sign}"
        answer = await self.http.request(method, url, headers={"X-MBX-APIKEY": self.seat.api_key})
        assert answer.status_code == status, answer.text
        return answer.json()

    def trade(self, price: int, quantity: str = "0.001") -> None:
        """Let the house offer to both sides at a price: what is in its way trades, the rest with itself."""
        for side in (Side.SELL, Side.BUY):
            self.offer(side, price, quantity)

    def offer(self, side: Side, price: int, quantity: str) -> None:
        """Let the house place an order."""
        instrument = self.seat.exchange.engine.instruments[self.seat.symbol]
        self.seat.exchange.submit(
            Place(
                account=HOUSE,
                instrument=self.seat.symbol,
                side=side,
                quantity=instrument.to_steps(Decimal(quantity)),
                price=instrument.to_ticks(Decimal(price)),
            )
        )

    async def live_a_little(self) -> None:
        """A stop that sells, an OCO of which a part is filled, an OTOCO that goes all the way, a cancel-replace."""
        await self.call("POST", ORDER, {**SELL, "type": "STOP_LOSS", "stopPrice": "59900"})
        pair = await self.call("POST", f"{LISTS}/oco", {**SELL, **PAIR})
        await self.call("POST", f"{LISTS}/otoco", FIRST)
        self.trade(59_900, "0.1")
        self.seat.drop()
        await self.call("DELETE", LISTS, {"symbol": "BTCUSDT", "orderListId": pair["orderListId"]})
        again = await self.call("POST", f"{LISTS}/oco", {**SELL, **PAIR})
        self.trade(62_000, "0.05")
        await self.call("DELETE", ORDER, {"symbol": "BTCUSDT", "orderId": again["orders"][0]["orderId"]})
        self.trade(59_500, "0.1")
        self.trade(58_900)
        terms = {**SELL, "type": "LIMIT", "timeInForce": "GTC", "price": "70000"}
        order = await self.call("POST", ORDER, terms)
        replace = {**terms, "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": order["orderId"]}
        replaced = await self.call("POST", f"{ORDER}/cancelReplace", replace)
        assert replaced["newOrderResult"] == "SUCCESS"
        twice = await self.call("POST", f"{ORDER}/cancelReplace", replace, 400)
        assert (twice["code"], twice["data"]["newOrderResult"]) == (-2022, "NOT_ATTEMPTED")
        dear = {**replace, "cancelOrderId": replaced["newOrderResponse"]["orderId"], "quantity": "100"}
        half = await self.call("POST", f"{ORDER}/cancelReplace", dear, 409)
        assert (half["code"], half["data"]["newOrderResult"]) == (-2021, "FAILURE")


@pytest.mark.parametrize("flavour", ["binance-spot", "binance-spot-listen-key"])
async def test_stops_lists_and_replacements_are_told_as_they_were(mock: Mock, flavour: str) -> None:
    """The last state of every order and every fill, though the link was cut in the middle."""
    seat = mock.seat(flavour)
    async with httpx2.AsyncClient(base_url=mock.http) as http, open_stream(seat.venue) as stream:
        bot = Bot(seat, http)
        bot.trade(60_000)
        events = await until(stream, live())
        await bot.live_a_little()
        truth = {row["order_id"]: row for row in seat.truth()["orders"]}

        def as_in_truth(told: Sequence[Event]) -> bool:
            last = {update.order_id: (update.status.name, update.filled_quantity) for update in updates_of(told)}
            real = {key: (row["status"], Decimal(row["filled_quantity"])) for key, row in truth.items()}
            return last == real and len(told_fills(told)) == len(seat.true_fills())

        await until(stream, as_in_truth, told=events)
    assert sorted(told_fills(events)) == sorted(seat.true_fills())
    assert {row["reason"] for row in truth.values()} >= {"OTHER_ORDER", "USER", None}
    kinds = {update.type for update in updates_of(events)}
    assert kinds == {OrderType.LIMIT, OrderType.STOP, OrderType.STOP_LIMIT}
    for order_id in truth:
        states = [update.status for update in updates_of(events) if update.order_id == order_id]
        assert not any(state.is_final for state in states[:-1])


async def test_what_waits_for_the_first_order_is_told_as_pending(mock: Mock) -> None:
    """PENDING_NEW, then NEW; and after a restart of the connection what waits is known from REST."""
    seat = mock.seat("binance-spot")
    async with httpx2.AsyncClient(base_url=mock.http) as http, open_stream(seat.venue) as stream:
        bot = Bot(seat, http)
        bot.trade(60_000)
        events = await until(stream, live())
        answer = await bot.call("POST", f"{LISTS}/otoco", FIRST)
        first, above, below = (str(row["orderId"]) for row in answer["orders"])
        bot.trade(59_500, "0.1")
        await until(
            stream,
            lambda told: {u.order_id for u in updates_of(told) if u.status is OrderStatus.NEW} >= {above, below},
            told=events,
        )
    for order_id in (above, below):
        mine = [update for update in updates_of(events) if update.order_id == order_id]
        assert [update.status for update in mine] == [OrderStatus.PENDING_NEW, OrderStatus.NEW]
    (stop, _) = (update for update in updates_of(events) if update.order_id == below)
    assert (stop.type, stop.stop_price, stop.price) == (OrderType.STOP_LIMIT, Decimal(59_000), Decimal(58_000))
    filled = [update.status for update in updates_of(events) if update.order_id == first]
    assert filled[-1] is OrderStatus.FILLED


async def test_a_trailing_stop_of_futures_is_told_with_its_child(mock: Mock) -> None:
    """The conditional order until it is set off, then the order that it became, as the truth has both."""
    seat = mock.seat("binance-futures")
    async with httpx2.AsyncClient(base_url=mock.http) as http, open_stream(seat.venue) as stream:
        bot = Bot(seat, http)
        bot.trade(60_000)
        events = await until(stream, live())
        terms = {**SELL, "algoType": "CONDITIONAL", "type": "TRAILING_STOP_MARKET", "callbackRate": "1"}
        placed = await bot.call("POST", "/fapi/v1/algoOrder", terms)
        bot.trade(61_000)
        bot.offer(Side.BUY, 60_000, "1")
        bot.trade(60_390)
        await until(stream, lambda told: any(u.status is OrderStatus.FILLED for u in updates_of(told)), told=events)
        await until(stream, lambda told: len(told_fills(told)) == len(seat.true_fills()) > 0, told=events)
    (row,) = seat.truth()["conditional_orders"]
    algo = [update for update in updates_of(events) if update.order_id == str(placed["algoId"])]
    assert (algo[0].status, algo[0].type) == (OrderStatus.NEW, OrderType.TRAILING_STOP)
    assert algo[-1].child_order_id == row["order_id"]
    assert {fill[0] for fill in told_fills(events)} == {row["order_id"]}


async def test_a_trigger_order_of_ftx_is_told_when_it_is_set_off(mock: Mock) -> None:
    """Not before: no channel knows it; then the order that it became, with all its fills."""
    seat = mock.seat("ftx")

    async def post(path: str, body: Mapping[str, object]) -> Any:
        stamp, sent = str(seat.exchange.now_ns // 1_000_000), json.dumps(body)
        sign = hmac.new(seat.secret.encode(), f"{stamp}POST{path}{sent}".encode(), hashlib.sha256).hexdigest()
        headers = {"FTX-KEY": seat.api_key, "FTX-TS": stamp, "FTX-SIGN": sign}
        answer = await http.post(path, headers=headers, content=sent)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    async with httpx2.AsyncClient(base_url=mock.http) as http, open_stream(seat.venue) as stream:
        bot = Bot(seat, http)
        bot.trade(20_000, "1")
        events = await until(stream, live())
        stop = {"market": seat.symbol, "side": "sell", "type": "stop", "size": 0.5, "triggerPrice": 19_000}
        placed = await post("/api/conditional_orders", stop)
        resting = await post("/api/orders", {**stop, "type": "limit", "price": 30_000})
        bot.offer(Side.BUY, 18_500, "0.2")
        bot.offer(Side.BUY, 18_400, "1")
        bot.trade(19_000, "1")
        await until(stream, lambda told: any(u.status is OrderStatus.FILLED for u in updates_of(told)), told=events)
        await until(stream, lambda told: len(told_fills(told)) == len(seat.true_fills()) > 0, told=events)
    (row,) = seat.truth()["conditional_orders"]
    assert {update.order_id for update in updates_of(events)} == {str(resting["id"]), row["order_id"]}
    assert row["algo_id"] == str(placed["id"])
    assert sorted(told_fills(events)) == sorted(seat.true_fills())

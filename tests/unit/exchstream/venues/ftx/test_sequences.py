"""Whole sequences of FTX's, byte for byte through a Session: what a user is told of an order, and how often."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from exchstream.core.happenings import Close, Connected, Send
from exchstream.core.venue import SECOND
from exchstream.events import Fill, GapClosed, GapOpened, GapReason, OrderUpdate
from exchstream.model import OrderStatus, TimeInForce
from exchstream.venues.ftx import Ftx
from tests.unit.exchstream.core.toy import T0
from tests.unit.exchstream.venues.desk import Desk

NEW, CANCELED, FILLED, PARTIALLY_FILLED = (
    OrderStatus.NEW,
    OrderStatus.CANCELED,
    OrderStatus.FILLED,
    OrderStatus.PARTIALLY_FILLED,
)
ALREADY_LOGGED_IN: Final = {"type": "error", "code": 400, "msg": "Already logged in"}
ALREADY_SUBSCRIBED: Final = {"type": "error", "code": 400, "msg": "Already subscribed"}
Row = dict[str, Any]


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(T0 / SECOND + seconds, UTC).isoformat()


def order(number: int, status: str, filled: float = 0, **changes: Any) -> Row:
    """The `data` of an order of size 2; closed orders have nothing remaining, whatever became of them."""
    row = {
        "id": number,
        "clientId": "mine-1",
        "market": "BTC/USD",
        "type": "limit",
        "side": "buy",
        "price": 100.0,
        "size": 2.0,
        "status": status,
        "filledSize": filled,
        "remainingSize": 0.0 if status == "closed" else 2.0 - filled,
        "reduceOnly": False,
        "liquidation": False,
        "avgFillPrice": 100.0 if filled else None,
        "postOnly": False,
        "ioc": False,
        "createdAt": iso(30),
    }
    return row | changes


def fill(number: int, size: float = 2.0, *, fill_id: int = 1, **changes: Any) -> Row:
    """The `data` of a fill as it was in 2021: without the order's client id."""
    row = {
        "id": fill_id,
        "market": "BTC/USD",
        "future": None,
        "baseCurrency": "BTC",
        "quoteCurrency": "USD",
        "type": "order",
        "side": "buy",
        "price": 100.0,
        "size": size,
        "orderId": number,
        "time": iso(31),
        "tradeId": 900 + fill_id,
        "feeRate": 0.0,
        "fee": 0.0,
        "feeCurrency": "USD",
        "liquidity": "maker",
    }
    return row | changes


class Account(Desk):
    """An account at FTX, whose REST answers are wrapped."""

    def __init__(self) -> None:
        super().__init__(Ftx(api_key="key", api_secret="secret"), {})
        for path in ("/api/markets", "/api/orders", "/api/orders/history", "/api/fills"):
            self.set(path)

    def set(self, path: str, *rows: Row) -> None:
        """REST has these rows there."""
        self.rest[path] = {"success": True, "result": rows}

    def orders(self, *rows: Row) -> None:
        self.say(*({"channel": "orders", "type": "update", "data": row} for row in rows))

    def fills(self, *rows: Row) -> None:
        self.say(*({"channel": "fills", "type": "update", "data": row} for row in rows))

    def accept(self, *channels: str) -> None:
        self.say(*({"type": "subscribed", "channel": channel} for channel in channels))

    def connect(self) -> None:
        """The newest dial opens and both channels are accepted."""
        self.driver.do(Connected(self.driver.link))
        self.accept("orders", "fills")


def live() -> Account:
    """An account that has looked back at its start."""
    desk = Account()
    desk.start()
    desk.accept("orders", "fills")
    desk.pass_time(30)
    assert desk.phase == "live"
    return desk


# ------------------------------------------------------------------------------------------------- orders


@pytest.mark.parametrize("stale", ["new", "open"])
def test_a_post_only_order_that_would_cross_is_told_once(stale: str) -> None:
    """The stream says only `closed` with nothing filled; that REST still says `new` or `open` brings it not back."""
    desk = live()
    desk.orders(order(7, "closed", postOnly=True))
    assert desk.told() == [("7", CANCELED, "0")]
    desk.driver.lose()
    desk.driver.advance(2)
    desk.set("/api/orders", order(7, stale, postOnly=True))
    desk.set("/api/orders/history", order(7, stale, postOnly=True))
    desk.connect()
    desk.pass_time(4)
    desk.set("/api/orders")
    desk.set("/api/orders/history", order(7, "closed", postOnly=True))
    desk.pass_time(30)

    assert desk.phase == "live"
    assert desk.told() == [("7", CANCELED, "0")]
    assert [update.time_in_force for update in desk.driver.told(OrderUpdate)] == [TimeInForce.PO]
    assert desk.driver.told(Fill) == []
    assert [verdict.complete for verdict in desk.driver.told(GapClosed)] == [True, True]


def test_a_triggered_market_order_is_an_order_of_its_own() -> None:
    """Nothing is said of a conditional order; once triggered an order with another id and no client id is `closed`."""
    desk = live()
    desk.orders(order(900, "closed", 2.0, type="market", price=None, ioc=True, clientId=None))
    desk.fills(fill(900))
    desk.pass_time(120)

    assert desk.told() == [("900", FILLED, "2")]
    assert [update.client_order_id for update in desk.driver.told(OrderUpdate)] == [None]
    assert [fill.order_id for fill in desk.driver.told(Fill)] == ["900"]
    assert [gap.reason for gap in desk.driver.told(GapOpened)] == [GapReason.START]


def test_a_triggered_limit_order_lives_like_any_other() -> None:
    """It rests, fills in parts and is cancelled under its own id."""
    desk = live()
    desk.orders(order(900, "new", clientId=None))
    desk.orders(order(900, "open", 0.5, clientId=None))
    desk.fills(fill(900, 0.5))
    desk.orders(order(900, "closed", 0.5, clientId=None))

    assert desk.told() == [("900", NEW, "0"), ("900", PARTIALLY_FILLED, "0.5"), ("900", CANCELED, "0.5")]


def test_an_order_that_was_triggered_in_a_gap_is_found() -> None:
    """Nobody knew its id: the listing of orders since the gap began has it, and its fill is in the listing of fills."""
    desk = live()
    desk.driver.lose()
    row = order(900, "closed", 2.0, type="market", price=None, ioc=True, clientId=None, createdAt=iso(31))
    desk.set("/api/orders/history", row)
    desk.set("/api/fills", fill(900))
    desk.driver.advance(2)
    desk.connect()
    desk.pass_time(30)

    assert desk.told() == [("900", FILLED, "2")]
    assert [(fill.order_id, fill.recovered) for fill in desk.driver.told(Fill)] == [("900", True)]
    assert [verdict.unresolved for verdict in desk.driver.told(GapClosed)] == [(), ()]


def test_a_modified_order_is_two() -> None:
    """The old id is closed with nothing filled, a new id with the same client id begins: neither touches the other."""
    desk = live()
    desk.orders(order(7, "new"))
    desk.orders(order(7, "closed"), order(8, "new", price=101.0))

    assert desk.told() == [("7", NEW, "0"), ("7", CANCELED, "0"), ("8", NEW, "0")]


FACTS: Final = {
    "new": ("orders", order(7, "new")),
    "fill": ("fills", fill(7)),
    "closed": ("orders", order(7, "closed", 2.0)),
}


@pytest.mark.parametrize("facts", list(itertools.permutations(FACTS)), ids=" ".join)
def test_a_fill_without_a_client_id_is_known_by_its_order(facts: Sequence[str]) -> None:
    """Before 2022 fills named no client id: it is None, and stands in the updates of the order with that id.

    It is not filled in from the order, which may come after its fill.
    """
    desk = live()
    for channel, row in map(FACTS.__getitem__, facts):
        desk.say({"channel": channel, "type": "update", "data": row})
    (fill,) = desk.driver.told(Fill)
    names = {update.order_id: update.client_order_id for update in desk.driver.told(OrderUpdate)}

    assert (fill.client_order_id, names[fill.order_id]) == (None, "mine-1")


# --------------------------------------------------------------------------------------------- subscriptions


def test_one_error_is_no_proof_of_another_channel() -> None:
    """Unsubscribed from fills, the new greeting is told that orders are subscribed already: fills are still to come."""
    desk = live()
    desk.pass_time(60)  # it has shown that it lives
    desk.say({"type": "unsubscribed", "channel": "fills"})
    greeted = [json.loads(frame) for frame in desk.driver.commands[-1].frames]  # type: ignore[union-attr]
    assert [frame.get("channel") for frame in greeted] == [None, "orders", "fills"]
    desk.say(ALREADY_LOGGED_IN, ALREADY_SUBSCRIBED)
    assert (desk.phase, desk.driver.asks) == ("connecting", {})
    desk.accept("fills")
    assert desk.phase == "looking back"
    desk.pass_time(30)

    assert desk.phase == "live"
    assert [gap.reason for gap in desk.driver.told(GapOpened)] == [GapReason.START, GapReason.EXPIRED]
    assert desk.driver.sent(Close) == []


def test_an_error_that_proves_nothing_new_ends_the_link() -> None:
    """Unsubscribed from orders, the error is about fills and is not believed: a new link is proven by its own words."""
    desk = live()
    desk.pass_time(60)
    desk.say({"type": "unsubscribed", "channel": "orders"})
    first = desk.driver.link
    desk.accept("orders")
    desk.say(ALREADY_SUBSCRIBED)
    assert (desk.phase, desk.driver.asks) == ("connecting", {})
    desk.driver.advance(desk.venue.plan.lanes[0].ack_ns / SECOND)
    assert [first] == [close.link for close in desk.driver.sent(Close)]
    desk.connect()
    desk.pass_time(30)

    assert desk.phase == "live"
    assert [verdict.complete for verdict in desk.driver.told(GapClosed)] == [True, True]


def test_two_errors_prove_one_channel() -> None:
    """Both channels said to be subscribed already, without a word that names one: that is no proof of both."""
    desk = Account()
    desk.start()
    desk.say(ALREADY_SUBSCRIBED, ALREADY_SUBSCRIBED)

    assert (desk.phase, len(desk.driver.sent(Send))) == ("connecting", 1)

"""Whole sequences of Binance spot's, byte for byte through a Session: what a user is told, and how often."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Final

import pytest

from exchstream.core.happenings import Connected, Send
from exchstream.core.venue import SECOND
from exchstream.events import Fill, GapClosed, GapOpened, GapReason, OrderUpdate, Unrecognized
from exchstream.model import OrderStatus
from exchstream.venues.binance import BinanceSpot
from tests.unit.exchstream.core.toy import T0
from tests.unit.exchstream.venues.desk import Desk

NEW, PENDING_NEW, FILLED, CANCELED, EXPIRED, PARTIALLY_FILLED = (
    OrderStatus.NEW,
    OrderStatus.PENDING_NEW,
    OrderStatus.FILLED,
    OrderStatus.CANCELED,
    OrderStatus.EXPIRED,
    OrderStatus.PARTIALLY_FILLED,
)
PRICE: Final = Decimal(60)
MARKET: Final = {"symbol": "SOLUSDT", "baseAsset": "SOL", "quoteAsset": "USDT"}
Row = dict[str, Any]


def ms(seconds: float) -> int:
    return round((T0 / SECOND + seconds) * 1000)


def padded(number: str | Decimal) -> str:
    return f"{Decimal(number):.8f}"


def report(number: int, execution: str, status: str, at: float, filled: str = "0", last: str = "0", **more: Any) -> Row:
    """An executionReport about a sale of 6 SOL, `at` seconds after the start; of a TRADE it gives the id as well."""
    trade = {"t": round(at * 1000), "N": "USDT"} if execution == "TRADE" else {"t": -1, "N": None}
    event = {
        "e": "executionReport",
        "E": ms(at),
        "s": "SOLUSDT",
        "c": "mine-1",
        "S": "SELL",
        "o": "LIMIT",
        "f": "GTC",
        "q": padded("6"),
        "p": padded(PRICE),
        "P": padded("0"),
        "F": padded("0"),
        "g": -1,
        "C": "",
        "x": execution,
        "X": status,
        "r": "NONE",
        "i": number,
        "l": padded(last),
        "z": padded(filled),
        "L": padded(PRICE if execution == "TRADE" else "0"),
        "n": "0",
        "T": ms(at),
        "I": round(at * 1000),
        "w": True,
        "m": True,
        "M": False,
        "O": ms(30),
        "Z": padded(PRICE * Decimal(filled)),
        "Y": padded(PRICE * Decimal(last)),
        "Q": padded("0"),
        "V": "DECREMENT",
    }
    return event | trade | more


def prevented(total: str, last: str) -> Row:
    """What self-trade prevention adds to a report: what it took away so far and now, and what would have traded."""
    would_be = {"pl": padded(last), "pL": padded(PRICE), "pY": padded(PRICE * Decimal(last))}
    return {"v": 4, "A": padded(total), "B": padded(last), "u": 1, "U": 99, "Cs": "SOLUSDT", **would_be}


def row(number: int, status: str, filled: str, at: float, **more: Any) -> Row:
    """The same order as REST lists it."""
    listed = {
        "symbol": "SOLUSDT",
        "orderId": number,
        "orderListId": -1,
        "clientOrderId": "mine-1",
        "price": padded(PRICE),
        "origQty": padded("6"),
        "executedQty": padded(filled),
        "cummulativeQuoteQty": padded(PRICE * Decimal(filled)),
        "status": status,
        "timeInForce": "GTC",
        "type": "LIMIT",
        "side": "SELL",
        "stopPrice": padded("0"),
        "time": ms(30),
        "updateTime": ms(at),
        "isWorking": True,
        "selfTradePreventionMode": "DECREMENT",
    }
    return listed | more


def trade(number: int, quantity: str, at: float) -> Row:
    """A fill as REST lists it."""
    return {
        "symbol": "SOLUSDT",
        "id": round(at * 1000),
        "orderId": number,
        "price": padded(PRICE),
        "qty": padded(quantity),
        "quoteQty": padded(PRICE * Decimal(quantity)),
        "commission": padded("0"),
        "commissionAsset": "USDT",
        "time": ms(at),
        "isBuyer": False,
        "isMaker": True,
    }


class Account(Desk):
    """An account that has 100 SOL and nothing else, and what REST knows of it."""

    def __init__(self) -> None:
        super().__init__(BinanceSpot(api_key="key", api_secret="secret", symbols=("SOLUSDT",)), {})
        self.all_orders: list[Row] = []
        self.trades: list[Row] = []
        self.allocations: list[Row] = []  # executions of smart order routing
        self.rest |= {
            "/api/v3/exchangeInfo": {"symbols": [MARKET]},
            "/api/v3/openOrders": lambda query: [r for r in self.all_orders if r["status"] in ("NEW", "PENDING_NEW")],
            "/api/v3/account": lambda query: {"balances": self.balances()},
            "/api/v3/allOrders": lambda query: _page(self.all_orders, query, "orderId", "orderId"),
            "/api/v3/myTrades": lambda query: _page(self.trades, query, "fromId", "id"),
            "/api/v3/myAllocations": lambda query: _page(self.allocations, query, "fromAllocationId", "allocationId"),
            "/api/v3/order": lambda query: next(r for r in self.all_orders if str(r["orderId"]) == query["orderId"]),
        }

    def balances(self) -> list[Row]:
        sold = sum((Decimal(trade["qty"]) for trade in [*self.trades, *self.allocations]), Decimal(0))
        amounts = {"SOL": 100 - sold, "USDT": PRICE * sold}
        return [{"asset": asset, "free": padded(amount), "locked": "0"} for asset, amount in amounts.items()]

    def tell(self, *events: Row) -> None:
        self.say(*({"subscriptionId": 0, "event": event} for event in events))

    def accept(self) -> None:
        """The newest dial opens and its subscription is accepted."""
        self.driver.do(Connected(self.driver.link))
        self.acknowledge()

    def acknowledge(self) -> None:
        (frame,) = next(command.frames for command in reversed(self.driver.commands) if isinstance(command, Send))
        self.say({"id": json.loads(frame)["id"], "status": 200, "result": {"subscriptionId": 0}})

    def look_back(self) -> None:
        """Lose the link and look back."""
        self.driver.lose()
        self.driver.advance(2)
        self.accept()
        self.pass_time(60)
        assert self.phase == "live"

    def fills(self) -> list[tuple[str, str]]:
        return [(fill.order_id, f"{fill.quantity.normalize():f}") for fill in self.driver.told(Fill)]

    def verdicts(self) -> list[tuple[object, ...]]:
        return [verdict.unresolved for verdict in self.driver.told(GapClosed)]


def _page(rows: list[Row], query: dict[str, str], start: str, number: str) -> list[Row]:
    """A listing by id (from this one on; of one order, if asked for) or by time, as Binance pages it."""
    if start != "orderId" and "orderId" in query:
        rows = [row for row in rows if str(row["orderId"]) == query["orderId"]]
    if start in query:
        return [row for row in rows if row[number] >= int(query[start])]
    return [row for row in rows if int(query["startTime"]) <= row["time"] <= int(query["endTime"])]


def live() -> Account:
    """An account that has looked back at its start."""
    desk = Account()
    desk.start()
    desk.acknowledge()
    desk.pass_time(60)
    assert desk.phase == "live"
    return desk


# ------------------------------------------------------------------------------------------ self-trade prevention


def test_an_order_lives_on_under_decrement_and_is_filled_with_less_than_its_quantity() -> None:
    """Of 6, 2 are prevented and 4 sold: FILLED with 4, and what was prevented is missing from no sum."""
    desk = live()
    desk.tell(report(7, "NEW", "NEW", 61))
    desk.tell(report(7, "TRADE_PREVENTION", "NEW", 62, **prevented("2", "2")))
    assert desk.told() == [("7", NEW, "0")]
    desk.tell(report(7, "TRADE", "PARTIALLY_FILLED", 63, "1", "1", A=padded("2")))
    desk.tell(report(7, "TRADE", "FILLED", 64, "4", "3", A=padded("2")))
    desk.trades = [trade(7, "1", 63), trade(7, "3", 64)]
    desk.all_orders = [row(7, "FILLED", "4", 64, preventedQuantity=padded("2"))]
    desk.pass_time(120)
    desk.look_back()

    assert desk.told() == [("7", NEW, "0"), ("7", PARTIALLY_FILLED, "1"), ("7", FILLED, "4")]
    assert [Decimal(6)] * 3 == [update.quantity for update in desk.driver.told(OrderUpdate)]
    assert desk.fills() == [("7", "1"), ("7", "3")]
    assert [gap.reason for gap in desk.driver.told(GapOpened)] == [GapReason.START, GapReason.LOST]
    assert desk.verdicts() == [(), ()]
    assert desk.driver.told(Unrecognized) == []


def test_it_ends_in_a_gap_with_less_than_its_quantity() -> None:
    """The same, told by REST alone: an order that was decremented and filled while nobody listened balances."""
    desk = live()
    desk.tell(report(7, "NEW", "NEW", 61))
    desk.driver.lose()
    desk.trades = [trade(7, "4", 62)]
    desk.all_orders = [row(7, "FILLED", "4", 62, preventedQuantity=padded("2"))]
    desk.driver.advance(2)
    desk.accept()
    desk.pass_time(60)

    assert desk.told() == [("7", NEW, "0"), ("7", FILLED, "4")]
    assert desk.fills() == [("7", "4")]
    assert desk.verdicts() == [(), ()]


@pytest.mark.parametrize("filled", ["0", "1"])
def test_an_order_that_prevention_ends_is_expired(filled: str) -> None:
    """EXPIRED_IN_MATCH, with what was sold before it; the would-be numbers are no fill."""
    desk = live()
    desk.tell(report(7, "NEW", "NEW", 61))
    if filled == "1":
        desk.tell(report(7, "TRADE", "PARTIALLY_FILLED", 62, "1", "1"))
        desk.trades = [trade(7, "1", 62)]
    left = str(6 - int(filled))
    desk.tell(report(7, "TRADE_PREVENTION", "EXPIRED_IN_MATCH", 63, filled, **prevented(left, left)))
    desk.all_orders = [row(7, "EXPIRED_IN_MATCH", filled, 63, preventedQuantity=padded(left))]
    desk.look_back()

    assert desk.told()[-1] == ("7", EXPIRED, filled)
    assert desk.driver.told(OrderUpdate)[-1].reason == "EXPIRED_IN_MATCH"
    assert len(desk.fills()) == int(filled)
    assert desk.verdicts() == [(), ()]


# ------------------------------------------------------------------------------------------ smart order routing


def allocation(number: int, order_id: int, quantity: str, at: float) -> Row:
    """The same execution as `myAllocations` lists it."""
    listed = trade(order_id, quantity, at)
    del listed["id"]
    return listed | {"allocationId": number, "allocationType": "SOR", "isAllocator": False}


def test_what_smart_order_routing_executed_in_a_gap_is_told_once() -> None:
    """One allocation comes live and two in a gap: no listing of trades has them, the sums say whom to ask about.

    Two orders: one was known when the link was lost, the other began and ended in the gap.
    """
    desk = live()
    routed = {"t": -1, "b": "ONE_PARTY_TRADE_REPORT", "k": "SOR", "uS": True}
    desk.tell(report(7, "NEW", "NEW", 61, uS=True))
    desk.tell(report(7, "TRADE", "PARTIALLY_FILLED", 62, "1", "1", **routed, a=0))
    desk.driver.lose()
    desk.allocations = [allocation(0, 7, "1", 62), allocation(1, 7, "5", 63), allocation(2, 8, "6", 63.5)]
    desk.all_orders = [
        row(7, "FILLED", "6", 63, usedSor=True),
        row(8, "FILLED", "6", 63.5, usedSor=True, time=ms(63.2)),
    ]
    desk.driver.advance(2)
    desk.accept()
    desk.pass_time(60)

    assert [told for told in desk.told() if told[0] == "7"] == [
        ("7", NEW, "0"),
        ("7", PARTIALLY_FILLED, "1"),
        ("7", FILLED, "6"),
    ]
    assert [told for told in desk.told() if told[0] == "8"] == [("8", FILLED, "6")]
    assert sorted(desk.fills()) == [("7", "1"), ("7", "5"), ("8", "6")]
    assert {"alloc:0", "alloc:1", "alloc:2"} == {fill.trade_id for fill in desk.driver.told(Fill)}
    assert desk.verdicts() == [(), ()]
    assert desk.driver.told(Unrecognized) == []


# ------------------------------------------------------------------------------------------ sized in quote


def test_an_order_sized_in_quote_balances() -> None:
    """`quoteOrderQty`: the order has no quantity of its own until it is done, live or told by REST alone."""
    desk = live()
    sized: Row = {"o": "MARKET", "q": padded("0"), "p": padded("0"), "Q": padded("240")}
    desk.tell(report(7, "NEW", "NEW", 61, **sized))
    desk.tell(report(7, "TRADE", "PARTIALLY_FILLED", 62, "1", "1", **sized))
    desk.driver.lose()
    desk.trades = [trade(7, "1", 62), trade(7, "3", 63), trade(8, "2", 63.5)]
    quoted: Row = {"type": "MARKET", "price": padded("0")}
    desk.all_orders = [
        row(7, "FILLED", "4", 63, **quoted, origQty=padded("4"), origQuoteOrderQty=padded("240")),
        # What was left of the 150 bought no whole step: the venue ends it.
        row(8, "EXPIRED", "2", 63.5, **quoted, origQty=padded("0"), origQuoteOrderQty=padded("150")),
    ]
    desk.driver.advance(2)
    desk.accept()
    desk.pass_time(60)

    assert desk.told() == [("7", NEW, "0"), ("7", PARTIALLY_FILLED, "1"), ("7", FILLED, "4"), ("8", EXPIRED, "2")]
    quantities = [update.quantity for update in desk.driver.told(OrderUpdate)]
    assert quantities == [None, None, Decimal(4), None]
    assert sorted(desk.fills()) == [("7", "1"), ("7", "3"), ("8", "2")]
    assert desk.verdicts() == [(), ()]


# ------------------------------------------------------------------------------------------ lists and client ids


def list_status(kind: str, status: str, at: float) -> Row:
    orders = [{"s": "SOLUSDT", "i": number, "c": f"leg-{number}"} for number in (7, 8)]
    return {"e": "listStatus", "E": ms(at), "s": "SOLUSDT", "g": 5, "c": kind, "l": status, "O": orders, "T": ms(at)}


def test_the_members_of_an_order_list_are_orders() -> None:
    """OTO: the second order waits for the first, and each is told as itself; the list's own events tell nothing."""
    desk = live()
    first: Row = {"g": 5, "c": "leg-7"}
    second: Row = {"g": 5, "c": "leg-8"}
    desk.tell(list_status("OTO", "EXEC_STARTED", 61))
    desk.tell(report(7, "NEW", "NEW", 61, **first), report(8, "NEW", "PENDING_NEW", 61, **second))
    desk.tell(report(7, "TRADE", "FILLED", 62, "6", "6", **first))
    desk.tell(report(8, "NEW", "NEW", 62.001, **second), list_status("OTO", "UPDATED", 62))
    desk.trades = [trade(7, "6", 62)]
    desk.all_orders = [row(7, "FILLED", "6", 62, orderListId=5), row(8, "NEW", "0", 62.001, orderListId=5)]
    for listed in desk.all_orders:
        listed["clientOrderId"] = f"leg-{listed['orderId']}"
    desk.look_back()

    assert desk.told() == [("7", NEW, "0"), ("8", PENDING_NEW, "0"), ("7", FILLED, "6"), ("8", NEW, "0")]
    assert [u.client_order_id for u in desk.driver.told(OrderUpdate)] == ["leg-7", "leg-8", "leg-7", "leg-8"]
    assert desk.fills() == [("7", "6")]
    assert desk.verdicts() == [(), ()]
    assert desk.driver.told(Unrecognized) == []


def test_the_leg_of_an_oco_that_is_not_wanted_any_more_expires() -> None:
    """One leg fills and the exchange ends the other, under its own client id: two orders, two ends."""
    desk = live()
    desk.tell(report(7, "NEW", "NEW", 61, g=5, c="leg-7"), report(8, "NEW", "NEW", 61, g=5, c="leg-8"))
    desk.tell(report(8, "EXPIRED", "EXPIRED", 62, g=5, c="leg-8", eR="OCO_TRIGGER"))
    desk.tell(report(7, "TRADE", "FILLED", 62, "6", "6", g=5, c="leg-7"), list_status("OCO", "ALL_DONE", 62))

    assert desk.told()[2:] == [("8", EXPIRED, "0"), ("7", FILLED, "6")]
    assert [(u.client_order_id, u.reason) for u in desk.driver.told(OrderUpdate)[2:]] == [
        ("leg-8", "OCO_TRIGGER"),
        ("leg-7", None),
    ]


@pytest.mark.parametrize("in_a_gap", [False, True])
def test_one_client_id_may_name_two_orders(in_a_gap: bool) -> None:
    """Once an order is done its client id may be used again: two orders, each with a history of its own."""
    desk = live()
    desk.tell(report(7, "NEW", "NEW", 61))
    desk.trades = [trade(7, "6", 61.5)]
    desk.all_orders = [row(7, "FILLED", "6", 61.5), row(8, "NEW", "0", 61.9)]
    if not in_a_gap:
        desk.tell(report(7, "TRADE", "FILLED", 61.5, "6", "6"), report(8, "NEW", "NEW", 61.9))
    desk.look_back()
    desk.tell(report(8, "CANCELED", "CANCELED", 150, c="cancel-1", C="mine-1"))

    assert [told for told in desk.told() if told[0] == "7"] == [("7", NEW, "0"), ("7", FILLED, "6")]
    assert [told for told in desk.told() if told[0] == "8"] == [("8", NEW, "0"), ("8", CANCELED, "0")]
    assert {"mine-1"} == {update.client_order_id for update in desk.driver.told(OrderUpdate)}
    assert desk.fills() == [("7", "6")]
    assert desk.verdicts() == [(), ()]

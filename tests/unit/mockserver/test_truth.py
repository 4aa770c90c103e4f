"""The truth tells every order and fill of the clients, exactly, and when nobody was looking."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
import pytest

from mockserver import truth as truth_module
from mockserver.clock import VirtualClock
from mockserver.engine.types import HOUSE, Cancel, Fill, PlaceAlgo, TriggerAlgo, TriggerWhen
from mockserver.faces.base import HttpRequest
from mockserver.link import NoTransport
from mockserver.world import Link, Worlds

from .toy_venue import INSTRUMENT, SECOND, START_NS, buy, toy_worlds


@pytest.fixture
def worlds() -> Worlds:
    """One world with alice (key A)."""
    made = toy_worlds()
    made.open_account(made.default.exchanges["toy"], "alice", api_key="A")
    return made


def report(worlds: Worlds, **which: str) -> dict[str, Any]:
    """The default world's truth."""
    world = worlds.default
    return world.truth.report(lambda venue, symbol: INSTRUMENT, world.clock.now_ns, **which)


def test_a_part_filled_and_cancelled_order(worlds: Worlds) -> None:
    """An order shows its last state and its first and last sequence; its fill shows exact money."""
    exchange = worlds.default.exchanges["toy"]
    order = exchange.submit(buy("alice")).order
    assert order is not None
    exchange.submit(Fill(instrument="BTCUSDT", order_id=order.order_id, quantity=400))
    exchange.submit(Cancel(account="alice", instrument="BTCUSDT", order_id=order.order_id))
    told = report(worlds)

    assert {name: told[name] for name in ("version", "world", "now_ns", "sequence", "complete")} == {
        "version": 2,
        "world": "default",
        "now_ns": START_NS,
        "sequence": 3,
        "complete": True,
    }
    assert told["orders"] == [
        {
            "venue": "toy",
            "account": "alice",
            "symbol": "BTCUSDT",
            "order_id": str(order.order_id),
            "client_order_id": order.client_id,
            "side": "BUY",
            "type": "LIMIT",
            "time_in_force": "GTC",
            "kind": "TRADE",
            "price": "49000.00",
            "quantity": "0.01000",
            "filled_quantity": "0.00400",
            "filled_quote": "196.00000000",
            "status": "CANCELED",
            "reason": "USER",
            "post_only": False,
            "reduce_only": False,
            "created_ns": START_NS,
            "updated_ns": START_NS,
            "first_sequence": 1,
            "last_sequence": 3,
        }
    ]
    (fill,) = told["fills"]
    assert {name: fill[name] for name in fill if name not in ("trade_id", "fill_id")} == {
        "sequence": 2,
        "venue": "toy",
        "account": "alice",
        "symbol": "BTCUSDT",
        "order_id": str(order.order_id),
        "client_order_id": order.client_id,
        "side": "BUY",
        "price": "49000.00",
        "quantity": "0.00400",
        "quote": "196.00000000",
        "fee": "0.00000400",
        "fee_asset": "BTC",
        "liquidity": "maker",
        "kind": "TRADE",
        "time_ns": START_NS,
    }


def test_the_house_is_not_told(worlds: Worlds) -> None:
    """Orders of the house are the market, not anybody's truth."""
    worlds.default.exchanges["toy"].submit(buy(HOUSE))

    assert (report(worlds)["orders"], report(worlds)["sequence"]) == ([], 0)


def test_one_venue_one_account(worlds: Worlds) -> None:
    """The report can be asked for one account or venue only."""
    exchange = worlds.default.exchanges["toy"]
    worlds.open_account(exchange, "bob")
    for name in ("alice", "bob"):
        exchange.submit(buy(name))

    assert [order["account"] for order in report(worlds, account="bob")["orders"]] == ["bob"]
    assert [span["account"] for span in report(worlds, account="bob")["blind"]] == ["bob"]
    assert report(worlds, venue="elsewhere")["orders"] == []


def test_blind_spans(worlds: Worlds) -> None:
    """An account is blind from birth until a socket carries it, and again while every such socket is silent or gone."""
    clock = worlds.default.clock
    assert isinstance(clock, VirtualClock)
    links: list[Link] = []
    for _ in range(2):
        clock.advance(SECOND, wall=True)
        opened = worlds.connect(HttpRequest("GET", "/play/ws?key=A"), NoTransport())
        assert isinstance(opened, tuple)
        opened[0].start(opened[1])
        links.append(opened[0])
    clock.advance(SECOND, wall=True)
    links[0].mute()  # the second still sees
    clock.advance(SECOND, wall=True)
    links[1].half_open()
    clock.advance(SECOND, wall=True)
    links[0].resume()
    clock.advance(SECOND, wall=True)
    links[0].drop()

    spans = [
        (span["since_ns"] - START_NS, span["until_ns"] and span["until_ns"] - START_NS)
        for span in report(worlds)["blind"]
    ]
    assert spans == [(0, SECOND), (4 * SECOND, 5 * SECOND), (6 * SECOND, None)]


def test_each_connection_has_its_own_sight(worlds: Worlds) -> None:
    """With two sockets and one of them deaf, the account sees, and the deaf one is known by its number."""
    clock = worlds.default.clock
    assert isinstance(clock, VirtualClock)
    links: list[Link] = []
    for target in ("/play/ws?key=A", "/play/ws?key=A", "/play/ws"):
        opened = worlds.connect(HttpRequest("GET", target), NoTransport())
        assert isinstance(opened, tuple)
        opened[0].start(opened[1])
        links.append(opened[0])
    clock.advance(SECOND, wall=True)
    links[0].mute()
    clock.advance(SECOND, wall=True)
    links[0].resume()
    clock.advance(SECOND, wall=True)
    links[1].drop()

    told = report(worlds, account="alice")
    spans = [
        (span["connection"], span["since_ns"] - START_NS, span["until_ns"] and span["until_ns"] - START_NS)
        for span in told["sight"]
    ]
    first, second, never = (link.id for link in links)
    assert spans == [(first, 0, SECOND), (second, 0, 3 * SECOND), (first, 2 * SECOND, None)]
    assert never not in {number for number, *_ in spans}
    assert [span["until_ns"] for span in told["blind"]] == [START_NS]
    assert report(worlds, account="bob")["sight"] == []


def conditional(worlds: Worlds, account: str = "alice") -> int:
    """A conditional order that waits for the price to rise; its id."""
    child = buy(account, quantity=2_000)
    command = PlaceAlgo(child=child, trigger_price=Decimal(60_000), when=TriggerWhen.ABOVE, client_id="mine")
    algo = worlds.default.exchanges["toy"].submit(command).algo
    assert algo is not None
    return algo.algo_id


def test_conditional_orders_are_told(worlds: Worlds) -> None:
    """From its birth on, with its trigger and the order it became; the order itself is told among the orders."""
    exchange = worlds.default.exchanges["toy"]
    algo_id = conditional(worlds)
    conditional(worlds, HOUSE)
    (waiting,) = report(worlds)["conditional_orders"]
    exchange.submit(TriggerAlgo(algo_id=algo_id))
    told = report(worlds)
    (triggered,), (order,) = told["conditional_orders"], told["orders"]

    assert waiting == {
        "venue": "toy",
        "account": "alice",
        "symbol": "BTCUSDT",
        "algo_id": str(algo_id),
        "client_algo_id": "mine",
        "side": "BUY",
        "type": "LIMIT",
        "time_in_force": "GTC",
        "price": "49000.00",
        "quantity": "0.02000",
        "reduce_only": False,
        "trigger_price": "60000",
        "trigger_when": "ABOVE",
        "status": "NEW",
        "reject_reason": None,
        "order_id": None,
        "created_ns": START_NS,
        "updated_ns": START_NS,
        "triggered_ns": None,
        "first_sequence": 1,
        "last_sequence": 1,
    }
    assert (triggered["status"], triggered["order_id"]) == ("TRIGGERED", order["order_id"])
    assert (triggered["first_sequence"], triggered["last_sequence"], order["first_sequence"]) == (1, 3, 4)
    assert told["sequence"] == 4
    assert report(worlds, account="bob")["conditional_orders"] == []


def test_a_conditional_order_that_was_refused_says_why(worlds: Worlds) -> None:
    """The engine's word for it; the order it would have become is nowhere."""
    exchange = worlds.default.exchanges["toy"]
    child = attrs.evolve(buy("alice"), quantity=800_000_000, price=5_000_000)
    algo = exchange.submit(PlaceAlgo(child=child, trigger_price=Decimal(60_000), when=TriggerWhen.ABOVE)).algo
    assert algo is not None
    exchange.submit(TriggerAlgo(algo_id=algo.algo_id))
    told = report(worlds)

    assert [(row["status"], row["reject_reason"]) for row in told["conditional_orders"]] == [
        ("REJECTED", "INSUFFICIENT_BALANCE")
    ]
    assert told["orders"] == []


@pytest.mark.parametrize("limit", ["MAX_ORDERS", "MAX_FILLS", "MAX_SPANS"])
def test_incomplete(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """When more happens than is kept, the report says that it is not complete."""
    monkeypatch.setattr(truth_module, limit, 1)
    worlds = toy_worlds()
    exchange = worlds.default.exchanges["toy"]
    worlds.open_account(exchange, "alice")
    assert report(worlds)["complete"]
    for _ in range(2):
        order = exchange.submit(buy("alice")).order
        assert order is not None
        exchange.submit(Fill(instrument="BTCUSDT", order_id=order.order_id))
    worlds.open_account(exchange, "bob")

    told = report(worlds)
    assert told["complete"] is False
    assert len(told[{"MAX_ORDERS": "orders", "MAX_FILLS": "fills", "MAX_SPANS": "blind"}[limit]]) == 1


@pytest.mark.parametrize(("limit", "name"), [("MAX_ORDERS", "conditional_orders"), ("MAX_SPANS", "sight")])
def test_incomplete_beyond_orders(worlds: Worlds, limit: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is beyond the bounds of conditional orders and of sight is said to be missing, too."""
    monkeypatch.setattr(truth_module, limit, 1)
    for _ in range(2):
        child = buy("alice")
        worlds.default.exchanges["toy"].submit(
            PlaceAlgo(child=child, trigger_price=Decimal(60_000), when=TriggerWhen.ABOVE)
        )
        opened = worlds.connect(HttpRequest("GET", "/play/ws?key=A"), NoTransport())
        assert isinstance(opened, tuple)
        opened[0].start(opened[1])
    told = report(worlds)

    assert (told["complete"], len(told[name])) == (False, 1)

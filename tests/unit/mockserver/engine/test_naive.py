"""The engine and a slow one made of lists do the same: trades, fees, orders, balances and levels after every command.

``LAW_EXAMPLES=5000 pytest tests/unit/mockserver/engine/test_naive.py`` looks longer.
"""

import os
from collections import Counter
from decimal import Decimal

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.actions import Act, Action, command_of
from mockserver.engine.engine import Engine
from mockserver.engine.ids import BINANCE_SPOT_IDS
from mockserver.engine.types import (
    HOUSE,
    Amend,
    Cancel,
    Deposit,
    Event,
    FeeRule,
    Instrument,
    OrderChange,
    OrderEvent,
    Side,
    atoms_to_decimal,
    decimal_to_atoms,
)
from mockserver.strategies import actions, stories
from tests.unit.mockserver.engine.markets import NOW, spot
from tests.unit.mockserver.engine.naive import Fill, NaiveEngine

ACCOUNTS = ("alice", "bob", HOUSE)
MARKETS = (
    spot(),
    spot(FeeRule.QUOTE, maker_fee=20_000, taker_fee=70_000),
    spot(FeeRule.QUOTE, maker_fee=-5_000, taker_fee=70_000),
)
KNOWN = (Act.LIMIT,) * 6 + (
    Act.MARKET,
    Act.QUOTE,
    Act.IOC,
    Act.FOK,
    Act.POST_ONLY,
    Act.CANCEL,
    Act.CANCEL_ALL,
    Act.SHRINK,
    Act.STOP,
    Act.STOP,
    Act.LIST,
    Act.LIST,
)
# Little enough that some orders cannot be paid for: the largest costs about 3.6 USD.
PURSES = st.sampled_from((Decimal("1.5"), Decimal(6), Decimal(1_000)))


def known(action: Action) -> Action:
    """Return an action that the slow engine knows: stops without a trail, and pairs only."""
    if action.act is Act.STOP:
        return attrs.evolve(action, which=2 + action.which % 6)
    return attrs.evolve(action, which=0) if action.act is Act.LIST else action


class Both:
    """The two engines, and which order of the one is which of the other."""

    def __init__(self, market: Instrument, purse: Decimal) -> None:
        owned = {name: {"USD": purse, "ABC": purse / 100} for name in ACCOUNTS if name != HOUSE}
        self.market = market
        self.slow = NaiveEngine(market, owned)
        self.fast = Engine((market,), ids=BINANCE_SPOT_IDS)
        self.numbers: dict[int, int] = {}
        for name, assets in owned.items():
            self.fast.open_account(name)
            for asset, amount in assets.items():
                self.fast.apply(Deposit(account=name, asset=asset, amount=decimal_to_atoms(amount)), NOW)

    def play(self, action: Action) -> None:
        """Tell both the same, and compare what they did and how they stand."""
        command = command_of(self.fast, action, ACCOUNTS)
        if command is None:
            return
        number = self.numbers[command.order_id] if isinstance(command, (Cancel, Amend)) else None
        before = len(self.slow.fills)
        result = self.fast.apply(command, NOW)
        assert self.slow.apply(command, number) is (result.reply.reject is None)
        assert self.fills(result.events) == self.slow.fills[before:]
        self.compare_orders()
        self.compare_money()

    def fills(self, events: tuple[Event, ...]) -> list[Fill]:
        """Return the fast engine's executions in the words of the slow one."""
        found = []
        for event in events:
            if not isinstance(event, OrderEvent):
                continue
            if event.change is OrderChange.NEW:
                self.numbers[event.order.order_id] = len(self.numbers)
            if (each := event.execution) is not None:
                price, quantity = self.market.price(each.price), self.market.quantity(each.quantity)
                fee = atoms_to_decimal(each.fee)
                found.append(
                    Fill(self.numbers[each.order_id], price, quantity, fee, each.fee_asset, each.maker),
                )
        return found

    def compare_orders(self) -> None:
        """Compare every order, and the levels of the book."""
        steps = self.market.quantity
        for account in ACCOUNTS:
            for view in self.fast.orders(account):
                mine = self.slow.orders[self.numbers[view.order_id]]
                assert (mine.status, mine.reason) == (view.status.value, view.reason and view.reason.value)
                assert (mine.filled, mine.prevented) == (steps(view.filled), steps(view.prevented))
                assert mine.quantity == steps(view.quantity)
                assert (mine.is_open and mine.waits) is view.waits
        depth = self.fast.depth(self.market.name, 1_000)
        for side, levels in ((Side.BUY, depth.bids), (Side.SELL, depth.asks)):
            there: Counter[Decimal] = Counter()
            for order in self.slow.resting:
                if order.terms.side is side:
                    there[self.slow.own_price(order)] += order.left  # type: ignore[assignment]
            assert dict(there) == {self.market.price(price): steps(quantity) for price, quantity in levels}

    def compare_money(self) -> None:
        """Compare what everybody owns, and how much of it is locked."""
        for account in ACCOUNTS:
            for asset in ("USD", "ABC"):
                balance = self.fast.balance(account, asset)
                assert self.slow.total(account, asset) == atoms_to_decimal(balance.total)
                assert self.slow.locked(account, asset) == atoms_to_decimal(balance.locked)


@given(market=st.sampled_from(MARKETS), purse=PURSES, recipes=stories(actions(KNOWN).map(known), 30))
@settings(max_examples=int(os.environ.get("LAW_EXAMPLES", "200")))
def test_both_engines_do_the_same(market: Instrument, purse: Decimal, recipes: list[Action]) -> None:
    """Whatever is asked of both."""
    both = Both(market, purse)
    for action in recipes:
        both.play(action)

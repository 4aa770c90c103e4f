"""The engine and a slow one made of lists do the same: trades, fees, orders, positions, balances and levels.

On a spot market and on a perpetual, after every command.
``LAW_EXAMPLES=5000 pytest tests/unit/mockserver/engine/test_naive.py`` looks longer.
"""

import os
from collections import Counter
from decimal import Decimal

import attrs
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mockserver.actions import TRAIL, Act, Action, command_of
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
    OrderView,
    Place,
    PlaceList,
    SetTerms,
    Side,
    atoms_to_decimal,
    decimal_to_atoms,
)
from mockserver.strategies import actions, stories
from tests.unit.mockserver.engine.markets import NOW, perp, spot
from tests.unit.mockserver.engine.naive import NaiveEngine
from tests.unit.mockserver.engine.naive_money import Coins, Contracts
from tests.unit.mockserver.engine.naive_orders import Fill, Order

ACCOUNTS = ("alice", "bob", HOUSE)
SPOT = (
    spot(),
    spot(FeeRule.QUOTE, maker_fee=20_000, taker_fee=70_000),
    spot(FeeRule.QUOTE, maker_fee=-5_000, taker_fee=70_000),
)
PERPS = (perp(), attrs.evolve(perp(maker_fee=20_000), min_notional=Decimal("0.25"), leverage=7))
RESTING = (Act.LIMIT,) * 6
COMMON = (Act.MARKET, Act.IOC, Act.FOK, Act.POST_ONLY, Act.CANCEL, Act.CANCEL_ALL, Act.SHRINK, *(Act.AMEND,) * 4)
ON_SPOT = (*RESTING, *COMMON, Act.QUOTE, Act.STOP, Act.STOP, Act.LIST, Act.LIST)
ON_PERPS = (*RESTING, *COMMON, Act.MARKET, Act.MARKET, Act.STOP, Act.STOP, *(Act.REDUCE_ONLY,) * 8, *(Act.MARGIN,) * 4)
# Little enough that some orders cannot be paid for: the largest costs about 3.6 USD, or a twentieth of it.
SPOT_PURSES = st.sampled_from((Decimal("1.5"), Decimal(6), Decimal(1_000)))
DISTANCE = Decimal("0.02")
PERP_PURSES = st.sampled_from((Decimal("0.05"), Decimal("0.3"), Decimal(1_000)))


def trailing(order: Place, which: int) -> Place:
    """Return an order of a list that trails, at once or from its price on, if it waits for a price."""
    if order.trigger is None:
        return order
    price = order.trigger.price if which % 2 else None
    return attrs.evolve(order, trigger=attrs.evolve(order.trigger, price=price, trail_ratio=TRAIL))


def by_distance(order: Place) -> Place:
    """Return an order that trails by a distance, as FTX has them, instead of by a share."""
    if order.trigger is None or not order.trigger.trails:
        return order
    return attrs.evolve(order, trigger=attrs.evolve(order.trigger, trail_ratio=None, trail_distance=DISTANCE))


def bolder(command: Amend, action: Action) -> Amend:
    """Return an amendment that may also make an order larger, and moves its price far enough to trade."""
    assert command.quantity is not None
    price = None if command.price is None else command.price + 2 * action.offset
    return attrs.evolve(command, quantity=command.quantity + action.which, price=price)


class Both:
    """The two engines, and which order of the one is which of the other."""

    def __init__(self, market: Instrument, purse: Decimal, isolated: tuple[str, ...] = ()) -> None:
        owned = {name: {"USD": purse, "ABC": purse / 100} for name in ACCOUNTS if name != HOUSE}
        self.market = market
        self.slow = NaiveEngine(market, owned, isolated)
        self.fast = Engine((market,), ids=BINANCE_SPOT_IDS)
        self.numbers: dict[int, int] = {}
        for name, assets in owned.items():
            self.fast.open_account(name)
            for asset, amount in assets.items():
                self.fast.apply(Deposit(account=name, asset=asset, amount=decimal_to_atoms(amount)), NOW)
        for name in isolated:
            self.fast.apply(SetTerms(account=name, instrument=market.name, isolated=True), NOW)

    def play(self, action: Action) -> None:
        """Tell both the same, and compare what they did and how they stand."""
        command = command_of(self.fast, action, ACCOUNTS)
        if command is None:
            return
        if isinstance(command, PlaceList) and action.which >= 3:
            command = attrs.evolve(command, orders=tuple(trailing(order, action.which) for order in command.orders))
        if isinstance(command, Place) and self.market.is_perp:
            command = by_distance(command)
        if isinstance(command, Amend) and action.act is Act.AMEND:
            command = bolder(command, action)
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
            if event.change is OrderChange.NEW:  # which those that waited for a first one become twice
                self.numbers.setdefault(event.order.order_id, len(self.numbers))
            if (each := event.execution) is not None:
                price, quantity = self.market.price(each.price), self.market.quantity(each.quantity)
                fee = atoms_to_decimal(each.fee)
                found.append(
                    Fill(self.numbers[each.order_id], price, quantity, fee, each.fee_asset, each.maker),
                )
        return found

    def compare_orders(self) -> None:
        """Compare every order, and the levels of the book."""
        for account in ACCOUNTS:
            for view in self.fast.orders(account):
                self.compare_order(view, self.slow.orders[self.numbers[view.order_id]])
            for each in self.fast.order_lists(account):
                ended = not any(self.slow.orders[self.numbers[number]].is_open for number in each.order_ids)
                assert each.is_done is ended
        depth = self.fast.depth(self.market.name, 1_000)
        for side, levels in ((Side.BUY, depth.bids), (Side.SELL, depth.asks)):
            there: Counter[Decimal] = Counter()
            for order in self.slow.resting:
                if order.terms.side is side:
                    there[self.slow.own_price(order)] += order.left  # type: ignore[assignment]
            assert dict(there) == {
                self.market.price(price): self.market.quantity(quantity) for price, quantity in levels
            }

    def compare_order(self, view: OrderView, mine: Order) -> None:
        """Compare one order."""
        steps = self.market.quantity
        assert (mine.status, mine.reason) == (view.status.value, view.reason and view.reason.value)
        assert (mine.filled, mine.prevented) == (steps(view.filled), steps(view.prevented))
        assert mine.quantity == steps(view.quantity)
        assert mine.price == (None if view.price is None else self.market.price(view.price))
        assert (mine.is_open and mine.waits) is view.waits
        assert bool(mine.met) is (view.looking_ns is not None)

    def compare_money(self) -> None:
        """Compare what everybody owns, and how much of it is locked, or which position it stands behind."""
        for account in ACCOUNTS:
            if isinstance(self.slow.money, Coins):
                self.compare_coins(self.slow.money, account)
            else:
                self.compare_position(self.slow.money, account)

    def compare_coins(self, mine: Coins, account: str) -> None:
        """Compare two assets."""
        for asset in ("USD", "ABC"):
            balance = self.fast.balance(account, asset)
            assert mine.total(account, asset) == atoms_to_decimal(balance.total)
            locked = mine.locked(account, asset, self.slow.orders, self.slow.last)
            assert locked == atoms_to_decimal(balance.locked)
            assert account == HOUSE or balance.free >= 0

    def compare_position(self, mine: Contracts, account: str) -> None:
        """Compare a wallet, a position and what stands behind it."""
        balance = self.fast.balance(account, "USD")
        behind = mine.behind.get(account, 0)
        assert (mine.wallet.get(account, 0), behind) == (
            atoms_to_decimal(balance.total),
            atoms_to_decimal(balance.locked),
        )
        position = self.fast.position(account, self.market.name)
        assert behind == atoms_to_decimal(position.wallet)
        assert mine.held.get(account, 0) == self.market.quantity(position.quantity)
        assert mine.paid.get(account, 0) == atoms_to_decimal(position.entry_quote)
        assert mine.won.get(account, 0) == atoms_to_decimal(position.realized)


def play(market: Instrument, purse: Decimal, recipes: list[Action], isolated: tuple[str, ...] = ()) -> Both:
    """Tell both the same, from the beginning."""
    both = Both(market, purse, isolated)
    for action in recipes:
        both.play(action)
    return both


LONG = settings(max_examples=int(os.environ.get("LAW_EXAMPLES", "200")))


# One of a pair gets smaller after the price has risen at which the other one, a trailing buy, is reckoned.
PAIR_AMENDED = [
    Action(act=Act.LIMIT, who=0, where=0, which=0, side=Side.BUY, offset=1, size=1),
    Action(act=Act.LIST, who=0, where=0, which=6, side=Side.BUY, offset=0, size=3, flag=True),
    Action(act=Act.LIMIT, who=0, where=0, which=0, side=Side.SELL, offset=0, size=1),
    Action(act=Act.SHRINK, who=0, where=0, which=1, side=Side.BUY, offset=0, size=3),
]


@given(market=st.sampled_from(SPOT), purse=SPOT_PURSES, recipes=stories(actions(ON_SPOT), 30))
@example(market=SPOT[0], purse=Decimal("1.5"), recipes=PAIR_AMENDED)
@LONG
def test_both_engines_do_the_same_on_a_spot_market(market: Instrument, purse: Decimal, recipes: list[Action]) -> None:
    """Whatever is asked of both."""
    play(market, purse, recipes)


@given(
    market=st.sampled_from(PERPS),
    purse=PERP_PURSES,
    recipes=stories(actions(ON_PERPS), 30),
    isolated=st.sampled_from(((), ("alice",), ("alice", "bob"))),
)
@LONG
def test_both_engines_do_the_same_on_a_perpetual(
    market: Instrument, purse: Decimal, recipes: list[Action], isolated: tuple[str, ...]
) -> None:
    """Whatever is asked of both, with cross margin and with margin of their own."""
    play(market, purse, recipes, isolated)

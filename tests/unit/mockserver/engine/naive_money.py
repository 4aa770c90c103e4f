"""What the slow engine knows of money: what is locked, what a trade changes, what an order may cost.

``Coins`` of a spot market: what is locked is not booked but reckoned from the open orders at each question.
``Contracts`` of a perpetual: a wallet, and one signed position with what it has cost; what of the wallet stands behind
the position of those who asked for that alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence
from decimal import ROUND_CEILING, ROUND_DOWN, Decimal
from fractions import Fraction
from typing import TypeAlias

from mockserver.engine.types import FeeRule, Instrument
from tests.unit.mockserver.engine.naive_orders import ATOM, NOTHING, Order

Owned: TypeAlias = dict[str, dict[str, Decimal]]


def up(money: Decimal) -> Decimal:
    """A sum in whole atoms, not less than this."""
    return money.quantize(ATOM, ROUND_CEILING)


def own_price(order: Order, market: Instrument, last: Decimal) -> Decimal:
    """The price an order is reckoned at: its own, else its stop's, else the last (when it began to wait)."""
    if order.price is not None:
        return order.price
    if order.level is not None:
        return (order.level / market.tick).to_integral_value(ROUND_CEILING) * market.tick
    return order.reckoned if order.waits and order.reckoned is not None else last


class Coins:
    """Two assets that change hands."""

    def __init__(self, market: Instrument, owned: Owned) -> None:
        self.market = market
        self.owns: Counter[tuple[str, str]] = Counter()
        for account, assets in owned.items():
            for asset, amount in assets.items():
                self.owns[account, asset] += amount  # type: ignore[assignment]  # a Counter of decimals

    def total(self, account: str, asset: str) -> Decimal:
        """What somebody owns of an asset."""
        return Decimal(self.owns[account, asset])

    def means(self, order: Order, _last: Decimal) -> Decimal:
        """What an order may be paid from."""
        return self.total(order.account, self.pays(order))

    def bound(self, order: Order, orders: Sequence[Order], last: Decimal) -> Decimal:
        """What of its means the open orders lock."""
        return self.locked(order.account, self.pays(order), orders, last)

    def covers(self, order: Order, orders: Sequence[Order], last: Decimal, sweep: Decimal) -> bool:
        """Whether an order may begin, that would sweep for so much."""
        needed = self.worth(order, last)
        if order.buys and order.price is None and not order.waits:
            needed = self.with_fee(sweep)
        return self.means(order, last) - self.bound(order, orders, last) >= needed

    def reducible(self, order: Order) -> Decimal:
        """How much of an order may trade."""
        return order.left

    def locked(self, account: str, asset: str, orders: Sequence[Order], last: Decimal) -> Decimal:
        """What the open orders lock: of a pair what the dearer one needs."""
        mine = [each for each in orders if each.is_open and each.account == account and self.pays(each) == asset]
        alone = (each for each in mine if each.other is None or not each.other.is_open)
        pairs = [(each, each.other) for each in mine if each.other is not None and each.other.is_open]
        needs = [self.need(each, last) for each in alone]
        needs += [max(self.need(a, last), self.need(b, last)) for a, b in pairs if a.number < b.number]
        return sum(needs, NOTHING)

    def pays(self, order: Order) -> str:
        """The asset an order pays with."""
        return self.market.quote if order.buys else self.market.base

    def need(self, order: Order, last: Decimal) -> Decimal:
        """What an open order locks."""
        if order.status == "PENDING_NEW" or (order.is_market and not order.waits):
            return NOTHING
        return self.worth(order, last)

    def worth(self, order: Order, last: Decimal) -> Decimal:
        """What is open of an order costs at its own price, a fee on top included."""
        return self.with_fee(own_price(order, self.market, last) * order.left) if order.buys else order.left

    def with_fee(self, money: Decimal) -> Decimal:
        """What a buy costs with the fee, where it is paid in money and not taken off what is bought."""
        if self.market.fee_rule is not FeeRule.QUOTE:
            return money
        rate = max(self.market.maker_fee, self.market.taker_fee, 0) * ATOM
        return money + up(money * rate)

    def fee(self, order: Order, price: Decimal, quantity: Decimal, *, maker: bool) -> tuple[Decimal, str]:
        """What one side of a trade pays, and in what."""
        in_base = order.buys and self.market.fee_rule is FeeRule.RECEIVED
        return fee_of(order, self.market, quantity if in_base else price * quantity, maker=maker), (
            self.market.base if in_base else self.market.quote
        )

    def trade(self, order: Order, price: Decimal, quantity: Decimal, fee: Decimal, asset: str) -> None:
        """Book one side of a trade."""
        self.owns[order.account, self.market.base] += order.sign * quantity  # type: ignore[assignment]
        self.owns[order.account, self.market.quote] -= order.sign * price * quantity  # type: ignore[assignment]
        self.owns[order.account, asset] -= fee  # type: ignore[assignment]


class Contracts:
    """Positions at one price, and wallets that profit, loss and fees go to."""

    def __init__(self, market: Instrument, owned: Owned, isolated: Container[str]) -> None:
        self.market = market
        self.isolated = isolated
        self.behind: dict[str, Decimal] = {}
        self.wallet = {account: assets.get(market.cash, NOTHING) for account, assets in owned.items()}
        self.held: dict[str, Decimal] = {}
        self.paid: dict[str, Decimal] = {}
        """What a position has cost, below zero for what was sold."""
        self.won: dict[str, Decimal] = {}

    def fee(self, order: Order, price: Decimal, quantity: Decimal, *, maker: bool) -> tuple[Decimal, str]:
        """What one side of a trade pays, and in what."""
        return fee_of(order, self.market, price * quantity, maker=maker), self.market.cash

    def trade(self, order: Order, price: Decimal, quantity: Decimal, fee: Decimal, _asset: str) -> None:
        """Book one side of a trade: close what there is the other way, and open with the rest."""
        name, held = order.account, self.held.get(order.account, NOTHING)
        paid, won, opened = self.paid.get(name, NOTHING), NOTHING, quantity
        if held * order.sign < 0:
            closed = min(abs(held), quantity)
            cost = Fraction(paid) * Fraction(closed) / Fraction(abs(held))
            share = int(cost / Fraction(ATOM)) * ATOM  # towards zero
            won = -order.sign * price * closed - share
            paid, opened = paid - share, quantity - closed
        if name in self.isolated:
            self.behind[name] = self.left_behind(name, abs(held), quantity - opened, price * opened, won, fee)
        self.held[name] = held + order.sign * quantity
        self.paid[name] = paid + order.sign * price * opened
        self.won[name] = self.won.get(name, NOTHING) + won
        self.wallet[name] = self.wallet.get(name, NOTHING) + won - fee

    def left_behind(
        self, name: str, held: Decimal, closed: Decimal, opened: Decimal, won: Decimal, fee: Decimal
    ) -> Decimal:
        """What stands behind a position after a trade that closed so much of so much, and opened so much worth.

        What closes brings its part back, and takes more for a loss that is larger; what opens brings its margin, and
        pays the fee.
        """
        behind = self.behind.get(name, NOTHING)
        back = (behind * closed / held).quantize(ATOM, ROUND_DOWN) if closed else NOTHING
        if opened:
            return max(NOTHING, behind - back + up(opened / self.market.leverage) - fee)
        if closed == held:
            return NOTHING
        return max(NOTHING, behind - max(back, fee - won))

    def move(self, name: str, amount: Decimal, orders: Sequence[Order], last: Decimal) -> bool:
        """Let so much more stand behind a position, or less; whether it may be."""
        held, behind = self.held.get(name, NOTHING), self.behind.get(name, NOTHING)
        worth = abs(held) * last
        if amount > 0:
            most = self.wallet[name] - behind - self.bound_by(name, orders, last)
        else:
            gained = held * last - self.paid.get(name, NOTHING)
            keep = up(worth * self.market.maintenance * ATOM)
            most = min(behind - keep, behind + gained - up(worth / self.market.leverage))
        if name not in self.isolated or not held or not amount or abs(amount) > most:
            return False
        self.behind[name] = behind + amount
        return True

    def reducible(self, order: Order) -> Decimal:
        """How much of an order may trade: what it would close, if it may do nothing else."""
        if not order.terms.reduce_only:
            return order.left
        return min(order.left, max(NOTHING, -order.sign * self.held.get(order.account, NOTHING)))

    def means(self, order: Order, last: Decimal) -> Decimal:
        """The wallet, and what the position would win if it were closed at the last price; or what is not behind it."""
        held, paid = self.held.get(order.account, NOTHING), self.paid.get(order.account, NOTHING)
        wallet = self.wallet.get(order.account, NOTHING)
        if order.account in self.isolated:
            return wallet - self.behind.get(order.account, NOTHING)
        return wallet + held * last - paid

    def bound(
        self, order: Order, orders: Sequence[Order], last: Decimal, more: tuple[tuple[int, Decimal], ...] = ()
    ) -> Decimal:
        """What position and orders need of an order's account."""
        return self.bound_by(order.account, orders, last, more)

    def bound_by(
        self, name: str, orders: Sequence[Order], last: Decimal, more: tuple[tuple[int, Decimal], ...] = ()
    ) -> Decimal:
        """What position and orders need, perhaps with more (sign, worth): a share of the most they could come to.

        An isolated position has what it needs, so that this is what its orders need on top.
        """
        resting = [
            (each.sign, each.price * each.left)
            for each in orders
            if each.account == name and each.is_open and not each.waits
            if each.price is not None and not each.terms.reduce_only
        ]
        worth = self.held.get(name, NOTHING) * last
        longest = worth + sum((money for sign, money in (*resting, *more) if sign > 0), NOTHING)
        shortest = worth - sum((money for sign, money in (*resting, *more) if sign < 0), NOTHING)
        had = up(abs(worth) / self.market.leverage) if name in self.isolated else NOTHING
        return up(max(abs(longest), abs(shortest)) / self.market.leverage) - had

    def covers(self, order: Order, orders: Sequence[Order], last: Decimal, _sweep: Decimal) -> bool:
        """Whether an order may begin: what waits, or only reduces, needs nothing."""
        if order.waits or order.terms.reduce_only:
            return True
        now = self.bound(order, orders, last)
        then = self.bound(order, orders, last, ((order.sign, own_price(order, self.market, last) * order.left),))
        return then <= max(now, self.means(order, last))


def fee_of(order: Order, market: Instrument, amount: Decimal, *, maker: bool) -> Decimal:
    """The fee of an amount, towards zero; the house pays none."""
    rate = (market.maker_fee if maker else market.taker_fee) * ATOM
    return NOTHING if order.by_house else (amount * rate).quantize(ATOM, ROUND_DOWN)

"""A slow engine of one spot market, to differ from: lists that are scanned, decimals, locks that are added up anew.

It is written from the rules (``docs/mock/orders.md``), not from the engine, and shares nothing with it but the values
of commands: no book, no indexes, no ledger. What is locked is not booked but reckoned from the open orders at each
question.

It knows LIMIT and MARKET (by quantity and by quote amount), post-only, IOC, FOK, GTC, cancel, amending down, the modes
of self-trade prevention, stops that the last price sets off, and OCO pairs. It does not know perpetuals, trails,
amendments of prices, or lists with phases. The house owns without end and pays no fees.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import ROUND_CEILING, ROUND_DOWN, Decimal

import attrs

from mockserver.engine.types import (
    HOUSE,
    Amend,
    Cancel,
    CancelAll,
    Command,
    FeeRule,
    Instrument,
    OnCross,
    OrderType,
    Place,
    PlaceList,
    SelfTrade,
    Side,
    TimeInForce,
    TriggerWhen,
)

ATOM = Decimal("1E-8")
NOTHING = Decimal(0)


@attrs.define(eq=False)
class Order:
    """One order; numbers as people write them."""

    number: int
    terms: Place
    price: Decimal | None
    level: Decimal | None
    """The price that sets it off; None when it works from the beginning."""
    quantity: Decimal
    waits: bool
    filled: Decimal = NOTHING
    prevented: Decimal = NOTHING
    status: str = "NEW"
    reason: str | None = None
    other: Order | None = None
    """The other order of its pair."""

    @property
    def account(self) -> str:
        """Whose it is."""
        return self.terms.account

    @property
    def buys(self) -> bool:
        """Whether it buys."""
        return self.terms.side is Side.BUY

    @property
    def left(self) -> Decimal:
        """What is open of it."""
        return self.quantity - self.filled - self.prevented

    @property
    def is_open(self) -> bool:
        """Whether it can still trade."""
        return self.status in ("NEW", "PARTIALLY_FILLED")

    def accepts(self, price: Decimal) -> bool:
        """Whether it would trade at a price."""
        return self.price is None or (price <= self.price if self.buys else price >= self.price)


@attrs.frozen
class Fill:
    """One side of a trade."""

    number: int
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    maker: bool


class Refused(Exception):
    """A command is not carried out, and nothing has changed."""


class NaiveEngine:
    """One spot market and everybody's money."""

    def __init__(self, market: Instrument, owned: dict[str, dict[str, Decimal]]) -> None:
        self.market = market
        self.orders: list[Order] = []
        self.resting: list[Order] = []  # in order of arrival
        self.fills: list[Fill] = []
        self.prices: list[Decimal] = []  # of all trades
        self.unseen: list[Decimal] = []  # prices that the stops have not seen
        self.changed: list[Order] = []  # orders of pairs that traded
        self.owns: Counter[tuple[str, str]] = Counter()
        for account, assets in owned.items():
            for asset, amount in assets.items():
                self.owns[account, asset] += amount  # type: ignore[assignment]  # a Counter of decimals

    # -- what is true now -----------------------------------------------------------------------------------------

    @property
    def last(self) -> Decimal:
        """The last price."""
        return self.prices[-1] if self.prices else self.market.reference_price

    def total(self, account: str, asset: str) -> Decimal:
        """What somebody owns of an asset."""
        return Decimal(self.owns[account, asset])

    def locked(self, account: str, asset: str) -> Decimal:
        """What the open orders lock: of a pair what the dearer one needs."""
        mine = [each for each in self.orders if each.is_open and each.account == account and self.pays(each) == asset]
        alone = sum((self.need(each) for each in mine if each.other is None or not each.other.is_open), NOTHING)
        pairs = [(each, each.other) for each in mine if each.other is not None and each.other.is_open]
        return alone + sum((max(self.need(a), self.need(b)) for a, b in pairs if a.number < b.number), NOTHING)

    def free(self, account: str, asset: str) -> Decimal:
        """What is not locked."""
        return self.total(account, asset) - self.locked(account, asset)

    def pays(self, order: Order) -> str:
        """The asset an order pays with."""
        return self.market.quote if order.buys else self.market.base

    def need(self, order: Order) -> Decimal:
        """What an open order may cost."""
        if order.terms.type is OrderType.MARKET and not order.waits:
            return NOTHING
        return self.worth(order, order.left)

    def worth(self, order: Order, quantity: Decimal) -> Decimal:
        """What so much of an order costs at its own price, a fee on top included."""
        return self.with_fee(self.own_price(order) * quantity) if order.buys else quantity

    def own_price(self, order: Order) -> Decimal:
        """The price an order is reckoned at: its own, else its stop's, else the last."""
        if order.price is not None:
            return order.price
        if order.level is None:
            return self.last
        return (order.level / self.market.tick).to_integral_value(ROUND_CEILING) * self.market.tick

    def with_fee(self, money: Decimal) -> Decimal:
        """What a buy costs with the fee, where it is paid in money and not taken off what is bought."""
        if self.market.fee_rule is not FeeRule.QUOTE:
            return money
        rate = max(self.market.maker_fee, self.market.taker_fee, 0) * ATOM
        return money + (money * rate).quantize(ATOM, ROUND_CEILING)

    def queue(self, taker: Order) -> list[Order]:
        """The orders an order may meet: the best price first, then the oldest."""
        others = [each for each in self.resting if each.buys != taker.buys]
        return sorted(others, key=lambda each: self.own_price(each) * (1 if taker.buys else -1))  # sorted is stable

    def crosses(self, order: Order) -> bool:
        """Whether an order would trade at once."""
        queue = self.queue(order)
        return bool(queue) and order.accepts(self.own_price(queue[0]))

    def meets(self, taker: Order, wanted: Decimal | None) -> Iterator[tuple[Decimal, Decimal]]:
        """Prices and quantities an order would trade, its own account's orders minded; None: as much as there is."""
        mode = taker.terms.self_trade
        for maker in self.queue(taker):
            if not taker.accepts(self.own_price(maker)) or (wanted is not None and wanted <= 0):
                return
            mine = maker.account == taker.account and mode is not SelfTrade.NONE
            if mine and mode in (SelfTrade.EXPIRE_TAKER, SelfTrade.EXPIRE_BOTH):
                return
            part = maker.left if wanted is None else min(wanted, maker.left)
            if not mine:
                yield self.own_price(maker), part
            if wanted is not None and not (mine and mode is SelfTrade.EXPIRE_MAKER):
                wanted -= part

    # -- commands -------------------------------------------------------------------------------------------------

    def apply(self, command: Command, number: int | None) -> bool:
        """Carry out a command (about the order of this number); return whether it was accepted."""
        try:
            match command:
                case Place():
                    self.place(command)
                case PlaceList():
                    self.place_pair(command)
                case Cancel():
                    self.cancel(self.found(number))
                case CancelAll():
                    for each in [each for each in self.orders if each.is_open and each.account == command.account]:
                        self.cancel(each)
                case Amend():
                    assert command.quantity is not None
                    self.amend(self.found(number), command.quantity * self.market.step)
                case _:
                    raise AssertionError(command)
        except Refused:
            return False
        self.follow_up()
        return True

    def found(self, number: int | None) -> Order:
        """The open order of this number."""
        assert number is not None
        order = self.orders[number]
        if not order.is_open:
            raise Refused
        return order

    def place(self, terms: Place) -> None:
        """Place one order."""
        order = self.made(terms, len(self.orders))
        self.check_terms(order)
        self.check_start(order)
        self.orders.append(order)
        self.enter(order)

    def place_pair(self, command: PlaceList) -> None:
        """Place a pair: the last price lies between the two."""
        above, below = (self.made(terms, len(self.orders) + i) for i, terms in enumerate(command.orders))
        for order in (above, below):
            self.check_terms(order)
        prices = [self.own_price(order) if order.level is None else order.level for order in (above, below)]
        if command.account == HOUSE or not prices[0] > self.last > prices[1]:
            raise Refused
        for order in (above, below):
            self.check_start(order)
        self.orders += [above, below]
        above.other, below.other = below, above
        self.enter(above)
        self.enter(below)

    def made(self, terms: Place, number: int) -> Order:
        """An order as it is asked for."""
        market = self.market
        price = None if terms.price is None else terms.price * market.tick
        level = None if terms.trigger is None else terms.trigger.price
        order = Order(number, terms, price, level, NOTHING, terms.trigger is not None)
        if terms.quantity is not None:
            order.quantity = terms.quantity * market.step
        else:
            assert terms.quote_amount is not None
            order.quantity = self.bought(order, terms.quote_amount * ATOM)
        return order

    def bought(self, order: Order, money: Decimal) -> Decimal:
        """How much an amount buys (or is worth) as the book stands, in whole steps, level by level."""
        quantity = NOTHING
        for price, there in self.meets(order, None):
            steps = (money / (price * self.market.step)).to_integral_value(ROUND_DOWN)
            part = min(there, steps * self.market.step)
            quantity, money = quantity + part, money - part * price
            if part < there:
                break
        return quantity

    def check_terms(self, order: Order) -> None:
        """Refuse what the market's filters do not allow."""
        market, amount = self.market, order.terms.quote_amount
        if amount is None and not market.min_quantity <= order.quantity <= market.max_quantity:
            raise Refused
        if (self.own_price(order) * order.quantity if amount is None else amount * ATOM) < market.min_notional:
            raise Refused

    def check_start(self, order: Order) -> None:
        """Refuse what cannot begin to wait, or to work, as things are."""
        if order.waits and self.prices and self.sets_off(order, self.last):
            raise Refused
        if order.terms.post_only and order.terms.on_cross is OnCross.REJECT and self.crosses(order):
            raise Refused
        if order.account == HOUSE:
            return
        needed = self.worth(order, order.quantity - order.filled - order.prevented)
        if order.buys and order.price is None and not order.waits:
            needed = self.with_fee(sum((price * part for price, part in self.meets(order, order.left)), NOTHING))
        if self.free(order.account, self.pays(order)) < needed:
            raise Refused

    def cancel(self, order: Order) -> None:
        """Cancel an order, and the other of its pair with it."""
        for each in (order, order.other):
            if each is not None and each.is_open:
                self.end(each, "CANCELED", "USER")

    def amend(self, order: Order, quantity: Decimal) -> None:
        """Make an order (and the other of its pair) smaller; it keeps its place."""
        pair = [each for each in (order, order.other) if each is not None and each.is_open]
        if not max(each.filled + each.prevented for each in pair) < quantity < order.quantity:
            raise Refused
        if quantity < self.market.min_quantity or self.own_price(order) * quantity < self.market.min_notional:
            raise Refused
        order.quantity = quantity
        if order.other is not None and order.other.is_open:
            order.other.quantity = quantity

    # -- what happens ---------------------------------------------------------------------------------------------

    def enter(self, order: Order) -> None:
        """Let an accepted order wait, trade, rest or expire."""
        if order.waits:
            return
        if order.terms.post_only and self.crosses(order):
            return self.end(order, "EXPIRED", "POST_ONLY")
        fok = order.terms.tif is TimeInForce.FOK
        if fok and sum((part for _, part in self.meets(order, order.left)), NOTHING) < order.left:
            return self.end(order, "EXPIRED", "FOK_UNFILLED")
        while order.is_open and order.left and self.crosses(order):
            maker = self.queue(order)[0]
            if maker.account == order.account and order.terms.self_trade is not SelfTrade.NONE:
                self.prevent(order, maker)
            else:
                self.trade(order, maker)
        if not order.is_open:
            return None
        if order.price is None:
            return self.end(order, "EXPIRED", "NO_LIQUIDITY")
        if order.terms.tif is not TimeInForce.GTC:
            return self.end(order, "EXPIRED", "IOC_REMAINDER")
        self.resting.append(order)
        return None

    def trade(self, taker: Order, maker: Order) -> None:
        """Trade what both have open, at the price of the one that was there."""
        price, quantity = self.own_price(maker), min(taker.left, maker.left)
        self.prices.append(price)
        self.unseen.append(price)
        for order in (taker, maker):
            sign = 1 if order.buys else -1
            self.owns[order.account, self.market.base] += sign * quantity  # type: ignore[assignment]
            self.owns[order.account, self.market.quote] -= sign * price * quantity  # type: ignore[assignment]
            in_base = order.buys and self.market.fee_rule is FeeRule.RECEIVED
            asset = self.market.base if in_base else self.market.quote
            rate = (self.market.maker_fee if order is maker else self.market.taker_fee) * ATOM
            fee = ((quantity if in_base else price * quantity) * rate).quantize(ATOM, ROUND_DOWN)
            fee = NOTHING if order.account == HOUSE else fee
            self.owns[order.account, asset] -= fee  # type: ignore[assignment]
            self.fills.append(Fill(order.number, price, quantity, fee, asset, order is maker))
            order.filled += quantity
            order.status = "PARTIALLY_FILLED" if order.left else "FILLED"
            self.changed.append(order)
        if not maker.left:
            self.resting.remove(maker)

    def prevent(self, taker: Order, maker: Order) -> None:
        """Keep an account from trading with itself, the way the taker asked for."""
        both = min(taker.left, maker.left)
        match taker.terms.self_trade:
            case SelfTrade.EXPIRE_TAKER:
                self.lose(taker, taker.left)
            case SelfTrade.EXPIRE_MAKER:
                self.lose(maker, maker.left)
            case SelfTrade.EXPIRE_BOTH:
                self.lose(maker, maker.left)
                self.lose(taker, taker.left)
            case _:  # DECREMENT; TRANSFER within one account is the same
                self.lose(maker, both)
                self.lose(taker, both)

    def lose(self, order: Order, quantity: Decimal) -> None:
        """Take something off an order; it ends when nothing is left."""
        order.prevented += quantity
        if not order.left:
            self.end(order, "EXPIRED", "SELF_TRADE")

    def end(self, order: Order, status: str, reason: str) -> None:
        """End an open order."""
        order.status, order.reason = status, reason
        self.resting = [each for each in self.resting if each is not order]
        self.changed.append(order)

    def follow_up(self) -> None:
        """End the others of pairs, and show each trade to the orders that wait, until nothing more follows."""
        self.end_others()
        while self.unseen:
            price = self.unseen.pop(0)
            for order in [each for each in self.orders if each.is_open and each.waits and self.sets_off(each, price)]:
                if order.is_open:
                    self.fire(order)
                    self.end_others()

    def end_others(self) -> None:
        """Expire the other order of each that traded or ended."""
        for order in tuple(self.changed):
            if order.other is not None and order.other.is_open and order.reason != "OTHER_ORDER":
                self.end(order.other, "EXPIRED", "OTHER_ORDER")
        self.changed = []

    def sets_off(self, order: Order, price: Decimal) -> bool:
        """Whether a price sets off an order that waits."""
        assert order.level is not None
        assert order.terms.trigger is not None
        return price >= order.level if order.terms.trigger.when is TriggerWhen.ABOVE else price <= order.level

    def fire(self, order: Order) -> None:
        """Send a waiting order to work; the other of its pair goes first, and it expires if it cannot be paid for."""
        if order.other is not None and order.other.is_open:
            self.end(order.other, "EXPIRED", "OTHER_ORDER")
        order.waits = False
        held, order.status = order.status, "WAITING"  # it locks nothing while it is checked
        try:
            self.check_start(order)
        except Refused:
            self.end(order, "EXPIRED", "REFUSED")
            return
        order.status = held
        self.enter(order)

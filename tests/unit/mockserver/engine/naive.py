"""A slow engine of one market, to differ from: lists that are scanned, decimals, locks that are added up anew.

It is written from the rules (``docs/mock/orders.md``), not from the engine, and shares nothing with it but the values
of commands: no book, no indexes, no ledger. What is locked is not booked but reckoned from the open orders at each
question.

It knows LIMIT and MARKET (by quantity and by quote amount), post-only, IOC, FOK, GTC, reduce-only, cancel, amendments
of quantity and price, the modes of self-trade prevention, stops that the last price sets off, stops that trail, and
lists (OCO, OTO, OTOCO) on a spot market; positions in one direction, cross and isolated margin and fees on a perpetual.
It does not know algo orders, hedge mode, liquidation, or two markets of one venue. The house owns without end and pays
no fees.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from decimal import ROUND_DOWN, Decimal

from mockserver.engine.types import (
    HOUSE,
    Amend,
    Cancel,
    CancelAll,
    Command,
    Instrument,
    ListKind,
    MoveMargin,
    OnCross,
    Place,
    PlaceList,
    SelfTrade,
    TimeInForce,
)
from tests.unit.mockserver.engine.naive_money import Coins, Contracts, Owned, own_price
from tests.unit.mockserver.engine.naive_orders import ATOM, NOTHING, Fill, Order, Refused


class NaiveEngine:
    """One market and everybody's money."""

    def __init__(self, market: Instrument, owned: Owned, isolated: Container[str] = ()) -> None:
        self.market = market
        self.money = Contracts(market, owned, isolated) if market.is_perp else Coins(market, owned)
        self.orders: list[Order] = []
        self.resting: list[Order] = []  # in order of arrival
        self.waiting: list[Order] = []  # in the order in which they began to wait
        self.fills: list[Fill] = []
        self.prices: list[Decimal] = []  # of all trades
        self.shown = 0  # how many of them the waiting orders have seen
        self.changed: list[tuple[Order, str, str | None]] = []  # orders that traded or ended, and how they stood then

    # -- what is true now -----------------------------------------------------------------------------------------

    @property
    def last(self) -> Decimal:
        """The last price."""
        return self.prices[-1] if self.prices else self.market.reference_price

    def own_price(self, order: Order) -> Decimal:
        """The price an order is reckoned at."""
        return own_price(order, self.market, self.last)

    def queue(self, taker: Order) -> list[Order]:
        """The orders an order may meet: the best price first, then the oldest."""
        others = [each for each in self.resting if each.buys != taker.buys]
        return sorted(others, key=lambda each: self.own_price(each) * taker.sign)  # sorted is stable

    def crosses(self, order: Order) -> bool:
        """Whether an order would trade at once."""
        queue = self.queue(order)
        return bool(queue) and order.accepts(self.own_price(queue[0]))

    def meets(self, taker: Order, wanted: Decimal | None, *, sure: bool = False) -> Iterator[tuple[Decimal, Decimal]]:
        """Prices and quantities an order would trade, its own account's orders minded; None: as much as there is.

        ``sure``: without what may get smaller by itself.
        """
        mode = taker.terms.self_trade
        for maker in self.queue(taker):
            if not taker.accepts(self.own_price(maker)) or (wanted is not None and wanted <= 0):
                return
            mine = maker.account == taker.account and mode is not SelfTrade.NONE
            if mine and mode in (SelfTrade.EXPIRE_TAKER, SelfTrade.EXPIRE_BOTH):
                return
            if sure and not mine and maker.terms.reduce_only:
                continue
            part = maker.left if wanted is None else min(wanted, maker.left)
            if not mine:
                yield self.own_price(maker), part
            if wanted is not None and not (mine and mode is SelfTrade.EXPIRE_MAKER):
                wanted -= part

    # -- commands -------------------------------------------------------------------------------------------------

    def apply(self, command: Command, number: int | None) -> bool:
        """Carry out a command (about the order of this number); return whether it was accepted."""
        step, tick = self.market.step, self.market.tick
        try:
            match command:
                case Place():
                    self.place(command)
                case PlaceList():
                    self.place_list(command)
                case Cancel():
                    self.cancel(self.found(number))
                case MoveMargin():
                    assert isinstance(self.money, Contracts)
                    return self.money.move(command.account, command.amount * ATOM, self.orders, self.last)
                case CancelAll():
                    for each in [each for each in self.orders if each.is_open and each.account == command.account]:
                        if each.is_open:
                            self.cancel(each)
                case Amend():
                    order = self.found(number)
                    quantity = order.quantity if command.quantity is None else command.quantity * step
                    self.amend(order, quantity, order.price if command.price is None else command.price * tick)
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

    def place_list(self, command: PlaceList) -> None:
        """Place a pair around the last price, or a first order and what is placed when that is filled."""
        orders = [self.made(terms, len(self.orders) + i) for i, terms in enumerate(command.orders)]
        is_pair = command.kind is ListKind.OCO
        later = [] if is_pair else orders[1:]
        for order in orders:
            self.check_terms(order)
        if command.account == HOUSE or (is_pair and not self.is_astride(orders)):
            raise Refused
        for order in orders[: len(orders) - len(later)]:
            self.check_start(order)
        if command.kind is not ListKind.OTO:
            orders[-1].other, orders[-2].other = orders[-2], orders[-1]
        for order in later:
            order.status, order.waits, order.first = "PENDING_NEW", True, orders[0]
        orders[0].later = later
        self.orders += orders
        for order in orders[: len(orders) - len(later)]:
            self.enter(order)

    def is_astride(self, pair: list[Order]) -> bool:
        """Whether the last price lies between the two of a pair; a trail without a price lies anywhere."""
        above, below = pair
        return (is_free(above) or self.acts_at(above) > self.last) and (
            is_free(below) or self.acts_at(below) < self.last
        )

    def acts_at(self, order: Order) -> Decimal:
        """The price at which an order of a pair would do something."""
        return self.own_price(order) if order.level is None else order.level

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
        """Refuse what the market's filters do not allow, and what is to reduce and cannot."""
        market, amount = self.market, order.terms.quote_amount
        if amount is None and not market.min_quantity <= order.quantity <= market.max_quantity:
            raise Refused
        worth = self.own_price(order) * order.quantity if amount is None else amount * ATOM
        if worth < market.min_notional and not order.terms.reduce_only:
            raise Refused
        if order.terms.reduce_only and not self.money.reducible(order):
            raise Refused

    def check_start(self, order: Order) -> None:
        """Refuse what cannot begin to wait, or to work, as things are."""
        if order.waits and self.prices and order.is_beyond(self.last):
            raise Refused
        if order.terms.post_only and order.terms.on_cross is OnCross.REJECT and self.crosses(order):
            raise Refused
        sweep = sum((price * part for price, part in self.meets(order, order.left)), NOTHING)
        if not order.by_house and not self.money.covers(order, self.orders, self.last, sweep):
            raise Refused

    def cancel(self, order: Order) -> None:
        """Cancel an order, and all that is open of its list with it."""
        family = [order, order.other, order.first, *order.later]
        for each in family:
            if each is not None and each.is_open:
                self.end(each, "CANCELED", "USER")

    def amend(self, order: Order, quantity: Decimal, price: Decimal | None) -> None:
        """Change an order: it keeps its place if it gets smaller, else it comes anew; the other of its pair follows."""
        pair = [each for each in (order, order.other) if each is not None and each.is_open]
        gets_smaller = price == order.price and quantity <= order.quantity
        if not gets_smaller and (order.waits or len(pair) == 2):
            raise Refused
        if quantity <= max(each.gone for each in pair):
            raise Refused
        if not self.market.min_quantity <= quantity <= self.market.max_quantity:
            raise Refused
        before = self.money.bound(order, self.orders, self.last)
        old_price, old = order.price, [(each.quantity, each.reckoned) for each in pair]
        order.price = price
        for each in pair:
            each.quantity, each.reckoned = quantity, self.last
        after = self.money.bound(order, self.orders, self.last)
        if (
            (self.own_price(order) * quantity < self.market.min_notional and not order.terms.reduce_only)
            or (order.terms.post_only and not order.waits and self.crosses(order))
            or (not order.by_house and after > max(before, self.money.means(order, self.last)))
        ):
            order.price = old_price
            for each, (was, reckoned) in zip(pair, old, strict=True):
                each.quantity, each.reckoned = was, reckoned
            raise Refused
        if not gets_smaller:
            self.resting = [each for each in self.resting if each is not order]
            self.work(order)

    # -- what happens ---------------------------------------------------------------------------------------------

    def enter(self, order: Order) -> None:
        """Let an accepted order wait, trade, rest or expire."""
        if order.waits:
            order.since, order.reckoned = len(self.prices), self.last
            if order.level is None and self.prices:
                order.met.append(self.last)
            self.waiting.append(order)
            return
        if order.terms.post_only and self.crosses(order):
            return self.end(order, "EXPIRED", "POST_ONLY")
        if order.terms.tif is TimeInForce.FOK:
            found = sum((part for _, part in self.meets(order, order.left, sure=True)), NOTHING)
            if min(found, self.money.reducible(order)) < order.left:
                return self.end(order, "EXPIRED", "FOK_UNFILLED")
        return self.work(order)

    def work(self, order: Order) -> None:
        """Let an order trade, and rest or expire what is left of it."""
        while order.is_open and order.left and self.crosses(order):
            maker = self.queue(order)[0]
            quantity = min(self.money.reducible(order), self.money.reducible(maker))
            if maker.account == order.account and order.terms.self_trade is not SelfTrade.NONE:
                self.prevent(order, maker)
            elif quantity:
                self.trade(order, maker, quantity)
            else:
                self.end(order if self.money.reducible(maker) else maker, "EXPIRED", "REDUCE_ONLY")
        if not order.is_open:
            return None
        if order.left and not self.money.reducible(order):
            return self.end(order, "EXPIRED", "REDUCE_ONLY")
        if order.price is None:
            return self.end(order, "EXPIRED", "NO_LIQUIDITY")
        if order.terms.tif is not TimeInForce.GTC:
            return self.end(order, "EXPIRED", "IOC_REMAINDER")
        self.resting.append(order)
        return None

    def trade(self, taker: Order, maker: Order, quantity: Decimal) -> None:
        """Trade so much, at the price of the one that was there."""
        price = self.own_price(maker)
        self.prices.append(price)
        for order in (taker, maker):
            fee, asset = self.money.fee(order, price, quantity, maker=order is maker)
            self.money.trade(order, price, quantity, fee, asset)
            self.fills.append(Fill(order.number, price, quantity, fee, asset, order is maker))
            order.filled += quantity
            order.status = "PARTIALLY_FILLED" if order.left else "FILLED"
            self.changed.append((order, order.status, None))
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
        self.changed.append((order, status, reason))

    def follow_up(self) -> None:
        """Carry out what follows, and show each trade to the orders that wait, until nothing more does."""
        self.tidy()
        while self.shown < len(self.prices):
            price = self.prices[self.shown]
            self.shown += 1
            self.waiting = [each for each in self.waiting if each.is_open and each.waits]
            for order in [each for each in self.waiting if each.since < self.shown and each.sets_off(price)]:
                if order.is_open:
                    self.fire(order)
                    self.tidy()

    def tidy(self) -> None:
        """Expire what can reduce nothing any more, and carry out what the ends of orders mean for their lists."""
        for order in tuple(self.resting):
            if not self.money.reducible(order):
                self.end(order, "EXPIRED", "REDUCE_ONLY")
        while self.changed:
            order, status, reason = self.changed.pop(0)
            if reason != "OTHER_ORDER" and order.other is not None and order.other.is_open:
                self.end(order.other, "EXPIRED", "OTHER_ORDER")
            if status == "FILLED":
                self.start([each for each in order.later if each.status == "PENDING_NEW"])
            for each in order.later if status == "EXPIRED" else ():
                if each.is_open:
                    self.end(each, "EXPIRED", "FIRST_ORDER")

    def start(self, later: list[Order]) -> None:
        """Place what waited for its first order, all of it or nothing."""
        for order in later:
            order.status, order.waits = "NEW", order.terms.trigger is not None
        held = [order.status for order in later]
        astride = len(later) < 2 or self.is_astride(later)
        for order in later:
            order.status = "CHECKED"  # it locks nothing while it is checked
        refused = [order for order in later if not astride or not self.can_start(order)]
        for order, status in zip(later, held, strict=True):
            order.status = status
        if refused:
            self.end(refused[0], "EXPIRED", "REFUSED")
            return
        for order in later:
            self.enter(order)

    def can_start(self, order: Order) -> bool:
        """Whether an order would not be refused now."""
        try:
            self.check_start(order)
        except Refused:
            return False
        return True

    def fire(self, order: Order) -> None:
        """Send a waiting order to work; the other of its pair goes first, and it expires if it cannot be paid for."""
        if order.other is not None and order.other.is_open:
            self.end(order.other, "EXPIRED", "OTHER_ORDER")
        order.waits = False
        held, order.status = order.status, "CHECKED"  # it locks nothing while it is checked
        can_start = self.can_start(order)
        order.status = held
        if can_start:
            self.enter(order)
        else:
            self.end(order, "EXPIRED", "REFUSED")


def is_free(order: Order) -> bool:
    """Whether an order follows the market from wherever it is."""
    return order.terms.trigger is not None and order.level is None

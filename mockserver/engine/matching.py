"""One order against the book: checks, the sweep by price and time, and what becomes of the rest.

The rules: a trade happens at the resting order's price; better prices first, then older orders; a command is wholly
refused (nothing changes) or wholly carried out.

What it does not do: cancel, amend or force anything; that is in ``engine.py``.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from mockserver.engine.book import OrderKey
from mockserver.engine.desk import Desk, Market, cost
from mockserver.engine.triggers import watch
from mockserver.engine.types import (
    HOUSE,
    Kind,
    OnCross,
    OrderChange,
    OrderStatus,
    OrderType,
    OrderView,
    Place,
    Prevention,
    Reason,
    Reject,
    RejectReason,
    SelfTrade,
    Side,
    TimeInForce,
)

MAX_OPEN_ORDERS = 10_000
"""Open orders of one account; far above any venue's own limit, which the face enforces in the venue's words."""

_UNIQUE = ("open", "ever", "no")


class Matching:
    """Places orders on a desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._reducers: dict[OrderKey, None] = {}  # bounded: by the open orders

    def place(self, command: Place, *, accepted: Callable[[OrderView], None] | None = None) -> OrderView | Reject:
        """Place an order and return its state after the sweep, or why it was refused.

        ``accepted`` is called with the new order before anything is told about it.
        """
        checked = self.check(command) or self._check_start(command, command.quantity)
        if checked is not None:
            return checked
        view = self.new(command)
        if accepted is not None:
            accepted(view)
        self._desk.hold(view, view.quantity)
        self._desk.change(OrderChange.NEW, view)
        return self.enter(view)

    def enter(self, view: OrderView) -> OrderView:
        """Let an order that has just become NEW wait for its trigger, or trade."""
        market = self._desk.markets[view.instrument]
        if view.waits:
            assert view.trigger is not None  # that is what it waits for
            last = market.instrument.price(market.last_price) if market.trades else None
            seen = watch(view.trigger, view.side, last, self._desk.now_ns)
            self._desk.watchers.add(view.instrument, self._desk.key(view), seen)
            return view
        if view.post_only and market.book.crosses(view.side, view.price):
            return self._desk.finish(view, OrderStatus.EXPIRED, Reason.POST_ONLY)
        if view.tif is TimeInForce.FOK and self._fillable(market, view) < view.remaining:
            return self._desk.finish(view, OrderStatus.EXPIRED, Reason.FOK_UNFILLED)
        return self.work(market, view)

    def fire(self, view: OrderView) -> OrderView:
        """Send an order to work whose trigger has come; it expires if it would be refused now."""
        desk = self._desk
        desk.watchers.discard(view.instrument, desk.key(view))
        working = attrs.evolve(view, working_ns=desk.now_ns, updated_ns=desk.now_ns)
        desk.release(view)
        if self._check_start(working, working.remaining) is not None:
            return desk.finish(view, OrderStatus.EXPIRED, Reason.REFUSED)
        desk.hold(working, working.remaining)
        desk.change(OrderChange.WORKING, working)
        return self.enter(working)

    def work(self, market: Market, view: OrderView) -> OrderView:
        """Let an open order that is not in the book trade, and rest or expire what is left of it."""
        view = self._sweep(market, view)
        if not view.is_open:
            return view
        if view.type is OrderType.MARKET:
            return self._desk.finish(view, OrderStatus.EXPIRED, Reason.NO_LIQUIDITY)
        if view.tif is not TimeInForce.GTC:
            return self._desk.finish(view, OrderStatus.EXPIRED, Reason.IOC_REMAINDER)
        assert view.price is not None
        market.book.add(view.side, view.price, self._desk.key(view), view.remaining)
        if view.reduce_only:
            self._reducers[self._desk.key(view)] = None
        return view

    def expire_idle_reducers(self) -> None:
        """Expire the resting reduce-only orders whose position is gone or has turned."""
        for key in tuple(self._reducers):
            view = self._desk.orders.get(key)
            if view is not None and view.is_open and self.reducible(view) == 0:
                view = self._desk.finish(view, OrderStatus.EXPIRED, Reason.REDUCE_ONLY)
            if view is None or not view.is_open:
                del self._reducers[key]

    def reducible(self, view: OrderView) -> int:
        """Return how much of an order may trade: all that is open, for reduce-only at most the opposite position."""
        if not view.reduce_only:
            return view.remaining
        position = self._desk.ledger.position(view.account, view.instrument).quantity
        return min(view.remaining, max(0, -view.side.sign * position))

    def new(self, command: Place, *, kind: Kind = Kind.TRADE, list_id: int | None = None) -> OrderView:
        """Return the first state of an order, with an id of its own; nothing is stored or told yet."""
        desk = self._desk
        quantity = command.quantity
        if quantity is None:
            assert command.quote_amount is not None  # checked
            quantity = self._affordable(desk.markets[command.instrument], command, command.quote_amount)
        return OrderView(
            account=command.account,
            instrument=command.instrument,
            order_id=desk.ids.order(command.instrument),
            client_id=command.client_id if command.client_id is not None else desk.ids.client(),
            side=command.side,
            type=command.type,
            tif=command.tif,
            price=command.price,
            quantity=quantity,
            quote_amount=command.quote_amount,
            filled=0,
            filled_quote=0,
            status=OrderStatus.NEW,
            reason=None,
            post_only=command.post_only,
            reduce_only=command.reduce_only,
            self_trade=command.self_trade,
            kind=kind,
            created_ns=desk.now_ns,
            updated_ns=desk.now_ns,
            working_ns=desk.now_ns if command.trigger is None else None,
            tags=command.tags,
            trigger=command.trigger,
            looking_ns=self.looks_since(command),
            list_id=list_id,
            good_till_ns=command.good_till_ns,
        )

    def looks_since(self, order: Place | OrderView) -> int | None:
        """Return now if an order that begins to wait follows the market at once, else None."""
        trigger, market = order.trigger, self._desk.markets[order.instrument]
        at_once = trigger is not None and trigger.trails and trigger.price is None and market.trades
        return self._desk.now_ns if at_once else None

    # -- checks ---------------------------------------------------------------------------------------------------

    def check(self, command: Place) -> Reject | None:
        """Return the first reason to refuse an order whatever the market does, in the order in which a venue looks."""
        market = self._desk.markets.get(command.instrument)
        if market is None:
            return Reject(RejectReason.UNKNOWN_INSTRUMENT, command.instrument)
        if not self._desk.ledger.knows(command.account):
            return Reject(RejectReason.UNKNOWN_ACCOUNT, command.account)
        quantity = command.quantity
        if command.quote_amount is not None and quantity is None:
            quantity = self._affordable(market, command, command.quote_amount)
        return (
            self._check_terms(market, command, quantity)
            or self._check_identity(command)
            or self._check_position(market, command)
        )

    def _check_start(self, order: Place | OrderView, quantity: int | None) -> Reject | None:
        """Return why an order may not begin to wait or to work as things are now."""
        market = self._desk.markets[order.instrument]
        waits = order.trigger is not None and not (isinstance(order, OrderView) and order.working_ns is not None)
        if waits and self._is_set_off(market, order):
            return Reject(RejectReason.WOULD_TRIGGER, "the last price is already there")
        return self._check_crossing(market, order) or self._check_funds(market, order, quantity, waits=waits)

    def check_start(self, order: Place | OrderView) -> Reject | None:
        """Return why an order of a list may not begin to wait or to work as things are now."""
        return self._check_start(order, order.remaining if isinstance(order, OrderView) else order.quantity)

    def _is_set_off(self, market: Market, order: Place | OrderView) -> bool:
        if order.trigger is None or not market.trades:
            return False
        return order.trigger.reached(market.instrument.price(market.last_price))

    def _check_terms(self, market: Market, command: Place, quantity: int | None) -> Reject | None:
        instrument = market.instrument
        assert command.unique_client_id in _UNIQUE
        if command.quantity is not None and command.quote_amount is not None:
            return Reject(RejectReason.BAD_QUANTITY, "both a quantity and a quote amount")
        if (command.type is OrderType.LIMIT) != (command.price is not None):
            return Reject(RejectReason.BAD_PRICE, "a limit order has a price, a market order has none")
        if command.price is not None and command.price <= 0:
            return Reject(RejectReason.BAD_PRICE, "not above zero")
        if command.quote_amount is not None and (command.type is OrderType.LIMIT or instrument.is_perp):
            return Reject(RejectReason.NOT_ALLOWED, "only a spot market order is sized by its quote amount")
        if command.post_only and (command.type is OrderType.MARKET or command.tif is not TimeInForce.GTC):
            return Reject(RejectReason.NOT_ALLOWED, "only a resting limit order is post-only")
        if quantity is None or (quantity <= 0 and command.quote_amount is None):
            return Reject(RejectReason.BAD_QUANTITY, "not above zero")
        if command.quote_amount is None and not instrument.min_steps <= quantity <= instrument.max_steps:
            return Reject(RejectReason.BAD_QUANTITY, "outside of the instrument's limits")
        if command.trigger is not None and (command.post_only or command.quote_amount is not None):
            return Reject(RejectReason.NOT_ALLOWED, "no post-only order waits for a trigger, nor a quote-sized one")
        price = self._desk.limit_of(command)
        notional = command.quote_amount or instrument.notional(price, quantity)
        if notional < instrument.min_notional_atoms and not command.reduce_only:
            return Reject(RejectReason.MIN_NOTIONAL, str(instrument.min_notional))
        return None

    def _check_identity(self, command: Place) -> Reject | None:
        orders = self._desk.orders
        if command.account != HOUSE and orders.open_count(command.account) >= MAX_OPEN_ORDERS:
            return Reject(RejectReason.TOO_MANY_ORDERS, str(MAX_OPEN_ORDERS))
        if command.client_id is None or command.unique_client_id == "no":
            return None
        for key in orders.named(command.account, command.client_id):
            other = orders.current(key)
            if command.unique_client_id == "ever" or (other.is_open and other.instrument == command.instrument):
                return Reject(RejectReason.DUPLICATE_CLIENT_ID, command.client_id)
        return None

    def _check_position(self, market: Market, command: Place) -> Reject | None:
        if not command.reduce_only:
            return None
        if not market.instrument.is_perp:
            return Reject(RejectReason.REDUCE_ONLY, "spot orders cannot be reduce-only")
        position = self._desk.ledger.position(command.account, command.instrument).quantity
        if position * command.side.sign >= 0:
            return Reject(RejectReason.REDUCE_ONLY, "there is no opposite position")
        return None

    def _check_crossing(self, market: Market, order: Place | OrderView) -> Reject | None:
        refuses = order.post_only and not (isinstance(order, Place) and order.on_cross is OnCross.EXPIRE)
        if refuses and market.book.crosses(order.side, order.price):
            return Reject(RejectReason.WOULD_MATCH, "the order would immediately match and take")
        return None

    def _check_funds(
        self, market: Market, command: Place | OrderView, quantity: int | None, *, waits: bool
    ) -> Reject | None:
        instrument, ledger = market.instrument, self._desk.ledger
        if command.account == HOUSE or command.reduce_only:
            return None
        if quantity is None:
            assert command.quote_amount is not None  # checked
            quantity = self._affordable(market, command, command.quote_amount)
        if instrument.is_perp:
            enough = ledger.balance(command.account, instrument.cash).free > 0
        elif command.side is Side.SELL:
            needed = quantity * instrument.step_atoms
            enough = ledger.balance(command.account, instrument.base).free >= needed
        else:
            if command.price is not None or waits:
                notional = instrument.notional(self._desk.limit_of(command), quantity)
            else:
                notional = self._sweep_notional(market, command, quantity)
            enough = ledger.balance(command.account, instrument.quote).free >= cost(instrument, notional)
        return None if enough else Reject(RejectReason.INSUFFICIENT_BALANCE)

    # -- looking ahead --------------------------------------------------------------------------------------------

    def _affordable(self, market: Market, command: Place | OrderView, amount: int) -> int:
        """Return how many steps a market order can trade against the book for at most this many quote atoms."""
        steps = 0
        for price, open_steps in self._levels(market, command, None):
            one = market.instrument.notional(price, 1)
            taken = min(open_steps, amount // one)
            steps += taken
            amount -= taken * one
            if taken < open_steps:
                break
        return steps

    def _sweep_notional(self, market: Market, command: Place | OrderView, quantity: int) -> int:
        """Return the quote atoms a market order of this quantity would trade for, as far as the book goes."""
        levels = self._levels(market, command, quantity)
        return sum(market.instrument.notional(price, steps) for price, steps in levels)

    def _fillable(self, market: Market, view: OrderView) -> int:
        """Return a quantity that an order is sure to find; resting reduce-only orders are left out, they may shrink."""
        if self.reducible(view) < view.remaining:
            return 0
        found = 0
        for price, open_steps in self._levels(market, view, view.remaining, sure=True):
            if view.price is not None and (price - view.price) * view.side.sign > 0:
                break
            found += open_steps
            if found >= view.remaining:
                break
        return found

    def _levels(
        self, market: Market, taker: Place | OrderView, wanted: int | None, *, sure: bool = False
    ) -> list[tuple[int, int]]:
        """Return (price, steps) a taker of so many steps (None: all there are) would trade, self-trades minded."""
        met: list[tuple[int, int]] = []
        for price, key, steps in market.book.walk(taker.side.opposite):
            maker = self._desk.orders.current(key)
            if maker.account == taker.account and taker.self_trade is not SelfTrade.NONE:
                if taker.self_trade.shrinks and wanted is not None:
                    wanted -= steps
                    if wanted <= 0:
                        break
                if taker.self_trade is SelfTrade.EXPIRE_MAKER or taker.self_trade.shrinks:
                    continue
                break
            if sure and maker.reduce_only:
                continue
            if wanted is None:
                met.append((price, steps))
                continue
            met.append((price, min(steps, wanted)))
            wanted -= steps
            if wanted <= 0:
                break
        return met

    # -- the sweep ------------------------------------------------------------------------------------------------

    def _sweep(self, market: Market, view: OrderView) -> OrderView:
        """Trade an order against the other side as long as prices cross."""
        desk, other = self._desk, view.side.opposite
        while view.is_open and view.remaining and market.book.crosses(view.side, view.price):
            first = market.book.first(other)
            assert first is not None
            price, key = first
            maker = desk.orders.current(key)
            if maker.account == view.account and view.self_trade is not SelfTrade.NONE:
                view = self._prevent(view, maker, price)
                continue
            if self.reducible(maker) == 0:
                desk.finish(maker, OrderStatus.EXPIRED, Reason.REDUCE_ONLY)
                continue
            open_steps = self.reducible(view)
            if open_steps == 0:
                return desk.finish(view, OrderStatus.EXPIRED, Reason.REDUCE_ONLY)
            quantity = min(open_steps, self.reducible(maker))
            trade_id = desk.print_trade(market, price, quantity, view.side, view.kind)
            view = desk.execute(view, price, quantity, trade_id, maker=False)
            desk.execute(maker, price, quantity, trade_id, maker=True)
        if view.is_open and view.remaining and self.reducible(view) == 0:
            return desk.finish(view, OrderStatus.EXPIRED, Reason.REDUCE_ONLY)
        return view

    def _prevent(self, taker: OrderView, maker: OrderView, price: int) -> OrderView:
        """Keep an account from trading with itself, the way the taker asked for.

        "TRANSFER needs both orders, else it is DECREMENT" (stp_faq).
        """
        desk, mode = self._desk, taker.self_trade
        if mode is SelfTrade.TRANSFER and maker.self_trade is not SelfTrade.TRANSFER:
            mode = SelfTrade.DECREMENT
        overlap = min(taker.remaining, maker.remaining)
        taker_loses = maker_loses = overlap
        if not mode.shrinks:
            taker_loses = taker.remaining if mode is not SelfTrade.EXPIRE_MAKER else 0
            maker_loses = maker.remaining if mode is not SelfTrade.EXPIRE_TAKER else 0
        match = Prevention(
            account=taker.account,
            instrument=taker.instrument,
            prevented_id=desk.ids.prevented(taker.instrument),
            taker_order_id=taker.order_id,
            maker_order_id=maker.order_id,
            mode=mode,
            price=price,
            quantity=overlap,
            taker_quantity=taker_loses or None,
            maker_quantity=maker_loses or None,
            time_ns=desk.now_ns,
        )
        desk.orders.add_prevention(match)
        self._lose(maker, maker_loses, match)
        return self._lose(taker, taker_loses, match)

    def _lose(self, view: OrderView, quantity: int, match: Prevention) -> OrderView:
        if quantity == 0:
            return view
        if quantity == view.remaining:
            return self._desk.finish(view, OrderStatus.EXPIRED, Reason.SELF_TRADE, prevention=match)
        return self._desk.prevent(view, quantity, match)

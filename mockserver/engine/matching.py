"""One order against the book: checks, the sweep by price and time, and what becomes of the rest.

The rules: a trade happens at the resting order's price; better prices first, then older orders; a command is wholly
refused (nothing changes) or wholly carried out.

What it does not do: cancel, amend or force anything; that is in ``engine.py``.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from mockserver.engine.book import OrderKey
from mockserver.engine.checks import Checks
from mockserver.engine.desk import Desk, Market
from mockserver.engine.types import (
    Kind,
    OrderChange,
    OrderStatus,
    OrderType,
    OrderView,
    Place,
    Prevention,
    Reason,
    Reject,
    SelfTrade,
    TimeInForce,
)


class Matching:
    """Places orders on a desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.checks = Checks(desk)
        self._reducers: dict[OrderKey, None] = {}  # bounded: by the open orders

    def place(self, command: Place, *, accepted: Callable[[OrderView], None] | None = None) -> OrderView | Reject:
        """Place an order and return its state after the sweep, or why it was refused.

        ``accepted`` is called with the new order before anything is told about it.
        """
        checked = self.checks.check(command) or self.checks.check_start(command)
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
            seen = market.watch(view.trigger, view.side, self._desk.now_ns)
            self._desk.watchers.add(view.instrument, self._desk.key(view), seen)
            return view
        if view.post_only and market.book.crosses(view.side, view.price):
            return self._desk.finish(view, OrderStatus.EXPIRED, Reason.POST_ONLY)
        if view.tif is TimeInForce.FOK and self.checks.fillable(market, view, self.reducible(view)) < view.remaining:
            return self._desk.finish(view, OrderStatus.EXPIRED, Reason.FOK_UNFILLED)
        return self.work(market, view)

    def fire(self, view: OrderView) -> OrderView:
        """Send an order to work whose trigger has come; it expires if it would be refused now.

        One that closes a position gets its quantity here.
        """
        desk = self._desk
        desk.watchers.discard(view.instrument, desk.key(view))
        quantity = view.quantity or desk.reducible(view)
        working = attrs.evolve(view, working_ns=desk.now_ns, updated_ns=desk.now_ns, quantity=quantity)
        desk.release(view)
        if view.reduces and not desk.reducible(view):
            return desk.finish(view, OrderStatus.EXPIRED, Reason.REDUCE_ONLY)
        if self.checks.check_start(working) is not None:
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
        if view.reduces:
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
        return min(view.remaining, self._desk.reducible(view)) if view.reduces else view.remaining

    def new(self, command: Place, *, kind: Kind = Kind.TRADE, list_id: int | None = None) -> OrderView:
        """Return the first state of an order, with an id of its own; nothing is stored or told yet."""
        desk = self._desk
        quantity = command.quantity
        if quantity is None and command.quote_amount is None:
            quantity = 0  # it closes a position, whose size its trigger will find
        elif quantity is None:
            assert command.quote_amount is not None  # checked
            quantity = self.checks.affordable(desk.markets[command.instrument], command, command.quote_amount)
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
            position_side=command.position_side,
        )

    def looks_since(self, order: Place | OrderView) -> int | None:
        """Return now if an order that begins to wait follows the market at once, else None."""
        trigger, market = order.trigger, self._desk.markets[order.instrument]
        at_once = trigger is not None and trigger.trails and trigger.price is None and market.trades
        return self._desk.now_ns if at_once else None

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

"""One order against the book: checks, the sweep by price and time, and what becomes of the rest.

The rules: a trade happens at the resting order's price; better prices first, then older orders; a command is wholly
refused (nothing changes) or wholly carried out.

What it does not do: cancel, amend or force anything; that is in ``engine.py``.
"""

from __future__ import annotations

from collections.abc import Callable

from mockserver.engine.book import OrderKey
from mockserver.engine.desk import Desk, Market, cost
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
        market = self._desk.markets.get(command.instrument)
        if market is None:
            return Reject(RejectReason.UNKNOWN_INSTRUMENT, command.instrument)
        if not self._desk.ledger.knows(command.account):
            return Reject(RejectReason.UNKNOWN_ACCOUNT, command.account)
        quantity = command.quantity
        if command.quote_amount is not None and quantity is None:
            quantity = self._affordable(market, command, command.quote_amount)
        reject = self._check(market, command, quantity)
        if reject is not None:
            return reject
        assert quantity is not None
        view = self.new(command, quantity)
        if accepted is not None:
            accepted(view)
        self._desk.lock(view, 0, quantity)
        self._desk.change(OrderChange.NEW, view)
        if command.post_only and market.book.crosses(view.side, view.price):
            return self._desk.finish(view, OrderStatus.EXPIRED, Reason.POST_ONLY)
        if view.tif is TimeInForce.FOK and self._fillable(market, view) < quantity:
            return self._desk.finish(view, OrderStatus.EXPIRED, Reason.FOK_UNFILLED)
        return self.work(market, view)

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

    def new(self, command: Place, quantity: int, kind: Kind = Kind.TRADE) -> OrderView:
        """Return the first state of an order, with an id of its own; nothing is stored or told yet."""
        desk = self._desk
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
            working_ns=desk.now_ns,
            tags=command.tags,
        )

    # -- checks ---------------------------------------------------------------------------------------------------

    def _check(self, market: Market, command: Place, quantity: int | None) -> Reject | None:
        """Return the first reason to refuse an order, in the order in which a venue looks."""
        return (
            self._check_terms(market, command, quantity)
            or self._check_identity(command)
            or self._check_position(market, command)
            or self._check_crossing(market, command)
            or self._check_funds(market, command, quantity)
        )

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
        price = command.price if command.price is not None else market.last_price
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

    def _check_crossing(self, market: Market, command: Place) -> Reject | None:
        refuses = command.post_only and command.on_cross is OnCross.REJECT
        if refuses and market.book.crosses(command.side, command.price):
            return Reject(RejectReason.WOULD_MATCH, "the order would immediately match and take")
        return None

    def _check_funds(self, market: Market, command: Place, quantity: int | None) -> Reject | None:
        instrument, ledger = market.instrument, self._desk.ledger
        assert quantity is not None
        if command.account == HOUSE or command.reduce_only:
            return None
        if instrument.is_perp:
            enough = ledger.balance(command.account, instrument.cash).free > 0
        elif command.side is Side.SELL:
            needed = quantity * instrument.step_atoms
            enough = ledger.balance(command.account, instrument.base).free >= needed
        else:
            if command.price is not None:
                notional = instrument.notional(command.price, quantity)
            else:
                notional = self._sweep_notional(market, command, quantity)
            enough = ledger.balance(command.account, instrument.quote).free >= cost(instrument, notional)
        return None if enough else Reject(RejectReason.INSUFFICIENT_BALANCE)

    # -- looking ahead --------------------------------------------------------------------------------------------

    def _affordable(self, market: Market, command: Place, amount: int) -> int:
        """Return how many steps a market order can trade against the book for at most this many quote atoms."""
        steps = 0
        for price, open_steps in self._levels(market, command):
            one = market.instrument.notional(price, 1)
            taken = min(open_steps, amount // one)
            steps += taken
            amount -= taken * one
            if taken < open_steps:
                break
        return steps

    def _sweep_notional(self, market: Market, command: Place, quantity: int) -> int:
        """Return the quote atoms a market order of this quantity would trade for, as far as the book goes."""
        notional = 0
        for price, open_steps in self._levels(market, command):
            taken = min(open_steps, quantity)
            notional += market.instrument.notional(price, taken)
            quantity -= taken
            if quantity == 0:
                break
        return notional

    def _fillable(self, market: Market, view: OrderView) -> int:
        """Return a quantity that an order is sure to find; resting reduce-only orders are left out, they may shrink."""
        if self.reducible(view) < view.remaining:
            return 0
        found = 0
        for price, open_steps in self._levels(market, view, sure=True):
            if view.price is not None and (price - view.price) * view.side.sign > 0:
                break
            found += open_steps
            if found >= view.remaining:
                break
        return found

    def _levels(self, market: Market, taker: Place | OrderView, *, sure: bool = False) -> list[tuple[int, int]]:
        """Return (price, steps) of the orders a taker would meet, its self-trade rule minded."""
        met: list[tuple[int, int]] = []
        wanted = taker.quantity
        for price, key, steps in market.book.walk(taker.side.opposite):
            maker = self._desk.orders.current(key)
            if maker.account == taker.account and taker.self_trade is not SelfTrade.NONE:
                if taker.self_trade is SelfTrade.EXPIRE_MAKER:
                    continue
                break
            if sure and maker.reduce_only:
                continue
            met.append((price, steps))
            if wanted is not None:
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
        """Keep an account from trading with itself, the way the taker asked for."""
        desk, mode = self._desk, taker.self_trade
        ends_maker = mode in (SelfTrade.EXPIRE_MAKER, SelfTrade.EXPIRE_BOTH)
        ends_taker = mode in (SelfTrade.EXPIRE_TAKER, SelfTrade.EXPIRE_BOTH)
        match = Prevention(
            account=taker.account,
            instrument=taker.instrument,
            prevented_id=desk.ids.prevented(taker.instrument),
            taker_order_id=taker.order_id,
            maker_order_id=maker.order_id,
            mode=mode,
            price=price,
            taker_quantity=taker.remaining if ends_taker else None,
            maker_quantity=maker.remaining if ends_maker else None,
            time_ns=desk.now_ns,
        )
        desk.orders.add_prevention(match)
        if ends_maker:
            desk.finish(maker, OrderStatus.EXPIRED, Reason.SELF_TRADE, prevention=match)
        if ends_taker:
            return desk.finish(taker, OrderStatus.EXPIRED, Reason.SELF_TRADE, prevention=match)
        return taker

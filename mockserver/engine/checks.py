"""Whether an order may be placed, and what it would meet: all that is looked at before anything changes.

What it does not do: change anything, or trade; that is in ``matching.py``.
"""

from __future__ import annotations

from typing import Final

from mockserver.engine.desk import Desk, Market, cost
from mockserver.engine.margin import Margin, Need, Orders, need_of
from mockserver.engine.types import (
    HOUSE,
    OnCross,
    OrderType,
    OrderView,
    Place,
    Position,
    PositionSide,
    Reject,
    RejectReason,
    SelfTrade,
    Side,
    TimeInForce,
)

MAX_OPEN_ORDERS: Final = 10_000
"""Open orders of one account; far above any venue's own limit, which the face enforces in the venue's words."""

_UNIQUE = ("open", "ever", "no")


class Checks:
    """Looks at a desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def check(self, command: Place) -> Reject | None:
        """Return the first reason to refuse an order whatever the market does, in the order in which a venue looks."""
        market = self._desk.markets.get(command.instrument)
        if market is None:
            return Reject(RejectReason.UNKNOWN_INSTRUMENT, command.instrument)
        if not self._desk.ledger.knows(command.account):
            return Reject(RejectReason.UNKNOWN_ACCOUNT, command.account)
        quantity = command.quantity
        if command.quote_amount is not None and quantity is None:
            quantity = self.affordable(market, command, command.quote_amount)
        return (
            self._check_terms(market, command, quantity)
            or self._check_identity(command)
            or self._check_position(market, command)
        )

    def check_start(self, order: Place | OrderView) -> Reject | None:
        """Return why an order may not begin to wait or to work as things are now."""
        quantity = order.remaining if isinstance(order, OrderView) else order.quantity
        market = self._desk.markets[order.instrument]
        waits = order.trigger is not None and not (isinstance(order, OrderView) and order.working_ns is not None)
        if waits and self._is_set_off(market, order):
            return Reject(RejectReason.WOULD_TRIGGER, "the last price is already there")
        return self._check_crossing(market, order) or self._check_funds(market, order, quantity, waits=waits)

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
        if command.trigger is not None and command.quote_amount is not None:
            return Reject(RejectReason.NOT_ALLOWED, "no quote-sized order waits for a trigger")
        if command.closes_all and instrument.is_perp:
            return None
        if quantity is None or (quantity <= 0 and command.quote_amount is None):
            return Reject(RejectReason.BAD_QUANTITY, "not above zero")
        if command.quote_amount is None and not instrument.min_steps <= quantity <= instrument.max_steps:
            return Reject(RejectReason.BAD_QUANTITY, "outside of the instrument's limits")
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
        hedged = market.instrument.is_perp and self._desk.ledger.terms(command.account).hedged
        if hedged is (command.position_side is PositionSide.BOTH):
            return Reject(RejectReason.POSITION_SIDE, "not a position that the account's mode has")
        if not command.reduces:
            return None
        if not market.instrument.is_perp:
            return Reject(RejectReason.REDUCE_ONLY, "spot orders cannot be reduce-only")
        if command.trigger is None and not self._desk.reducible(command):  # of one that waits, its time will tell
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
        if command.account == HOUSE or command.reduces:
            return None
        if quantity is None:
            assert command.quote_amount is not None  # checked
            quantity = self.affordable(market, command, command.quote_amount)
        if instrument.is_perp:
            enough = waits or self.covers(market, command, instrument.notional(self._desk.limit_of(command), quantity))
        elif command.side is Side.SELL:
            needed = quantity * instrument.step_atoms
            enough = ledger.balance(command.account, instrument.base).free >= needed
        else:
            if command.price is not None or waits:
                notional = instrument.notional(self._desk.limit_of(command), quantity)
            else:
                notional = self._sweep_notional(market, command, quantity)
            needed = cost(instrument, ledger.terms(command.account), notional)
            enough = ledger.balance(command.account, instrument.quote).free >= needed
        return None if enough else Reject(RejectReason.INSUFFICIENT_BALANCE)

    # -- looking ahead --------------------------------------------------------------------------------------------

    def affordable(self, market: Market, command: Place | OrderView, amount: int) -> int:
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

    def fillable(self, market: Market, view: OrderView, reducible: int) -> int:
        """Return a quantity that an order is sure to find; resting reduce-only orders are left out, they may shrink."""
        if reducible < view.remaining:
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
            if sure and maker.reduces:
                continue
            if wanted is None:
                met.append((price, steps))
                continue
            met.append((price, min(steps, wanted)))
            wanted -= steps
            if wanted <= 0:
                break
        return met

    # -- margin ---------------------------------------------------------------------------------------------------

    def margin(self, account: str, cash: str) -> Margin:
        """Return what an account's perpetuals of one cash asset need, and its money."""
        markets = [each for each in self._desk.markets.values() if each.instrument.cash == cash]
        isolated = self._desk.ledger.terms(account).isolated
        need = shared = Need()
        for market in markets:
            if market.instrument.is_perp:
                mine = self.need(account, market)
                need += mine
                shared += Need(orders=mine.orders) if market.instrument.name in isolated else mine
        money = self._desk.ledger.balance(account, cash).free
        for market in markets:
            if not market.instrument.is_perp:
                coins = self._desk.ledger.balance(account, market.instrument.base).total
                money += market.instrument.notional(market.last_price, coins) // market.instrument.step_atoms
        return Margin(need=need, shared=shared, money=money)

    def gone(self, account: str, cash: str) -> tuple[Position, ...]:
        """Return the positions that the exchange may liquidate: isolated ones each by itself, the others together."""
        ledger, shared_is_gone = self._desk.ledger, self.margin(account, cash).is_gone
        found = []
        for position in ledger.positions(account):
            market = self._desk.markets[position.instrument]
            if not position.quantity or market.instrument.cash != cash:
                continue
            if position.instrument in ledger.terms(account).isolated:
                need = self.need(account, market, side=position.side)
                is_gone = position.wallet + need.gained < need.maintenance
            else:
                is_gone = shared_is_gone
            if is_gone:
                found.append(position)
        return tuple(found)

    def need(
        self,
        account: str,
        market: Market,
        more: tuple[PositionSide, int, int] | None = None,
        *,
        side: PositionSide | None = None,
    ) -> Need:
        """Return what an instrument (or one of its positions) needs, perhaps with more (bids, asks) about one."""
        instrument, ledger = market.instrument, self._desk.ledger
        terms = ledger.terms(account)
        sides = terms.sides if side is None else (side,)
        positions = [ledger.position(account, instrument.name, each) for each in sides]
        keys = self._desk.orders.open_keys(account)
        views = [view for key in keys if (view := self._desk.orders.current(key)).instrument == instrument.name]
        orders = Orders.of(instrument, views)
        if more is not None:
            orders = orders.plus(*more)
        return need_of(instrument, market.last_price, terms.leverage(instrument), positions, orders)

    def covers(self, market: Market, order: Place | OrderView, worth: int) -> bool:
        """Whether what is available covers so much more of an order; what needs nothing more always may."""
        bids, asks = (worth, 0) if order.side is Side.BUY else (0, worth)
        now = self.need(order.account, market).initial
        more = self.need(order.account, market, (order.position_side, bids, asks)).initial - now
        return more <= 0 or more <= self.margin(order.account, market.instrument.cash).available

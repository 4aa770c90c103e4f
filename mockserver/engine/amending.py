"""Changing the quantity or the price of an open order: whether it may be, and what becomes of its place.

What it does not do: find the order; that is in ``engine.py``.
"""

from __future__ import annotations

import attrs

from mockserver.engine.desk import Desk, Market
from mockserver.engine.lists import Lists
from mockserver.engine.matching import Matching
from mockserver.engine.types import HOUSE, Amend, OrderView, Reject, RejectReason, Reply


class Amendments:
    """Amends the orders of a desk."""

    def __init__(self, desk: Desk, matching: Matching, lists: Lists) -> None:
        self._desk = desk
        self._lists = lists
        self._matching = matching

    def amend(self, command: Amend, market: Market, view: OrderView) -> Reply | Reject:
        """Change an open order."""
        quantity = command.quantity if command.quantity is not None else view.quantity
        price = command.price if command.price is not None else view.price
        fixed = view.waits or len(self._lists.pair(view)) > 1
        if fixed and (price != view.price or quantity > view.quantity):
            return Reject(RejectReason.NOT_ALLOWED, "an order that waits, or is one of a pair, may only get smaller")
        reject = self._check(market, view, quantity, self._desk.limit_of(view) if price is None else price)
        if reject is not None:
            return reject
        new = attrs.evolve(
            view,
            quantity=quantity,
            price=price,
            client_id=command.client_id if command.client_id is not None else view.client_id,
            updated_ns=self._desk.now_ns,
        )
        key = self._desk.key(view)
        if view.waits:
            self._desk.amend(view, new)
            if view.list_id is None:  # the funds of a list are its own matter
                self._desk.hold(new, new.remaining)
            return Reply(order=new)
        assert view.price is not None  # only limit orders rest
        self._desk.hold(new, new.remaining)
        if price == view.price and quantity <= view.quantity:
            market.book.reduce(view.side, view.price, key, view.quantity - quantity)
            self._desk.amend(view, new)
        else:
            market.book.remove(view.side, view.price, key)
            self._desk.amend(view, new)
            new = self._matching.work(market, new)
        return Reply(order=new)

    def _check(self, market: Market, view: OrderView, quantity: int, price: int) -> Reject | None:
        instrument = market.instrument
        if price <= 0:
            return Reject(RejectReason.BAD_PRICE, "not above zero")
        gone = view.filled + view.prevented
        pair = self._lists.pair(view)  # the two of which have one quantity
        gone_most = max([gone, *(each.filled + each.prevented for each in pair)])
        if not max(gone_most + 1, instrument.min_steps) <= quantity <= instrument.max_steps:
            return Reject(RejectReason.BAD_QUANTITY, "not above what is filled, or outside of the instrument's limits")
        if instrument.notional(price, quantity) < instrument.min_notional_atoms and not view.reduces:
            return Reject(RejectReason.MIN_NOTIONAL, str(instrument.min_notional))
        if view.post_only and not view.waits and market.book.crosses(view.side, price):
            return Reject(RejectReason.WOULD_MATCH, "the amended order would immediately match and take")
        if instrument.is_perp:
            more = instrument.notional(price, quantity - gone) - instrument.notional(view.price or 0, view.remaining)
            free = view.account == HOUSE or view.reduces or view.waits or more <= 0
            enough = free or self._matching.checks.covers(market, view, more)
            return None if enough else Reject(RejectReason.INSUFFICIENT_BALANCE)
        # A pair locks together what the dearer one needs; what waits for any price may hold less than that by now.
        amended = [attrs.evolve(each, price=price) if each == view else each for each in pair or (view,)]
        old_lock = sum(self._desk.held(each) for each in amended)
        new_lock = max(self._desk.reserve(each, quantity - each.filled - each.prevented)[1] for each in amended)
        asset, _ = self._desk.reserve(view, view.remaining)
        if view.account != HOUSE and new_lock - old_lock > max(0, self._desk.ledger.balance(view.account, asset).free):
            return Reject(RejectReason.INSUFFICIENT_BALANCE)
        return None

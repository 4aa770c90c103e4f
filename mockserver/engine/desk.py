"""What the parts of the engine share: markets, orders, ledger, ids, and the events of the command being applied.

The ``Desk`` changes one thing at a time and tells it; which changes a command means is decided in ``matching.py`` and
``engine.py``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from decimal import ROUND_CEILING, Decimal
from typing import Final

import attrs

from mockserver.engine.book import Book, OrderKey
from mockserver.engine.fees import Discount, Fee, discounted, plain_fee
from mockserver.engine.ids import Ids
from mockserver.engine.ledger import Ledger
from mockserver.engine.orders import OrderStore
from mockserver.engine.terms import Terms
from mockserver.engine.triggers import Trigger, Watch, Watchers, watch
from mockserver.engine.types import (
    ATOMS,
    HOUSE,
    Amendment,
    BalanceCause,
    BalanceEvent,
    Deposit,
    Event,
    Execution,
    FeeRule,
    Instrument,
    Kind,
    MoveMargin,
    OrderChange,
    OrderEvent,
    OrderStatus,
    OrderType,
    OrderView,
    Place,
    PositionEvent,
    Prevention,
    PublicTrade,
    Reason,
    RejectReason,
    Side,
    TradeEvent,
)

PUBLIC_TRADES_KEPT: Final = 1_000
"""Trades of one market that can be asked for (the venues answer with at most 1000)."""


class Market:
    """One instrument, its book and its tape."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.book = Book(instrument.name)
        self.trades: deque[PublicTrade] = deque(maxlen=PUBLIC_TRADES_KEPT)

    @property
    def last_price(self) -> int:
        """Price of the last trade; before the first one the reference price."""
        return self.trades[-1].price if self.trades else self.instrument.reference_ticks

    def watch(self, trigger: Trigger, side: Side, now_ns: int) -> Watch:
        """Return a watch for a trigger, as the tape stands."""
        last = self.trades[-1] if self.trades else None
        price = None if last is None else self.instrument.price(last.price)
        return watch(trigger, side, price, now_ns, after=None if last is None else last.trade_id)


class Desk:
    """State and the smallest changes of it."""

    def __init__(self, instruments: Iterable[Instrument], ids: Ids, discount: Discount | None = None) -> None:
        self.ids = ids
        self.discount = discount
        self.now_ns = 0
        self.markets = {instrument.name: Market(instrument) for instrument in instruments}
        self.orders = OrderStore(ids)
        self.ledger = Ledger()
        self.ledger.open(HOUSE)
        spot = (market for market in self.markets.values() if not market.instrument.is_perp)
        self._pairs = {(market.instrument.base, market.instrument.quote): market for market in spot}
        self._seq = 0
        self._events: list[Event] = []  # bounded: taken by every command
        self._prints: deque[PublicTrade] = deque()  # bounded: taken by every command
        self._list_events: deque[OrderEvent] = deque()  # bounded: taken by every command
        self.watchers: Watchers[OrderKey] = Watchers()
        self._held: dict[OrderKey, tuple[str, int]] = {}  # bounded: by the open orders

    def begin(self, now_ns: int) -> None:
        """Start a command; the engine's time never falls."""
        self.now_ns = self.ledger.now_ns = max(self.now_ns, now_ns)

    def take_events(self) -> tuple[Event, ...]:
        """Return, and forget, what was told since the last time."""
        events, self._events = tuple(self._events), []
        return events

    def next_print(self) -> PublicTrade | None:
        """Return, and forget, the oldest trade that no trigger has seen."""
        return self._prints.popleft() if self._prints else None

    def next_list_event(self) -> OrderEvent | None:
        """Return, and forget, the oldest change of an order of a list that the list has not seen."""
        return self._list_events.popleft() if self._list_events else None

    def next_seq(self) -> int:
        """Return the number of the next event."""
        self._seq += 1
        return self._seq

    def tell(self, event: Event) -> None:
        """Append an event."""
        self._events.append(event)

    def key(self, view: OrderView) -> OrderKey:
        """Return the key of an order."""
        return self.orders.key(view.instrument, view.order_id)

    def change(
        self,
        change: OrderChange,
        view: OrderView,
        *,
        execution: Execution | None = None,
        cancel_request_id: str | None = None,
        previous_client_id: str | None = None,
        prevention: Prevention | None = None,
    ) -> OrderEvent:
        """Store an order's new state and tell it; both assets of a spot order will be in the balance event."""
        self.orders.put(view)
        instrument = self.markets[view.instrument].instrument
        if not instrument.is_perp:
            self.ledger.touch(view.account, (instrument.base, instrument.quote))
        elif execution is not None:
            self.ledger.touch(view.account, (instrument.cash,))
        event = OrderEvent(
            seq=self.next_seq(),
            time_ns=self.now_ns,
            change=change,
            order=view,
            execution_id=self.ids.execution(view.instrument),
            execution=execution,
            cancel_request_id=cancel_request_id,
            previous_client_id=previous_client_id,
            prevention=prevention,
        )
        self.tell(event)
        if view.list_id is not None:
            self._list_events.append(event)
        return event

    def refuse(self, view: OrderView, reason: RejectReason) -> None:
        """Store an order that never was in the market, and tell it; no balance has moved."""
        rejected = attrs.evolve(view, status=OrderStatus.REJECTED, working_ns=None, looking_ns=None)
        self.orders.put(rejected)
        event = OrderEvent(
            seq=self.next_seq(),
            time_ns=self.now_ns,
            change=OrderChange.REJECTED,
            order=rejected,
            execution_id=self.ids.execution(view.instrument),
            refused=reason,
        )
        self.tell(event)

    def amend(self, old: OrderView, new: OrderView) -> None:
        """Store an order's new terms, tell them, and keep that they changed."""
        previous = old.client_id if new.client_id != old.client_id else None
        event = self.change(OrderChange.AMENDED, new, previous_client_id=previous)
        self.orders.add_amendment(
            Amendment(
                account=new.account,
                instrument=new.instrument,
                order_id=new.order_id,
                execution_id=event.execution_id,
                old_client_id=old.client_id,
                new_client_id=new.client_id,
                old_quantity=old.quantity,
                new_quantity=new.quantity,
                time_ns=self.now_ns,
            )
        )

    def reserve(self, view: OrderView, remaining: int) -> tuple[str, int]:
        """Return what so many open steps of a spot order lock: asset and atoms.

        A limit order locks what it may cost. So does a market order while it waits for its trigger (at its trigger
        price; what the venue locks for a buy is not documented), but not once it trades. An order that waits for the
        first of its list locks nothing.
        """
        market = self.markets[view.instrument]
        instrument = market.instrument
        trades_at_once = view.type is OrderType.MARKET and not view.waits
        if instrument.is_perp or trades_at_once or view.status is OrderStatus.PENDING_NEW:
            return instrument.cash, 0
        if view.side is Side.SELL:
            return instrument.base, remaining * instrument.step_atoms
        terms = self.ledger.terms(view.account)
        return instrument.quote, cost(instrument, terms, instrument.notional(self.limit_of(view), remaining))

    def limit_of(self, order: OrderView | Place) -> int:
        """Return the ticks an order is reckoned at: its price, else its trigger's (rounded up), else the last."""
        market = self.markets[order.instrument]
        if order.price is not None:
            return order.price
        if order.trigger is not None and order.trigger.price is not None:
            return int((order.trigger.price / market.instrument.tick).to_integral_value(ROUND_CEILING))
        return market.last_price

    def hold(self, view: OrderView, remaining: int, *, shared: int = 0) -> None:
        """Lock what so many open steps of an order need, less what the other order of its pair holds for both."""
        key = self.key(view)
        asset, needed = self.reserve(view, remaining)
        _, held = self._held.get(key, (asset, 0))
        needed = max(0, needed - shared)
        self._lock(view, asset, needed - held)
        self._note_held(key, asset, needed)

    def release(self, view: OrderView) -> None:
        """Lock nothing for an order any more."""
        asset, held = self._held.pop(self.key(view), ("", 0))
        self._lock(view, asset, -held)

    def held(self, view: OrderView) -> int:
        """Return the atoms that are locked for an order."""
        return self._held.get(self.key(view), ("", 0))[1]

    def _lock(self, view: OrderView, asset: str, amount: int) -> None:
        if amount:
            self.ledger.lock(view.account, asset, amount)

    def _note_held(self, key: OrderKey, asset: str, amount: int) -> None:
        if amount:
            self._held[key] = (asset, amount)
        else:
            self._held.pop(key, None)

    def finish(
        self,
        view: OrderView,
        status: OrderStatus,
        reason: Reason,
        *,
        cancel_request_id: str | None = None,
        prevention: Prevention | None = None,
    ) -> OrderView:
        """End an open order unfilled: out of the book, funds released, told."""
        market = self.markets[view.instrument]
        if view.price is not None:
            market.book.remove(view.side, view.price, self.key(view))
        self.watchers.discard(view.instrument, self.key(view))
        self.release(view)
        ended = attrs.evolve(view, status=status, reason=reason, updated_ns=self.now_ns)
        if prevention is not None:
            ended = attrs.evolve(ended, prevented_id=prevention.prevented_id, prevented=view.prevented + view.remaining)
        change = OrderChange.CANCELED if status is OrderStatus.CANCELED else OrderChange.EXPIRED
        self.change(change, ended, cancel_request_id=cancel_request_id, prevention=prevention)
        return ended

    def prevent(self, view: OrderView, quantity: int, prevention: Prevention) -> OrderView:
        """Take quantity off an open order that lives on, and tell it."""
        market = self.markets[view.instrument]
        self.hold(view, view.remaining - quantity)
        if view.price is not None:
            market.book.reduce(view.side, view.price, self.key(view), quantity)
        smaller = attrs.evolve(
            view,
            prevented=view.prevented + quantity,
            prevented_id=prevention.prevented_id,
            updated_ns=self.now_ns,
        )
        self.change(OrderChange.PREVENTED, smaller, prevention=prevention)
        return smaller

    def execute(self, view: OrderView, price: int, quantity: int, trade_id: int, *, maker: bool) -> OrderView:
        """Book one side of a trade for an open order, and tell it."""
        market = self.markets[view.instrument]
        self.hold(view, view.remaining - quantity)
        if view.price is not None:
            market.book.reduce(view.side, view.price, self.key(view), quantity)
        quote = market.instrument.notional(price, quantity)
        fee = self._fee(view, market.instrument, quote, quantity, maker=maker)
        side, asked = view.position_side, (view.account, market.instrument, view.side)
        bounded = view.kind is Kind.LIQUIDATION
        realized = self.ledger.trade(*asked, quote, quantity, side, fee=fee, bounded=bounded)
        filled = view.filled + quantity
        traded = attrs.evolve(
            view,
            filled=filled,
            filled_quote=view.filled_quote + quote,
            status=OrderStatus.FILLED if quantity == view.remaining else OrderStatus.PARTIALLY_FILLED,
            updated_ns=self.now_ns,
        )
        execution = Execution(
            account=view.account,
            instrument=view.instrument,
            order_id=view.order_id,
            client_id=view.client_id,
            trade_id=trade_id,
            fill_id=self.ids.fill(),
            side=view.side,
            price=price,
            quantity=quantity,
            quote=quote,
            fee=fee.amount,
            fee_asset=fee.asset,
            fee_rate=fee.rate,
            maker=maker,
            kind=view.kind,
            realized=realized,
            time_ns=self.now_ns,
            position_side=view.position_side,
        )
        self.orders.add_execution(execution)
        self.change(OrderChange.TRADE, traded, execution=execution)
        if self.discount is not None and fee.asset == self.discount.asset:
            self.ledger.touch(view.account, (fee.asset,))
        return traded

    def _fee(self, view: OrderView, instrument: Instrument, quote: int, quantity: int, *, maker: bool) -> Fee:
        terms = self.ledger.terms(view.account)
        fee = plain_fee(terms, instrument, view.side, quote, quantity, maker=maker)
        if view.account == HOUSE:
            return Fee(0, fee.asset, 0)
        if not terms.discounted or self.discount is None:
            return fee
        free = self.ledger.balance(view.account, self.discount.asset).free
        return discounted(fee, self.discount, instrument, quote, free, self.price_of)

    def price_of(self, base: str, quote: str) -> Decimal | None:
        """Return the last price of an asset in another, None where there is no such spot market."""
        market = self._pairs.get((base, quote))
        return None if market is None else market.instrument.price(market.last_price)

    def reducible(self, order: OrderView | Place) -> int:
        """Return the steps of the position that an order which may only reduce could close."""
        position = self.ledger.position(order.account, order.instrument, order.position_side).quantity
        return max(0, -order.side.sign * position)

    def print_trade(self, market: Market, price: int, quantity: int, taker: Side, kind: Kind) -> int:
        """Put a trade on the tape, tell it, and return its id."""
        trade = PublicTrade(
            instrument=market.instrument.name,
            trade_id=self.ids.trade(market.instrument.name),
            price=price,
            quantity=quantity,
            quote=market.instrument.notional(price, quantity),
            taker_side=taker,
            kind=kind,
            time_ns=self.now_ns,
        )
        market.trades.append(trade)
        self._prints.append(trade)
        self.tell(TradeEvent(seq=self.next_seq(), time_ns=self.now_ns, trade=trade))
        return trade.trade_id

    def tell_accounts(self, moved_by: Deposit | MoveMargin | None) -> None:
        """Tell the balances and positions that were touched since the last time, but not the house's."""
        deposit = moved_by if isinstance(moved_by, Deposit) else None
        usual = BalanceCause.ORDER if moved_by is None else BalanceCause.MARGIN
        touched, moved = self.ledger.take_touched()
        covered = self.ledger.take_covered()
        touched.pop(HOUSE, None)
        for account, assets in touched.items():
            event = BalanceEvent(
                seq=self.next_seq(),
                time_ns=self.now_ns,
                account=account,
                balances=tuple(self.ledger.balance(account, asset) for asset in assets),
                cause=usual if deposit is None else deposit.cause,
                delta=covered.get(account) if deposit is None else deposit.amount,
                instrument=None if deposit is None else deposit.instrument,
            )
            self.tell(event)
        for account, name, side in moved:
            if account == HOUSE:
                continue
            position = self.ledger.position(account, name, side)
            self.tell(PositionEvent(seq=self.next_seq(), time_ns=self.now_ns, account=account, position=position))


def cost(instrument: Instrument, terms: Terms, notional: int) -> int:
    """Return what a spot buy of this notional may cost in quote atoms, a fee on top included (rounded up)."""
    if instrument.fee_rule is not FeeRule.QUOTE:
        return notional
    rate = max(terms.rate(instrument, maker=True), terms.rate(instrument, maker=False), 0)
    return notional - (-notional * rate // ATOMS)

"""The truth: what really happened at the venues of one world, to be compared with what a client was told.

``GET /__mock/truth`` answers one JSON object, version 2. Money is decimal strings, times are integer nanoseconds since
1970 on the venue's clock, absence is null. A change that breaks a reader gets a new version; new keys do not.

    version     2
    world       the world's name
    now_ns      the venue's time when this was written
    sequence    the number of the newest event told here (0: none); rises by one with each change of an order or of a
                conditional order, per world, over all venues
    complete    false when more happened than is kept (MAX_ORDERS, MAX_FILLS, MAX_SPANS, or as many orders and fills as
                the mock was told to keep): absence then proves nothing
    let_go      what is not told any more because newer things are: orders (closed ones, in the order of their closing)
                and fills
    orders      every order of every client account, as it is now, by the sequence of its birth; also those that
                conditional orders have become
      venue, account, symbol, order_id, client_order_id, side (BUY | SELL), type (LIMIT | MARKET),
      time_in_force (GTC | IOC | FOK), kind (TRADE | LIQUIDATION | ADL | SETTLEMENT), price, quantity, filled_quantity,
      filled_quote, prevented_quantity (by self-trade prevention), status (PENDING_NEW | NEW | PARTIALLY_FILLED | FILLED
      | CANCELED | EXPIRED | REJECTED), reason, post_only, reduce_only, trigger_price (null: it has none),
      order_list_id, working_ns (null: it waits still), created_ns, updated_ns, first_sequence, last_sequence
    fills       every fill of every client account, in sequence; a self-trade is two fills of one trade_id
      sequence, venue, account, symbol, order_id, client_order_id, trade_id, fill_id, side, price, quantity, quote, fee
      (positive = cost), fee_asset, liquidity (maker | taker), kind, time_ns
    conditional_orders   every conditional (algo) order of every client account, as it is now, by its birth
      venue, account, symbol, algo_id, client_algo_id, side, type, time_in_force, price, quantity (null: as much as the
      position has), reduce_only, trigger_price (null: it trails at once), trigger_when (ABOVE | BELOW), status (NEW |
      TRIGGERING | TRIGGERED | FINISHED | CANCELED | EXPIRED | REJECTED), reject_reason, order_id (of what it became),
      created_ns, updated_ns, triggered_ns, first_sequence, last_sequence
    sight       when one connection carried one account's order events: open, un-silenced, subscribed
      connection, venue, account, since_ns, until_ns (null: still)
    blind       when accounts were blind: no connection at all carried their order events
      venue, account, since_ns, until_ns (null: still)

The house and its orders are not told. The mock's own bookkeeping (connections, keys) is not here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import attrs

from mockserver.engine.types import (
    HOUSE,
    AlgoEvent,
    AlgoOrder,
    Event,
    Execution,
    Instrument,
    OrderEvent,
    OrderView,
    Trigger,
    atoms_to_decimal,
)

VERSION = 2
MAX_ORDERS = 500_000
MAX_FILLS = 1_000_000
MAX_SPANS = 100_000

Row = dict[str, Any]
Seen = tuple[int, str]
"""A connection and an account whose order events it carries."""


@attrs.define(slots=True)
class _Told:
    first: int
    last: int
    order: OrderView


@attrs.define(slots=True)
class _ToldAlgo:
    first: int
    last: int
    algo: AlgoOrder


@attrs.define(slots=True)
class _Sight:
    connection: int
    venue: str
    account: str
    since_ns: int
    until_ns: int | None = None


@attrs.define(slots=True)
class _Span:
    venue: str
    account: str
    since_ns: int
    until_ns: int | None = None


class Truth:
    """What happened in one world; fed by its exchanges, read by ``report``."""

    def __init__(self, world: str, *, kept: int | None = None) -> None:
        """``kept``: closed orders, and fills, that are told; None: MAX_ORDERS and MAX_FILLS."""
        self.world = world
        self.let_go = {"orders": 0, "fills": 0}
        self._kept_orders = min(kept or MAX_ORDERS, MAX_ORDERS)
        self._kept_fills = min(kept or MAX_FILLS, MAX_FILLS)
        self._closed: deque[tuple[str, str, int]] = deque()  # bounded: kept
        self.sequence = 0
        self.complete = True
        self._orders: dict[tuple[str, str, int], _Told] = {}  # bounded: MAX_ORDERS open ones, and kept
        self._fills: deque[tuple[int, str, Execution]] = deque()  # bounded: kept
        self._algos: dict[tuple[str, int], _ToldAlgo] = {}  # bounded: MAX_ORDERS
        self._sights: list[_Sight] = []  # bounded: MAX_SPANS
        self._seeing: dict[tuple[str, Seen], _Sight] = {}  # bounded: by the open connections
        self._spans: list[_Span] = []  # bounded: MAX_SPANS
        self._blind: dict[tuple[str, str], _Span] = {}  # bounded: one per account

    def note(self, venue: str, events: Sequence[Event]) -> None:
        """Take in the events of one engine command."""
        for event in events:
            if isinstance(event, OrderEvent) and event.account != HOUSE:
                self._note_order(venue, event)
            elif isinstance(event, AlgoEvent) and event.account != HOUSE:
                self._note_algo(venue, event)

    def born(self, venue: str, account: str, now_ns: int) -> None:
        """An account exists from now on, and nobody looks at it yet."""
        self._lose_sight(venue, account, now_ns)

    def sight(self, venue: str, before: Iterable[Seen], after: Iterable[Seen], now_ns: int) -> None:
        """It changed which live connections carry which accounts."""
        before, after = set(before), set(after)
        for seen in sorted(after - before):
            self._gain_sight(venue, seen, now_ns)
        for seen in sorted(before - after):
            sight = self._seeing.pop((venue, seen), None)
            if sight is not None:
                sight.until_ns = now_ns
        then, now = {account for _, account in before}, {account for _, account in after}
        for account in sorted(now - then):
            span = self._blind.pop((venue, account), None)
            if span is not None:
                span.until_ns = now_ns
        for account in sorted(then - now):
            self._lose_sight(venue, account, now_ns)

    def cut(self, now_ns: int) -> None:
        """Every connection is gone."""
        for venue in sorted({venue for venue, _ in self._seeing}):
            self.sight(venue, [seen for where, seen in self._seeing if where == venue], (), now_ns)

    def report(
        self,
        instrument: Callable[[str, str], Instrument],
        now_ns: int,
        *,
        venue: str | None = None,
        account: str | None = None,
    ) -> Row:
        """The JSON object of the module's text; ``instrument(venue, symbol)`` gives the units."""

        def wanted(of_venue: str, of_account: str) -> bool:
            return venue in (None, of_venue) and account in (None, of_account)

        orders = [(where, told) for (where, *_), told in self._orders.items() if wanted(where, told.order.account)]
        fills = [row for row in self._fills if wanted(row[1], row[2].account)]
        algos = [(where, told) for (where, _), told in self._algos.items() if wanted(where, told.algo.child.account)]
        sights = [sight for sight in self._sights if wanted(sight.venue, sight.account)]
        spans = [span for span in self._spans if wanted(span.venue, span.account)]
        return {
            "version": VERSION,
            "world": self.world,
            "now_ns": now_ns,
            "sequence": self.sequence,
            "complete": self.complete,
            "let_go": dict(self.let_go),
            "orders": [
                order_row(where, told.order, instrument(where, told.order.instrument))
                | {"first_sequence": told.first, "last_sequence": told.last}
                for where, told in orders
            ],
            "fills": [_fill_row(seq, where, e, instrument(where, e.instrument)) for seq, where, e in fills],
            "conditional_orders": [
                _algo_row(where, told.algo, instrument(where, told.algo.child.instrument))
                | {"first_sequence": told.first, "last_sequence": told.last}
                for where, told in algos
            ],
            "sight": [attrs.asdict(sight) for sight in sights],
            "blind": [attrs.asdict(span) for span in spans],
        }

    def _note_order(self, venue: str, event: OrderEvent) -> None:
        self.sequence += 1
        key = (venue, event.order.instrument, event.order.order_id)
        told = self._orders.get(key)
        if told is not None:
            told.last, told.order = self.sequence, event.order
        elif len(self._orders) - len(self._closed) < MAX_ORDERS:
            self._orders[key] = _Told(self.sequence, self.sequence, event.order)
        else:
            self.complete = False
        if event.execution is not None:
            self._fills.append((self.sequence, venue, event.execution))
        if not event.order.is_open and key in self._orders:
            self._closed.append(key)
        if len(self._fills) > self._kept_fills:
            self._fills.popleft()
            self._let_go("fills")
        if len(self._closed) > self._kept_orders:
            del self._orders[self._closed.popleft()]
            self._let_go("orders")

    def _let_go(self, what: str) -> None:
        self.let_go[what] += 1
        self.complete = False

    def _note_algo(self, venue: str, event: AlgoEvent) -> None:
        self.sequence += 1
        key = (venue, event.algo.algo_id)
        told = self._algos.get(key)
        if told is not None:
            told.last, told.algo = self.sequence, event.algo
        elif len(self._algos) < MAX_ORDERS:
            self._algos[key] = _ToldAlgo(self.sequence, self.sequence, event.algo)
        else:
            self.complete = False

    def _gain_sight(self, venue: str, seen: Seen, now_ns: int) -> None:
        connection, account = seen
        if len(self._sights) >= MAX_SPANS:
            self.complete = False
            return
        sight = _Sight(connection, venue, account, now_ns)
        self._sights.append(sight)
        self._seeing[venue, seen] = sight

    def _lose_sight(self, venue: str, account: str, now_ns: int) -> None:
        if (venue, account) in self._blind:
            return
        span = _Span(venue, account, now_ns)
        if len(self._spans) < MAX_SPANS:
            self._spans.append(span)
            self._blind[venue, account] = span
        else:
            self.complete = False


def order_row(venue: str, order: OrderView, instrument: Instrument) -> Row:
    """One order as the truth tells it, without its sequence numbers."""
    return {
        "venue": venue,
        "account": order.account,
        "symbol": order.instrument,
        "order_id": str(order.order_id),
        "client_order_id": order.client_id,
        "side": order.side.value,
        "type": order.type.value,
        "time_in_force": order.tif.value,
        "kind": order.kind.value,
        "price": None if order.price is None else f"{instrument.price(order.price):f}",
        "quantity": f"{instrument.quantity(order.quantity):f}",
        "filled_quantity": f"{instrument.quantity(order.filled):f}",
        "filled_quote": f"{atoms_to_decimal(order.filled_quote):f}",
        "prevented_quantity": f"{instrument.quantity(order.prevented):f}",
        "status": order.status.value,
        "reason": None if order.reason is None else order.reason.value,
        "post_only": order.post_only,
        "reduce_only": order.reduce_only,
        "trigger_price": _price_of(order.trigger),
        "order_list_id": None if order.list_id is None else str(order.list_id),
        "working_ns": order.working_ns,
        "created_ns": order.created_ns,
        "updated_ns": order.updated_ns,
    }


def _price_of(trigger: Trigger | None) -> str | None:
    return None if trigger is None or trigger.price is None else f"{trigger.price:f}"


def _algo_row(venue: str, algo: AlgoOrder, instrument: Instrument) -> Row:
    child = algo.child
    return {
        "venue": venue,
        "account": child.account,
        "symbol": child.instrument,
        "algo_id": str(algo.algo_id),
        "client_algo_id": algo.client_id,
        "side": child.side.value,
        "type": child.type.value,
        "time_in_force": child.tif.value,
        "price": None if child.price is None else f"{instrument.price(child.price):f}",
        "quantity": None if child.quantity is None else f"{instrument.quantity(child.quantity):f}",
        "reduce_only": child.reduce_only,
        "trigger_price": _price_of(algo.trigger),
        "trigger_when": algo.when.value,
        "status": algo.status.value,
        "reject_reason": None if algo.reject is None else algo.reject.reason.value,
        "order_id": None if algo.child_order_id is None else str(algo.child_order_id),
        "created_ns": algo.created_ns,
        "updated_ns": algo.updated_ns,
        "triggered_ns": algo.triggered_ns,
    }


def _fill_row(sequence: int, venue: str, execution: Execution, instrument: Instrument) -> Row:
    return {
        "sequence": sequence,
        "venue": venue,
        "account": execution.account,
        "symbol": execution.instrument,
        "order_id": str(execution.order_id),
        "client_order_id": execution.client_id,
        "trade_id": str(execution.trade_id),
        "fill_id": str(execution.fill_id),
        "side": execution.side.value,
        "price": f"{instrument.price(execution.price):f}",
        "quantity": f"{instrument.quantity(execution.quantity):f}",
        "quote": f"{atoms_to_decimal(execution.quote):f}",
        "fee": f"{atoms_to_decimal(execution.fee):f}",
        "fee_asset": execution.fee_asset,
        "liquidity": "maker" if execution.maker else "taker",
        "kind": execution.kind.value,
        "time_ns": execution.time_ns,
    }

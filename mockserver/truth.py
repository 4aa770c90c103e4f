"""The truth: what really happened at the venues of one world, to be compared with what a client was told.

``GET /__mock/truth`` answers one JSON object, version 1. Money is decimal strings, times are integer nanoseconds since
1970 on the venue's clock, absence is null. A change that breaks a reader gets a new version; new keys do not.

    version     1
    world       the world's name
    now_ns      the venue's time when this was written
    sequence    the number of the newest order event told here (0: none); rises by one, per world, over all venues
    complete    false when more happened than is kept (MAX_ORDERS, MAX_FILLS, MAX_SPANS): absence then proves nothing
    orders      every order of every client account, as it is now, by the sequence of its birth
      venue, account, symbol, order_id, client_order_id, side (BUY | SELL), type (LIMIT | MARKET),
      time_in_force (GTC | IOC | FOK), kind (TRADE | LIQUIDATION | ADL | SETTLEMENT), price, quantity, filled_quantity,
      filled_quote, status (NEW | PARTIALLY_FILLED | FILLED | CANCELED | EXPIRED), reason, post_only, reduce_only,
      created_ns, updated_ns, first_sequence, last_sequence
    fills       every fill of every client account, in sequence; a self-trade is two fills of one trade_id
      sequence, venue, account, symbol, order_id, client_order_id, trade_id, fill_id, side, price, quantity, quote, fee
      (positive = cost), fee_asset, liquidity (maker | taker), kind, time_ns
    blind       when accounts were blind: no open, un-silenced WebSocket that carries their order events
      venue, account, since_ns, until_ns (null: still)

The house and its orders are not told. The mock's own bookkeeping (connections, keys) is not here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import attrs

from mockserver.engine.types import HOUSE, Event, Execution, Instrument, OrderEvent, OrderView, atoms_to_decimal

VERSION = 1
MAX_ORDERS = 500_000
MAX_FILLS = 1_000_000
MAX_SPANS = 100_000

Row = dict[str, Any]


@attrs.define(slots=True)
class _Told:
    first: int
    last: int
    order: OrderView


@attrs.define(slots=True)
class _Span:
    venue: str
    account: str
    since_ns: int
    until_ns: int | None = None


class Truth:
    """What happened in one world; fed by its exchanges, read by ``report``."""

    def __init__(self, world: str) -> None:
        self.world = world
        self.sequence = 0
        self.complete = True
        self._orders: dict[tuple[str, str, int], _Told] = {}  # bounded: MAX_ORDERS
        self._fills: list[tuple[int, str, Execution]] = []  # bounded: MAX_FILLS
        self._spans: list[_Span] = []  # bounded: MAX_SPANS
        self._blind: dict[tuple[str, str], _Span] = {}  # bounded: one per account

    def note(self, venue: str, events: Sequence[Event]) -> None:
        """Take in the events of one engine command."""
        for event in events:
            if isinstance(event, OrderEvent) and event.account != HOUSE:
                self._note_order(venue, event)

    def born(self, venue: str, account: str, now_ns: int) -> None:
        """An account exists from now on, and nobody looks at it yet."""
        self._lose_sight(venue, account, now_ns)

    def sight(self, venue: str, before: Iterable[str], after: Iterable[str], now_ns: int) -> None:
        """The set of accounts that are seen by some live connection changed."""
        before, after = set(before), set(after)
        for account in sorted(after - before):
            span = self._blind.pop((venue, account), None)
            if span is not None:
                span.until_ns = now_ns
        for account in sorted(before - after):
            self._lose_sight(venue, account, now_ns)

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
        spans = [span for span in self._spans if wanted(span.venue, span.account)]
        return {
            "version": VERSION,
            "world": self.world,
            "now_ns": now_ns,
            "sequence": self.sequence,
            "complete": self.complete,
            "orders": [
                order_row(where, told.order, instrument(where, told.order.instrument))
                | {"first_sequence": told.first, "last_sequence": told.last}
                for where, told in orders
            ],
            "fills": [_fill_row(seq, where, e, instrument(where, e.instrument)) for seq, where, e in fills],
            "blind": [attrs.asdict(span) for span in spans],
        }

    def _note_order(self, venue: str, event: OrderEvent) -> None:
        self.sequence += 1
        key = (venue, event.order.instrument, event.order.order_id)
        told = self._orders.get(key)
        if told is not None:
            told.last, told.order = self.sequence, event.order
        elif len(self._orders) < MAX_ORDERS:
            self._orders[key] = _Told(self.sequence, self.sequence, event.order)
        else:
            self.complete = False
        if event.execution is not None:
            if len(self._fills) < MAX_FILLS:
                self._fills.append((self.sequence, venue, event.execution))
            else:
                self.complete = False

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
        "status": order.status.value,
        "reason": None if order.reason is None else order.reason.value,
        "post_only": order.post_only,
        "reduce_only": order.reduce_only,
        "created_ns": order.created_ns,
        "updated_ns": order.updated_ns,
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

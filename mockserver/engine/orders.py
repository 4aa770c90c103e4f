"""Every order and every execution of one engine, with indexes and with their past.

What it does not do: decide anything. The house's closed orders and executions are not kept: nobody asks for them, and a
liquidity model makes them without end.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from typing import Final

import attrs

from mockserver.engine.book import OrderKey
from mockserver.engine.ids import Ids
from mockserver.engine.types import HOUSE, Amendment, Execution, OrderView, Prevention
from mockserver.engine.versions import Versions

KEPT_CLOSED: Final = 200_000
"""Closed orders kept for one account; the oldest are forgotten first (the venues forget after 3 to 90 days)."""
KEPT_EXECUTIONS: Final = 200_000
"""Executions kept for one account."""
KEPT_CHANGES: Final = 10_000
"""Amendments, and prevented matches, kept for one account."""


@attrs.define(slots=True)
class _Orders:
    every: dict[OrderKey, None] = attrs.field(factory=dict)  # bounded: open ones and KEPT_CLOSED
    open: dict[OrderKey, None] = attrs.field(factory=dict)  # bounded: MAX_OPEN_ORDERS in checks.py
    closed: deque[OrderKey] = attrs.field(factory=deque)  # bounded: KEPT_CLOSED, in order of closing
    executions: deque[Execution] = attrs.field(factory=lambda: deque(maxlen=KEPT_EXECUTIONS))
    amendments: deque[Amendment] = attrs.field(factory=lambda: deque(maxlen=KEPT_CHANGES))
    preventions: deque[Prevention] = attrs.field(factory=lambda: deque(maxlen=KEPT_CHANGES))


class OrderStore:
    """Orders by id, by client id and by account."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self.kept: int | None = None
        """Closed orders, and executions, kept for one account; None: KEPT_CLOSED and KEPT_EXECUTIONS."""
        self._orders: dict[OrderKey, Versions[OrderView]] = {}  # bounded: per account, see _Orders
        self._accounts: defaultdict[str, _Orders] = defaultdict(_Orders)  # bounded: by the accounts opened
        self._clients: dict[tuple[str, str], list[OrderKey]] = {}  # bounded: as _orders

    def key(self, instrument: str, order_id: int) -> OrderKey:
        """Return the key of an order id."""
        return self._ids.space(instrument), order_id

    def put(self, view: OrderView) -> None:
        """Store a new order or a change of one."""
        key = self.key(view.instrument, view.order_id)
        mine = self._accounts[view.account]
        known = self._orders.get(key)
        if known is None:
            self._orders[key] = Versions(view.updated_ns, view)
            mine.every[key] = None
            self._name(key, view)
        else:
            if known.latest.client_id != view.client_id:
                self._unname(key, known.latest)
                self._name(key, view)
            known.put(view.updated_ns, view)
        if view.is_open:
            mine.open[key] = None
            return
        mine.open.pop(key, None)
        mine.closed.append(key)
        if view.account == HOUSE or len(mine.closed) > (self.kept or KEPT_CLOSED):
            self._forget(mine)

    def add_execution(self, execution: Execution) -> None:
        """Store one side of a trade."""
        if execution.account != HOUSE:
            mine = self._accounts[execution.account].executions
            mine.append(execution)
            if len(mine) > (self.kept or KEPT_EXECUTIONS):
                mine.popleft()

    def add_amendment(self, amendment: Amendment) -> None:
        """Store one change of an order's terms."""
        if amendment.account != HOUSE:
            self._accounts[amendment.account].amendments.append(amendment)

    def add_prevention(self, prevention: Prevention) -> None:
        """Store one prevented match."""
        if prevention.account != HOUSE:
            self._accounts[prevention.account].preventions.append(prevention)

    def get(self, key: OrderKey, as_of_ns: int | None = None) -> OrderView | None:
        """Return an order, as of a moment."""
        versions = self._orders.get(key)
        return None if versions is None else versions.at(as_of_ns)

    def current(self, key: OrderKey) -> OrderView:
        """Return an order that is known to exist, as it is now."""
        return self._orders[key].latest

    def named(self, account: str, client_id: str) -> Iterator[OrderKey]:
        """Yield the orders that bear this client id, newest first."""
        return reversed(self._clients.get((account, client_id), []))

    def open_keys(self, account: str) -> tuple[OrderKey, ...]:
        """Return the open orders of an account, oldest first."""
        return tuple(self._accounts[account].open)

    def open_count(self, account: str) -> int:
        """Return how many orders of the account are open."""
        return len(self._accounts[account].open)

    def open_at(self, account: str, as_of_ns: int | None) -> list[OrderView]:
        """Return the orders that were open at a moment, oldest first."""
        mine = self._accounts[account]
        keys = list(mine.open)
        if as_of_ns is not None:
            for key in reversed(mine.closed):
                if self.current(key).updated_ns <= as_of_ns:
                    break
                keys.append(key)
        views = [view for key in keys if (view := self.get(key, as_of_ns)) is not None and view.is_open]
        return sorted(views, key=lambda view: (view.created_ns, view.order_id, view.instrument))

    def every(self, account: str, as_of_ns: int | None) -> Iterator[OrderView]:
        """Yield all orders of an account, oldest first."""
        for key in self._accounts[account].every:
            view = self.get(key, as_of_ns)
            if view is not None:
                yield view

    def executions(self, account: str) -> Iterator[Execution]:
        """Yield all executions of an account, oldest first."""
        yield from self._accounts[account].executions

    def amendments(self, account: str) -> Iterator[Amendment]:
        """Yield all amendments of an account, oldest first."""
        yield from self._accounts[account].amendments

    def preventions(self, account: str) -> Iterator[Prevention]:
        """Yield all prevented matches of an account, oldest first."""
        yield from self._accounts[account].preventions

    def _forget(self, mine: _Orders) -> None:
        key = mine.closed.popleft()
        view = self._orders.pop(key).latest
        del mine.every[key]
        self._unname(key, view)

    def _name(self, key: OrderKey, view: OrderView) -> None:
        if view.client_id is not None:
            self._clients.setdefault((view.account, view.client_id), []).append(key)

    def _unname(self, key: OrderKey, view: OrderView) -> None:
        if view.client_id is None:
            return
        named = self._clients[view.account, view.client_id]
        named.remove(key)
        if not named:
            del self._clients[view.account, view.client_id]

"""Conditional orders: a store of their own, with ids of their own, until a trigger makes an ordinary order of them.

NEW, then either CANCELED, or TRIGGERING, TRIGGERED (with the child's order id) and FINISHED when the child has ended; a
child that is refused makes it REJECTED, a close-position order that finds no position EXPIRED (USD-M user-data docs,
2026). Triggers look at the last trade price; there is no mark price here.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import attrs

from mockserver.engine.desk import Desk
from mockserver.engine.matching import Matching
from mockserver.engine.triggers import Watchers
from mockserver.engine.types import (
    AlgoEvent,
    AlgoOrder,
    AlgoStatus,
    OrderView,
    Place,
    PlaceAlgo,
    Reject,
    RejectReason,
    Trigger,
)
from mockserver.engine.versions import Versions

MAX_OPEN_ALGOS: Final = 200
"""Waiting conditional orders of one account (USD-M docs, 2025-12: at most 200)."""
KEPT_ALGOS: Final = 10_000
"""Ended conditional orders kept; the oldest are forgotten first."""


class AlgoStore:
    """The conditional orders of one engine."""

    def __init__(self, desk: Desk, matching: Matching) -> None:
        self._desk = desk
        self._matching = matching
        self._algos: dict[int, Versions[AlgoOrder]] = {}  # bounded: waiting and working ones, and KEPT_ALGOS
        self._waiting: dict[int, None] = {}  # bounded: MAX_OPEN_ALGOS per account
        self.watchers: Watchers[int] = Watchers()
        self._children: dict[tuple[str, int], int] = {}  # bounded: by the open orders
        self._ended: deque[int] = deque()  # bounded: KEPT_ALGOS, see _put()

    # -- commands -------------------------------------------------------------------------------------------------

    def place(self, command: PlaceAlgo) -> AlgoOrder | Reject:
        """Store a conditional order."""
        child = command.child
        if child.instrument not in self._desk.markets:
            return Reject(RejectReason.UNKNOWN_INSTRUMENT, child.instrument)
        if not self._desk.ledger.knows(child.account):
            return Reject(RejectReason.UNKNOWN_ACCOUNT, child.account)
        mine = [algo for number in self._waiting if (algo := self._algos[number].latest).child.account == child.account]
        if len(mine) >= MAX_OPEN_ALGOS:
            return Reject(RejectReason.TOO_MANY_ORDERS, str(MAX_OPEN_ALGOS))
        if command.client_id is not None and any(algo.client_id == command.client_id for algo in mine):
            return Reject(RejectReason.DUPLICATE_CLIENT_ID, command.client_id)
        market = self._desk.markets[child.instrument]
        last = market.instrument.price(market.last_price) if market.trades else None
        trigger = Trigger(
            when=command.when,
            price=command.trigger_price,
            trail_ratio=command.trail_ratio,
            trail_distance=command.trail_distance,
        )
        if last is not None and trigger.reached(last):
            return Reject(RejectReason.WOULD_TRIGGER, "the last price is already there")
        algo = AlgoOrder(
            algo_id=self._desk.ids.algo(),
            client_id=command.client_id if command.client_id is not None else self._desk.ids.client(),
            child=child,
            trigger=trigger,
            status=AlgoStatus.NEW,
            child_order_id=None,
            reject=None,
            created_ns=self._desk.now_ns,
            updated_ns=self._desk.now_ns,
            triggered_ns=None,
            tags=command.tags,
        )
        self._waiting[algo.algo_id] = None
        self.watchers.add(child.instrument, algo.algo_id, market.watch(trigger, child.side, self._desk.now_ns))
        self._put(algo)
        return algo

    def cancel(self, account: str, algo_id: int) -> AlgoOrder | Reject:
        """Cancel a conditional order that still waits."""
        algo = self.get(algo_id)
        if algo is None or algo.child.account != account:
            return Reject(RejectReason.UNKNOWN_ORDER)
        if not algo.status.is_open:
            return Reject(RejectReason.ORDER_CLOSED, algo.status.value)
        return self._change(algo, status=AlgoStatus.CANCELED)

    def trigger(self, algo_id: int) -> AlgoOrder | Reject:
        """Trigger a waiting conditional order now: its child is placed by the ordinary path."""
        algo = self.get(algo_id)
        if algo is None:
            return Reject(RejectReason.UNKNOWN_ORDER)
        if not algo.status.is_open:
            return Reject(RejectReason.ORDER_CLOSED, algo.status.value)
        algo = self._change(algo, status=AlgoStatus.TRIGGERING, triggered_ns=self._desk.now_ns)
        child = self._sized(algo.child)
        if child is None:
            return self._change(algo, status=AlgoStatus.EXPIRED)

        def accepted(view: OrderView) -> None:
            self._children[self._desk.key(view)] = algo.algo_id
            self._change(algo, status=AlgoStatus.TRIGGERED, child_order_id=view.order_id)

        placed = self._matching.place(child, accepted=accepted)
        if isinstance(placed, Reject):
            return self._change(algo, status=AlgoStatus.REJECTED, reject=placed)
        return self._algos[algo_id].latest

    # -- what follows from other commands -------------------------------------------------------------------------

    def finish_children(self) -> None:
        """Mark the conditional orders whose child has ended."""
        for key, algo_id in tuple(self._children.items()):
            child = self._desk.orders.get(key)
            if child is None or not child.is_open:
                del self._children[key]
                self._change(self._algos[algo_id].latest, status=AlgoStatus.FINISHED)

    # -- queries --------------------------------------------------------------------------------------------------

    def get(self, algo_id: int, as_of_ns: int | None = None) -> AlgoOrder | None:
        """Return one conditional order as of a moment."""
        versions = self._algos.get(algo_id)
        return None if versions is None else versions.at(as_of_ns)

    def every(self, account: str, as_of_ns: int | None = None) -> tuple[AlgoOrder, ...]:
        """Return all conditional orders of an account as of a moment, oldest first."""
        found = (versions.at(as_of_ns) for versions in self._algos.values())
        return tuple(algo for algo in found if algo is not None and algo.child.account == account)

    # -- inside ---------------------------------------------------------------------------------------------------

    def _sized(self, child: Place) -> Place | None:
        """Return the child with its quantity: of the whole opposite position, where none was given."""
        if child.quantity is not None:
            return child
        size = self._desk.reducible(child)
        return attrs.evolve(child, quantity=size) if size else None

    def _change(
        self,
        algo: AlgoOrder,
        *,
        status: AlgoStatus,
        child_order_id: int | None = None,
        triggered_ns: int | None = None,
        reject: Reject | None = None,
    ) -> AlgoOrder:
        changed = attrs.evolve(
            algo,
            status=status,
            child_order_id=algo.child_order_id if child_order_id is None else child_order_id,
            triggered_ns=algo.triggered_ns if triggered_ns is None else triggered_ns,
            reject=reject,
            updated_ns=self._desk.now_ns,
        )
        self._waiting.pop(algo.algo_id, None)
        self.watchers.discard(algo.child.instrument, algo.algo_id)
        self._put(changed)
        return changed

    def _put(self, algo: AlgoOrder) -> None:
        desk = self._desk
        versions = self._algos.get(algo.algo_id)
        if versions is None:
            self._algos[algo.algo_id] = Versions(desk.now_ns, algo)
        else:
            versions.put(desk.now_ns, algo)
        desk.tell(AlgoEvent(seq=desk.next_seq(), time_ns=desk.now_ns, account=algo.child.account, algo=algo))
        if algo.status not in (AlgoStatus.NEW, AlgoStatus.TRIGGERING, AlgoStatus.TRIGGERED):
            self._ended.append(algo.algo_id)
            if len(self._ended) > KEPT_ALGOS:
                del self._algos[self._ended.popleft()]

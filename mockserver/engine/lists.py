"""Order lists: pairs of which one ends the other (OCO), and orders that wait until a first one is filled (OTO, OTOCO).

The rules (spot docs `rest-api.md`, order lists, 2026): in a pair, the other order expires when one goes to work by its
trigger, trades, or ends. What waits for a first order is placed when that is fully filled, and ends with it otherwise.
Whoever cancels one order of a list cancels the list. What waits locks nothing, and expires if it would be refused when
its turn comes. The two of a pair lock what the dearer one needs, since only one of them can ever be executed.

What it does not do: match orders. It looks at the changes of orders of lists after they happened (``settle``).
"""

from __future__ import annotations

from collections import deque
from typing import Final

import attrs

from mockserver.engine.desk import Desk
from mockserver.engine.matching import Matching
from mockserver.engine.types import (
    HOUSE,
    ListChange,
    ListEvent,
    ListKind,
    OrderChange,
    OrderEvent,
    OrderList,
    OrderStatus,
    OrderType,
    OrderView,
    Place,
    PlaceList,
    Reason,
    Reject,
    RejectReason,
)
from mockserver.engine.versions import Versions

KEPT_LISTS: Final = 20_000
"""Ended lists kept; the oldest are forgotten first."""

_SIZES: Final = {ListKind.OCO: 2, ListKind.OTO: 2, ListKind.OTOCO: 3}


class Lists:
    """The order lists of one engine."""

    def __init__(self, desk: Desk, matching: Matching) -> None:
        self._desk = desk
        self._matching = matching
        self._lists: dict[int, Versions[OrderList]] = {}  # bounded: those with open orders, and KEPT_LISTS
        self._ended: deque[int] = deque()  # bounded: KEPT_LISTS, see _put()

    # -- commands -------------------------------------------------------------------------------------------------

    def place(self, command: PlaceList) -> tuple[OrderList, tuple[OrderView, ...]] | Reject:
        """Place a list; return it and its orders, the first one as it is after it was matched."""
        reject = self._check(command)
        if reject is not None:
            return reject
        desk, matching = self._desk, self._matching
        list_id = desk.ids.order_list()
        first = 1 if command.kind is not ListKind.OCO else 2
        views = [matching.new(order, list_id=list_id) for order in command.orders]
        waiting = [
            attrs.evolve(v, status=OrderStatus.PENDING_NEW, working_ns=None, looking_ns=None) for v in views[first:]
        ]
        placed = (*views[:first], *waiting)
        self._hold(placed[:first])
        for view in placed:
            desk.change(OrderChange.NEW, view)
        made = OrderList(
            account=command.account,
            instrument=command.instrument,
            list_id=list_id,
            client_id=command.client_id if command.client_id is not None else desk.ids.client(),
            kind=command.kind,
            order_ids=tuple(view.order_id for view in placed),
            client_ids=tuple(view.client_id for view in placed),
            is_done=False,
            change=ListChange.STARTED,
            created_ns=desk.now_ns,
            updated_ns=desk.now_ns,
        )
        self._put(made)
        return made, (*(matching.enter(view) for view in placed[:first]), *placed[first:])

    def cancel(self, found: OrderList, request_id: str | None) -> OrderList:
        """Cancel what is open of a list."""
        for view in self.orders(found):
            if view.is_open:
                self._desk.finish(view, OrderStatus.CANCELED, Reason.USER, cancel_request_id=request_id)
        self.settle()
        return self._lists[found.list_id].latest

    # -- what follows from other commands -------------------------------------------------------------------------

    def make_way(self, view: OrderView) -> None:
        """End the other order of a pair before this one goes to work by its trigger: what it holds may be needed."""
        if view.list_id is not None:
            self._end_others(self._pair(self._lists[view.list_id].latest, view), view, None)

    def settle(self) -> None:
        """Carry out what the changes so far mean for the lists, until nothing more follows."""
        while (event := self._desk.next_list_event()) is not None:
            self._settle(event)

    def _settle(self, event: OrderEvent) -> None:
        order = event.order
        assert order.list_id is not None  # only such changes are noted
        versions = self._lists.get(order.list_id)
        if versions is None or event.change is OrderChange.NEW:
            return
        mine = versions.latest
        if event.change is OrderChange.AMENDED:
            self._amended(mine, order, event)
            return
        if event.change is OrderChange.PREVENTED:
            self._hold_together(mine, order)
            return
        ends_other = event.change in (OrderChange.TRADE, OrderChange.WORKING) or not order.is_open
        if ends_other and order.reason is not Reason.OTHER_ORDER:
            self._end_others(self._pair(mine, order), order, event.cancel_request_id)
        if mine.kind is not ListKind.OCO and not order.is_open:
            self._phase(mine, order, event.cancel_request_id)
        if not mine.is_done and not any(view.is_open for view in self.orders(mine)):
            self._put(attrs.evolve(mine, is_done=True, change=ListChange.DONE, updated_ns=self._desk.now_ns))

    def _phase(self, mine: OrderList, order: OrderView, request_id: str | None) -> None:
        """Place what waited for the first order, or end the rest of a list with the order that has ended."""
        is_first = order.order_id == mine.order_ids[0]
        others = self._known(mine, mine.order_ids[1:] if is_first else mine.order_ids[:1])
        if is_first and order.status is OrderStatus.FILLED:
            self._start([view for view in others if view.status is OrderStatus.PENDING_NEW])
        elif is_first:
            self._end_others(others, order, request_id, Reason.FIRST_ORDER)
        elif order.status is OrderStatus.CANCELED:
            self._end_others(others, order, request_id)

    def _end_others(
        self,
        views: tuple[OrderView, ...],
        order: OrderView,
        request_id: str | None,
        reason: Reason = Reason.OTHER_ORDER,
    ) -> None:
        """End the open ones but ``order``: cancelled with it, or expired because of it."""
        for view in views:
            if not view.is_open or view.order_id == order.order_id:
                continue
            if order.status is OrderStatus.CANCELED:
                self._desk.finish(view, OrderStatus.CANCELED, Reason.USER, cancel_request_id=request_id)
            else:
                self._desk.finish(view, OrderStatus.EXPIRED, reason)

    def _start(self, views: list[OrderView]) -> None:
        desk, matching = self._desk, self._matching
        now_ns = desk.now_ns
        starting = [
            attrs.evolve(
                view,
                status=OrderStatus.NEW,
                working_ns=now_ns if view.trigger is None else None,
                looking_ns=matching.looks_since(view),
                updated_ns=now_ns,
            )
            for view in views
        ]
        wrong = len(starting) == 2 and not self._is_astride(starting[0], starting[1])
        refused = [view for view in starting if wrong or matching.checks.check_start(view) is not None]
        if refused:
            # What becomes of the rest of a pair is not documented: it ends as with any end of one of the two.
            desk.finish(views[starting.index(refused[0])], OrderStatus.EXPIRED, Reason.REFUSED)
            return
        self._hold(tuple(starting))
        for view in starting:
            desk.change(OrderChange.NEW, view)
        for view in starting:
            matching.enter(view)

    def _amended(self, mine: OrderList, order: OrderView, event: OrderEvent) -> None:
        """Give the other order of a pair the same quantity, lock what they need now, and tell a new client id."""
        for view in self._pair(mine, order):
            if view.order_id != order.order_id and view.is_open and view.quantity != order.quantity:
                if view.price is not None:  # one that waits is not in the book
                    book = self._desk.markets[view.instrument].book
                    book.reduce(view.side, view.price, self._desk.key(view), view.quantity - order.quantity)
                self._desk.amend(view, attrs.evolve(view, quantity=order.quantity, updated_ns=self._desk.now_ns))
        self._hold_together(mine, order)
        if event.previous_client_id is not None:
            names = dict(zip(mine.order_ids, mine.client_ids, strict=True)) | {order.order_id: order.client_id}
            client_ids = tuple(names[order_id] for order_id in mine.order_ids)
            self._put(
                attrs.evolve(mine, client_ids=client_ids, change=ListChange.UPDATED, updated_ns=self._desk.now_ns)
            )

    # -- queries --------------------------------------------------------------------------------------------------

    def get(self, list_id: int, as_of_ns: int | None = None) -> OrderList | None:
        """Return one list as of a moment."""
        versions = self._lists.get(list_id)
        return None if versions is None else versions.at(as_of_ns)

    def every(self, account: str, as_of_ns: int | None = None) -> tuple[OrderList, ...]:
        """Return all lists of an account as of a moment, oldest first."""
        found = (versions.at(as_of_ns) for versions in self._lists.values())
        return tuple(each for each in found if each is not None and each.account == account)

    def orders(self, order_list: OrderList) -> tuple[OrderView, ...]:
        """Return the orders of a list as they are now; those that are forgotten are left out."""
        return self._known(order_list, order_list.order_ids)

    def pair(self, view: OrderView) -> tuple[OrderView, ...]:
        """Return the open orders of the pair an order belongs to, nothing if to none."""
        found = None if view.list_id is None else self._lists.get(view.list_id)
        return () if found is None else tuple(each for each in self._pair(found.latest, view) if each.is_open)

    # -- inside ---------------------------------------------------------------------------------------------------

    def _check(self, command: PlaceList) -> Reject | None:
        orders = command.orders
        assert len(orders) == _SIZES[command.kind]
        if command.account == HOUSE:
            return Reject(RejectReason.NOT_ALLOWED, "the house's orders are forgotten when they end")
        named = [order.client_id for order in orders if order.client_id is not None]
        if len(set(named)) < len(named):
            return Reject(RejectReason.DUPLICATE_CLIENT_ID)
        for mine in self.every(command.account) if command.client_id is not None else ():
            if mine.client_id == command.client_id and not mine.is_done:
                return Reject(RejectReason.DUPLICATE_CLIENT_ID, command.client_id or "")
        for order in orders:
            assert (order.account, order.instrument) == (command.account, command.instrument)
            assert order.quote_amount is None
            reject = self._matching.checks.check(order)
            if reject is not None:
                return reject
        if command.kind is ListKind.OCO and not self._is_astride(orders[0], orders[1]):
            return Reject(RejectReason.LIST_PRICES, "the last price does not lie between the prices of the two")
        at_once = orders if command.kind is ListKind.OCO else orders[:1]
        return next(
            (found for order in at_once if (found := self._matching.checks.check_start(order)) is not None), None
        )

    def _is_astride(self, above: Place | OrderView, below: Place | OrderView) -> bool:
        """Whether the last price lies between those of a pair; a trail without a price lies anywhere."""
        last = self._desk.markets[above.instrument].last_price
        return (_is_free(above) or self._level(above) > last) and (_is_free(below) or self._level(below) < last)

    def _level(self, order: Place | OrderView) -> int:
        """Return the ticks at which an order of a pair would do something: its trigger's price, else its own."""
        if order.trigger is not None:
            return self._desk.limit_of(attrs.evolve(order, price=None, type=OrderType.MARKET))
        return self._desk.limit_of(order)

    def _pair(self, mine: OrderList, order: OrderView) -> tuple[OrderView, ...]:
        """Return the pair an order belongs to, nothing if to none."""
        ids = {ListKind.OCO: mine.order_ids, ListKind.OTO: (), ListKind.OTOCO: mine.order_ids[1:]}[mine.kind]
        return self._known(mine, ids) if order.order_id in ids else ()

    def _known(self, mine: OrderList, ids: tuple[int, ...]) -> tuple[OrderView, ...]:
        keys = (self._desk.orders.key(mine.instrument, order_id) for order_id in ids)
        return tuple(view for key in keys if (view := self._desk.orders.get(key)) is not None)

    def _hold(self, views: tuple[OrderView, ...]) -> None:
        """Lock what orders that start together need; of a pair what the dearer one needs."""
        shared = 0
        for view in views:
            self._desk.hold(view, view.remaining, shared=shared)
            shared = self._desk.held(view)

    def _hold_together(self, mine: OrderList, order: OrderView) -> None:
        """Lock what an order of a list, or the pair that it belongs to, needs now."""
        together = self._pair(mine, order) or self._known(mine, (order.order_id,))
        self._hold(tuple(view for view in together if view.is_open))

    def _put(self, changed: OrderList) -> None:
        desk = self._desk
        versions = self._lists.get(changed.list_id)
        if versions is None:
            self._lists[changed.list_id] = Versions(desk.now_ns, changed)
        else:
            versions.put(desk.now_ns, changed)
        desk.tell(ListEvent(seq=desk.next_seq(), time_ns=desk.now_ns, account=changed.account, order_list=changed))
        if changed.is_done:
            self._ended.append(changed.list_id)
            if len(self._ended) > KEPT_LISTS:
                del self._lists[self._ended.popleft()]


def _is_free(order: Place | OrderView) -> bool:
    return order.trigger is not None and order.trigger.price is None

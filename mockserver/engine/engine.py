"""The engine: one command at a time in, a reply and numbered events out; the same commands give the same events.

``apply`` is the only way to change anything but opening an account. Order of the events of one command: the NEW of the
order placed; then for each trade the public trade, the taker's and the maker's side of it; then what ended; then the
balances and positions of every account that was touched; then, if a conditional order was triggered, the same again for
its child. What it does not do: speak any venue's words, wait, or know the time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs

from mockserver.engine.algo import AlgoStore
from mockserver.engine.amending import Amendments
from mockserver.engine.desk import Desk, Market
from mockserver.engine.fees import Discount
from mockserver.engine.ids import Ids, IdScheme
from mockserver.engine.lists import Lists
from mockserver.engine.matching import Matching
from mockserver.engine.queries import Queries
from mockserver.engine.terms import changed, changed_at
from mockserver.engine.types import (
    HOUSE,
    AlgoOrder,
    Amend,
    BalanceCause,
    Cancel,
    CancelAlgo,
    CancelAll,
    CancelList,
    Command,
    Deposit,
    Event,
    Execution,
    Expire,
    Fill,
    ForceClose,
    Instrument,
    Kind,
    MoveMargin,
    OrderChange,
    OrderEvent,
    OrderStatus,
    OrderType,
    OrderView,
    Place,
    PlaceAlgo,
    PlaceList,
    PublicTrade,
    Reason,
    Reject,
    RejectReason,
    Reply,
    Result,
    SetTerms,
    Side,
    TimeInForce,
    TriggerAlgo,
    TriggerOrder,
)

__all__ = ["Engine"]

TOLD_REFUSALS: Final = frozenset(
    {RejectReason.INSUFFICIENT_BALANCE, RejectReason.WOULD_MATCH, RejectReason.WOULD_TRIGGER}
)
"""Why an order can be REJECTED; what refuses it for its terms is found before anything of a command is done."""


class Engine(Queries):
    """One venue's exchange. Compared by identity."""

    def __init__(
        self, instruments: Iterable[Instrument], *, ids: IdScheme, seed: int = 0, discount: Discount | None = None
    ) -> None:
        self._desk = Desk(instruments, Ids(ids, seed), discount)
        self._matching = Matching(self._desk)
        self._algos = AlgoStore(self._desk, self._matching)
        self._lists = Lists(self._desk, self._matching)
        self._amendments = Amendments(self._desk, self._matching, self._lists)

    def keep(self, most: int) -> None:
        """Keep at most so many closed orders, and executions, of one account; the oldest are forgotten first."""
        self._desk.orders.kept = most

    @property
    def ids(self) -> Ids:
        """The engine's source of ids, for what faces must make up themselves (listen keys)."""
        return self._desk.ids

    def new_client_id(self) -> str | None:
        """Return a client id as the venue makes them, or None where it makes none."""
        return self._desk.ids.client()

    def open_account(self, name: str) -> None:
        """Open an account with nothing in it; opening it again changes nothing."""
        self._desk.ledger.open(name)

    def apply(self, command: Command, now_ns: int) -> Result:
        """Carry out a command at this time, or refuse it: then nothing has changed and there are no events.

        But of an order that ``tells_refusal``.
        """
        self._desk.begin(now_ns)
        outcome = self._dispatch(command)
        if isinstance(outcome, Reject):
            assert not self._desk.take_events()
            if isinstance(command, Place) and command.tells_refusal and outcome.reason in TOLD_REFUSALS:
                self._desk.refuse(self._matching.new(command), outcome.reason)
            return Result(Reply(reject=outcome), self._desk.take_events())
        self._follow_up(command)
        events = self._desk.take_events()
        return Result(self._reply(outcome, events), events)

    # -- one method per command -----------------------------------------------------------------------------------

    def _dispatch(self, command: Command) -> Reply | Reject:
        match command:
            case Place():
                return _ordered(self._matching.place(command))
            case PlaceList():
                return self._place_list(command)
            case Cancel():
                return self._cancel(command)
            case CancelAll():
                return self._cancel_all(command)
            case CancelList():
                return self._cancel_list(command)
            case Amend():
                found = self._open(command.instrument, command.order_id, command.account)
                return found if isinstance(found, Reject) else self._amendments.amend(command, *found)
            case Fill():
                return self._fill(command)
            case Expire():
                return self._expire(command)
            case TriggerOrder():
                return self._trigger_order(command)
            case ForceClose():
                return self._force_close(command)
            case Deposit():
                return self._deposit(command)
            case MoveMargin():
                return self._move_margin(command)
            case SetTerms():
                return self._set_terms(command)
            case PlaceAlgo():
                return _algo(self._algos.place(command))
            case CancelAlgo():
                return _algo(self._algos.cancel(command.account, command.algo_id))
            case TriggerAlgo():
                return _algo(self._algos.trigger(command.algo_id))

    def _place_list(self, command: PlaceList) -> Reply | Reject:
        placed = self._lists.place(command)
        if isinstance(placed, Reject):
            return placed
        return Reply(order_list=placed[0], orders=placed[1])

    def _cancel(self, command: Cancel) -> Reply | Reject:
        found = self._open(command.instrument, command.order_id, command.account)
        if isinstance(found, Reject):
            return found
        request_id = command.request_id if command.request_id is not None else self._desk.ids.client()
        view = self._desk.finish(found[1], OrderStatus.CANCELED, Reason.USER, cancel_request_id=request_id)
        if view.list_id is None:
            return Reply(order=view, request_id=request_id)
        self._lists.settle()
        ended = self._lists.get(view.list_id)
        assert ended is not None  # an open order keeps its list
        return Reply(order=view, order_list=ended, orders=self._lists.orders(ended), request_id=request_id)

    def _cancel_list(self, command: CancelList) -> Reply | Reject:
        found = self.order_list(command.list_id, account=command.account)
        if found is None:
            return Reject(RejectReason.UNKNOWN_LIST, str(command.list_id))
        if found.is_done:
            return Reject(RejectReason.ORDER_CLOSED, str(command.list_id))
        request_id = command.request_id if command.request_id is not None else self._desk.ids.client()
        ended = self._lists.cancel(found, request_id)
        return Reply(order_list=ended, orders=self._lists.orders(ended), request_id=request_id)

    def _trigger_order(self, command: TriggerOrder) -> Reply | Reject:
        found = self._open(command.instrument, command.order_id)
        if isinstance(found, Reject):
            return found
        view = found[1]
        if not view.waits or view.status is OrderStatus.PENDING_NEW:
            return Reject(RejectReason.NOT_ALLOWED, "the order does not wait for a trigger")
        return Reply(order=self._fire(view))

    def _cancel_all(self, command: CancelAll) -> Reply | Reject:
        if not self.has_account(command.account):
            return Reject(RejectReason.UNKNOWN_ACCOUNT, command.account)
        request_id = command.request_id if command.request_id is not None else self._desk.ids.client()
        cancelled = tuple(
            self._desk.finish(view, OrderStatus.CANCELED, Reason.USER, cancel_request_id=request_id)
            for view in self.open_orders(command.account, command.instrument)
            if command.side in (None, view.side)
        )
        return Reply(orders=cancelled, request_id=request_id)

    def _fill(self, command: Fill) -> Reply | Reject:
        found = self._open(command.instrument, command.order_id)
        if isinstance(found, Reject):
            return found
        market, view = found
        if view.waits:
            return Reject(RejectReason.NOT_ALLOWED, "the order is not in the book")
        price = command.price if command.price is not None else view.price
        assert view.price is not None  # only limit orders rest
        assert price is not None
        if price <= 0 or (price - view.price) * view.side.sign > 0:
            return Reject(RejectReason.BAD_PRICE, "a limit order never trades at a worse price than its own")
        quantity = command.quantity if command.quantity is not None else self._matching.reducible(view)
        if not 0 < quantity <= self._matching.reducible(view):
            return Reject(RejectReason.BAD_QUANTITY, "more than is open, or nothing")
        return Reply(order=self._trade_with_house(market, view, price, quantity, maker=command.maker))

    def _expire(self, command: Expire) -> Reply | Reject:
        found = self._open(command.instrument, command.order_id)
        if isinstance(found, Reject):
            return found
        return Reply(order=self._desk.finish(found[1], OrderStatus.EXPIRED, command.reason))

    def _force_close(self, command: ForceClose) -> Reply | Reject:
        market = self._desk.markets.get(command.instrument)
        if market is None:
            return Reject(RejectReason.UNKNOWN_INSTRUMENT, command.instrument)
        if not self.has_account(command.account):
            return Reject(RejectReason.UNKNOWN_ACCOUNT, command.account)
        position = self._desk.ledger.position(command.account, command.instrument, command.position_side).quantity
        if position == 0 or command.kind is Kind.TRADE or command.account == HOUSE:
            return Reject(RejectReason.NOT_ALLOWED, "needs an open position and a kind other than an ordinary trade")
        quantity = command.quantity if command.quantity is not None else abs(position)
        price = command.price if command.price is not None else market.last_price
        if not 0 < quantity <= abs(position):
            return Reject(RejectReason.BAD_QUANTITY, "more than the position, or nothing")
        if price <= 0:
            return Reject(RejectReason.BAD_PRICE, "not above zero")
        if command.kind is Kind.LIQUIDATION:
            for view in self.open_orders(command.account, command.instrument):
                self._desk.finish(view, OrderStatus.EXPIRED, Reason.LIQUIDATION)
        order = Place(
            account=command.account,
            instrument=command.instrument,
            side=Side.SELL if position > 0 else Side.BUY,
            type=OrderType.MARKET,
            tif=TimeInForce.IOC,
            quantity=quantity,
            client_id=self._desk.ids.forced_client(command.kind),
            reduce_only=True,
            position_side=command.position_side,
        )
        view = self._matching.new(order, kind=command.kind)
        self._desk.change(OrderChange.NEW, view)
        return Reply(order=self._trade_with_house(market, view, price, quantity, maker=False))

    def _deposit(self, command: Deposit) -> Reply | Reject:
        if not self.has_account(command.account):
            return Reject(RejectReason.UNKNOWN_ACCOUNT, command.account)
        free = self._desk.ledger.balance(command.account, command.asset).free
        # A wallet that losses took below zero may still be topped up, and funding is paid whatever is there.
        owes = command.account == HOUSE or command.cause is BalanceCause.FUNDING
        if not owes and command.amount < 0 and free + command.amount < 0:
            return Reject(RejectReason.INSUFFICIENT_BALANCE)
        ledger = self._desk.ledger
        ledger.touch(command.account, (command.asset,))
        ledger.credit(command.account, command.asset, command.amount)
        if command.instrument is not None and command.instrument in ledger.terms(command.account).isolated:
            position = ledger.position(command.account, command.instrument, command.position_side)
            if position.quantity:
                ledger.fund(position, command.asset, command.amount)
        return Reply()

    def _move_margin(self, command: MoveMargin) -> Reply | Reject:
        market, account = self._desk.markets.get(command.instrument), command.account
        if market is None:
            return Reject(RejectReason.UNKNOWN_INSTRUMENT, command.instrument)
        if not self.has_account(account):
            return Reject(RejectReason.UNKNOWN_ACCOUNT, account)
        terms, cash = self.terms(account), market.instrument.cash
        if command.instrument not in terms.isolated:
            return Reject(RejectReason.NOT_ISOLATED, command.instrument)
        if command.position_side not in terms.sides:
            return Reject(RejectReason.POSITION_SIDE, "not a position that the account's mode has")
        position = self._desk.ledger.position(account, command.instrument, command.position_side)
        if not position.quantity:
            return Reject(RejectReason.NO_POSITION, command.instrument)
        need = self.need(account, command.instrument, command.position_side)
        spare = min(position.wallet - need.maintenance, position.wallet + need.gained - need.positions)
        most = self.margin(account, cash).movable if command.amount > 0 else spare
        if command.amount == 0 or abs(command.amount) > most:
            return Reject(RejectReason.INSUFFICIENT_BALANCE)
        self._desk.ledger.touch(account, (cash,))
        self._desk.ledger.move_margin(position, cash, command.amount)
        return Reply()

    def _set_terms(self, command: SetTerms) -> Reply | Reject:
        if not self.has_account(command.account):
            return Reject(RejectReason.UNKNOWN_ACCOUNT, command.account)
        if command.account == HOUSE:
            return Reject(RejectReason.NOT_ALLOWED, "the house pays no fees, and needs no margin")
        if command.instrument not in (None, *self._desk.markets):
            return Reject(RejectReason.UNKNOWN_INSTRUMENT, command.instrument or "")
        open_orders = self.open_orders(command.account)
        new = changed(
            self.terms(command.account),
            command,
            pays_on_top=any(self.instruments[view.instrument].pays_on_top for view in open_orders),
            orders=bool(open_orders or self.algo_orders(command.account, only_open=True)),
            positions=any(position.quantity for position in self.positions(command.account)),
        )
        if command.instrument is not None and not isinstance(new, Reject):
            held = [each for each in self.positions(command.account) if each.instrument == command.instrument]
            new = changed_at(
                new,
                command,
                self.instruments[command.instrument],
                orders=any(view.instrument == command.instrument for view in open_orders),
                position=any(each.quantity for each in held),
            )
        if isinstance(new, Reject):
            return new
        self._desk.ledger.set_terms(command.account, new)
        return Reply()

    # -- parts ----------------------------------------------------------------------------------------------------

    def _open(self, instrument: str, order_id: int, account: str | None = None) -> tuple[Market, OrderView] | Reject:
        """Return an open order and its market, or why there is none (of this account)."""
        market = self._desk.markets.get(instrument)
        if market is None:
            return Reject(RejectReason.UNKNOWN_INSTRUMENT, instrument)
        view = self.order(instrument, order_id, account=account)
        if view is None:
            return Reject(RejectReason.UNKNOWN_ORDER, str(order_id))
        if not view.is_open:
            return Reject(RejectReason.ORDER_CLOSED, view.status.value)
        return market, view

    def _trade_with_house(
        self, market: Market, view: OrderView, price: int, quantity: int, *, maker: bool
    ) -> OrderView:
        """Trade by force; the house's side is booked, but it needs no order and nobody is told of it."""
        taker = view.side.opposite if maker else view.side
        trade_id = self._desk.print_trade(market, price, quantity, taker, view.kind)
        quote = market.instrument.notional(price, quantity)
        self._desk.ledger.trade(HOUSE, market.instrument, view.side.opposite, quote, quantity)
        return self._desk.execute(view, price, quantity, trade_id, maker=maker)

    def _follow_up(self, command: Command) -> None:
        """Tell balances and positions, and carry out what the command set off, until nothing more follows."""
        self._tidy(command if isinstance(command, Deposit | MoveMargin) else None)
        # Bounded: an order that waits is set off once, and only commands and full fills make new ones.
        while (trade := self._desk.next_print()) is not None:
            self._set_off(trade)
        self._algos.finish_children()

    def _tidy(self, moved_by: Deposit | MoveMargin | None = None) -> None:
        self._matching.expire_idle_reducers()
        self._lists.settle()
        self._desk.tell_accounts(moved_by)

    def _set_off(self, trade: PublicTrade) -> None:
        """Show one trade to everything that waits for its price, and send to work what it sets off."""
        if not (self._desk.watchers.any_at(trade.instrument) or self._algos.watchers.any_at(trade.instrument)):
            return
        price = self._desk.markets[trade.instrument].instrument.price(trade.price)
        orders, looking = self._desk.watchers.see(trade.instrument, price, trade.trade_id, trade.time_ns)
        for key, seen in looking:
            waiting = self._desk.orders.current(key)
            self._desk.orders.put(attrs.evolve(waiting, looking_ns=seen.since_ns, updated_ns=trade.time_ns))
        for key in orders:
            view = self._desk.orders.get(key)
            if view is not None and view.waits:  # or another that was set off has ended its list
                self._fire(view)
                self._tidy()
        algos, _ = self._algos.watchers.see(trade.instrument, price, trade.trade_id, trade.time_ns)
        for algo_id in algos:
            self._algos.trigger(algo_id)
            self._tidy()

    def _fire(self, view: OrderView) -> OrderView:
        self._lists.make_way(view)
        return self._matching.fire(view)

    def _reply(self, reply: Reply, events: tuple[Event, ...]) -> Reply:
        """Complete a reply with the order as the whole command left it, and its executions."""
        if reply.algo is not None:
            return attrs.evolve(reply, algo=self.algo_order(reply.algo.algo_id))
        order = reply.order or next(iter(reply.orders), None) if reply.order_list is not None else reply.order
        if order is None:
            return reply
        about = [
            event
            for event in events
            if isinstance(event, OrderEvent)
            and event.order.order_id == order.order_id
            and event.order.instrument == order.instrument
        ]
        executions: list[Execution] = [event.execution for event in about if event.execution is not None]
        preventions = {
            event.prevention.prevented_id: event.prevention
            for event in events
            if isinstance(event, OrderEvent)
            and event.prevention is not None
            and event.prevention.taker_order_id == order.order_id
            and event.order.instrument == order.instrument
        }
        if reply.order_list is not None:
            return attrs.evolve(reply, executions=tuple(executions), preventions=tuple(preventions.values()))
        return attrs.evolve(
            reply,
            order=about[-1].order,
            executions=tuple(executions),
            execution_id=about[-1].execution_id,
            preventions=tuple(preventions.values()),
        )


def _ordered(outcome: OrderView | Reject) -> Reply | Reject:
    return outcome if isinstance(outcome, Reject) else Reply(order=outcome)


def _algo(outcome: AlgoOrder | Reject) -> Reply | Reject:
    return outcome if isinstance(outcome, Reject) else Reply(algo=outcome)

"""What can be asked of an engine. A question never changes anything.

``as_of_ns`` answers as things were after the last command at or before that moment, so that REST can lag behind the
stream; None is now. Market data never lags. Listings are whole: paging is the face's, in the venue's own way.
"""

from __future__ import annotations

from decimal import Decimal

from mockserver.engine.algo import AlgoStore
from mockserver.engine.desk import Desk
from mockserver.engine.fees import Discount
from mockserver.engine.lists import Lists
from mockserver.engine.margin import Margin, Need
from mockserver.engine.matching import Matching
from mockserver.engine.terms import Terms
from mockserver.engine.types import (
    AlgoOrder,
    Amendment,
    Balance,
    Depth,
    Execution,
    Instrument,
    MarginMove,
    OrderList,
    OrderView,
    Position,
    PositionSide,
    Prevention,
    PublicTrade,
    Side,
)


class Queries:
    """The asking half of ``Engine``."""

    _desk: Desk
    _algos: AlgoStore
    _lists: Lists
    _matching: Matching

    # -- accounts -------------------------------------------------------------------------------------------------

    def has_account(self, account: str) -> bool:
        """Whether the account is open."""
        return self._desk.ledger.knows(account)

    def accounts(self) -> tuple[str, ...]:
        """Return all accounts in order of opening; the first is the house."""
        return self._desk.ledger.names()

    def balance(self, account: str, asset: str, as_of_ns: int | None = None) -> Balance:
        """Return one balance; zero for an asset the account never had."""
        found = (balance for balance in self.balances(account, as_of_ns) if balance.asset == asset)
        return next(found, Balance(asset=asset, free=0, locked=0))

    def balances(self, account: str, as_of_ns: int | None = None) -> tuple[Balance, ...]:
        """Return every balance the account ever had, by asset."""
        return self._desk.ledger.balances(account, as_of_ns)

    def position(
        self,
        account: str,
        instrument: str,
        as_of_ns: int | None = None,
        side: PositionSide = PositionSide.BOTH,
    ) -> Position:
        """Return one position; flat when the account never traded the instrument."""
        if as_of_ns is None:
            return self._desk.ledger.position(account, instrument, side)
        for found in self.positions(account, as_of_ns):
            if (found.instrument, found.side) == (instrument, side):
                return found
        return Position(account=account, instrument=instrument, quantity=0, entry_quote=0, realized=0, side=side)

    def terms(self, account: str) -> Terms:
        """Return on which terms an account trades now."""
        return self._desk.ledger.terms(account)

    @property
    def discount(self) -> Discount | None:
        """The asset that fees may be paid in, if the venue has one."""
        return self._desk.discount

    def margin(self, account: str, cash: str) -> Margin:
        """Return what an account's perpetuals of one cash asset need now, and its money."""
        return self._matching.checks.margin(account, cash)

    def need(self, account: str, instrument: str, side: PositionSide | None = None) -> Need:
        """Return what one instrument, or one of its positions, needs of an account now."""
        return self._matching.checks.need(account, self._desk.markets[instrument], side=side)

    def gone(self, account: str, cash: str) -> tuple[Position, ...]:
        """Return the positions that the exchange may liquidate now."""
        return self._matching.checks.gone(account, cash)

    def margin_moves(self, account: str, as_of_ns: int | None = None) -> tuple[MarginMove, ...]:
        """Return what went to stand behind isolated positions, and came back, oldest first."""
        return self._desk.ledger.moves(account, as_of_ns)

    def positions(self, account: str, as_of_ns: int | None = None) -> tuple[Position, ...]:
        """Return every position the account ever had (flat ones too), by instrument."""
        return self._desk.ledger.positions(account, as_of_ns)

    def fees_collected(self, asset: str) -> int:
        """Return the fees that left all accounts so far, less the rebates, in atoms."""
        return self._desk.ledger.fees.get(asset, 0)

    # -- orders ---------------------------------------------------------------------------------------------------

    def order(
        self, instrument: str | None, order_id: int, *, account: str | None = None, as_of_ns: int | None = None
    ) -> OrderView | None:
        """Return an order; ``account`` None asks for anybody's, ``instrument`` None will do where ids are global."""
        view = self._desk.orders.get(self._desk.orders.key(instrument or "", order_id), as_of_ns)
        if view is None or (account is not None and view.account != account):
            return None
        return None if instrument is not None and view.instrument != instrument else view

    def order_by_client_id(
        self, account: str, client_id: str, instrument: str | None = None, *, as_of_ns: int | None = None
    ) -> OrderView | None:
        """Return the account's order of this client id: the open one if there is one, else the newest."""
        found: OrderView | None = None
        for key in self._desk.orders.named(account, client_id):
            view = self._desk.orders.get(key, as_of_ns)
            if view is None or (instrument is not None and view.instrument != instrument):
                continue
            if view.is_open:
                return view
            found = found or view
        return found

    def open_orders(
        self, account: str, instrument: str | None = None, *, as_of_ns: int | None = None
    ) -> tuple[OrderView, ...]:
        """Return the open orders, oldest first."""
        views = self._desk.orders.open_at(account, as_of_ns)
        return tuple(view for view in views if instrument is None or view.instrument == instrument)

    def orders(
        self,
        account: str,
        instrument: str | None = None,
        *,
        from_order_id: int | None = None,
        start_ns: int | None = None,
        end_ns: int | None = None,
        as_of_ns: int | None = None,
    ) -> tuple[OrderView, ...]:
        """Return open and closed orders, oldest first: created within [start_ns, end_ns], ids >= ``from_order_id``."""
        return tuple(
            view
            for view in self._desk.orders.every(account, as_of_ns)
            if (instrument is None or view.instrument == instrument)
            and (from_order_id is None or view.order_id >= from_order_id)
            and (start_ns is None or view.created_ns >= start_ns)
            and (end_ns is None or view.created_ns <= end_ns)
        )

    def executions(
        self,
        account: str,
        instrument: str | None = None,
        *,
        order_id: int | None = None,
        from_trade_id: int | None = None,
        start_ns: int | None = None,
        end_ns: int | None = None,
        as_of_ns: int | None = None,
    ) -> tuple[Execution, ...]:
        """Return the account's sides of trades, oldest first: within [start_ns, end_ns], ids >= ``from_trade_id``."""
        return tuple(
            each
            for each in self._desk.orders.executions(account)
            if (instrument is None or each.instrument == instrument)
            and (order_id is None or each.order_id == order_id)
            and (from_trade_id is None or each.trade_id >= from_trade_id)
            and (start_ns is None or each.time_ns >= start_ns)
            and (end_ns is None or each.time_ns <= end_ns)
            and (as_of_ns is None or each.time_ns <= as_of_ns)
        )

    def amendments(
        self, account: str, instrument: str, order_id: int, *, from_execution_id: int = 0, as_of_ns: int | None = None
    ) -> tuple[Amendment, ...]:
        """Return the changes of one order's terms, oldest first, with execution ids >= ``from_execution_id``."""
        return tuple(
            each
            for each in self._desk.orders.amendments(account)
            if (each.instrument, each.order_id) == (instrument, order_id)
            and each.execution_id >= from_execution_id
            and (as_of_ns is None or each.time_ns <= as_of_ns)
        )

    def preventions(
        self,
        account: str,
        instrument: str,
        *,
        prevented_id: int | None = None,
        order_id: int | None = None,
        from_prevented_id: int = 0,
        as_of_ns: int | None = None,
    ) -> tuple[Prevention, ...]:
        """Return prevented matches, oldest first: one, or those of an order, with ids >= ``from_prevented_id``."""
        return tuple(
            each
            for each in self._desk.orders.preventions(account)
            if each.instrument == instrument
            and prevented_id in (None, each.prevented_id)
            and order_id in (None, each.taker_order_id, each.maker_order_id)
            and each.prevented_id >= from_prevented_id
            and (as_of_ns is None or each.time_ns <= as_of_ns)
        )

    def open_notional(self, account: str, instrument: str) -> tuple[int, int]:
        """Return what the account's bids and asks at work in one instrument are worth, in quote atoms."""
        market = self._desk.markets[instrument].instrument
        sums = {Side.BUY: 0, Side.SELL: 0}
        for view in self.open_orders(account, instrument):
            if view.price is not None and not view.waits:
                sums[view.side] += market.notional(view.price, view.remaining)
        return sums[Side.BUY], sums[Side.SELL]

    # -- order lists ----------------------------------------------------------------------------------------------

    def order_list(self, list_id: int, *, account: str | None = None, as_of_ns: int | None = None) -> OrderList | None:
        """Return an order list; ``account`` None asks for anybody's."""
        found = self._lists.get(list_id, as_of_ns)
        return None if found is None or account not in (None, found.account) else found

    def order_lists(
        self, account: str, *, only_open: bool = False, as_of_ns: int | None = None
    ) -> tuple[OrderList, ...]:
        """Return the account's order lists, oldest first; ``only_open``: those with open orders."""
        return tuple(each for each in self._lists.every(account, as_of_ns) if not (only_open and each.is_done))

    def trigger_level(self, algo_id: int) -> Decimal | None:
        """Return the price that would set off a waiting conditional order now, None when it does not wait."""
        algo = self._algos.get(algo_id)
        seen = None if algo is None else self._algos.watchers.get(algo.child.instrument, algo_id)
        return None if seen is None else seen.level

    # -- conditional orders ---------------------------------------------------------------------------------------

    def algo_order(self, algo_id: int, *, account: str | None = None, as_of_ns: int | None = None) -> AlgoOrder | None:
        """Return a conditional order; ``account`` None asks for anybody's."""
        algo = self._algos.get(algo_id, as_of_ns)
        return None if algo is None or (account is not None and algo.child.account != account) else algo

    def algo_orders(
        self, account: str, instrument: str | None = None, *, only_open: bool = False, as_of_ns: int | None = None
    ) -> tuple[AlgoOrder, ...]:
        """Return the account's conditional orders, oldest first; ``only_open``: those that still wait."""
        return tuple(
            algo
            for algo in self._algos.every(account, as_of_ns)
            if (instrument is None or algo.child.instrument == instrument) and (algo.status.is_open or not only_open)
        )

    # -- the market -----------------------------------------------------------------------------------------------

    @property
    def instruments(self) -> dict[str, Instrument]:
        """The instruments by name."""
        return {name: market.instrument for name, market in self._desk.markets.items()}

    def depth(self, instrument: str, limit: int = 100) -> Depth:
        """Return the best levels of the book."""
        return self._desk.markets[instrument].book.depth(limit)

    def best(self, instrument: str, side: Side) -> int | None:
        """Return the best price of a side in ticks."""
        return self._desk.markets[instrument].book.best(side)

    def trades(self, instrument: str, limit: int = 500) -> tuple[PublicTrade, ...]:
        """Return the last trades, oldest first."""
        trades = self._desk.markets[instrument].trades
        return tuple(trades)[-limit:]

    def last_price(self, instrument: str) -> int:
        """Return the last trade's price in ticks; before the first trade the reference price."""
        return self._desk.markets[instrument].last_price

"""One account at one venue of a test's world: it trades as another program of the same user would, and is judged by.

All of it goes the way that the control API goes, so a test can do here what it could do by HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from mockserver.engine.types import OrderView
from mockserver.exchange import Account, Exchange
from mockserver.forms import nearest
from mockserver.player.checks import CHECKS, Case
from mockserver.reports import ReportError, Reports
from mockserver.testing import told
from mockserver.truth import order_row

if TYPE_CHECKING:
    from mockserver.testing.exchange import Desk

Amount = str | int | Decimal


class MockError(Exception):
    """The mock refuses what a test wants it to do; the text says why."""


WRONG: Final = (MockError, ReportError, AssertionError)
"""What a test or its client did wrong, so that where in here it was found is of no use."""


def hidden(excinfo: Any) -> bool:
    """Whether a test runner that reads ``__tracebackhide__`` leaves out the frames of a module for this error."""
    return issubclass(excinfo.type, WRONG)


__tracebackhide__ = hidden


class Order:
    """An order, and what may be done to it; its values are those of now."""

    def __init__(self, seat: Seat, symbol: str, number: int) -> None:
        self._seat = seat
        self.symbol = symbol
        self.number = number

    def fill(self, quantity: Amount | None = None, *, price: Amount | None = None, liquidity: str = "maker") -> Order:
        """Fill it against the house, wholly or in part."""
        return self._act("fill", quantity=quantity, price=price, liquidity=liquidity)

    def cancel(self) -> Order:
        """Cancel it, as its owner would."""
        return self._act("cancel")

    def expire(self) -> Order:
        """Let it expire, as the exchange would."""
        return self._act("expire")

    def trigger(self) -> Order:
        """Set it off, if it waits for a price."""
        return self._act("trigger")

    @property
    def row(self) -> Mapping[str, Any]:
        """It as the truth tells it."""
        return self._seat.desk.run(lambda: self._seat.row(self.symbol, self.number))

    @property
    def id(self) -> str:
        """The venue's id of it."""
        return str(self.number)

    @property
    def client_id(self) -> str | None:
        """The client's id of it."""
        found: str | None = self.row["client_order_id"]
        return found

    @property
    def status(self) -> str:
        """Such as ``partially_filled``."""
        return str(self.row["status"]).lower()

    @property
    def quantity(self) -> Decimal:
        """How much was ordered."""
        return Decimal(self.row["quantity"])

    @property
    def filled(self) -> Decimal:
        """How much of it is filled."""
        return Decimal(self.row["filled_quantity"])

    def __repr__(self) -> str:
        row = self.row
        return f"<order {self.id} of {self.symbol}: {self.status}, {row['filled_quantity']} of {row['quantity']}>"

    def _act(self, verb: str, **body: object) -> Order:
        symbol = self.symbol.replace("/", "%2F")
        given = {name: value for name, value in body.items() if value is not None}
        self._seat.desk.control("POST", f"/orders/{self._seat.venue}/{symbol}/{self.number}/{verb}", **given)
        return self


class Seat:
    """One account."""

    def __init__(self, desk: Desk, venue: str, name: str) -> None:
        self.desk = desk
        self.venue = venue
        self.name = name

    @property
    def api_key(self) -> str:
        """Whatever comes with it comes to this world."""
        return self._account.api_key

    @property
    def api_secret(self) -> str:
        """What requests are signed with."""
        return self._account.secret

    @property
    def symbols(self) -> list[str]:
        """The markets of the venue."""
        return list(self._exchange.engine.instruments)

    # -- orders ---------------------------------------------------------------------------------------------------

    def place(
        self,
        side: str,
        quantity: Amount,
        price: Amount | None = None,
        *,
        symbol: str | None = None,
        client_id: str | None = None,
        type: str = "LIMIT",  # noqa: A002 (the venues' word)
        **terms: Any,
    ) -> Order:
        """Place an order; a limit order without a price stands a tenth away from the last one, and rests."""
        symbol = symbol or self.symbols[0]
        if price is None and type.upper() == "LIMIT":
            price = self.desk.run(lambda: self._away(symbol, side))
        body = {
            "venue": self.venue,
            "account": self.name,
            "symbol": symbol,
            "side": side,
            "quantity": quantity,
            "type": type,
            **({} if price is None else {"price": price}),
            **({} if client_id is None else {"client_order_id": client_id}),
            **terms,
        }
        row = self.desk.control("POST", "/orders", **body)["order"]
        return Order(self, row["symbol"], int(row["order_id"]))

    def order(self, which: str | int) -> Order:
        """The order of this id, or of this client id (of several the newest)."""
        return self.desk.run(lambda: self._order(str(which)))

    @property
    def orders(self) -> list[Order]:
        """Every order of the account, the oldest first."""
        return self.desk.run(lambda: [Order(self, view.instrument, view.order_id) for view in self._views()])

    # -- what was told of it --------------------------------------------------------------------------------------

    def assert_no_fill_lost(self, fills: object = None) -> None:
        """Every fill was told (or is excused by a gap that was told); without ``fills``: was reported."""
        self._assert("fill", fills, "no_fill_lost")

    def assert_no_fill_duplicated(self, fills: object = None) -> None:
        """No fill was told twice."""
        self._assert("fill", fills, "no_fill_duplicated")

    def assert_no_fill_invented(self, fills: object = None) -> None:
        """Every fill that was told happened, as it was told."""
        self._assert("fill", fills, "no_fill_invented")

    def assert_fills_right(self, fills: object = None) -> None:
        """Nothing lost, nothing twice, nothing invented."""
        self._assert("fill", fills, "no_fill_lost", "no_fill_duplicated", "no_fill_invented")

    def assert_orders_right(self, orders: object = None) -> None:
        """No order goes backward or is told to be further than it is, and the last told of each is how it stands."""
        self._assert("order_update", orders, "states_monotonic", "no_order_invented", "right_at_end")

    def _assert(self, event: str, given: object, *checks: str) -> None:
        wrong = self.desk.run(lambda: self._judged(event, given, checks))
        if wrong:
            raise AssertionError("\n".join(wrong))

    def _judged(self, event: str, given: object, checks: tuple[str, ...]) -> list[str]:
        world = self.desk.world
        reports = world.reports
        if given is not None:
            reports = Reports()
            for row in told.rows(given, event, self.symbols):
                reports.take(row, world.clock.now_ns)
        case = Case(
            venue=self.venue,
            account=self.name,
            heard=(),
            truth=self.desk.report(),
            told=reports.told,
            now_ns=world.clock.now_ns,
        )
        judged = [(CHECKS[name].about, [*reports.wrong, *CHECKS[name].judge(case)]) for name in checks]
        return [line for about, wrong in judged if wrong for line in (f"not so that {about}:", *_indented(wrong))]

    # -- inside ---------------------------------------------------------------------------------------------------

    @property
    def _exchange(self) -> Exchange:
        return self.desk.world.exchanges[self.venue]

    @property
    def _account(self) -> Account:
        return self._exchange.accounts[self.name]

    def _views(self) -> list[OrderView]:
        engine = self._exchange.engine
        views = [view for symbol in engine.instruments for view in engine.orders(self.name, symbol)]
        return sorted(views, key=lambda view: (view.created_ns, view.order_id))

    def _order(self, which: str) -> Order:
        views = self._views()
        found = [view for view in views if which in (str(view.order_id), view.client_id)]
        if not found:
            names = [view.client_id or str(view.order_id) for view in views]
            hint = nearest(which, names) if names else "it has none yet"
            raise MockError(f"no order {which!r} of {self.name} at {self.venue}; {hint}")
        return Order(self, found[-1].instrument, found[-1].order_id)

    def row(self, symbol: str, number: int) -> Mapping[str, Any]:
        """An order as the truth tells it."""
        engine = self._exchange.engine
        view = engine.order(symbol, number)
        if view is None:
            raise MockError(f"order {number} of {symbol} is not there any more")
        return order_row(self.venue, view, engine.instruments[symbol])

    def _away(self, symbol: str, side: str) -> str:
        engine = self._exchange.engine
        if symbol not in engine.instruments:
            raise MockError(f"no symbol {symbol!r} at {self.venue}; {nearest(symbol, engine.instruments)}")
        tenths = 9 if side.upper() == "BUY" else 11
        ticks = engine.last_price(symbol) * tenths // 10
        return f"{engine.instruments[symbol].price(ticks):f}"


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]

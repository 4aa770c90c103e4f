"""The live table: how each account stands, its latest orders and fills, and every interruption.

A `Board` takes events and draws itself; it knows neither trio nor the terminal.  What it keeps is bounded.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import Final

import attrs
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from exchstream.cli.lines import clean, clock, market, owner, short, verdict
from exchstream.core.state import Status
from exchstream.core.venue import SECOND
from exchstream.events import AccountDown, Event, Fill, GapClosed, GapOpened, OrderUpdate, Unrecognized
from exchstream.model import OrderStatus

KEPT: Final = 50  # rows of each kind; a terminal shows fewer
_STYLES: Final = {
    "live": "green",
    "looking back": "yellow",
    "connecting": "yellow",
    "down": "bold red",
    OrderStatus.NEW.value: "cyan",
    OrderStatus.PARTIALLY_FILLED.value: "yellow",
    OrderStatus.FILLED.value: "green",
    OrderStatus.CANCELED.value: "dim",
    OrderStatus.EXPIRED.value: "dim",
    OrderStatus.REJECTED.value: "red",
    "buy": "green",
    "sell": "red",
}
_FIXED_LINES: Final = 16  # titles, headings and blanks of the four tables, and the note


@attrs.define
class Count:
    """How many events of each sort an account has told."""

    orders: int = 0
    fills: int = 0
    recovered: int = 0


@attrs.define
class Board:
    """What the table shows, kept up to date by `take`."""

    counts: dict[str, Count] = attrs.field(factory=dict)
    _orders: OrderedDict[tuple[str, str, str], OrderUpdate] = attrs.field(factory=OrderedDict)
    _fills: deque[Fill] = attrs.field(factory=lambda: deque(maxlen=KEPT))
    _notes: deque[tuple[str, str, str]] = attrs.field(factory=lambda: deque(maxlen=KEPT))
    opened: int = 0
    complete: int = 0
    incomplete: int = 0

    def take(self, event: Event, now_ns: int) -> None:
        """Show this event too."""
        count = self.counts.setdefault(owner(event), Count())
        match event:
            case OrderUpdate():
                count.orders += 1
                count.recovered += event.recovered
                key = (owner(event), event.venue_symbol, event.order_id)
                self._orders[key] = event
                self._orders.move_to_end(key)
                while len(self._orders) > KEPT:
                    self._orders.popitem(last=False)
            case Fill():
                count.fills += 1
                count.recovered += event.recovered
                self._fills.append(event)
            case GapOpened(reason=reason, detail=detail):
                self.opened += 1
                self._note(event, now_ns, f"gap opened: {reason.value} {detail}".rstrip())
            case GapClosed():
                self.complete += event.complete
                self.incomplete += not event.complete
                seconds = (event.until_ns - event.since_ns) / SECOND
                self._note(event, now_ns, f"gap closed: {verdict(event)}, {seconds:.1f} s covered")
            case AccountDown(detail=detail):
                self._note(event, now_ns, f"account down: {detail}")
            case Unrecognized(what=what):
                self._note(event, now_ns, f"unrecognized: {what}")

    def summary(self) -> str:
        """The whole run in one line."""
        orders = sum(count.orders for count in self.counts.values())
        fills = sum(count.fills for count in self.counts.values())
        still_open = self.opened - self.complete - self.incomplete
        return (
            f"{len(self.counts)} accounts: {orders} order updates, {fills} fills; gaps: {self.opened} opened, "
            f"{self.complete} closed complete, {self.incomplete} not complete, {still_open} still open"
        )

    def draw(self, status: Mapping[tuple[str, str], Status], now_ns: int, height: int) -> RenderableType:
        """The table at this moment, for a terminal of `height` lines."""
        room = max(height - _FIXED_LINES - len(status), 8)
        orders, fills = room // 2, room // 4
        return Group(
            self._accounts(status, now_ns),
            Text(self._explanation(status), style="dim"),
            self._order_table(orders),
            self._fill_table(fills),
            self._note_table(room - orders - fills),
        )

    # ------------------------------------------------------------------------------------------------ parts

    def _note(self, event: Event, now_ns: int, text: str) -> None:
        self._notes.append((clock(now_ns), owner(event), text))

    def _explanation(self, status: Mapping[tuple[str, str], Status]) -> str:
        if any(state.phase == "down" for state in status.values()):
            return "An account that is down does not come back by itself; the others go on."
        if not any(state.gap_since_ns for state in status.values()):
            if self.incomplete:
                return f"Every gap is closed, {self.incomplete} of them not completely: see below what is missing."
            return "Every gap is closed: all that happened has been told."
        return "Live events come at once. A gap closes some seconds later: REST may lag, so it is asked twice."

    def _accounts(self, status: Mapping[tuple[str, str], Status], now_ns: int) -> Table:
        table = _table("accounts", "account", "state", "open gap", "order updates", "fills", "recovered", "reconnects")
        for (venue, account), state in status.items():
            name = f"{venue}/{account}"
            count = self.counts.get(name, Count())
            gap = "-" if state.gap_since_ns is None else f"{max(now_ns - state.gap_since_ns, 0) / SECOND:.0f} s"
            numbers = (count.orders, count.fills, count.recovered, state.reconnects)
            table.add_row(_cell(name), _cell(state.phase), _cell(gap), *(_cell(str(number)) for number in numbers))
        return table

    def _order_table(self, rows: int) -> Table:
        table = _table("orders", "account", "order", "market", "side", "type", "quantity", "price", "filled", "status")
        for event in list(self._orders.values())[-rows:]:
            table.add_row(
                *(_cell(text) for text in (owner(event), event.order_id, market(event))),
                _cell("-" if event.side is None else event.side.value),
                _cell("-" if event.type is None else event.type.value),
                *(_cell(short(number)) for number in (event.quantity, event.price, event.filled_quantity)),
                _cell(event.status.value),
            )
        return table

    def _fill_table(self, rows: int) -> Table:
        table = _table("fills", "account", "trade", "market", "side", "quantity", "price", "fee", "liquidity")
        for event in list(self._fills)[-rows:]:
            fee = "-" if event.fee is None else f"{short(event.fee)} {event.fee_asset or ''}"
            liquidity = "-" if event.liquidity is None else event.liquidity.value
            numbers = (short(event.quantity), short(event.price))
            texts = (owner(event), event.trade_id, market(event), event.side.value, *numbers, fee, liquidity)
            table.add_row(*(_cell(text) for text in texts))
        return table

    def _note_table(self, rows: int) -> Table:
        table = _table("interruptions", "time (UTC)", "account", "what")
        for texts in list(self._notes)[-rows:]:
            table.add_row(*(_cell(text) for text in texts))
        return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0), expand=False)
    for column in columns:
        table.add_column(column, header_style="dim", no_wrap=True, overflow="ellipsis")
    return table


def _cell(text: str) -> Text:
    """Text as it is: what a venue says is neither markup nor a command to the terminal."""
    return Text(clean(text), style=_STYLES.get(text, ""))

"""The live table: how each account stands, its latest orders and fills, and every interruption.

A `Board` takes events and draws itself; it knows neither trio nor the terminal.  What it keeps is bounded.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from typing import Final

import attrs
from rich.cells import cell_len, set_cell_size
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
_FIXED_LINES: Final = 10  # titles and headings of the four tables, the note, and the cursor's line
_FEWEST_ROWS: Final = 6  # of orders, fills and interruptions together
_GAP: Final = 2  # blanks between two columns
_SHORTEST: Final = 12  # an account's name is not shortened below that as long as there is a column to leave out


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

    def draw(self, status: Mapping[tuple[str, str], Status], now_ns: int, height: int, width: int) -> RenderableType:
        """The table at this moment, for a terminal of `height` lines and `width` columns."""
        room = max(height - _FIXED_LINES - len(status), _FEWEST_ROWS)
        orders, fills = room // 2, room // 4
        return Group(
            self._accounts(status, now_ns, width),
            Text(self._explanation(status), style="dim", no_wrap=True, overflow="ellipsis"),
            self._order_table(orders, width),
            self._fill_table(fills, width),
            self._note_table(room - orders - fills, width),
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
        return "Live events come at once. A gap closes later: REST may lag, and is asked twice."

    def _accounts(self, status: Mapping[tuple[str, str], Status], now_ns: int, width: int) -> Table:
        rows = []
        for (venue, account), state in status.items():
            name = f"{venue}/{account}"
            count = self.counts.get(name, Count())
            gap = "-" if state.gap_since_ns is None else f"{max(now_ns - state.gap_since_ns, 0) / SECOND:.0f} s"
            numbers = (count.orders, count.fills, count.recovered, state.reconnects)
            rows.append([name, state.phase, gap, *map(str, numbers)])
        columns = ("account", "state", "open gap", "order updates", "fills", "recovered", "reconnects")
        return _table("accounts", columns, rows, width, spare=("recovered", "order updates", "reconnects"))

    def _order_table(self, count: int, width: int) -> Table:
        rows = [
            [
                *(owner(event), event.order_id, market(event)),
                "-" if event.side is None else event.side.value,
                "-" if event.type is None else event.type.value,
                *(short(number) for number in (event.quantity, event.price, event.filled_quantity)),
                event.status.value,
            ]
            for event in list(self._orders.values())[-count:]
        ]
        columns = ("account", "order", "market", "side", "type", "quantity", "price", "filled", "status")
        return _table("orders", columns, rows, width, spare=("type", "order", "price", "side", "quantity"))

    def _fill_table(self, count: int, width: int) -> Table:
        rows = [
            [
                *(owner(event), event.trade_id, market(event), event.side.value),
                *(short(number) for number in (event.quantity, event.price)),
                "-" if event.fee is None else f"{short(event.fee)} {event.fee_asset or ''}",
                "-" if event.liquidity is None else event.liquidity.value,
            ]
            for event in list(self._fills)[-count:]
        ]
        columns = ("account", "trade", "market", "side", "quantity", "price", "fee", "liquidity")
        return _table("fills", columns, rows, width, spare=("trade", "liquidity", "fee"))

    def _note_table(self, count: int, width: int) -> Table:
        rows = [list(texts) for texts in list(self._notes)[-count:]]
        return _table("interruptions", ("time (UTC)", "account", "what"), rows, width, cut="what")


def _table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int,
    *,
    spare: Sequence[str] = (),
    cut: str = "account",
) -> Table:
    """The rows in no more than `width`: `spare` columns are left out, the first one first, then `cut` is shortened.

    A number is never shortened: half of it would look like another one.
    """
    cells = [[clean(text) for text in row] for row in (columns, *rows)]
    widths = {name: max(map(cell_len, column)) for name, column in zip(columns, zip(*cells, strict=True), strict=True)}

    def over() -> int:
        return sum(widths.values()) + _GAP * (len(widths) - 1) - width

    for name in spare:
        if over() > max(widths[cut] - _SHORTEST, 0):
            del widths[name]
    widths[cut] = max(widths[cut] - max(over(), 0), len(cut))
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=0, expand=False)
    last = list(widths)[-1]
    for name, size in widths.items():
        table.add_column(name, header_style="dim", no_wrap=True, width=size + (0 if name == last else _GAP))
    for row in cells[1:]:
        shown = [(name, text) for name, text in zip(columns, row, strict=True) if name in widths]
        table.add_row(*(_cell(_fitted(text, widths[name])) for name, text in shown))
    return table


def _fitted(text: str, width: int) -> str:
    return text if cell_len(text) <= width else set_cell_size(text, width - 1) + "…"


def _cell(text: str) -> Text:
    """Text as it is: what a venue says is no markup."""
    return Text(text, style=_STYLES.get(text, ""))

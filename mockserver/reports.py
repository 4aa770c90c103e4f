"""What the client says it heard, so that it can be held against the truth: any bot, in any language, one JSON a line.

    {"event": "fill", "symbol": "BTCUSDT", "order_id": "7", "trade_id": "3", "price": "99.9", "quantity": "0.5"}
    {"event": "order_update", "symbol": "BTCUSDT", "order_id": "7", "status": "filled", "filled_quantity": "1"}

A line is printed on standard output by the command, or sent by ``POST /__mock/report``. These are names of exchstream's
JSON lines, of which the others may be there as well: ``venue_symbol``, ``fee``, ``time_ns``, ``recovered``,
``order_kind``, and the events ``gap_opened`` and ``gap_closed``. Its other events (``OTHERS``) are left out. So is any
other event of a line, unless its name is nearly one of these: whoever misspells a report would look as if it had lost
what it told. What is sent by ``POST`` must be one of these. Pure.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from mockserver.checkers import Closed, Opened, Told, ToldFill, ToldOrder
from mockserver.forms import nearest, shown

MAX_TOLD: Final = 1_000_000
OTHERS: Final = ("account_down", "unrecognized")
"""Events of exchstream that say nothing that could be held against the truth."""
NEARLY: Final = 0.8
"""How much of a name of a line's event must be that of a report; a bot may print events of its own."""
Row = Mapping[str, Any]


class ReportError(ValueError):
    """A line that says it is a report and is not one; the text says what is wrong."""


class Reports:
    """What was told so far."""

    def __init__(self) -> None:
        self.told: list[Told] = []  # bounded: MAX_TOLD
        self.wrong: list[str] = []  # bounded: MAX_TOLD
        """Lines that could not be read."""
        self.on_report: Callable[[], None] | None = None

    @property
    def silent(self) -> bool:
        """Whether nothing was told at all."""
        return not self.told and not self.wrong

    def line(self, text: str, now_ns: int) -> bool:
        """Take one line of output; False if it is no report."""
        if not text.lstrip().startswith("{"):
            return False
        try:
            row = json.loads(text, parse_float=Decimal)
        except (ValueError, RecursionError):
            return False
        if not isinstance(row, dict) or "event" not in row:
            return False
        try:
            self.take(row, now_ns)
        except ReportError as error:
            self.wrong.append(str(error))
            self._tell()
        return True

    def take(self, row: Row, now_ns: int, *, known: bool = False) -> None:
        """Take one report. ReportError: it cannot be read, or there are too many; with ``known``: or it is none."""
        strange = row["event"] not in EVENTS
        if strange and not known and not _nearly(row["event"]):
            return
        if len(self.told) + len(self.wrong) >= MAX_TOLD:
            raise ReportError(f"more than {MAX_TOLD} reports")
        if strange:
            raise ReportError(f"no event {shown(row['event'])}; {nearest(row['event'], EVENTS)}: {_shown(row)}")
        if row["event"] in _READERS:
            self.told.append(_READERS[row["event"]](row, now_ns))
            self._tell()

    def _tell(self) -> None:
        if self.on_report is not None:
            self.on_report()


def _nearly(event: object) -> bool:
    """Whether this is the name of a report, but for the spelling."""
    return isinstance(event, str) and bool(difflib.get_close_matches(event.lower(), _READERS, n=1, cutoff=NEARLY))


def _fill(row: Row, now_ns: int) -> ToldFill:
    key = (_symbol(row), _text(row, "trade_id"), _text(row, "order_id"))
    fee = None if row.get("fee") is None else _amount(row, "fee")
    recovered = row.get("recovered", False) is True
    time_ns = int(row.get("time_ns") or 0)
    return ToldFill(now_ns, key, time_ns, _amount(row, "price"), _amount(row, "quantity"), fee, recovered)


def _order(row: Row, now_ns: int) -> ToldOrder:
    key = (_symbol(row), _text(row, "order_id"), str(row.get("order_kind") or "order"))
    recovered = row.get("recovered", False) is True
    return ToldOrder(now_ns, key, _text(row, "status").lower(), _amount(row, "filled_quantity"), recovered)


def _opened(row: Row, now_ns: int) -> Opened:
    return Opened(now_ns, _whole(row, "since_ns"), _text(row, "reason"))


def _closed(row: Row, now_ns: int) -> Closed:
    scope, unresolved = row.get("scope"), row.get("unresolved") or ()
    symbols = scope.get("symbols") if isinstance(scope, dict) else None
    since = scope.get("orders_since_ns") if isinstance(scope, dict) else None
    return Closed(
        now_ns,
        _whole(row, "since_ns"),
        _whole(row, "until_ns"),
        None if symbols is None else frozenset(symbols),
        row.get("complete") is True,
        tuple((str(each["what"]), str(each["name"])) for each in unresolved),
        since,
    )


def _symbol(row: Row) -> str:
    return _text(row, "venue_symbol" if row.get("venue_symbol") else "symbol")


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise ReportError(f"a report of a {row['event']} needs {name!r}, a text or a number: {_shown(row)}")
    return str(value)


def _whole(row: Row, name: str) -> int:
    value = row.get(name)
    if type(value) is not int:
        raise ReportError(f"a report of a {row['event']} needs {name!r}, a whole number: {_shown(row)}")
    return value


def _amount(row: Row, name: str) -> Decimal:
    try:
        amount = Decimal(_text(row, name)) if not isinstance(row.get(name), Decimal) else row[name]
    except InvalidOperation:
        amount = Decimal("NaN")
    if not isinstance(amount, Decimal) or not amount.is_finite():
        raise ReportError(f"{name!r} of a report is a decimal number: {_shown(row)}")
    return amount


def _shown(row: Row) -> str:
    text = json.dumps(row, default=str)
    return text if len(text) <= 200 else f"{text[:199]}…"


_READERS: Final[Mapping[str, Callable[[Row, int], Told]]] = {
    "fill": _fill,
    "order_update": _order,
    "gap_opened": _opened,
    "gap_closed": _closed,
}
EVENTS: Final = (*_READERS, *OTHERS)
"""What a report may be."""

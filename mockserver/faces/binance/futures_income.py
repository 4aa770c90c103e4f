"""USD-M's listing of income: what each fill cost, and what it brought in profit or loss.

Official page "Get Income History" (2026-05): the symbol is optional; with neither end of the time given the last 7 days
are meant; pages are numbered from 1; `tranId` is unique within one kind of income.
What this module does not do: funding and transfers, of which the engine keeps no history; every other kind is empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mockserver.engine.types import Execution
from mockserver.faces.binance import errors, paging
from mockserver.faces.binance import futures_views as views
from mockserver.faces.binance.errors import Refused
from mockserver.faces.binance.routes import Call

NAMES: Final = "symbol incomeType startTime endTime page limit"
DEFAULT_ROWS: Final = 100
MAX_ROWS: Final = 1_000
USUAL_NS: Final = 7 * 24 * paging.HOUR_NS
KEPT_HOURS: Final = 90 * 24  # "Income history only contains data for the last three months"
Income = tuple[str, int, str]


def income(call: Call) -> object:
    """Tell what came and went, oldest first."""
    named, limit = call.instrument_or_none(), call.limit(DEFAULT_ROWS, MAX_ROWS)
    kind, page = call.params.text("incomeType"), call.params.integer("page")
    if page is not None and page < 1:
        raise Refused(errors.not_valid("page"))
    span = paging.span(call.params, KEPT_HOURS)
    usual_ns = call.now_ns - USUAL_NS if span.end_ns is None else 0
    fills = call.exchange.engine.executions(
        call.account,
        named.name if named else None,
        start_ns=max(usual_ns if span.start_ns is None else span.start_ns, call.now_ns - KEPT_HOURS * paging.HOUR_NS),
        end_ns=span.end_ns,
        as_of_ns=call.as_of_ns,
    )
    rows = [(fill, each) for fill in fills for each in _of(fill) if kind in (None, each[0])]
    first = ((page or 1) - 1) * limit
    return [_row(call, fill, each) for fill, each in rows[first : first + limit]]


def _of(fill: Execution) -> Iterator[Income]:
    if fill.fee:
        yield "COMMISSION", -fill.fee, fill.fee_asset
    if fill.realized:
        yield "REALIZED_PNL", fill.realized, "USDT"


def _row(call: Call, fill: Execution, income: Income) -> dict[str, object]:
    kind, amount, asset = income
    return {
        "symbol": fill.instrument,
        "incomeType": kind,
        "income": views.amount(amount),
        "asset": asset,
        "info": kind,
        "time": call.at(fill.time_ns),
        "tranId": fill.fill_id,
        "tradeId": str(fill.trade_id),
    }

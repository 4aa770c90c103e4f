"""How Binance pages its listings: from an id, or within a span of time, never both.

Order of rows (spot docs `rest-api.md`, 2026-07): chronological; "Without startTime or endTime, returns the
most recent items up to the limit. With startTime, returns oldest items from startTime. With endTime, returns most
recent items up to endTime. With both, behaves like startTime." An id is inclusive: rows with that id or a larger one.
What this module does not do: read the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from attrs import frozen

from mockserver.faces.binance import errors
from mockserver.faces.binance.auth import MICROSECONDS_FROM
from mockserver.faces.binance.errors import Refused
from mockserver.faces.binance.params import Params

T = TypeVar("T")
HOUR_NS = 3_600_000_000_000


@frozen
class Span:
    """From when to when, both inclusive, in nanoseconds; None is open. `oldest`: a full page begins at the start."""

    start_ns: int | None
    end_ns: int | None
    oldest: bool


def span(params: Params, hours: int) -> Span:
    """Return the span a request asks for; refused with -1127 if it is longer than so many hours."""
    start, end = params.integer("startTime"), params.integer("endTime")
    start_ns = None if start is None else _ns(start)
    # A millisecond is meant whole: its last nanosecond belongs to the span.
    end_ns = None if end is None else _ns(end) + (999 if end >= MICROSECONDS_FROM else 999_999)
    if start_ns is not None and end_ns is not None and end_ns - start_ns > hours * HOUR_NS + 999_999:
        raise Refused(errors.span_too_long(hours))
    return Span(start_ns, end_ns, oldest=start_ns is not None)


def _ns(stamp: int) -> int:
    return stamp * 1_000 if stamp >= MICROSECONDS_FROM else stamp * 1_000_000


def page(rows: Sequence[T], limit: int, *, oldest: bool) -> Sequence[T]:
    """Return the first or the last rows, in their order."""
    return rows[:limit] if oldest else rows[max(0, len(rows) - limit) :]

"""FTX's REST interface: the path of each question, and what each answer means.

`/orders/history` knows when an order was created, not when it ended, so an order of before an interruption that ended
in it is found by its id alone.  All bounds of time are seconds with fractions, both inclusive, and must stand in the
query (a client that put them into a body got everything).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from decimal import Decimal
from urllib.parse import quote, urlencode

import attrs

from exchstream.core.venue import (
    Balances,
    Clock,
    Fills,
    FillView,
    Holdings,
    MarketList,
    Markets,
    Meaning,
    Memory,
    OpenOrders,
    OrderById,
    OrderFills,
    Orders,
    OrderView,
    Question,
    Refusal,
    Refused,
    Reply,
    Snapshot,
    Strange,
    Unreachable,
)
from exchstream.model import Market
from exchstream.venues.ftx import paging, refusals, wire


@attrs.frozen
class Pages:
    """How many rows to ask for, and below how many a page without `hasMoreData` is surely the last."""

    orders: int
    fills: int
    sure: int


def target(question: Question, pages: Pages, latest_ns: int) -> str:
    """Path and query, as they are signed and sent; no listing asks beyond `latest_ns`.  Raises ValueError."""
    match question:
        case Markets():
            return "/api/markets"
        case OpenOrders():
            return "/api/orders"
        case OrderById(key=key):
            return f"/api/orders/{quote(key.order_id, safe='')}"
        case Balances():
            return "/api/wallet/balances"
        case Fills() | OrderFills() | Orders():
            return _listing(question, pages, latest_ns)
    raise ValueError(f"FTX has no {type(question).__name__}")


def _listing(question: paging.Listed, pages: Pages, latest_ns: int) -> str:
    page = paging.page_of(question)
    query = {} if page.market is None else {"market": page.market}
    query["start_time"] = _seconds(page.start_ns)
    query["end_time"] = _seconds(min(page.end_ns, latest_ns))
    query["limit"] = str(pages.orders if isinstance(question, Orders) else pages.fills)
    if page.ascending:
        query["order"] = "asc"
    if isinstance(question, OrderFills):
        query["orderId"] = question.key.order_id
    return ("/api/orders/history?" if isinstance(question, Orders) else "/api/fills?") + urlencode(query)


def answer(
    question: Question, reply: Reply, memory: Memory, pages: Pages, tolerance: Decimal, unsaid_ns: int
) -> list[Meaning]:
    """What the answer means.  Never raises."""
    if isinstance(question, Clock):
        time = wire.server_time(reply)
        return refusals.of_answer(None, reply, unsaid_ns) if time is None else [time]
    if isinstance(question, OrderById | OrderFills) and question.key.order_id.startswith(wire.OTC):
        return []  # an over-the-counter fill has no order that anything could be said of
    try:
        envelope = wire.ANSWER.decode(reply.body)
    except wire.UNREADABLE:
        return refusals.of_answer(None, reply, unsaid_ns)
    if not envelope.success or reply.status >= 300:
        return refusals.of_answer(envelope.error or "a failure without a text", reply, unsaid_ns)
    try:
        if isinstance(question, OrderById):
            return wire.order(bytes(envelope.result), memory.markets, tolerance)
        rows = [bytes(row) for row in wire.ROWS.decode(envelope.result)]
    except wire.UNREADABLE:
        return [Refused("an answer that cannot be read", Refusal.TRANSIENT)]
    match question:
        case Markets():
            return _markets(rows, reply.asked_ns)
        case Balances():
            return _balances(rows)
    meanings = list(_facts(question, rows, memory, tolerance))
    views = [meaning for meaning in meanings if isinstance(meaning, OrderView | FillView)]
    match question:
        case OpenOrders(kind=kind):
            # A row that cannot be read is an open order all the same; if it does not say which, there is no snapshot.
            read = {view.raw for view in views}
            unread = {wire.order_of(raw) for raw in rows if raw not in read}
            if None in unread:
                return [*meanings, Refused("open orders that cannot be read", Refusal.TRANSIENT)]
            keys = {view.state.key for view in views if isinstance(view, OrderView)} | unread
            meanings.append(Snapshot(kind, frozenset(key for key in keys if key is not None)))
        case Fills() | OrderFills() | Orders() if rows and not _is_last(question, envelope, len(rows), pages):
            marks = [mark for view in views if (mark := _mark(view)) is not None]
            meanings += paging.following(question, marks, memory.markets or ())
    return meanings


def _is_last(question: Question, envelope: wire.Answer, rows: int, pages: Pages) -> bool:
    """What the venue says, if it does; else a page is the last one if no known limit could have cut it."""
    if envelope.has_more_data is not None:
        return not envelope.has_more_data
    return rows < min(pages.orders if isinstance(question, Orders) else pages.fills, pages.sure)


def _facts(question: Question, rows: Sequence[bytes], memory: Memory, tolerance: Decimal) -> Iterator[Meaning]:
    """Each row by itself: one that cannot be read is told and named, and takes no other with it."""
    fills = isinstance(question, Fills | OrderFills)
    for raw in rows:
        try:
            yield from wire.fill(raw) if fills else wire.order(raw, memory.markets, tolerance)
        except wire.UNREADABLE:
            what = "fill" if fills else "order"
            yield Strange(f"unreadable row of a listing of {what}s", raw)
            name = wire.row_id(raw) or hashlib.sha256(raw).hexdigest()[:16]
            yield Unreachable(what, name, "its row in the venue's listing cannot be read")


def _markets(rows: Sequence[bytes], asked_ns: int) -> list[Meaning]:
    markets: dict[str, Market] = {}
    strange: list[Meaning] = []
    for raw in rows:
        try:
            market = wire.market(raw, asked_ns)
            markets[market.venue_symbol] = market
        except wire.UNREADABLE:
            strange.append(Strange("unreadable row of the markets", raw))
    return [MarketList(markets), *strange]


def _balances(rows: Sequence[bytes]) -> list[Meaning]:
    """All or nothing: a sheet that lacks a coin would look like a withdrawal."""
    try:
        return [Holdings({coin: total for coin, total in map(wire.balance, rows) if total})]
    except wire.UNREADABLE:
        return [Refused("balances that cannot be read", Refusal.TRANSIENT)]


def _mark(view: OrderView | FillView) -> tuple[int, str] | None:
    """The time that a listing goes by, and the row's id."""
    if isinstance(view, FillView):
        return view.execution.time_ns, view.execution.trade_id
    created_ns = view.state.created_ns
    return None if created_ns is None else (created_ns, view.state.key.order_id)


def _seconds(time_ns: int) -> str:
    """Seconds with a fraction of microseconds, FTX's own resolution."""
    micros = time_ns // 1000
    return f"{micros // 1_000_000}.{micros % 1_000_000:06d}"

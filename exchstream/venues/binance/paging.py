"""Paging that cannot lose a row: windows of time until the first row is found, from there on by id.

Ids do not move while times repeat, so more rows with one time than a page holds neither loop nor get lost, and rows
that arrive between two pages are met by a later one.  A self-trade is two executions of one id, and a page may end
between them: so a listing of executions goes on *at* its last id once more, and behind it only then.  The last page is
an empty one: a venue that quietly gives fewer rows than were asked for would otherwise look as if it had no more.
Binance takes ids and times only apart ("fromId cannot be used together with startTime and endTime", rest-api.md), and
`fromId` and `orderId` mean `>=`.

The executions of one order are read from id 0 on: without an id "most recent trades are returned" (myTrades), on
futures of the last 7 days.  A cursor is `<listing>:<mode><number>`: which of the question's listings, `t` (window from
this ms) or `i` (from this id).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import attrs
import msgspec

from exchstream.core.venue import Fills, Meaning, More, OrderFills, Orders, Refusal, Refused, Strange, Unreachable
from exchstream.venues.binance.signing import Params
from exchstream.venues.binance.wire import MILLI, UNREADABLE, lenient

Paged = Fills | Orders | OrderFills


@attrs.frozen
class Row:
    """One row of a listing: where it stands, and what it means; None for what could not be read."""

    id: int | None
    time_ms: int | None
    meanings: list[Meaning]


@attrs.frozen(kw_only=True)
class Book:
    """One paged listing of the venue.

    `window_ms` is the longest span of time that it takes in one request, `limit` the most rows to ask for; `twins`
    says that two rows may have one id.
    """

    path: str
    weight: int
    limit: int
    window_ms: int
    from_param: str
    id_field: str
    what: str
    parse: Callable[[bytes], Row]
    order_weight: int | None = None
    twins: bool = False

    def row(self, raw: bytes) -> Row:
        """The row, or where it stands together with the news that it cannot be read: it must not lose the others."""
        try:
            return self.parse(raw)
        except UNREADABLE as error:
            value = lenient(raw)
            fields = value if isinstance(value, dict) else {}
            number, time_ms = fields.get(self.id_field), fields.get("time", fields.get("createTime"))
            name = f"{str(fields.get('symbol'))[:40]}:{str(number)[:40]}"
            told: list[Meaning] = [
                Strange(f"a row of {self.path} that cannot be read: {str(error)[:120]}", raw),
                Unreachable(self.what, name, "the venue's answer about it cannot be read"),
            ]
            return Row(_integer(number), _integer(time_ms), told)


@attrs.frozen
class Place:
    """Where a question stands in its listings."""

    book: int
    mode: str
    number: int

    @property
    def cursor(self) -> str:
        """The place as the text that a question carries."""
        return f"{self.book}:{self.mode}{self.number}"


def place(question: Paged) -> Place:
    """Where this question's page begins.  Raises ValueError for a cursor that is not one of ours."""
    if question.cursor is None:
        return _begin(question, 0)
    book, _, rest = question.cursor.partition(":")
    if rest[:1] not in ("t", "i"):
        raise ValueError("not a cursor of this venue")
    return Place(int(book), rest[0], int(rest[1:]))


def page_params(books: Sequence[Book], question: Paged) -> dict[str, str | int]:
    """The parameters that ask for this question's page, signature and times of signing apart."""
    at = place(question)
    book = books[at.book]
    params: dict[str, str | int] = {}
    if isinstance(question, OrderFills):
        params = {"symbol": question.key.venue_symbol, "orderId": question.key.order_id}
    elif question.symbol is not None:
        params = {"symbol": question.symbol}
    if at.mode == "t":
        params.update(startTime=at.number, endTime=_window_end(book, question, at))
    elif at.mode == "i":
        params[book.from_param] = at.number
    return {**params, "limit": book.limit}


def page(books: Sequence[Book], question: Paged, body: bytes) -> list[Meaning]:
    """What the answer means: its rows, and the next page if there is one.  Raises what decoding raises."""
    at = place(question)
    book = books[at.book]
    rows = [book.row(bytes(raw)) for raw in _ROWS.decode(body)]
    told = [meaning for row in rows for meaning in row.meanings]
    following = _next(books, question, at, rows)
    if isinstance(following, Place):
        told.append(More(attrs.evolve(question, cursor=following.cursor)))
    elif following is not None:
        told.append(following)
    return told


_ROWS: Final = msgspec.json.Decoder(list[msgspec.Raw])


def _next(books: Sequence[Book], question: Paged, at: Place, rows: list[Row]) -> Place | Refused | None:
    book = books[at.book]
    if rows:
        last = max((row.id for row in rows if row.id is not None), default=None)
        if last is None or (at.mode == "i" and last < at.number):
            return Refused(f"a page of {book.path} that leads nowhere", Refusal.TRANSIENT)
        if not any(_is_late(row, question) for row in rows):
            twins = book.twins and not isinstance(question, OrderFills)  # no order trades with itself
            again = twins and (at.mode != "i" or last > at.number)
            return Place(at.book, "i", last if again else last + 1)
    elif at.mode == "t" and (end := _window_end(book, question, at)) < _until_ms(question):
        return Place(at.book, "t", end + 1)
    return _begin(question, at.book + 1) if at.book + 1 < len(books) else None


def _begin(question: Paged, book: int) -> Place:
    return Place(book, "i", 0) if isinstance(question, OrderFills) else Place(book, "t", question.since_ns // MILLI)


def _window_end(book: Book, question: Paged, at: Place) -> int:
    return max(at.number, min(at.number + book.window_ms - 1, _until_ms(question)))


def _until_ms(question: Paged) -> int:
    """The end of the span, rounded up: a row in its last millisecond belongs to it."""
    return 0 if isinstance(question, OrderFills) else -(-question.until_ns // MILLI)


def _is_late(row: Row, question: Paged) -> bool:
    if isinstance(question, OrderFills) or row.time_ms is None:
        return False
    return row.time_ms > _until_ms(question)


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def order_query(venue_symbol: str, order_id: str) -> Params:
    """The parameters that ask for one order."""
    return {"symbol": venue_symbol, "orderId": order_id}

"""How an FTX listing is read to its end without losing a row.

A listing shows the newest rows between two times, both inclusive; the next page ends where this one began, so rows
that are added meanwhile shift nothing, and the rows on the boundary come twice (the ledger knows them by id).

A page full of one single instant would come again for ever.  Then the walk goes on below that instant, and the
instant itself is looked at from its other end (`order=asc`, fills only); if the two looks do not meet, market by
market; and what is still not proven whole is named.  This module signs nothing and reads no rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import attrs
import msgspec

from exchstream.core.venue import SECOND, Fills, Meaning, More, OrderFills, Orders, Unreachable

Listed = Fills | OrderFills | Orders
BEGINNING_NS: Final = SECOND  # of time: any order's fills, however old
END_NS: Final = 4_000_000_000 * SECOND
_MICROSECOND_NS: Final = 1000  # the resolution of FTX's times


class Page(msgspec.Struct, frozen=True, omit_defaults=True):
    """One page: the bounds in UTC ns, and for a look at one instant the market and the ids seen from the other end."""

    start_ns: int
    end_ns: int
    market: str | None = None
    instant: bool = False
    first: str | None = None
    last: str | None = None

    @property
    def ascending(self) -> bool:
        """True for the look from the other end."""
        return self.last is not None


_PAGE: Final = msgspec.json.Decoder(Page)


def page_of(question: Listed) -> Page:
    """The page that this question is about."""
    if question.cursor is not None:
        return _PAGE.decode(question.cursor)
    if isinstance(question, OrderFills):
        return Page(BEGINNING_NS, END_NS, question.key.venue_symbol)
    end_ns = -(-question.until_ns // _MICROSECOND_NS) * _MICROSECOND_NS
    return Page(max(question.since_ns, BEGINNING_NS), end_ns, question.symbol)


def following(question: Listed, rows: Sequence[tuple[int, str]], markets: Iterable[str]) -> Iterator[Meaning]:
    """What to ask after a page that may not be all; `rows` are times (ns) and ids in the venue's order."""
    page = page_of(question)
    times, ids = [time for time, _ in rows], [name for _, name in rows]
    if page.ascending:
        # The looks meet if the last row of the other one is here.  A venue that ignores `order` shows the same page
        # twice: then the first rows agree, and nothing is proven.
        if page.last not in ids or page.first == ids[0]:
            yield from _split(question, page, markets)
    elif not rows:
        yield _unproven(page, "a page without one readable row")
    elif (oldest := min(times)) > page.end_ns:
        yield _unproven(page, "the venue does not keep to the end of the span")
    elif oldest < page.end_ns:
        yield _more(question, Page(page.start_ns, oldest, page.market))
    else:
        if page.start_ns < oldest:
            yield _more(question, Page(page.start_ns, oldest - _MICROSECOND_NS, page.market))
        here = Page(oldest, oldest, page.market, True)
        if isinstance(question, Orders):
            yield from _split(question, here, markets)
        else:
            yield _more(question, Page(oldest, oldest, page.market, True, ids[0], ids[-1]))


def _split(question: Listed, page: Page, markets: Iterable[str]) -> Iterator[Meaning]:
    names = sorted(markets) if page.market is None else []
    if not names:
        yield _unproven(page, "more rows with one time than a page holds")
    for name in names:
        yield _more(question, Page(page.start_ns, page.end_ns, name, True))


def _more(question: Listed, page: Page) -> More:
    return More(attrs.evolve(question, cursor=msgspec.json.encode(page).decode()))


def _unproven(page: Page, why: str) -> Unreachable:
    market = "" if page.market is None else f" {page.market}"
    return Unreachable("span", f"{page.start_ns}..{page.end_ns}{market}", why)

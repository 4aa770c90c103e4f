"""The consumer's own books, as docs/journal.md tells one to keep them: the effect and its position in one transaction.

A position that has been used is refused, so an event that came again would end the bot.  They know nothing of the
journal, and are what the crash tests judge by.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from exchstream.events import Event, Fill
from mockserver.checkers import ToldFill

_TABLES = """
create table if not exists fill (position integer primary key, account text, symbol text, trade_id text,
    order_id text, time_ns integer, price text, quantity text, fee text, recovered integer);
create table if not exists done (one integer primary key check (one = 1), position integer);
insert or ignore into done values (1, 0);
"""


def nobody(point: str) -> None:
    """Nobody waits here."""


class Books:
    """Fills, and the position up to which everything is in them.  `here` hears how far an entry has come."""

    def __init__(self, path: Path, here: Callable[[str], None] = nobody) -> None:
        self._db = sqlite3.connect(path)
        self._here = here
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = normal")  # survives a kill; nobody cuts the power here
        self._db.executescript(_TABLES)

    @property
    def position(self) -> int:
        """All up to here is done."""
        (position,) = self._db.execute("select position from done").fetchone()
        return int(position)

    def enter(self, event: Event) -> None:
        """Take this event in, and that it is done: both or neither."""
        with self._db:
            if isinstance(event, Fill):
                self._db.execute("insert into fill values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", _row(event))
            self._db.execute("update done set position = ?", (event.position,))
            if isinstance(event, Fill):
                self._here("before its COMMIT")
        if isinstance(event, Fill):
            self._here("after its COMMIT")


class CarelessBooks(Books):
    """What docs/journal.md warns of: that an event is done stands in the books before its effect does."""

    def enter(self, event: Event) -> None:
        """Two transactions, and room for a kill between them."""
        with self._db:
            self._db.execute("update done set position = ?", (event.position,))
        if isinstance(event, Fill):
            self._here("before its COMMIT")
            with self._db:
                self._db.execute("insert into fill values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", _row(event))


def entered(path: Path) -> dict[int, tuple[str, ToldFill]]:
    """What stands in the books by position, each with its account; a bot may be writing them."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
        rows = db.execute("select * from fill order by position").fetchall()
    return {position: (account, _fill(*row)) for position, account, *row in rows}


def _fill(
    symbol: str, trade: str, order: str, time_ns: int, price: str, quantity: str, fee: str | None, recovered: int
) -> ToldFill:
    paid = None if fee is None else Decimal(fee)
    return ToldFill(0, (symbol, trade, order), time_ns, Decimal(price), Decimal(quantity), paid, bool(recovered))


def _row(fill: Fill) -> tuple[object, ...]:
    fee = None if fill.fee is None else str(fill.fee)
    ids = (fill.account, fill.venue_symbol, fill.trade_id, fill.order_id)
    return (fill.position, *ids, fill.time_ns, str(fill.price), str(fill.quantity), fee, fill.recovered)

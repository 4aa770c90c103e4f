"""What must be true of a journal's file, whoever wrote it: read all of it, and say what is not.

SQLite's own check; every record is an event and stands where it says; no fill has two (G2), each has its key; no
order's filled quantity falls, and none that has ended works again (G3); the open orders are those that were told so.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from typing import Any, Final

import attrs

from exchstream.errors import JournalError
from exchstream.events import Event, Fill, OrderUpdate
from exchstream.journal.records import decode, decode_balances, decode_state
from exchstream.journal.store import FILL_IS
from exchstream.model import OrderKey, OrderState

MAX_FAULTS: Final = 100  # that are told; the rest is counted


@attrs.frozen
class Findings:
    """What was looked at, and what is wrong with it, in words; `more` faults were found than are told."""

    records: int
    fills: int
    faults: tuple[str, ...]
    more: int = 0


def verify(db: sqlite3.Connection) -> Findings:
    """Check the journal as it is at this moment; a process may go on writing it."""
    faults: list[str] = []
    records = fills = more = 0
    db.execute("begin")
    try:
        for fault in _faults(db):
            if len(faults) < MAX_FAULTS:
                faults.append(fault)
            else:
                more += 1
        with suppress(sqlite3.Error):
            records, fills = (db.execute(f"select count(*) from {table}").fetchone()[0] for table in ("record", "fill"))  # noqa: S608 (no text of anybody's)
    finally:
        db.execute("rollback")
    return Findings(records, fills, tuple(faults), more)


def _faults(db: sqlite3.Connection) -> Iterator[str]:
    try:
        damage = [text for (text,) in db.execute("pragma integrity_check(10)") if text != "ok"]
        yield from (f"SQLite finds: {text}" for text in damage)
        yield from _Reading(db).faults()
    except sqlite3.Error as error:
        yield f"it cannot be read: {error}"


@attrs.define
class _Reading:
    """One pass over all records, and what it must remember: the last state of each order, and how many fills."""

    db: sqlite3.Connection
    names: dict[int, str] = attrs.field(init=False)
    floor: int = attrs.field(init=False)
    last: int = attrs.field(init=False)
    fill_is: str = attrs.field(init=False)
    orders: dict[tuple[int, OrderKey], tuple[int, int, OrderState]] = attrs.field(factory=dict)
    fills: int = 0

    def __attrs_post_init__(self) -> None:
        self.names = dict(self.db.execute("select id, name from account"))
        (version,) = self.db.execute("pragma user_version").fetchone()
        # A file that no process has opened since there are epochs has none.
        self.fill_is = FILL_IS if version > 1 else FILL_IS.replace("epoch", "0")
        self.floor, self.last = self.db.execute("select floor, last from span").fetchone()

    def faults(self) -> Iterator[str]:
        told_ns = 0
        for position, account, kind, at_ns, payload in self.db.execute("select * from record order by position"):
            where = f"position {position}"
            if account not in self.names:
                yield f"{where}: it belongs to no account"
            if not self.floor < position <= self.last:
                yield f"{where}: it is outside of what is kept, {self.floor + 1} to {self.last}"
            if at_ns < told_ns:
                yield f"{where}: time goes back"
            told_ns = at_ns
            try:
                event = decode(kind, payload)
            except JournalError as error:
                yield f"{where}: {error}"
                continue
            if event.position != position:
                yield f"{where}: the event says that it stands at {event.position}"
            yield from self._fact(where, position, account, event)
        yield from self._keys()
        yield from self._open_orders()
        yield from self._rest()

    def _fact(self, where: str, position: int, account: int, event: Event) -> Iterator[str]:
        if isinstance(event, Fill):
            self.fills += 1
            yield from self._fill(where, position, account, event)
        elif isinstance(event, OrderUpdate):
            state = event.state
            before = self.orders.get((account, state.key))
            self.orders[account, state.key] = event.epoch, position, state
            if before is not None and before[0] == event.epoch:
                faults = _forward(*before[1:], state)
                yield from (f"{where}: {self._name(account, state.key)} {fault}" for fault in faults)

    def _fill(self, where: str, position: int, account: int, fill: Fill) -> Iterator[str]:
        name = f"fill {fill.trade_id} of order {fill.order_id} on {fill.venue_symbol}"
        row = self._one(
            f"select position, quantity, time_ns from fill where {self.fill_is}",  # noqa: S608 (no text of anybody's)
            (account, fill.venue_symbol, fill.order_id, fill.trade_id, fill.epoch),
        )
        if row is None:
            yield f"{where}: {name} has no key"
        elif row[0] != position:
            yield f"{where}: {name} was told at position {row[0]} too (G2)"
        elif (Decimal(row[1]), row[2]) != (fill.quantity, fill.time_ns):
            yield f"{where}: {name} and its key differ"

    def _keys(self) -> Iterator[str]:
        (keys,) = self._one("select count(*) from fill where position > ?", (self.floor,))
        if keys > self.fills:
            yield f"{keys - self.fills} fills have a key, and no record though theirs is not old"

    def _open_orders(self) -> Iterator[str]:
        for account, blob in self.db.execute("select account, state from open_order"):
            try:
                state = decode_state(blob)
            except JournalError as error:
                yield str(error)
                continue
            name = self._name(account, state.key)
            _, position, told = self.orders.get((account, state.key), (0, 0, state))
            if state.end is not None:
                yield f"{name} is among the open ones, and has ended"
            elif told.end is not None:
                yield f"{name} is among the open ones, and its end was told at position {position} (G3)"
            elif told != state:
                yield f"{name} is among the open ones with another state than was told at position {position}"

    def _rest(self) -> Iterator[str]:
        for name, good_ns, floor_ns, blob in self.db.execute("select name, good_ns, floor_ns, balances from account"):
            if good_ns < floor_ns:
                yield f"account {name}: it is proven until before it began"
            try:
                decode_balances(blob)
            except JournalError as error:
                yield f"account {name}: {error}"
        for name, position in self.db.execute("select name, position from reader where position > ?", (self.last,)):
            yield f"reader {name!r} stands at {position}, behind the last position, {self.last}"

    def _name(self, account: int, key: OrderKey) -> str:
        return f"{key.kind.value} {key.order_id} on {key.venue_symbol} of {self.names.get(account)}"

    def _one(self, sql: str, parameters: tuple[object, ...]) -> Any:
        return self.db.execute(sql, parameters).fetchone()


def _forward(position: int, before: OrderState, after: OrderState) -> Iterator[str]:
    """What an order must not do between two updates (G3)."""
    if after.cumulative.filled < before.cumulative.filled:
        yield f"has {after.cumulative.filled} filled, and had {before.cumulative.filled} at position {position} (G3)"
    if before.end is not None and after.end is None:
        yield f"works, and had ended at position {position} (G3)"

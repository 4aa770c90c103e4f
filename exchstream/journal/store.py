"""The journal's file: SQLite, synchronous, written by one process at a time.

It keeps what was told (`record`), the key of every fill for ever (`fill`: the judge of what is a repeat, long after
the record has gone), the orders that are open, each account's checkpoint and symbols, where each reader stands, and
which positions have been given (`span`).  One `commit` is one transaction, so what was told and the checkpoint that
goes with it are never apart.

A position that a reader may have seen is never given to another event.  What is shown before it is sure to survive
(relaxed durability; and a power cut, but with full durability) lies below `reserved`, which is on the disk before it is
used; after such a loss the count goes on from there.

It knows no tasks, waits for nobody and keeps no events in memory; `disk.py` does.  How a file is made, held and checked
is in `file.py`.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal

import attrs

from exchstream.core.balances import BalanceState
from exchstream.core.epochs import Era
from exchstream.core.ledger import MAX_CLOSED, MAX_ENDED, Entry
from exchstream.core.state import Checkpoint, Restored
from exchstream.core.venue import MINUTE
from exchstream.errors import JournalError, SlowConsumer
from exchstream.events import Event, Fill, GapClosed, OrderUpdate
from exchstream.journal.file import boot as this_boot
from exchstream.journal.file import connect, errors, locked, opened
from exchstream.journal.records import (
    FILL,
    KINDS,
    ORDER_UPDATE,
    at_ns,
    decode,
    decode_balances,
    decode_entry,
    decode_eras,
    decode_late,
    decode_order,
    decode_state,
    encode,
)
from exchstream.model import FillKey, OrderKey, OrderKind, OrderState

# Facts that a restart may be told again are looked for this much further back than its look-back begins; more than
# twice any venue's lag, and than what this machine's clock may be off by.
MARGIN_NS: Final = 3 * MINUTE
CHUNK: Final = 1_000  # records that are let go in one transaction
AHEAD: Final = 8_192  # positions that are reserved at a time; so many stay unused at most when some were lost


KIND_WORDS: Final = {kind: kind.value for kind in OrderKind}  # `value` itself runs as Python code
FIRST: Final = Era()
FILL_IS: Final = "account = ? and symbol = ? and order_id = ? and trade_id = ? and epoch = ?"
Durability = Literal["normal", "full", "relaxed"]
_Ended = dict[int, dict[OrderKey, bytes]]


@attrs.frozen
class Batch:
    """What one transaction brings: events with their positions and accounts, checkpoints, and readers' positions."""

    events: Sequence[tuple[str, Event]] = ()
    checkpoints: Mapping[str, Checkpoint] = attrs.field(factory=dict)
    readers: Mapping[str, int] = attrs.field(factory=dict)


@attrs.frozen
class Retention:
    """How long records are kept: `age_ns`, and until every named reader has passed; never more than `size` bytes."""

    age_ns: int
    size: int


class Store:
    """One journal file, open for writing.  Raises JournalError for whatever is wrong, and overwrites nothing then.

    `last` is the newest position that was given, `floor` the one before the oldest record that is kept; positions up
    to `reserved` may be shown before they are committed.
    """

    last: int
    floor: int
    reserved: int
    readers: dict[str, int]
    _sound: bool  # False from a failed commit on: what was shown may be lost

    def __init__(
        self, path: str | os.PathLike[str], durability: Durability = "normal", boot: Callable[[], str] | None = None
    ) -> None:
        """`boot` says which start of the machine this is (None: what the system says); it is another one after each."""
        self.path = Path(path).resolve()
        self._durability = durability
        self._boot = (boot or this_boot)()
        with ExitStack() as stack:
            stack.enter_context(locked(self.path))
            with errors(self.path, OSError):
                self._db = stack.enter_context(closing(opened(self.path)))
                self._reading = stack.enter_context(closing(connect(self.path, "ro")))
                self._load()
            self._open = stack.pop_all()

    def _load(self) -> None:
        self.floor, last, reserved, boot = self._one("select floor, last, reserved, boot from span")
        # A process that was killed leaves all that it has committed, unless the machine went down too.
        self.last = last if boot and boot == self._boot else max(last, reserved)
        self._at_ns: int = (self._one("select at_ns from record order by position desc limit 1") or (0,))[0]
        self._good_ns: dict[int, int] = {}
        self._guessed = {row[0] for row in self._db.execute("select id from account where guessed")}
        self.readers = dict(self._db.execute("select name, position from reader"))
        self._accounts = self._ids()
        self._identities: dict[str, str] = {}
        self.reserved = 0
        boot = self._boot if self._durability == "normal" else ""
        with self._transaction(self.last):
            self._db.execute("update span set last = ?, reserved = 0, boot = ?", (self.last, boot))

    def _ids(self) -> dict[str, int]:
        return dict(self._db.execute("select name, id from account"))

    def close(self) -> None:
        """Let go of the file; safe to call twice.  What was reserved is free again, unless a commit has failed."""
        with errors(self.path), self._open:
            if self._sound:
                self._db.execute("update span set reserved = 0")
            self._sound = False

    def _one(self, sql: str, parameters: Sequence[object] = ()) -> Any:
        return self._db.execute(sql, parameters).fetchone()

    # ------------------------------------------------------------------------------------------------ writing

    def commit(self, batch: Batch) -> list[int]:
        """Keep all of this, or (JournalError) nothing.  Returns the positions of fills that were told before."""
        last = batch.events[-1][1].position if batch.events else self.last
        names = batch.checkpoints.keys() | {name for name, _ in batch.events}
        # From when on an account is told of is on the disk itself before anybody hears of it.
        with errors(self.path), self._transaction(last, full=not names <= self._accounts.keys()):
            for name in names:
                self._account(name)
            refused = self._write(batch)
            if last != self.last:
                self._db.execute("update span set last = ?", (last,))
        self.readers.update(batch.readers)
        self.last = last
        return refused

    @property
    def accounts(self) -> Collection[str]:
        """The names of which something is kept."""
        return self._accounts.keys()

    @contextmanager
    def _transaction(self, last: int, *, full: bool = False) -> Iterator[None]:
        """All of it or nothing; positions up to this one are given.  `full`: on the disk itself when it returns."""
        reserved = self.reserved
        if self._durability != "full" and last + AHEAD // 2 > reserved:
            reserved = last + AHEAD
        # What is reserved must be on the disk itself before any of it is shown.
        full = full or self._durability == "full" or reserved != self.reserved
        self._db.execute(f"pragma synchronous = {'full' if full else 'normal'}")
        self._db.execute("begin immediate")
        self._sound = False
        try:
            yield
            if reserved != self.reserved:
                self._db.execute("update span set reserved = ?", (reserved,))
            self._db.execute("commit")
            self._sound, self.reserved = True, reserved
        finally:
            if not self._sound:
                with suppress(sqlite3.Error):  # what went wrong is on its way already
                    if self._db.in_transaction:
                        self._db.execute("rollback")
                    self._accounts = self._ids()

    def _account(self, name: str) -> int:
        if name not in self._accounts:
            values = (name, self._identities.get(name, ""), encode(BalanceState()))
            cursor = self._db.execute("insert into account values (null, ?, ?, 0, 0, ?, 0, null, null)", values)
            assert cursor.lastrowid is not None
            self._accounts[name] = cursor.lastrowid
        return self._accounts[name]

    def _write(self, batch: Batch) -> list[int]:
        db, ids = self._db, self._accounts
        refused = self._enter_fills(batch.events)
        told_ns, records = self._at_ns, []
        symbols: dict[tuple[int, str], int] = {}
        asked_about: set[tuple[int, str]] = set()
        orders: dict[tuple[int, OrderKey], OrderState] = {}
        for name, event in batch.events:
            position = event.position
            if position in refused:
                continue
            account, at = ids[name], at_ns(event)
            told_ns = at if at > told_ns else told_ns
            records.append((position, account, KINDS[type(event)], told_ns, encode(event)))
            if isinstance(event, OrderUpdate):
                state = event.state
                orders[account, state.key] = state
                symbols[account, state.key.venue_symbol] = position
            elif isinstance(event, Fill):
                symbols[account, event.execution.venue_symbol] = position
            elif isinstance(event, GapClosed):
                asked_about.update((account, symbol) for symbol in event.scope.symbols or ())
        db.executemany("insert into record values (?, ?, ?, ?, ?)", records)
        self._at_ns = told_ns
        db.executemany(
            "insert into symbol values (?, ?, ?) on conflict do update set position = excluded.position",
            [(account, symbol, position) for (account, symbol), position in symbols.items()],
        )
        # No later verdict is about less, also where nothing was ever told of a symbol.
        db.executemany("insert or ignore into symbol values (?, ?, 0)", asked_about)
        self._write_orders(orders)
        for name, checkpoint in batch.checkpoints.items():
            self._write_checkpoint(ids[name], checkpoint)
            self._note_clock(ids[name], checkpoint)
        db.executemany(
            "insert into reader values (?, ?) on conflict do update set position = excluded.position",
            batch.readers.items(),
        )
        return sorted(refused)

    def _note_clock(self, account: int, checkpoint: Checkpoint) -> None:
        """Of what was told before the venue's time was known, the machine's clock may have been ahead."""
        if checkpoint.guessed:
            self._guessed.add(account)
        elif account in self._guessed:
            self._guessed.discard(account)
            self._db.execute("update record set at_ns = ? where at_ns > ?", (checkpoint.good_ns,) * 2)
            self._at_ns = min(self._at_ns, checkpoint.good_ns)

    def _enter_fills(self, events: Iterable[tuple[str, Event]]) -> set[int]:
        """The keys of the fills among these; the unique key is the judge of what is a repeat."""
        ids = self._accounts
        rows = [
            (ids[name], e.venue_symbol, e.order_id, e.trade_id, event.epoch, str(e.quantity), e.time_ns, event.position)
            for name, event in events
            if isinstance(event, Fill)
            for e in (event.execution,)
        ]
        before = self._db.total_changes
        self._db.executemany("insert or ignore into fill values (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        if self._db.total_changes - before == len(rows):
            return set()
        where = f"select position from fill where {FILL_IS}"  # noqa: S608 (no text of anybody's)
        return {row[-1] for row in rows if self._one(where, row[:5]) != (row[-1],)}

    def _write_orders(self, orders: Mapping[tuple[int, OrderKey], OrderState]) -> None:
        ended = [(account, *_order_id(key)) for (account, key), state in orders.items() if state.end is not None]
        working = [
            (account, *_order_id(key), encode(state)) for (account, key), state in orders.items() if state.end is None
        ]
        self._forget_orders(ended)
        self._db.executemany(
            "insert into open_order values (?, ?, ?, ?, ?) on conflict do update set state = excluded.state", working
        )

    def _forget_orders(self, ids: Sequence[tuple[int, str, str, str]]) -> None:
        where = "account = ? and symbol = ? and order_id = ? and kind = ?"
        self._db.executemany(f"delete from open_order where {where}", ids)  # noqa: S608 (no text of anybody's)

    def _write_checkpoint(self, account: int, checkpoint: Checkpoint) -> None:
        self._good_ns[account] = checkpoint.good_ns
        self._forget_orders([(account, *_order_id(key)) for key in checkpoint.gone])
        eras = encode(checkpoint.eras) if checkpoint.eras else None
        self._db.execute(
            "update account set good_ns = ?, floor_ns = ?, guessed = ?, balances = ?, eras = ?, late = ? where id = ?",
            (
                checkpoint.good_ns,
                checkpoint.floor_ns,
                checkpoint.guessed,
                encode(checkpoint.balances),
                eras,
                encode(checkpoint.late) if checkpoint.late else None,
                account,
            ),
        )

    # ------------------------------------------------------------------------------------------------ letting go

    def trim(self, retention: Retention) -> bool:
        """Let go of some records that are too old or too many; True if there were some."""
        with errors(self.path):
            until = min(max(self._too_much(retention.size), self._too_old(retention.age_ns)), self.last)
            if until <= self.floor:
                return False
            self.floor = step = min(until, self.floor + CHUNK)  # before it is so: a reader looks here afterwards
            with self._transaction(self.last):
                self._db.execute("delete from record where position <= ?", (step,))
                self._db.execute("update span set floor = ?", (step,))
            return True

    def _too_much(self, size: int) -> int:
        """A tenth of the records, if all of it is larger than this: whoever has not read them is too slow."""
        pages, free, page = (
            int(self._one(f"pragma {what}")[0]) for what in ("page_count", "freelist_count", "page_size")
        )
        return self.floor if (pages - free) * page <= size else self.floor + max(1, (self.last - self.floor) // 10)

    def _too_old(self, age_ns: int) -> int:
        """All before this age that every named reader has passed, and that no restart would ask for."""
        needed_ns = min(self._good_ns.values(), default=self._at_ns) - MARGIN_NS
        old = self._before(min(self._at_ns - age_ns, needed_ns))
        return min([old, *self.readers.values()])

    def _before(self, instant_ns: int) -> int:
        """The newest position from before this instant.  `at_ns` rises with the position, so halving finds it."""
        low, high = self.floor, self.last
        while low < high:
            middle = (low + high + 1) // 2
            row = self._one("select at_ns from record where position <= ? order by position desc limit 1", (middle,))
            if row is None or row[0] < instant_ns:
                low = middle
            else:
                high = middle - 1
        return low

    # ------------------------------------------------------------------------------------------------ reading

    def read(self, after: int, limit: int) -> list[Event]:
        """The events after this position.  Raises SlowConsumer if some of them have been let go."""
        with errors(self.path):
            rows = self._reading.execute(
                "select kind, payload from record where position > ? order by position limit ?", (after, limit)
            ).fetchall()
        if after < self.floor:  # asked only now, since `trim` may run meanwhile
            raise SlowConsumer(after, self.floor)
        return [decode(kind, payload) for kind, payload in rows]

    def recognise(self, identities: Mapping[str, str]) -> None:
        """These accounts are about to be told of; `identities` say whose each is, without showing a key.

        Raises JournalError if the file keeps another account under one of the names.
        """
        with errors(self.path):
            for name, identity in identities.items():
                (known,) = self._one("select identity from account where name = ?", (name,)) or ("",)
                if known not in ("", identity):
                    raise JournalError(
                        f"the journal {self.path} keeps {name} under another key: give the account another name=, or, "
                        f"if it is the same account with a new key: exchstream journal handover {self.path} {name}"
                    )
                self._db.execute("update account set identity = ? where name = ?", (identity, name))
        self._identities.update(identities)

    def hand_over(self, name: str) -> None:
        """Whoever comes next under this name is taken for the same account.  Raises JournalError."""
        with errors(self.path):
            if name not in self._accounts:
                known = ", ".join(sorted(self._accounts)) or "none"
                raise JournalError(f"the journal {self.path} has no account {name!r}; it has {known}")
            self._db.execute("update account set identity = '' where name = ?", (name,))

    def restore(self, names: Sequence[str]) -> dict[str, Restored]:
        """What is known of these accounts; those that were never here are missing."""
        with errors(self.path):
            found = {name: self._checkpoint(self._accounts[name]) for name in names if name in self._accounts}
            ended, entries = self._told_lately({self._accounts[name]: known for name, known in found.items()})
            return {
                name: self._restored(account, found[name], ended[account], entries[account])
                for name, account in self._accounts.items()
                if name in found
            }

    def _checkpoint(self, account: int) -> Checkpoint:
        sql = "select good_ns, floor_ns, guessed, balances, eras, late from account where id = ?"
        good_ns, floor_ns, guessed, balances, eras, late = self._one(sql, (account,))
        self._good_ns[account] = good_ns
        return Checkpoint(
            good_ns=good_ns,
            floor_ns=floor_ns,
            guessed=bool(guessed),
            balances=decode_balances(balances),
            eras=decode_eras(eras),
            late=decode_late(late),
        )

    def _told_lately(self, found: Mapping[int, Checkpoint]) -> tuple[_Ended, dict[int, dict[FillKey, Entry]]]:
        """What a look-back may bring again, of each account: the last records of orders that ended, and executions.

        The newest come first; those that had their ids in a former epoch are left out.
        """
        ended: _Ended = {account: {} for account in found}
        entries: dict[int, dict[FillKey, Entry]] = {account: {} for account in found}
        since_ns = {account: checkpoint.good_ns - MARGIN_NS for account, checkpoint in found.items()}
        seen: dict[int, set[OrderKey]] = {account: set() for account in found}
        rows = self._db.execute(
            "select account, kind, at_ns, payload from record "
            "where position > ? and kind in (?, ?) order by position desc",
            (self._before(min(since_ns.values(), default=self._at_ns + 1)), ORDER_UPDATE, FILL),
        )
        for account, kind, told_ns, payload in rows:
            if account not in found or told_ns < since_ns[account]:
                continue
            if kind == FILL:
                entry, epoch = decode_entry(payload)
                if _era(found[account], entry.key.venue_symbol).has(epoch, entry.time_ns):
                    entries[account][entry.key] = entry
            elif len(ended[account]) < MAX_CLOSED + MAX_ENDED:  # the ledger keeps no more
                key, has_ended, epoch, changed_ns = decode_order(payload)
                if key not in seen[account]:
                    seen[account].add(key)
                    if has_ended and _era(found[account], key.venue_symbol).has(epoch, changed_ns):
                        ended[account][key] = payload
        return ended, entries

    def _restored(
        self,
        account: int,
        checkpoint: Checkpoint,
        ended: dict[OrderKey, bytes],
        entries: dict[FillKey, Entry],
    ) -> Restored:
        last = (decode(ORDER_UPDATE, payload) for payload in reversed(ended.values()))
        closed = [event.state for event in last if isinstance(event, OrderUpdate)]
        working = self._db.execute("select state from open_order where account = ?", (account,))
        orders = [*closed, *(decode_state(blob) for (blob,) in working)]
        for state in orders:
            era = _era(checkpoint, state.key.venue_symbol)
            entries.update((entry.key, entry) for entry in self._entries(account, state.key, era))
        symbols = self._db.execute("select name from symbol where account = ? order by position", (account,))
        return Restored(
            checkpoint=checkpoint,
            symbols=tuple(symbol for (symbol,) in symbols),
            orders=tuple(orders),
            entries=tuple(sorted(entries.values(), key=lambda entry: entry.time_ns)),
        )

    def _entries(self, account: int, key: OrderKey, era: Era) -> Iterator[Entry]:
        """All fills of this order, however old."""
        if key.kind is not OrderKind.ORDER:
            return
        rows = self._db.execute(
            "select trade_id, quantity, time_ns, epoch from fill where account = ? and symbol = ? and order_id = ?",
            (account, key.venue_symbol, key.order_id),
        )
        for trade_id, quantity, time_ns, epoch in rows:
            if era.has(epoch, time_ns):
                yield Entry(FillKey(key.venue_symbol, trade_id, key.order_id), Decimal(quantity), time_ns)


def events_of(db: sqlite3.Connection, after: int | None = None) -> Iterator[tuple[str, Event]]:
    """Every event after this position (None: all that are kept), with its account.

    It takes some at a time, and so never keeps the writer from tidying its file.  Raises SlowConsumer if events that
    it should have given have been let go.
    """
    while True:
        rows = db.execute(
            "select position, name, kind, payload from record join account on account.id = record.account "
            "where position > ? order by position limit ?",
            (after or 0, CHUNK),
        ).fetchall()
        (floor,) = db.execute("select floor from span").fetchone()
        if after is not None and after < floor:
            raise SlowConsumer(after, floor)
        for _, name, kind, payload in rows:
            yield name, decode(kind, payload)
        if not rows:
            return
        after = rows[-1][0]


def _era(checkpoint: Checkpoint, symbol: str) -> Era:
    return checkpoint.eras.get(symbol, FIRST)


def _order_id(key: OrderKey) -> tuple[str, str, str]:
    return key.venue_symbol, key.order_id, KIND_WORDS[key.kind]
